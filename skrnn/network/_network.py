"""A network: stacked layers, in one or both directions of time, and a linear readout."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import numpy as np

from skrnn.cells._base import Cell
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.network._parameters import NetworkParameters, ParameterLayout, ReadoutParameters
from skrnn.network._readout import EveryTimestep, LastTimestep, Reading
from skrnn.network._shared_inputs import shared_inputs
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences


@final
class Workspace:
    """The arrays of a network for batches of a certain number of sequences, and of timesteps at most.

    With `concurrent`, other threads are at work in arrays of their own at the same time.

    Attributes
    ----------
    shape : tuple of int
        Number of timesteps and of sequences that there is room for.
    layers : list of LayerWorkspace
        The workspace of each layer and direction.
    output_masks : list of ndarray of shape (n_directions * hidden_size, n_sequences)
        What the outputs of each layer are multiplied by on their way up; empty where nothing is dropped.
    readout_operand : ndarray of shape (readout_size + 1, n_columns)
        [h; 1] of the states that the readout sees.
    raw, d_raw : ndarray of shape (n_outputs, n_columns)
        The outputs, and room for the gradient on them. The columns in use are the first of as many as there may be.
    held : tuple of (theta, batch) or None
        Of what the last forward pass was, where someone has taken note of it.
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
        self.held: tuple[np.ndarray, Batch] | None = None
        drops_state = backward and network.recurrent_dropout > 0.0
        self.layers = [
            LayerWorkspace(layer, n_timesteps, n_sequences, dtype, backward, drops_state, concurrent)
            for layer in network.layers
        ]
        layout = network.layout
        n_units = [layout.n_directions * hidden_size for hidden_size in layout.hidden_layer_sizes]
        n_columns = n_sequences * (n_timesteps if network.return_sequences else 1)
        drops_outputs = backward and network.dropout > 0.0
        self.output_masks = [np.ones((n, n_sequences), dtype) for n in n_units] if drops_outputs else []
        self.readout_operand = np.ones((n_units[-1] + 1, n_columns), dtype)
        self.raw = np.empty((layout.n_outputs, n_columns), dtype)
        if backward:
            self.d_raw = np.empty_like(self.raw)
            self.d_states = np.empty((n_units[-1], n_columns), dtype)
            below = n_units if network.return_sequences else n_units[:-1]
            self.d_outputs = [np.zeros((n_timesteps, n, n_sequences), dtype) for n in below]
            # The second direction of a layer has a gradient on the same inputs, to be added to that of the first.
            n_more = max(n_units[:-1], default=0) if layout.n_directions == 2 else 0
            self.d_more = np.zeros((n_timesteps, n_more, n_sequences), dtype)

    def holds(self, theta: np.ndarray, batch: Batch) -> bool:
        """Tell whether the last forward pass was that of these very objects."""
        return self.held is not None and self.held[0] is theta and self.held[1] is batch

    def holds_batch(self, batch: Batch) -> bool:
        """Tell whether the last forward pass was that of this very batch, at whatever theta."""
        held = self.held  # read once: another thread may be changing it
        return held is not None and held[1] is batch

    def begin(self, network: "Network", rng: np.random.RandomState | None) -> None:
        """Begin with states of zeros and, where something is dropped, with new masks."""
        for layer in self.layers:
            layer.forget_state()
            if layer.state_mask is not None:
                _draw_mask(network.recurrent_dropout, rng, layer.state_mask)
        for mask in self.output_masks:
            _draw_mask(network.dropout, rng, mask)


def _draw_mask(rate: float, rng: np.random.RandomState | None, mask: np.ndarray) -> None:
    """Write zeros with probability `rate` into `mask`, else what makes up for them on average."""
    if rng is None:
        raise ValueError("dropout needs a random state")
    np.multiply(rng.random_sample(mask.shape) >= rate, 1.0 / (1.0 - rate), out=mask, casting="same_kind")


@final
class Workspaces:
    """Workspaces of a network, to be taken and given back: several may work at once, and few are ever allocated."""

    #: How many are kept that nobody works in: their shapes come again in the next pass over the data.
    N_KEPT = 8

    def __init__(self, network: "Network", dtype: np.dtype, backward: bool) -> None:
        self._kind = (network, dtype, backward)
        self._free: list[Workspace] = []

    @contextmanager
    def take(self, n_timesteps: int, n_sequences: int, batch: Batch | None = None) -> Iterator[Workspace]:
        """Lend a workspace of this shape: the one that holds `batch` or was given back last, if it is still there."""
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
        """Leave the workspaces behind: another process makes its own."""
        return Workspaces, self._kind


