"""How much of the truth lies within intervals, and how wide they are."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import mean_absolute_error

from skrnn.metrics._averages import mean_of


def interval_coverage(
    y_true: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Any = "uniform_average",
) -> Any:
    """Return the share of the truth that lies within its interval, bounds included.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The truth.
    lower, upper : array-like of the shape of `y_true`
        The bounds.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the samples.
    multioutput : {"raw_values", "uniform_average"} or array-like of shape (n_outputs,), default="uniform_average"
        How shares of several outputs are averaged, as in :func:`~sklearn.metrics.mean_absolute_error`.

    Returns
    -------
    float or ndarray of shape (n_outputs,)
        The share, from 0 to 1.

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
    for bound in (lower, upper):
        mean_absolute_error(y_true, bound)  # checks shapes and values
    truth = np.asarray(y_true)
    inside = (np.asarray(lower) <= truth) & (truth <= np.asarray(upper))
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
        The width; that of an interval whose lower bound is above its upper one is negative.

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
    mean_absolute_error(lower, upper)  # checks shapes and values
    return mean_of(np.asarray(upper, np.float64) - np.asarray(lower, np.float64), sample_weight, multioutput)
