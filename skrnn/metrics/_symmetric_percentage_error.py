"""The absolute error over the mean of the truth and the forecast."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import mean_absolute_error

from skrnn.metrics._averages import mean_of
from skrnn.metrics._mean_absolute_scaled_error import scaled


def symmetric_mean_absolute_percentage_error(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return the mean of twice the absolute error over the sum of the absolute values (sMAPE).

    Of the definitions in use this is that of the M3 and M4 competitions, 2 abs(y - f) / (abs(y) + abs(f)), as a
    fraction from 0 to 2: times 100 it is in percent.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The truth.
    y_pred : array-like of the shape of `y_true`
        The forecasts.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), default="uniform_average"
        How errors of several outputs are averaged, as in :func:`~sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The error. A forecast of zero where the truth is zero has none; any other forecast of a zero has the error 2.

    Raises
    ------
    ValueError
        If shapes do not match, or there is NaN.

    See Also
    --------
    sklearn.metrics.mean_absolute_percentage_error : The absolute error over the absolute truth alone.

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
    mean_absolute_error(y_true, y_pred)  # checks shapes and values
    errors = symmetric_percentages(np.asarray(y_true, dtype=np.float64), np.asarray(y_pred, dtype=np.float64))
    return mean_of(errors, sample_weight, multioutput)


def symmetric_percentages(truth: NDArray[np.floating], forecasts: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the error of each forecast over the mean of the two absolute values, 0 where both are zero."""
    return scaled(np.abs(truth - forecasts), (np.abs(truth) + np.abs(forecasts)) / 2.0)
