"""Losses of regression that are linear far from the target: robust ones, and quantiles.

All are averages over the outputs, and standardise targets by median and median absolute deviation: targets that lie far
off do not squeeze the others together.
"""

from typing import final

import numpy as np
from scipy.optimize import brentq

from skrnn.losses._base import Loss
from skrnn.losses._statistics import (
    entry_weights,
    mean_share_explained,
    median_and_deviation,
    weighted_quantiles,
)

#: Added to |raw - y| in the curvature of a loss that is linear there: it bounds the curvature at the kink.
KINK_WIDTH = 1e-3


@final
class AbsoluteError(Loss):
    """The absolute error, averaged over the outputs, mean_k |raw_k - y_k|: predictions are medians."""

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write sign(raw - y) / n_outputs into `d_raw` and return the losses, (n_columns,)."""
        n_outputs = len(raw)
        np.subtract(raw, y, out=d_raw)
        if present is not None:
            d_raw *= present
        losses = np.add.reduce(np.abs(d_raw), axis=0)
        losses *= 1.0 / n_outputs
        np.sign(d_raw, out=d_raw)
        d_raw *= 1.0 / n_outputs
        return losses

    def curvature_product(
        self,
        y: np.ndarray,
        raw: np.ndarray,
        t_raw: np.ndarray,
        d_raw: np.ndarray,
        present: np.ndarray | None = None,
    ) -> None:
        """Write t_raw / (|raw - y| + KINK_WIDTH) / n_outputs into `d_raw`.

        The curvature of the quadratic that touches |raw - y| at the present residual and is nowhere below it: the loss
        itself has none (Hunter, Lange 2000, doi:10.1080/10618600.2000.10474866).
        """
        _touch_from_above(y, raw, t_raw, d_raw, present)

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return D^2, averaged over the outputs, as `sklearn.metrics.d2_absolute_error_score` has it."""
        return _share_of_pinball_explained(np.array([0.5]), y, raw, weights, present)

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return `raw` itself."""
        return raw

    def location_scale(
        self, y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the median of the targets, and 1.4826 times their median absolute deviation."""
        return median_and_deviation(y, entry_weights(y, weights, present))


@final
class Huber(Loss):
    """Huber's loss, averaged over the outputs: half the squared error up to an error of one, linear beyond.

    mean_k of (raw_k - y_k)^2 / 2 where |raw_k - y_k| <= 1, else |raw_k - y_k| - 1/2 (Huber 1964,
    doi:10.1214/aoms/1177703732).
    """

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write raw - y, clipped to one, over n_outputs into `d_raw` and return the losses, (n_columns,)."""
        n_outputs = len(raw)
        residuals = raw - y
        if present is not None:
            residuals *= present
        np.clip(residuals, -1.0, 1.0, out=d_raw)
        residuals -= 0.5 * d_raw
        residuals *= d_raw
        losses = np.add.reduce(residuals, axis=0)
        losses *= 1.0 / n_outputs
        d_raw *= 1.0 / n_outputs
        return losses

    def curvature_product(
        self,
        y: np.ndarray,
        raw: np.ndarray,
        t_raw: np.ndarray,
        d_raw: np.ndarray,
        present: np.ndarray | None = None,
    ) -> None:
        """Write t_raw / n_outputs into `d_raw` where the loss is quadratic, zero where it is linear."""
        d_raw[...] = np.abs(raw - y) <= 1.0
        d_raw *= t_raw
        d_raw *= 1.0 / len(raw)
        if present is not None:
            d_raw *= present

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return D^2, averaged over the outputs: the share of the best constant's loss that is explained."""
        y, raw = y.astype(np.float64), raw.astype(np.float64)
        weights = entry_weights(y, weights, present)
        constants = np.array([_huber_location(*row) for row in zip(y, weights, strict=True)])[:, None]
        losses, total = (
            np.average(_huber(residuals), axis=1, weights=weights) for residuals in (raw - y, constants - y)
        )
        return mean_share_explained(losses, total)

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return `raw` itself."""
        return raw

    def location_scale(
        self, y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the median of the targets, and 1.4826 times their median absolute deviation."""
        return median_and_deviation(y, entry_weights(y, weights, present))


