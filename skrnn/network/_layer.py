"""A layer: a cell unrolled over time, and BPTT through it. Every matrix product of a layer is here.

The layout is gates first: the batch is the last axis. A timestep's operand is the stacked [h; x; 1], so that one
product with the packed matrix [recurrent | input | bias] gives all pre-activations, and the gradient of all three
kinds of parameter is one sum of products over the timesteps.
"""

from collections.abc import Iterator
from math import prod
from typing import final

import numpy as np

from skrnn.cells import Cell
from skrnn.network._parameters import LayerParameters
from skrnn.sequences._batches import Segments

#: A step forward goes through all columns where no more pre-activations than these are computed in vain: calls on
#: parts of arrays cost more.
_VAIN_NUMBERS = 4096

#: Bytes of local derivatives that are computed at once: they should stay in the L2 cache until they are used.
_BLOCK_BYTES = 256 * 1024


@final
class LayerWorkspace:
    """The arrays of one layer for batches of one shape, written anew by each batch.

    A state needs one place more than there are timesteps: forward in time, timestep t finds the previous state in
    place t and leaves its own in place t + 1; from the end, it finds it in place t + 1 and leaves its own in place t.
    The attributes are views by timestep, so that nothing else knows of places.

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
    drops_state : bool, default=False
        Whether the product is to see the hidden state through a mask.

    Attributes
    ----------
    operands : ndarray of shape (n_timesteps, hidden_size + n_inputs + 1, n_sequences)
        [h; x; 1] of each timestep, with the previous hidden state h.
    inputs : ndarray of shape (n_timesteps, n_inputs, n_sequences)
        The part x of the operands.
    previous_h, hidden_states : ndarray of shape (n_timesteps, hidden_size, n_sequences)
        The hidden state before and after each timestep.
    previous_c, cell_states : ndarray of shape (n_timesteps, hidden_size or 0, n_sequences)
        The second part of the state, where the cell has one.
    initial_h, initial_c : ndarray of shape (hidden_size, n_sequences)
        The state from which a pass forward in time begins.
    records : ndarray of shape (n_timesteps, n_records, hidden_size, n_sequences)
        What the backward pass needs of each timestep.
    state_mask : ndarray of shape (hidden_size, n_sequences) or None
        What the product sees the hidden state multiplied by, where it drops some of it.
    """

    def __init__(
        self,
        layer: "Layer",
        n_timesteps: int,
        n_sequences: int,
        dtype: np.dtype,
        backward: bool,
        drops_state: bool = False,
    ) -> None:
        cell, hidden_size = layer.cell, layer.hidden_size
        operands = np.zeros((n_timesteps + 1, layer.n_operand, n_sequences), dtype)
        operands[:, -1] = 1.0
        # Without a mask a state is written straight into the operand of the timestep that follows.
        h = np.zeros((n_timesteps + 1, hidden_size, n_sequences), dtype) if drops_state else operands[:, :hidden_size]
        c = np.zeros((n_timesteps + 1, hidden_size if cell.has_cell_state else 0, n_sequences), dtype)
        self.state_mask = np.ones((hidden_size, n_sequences), dtype) if drops_state else None
        before, after = slice(None, -1), slice(1, None)
        if layer.from_end:
            before, after = after, before
        self.operands = operands[before]
        self.inputs = self.operands[:, hidden_size:-1]
        self.previous_h, self.hidden_states = h[before], h[after]
        self.previous_c, self.cell_states = c[before], c[after]
        self.initial_h, self.initial_c = h[0], c[0]
        self.records = np.empty((n_timesteps, cell.n_records, hidden_size, n_sequences), dtype)
        self.n_gates = cell.n_gates
        self._steps: list[tuple[np.ndarray, ...]] = []
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
        self._block_states: dict[tuple[int, int, int], tuple[np.ndarray, ...]] = {}
        self._backward_rooms: dict[int, BackwardRoom] = {}
        self.d_h = np.empty((hidden_size, n_sequences), dtype)
        self.d_h_gates = np.empty((hidden_size, n_sequences), dtype)
        self.d_c = np.empty((self.cell_states.shape[1], n_sequences), dtype)
        self.d_running = np.empty((3, hidden_size, n_sequences), dtype)
        self.products = np.zeros((block_size, *layer.packed_shape), dtype)
        self.d_packed = np.empty(layer.packed_shape, dtype)

    def width(self, n_running: int) -> int:
        """Return how many columns a step forward goes through: those of sequences that have ended are not read."""
        n_sequences = self.operands.shape[-1]
        n_vain = (n_sequences - n_running) * self.n_gates * self.hidden_states.shape[1]
        return n_sequences if n_vain <= _VAIN_NUMBERS else n_running

    def steps(self, start: int, stop: int, n_running: int) -> list[tuple[np.ndarray, ...]]:
        """Return the views that the forward pass reads and writes at each timestep, of `width(n_running)` columns."""
        n_running = self.width(n_running)
        if n_running < self.operands.shape[-1]:
            return self._step_views(start, stop, n_running)
        n_known = len(self._steps)
        if n_known < stop:  # views on all columns are made once
            self._steps += self._step_views(n_known, stop, n_running)
        return self._steps[start:stop]

    def _step_views(self, start: int, stop: int, n_running: int) -> list[tuple[np.ndarray, ...]]:
        hidden_size = self.hidden_states.shape[1]
        records = close_up(self.records, start, stop, n_running)
        states = (self.previous_h, self.previous_c, self.hidden_states, self.cell_states)
        arrays = (
            self.operands[start:stop, :, :n_running],
            self.operands[start:stop, :hidden_size, :n_running],
            _join_rows(records[:, : self.n_gates]),
            records,
            *(array[start:stop, :, :n_running] for array in states),
        )
        return list(zip(*arrays, strict=True))

    def block_states(self, block: slice, n_running: int) -> tuple[np.ndarray, ...]:
        """Return what `Cell.linearise` reads of a block of timesteps: records, states before, states after."""
        key = (block.start, block.stop, n_running)
        if key not in self._block_states:
            states = (self.previous_h, self.previous_c, self.hidden_states, self.cell_states)
            of_block = (
                close_up(self.records, block.start, block.stop, self.width(n_running))[..., :n_running],
                *(array[block, :, :n_running] for array in states),
            )
            if n_running < self.operands.shape[-1]:
                return of_block
            self._block_states[key] = of_block
        return self._block_states[key]

    def backward_room(self, n_running: int) -> "BackwardRoom":
        """Return the room for a block in which that many sequences run; views on it are made once."""
        if n_running not in self._backward_rooms:
            self._backward_rooms[n_running] = BackwardRoom(self, n_running)
        return self._backward_rooms[n_running]

    def carry_state(self, segments: Segments) -> None:
        """Make the state that each sequence of a pass forward in time has ended with the initial one of the next."""
        for _, stop, n_running in segments:
            self.initial_h[:, :n_running] = self.hidden_states[stop - 1, :, :n_running]
            self.initial_c[:, :n_running] = self.cell_states[stop - 1, :, :n_running]

    def forget_state(self) -> None:
        """Let the next pass forward in time begin with a state of zeros."""
        self.initial_h.fill(0.0)
        self.initial_c.fill(0.0)


