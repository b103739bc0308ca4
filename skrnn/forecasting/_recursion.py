"""Forecasts from several origins at once: predictions are fed back as the rows that follow, block after block."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from skrnn._inputs._warnings import own_data
from skrnn.forecasting._models import (
    is_row_by_row,
    n_features_per_timestep,
    n_history_rows,
    point_forecasts,
    reads_sequences,
)
from skrnn.forecasting._tables import Rows, Table, numbers, take, with_columns


def roll(model: Any, rows: Rows, origins: range, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from each of these rows, (n_origins, n_steps, n_series); none sees a series after its origin."""
    way = _roll_stream if reads_sequences(model) else _roll_windows
    return way(model, rows, origins, n_steps)


def last_predictions(model: Any, rows: Rows) -> NDArray[np.floating]:
    """Return what the model itself predicts at the last known row, (1, ...)."""
    last = range(rows.n_known - 1, rows.n_known)
    if not reads_sequences(model):
        return np.asarray(_predict_at(model, rows.known, last))
    return _stream_to(model, _timesteps(rows.known), last)[0]


def n_steps_at_once(model: Any, rows: Rows) -> int:
    """Return how many steps ahead the model predicts at once."""
    if reads_sequences(model):
        predictions = model.stream().predict(np.zeros((1, n_features_per_timestep(model))))
    else:
        predictions = last_predictions(model, rows)
    return point_forecasts(model, predictions, len(rows.series)).shape[1]


