"""The result of a backtest: forecasts, observed values, and metrics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._parameters import check_count
from skrnn._inputs._values import encode_labels
from skrnn.estimators._sequence_format import as_objects
from skrnn.metrics._forecast_metrics import naive_error, scaled, symmetric_percentages


@final
@dataclass(frozen=True, eq=False)
class Backtest:
    """Forecasts from many origins, and the observed values.

    Returned by :func:`backtest`. With several series, arrays of forecasts have a last axis for them.

    Parameters
    ----------
    origins : ndarray of shape (n_origins,), int
        Positions of the rows that were forecast from. The first step is the row after.
    origin_times : ndarray of shape (n_origins,)
        Their labels in the index of a pandas series, otherwise their positions.
    target_times : ndarray of shape (n_origins, n_steps)
        The labels, or positions, of the rows that were forecast. Beyond the end of the series the index is continued,
        or labels are NaT or None if it has no constant step.
    forecasts : ndarray of shape (n_origins, n_steps) or (n_origins, n_steps, n_series)
        The forecasts of each origin.
    truth : ndarray of the shape of `forecasts`
        The observed values of these rows; NaN where they are missing, or beyond the end of the series.
    lower, upper : ndarray of the shape of `forecasts`, or None
        The bounds of the intervals, if `coverage` was given; NaN where too few errors were known at the origin.
    coverage : float or None
        The nominal coverage.
    series_names : list or None
        Names of the series, if the columns had names.
    groups : ndarray of shape (n_origins,), or None
        The group of each origin, if the series had `groups`.
    series : ndarray of shape (n_rows,) or (n_rows, n_series), or None
        All rows of the series, to which the positions in `origins` refer; NaN where a value is missing.
    series_groups : ndarray of shape (n_rows,), or None
        The group of each row of `series`.
    """

    origins: NDArray[np.intp]
    origin_times: NDArray[Any]
    target_times: NDArray[Any]
    forecasts: NDArray[np.floating]
    truth: NDArray[np.floating]
    lower: NDArray[np.floating] | None = None
    upper: NDArray[np.floating] | None = None
    coverage: float | None = None
    series_names: list[Any] | None = None
    groups: NDArray[Any] | None = None
    series: NDArray[np.floating] | None = None
    series_groups: NDArray[Any] | None = None

    @property
    def errors(self) -> NDArray[np.floating]:
        """Observed values minus forecasts, in the shape of `forecasts`; NaN where the truth is unknown."""
        return self.truth - self.forecasts

    def observed_coverage(self) -> NDArray[np.float64]:
        """Return the fraction of observed values within their intervals.

        Returns
        -------
        ndarray of shape (n_steps,) or (n_steps, n_series)
            The fraction at each step ahead, over the origins that have an interval and a known truth; NaN if there are
            none.

        Raises
        ------
        ValueError
            If the backtest has no intervals.
        """
        if self.lower is None or self.upper is None:
            raise ValueError("coverage was None in backtest, so there are no intervals; expected a number in (0, 1).")
        counts = np.isfinite(self.truth) & np.isfinite(self.lower)
        covered = counts & (self.lower <= self.truth) & (self.truth <= self.upper)
        n_counted = counts.sum(axis=0)
        return np.where(n_counted > 0, covered.sum(axis=0) / np.maximum(n_counted, 1), np.nan)

    def naive(self, season: int = 1) -> "Backtest":
        """Return the backtest of the naive forecast from the same origins: the latest known value of the same season.

        Parameters
        ----------
        season : int, default=1
            Number of rows per season: 12 for monthly data, 1 for the value at the origin itself.

        Returns
        -------
        Backtest
            With the same origins and observed values, without intervals. A forecast is NaN if no value of its season is
            known.

        Raises
        ------
        TypeError
            If `season` is not an integer.
        ValueError
            If `season` is less than 1, or the backtest does not contain the series.
        """
        check_count("season", season)
        steps = np.arange(1, self.forecasts.shape[1] + 1)
        back = steps - season * -(-steps // season)
        forecasts = np.full((*self.forecasts.shape[:2], self._all_series().shape[1]), np.nan)
        for chosen, origins, values in self._parts():
            rows = np.add.outer(origins, back)
            latest = _latest_of_season(values, season)[np.maximum(rows, 0)]
            forecasts[chosen] = np.where((rows >= 0)[:, :, np.newaxis], latest, np.nan)
        return replace(self, forecasts=forecasts.reshape(self.forecasts.shape), lower=None, upper=None, coverage=None)

    def to_frame(self) -> Any:
        """Return the forecasts as a long table.

        Returns
        -------
        DataFrame
            One row per forecast, with the columns group (if there are groups), series (if they have names or there are
            several), origin, target, step (from 1), truth, forecast, and, with intervals, lower and upper. `origin` and
            `target` are labels of the index, or positions.
        """
        import pandas as pd

        shape = (*self.forecasts.shape[:2], self.forecasts[0, 0].size if len(self.forecasts) else 1)
        names = self.series_names or (list(range(shape[2])) if shape[2] > 1 else None)
        columns = {
            "group": None if self.groups is None else self.groups[:, np.newaxis, np.newaxis],
            "series": None if names is None else as_objects(names),
            "origin": self.origin_times[:, np.newaxis, np.newaxis],
            "target": self.target_times[:, :, np.newaxis],
            "step": np.arange(1, shape[1] + 1)[:, np.newaxis],
            "truth": self.truth.reshape(shape),
            "forecast": self.forecasts.reshape(shape),
            "lower": None if self.lower is None else self.lower.reshape(shape),
            "upper": None if self.upper is None else self.upper.reshape(shape),
        }
        filled = {name: np.broadcast_to(of, shape).ravel() for name, of in columns.items() if of is not None}
        return pd.DataFrame(filled).infer_objects()

    def scores(
        self,
        metrics: Sequence[str | Callable[..., float]] | Mapping[str, str | Callable[..., float]] | None = None,
        *,
        by: str | Sequence[str] | None = None,
        season: int = 1,
    ) -> Any:
        """Return metrics of the forecasts, per step ahead, series and group.

        Parameters
        ----------
        metrics : list or dict, default=None
            Names of the metrics below, or functions ``metric(y_true, y_pred)`` such as
            :func:`~sklearn.metrics.mean_absolute_percentage_error`, whose names are the names of their columns. The
            keys of a dict are other names of columns. None: all metrics below.
        by : str or list of str, default=None
            Columns of :meth:`to_frame`: the result has one row for each combination of their values. None: step, and
            group and series if there are these columns. An empty list gives a single row.
        season : int, default=1
            Number of rows per season, for MASE.

        Returns
        -------
        DataFrame
            The columns of `by`; `n`, the number of forecasts whose truth is known; `n_missing`, the number of forecasts
            that are left out because it is missing or beyond the end; and one column per metric, NaN if no truth is
            known.

        Raises
        ------
        TypeError
            If `season` is not an integer, or a metric is neither a name nor a function.
        ValueError
            If a metric or a column of `by` is unknown, or a metric requires intervals and there are none.

        See Also
        --------
        skrnn.plotting.BacktestDisplay : A plot of a metric over the steps ahead.

        Notes
        -----
        =========  ==================================================================================================
        MAE        :func:`~sklearn.metrics.mean_absolute_error`
        RMSE       :func:`~sklearn.metrics.root_mean_squared_error`
        MASE       :func:`~skrnn.metrics.mean_absolute_scaled_error`; its training part is the rows of the series, or of
                   the group, up to the first origin
        sMAPE      :func:`~skrnn.metrics.symmetric_mean_absolute_percentage_error`, from 0 to 2
        pinball    mean of :func:`~sklearn.metrics.mean_pinball_loss` of the two bounds, at the levels
                   (1 - coverage) / 2 and (1 + coverage) / 2
        coverage   :func:`~skrnn.metrics.interval_coverage`
        width      :func:`~skrnn.metrics.mean_interval_width`
        =========  ==================================================================================================

        The last three only include forecasts that have an interval.
        """
        frame = self.to_frame()
        chosen = read_metrics(metrics, self.lower is not None, self.series is not None)
        keys = read_keys(by, frame)
        if "MASE" in chosen.values():
            frame["scale"] = self._scales(season)
        return score_table(frame, chosen, keys, self.coverage)

    def _all_series(self) -> NDArray[np.floating]:
        """Return all rows of the series, (n_rows, n_series)."""
        if self.series is None:
            raise ValueError("series is None in this Backtest; expected all rows of the series.")
        return self.series.reshape(len(self.series), -1)

    def _parts(self) -> Iterator[tuple[Any, NDArray[np.intp], NDArray[np.floating]]]:
        """Yield, for each group, its origins, at which of its rows they are, and these rows, (n_rows, n_series)."""
        values = self._all_series()
        if self.groups is None or self.series_groups is None:
            yield slice(None), self.origins, values
            return
        rows_of = _positions(self.series_groups)
        for group, chosen in _positions(self.groups).items():
            rows = rows_of[group]
            yield chosen, np.searchsorted(rows, self.origins[chosen]), values[rows]

    def _scales(self, season: int) -> NDArray[np.float64]:
        """Return for each row of `to_frame` the error of the naive forecast in the training part."""
        scales = np.empty((*self.forecasts.shape[:2], self._all_series().shape[1]))
        for chosen, origins, values in self._parts():
            scales[chosen] = naive_error(values[: origins.min() + 1], season)
        return scales.ravel()


def _positions(labels: NDArray[Any]) -> dict[Any, NDArray[np.intp]]:
    """Return the positions of each label."""
    distinct, codes = encode_labels(labels)
    order = np.argsort(codes, kind="stable")
    return dict(zip(distinct, np.split(order, np.cumsum(np.bincount(codes))[:-1]), strict=True))


def _latest_of_season(values: NDArray[np.floating], season: int) -> NDArray[np.floating]:
    """Return values (n_rows, n_series) with missing ones replaced by those a whole number of seasons before."""
    n_rows, n_series = values.shape
    n_seasons = -(-n_rows // season)
    known = np.full((n_seasons * season, n_series), -1)
    known[:n_rows] = np.where(np.isfinite(values), np.arange(n_rows)[:, np.newaxis], -1)
    latest = np.maximum.accumulate(known.reshape(n_seasons, season, n_series), axis=0).reshape(-1, n_series)[:n_rows]
    return np.where(latest >= 0, np.take_along_axis(values, np.maximum(latest, 0), axis=0), np.nan)


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
