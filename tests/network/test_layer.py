"""Tests of a layer: packing, unrolling, and BPTT with respect to parameters and inputs, on ragged batches."""

import numpy as np
import pytest

from skrnn.cells import CELLS
from skrnn.network import _layer
from skrnn.network._layer import Layer, LayerWorkspace
from skrnn.network._parameters import LayerParameters
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import CELL_ACTIVATIONS

HIDDEN_SIZE, N_INPUTS = 3, 2
#: Lengths of the sequences, the longest first, and the runs of timesteps at which as many of them run.
BATCHES = {
    "equal": ([4, 4, 4], [(0, 4, 3)]),
    "ragged": ([7, 7, 4, 1], [(0, 1, 4), (1, 4, 3), (4, 7, 2)]),
    "one timestep": ([1, 1], [(0, 1, 2)]),
    "one sequence": ([5], [(0, 5, 1)]),
}


@pytest.fixture(params=CELL_ACTIVATIONS, ids="-".join)
def cell(request):
    name, activation = request.param
    return CELLS[name](activation)


@pytest.fixture(params=BATCHES.values(), ids=BATCHES)
def batch(request):
    return request.param


class Unrolled:
    """A layer of random parameters on a random batch, and what the scalar of the gradient checks weighs."""

    def __init__(self, cell, lengths, segments):
        rng = np.random.default_rng(5)
        self.layer = Layer(cell, N_INPUTS, HIDDEN_SIZE)
        self.segments = segments
        self.shape = (lengths[0], len(lengths))
        self.runs = np.array(lengths) > np.arange(lengths[0])[:, None]
        n_matrix = cell.n_gates * HIDDEN_SIZE * (HIDDEN_SIZE + N_INPUTS + 1)
        self.n_parameters = n_matrix + HIDDEN_SIZE * cell.splits_last_gate
        self.theta = rng.normal(scale=0.6, size=self.n_parameters)
        self.inputs = rng.normal(size=(lengths[0], N_INPUTS, len(lengths)))
        self.on_outputs = rng.normal(size=(lengths[0], HIDDEN_SIZE, len(lengths)))
        self.on_final = rng.normal(size=(HIDDEN_SIZE, len(lengths)))

    def parameters(self, theta):
        shape = (self.layer.cell.n_gates * HIDDEN_SIZE, self.layer.n_operand)
        split = shape[0] * shape[1]
        return LayerParameters(theta[:split].reshape(shape), theta[split:], HIDDEN_SIZE)

    def forward(self, theta, inputs):
        """Return the packed matrix and the workspace after a forward pass; what has ended is NaN."""
        workspace = LayerWorkspace(self.layer, *self.shape, np.dtype(np.float64), backward=True)
        workspace.inputs[:] = np.where(self.runs[:, None], inputs, np.nan)
        packed = self.layer.pack(self.parameters(theta))
        self.layer.forward(packed, workspace, self.segments)
        return packed, workspace

    def scalar(self, theta, inputs):
        """Return a weighted sum of all hidden states, and of the last ones once more."""
        _, workspace = self.forward(theta, inputs)
        final = np.empty_like(self.on_final)
        workspace.final_hidden_states(self.segments, final)
        outputs = np.where(self.runs[:, None], workspace.hidden_states[1:], 0.0)
        return float((self.on_outputs * outputs).sum() + (self.on_final * final).sum())

    def backward(self):
        """Return the gradients of the scalar on theta and on the inputs."""
        packed, workspace = self.forward(self.theta, self.inputs)
        workspace.d_h[:] = self.on_final
        d_outputs = np.where(self.runs[:, None], self.on_outputs, np.nan)
        d_inputs, gradient = np.zeros_like(self.inputs), np.full(self.n_parameters, np.nan)
        d_packed = self.layer.backward(packed, workspace, self.segments, d_outputs, d_inputs)
        self.layer.unpack(d_packed, self.parameters(gradient))
        return gradient, d_inputs


def test_gradient_on_parameters(cell, batch):
    run = Unrolled(cell, *batch)
    gradient, _ = run.backward()
    full_gradient_check(lambda theta: run.scalar(theta, run.inputs), gradient, run.theta)


