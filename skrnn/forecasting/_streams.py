"""Forecasts of a recurrent network that predicts at each timestep: its state continues from where the history ends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn.forecasting._models import point_forecasts
from skrnn.forecasting._rows import Rows
from skrnn.forecasting._tables import numbers


def roll_stream(model: Any, rows: Rows, origins: range, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from each of these rows, (n_origins, n_steps, n_series); the history is read once for all."""
    timesteps = numbers(rows.table, list(range(rows.table.shape[1])), "history")
    predictions, states = predictions_at(model, timesteps[:, np.newaxis], origins)
    n_ahead = min(n_steps, len(timesteps) - origins[-1]) - 1
    ahead = timesteps[np.add.outer(origins, np.arange(1, n_ahead + 1))]
    return _continued(model, predictions, states, ahead, rows.series, n_steps)


def roll_sequences(model: Any, sequences: Sequence[NDArray[Any]], exog: Any, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from the end of each sequence (n_timesteps, n_columns), (n_sequences, n_steps, n_series).

    `exog` is an array (n_sequences, n_ahead, n_exog) or None.
    """
    n_columns = sequences[0].shape[1]
    n_timesteps = max(len(sequence) for sequence in sequences)
    timesteps = np.full((n_timesteps, len(sequences), n_columns), np.nan)
    for i, sequence in enumerate(sequences):
        timesteps[n_timesteps - len(sequence) :, i] = sequence  # a stream does not move where all is NaN
    predictions, states = predictions_at(model, timesteps, range(n_timesteps - 1, n_timesteps))
    n_exog = 0 if exog is None else exog.shape[2]
    ahead = np.zeros((len(sequences), n_steps - 1 if exog is None else min(exog.shape[1], n_steps), n_columns))
    if exog is not None:
        ahead[:, :, n_columns - n_exog :] = exog[:, : ahead.shape[1]]
    return _continued(model, predictions, states, ahead, list(range(n_columns - n_exog)), n_steps)


def predictions_at(model: Any, timesteps: NDArray[Any], ends: range) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return predictions and states of the model at these timesteps, one row per sequence and end.

    `timesteps` are (n_timesteps, n_sequences, n_columns). A masked timestep has the prediction of the one before.
    """
    n_features = model.input_weights_[0].shape[1]
    if timesteps.shape[2] != n_features:
        raise ValueError(f"history has {timesteps.shape[2]} columns; expected {n_features}, as in training.")
    stream = model.stream(timesteps.shape[1])
    predictions, states = [], []
    latest: Any = np.nan
    for t in range(ends[-1] + 1):
        prediction = stream.predict(timesteps[t])
        latest = np.where(np.isnan(prediction), latest, prediction)
        if t in ends:
            predictions.append(latest)
            states.append(stream.state)
    return np.concatenate(predictions), np.concatenate(states)


def stream_horizon(model: Any, rows: Rows) -> int:
    """Return how many steps ahead the model predicts at each timestep."""
    prediction = model.stream().predict(np.zeros((1, model.input_weights_[0].shape[1])))
    return point_forecasts(model, prediction, len(rows.series)).shape[1]


def _continued(
    model: Any,
    predictions: NDArray[Any],
    states: NDArray[Any],
    ahead: NDArray[Any],
    series: Sequence[int],
    n_steps: int,
) -> NDArray[np.floating]:
    """Return forecasts of sequences that run side by side, each fed with its own.

    `ahead`, (n_sequences, n_ahead, n_columns), are the timesteps that follow; what they hold in the columns of the
    `series` does not count.
    """
    paths = point_forecasts(model, predictions, len(series))
    horizon = paths.shape[1]
    n_needed = (n_steps - 1) // horizon * horizon
    if ahead.shape[1] < n_needed:
        raise ValueError(
            f"exog has {ahead.shape[1]} rows; expected at least {n_needed}, those before the last forecasts."
        )
    stream = model.stream(len(paths))
    stream.state = states
    for t in range(n_needed):
        timestep = ahead[:, t].copy()
        timestep[:, series] = paths[:, t]
        prediction = stream.predict(timestep)
        if t + 1 == paths.shape[1]:
            paths = np.concatenate([paths, point_forecasts(model, prediction, len(series))], axis=1)
    return paths[:, :n_steps]
