"""Metrics of forecasts and of their intervals, with averages as in scikit-learn's metrics."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import mean_absolute_error

from skrnn._inputs._messages import settings_unchanged_on_error
from skrnn._inputs._parameters import check_count


def mean_absolute_scaled_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    y_train: ArrayLike,
    season: int = 1,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return the mean absolute error divided by that of the naive forecast in the training part (MASE).

    The naive forecast of a row is the value one season earlier. Below 1, forecasts are better than this forecast was
    in the training part.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The observed values.
    y_pred : array-like of the shape of `y_true`
        The forecasts.
    y_train : array-like of shape (n_train,) or (n_train, n_outputs)
        The rows that the model was fitted on, oldest first; missing ones are NaN.
    season : int, default=1
        Number of rows per season: 12 for monthly data with a yearly season, 1 for the last value as naive forecast.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), default="uniform_average"
        How errors of several outputs are averaged, as in :func:`~sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The error, at least 0. If the naive forecast has no error in `y_train`, it is infinity, or 0 for perfect
        forecasts.

    Raises
    ------
    TypeError
        If `season` is not an integer.
    ValueError
        If shapes do not match, `y_true` or `y_pred` contains NaN, or `y_train` has no two values one season apart.

    See Also
    --------
    skrnn.forecasting.Backtest.scores : This and other metrics of a backtest, per step and series.

    References
    ----------
    .. [1] Hyndman, R. J. and Koehler, A. B. (2006). Another look at measures of forecast accuracy. International
           Journal of Forecasting 22(4), 679-688. :doi:`10.1016/j.ijforecast.2006.03.001`

    Examples
    --------
    >>> from skrnn.metrics import mean_absolute_scaled_error
    >>> mean_absolute_scaled_error([5.0, 7.0], [6.0, 7.0], y_train=[1.0, 3.0, 2.0, 4.0])  # steps of 2, 1 and 2
    0.3
    """
    errors = mean_absolute_error(y_true, y_pred, sample_weight=sample_weight, multioutput="raw_values")
    training = np.asarray(y_train, dtype=np.float64)
    scale = naive_error(training.reshape(len(training), -1), season)
    if scale.shape != errors.shape:
        raise ValueError(f"y_train has {len(scale)} outputs, but y_true has {len(errors)}; expected the same number.")
    if np.isnan(scale).any():
        raise ValueError(f"y_train has no two values that are {season} rows apart; expected a longer series.")
    return over_outputs(scaled(errors, scale), multioutput)


def naive_error(y_train: NDArray[np.floating], season: int) -> NDArray[np.float64]:
    """Return the mean absolute change over a season of values (n_rows, n_outputs), (n_outputs,); NaN where unknown."""
    check_count("season", season)
    changes = np.abs(y_train[season:] - y_train[:-season])
    is_known = np.isfinite(changes)
    n_known = is_known.sum(axis=0)
    return np.where(n_known > 0, np.where(is_known, changes, 0.0).sum(axis=0) / np.maximum(n_known, 1), np.nan)


