"""Display of forecast errors over the steps ahead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike

from skrnn.forecasting import Backtest, backtest
from skrnn.plotting._matplotlib import axes_or_new, colour_of, ink_of, label_axes, merge_style, require_pyplot


@final
@dataclass(kw_only=True, eq=False, repr=False)
class BacktestDisplay:
    """Forecast errors over the steps ahead, of one or several models and of the naive forecast.

    It is recommended to use :meth:`from_backtest` or :meth:`from_estimator` to create the display. All parameters are
    stored as attributes.

    Parameters
    ----------
    errors : array-like of shape (n_steps,) or (n_models, n_steps)
        The error of each step ahead.
    naive_errors : array-like of shape (n_steps,), default=None
        The error of the naive forecast.
    names : list of str of length n_models, default=None
        Names of the models, for the legend.
    metric_name : str, default=None
        Label of the vertical axis.
    season : int, default=1
        Number of rows per season of the naive forecast.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the errors.
    figure_ : matplotlib Figure
        Figure with the axes.
    lines_ : list of matplotlib Line2D
        The errors of each model.
    naive_line_ : matplotlib Line2D or None
        The errors of the naive forecast, if given.

    See Also
    --------
    skrnn.forecasting.Backtest.scores : The numbers that are drawn.
    ForecastDisplay : The forecasts from some of the origins.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindow
    >>> from skrnn.forecasting import backtest, to_supervised
    >>> from skrnn.plotting import BacktestDisplay
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(300) / 4.0) + 0.1 * rng.normal(size=300)
    >>> X, y = to_supervised(series[:200])
    >>> model = make_pipeline(SlidingWindow(n_timesteps=8, padding="edge", flatten=True), Ridge(0.01)).fit(X, y)
    >>> display = BacktestDisplay.from_backtest(backtest(model, series, 3, first_origin=199), season=25)
    >>> display.errors.round(2), display.naive_errors.round(2)
    (array([[0.11, 0.12, 0.12]]), array([0.13, 0.13, 0.13]))
    """

    errors: ArrayLike
    naive_errors: ArrayLike | None = None
    names: Sequence[str] | None = None
    metric_name: str | None = None
    season: int = 1

    @classmethod
    def from_backtest(
        cls,
        result: Backtest | Mapping[str, Backtest],
        *,
        metric: str | Callable[..., float] = "MAE",
        season: int = 1,
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
        naive_kw: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the errors of one or several backtests.

        Parameters
        ----------
        result : Backtest or dict of Backtest
            Results of :func:`skrnn.forecasting.backtest`; for several models a dict, whose keys are their names. The
            naive forecast is made from the origins of the first.
        metric : str or callable, default="MAE"
            A metric of :meth:`skrnn.forecasting.Backtest.scores`, or a function ``metric(y_true, y_pred)``. Several
            series or groups are evaluated together.
        season : int, default=1
            How many rows a season has, for the naive forecast and for MASE.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure is made.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the models.
        naive_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the naive forecast.

        Returns
        -------
        display : BacktestDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib or pandas is not installed.
        TypeError, ValueError
            As in :meth:`skrnn.forecasting.Backtest.scores`; also if `result` is empty, or its backtests have different
            numbers of steps.
        """
        require_pyplot(f"{cls.__name__}.from_backtest")
        results = list(result.values()) if isinstance(result, Mapping) else [result]
        lengths = {one.forecasts.shape[1] for one in results}
        if len(lengths) != 1:
            raise ValueError(
                f"result has backtests of {sorted(lengths)} steps; expected the same number of steps in all."
            )
        has_naive = metric not in ("pinball", "coverage", "width") and results[0].series is not None
        named = {"error": metric}
        errors, *naive = (
            [one.scores(named, by="step", season=season)["error"].to_numpy() for one in group]
            for group in (results, [results[0].naive(season)] if has_naive else [])
        )
        display = cls(
            errors=np.stack(errors),
            naive_errors=naive[0][0] if has_naive else None,
            names=[str(name) for name in result] if isinstance(result, Mapping) else None,
            metric_name=getattr(metric, "__name__", str(metric)).replace("_", " "),
            season=season,
        )
        return display.plot(ax, line_kw=line_kw, naive_kw=naive_kw)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        series: ArrayLike,
        n_steps: int,
        *,
        metric: str | Callable[..., float] = "MAE",
        season: int = 1,
        ax: Any = None,
        line_kw: dict[str, Any] | None = None,
        naive_kw: dict[str, Any] | None = None,
        **options: Any,
    ) -> Self:
        """Forecast from many rows of a series, each as if it were the last, and draw the errors.

        Parameters
        ----------
        estimator : estimator or dict of estimators
            A fitted model, as in :func:`skrnn.forecasting.backtest`; for several models a dict, whose keys are their
            names.
        series : array-like of shape (n_rows,) or (n_rows, n_series)
            The series.
        n_steps : int
            Number of steps to forecast from each origin.
        metric : str or callable, default="MAE"
            The error, as in :meth:`from_backtest`.
        season : int, default=1
            How many rows a season has, for the naive forecast and for MASE.
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure is made.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the models.
        naive_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the naive forecast.
        **options : dict
            Further arguments of :func:`skrnn.forecasting.backtest`, such as `first_origin`, `exog` and `refit`.

        Returns
        -------
        display : BacktestDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            If matplotlib or pandas is not installed.
        NotFittedError, TypeError, ValueError
            As in :func:`skrnn.forecasting.backtest` and :meth:`from_backtest`.
        """
        require_pyplot(f"{cls.__name__}.from_estimator")
        is_several = isinstance(estimator, Mapping)
        models = dict(estimator) if is_several else {"": estimator}
        results = {str(name): backtest(model, series, n_steps, **options) for name, model in models.items()}
        style: dict[str, Any] = {"ax": ax, "line_kw": line_kw, "naive_kw": naive_kw}
        return cls.from_backtest(results if is_several else results[""], metric=metric, season=season, **style)

    def plot(
        self, ax: Any = None, *, line_kw: dict[str, Any] | None = None, naive_kw: dict[str, Any] | None = None
    ) -> Self:
        """Draw the errors.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. If None, a new figure is made.
        line_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the models.
        naive_kw : dict, default=None
            Keyword arguments of `Axes.plot` for the naive forecast.

        Returns
        -------
        display : BacktestDisplay
            The display itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If shapes do not match.
        """
        plt = require_pyplot(f"{type(self).__name__}.plot")
        errors, naive_errors, names = self._read()
        self.ax_ = axes_or_new(plt, ax, (6.4, 3.6))
        self.figure_ = self.ax_.figure
        steps = np.arange(1, errors.shape[1] + 1)
        self.lines_: list[Any] = []
        for number, (of_steps, name) in enumerate(zip(errors, names, strict=True)):
            look = {"color": colour_of(number), "linewidth": 1.6, "marker": "o", "markersize": 4, "label": name}
            self.lines_ += self.ax_.plot(steps, of_steps, **merge_style("line", look, line_kw))
        self.naive_line_ = None
        if naive_errors is not None:
            look = {"color": ink_of(self.ax_), "linewidth": 1.2, "linestyle": "--", "marker": ".", "markersize": 4}
            look["label"] = "naive" if self.season == 1 else f"naive, season of {self.season}"
            (self.naive_line_,) = self.ax_.plot(steps, naive_errors, **merge_style("line", look, naive_kw))
        label_axes(self.ax_, "steps ahead", self.metric_name or "error")
        self.ax_.set_ylim(bottom=min(0.0, self.ax_.get_ylim()[0]) if np.nanmin(errors) < 0.0 else 0.0)
        self.ax_.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        self.ax_.legend(frameon=False, loc="best", fontsize="small")
        return self

    def _read(self) -> tuple[Any, Any, list[str]]:
        """Return the errors of models (n_models, n_steps) and of the naive forecast, and names, after a check."""
        errors = np.atleast_2d(np.asarray(self.errors, dtype=np.float64))
        if errors.ndim != 2 or not errors.size:
            raise ValueError(f"errors has shape {errors.shape}; expected (n_steps,) or (n_models, n_steps).")
        naive_errors = None if self.naive_errors is None else np.asarray(self.naive_errors, dtype=np.float64)
        if naive_errors is not None and naive_errors.shape != errors.shape[1:]:
            raise ValueError(f"naive_errors has shape {naive_errors.shape}; expected {errors.shape[1:]}, like errors.")
        unnamed = ["model"] if len(errors) == 1 else [f"model {number}" for number in range(len(errors))]
        names = unnamed if self.names is None else list(self.names)
        if len(names) != len(errors):
            raise ValueError(f"names has {len(names)} entries; expected {len(errors)}, one per model.")
        return errors, naive_errors, names
