"""A linearised network: its outputs at theta on a batch, and their derivative as an operator."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product, repeat
from typing import Any, final

import numpy as np

from skrnn._caching import cached_property
from skrnn.network._inference import split
from skrnn.network._network import Network, Workspace, Workspaces
from skrnn.network._objective import Objective
from skrnn.sequences._batches import Batch, n_allocated_timesteps
from skrnn.sequences._ragged import Sequences

#: Bytes of the gradients that are computed at once.
_GRADIENT_BYTES = 64 * 1024 * 1024


@final
class Linearisation:
    """The raw outputs of a network at theta on a batch, and their derivative J with respect to theta.

    Neither J nor any matrix of its size is formed, except by `jacobian`. There is no dropout; the initial states are
    those in the workspace, by default zeros.

    Parameters
    ----------
    network : Network
        The network.
    theta : ndarray of shape (n_parameters,)
        Where to linearise.
    sequences : Sequences
        The data.
    batch : Batch
        The sequences to process.
    workspace : Workspace
        The arrays. If their last forward pass used the same objects `theta` and `batch`, it is not repeated.

    Attributes
    ----------
    raw : ndarray of shape (n_outputs, n_columns)
        The outputs, a view of the workspace.
    """

    def __init__(
        self, network: Network, theta: np.ndarray, sequences: Sequences, batch: Batch, workspace: Workspace
    ) -> None:
        self._network, self._batch, self._workspace = network, batch, workspace
        self._n_parameters, self._dtype = len(theta), theta.dtype
        parameters = network.layout.views(theta)
        self._packed, self._readout = network.pack(parameters), parameters.readout
        if workspace.holds(theta, batch):
            self.raw = workspace.raw[:, : network.pooling.n_columns(batch)]
        else:
            self.raw = network.forward(self._packed, self._readout, sequences, batch, workspace)
            workspace.held = (theta, batch)

    def backward(self, d_raw: np.ndarray) -> np.ndarray:
        """Return J' d_raw, (n_parameters,), for a gradient on the outputs, (n_outputs, n_columns)."""
        self._workspace.d_raw[:, : d_raw.shape[1]] = d_raw
        gradient = np.empty(self._n_parameters, self._dtype)
        d_parameters = self._network.layout.views(gradient)
        self._network.backward(self._packed, self._readout, self._batch, self._workspace, d_parameters)
        return gradient

    def tangent(self, direction: np.ndarray) -> np.ndarray:
        """Return J direction, (n_outputs, n_columns), for a direction in theta, (n_parameters,)."""
        t_parameters = self._network.layout.views(direction)
        return self._network.tangent(self._packed, self._readout, t_parameters, self._batch, self._workspace)

    def jacobian(self, slopes: np.ndarray) -> np.ndarray:
        """Return J with the row of each output times its slope, (n_columns, n_outputs, n_parameters).

        `slopes` is (n_outputs, n_columns). As many gradients as memory allows are computed at once.
        """
        network, batch = self._network, self._batch
        rows = np.empty((slopes.shape[1], len(slopes), self._n_parameters), self._dtype)
        for probes in self._groups(len(slopes)):
            of_probes = np.zeros((len(probes), len(batch), self._n_parameters), self._dtype)
            d_parameters = network.layout.views(of_probes)
            network.backward_each(self._packed, self._readout, batch, self._workspace, slopes, probes, d_parameters)
            for (number, output), of_probe in zip(probes, of_probes, strict=True):
                columns = network.pooling.columns_of(batch, number)
                rows[columns, output] = of_probe[: columns.stop - columns.start]
        return rows

    def _groups(self, n_outputs: int) -> Iterator[list[tuple[int, int]]]:
        """Yield groups of (number of a pooled state, output), in order of time, each small enough for one pass."""
        probes = list(product(range(self._network.pooling.n_pooled_states(self._batch)), range(n_outputs)))
        n_rows = max(layer.packed_shape[0] + layer.n_operand for layer in self._network.layers)
        n_numbers = self._batch.n_timesteps * (n_rows + self._network.layout.readout_size) + self._n_parameters
        size = max(1, _GRADIENT_BYTES // (len(self._batch) * n_numbers * self._dtype.itemsize))
        return (probes[first : first + size] for first in range(0, len(probes), size))


@final
class LinearisedChunks:
    """All data of an objective in chunks, and the network linearised on each chunk."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._workspaces = Workspaces(objective.network, objective.dtype, backward=True)
        self._theta: np.ndarray | None = None

    @cached_property
    def plan(self) -> list[Batch]:
        """The chunks."""
        return split(self._objective.network, self._objective.sequences)

    def map(self, method: Any, *of_chunks: Iterable[Any], **arguments: Any) -> Iterable[Any]:
        """Return the results of a method of the owner of these chunks for each chunk, in order.

        It is called with the chunk, with one entry of each of `of_chunks`, and with the same keyword arguments for all.
        Workers receive the owner, including data and plan, and the number of the chunk.
        """
        call = partial(_call_with_chunk, partial(method.__func__, **arguments))
        return self._objective.map_chunks(call, repeat(method.__self__), range(len(self.plan)), *of_chunks)

    @contextmanager
    def linearised(self, theta: np.ndarray, chunk: Batch) -> Iterator[tuple[Linearisation, np.ndarray]]:
        """Yield the network linearised on a chunk, and an array for a gradient on its outputs."""
        network, sequences = self._objective.network, self._objective.sequences
        with self._workspaces.take(n_allocated_timesteps(sequences, chunk.n_timesteps), len(chunk), chunk) as workspace:
            linear = Linearisation(network, theta, sequences, chunk, workspace)
            yield linear, workspace.d_raw[:, : linear.raw.shape[1]]

    def known(self, theta: np.ndarray) -> np.ndarray:
        """Return theta in the dtype of the data: the same object for the same numbers, for identity checks."""
        theta = theta.astype(self._objective.dtype, copy=False)
        if self._theta is None or not np.array_equal(theta, self._theta):
            self._theta = theta.copy()
        return self._theta


def _call_with_chunk(method: Callable[..., Any], owner: Any, number: int, *of_chunk: Any) -> Any:
    """Return the result of a method of the owner for its chunk with this number."""
    return method(owner, owner.chunks.plan[number], *of_chunk)
