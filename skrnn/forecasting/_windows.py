"""Forecasts of a model that reads rows, or windows that a pipeline makes of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from skrnn.forecasting._models import is_row_by_row, n_history_rows, point_forecasts
from skrnn.forecasting._rows import Rows
from skrnn.forecasting._tables import Table, take, with_columns

#: On how many rows a single forecast tries out whether windows are all that the model looks at, and at how many origins
#: a backtest does.
_N_TRIED, _N_TRIED_ORIGINS = 8, 100


def predict_at(model: Any, table: Table, ends: range) -> Any:
    """Return the model's predictions at these rows of a table, whatever rows before them it looks at."""
    estimator = final_estimator(model)
    seen = look_at(model, table, ends)
    return estimator.predict(seen) if is_row_by_row(estimator) else seen


def final_estimator(model: Any) -> Any:
    """Return what is left of a model behind the transformers of its pipelines."""
    while isinstance(model, Pipeline):
        model = model.steps[-1][1]
    return model


def look_at(model: Any, table: Table, ends: range) -> Any:
    """Return what the final estimator sees at these rows; its predictions, if it may look at rows before them."""
    estimator = model
    while isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            table = step.transform(table) if hasattr(step, "transform") else table  # else "passthrough" or None
        estimator = estimator.steps[-1][1]
    return take(table if is_row_by_row(estimator) else np.asarray(estimator.predict(table)), ends)


def horizon_of(model: Any, rows: Rows) -> int:
    """Return how many steps ahead the model predicts at once."""
    predictions = predict_at(model, rows.known, range(rows.n_known - 1, rows.n_known))
    return point_forecasts(model, predictions, len(rows.series)).shape[1]


def roll_windows(model: Any, rows: Rows, origins: range, n_steps: int) -> NDArray[np.floating]:
    """Return forecasts from each of these rows, (n_origins, n_steps, n_series); none sees a row after its own."""
    n_window = n_history_rows(model) + 1
    early = origins[: sum(origin + 1 < n_window for origin in origins)]
    ready = origins[len(early) :]
    together = []
    if len(ready) and _windows_suffice(model, rows, ready, n_window):
        together = [_roll(model, rows, ready, n_steps, n_window)]
    else:
        early = origins
    alone = [_roll(model, rows, range(origin, origin + 1), n_steps, None) for origin in early]
    return np.concatenate(alone + together)


def _windows_suffice(model: Any, rows: Rows, ends: range, n_window: int) -> bool:
    """Tell whether the model sees the same with the last `n_window` rows as with all rows, at some of these ends.

    With the windows of all ends one behind the other, what looks further back, or ahead, or at all rows at once, sees
    something else.
    """
    if len(ends) == 1:
        ends = range(max(n_window - 1, ends[0] + 1 - _N_TRIED), ends[0] + 1)
    ends = ends[:: -(-len(ends) // _N_TRIED_ORIGINS)]
    positions = np.add.outer(ends, np.arange(1 - n_window, 1))
    windows = take(rows.known, positions.ravel())
    try:
        from_windows = look_at(model, windows, range(n_window - 1, len(windows), n_window))
    except ValueError:  # too few rows to begin with: if it is something else, all rows will tell
        return False
    return _are_same(from_windows, look_at(model, take(rows.known, range(ends[-1] + 1)), ends))


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


def _roll(model: Any, rows: Rows, origins: range, n_steps: int, n_window: int | None) -> NDArray[np.floating]:
    """Return forecasts from each origin, block after block, from `n_window` rows each, or for None from all rows."""
    n_series = len(rows.series)
    known = take(rows.known, range(origins[-1] + 1))
    paths = point_forecasts(model, predict_at(model, known, origins), n_series)
    _check_ahead(rows, origins, (n_steps - 1) // paths.shape[1] * paths.shape[1])
    while paths.shape[1] < n_steps:
        table, ends = _followed(rows, origins, paths, n_window)
        block = point_forecasts(model, predict_at(model, table, ends), n_series)
        paths = np.concatenate([paths, block], axis=1)
    return paths[:, :n_steps]


def _check_ahead(rows: Rows, origins: range, n_needed: int) -> None:
    """Raise unless so many rows are there after the last origin."""
    n_ahead = len(rows.table) - 1 - origins[-1]
    if n_ahead < n_needed:
        raise ValueError(f"exog has {n_ahead} rows; expected at least {n_needed}, those before the last forecasts.")


def _followed(rows: Rows, origins: range, paths: NDArray[Any], n_window: int | None) -> tuple[Table, range]:
    """Return the rows that lead to the next block, origin after origin, and where those of each origin end.

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
