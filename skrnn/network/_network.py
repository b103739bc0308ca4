"""A network: stacked layers, unidirectional or bidirectional, and a linear readout."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import numpy as np

from skrnn.cells._base import Cell
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.network._parameters import NetworkParameters, ParameterLayout, ReadoutParameters
from skrnn.network._pooling import POOLINGS, EveryTimestep, StatePooling, Tops
from skrnn.network._products import shared_inputs
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences


@final
class Workspace:
    """The arrays of a network for batches with a given number of sequences and a maximum number of timesteps.

    With `concurrent`, other threads work at the same time, with their own arrays. A batch uses the first columns of
    `raw` and `d_raw`, the outputs and the gradient on them.
    """

    def __init__(
        self,
        network: "Network",
        n_timesteps: int,
        n_sequences: int,
        dtype: np.dtype,
        backward: bool,
        concurrent: bool = False,
    ) -> None:
        dtype = np.dtype(dtype)
        self.shape = (n_timesteps, n_sequences)
        self.held: tuple[np.ndarray, Batch] | None = None  # theta and batch of the last forward pass, if recorded
        drops_state = backward and network.recurrent_dropout > 0.0
        self.layers = [
            LayerWorkspace(layer, n_timesteps, n_sequences, dtype, backward, drops_state, concurrent)
            for layer in network.layers
        ]
        layout = network.layout
        n_units = [layout.n_directions * hidden_size for hidden_size in layout.hidden_layer_sizes]
        n_columns = n_sequences * (n_timesteps if network.pooling.per_timestep else 1)
        drops_outputs = backward and network.dropout > 0.0
        # By which the outputs of each layer are multiplied before the next layer or the readout.
        self.output_masks = [np.ones((n, n_sequences), dtype) for n in n_units] if drops_outputs else []
        self.readout_operand = np.ones((n_units[-1] + 1, n_columns), dtype)  # [h; 1]
        self.raw = np.empty((layout.n_outputs, n_columns), dtype)
        if backward:
            self.d_raw = np.empty_like(self.raw)
            self.d_states = np.empty((n_units[-1], n_columns), dtype)
            below = n_units if network.pooling.reads_every_state else n_units[:-1]
            self.d_outputs = [np.zeros((n_timesteps, n, n_sequences), dtype) for n in below]
            # The gradient of the second direction on the same inputs is added to that of the first.
            n_more = max(n_units[:-1], default=0) if layout.n_directions == 2 else 0
            self.d_more = np.zeros((n_timesteps, n_more, n_sequences), dtype)

    def holds(self, theta: np.ndarray, batch: Batch) -> bool:
        """Tell whether the last forward pass used these same objects."""
        return self.held is not None and self.held[0] is theta and self.held[1] is batch

    def holds_batch(self, batch: Batch) -> bool:
        """Tell whether the last forward pass used this same batch, at any theta."""
        held = self.held  # read once, because another thread may change it
        return held is not None and held[1] is batch

    def begin(self, network: "Network", rng: np.random.RandomState | None) -> None:
        """Set the initial states to zero and, with dropout, draw new masks."""
        for layer in self.layers:
            layer.forget_state()
            if layer.state_mask is not None:
                _draw_mask(network.recurrent_dropout, rng, layer.state_mask)
        for mask in self.output_masks:
            _draw_mask(network.dropout, rng, mask)


def _draw_mask(rate: float, rng: np.random.RandomState | None, mask: np.ndarray) -> None:
    """Write zeros with probability `rate` into `mask`, and otherwise 1 / (1 - rate), so that its mean is one."""
    if rng is None:
        raise ValueError("dropout requires a random state")
    np.multiply(rng.random_sample(mask.shape) >= rate, 1.0 / (1.0 - rate), out=mask, casting="same_kind")


@final
class Workspaces:
    """A pool of workspaces for threads, so that few are allocated."""

    #: Number of unused workspaces that are kept, because the next pass over the data needs the same shapes.
    N_KEPT = 8

    def __init__(self, network: "Network", dtype: np.dtype, backward: bool) -> None:
        self._kind = (network, dtype, backward)
        self._free: list[Workspace] = []

    @contextmanager
    def take(self, n_timesteps: int, n_sequences: int, batch: Batch | None = None) -> Iterator[Workspace]:
        """Yield a workspace of this shape, preferably the one that holds `batch`, or the one returned last."""
        workspace = self._find((n_timesteps, n_sequences), batch)
        if workspace is None:
            network, dtype, backward = self._kind
            workspace = Workspace(network, n_timesteps, n_sequences, dtype, backward, concurrent=True)
        yield workspace
        if len(self._free) < self.N_KEPT:
            self._free.append(workspace)

    def _find(self, shape: tuple[int, int], batch: Batch | None) -> Workspace | None:
        free = self._free.copy()
        if batch is not None:
            free.sort(key=lambda workspace: workspace.holds_batch(batch))
        for workspace in reversed(free):
            if workspace.shape == shape:
                try:
                    self._free.remove(workspace)
                except ValueError:  # another thread was faster
                    continue
                return workspace
        return None

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave out the workspaces, since other processes allocate their own."""
        return Workspaces, self._kind


