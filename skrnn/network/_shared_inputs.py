"""Inputs of overlapping windows: the product of the weights with a shared row is computed once."""

from typing import final

import numpy as np

from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences


def shared_inputs(sequences: Sequences, batch: Batch, n_columns: int) -> "SharedInputs | None":
    """Return the inputs of a batch whose sequences each begin one row after the previous one, if they share rows.

    The passes may compute `n_columns`; those beyond the batch are not used.
    """
    if not sequences.share_rows:
        return None
    n_rows = (batch.n_timesteps - 1) * sequences.stride + len(batch)
    starts = sequences.starts[batch.indices] + sequences.stride * batch.first
    if 2 * n_rows > batch.n_steps() or (np.diff(starts) != 1).any():
        return None
    rows = sequences.read(starts[0], starts[0] + n_rows)
    return SharedInputs(rows, sequences.stride, batch.n_timesteps, len(batch), n_columns)


@final
class SharedInputs:
    """Rows of features; timestep t of sequence i is row i + t * stride.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows, beginning with the first timestep of the first sequence.
    stride : int
        Rows from one timestep to the next.
    n_timesteps, n_sequences : int
        Shape of the batch.
    n_columns : int
        Columns that passes compute; zeros after the last row are for columns without a sequence.
    """

    def __init__(self, rows: np.ndarray, stride: int, n_timesteps: int, n_sequences: int, n_columns: int) -> None:
        self.stride = stride
        self.n_timesteps, self.n_sequences = n_timesteps, n_sequences
        #: [x; 1] of each row, (n_features + 1, n_rows).
        self._operand = np.zeros((rows.shape[1] + 1, (n_timesteps - 1) * stride + n_columns), rows.dtype)
        # Masked rows belong to no sequence: their gradient is zero, but zero times NaN is not.
        np.copyto(self._operand[:-1, : len(rows)], rows.T, where=np.isfinite(rows).all(axis=1))
        self._operand[-1] = 1.0

    def project(self, matrix: np.ndarray) -> np.ndarray:
        """Return the product of [input | bias], (n, n_features + 1), with all rows, (n, n_rows)."""
        return matrix @ self._operand

    def zeros(self, n: int) -> np.ndarray:
        """Return zeros for accumulating the gradients of all windows that share a row, (n, n_rows)."""
        return np.zeros((n, self._operand.shape[1]), self._operand.dtype)

    def at(self, of_rows: np.ndarray, t: int, n_running: int) -> np.ndarray:
        """View the columns of `of_rows`, (n, n_rows), of the running sequences at a timestep, (n, n_running)."""
        first = t * self.stride
        return of_rows[:, first : first + n_running]

    def sum_rows(self, d_rows: np.ndarray, start: int, d_projections: np.ndarray) -> None:
        """Add gradients of timesteps from `start`, (n_steps, n, n_running), to those on `project`, (n, n_rows)."""
        for t, of_timestep in enumerate(d_rows, start):
            columns = self.at(d_projections, t, of_timestep.shape[-1])
            columns += of_timestep

    def d_matrix(self, d_projections: np.ndarray) -> np.ndarray:
        """Return the gradient on the matrix of `project`, (n, n_features + 1)."""
        return d_projections @ self._operand.T

    def write(self, inputs: np.ndarray) -> None:
        """Write all timesteps of all sequences into `inputs`, (>= n_timesteps, n_features, >= n_sequences)."""
        for t in range(self.n_timesteps):
            inputs[t, :, : self.n_sequences] = self.at(self._operand[:-1], t, self.n_sequences)
