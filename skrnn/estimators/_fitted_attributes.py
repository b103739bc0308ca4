"""The outcome of a fit, or the state of an unfinished one, and theta, whose only copy is in the public attributes."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._parameters import read_random_state
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.estimators._parameters import (
    check_network_parameters,
    check_parameters,
    make_network,
    parameter_layout,
)
from skrnn.estimators._sequence_format import learn_features
from skrnn.estimators._target_encoder import TargetEncoder
from skrnn.network._network import Network
from skrnn.network._parameters import ParameterLayout, ReadoutParameters
from skrnn.solvers._monitor import DivergenceError

#: Parameters that may be changed before resuming: they affect when the fit stops, not its course.
_FREE = {"max_iter", "max_fun", "tol", "n_iter_no_change", "n_jobs", "verbose", "warm_start"}

Curves = Sequence[list[float]]
"""Training losses, validation losses and validation scores, with one entry per iteration."""


@final
@dataclass(frozen=True)
class RunState:
    """The state of a run after an iteration."""

    theta: np.ndarray  # unlike the public attributes, without rounding by the scale of the targets
    solver: list[Any]  # state of the solver
    monitor: dict[str, Any]  # curves, patience and the best theta
    rng_state: Any
    first_rng_state: Any  # before the validation split and the initial weights were drawn
    n_samples_seen: int  # by earlier fits, which this one continues
    curves: Curves  # of earlier fits
    parameters: dict[str, Any]  # of the estimator
    digest: str  # of the data
    merit: float | None = None  # of this iteration, from callbacks, not yet passed to the monitor
    scores: list[list[float]] = field(default_factory=list)  # of each callback that scores iterations

    @property
    def n_iter(self) -> int:
        """Number of iterations so far."""
        return len(self.monitor["loss_curve"])

    @property
    def thetas(self) -> dict[str, np.ndarray]:
        """Theta and, if they exist, the best one and the one chosen by callbacks, by name."""
        best, chosen = self.monitor["best_theta"], self.monitor["chosen"]
        thetas = {"theta": self.theta, "best_theta": best, "chosen_theta": chosen[1] if chosen else np.empty(0)}
        return {name: theta for name, theta in thetas.items() if len(theta)}

    def first_rng(self, estimator: Any) -> np.random.RandomState:
        """Return the random state at the beginning of the fit: the estimator's own, if it has one.

        Raise ValueError if the estimator has parameters that would change the course of the fit.
        """
        for name, value in estimator.get_params(deep=False).items():
            before = self.parameters.get(name, value)
            if name not in _FREE and _comparable(value) != _comparable(before):
                raise ValueError(
                    f"{name} is {value!r}, but was {before!r} in the interrupted fit; expected the same. Only "
                    f"{sorted(_FREE)} may change. To start a new fit, fit a clone."
                )
        own = estimator.random_state
        rng = own if isinstance(own, np.random.RandomState) else np.random.RandomState()
        rng.set_state(self.first_rng_state)
        return rng

    def require_data(self, digest: str) -> None:
        """Raise ValueError if the data differ from those of the interrupted fit."""
        if digest != self.digest:
            raise ValueError(
                f"X, y, sample_weight or the validation data differ from those of the interrupted fit (digest "
                f"{digest[:8]}, expected {self.digest[:8]}); expected the same. To train on other data, fit a clone, "
                "or call partial_fit."
            )


def copied_parameters(estimator: Any) -> dict[str, Any]:
    """Return a copy of the estimator's parameters, except for a random state, which is shared."""
    parameters = estimator.get_params(deep=False)
    return {name: value if name == "random_state" else deepcopy(value) for name, value in parameters.items()}


def _comparable(value: Any) -> Any:
    """Return the parameter in comparable form: arrays and tuples as lists, a random state as its type."""
    if isinstance(value, np.random.RandomState):
        return np.random.RandomState
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_comparable(entry) for entry in value]
    return {key: _comparable(entry) for key, entry in value.items()} if isinstance(value, Mapping) else value


