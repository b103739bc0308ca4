"""The simple recurrent unit as loops; `SimpleCell` has the equation and its source."""

import numpy as np

from skrnn.cells._loops import ONE, ZERO, Loops, tanh, whole


def advance(record: np.ndarray, h: np.ndarray, c: np.ndarray, new_h: np.ndarray, new_c: np.ndarray) -> None:
    """Write tanh(record) into `new_h`."""
    hidden_size, n_running = new_h.shape
    record, new_h = whole(record), whole(new_h)
    for u in range(hidden_size):
        for b in range(n_running):
            new_h[u, b] = tanh(record[0, u, b])


def advance_relu(record: np.ndarray, h: np.ndarray, c: np.ndarray, new_h: np.ndarray, new_c: np.ndarray) -> None:
    """Write relu(record) into `new_h`; NaN remains."""
    hidden_size, n_running = new_h.shape
    record, new_h = whole(record), whole(new_h)
    for u in range(hidden_size):
        for b in range(n_running):
            new_h[u, b] = ZERO if record[0, u, b] < ZERO else record[0, u, b]


def linearise(
    records: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    new_h: np.ndarray,
    new_c: np.ndarray,
    coefficients: np.ndarray,
) -> None:
    """Write d new_h / d pre-activation, 1 - new_h^2, into `coefficients`."""
    n_steps, hidden_size, n_running = new_h.shape
    for t in range(n_steps):
        state, slope = whole(new_h[t]), whole(coefficients[t])
        for u in range(hidden_size):
            for b in range(n_running):
                slope[0, u, b] = ONE - state[u, b] * state[u, b]


def linearise_relu(
    records: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    new_h: np.ndarray,
    new_c: np.ndarray,
    coefficients: np.ndarray,
) -> None:
    """Write d new_h / d pre-activation, 1 or 0, into `coefficients`."""
    n_steps, hidden_size, n_running = new_h.shape
    for t in range(n_steps):
        state, slope = whole(new_h[t]), whole(coefficients[t])
        for u in range(hidden_size):
            for b in range(n_running):
                slope[0, u, b] = ONE if state[u, b] > ZERO else ZERO


def backward(coefficients: np.ndarray, d_h: np.ndarray, d_c: np.ndarray, d_preactivations: np.ndarray) -> None:
    """Write slope * d_h into `d_preactivations`."""
    hidden_size, n_running = d_h.shape
    slope, d_h, d = whole(coefficients), whole(d_h), whole(d_preactivations)
    for u in range(hidden_size):
        for b in range(n_running):
            d[0, u, b] = slope[0, u, b] * d_h[u, b]


def tangent(coefficients: np.ndarray, t_preactivations: np.ndarray, t_h: np.ndarray, t_c: np.ndarray) -> None:
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
