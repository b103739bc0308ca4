"""Training data as the network takes them, and the part of them that early stopping holds out."""

from dataclasses import dataclass
from typing import final

import numpy as np
from sklearn.model_selection import train_test_split

from skrnn.sequences._ragged import Sequences


@final
@dataclass(frozen=True)
class Data:
    """Sequences, targets `y` of shape (n_outputs, n_samples), and weights of shape (n_samples,) or None."""

    sequences: Sequences
    y: np.ndarray
    sample_weight: np.ndarray | None

    def take(self, indices: np.ndarray) -> "Data":
        """Return the samples at `indices`."""
        weights = None if self.sample_weight is None else self.sample_weight[indices]
        return Data(self.sequences.take(indices), self.y[:, indices], weights)

    def hold_out(
        self, fraction: float, split: str, stratify: np.ndarray | None, rng: np.random.RandomState
    ) -> tuple["Data", "Data"]:
        """Return the part to train on and the part to validate on: a random draw, or with "last" the end."""
        indices = np.arange(len(self.sequences))
        if split == "last":
            parts = train_test_split(indices, test_size=fraction, shuffle=False)
        else:
            parts = train_test_split(indices, test_size=fraction, random_state=rng, stratify=stratify)
        return self.take(parts[0]), self.take(parts[1])