def test_gradient_on_inputs(cell, batch):
    run = Unrolled(cell, *batch)
    _, d_inputs = run.backward()
    full_gradient_check(lambda inputs: run.scalar(run.theta, inputs), d_inputs, run.inputs)


def test_gradient_without_errors_at_each_timestep(cell):
    run = Unrolled(cell, *BATCHES["ragged"])
    run.on_outputs[:] = 0.0
    expected, _ = run.backward()
    packed, workspace = run.forward(run.theta, run.inputs)
    workspace.d_h[:] = run.on_final
    gradient = np.full(run.n_parameters, np.nan)
    run.layer.unpack(run.layer.backward(packed, workspace, run.segments, None, None), run.parameters(gradient))
    np.testing.assert_array_equal(gradient, expected)


def test_final_hidden_states_are_those_after_the_last_timestep(cell, batch):
    lengths, segments = batch
    run = Unrolled(cell, lengths, segments)
    _, workspace = run.forward(run.theta, run.inputs)
    final = np.full_like(run.on_final, np.nan)
    workspace.final_hidden_states(segments, final)
    for column, length in enumerate(lengths):
        np.testing.assert_array_equal(final[:, column], workspace.hidden_states[length, :, column])


@pytest.mark.parametrize("n_timesteps_a_block", [1, 2, 3])
def test_blocks_of_timesteps_of_any_size_give_the_same(cell, n_timesteps_a_block, monkeypatch):
    lengths, segments = [20, 20, 11, 4], [(0, 4, 4), (4, 11, 3), (11, 20, 2)]
    whole = Unrolled(cell, lengths, segments)
    expected, expected_d_inputs = whole.backward()
    _, workspace = whole.forward(whole.theta, whole.inputs)
    assert workspace.block_size == 20
    n_bytes = workspace.coefficients[0].nbytes + workspace.d_blocks[0].nbytes + workspace.products[0].nbytes
    monkeypatch.setattr(_layer, "_BLOCK_BYTES", n_timesteps_a_block * n_bytes)
    pieces = Unrolled(cell, lengths, segments)
    _, workspace = pieces.forward(pieces.theta, pieces.inputs)
    assert workspace.block_size == n_timesteps_a_block
    gradient, d_inputs = pieces.backward()
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(d_inputs, expected_d_inputs, rtol=1e-11, atol=1e-13)


def test_gradient_over_several_blocks(cell, monkeypatch):
    monkeypatch.setattr(_layer, "_BLOCK_BYTES", 1)
    run = Unrolled(cell, *BATCHES["ragged"])
    gradient, _ = run.backward()
    rng = np.random.default_rng(0)
    directional_gradient_check(lambda theta: run.scalar(theta, run.inputs), gradient, run.theta, rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unpack_is_the_transpose_of_pack(cell, dtype):
    run = Unrolled(cell, *BATCHES["equal"])
    rng = np.random.default_rng(1)
    theta, d_theta = run.theta.astype(dtype), np.full(run.n_parameters, np.nan, dtype)
    packed = run.layer.pack(run.parameters(theta))
    d_packed = rng.normal(size=packed.shape).astype(dtype)
    run.layer.unpack(d_packed, run.parameters(d_theta))
    assert packed.shape == run.layer.packed_shape
    assert packed.dtype == dtype
    through_pack = np.vdot(packed.astype(float), d_packed.astype(float))
    through_unpack = np.vdot(theta.astype(float), d_theta.astype(float))
    assert through_unpack == pytest.approx(through_pack, rel=1e3 * float(np.finfo(dtype).eps))


def test_pack_does_not_write_theta(cell):
    run = Unrolled(cell, *BATCHES["equal"])
    run.theta.flags.writeable = False
    packed = run.layer.pack(run.parameters(run.theta))
    assert not np.shares_memory(packed, run.theta)


def test_workspace_without_backward_has_no_room_for_it(cell):
    layer = Layer(cell, N_INPUTS, HIDDEN_SIZE)
    workspace = LayerWorkspace(layer, 4, 3, np.dtype(np.float32), backward=False)
    assert not hasattr(workspace, "d_blocks")
    assert workspace.operands.dtype == workspace.records.dtype == workspace.cell_states.dtype == np.float32
    assert np.shares_memory(workspace.hidden_states, workspace.operands)
    assert np.shares_memory(workspace.inputs, workspace.operands)
