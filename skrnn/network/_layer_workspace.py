"""The arrays of a layer for the forward and backward pass of a batch, which are reused for each batch."""

from math import prod
from typing import Protocol, final

import numpy as np

from skrnn.cells._base import Cell
from skrnn.cells._compiled import fastest_form
from skrnn.network._products import SharedInputs, add_products, count_tiles, tile_rows
from skrnn.sequences._batches import Spans

#: Up to this number of pre-activations, a forward step also computes those of sequences that have ended, which takes
# less time than calls on parts of arrays.
_WASTED_NUMBERS = 4096

#: Number of passes for which the views of blocks are kept.
_MAX_PASSES_KEPT = 4

#: Bytes of the large arrays of a block of timesteps. Larger blocks are better, up to about six timesteps, as long as
# their arrays are still in the L2 cache, or at least in a small L3 cache, when they are used again.
_BLOCK_BYTES = 3 * 1024 * 1024


class LayerShape(Protocol):
    """The attributes of a layer that a workspace uses."""

    cell: Cell
    hidden_size: int
    n_operand: int
    packed_shape: tuple[int, int]
    from_end: bool


@final
class LayerWorkspace:
    """The arrays of one layer for batches of one shape, which are reused for each batch.

    States have one more entry than there are timesteps: forward in time, timestep t reads the previous state from entry
    t and writes its own to entry t + 1; backward in time, it reads entry t + 1 and writes entry t. The attributes are
    views by timestep, so no other code depends on this.
    """

    def __init__(
        self,
        layer: LayerShape,
        n_timesteps: int,
        n_sequences: int,
        dtype: np.dtype,
        backward: bool,  # whether to allocate the arrays of BPTT
        drops_state: bool = False,  # whether there is recurrent dropout
        concurrent: bool = False,  # whether other threads work at the same time, which must not be blocked
    ) -> None:
        cell, hidden_size = layer.cell, layer.hidden_size
        self.cell = fastest_form(cell, dtype)
        operands = np.zeros((n_timesteps + 1, layer.n_operand, n_sequences), dtype)
        operands[:, -1] = 1.0
        # Without a mask a state is written directly into the operand of the next timestep.
        h = np.zeros((n_timesteps + 1, hidden_size, n_sequences), dtype) if drops_state else operands[:, :hidden_size]
        c = np.zeros((n_timesteps + 1, hidden_size if cell.has_cell_state else 0, n_sequences), dtype)
        # By which the hidden state is multiplied before the product.
        self.state_mask = np.ones((hidden_size, n_sequences), dtype) if drops_state else None
        before, after = slice(None, -1), slice(1, None)
        if layer.from_end:
            before, after = after, before
        self.operands = operands[before]  # [h; x; 1] of each timestep, with the previous hidden state h
        self.inputs = self.operands[:, hidden_size:-1]  # x
        self.previous_h, self.hidden_states = h[before], h[after]  # before and after each timestep
        self.previous_c, self.cell_states = c[before], c[after]  # the cell state, if the cell has one
        self.initial_h, self.initial_c = h[0], c[0]  # of a forward pass
        self.n_gates = cell.n_gates
        self.backward, self.concurrent = backward, concurrent
        self.shared: SharedInputs | None = None  # inputs of overlapping windows; `inputs` is then not filled
        self.block_size = count_block_timesteps(layer, n_timesteps, n_sequences, dtype)
        # Pre-activations of a block of timesteps, and other values for its local derivatives.
        self.records = np.empty((self.block_size, cell.n_records, hidden_size, n_sequences), dtype)
        self._blocks: dict[tuple[int, int], Block] = {}
        if backward:
            self._allocate_backward(layer, dtype)

    def _allocate_backward(self, layer: LayerShape, dtype: np.dtype) -> None:
        cell, hidden_size, block_size = layer.cell, layer.hidden_size, self.block_size
        n_timesteps, n_operand, n_sequences = self.operands.shape
        # Local derivatives, for all passes except the forward pass.
        self.coefficients = np.empty((n_timesteps, cell.n_coefficients, hidden_size, n_sequences), dtype)
        self.d_preactivations = np.empty((block_size, cell.n_preactivations, hidden_size, n_sequences), dtype)
        self._backward_workspaces: dict[int, BackwardWorkspace] = {}
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
        """Fill `inputs` even if they are shared, for passes that need those of each sequence."""
        if self.shared is not None:
            self.shared.write(self.inputs)

    def width(self, n_running: int) -> int:
        """Return the number of columns that a forward step computes; those of ended sequences are not used."""
        n_sequences = self.operands.shape[-1]
        n_wasted = (n_sequences - n_running) * self.n_gates * self.hidden_states.shape[1]
        return n_sequences if n_wasted <= _WASTED_NUMBERS else n_running

    def block(self, steps: slice, n_running: int) -> "Block":
        """Return the views of a block of timesteps; views of all columns are kept, unless there are too many."""
        if n_running < self.operands.shape[-1]:
            return Block(self, steps, n_running)
        key = (steps.start, steps.stop)
        if key not in self._blocks:
            if len(self._blocks) > _MAX_PASSES_KEPT * len(self.operands) // self.block_size:
                self._blocks.clear()  # ragged batches have different blocks
            self._blocks[key] = Block(self, steps, n_running)
        return self._blocks[key]

    def backward_workspace(self, n_running: int) -> "BackwardWorkspace":
        """Return the workspace for the gradient on the states of the running sequences, which is made once."""
        if n_running not in self._backward_workspaces:
            self._backward_workspaces[n_running] = BackwardWorkspace(self, n_running)
        return self._backward_workspaces[n_running]

    def add_products(self, left: np.ndarray, right: np.ndarray, out: np.ndarray) -> None:
        """Add sum_t left[t] @ right[t].T to `out`, for a block of timesteps."""
        products = self.products[..., : out.shape[1]]
        add_products(left, right, out, products, self.operand_rows, in_blas=not self.concurrent)

    def carry_state(self, spans: Spans) -> None:
        """Copy the final states of a forward pass to the initial states of the next pass."""
        for _, stop, n_running in spans:
            self.initial_h[:, :n_running] = self.hidden_states[stop - 1, :, :n_running]
            self.initial_c[:, :n_running] = self.cell_states[stop - 1, :, :n_running]

    def forget_state(self) -> None:
        """Set the initial states of the next forward pass to zero."""
        self.initial_h.fill(0.0)
        self.initial_c.fill(0.0)