@final
class Quantile(Loss):
    """The pinball loss of quantiles, averaged over the outputs: mean_k of the larger of level_k e_k and
    (level_k - 1) e_k, where e = y - raw.

    An error costs `level` where the target lies above the output and 1 - level where it lies below (Koenker, Bassett
    1978, doi:10.2307/1913643). At level 1/2 that is half the absolute error.

    Parameters
    ----------
    levels : tuple of float, default=(0.5,)
        Levels between zero and one, in increasing order. Outputs are those of one target after another: an output for
        each level.
    """

    def __init__(self, levels: tuple[float, ...] = (0.5,)) -> None:
        self.levels = levels

    @property
    def n_outputs_per_target(self) -> int:
        """One for each level."""
        return len(self.levels)

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write -level or 1 - level, over n_outputs, into `d_raw` and return the losses, (n_columns,)."""
        n_outputs = len(raw)
        # How much steeper than 1/2 the loss of each output is where the output is too large, (n_outputs, 1).
        tilts = (0.5 - self._levels(n_outputs)[:, None]).astype(raw.dtype)
        np.subtract(raw, y, out=d_raw)
        if present is not None:
            d_raw *= present
        losses = np.add.reduce(0.5 * np.abs(d_raw) + tilts * d_raw, axis=0)
        losses *= 1.0 / n_outputs
        np.sign(d_raw, out=d_raw)
        d_raw *= 0.5 + tilts * d_raw  # zero where the target is hit
        d_raw *= 1.0 / n_outputs
        return losses

    def curvature_product(
        self,
        y: np.ndarray,
        raw: np.ndarray,
        t_raw: np.ndarray,
        d_raw: np.ndarray,
        present: np.ndarray | None = None,
    ) -> None:
        """Write t_raw / (|raw - y| + KINK_WIDTH) / (2 n_outputs) into `d_raw`.

        The curvature of the quadratic that touches the loss at the present residual and is nowhere below it: the loss
        itself has none (Hunter, Lange 2000, doi:10.1080/10618600.2000.10474866).
        """
        _touch_from_above(y, raw, t_raw, d_raw, present)
        d_raw *= 0.5

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return D^2, averaged over the levels, as `sklearn.metrics.d2_pinball_score` has it."""
        return _share_of_pinball_explained(self._levels(len(y)), y, self.predict(raw), weights, present)

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return `raw`, or with several levels those of each target in increasing order, so that no two cross.

        Ordered quantiles are nowhere further from the true ones (Chernozhukov, Fernandez-Val, Galichon 2010,
        doi:10.3982/ECTA7880).
        """
        n_levels = len(self.levels)
        return raw if n_levels == 1 else np.sort(raw.reshape(-1, n_levels, raw.shape[1]), axis=1).reshape(raw.shape)

    def location_scale(
        self, y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the median of the targets, and 1.4826 times their median absolute deviation."""
        return median_and_deviation(y, entry_weights(y, weights, present))

    def _levels(self, n_outputs: int) -> np.ndarray:
        """Return the level of each output, (n_outputs,)."""
        return np.tile(self.levels, n_outputs // len(self.levels))


def _touch_from_above(
    y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None
) -> None:
    """Write t_raw / (|raw - y| + KINK_WIDTH) / n_outputs into `d_raw`."""
    np.subtract(raw, y, out=d_raw)
    np.abs(d_raw, out=d_raw)
    d_raw += KINK_WIDTH
    np.divide(t_raw, d_raw, out=d_raw)
    d_raw *= 1.0 / len(raw)
    if present is not None:
        d_raw *= present


def _share_of_pinball_explained(
    levels: np.ndarray, y: np.ndarray, predictions: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None
) -> float:
    """Return D^2 of the pinball loss at these levels, (n_outputs,), averaged over the outputs."""
    y, predictions = y.astype(np.float64), predictions.astype(np.float64)
    weights = entry_weights(y, weights, present)
    tilts = 0.5 - levels[:, None]
    constants = weighted_quantiles(y, weights, levels)[:, None]
    losses, total = (
        np.average(0.5 * np.abs(residuals) + tilts * residuals, axis=1, weights=weights)
        for residuals in (predictions - y, constants - y)
    )
    return mean_share_explained(losses, total)


def _huber(residuals: np.ndarray) -> np.ndarray:
    """Return Huber's loss of each residual."""
    clipped = np.clip(residuals, -1.0, 1.0)
    return clipped * (residuals - 0.5 * clipped)


def _huber_location(y: np.ndarray, weights: np.ndarray) -> float:
    """Return the constant of least Huber's loss for targets y, (n_columns,), with these weights."""
    counted = y[weights > 0.0]
    least, most = counted.min(), counted.max()
    if least == most:
        return least
    # From the largest float64 to the tolerance, 2e-12, are 1063 halvings.
    return brentq(lambda constant: np.dot(weights, np.clip(constant - y, -1.0, 1.0)), least, most, maxiter=2000)