@final
@dataclass(frozen=True)
class Outcome:
    """The outcome of a run: the theta to keep and its loss, the curves, and the state for a later run.

    The curves are those of earlier runs and this one, with `n_iter` iterations. The larger `merits`, the better: they
    come from a callback, validation data or the training loss. `error` is the reason why there is no theta. `is_last`:
    a callback asked for no further start. `notice`: a message for the user.
    """

    theta: np.ndarray
    loss: float
    curves: Curves
    n_iter: int
    n_samples_seen: int
    solver_state: list[Any]
    rng_state: list[Any]
    stopped_short: str | None = None
    advice: str = ""  # if it stopped short
    merits: tuple[float, ...] = ()
    was_interrupted: bool = False
    error: DivergenceError | None = None
    is_last: bool = False
    notice: str | None = None

    @property
    def loss_curve(self) -> list[float]:
        """Objective after each iteration of all runs."""
        return self.curves[0]


def store_outcome(
    estimator: Any,
    scaling: FeatureScaling,
    encoder: TargetEncoder,
    layout: ParameterLayout,
    best: Outcome,
    outcomes: Sequence[Outcome],
) -> None:
    """Store the best outcome as attributes, in the units of X and y, and the curves of all outcomes."""
    location, scale, dtype = encoder.location, encoder.scale, best.theta.dtype
    parameters = layout.views(best.theta)
    readout = parameters.readout
    _check_readout(readout, location, scale)
    encoder.store(estimator)
    scaling.store(estimator)
    estimator.input_weights_ = [layer.input_weights.copy() for layer in parameters.layers]
    estimator.recurrent_weights_ = [layer.recurrent_weights.copy() for layer in parameters.layers]
    estimator.biases_ = [layer.biases for layer in parameters.layers]
    estimator._bias_remainders = []
    for direction in range(layout.n_directions):
        weights, biases, remainder = scaling.fold(estimator.input_weights_[direction], estimator.biases_[direction])
        estimator.input_weights_[direction], estimator.biases_[direction] = weights, biases
        estimator._bias_remainders.append(remainder)
    estimator.readout_weights_ = (readout.weights * scale[:, None]).astype(dtype, copy=False)
    estimator.readout_bias_ = (readout.bias * scale + location).astype(dtype, copy=False)
    estimator._activation, estimator._pooling = layout.cell.activation, estimator.pooling
    estimator.n_layers_ = len(layout.hidden_layer_sizes) + 2  # with input and output, as in MLPRegressor
    estimator.n_parameters_ = layout.n_parameters
    estimator.loss_ = best.loss
    estimator._solver_state, estimator._rng_state = best.solver_state, best.rng_state
    estimator.t_ = best.n_samples_seen
    loss_curve, validation_loss_curve, validation_scores = best.curves
    estimator.loss_curves_ = [outcome.curves[0] for outcome in outcomes]
    estimator.loss_curve_ = list(loss_curve)
    estimator.best_loss_ = min(loss_curve, default=np.nan)
    estimator.n_iter_ = len(loss_curve)
    estimator.validation_loss_curve_ = validation_loss_curve or None
    estimator.validation_scores_ = validation_scores or None
    estimator.best_validation_score_ = max(validation_scores, default=None)


def set_fitted_parameters(
    estimator: Any,
    layers: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    readout_weights: np.ndarray,
    readout_bias: np.ndarray,
    n_targets: int | None,
    classes: Any = None,
) -> None:
    """Make an estimator fitted, with arrays in the form of the public attributes, that match its parameters.

    The result is that of a fit without iterations, on targets of location 0 and scale 1. `layers` are input weights,
    recurrent weights and biases of each direction of each layer; the dtype is that of the estimator, or else of the
    readout; `n_targets` is the number of columns of y, None for 1-D targets.
    """
    check_parameters(estimator)
    n_features, n_outputs = layers[0][0].shape[1], len(readout_bias)
    learn_features(estimator, n_features)
    encoder = estimator._encoder_type.new(estimator).with_form(n_targets, classes)
    layout = parameter_layout(estimator, n_features, n_outputs)
    dtype = np.dtype(estimator.dtype or readout_weights.dtype)
    untrained = Outcome(
        theta=_join_theta(layout, layers, readout_weights, readout_bias, dtype),
        loss=np.nan,
        curves=([], [], []),
        n_iter=0,
        n_samples_seen=0,
        solver_state=[],
        rng_state=list(read_random_state(estimator.random_state).get_state()),
    )
    encoder = replace(encoder, location=np.zeros(n_outputs), scale=np.ones(n_outputs))
    store_outcome(estimator, FeatureScaling.none(n_features), encoder, layout, untrained, [untrained])


