"""Losses of regression."""

from typing import final

import numpy as np

from skrnn.losses._base import Loss


@final
class HalfSquaredError(Loss):
    """Half the squared error, averaged over the outputs: mean_k (raw_k - y_k)^2 / 2."""

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

    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return R^2, averaged over the outputs, as `sklearn.metrics.r2_score` has it."""
        if present is not None:
            weights = present if weights is None else present * weights
        residual = np.average((y - raw) ** 2, axis=1, weights=weights)
        mean = np.average(y, axis=1, weights=weights)
        total = np.average((y - mean[:, None]) ** 2, axis=1, weights=weights)
        constant = total == 0.0
        scores = 1.0 - residual / np.where(constant, 1.0, total)
        return float(np.where(constant, residual == 0.0, scores).mean())

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return `raw` itself."""
        return raw
