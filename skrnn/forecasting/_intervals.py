"""Forecasts with intervals: predicted quantiles, or split-conformal with or without the spread of an ensemble."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from math import ceil, floor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._parameters import check_choice, check_count, check_share
from skrnn.forecasting._forecast import as_history
from skrnn.forecasting._models import fitted_regressor, n_history_rows, point_forecasts, quantile_levels
from skrnn.forecasting._recursion import predictions_at, roll, roll_members
from skrnn.forecasting._rows import Rows, read_rows
from skrnn.forecasting._tables import naming_group

#: How intervals may be made.
METHODS = ("auto", "quantiles", "conformal", "ensemble")

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
    method: str = "auto",
    exog: ArrayLike | None = None,
    known_ahead: ArrayLike | None = None,
    static: ArrayLike | None = None,
    groups: Any = None,
) -> ForecastInterval:
    """Forecast the `n_steps` steps after the last row of a history, with an interval for each.

    Without `n_calibration` the bounds are quantiles predicted by the model, for at most as many steps as it predicts.
    Otherwise they are split-conformal, for any model and any number of steps: the forecast plus and minus a quantile of
    its absolute errors on the last rows of the history. For ensembles the interval can also be wider where the members
    disagree.

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
    method : {"auto", "quantiles", "conformal", "ensemble"}, default="auto"
        How the intervals are made. "quantiles": predicted by the model. "conformal": equally wide at all times, from
        the errors on the calibration rows. "ensemble": from these errors, and wider where the members of an
        :class:`~skrnn.ensemble.EnsembleRegressor` disagree; it is the model, or a part of it, as in a pipeline, a
        :class:`~skrnn.ensemble.ChangeRegressor` or a :class:`~skrnn.ensemble.HybridRegressor`. "auto": "conformal" with
        `n_calibration`, "quantiles" without.
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
        If a count is not an integer, `coverage` is not a number, `method` is not a string, or the model is not a
        regressor.
    ValueError
        If a parameter is invalid, or `method` does not match `n_calibration`; if `n_calibration`, or its number of
        values that are not missing, is too small for the coverage; if without it the model does not predict the
        quantiles, or not for `n_steps`; if ``method="ensemble"`` and the model has no ensemble of at least two members;
        and as in :func:`forecast`.

    See Also
    --------
    backtest : Such intervals from many origins, and their observed coverage.

    Notes
    -----
    The errors of step k are those of forecasts made k steps before each of the last `n_calibration` rows, in the same
    way as the forecast itself, including recursion. Half the width of the interval is the ceil((n + 1) * coverage)-th
    smallest of the n absolute errors [1]_ [2]_: coverage 0.9 requires 9 errors, 0.95 requires 19, and more reduce its
    variance.

    With ``method="ensemble"`` each absolute error is divided by sqrt(s**2 + v) before the quantile is taken, and the
    quantile is multiplied by this for the step to forecast. s is the standard deviation of the members' forecasts, each
    fed with its own, and v the mean square of the errors of this step: the variance of an ensemble as the sum of the
    noise and of the disagreement of its members [5]_, as the scale of a normalised conformal interval [2]_ [6]_.
    Members that differ only in their seeds share most of their error, so s alone would be far too small.

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
    .. [5] Lakshminarayanan, B., Pritzel, A. and Blundell, C. (2017). Simple and scalable predictive uncertainty
           estimation using deep ensembles. Advances in Neural Information Processing Systems 30. :arxiv:`1612.01474`
    .. [6] Papadopoulos, H., Vovk, V. and Gammerman, A. (2011). Regression conformal prediction with nearest neighbours.
           Journal of Artificial Intelligence Research 40, 815-840. :doi:`10.1613/jair.3198`

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
    _check_method(method, coverage, n_calibration)
    model = fitted_regressor(model)
    rows = read_rows(model, history, exog, n_steps, groups, known_ahead, static)
    if n_calibration is None:
        paths = _quantiles(model, rows, n_steps, coverage)
    else:
        paths = _conformal(model, rows, n_steps, coverage, int(n_calibration), method == "ensemble")
    return ForecastInterval(*(as_history(rows, path) for path in paths))


def _check_method(method: str, coverage: float, n_calibration: int | None) -> None:
    """Raise unless intervals can be made in this way with or without rows to calibrate on."""
    check_choice("method", method, METHODS)
    if method == "quantiles" and n_calibration is not None:
        raise ValueError(
            f"n_calibration is {n_calibration}, but method is 'quantiles', which are not calibrated; expected None, or "
            "method='conformal'."
        )
    if method in ("conformal", "ensemble") and n_calibration is None:
        raise ValueError(
            f"n_calibration is None, but method is {method!r}; expected the number of rows at the end of history that "
            f"the model was not fitted to, at least {least_calibration(coverage)} for coverage={coverage}."
        )


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
    median, *bounds = (point_forecasts(model, predictions, len(rows.series), level) for level in levels)
    if n_steps > median.shape[1]:
        raise ValueError(
            f"n_steps is {n_steps}, but the model predicts quantiles of {median.shape[1]} steps, which cannot be fed "
            "back. For more steps, fit it to y with as many steps, or pass n_calibration."
        )
    # A decreasing transformation of the target exchanges the bounds.
    return [path[:, :n_steps] for path in (median, np.minimum(*bounds), np.maximum(*bounds))]


