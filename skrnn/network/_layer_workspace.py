"""The arrays of a layer: where a batch unrolls and rolls back up, written anew by each batch."""

from math import prod
from typing import Protocol, final

import numpy as np

from skrnn.cells._base import Cell
from skrnn.network._products import add_products, count_tiles, tile_rows
from skrnn.network._shared_inputs import SharedInputs
from skrnn.sequences._batches import Segments

#: A step forward goes through all columns where no more pre-activations than these are computed in vain: calls on
#: parts of arrays cost more.
_VAIN_NUMBERS = 4096

#: As many blocks are kept as a few passes have.
_MAX_PASSES_KEPT = 4

#: Bytes of the large arrays of a block of timesteps: the fewer blocks the better, up to some six timesteps, as long as
#: what is left of a block is still near, in the L2 cache or at worst in a small L3 cache, when it is used.
_BLOCK_BYTES = 3 * 1024 * 1024


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
    concurrent : bool, default=False
        Whether other threads work at the same time, which nothing may keep waiting.

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
    block_size : int
        How many timesteps are gone through at once.
    records : ndarray of shape (block_size, n_records, hidden_size, n_sequences)
        Pre-activations of a block of timesteps, and what its local derivatives follow from.
    coefficients : ndarray of shape (n_timesteps, n_coefficients, hidden_size, n_sequences)
        Local derivatives, which all passes but the forward one read; only where there is such a pass.
    shared : SharedInputs or None
        The inputs, where they are those of overlapping windows: `inputs` then holds none.
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
        concurrent: bool = False,
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
        self.n_gates = cell.n_gates
        self.backward, self.concurrent = backward, concurrent
        self.shared: SharedInputs | None = None
        self.block_size = count_block_timesteps(layer, n_timesteps, n_sequences, dtype)
        self.records = np.empty((self.block_size, cell.n_records, hidden_size, n_sequences), dtype)
        self._blocks: dict[tuple[int, int], Block] = {}
        if backward:
            self._allocate_backward(layer, dtype)

    def _allocate_backward(self, layer: LayerShape, dtype: np.dtype) -> None:
        cell, hidden_size, block_size = layer.cell, layer.hidden_size, self.block_size
        n_timesteps, n_operand, n_sequences = self.operands.shape
        self.coefficients = np.empty((n_timesteps, cell.n_coefficients, hidden_size, n_sequences), dtype)
        self.d_blocks = np.empty((block_size, cell.n_blocks, hidden_size, n_sequences), dtype)
        self._backward_rooms: dict[int, BackwardRoom] = {}
        self.d_h = np.empty((hidden_size, n_sequences), dtype)
        self.d_h_gates = np.empty((hidden_size, n_sequences), dtype)
        self.d_c = np.empty((self.cell_states.shape[1], n_sequences), dtype)
        self.d_running = np.empty((3, hidden_size, n_sequences), dtype)
        self.t_gates = np.empty((1, cell.n_gates * hidden_size, n_sequences), dtype)
        self.has_direct_path = cell.has_direct_path
        self.products = np.empty((block_size, cell.n_gates * hidden_size, n_operand), dtype)
        self.operand_rows = np.empty((block_size, n_operand, n_sequences), dtype)
        self.d_packed = np.empty(layer.packed_shape, dtype)

    def require_inputs(self) -> None:
        """Let `inputs` hold those of each sequence, for passes that need them apart."""
        if self.shared is not None:
            self.shared.write(self.inputs)

    def width(self, n_running: int) -> int:
        """Return how many columns a step forward goes through: those of sequences that have ended are not read."""
        n_sequences = self.operands.shape[-1]
        n_vain = (n_sequences - n_running) * self.n_gates * self.hidden_states.shape[1]
        return n_sequences if n_vain <= _VAIN_NUMBERS else n_running

    def block(self, steps: slice, n_running: int) -> "Block":
        """Return the views on a block of timesteps; those on all columns are kept, if not too many."""
        if n_running < self.operands.shape[-1]:
            return Block(self, steps, n_running)
        key = (steps.start, steps.stop)
        if key not in self._blocks:
            if len(self._blocks) > _MAX_PASSES_KEPT * len(self.operands) // self.block_size:
                self._blocks.clear()  # ragged batches are cut at ever other timesteps
            self._blocks[key] = Block(self, steps, n_running)
        return self._blocks[key]

    def backward_room(self, n_running: int) -> "BackwardRoom":
        """Return the room for the states of those sequences that run; it is made once."""
        if n_running not in self._backward_rooms:
            self._backward_rooms[n_running] = BackwardRoom(self, n_running)
        return self._backward_rooms[n_running]

    def add_products(self, left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
        """Add sum_t left[t] @ right[t].T to `out`, for a block of timesteps."""
        room = self.products[..., : out.shape[1]]
        add_products(left, right, out, room, self.operand_rows, in_blas=not self.concurrent)

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
class Block:
    """The views through which the passes see a block of timesteps, for those sequences that run.

    The forward pass goes through `width(n_running)` columns, the others through `n_running`.

    Attributes
    ----------
    n_tiles : int
        Into how many tiles the rows of a step's product are cut.
    steps : list of (operand, seen_h, rows, record, h, c, new_h, new_c)
        What the forward pass reads and writes at each timestep; `rows` are those blocks of `record` that the step's
        product writes, in their tiles.
    records : ndarray of shape (n_steps, n_records, hidden_size, width)
        Those of the timesteps.
    inputs : ndarray of shape (n_steps, n_inputs + 1, width)
        The part [x; 1] of the operands.
    operands : ndarray of shape (n_steps, n_operand, n_running)
        Those of the timesteps.
    linearised : tuple of ndarray
        What `Cell.linearise` reads and writes; of its last, the local derivatives, the other passes read
    derivatives : list of (coefficients, d_blocks, d_step_rows)
        what they read and write at each timestep.
    d_rows : ndarray of shape (n_steps, n_blocks * hidden_size, n_running)
        Gradient on all pre-activations. The tangent pass, forward in time, finds the same room for perturbations in the
        place of gradients.
    """

    def __init__(self, workspace: LayerWorkspace, steps: slice, n_running: int) -> None:
        width, hidden_size = workspace.width(n_running), workspace.hidden_states.shape[1]
        n_steps, n_step_rows = steps.stop - steps.start, workspace.n_gates * hidden_size
        states = (workspace.previous_h, workspace.previous_c, workspace.hidden_states, workspace.cell_states)
        operands = workspace.operands[steps, :, :width]
        self.records = close_up(workspace.records, 0, n_steps, width)
        rows = join_rows(self.records[:, : workspace.n_gates])
        self.n_tiles = count_tiles(n_step_rows, operands.shape[1], width)
        arrays = (
            operands,
            operands[:, :hidden_size],
            tile_rows(rows, self.n_tiles),
            self.records,
            *(array[steps, :, :width] for array in states),
        )
        self.steps = list(zip(*arrays, strict=True))
        self.inputs = operands[:, hidden_size:]
        if not workspace.backward:
            return
        self.operands = operands[..., :n_running]
        coefficients = close_up(workspace.coefficients, steps.start, steps.stop, n_running)
        of_running = (array[steps, :, :n_running] for array in states)
        self.linearised = (self.records[..., :n_running], *of_running, coefficients)
        d_blocks = close_up(workspace.d_blocks, 0, n_steps, n_running)
        self.d_rows = join_rows(d_blocks)
        self.derivatives = list(zip(coefficients, d_blocks, self.d_rows[:, :n_step_rows], strict=True))


@final
class BackwardRoom:
    """Room for the gradient on the states of those sequences that run, or its counterpart in the tangent pass.

    Attributes
    ----------
    d_h, d_c, d_h_gates : ndarray of shape (hidden_size, n_running)
        Gradient on the state, and that part of it which comes through the gates: all of that on the hidden state,
        unless the cell has a direct path.
    t_gates : ndarray of shape (n_gates * hidden_size, n_running)
        What the perturbation of the state adds to that of the pre-activations.
    n_tiles, n_tangent_tiles : int
        Into how many tiles the rows of their product are cut.
    d_h_tiles, t_tiles : ndarray
        `d_h_gates` and `t_gates` in these tiles.
    """

    def __init__(self, workspace: LayerWorkspace, n_running: int) -> None:
        (self.t_gates,) = close_up(workspace.t_gates, 0, 1, n_running)
        self._all_d_h, self._all_d_c = workspace.d_h[:, :n_running], workspace.d_c[:, :n_running]
        self._is_whole = n_running == workspace.d_h.shape[-1]
        if self._is_whole:
            self.d_h, self.d_c, self.d_h_gates = workspace.d_h, workspace.d_c, workspace.d_h_gates
        else:
            self.d_h, d_c, self.d_h_gates = close_up(workspace.d_running, 0, 3, n_running)
            self.d_c = d_c[: len(workspace.d_c)]
        if not workspace.has_direct_path:
            self.d_h_gates = self.d_h
        hidden_size, n_step_rows = len(self.d_h), len(self.t_gates)
        self.n_tiles = count_tiles(hidden_size, n_step_rows, n_running)
        self.n_tangent_tiles = count_tiles(n_step_rows, hidden_size, n_running)
        self.d_h_tiles = tile_rows(self.d_h_gates, self.n_tiles)
        self.t_tiles = tile_rows(self.t_gates, self.n_tangent_tiles)

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


def count_block_timesteps(layer: LayerShape, n_timesteps: int, n_sequences: int, dtype: np.dtype) -> int:
    """Return how many timesteps are gone through at once."""
    cell = layer.cell
    n_numbers = (cell.n_records + cell.n_coefficients + cell.n_blocks) * layer.hidden_size * n_sequences
    n_numbers += 2 * layer.n_operand * n_sequences + prod(layer.packed_shape)  # factors and product, in `add_products`
    return max(1, min(n_timesteps, _BLOCK_BYTES // (n_numbers * dtype.itemsize)))


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
