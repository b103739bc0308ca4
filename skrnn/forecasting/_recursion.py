"""Forecasts from several origins at once: predictions are fed back as the rows that follow, block after block."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack
from sklearn.pipeline import Pipeline

from skrnn._inputs._messages import own_data
from skrnn.forecasting._models import (
    is_row_by_row,
    members_of,
    n_features_per_timestep,
    n_history_rows,
    point_forecasts,
    reads_sequences,
)
from skrnn.forecasting._rows import Rows
from skrnn.forecasting._tables import Table, numbers, take, with_columns


def roll(model: Any, rows: Rows, origins: NDArray[np.intp], n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from each of these rows, (n_origins, n_steps, n_series); none sees a series after its origin."""
    way = _roll_stream if reads_sequences(model) else _roll_windows
    return way(model, rows, origins, n_steps)


def roll_members(
    model: Any, rows: Rows, origins: NDArray[np.intp], n_steps: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Return forecasts as `roll` does, and the standard deviations of those of the members, in the same shape.

    Each member is fed with its own forecasts, so that the deviations grow with the steps.
    """
    of_members = [roll(member, rows, origins, n_steps) for member in members_of(model)]
    return roll(model, rows, origins, n_steps), np.std(of_members, axis=0)


def predictions_at(model: Any, rows: Rows, origins: NDArray[np.intp]) -> NDArray[np.floating]:
    """Return what the model itself predicts at each of these rows, (n_origins, ...)."""
    if reads_sequences(model):
        return _stream_to(model, rows, origins)[0]
    return _Windows(model, rows, origins).predict(np.empty((len(origins), 0, len(rows.series))))


def n_steps_at_once(model: Any, rows: Rows) -> int:
    """Return how many steps ahead the model predicts at once."""
    if reads_sequences(model):
        predictions = model.stream().predict(np.zeros((1, n_features_per_timestep(model))))
    else:
        predictions = predictions_at(model, rows, rows.timeline.lasts[:1])
    return point_forecasts(model, predictions, len(rows.series)).shape[1]


# A network that predicts at each timestep: its state is carried on from the end of the history.


def _roll_stream(model: Any, rows: Rows, origins: NDArray[np.intp], n_steps: int) -> NDArray[np.floating]:
    """Return forecasts as `roll` does; each history is read once, all of them side by side, for all origins."""
    predictions, states = _stream_to(model, rows, origins)
    n_ahead = min(n_steps, _n_ahead(rows, origins) + 1) - 1
    ahead = _timesteps(rows)[np.add.outer(origins, np.arange(1, n_ahead + 1))]
    return _continue_streams(model, predictions, states, ahead, rows.series, n_steps)


def _timesteps(rows: Rows) -> NDArray[np.floating]:
    """Return the rows as timesteps, (n_rows, n_columns)."""
    return numbers(rows.table, list(range(rows.table.shape[1])), "history")


def _stream_to(model: Any, rows: Rows, origins: NDArray[np.intp]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return predictions and states of the model at these rows, one per origin.

    A masked timestep has the prediction of the one before.
    """
    timesteps, timeline = _timesteps(rows), rows.timeline
    n_features = n_features_per_timestep(model)
    if timesteps.shape[1] != n_features:
        raise ValueError(f"history has {timesteps.shape[1]} columns; expected {n_features}, as in training.")
    groups, places = timeline.groups_of(origins), timeline.places(origins)
    stream = model.stream(len(timeline.firsts))
    latest: Any = np.nan
    predictions, states = [], []
    for t in range(places.max() + 1):
        timestep = timesteps[np.minimum(timeline.firsts + t, timeline.lasts)]
        timestep[timeline.firsts + t > timeline.lasts] = np.nan  # a sequence that has ended keeps its state
        prediction = stream.predict(timestep)
        latest = np.where(np.isnan(prediction), latest, prediction)
        here = groups[places == t]
        predictions.append(latest[here])
        states.append(stream.state[here] if len(here) else stream.state[:0])
    as_they_came = np.argsort(np.argsort(places, kind="stable"))
    return np.concatenate(predictions)[as_they_came], np.concatenate(states)[as_they_came]


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


def _n_ahead(rows: Rows, origins: NDArray[np.intp]) -> int:
    """Return how many rows that are known in all but the series come after each of these, at the least."""
    return int((rows.ends[rows.timeline.groups_of(origins)] - origins).min())


def _check_ahead(n_ahead: int, n_steps: int, n_at_once: int) -> int:
    """Return how many of the rows ahead come before the last block of forecasts; raise if there are fewer."""
    n_fed = (n_steps - 1) // n_at_once * n_at_once
    if n_ahead < n_fed:
        raise ValueError(f"exog has {n_ahead} rows; expected at least {n_fed}, those before the last forecasts.")
    return n_fed


# A model of rows, or of windows that a pipeline makes of them.

#: At how many rows a single forecast checks that windows are all that the model looks at, or in how many groups, and at
#: how many origins a backtest does.
_N_TRIED, _N_TRIED_ORIGINS = 8, 100


@own_data()
def _final_input(model: Any, table: Table, ends: NDArray[np.intp]) -> Any:
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


def _roll_windows(model: Any, rows: Rows, origins: NDArray[np.intp], n_steps: int) -> NDArray[np.floating]:
    """Return forecasts as `roll` does, block after block, each of a single prediction for all origins."""
    windows = _Windows(model, rows, origins)
    paths = np.empty((len(origins), 0, len(rows.series)))
    while paths.shape[1] < n_steps:
        block = point_forecasts(model, windows.predict(paths), len(rows.series))
        if paths.shape[1] == 0:
            _check_ahead(_n_ahead(rows, origins), n_steps, block.shape[1])
        paths = np.concatenate([paths, block], axis=1)
    return paths[:, :n_steps]


class _Windows:
    """What a model looks at from each of some origins: a window of rows where that is enough, else all rows before."""

    def __init__(self, model: Any, rows: Rows, origins: NDArray[np.intp]) -> None:
        self.model, self.rows, self.origins = model, rows, origins
        self.n_window = n_history_rows(model) + 1
        has_window = rows.timeline.places(origins) + 1 >= self.n_window
        ready = np.flatnonzero(has_window)
        if len(ready) and not self._windows_suffice(origins[ready]):
            ready = ready[:0]
        self.ready, self.early = ready, np.setdiff1d(np.arange(len(origins)), ready)

    @own_data()
    def predict(self, paths: NDArray[np.floating]) -> Any:
        """Return the model's predictions after forecasts (n_origins, n_done, n_series) from each origin."""
        pieces = [self._rows_before(self.ready, paths)] if len(self.ready) else []
        pieces += [self._rows_before(self.early[i : i + 1], paths) for i in range(len(self.early))]
        seen = [_final_input(self.model, table, ends) for table, ends in pieces]
        joined = seen[0] if len(seen) == 1 else _joined(seen)
        estimator = _split(self.model)[1]
        predictions = np.asarray(estimator.predict(joined) if is_row_by_row(estimator) else joined)
        return predictions[np.argsort(np.concatenate([self.ready, self.early]))]

    def _rows_before(self, chosen: NDArray[np.intp], paths: NDArray[np.floating]) -> tuple[Table, NDArray[np.intp]]:
        """Return the rows before the next block of the chosen origins, and where those of each origin end.

        The rows after an origin hold its own forecasts.
        """
        origins, n_done = self.origins[chosen], paths.shape[1]
        rows, timeline = self.rows, self.rows.timeline
        if n_done == 0 and len(timeline.firsts) == 1:  # no need of a copy of each window
            return rows.take(range(origins[-1] + 1)), origins
        is_ready = len(self.ready) > 0 and chosen[0] == self.ready[0]
        n_rows = self.n_window if is_ready else int(timeline.places(origins)[0]) + 1 + n_done
        positions = np.add.outer(origins, np.arange(n_done + 1 - n_rows, n_done + 1))
        n_new = min(n_done, n_rows)
        values = rows.values[positions]
        values[:, n_rows - n_new :] = paths[chosen, n_done - n_new :]
        columns = list(values.reshape(positions.size, -1).T)
        table = with_columns(rows.take(positions.ravel()), rows.series, columns)
        return table, np.arange(n_rows - 1, positions.size, n_rows)

    def _windows_suffice(self, ends: NDArray[np.intp]) -> bool:
        """Tell whether the model sees the same with the last `n_window` rows as with all rows, at some of these ends.

        The windows of all ends are read one after another: a transformer that looks further back, or ahead, or at all
        rows at once gives something else there.
        """
        timeline, rows = self.rows.timeline, self.rows
        groups = timeline.groups_of(ends)
        tried = np.unique(groups)
        tried = tried[:: -(-len(tried) // _N_TRIED)]
        ends = ends[np.isin(groups, tried)]
        if len(ends) == 1:
            ends = np.arange(max(timeline.firsts[tried[0]] + self.n_window - 1, ends[0] + 1 - _N_TRIED), ends[0] + 1)
        ends = ends[:: -(-len(ends) // _N_TRIED_ORIGINS)]
        windows = rows.take(np.add.outer(ends, np.arange(1 - self.n_window, 1)).ravel())
        try:
            from_windows = _final_input(self.model, windows, np.arange(self.n_window - 1, len(windows), self.n_window))
        except ValueError:  # too few rows for it; any other error will come from all rows too
            return False
        from_all = []
        for group in np.unique(timeline.groups_of(ends)):
            first, of_group = timeline.firsts[group], ends[timeline.groups_of(ends) == group]
            from_all.append(_final_input(self.model, rows.take(range(first, of_group[-1] + 1)), of_group - first))
        return _are_same(from_windows, from_all[0] if len(from_all) == 1 else _joined(from_all))


def _joined(seen: list[Any]) -> Any:
    """Return arrays, DataFrames or sparse matrices, one below the other."""
    if hasattr(seen[0], "iloc"):
        import pandas as pd

        return pd.concat(seen)
    return vstack(seen).tocsr() if hasattr(seen[0], "toarray") else np.concatenate(seen)


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
