"""Targets: the values to be learnt for each sequence, or for each timestep."""

from dataclasses import dataclass
from typing import final

import numpy as np


@final
@dataclass(frozen=True)
class Targets:
    """Targets in columns: one column per sequence, or one per timestep, sequence after sequence."""

    values: np.ndarray  # (n_outputs, n_columns), finite; zero where the target is missing
    weights: np.ndarray | None = None  # (n_columns,), zero where all targets are missing; None: equal weights
    #: (n_outputs, n_columns): one where there is a target, otherwise zero. None if columns have all targets or none.
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
        """Return the first output without any target, or None if there is none."""
        if self.present is None or self.present.any(axis=1).all():
            return None
        return int(np.argmin(self.present.any(axis=1)))

    def shares(self) -> np.ndarray:
        """Return the fraction of outputs with a target in each column, (n_columns,)."""
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
        """Return the number of columns with a target; a column with some targets missing counts as a fraction."""
        if self.weights is None and self.present is None:
            return len(self)
        return float(self.shares().sum(dtype=np.float64))
