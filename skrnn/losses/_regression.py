"""Losses of regression that look for the mean."""

import math
from typing import ClassVar, final

import numpy as np
from scipy.special import xlogy

from skrnn.losses._base import Loss
from skrnn.losses._statistics import entry_weights, mean_and_deviation, mean_share_explained


@final
class HalfSquaredError(Loss):
    """Half the squared error, averaged over the outputs: mean_k (raw_k - y_k)^2 / 2."""

    has_residuals: ClassVar[bool] = True

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write (raw - y) / n_outputs into `d_raw` and return the losses, (n_columns,)."""
        n_outputs = len(raw)
        np.subtract(raw, y, out=d_raw)
        if present is not None:
            d_raw *= present
        losses = np.add.reduce(np.square(d_raw), axis=0)
        losses *= 0.5 / n_outputs
        if n_outputs > 1:
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
        """Write t_raw / n_outputs into `d_raw`."""
        np.multiply(t_raw, 1.0 / len(raw), out=d_raw)
        if present is not None:
            d_raw *= present

    def residuals(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write sqrt(1 / n_outputs) into `d_raw` and return as many times raw - y, (n_outputs, n_columns)."""
        d_raw[...] = math.sqrt(1.0 / len(raw))
        if present is not None:
            d_raw *= present
        residuals = raw - y
        residuals *= d_raw
        return residuals

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return R^2, averaged over the outputs, as `sklearn.metrics.r2_score` has it."""
        if present is not None:
            weights = present if weights is None else present * weights
        residual = np.average((y - raw) ** 2, axis=1, weights=weights)
        mean = np.average(y, axis=1, weights=weights)
        total = np.average((y - mean[:, None]) ** 2, axis=1, weights=weights)
        return mean_share_explained(residual, total)

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return `raw` itself."""
        return raw

    def location_scale(
        self, y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the targets."""
        if present is not None:
            weights = entry_weights(y, weights, present)
        return mean_and_deviation(y, weights)


@final
class HalfPoissonDeviance(Loss):
    """Half the Poisson deviance of counts, averaged over the outputs: mean_k exp(raw_k) - y_k raw_k, plus a constant.

    The constant, mean_k y_k log(y_k) - y_k, is what makes the loss zero where exp(raw) = y. Outputs are logarithms of
    the predicted means.
    """

    link: ClassVar[str] = "log"
    least_target: ClassVar[float] = 0.0

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write (exp(raw) - y) / n_outputs into `d_raw` and return the losses, (n_columns,)."""
        deviances = _half_deviances(y, raw)
        np.subtract(_exp(raw), y, out=d_raw)
        if present is not None:
            deviances *= present
            d_raw *= present
        losses = np.add.reduce(deviances, axis=0)
        losses *= 1.0 / len(raw)
        d_raw *= 1.0 / len(raw)
        return losses

    def curvature_product(
        self,
        y: np.ndarray,
        raw: np.ndarray,
        t_raw: np.ndarray,
        d_raw: np.ndarray,
        present: np.ndarray | None = None,
    ) -> None:
        """Write exp(raw) t_raw / n_outputs into `d_raw`."""
        np.multiply(_exp(raw), t_raw, out=d_raw)
        d_raw *= 1.0 / len(raw)
        if present is not None:
            d_raw *= present

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return D^2, averaged over the outputs, as `sklearn.metrics.d2_tweedie_score` has it with power=1."""
        y, raw = y.astype(np.float64), raw.astype(np.float64)
        weights = entry_weights(y, weights, present)
        means = np.average(y, axis=1, weights=weights)[:, None]
        of_means = xlogy(y, y / np.where(means > 0.0, means, 1.0)) + (means - y)
        is_mean = np.abs(y - means) <= 10 * np.finfo(np.float64).eps * means  # but for rounding
        total = np.average(np.where(is_mean, 0.0, of_means), axis=1, weights=weights)
        return mean_share_explained(np.average(_half_deviances(y, raw), axis=1, weights=weights), total)

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return exp(raw), the mean."""
        return _exp(raw)

    def location_scale(
        self, y: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the logarithm of the targets' mean, and one."""
        means = np.average(y, axis=1, weights=entry_weights(y, weights, present))
        return np.log(means), np.ones(len(y))

    def standardised(self, y: np.ndarray, location: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Return the targets divided by their mean, exp(location), which the readout's bias takes up.

        The loss of y / m at raw - log(m) is that of y at raw, divided by m.
        """
        return y * np.exp(-location[:, None])


def _exp(raw: np.ndarray) -> np.ndarray:
    """Return exp(raw), infinity where a step went too far: the solver sees the loss, and steps back."""
    with np.errstate(over="ignore"):
        return np.exp(raw)


def _half_deviances(y: np.ndarray, raw: np.ndarray) -> np.ndarray:
    """Return half the Poisson deviance of each output, (n_outputs, n_columns)."""
    deviances = _exp(raw)
    deviances -= y * raw
    deviances += xlogy(y, y)
    deviances -= y
    return deviances
