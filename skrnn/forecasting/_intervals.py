"""Forecasts with intervals, from predicted quantiles or split-conformal."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from math import ceil, floor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._parameters import check_count, check_share
from skrnn.forecasting._forecast import as_history
from skrnn.forecasting._models import fitted_regressor, n_history_rows, point_forecasts, quantile_levels
from skrnn.forecasting._recursion import predictions_at, roll
from skrnn.forecasting._rows import Rows, read_rows
from skrnn.forecasting._tables import of_group

#: Largest rounding error by which (n + 1) * coverage may exceed an integer.
_ROUNDING = 1e-9


class ForecastInterval(NamedTuple):
    """A forecast and its bounds, each in the format of :func:`forecast`.

    Parameters
    ----------
    forecast : ndarray, Series or DataFrame of shape (n_steps,) or (n_steps, n_series)
        The forecast.
    lower : ndarray, Series or DataFrame of the same shape
        The lower bound.
    upper : ndarray, Series or DataFrame of the same shape
        The upper bound.
    """

    forecast: Any
    lower: Any
    upper: Any


def forecast_interval(
    model: Any,
    history: ArrayLike,
    n_steps: int,
    *,
    coverage: float = 0.9,
    n_calibration: int | None = None,
    exog: ArrayLike | None = None,
    known_ahead: ArrayLike | None = None,
    static: ArrayLike | None = None,
    groups: Any = None,
) -> ForecastInterval:
    """Forecast the `n_steps` steps after the last row of a history, with an interval for each.

    Without `n_calibration` the bounds are quantiles predicted by the model, for at most as many steps as it predicts.
    Otherwise they are split-conformal, for any model and any number of steps: the forecast plus and minus a quantile of
    its absolute errors on the last rows of the history.

    Parameters
    ----------
    model : estimator
        A fitted model, as in :func:`forecast`. Without `n_calibration`, a network with ``loss="quantile"`` whose levels
        include (1 - coverage) / 2, 0.5 and (1 + coverage) / 2.
    history : array-like of shape (n_rows,) or (n_rows, n_columns)
        The rows up to now, as in :func:`forecast`.
    n_steps : int
        Number of steps to forecast; without `n_calibration` at most as many as the model predicts at once.
    coverage : float, default=0.9
        Nominal coverage of the interval of each step.
    n_calibration : int, default=None
        Number of rows at the end of `history` used for calibration. **The model must not have been fitted on them**, as
        input or as target, or the intervals are too narrow.
    exog : array-like of shape (n_steps,) or (n_steps, n_exog), default=None
        The columns that are not forecast, for the rows after `history`, as in :func:`forecast`.
    known_ahead : array-like of shape (n_times, n_known), default=None
        Columns whose values are known in advance, as in :func:`to_supervised`, for all rows of `history` except the
        first, and for the steps to forecast.
    static : array-like of shape (n_groups, n_static), default=None
        Columns that are constant over time, as in :func:`to_supervised`.
    groups : str, int or array-like of shape (n_rows,), default=None
        The series of each row, as in :func:`forecast`. Each group is calibrated on its own errors.

    Returns
    -------
    ForecastInterval
        A named tuple ``(forecast, lower, upper)``, each in the format of :func:`forecast`.

    Raises
    ------
    NotFittedError
        If the model has not been fitted.
    TypeError
        If a count is not an integer, `coverage` is not a number, or the model is not a regressor.
    ValueError
        If a parameter is invalid; if `n_calibration`, or its number of values that are not missing, is too small for
        the coverage; if without it the model does not predict the quantiles, or not for `n_steps`; and as in
        :func:`forecast`.

    See Also
    --------
    backtest : Such intervals from many origins, and their observed coverage.

    Notes
    -----
    The errors of step k are those of forecasts made k steps before each of the last `n_calibration` rows, in the same
    way as the forecast itself, including recursion. Half the width of the interval is the ceil((n + 1) * coverage)-th
    smallest of the n absolute errors [1]_ [2]_: coverage 0.9 requires 9 errors, 0.95 requires 19, and more reduce its
    variance.

    If the errors at calibration and ahead are exchangeable, the interval of each step has at least the nominal
    coverage, on average over histories. The errors of a series are only approximately exchangeable: they are
    correlated, and if the future differs from the past, the coverage is lower [3]_ [4]_. The coverage is that of each
    step, not of all steps jointly.

    References
    ----------
    .. [1] Vovk, V., Gammerman, A. and Shafer, G. (2005). Algorithmic learning in a random world. Springer.
           :doi:`10.1007/b106715`
    .. [2] Lei, J., G'Sell, M., Rinaldo, A., Tibshirani, R. J. and Wasserman, L. (2018). Distribution-free predictive
           inference for regression. Journal of the American Statistical Association 113(523), 1094-1111.
           :doi:`10.1080/01621459.2017.1307116`
    .. [3] Stankeviciute, K., Alaa, A. M. and van der Schaar, M. (2021). Conformal time-series forecasting. Advances in
           Neural Information Processing Systems 34.
    .. [4] Xu, C. and Xie, Y. (2021). Conformal prediction interval for dynamic time-series. ICML.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindow
    >>> from skrnn.forecasting import forecast_interval, to_supervised
    >>> rng = np.random.default_rng(0)
    >>> series = np.sin(np.arange(300) / 4.0) + 0.1 * rng.normal(size=300)
    >>> X, y = to_supervised(series[:-50])  # the last 50 rows calibrate
    >>> model = make_pipeline(SlidingWindow(n_timesteps=8, padding="edge", flatten=True), Ridge(0.01)).fit(X, y)
    >>> forecast, lower, upper = forecast_interval(model, series, 3, coverage=0.9, n_calibration=50)
    >>> (upper - lower).round(2)
    array([0.41, 0.47, 0.45])
    """
    check_count("n_steps", n_steps)
    check_share("coverage", coverage)
    check_calibration(coverage, n_calibration)
    model = fitted_regressor(model)
    rows = read_rows(model, history, exog, n_steps, groups, known_ahead, static)
    if n_calibration is None:
        paths = _quantiles(model, rows, n_steps, coverage)
    else:
        paths = _conformal(model, rows, n_steps, coverage, int(n_calibration))
    return ForecastInterval(*(as_history(rows, path) for path in paths))


def _quantiles(model: Any, rows: Rows, n_steps: int, coverage: float) -> list[NDArray[np.floating]]:
    """Return the median and the bounds predicted by the model, (n_groups, n_steps, n_series) each."""
    if quantile_levels(model) is None:
        raise ValueError(
            "n_calibration is None, but model does not predict quantiles (loss='quantile' with several levels); "
            "expected the number of rows at the end of history that the model was not fitted to, at least "
            f"{least_calibration(coverage)} for coverage={coverage}."
        )
    predictions = predictions_at(model, rows, rows.timeline.lasts)
    levels = (0.5, (1.0 - coverage) / 2.0, (1.0 + coverage) / 2.0)
    paths = [point_forecasts(model, predictions, len(rows.series), level) for level in levels]
    if n_steps > paths[0].shape[1]:
        raise ValueError(
            f"n_steps is {n_steps}, but the quantiles of the model are those of {paths[0].shape[1]} steps, and cannot "
            "be fed back. For more steps, fit it to y of as many steps, or pass n_calibration."
        )
    return [path[:, :n_steps] for path in paths]


def _conformal(model: Any, rows: Rows, n_steps: int, coverage: float, n_calibration: int) -> list[NDArray[np.floating]]:
    """Return the forecasts and the bounds, (n_groups, n_steps, n_series) each."""
    timeline, n_least = rows.timeline, n_calibration + n_steps + n_history_rows(model)
    for label, n_known in zip(rows.labels, timeline.n_known, strict=True):
        if n_known < n_least:
            with of_group(label):
                raise ValueError(
                    f"n_calibration is {n_calibration}, but history has {n_known} rows; expected at least {n_least}: "
                    f"those to calibrate on, n_steps={n_steps} before, and what the model looks back on."
                )
    n_origins = n_calibration + n_steps
    origins = np.add.outer(timeline.lasts, np.arange(1 - n_origins, 1)).ravel()
    forecasts, truth = roll(model, rows, origins, n_steps), rows.truths(origins, n_steps)
    scores = np.abs(truth - forecasts).reshape(-1, n_origins, *forecasts.shape[1:])
    is_earlier = np.add.outer(np.arange(n_origins), np.arange(1, n_steps + 1)) < n_steps
    scores[:, is_earlier] = np.nan
    forecasts = forecasts[n_origins - 1 :: n_origins]
    radii = np.empty(forecasts.shape)
    for group, label in enumerate(rows.labels):
        with of_group(label):
            radii[group] = _radii(scores[group], coverage, n_calibration)
    return [forecasts, forecasts - radii, forecasts + radii]


def _radii(scores: NDArray[np.floating], coverage: float, n_calibration: int) -> NDArray[np.float64]:
    """Return half the width of intervals, (n_steps, n_series), from absolute errors (n_origins, n_steps, n_series)."""
    radii = np.empty(scores.shape[1:])
    for k, j in np.ndindex(radii.shape):
        known = np.sort(scores[:, k, j][np.isfinite(scores[:, k, j])])
        radii[k, j] = radius(known.tolist(), coverage)
        if np.isnan(radii[k, j]):
            raise ValueError(
                f"the last n_calibration={n_calibration} rows of history have {len(known)} values that are not "
                f"missing; expected at least {least_calibration(coverage)} for coverage={coverage}."
            )
    return radii


def check_calibration(coverage: float | None, n_calibration: int | None) -> None:
    """Raise unless this number of errors is sufficient for the intervals, if any."""
    if n_calibration is not None:
        check_count("n_calibration", n_calibration)
    if coverage is None:
        if n_calibration is not None:
            raise ValueError(f"n_calibration is {n_calibration}, but coverage is None; expected a coverage.")
        return
    check_share("coverage", coverage)
    if n_calibration is not None and n_calibration < least_calibration(coverage):
        raise ValueError(
            f"n_calibration is {n_calibration}, but coverage={coverage} needs at least "
            f"{least_calibration(coverage)} errors."
        )


def least_calibration(coverage: float) -> int:
    """Return the smallest number of errors with a quantile for this coverage.

    Examples
    --------
    >>> least_calibration(0.9), least_calibration(0.95)
    (9, 19)
    """
    n_errors = max(1, floor(coverage / (1.0 - coverage)) - 1)  # or one more, because of rounding in `_rank`
    while _rank(n_errors, coverage) > n_errors:
        n_errors += 1
    return n_errors


def _rank(n_errors: int, coverage: float) -> int:
    """Return the rank of the radius among this number of absolute errors."""
    return max(1, ceil((n_errors + 1) * coverage - _ROUNDING))


def radius(ordered: Sequence[float], coverage: float) -> float:
    """Return the ceil((n + 1) * coverage)-th of n absolute errors in increasing order; NaN if that is more than n."""
    rank = _rank(len(ordered), coverage)
    return float(ordered[rank - 1]) if rank <= len(ordered) else np.nan


def rolling_radii(
    scores: NDArray[np.floating], origins: Sequence[int], delay: int, coverage: float, n_calibration: int | None
) -> NDArray[np.float64]:
    """Return the radius at each origin, of the latest `n_calibration` (None: all) absolute errors known there.

    The error `scores[i]`, NaN where the truth is missing, is known from row `origins[i] + delay`.
    """
    radii = np.full(len(scores), np.nan)
    latest: deque[float] = deque()
    ordered: list[float] = []
    n_known = 0
    for i, origin in enumerate(origins):
        while origins[n_known] + delay <= origin:
            if np.isfinite(scores[n_known]):
                latest.append(scores[n_known])
                insort(ordered, scores[n_known])
            n_known += 1
            if n_calibration is not None and len(latest) > n_calibration:
                del ordered[bisect_left(ordered, latest.popleft())]
        radii[i] = radius(ordered, coverage)
    return radii
