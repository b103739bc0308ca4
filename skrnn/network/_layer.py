"""A layer: a cell unrolled over time, and its derivative in both directions. Every matrix product of a layer is here.

The layout is gates first: the batch is the last axis. A timestep's operand is the stacked [h; x; 1], so that one
product with the packed matrix [recurrent | input | bias] gives all pre-activations, and the gradient of all three
kinds of parameter is one sum of products over the timesteps.
"""

from collections.abc import Iterator
from typing import final

import numpy as np

from skrnn.cells import Cell
from skrnn.network._layer_workspace import BackwardRoom, LayerWorkspace, close_up
from skrnn.network._parameters import LayerParameters
from skrnn.sequences._batches import Segments


@final
class Layer:
    """A cell unrolled over time.

    Parameters
    ----------
    cell : Cell
        The recurrent unit.
    n_inputs, hidden_size : int
        Features of a timestep's input, and units.
    from_end : bool, default=False
        Whether time runs backwards: each sequence from its own last timestep to its first.
    """

    def __init__(self, cell: Cell, n_inputs: int, hidden_size: int, from_end: bool = False) -> None:
        self.cell = cell
        self.from_end = from_end
        self.n_inputs = n_inputs
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
        """Write the gradient on the packed matrix into `d_parameters`: the transpose of `pack`.

        Both may have the same axes in front, for several gradients.
        """
        scales = self._scales[d_packed.dtype]
        if not self.cell.splits_last_gate:
            np.multiply(d_packed, scales, out=d_parameters.matrix)
            return
        hidden_size, n_step_rows = self.hidden_size, self.n_step_rows
        d_matrix = d_parameters.matrix
        of_sigmoid_gates = d_packed[..., hidden_size:n_step_rows, :]
        np.multiply(of_sigmoid_gates, scales[:-hidden_size], out=d_matrix[..., :-hidden_size, :])
        d_matrix[..., -hidden_size:, :hidden_size] = d_packed[..., :hidden_size, :hidden_size]
        d_matrix[..., -hidden_size:, hidden_size:] = d_packed[..., n_step_rows:, hidden_size:]
        d_parameters.recurrent_bias[...] = d_packed[..., :hidden_size, -1]

    def forward(self, packed: np.ndarray, workspace: LayerWorkspace, segments: Segments) -> None:
        """Unroll the cell over `workspace.inputs`, and write the state after each timestep into the workspace."""
        step_matrix = packed[: self.n_step_rows]
        advance, mask = self.cell.advance, workspace.state_mask
        n_joined = 0
        for start, stop, n_running in reversed(segments) if self.from_end else segments:
            if self.cell.splits_last_gate:
                self._project_inputs(packed, workspace, start, stop, workspace.width(n_running))
            if self.from_end:  # the sequences that end here join those that have come from further on
                workspace.previous_h[stop - 1, :, n_joined:n_running] = 0.0
                workspace.previous_c[stop - 1, :, n_joined:n_running] = 0.0
                n_joined = n_running
            steps = workspace.steps(start, stop, n_running)
            for operand, seen_h, rows, record, h, c, new_h, new_c in reversed(steps) if self.from_end else steps:
                if mask is not None:
                    np.multiply(h, mask[:, : h.shape[-1]], out=seen_h)
                np.dot(step_matrix, operand, out=rows)
                advance(record, h, c, new_h, new_c)

    def _project_inputs(
        self, packed: np.ndarray, workspace: LayerWorkspace, start: int, stop: int, n_running: int
    ) -> None:
        """Write the input half of a split gate, for all timesteps at once, into its block of the records."""
        np.matmul(
            packed[self.n_step_rows :, self.hidden_size :],
            workspace.operands[start:stop, self.hidden_size :, :n_running],
            out=close_up(workspace.records, start, stop, n_running)[:, self.cell.n_gates],
        )

    def final_hidden_states(self, workspace: LayerWorkspace, segments: Segments, out: np.ndarray) -> None:
        """Write the hidden state with which the pass over each sequence ends into `out`, (hidden_size, n_sequences)."""
        if self.from_end:
            out[:] = workspace.hidden_states[0, :, : out.shape[1]]
            return
        for _, stop, n_running in segments:
            out[:, :n_running] = workspace.hidden_states[stop - 1, :, :n_running]

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
            each sequence's final hidden state: a column waits there until the roll-up reaches its end.
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
        for block, n_running in _blocks(segments, workspace.block_size, ascending=self.from_end):
            self._roll_up(recurrent, workspace, block, n_running, d_outputs)
            d_rows = workspace.backward_room(n_running).d_rows[: block.stop - block.start]
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
        columns, room = slice(n_running), self._linearise(workspace, block, n_running)
        steps = list(enumerate(room.steps[: block.stop - block.start], block.start))
        has_direct_path, mask, backward = self.cell.has_direct_path, workspace.state_mask, self.cell.backward
        room.begin()
        d_h, d_c = room.d_h, room.d_c
        d_h_gates = room.d_h_gates if has_direct_path else d_h
        for t, (coefficients, d_blocks, d_step_rows) in steps if self.from_end else reversed(steps):
            if d_outputs is not None:
                d_h += d_outputs[t, :, columns]
            backward(coefficients, d_h, d_c, d_blocks)
            np.dot(recurrent, d_step_rows, out=d_h_gates)
            if mask is not None:
                d_h_gates *= mask[:, columns]
            if has_direct_path:
                d_h += d_h_gates
        room.end()

    def _linearise(self, workspace: LayerWorkspace, block: slice, n_running: int) -> BackwardRoom:
        """Return the room for a block of timesteps, with their local derivatives in it."""
        room = workspace.backward_room(n_running)
        records, h, c, new_h, new_c = workspace.block_states(block, n_running)
        self.cell.linearise(records, h, c, new_h, new_c, room.coefficients[: block.stop - block.start])
        return room

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

    def tangent(
        self,
        packed: np.ndarray,
        t_packed: np.ndarray,
        workspace: LayerWorkspace,
        segments: Segments,
        t_inputs: np.ndarray | None,
        t_outputs: np.ndarray | None,
    ) -> None:
        """Unroll the perturbation of the hidden states by one of the parameters, on top of a forward pass.

        Nothing may be dropped, and initial states are fixed. The perturbation of each sequence's final hidden state is
        left in `workspace.d_h`, (hidden_size, n_sequences).

        Parameters
        ----------
        packed, t_packed : ndarray of shape (n_blocks * hidden_size, n_operand)
            The matrix that the forward pass used, and its perturbation.
        workspace : LayerWorkspace
            As the forward pass left it.
        segments : list of (start, stop, n_running)
            As in the forward pass.
        t_inputs : ndarray of shape (n_timesteps, n_inputs, n_sequences) or None
            Perturbation of the inputs, where there is one.
        t_outputs : ndarray of shape (n_timesteps, hidden_size, n_sequences) or None
            Where given, the perturbation of the hidden state after each timestep is written here.
        """
        workspace.d_h.fill(0.0)
        workspace.d_c.fill(0.0)
        recurrent = np.ascontiguousarray(packed[: self.n_step_rows, : self.hidden_size])
        input_weights = packed[:, self.hidden_size : -1]
        for block, n_running in _blocks(segments, workspace.block_size, ascending=not self.from_end):
            columns, room = slice(n_running), self._linearise(workspace, block, n_running)
            t_rows = room.d_rows[: block.stop - block.start]
            np.matmul(t_packed, workspace.operands[block, :, columns], out=t_rows)
            if t_inputs is not None:
                t_rows += np.matmul(input_weights, t_inputs[block, :, columns])
            self._unroll_tangent(recurrent, room, block, None if t_outputs is None else t_outputs[..., columns])

    def _unroll_tangent(
        self, recurrent: np.ndarray, room: BackwardRoom, block: slice, t_outputs: np.ndarray | None
    ) -> None:
        """Take the perturbation of the state in `room` through a block of timesteps."""
        steps = list(enumerate(room.steps[: block.stop - block.start], block.start))
        room.begin()
        for t, (coefficients, t_blocks, t_step_rows) in reversed(steps) if self.from_end else steps:
            np.dot(recurrent, room.d_h, out=room.t_gates)
            t_step_rows += room.t_gates
            self.cell.tangent(coefficients, t_blocks, room.d_h, room.d_c)
            if t_outputs is not None:
                t_outputs[t] = room.d_h
        room.end()

    def backward_each(
        self,
        packed: np.ndarray,
        workspace: LayerWorkspace,
        segments: Segments,
        d_outputs: np.ndarray,
        d_inputs: np.ndarray | None,
    ) -> np.ndarray:
        """Roll several gradients up at once, and return those on the packed matrix of each sequence apart.

        Nothing may be dropped.

        Parameters
        ----------
        packed, workspace, segments
            As in `backward`, except that `workspace.d_h` is not read: all gradients come in `d_outputs`.
        d_outputs : ndarray of shape (n_timesteps, n_gradients, hidden_size, n_sequences)
            Gradients on the hidden state after each timestep.
        d_inputs : ndarray of shape (n_timesteps, n_gradients, n_inputs, n_sequences) or None
            Where given, the gradients on the inputs are written here.

        Returns
        -------
        d_packed : ndarray of shape (n_gradients, n_sequences, n_blocks * hidden_size, n_operand)
        """
        n_timesteps, n_gradients, hidden_size, n_sequences = d_outputs.shape
        d_h = np.zeros(d_outputs.shape[1:], d_outputs.dtype)
        d_c = np.zeros((n_gradients, *workspace.d_c.shape), d_h.dtype)
        d_rows = np.zeros((n_timesteps, n_gradients, self.packed_shape[0], n_sequences), d_h.dtype)
        d_blocks = d_rows.reshape(n_timesteps, n_gradients, -1, hidden_size, n_sequences).swapaxes(1, 2)
        recurrent = np.ascontiguousarray(packed[: self.n_step_rows, :hidden_size].T)
        for block, n_running in _blocks(segments, workspace.block_size, ascending=self.from_end):
            columns, room = slice(n_running), self._linearise(workspace, block, n_running)
            steps = list(enumerate(room.coefficients[: block.stop - block.start, :, np.newaxis], block.start))
            d_state, d_cell_state = d_h[..., columns], d_c[..., columns]
            for t, coefficients in steps if self.from_end else reversed(steps):
                d_state += d_outputs[t, ..., columns]
                self.cell.backward(coefficients, d_state, d_cell_state, d_blocks[t, ..., columns])
                through_gates = np.matmul(recurrent, d_rows[t, :, : self.n_step_rows, columns])
                if self.cell.has_direct_path:
                    d_state += through_gates
                else:
                    d_state[...] = through_gates
        if d_inputs is not None:
            input_weights = packed[self.input_rows, hidden_size:-1]
            np.matmul(input_weights.T, d_rows[:, :, self.input_rows], out=d_inputs)
        return self._products_of_sequences(workspace, segments, d_rows)

    def _products_of_sequences(self, workspace: LayerWorkspace, segments: Segments, d_rows: np.ndarray) -> np.ndarray:
        """Return the sum of products over the timesteps of each sequence, (n_gradients, n_sequences, *packed_shape)."""
        _, n_gradients, _, n_sequences = d_rows.shape
        d_packed = np.zeros((n_gradients, n_sequences, *self.packed_shape), d_rows.dtype)
        for start, stop, n_running in segments:
            of_sequences = d_rows[start:stop, ..., :n_running].transpose(1, 3, 2, 0)
            operands = workspace.operands[start:stop, :, :n_running].transpose(2, 0, 1)
            # Copies, for `np.matmul` has no fast way through arrays whose last axis is not contiguous.
            d_packed[:, :n_running] += np.matmul(of_sequences.copy(), operands.copy())
        return d_packed


def _blocks(segments: Segments, block_size: int, *, ascending: bool) -> Iterator[tuple[slice, int]]:
    """Yield blocks of timesteps and how many sequences run in them, in ascending or descending order of time."""
    if ascending:
        for start, stop, n_running in segments:
            for first in range(start, stop, block_size):
                yield slice(first, min(stop, first + block_size)), n_running
    else:
        for start, stop, n_running in reversed(segments):
            for last in range(stop, start, -block_size):
                yield slice(max(start, last - block_size), last), n_running
