"""A network linearised: its outputs at theta on a batch, and their derivative as an operator in both directions."""

from collections.abc import Iterator
from itertools import product
from typing import final

import numpy as np

from skrnn.network._network import Network, Workspace
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences

#: Bytes of the gradients that are rolled up at once.
_GRADIENT_BYTES = 64 * 1024 * 1024


@final
class Linearisation:
    """The raw outputs of a network at theta on a batch, and their derivative J with respect to theta.

    Neither J nor any matrix of its size is formed, except by `jacobian`. Nothing may be dropped, and the initial states
    are those of the room: zeros, unless someone has written others.

    Parameters
    ----------
    network : Network
        The network.
    theta : ndarray of shape (n_parameters,)
        Where to linearise.
    sequences : Sequences
        The data.
    batch : Batch
        Which of them go through the network.
    room : Workspace
        Where they do. If the last forward pass in it was that of the same objects `theta` and `batch`, it is not
        repeated.

    Attributes
    ----------
    raw : ndarray of shape (n_outputs, n_columns)
        The outputs, which live in the room.
    """

    def __init__(
        self, network: Network, theta: np.ndarray, sequences: Sequences, batch: Batch, room: Workspace
    ) -> None:
        self._network, self._batch, self._room = network, batch, room
        self._n_parameters, self._dtype = len(theta), theta.dtype
        parameters = network.layout.views(theta)
        self._packed, self._readout = network.pack(parameters), parameters.readout
        if room.holds(theta, batch):
            self.raw = room.raw[:, : network.reading.n_columns(batch)]
        else:
            self.raw = network.forward(self._packed, self._readout, sequences, batch, room)
            room.held = (theta, batch)

    def backward(self, d_raw: np.ndarray) -> np.ndarray:
        """Return J' d_raw, (n_parameters,), for a gradient on the outputs, (n_outputs, n_columns)."""
        self._room.d_raw[:, : d_raw.shape[1]] = d_raw
        gradient = np.empty(self._n_parameters, self._dtype)
        d_parameters = self._network.layout.views(gradient)
        self._network.backward(self._packed, self._readout, self._batch, self._room, d_parameters)
        return gradient

    def tangent(self, direction: np.ndarray) -> np.ndarray:
        """Return J direction, (n_outputs, n_columns), for a perturbation of theta, (n_parameters,)."""
        t_parameters = self._network.layout.views(direction)
        return self._network.tangent(self._packed, self._readout, t_parameters, self._batch, self._room)

    def jacobian(self, slopes: np.ndarray) -> np.ndarray:
        """Return J, each output's row times its slope, (n_columns, n_outputs, n_parameters).

        `slopes` is (n_outputs, n_columns). Of all outputs that are read at the same time, as many as memory allows are
        rolled back up together.
        """
        network, batch = self._network, self._batch
        rows = np.empty((slopes.shape[1], len(slopes), self._n_parameters), self._dtype)
        for probes in self._groups(len(slopes)):
            of_probes = np.zeros((len(probes), len(batch), self._n_parameters), self._dtype)
            d_parameters = network.layout.views(of_probes)
            network.backward_each(self._packed, self._readout, batch, self._room, slopes, probes, d_parameters)
            for (reading, output), of_probe in zip(probes, of_probes, strict=True):
                columns = network.reading.columns_of(batch, reading)
                rows[columns, output] = of_probe[: columns.stop - columns.start]
        return rows

    def _groups(self, n_outputs: int) -> Iterator[list[tuple[int, int]]]:
        """Yield groups of (reading, output), the latest readings last, each small enough to be rolled up at once."""
        probes = list(product(range(self._network.reading.n_readings(self._batch)), range(n_outputs)))
        n_rows = max(layer.packed_shape[0] + layer.n_operand for layer in self._network.layers)
        n_numbers = self._batch.n_timesteps * (n_rows + self._network.layout.readout_size) + self._n_parameters
        size = max(1, _GRADIENT_BYTES // (len(self._batch) * n_numbers * self._dtype.itemsize))
        return (probes[first : first + size] for first in range(0, len(probes), size))