def roll_sequences(model: Any, sequences: Sequence[NDArray[Any]], exog: Any, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from the end of each sequence (n_timesteps, n_columns), (n_sequences, n_steps, n_series).

    `exog` is an array (n_sequences, n_ahead, n_exog) or None.
    """
    n_columns = sequences[0].shape[1]
    n_timesteps = max(len(sequence) for sequence in sequences)
    timesteps = np.full((n_timesteps, len(sequences), n_columns), np.nan)
    for i, sequence in enumerate(sequences):
        timesteps[n_timesteps - len(sequence) :, i] = sequence  # a stream does not move where all is NaN
    predictions, states = _stream_to(model, timesteps, range(n_timesteps - 1, n_timesteps))
    n_exog = 0 if exog is None else exog.shape[2]
    ahead = np.zeros((len(sequences), n_steps - 1 if exog is None else min(exog.shape[1], n_steps), n_columns))
    if exog is not None:
        ahead[:, :, n_columns - n_exog :] = exog[:, : ahead.shape[1]]
    return _continue_streams(model, predictions, states, ahead, list(range(n_columns - n_exog)), n_steps)


# A network that predicts at each timestep: its state is carried on from the end of the history.


def _roll_stream(model: Any, rows: Rows, origins: range, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts as `roll` does; the history is read once for all origins."""
    timesteps = _timesteps(rows.table)
    predictions, states = _stream_to(model, timesteps, origins)
    n_ahead = min(n_steps, len(timesteps) - origins[-1]) - 1
    ahead = timesteps[np.add.outer(origins, np.arange(1, n_ahead + 1)), 0]
    return _continue_streams(model, predictions, states, ahead, rows.series, n_steps)


def _timesteps(table: Table) -> NDArray[np.floating]:
    """Return the rows of a table as timesteps of one sequence, (n_rows, 1, n_columns)."""
    return numbers(table, list(range(table.shape[1])), "history")[:, np.newaxis]


def _stream_to(model: Any, timesteps: NDArray[Any], ends: range) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return predictions and states of the model at these timesteps, one row per sequence and end.

    `timesteps` are (n_timesteps, n_sequences, n_columns). A masked timestep has the prediction of the one before.
    """
    n_features = n_features_per_timestep(model)
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


def _continue_streams(
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
    n_fed = _check_ahead(ahead.shape[1], n_steps, paths.shape[1])
    stream = model.stream(len(paths))
    stream.state = states
    for t in range(n_fed):
        timestep = ahead[:, t].copy()
        timestep[:, series] = paths[:, t]
        prediction = stream.predict(timestep)
        if t + 1 == paths.shape[1]:
            paths = np.concatenate([paths, point_forecasts(model, prediction, len(series))], axis=1)
    return paths[:, :n_steps]


def _check_ahead(n_ahead: int, n_steps: int, n_at_once: int) -> int:
    """Return how many of the rows ahead come before the last block of forecasts; raise if there are fewer."""
    n_fed = (n_steps - 1) // n_at_once * n_at_once
    if n_ahead < n_fed:
        raise ValueError(f"exog has {n_ahead} rows; expected at least {n_fed}, those before the last forecasts.")
    return n_fed


# A model of rows, or of windows that a pipeline makes of them.

#: At how many rows a single forecast checks that windows are all that the model looks at, and at how many origins a
#: backtest does.
_N_TRIED, _N_TRIED_ORIGINS = 8, 100


@own_data()
def _predict_at(model: Any, table: Table, ends: range) -> Any:
    """Return the model's predictions at these rows of a table, whatever rows before them it looks at."""
    estimator = _split(model)[1]
    seen = _look_at(model, table, ends)
    return estimator.predict(seen) if is_row_by_row(estimator) else seen


@own_data()
def _look_at(model: Any, table: Table, ends: range) -> Any:
    """Return what the final estimator sees at these rows; its predictions, if it may look at rows before them."""
    transformers, estimator = _split(model)
    for transformer in transformers:
        table = transformer.transform(table)
    return take(table if is_row_by_row(estimator) else np.asarray(estimator.predict(table)), ends)


def _split(model: Any) -> tuple[list[Any], Any]:
    """Return (the transformers of a model's pipelines, the estimator behind them)."""
    steps: list[Any] = []
    while isinstance(model, Pipeline):
        steps += [step for _, step in model.steps[:-1]]
        model = model.steps[-1][1]
    return [step for step in steps if hasattr(step, "transform")], model  # others are "passthrough" or None


def _roll_windows(model: Any, rows: Rows, origins: range, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts as `roll` does: of all origins together that have a whole window, if windows suffice."""
    n_window = n_history_rows(model) + 1
    early = origins[: sum(origin + 1 < n_window for origin in origins)]
    ready = origins[len(early) :]
    together = []
    if len(ready) and _windows_suffice(model, rows, ready, n_window):
        together = [_roll_together(model, rows, ready, n_steps, n_window)]
    else:
        early = origins
    alone = [_roll_together(model, rows, range(origin, origin + 1), n_steps, None) for origin in early]
    return np.concatenate(alone + together)


def _windows_suffice(model: Any, rows: Rows, ends: range, n_window: int) -> bool:
    """Tell whether the model sees the same with the last `n_window` rows as with all rows, at some of these ends.

    The windows of all ends are read one after another: a transformer that looks further back, or ahead, or at all rows
    at once gives something else there.
    """
    if len(ends) == 1:
        ends = range(max(n_window - 1, ends[0] + 1 - _N_TRIED), ends[0] + 1)
    ends = ends[:: -(-len(ends) // _N_TRIED_ORIGINS)]
    positions = np.add.outer(ends, np.arange(1 - n_window, 1))
    windows = take(rows.known, positions.ravel())
    try:
        from_windows = _look_at(model, windows, range(n_window - 1, len(windows), n_window))
    except ValueError:  # too few rows for it; any other error will come from all rows too
        return False
    return _are_same(from_windows, _look_at(model, take(rows.known, range(ends[-1] + 1)), ends))


def _are_same(first: Any, second: Any) -> bool:
    """Tell whether two arrays, DataFrames or sparse matrices are equal but for rounding."""
    first, second = (np.asarray(seen.toarray() if hasattr(seen, "toarray") else seen) for seen in (first, second))
    if first.dtype.kind != "f":
        return bool(np.array_equal(first, second))
    is_missing = np.isnan(first)
    if not np.array_equal(is_missing, np.isnan(second)):
        return False
    first, second = np.where(is_missing, 0.0, first), np.where(is_missing, 0.0, second)
    tolerance = np.sqrt(np.finfo(first.dtype).eps) * np.abs(second).max(axis=0)  # of each feature, whatever its unit
    return bool((np.abs(first - second) <= tolerance).all())


def _roll_together(model: Any, rows: Rows, origins: range, n_steps: int, n_window: int | None) -> NDArray[np.floating]:
    """Return forecasts from each origin, block after block, from `n_window` rows each, or for None from all rows."""
    n_series = len(rows.series)
    known = take(rows.known, range(origins[-1] + 1))
    paths = point_forecasts(model, _predict_at(model, known, origins), n_series)
    _check_ahead(len(rows.table) - 1 - origins[-1], n_steps, paths.shape[1])
    while paths.shape[1] < n_steps:
        table, ends = _followed(rows, origins, paths, n_window)
        block = point_forecasts(model, _predict_at(model, table, ends), n_series)
        paths = np.concatenate([paths, block], axis=1)
    return paths[:, :n_steps]


def _followed(rows: Rows, origins: range, paths: NDArray[Any], n_window: int | None) -> tuple[Table, range]:
    """Return the rows before the next block, origin after origin, and where those of each origin end.

    The rows after an origin hold its own forecasts, `paths` (n_origins, n_done, n_series).
    """
    n_done = paths.shape[1]
    n_rows = n_window or origins[0] + 1 + n_done
    positions = np.add.outer(origins, np.arange(n_done + 1 - n_rows, n_done + 1))
    n_new = min(n_done, n_rows)
    values = rows.values[positions]
    values[:, n_rows - n_new :] = paths[:, n_done - n_new :]
    columns = list(values.reshape(positions.size, -1).T)
    table = with_columns(take(rows.table, positions.ravel()), rows.series, columns)
    return table, range(n_rows - 1, positions.size, n_rows)
