"""Targets: what is to be learnt for each sequence, or for each of its timesteps."""

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True)
class Targets:
    """Targets in columns: one column per sequence, or one per timestep, sequence after sequence.

    Attributes
    ----------
    values : ndarray of shape (n_outputs, n_columns)
        Finite numbers; zero where there is no target.
    weights : ndarray of shape (n_columns,) or None
        Zero where there is no target in any output. None stands for equal weights.
    present : ndarray of shape (n_outputs, n_columns) or None
        One where there is a target, zero where there is none. None if each column has all its targets or none.
    """

    values: np.ndarray
    weights: np.ndarray | None = None
    present: np.ndarray | None = None

    def __len__(self) -> int:
        """Return the number of columns."""
        return self.values.shape[1]

    def take(self, columns: np.ndarray) -> "Targets":
        """Return these columns."""
        weights = None if self.weights is None else self.weights.take(columns)
        present = None if self.present is None else self.present.take(columns, axis=1)
        return Targets(self.values.take(columns, axis=1), weights, present)

    def empty_output(self) -> int | None:
        """Return the first output that has no target at all, or None if all have some."""
        if self.present is None or self.present.any(axis=1).all():
            return None
        return int(np.argmin(self.present.any(axis=1)))

    def shares(self) -> np.ndarray:
        """Return the share of outputs that have a target in each column, (n_columns,)."""
        if self.present is None:
            shares = np.ones(len(self), self.values.dtype)
        else:
            shares = self.present.mean(axis=0)
        return shares if self.weights is None else np.where(self.weights > 0.0, shares, 0.0)

    def normalised(self, dtype: np.dtype) -> "Targets":
        """Return the targets in `dtype`, with weights whose mean over all targets is one."""
        weights, present = self.weights, self.present
        if weights is not None:
            shares = self.shares()
            weights = (weights * (shares.sum() / np.dot(weights, shares))).astype(dtype)
        if present is not None:
            present = present.astype(dtype)
        return Targets(self.values.astype(dtype, copy=False), weights, present)

    def count(self) -> float:
        """Return how many columns there are; one that lacks some outputs counts by its share."""
        if self.weights is None and self.present is None:
            return len(self)
        return float(self.shares().sum(dtype=np.float64))
