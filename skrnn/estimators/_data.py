"""Training data as the network takes them, and the part of them that early stopping holds out."""

from dataclasses import dataclass
from hashlib import blake2b
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

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.sequences)

    def take(self, indices: np.ndarray) -> "Data":
        """Return the samples at `indices`."""
        weights = None if self.sample_weight is None else self.sample_weight[indices]
        return Data(self.sequences.take(indices), self.y[:, indices], weights)

    def weighted(self, weights: np.ndarray | None) -> "Data":
        """Return the samples with other weights, without those whose weight is zero: they are left out."""
        data = Data(self.sequences, self.y, weights)
        if weights is None or weights.all():
            return data
        return data.take(np.flatnonzero(weights))

    def merge_duplicates(self) -> "Data":
        """Return the distinct samples, weighted by how often they come, in an order of their own.

        A full-batch solver follows a path that multiplies rounding errors: after a hundred iterations a sample of
        weight two and the same sample twice, or another order of the samples, would end at different parameters.
        Merged and ordered by their content, they give the same numbers to the last bit.
        """
        digests = [blake2b(sample.tobytes(), digest_size=16) for sample in self.sequences.arrays()]
        for digest, targets in zip(digests, np.ascontiguousarray(self.y.T), strict=True):
            digest.update(targets.tobytes())
        keys = np.frombuffer(b"".join(digest.digest() for digest in digests), dtype=np.uint64).reshape(-1, 2)
        _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        weights = np.bincount(which.ravel(), self.sample_weight).astype(np.float64)
        merged = self.take(first)
        return Data(merged.sequences, merged.y, None if (weights == 1.0).all() else weights)

    def hold_out(
        self, fraction: float, split: str, stratify: np.ndarray | None, rng: np.random.RandomState
    ) -> tuple["Data", "Data"]:
        """Return the part to train on and the part to validate on: a random draw, or with "last" the end."""
        indices = np.arange(len(self.sequences))
        if split == "last":
            parts = train_test_split(indices, test_size=fraction, shuffle=False)
        else:
            parts = train_test_split(indices, test_size=fraction, random_state=rng, stratify=stratify)
        if len(parts[1]) < 2:
            raise ValueError(f"{len(self)} samples leave one to validate on; no score says anything about it.")
        return self.take(parts[0]), self.take(parts[1])