@final
class Network:
    """Stacked layers of one cell, and a linear readout.

    It contains no data and no parameters: theta is an argument of each call, and arrays are in the workspace.

    A `bidirectional` network has a second direction in each layer, which reads each sequence from its end; the next
    layer and the readout use the states of both (Schuster, Paliwal 1997, doi:10.1109/78.650093). `pooling` is a key of
    `POOLINGS`, for networks with one output per sequence. `dropout` is the fraction of the outputs of each layer that
    are dropped before the next layer or the readout, `recurrent_dropout` the fraction of the hidden state that is
    dropped before the next timestep. Both drop the same units at all timesteps of a sequence (Gal, Ghahramani 2016,
    arXiv:1512.05287), and only in training.
    """

    def __init__(
        self,
        cell: Cell,
        n_features: int,
        hidden_layer_sizes: tuple[int, ...],
        n_outputs: int,
        *,
        bidirectional: bool = False,
        return_sequences: bool = False,
        pooling: str = "last",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
    ) -> None:
        self.bidirectional = bidirectional
        self.return_sequences = return_sequences
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.layout = ParameterLayout(cell, n_features, hidden_layer_sizes, n_outputs, 2 if bidirectional else 1)
        self.layers = [
            Layer(cell, *sizes, from_end=bidirectional and position % 2 == 1)
            for position, sizes in enumerate(self.layout.layer_sizes)
        ]
        self.pooling: StatePooling = EveryTimestep() if return_sequences else POOLINGS[pooling]()
        # The directions of each depth are consecutive in `layers`.
        n_directions = self.layout.n_directions
        self._by_depth = [slice(start, start + n_directions) for start in range(0, len(self.layers), n_directions)]

    def pack(self, parameters: NetworkParameters) -> list[np.ndarray]:
        """Return the packed matrix of each layer and direction."""
        return [layer.pack(of_layer) for layer, of_layer in zip(self.layers, parameters.layers, strict=True)]

    def _tops(self, workspace: Workspace) -> Tops:
        """Return the directions of the top layer, with their workspaces."""
        top = self._by_depth[-1]
        return list(zip(self.layers[top], workspace.layers[top], strict=True))

    def _directions(self, depth: int, workspace: Workspace) -> Iterator[tuple[int, LayerWorkspace, slice]]:
        """Yield the position of each direction of a layer, its workspace, and its rows among the layer's outputs."""
        begin, directions = 0, self._by_depth[depth]
        for position in range(directions.start, directions.stop):
            rows = slice(begin, begin + self.layers[position].hidden_size)
            yield position, workspace.layers[position], rows
            begin = rows.stop

    # The forward pass

    def forward(
        self,
        packed: list[np.ndarray],
        readout: ReadoutParameters,
        sequences: Sequences,
        batch: Batch,
        workspace: Workspace,
    ) -> np.ndarray:
        """Return the raw outputs, (n_outputs, n_columns), a view of the workspace."""
        self.load(sequences, batch, workspace)
        self.unroll(packed, batch, workspace)
        states = self.collect(batch, workspace)
        raw = workspace.raw[:, : states.shape[1]]
        np.matmul(readout.matrix, states, out=raw)
        return raw

    def load(self, sequences: Sequences, batch: Batch, workspace: Workspace) -> None:
        """Write the batch into the workspace, as the inputs of the lowest layer."""
        workspace.held = None
        steps = slice(batch.n_timesteps)
        shared = shared_inputs(sequences, batch, workspace.shape[1])
        lowest = workspace.layers[self._by_depth[0]]
        for arrays in lowest:
            arrays.shared = shared
        if shared is not None:
            return
        inputs = lowest[0].inputs[steps]
        sequences.gather(batch.indices, batch.first, batch.n_timesteps, inputs[:, :, : len(batch)])
        for arrays in lowest[1:]:
            arrays.inputs[steps] = inputs

    def unroll(self, packed: list[np.ndarray], batch: Batch, workspace: Workspace) -> None:
        """Write the states of all layers into the workspace, given the inputs and the initial states in it."""
        steps, n_depths = slice(batch.n_timesteps), len(self._by_depth)
        for depth, directions in enumerate(self._by_depth):
            below = workspace.layers[directions]
            for layer, matrix, arrays in zip(self.layers[directions], packed[directions], below, strict=True):
                layer.forward(matrix, arrays, batch.spans)
            if depth + 1 < n_depths:
                mask = workspace.output_masks[depth] if workspace.output_masks else None
                _hand_up(below, workspace.layers[self._by_depth[depth + 1]], mask, steps)

    def collect(self, batch: Batch, workspace: Workspace) -> np.ndarray:
        """Return the operand of the readout, (readout_size + 1, n_columns), a view of the workspace."""
        operand = workspace.readout_operand[:, : self.pooling.n_columns(batch)]
        self.pooling.collect(self._tops(workspace), batch, operand[:-1])
        if workspace.output_masks:
            self.pooling.drop(operand[:-1], workspace.output_masks[-1], batch)
        return operand

    def carry_state(self, batch: Batch, workspace: Workspace) -> None:
        """Copy the final states of the batch to the initial states of the next segment of the same sequences."""
        for arrays in workspace.layers:
            arrays.carry_state(batch.spans)

    # The backward pass

    def backward(
        self,
        packed: list[np.ndarray],
        readout: ReadoutParameters,
        batch: Batch,
        workspace: Workspace,
        d_parameters: NetworkParameters,
    ) -> None:
        """Write the gradient on all parameters into `d_parameters`, given that on the outputs, `workspace.d_raw`."""
        d_outputs = self._backward_readout(readout, batch, workspace, d_parameters.readout)
        for depth in reversed(range(len(self._by_depth))):
            d_below = workspace.d_outputs[depth - 1] if depth > 0 else None
            for position, arrays, rows in self._directions(depth, workspace):
                layer = self.layers[position]
                d_own = None if d_outputs is None else d_outputs[:, rows]
                d_inputs = d_below if rows.start == 0 or d_below is None else workspace.d_more[:, : d_below.shape[1]]
                d_packed = layer.backward(packed[position], arrays, batch.spans, d_own, d_inputs)
                layer.unpack(d_packed, d_parameters.layers[position])
                if rows.start > 0 and d_below is not None and d_inputs is not None:
                    d_below += d_inputs
            if d_below is not None and workspace.output_masks:
                d_below *= workspace.output_masks[depth - 1]
            d_outputs = d_below

    def _backward_readout(
        self, readout: ReadoutParameters, batch: Batch, workspace: Workspace, d_readout: ReadoutParameters
    ) -> np.ndarray | None:
        """Pass the gradient through the readout, and return the gradient on the outputs of the top layer, if any."""
        columns = slice(self.pooling.n_columns(batch))
        d_raw, d_states = workspace.d_raw[:, columns], workspace.d_states[:, columns]
        np.matmul(d_raw, workspace.readout_operand[:, columns].T, out=d_readout.matrix)
        np.matmul(readout.weights.T, d_raw, out=d_states)
        if workspace.output_masks:
            self.pooling.drop(d_states, workspace.output_masks[-1], batch)
        for arrays in workspace.layers:
            arrays.d_h.fill(0.0)
        of_top = workspace.d_outputs[-1] if workspace.d_outputs else workspace.d_states
        return self.pooling.scatter(d_states, self._tops(workspace), batch, of_top)

    def backward_each(
        self,
        packed: list[np.ndarray],
        readout: ReadoutParameters,
        batch: Batch,
        workspace: Workspace,
        slopes: np.ndarray,
        probes: list[tuple[int, int]],
        d_parameters: NetworkParameters,
    ) -> None:
        """Write the gradients of single outputs of each sequence into `d_parameters`, with a readout of zeros on entry.

        Its leading axes are (n_probes, n_sequences). A probe is the number of a pooled state and that of an output.
        `slopes`, (n_outputs, n_columns), is the gradient on each of these outputs.
        """
        spans, n_timesteps = batch.spans, batch.n_timesteps
        if self.pooling.per_timestep and not self.bidirectional:  # nothing after the last probe matters
            n_timesteps = probes[-1][0] + 1
            spans = [(start, min(stop, n_timesteps), n) for start, stop, n in spans if start < n_timesteps]
        d_outputs = np.zeros((n_timesteps, len(probes), self.layout.readout_size, len(batch)), slopes.dtype)
        for position, (number, output) in enumerate(probes):
            columns = self.pooling.columns_of(batch, number)
            d_raw = slopes[output, columns]
            of_readout = d_parameters.readout.matrix[position, : len(d_raw), output]
            of_readout[...] = (d_raw * workspace.readout_operand[:, columns]).T
            d_states = readout.weights[output][:, np.newaxis] * d_raw
            for top, arrays, rows in self._directions(len(self._by_depth) - 1, workspace):
                direction, d_layer = (self.layers[top], arrays), d_outputs[:, position, rows]
                self.pooling.scatter_one(direction, batch, number, d_states[rows], d_layer)
        for depth in reversed(range(len(self._by_depth))):
            d_inputs = []
            for position, arrays, rows in self._directions(depth, workspace):
                layer = self.layers[position]
                if depth > 0:
                    d_inputs.append(np.empty((*d_outputs.shape[:2], layer.n_inputs, len(batch)), slopes.dtype))
                d_own = d_inputs[-1] if d_inputs else None
                d_packed = layer.backward_each(packed[position], arrays, spans, d_outputs[:, :, rows], d_own)
                layer.unpack(d_packed, d_parameters.layers[position])
            d_outputs = sum(d_inputs[1:], start=d_inputs[0]) if d_inputs else d_outputs

    # The tangent pass

    def tangent(
        self,
        packed: list[np.ndarray],
        readout: ReadoutParameters,
        t_parameters: NetworkParameters,
        batch: Batch,
        workspace: Workspace,
    ) -> np.ndarray:
        """Return the tangent of the raw outputs, (n_outputs, n_columns), for a tangent of the parameters.

        The workspace must be that of the forward pass, without dropout; initial states are constant.
        """
        t_packed, t_inputs = self.pack(t_parameters), None
        for depth in range(len(self._by_depth)):
            t_outputs = workspace.d_outputs[depth] if depth < len(workspace.d_outputs) else None
            for position, arrays, rows in self._directions(depth, workspace):
                of_layer = None if t_outputs is None else t_outputs[:, rows]
                matrices = packed[position], t_packed[position]
                self.layers[position].tangent(*matrices, arrays, batch.spans, t_inputs, of_layer)
            t_inputs = t_outputs
        columns = slice(self.pooling.n_columns(batch))
        t_states = workspace.d_states[:, columns]
        of_top = workspace.d_outputs[-1] if workspace.d_outputs else workspace.d_states
        self.pooling.collect_tangent(self._tops(workspace), batch, of_top, t_states)
        t_raw = readout.weights @ t_states
        t_raw += t_parameters.readout.matrix @ workspace.readout_operand[:, columns]
        return t_raw


def _hand_up(below: list[LayerWorkspace], above: list[LayerWorkspace], mask: np.ndarray | None, steps: slice) -> None:
    """Write the outputs of the directions of a layer, times `mask`, into the inputs of the next layer."""
    start = 0
    for source in below:
        rows = slice(start, start + source.hidden_states.shape[1])
        for target in above:
            inputs = target.inputs[steps, rows]
            if mask is None:
                inputs[...] = source.hidden_states[steps]
            else:
                np.multiply(source.hidden_states[steps], mask[rows], out=inputs)
        start = rows.stop
