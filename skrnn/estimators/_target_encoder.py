"""Targets: reads y and weights, encodes them for the loss, and decodes outputs into predictions."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, final

import numpy as np
from sklearn.utils import check_array

from skrnn._caching import cached_property
from skrnn._inputs._messages import naming
from skrnn._inputs._values import check_weights, find_missing, from_objects, refuse_masked
from skrnn.estimators._sequence_format import SequenceFormat, is_list_of_arrays
from skrnn.losses._base import Loss
from skrnn.sequences._targets import Targets

#: What raw outputs are: predictions, their logarithms, or quantiles to be sorted for each target; scores of two
# classes, with a single output for the second, of several classes, or of independent labels.
Kind = Literal["numbers", "exponentials", "quantiles", "two classes", "classes", "labels"]


@final
@dataclass(frozen=True)
class TargetColumns:
    """Targets and weights before encoding, one column per sequence or per timestep."""

    y: np.ndarray  # numbers or labels, (n_columns,) or (n_columns, n_targets); arbitrary where missing
    missing: np.ndarray | None  # which are missing, with the shape of y, or None if none
    weights: np.ndarray | None  # (n_columns,), or None for equal ones
    name: str  # of the targets in messages
    unit: float = 1.0  # of the weights

    @cached_property
    def is_counted(self) -> np.ndarray:
        """Which columns have a positive weight and a target in at least one output, (n_columns,)."""
        counted = np.ones(len(self.y), dtype=bool) if self.weights is None else self.weights > 0.0
        return counted if self.missing is None else counted & ~missing_throughout(self.missing)

    def counted(self) -> np.ndarray:
        """Return the targets of the columns that count."""
        return self.y if self.is_counted.all() else self.y[self.is_counted]


@dataclass(frozen=True, kw_only=True)
class TargetEncoder(ABC):
    """Reads, learns, encodes and decodes targets.

    It is made from the parameters of an estimator (`new`), or also from the attributes of a fitted one (`of`). It is
    immutable: methods that learn return a new encoder.
    """

    has_classes: ClassVar[bool]  # whether the targets are labels of known classes

    who: str  # the estimator in messages
    per_timestep: bool  # whether there is one target per timestep
    loss: Loss
    n_targets: int | None = None  # columns of y, or None if it is 1-D
    n_outputs: int = 0  # of the network
    kind: Kind = "numbers"
    shape: tuple[int, ...] = ()  # of predictions or probabilities per column
    location: np.ndarray = field(default_factory=lambda: np.empty(0))  # for standardising targets, (n_outputs,)
    scale: np.ndarray = field(default_factory=lambda: np.empty(0))

    # Making, learning, storing

    @classmethod
    @abstractmethod
    def new(cls, estimator: Any) -> Self:
        """Return an encoder with the estimator's parameters that has not learnt anything yet."""

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Return the encoder of a fitted estimator, or raise ValueError if its parameters do not match the fit."""
        encoder = cls.new(estimator)._with_stored_form(estimator)
        return replace(encoder, location=estimator._target_location, scale=estimator._target_scale)

    @abstractmethod
    def _with_stored_form(self, estimator: Any) -> Self:
        """Return an encoder of the targets that the estimator was fitted to."""

    @abstractmethod
    def with_form(self, n_targets: int | None, classes: Any = None) -> Self:
        """Return an encoder of targets with `n_targets` columns, None for 1-D targets, and these classes."""

    @abstractmethod
    def learn(self, columns: TargetColumns, classes: Any = None, *, incremental: bool = False) -> Self:
        """Return an encoder with the dimensions or classes of these targets; `incremental` requires `classes`."""

    @abstractmethod
    def check_classes(self, classes: Any) -> None:
        """Raise ValueError unless `classes`, if given, are those that were learnt."""

    @abstractmethod
    def require_all_classes(self, columns: TargetColumns) -> None:
        """Raise ValueError unless the targets contain every class that was learnt."""

    def standardise(self, targets: Targets) -> Self:
        """Return an encoder with the location and scale of these training targets."""
        location, scale = self._statistics(targets)
        return replace(self, location=location, scale=scale)

    def _statistics(self, targets: Targets) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros(self.n_outputs), np.ones(self.n_outputs)

    def distances(self, targets: Targets) -> np.ndarray:
        """Return the root mean square of each standardised output, (n_outputs,): about 1 for targets like the first."""
        return np.zeros(self.n_outputs)

    def store(self, estimator: Any) -> None:
        """Store what has been learnt as attributes of the estimator."""
        estimator.n_outputs_ = self.n_outputs
        estimator._target_location, estimator._target_scale = self.location, self.scale

    # Reading

    def read(self, y: Any, sample_weight: Any, form: SequenceFormat, name: str = "y") -> TargetColumns:
        """Return targets and weights for sequences of this format."""
        if y is None:
            raise ValueError(f"This {self.who} estimator requires y to be passed, but the target y is None.")
        refuse_masked(y, name)
        if self.per_timestep:
            values, missing = self._read_timesteps(y, form, name)
        else:
            values, missing = self._read_values(y, len(form), name), None
        name_of_weights = name.replace("y", "sample_weight")
        weights = self._read_weights(sample_weight, form, name_of_weights, missing)
        unit = 1.0 if weights is None else unit_of(weights)
        columns = TargetColumns(values, missing, None if weights is None else weights / unit, name, unit)
        if not columns.is_counted.any():
            raise ValueError(f"{name} has no target of positive weight in {name_of_weights}; expected at least one.")
        return columns

    @abstractmethod
    def _read_values(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        """Return targets, none of which is missing, as an array, (n_samples,) or (n_samples, n_targets)."""

    def _read_timesteps(self, y: Any, form: SequenceFormat, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Return one target per timestep that is not masked, arbitrary where missing, and which are missing."""
        with naming(name, "targets for each timestep, (n_samples, n_timesteps) or a list of (n_timesteps,)"):
            y = form.flatten(y, name)
            missing = find_missing(y)
            if missing is None:
                y = from_objects(y)
        if missing is None:
            return self._read_values(y, len(y), name), None
        is_known = ~missing_throughout(missing)
        if not is_known.any():
            raise ValueError(f"{name} has no target: all values are missing (NaN). Expected at least one target.")
        known = y[is_known] if missing.ndim == 1 else np.where(missing[is_known], 0, y[is_known])
        with naming(name, "targets of one kind, numbers or labels, with NaN or None where missing"):
            known = from_objects(known)
        known = self._read_values(known, len(known), name)
        everywhere = np.full((len(y), *known.shape[1:]), known[0], dtype=known.dtype)
        everywhere[is_known] = known
        return everywhere, missing if known.ndim == 2 else missing.reshape(len(y))

    def _read_weights(
        self, sample_weight: Any, form: SequenceFormat, name: str, missing: np.ndarray | None
    ) -> np.ndarray | None:
        """Return one weight per column as float64, arbitrary where the target is missing, or None for equal weights."""
        if sample_weight is None:
            return None
        refuse_masked(sample_weight, name)
        with naming(name, f"{len(form)} numbers >= 0, one per sample"):
            of_timesteps = self.per_timestep and (is_list_of_arrays(sample_weight) or np.ndim(sample_weight) > 1)
            weights = _flat_weights(sample_weight, form, name, missing) if of_timesteps else sample_weight
            weights = check_array(
                weights, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_min_samples=0, input_name=name
            )
        expected = (int(form.n_valid.sum()),) if of_timesteps else (len(form),)
        if weights.shape != expected:
            raise ValueError(f"{name} has shape {weights.shape}; expected {expected}, one weight per sample.")
        check_weights(weights, name)
        return np.repeat(weights, form.n_valid) if self.per_timestep and not of_timesteps else weights

    # Encoding

    def encode(self, columns: TargetColumns, *, needs_all_outputs: bool = True) -> Targets:
        """Return the targets encoded for the loss, or raise ValueError if they differ from those learnt."""
        missing, is_counted = columns.missing, columns.is_counted
        lacks_outputs = missing is not None and missing.ndim == 2 and bool(missing[is_counted].any())
        if is_counted.all() and not lacks_outputs:
            return Targets(self._encode(columns.y, columns.name), columns.weights)
        encoded = self._encode(columns.counted(), columns.name)
        values = np.zeros((len(encoded), len(columns.y)))
        values[:, is_counted] = encoded
        weights = np.where(is_counted, 1.0 if columns.weights is None else columns.weights, 0.0)
        if not lacks_outputs:
            return Targets(values, weights)
        present = (~np.asarray(missing) & is_counted[:, None]).T.astype(np.float64)
        present = np.repeat(present, len(values) // len(present), axis=0)  # a target may have several outputs
        targets = Targets(values * present, weights, present)
        output = targets.empty_output()
        if needs_all_outputs and output is not None:
            raise ValueError(
                f"{columns.name} has no target in output {output}: all values are missing. Expected at least one "
                "target."
            )
        return targets

    @abstractmethod
    def _encode(self, y: np.ndarray, name: str) -> np.ndarray:
        """Return targets encoded for the loss, (n_outputs, n_columns) of float64."""

    def training_weights(self, targets: Targets) -> np.ndarray | None:
        """Return the targets' weights, (n_columns,), times the class weights, if any."""
        return targets.weights

    def strata(self, targets: Targets) -> np.ndarray | None:
        """Return labels, (n_samples,), for a stratified validation split, or None."""
        return None

    # Decoding

    @abstractmethod
    def predict(self, raw: np.ndarray) -> np.ndarray:
        """Return predictions, (n_columns, ...), from raw outputs, (n_outputs, n_columns)."""

    @abstractmethod
    def raw_from(self, averages: np.ndarray) -> np.ndarray:
        """Return outputs, (n_outputs, n_columns), with the `score` of averages over networks, (n_columns, ...).

        They are averages of predictions, or for classes of probabilities.
        """

    @abstractmethod
    def score(self, raw: np.ndarray, columns: TargetColumns) -> float:
        """Return how well raw outputs, (n_outputs, n_columns), predict the targets."""


def missing_throughout(missing: np.ndarray) -> np.ndarray:
    """Return which columns have no target in any output, (n_columns,)."""
    return missing if missing.ndim == 1 else np.logical_and.reduce(missing, axis=1)


def check_n_samples(y: np.ndarray, n_samples: int, name: str) -> None:
    """Raise ValueError unless there is one target per sample."""
    if len(y) != n_samples:
        sequences = name.replace("y", "X")
        raise ValueError(
            f"{name} has {len(y)} samples, but {sequences} has {n_samples}; expected one target per sample."
        )


def unit_of(weights: np.ndarray) -> float:
    """Return a power of two such that sums of weights in this unit neither overflow nor vanish; usually 1."""
    exponent = int(np.frexp(weights.max())[1])
    return 1.0 if abs(exponent) <= 10 else float(np.ldexp(1.0, exponent - 1))


def _flat_weights(sample_weight: Any, form: SequenceFormat, name: str, missing: np.ndarray | None) -> np.ndarray:
    """Return one weight per timestep that is not masked, zero where the target is missing."""
    weights = form.flatten(sample_weight, name)
    if weights.shape[1:] == (1,):
        weights = weights[:, 0]
    return weights if missing is None else np.where(missing_throughout(missing), 0.0, weights.T).T
