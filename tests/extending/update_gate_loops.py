"""The compiled form of the update gate unit: the page on extending shows it."""

from skrnn.cells._loops import ONE, Loops, sigmoid, tanh, whole


def advance(record, h, c, new_h, new_c):
    """Write h_t into `new_h`; `record` becomes [z, n]."""
    hidden_size, n_running = new_h.shape
    record, h, new_h = whole(record), whole(h), whole(new_h)
    for u in range(hidden_size):
        for b in range(n_running):
            z, n = sigmoid(record[0, u, b]), tanh(record[1, u, b])
            new_h[u, b] = n + z * (h[u, b] - n)
            record[0, u, b], record[1, u, b] = z, n


def linearise(records, h, c, new_h, new_c, coefficients):
    """Write d h_t / d (a_z, a_n) and the direct path z into `coefficients`."""
    n_steps, hidden_size, n_running = new_h.shape
    for t in range(n_steps):
        record, before, k = whole(records[t]), whole(h[t]), whole(coefficients[t])
        for u in range(hidden_size):
            for b in range(n_running):
                z, n = record[0, u, b], record[1, u, b]
                k[0, u, b] = (z - z * z) * (before[u, b] - n)
                k[1, u, b] = (ONE - z) * (ONE - n * n)
                k[2, u, b] = z


def backward(coefficients, d_h, d_c, d_preactivations):
    """Write the gradient on both pre-activations; what flows around the gates remains in `d_h`."""
    hidden_size, n_running = d_h.shape
    k, d_h, d = whole(coefficients), whole(d_h), whole(d_preactivations)
    for u in range(hidden_size):
        for b in range(n_running):
            on_h = d_h[u, b]
            d[0, u, b], d[1, u, b], d_h[u, b] = k[0, u, b] * on_h, k[1, u, b] * on_h, k[2, u, b] * on_h


def tangent(coefficients, t_preactivations, t_h, t_c):
    """Add up in `t_h` what comes around the gates and through them."""
    hidden_size, n_running = t_h.shape
    k, t, t_h = whole(coefficients), whole(t_preactivations), whole(t_h)
    for u in range(hidden_size):
        for b in range(n_running):
            t_h[u, b] = k[2, u, b] * t_h[u, b] + k[0, u, b] * t[0, u, b] + k[1, u, b] * t[1, u, b]


LOOPS = {"tanh": Loops(advance, linearise, backward, tangent)}
