"""The contract of a loss: what a network's outputs cost, and in which direction they should move."""

from abc import ABC, abstractmethod

import numpy as np


class Loss(ABC):
    """A pointwise loss of raw network outputs.

    Arrays have the targets last: `y`, `raw` and `d_raw` are (n_outputs, n_columns), a column a sequence or a timestep.
    `present`, of the same shape, is zero where an output has no target, and None where all have. A loss is without
    state and normalises nothing over the columns: weights and means are the objective's.
    """

    @abstractmethod
    def loss_gradient(
        self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray, present: np.ndarray | None = None
    ) -> np.ndarray:
        """Write the gradient of each column's loss into `d_raw` and return the losses, (n_columns,)."""

    @abstractmethod
    def score(
        self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None, present: np.ndarray | None = None
    ) -> float:
        """Return how good `raw` is, the larger the better, for columns of these weights, (n_columns,)."""

    @abstractmethod
    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the prediction, (n_outputs, n_columns), that `raw` stands for: values or probabilities."""
