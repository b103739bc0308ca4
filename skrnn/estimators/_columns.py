"""Targets as users give them, in columns: one a sequence, or one a timestep, some of which may be missing."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from sklearn.utils import check_array

from skrnn.estimators._data import Data
from skrnn.estimators._inputs import check_weights, naming, refuse_masked
from skrnn.estimators._sequence_format import SequenceFormat, is_list_of_arrays
from skrnn.estimators._validation import find_missing, settled
from skrnn.sequences._ragged import Sequences
from skrnn.sequences._targets import Targets


@final
@dataclass(frozen=True)
class Columns:
    """Targets and weights as they were read, a column a sequence or a timestep.

    Attributes
    ----------
    y : ndarray of shape (n_columns,) or (n_columns, n_outputs)
        Numbers or labels; any where one is missing.
    missing : ndarray of the shape of y, bool, or None
        Which targets are missing, or None if none is.
    weights : ndarray of shape (n_columns,) or None
        None weighs all alike.
    name : str
        What messages call the targets.
    """

    y: np.ndarray
    missing: np.ndarray | None
    weights: np.ndarray | None
    name: str

    @cached_property
    def is_counted(self) -> np.ndarray:
        """Which columns have a weight, and a target in at least one output, (n_columns,)."""
        counted = np.ones(len(self.y), dtype=bool) if self.weights is None else self.weights > 0.0
        if self.missing is None:
            return counted
        return counted & ~(self.missing if self.missing.ndim == 1 else self.missing.all(axis=1))

    def counted(self) -> np.ndarray:
        """Return the targets of the columns that count."""
        return self.y if self.is_counted.all() else self.y[self.is_counted]

    def encode(self, estimator: Any) -> Targets:
        """Return the targets as the loss takes them, in the form that the estimator has learnt."""
        lacks_outputs = self.missing is not None and self.missing.ndim == 2 and self.missing[self.is_counted].any()
        if self.is_counted.all() and not lacks_outputs:
            return Targets(estimator._encode(self.y, self.name), self.weights)
        encoded = estimator._encode(self.counted(), self.name)
        values = np.zeros((len(encoded), len(self.y)))
        values[:, self.is_counted] = encoded
        weights = np.where(self.is_counted, 1.0 if self.weights is None else self.weights, 0.0)
        if not lacks_outputs:
            return Targets(values, weights)
        present = (~np.asarray(self.missing) & self.is_counted[:, None]).T.astype(np.float64)
        present = np.repeat(present, len(values) // len(present), axis=0)  # a target may have several outputs
        return Targets(values * present, weights, present)


def read_columns(
    estimator: Any, y: Any, sample_weight: Any, form: SequenceFormat, name: str, name_of_weights: str
) -> Columns:
    """Return targets and weights as they came for sequences of this form."""
    per_timestep = bool(estimator.return_sequences)
    refuse_masked(y, name)
    if per_timestep:
        read, missing = _read_timesteps(estimator, y, form, name)
    else:
        read, missing = estimator._read_y(y, len(form), name), None
    weights = read_weights(sample_weight, form, name_of_weights, per_timestep=per_timestep, missing=missing)
    columns = Columns(read, missing, weights, name)
    if not columns.is_counted.any():
        raise ValueError(f"{name} has no target of positive weight in {name_of_weights}; expected at least one.")
    return columns


def _read_timesteps(estimator: Any, y: Any, form: SequenceFormat, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a target for each timestep that is not masked, and which are missing; any stand there."""
    with naming(name, "targets for each timestep, (n_samples, n_timesteps) or a list of (n_timesteps,)"):
        y = form.flatten(y, name)
        missing = find_missing(y)
        if missing is None:
            y = settled(y)
    if missing is None:
        return estimator._read_y(y, len(y), name), None
    is_known = ~missing if missing.ndim == 1 else ~missing.all(axis=1)
    if not is_known.any():
        raise ValueError(f"{name} has no target: all are missing (NaN). Expected at least one.")
    known = y[is_known] if missing.ndim == 1 else np.where(missing[is_known], 0, y[is_known])
    with naming(name, "targets of one kind, numbers or labels, with NaN or None where there is none"):
        known = settled(known)
    known = estimator._read_y(known, len(known), name)
    everywhere = np.full((len(y), *known.shape[1:]), known[0], dtype=known.dtype)
    everywhere[is_known] = known
    return everywhere, missing if known.ndim == 2 else missing.reshape(len(y))


def make_data(estimator: Any, sequences: Sequences, columns: Columns, *, needs_all_outputs: bool = True) -> Data:
    """Return sequences and encoded targets, without the sequences that count for nothing.

    With `needs_all_outputs`, raise ValueError where an output has no target at all.
    """
    targets = columns.encode(estimator)
    output = targets.empty_output()
    if needs_all_outputs and output is not None:
        raise ValueError(f"{columns.name} has no target in output {output}: all are missing. Expected at least one.")
    return Data(sequences, targets, bool(estimator.return_sequences)).weighted(targets.weights)


def read_weights(
    sample_weight: Any,
    form: SequenceFormat,
    name: str,
    *,
    per_timestep: bool = False,
    missing: np.ndarray | None = None,
) -> np.ndarray | None:
    """Return the weights as float64, one a sequence or if `per_timestep` one a timestep, or None for equal ones.

    Where a timestep is `missing` its target, (n_columns,) or (n_columns, n_outputs), any weight may stand.
    """
    if sample_weight is None:
        return None
    n_samples = len(form)
    refuse_masked(sample_weight, name)
    with naming(name, f"{n_samples} numbers >= 0, one for each sample"):
        of_timesteps = per_timestep and (is_list_of_arrays(sample_weight) or np.asarray(sample_weight).ndim > 1)
        weights = _flat_weights(sample_weight, form, name, missing) if of_timesteps else sample_weight
        weights = check_array(
            weights, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_min_samples=0, input_name=name
        )
    expected = (int(form.n_valid.sum()),) if of_timesteps else (n_samples,)
    if weights.shape != expected:
        raise ValueError(f"{name} has shape {weights.shape}; expected {expected}, a weight for each sample.")
    check_weights(weights, name)
    weights = moderate(weights)
    return np.repeat(weights, form.n_valid) if per_timestep and not of_timesteps else weights


def _flat_weights(sample_weight: Any, form: SequenceFormat, name: str, missing: np.ndarray | None) -> np.ndarray:
    """Return a weight for each timestep that is not masked: zero where its target is missing."""
    weights = form.flatten(sample_weight, name)
    if weights.shape[1:] == (1,):
        weights = weights[:, 0]
    if missing is None:
        return weights
    return np.where(missing if missing.ndim == 1 else missing.all(axis=1), 0.0, weights.T).T


def moderate(weights: np.ndarray) -> np.ndarray:
    """Return weights times a power of two, so that no sum of theirs overflows or vanishes: only ratios count.

    Those whose largest is of a usual size stay as they are.
    """
    exponent = int(np.frexp(weights.max())[1])
    return weights if abs(exponent) <= 10 else np.ldexp(weights, -exponent)
