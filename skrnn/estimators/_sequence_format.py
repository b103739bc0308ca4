"""The format of X: reads sequences and values of their timesteps, and returns predictions in the same format."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skrnn._caching import cached_property
from skrnn._inputs._frames import explaining, names_of_frames, warn_of_features
from skrnn._inputs._messages import naming, warn
from skrnn._inputs._tables import warn_of_lags
from skrnn._inputs._values import ADVICE, as_array, check_kind, refuse_masked, strings_or_dates
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.exceptions import DataWarning
from skrnn.sequences._ragged import Sequences, from_array, from_list, in_chunks

_EXPECTED_X = (
    "real numbers in an array (n_samples, n_timesteps, n_features), a 2-D array (n_samples, n_columns), or a list of "
    "arrays (n_timesteps, n_features)"
)


@final
@dataclass(frozen=True)
class SequenceFormat:
    """Sequences as the user passed them: targets of timesteps have the same format, and predictions get it."""

    values: Any  # (n_samples, n_timesteps, n_features), or a list of (n_timesteps, n_features); not checked
    kind: str  # "array", "list" or "object array"
    name: str  # in messages

    @classmethod
    def read(cls, estimator: Any, X: Any, n_features: int | None = None, name: str = "X") -> Self:
        """Return the format of X, with `n_features` per timestep; with None, the estimator learns their number."""
        who, learns = type(estimator).__name__, n_features is None
        refuse_masked(X, name)
        if isinstance(X, list | tuple) and len(X) == 0:
            raise ValueError(f"Found array with 0 sample(s) in {name}: it is empty, but {who} expects {_EXPECTED_X}.")
        with naming(name, _EXPECTED_X):
            if _is_read_as_list(estimator, X, learns):
                values: Any = _read_list(estimator, X, learns, name)
                kind, n_found = "object array" if hasattr(X, "dtype") else "list", values[0].shape[1]
            else:
                n_dimensions = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
                if n_dimensions > 3:
                    raise ValueError(f"{name} has {n_dimensions} dimensions, but {who} expects {_EXPECTED_X}.")
                values = (_read_3d if n_dimensions == 3 else _read_2d)(estimator, X, learns, name)
                kind, n_found = "array", values.shape[2]
        if not learns and n_found != n_features:
            raise ValueError(f"{name} has {n_found} features per timestep, but {who} was fitted with {n_features}.")
        return cls(values, kind, name)

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.values)

    def sequences(self) -> Sequences:
        """Return all sequences in the internal form, or raise ValueError for an invalid timestep."""
        return (from_array if self.kind == "array" else from_list)(self.values, self.name)

    def chunks(self, scaling: FeatureScaling, dtype: np.dtype) -> Iterator[Sequences]:
        """Yield the sequences in chunks, scaled for the network and in the dtype of its computations."""
        for chunk in in_chunks(self.values, self.name):
            yield scaling.apply(chunk, dtype, self.name)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Number of timesteps of each sequence, masked ones included, (n_samples,)."""
        if self.kind == "array":
            return np.broadcast_to(np.intp(self.values.shape[1]), len(self))  # takes no memory
        return np.array([len(sequence) for sequence in self.values])

    @cached_property
    def is_valid(self) -> np.ndarray:
        """Which timesteps are not masked, sequence after sequence, (n_timesteps of all,)."""
        if self.kind == "array":  # if one feature is NaN, all are
            return ~np.isnan(self.values[:, :, 0].ravel())
        return ~np.isnan(np.concatenate([sequence[:, 0] for sequence in self.values]))

    @cached_property
    def n_valid(self) -> np.ndarray:
        """Number of timesteps of each sequence that are not masked, (n_samples,)."""
        starts = np.cumsum(self.lengths) - self.lengths
        return np.add.reduceat(self.is_valid, starts, dtype=np.intp)

    def flatten(self, values: Any, name: str) -> np.ndarray:
        """Return values given per timestep in this format, without masked timesteps, (n_columns, ...)."""
        return (self._join(values, name) if is_list_of_arrays(values) else self._unfold(values, name))[self.is_valid]

    def _join(self, values: Any, name: str) -> np.ndarray:
        """Return the concatenated entries of a list."""
        if len(values) != len(self):
            raise ValueError(f"{name} has {len(values)} entries, but there are {len(self)} sequences.")
        entries = [as_array(entry) for entry in values]
        for sample, (entry, length) in enumerate(zip(entries, self.lengths.tolist(), strict=True)):
            if entry.ndim not in (1, 2) or len(entry) != length or entry.shape[1:] != entries[0].shape[1:]:
                raise ValueError(
                    f"{name} has shape {entry.shape} in sample {sample}, whose sequence has {length} timesteps. "
                    f"Expected ({length},) or ({length}, n_outputs), with the same n_outputs in all samples."
                )
        has_strings = {entry.dtype.kind in "US" for entry in entries}
        return np.concatenate(entries, dtype=object if len(has_strings) > 1 else None)

    def _unfold(self, values: Any, name: str) -> np.ndarray:
        """Return an array (n_samples, n_timesteps, ...) with its first two axes merged."""
        array = as_array(values)
        n_timesteps = int(self.lengths[0])
        are_equal = bool((self.lengths == n_timesteps).all())
        if array.ndim not in (2, 3) or array.shape[:2] != (len(self), n_timesteps) or not are_equal:
            usual = f"({len(self)}, {n_timesteps}) or ({len(self)}, {n_timesteps}, n_outputs)"
            expected = usual if are_equal else "a list with one array per sequence"
            raise ValueError(f"{name} has shape {array.shape}; expected {expected}, one value per timestep.")
        return array.reshape(-1, *array.shape[2:])

    def restore(self, predictions: np.ndarray) -> Any:
        """Return predictions, (n_columns, ...), one per timestep, in this format; masked timesteps have NaN."""
        return in_form(among_gaps(predictions, self.is_valid), self.lengths, self.kind)


