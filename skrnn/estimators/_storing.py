"""From an estimator in the midst of its fit to plain values and arrays."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._classifier import RNNClassifier
from skrnn.estimators._description import FORMAT_VERSION, Description
from skrnn.estimators._parameters import read_random_state
from skrnn.estimators._plain import plain
from skrnn.estimators._regressor import RNNRegressor
from skrnn.estimators._run_state import RunState

#: The classes that can be stored; a subclass of one may hold anything.
ESTIMATORS: dict[str, type[BaseRNN]] = {"RNNRegressor": RNNRegressor, "RNNClassifier": RNNClassifier}
CURVES = ("loss_curve", "validation_loss_curve", "validation_scores")


def require_storable(estimator: Any) -> None:
    """Raise TypeError unless the estimator is one of skrnn's own, with parameters that can be stored."""
    if ESTIMATORS.get(type(estimator).__name__) is not type(estimator):
        expected = " or ".join(ESTIMATORS)
        raise TypeError(f"Checkpoint is set on {type(estimator).__name__}; expected an {expected} of skrnn itself.")
    _plain_parameters(estimator.get_params(deep=False))
    generator = read_random_state(estimator.random_state).get_state(legacy=False)["bit_generator"]
    if generator != "MT19937":
        raise TypeError(f"random_state draws from {generator}; expected MT19937, the generator of np.random.seed.")


def has_finite_parameters(state: RunState) -> bool:
    """Tell whether the parameters are finite that a fit would go on from, and those that it might end up with."""
    return all(np.isfinite(theta).all() for theta in _thetas(state).values())


def store(estimator: Any, state: RunState) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the description and the arrays of an estimator whose fit is in this state.

    Raises
    ------
    TypeError
        If it holds what cannot be stored.
    """
    solver_arrays = state.solver[2:]
    earlier = dict(zip(CURVES, state.curves, strict=True))
    arrays = {
        **_thetas(state),
        **{f"solver_{number}": array for number, array in enumerate(solver_arrays)},
        "target_location": estimator._target_location,
        "target_scale": estimator._target_scale,
        "keys": state.rng_state[1],
        "first_keys": state.first_rng_state[1],
        **{name: np.array(state.monitor[name], np.float64) for name in CURVES},
        **{f"earlier_{name}": np.array(curve, np.float64) for name, curve in earlier.items()},
        "scores": np.array([score for scores in state.scores for score in scores], np.float64),
        **_labels(estimator),
    }
    return asdict(_describe(estimator, state, arrays)), arrays


def _describe(estimator: Any, state: RunState, arrays: Mapping[str, np.ndarray]) -> Description:
    monitor, classes = state.monitor, arrays.get("classes")
    chosen = [] if monitor["chosen"] is None else [float(monitor["chosen"][0]), float(monitor["chosen"][2])]
    return Description(
        format_version=FORMAT_VERSION,
        estimator=type(estimator).__name__,
        parameters=_plain_parameters(state.parameters),
        has_random_state=isinstance(state.parameters["random_state"], np.random.RandomState),
        dtype=state.theta.dtype.name,
        n_features=int(estimator.input_weights_[0].shape[1]),
        n_features_in=int(estimator.n_features_in_),
        columns_are_timesteps=estimator._columns_are_timesteps,
        feature_names=_dtype_text(arrays["feature_names"]) if "feature_names" in arrays else None,
        n_target_columns=estimator._target_encoder().n_targets,
        classes=[] if classes is None else [_dtype_text(classes), len(classes)],
        n_samples_seen=int(estimator.t_),
        n_samples_seen_before=int(state.n_samples_seen),
        n_iter=[len(arrays[name]) for name in CURVES],
        n_iter_before=[len(arrays[f"earlier_{name}"]) for name in CURVES],
        solver=[state.solver[0], float(state.solver[1])] if state.solver else [],
        twister=_numbers(state.rng_state),
        first_twister=_numbers(state.first_rng_state),
        best_merits=[float(merit) for merit in monitor["best_merits"]],
        best_iteration=int(monitor["best_iteration"]),
        n_stalled=int(monitor["n_stalled"]),
        chosen=chosen,
        merit=None if state.merit is None else float(state.merit),
        n_scores=[len(scores) for scores in state.scores],
        digest=state.digest,
    )


def _plain_parameters(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters as JSON has them, but a RandomState, which is stored by itself."""
    return {
        name: plain(name, value) for name, value in parameters.items() if not isinstance(value, np.random.RandomState)
    }


def _thetas(state: RunState) -> dict[str, np.ndarray]:
    """Return theta and, where there are any, the best one and the one that callbacks want to keep."""
    thetas = {"theta": state.theta}
    if len(state.monitor["best_theta"]):
        thetas["best_theta"] = state.monitor["best_theta"]
    if state.monitor["chosen"] is not None:
        thetas["chosen_theta"] = state.monitor["chosen"][1]
    return thetas


def _labels(estimator: Any) -> dict[str, np.ndarray]:
    """Return the names of the features and the classes, where there are any."""
    labels = {}
    if hasattr(estimator, "feature_names_in_"):
        labels["feature_names"] = estimator.feature_names_in_.astype(str)
    if hasattr(estimator, "classes_"):
        labels["classes"] = estimator.classes_
        if labels["classes"].dtype.kind not in "biufU":
            raise TypeError(f"classes are of dtype {labels['classes'].dtype}; expected numbers or strings.")
    return labels


def _dtype_text(array: np.ndarray) -> str:
    """Return the dtype in which an array is stored."""
    return array.dtype.newbyteorder("<").str


def _numbers(rng_state: Any) -> list[Any]:
    """Return all of a random state but its name and its keys."""
    _, _, position, has_gauss, gauss = rng_state
    return [int(position), int(has_gauss), float(gauss)]
