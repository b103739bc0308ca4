"""Shared steps of all exports: reading a fitted estimator, and importing an optional package."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.estimators._fitted_attributes import read_fitted
from skrnn.estimators._target_encoder import Kind
from skrnn.network._parameters import LayerParameters, NetworkParameters


@final
@dataclass(frozen=True)
class NetworkDescription:
    """A fitted network without its parameters: plain values that are pickled with a PyTorch module."""

    cell: str
    activation: str
    n_features: int
    hidden_layer_sizes: tuple[int, ...]
    n_directions: int
    n_outputs: int
    return_sequences: bool
    pooling: str
    kind: Kind  # of what is predicted
    shape: tuple[int, ...]  # of a prediction, per sequence or per timestep
    dtype: str  # in which the network was fitted


def read_network(
    estimator: Any, who: str, *, scales: bool = False
) -> tuple[NetworkDescription, NetworkParameters, FeatureScaling]:
    """Return the network of a fitted estimator, a copy of its parameters, and the scaling of features before it.

    Without `scales` the network expects features in their original units. Errors name `who` as the caller.
    """
    if not isinstance(estimator, BaseRNN):
        hint = " Pass the best_estimator_ of a search." if hasattr(estimator, "best_estimator_") else ""
        raise TypeError(
            f"{who} got an object of type {type(estimator).__name__}; expected a fitted RNNRegressor or RNNClassifier."
            f"{hint}"
        )
    network, theta, scaling = read_fitted(estimator, scales=scales)
    layout, encoder = network.layout, estimator._target_encoder()
    description = NetworkDescription(
        cell=estimator.cell,
        activation=estimator.activation,
        n_features=layout.n_features,
        hidden_layer_sizes=layout.hidden_layer_sizes,
        n_directions=layout.n_directions,
        n_outputs=layout.n_outputs,
        return_sequences=encoder.per_timestep,
        pooling=estimator.pooling,
        kind=encoder.kind,
        shape=encoder.shape,
        dtype=theta.dtype.name,
    )
    return description, layout.views(theta), scaling


def recurrent_biases(layer: LayerParameters) -> np.ndarray:
    """Return a recurrent bias of every gate, (n_gates * hidden_size,).

    It is zero wherever it can be merged into the input bias: for all gates except the last one of a cell that splits
    it.
    """
    biases = np.zeros_like(layer.input_bias)
    biases[len(biases) - len(layer.recurrent_bias) :] = layer.recurrent_bias
    return biases


@contextmanager
def needing(package: str, who: str) -> Iterator[None]:
    """Add to a failing import in the block which function requires the package, and how to install it."""
    try:
        yield
    except ImportError as error:
        raise ImportError(
            f"{who} requires {package}, which cannot be imported ({error}). Install it: pip install {package}"
        ) from error
