"""Inputs of overlapping windows: what the weights make of a row is computed once, for all windows that share it."""

from typing import final

import numpy as np

from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences


def shared_inputs(sequences: Sequences, batch: Batch) -> "SharedInputs | None":
    """Return the inputs of a batch in which each sequence begins a row after the one before, if they share rows."""
    if len(batch) < 2 or not sequences.share_rows:
        return None
    starts = sequences.starts[batch.indices] + sequences.stride * batch.first
    if (np.diff(starts) != 1).any():
        return None
    return SharedInputs(sequences.rows[starts[0] :], sequences.stride, batch.n_timesteps, len(batch))


@final
class SharedInputs:
    """Rows of features, in which sequence i finds its timestep t at i + t * stride.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows, from the first timestep of the first sequence on.
    stride : int
        Rows from one timestep to the next.
    n_timesteps, n_sequences : int
        Shape of the batch. Behind the last row there are zeros, which no computation reads.
    """

    def __init__(self, rows: np.ndarray, stride: int, n_timesteps: int, n_sequences: int) -> None:
        self.stride = stride
        self.n_timesteps, self.n_sequences = n_timesteps, n_sequences
        rows = rows[: (n_timesteps - 1) * stride + n_sequences]
        #: [x; 1] of each row, (n_features + 1, n_rows).
        self._operand = np.zeros((rows.shape[1] + 1, (n_timesteps - 1) * stride + n_sequences), rows.dtype)
        self._operand[:-1, : len(rows)] = rows.T
        self._operand[-1] = 1.0

    def project(self, matrix: np.ndarray) -> np.ndarray:
        """Return the product of [input | bias], (n, n_features + 1), with every row, (n, n_rows)."""
        return matrix @ self._operand

    def zeros(self, n: int) -> np.ndarray:
        """Return room for a sum over all windows that share a row, (n, n_rows)."""
        return np.zeros((n, self._operand.shape[1]), self._operand.dtype)

    def at(self, of_rows: np.ndarray, t: int, n_running: int) -> np.ndarray:
        """View what there is of every row, (n, n_rows), as that of a timestep of those that run, (n, n_running)."""
        first = t * self.stride
        return of_rows[:, first : first + n_running]

    def sum_rows(self, d_rows: np.ndarray, start: int, d_projections: np.ndarray) -> None:
        """Add gradients of timesteps from `start` on, (n_steps, n, n_running), to those on `project`, (n, n_rows)."""
        for t, of_timestep in enumerate(d_rows, start):
            columns = self.at(d_projections, t, of_timestep.shape[-1])
            columns += of_timestep

    def d_matrix(self, d_projections: np.ndarray) -> np.ndarray:
        """Return the gradient on the matrix of `project`, (n, n_features + 1)."""
        return d_projections @ self._operand.T

    def write(self, inputs: np.ndarray) -> None:
        """Write every timestep of every sequence into `inputs`, (>= n_timesteps, n_features, >= n_sequences)."""
        for t in range(self.n_timesteps):
            inputs[t, :, : self.n_sequences] = self.at(self._operand[:-1], t, self.n_sequences)
