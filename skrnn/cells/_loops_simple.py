"""The simple recurrent unit as loops; `SimpleCell` has the equation and its source."""

from skrnn.cells._base import Array
from skrnn.cells._loops import ONE, ZERO, Loops, tanh, whole


def advance(record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
    """Write tanh(record) into `new_h`."""
    hidden_size, n_running = new_h.shape
    record, new_h = whole(record), whole(new_h)
    for u in range(hidden_size):
        for b in range(n_running):
            new_h[u, b] = tanh(record[0, u, b])


def advance_relu(record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
    """Write relu(record) into `new_h`; NaN remains."""
    hidden_size, n_running = new_h.shape
    record, new_h = whole(record), whole(new_h)
    for u in range(hidden_size):
        for b in range(n_running):
            new_h[u, b] = ZERO if record[0, u, b] < ZERO else record[0, u, b]


def linearise(records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
    """Write d new_h / d pre-activation, 1 - new_h^2, into `coefficients`."""
    n_steps, hidden_size, n_running = new_h.shape
    for t in range(n_steps):
        state, slope = whole(new_h[t]), whole(coefficients[t])
        for u in range(hidden_size):
            for b in range(n_running):
                slope[0, u, b] = ONE - state[u, b] * state[u, b]


def linearise_relu(records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
    """Write d new_h / d pre-activation, 1 or 0, into `coefficients`."""
    n_steps, hidden_size, n_running = new_h.shape
    for t in range(n_steps):
        state, slope = whole(new_h[t]), whole(coefficients[t])
        for u in range(hidden_size):
            for b in range(n_running):
                slope[0, u, b] = ONE if state[u, b] > ZERO else ZERO


def backward(coefficients: Array, d_h: Array, d_c: Array, d_preactivations: Array) -> None:
    """Write slope * d_h into `d_preactivations`."""
    hidden_size, n_running = d_h.shape
    slope, d_h, d = whole(coefficients), whole(d_h), whole(d_preactivations)
    for u in range(hidden_size):
        for b in range(n_running):
            d[0, u, b] = slope[0, u, b] * d_h[u, b]


def tangent(coefficients: Array, t_preactivations: Array, t_h: Array, t_c: Array) -> None:
    """Write slope * t_preactivations into `t_h`."""
    hidden_size, n_running = t_h.shape
    slope, t, t_h = whole(coefficients), whole(t_preactivations), whole(t_h)
    for u in range(hidden_size):
        for b in range(n_running):
            t_h[u, b] = slope[0, u, b] * t[0, u, b]


LOOPS = {
    "tanh": Loops(advance, linearise, backward, tangent),
    "relu": Loops(advance_relu, linearise_relu, backward, tangent),
}
