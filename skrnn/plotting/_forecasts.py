"""Display of forecasts from one or several origins, with the series before and after."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._parameters import check_count
from skrnn._inputs._tables import is_frame
from skrnn.forecasting import forecast, forecast_interval
from skrnn.forecasting._index import continued_index
from skrnn.forecasting._models import fitted_regressor
from skrnn.forecasting._tables import beside, data_columns, numbers, read_table, take
from skrnn.plotting._matplotlib import axes_or_new, colour_of, ink_of, label_axes, merge_style, require_pyplot


@final
@dataclass(kw_only=True, eq=False, repr=False)
class ForecastDisplay:
    """A series and its forecasts from one or several origins, with intervals.

    It is recommended to use :meth:`from_estimator` to create the display. All parameters are stored as attributes.

    Parameters
    ----------
    history : array-like of shape (n_history,)
        The series up to the first origin.
    forecasts : array-like of shape (n_steps,) or (n_origins, n_steps)
        The forecasts of each origin; the first step is the row after the origin.
    truth : array-like of shape (n_later,), default=None
        The observed rows of the series after `history`.
    lower, upper : array-like of the shape of `forecasts`, default=None
        Bounds of the intervals; NaN for missing ones.
    origins : array-like of int of shape (n_origins,), default=None
        Row of each origin, counted from the beginning of `history`. If None, the last row of `history`.
    times : array-like of shape (n_times,), default=None
        Numbers or dates of all rows, from the beginning of `history` to the last step. If None, row numbers are used.
    coverage : float, default=None
        Nominal coverage of the intervals, for the legend.
    series_name : str, default=None
        Label of the vertical axis.
    time_name : str, default=None
        Label of the horizontal axis. If None, "row", or empty with `times`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the series.
    figure_ : matplotlib Figure
        Figure with the axes.
    history_line_ : matplotlib Line2D
        The series up to the first origin.
    truth_line_ : matplotlib Line2D or None
        The observed series after the first origin, if any.
    forecast_lines_ : list of matplotlib Line2D
        The forecasts of each origin; each line begins at the origin itself.
    bands_ : list of matplotlib PolyCollection
        The intervals of each origin; empty without bounds.
    origin_markers_ : matplotlib Line2D
        The origins.

    See Also
    --------
    skrnn.forecasting.forecast : The forecasts that are drawn.
    skrnn.forecasting.backtest : Forecasts from many origins, and their errors.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindow
    >>> from skrnn.forecasting import to_supervised
    >>> from skrnn.plotting import ForecastDisplay
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(300) / 4.0) + 0.1 * rng.normal(size=300)
    >>> X, y = to_supervised(series[:200])
    >>> model = make_pipeline(SlidingWindow(n_timesteps=8, padding="edge", flatten=True), Ridge(0.01)).fit(X, y)
    >>> display = ForecastDisplay.from_estimator(
    ...     model, series, n_steps=10, origins=[260, 275, 299], coverage=0.9, n_calibration=40
    ... )
    >>> display.forecasts.shape, len(display.bands_)
    ((3, 10), 3)
    """

    history: ArrayLike
    forecasts: ArrayLike
    truth: ArrayLike | None = None
    lower: ArrayLike | None = None
    upper: ArrayLike | None = None
    origins: ArrayLike | None = None
    times: ArrayLike | None = None
    coverage: float | None = None
    series_name: str | None = None
    time_name: str | None = None

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        series: ArrayLike,
        n_steps: int,
        *,
        origins: ArrayLike | None = None,
        coverage: float | None = None,
        n_calibration: int | None = None,
        exog: ArrayLike | None = None,
        series_index: int = 0,
        n_history: int | None = None,
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
        forecast_kw: dict[str, Any] | None = None,
        band_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Forecast from one or several rows of a series, each as if it were the last, and draw the forecasts.

        Parameters
        ----------
        estimator : estimator
            A fitted model, as in :func:`skrnn.forecasting.forecast`. It is not refitted.
        series : array-like of shape (n_rows,) or (n_rows, n_series)
            The series; the axes show index and names of a pandas Series or DataFrame.
        n_steps : int
            Number of steps to forecast from each origin.
        origins : array-like of int, default=None
            Positions of the rows to forecast from; negative ones count from the end. If None, the last row.
        coverage : float, default=None
            Nominal coverage of the intervals, such as 0.9. If None, there are no intervals.
        n_calibration : int, default=None
            Number of rows before each origin used to calibrate the intervals, as in
            :func:`skrnn.forecasting.forecast_interval`. **The model must not have been fitted on them.** If None, the
            intervals are quantiles that the model predicts.
        exog : array-like of shape (n_exog_rows,) or (n_exog_rows, n_exog), default=None
            The columns that are not forecast, for the rows of `series` and, if the model uses them, for the following
            rows.
        series_index : int, default=0
            Index of the series to draw.
        n_history : int, default=None
            Number of rows to draw up to the first origin. If None, all.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure is made.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the series.
        forecast_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the forecasts.
        band_kw : dict, default=None
            Keyword arguments of `Axes.fill_between` for the intervals.

        Returns
        -------
        display : ForecastDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        NotFittedError
            If the model has not been fitted.
        TypeError
            If a count or a position is not an integer, or the model is not a regressor.
        ValueError
            If an origin or the series does not exist, if `n_calibration` is given without `coverage`, and as in
            `forecast` and `forecast_interval`.
        """
        require_pyplot(f"{cls.__name__}.from_estimator")
        if coverage is None and n_calibration is not None:
            raise ValueError(f"n_calibration is {n_calibration}, but coverage is None; expected a coverage.")
        check_count("n_steps", n_steps)
        table = read_table(series, "series")
        if n_history is not None:
            check_count("n_history", n_history)
        times, time_name = _times_of(table, n_steps)
        positions = _read_origins(origins, len(table))
        settings = {} if coverage is None else {"coverage": coverage, "n_calibration": n_calibration}
        table, paths = _forecast_from(estimator, table, exog, positions, n_steps, settings)
        check_count("series_index", series_index, 0, paths[0].shape[2] - 1)
        paths = [path[:, :, series_index] for path in paths]
        values, series_name = _series_of(estimator, table, series_index)
        first, last = positions.min() + 1, positions.max() + 1 + n_steps
        start = 0 if n_history is None else max(0, first - n_history)
        display = cls(
            history=values[start:first],
            truth=values[first:last] if first < len(values) else None,
            **dict(zip(("forecasts", "lower", "upper"), paths, strict=False)),  # bounds only with a coverage
            origins=positions - start,
            times=times[start:last],
            coverage=coverage,
            series_name=series_name,
            time_name=time_name,
        )
        return display.plot(ax, line_kw=line_kw, forecast_kw=forecast_kw, band_kw=band_kw)

    def plot(
        self,
        ax: Any = None,
        *,
        line_kw: dict[str, Any] | None = None,
        forecast_kw: dict[str, Any] | None = None,
        band_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the series, the forecasts and their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure is made.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the series.
        forecast_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the forecasts.
        band_kw : dict, default=None
            Keyword arguments of `Axes.fill_between` for the intervals.

        Returns
        -------
        display : ForecastDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If shapes do not match, or an origin is outside the series.
        """
        plt = require_pyplot(f"{type(self).__name__}.plot")
        known, n_history, origins, times = self._read()
        forecasts = np.atleast_2d(self.forecasts)
        self.ax_ = ax = axes_or_new(plt, ax, (7.2, 3.6))
        self.figure_ = ax.figure
        self._draw_series(known, n_history, times, line_kw)
        look = {"color": colour_of(1), "linewidth": 1.5, "marker": ".", "markersize": 4, "zorder": 2.5}
        style = merge_style("line", look, forecast_kw)
        self._draw_bands(origins, times, style["color"], band_kw)
        self.forecast_lines_: list[Any] = []
        for number, (origin, path) in enumerate(zip(origins, forecasts, strict=True)):
            label = {"label": "_forecast" if number else "forecast"}
            heights = np.concatenate([known[[origin]], path])
            self.forecast_lines_ += ax.plot(times[origin : origin + len(heights)], heights, **(label | style))
        mark = {"marker": "o", "markersize": 5, "linestyle": "none", "color": style["color"], "zorder": 3}
        mark |= {"markerfacecolor": ax.get_facecolor(), "label": "origin" if len(origins) == 1 else "origins"}
        (self.origin_markers_,) = ax.plot(times[origins], known[origins], **mark)
        self._label_axes(times)
        return self

    def _read(self) -> tuple[NDArray[Any], int, NDArray[np.intp], NDArray[Any]]:
        """Return the observed series, the number of rows of `history`, the origins, and the times of all rows."""
        history, forecasts = np.asarray(self.history, dtype=np.float64), np.atleast_2d(self.forecasts)
        truth = np.empty(0) if self.truth is None else np.asarray(self.truth, dtype=np.float64)
        if history.ndim != 1 or truth.ndim != 1 or forecasts.ndim != 2 or not len(history):
            raise ValueError(
                f"history has shape {history.shape}, truth {truth.shape} and forecasts {forecasts.shape}; "
                "expected (n_history,), (n_later,) and (n_origins, n_steps)."
            )
        for name, bound in (("lower", self.lower), ("upper", self.upper)):
            if (self.lower is None) != (self.upper is None):
                raise ValueError("one of lower and upper is None; expected both or neither.")
            if bound is not None and np.atleast_2d(bound).shape != forecasts.shape:
                raise ValueError(f"{name} has shape {np.shape(bound)}; expected that of forecasts, {forecasts.shape}.")
        known = np.concatenate([history, truth])
        origins = np.atleast_1d(len(history) - 1 if self.origins is None else self.origins)
        if origins.shape != (len(forecasts),) or origins.min() < 0 or origins.max() >= len(known):
            raise ValueError(
                f"origins is {origins.tolist()}; expected {len(forecasts)} rows from 0 to {len(known) - 1}."
            )
        n_rows = max(len(known), int(origins.max()) + 1 + forecasts.shape[1])
        times = np.arange(n_rows) if self.times is None else np.asarray(self.times)
        if len(times) < n_rows:
            raise ValueError(f"times has {len(times)} entries; expected {n_rows}, one per row up to the last step.")
        return known, len(history), origins, times

    def _draw_series(self, known: NDArray[Any], n_history: int, times: NDArray[Any], line_kw: Any) -> None:
        """Draw the series up to the first origin, and later rows with a thinner line."""
        style = merge_style("line", {"color": ink_of(self.ax_), "linewidth": 1.5}, line_kw)
        (self.history_line_,) = self.ax_.plot(times[:n_history], known[:n_history], **({"label": "history"} | style))
        self.truth_line_ = None
        if len(known) > n_history:  # from the end of history, so that there is no gap between the lines
            later = slice(n_history - 1, len(known))
            thin = style | {"linewidth": 0.7 * style["linewidth"], "color": style["color"], "linestyle": (0, (4, 1.5))}
            (self.truth_line_,) = self.ax_.plot(times[later], known[later], **(thin | {"label": "observed"}))

    def _draw_bands(self, origins: NDArray[np.intp], times: NDArray[Any], colour: Any, band_kw: Any) -> None:
        """Draw the intervals of each origin."""
        self.bands_: list[Any] = []
        if self.lower is None or self.upper is None:
            return
        name = "interval" if self.coverage is None else f"{100 * self.coverage:g} % interval"
        style = merge_style("band", {"facecolor": colour, "alpha": 0.2, "linewidth": 0.0}, band_kw)
        lowers, uppers = np.atleast_2d(self.lower), np.atleast_2d(self.upper)
        for number, (origin, lower, upper) in enumerate(zip(origins, lowers, uppers, strict=True)):
            label = {"label": "_interval" if number else name}
            # A single step has no width: its band extends by half a row to both sides.
            of_steps = times[origin + 1 : origin + 1 + len(lower)]
            if len(lower) == 1:
                half = (times[origin + 1] - times[origin]) / 2
                of_steps = np.array([of_steps[0] - half, of_steps[0] + half])
                lower, upper = np.repeat(lower, 2), np.repeat(upper, 2)
            self.bands_.append(self.ax_.fill_between(of_steps, lower, upper, **(label | style)))

    def _label_axes(self, times: NDArray[Any]) -> None:
        """Label the axes, and draw the legend above them, where it does not cover a line."""
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        if times.dtype.kind == "M" or isinstance(times[0], date):
            zone = getattr(times[0], "tzinfo", None)
            locator = AutoDateLocator(zone)
            self.ax_.xaxis.set_major_locator(locator)
            self.ax_.xaxis.set_major_formatter(ConciseDateFormatter(locator, zone))
        default = "row" if self.times is None else ""
        time_name = default if self.time_name is None else self.time_name
        label_axes(self.ax_, time_name, self.series_name or "series")
        place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.0}
        look = {"columnspacing": 1.2, "handlelength": 1.6, "handletextpad": 0.6, "frameon": False, "fontsize": "small"}
        for n_columns in (5, 3, 2):  # as many as fit
            legend = self.ax_.legend(ncols=n_columns, **place, **look)
            if legend.get_window_extent().width <= self.ax_.get_window_extent().width:
                break


def _read_origins(origins: Any, n_rows: int) -> NDArray[np.intp]:
    """Return the origins as positions from the beginning, (n_origins,)."""
    if origins is None:
        return np.array([n_rows - 1])
    positions = np.atleast_1d(origins)
    if positions.dtype.kind not in "iu":
        raise TypeError(f"origins is {origins!r}; expected integer positions.")
    if positions.ndim != 1 or not len(positions) or positions.min() < -n_rows or positions.max() >= n_rows:
        raise ValueError(f"origins is {origins!r}; expected rows from {-n_rows} to {n_rows - 1}.")
    return np.where(positions < 0, positions + n_rows, positions)


def _forecast_from(
    model: Any, series: Any, exog: Any, origins: NDArray[np.intp], n_steps: int, settings: dict[str, Any]
) -> tuple[Any, list[NDArray[Any]]]:
    """Return the input of the model, and the forecasts, with `settings` also their bounds.

    Each of the forecasts, lower and upper bounds is an array (n_origins, n_steps, n_series).
    """
    ahead = None if exog is None else read_table(exog, "exog", unnamed="exog")
    table = series if ahead is None else beside(series, take(ahead, range(len(series))))
    forecasts: list[tuple[Any, ...]] = []
    for origin in map(int, origins):
        history = take(table, range(origin + 1))
        later = None if ahead is None else take(ahead, range(origin + 1, min(origin + 1 + n_steps, len(ahead))))
        if settings:
            forecasts.append(forecast_interval(model, history, n_steps, exog=later, **settings))
        else:
            forecasts.append((forecast(model, history, n_steps, exog=later),))
    return table, [
        np.stack([np.reshape(path, (n_steps, -1)) for path in paths]) for paths in zip(*forecasts, strict=True)
    ]


def _series_of(model: Any, table: Any, number: int) -> tuple[NDArray[Any], str | None]:
    """Return one of the series in the input of the model, (n_rows,), and its name or None."""
    position = data_columns(fitted_regressor(model), table, "series")[number]
    name = str(table.columns[position]) if is_frame(table) else None
    return numbers(table, [position], "series")[:, 0], name


def _times_of(table: Any, n_steps: int) -> tuple[NDArray[Any], str | None]:
    """Return the time of each row and of the steps after the last, and the name of the times."""
    if is_frame(table):
        index, ahead = table.index, continued_index(table.index, n_steps)
        if ahead is not None:
            times = index.append(ahead)
            times = times.to_timestamp() if hasattr(times, "to_timestamp") else times
            name = "" if index.name is None else str(index.name)
            if hasattr(times, "total_seconds"):  # matplotlib does not support durations
                return _in_readable_unit(times.total_seconds().to_numpy(), name)
            return times.to_numpy(), name
    return np.arange(len(table) + n_steps), "row"


def _in_readable_unit(seconds: NDArray[np.floating], name: str) -> tuple[NDArray[np.floating], str]:
    """Return durations in the largest unit not longer than a step, and their name with the unit."""
    step = seconds[-1] - seconds[-2]
    units = {"days": 86400.0, "hours": 3600.0, "minutes": 60.0, "seconds": 1.0, "ms": 1e-3}
    unit = next((unit for unit, length in units.items() if abs(step) >= length), "ms")
    return seconds / units[unit], f"{name} ({unit})" if name else unit
