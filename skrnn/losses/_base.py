"""The contract of a loss: what a network's outputs cost, and in which direction they should move."""

from abc import ABC, abstractmethod

import numpy as np


class Loss(ABC):
    """A pointwise loss of raw network outputs.

    Arrays have the samples last: `y` and `raw` are (n_outputs, n_samples). A loss is without state and normalises
    nothing over the samples: weights and means are the objective's.
    """

    @abstractmethod
    def loss_gradient(self, y: np.ndarray, raw: np.ndarray, d_raw: np.ndarray) -> np.ndarray:
        """Write the gradient of each sample's loss into `d_raw` and return the losses, (n_samples,)."""

    @abstractmethod
    def score(self, y: np.ndarray, raw: np.ndarray, weights: np.ndarray | None) -> float:
        """Return how good `raw` is, the larger the better, for samples of these weights, (n_samples,)."""

    @abstractmethod
    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return the prediction, (n_outputs, n_samples), that `raw` stands for: values or probabilities."""