def among_gaps(values: np.ndarray, is_there: np.ndarray) -> np.ndarray:
    """Return values, (n_values, ...), where `is_there`, with NaN elsewhere."""
    if is_there.all():
        return values
    everywhere = np.full((len(is_there), *values.shape[1:]), np.nan, dtype_with_gaps(values))
    everywhere[is_there] = values
    return everywhere


def in_form(values: np.ndarray, lengths: np.ndarray, kind: str) -> Any:
    """Return values of timesteps, (n_timesteps of all, ...), in the form of sequences of these lengths."""
    if kind == "array":
        return values.reshape(len(lengths), -1, *values.shape[1:])
    of_sequences = np.split(values, np.cumsum(lengths)[:-1])
    return of_sequences if kind == "list" else as_objects(of_sequences)


def as_objects(entries: list[Any]) -> np.ndarray:
    """Return arrays or tuples, of one length or not, as a 1-D object array."""
    objects = np.empty(len(entries), dtype=object)
    objects[:] = entries
    return objects


def is_list_of_arrays(values: Any) -> bool:
    """Tell whether `values` is a list, or a 1-D object array, of sequences of any lengths."""
    if isinstance(values, list | tuple):
        if any(len(getattr(entry, "shape", ())) > 0 for entry in values):
            return True
        if len(values) == 0 or not all(isinstance(entry, list | tuple) for entry in values):
            return False
        return len({len(entry) for entry in values}) > 1
    if getattr(getattr(values, "dtype", None), "kind", "") != "O" or getattr(values, "ndim", 0) != 1 or not len(values):
        return False
    return all(hasattr(entry, "__len__") and not isinstance(entry, str | bytes) for entry in values)


def dtype_with_gaps(predictions: np.ndarray) -> np.dtype:
    """Return a dtype for predictions and NaN: float if it can represent them, otherwise object."""
    dtype = predictions.dtype
    if dtype.kind == "f":
        return dtype
    if dtype.kind in "iu" and (predictions.astype(np.float64).astype(dtype) == predictions).all():
        return np.dtype(np.float64)
    return np.dtype(object)


def _is_read_as_list(estimator: Any, X: Any, learns: bool) -> bool:
    """Tell whether X is read sequence by sequence."""
    if is_list_of_arrays(X):
        return True
    # A list of lists of numbers may have equal lengths by chance, different from the length in fit.
    if learns or estimator.n_timesteps is not None or not isinstance(X, list | tuple) or not X:
        return False
    is_of_lists = all(isinstance(entry, list | tuple) and np.ndim(entry) == 1 for entry in X)
    return is_of_lists and estimator._columns_are_timesteps and len(X[0]) != estimator.n_features_in_


