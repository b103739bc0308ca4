"""Weighted statistics of targets, for standardising and for scores.

Arrays are (n_outputs, n_columns), float64, one row per output; entries of weight zero do not count.
"""

from collections.abc import Callable

import numpy as np

#: Inverse of the median absolute deviation of a standard normal distribution: 1 / Phi^-1(3/4).
_NORMAL_DEVIATIONS = 1.4826


def entry_weights(y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None) -> np.ndarray:
    """Return the weight of each entry of `y`, for columns of these weights, (n_columns,), float64."""
    entries = np.ones(y.shape) if present is None else present.astype(np.float64)
    return entries if weights is None else entries * weights


def zero_and_one(y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return zeros and ones, each (n_outputs,), for no standardisation."""
    return np.zeros(len(y)), np.ones(len(y))


def log_mean_and_one(y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the logarithm of the mean of each row, and ones."""
    return np.log(np.average(y, axis=1, weights=weights)), np.ones(len(y))


def mean_and_deviation(y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each row; a deviation of zero becomes one."""
    location = np.average(y, axis=1, weights=weights)
    deviations = np.where(weights > 0.0, y - location[:, None], 0.0)  # zero for entries that do not count
    largest = np.abs(deviations).max(axis=1)
    constant = largest <= 10 * np.finfo(np.float64).eps * np.abs(location)  # rounding, not variation
    largest[constant] = 1.0
    # Divided by the largest first, so that no square overflows or vanishes.
    variance = np.average((deviations / largest[:, None]) ** 2, axis=1, weights=weights)
    return location, np.where(constant, 1.0, largest * np.sqrt(variance))


def median_and_deviation(y: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of each row, and 1.4826 times the median absolute deviation, both weighted.

    For normal numbers the latter is the standard deviation (Rousseeuw, Croux 1993, doi:10.1080/01621459.1993.10476408).
    If more than half of the numbers are equal, it would be zero and is replaced by the standard deviation.
    """
    location = weighted_quantiles(y, weights, 0.5)
    deviations = np.abs(y - location[:, None])
    scale = _NORMAL_DEVIATIONS * weighted_quantiles(deviations, weights, 0.5)
    vanishes = scale <= 10 * np.finfo(np.float64).eps * np.abs(location)  # rounding, not variation
    return location, np.where(vanishes, mean_and_deviation(y, weights)[1], scale)


def weighted_quantiles(y: np.ndarray, weights: np.ndarray, levels: float | np.ndarray) -> np.ndarray:
    """Return the quantile of each row, (n_outputs,), at one level or at one level per row, (n_outputs,).

    It minimises the weighted pinball loss. If all numbers between two entries do, it is the midpoint. An entry of
    weight two is equivalent to the same entry twice.
    """
    order = np.argsort(y, axis=1)
    below = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    total = below[:, -1:]
    wanted = np.reshape(levels, (-1, 1)) * total
    rounding = 1e-12 * total
    lower = np.argmax(below >= wanted - rounding, axis=1)
    upper = np.argmax(below > wanted + rounding, axis=1)
    lower, upper = (np.take_along_axis(order, index[:, None], axis=1) for index in (lower, upper))
    return 0.5 * (np.take_along_axis(y, lower, axis=1) + np.take_along_axis(y, upper, axis=1))[:, 0]


#: Functions from targets and weights, (n_outputs, n_columns), to location and scale.
UNITS: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "none": zero_and_one,
    "mean": mean_and_deviation,
    "median": median_and_deviation,
    "log mean": log_mean_and_one,
}


def is_constant(y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return which rows have only equal entries among those that count, (n_outputs,)."""
    is_counted = weights > 0.0
    least = y.min(axis=1, where=is_counted, initial=np.inf)
    return least >= y.max(axis=1, where=is_counted, initial=-np.inf)


def mean_share_explained(losses: np.ndarray, losses_of_constant: np.ndarray) -> float:
    """Return D^2 = 1 - loss / loss of the best constant, each (n_outputs,), averaged over the outputs.

    For constant targets the fraction is one if the loss is zero, otherwise zero.
    """
    constant = losses_of_constant == 0.0
    shares = 1.0 - losses / np.where(constant, 1.0, losses_of_constant)
    return float(np.where(constant, losses == 0.0, shares).mean())
