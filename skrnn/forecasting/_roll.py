"""Forecasts from several origins, whichever way the model reads the rows before them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn.forecasting._models import reads_sequences
from skrnn.forecasting._rows import Rows
from skrnn.forecasting._streams import predictions_at, roll_stream, stream_horizon
from skrnn.forecasting._tables import numbers
from skrnn.forecasting._windows import horizon_of, predict_at, roll_windows


def roll(model: Any, rows: Rows, origins: range, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from each of these rows, (n_origins, n_steps, n_series); none sees a series after its origin."""
    way = roll_stream if reads_sequences(model) else roll_windows
    return way(model, rows, origins, n_steps)


def horizon(model: Any, rows: Rows) -> int:
    """Return how many steps ahead the model predicts at once."""
    return stream_horizon(model, rows) if reads_sequences(model) else horizon_of(model, rows)


def last_predictions(model: Any, rows: Rows) -> NDArray[np.floating]:
    """Return what the model itself predicts at the last known row, (1, ...)."""
    last = range(rows.n_known - 1, rows.n_known)
    if not reads_sequences(model):
        return np.asarray(predict_at(model, rows.known, last))
    timesteps = numbers(rows.known, list(range(rows.known.shape[1])), "history")
    return predictions_at(model, timesteps[:, np.newaxis], last)[0]
