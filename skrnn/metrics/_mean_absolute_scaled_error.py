"""The absolute error over that of the naive forecast."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import mean_absolute_error

from skrnn._inputs._parameters import check_count
from skrnn.metrics._averages import over_outputs


def mean_absolute_scaled_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    y_train: ArrayLike,
    season: int = 1,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return the mean absolute error over that of the naive forecast in the training part (MASE).

    The naive forecast says of each row what the row one season before was: below 1, forecasts are better than that
    forecast of one step was in the training part.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The truth.
    y_pred : array-like of the shape of `y_true`
        The forecasts.
    y_train : array-like of shape (n_train,) or (n_train, n_outputs)
        The rows that the model was fitted on, oldest first; NaN where one is missing.
    season : int, default=1
        How many rows before the naive forecast looks: 12 for months with a season, 1 for the last value.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), default="uniform_average"
        How errors of several outputs are averaged, as in :func:`~sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The error, of 0 or more; where the naive forecast makes no error in `y_train`, infinity, or 0 for perfect
        forecasts.

    Raises
    ------
    TypeError
        If `season` is not an integer.
    ValueError
        If shapes do not match, `y_true` or `y_pred` holds NaN, or `y_train` has no two values one season apart.

    See Also
    --------
    skrnn.forecasting.Backtest.scores : This and other measures of a backtest, per step and series.

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
        raise ValueError(f"y_train has {len(scale)} outputs, but y_true has {len(errors)}; expected as many.")
    if np.isnan(scale).any():
        raise ValueError(f"y_train has no two values that are {season} rows apart; expected a longer one.")
    return over_outputs(scaled(errors, scale), multioutput)


def naive_error(y_train: NDArray[np.floating], season: int) -> NDArray[np.float64]:
    """Return the mean absolute change over a season of values (n_rows, n_outputs), (n_outputs,); NaN where unknown."""
    check_count("season", season)
    changes = np.abs(y_train[season:] - y_train[:-season])
    is_known = np.isfinite(changes)
    n_known = is_known.sum(axis=0)
    return np.where(n_known > 0, np.where(is_known, changes, 0.0).sum(axis=0) / np.maximum(n_known, 1), np.nan)


def scaled(errors: NDArray[np.floating], scale: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return absolute errors over their scale; over a scale of zero infinity, or 0 where the error is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((errors == 0.0) & (scale == 0.0), 0.0, errors / scale)
