"""Long short-term memory as loops; `LSTMCell` has the equations and their sources."""

from skrnn.cells._base import Array
from skrnn.cells._loops import Loops, sigmoid, tanh, whole


def advance(record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
    """Write h_t and c_t into `new_h` and `new_c`; `record` becomes [i, o, f, g, tanh(c_t)]."""
    hidden_size, n_running = new_h.shape
    record, c, new_h, new_c = whole(record), whole(c), whole(new_h), whole(new_c)
    for u in range(hidden_size):
        for b in range(n_running):
            i, o, f = sigmoid(record[0, u, b]), sigmoid(record[1, u, b]), sigmoid(record[2, u, b])
            g = tanh(record[3, u, b])
            c_t = f * c[u, b] + i * g
            tanh_c = tanh(c_t)
            new_h[u, b], new_c[u, b] = o * tanh_c, c_t
            record[0, u, b], record[1, u, b], record[2, u, b], record[3, u, b], record[4, u, b] = i, o, f, g, tanh_c


def linearise(records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
    """Write d c_t / d (i, f, g), d h_t / d o, d h_t / d c_t and the path f of the cell state."""
    n_steps, hidden_size, n_running = new_h.shape
    for t in range(n_steps):
        record, before, k = whole(records[t]), whole(c[t]), whole(coefficients[t])
        for u in range(hidden_size):
            for b in range(n_running):
                i, o, f, g, tanh_c = record[0, u, b], record[1, u, b], record[2, u, b], record[3, u, b], record[4, u, b]
                k[0, u, b] = (i - i * i) * g
                k[1, u, b] = (o - o * o) * tanh_c
                k[2, u, b] = (f - f * f) * before[u, b]
                k[3, u, b] = i - i * g * g
                k[4, u, b] = o - o * tanh_c * tanh_c
                k[5, u, b] = f


def backward(coefficients: Array, d_h: Array, d_c: Array, d_preactivations: Array) -> None:
    """Write the gradient on [i, o, f, g] into `d_preactivations`, and take `d_c` one timestep back."""
    hidden_size, n_running = d_h.shape
    k, d_h, d_c, d = whole(coefficients), whole(d_h), whole(d_c), whole(d_preactivations)
    for u in range(hidden_size):
        for b in range(n_running):
            on_h = d_h[u, b]
            on_c = d_c[u, b] + k[4, u, b] * on_h
            d[0, u, b] = k[0, u, b] * on_c
            d[1, u, b] = k[1, u, b] * on_h
            d[2, u, b] = k[2, u, b] * on_c
            d[3, u, b] = k[3, u, b] * on_c
            d_c[u, b] = k[5, u, b] * on_c


def tangent(coefficients: Array, t_preactivations: Array, t_h: Array, t_c: Array) -> None:
    """Take `t_c` along its path, add what comes through the gates, and write into `t_h` what follows."""
    hidden_size, n_running = t_h.shape
    k, t, t_h, t_c = whole(coefficients), whole(t_preactivations), whole(t_h), whole(t_c)
    for u in range(hidden_size):
        for b in range(n_running):
            of_gates = k[0, u, b] * t[0, u, b] + k[2, u, b] * t[2, u, b] + k[3, u, b] * t[3, u, b]
            t_c[u, b] = k[5, u, b] * t_c[u, b] + of_gates
            t_h[u, b] = k[4, u, b] * t_c[u, b] + k[1, u, b] * t[1, u, b]


LOOPS = {"tanh": Loops(advance, linearise, backward, tangent)}
