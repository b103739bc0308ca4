"""The initial theta."""

from collections.abc import Callable

import numpy as np

from skrnn.cells._base import Cell
from skrnn.network._parameters import LayerParameters, ParameterLayout


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
