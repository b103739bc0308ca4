"""A network: stacked layers and a linear readout after the last timestep."""

from collections.abc import Iterator
from typing import final

import numpy as np

from skrnn.cells import Cell
from skrnn.network._layer import Layer, LayerWorkspace
from skrnn.network._parameters import NetworkParameters, ParameterLayout, ReadoutParameters
from skrnn.sequences._batches import Batch, chunks
from skrnn.sequences._ragged import Sequences

#: Bytes of workspace of a pass over all the data: it goes in chunks, so that memory does not grow with the data.
_CHUNK_BYTES = 16 * 1024 * 1024
_MAX_CHUNK_SIZE = 1024


@final
class Workspace:
    """The arrays of a network for batches of a certain number of sequences, and of timesteps at most.

    Attributes
    ----------
    layers : list of LayerWorkspace
        The workspace of each layer, the lowest first.
    readout_operand : ndarray of shape (hidden_size + 1, n_sequences)
        [h; 1] of the top layer after each sequence's last timestep.
    raw, d_raw : ndarray of shape (n_outputs, n_sequences)
        The outputs, and room for the gradient on them.
    """

    def __init__(self, network: "Network", n_timesteps: int, n_sequences: int, dtype: np.dtype, backward: bool) -> None:
        dtype = np.dtype(dtype)
        self.layers = [LayerWorkspace(layer, n_timesteps, n_sequences, dtype, backward) for layer in network.layers]
        layout = network.layout
        self.readout_operand = np.ones((layout.hidden_layer_sizes[-1] + 1, n_sequences), dtype)
        self.raw = np.empty((layout.n_outputs, n_sequences), dtype)
        if backward:
            self.d_raw = np.empty_like(self.raw)
            self.d_outputs = [
                np.empty((n_timesteps, hidden_size, n_sequences), dtype)
                for hidden_size in layout.hidden_layer_sizes[:-1]
            ]


@final
class Network:
    """Stacked layers of one cell, and a linear readout.

    It holds no data and no parameters: theta comes with every call, the arrays with the workspace.
    """

    def __init__(self, cell: Cell, n_features: int, hidden_layer_sizes: tuple[int, ...], n_outputs: int) -> None:
        self.layout = ParameterLayout(cell, n_features, hidden_layer_sizes, n_outputs)
        self.layers = [
            Layer(cell, n_inputs, hidden_size)
            for n_inputs, hidden_size in zip(self.layout.n_inputs, hidden_layer_sizes, strict=True)
        ]

    def pack(self, parameters: NetworkParameters) -> list[np.ndarray]:
        """Return the packed matrix of each layer."""
        return [layer.pack(of_layer) for layer, of_layer in zip(self.layers, parameters.layers, strict=True)]

    def forward(
        self,
        packed: list[np.ndarray],
        readout: ReadoutParameters,
        sequences: Sequences,
        batch: Batch,
        workspace: Workspace,
    ) -> np.ndarray:
        """Return the raw outputs, (n_outputs, n_sequences), which live in the workspace."""
        now, new = slice(0, batch.n_timesteps), slice(1, batch.n_timesteps + 1)
        sequences.gather(batch.indices, batch.n_timesteps, workspace.layers[0].inputs[now])
        below = None
        for layer, matrix, room in zip(self.layers, packed, workspace.layers, strict=True):
            if below is not None:
                room.inputs[now] = below.hidden_states[new]
            layer.forward(matrix, room, batch.segments)
            below = room
        workspace.layers[-1].final_hidden_states(batch.segments, workspace.readout_operand[:-1])
        np.matmul(readout.matrix, workspace.readout_operand, out=workspace.raw)
        return workspace.raw

    def backward(
        self,
        packed: list[np.ndarray],
        readout: ReadoutParameters,
        batch: Batch,
        workspace: Workspace,
        d_parameters: NetworkParameters,
    ) -> None:
        """Write the gradient on all parameters into `d_parameters`, given that on the outputs, `workspace.d_raw`."""
        np.matmul(workspace.d_raw, workspace.readout_operand.T, out=d_parameters.readout.matrix)
        np.matmul(readout.weights.T, workspace.d_raw, out=workspace.layers[-1].d_h)
        d_outputs = None
        for depth in range(len(self.layers) - 1, -1, -1):
            layer, room = self.layers[depth], workspace.layers[depth]
            d_inputs = workspace.d_outputs[depth - 1] if depth > 0 else None
            d_packed = layer.backward(packed[depth], room, batch.segments, d_outputs, d_inputs)
            layer.unpack(d_packed, d_parameters.layers[depth])
            if depth > 0:
                workspace.layers[depth - 1].d_h.fill(0.0)
            d_outputs = d_inputs

    def chunks(self, sequences: Sequences) -> list[Batch]:
        """Return batches that cover all sequences once, of a size that depends on nothing but the shapes."""
        numbers = sum(layer.n_operand + (layer.cell.n_records + 2) * layer.hidden_size for layer in self.layers)
        bytes_a_sequence = numbers * sequences.max_length * sequences.rows.itemsize
        return chunks(sequences, int(np.clip(_CHUNK_BYTES // bytes_a_sequence, 1, _MAX_CHUNK_SIZE)))

    def outputs(
        self, theta: np.ndarray, sequences: Sequences, plan: list[Batch] | None = None
    ) -> Iterator[tuple[Batch, np.ndarray]]:
        """Yield each chunk and its raw outputs, (n_outputs, len(chunk)), which the next chunk overwrites."""
        parameters = self.layout.views(theta)
        packed = self.pack(parameters)
        rooms: dict[int, Workspace] = {}
        for chunk in self.chunks(sequences) if plan is None else plan:
            size = len(chunk)
            if size not in rooms:
                rooms[size] = Workspace(self, sequences.max_length, size, theta.dtype, backward=False)
            yield chunk, self.forward(packed, parameters.readout, sequences, chunk, rooms[size])
