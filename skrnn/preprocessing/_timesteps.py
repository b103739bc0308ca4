"""The timesteps of all sequences in one table, and the format of the sequences, which the output gets."""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skrnn._caching import cached_property
from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._tables import is_frame, take_column
from skrnn._inputs._values import as_array, find_missing, from_objects, refuse_masked
from skrnn.estimators._sequence_format import among_gaps, in_form, is_list_of_arrays

_EXPECTED_X = (
    "an array (n_samples, n_timesteps, n_features), a 2-D array (n_samples, n_timesteps) of one feature, or a list of "
    "arrays or data frames (n_timesteps, n_features)"
)


@final
@dataclass(frozen=True)
class Timesteps:
    """The timesteps of all sequences, one after another, including masked ones.

    Unlike a `SequenceFormat`, which reads numbers for a network, it may contain anything that a transformer accepts:
    strings, objects, columns of a data frame, and timesteps with some features missing.
    """

    values: Any  # (n_samples, n_timesteps, n_features), or for a list one table, array or data frame, of all timesteps
    lengths: NDArray[np.intp]  # timesteps of each sequence, (n_samples,)
    kind: str  # "array", "list" or "object array"
    of_columns: bool = False  # whether they were the columns of a 2-D X

    @classmethod
    @settings_unchanged_on_error
    def read(cls, X: Any, who: Any, n_columns: int | None = None) -> Self:
        """Return the timesteps of sequences in any format; `who` is the estimator in messages.

        A list of lists of equal lengths is a table, as in the estimators, unless its number of columns is not
        `n_columns`.
        """
        refuse_masked(X, "X")
        if isinstance(X, list | tuple) and len(X) == 0:
            raise ValueError(f"Found array with 0 sample(s) in X: it is empty; expected {_EXPECTED_X}.")
        with naming("X", _EXPECTED_X):
            if is_list_of_arrays(X) or (n_columns is not None and _is_list_of_others(X, n_columns)):
                return cls._of_list(X)
            array = _read_array(X, who)
            values = array if array.ndim == 3 else array[:, :, np.newaxis]
            return cls(values, np.full(len(array), array.shape[1]), "array", of_columns=array.ndim == 2)

    @classmethod
    def read_as_fitted(cls, X: Any, estimator: Any) -> Self:
        """Return the timesteps of sequences with the features seen by the estimator's `fit`."""
        check_is_fitted(estimator)
        of_columns, n_seen = estimator._columns_are_timesteps, estimator.n_features_in_
        timesteps = cls.read(X, estimator, n_columns=n_seen if of_columns else None)
        if timesteps.of_columns == of_columns:
            validate_data(estimator, X if of_columns else timesteps.one_table, reset=False, skip_check_array=True)
            return timesteps
        n_features, n_seen = timesteps.one_table.shape[1], 1 if of_columns else n_seen
        if n_features != n_seen:
            who = type(estimator).__name__
            raise ValueError(f"X has {n_features} features per timestep, but {who} expects {n_seen}.")
        return timesteps

    def let_learn(self, estimator: Any, X: Any) -> None:
        """Let an estimator learn number and names of the features of X, whose timesteps these are."""
        validate_data(estimator, X if self.of_columns else self.one_table, skip_check_array=True)
        estimator._columns_are_timesteps = self.of_columns

    @property
    def one_table(self) -> Any:
        """A table with all features: the first sequence of an array, or all timesteps of a list."""
        return self.values[0] if self.kind == "array" else self.values

    @cached_property
    def table(self) -> Any:
        """The timesteps of all sequences, (n_timesteps of all, n_features), an ndarray or a data frame."""
        return self.values.reshape(-1, self.values.shape[2]) if self.kind == "array" else self.values

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
        n_timesteps = int(self.lengths.sum())
        is_masked = np.ones(n_timesteps, dtype=np.bool_)
        for feature in range(self.values.shape[-1]):
            is_array = self.kind == "array"
            column = self.values[:, :, feature].ravel() if is_array else take_column(self.values, feature)
            missing = find_missing(np.asarray(column))
            if missing is None:
                return np.ones(n_timesteps, dtype=np.bool_)
            is_masked &= missing
        return ~is_masked

    @cached_property
    def n_valid(self) -> NDArray[np.intp]:
        """Number of timesteps of each sequence that are not masked, (n_samples,)."""
        return np.add.reduceat(self.is_valid, np.cumsum(self.lengths) - self.lengths, dtype=np.intp)

    def valid(self) -> Any:
        """Return the table of the timesteps that are not masked; raise ValueError if there are none."""
        if not self.is_valid.any():
            raise ValueError("X has no timestep that is not masked (missing in every feature); expected at least one.")
        if self.is_valid.all():
            return self.table
        rows = np.flatnonzero(self.is_valid)
        return self.table.iloc[rows] if hasattr(self.table, "iloc") else self.table[rows]

    def lay_out(self, values: Any, name: str) -> NDArray[Any]:
        """Return values per sequence or per timestep as values per timestep that is not masked."""
        if is_list_of_arrays(values):
            entries = [as_array(entry) for entry in values]
            if [len(entry) for entry in entries] == self.lengths.tolist():
                return np.concatenate(entries)[self.is_valid]
        array = as_array(values)
        if not is_of_samples(array, len(self.lengths)):
            raise ValueError(
                f"{name} has shape {array.shape}, but X has {len(self.lengths)} sequences; expected one value per "
                "sequence, or per timestep."
            )
        if array.ndim > 1 and (self.lengths == array.shape[1]).all():
            return array.reshape(-1, *array.shape[2:])[self.is_valid]
        return np.repeat(array, self.lengths, axis=0)[self.is_valid]

    def restore(self, transformed: Any, transformer: Any) -> Any:
        """Return the output of a transformer for the valid timesteps in the format of X; masked timesteps are NaN."""
        values = np.asarray(transformed.toarray() if issparse(transformed) else transformed)
        n_valid = int(self.is_valid.sum())
        if values.ndim != 2 or len(values) != n_valid:
            raise ValueError(
                f"transformer={transformer} returned an output of shape {values.shape} for {n_valid} timesteps; "
                f"expected one row per timestep, ({n_valid}, n_features)."
            )
        return in_form(among_gaps(values, self.is_valid), self.lengths, self.kind)