def _conformal(
    model: Any, rows: Rows, n_steps: int, coverage: float, n_calibration: int, uses_members: bool
) -> list[NDArray[np.floating]]:
    """Return the forecasts and the bounds, (n_groups, n_steps, n_series) each."""
    timeline, n_least = rows.timeline, n_calibration + n_steps + n_history_rows(model)
    for label, n_known in zip(rows.labels, timeline.n_known, strict=True):
        if n_known < n_least:
            with naming_group(label):
                raise ValueError(
                    f"n_calibration is {n_calibration}, but history has {n_known} rows; expected at least {n_least}: "
                    f"the calibration rows, n_steps={n_steps} before them, and the history that the model needs."
                )
    n_origins = n_calibration + n_steps
    origins = np.add.outer(timeline.lasts, np.arange(1 - n_origins, 1)).ravel()
    if uses_members:
        forecasts, deviations = roll_members(model, rows, origins, n_steps)
    else:
        forecasts = roll(model, rows, origins, n_steps)
        deviations = np.zeros(forecasts.shape)
    of_groups = (-1, n_origins, *forecasts.shape[1:])
    errors = np.abs(rows.truths(origins, n_steps) - forecasts).reshape(of_groups)
    is_earlier = np.add.outer(np.arange(n_origins), np.arange(1, n_steps + 1)) < n_steps
    errors[:, is_earlier] = np.nan
    forecasts, deviations = forecasts[n_origins - 1 :: n_origins], deviations.reshape(of_groups)
    radii = np.empty(forecasts.shape)
    for group, label in enumerate(rows.labels):
        with naming_group(label):
            radii[group] = _radii(errors[group], deviations[group], coverage, n_calibration)
    return [forecasts, forecasts - radii, forecasts + radii]


def _radii(
    errors: NDArray[np.floating], deviations: NDArray[np.floating], coverage: float, n_calibration: int
) -> NDArray[np.float64]:
    """Return half the width of intervals at the last origin, (n_steps, n_series).

    Absolute errors and deviations of the members are (n_origins, n_steps, n_series).
    """
    radii = np.empty(errors.shape[1:])
    for k, j in np.ndindex(radii.shape):
        is_known = np.isfinite(errors[:, k, j])
        known = errors[is_known, k, j]
        radii[k, j] = scaled_radius(known, deviations[is_known, k, j], deviations[-1, k, j], coverage)
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


def scaled_radius(
    errors: NDArray[np.floating], deviations: NDArray[np.floating], deviation: float, coverage: float
) -> float:
    """Return the radius where members deviate by `deviation`, from absolute errors where they did by `deviations`.

    If all deviations are 0, it is the :func:`radius` of the errors.
    """
    if deviation == 0.0 and not deviations.any():
        return radius(np.sort(errors).tolist(), coverage)
    noise = np.mean(np.square(errors)) if len(errors) else 0.0
    scales = np.sqrt(np.square(deviations) + noise)
    scaled = np.divide(errors, scales, out=np.zeros(len(errors)), where=scales > 0.0)
    return radius(np.sort(scaled).tolist(), coverage) * float(np.sqrt(deviation**2 + noise))


def rolling_radii(
    errors: NDArray[np.floating], origins: Sequence[int], delay: int, coverage: float, n_calibration: int | None
) -> NDArray[np.float64]:
    """Return the radius at each origin, of the latest `n_calibration` (None: all) absolute errors known there.

    The error `errors[i]`, NaN where the truth is missing, is known from row `origins[i] + delay`.
    """
    radii = np.full(len(errors), np.nan)
    latest: deque[float] = deque()
    ordered: list[float] = []
    n_known = 0
    for i, origin in enumerate(origins):
        while origins[n_known] + delay <= origin:
            if np.isfinite(errors[n_known]):
                latest.append(errors[n_known])
                insort(ordered, errors[n_known])
            n_known += 1
            if n_calibration is not None and len(latest) > n_calibration:
                del ordered[bisect_left(ordered, latest.popleft())]
        radii[i] = radius(ordered, coverage)
    return radii


def rolling_scaled_radii(
    errors: NDArray[np.floating],
    deviations: NDArray[np.floating],
    origins: Sequence[int],
    delay: int,
    coverage: float,
    n_calibration: int | None,
) -> NDArray[np.float64]:
    """Return the radius at each origin, as :func:`rolling_radii` does, scaled by the deviations of the members."""
    known = np.flatnonzero(np.isfinite(errors))
    known_from = np.asarray(origins)[known] + delay
    radii = np.empty(len(errors))
    for i, origin in enumerate(origins):
        past = known[: np.searchsorted(known_from, origin, side="right")]
        past = past if n_calibration is None else past[-n_calibration:]
        radii[i] = scaled_radius(errors[past], deviations[past], deviations[i], coverage)
    return radii