@final
class Block:
    """The views of a block of timesteps for the passes, restricted to the running sequences.

    The forward pass computes `width(n_running)` columns, the others `n_running`: `records` and `inputs` have the
    former, `operands` the latter. `steps` are the arrays that the forward pass reads and writes at each timestep,
    (operand, seen_h, rows, record, h, c, new_h, new_c), in which `rows` are the rows of `record` that the product is
    written to, in `n_tiles` tiles; `derivatives` are those of the other passes, (coefficients, d_preactivations,
    d_step_rows).
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
        self.inputs = operands[:, hidden_size:]  # [x; 1]
        if not workspace.backward:
            return
        self.operands = operands[..., :n_running]
        coefficients = close_up(workspace.coefficients, steps.start, steps.stop, n_running)
        of_running = (array[steps, :, :n_running] for array in states)
        # Arguments of `Cell.linearise`, which writes the last one.
        self.linearised = (self.records[..., :n_running], *of_running, coefficients)
        d_preactivations = close_up(workspace.d_preactivations, 0, n_steps, n_running)
        self.d_rows = join_rows(d_preactivations)  # gradient on all pre-activations, or their tangent
        self.derivatives = list(zip(coefficients, d_preactivations, self.d_rows[:, :n_step_rows], strict=True))


@final
class BackwardWorkspace:
    """The gradient on the states of the running sequences, or in the tangent pass their tangent.

    `d_h`, `d_c` and `d_h_gates`, (hidden_size, n_running), are the gradient on the state, and its part through the
    gates, which is the whole gradient on the hidden state unless the cell has a direct path. `t_gates`, (n_gates *
    hidden_size, n_running), is the contribution of the tangent of the state to that of the pre-activations. `d_h_tiles`
    and `t_tiles` are the last two in tiles of rows for their products.
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
        """Copy the columns of the running sequences from the workspace."""
        if not self._is_whole:
            self.d_h[...] = self._all_d_h
            self.d_c[...] = self._all_d_c

    def end(self) -> None:
        """Copy them back."""
        if not self._is_whole:
            self._all_d_h[...] = self.d_h
            self._all_d_c[...] = self.d_c


def count_block_timesteps(layer: LayerShape, n_timesteps: int, n_sequences: int, dtype: np.dtype) -> int:
    """Return the number of timesteps of a block."""
    cell = layer.cell
    n_numbers = (cell.n_records + cell.n_coefficients + cell.n_preactivations) * layer.hidden_size * n_sequences
    n_numbers += 2 * layer.n_operand * n_sequences + prod(layer.packed_shape)  # factors and product, in `add_products`
    return max(1, min(n_timesteps, _BLOCK_BYTES // (n_numbers * dtype.itemsize)))


def close_up(array: np.ndarray, start: int, stop: int, n_running: int) -> np.ndarray:
    """View the memory of `array[start:stop]`, (n_steps, ..., n_sequences), as if it had `n_running` columns.

    The view is contiguous for each timestep, for which elementwise functions are fastest, and which is required by
    `np.dot` for its output; its call takes half the time of `np.matmul`.
    """
    if n_running == array.shape[-1]:
        return array[start:stop]
    shape = (*array.shape[1:-1], n_running)
    return array.reshape(len(array), -1)[start:stop, : prod(shape)].reshape(stop - start, *shape)


def join_rows(preactivations: np.ndarray) -> np.ndarray:
    """View (n_steps, n, hidden_size, n_running) as (n_steps, n * hidden_size, n_running)."""
    return preactivations.reshape(len(preactivations), -1, preactivations.shape[-1])