@final
class BackwardRoom:
    """Room for the backward pass through a block of timesteps, for those sequences that run.

    Attributes
    ----------
    coefficients : ndarray of shape (block_size, n_coefficients, hidden_size, n_running)
        Local derivatives.
    d_rows : ndarray of shape (block_size, n_blocks * hidden_size, n_running)
        Gradient on all pre-activations.
    steps : list of (coefficients, d_blocks, d_step_rows)
        What the backward pass reads and writes at each timestep.
    d_h, d_c, d_h_gates : ndarray of shape (hidden_size, n_running)
        Gradient on the state, and that part of it which comes through the gates.
    """

    def __init__(self, workspace: LayerWorkspace, n_running: int) -> None:
        block_size = workspace.block_size
        self.coefficients = close_up(workspace.coefficients, 0, block_size, n_running)
        d_blocks = close_up(workspace.d_blocks, 0, block_size, n_running)
        self.d_rows = _join_rows(d_blocks)
        n_step_rows = workspace.n_gates * d_blocks.shape[2]
        self.steps = list(zip(self.coefficients, d_blocks, self.d_rows[:, :n_step_rows], strict=True))
        self._all_d_h, self._all_d_c = workspace.d_h[:, :n_running], workspace.d_c[:, :n_running]
        self._is_whole = n_running == workspace.d_h.shape[-1]
        if self._is_whole:
            self.d_h, self.d_c, self.d_h_gates = workspace.d_h, workspace.d_c, workspace.d_h_gates
        else:
            self.d_h, d_c, self.d_h_gates = close_up(workspace.d_running, 0, 3, n_running)
            self.d_c = d_c[: len(workspace.d_c)]

    def begin(self) -> None:
        """Take the gradient on the states of those that run from among that on all."""
        if not self._is_whole:
            self.d_h[...] = self._all_d_h
            self.d_c[...] = self._all_d_c

    def end(self) -> None:
        """Put it back."""
        if not self._is_whole:
            self._all_d_h[...] = self.d_h
            self._all_d_c[...] = self.d_c


