"""The contents of a checkpoint: an estimator during its fit, as plain arrays and a description, and back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.random import RandomState

from skrnn._inputs._parameters import read_random_state
from skrnn.estimators._base import BaseRNN
from skrnn.estimators._classifier import RNNClassifier
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.estimators._fitted_attributes import Outcome, RunState, copied_parameters, store_outcome
from skrnn.estimators._parameters import check_parameters, make_solver, parameter_layout
from skrnn.estimators._regressor import RNNRegressor
from skrnn.solvers._monitor import Monitor

_FORMAT_VERSION = 2
#: The classes that can be stored; a subclass of one may hold anything.
_ESTIMATORS: dict[str, type[BaseRNN]] = {"RNNRegressor": RNNRegressor, "RNNClassifier": RNNClassifier}
_CURVES = ("loss_curve", "validation_loss_curve", "validation_scores")
_FLOATS, _KEYS = np.dtype(np.float64), np.dtype(np.uint32)
_N_KEYS = 624  # of the Mersenne twister

#: What the description says: the kind of each value in JSON (a list of kinds, or a tuple of alternatives; integers are
#: counts), and how it follows from a fitted estimator and the state of its run.
_FIELDS: dict[str, tuple[Any, Callable[[Any, RunState], Any]]] = {
    "format_version": (int, lambda fitted, state: _FORMAT_VERSION),
    "estimator": (str, lambda fitted, state: type(fitted).__name__),
    "parameters": (dict, lambda fitted, state: _parameters_as_json(state.parameters)),
    "has_random_state": (bool, lambda fitted, state: isinstance(state.parameters["random_state"], RandomState)),
    # What a fit has learnt about the form of X and y.
    "n_features_in": (int, lambda fitted, state: fitted.n_features_in_),
    "columns_are_timesteps": (bool, lambda fitted, state: fitted._columns_are_timesteps),  # X is 2-D
    "has_feature_names": (bool, lambda fitted, state: hasattr(fitted, "feature_names_in_")),
    "n_target_columns": ((int, None), lambda fitted, state: fitted._target_encoder().n_targets),  # of y, if it is 2-D
    "dtype": (str, lambda fitted, state: state.theta.dtype.name),
    "n_samples_seen": ([int, int], lambda fitted, state: [fitted.t_, state.n_samples_seen]),
    # Name and learning rate of a solver that can go on.
    "solver": (([str, float], []), lambda fitted, state: state.solver[:2]),
    # Position of the random state in its keys, whether it holds a normal number, and which; also before the fit.
    "twister": ([int, int, float], lambda fitted, state: list(state.rng_state[2:])),
    "first_twister": ([int, int, float], lambda fitted, state: list(state.first_rng_state[2:])),
    "best_merits": ([float, float], lambda fitted, state: list(map(float, state.monitor["best_merits"]))),
    "best_iteration": (int, lambda fitted, state: state.monitor["best_iteration"]),
    "n_stalled": (int, lambda fitted, state: state.monitor["n_stalled"]),
    # Merit and loss of the iteration that callbacks want to keep, and the merit of the last one.
    "chosen": (([float, float], []), lambda fitted, state: list(map(float, (state.monitor["chosen"] or [])[::2]))),
    "merit": ((float, None), lambda fitted, state: None if state.merit is None else float(state.merit)),
    "n_scorers": (int, lambda fitted, state: len(state.scores)),
    "digest": (str, lambda fitted, state: state.digest),  # of the data
}


def require_storable(estimator: Any) -> None:
    """Raise TypeError unless the estimator is one of skrnn's own, with parameters that can be stored."""
    if _ESTIMATORS.get(type(estimator).__name__) is not type(estimator):
        expected = " or ".join(_ESTIMATORS)
        raise TypeError(f"Checkpoint is set on {type(estimator).__name__}; expected an {expected} of skrnn itself.")
    _parameters_as_json(estimator.get_params(deep=False))
    generator = read_random_state(estimator.random_state).get_state(legacy=False)["bit_generator"]
    if generator != "MT19937":
        raise TypeError(f"random_state draws from {generator}; expected MT19937, the generator of np.random.seed.")


