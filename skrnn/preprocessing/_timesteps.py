"""The timesteps of all sequences in one table: how the sequences came, and how what is made of them is given back."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array

from skrnn._inputs._naming import naming
from skrnn._inputs._tables import is_frame, take_column
from skrnn._inputs._values import as_array, find_missing, from_objects, refuse_masked
from skrnn.estimators._sequence_format import dtype_with_gaps, is_list_of_arrays

_EXPECTED_X = (
    "an array (n_samples, n_timesteps, n_features), a 2-D array (n_samples, n_timesteps) of one feature, or a list of "
    "arrays or data frames (n_timesteps, n_features)"
)


@final
@dataclass(frozen=True)
class Timesteps:
    """The timesteps of all sequences, one below the other, masked ones included.

    Unlike a `SequenceFormat`, which reads numbers for a network, it holds what a transformer may take: strings,
    objects, columns of a data frame, and timesteps of which some features are missing.
    """

    table: Any  # (n_timesteps of all, n_features), an ndarray or a data frame
    lengths: NDArray[np.intp]  # timesteps of each sequence, (n_samples,)
    kind: str  # what held the sequences: "array", "list" or "object array"
    of_columns: bool = False  # whether they were the columns of a 2-D X

    @classmethod
    def read(cls, X: Any, n_columns: int | None = None) -> Self:
        """Return the timesteps of sequences in any form.

        A list of lists of one length is a table, as in the estimators, unless tables have another number of columns.
        """
        refuse_masked(X, "X")
        if isinstance(X, list | tuple) and len(X) == 0:
            raise ValueError(f"Found array with 0 sample(s) in X: it is empty; expected {_EXPECTED_X}.")
        with naming("X", _EXPECTED_X):
            if is_list_of_arrays(X) or (n_columns is not None and _is_list_of_others(X, n_columns)):
                return cls._of_list(X)
            array = _read_array(X)
            table = array.reshape(-1, array.shape[2] if array.ndim == 3 else 1)
            return cls(table, np.full(len(array), array.shape[1]), "array", of_columns=array.ndim == 2)

    @classmethod
    def _of_list(cls, X: Any) -> Self:
        """Return the timesteps of a list, or object array, of sequences."""
        tables = [_read_sequence(entry, sample) for sample, entry in enumerate(X)]
        for sample, table in enumerate(tables):
            if _columns(table) != _columns(tables[0]):
                raise ValueError(
                    f"X has {_columns(table)} in sample {sample}, but {_columns(tables[0])} in sample 0; expected the "
                    "same in all sequences."
                )
        kind = "object array" if hasattr(X, "dtype") else "list"
        return cls(_concatenate(tables), np.array([len(table) for table in tables]), kind)

    @cached_property
    def is_valid(self) -> NDArray[np.bool_]:
        """Which timesteps are not masked, (n_timesteps of all,): those with a feature that is not missing."""
        is_masked = np.ones(len(self.table), dtype=np.bool_)
        for column in range(self.table.shape[1]):
            missing = find_missing(np.asarray(take_column(self.table, column)))
            if missing is None:
                return np.ones(len(self.table), dtype=np.bool_)
            is_masked &= missing
        return ~is_masked

    def valid(self) -> Any:
        """Return the table of the timesteps that are not masked; raise ValueError if there are none."""
        if not self.is_valid.any():
            raise ValueError("X has no timestep that is not masked (missing in every feature); expected at least one.")
        if self.is_valid.all():
            return self.table
        rows = np.flatnonzero(self.is_valid)
        return self.table.iloc[rows] if hasattr(self.table, "iloc") else self.table[rows]

    def lay_out(self, values: Any, name: str) -> NDArray[Any]:
        """Return values of sequences, or of their timesteps, as values of the timesteps that are not masked."""
        if is_list_of_arrays(values):
            entries = [as_array(entry) for entry in values]
            if [len(entry) for entry in entries] == self.lengths.tolist():
                return np.concatenate(entries)[self.is_valid]
        array = as_array(values)
        if not is_of_samples(array, len(self.lengths)):
            raise ValueError(
                f"{name} has shape {array.shape}, but X has {len(self.lengths)} sequences; expected a value for each, "
                "or for each of their timesteps."
            )
        if array.ndim > 1 and (self.lengths == array.shape[1]).all():
            return array.reshape(-1, *array.shape[2:])[self.is_valid]
        return np.repeat(array, self.lengths, axis=0)[self.is_valid]

    def restore(self, transformed: Any, transformer: Any) -> Any:
        """Return what a transformer has made of the valid timesteps in the form of X; masked timesteps are NaN."""
        values = np.asarray(transformed.toarray() if issparse(transformed) else transformed)
        n_valid = int(self.is_valid.sum())
        if values.ndim != 2 or len(values) != n_valid:
            raise ValueError(
                f"transformer={transformer} has made an output of shape {values.shape} of {n_valid} timesteps; "
                f"expected a row for each, ({n_valid}, n_features)."
            )
        if n_valid < len(self.is_valid):
            everywhere = np.full((len(self.is_valid), values.shape[1]), np.nan, dtype_with_gaps(values))
            everywhere[self.is_valid] = values
            values = everywhere
        if self.kind == "array":
            return values.reshape(len(self.lengths), -1, values.shape[1])
        of_sequences = np.split(values, np.cumsum(self.lengths)[:-1])
        if self.kind == "list":
            return of_sequences
        objects = np.empty(len(of_sequences), dtype=object)
        objects[:] = of_sequences
        return objects


def is_of_samples(values: Any, n_samples: int) -> bool:
    """Tell whether values have an entry for each of the samples."""
    if isinstance(values, str | dict) or not hasattr(values, "__len__") or getattr(values, "shape", None) == ():
        return False
    return len(values) == n_samples


def _is_list_of_others(X: Any, n_columns: int) -> bool:
    """Tell whether X is a list of lists of one length that is not `n_columns`."""
    if not isinstance(X, list | tuple) or not all(isinstance(entry, list | tuple) for entry in X):
        return False
    return np.ndim(X[0]) == 1 and len(X[0]) != n_columns


def _read_array(X: Any) -> NDArray[Any]:
    """Return X as an array (n_samples, n_timesteps, n_features), or (n_samples, n_timesteps) of one feature."""
    array = check_array(
        as_array(X) if isinstance(X, list | tuple) else X,
        dtype=None,
        allow_nd=True,
        ensure_all_finite=False,
        estimator="SequenceTransformer",
        input_name="X",
    )
    if array.ndim > 3 or 0 in array.shape:
        raise ValueError(f"X has shape {array.shape}; expected at least one timestep and one feature in {_EXPECTED_X}.")
    if array.ndim == 2 and array.dtype == object and len({isinstance(value, str) for value in _present(array)}) > 1:
        raise ValueError(
            "X has two dimensions, with strings beside numbers, but a row of a 2-D X is a sequence of one feature. "
            "A table whose rows are timesteps is a list of data frames, one for each sequence."
        )
    return from_objects(array) if array.dtype == object and find_missing(array) is None else array


def _present(array: NDArray[Any]) -> list[Any]:
    """Return the values of an array that are not missing."""
    missing = find_missing(array)
    return list(array.ravel() if missing is None else array[~missing])


def _read_sequence(entry: Any, sample: int) -> Any:
    """Return a sequence as a data frame or an array, (n_timesteps, n_features); a 1-D one has one feature."""
    sequence = entry if is_frame(entry) else as_array(entry)
    if len(sequence.shape) == 1:
        sequence = sequence[:, np.newaxis]
    if len(sequence.shape) != 2 or 0 in sequence.shape:
        raise ValueError(
            f"X has shape {sequence.shape} in sample {sample}; expected (n_timesteps, n_features) with at least one "
            "timestep and one feature, or (n_timesteps,)."
        )
    return sequence


def _columns(table: Any) -> str:
    """Return what must be the same in all sequences, in words: the names of a frame, or the number of features."""
    if is_frame(table):
        return f"columns {list(table.columns)} of {type(table).__module__.partition('.')[0]}"
    return f"{table.shape[1]} features per timestep"


def _concatenate(tables: list[Any]) -> Any:
    """Return tables one below the other: frames as one frame, arrays as one array that keeps what each holds."""
    if not is_frame(tables[0]):
        kinds = {"string" if table.dtype.kind in "US" else table.dtype.kind == "O" for table in tables}
        return np.concatenate(tables, dtype=object if len(kinds) > 1 else None)
    if hasattr(tables[0], "iloc"):
        import pandas as pd

        return pd.concat(tables, ignore_index=True)
    import polars as pl

    return pl.concat(tables, how="vertical_relaxed")
