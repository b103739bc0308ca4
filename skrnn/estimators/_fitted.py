"""Between theta and the public attributes of a fitted estimator, which are the truth."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from skrnn.network._network import Network
from skrnn.network._parameters import ParameterLayout, ReadoutParameters


def store_theta(estimator: Any, network: Network, theta: np.ndarray, location: np.ndarray, scale: np.ndarray) -> None:
    """Write theta into the estimator's attributes, with the targets' `location` and `scale` in the readout.

    Location and scale, each (n_outputs,), are those of the targets on which theta was trained.
    """
    parameters = network.layout.views(theta)
    _check_readout(parameters.readout, location, scale)
    estimator.input_weights_ = [layer.input_weights.copy() for layer in parameters.layers]
    estimator.recurrent_weights_ = [layer.recurrent_weights.copy() for layer in parameters.layers]
    estimator.biases_ = [layer.biases for layer in parameters.layers]
    readout = parameters.readout
    estimator.readout_weights_ = (readout.weights * scale[:, None]).astype(theta.dtype, copy=False)
    estimator.readout_bias_ = (readout.bias * scale + location).astype(theta.dtype, copy=False)
    estimator._activation = network.layout.cell.activation
    estimator.n_layers_ = len(network.layout.hidden_layer_sizes)
    estimator.n_outputs_ = network.layout.n_outputs
    estimator.n_parameters_ = network.layout.n_parameters


def fitted_dtype(estimator: Any) -> np.dtype:
    """Return the dtype of the estimator's parameters, in this machine's byte order: a pickle keeps that of its own."""
    dtype: np.dtype = estimator.readout_weights_.dtype
    return dtype.newbyteorder("=")


def read_theta(
    estimator: Any, layout: ParameterLayout, location: np.ndarray, scale: np.ndarray, dtype: np.dtype
) -> np.ndarray:
    """Return theta, (n_parameters,) of `dtype`, for targets standardised to `location` and `scale`.

    Raises
    ------
    ValueError
        If the parameters of the estimator describe another network than its attributes hold.
    """
    _check_same_network(estimator, layout)
    layers = zip(estimator.input_weights_, estimator.recurrent_weights_, estimator.biases_, strict=True)
    weights = estimator.readout_weights_ / scale[:, None]
    return join_theta(layout, layers, weights, (estimator.readout_bias_ - location) / scale, dtype)


def join_theta(
    layout: ParameterLayout,
    layers: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]],
    readout_weights: np.ndarray,
    readout_bias: np.ndarray,
    dtype: np.dtype,
) -> np.ndarray:
    """Return theta, (n_parameters,) of `dtype`, of arrays in the form of the public attributes.

    `layers` are input weights, recurrent weights and biases of each direction of each layer.
    """
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
    """Raise ValueError where the targets are beyond what the dtype of the network can hold."""
    largest = np.finfo(readout.matrix.dtype).max
    with np.errstate(over="ignore"):
        weights = np.abs(readout.weights.astype(np.float64)) * scale[:, None]
        bias = np.abs(readout.bias.astype(np.float64)) * scale + np.abs(location)
    if not (weights < largest).all() or not (bias < largest).all():
        raise ValueError(
            f"y has values around {np.abs(location).max():.3g}, spread by {scale.max():.3g}; expected targets that "
            f"{readout.matrix.dtype} can hold in the readout. Scale y, or use dtype='float64'."
        )


def _check_same_network(estimator: Any, layout: ParameterLayout) -> None:
    if layout.cell.activation != estimator._activation:
        raise ValueError(
            f"activation is {layout.cell.activation!r}, but {type(estimator).__name__} was fitted with "
            f"{estimator._activation!r}; expected the same. Fit it anew with warm_start=False."
        )
    n_gates = layout.cell.n_gates
    expected = [(n_gates * hidden_size, n_inputs) for n_inputs, hidden_size in layout.layer_sizes]
    fitted = [weights.shape for weights in estimator.input_weights_]
    if fitted != expected or estimator.readout_weights_.shape[0] != layout.n_outputs:
        raise ValueError(
            f"cell={estimator.cell!r}, hidden_layer_sizes={estimator.hidden_layer_sizes!r}, "
            f"bidirectional={estimator.bidirectional!r} and {layout.n_outputs} outputs need input weights of shapes "
            f"{expected}, but {type(estimator).__name__} was fitted with "
            f"{fitted} and {estimator.readout_weights_.shape[0]} outputs. Fit it anew with warm_start=False."
        )
