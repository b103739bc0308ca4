"""All losses: of regression, for means and quantiles, some linear for large errors; log losses of classification.

Regression losses are averages over the outputs. For robust losses and quantiles, targets are standardised by median and
median absolute deviation, which outliers hardly affect. Log losses are stable for outputs of any size: probabilities
are not clipped.
"""

from typing import ClassVar, final

import numpy as np
from scipy.special import expit, xlogy

from skrnn.losses._base import Loss, exp, weighted_quantiles

#: Added to |raw - y| in the curvature of a piecewise linear loss, to bound the curvature at the kink.
KINK_WIDTH = 1e-3


@final
class HalfSquaredError(Loss):
    """Half the squared error, averaged over the outputs: mean_k (raw_k - y_k)^2 / 2."""

    has_residuals: ClassVar[bool] = True
    units: ClassVar[str] = "mean"

    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write raw - y into `slope` and return half its square."""
        np.subtract(raw, y, out=slope)
        values = np.square(slope)
        values *= 0.5
        return values

    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write t_raw into `d_raw`."""
        d_raw[...] = t_raw

    def residual_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write one into `slope` and return raw - y."""
        slope.fill(1.0)
        return raw - y

    def best_constant(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the mean: the score is R^2, as in `sklearn.metrics.r2_score`."""
        return np.average(y, axis=1, weights=weights)


