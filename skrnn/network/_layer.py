"""A layer: a cell unrolled over time, its BPTT and its tangent, including all matrix products.

The layout is gates first: the batch is the last axis. The operand of a timestep is the stacked [h; x; 1], so that one
product with the packed matrix [recurrent | input | bias] gives all pre-activations, and the gradient of all three
kinds of parameter is one sum of products over the timesteps.
"""

from collections.abc import Iterable, Iterator
from typing import Any, final

import numpy as np

from skrnn.cells._base import Cell
from skrnn.network._layer_workspace import Block, LayerWorkspace
from skrnn.network._parameters import LayerParameters
from skrnn.network._products import tiled_product
from skrnn.sequences._batches import Spans

#: Every so many timesteps of the backward pass, smaller gradients than these are flushed to zero, before they become
# subnormal numbers, whose arithmetic is many times slower.
_STEPS_PER_FLUSH = 32
_LEAST_GRADIENT = {np.dtype(dtype): 2**24 * np.finfo(dtype).tiny for dtype in (np.float32, np.float64)}


@final
class Layer:
    """A cell unrolled over time; with `from_end`, sequences are read backwards, each from its own last timestep."""

    def __init__(self, cell: Cell, n_inputs: int, hidden_size: int, from_end: bool = False) -> None:
        self.cell = cell
        self.from_end = from_end
        self.n_inputs = n_inputs
        self.hidden_size = hidden_size
        self.n_operand = hidden_size + n_inputs + 1
        self.n_step_rows = cell.n_gates * hidden_size
        self.packed_shape = (cell.n_preactivations * hidden_size, self.n_operand)
        # Rows of the packed matrix that multiply the inputs: all but the recurrent half of a split gate.
        self.input_rows = slice(hidden_size if cell.splits_last_gate else 0, None)
        scales = [0.5 if gate in cell.sigmoid_gates else 1.0 for gate in cell.gates]
        self._scales = _columns(scales, hidden_size)
        packed_scales = [1.0, *scales[:-1], 1.0] if cell.splits_last_gate else scales
        self._packed_scales = _columns(packed_scales, hidden_size)

    def pack(self, parameters: LayerParameters) -> np.ndarray:
        """Return the matrix of the product at each timestep, (n_preactivations * hidden_size, n_operand).

        The rows of sigmoid gates are halved, once per batch instead of at each timestep. For a split last gate, the
        rows of its recurrent half come first, those of its input half last.
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
        """Write the gradient on the packed matrix, without halving, into `d_parameters`.

        Both may have the same leading axes, for several gradients.
        """
        if not self.cell.splits_last_gate:
            d_parameters.matrix[...] = d_packed
            return
        hidden_size, n_step_rows = self.hidden_size, self.n_step_rows
        d_matrix = d_parameters.matrix
        d_matrix[..., :-hidden_size, :] = d_packed[..., hidden_size:n_step_rows, :]
        d_matrix[..., -hidden_size:, :hidden_size] = d_packed[..., :hidden_size, :hidden_size]
        d_matrix[..., -hidden_size:, hidden_size:] = d_packed[..., n_step_rows:, hidden_size:]
        d_parameters.recurrent_bias[...] = d_packed[..., :hidden_size, -1]

    def whole(self, packed: np.ndarray) -> np.ndarray:
        """Return the packed matrix without halving of the rows of sigmoid gates, for derivatives."""
        return packed / self._packed_scales[packed.dtype] if self.cell.sigmoid_gates else packed

    def forward(self, packed: np.ndarray, workspace: LayerWorkspace, spans: Spans) -> None:
        """Unroll the cell over `workspace.inputs`, and write the state after each timestep into the workspace."""
        n_joined, mask, shared, advance = 0, workspace.state_mask, workspace.shared, workspace.cell.advance
        step_matrix = packed[: self.n_step_rows]
        if shared is not None:
            projections = shared.project(packed[:, self.hidden_size :])
            step_matrix = np.ascontiguousarray(step_matrix[:, : self.hidden_size])
        for steps, n_running in _blocks(spans, workspace.block_size, ascending=not self.from_end):
            block = workspace.block(steps, n_running)
            if self.cell.splits_last_gate and shared is None:
                self._project_inputs(packed, block)
            if self.from_end and n_running > n_joined:  # the backward pass over sequences that end here begins
                workspace.previous_h[steps.stop - 1, :, n_joined:n_running] = 0.0
                workspace.previous_c[steps.stop - 1, :, n_joined:n_running] = 0.0
                n_joined = n_running
            multiply = tiled_product(step_matrix, block.n_tiles)
            in_order = enumerate(block.steps, steps.start)
            for t, (operand, seen_h, rows, record, h, c, new_h, new_c) in _ordered(in_order, not self.from_end):
                if mask is not None:
                    np.multiply(h, mask[:, : h.shape[-1]], out=seen_h)
                if shared is None:
                    multiply(operand, rows)
                else:
                    multiply(seen_h, rows)
                    self._add_projections(shared.at(projections, t, h.shape[-1]), record)
                advance(record, h, c, new_h, new_c)
            if workspace.backward:
                workspace.cell.linearise(*block.linearised)

    def _project_inputs(self, packed: np.ndarray, block: Block) -> None:
        """Write the input half of a split gate into the records, for a whole block of timesteps."""
        input_half = packed[self.n_step_rows :, self.hidden_size :]
        np.matmul(input_half, block.inputs, out=block.records[:, self.cell.n_gates])

    def _add_projections(self, projections: np.ndarray, record: np.ndarray) -> None:
        """Add products with inputs, (n_preactivations * hidden_size, width), to those with the state in `record`."""
        n_gates, of_inputs = self.cell.n_gates, projections.reshape(self.cell.n_preactivations, *record.shape[1:])
        record[:n_gates] += of_inputs[:n_gates]
        record[n_gates : len(of_inputs)] = of_inputs[n_gates:]

    def final_hidden_states(self, workspace: LayerWorkspace, spans: Spans, out: np.ndarray) -> None:
        """Write the final hidden state of each sequence into `out`, (hidden_size, n_sequences)."""
        if self.from_end:
            out[:] = workspace.hidden_states[0, :, : out.shape[1]]
            return
        for _, stop, n_running in spans:
            out[:, :n_running] = workspace.hidden_states[stop - 1, :, :n_running]

    def backward(
        self,
        packed: np.ndarray,
        workspace: LayerWorkspace,
        spans: Spans,
        d_outputs: np.ndarray | None,
        d_inputs: np.ndarray | None,
    ) -> np.ndarray:
        """Propagate the error back through all timesteps and return the gradient on the packed matrix.

        `packed`, `workspace` and `spans` are those of the forward pass. On entry `workspace.d_h`, (hidden_size,
        n_sequences), is the gradient on the final hidden states; a column is not used before the pass reaches the end
        of its sequence. `d_outputs`, (n_timesteps, hidden_size, n_sequences), is the gradient on the
        hidden state after each timestep. The gradient on the inputs is written into `d_inputs`, (n_timesteps, n_inputs,
        n_sequences).
        """
        workspace.d_c.fill(0.0)
        workspace.d_packed.fill(0.0)
        packed, shared = self.whole(packed), workspace.shared
        recurrent = np.ascontiguousarray(packed[: self.n_step_rows, : self.hidden_size].T)
        if shared is not None:
            d_recurrent = np.zeros_like(recurrent.T, order="C")
            d_projections = shared.zeros(self.packed_shape[0])
        for steps, n_running in _blocks(spans, workspace.block_size, ascending=self.from_end):
            block = workspace.block(steps, n_running)
            self._roll_up(recurrent, workspace, block, steps, n_running, d_outputs)
            if shared is None:
                self._accumulate(workspace, block)
            else:
                d_step_rows, h = block.d_rows[:, : self.n_step_rows], block.operands[:, : self.hidden_size]
                workspace.add_products(d_step_rows, h, d_recurrent)
                shared.sum_rows(block.d_rows, steps.start, d_projections)
            if d_inputs is not None:
                input_weights = packed[self.input_rows, self.hidden_size : -1]
                np.matmul(input_weights.T, block.d_rows[:, self.input_rows], out=d_inputs[steps, :, :n_running])
        if shared is not None:
            workspace.d_packed[: self.n_step_rows, : self.hidden_size] = d_recurrent
            workspace.d_packed[:, self.hidden_size :] = shared.d_matrix(d_projections)
        return workspace.d_packed

    def _roll_up(
        self,
        recurrent: np.ndarray,
        workspace: LayerWorkspace,
        block: Block,
        steps: slice,
        n_running: int,
        d_outputs: np.ndarray | None,
    ) -> None:
        """Write the gradient on the pre-activations of a block of timesteps into `block.d_rows`."""
        running = workspace.backward_workspace(n_running)
        has_direct_path, mask, backward = self.cell.has_direct_path, workspace.state_mask, workspace.cell.backward
        running.begin()
        d_h, d_c, d_h_gates, d_h_tiles = running.d_h, running.d_c, running.d_h_gates, running.d_h_tiles
        multiply = tiled_product(recurrent, running.n_tiles)
        in_order = enumerate(block.derivatives, steps.start)
        for t, (coefficients, d_preactivations, d_step_rows) in _ordered(in_order, self.from_end):
            if d_outputs is not None:
                d_h += d_outputs[t, :, :n_running]
            backward(coefficients, d_h, d_c, d_preactivations)
            if t == 0 and not self.from_end:
                break  # the gradient on the initial state is not needed
            multiply(d_step_rows, d_h_tiles)
            if mask is not None:
                d_h_gates *= mask[:, :n_running]
            if has_direct_path:
                d_h += d_h_gates
            if t % _STEPS_PER_FLUSH == 0:
                _flush_vanished(d_h, d_c)
        running.end()

    def _accumulate(self, workspace: LayerWorkspace, block: Block) -> None:
        """Add the gradient on the packed matrix of a block of timesteps to `workspace.d_packed`."""
        n_step_rows, d_packed = self.n_step_rows, workspace.d_packed
        workspace.add_products(block.d_rows[:, :n_step_rows], block.operands, d_packed[:n_step_rows])
        if self.cell.splits_last_gate:
            inputs = block.operands[:, self.hidden_size :]
            products = np.matmul(block.d_rows[:, n_step_rows:], inputs.swapaxes(1, 2))
            d_packed[n_step_rows:, self.hidden_size :] += np.add.reduce(products, axis=0)

    def tangent(
        self,
        packed: np.ndarray,
        t_packed: np.ndarray,
        workspace: LayerWorkspace,
        spans: Spans,
        t_inputs: np.ndarray | None,
        t_outputs: np.ndarray | None,
    ) -> None:
        """Compute the tangent of the hidden states for a tangent of the parameters, after a forward pass.

        `packed`, `workspace` and `spans` are those of the forward pass; `t_packed` is the tangent of the matrix,
        `t_inputs`, (n_timesteps, n_inputs, n_sequences), that of the inputs. There is no dropout, and initial states
        are constant. The tangent of the hidden state after each timestep is written into `t_outputs`, (n_timesteps,
        hidden_size, n_sequences), and that of the final states into `workspace.d_h`.
        """
        workspace.d_h.fill(0.0)
        workspace.d_c.fill(0.0)
        workspace.require_inputs()
        packed, t_packed = self.whole(packed), self.whole(t_packed)
        recurrent = np.ascontiguousarray(packed[: self.n_step_rows, : self.hidden_size])
        input_weights = packed[:, self.hidden_size : -1]
        for steps, n_running in _blocks(spans, workspace.block_size, ascending=not self.from_end):
            columns, block = slice(n_running), workspace.block(steps, n_running)
            t_rows = block.d_rows
            np.matmul(t_packed, block.operands, out=t_rows)
            if t_inputs is not None:
                t_rows += np.matmul(input_weights, t_inputs[steps, :, columns])
            of_running = None if t_outputs is None else t_outputs[steps, :, columns]
            self._unroll_tangent(recurrent, workspace, n_running, block, of_running)

    def _unroll_tangent(
        self,
        recurrent: np.ndarray,
        workspace: LayerWorkspace,
        n_running: int,
        block: Block,
        t_outputs: np.ndarray | None,
    ) -> None:
        """Propagate the tangent of the state through a block of timesteps."""
        running, tangent = workspace.backward_workspace(n_running), workspace.cell.tangent
        running.begin()
        multiply = tiled_product(recurrent, running.n_tangent_tiles)
        in_order = enumerate(block.derivatives)
        for t, (coefficients, t_preactivations, t_step_rows) in _ordered(in_order, not self.from_end):
            multiply(running.d_h, running.t_tiles)
            t_step_rows += running.t_gates
            tangent(coefficients, t_preactivations, running.d_h, running.d_c)
            if t_outputs is not None:
                t_outputs[t] = running.d_h
        running.end()

    def backward_each(
        self,
        packed: np.ndarray,
        workspace: LayerWorkspace,
        spans: Spans,
        d_outputs: np.ndarray,
        d_inputs: np.ndarray | None,
    ) -> np.ndarray:
        """Propagate several gradients back at once, and return those on the packed matrix for each sequence.

        Like `backward`, but the gradients are passed in `d_outputs`, (n_timesteps, n_gradients, hidden_size,
        n_sequences), and those on the inputs are written into `d_inputs`, (n_timesteps, n_gradients, n_inputs,
        n_sequences). There is no dropout. The result is (n_gradients, n_sequences, n_preactivations * hidden_size,
        n_operand).
        """
        n_timesteps, n_gradients, hidden_size, n_sequences = d_outputs.shape
        d_h = np.zeros(d_outputs.shape[1:], d_outputs.dtype)
        d_c = np.zeros((n_gradients, *workspace.d_c.shape), d_h.dtype)
        d_rows = np.zeros((n_timesteps, n_gradients, self.packed_shape[0], n_sequences), d_h.dtype)
        d_preactivations = d_rows.reshape(n_timesteps, n_gradients, -1, hidden_size, n_sequences).swapaxes(1, 2)
        workspace.require_inputs()
        packed = self.whole(packed)
        recurrent = np.ascontiguousarray(packed[: self.n_step_rows, :hidden_size].T)
        for steps, n_running in _blocks(spans, workspace.block_size, ascending=self.from_end):
            columns, block = slice(n_running), workspace.block(steps, n_running)
            in_order = enumerate([coefficients[:, np.newaxis] for coefficients, *_ in block.derivatives], steps.start)
            d_state, d_cell_state = d_h[..., columns], d_c[..., columns]
            for t, coefficients in _ordered(in_order, self.from_end):
                d_state += d_outputs[t, ..., columns]
                self.cell.backward(coefficients, d_state, d_cell_state, d_preactivations[t, ..., columns])
                through_gates = np.matmul(recurrent, d_rows[t, :, : self.n_step_rows, columns])
                if self.cell.has_direct_path:
                    d_state += through_gates
                else:
                    d_state[...] = through_gates
                if t % _STEPS_PER_FLUSH == 0:
                    _flush_vanished(d_state, d_cell_state)
        if d_inputs is not None:
            input_weights = packed[self.input_rows, hidden_size:-1]
            np.matmul(input_weights.T, d_rows[:, :, self.input_rows], out=d_inputs)
        return self._products_of_sequences(workspace, spans, d_rows)

    def _products_of_sequences(self, workspace: LayerWorkspace, spans: Spans, d_rows: np.ndarray) -> np.ndarray:
        """Return the sum of products over the timesteps of each sequence, (n_gradients, n_sequences, *packed_shape)."""
        _, n_gradients, _, n_sequences = d_rows.shape
        d_packed = np.zeros((n_gradients, n_sequences, *self.packed_shape), d_rows.dtype)
        for start, stop, n_running in spans:
            of_sequences = d_rows[start:stop, ..., :n_running].transpose(1, 3, 2, 0)
            operands = workspace.operands[start:stop, :, :n_running].transpose(2, 0, 1)
            # Copies, because `np.matmul` is slow on arrays whose last axis is not contiguous.
            d_packed[:, :n_running] += np.matmul(of_sequences.copy(), operands.copy())
        return d_packed


def _columns(scales: list[float], hidden_size: int) -> dict[np.dtype, np.ndarray]:
    """Return each number repeated for hidden_size rows, (len(scales) * hidden_size, 1), in both dtypes."""
    column = np.repeat(scales, hidden_size)[:, None]
    return {np.dtype(dtype): column.astype(dtype) for dtype in (np.float32, np.float64)}


def _flush_vanished(*gradients: np.ndarray) -> None:
    """Flush gradients that have vanished to zero, in place; NaN and infinity stay."""
    for gradient in gradients:
        gradient *= np.abs(gradient) > _LEAST_GRADIENT[gradient.dtype]


def _ordered(steps: Iterable[Any], ascending: bool) -> Iterable[Any]:
    """Return the steps in ascending or descending order."""
    return steps if ascending else reversed(list(steps))


def _blocks(spans: Spans, block_size: int, *, ascending: bool) -> Iterator[tuple[slice, int]]:
    """Yield blocks of timesteps and their number of running sequences, in ascending or descending order of time."""
    if ascending:
        for start, stop, n_running in spans:
            for first in range(start, stop, block_size):
                yield slice(first, min(stop, first + block_size)), n_running
    else:
        for start, stop, n_running in reversed(spans):
            for last in range(stop, start, -block_size):
                yield slice(max(start, last - block_size), last), n_running
