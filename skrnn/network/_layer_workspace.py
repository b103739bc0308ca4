"""The arrays of a layer: where a batch unrolls and rolls back up, written anew by each batch."""

from math import prod
from typing import Protocol, final

import numpy as np

from skrnn.cells import Cell
from skrnn.sequences._batches import Segments

#: A step forward goes through all columns where no more pre-activations than these are computed in vain: calls on
#: parts of arrays cost more.
_VAIN_NUMBERS = 4096

#: Bytes of local derivatives that are computed at once: they should stay in the L2 cache until they are used.
_BLOCK_BYTES = 256 * 1024


class LayerShape(Protocol):
    """What a workspace sees of a layer."""

    cell: Cell
    hidden_size: int
    n_operand: int
    packed_shape: tuple[int, int]
    from_end: bool


@final
class LayerWorkspace:
    """The arrays of one layer for batches of one shape, written anew by each batch.

    A state needs one place more than there are timesteps: forward in time, timestep t finds the previous state in
    place t and leaves its own in place t + 1; from the end, it finds it in place t + 1 and leaves its own in place t.
    The attributes are views by timestep, so that nothing else knows of places.

    Parameters
    ----------
    layer : LayerShape
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
        layer: LayerShape,
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

    def _allocate_backward(self, layer: LayerShape, dtype: np.dtype) -> None:
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
        self.t_gates = np.empty((1, cell.n_gates * hidden_size, n_sequences), dtype)
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
            join_rows(records[:, : self.n_gates]),
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

    The tangent pass, forward in time, finds the same room for perturbations in the place of gradients.

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
    t_gates : ndarray of shape (n_gates * hidden_size, n_running)
        What the perturbation of the state adds to that of the pre-activations.
    """

    def __init__(self, workspace: LayerWorkspace, n_running: int) -> None:
        block_size = workspace.block_size
        self.coefficients = close_up(workspace.coefficients, 0, block_size, n_running)
        d_blocks = close_up(workspace.d_blocks, 0, block_size, n_running)
        self.d_rows = join_rows(d_blocks)
        n_step_rows = workspace.n_gates * d_blocks.shape[2]
        self.steps = list(zip(self.coefficients, d_blocks, self.d_rows[:, :n_step_rows], strict=True))
        (self.t_gates,) = close_up(workspace.t_gates, 0, 1, n_running)
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


def join_rows(blocks: np.ndarray) -> np.ndarray:
    """View (n_steps, n_blocks, hidden_size, n_running) as (n_steps, n_blocks * hidden_size, n_running)."""
    return blocks.reshape(len(blocks), -1, blocks.shape[-1])
