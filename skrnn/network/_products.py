"""Matrix products: in tiles of the size for which BLAS is fastest, and once for rows that windows share."""

from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import Any, final

import numpy as np
from scipy.linalg.blas import dgemm, sgemm

from skrnn.cells._base import has_avx512, numpy_config
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences

#: Up to this number of multiplications OpenBLAS, on a processor with AVX-512, reads the factors in place. For larger
# products it copies them first, which takes 10 to 20 % of the time of the product of a timestep.
_IN_PLACE = 1_000_000
#: Rows that these kernels process at once.
_ROWS_AT_ONCE = 4

#: A sum of products with at least `_ADD_IN_BLAS` numbers is accumulated by BLAS, because an array with one product per
# timestep would not fit into the cache. From `_COPY_RIGHT` multiplications per product, it is faster to copy the right
# factors into the order in which they are read.
_ADD_IN_BLAS, _COPY_RIGHT = 5_000, 60_000
_GEMM = {np.dtype(np.float32): sgemm, np.dtype(np.float64): dgemm}


def tile_rows(rows: np.ndarray, n_tiles: int) -> np.ndarray:
    """View (..., n_rows, n_columns) as (..., n_tiles, n_rows / n_tiles, n_columns), unless there is only one tile."""
    if n_tiles == 1:
        return rows
    return rows.reshape(*rows.shape[:-2], n_tiles, -1, rows.shape[-1])


def tiled_product(matrix: np.ndarray, n_tiles: int) -> Callable[[np.ndarray, np.ndarray], Any]:
    """Return a function that writes the product of the matrix and a right factor, for many calls.

    `function(right, out)` expects a 2-D right factor, and the rows of `out` in tiles.
    """
    if n_tiles == 1:
        return matrix.dot  # faster to call than `np.dot`, which is faster to call than `np.matmul`
    return partial(np.matmul, tile_rows(matrix, n_tiles))


@lru_cache(maxsize=4096)
def count_tiles(n_rows: int, n_inner: int, n_columns: int) -> int:
    """Return the number of tiles into which the rows of a product should be cut."""
    n_multiplications = n_rows * n_inner * n_columns
    if n_multiplications <= _IN_PLACE or n_rows % _ROWS_AT_ONCE or not _works_in_place():
        return 1
    n_units = n_rows // _ROWS_AT_ONCE
    fitting = (n for n in range(2, n_units + 1) if n_units % n == 0 and n_multiplications <= n * _IN_PLACE)
    return next(fitting, 1)


@cache
def _works_in_place() -> bool:
    """Tell whether NumPy's BLAS reads the factors of small products in place."""
    config = numpy_config()
    blas = config.get("Build Dependencies", {}).get("blas", {}).get("name", "")  # empty entries are missing
    return "openblas" in blas and has_avx512(config)


def add_products(
    left: np.ndarray, right: np.ndarray, out: np.ndarray, products: np.ndarray, rows: np.ndarray, in_blas: bool = True
) -> None:
    """Add sum_t left[t] @ right[t].T to `out`, (n_rows, n_columns), C-contiguous.

    `left` is (n_timesteps, n_rows, n_inner), C-contiguous at each timestep, `right` (n_timesteps, n_columns, n_inner).
    `products`, (>= n_timesteps, n_rows, n_columns), and `rows`, with as many numbers as `right`, are scratch arrays.
    With `in_blas` SciPy's BLAS may be used, which is fast but does not release the interpreter lock.
    """
    n_timesteps = len(left)
    if in_blas and out.size >= _ADD_IN_BLAS:
        gemm = _GEMM[out.dtype]  # in Fortran order: out.T += right[t] @ left[t].T
        for left_t, right_t in zip(left, right, strict=True):
            gemm(1.0, right_t.T, left_t.T, beta=1.0, c=out.T, trans_a=True, overwrite_c=True)
        return
    right = right.swapaxes(1, 2)
    if out.size * left.shape[-1] >= _COPY_RIGHT:
        copied = rows.reshape(-1)[: right.size].reshape(right.shape)
        np.copyto(copied, right)
        right = copied
    np.matmul(left, right, out=products[:n_timesteps])
    out += products[0] if n_timesteps == 1 else np.add.reduce(products[:n_timesteps], axis=0)


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
    """Rows of features, (n_rows, n_features); timestep t of sequence i is row i + t * stride.

    Passes compute `n_columns`; zeros after the last row are for columns without a sequence.
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
