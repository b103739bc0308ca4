"""Named views of theta, the flat vector of all parameters."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import final

import numpy as np

from skrnn.cells._base import Cell


@final
@dataclass(frozen=True)
class LayerParameters:
    """The parameters of one layer.

    `matrix` is [recurrent | input | bias], (n_gates * hidden_size, hidden_size + n_inputs + 1). A cell that splits its
    last gate has an additional bias for the recurrent half, (hidden_size,); for others it is empty.
    """

    matrix: np.ndarray
    recurrent_bias: np.ndarray
    hidden_size: int

    @property
    def recurrent_weights(self) -> np.ndarray:
        """View of shape (n_gates * hidden_size, hidden_size)."""
        return self.matrix[..., : self.hidden_size]

    @property
    def input_weights(self) -> np.ndarray:
        """View of shape (n_gates * hidden_size, n_inputs)."""
        return self.matrix[..., self.hidden_size : -1]

    @property
    def input_bias(self) -> np.ndarray:
        """View of shape (n_gates * hidden_size,)."""
        return self.matrix[..., -1]

    @property
    def biases(self) -> np.ndarray:
        """Copy of all biases, (n_bias_blocks * hidden_size,)."""
        return np.concatenate([self.input_bias, self.recurrent_bias])

    def set_biases(self, biases: np.ndarray) -> None:
        """Write `biases`, in the order of the property, into the parameters."""
        n_input = len(self.matrix)
        self.matrix[:, -1] = biases[:n_input]
        self.recurrent_bias[:] = biases[n_input:]


@final
@dataclass(frozen=True)
class ReadoutParameters:
    """The parameters of the readout: `matrix` is [weights | bias], (n_outputs, hidden_size + 1)."""

    matrix: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """View of shape (n_outputs, hidden_size)."""
        return self.matrix[..., :-1]

    @property
    def bias(self) -> np.ndarray:
        """View of shape (n_outputs,)."""
        return self.matrix[..., -1]


@final
@dataclass(frozen=True)
class NetworkParameters:
    """Named views of one or several theta: the parameters of each direction of each layer, and of the readout."""

    layers: list[LayerParameters]
    readout: ReadoutParameters


@final
class ParameterLayout:
    """The position of each parameter of a network in theta.

    Layers are listed by depth, the lowest first, and at each depth forward before backward.
    """

    def __init__(
        self,
        cell: Cell,  # the recurrent unit of every layer
        n_features: int,  # per timestep
        hidden_layer_sizes: tuple[int, ...],  # units of each layer and direction
        n_outputs: int,  # of the readout
        n_directions: int = 1,  # of each layer, 1 or 2
    ) -> None:
        self.cell = cell
        self.n_features = n_features
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_directions = n_directions
        self.n_outputs = n_outputs
        *below, top = (n_directions * size for size in hidden_layer_sizes)
        #: Inputs and units of each layer and direction.
        self.layer_sizes = [
            sizes for sizes in zip((n_features, *below), hidden_layer_sizes, strict=True) for _ in range(n_directions)
        ]
        #: Number of inputs of the readout.
        self.readout_size = top
        self._ends = list(accumulate(self._n_layer_parameters(*sizes) for sizes in self.layer_sizes))
        self.n_parameters = self._ends[-1] + n_outputs * (top + 1)

    def _n_layer_parameters(self, n_inputs: int, hidden_size: int) -> int:
        rows = self.cell.n_gates * hidden_size
        return rows * (hidden_size + n_inputs + 1) + hidden_size * self.cell.splits_last_gate

    def views(self, theta: np.ndarray) -> NetworkParameters:
        """Return named views of `theta`, (..., n_parameters): writing to them changes it.

        Leading axes, if any, are those of each parameter.
        """
        layers = []
        start, several = 0, theta.shape[:-1]
        for end, (n_inputs, hidden_size) in zip(self._ends, self.layer_sizes, strict=True):
            shape = (self.cell.n_gates * hidden_size, hidden_size + n_inputs + 1)
            split = start + shape[0] * shape[1]
            matrix = theta[..., start:split].reshape(*several, *shape)
            layers.append(LayerParameters(matrix, theta[..., split:end], hidden_size))
            start = end
        readout = theta[..., start:].reshape(*several, self.n_outputs, self.readout_size + 1)
        return NetworkParameters(layers, ReadoutParameters(readout))

    def is_weight(self) -> np.ndarray:
        """Return which entries of theta are weights, not biases, (n_parameters,) of bool."""
        mask = np.ones(self.n_parameters, dtype=bool)
        views = self.views(mask)
        for layer in views.layers:
            layer.set_biases(np.zeros_like(layer.biases))
        views.readout.bias[:] = False
        return mask


def initial_theta(layout: ParameterLayout, rng: np.random.RandomState, dtype: np.dtype) -> np.ndarray:
    """Return a random theta, (n_parameters,) of `dtype`, for a network with this layout."""
    theta = np.zeros(layout.n_parameters)  # drawn in float64, so that both dtypes start at the same point
    parameters = layout.views(theta)
    for layer in parameters.layers:
        _initialise_layer(layout.cell, layer, rng)
    parameters.readout.weights[:] = glorot_uniform(parameters.readout.weights.shape, rng)
    return theta.astype(dtype)


def _initialise_layer(cell: Cell, layer: LayerParameters, rng: np.random.RandomState) -> None:
    """Write the initial parameters of one layer into `layer`; the weights of each gate are drawn separately."""
    hidden_size = layer.hidden_size
    recurrent_initializer = RECURRENT_INITIALIZERS[cell.recurrent_initializer]
    for position, gate in enumerate(cell.gates):
        rows = slice(position * hidden_size, (position + 1) * hidden_size)
        layer.input_weights[rows] = glorot_uniform(layer.input_weights[rows].shape, rng)
        layer.recurrent_weights[rows] = recurrent_initializer(hidden_size, rng)
        layer.input_bias[rows] = gate in cell.open_gates


def glorot_uniform(shape: tuple[int, int], rng: np.random.RandomState) -> np.ndarray:
    """Return weights of variance 2 / (n_in + n_out) (Glorot, Bengio 2010, PMLR 9:249-256)."""
    bound = np.sqrt(6.0 / sum(shape))
    return rng.uniform(-bound, bound, shape)


def orthogonal(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return a random orthogonal matrix, uniformly distributed (Saxe, McClelland, Ganguli 2014, arXiv:1312.6120)."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    # The signs of the diagonal of r make the distribution uniform (Mezzadri 2007, arXiv:math-ph/0609050).
    return q * np.sign(np.diag(r))


def identity(size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return the identity, so that relu units keep their state (Le, Jaitly, Hinton 2015, arXiv:1504.00941)."""
    return np.eye(size)


RECURRENT_INITIALIZERS: dict[str, Callable[[int, np.random.RandomState], np.ndarray]] = {
    "orthogonal": orthogonal,
    "identity": identity,
}