def store(estimator: Any, state: RunState) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the description and the arrays of an estimator whose fit is in this state."""
    description = {name: describe(estimator, state) for name, (_, describe) in _FIELDS.items()}
    scaling = FeatureScaling.of(estimator)
    floats = {
        "feature_location": scaling.location,
        "feature_scale": scaling.scale,
        "target_location": estimator._target_location,
        "target_scale": estimator._target_scale,
        **{name: state.monitor[name] for name in _CURVES},
        **{f"earlier_{name}": curve for name, curve in zip(_CURVES, state.curves, strict=True)},
        **{f"scores_{number}": scores for number, scores in enumerate(state.scores)},
    }
    return description, {
        **state.thetas,
        **{f"solver_{number}": array for number, array in enumerate(state.solver[2:])},
        **{name: np.asarray(values, _FLOATS) for name, values in floats.items()},
        "keys": state.rng_state[1],
        "first_keys": state.first_rng_state[1],
        **_labels(estimator),
    }


def restore(description: Any, arrays: dict[str, np.ndarray]) -> BaseRNN:
    """Return the estimator of an untrusted description and arrays, or raise one of many errors.

    Its contents come from parameters that a user might have set, and from arrays with the sizes that follow from them,
    and are set by the code that stores the result of a fit.
    """
    _check_description(description)
    estimator = _unfitted(description)
    n_features, encoder = _learn_form(estimator, description, arrays)
    layout = parameter_layout(estimator, n_features, encoder.n_outputs)
    theta = _finite(arrays, "theta", description["dtype"], layout.n_parameters)  # before anything of its size is made
    location, scale = _scaling_of("target", arrays, encoder.n_outputs)
    encoder = replace(encoder, location=location, scale=scale)
    scaling = FeatureScaling(*_scaling_of("feature", arrays, n_features))
    rng_state = _rng_state(arrays, "keys", description["twister"])
    if description["has_random_state"]:
        estimator.random_state.set_state(rng_state)
    state = RunState(
        theta=theta,
        solver=_solver_state(estimator, description["solver"], arrays, theta),
        monitor=_monitor_state(description, arrays, theta),
        rng_state=rng_state,
        first_rng_state=_rng_state(arrays, "first_keys", description["first_twister"]),
        n_samples_seen=description["n_samples_seen"][1],
        curves=[take(arrays, f"earlier_{name}", _FLOATS).tolist() for name in _CURVES],
        parameters=copied_parameters(estimator),
        digest=description["digest"],
        merit=description["merit"],
        scores=[take(arrays, f"scores_{number}", _FLOATS).tolist() for number in range(description["n_scorers"])],
    )
    require(not arrays, f"it has unexpected members: {sorted(arrays)}")
    outcome = _outcome(estimator, state, description["n_samples_seen"][0])
    store_outcome(estimator, scaling, encoder, layout, outcome, [outcome])
    estimator._unfinished = state
    return estimator


def _parameters_as_json(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters but a RandomState, which is stored by itself."""
    plain = {name: value for name, value in parameters.items() if not isinstance(value, RandomState)}
    return {name: to_json(name, value) for name, value in plain.items()}


def _check_description(description: Any) -> None:
    """Raise ValueError unless the description is of this format, with values of the types in the table."""
    require(isinstance(description, dict), f"its description is a {type(description).__name__}")
    version, differing = description.get("format_version"), set(description) ^ set(_FIELDS)
    expected = f"this version of skrnn reads {_FORMAT_VERSION}"
    require(bool(version == _FORMAT_VERSION), f"its format is {version!r}, and {expected}")
    require(not differing, f"its description has missing or unexpected fields: {sorted(differing)}")
    for name, (kind, _) in _FIELDS.items():
        require(_is_of(kind, description[name]), f"its {name} is {description[name]!r}")


def _is_of(kind: Any, value: Any) -> bool:
    """Tell whether a value is of a kind as it stands in the table."""
    if isinstance(kind, tuple):
        return any(_is_of(alternative, value) for alternative in kind)
    if isinstance(kind, list):
        return isinstance(value, list) and len(value) == len(kind) and all(map(_is_of, kind, value))
    return type(value) is (kind or type(None)) and (not isinstance(value, int) or 0 <= value < 2**63)


