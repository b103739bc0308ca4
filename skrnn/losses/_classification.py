"""Log losses of classification, stable for outputs of any size (no clipping of probabilities)."""

from typing import final

import numpy as np
from scipy.special import expit

from skrnn.losses._base import Loss


@final
class BinaryLogLoss(Loss):
    """Log loss of independent yes-or-no outputs, summed over them (binary and multilabel).

    log(1 + exp(-raw)) where y is one, log(1 + exp(raw)) where it is zero; the gradient is sigmoid(raw) - y. The
    logarithm is evaluated as max(z, 0) + log1p(exp(-|z|)) (Blanchard, Higham, Higham 2021,
    doi:10.1093/imanum/draa038).
    """

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write sigmoid(raw) - y into `d_raw` and return the losses, (n_columns,)."""
        losses = np.logaddexp(0.0, (1.0 - 2.0 * y) * raw)
        expit(raw, out=d_raw)
        d_raw -= y
        if present is not None:
            losses *= present
            d_raw *= present
        return losses.sum(axis=0)

    def curvature_product(
        self,
        y: np.ndarray,
        raw: np.ndarray,
        t_raw: np.ndarray,
        d_raw: np.ndarray,
        present: np.ndarray | None = None,
    ) -> None:
        """Write p (1 - p) t_raw into `d_raw`, with the probabilities p = sigmoid(raw)."""
        expit(raw, out=d_raw)
        d_raw *= expit(-raw)  # not 1 - p, which rounds to zero where p is almost one
        d_raw *= t_raw
        if present is not None:
            d_raw *= present

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return the share of columns with every output on the right side."""
        is_right = (raw > 0.0) == (y > 0.5)
        if present is not None:
            is_right |= present == 0.0
        return float(np.average(is_right.all(axis=0), weights=weights))

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the probability of yes, for each output."""
        return expit(raw)


@final
class MultinomialLogLoss(Loss):
    """Log loss of one class out of n_outputs; `y` holds a one in the row of the class, else zeros.

    log(sum_k exp(raw_k)) - sum_k y_k raw_k; its gradient is softmax(raw) - y. The largest output is subtracted first
    (Blanchard, Higham, Higham 2021, doi:10.1093/imanum/draa038).
    """

    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write softmax(raw) - y into `d_raw` and return the losses, (n_columns,)."""
        shifted = raw - raw.max(axis=0)
        np.exp(shifted, out=d_raw)
        normalisers = d_raw.sum(axis=0)
        losses = np.log(normalisers) - (y * shifted).sum(axis=0)
        d_raw /= normalisers
        d_raw -= y
        return losses

    def curvature_product(
        self,
        y: np.ndarray,
        raw: np.ndarray,
        t_raw: np.ndarray,
        d_raw: np.ndarray,
        present: np.ndarray | None = None,
    ) -> None:
        """Write p * t_raw - p (p . t_raw) into `d_raw`, with the probabilities p = softmax(raw)."""
        probabilities = self.predict(raw)
        np.multiply(probabilities, t_raw, out=d_raw)
        d_raw -= probabilities * d_raw.sum(axis=0)

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return the share of samples whose class has the largest output."""
        return float(np.average(raw.argmax(axis=0) == y.argmax(axis=0), weights=weights))

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return softmax(raw), the probability of each class."""
        probabilities = np.exp(raw - raw.max(axis=0))
        probabilities /= probabilities.sum(axis=0)
        return probabilities