def _read_list(estimator: Any, X: Any, learns: bool, name: str) -> list[np.ndarray]:
    """Return a list of sequences as numeric arrays, each (n_timesteps, n_features); a 1-D one has one feature."""
    frame = names_of_frames(X, name)
    sequences = [_read_sequence(entry, sample, name) for sample, entry in enumerate(X)]
    n_features = sequences[0].shape[1]
    for sample, sequence in enumerate(sequences):
        if sequence.shape[1] != n_features:
            raise ValueError(
                f"{name} has {sequence.shape[1]} features per timestep in sample {sample}, but {n_features} in "
                "sample 0; expected the same number in all sequences."
            )
    if learns:
        learn_features(estimator, n_features)
    if frame is not None and (learns or not estimator._columns_are_timesteps):
        validate_data(estimator, frame, reset=learns, skip_check_array=True)  # to compare or learn the names
    return sequences


def _read_sequence(entry: Any, sample: int, name: str) -> np.ndarray:
    """Return one sequence as a numeric array, (n_timesteps, n_features)."""
    with explaining(entry):
        sequence = np.asarray(entry)
    if sequence.dtype == object:
        kind = strings_or_dates(sequence)
        if kind:
            raise TypeError(f"{name} contains {kind} in sample {sample}; expected real numbers.{ADVICE[kind]}")
        sequence = sequence.astype(np.float64)
    check_kind(sequence, name)
    if sequence.ndim == 1:
        sequence = sequence[:, np.newaxis]
    if sequence.ndim != 2 or 0 in sequence.shape:
        raise ValueError(
            f"{name} has shape {np.shape(entry)} in sample {sample}; expected (n_timesteps, n_features) with at least "
            "one timestep and at least one feature, or (n_timesteps,)."
        )
    return sequence


def learn_features(estimator: Any, n_features: int) -> None:
    """Store the number of features, without names, in the estimator."""
    estimator.n_features_in_ = n_features
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    estimator._columns_are_timesteps = False


def _read_3d(estimator: Any, X: Any, learns: bool, name: str) -> np.ndarray:
    """Return X, (n_samples, n_timesteps, n_features), as a numeric array; a view if possible."""
    if type(X) is not np.ndarray or X.dtype.kind != "f" or len(X) == 0:  # otherwise there is nothing to convert
        checks = {"dtype": "numeric", "allow_nd": True, "ensure_all_finite": False}
        with explaining(X):
            X = check_array(X, estimator=estimator, input_name=name, **checks)
            check_kind(X, name)
    if 0 in X.shape:
        raise ValueError(
            f"{name} has shape {X.shape}; expected at least one timestep and at least one feature in each sequence."
        )
    if learns:
        learn_features(estimator, X.shape[2])
    return X


def _needs_no_check(estimator: Any, X: Any) -> bool:
    """Tell whether X is a float array of the known width, whose checks would take longer than a short prediction."""
    is_plain = type(X) is np.ndarray and X.dtype.kind == "f" and X.ndim == 2 and len(X) > 0
    is_known = estimator._columns_are_timesteps and not hasattr(estimator, "feature_names_in_")
    return is_plain and is_known and X.shape[1] == estimator.n_features_in_


def _check_2d(estimator: Any, X: Any, learns: bool, name: str) -> np.ndarray:
    """Return a 2-D X or data frame as a numeric array."""
    checks = {"dtype": "numeric", "ensure_all_finite": "allow-nan"}
    with explaining(X):
        if learns or estimator._columns_are_timesteps:
            array = validate_data(estimator, X, reset=learns, **checks)
        else:
            array = check_array(X, estimator=estimator, input_name=name, **checks)
        check_kind(array, name)
    return array


def _read_2d(estimator: Any, X: Any, learns: bool, name: str) -> np.ndarray:
    """Return a 2-D X or data frame, folded to (n_samples, n_timesteps, n_features)."""
    table = X
    if learns or not _needs_no_check(estimator, X):
        X = _check_2d(estimator, X, learns, name)
    if learns:
        estimator._columns_are_timesteps = True
        warn_of_lags(table, estimator.n_timesteps)
        if estimator.n_timesteps is None:
            warn_of_features(table)
    n_samples, n_columns = X.shape
    n_timesteps = estimator.n_timesteps
    if n_timesteps is None:
        if n_columns == 1 < n_samples and not estimator._columns_are_timesteps:
            warn(
                f"{name} has shape {X.shape} and is interpreted as {n_samples} sequences of a single timestep. If it "
                f"is one sequence, pass {name}[numpy.newaxis].",
                DataWarning,
            )
        return X[:, :, np.newaxis]
    if n_columns % n_timesteps:
        raise ValueError(
            f"{name} has {n_columns} columns, but {type(estimator).__name__} expects a multiple of "
            f"n_timesteps={n_timesteps}: the features of the first timestep, then those of the second, and so on."
        )
    return X.reshape(n_samples, n_timesteps, n_columns // n_timesteps)