def close_up(array: np.ndarray, start: int, stop: int, n_running: int) -> np.ndarray:
    """View `array[start:stop]`, (n_steps, ..., n_sequences), with the columns of the running ones side by side.

    Fewer sequences take less of the memory of each timestep, without gaps: elementwise functions are fastest then, and
    so is `np.dot`, which costs half as much to call as `np.matmul` but writes into whole arrays only.
    """
    if n_running == array.shape[-1]:
        return array[start:stop]
    shape = (*array.shape[1:-1], n_running)
    return array.reshape(len(array), -1)[start:stop, : prod(shape)].reshape(stop - start, *shape)


def _join_rows(blocks: np.ndarray) -> np.ndarray:
    """View (n_steps, n_blocks, hidden_size, n_running) as (n_steps, n_blocks * hidden_size, n_running)."""
    return blocks.reshape(len(blocks), -1, blocks.shape[-1])


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
        for block, n_running in self._roll_up_order(segments, workspace.block_size):
            self._roll_up(recurrent, workspace, block, n_running, d_outputs)
            d_rows = workspace.backward_room(n_running).d_rows[: block.stop - block.start]
            self._accumulate(workspace, block, d_rows)
            if d_inputs is not None:
                input_weights = packed[self.input_rows, self.hidden_size : -1]
                np.matmul(input_weights.T, d_rows[:, self.input_rows], out=d_inputs[block, :, :n_running])
        return workspace.d_packed

    def _roll_up_order(self, segments: Segments, block_size: int) -> Iterator[tuple[slice, int]]:
        """Yield blocks of timesteps and how many sequences run in them, in the order that BPTT takes them."""
        if self.from_end:
            for start, stop, n_running in segments:
                for first in range(start, stop, block_size):
                    yield slice(first, min(stop, first + block_size)), n_running
        else:
            for start, stop, n_running in reversed(segments):
                for last in range(stop, start, -block_size):
                    yield slice(max(start, last - block_size), last), n_running

    def _roll_up(
        self,
        recurrent: np.ndarray,
        workspace: LayerWorkspace,
        block: slice,
        n_running: int,
        d_outputs: np.ndarray | None,
    ) -> None:
        """Write the gradient on the pre-activations of a block of timesteps into `workspace.d_blocks`."""
        columns, room = slice(n_running), workspace.backward_room(n_running)
        n_steps = block.stop - block.start
        records, h, c, new_h, new_c = workspace.block_states(block, n_running)
        self.cell.linearise(records, h, c, new_h, new_c, room.coefficients[:n_steps])
        steps = list(enumerate(room.steps[:n_steps], block.start))
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
