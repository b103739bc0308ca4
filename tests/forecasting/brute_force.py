"""Forecasts as one would write them down: predict from all rows, append, and again."""

import numpy as np


def brute_force(model, history, n_steps, exog=None):
    """Return forecasts (n_steps, n_series) of a model that reads arrays, asked with all rows for each block."""
    rows = np.asarray(history, dtype=float).reshape(len(history), -1)
    n_exog = 0 if exog is None else exog.shape[1]
    n_series = rows.shape[1] - n_exog
    path = np.empty((0, n_series))
    while len(path) < n_steps:
        block = np.asarray(model.predict(rows))[-1].reshape(-1, n_series)
        ahead = np.zeros((len(block), n_exog))
        if n_exog:
            known = exog[len(path) : len(path) + len(block)]
            ahead[: len(known)] = known
        path = np.concatenate([path, block])
        rows = np.concatenate([rows, np.column_stack([block, ahead])])
    return path[:n_steps]