def _unfitted(description: Mapping[str, Any]) -> BaseRNN:
    """Return an estimator with the parameters that are described, which are checked as `fit` checks them."""
    name, dtype = description["estimator"], description["dtype"]
    require(name in _ESTIMATORS, f"its estimator is {name!r}, not one of {', '.join(_ESTIMATORS)}")
    make: Any = _ESTIMATORS[name]
    parameters = {name: from_json(value) for name, value in description["parameters"].items()}
    if description["has_random_state"]:
        parameters["random_state"] = RandomState()
    differing = set(parameters) ^ set(make().get_params(deep=False))
    require(not differing, f"it has missing or unexpected parameters: {sorted(differing)}")
    estimator: BaseRNN = make(**parameters)
    check_parameters(estimator)
    read_random_state(estimator.random_state)
    is_possible = dtype in ("float32", "float64") and estimator.dtype in (None, dtype)
    require(is_possible, f"its network has dtype {dtype!r}, but the parameter is {estimator.dtype!r}")
    return estimator


def _finite(arrays: dict[str, np.ndarray], name: str, dtype: Any, length: int) -> np.ndarray:
    """Return the vector of this name, dtype and length, or raise ValueError if a number in it is not finite."""
    array = take(arrays, name, np.dtype(dtype), (length,))
    require(bool(np.isfinite(array).all()), f"its {name} contains values that are not finite")
    return array


