"""Metrics of forecasts in a long table, for each combination of step ahead, series and group."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn.metrics._mean_absolute_scaled_error import scaled
from skrnn.metrics._symmetric_percentage_error import symmetric_percentages

#: What needs intervals.
_OF_INTERVALS = ("pinball", "coverage", "width")


def _terms(metric: str, table: Mapping[str, Any]) -> NDArray[np.floating]:
    """Return the numbers of which a measure is the mean; of RMSE, it is the root of the mean."""
    truth, error = table["truth"], np.abs(table["truth"] - table["forecast"])
    if metric == "MASE":
        return scaled(error, table["scale"])
    if metric == "sMAPE":
        return symmetric_percentages(truth, table["forecast"])
    if metric not in _OF_INTERVALS:
        return error**2 if metric == "RMSE" else error
    lower, upper, outside = table["lower"], table["upper"], (1.0 - table["coverage"]) / 2.0
    if metric == "pinball":
        return (_pinball(truth - lower, outside) + _pinball(truth - upper, 1.0 - outside)) / 2.0
    inside = (lower <= truth) & (truth <= upper)
    return upper - lower if metric == "width" else np.where(np.isnan(lower), np.nan, inside)


def _pinball(errors: NDArray[np.floating], level: float) -> NDArray[np.floating]:
    """Return the pinball loss of forecasts of a quantile."""
    return np.maximum(level * errors, (level - 1.0) * errors)


def read_metrics(metrics: Any, has_intervals: bool, has_series: bool) -> dict[str, Any]:
    """Return the measures by the names of their columns, each a known name or a function."""
    known = ["MAE", "RMSE", *["MASE"] * has_series, "sMAPE", *_OF_INTERVALS * has_intervals]
    if metrics is None:
        metrics = known
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    named = metrics if isinstance(metrics, Mapping) else {getattr(one, "__name__", one): one for one in metrics}
    for metric in named.values():
        if not callable(metric) and not isinstance(metric, str):
            raise TypeError(
                f"metrics contains {metric!r}; expected a function of y_true and y_pred, or one of {known}."
            )
        if isinstance(metric, str) and metric not in known:
            reason = "" if metric not in _OF_INTERVALS else ", for which backtest needs a coverage"
            raise ValueError(f"metrics contains {metric!r}{reason}; expected a function, or one of {known}.")
    return {str(name): metric for name, metric in named.items()}


def read_keys(by: str | Sequence[str] | None, frame: Any) -> list[str]:
    """Return the columns of a long table by which it is divided."""
    if by is None:
        return [name for name in ("group", "series", "step") if name in frame]
    keys = [by] if isinstance(by, str) else list(by)
    possible = [name for name in ("group", "series", "origin", "target", "step") if name in frame]
    for key in keys:
        if key not in possible:
            raise ValueError(f"by contains {key!r}; expected some of {possible}.")
    return keys


def score_table(frame: Any, metrics: Mapping[str, Any], keys: list[str], coverage: float | None) -> Any:
    """Return the measures as a DataFrame with a row for each combination of the keys."""
    cells = frame.groupby(keys, sort=False, observed=True).ngroup().to_numpy() if keys else np.zeros(len(frame), int)
    table = frame[keys].drop_duplicates(ignore_index=True) if keys else frame.iloc[:1, :0].copy()
    columns = frame[[name for name in ("truth", "forecast", "lower", "upper", "scale") if name in frame]]
    numbers = {name: columns[name].to_numpy() for name in columns} | {"coverage": coverage}
    is_known = np.isfinite(numbers["truth"]) & np.isfinite(numbers["forecast"])
    table["n"] = np.bincount(cells, weights=is_known).astype(int)
    table["n_missing"] = np.bincount(cells, weights=~is_known).astype(int)
    for name, metric in metrics.items():
        if callable(metric):
            table[name] = _of_each_cell(metric, numbers, np.where(is_known, cells, -1), len(table))
        else:
            values = _terms(metric, numbers)
            means = _means(values, np.where(is_known & ~np.isnan(values), cells, -1), len(table))
            table[name] = np.sqrt(means) if metric == "RMSE" else means
    return table


def _means(values: NDArray[Any], cells: NDArray[np.intp], n_cells: int) -> NDArray[np.float64]:
    """Return the mean of the values in each cell, NaN in an empty one; those of cell -1 do not count."""
    counts = np.bincount(cells + 1, minlength=n_cells + 1)[1:]
    sums = np.bincount(cells + 1, weights=np.where(cells < 0, 0.0, values), minlength=n_cells + 1)[1:]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _of_each_cell(
    metric: Callable[..., float], numbers: Mapping[str, NDArray[Any]], cells: NDArray[np.intp], n_cells: int
) -> list[float]:
    """Return what a function says of the truth and the forecasts in each cell, NaN in an empty one."""
    order = np.argsort(cells, kind="stable")
    _, *rows = np.split(order, np.searchsorted(cells[order], np.arange(n_cells)))
    return [float(metric(numbers["truth"][of], numbers["forecast"][of])) if len(of) else np.nan for of in rows]