def read_fitted(
    estimator: Any, *, scales: bool = True, return_sequences: bool | None = None
) -> tuple[Network, np.ndarray, FeatureScaling]:
    """Return the network of a fitted estimator, theta, and the scaling of features; outputs are in the units of y.

    Without `scales`, theta is for unscaled features.
    """
    check_is_fitted(estimator, "readout_weights_")
    check_network_parameters(estimator)
    n_features = estimator.input_weights_[0].shape[1]
    scaling = FeatureScaling.of(estimator) if scales else FeatureScaling.none(n_features)
    network = make_network(estimator, n_features, estimator.n_outputs_, return_sequences)
    return network, read_theta(estimator, network.layout, fitted_dtype(estimator), scaling), scaling


def fitted_dtype(estimator: Any) -> np.dtype:
    """Return the dtype of the estimator's parameters, in native byte order, which that of a pickle may not be."""
    dtype: np.dtype = estimator.readout_weights_.dtype
    return dtype.newbyteorder("=")


def read_theta(
    estimator: Any,
    layout: ParameterLayout,
    dtype: np.dtype,
    scaling: FeatureScaling,
    location: np.ndarray | float = 0.0,
    scale: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Return theta, (n_parameters,) of `dtype`, for scaled features and for targets with `location` and `scale`.

    Both are (n_outputs,).
    """
    _check_same_network(estimator, layout)
    layers = list(zip(estimator.input_weights_, estimator.recurrent_weights_, estimator.biases_, strict=True))
    if not scaling.is_none:
        for direction, (inputs, recurrent, biases) in enumerate(layers[: layout.n_directions]):
            inputs, biases = scaling.unfold(inputs, biases + estimator._bias_remainders[direction])
            layers[direction] = (inputs, recurrent, biases)
    weights = (estimator.readout_weights_.T / scale).T
    return _join_theta(layout, layers, weights, (estimator.readout_bias_ - location) / scale, dtype)


def _join_theta(
    layout: ParameterLayout,
    layers: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
    readout_weights: np.ndarray,
    readout_bias: np.ndarray,
    dtype: np.dtype,
) -> np.ndarray:
    """Return theta, (n_parameters,) of `dtype`, from arrays in the form of the public attributes."""
    theta = np.empty(layout.n_parameters, dtype)
    parameters = layout.views(theta)
    for layer, (inputs, recurrent, biases) in zip(parameters.layers, layers, strict=True):
        layer.input_weights[:] = inputs
        layer.recurrent_weights[:] = recurrent
        layer.set_biases(biases)
    parameters.readout.weights[:] = readout_weights
    parameters.readout.bias[:] = readout_bias
    return theta


def _check_readout(readout: ReadoutParameters, location: np.ndarray, scale: np.ndarray) -> None:
    """Raise ValueError if the targets are out of range for the dtype of the network."""
    largest = np.finfo(readout.matrix.dtype).max
    with np.errstate(over="ignore"):
        weights = np.abs(readout.weights.astype(np.float64)) * scale[:, None]
        bias = np.abs(readout.bias.astype(np.float64)) * scale + np.abs(location)
    if not (weights < largest).all() or not (bias < largest).all():
        raise ValueError(
            f"y has values around {np.abs(location).max():.3g} with a spread of {scale.max():.3g}; expected targets "
            f"within the range of {readout.matrix.dtype}. Scale y, or use dtype='float64'."
        )


def _check_same_network(estimator: Any, layout: ParameterLayout) -> None:
    """Raise ValueError if the parameters do not match the fitted network."""
    for name in ("activation", "pooling"):  # which do not change shapes
        described, fitted_with = getattr(estimator, name), getattr(estimator, f"_{name}")
        if described != fitted_with:
            raise ValueError(
                f"{name} is {described!r}, but {type(estimator).__name__} was fitted with {fitted_with!r}; expected "
                "the same. Refit it with warm_start=False."
            )
    n_gates = layout.cell.n_gates
    expected = [(n_gates * hidden_size, n_inputs) for n_inputs, hidden_size in layout.layer_sizes]
    fitted = [weights.shape for weights in estimator.input_weights_]
    if fitted != expected or estimator.readout_weights_.shape[0] != layout.n_outputs:
        raise ValueError(
            f"cell={estimator.cell!r}, hidden_layer_sizes={estimator.hidden_layer_sizes!r}, "
            f"bidirectional={estimator.bidirectional!r} and {layout.n_outputs} outputs require input weights of shapes "
            f"{expected}, but {type(estimator).__name__} was fitted with "
            f"{fitted} and {estimator.readout_weights_.shape[0]} outputs. Refit it with warm_start=False."
        )
