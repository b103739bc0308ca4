"""The base class of losses: values and derivatives with respect to the outputs of a network; statistics of targets."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from scipy.optimize import brentq


class Loss(ABC):
    """The loss of the raw outputs of a network, one number per column.

    Columns are the last axis: `y`, `raw` and `d_raw` are (n_outputs, n_columns), one column per sequence or per
    timestep. A subclass defines the loss of a single entry: `value_and_slope` and `curvature`. This class leaves out
    entries without a target (`present`, of the same shape, is zero there; None if there are none), and computes the sum
    or the mean over the outputs. Weights and averages over columns are left to the objective.
    """

    averages_outputs: ClassVar[bool] = True  # whether the loss of a column is the mean or the sum over its outputs
    has_residuals: ClassVar[bool] = False  # whether it is a sum of squares, with `residual_and_slope`
    link: ClassVar[str] = "identity"  # or "log": whether outputs are predictions or their logarithms
    units: ClassVar[str] = "none"  # the statistics for standardising targets, a key of `UNITS`
    least_target: ClassVar[float] = -math.inf  # minimum of the targets; an output must also have larger ones

    @property
    def n_outputs_per_target(self) -> int:
        """Number of outputs per target; targets in `y` are repeated accordingly."""
        return 1

    # For each entry, in the subclass; may depend on the other outputs of the column

    @abstractmethod
    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write the derivative with respect to each output into `slope`, and return the losses as a new array."""

    @abstractmethod
    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write the second derivative times the perturbation `t_raw` of the outputs into `d_raw`, another array.

        The second derivative must be positive semi-definite. If it is zero almost everywhere, use the curvature of a
        quadratic that touches the loss from above.
        """

    def residual_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write the slope of each residual into `slope` and return the residuals, whose half squares are the losses."""
        raise NotImplementedError(f"{type(self).__name__} is not a sum of squares: it has no residuals.")

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the predictions, (n_outputs, n_columns), for raw outputs."""
        return raw if self.link == "identity" else exp(raw)

    def best_constant(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the constant output with the least weighted loss for each row of targets, (n_outputs,), for `score`.

        `y` and the weights are (n_outputs, n_columns), float64. By default it is the root of the slope, for a convex
        loss with the identity link.
        """
        return np.array([self._root_of_slope(*row) for row in zip(y, weights, strict=True)])

    # For the objective

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write the gradient of each column's loss into `d_raw` and return the losses, (n_columns,)."""
        values = self.value_and_slope(y, raw, d_raw)
        if present is not None:
            values *= present
            d_raw *= present
        if len(raw) == 1:
            return values[0]
        losses = np.add.reduce(values, axis=0)
        if self.averages_outputs:
            losses *= 1.0 / len(raw)
            d_raw *= 1.0 / len(raw)
        return losses

    def curvature_product(
        self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> None:
        """Write H t_raw into `d_raw`, another array than `t_raw`, with the curvature H of each column's loss."""
        self.curvature(y, raw, t_raw, d_raw)
        if present is not None:
            d_raw *= present
        if self.averages_outputs:
            d_raw *= 1.0 / len(raw)

    def residuals(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write the slope of each output's residual into `d_raw` and return the residuals, (n_outputs, n_columns).

        Half the sum of their squares over the outputs is the loss of the column.
        """
        residuals = self.residual_and_slope(y, raw, d_raw)
        if self.averages_outputs:
            d_raw *= math.sqrt(1.0 / len(raw))
        if present is not None:
            d_raw *= present
        residuals *= d_raw
        return residuals

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return the score of `raw`, larger is better, for columns with these weights, (n_columns,).

        D^2, averaged over the outputs: the explained fraction of the loss of the best constant.
        """
        y, raw = y.astype(np.float64), raw.astype(np.float64)
        weights = entry_weights(y, weights, present)
        constants = np.broadcast_to(self.best_constant(y, weights)[:, None], y.shape)
        losses, of_constants = (
            np.average(self.value_and_slope(y, outputs, np.empty_like(y)), axis=1, weights=weights)
            for outputs in (raw, constants)
        )
        return mean_share_explained(losses, np.where(is_constant(y, weights), 0.0, of_constants))

    def location_scale(
        self, y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return location and scale of the outputs, each (n_outputs,), for targets with these weights, (n_columns,).

        The location is a reasonable constant prediction. `y` is float64.
        """
        return UNITS[self.units](y, entry_weights(y, weights, present))

    def standardised(self, y: np.ndarray, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Return the training targets of a network whose outputs are scaled and shifted accordingly.

        With the log link a shift of the outputs is a factor of the predictions.
        """
        if self.link == "log":
            return y * np.exp(-location[:, None])
        return (y - location[:, None]) / scale[:, None]

    def _root_of_slope(self, y: np.ndarray, weights: np.ndarray) -> float:
        """Return the constant with the smallest loss for targets y, (n_columns,), with these weights."""
        y, weights = y[weights > 0.0], weights[weights > 0.0]
        least, most = y.min(), y.max()
        if least == most:
            return least

        def slope_at(constant: float) -> float:
            slope = np.empty((1, len(y)))
            self.value_and_slope(y[np.newaxis], np.full_like(slope, constant), slope)
            return float(np.dot(weights, slope[0]))

        # It takes 1063 halvings from the largest float64 to the tolerance, 2e-12.
        return brentq(slope_at, least, most, maxiter=2000)


def exp(raw: np.ndarray) -> np.ndarray:
    """Return exp(raw), infinite without a warning after too long a step: the solver then reduces the step."""
    with np.errstate(over="ignore"):
        return np.exp(raw)


#: Inverse of the median absolute deviation of a standard normal distribution: 1 / Phi^-1(3/4).
_NORMAL_DEVIATIONS = 1.4826


# Statistics of targets. Arrays are (n_outputs, n_columns), float64, one row per output; entries of weight zero do not
# count.


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