@final
class HalfPoissonDeviance(Loss):
    """Half the Poisson deviance of counts, averaged over the outputs: mean_k exp(raw_k) - y_k raw_k, plus a constant.

    With the constant, mean_k y_k log(y_k) - y_k, the loss is zero if exp(raw) = y. Outputs are logarithms of the
    predicted means. Targets are divided by their mean m, whose logarithm is added to the bias of the readout: the loss
    of y / m at raw - log(m) is that of y at raw, divided by m.
    """

    link: ClassVar[str] = "log"
    units: ClassVar[str] = "log mean"
    least_target: ClassVar[float] = 0.0

    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write exp(raw) - y into `slope` and return half the deviances."""
        deviances = exp(raw)
        np.subtract(deviances, y, out=slope)
        deviances -= y * raw
        deviances += xlogy(y, y)
        deviances -= y
        return deviances

    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write exp(raw) t_raw into `d_raw`."""
        np.multiply(exp(raw), t_raw, out=d_raw)

    def best_constant(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the logarithm of the mean: D^2 is that of `sklearn.metrics.d2_tweedie_score` with power=1."""
        means = np.average(y, axis=1, weights=weights)
        return np.log(np.where(means > 0.0, means, 1.0))  # targets that are all zero have no best constant


@final
class AbsoluteError(Loss):
    """The absolute error, averaged over the outputs, mean_k |raw_k - y_k|: predictions are medians."""

    units: ClassVar[str] = "median"

    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write sign(raw - y) into `slope` and return |raw - y|."""
        np.subtract(raw, y, out=slope)
        values = np.abs(slope)
        np.sign(slope, out=slope)
        return values

    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write t_raw / (|raw - y| + KINK_WIDTH) into `d_raw`.

        This is the curvature of the quadratic that touches |raw - y| at the current residual and is nowhere below it,
        because the loss itself has none (Hunter, Lange 2000, doi:10.1080/10618600.2000.10474866).
        """
        _touch_from_above(y, raw, t_raw, d_raw)

    def best_constant(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the median: D^2 is that of `sklearn.metrics.d2_absolute_error_score`."""
        return weighted_quantiles(y, weights, 0.5)


@final
class Huber(Loss):
    """Huber's loss, averaged over the outputs: half the squared error up to an error of one, linear beyond.

    mean_k of (raw_k - y_k)^2 / 2 where |raw_k - y_k| <= 1, otherwise |raw_k - y_k| - 1/2 (Huber 1964,
    doi:10.1214/aoms/1177703732).
    """

    units: ClassVar[str] = "median"

    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write raw - y, clipped to one, into `slope` and return the losses."""
        values = raw - y
        np.clip(values, -1.0, 1.0, out=slope)
        values -= 0.5 * slope
        values *= slope
        return values

    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write t_raw into `d_raw` where the loss is quadratic, zero where it is linear."""
        d_raw[...] = np.abs(raw - y) <= 1.0
        d_raw *= t_raw


@final
class Quantile(Loss):
    """The pinball loss of quantiles, averaged over the outputs: mean_k of the larger of level_k e_k and
    (level_k - 1) e_k, where e = y - raw.

    The loss per unit of error is `level` if the target is above the output and 1 - level if it is below (Koenker,
    Bassett 1978, doi:10.2307/1913643). At level 1/2 this is half the absolute error.

    Parameters
    ----------
    levels : tuple of float, default=(0.5,)
        Levels between zero and one, in increasing order. Outputs are ordered by target, then by level.
    """

    units: ClassVar[str] = "median"

    def __init__(self, levels: tuple[float, ...] = (0.5,)) -> None:
        self.levels = levels

    @property
    def n_outputs_per_target(self) -> int:
        """One per level."""
        return len(self.levels)

    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write -level where the target is above the output, 1 - level where it is below, and return the losses."""
        # Slope minus 1/2 of the loss of each output if the output is too large, (n_outputs, 1).
        tilts = (0.5 - self._levels(len(raw))[:, None]).astype(raw.dtype)
        np.subtract(raw, y, out=slope)
        values = 0.5 * np.abs(slope) + tilts * slope
        np.sign(slope, out=slope)
        slope *= 0.5 + tilts * slope  # zero if the output equals the target
        return values

    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write t_raw / (|raw - y| + KINK_WIDTH) / 2 into `d_raw`, as for the absolute error."""
        _touch_from_above(y, raw, t_raw, d_raw)
        d_raw *= 0.5

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return the mean D^2 of the sorted quantiles, as in `sklearn.metrics.d2_pinball_score`."""
        return super().score(y, self.predict(raw), weights, present)

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return `raw`, with several levels sorted for each target, so that quantiles do not cross.

        Sorted quantiles are never further from the true ones (Chernozhukov, Fernandez-Val, Galichon 2010,
        doi:10.3982/ECTA7880).
        """
        n_levels = len(self.levels)
        return raw if n_levels == 1 else np.sort(raw.reshape(-1, n_levels, raw.shape[1]), axis=1).reshape(raw.shape)

    def best_constant(self, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the quantile at the level of each output."""
        return weighted_quantiles(y, weights, self._levels(len(y)))

    def _levels(self, n_outputs: int) -> np.ndarray:
        """Return the level of each output, (n_outputs,)."""
        return np.tile(self.levels, n_outputs // len(self.levels))


def _touch_from_above(y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
    """Write t_raw / (|raw - y| + KINK_WIDTH) into `d_raw`."""
    np.subtract(raw, y, out=d_raw)
    np.abs(d_raw, out=d_raw)
    d_raw += KINK_WIDTH
    np.divide(t_raw, d_raw, out=d_raw)


@final
class BinaryLogLoss(Loss):
    """Log loss of independent yes-or-no outputs, summed over the outputs (binary and multilabel).

    log(1 + exp(-raw)) where y is one, log(1 + exp(raw)) where it is zero; the gradient is sigmoid(raw) - y. The
    logarithm is evaluated as max(z, 0) + log1p(exp(-|z|)) (Blanchard, Higham, Higham 2021,
    doi:10.1093/imanum/draa038).
    """

    averages_outputs: ClassVar[bool] = False

    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write sigmoid(raw) - y into `slope` and return the log losses."""
        expit(raw, out=slope)
        slope -= y
        return np.logaddexp(0.0, (1.0 - 2.0 * y) * raw)

    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write p (1 - p) t_raw into `d_raw`, with the probabilities p = sigmoid(raw)."""
        expit(raw, out=d_raw)
        d_raw *= expit(-raw)  # not 1 - p, which rounds to zero where p is almost one
        d_raw *= t_raw

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return the fraction of columns in which every output has the correct sign."""
        is_right = (raw > 0.0) == (y > 0.5)
        if present is not None:
            is_right |= present == 0.0
        return float(np.average(is_right.all(axis=0), weights=weights))

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the probability of yes, for each output."""
        return expit(raw)


@final
class MultinomialLogLoss(Loss):
    """Log loss of one class out of n_outputs; `y` is one in the row of the class, otherwise zero.

    log(sum_k exp(raw_k)) - sum_k y_k raw_k; its gradient is softmax(raw) - y. The largest output is subtracted first
    (Blanchard, Higham, Higham 2021, doi:10.1093/imanum/draa038). The outputs of a column share one target, present or
    missing, and the loss of the column is that of the output of its class.
    """

    averages_outputs: ClassVar[bool] = False

    def value_and_slope(self, y: np.ndarray, raw: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """Write softmax(raw) - y into `slope` and return -y_k log(softmax(raw)_k)."""
        log_odds = raw - raw.max(axis=0)
        np.exp(log_odds, out=slope)
        normalisers = slope.sum(axis=0)
        slope /= normalisers
        slope -= y
        np.subtract(np.log(normalisers), log_odds, out=log_odds)
        log_odds *= y
        return log_odds

    def curvature(self, y: np.ndarray, raw: np.ndarray, t_raw: np.ndarray, d_raw: np.ndarray) -> None:
        """Write p * t_raw - p (p . t_raw) into `d_raw`, with the probabilities p = softmax(raw)."""
        probabilities = self.predict(raw)
        np.multiply(probabilities, t_raw, out=d_raw)
        d_raw -= probabilities * d_raw.sum(axis=0)

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return the fraction of columns whose class has the largest output."""
        return float(np.average(raw.argmax(axis=0) == y.argmax(axis=0), weights=weights))

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return softmax(raw), the probability of each class."""
        probabilities = np.exp(raw - raw.max(axis=0))
        probabilities /= probabilities.sum(axis=0)
        return probabilities


#: All values of the regressor's `loss`.
REGRESSION_LOSSES: dict[str, type[Loss]] = {
    "squared_error": HalfSquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "quantile": Quantile,
    "poisson": HalfPoissonDeviance,
}
LOSSES: dict[str, type[Loss]] = {
    **REGRESSION_LOSSES,
    "binary_log_loss": BinaryLogLoss,
    "multinomial_log_loss": MultinomialLogLoss,
}
