"""The internal form of X: rows of timesteps, and where each sequence starts and ends in them."""

from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple, final

import numpy as np

from skrnn._caching import cached_property

#: Number of sequences that are searched for masked timesteps at once, which limits the memory of the search.
_N_EXAMINED = 4096
#: Number of sequences per chunk of `in_chunks`: with about 50 bytes each, they take less memory than a workspace.
_CHUNK_SIZE = 64 * 1024
#: Bytes of rows, in float64, that are scaled at once, so that they and the results stay in the cache.
_CHUNK_BYTES = 256 * 1024

#: Number of features from which it is faster to multiply shared rows by the weights only once. With fewer, adding the
# result to the product with the state takes longer than including the row in that product.
_LEAST_SHARED_FEATURES = 16

#: Up to this many bytes, a scaled copy of all rows is made, because scaling them again in each batch takes time.
_MOST_COPIED = 8 * 1024 * 1024


@final
class Scaling(NamedTuple):
    """Scaling of timesteps: (x - location) / scale, in `dtype`; both are (n_features,) of float64."""

    location: np.ndarray
    scale: np.ndarray
    dtype: np.dtype

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Return scaled rows, (..., n_features), in float64: they are only rounded when written."""
        scaled = np.subtract(rows, self.location, dtype=np.float64)
        scaled /= self.scale
        return scaled


@final
class Sequences:
    """Sequences of any lengths in one array of rows.

    Timestep t of sequence i is `rows[starts[i] + t * stride]`, for t in range(lengths[i]). 3-D arrays, views of
    overlapping windows and lists of arrays are all converted to this form, the first two without a copy.

    A `scaling` is applied to rows when they are read, if a scaled copy of all rows would take too much memory.
    """

    def __init__(
        self,
        rows: np.ndarray,  # timesteps, (n_rows, n_features); finite if they belong to a sequence
        starts: np.ndarray,  # row of the first timestep of each sequence, (n_samples,)
        lengths: np.ndarray,  # number of timesteps of each sequence, (n_samples,), at least 1
        stride: int = 1,  # rows from one timestep to the next
        scaling: Scaling | None = None,
    ) -> None:
        self.rows = rows
        self.starts = starts
        self.lengths = lengths
        self.stride = stride
        self.scaling = scaling
        self.max_length = int(lengths.max())
        self.equal_lengths = int(lengths.min()) == self.max_length
        self._offsets = stride * np.arange(self.max_length)[:, None]

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out cached values: a view would be pickled as a copy of all rows."""
        return Sequences, (self.rows, self.starts, self.lengths, self.stride, self.scaling)

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.starts)

    @property
    def n_features(self) -> int:
        """Number of features per timestep."""
        return self.rows.shape[1]

    def arrays(self) -> Iterator[np.ndarray]:
        """Yield each sequence, (length, n_features): a view of the rows, or scaled."""
        for start, length in zip(self.starts.tolist(), self.lengths.tolist(), strict=True):
            yield self.read(start, start + length * self.stride, self.stride)

    def astype(self, dtype: np.dtype) -> "Sequences":
        """Return the same sequences with rows of `dtype`, without a copy if they already have it."""
        return Sequences(self.rows.astype(dtype, copy=False), self.starts, self.lengths, self.stride)

    def beyond(self, largest: np.float64) -> Any:
        """Return the first number in a timestep whose absolute value exceeds `largest`, or None."""
        if self.rows.dtype.kind != "f" or np.finfo(self.rows.dtype).max <= largest:
            return None
        if not any(_has_beyond(self.rows[some], largest) for some in self._slices()):
            return None
        is_read = np.zeros(len(self.rows), dtype=bool)  # other rows may contain anything
        for t in range(self.max_length):
            is_read[self.starts[self.lengths > t] + t * self.stride] = True
        rows = self.rows[is_read]
        found = rows[np.abs(rows) > largest]
        return found[0] if len(found) else None

    def row_weights(self, weights: np.ndarray | None = None) -> np.ndarray:
        """Return the mean weight of the sequences that contain each row, (n_rows,), zero if none does.

        `weights` is (n_samples,), positive; None means equal weights.
        """
        if self._array is not None:  # each row belongs to one sequence
            if weights is None:
                return np.broadcast_to(1.0, len(self.rows))
            return np.repeat(weights, self.max_length)
        n_read = self._add_up(np.ones(len(self), dtype=np.intp))
        if weights is None:
            return np.minimum(n_read, 1).astype(np.float64)
        return np.divide(self._add_up(weights), n_read, out=np.zeros(len(n_read)), where=n_read > 0)

    def _add_up(self, numbers: np.ndarray) -> np.ndarray:
        """Return the sum of the numbers, (n_samples,), of the sequences that contain each row, (n_rows,)."""
        changes = np.zeros((len(self.rows) // self.stride + 2) * self.stride, numbers.dtype)
        np.add.at(changes, self.starts, numbers)
        np.subtract.at(changes, self.starts + self.lengths * self.stride, numbers)
        return changes.reshape(-1, self.stride).cumsum(axis=0).ravel()[: len(self.rows)]

    def read_rows(self, of_rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positive entries of `of_rows`, (n_rows,), and copies of their rows in float64, in chunks."""
        for some in self._slices():
            is_read = of_rows[some] > 0.0
            if is_read.all():
                yield of_rows[some], self.rows[some].astype(np.float64)
            elif is_read.any():
                yield of_rows[some][is_read], self.rows[some][is_read].astype(np.float64)

    def scaled(self, location: np.ndarray, scale: np.ndarray, dtype: np.dtype) -> "Sequences":
        """Return the sequences of (x - location) / scale, rounded to `dtype` afterwards.

        Rows are scaled in a copy, or if that would take too much memory, when they are read.
        """
        scaling = Scaling(location, scale, dtype)
        if self.rows.size * dtype.itemsize > _MOST_COPIED:
            return Sequences(self.rows, self.starts, self.lengths, self.stride, scaling)
        rows = np.empty(self.rows.shape, dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # in rows that belong to no sequence
            for some in self._slices():
                rows[some] = scaling.apply(self.rows[some])
        return Sequences(rows, self.starts, self.lengths, self.stride)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of timesteps after scaling."""
        return self.rows.dtype if self.scaling is None else self.scaling.dtype

    def read(self, start: int, stop: int, step: int = 1) -> np.ndarray:
        """Return rows: a view, or scaled."""
        rows = self.rows[start:stop:step]
        return rows if self.scaling is None else self.scaling.apply(rows).astype(self.scaling.dtype)

    def _slices(self) -> Iterator[slice]:
        """Yield slices that cover all rows."""
        n_rows = max(1, _CHUNK_BYTES // (8 * self.n_features))
        for first in range(0, len(self.rows), n_rows):
            yield slice(first, first + n_rows)

    def take(self, indices: np.ndarray) -> "Sequences":
        """Return the sequences at `indices`, with the same rows."""
        return Sequences(self.rows, self.starts[indices], self.lengths[indices], self.stride, self.scaling)

    def gather(self, indices: np.ndarray, first: int | np.ndarray, n_timesteps: int, out: np.ndarray) -> None:
        """Write timesteps `first` to `first + n_timesteps` of the sequences into `out`, (T, n_features, len(indices)).

        `first` may have one number per sequence, (len(indices),). After its end the last timestep of a sequence is
        repeated: finite numbers that are never used.
        """
        if n_timesteps == self.max_length and self._array is not None:
            rows = self._array.take(indices, axis=0)
            out[...] = (rows if self.scaling is None else self.scaling.apply(rows)).transpose(1, 2, 0)
            return
        offsets = self._offsets[:n_timesteps] + self.stride * first
        if not self.equal_lengths:
            offsets = np.minimum(offsets, (self.lengths[indices] - 1) * self.stride)
        rows = self.rows.take(self.starts[indices] + offsets, axis=0)
        out[...] = (rows if self.scaling is None else self.scaling.apply(rows)).transpose(0, 2, 1)

    @cached_property
    def share_rows(self) -> bool:
        """Whether sequences overlap so much, with rows so wide, that it is worth sharing products with rows."""
        return self.n_features >= _LEAST_SHARED_FEATURES and 2 * len(self.rows) <= int(self.lengths.sum())

    @cached_property
    def _array(self) -> np.ndarray | None:
        """The sequences as an array (n_samples, n_timesteps, n_features), if the rows have this form."""
        shape = (len(self), self.max_length, self.n_features)
        if not self.equal_lengths or self.rows.size != prod(shape) or not self.rows.flags.c_contiguous:
            return None
        is_in_order = np.array_equal(self.starts, np.arange(len(self)) * self.max_length)
        return self.rows.reshape(shape) if is_in_order else None

    @cached_property
    def first_columns(self) -> np.ndarray:
        """Index of the first timestep of each sequence among all timesteps, sequence after sequence, (n_samples,)."""
        return np.cumsum(self.lengths) - self.lengths

    def columns(self, indices: np.ndarray) -> np.ndarray:
        """Return the indices, among all timesteps, of the timesteps of the sequences at `indices`."""
        lengths = self.lengths[indices]
        shifts = self.first_columns[indices] - (np.cumsum(lengths) - lengths)
        return np.repeat(shifts, lengths) + np.arange(lengths.sum())


def in_chunks(X: np.ndarray | Sequence[np.ndarray], name: str = "X") -> Iterator[Sequences]:
    """Yield the sequences of an array in chunks, read by `from_array`, or those of a list all at once."""
    if not isinstance(X, np.ndarray):
        yield from_list(X, name)
        return
    for first in range(0, len(X), _CHUNK_SIZE):
        yield from_array(X[first : first + _CHUNK_SIZE], name, first)


def from_array(X: np.ndarray, name: str = "X", first: int = 0) -> Sequences:
    """Return the sequences of X, (n_samples, n_timesteps, n_features), without a copy if strides allow.

    Overlapping windows are recognised by their strides. Timesteps that are NaN in every feature are left out; raise
    ValueError for one that is NaN in only some, or infinite, and if no timestep of a sequence is left. In messages the
    array is called `name`, and samples are counted from `first`.
    """
    rows, sample_stride, stride = _rows_of(X)
    n_samples, n_timesteps, _ = X.shape
    starts = np.arange(n_samples) * sample_stride
    # A view takes no memory, but too much time for short predictions.
    is_short = n_samples < _N_EXAMINED
    lengths = np.full(n_samples, n_timesteps) if is_short else np.broadcast_to(n_timesteps, n_samples)
    finite = _is_finite(rows)
    if finite.all():
        return Sequences(rows, starts, lengths, stride)
    masked = np.isnan(rows).all(axis=1)
    _refuse_unreadable(rows, starts, n_timesteps, stride, finite | masked, name, first)
    return _without_masked(rows, starts, n_timesteps, stride, ~masked, name, first)


def from_list(arrays: Sequence[np.ndarray], name: str = "X") -> Sequences:
    """Return the sequences of a list of arrays (n_timesteps, n_features), whose rows are copied into one array.

    Masked timesteps and errors are handled as in `from_array`.
    """
    rows = np.concatenate(arrays)
    lengths = np.array([len(array) for array in arrays])
    starts = np.cumsum(lengths) - lengths
    finite = np.isfinite(rows).all(axis=1)
    if finite.all():
        return Sequences(rows, starts, lengths)
    valid = ~np.isnan(rows).all(axis=1)
    unreadable = np.flatnonzero(valid & ~finite)
    if len(unreadable) > 0:
        sample = int(np.searchsorted(starts, unreadable[0], side="right")) - 1
        raise _unreadable(rows[unreadable[0]], int(unreadable[0] - starts[sample]), sample, name)
    n_valid = np.add.reduceat(valid, starts, dtype=starts.dtype)
    _refuse_empty(n_valid, lengths, name)
    return Sequences(rows[valid], np.cumsum(n_valid) - n_valid, n_valid)


def _rows_of(X: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Return (rows, rows from sample to sample, rows from timestep to timestep) of a 3-D array."""
    n_samples, n_timesteps, n_features = X.shape
    by_sample, by_timestep, by_feature = X.strides
    row = n_features * X.itemsize
    readable = n_features == 1 or by_feature == X.itemsize
    if X.flags.c_contiguous or not readable or by_timestep < row or by_sample < row:
        return np.ascontiguousarray(X).reshape(-1, n_features), n_timesteps, 1
    # Strides of windows of a series are multiples of the stride of a row.
    pitch = by_sample if n_timesteps == 1 else by_timestep if n_samples == 1 else min(by_sample, by_timestep)
    if by_sample % pitch or by_timestep % pitch:
        return np.ascontiguousarray(X).reshape(-1, n_features), n_timesteps, 1
    sample_stride = by_sample // pitch if n_samples > 1 else 0
    stride = by_timestep // pitch if n_timesteps > 1 else 1
    n_rows = (n_samples - 1) * sample_stride + (n_timesteps - 1) * stride + 1
    if n_rows > n_samples * n_timesteps:  # memory between the samples must not be read
        return np.ascontiguousarray(X).reshape(-1, n_features), n_timesteps, 1
    rows = np.lib.stride_tricks.as_strided(X, shape=(n_rows, n_features), strides=(pitch, X.itemsize), writeable=False)
    # Taking rows is only fast from a contiguous array. This copies every row once, not every window.
    return np.ascontiguousarray(rows), sample_stride, stride


def _has_beyond(rows: np.ndarray, largest: np.float64) -> bool:
    """Return whether the absolute value of any number exceeds `largest`; NaN, in rows that are not used, does not."""
    if -largest <= rows.min() and rows.max() <= largest:  # the fastest test, which fails for NaN
        return False
    return bool((np.abs(rows) > largest).any())


def _is_finite(rows: np.ndarray) -> np.ndarray:
    """Return which rows are finite in every feature, (n_rows,); in chunks, because rows may be larger than memory."""
    finite = np.empty(len(rows), dtype=bool)
    for first in range(0, len(rows), _CHUNK_SIZE):
        some = slice(first, first + _CHUNK_SIZE)
        is_finite = np.isfinite(rows[some])
        if is_finite.all():  # takes less time than a reduction of each row
            finite[some] = True
        else:
            is_finite.all(axis=1, out=finite[some])
    return finite


def _refuse_unreadable(
    rows: np.ndarray, starts: np.ndarray, n_timesteps: int, stride: int, readable: np.ndarray, name: str, first: int
) -> None:
    """Raise an error for the first timestep that is neither finite nor masked."""
    for before in range(0, len(starts), _N_EXAMINED):
        index = _row_index(starts[before : before + _N_EXAMINED], n_timesteps, stride)
        bad = ~readable[index]
        if bad.any():
            sample, timestep = np.argwhere(bad)[0]
            raise _unreadable(rows[index[sample, timestep]], timestep, first + before + sample, name)


def _unreadable(row: np.ndarray, timestep: int, sample: int, name: str) -> ValueError:
    """Return the error for a timestep that is neither finite nor masked."""
    kind = "infinity" if np.isinf(row).any() else "NaN in some features"
    return ValueError(
        f"{name} contains {kind} at timestep {timestep} of sample {sample}. Expected finite numbers, "
        "or NaN in every feature of a timestep to mask it."
    )


def _refuse_empty(n_valid: np.ndarray, lengths: np.ndarray, name: str, first: int = 0) -> None:
    """Raise an error for the first sequence without a valid timestep; `lengths` include masked timesteps."""
    if not n_valid.all():
        sample = int(np.argmin(n_valid))
        raise ValueError(
            f"{name} has no timestep in sample {first + sample}: all {lengths[sample]} are masked (NaN in every "
            "feature). Expected at least one timestep in each sequence."
        )


def _without_masked(
    rows: np.ndarray, starts: np.ndarray, n_timesteps: int, stride: int, valid: np.ndarray, name: str, first: int
) -> Sequences:
    """Return the sequences without masked timesteps, with the same rows if only leading timesteps are masked."""
    leading, lengths = _count_valid(starts, n_timesteps, stride, valid)
    _refuse_empty(lengths, np.full(len(starts), n_timesteps), name, first)
    if (leading + lengths == n_timesteps).all():
        return Sequences(rows, starts + leading * stride, lengths, stride)
    if stride == 1:  # without masked rows, the rows of every sequence are consecutive
        return Sequences(rows[valid], (np.cumsum(valid) - valid)[starts], lengths)
    index = _row_index(starts, n_timesteps, stride)
    return Sequences(rows[index[valid[index]]], np.cumsum(lengths) - lengths, lengths)


def _count_valid(starts: np.ndarray, n_timesteps: int, stride: int, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of leading masked timesteps and of valid timesteps of each sequence, (n_samples,)."""
    leading, lengths = np.empty_like(starts), np.empty_like(starts)
    for first in range(0, len(starts), _N_EXAMINED):
        some = slice(first, first + _N_EXAMINED)
        steps_valid = valid[_row_index(starts[some], n_timesteps, stride)]
        lengths[some] = steps_valid.sum(axis=1)
        leading[some] = steps_valid.argmax(axis=1)
    return leading, lengths


def _row_index(starts: np.ndarray, n_timesteps: int, stride: int) -> np.ndarray:
    """Return the row of each timestep of each sequence, (n_samples, n_timesteps)."""
    return starts[:, None] + stride * np.arange(n_timesteps)