def is_of_samples(values: Any, n_samples: int) -> bool:
    """Tell whether values have one entry per sample."""
    if isinstance(values, str | dict) or not hasattr(values, "__len__") or getattr(values, "shape", None) == ():
        return False
    return len(values) == n_samples


def _is_list_of_others(X: Any, n_columns: int) -> bool:
    """Tell whether X is a list of lists whose equal length is not `n_columns`."""
    if not isinstance(X, list | tuple) or not all(isinstance(entry, list | tuple) for entry in X):
        return False
    return np.ndim(X[0]) == 1 and len(X[0]) != n_columns


def _read_array(X: Any, who: Any) -> NDArray[Any]:
    """Return X as an array (n_samples, n_timesteps, n_features), or (n_samples, n_timesteps) of one feature."""
    array = check_array(
        as_array(X) if isinstance(X, list | tuple) else X,
        dtype=None,
        allow_nd=True,
        ensure_all_finite=False,
        estimator=who,
        input_name="X",
    )
    if array.ndim > 3 or 0 in array.shape:
        raise ValueError(f"X has shape {array.shape}; expected at least one timestep and one feature in {_EXPECTED_X}.")
    if array.ndim == 2 and array.dtype == object and len({isinstance(value, str) for value in _present(array)}) > 1:
        raise ValueError(
            "X is 2-D with both strings and numbers, but a row of a 2-D X is a sequence of one feature. Pass tables "
            "whose rows are timesteps as a list of data frames, one per sequence."
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
    """Return as text what must be the same in all sequences: the columns of a data frame, or the number of features."""
    if is_frame(table):
        return f"columns {list(table.columns)} of {type(table).__module__.partition('.')[0]}"
    return f"{table.shape[1]} features per timestep"


def _concatenate(tables: list[Any]) -> Any:
    """Return concatenated tables: data frames as one data frame, arrays as one array without converting strings."""
    if not is_frame(tables[0]):
        kinds = {"string" if table.dtype.kind in "US" else table.dtype.kind == "O" for table in tables}
        return np.concatenate(tables, dtype=object if len(kinds) > 1 else None)
    if hasattr(tables[0], "iloc"):
        import pandas as pd

        return pd.concat(tables, ignore_index=True)
    import polars as pl

    return pl.concat(tables, how="vertical_relaxed")