@final
class Network:
    """Stacked layers of one cell, and a linear readout.

    It holds no data and no parameters: theta comes with every call, the arrays with the workspace.

    Parameters
    ----------
    cell : Cell
        The recurrent unit of every layer.
    n_features : int
        Number of features of a timestep.
    hidden_layer_sizes : tuple of int
        Units of each layer and direction, the lowest first.
    n_outputs : int
        Number of outputs.
    bidirectional : bool, default=False
        Whether each layer has a second part that goes through each sequence from its end; the next layer and the
        readout see the states of both (Schuster, Paliwal 1997, doi:10.1109/78.650093).
    return_sequences : bool, default=False
        Whether the readout answers after each timestep, or after the last.
    dropout : float, default=0.0
        Share of the outputs of each layer that are dropped on their way to the next layer or the readout.
    recurrent_dropout : float, default=0.0
        Share of the hidden state that is dropped on its way to the next timestep. Both kinds drop the same units at
        all timesteps of a sequence (Gal, Ghahramani 2016, arXiv:1512.05287), and only where there is a backward pass.
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
        self.reading: Reading = EveryTimestep() if return_sequences else LastTimestep()
        # Where the directions of each layer are in `layers`.
        n_directions = self.layout.n_directions
        self._levels = [slice(start, start + n_directions) for start in range(0, len(self.layers), n_directions)]

    def pack(self, parameters: NetworkParameters) -> list[np.ndarray]:
        """Return the packed matrix of each layer and direction."""
        return [layer.pack(of_layer) for layer, of_layer in zip(self.layers, parameters.layers, strict=True)]

    def _tops(self, workspace: Workspace) -> list[tuple[Layer, LayerWorkspace]]:
        """Return the directions of the top layer, with their workspaces."""
        top = self._levels[-1]
        return list(zip(self.layers[top], workspace.layers[top], strict=True))

    def _parts(self, depth: int, workspace: Workspace) -> Iterator[tuple[int, LayerWorkspace, slice]]:
        """Yield the position of each direction of a layer, its workspace, and its rows among the layer's outputs."""
        begin, level = 0, self._levels[depth]
        for position in range(level.start, level.stop):
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
        """Return the raw outputs, (n_outputs, n_columns), which live in the workspace."""
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
        for room in workspace.layers[self._levels[0]]:
            room.shared = shared
        if shared is not None:
            return
        inputs, *of_others = (room.inputs for room in workspace.layers[self._levels[0]])
        sequences.gather(batch.indices, batch.first, batch.n_timesteps, inputs[steps, :, : len(batch)])
        for others in of_others:
            others[steps] = inputs[steps]

    def unroll(self, packed: list[np.ndarray], batch: Batch, workspace: Workspace) -> None:
        """Write the states of all layers into the workspace, from its inputs and its initial states on."""
        levels, steps = self._levels, slice(batch.n_timesteps)
        for depth, level in enumerate(levels):
            rooms = workspace.layers[level]
            for layer, matrix, room in zip(self.layers[level], packed[level], rooms, strict=True):
                layer.forward(matrix, room, batch.segments)
            if depth + 1 < len(levels):
                mask = workspace.output_masks[depth] if workspace.output_masks else None
                _hand_up(rooms, workspace.layers[levels[depth + 1]], mask, steps)

    def collect(self, batch: Batch, workspace: Workspace) -> np.ndarray:
        """Return the readout's operand, (readout_size + 1, n_columns), which lives in the workspace."""
        operand = workspace.readout_operand[:, : self.reading.n_columns(batch)]
        self.reading.collect(self._tops(workspace), batch, operand[:-1])
        if workspace.output_masks:
            self.reading.drop(operand[:-1], workspace.output_masks[-1], batch)
        return operand

    def carry_state(self, batch: Batch, workspace: Workspace) -> None:
        """Make the states with which the batch has ended the initial ones of the next, for the same sequences."""
        for room in workspace.layers:
            room.carry_state(batch.segments)

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
        levels = self._levels
        for depth in range(len(levels) - 1, -1, -1):
            d_below = workspace.d_outputs[depth - 1] if depth > 0 else None
            for position, room, rows in self._parts(depth, workspace):
                layer = self.layers[position]
                d_own = None if d_outputs is None else d_outputs[:, rows]
                d_inputs = d_below if rows.start == 0 or d_below is None else workspace.d_more[:, : d_below.shape[1]]
                d_packed = layer.backward(packed[position], room, batch.segments, d_own, d_inputs)
                layer.unpack(d_packed, d_parameters.layers[position])
                if rows.start > 0 and d_below is not None and d_inputs is not None:
                    d_below += d_inputs
            if d_below is not None and workspace.output_masks:
                d_below *= workspace.output_masks[depth - 1]
            d_outputs = d_below

    def _backward_readout(
        self, readout: ReadoutParameters, batch: Batch, workspace: Workspace, d_readout: ReadoutParameters
    ) -> np.ndarray | None:
        """Take the gradient through the readout, and return that on the top layer's outputs where it has one."""
        columns = slice(self.reading.n_columns(batch))
        d_raw, d_states = workspace.d_raw[:, columns], workspace.d_states[:, columns]
        np.matmul(d_raw, workspace.readout_operand[:, columns].T, out=d_readout.matrix)
        np.matmul(readout.weights.T, d_raw, out=d_states)
        if workspace.output_masks:
            self.reading.drop(d_states, workspace.output_masks[-1], batch)
        for room in workspace.layers:
            room.d_h.fill(0.0)
        of_top = workspace.d_outputs[-1] if workspace.d_outputs else workspace.d_states
        return self.reading.spread(d_states, self._tops(workspace), batch, of_top)

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
        """Write the gradients of single outputs of each sequence into `d_parameters`, whose readout is zeros before.

        Their axes in front are (n_probes, n_sequences). A probe is the number of a reading and of an output. `slopes`,
        (n_outputs, n_columns), is the gradient on each of them.
        """
        segments, n_timesteps = batch.segments, batch.n_timesteps
        if self.return_sequences and not self.bidirectional:  # nothing after the last probe matters
            n_timesteps = probes[-1][0] + 1
            segments = [(start, min(stop, n_timesteps), n) for start, stop, n in segments if start < n_timesteps]
        d_outputs = np.zeros((n_timesteps, len(probes), self.layout.readout_size, len(batch)), slopes.dtype)
        for position, (number, output) in enumerate(probes):
            columns = self.reading.columns_of(batch, number)
            d_raw = slopes[output, columns]
            of_readout = d_parameters.readout.matrix[position, : len(d_raw), output]
            of_readout[...] = (d_raw * workspace.readout_operand[:, columns]).T
            d_states = readout.weights[output][:, np.newaxis] * d_raw
            for top, _, rows in self._parts(len(self._levels) - 1, workspace):
                d_planted = d_outputs[:, position, rows]
                self.reading.plant(self.layers[top], batch, number, d_states[rows], d_planted)
        for depth in range(len(self._levels) - 1, -1, -1):
            d_inputs = []
            for place, room, rows in self._parts(depth, workspace):
                layer = self.layers[place]
                if depth > 0:
                    d_inputs.append(np.empty((*d_outputs.shape[:2], layer.n_inputs, len(batch)), slopes.dtype))
                d_own = d_inputs[-1] if d_inputs else None
                d_packed = layer.backward_each(packed[place], room, segments, d_outputs[:, :, rows], d_own)
                layer.unpack(d_packed, d_parameters.layers[place])
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
        """Return the perturbation of the raw outputs, (n_outputs, n_columns), by one of the parameters.

        The workspace is as the forward pass left it. Nothing may be dropped, and initial states are fixed.
        """
        t_packed, t_inputs = self.pack(t_parameters), None
        for depth in range(len(self._levels)):
            t_outputs = workspace.d_outputs[depth] if depth < len(workspace.d_outputs) else None
            for place, room, rows in self._parts(depth, workspace):
                of_layer = None if t_outputs is None else t_outputs[:, rows]
                matrices = packed[place], t_packed[place]
                self.layers[place].tangent(*matrices, room, batch.segments, t_inputs, of_layer)
            t_inputs = t_outputs
        columns = slice(self.reading.n_columns(batch))
        t_states = workspace.d_states[:, columns]
        of_top = workspace.d_outputs[-1] if workspace.d_outputs else workspace.d_states
        self.reading.collect_tangent(self._tops(workspace), batch, of_top, t_states)
        t_raw = readout.weights @ t_states
        t_raw += t_parameters.readout.matrix @ workspace.readout_operand[:, columns]
        return t_raw


def _hand_up(below: list[LayerWorkspace], above: list[LayerWorkspace], mask: np.ndarray | None, steps: slice) -> None:
    """Write the outputs of the directions of a layer, dropped by `mask`, into the inputs of the next one's."""
    start = 0
    for room in below:
        rows = slice(start, start + room.hidden_states.shape[1])
        for target in above:
            inputs = target.inputs[steps, rows]
            if mask is None:
                inputs[...] = room.hidden_states[steps]
            else:
                np.multiply(room.hidden_states[steps], mask[rows], out=inputs)
        start = rows.stop
