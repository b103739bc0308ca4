"""Log losses for classification, stable for outputs of any size (probabilities are not clipped)."""

from typing import ClassVar, final

import numpy as np
from scipy.special import expit

from skrnn.losses._base import Loss


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
