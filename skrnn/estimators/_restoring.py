"""From plain values and arrays, which anyone may have made up, to an estimator in the midst of its fit."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from typing import Any, final

import numpy as np

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._build import make_solver, parameter_layout
from skrnn.estimators._description import Description
from skrnn.estimators._fitted import Outcome, store_outcome
from skrnn.estimators._parameters import check_parameters, read_random_state
from skrnn.estimators._plain import parameter
from skrnn.estimators._run_state import Curves, RunState, copied_parameters
from skrnn.estimators._storing import CURVES, ESTIMATORS
from skrnn.estimators._target_encoder import TargetEncoder
from skrnn.solvers import Monitor

ReadArray = Callable[[str, np.dtype, tuple[int, ...]], np.ndarray]
"""(name, dtype, shape) -> the array, or an error where it is not of this dtype and shape."""

_FLOATS, _KEYS = np.dtype(np.float64), np.dtype(np.uint32)
_N_KEYS = 624  # of the Mersenne twister
_LABELS = re.compile(r"[|<](b1|[iu][1248]|f[248]|U[1-9][0-9]{0,3})")


def restore(values: Any, read: ReadArray) -> BaseRNN:
    """Return the estimator that is described by what JSON has given, and by arrays that `read` reads.

    All that it holds comes from parameters that a user might have set, and from arrays of the sizes that follow from
    them, by the code that stores the result of a fit.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If they describe none.
    """
    description = Description.read(values)
    estimator = _unfitted(description)
    _learn_features(estimator, description, read)
    encoder = _read_targets(estimator, description, read)
    n_outputs = encoder.n_outputs
    layout = parameter_layout(estimator, description.n_features, n_outputs)
    arrays = _Arrays(description, read, layout.n_parameters)
    theta = arrays.theta("theta")  # first, for now nothing larger than it is made
    location, scale = arrays.statistics(n_outputs)
    monitor = arrays.monitor_state()
    solver = arrays.solver_state(estimator)
    rng_state = arrays.rng_state("keys", description.twister)
    curves = arrays.curves("earlier_", description.n_iter_before)
    if description.has_random_state:
        estimator.random_state = np.random.RandomState()
        estimator.random_state.set_state(rng_state)
    state = RunState(
        theta=theta,
        solver=solver,
        monitor=monitor,
        rng_state=rng_state,
        first_rng_state=arrays.rng_state("first_keys", description.first_twister),
        n_samples_seen=description.n_samples_seen_before,
        curves=curves,
        parameters=copied_parameters(estimator),
        digest=description.digest,
        merit=description.merit,
        scores=arrays.scores(),
    )
    outcome = _outcome(estimator, state, description.n_samples_seen)
    store_outcome(estimator, replace(encoder, location=location, scale=scale), layout, outcome, [outcome])
    estimator._unfinished = state
    return estimator


def _unfitted(description: Description) -> BaseRNN:
    """Return an estimator with the parameters that are described."""
    if description.estimator not in ESTIMATORS:
        raise ValueError(f"its estimator is {description.estimator!r}, none of {', '.join(ESTIMATORS)}")
    make: Any = ESTIMATORS[description.estimator]
    values = {name: parameter(value) for name, value in description.parameters.items()}
    if description.has_random_state:
        values.setdefault("random_state", None)
    differing = set(values) ^ set(make().get_params(deep=False))
    if differing:
        raise ValueError(f"its parameters lack, or should not have, {sorted(differing)}")
    estimator: BaseRNN = make(**values)
    check_parameters(estimator)
    read_random_state(estimator.random_state)
    if description.dtype not in (("float32", "float64") if estimator.dtype is None else (estimator.dtype,)):
        raise ValueError(f"its network is of dtype {description.dtype!r}, with the parameter {estimator.dtype!r}")
    return estimator


def _learn_features(estimator: Any, description: Description, read: ReadArray) -> None:
    """Let the estimator know the features that it was fitted with."""
    n_features, n_features_in = description.n_features, description.n_features_in
    n_folded = (estimator.n_timesteps or n_features_in) if description.columns_are_timesteps else 1
    if n_features < 1 or n_features * n_folded != n_features_in:
        raise ValueError(f"its X of {n_features_in} features does not fold to timesteps of {n_features}")
    estimator.n_features_in_ = n_features_in
    estimator._columns_are_timesteps = description.columns_are_timesteps
    if description.feature_names is not None:
        dtype = _label_dtype("feature_names", description.feature_names)
        estimator.feature_names_in_ = read("feature_names", dtype, (n_features_in,)).astype(object)


def _read_targets(estimator: Any, description: Description, read: ReadArray) -> TargetEncoder:
    """Return the encoder of the targets that the estimator was fitted with."""
    encoder = estimator._encoder_type.new(estimator)
    if bool(description.classes) != encoder.has_classes:
        raise ValueError("its targets lack classes, or have some though they are numbers")
    if not encoder.has_classes:
        return encoder.with_form(description.n_target_columns)
    name, n_classes = description.classes
    classes = read("classes", _label_dtype("classes", name), (n_classes,))
    if description.n_target_columns not in (None, n_classes) or n_classes == 0:
        raise ValueError(f"its {n_classes} classes are not those of {description.n_target_columns} columns")
    encoder = encoder.with_form(description.n_target_columns, classes)
    if encoder.classes.dtype != classes.dtype or not np.array_equal(encoder.classes, classes):
        raise ValueError("its classes are none that a fit finds")
    return encoder


def _label_dtype(name: str, text: str) -> np.dtype:
    """Return the dtype of labels: truth values, numbers or strings of one length."""
    if not _LABELS.fullmatch(text):
        raise ValueError(f"its {name} are of dtype {text!r}")
    return np.dtype(text)


def _outcome(estimator: BaseRNN, state: RunState, n_samples_seen: int) -> Outcome:
    """Return the outcome of a run that had ended in this state."""
    monitor = Monitor(max_iter=1, tol=0.0, n_iter_no_change=1, early_stopping=bool(estimator.early_stopping))
    monitor.restore(state.monitor)
    theta, loss = monitor.current(state.theta)
    first, second, third = (
        [*earlier, *state.monitor[name]] for name, earlier in zip(CURVES, state.curves, strict=True)
    )
    return Outcome(
        theta=theta,
        loss=loss,
        curves=(first, second, third),
        n_iter=monitor.n_iter,
        n_samples_seen=n_samples_seen,
        solver_state=state.solver,
        rng_state=list(state.rng_state),
    )


@final
class _Arrays:
    """The arrays that belong to a description: those of a network, a solver, a monitor and random states."""

    def __init__(self, description: Description, read: ReadArray, n_parameters: int) -> None:
        self.description = description
        self.read = read
        self.n_parameters = n_parameters
        self.dtype = np.dtype(description.dtype)

    def theta(self, name: str) -> np.ndarray:
        """Return parameters of the network, (n_parameters,)."""
        return _finite(name, self.read(name, self.dtype, (self.n_parameters,)))

    def statistics(self, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Return location and scale of the targets, each (n_outputs,)."""
        location = _finite("target_location", self.read("target_location", _FLOATS, (n_outputs,)))
        scale = _finite("target_scale", self.read("target_scale", _FLOATS, (n_outputs,)))
        if (scale <= 0.0).any():
            raise ValueError("its target_scale is not positive")
        return location, scale

    def curves(self, prefix: str, lengths: list[int]) -> Curves:
        """Return the three curves whose names begin like this."""
        first, second, third = (
            self.read(prefix + name, _FLOATS, (length,)).tolist() for name, length in zip(CURVES, lengths, strict=True)
        )
        return first, second, third

    def monitor_state(self) -> dict[str, Any]:
        """Return what the monitor has recorded."""
        described = self.description
        n_iter, *n_validated = described.n_iter
        if described.best_iteration >= n_iter or any(n not in (0, n_iter) for n in n_validated):
            raise ValueError(
                f"its curves of {described.n_iter} entries do not belong together, or to the best iteration"
            )
        return {
            **dict(zip(CURVES, self.curves("", described.n_iter), strict=True)),
            "best_merits": described.best_merits,
            "best_theta": self.theta("best_theta") if described.has_best else np.empty(0),
            "best_iteration": described.best_iteration,
            "n_stalled": described.n_stalled,
            "chosen": self._chosen(),
        }

    def _chosen(self) -> list[Any] | None:
        """Return merit, theta and loss of the iteration that callbacks want to keep, if any."""
        if not self.description.chosen:
            return None
        merit, loss = self.description.chosen
        return [merit, self.theta("chosen_theta"), loss]

    def solver_state(self, estimator: Any) -> list[Any]:
        """Return what the solver remembers: arrays of the kind that a new one has."""
        rng = np.random.RandomState(0)  # which draws nothing
        new = make_solver(estimator, 1, self.n_parameters, self.dtype, rng, 0).state()
        if self.description.solver[:1] != new[:1]:
            raise ValueError(f"its solver {self.description.solver} is not that of its parameters, {new[:1]}")
        arrays = [self.read(f"solver_{number}", like.dtype, like.shape) for number, like in enumerate(new[2:])]
        if any((array < 0).any() for array in arrays if array.dtype.kind == "i"):
            raise ValueError("its solver has made less than no updates")
        return [*self.description.solver, *arrays]

    def scores(self) -> list[list[float]]:
        """Return what callbacks have said of iterations, a list a callback."""
        lengths = self.description.n_scores
        scores = self.read("scores", _FLOATS, (sum(lengths),)).tolist()
        return [scores[end - length : end] for end, length in zip(accumulate(lengths), lengths, strict=True)]

    def rng_state(self, name: str, twister: list[Any]) -> tuple[Any, ...]:
        """Return the state of a random state, in which NumPy would believe whatever it is told."""
        keys = self.read(name, _KEYS, (_N_KEYS,))
        position, has_gauss, gauss = twister
        if position > _N_KEYS or has_gauss > 1 or not keys[1:].any():
            raise ValueError(f"its {name} are no state of a Mersenne twister")
        return ("MT19937", keys, position, has_gauss, gauss)


def _finite(name: str, array: np.ndarray) -> np.ndarray:
    """Return the array, or raise ValueError if a number in it is not finite."""
    if not np.isfinite(array).all():
        raise ValueError(f"its {name} holds what is not finite")
    return array
