"""The gated recurrent unit as loops; `GRUCell` has the equations and their sources."""

from skrnn.cells._base import Array
from skrnn.cells._loops import ONE, Loops, sigmoid, tanh, whole


def advance(record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
    """Write h_t into `new_h`; `record` becomes [q, z, r, n]."""
    hidden_size, n_running = new_h.shape
    record, h, new_h = whole(record), whole(h), whole(new_h)
    for u in range(hidden_size):
        for b in range(n_running):
            z, r = sigmoid(record[1, u, b]), sigmoid(record[2, u, b])
            n = tanh(record[3, u, b] + r * record[0, u, b])
            new_h[u, b] = n + z * (h[u, b] - n)
            record[1, u, b], record[2, u, b], record[3, u, b] = z, r, n


def linearise(records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
    """Write d h_t / d (q, z, r, a) and the direct path z into `coefficients`."""
    n_steps, hidden_size, n_running = new_h.shape
    for t in range(n_steps):
        record, before, k = whole(records[t]), whole(h[t]), whole(coefficients[t])
        for u in range(hidden_size):
            for b in range(n_running):
                q, z, r, n = record[0, u, b], record[1, u, b], record[2, u, b], record[3, u, b]
                k_a = (ONE - z) * (ONE - n * n)
                k[0, u, b] = k_a * r
                k[1, u, b] = (z - z * z) * (before[u, b] - n)
                k[2, u, b] = (r - r * r) * k_a * q
                k[3, u, b] = k_a
                k[4, u, b] = z


def backward(coefficients: Array, d_h: Array, d_c: Array, d_preactivations: Array) -> None:
    """Write the gradient on [q, z, r, a] into `d_preactivations`; what flows around the gates remains in `d_h`."""
    hidden_size, n_running = d_h.shape
    k, d_h, d = whole(coefficients), whole(d_h), whole(d_preactivations)
    for u in range(hidden_size):
        for b in range(n_running):
            on_h = d_h[u, b]
            d[0, u, b] = k[0, u, b] * on_h
            d[1, u, b] = k[1, u, b] * on_h
            d[2, u, b] = k[2, u, b] * on_h
            d[3, u, b] = k[3, u, b] * on_h
            d_h[u, b] = k[4, u, b] * on_h


def tangent(coefficients: Array, t_preactivations: Array, t_h: Array, t_c: Array) -> None:
    """Add up in `t_h` what comes around the gates and through each of them."""
    hidden_size, n_running = t_h.shape
    k, t, t_h = whole(coefficients), whole(t_preactivations), whole(t_h)
    for u in range(hidden_size):
        for b in range(n_running):
            of_half = k[0, u, b] * t[0, u, b]
            of_gates = k[1, u, b] * t[1, u, b] + k[2, u, b] * t[2, u, b] + k[3, u, b] * t[3, u, b]
            t_h[u, b] = k[4, u, b] * t_h[u, b] + of_half + of_gates


LOOPS = {"tanh": Loops(advance, linearise, backward, tangent)}
