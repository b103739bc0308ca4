"""A layer: a cell unrolled over time, and BPTT through it. Every matrix product of a layer is here.

The layout is gates first: the batch is the last axis. A timestep's operand is the stacked [h; x; 1], so that one
product with the packed matrix [recurrent | input | bias] gives all pre-activations, and the gradient of all three
kinds of parameter is one sum of products over the timesteps.
"""

from collections.abc import Callable
from typing import Any, final

import numpy as np

from skrnn.cells import Cell
from skrnn.network._parameters import LayerParameters

Segments = list[tuple[int, int, int]]

#: Bytes of local derivatives that are computed at once: they should stay in the L2 cache until they are used.
_BLOCK_BYTES = 256 * 1024


@final
class LayerWorkspace:
    """The arrays of one layer for batches of one shape, written anew by each batch.

    Parameters
    ----------
    layer : Layer
        The layer that works here.
    n_timesteps, n_sequences : int
        Shape of the batches.
    dtype : dtype
        float32 or float64.
    backward : bool
        Whether the arrays of BPTT are needed too.

    Attributes
    ----------
    operands : ndarray of shape (n_timesteps + 1, hidden_size + n_inputs + 1, n_sequences)
        [h; x; 1] of each timestep.
    cell_states : ndarray of shape (n_timesteps + 1, hidden_size or 0, n_sequences)
        The second part of the state, where the cell has one.
    records : ndarray of shape (n_timesteps, n_records, hidden_size, n_sequences)
        What the backward pass needs of each timestep.
    """

    def __init__(self, layer: "Layer", n_timesteps: int, n_sequences: int, dtype: np.dtype, backward: bool) -> None:
        cell, hidden_size = layer.cell, layer.hidden_size
        c_size = hidden_size if cell.has_cell_state else 0
        self.operands = np.zeros((n_timesteps + 1, layer.n_operand, n_sequences), dtype)
        self.operands[:, -1] = 1.0
        self.hidden_states = self.operands[:, :hidden_size]
        self.inputs = self.operands[:-1, hidden_size:-1]
        self.cell_states = np.zeros((n_timesteps + 1, c_size, n_sequences), dtype)
        self.records = np.empty((n_timesteps, cell.n_records, hidden_size, n_sequences), dtype)
        step_rows = self.records[:, : cell.n_gates]
        self.step_rows = step_rows.reshape(n_timesteps, layer.n_step_rows, n_sequences)
        self._steps = self._step_views(0, n_timesteps, n_sequences)
        if backward:
            self._allocate_backward(layer, dtype)

    def _allocate_backward(self, layer: "Layer", dtype: np.dtype) -> None:
        cell, hidden_size = layer.cell, layer.hidden_size
        n_timesteps, _, _, n_sequences = self.records.shape
        n_step_numbers = (cell.n_coefficients + cell.n_blocks) * hidden_size * n_sequences
        n_step_numbers += layer.packed_shape[0] * layer.packed_shape[1]
        block_size = int(np.clip(_BLOCK_BYTES // (n_step_numbers * dtype.itemsize), 1, n_timesteps))
        self.block_size = block_size
        self.coefficients = np.empty((block_size, cell.n_coefficients, hidden_size, n_sequences), dtype)
        self.d_blocks = np.empty((block_size, cell.n_blocks, hidden_size, n_sequences), dtype)
        self.d_rows = self.d_blocks.reshape(block_size, cell.n_blocks * hidden_size, n_sequences)
        self.d_step_rows = self.d_rows[:, : layer.n_step_rows]
        self._block_arrays: dict[tuple[int, int, int], tuple[np.ndarray, ...]] = {}
        self._backward_steps = self._backward_views(block_size, n_sequences)
        self.d_h = np.empty((hidden_size, n_sequences), dtype)
        self.d_h_gates = np.empty((hidden_size, n_sequences), dtype)
        self.d_c = np.empty((self.cell_states.shape[1], n_sequences), dtype)
        self.products = np.zeros((block_size, *layer.packed_shape), dtype)
        self.d_packed = np.empty(layer.packed_shape, dtype)

    def product(self, n_running: int) -> Callable[..., Any]:
        """Return the product of a step: `dot` costs half as much to call, but writes into whole arrays only."""
        return np.dot if n_running == self.operands.shape[-1] else np.matmul

    def steps(self, start: int, stop: int, n_running: int) -> list[tuple[np.ndarray, ...]]:
        """Return the views that the forward pass reads and writes at each timestep."""
        if n_running == self.operands.shape[-1]:
            return self._steps[start:stop]
        return self._step_views(start, stop, n_running)

    def _step_views(self, start: int, stop: int, n_running: int) -> list[tuple[np.ndarray, ...]]:
        now, new, columns = slice(start, stop), slice(start + 1, stop + 1), slice(n_running)
        arrays = (
            self.operands[now],
            self.step_rows[now],
            self.records[now],
            self.hidden_states[now],
            self.cell_states[now],
            self.hidden_states[new],
            self.cell_states[new],
        )
        return list(zip(*(array[..., columns] for array in arrays), strict=True))

    def block_arrays(self, block: slice, n_running: int) -> tuple[np.ndarray, ...]:
        """Return what `Cell.linearise` takes for a block of timesteps: records, old and new states, coefficients."""
        key = (block.start, block.stop, n_running)
        if key not in self._block_arrays:
            new, columns = slice(block.start + 1, block.stop + 1), slice(n_running)
            arrays = (
                self.records[block, ..., columns],
                self.hidden_states[block, :, columns],
                self.cell_states[block, :, columns],
                self.hidden_states[new, :, columns],
                self.cell_states[new, :, columns],
                self.coefficients[: block.stop - block.start, ..., columns],
            )
            if n_running < self.operands.shape[-1]:
                return arrays
            self._block_arrays[key] = arrays
        return self._block_arrays[key]

    def backward_steps(self, n_steps: int, n_running: int) -> list[tuple[np.ndarray, ...]]:
        """Return the views that the backward pass reads and writes at each timestep of a block."""
        if n_running == self.operands.shape[-1]:
            return self._backward_steps[:n_steps]
        return self._backward_views(n_steps, n_running)

    def _backward_views(self, n_steps: int, n_running: int) -> list[tuple[np.ndarray, ...]]:
        arrays = (self.coefficients, self.d_blocks, self.d_step_rows)
        return list(zip(*(array[:n_steps, ..., :n_running] for array in arrays), strict=True))

    def final_hidden_states(self, segments: Segments, out: np.ndarray) -> None:
        """Write each sequence's hidden state after its last timestep into `out`, (hidden_size, n_sequences)."""
        for _, stop, n_running in segments:
            out[:, :n_running] = self.hidden_states[stop, :, :n_running]


@final
class Layer:
    """A cell unrolled over time.

    Parameters
    ----------
    cell : Cell
        The recurrent unit.
    n_inputs, hidden_size : int
        Features of a timestep's input, and units.
    """

    def __init__(self, cell: Cell, n_inputs: int, hidden_size: int) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_operand = hidden_size + n_inputs + 1
        self.n_step_rows = cell.n_gates * hidden_size
        self.packed_shape = (cell.n_blocks * hidden_size, self.n_operand)
        # Rows of the packed matrix that meet the inputs: all but the recurrent half of a split gate.
        self.input_rows = slice(hidden_size if cell.splits_last_gate else 0, None)
        scales = [0.5 if gate in cell.sigmoid_gates else 1.0 for gate in cell.gates]
        column = np.repeat(scales, hidden_size)[:, None]
        self._scales = {np.dtype(dtype): column.astype(dtype) for dtype in (np.float32, np.float64)}

    def pack(self, parameters: LayerParameters) -> np.ndarray:
        """Return the matrix of the step's product, (n_blocks * hidden_size, n_operand).

        The rows of sigmoid gates are halved, once a batch instead of at each timestep. A split last gate becomes
        two blocks of rows: its recurrent half first, its input half last.
        """
        scaled = parameters.matrix * self._scales[parameters.matrix.dtype]
        if not self.cell.splits_last_gate:
            return scaled
        hidden_size, n_step_rows = self.hidden_size, self.n_step_rows
        packed = np.zeros(self.packed_shape, scaled.dtype)
        packed[:hidden_size, :hidden_size] = scaled[-hidden_size:, :hidden_size]
        packed[:hidden_size, -1] = parameters.recurrent_bias
        packed[hidden_size:n_step_rows] = scaled[:-hidden_size]
        packed[n_step_rows:, hidden_size:] = scaled[-hidden_size:, hidden_size:]
        return packed

    def unpack(self, d_packed: np.ndarray, d_parameters: LayerParameters) -> None:
        """Write the gradient on the packed matrix into `d_parameters`: the transpose of `pack`."""
        scales = self._scales[d_packed.dtype]
        if not self.cell.splits_last_gate:
            np.multiply(d_packed, scales, out=d_parameters.matrix)
            return
        hidden_size, n_step_rows = self.hidden_size, self.n_step_rows
        d_matrix = d_parameters.matrix
        np.multiply(d_packed[hidden_size:n_step_rows], scales[:-hidden_size], out=d_matrix[:-hidden_size])
        d_matrix[-hidden_size:, :hidden_size] = d_packed[:hidden_size, :hidden_size]
        d_matrix[-hidden_size:, hidden_size:] = d_packed[n_step_rows:, hidden_size:]
        d_parameters.recurrent_bias[:] = d_packed[:hidden_size, -1]

    def forward(self, packed: np.ndarray, workspace: LayerWorkspace, segments: Segments) -> None:
        """Unroll the cell over `workspace.inputs`, and write the state after each timestep into the workspace."""
        step_matrix = packed[: self.n_step_rows]
        advance = self.cell.advance
        for start, stop, n_running in segments:
            if self.cell.splits_last_gate:
                self._project_inputs(packed, workspace, start, stop, n_running)
            product = workspace.product(n_running)
            for operand, rows, record, h, c, new_h, new_c in workspace.steps(start, stop, n_running):
                product(step_matrix, operand, out=rows)
                advance(record, h, c, new_h, new_c)

    def _project_inputs(
        self, packed: np.ndarray, workspace: LayerWorkspace, start: int, stop: int, n_running: int
    ) -> None:
        """Write the input half of a split gate, for all timesteps at once, into its block of the records."""
        np.matmul(
            packed[self.n_step_rows :, self.hidden_size :],
            workspace.operands[start:stop, self.hidden_size :, :n_running],
            out=workspace.records[start:stop, self.cell.n_gates, :, :n_running],
        )

    def backward(
        self,
        packed: np.ndarray,
        workspace: LayerWorkspace,
        segments: Segments,
        d_outputs: np.ndarray | None,
        d_inputs: np.ndarray | None,
    ) -> np.ndarray:
        """Roll the error back up through all timesteps and return the gradient on the packed matrix.

        Parameters
        ----------
        packed : ndarray of shape (n_blocks * hidden_size, n_operand)
            The matrix that the forward pass used.
        workspace : LayerWorkspace
            As the forward pass left it. On entry `workspace.d_h`, (hidden_size, n_sequences), holds the gradient on
            each sequence's last hidden state: a column waits there until the roll-up reaches its end.
        segments : list of (start, stop, n_running)
            As in the forward pass.
        d_outputs : ndarray of shape (n_timesteps, hidden_size, n_sequences) or None
            Gradient on the hidden state after each timestep, added where the roll-up reaches it.
        d_inputs : ndarray of shape (n_timesteps, n_inputs, n_sequences) or None
            Where given, the gradient on the inputs is written here.
        """
        workspace.d_c.fill(0.0)
        workspace.d_packed.fill(0.0)
        recurrent = np.ascontiguousarray(packed[: self.n_step_rows, : self.hidden_size].T)
        for start, stop, n_running in reversed(segments):
            for block_stop in range(stop, start, -workspace.block_size):
                block = slice(max(start, block_stop - workspace.block_size), block_stop)
                self._roll_up(recurrent, workspace, block, n_running, d_outputs)
                n_steps = block.stop - block.start
                d_rows = workspace.d_rows[:n_steps, :, :n_running]
                self._accumulate(workspace, block, d_rows)
                if d_inputs is not None:
                    input_weights = packed[self.input_rows, self.hidden_size : -1]
                    np.matmul(input_weights.T, d_rows[:, self.input_rows], out=d_inputs[block, :, :n_running])
        return workspace.d_packed

    def _roll_up(
        self,
        recurrent: np.ndarray,
        workspace: LayerWorkspace,
        block: slice,
        n_running: int,
        d_outputs: np.ndarray | None,
    ) -> None:
        """Write the gradient on the pre-activations of a block of timesteps into `workspace.d_blocks`."""
        n_steps, columns = block.stop - block.start, slice(n_running)
        self.cell.linearise(*workspace.block_arrays(block, n_running))
        steps = workspace.backward_steps(n_steps, n_running)
        d_h, d_c = workspace.d_h[:, columns], workspace.d_c[:, columns]
        d_h_gates = workspace.d_h_gates[:, columns] if self.cell.has_direct_path else d_h
        product, backward = workspace.product(n_running), self.cell.backward
        has_direct_path = self.cell.has_direct_path
        for t, (coefficients, d_blocks, d_step_rows) in zip(
            range(block.stop - 1, block.start - 1, -1), reversed(steps), strict=True
        ):
            if d_outputs is not None:
                d_h += d_outputs[t, :, columns]
            backward(coefficients, d_h, d_c, d_blocks)
            product(recurrent, d_step_rows, out=d_h_gates)
            if has_direct_path:
                d_h += d_h_gates

    def _accumulate(self, workspace: LayerWorkspace, block: slice, d_rows: np.ndarray) -> None:
        """Add the gradient on the packed matrix of a block of timesteps to `workspace.d_packed`."""
        n_running = d_rows.shape[-1]
        n_step_rows = self.n_step_rows
        operands = workspace.operands[block, :, :n_running].swapaxes(1, 2)
        products = workspace.products[: len(d_rows)]
        np.matmul(d_rows[:, :n_step_rows], operands, out=products[:, :n_step_rows])
        if self.cell.splits_last_gate:
            np.matmul(
                d_rows[:, n_step_rows:],
                operands[:, :, self.hidden_size :],
                out=products[:, n_step_rows:, self.hidden_size :],
            )
        if len(products) == 1:
            workspace.d_packed += products[0]
        else:
            workspace.d_packed += np.add.reduce(products, axis=0)