@settings_unchanged_on_error
def scaled(errors: NDArray[np.floating], scale: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return absolute errors over their scale; over a scale of zero infinity, or 0 where the error is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((errors == 0.0) & (scale == 0.0), 0.0, errors / scale)


def symmetric_mean_absolute_percentage_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return the mean of twice the absolute error divided by the sum of the absolute values (sMAPE).

    There are several definitions; this is the one of the M3 and M4 competitions, 2 abs(y - f) / (abs(y) + abs(f)), as
    a fraction from 0 to 2. Multiply by 100 for percent.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The observed values.
    y_pred : array-like of the shape of `y_true`
        The forecasts.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), default="uniform_average"
        How errors of several outputs are averaged, as in :func:`~sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The error. If the truth is zero, a forecast of zero has error 0 and any other forecast has error 2.

    Raises
    ------
    ValueError
        If shapes do not match, or there is NaN.

    See Also
    --------
    sklearn.metrics.mean_absolute_percentage_error : The absolute error divided by the absolute truth alone.

    References
    ----------
    .. [1] Makridakis, S. and Hibon, M. (2000). The M3-Competition: results, conclusions and implications. International
           Journal of Forecasting 16(4), 451-476. :doi:`10.1016/S0169-2070(00)00057-1`

    Examples
    --------
    >>> from skrnn.metrics import symmetric_mean_absolute_percentage_error
    >>> symmetric_mean_absolute_percentage_error([1.0, 0.0], [3.0, 0.0])
    0.5
    """
    truth, forecasts = _in_columns(y_true, y_pred)
    return mean_of(symmetric_percentages(truth, forecasts), sample_weight, multioutput)


def symmetric_percentages(truth: NDArray[np.floating], forecasts: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the error of each forecast over the mean of the two absolute values, 0 where both are zero."""
    return scaled(np.abs(truth - forecasts), (np.abs(truth) + np.abs(forecasts)) / 2.0)


def interval_coverage(
    y_true: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return the fraction of observed values within their intervals, bounds included.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The observed values.
    lower, upper : array-like of the shape of `y_true`
        The bounds.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), default="uniform_average"
        How the fractions of several outputs are averaged, as in :func:`~sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The fraction, from 0 to 1.

    Raises
    ------
    ValueError
        If shapes do not match, or there is NaN.

    See Also
    --------
    sklearn.metrics.mean_pinball_loss : The loss of a quantile, such as one of the bounds.

    Examples
    --------
    >>> from skrnn.metrics import interval_coverage
    >>> interval_coverage([1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0], [1.5, 2.0, 2.5, 5.0])
    0.75
    """
    truth, lowest, highest = _in_columns(y_true, lower, upper)
    inside = (lowest <= truth) & (truth <= highest)
    return mean_of(inside.astype(np.float64), sample_weight, multioutput)


def mean_interval_width(
    lower: ArrayLike, upper: ArrayLike, *, sample_weight: ArrayLike | None = None, multioutput: Any = "uniform_average"
) -> Any:
    """Return the mean width of intervals, in the unit of the series.

    Parameters
    ----------
    lower, upper : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The bounds.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), default="uniform_average"
        How widths of several outputs are averaged, as in :func:`~sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The mean width. An interval whose lower bound is above its upper bound has a negative width.

    Raises
    ------
    ValueError
        If shapes do not match, or there is NaN.

    Examples
    --------
    >>> from skrnn.metrics import mean_interval_width
    >>> mean_interval_width([0.0, 1.0], [1.0, 4.0])
    2.0
    """
    lowest, highest = _in_columns(lower, upper)
    return mean_of(highest - lowest, sample_weight, multioutput)


def _in_columns(values: ArrayLike, *others: ArrayLike) -> list[NDArray[np.float64]]:
    """Return all values, (n_samples,) or (n_samples, n_outputs), as (n_samples, n_outputs), or raise ValueError."""
    for other in others:
        mean_absolute_error(values, other)  # checks shapes and values; takes a single column for 1-D values
    arrays = [np.asarray(array, dtype=np.float64) for array in (values, *others)]
    return [array.reshape(len(array), -1) for array in arrays]


def mean_of(values: NDArray[np.floating], sample_weight: Any, multioutput: Any) -> Any:
    """Return the mean of values (n_samples, n_outputs) over the samples, then over the outputs."""
    return over_outputs(np.average(values, axis=0, weights=sample_weight), multioutput)


def over_outputs(values: NDArray[np.floating], multioutput: Any) -> Any:
    """Return values of outputs, (n_outputs,), or their average."""
    if isinstance(multioutput, str):
        if multioutput not in ("raw_values", "uniform_average"):
            raise ValueError(
                f"multioutput is {multioutput!r}; expected 'raw_values', 'uniform_average' or a weight for each output."
            )
        return values if multioutput == "raw_values" else float(values.mean())
    return float(np.average(values, weights=multioutput))