def _scaling_of(what: str, arrays: dict[str, np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Return location and scale of the features or of the targets, or raise ValueError if one is not possible."""
    location, scale = (_finite(arrays, f"{what}_{name}", _FLOATS, length) for name in ("location", "scale"))
    require(bool((scale > 0.0).all()), f"its {what}_scale is not positive")
    return location, scale


def _monitor_state(description: Mapping[str, Any], arrays: dict[str, np.ndarray], theta: np.ndarray) -> dict[str, Any]:
    """Return what the monitor has recorded, with thetas of the length and dtype of this one."""
    curves = {name: take(arrays, name, _FLOATS).tolist() for name in _CURVES}
    recorded = {name: description[name] for name in ("best_merits", "best_iteration", "n_stalled")}
    n_iter, *n_validated = map(len, curves.values())
    belong = recorded["best_iteration"] < n_iter and n_validated in ([0, 0], [n_iter, n_iter])
    require(belong, "its curves do not match each other, or the best iteration")
    has_best = recorded["best_merits"] > [-np.inf, -np.inf]
    best_theta = _finite(arrays, "best_theta", theta.dtype, len(theta)) if has_best else np.empty(0)
    chosen = description["chosen"] or None
    if chosen:
        chosen = [chosen[0], _finite(arrays, "chosen_theta", theta.dtype, len(theta)), chosen[1]]
    return {**curves, **recorded, "best_theta": best_theta, "chosen": chosen}


def _solver_state(
    estimator: BaseRNN, described: list[Any], arrays: dict[str, np.ndarray], theta: np.ndarray
) -> list[Any]:
    """Return what the solver remembers: arrays of the kind that a new one for this theta has."""
    new = make_solver(estimator, 1, len(theta), theta.dtype, RandomState(0), 0).state()  # which draws nothing
    require(described[:1] == new[:1], f"its solver {described} is not that of its parameters, {new[:1]}")
    return [*described, *(take(arrays, f"solver_{n}", like.dtype, like.shape) for n, like in enumerate(new[2:]))]


def _rng_state(arrays: dict[str, np.ndarray], name: str, twister: list[Any]) -> tuple[Any, ...]:
    """Return the state of a random state, which NumPy would not check."""
    keys = take(arrays, name, _KEYS, (_N_KEYS,))
    position, has_gauss, gauss = twister
    is_state = position <= _N_KEYS and has_gauss <= 1 and bool(keys[1:].any())
    require(is_state, f"its {name} are not the state of a Mersenne twister")
    return ("MT19937", keys, position, has_gauss, gauss)


def _outcome(estimator: BaseRNN, state: RunState, n_samples_seen: int) -> Outcome:
    """Return the outcome of a run that had ended in this state."""
    monitor = Monitor(max_iter=1, tol=0.0, n_iter_no_change=1, early_stopping=bool(estimator.early_stopping))
    monitor.restore(state.monitor)
    theta, loss = monitor.current(state.theta)
    of_run = (state.monitor[name] for name in _CURVES)
    curves = [[*earlier, *later] for earlier, later in zip(state.curves, of_run, strict=True)]
    seen, rng_state = n_samples_seen, list(state.rng_state)
    return Outcome(theta, loss, curves, monitor.n_iter, seen, state.solver, rng_state)


def _labels(estimator: Any) -> dict[str, np.ndarray]:
    """Return the names of features and the classes, or raise TypeError for classes that cannot be stored."""
    arrays = {}
    if hasattr(estimator, "feature_names_in_"):
        arrays["feature_names"] = estimator.feature_names_in_.astype(str)
    if hasattr(estimator, "classes_"):
        arrays["classes"] = estimator.classes_
        if estimator.classes_.dtype.kind not in "biufU":
            raise TypeError(f"classes are of dtype {estimator.classes_.dtype}; expected numbers or strings.")
    return arrays


def _learn_form(estimator: Any, form: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> tuple[int, Any]:
    """Let an estimator know the form of X that is described, and return features per timestep and encoder of y."""
    n_features_in, n_columns = form["n_features_in"], form["n_target_columns"]
    require(n_features_in > 0 and n_columns != 0, "its X has no features, or its y no columns")
    n_folded = (estimator.n_timesteps or n_features_in) if form["columns_are_timesteps"] else 1
    require(n_features_in % n_folded == 0, f"its {n_features_in} features do not fold into {n_folded} timesteps")
    estimator.n_features_in_ = n_features_in
    estimator._columns_are_timesteps = form["columns_are_timesteps"]
    if form["has_feature_names"]:
        names = take(arrays, "feature_names", None, (n_features_in,))
        require(names.dtype.kind == "U", f"its feature_names are of dtype {names.dtype}")
        estimator.feature_names_in_ = names.astype(object)
    encoder, classes = estimator._encoder_type.new(estimator), None
    if encoder.has_classes:
        classes = take(arrays, "classes", None, None if n_columns is None else (n_columns,))
        require(len(classes) > 0, "it has no classes")
    encoder = encoder.with_form(n_columns, classes)
    is_same = classes is None or (encoder.classes.dtype == classes.dtype and np.array_equal(encoder.classes, classes))
    require(is_same, "its classes could not result from a fit")
    return n_features_in // n_folded, encoder


#: The most levels of nested lists: a list that holds itself has no end.
_MAX_DEPTH = 16


def to_json(name: str, value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return a parameter as JSON holds it, with objects for types unknown to JSON; raise TypeError for other types."""
    if depth < 0:
        raise ValueError(f"{name} is nested deeper than {_MAX_DEPTH} levels, which Checkpoint cannot store.")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        entries = [to_json(name, entry, depth - 1) for entry in value]
        return entries if isinstance(value, list) else {"tuple": entries}
    if isinstance(value, Mapping):
        return {"dict": [[to_json(name, part, depth - 1) for part in pair] for pair in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"array": value.ravel().tolist(), "shape": list(value.shape)}
    raise TypeError(
        f"{name} is or contains an object of type {type(value).__name__}, which Checkpoint cannot store without "
        "pickle; expected None, numbers, strings, and lists, tuples, dicts and numeric arrays of them."
    )


def from_json(value: Any) -> Any:
    """Return the parameter that `to_json` turns into this value, or raise one of many errors where there is none."""
    match value:
        case [*entries]:
            return [from_json(entry) for entry in entries]
        case {"tuple": [*entries], **others} if not others:
            return tuple(from_json(entry) for entry in entries)
        case {"dict": [*pairs], **others} if not others:
            return dict(from_json(pair) for pair in pairs)
        case {"array": [*numbers], "shape": [*shape], **others} if not others and all(map(_is_number, numbers)):
            return np.array(numbers).reshape(shape)
        case dict():
            raise ValueError(
                f"a parameter contains an object with the keys {sorted(value)}, or values that do not match them"
            )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)


def require(is_so: bool, what: str) -> None:
    """Raise ValueError, which says what is wrong with a file, unless the condition holds."""
    if not is_so:
        raise ValueError(what)


def take(
    arrays: dict[str, np.ndarray], name: str, dtype: np.dtype | None, shape: tuple[int, ...] | None = None
) -> np.ndarray:
    """Remove and return the array of this name, dtype (None: any) and shape (None: a vector), or raise ValueError."""
    require(name in arrays, f"it has no {name}")
    array = arrays.pop(name)
    fits = (dtype is None or array.dtype == dtype) and (array.ndim == 1 if shape is None else array.shape == shape)
    require(fits, f"its {name} is of dtype {array.dtype} and shape {array.shape}, not {dtype} and {shape}")
    return array
