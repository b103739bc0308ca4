"""Tests of a layer: packing, unrolling, and BPTT with respect to parameters and inputs, on ragged batches."""

import numpy as np
import pytest

from skrnn.cells import CELLS
from skrnn.network import _layer_workspace
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
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


#: Directions of time, and what the product sees of the hidden state.
KINDS = {
    "forward": {},
    "from the end": {"from_end": True},
    "masked": {"drops_state": True},
    "masked from the end": {"from_end": True, "drops_state": True},
    "carried state": {"carries_on": True},
    "masked, carried state": {"carries_on": True, "drops_state": True},
}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
EVERY_DIRECTION = pytest.mark.parametrize("from_end", [False, True], ids=["forward", "from the end"])


class Unrolled:
    """A layer of random parameters on a random batch, and what the scalar of the gradient checks weighs."""

    def __init__(self, cell, lengths, segments, *, from_end=False, drops_state=False, carries_on=False):
        rng = np.random.default_rng(5)
        self.layer = Layer(cell, N_INPUTS, HIDDEN_SIZE, from_end)
        self.lengths, self.segments = lengths, segments
        self.shape = (lengths[0], len(lengths))
        self.runs = np.array(lengths) > np.arange(lengths[0])[:, None]
        n_matrix = cell.n_gates * HIDDEN_SIZE * (HIDDEN_SIZE + N_INPUTS + 1)
        self.n_parameters = n_matrix + HIDDEN_SIZE * cell.splits_last_gate
        self.theta = rng.normal(scale=0.6, size=self.n_parameters)
        self.inputs = rng.normal(size=(lengths[0], N_INPUTS, len(lengths)))
        self.on_outputs = rng.normal(size=(lengths[0], HIDDEN_SIZE, len(lengths)))
        self.on_final = rng.normal(size=(HIDDEN_SIZE, len(lengths)))
        self.mask = rng.choice([0.0, 1.0, 2.0], (HIDDEN_SIZE, len(lengths))) if drops_state else None
        self.initial = rng.normal(scale=carries_on, size=(2, HIDDEN_SIZE, len(lengths)))

    def parameters(self, theta):
        shape = (self.layer.cell.n_gates * HIDDEN_SIZE, self.layer.n_operand)
        split = shape[0] * shape[1]
        return LayerParameters(theta[:split].reshape(shape), theta[split:], HIDDEN_SIZE)

    def workspace(self):
        """Return a workspace of the shape of the batch."""
        drops_state = self.mask is not None
        return LayerWorkspace(self.layer, *self.shape, np.dtype(np.float64), backward=True, drops_state=drops_state)

    def forward(self, theta, inputs, workspace=None):
        """Return the packed matrix and the workspace after a forward pass; inputs that have ended are NaN."""
        workspace = workspace or self.workspace()
        n_timesteps, n_sequences = self.shape
        workspace.inputs[:n_timesteps, :, :n_sequences] = np.where(self.runs[:, None], inputs, np.nan)
        if self.mask is not None:
            workspace.state_mask[:, :n_sequences] = self.mask
        if not self.layer.from_end:
            workspace.initial_h[:, :n_sequences] = self.initial[0]
            workspace.initial_c[:, :n_sequences] = self.initial[1, : len(workspace.initial_c)]
        packed = self.layer.pack(self.parameters(theta))
        self.layer.forward(packed, workspace, self.segments)
        return packed, workspace

    def states(self, workspace):
        """Return the hidden state after each timestep, zero where a sequence has ended, and the final ones."""
        n_timesteps, n_sequences = self.shape
        final = np.empty_like(self.on_final)
        self.layer.final_hidden_states(workspace, self.segments, final)
        states = workspace.hidden_states[:n_timesteps, :, :n_sequences]
        return np.where(self.runs[:, None], states, 0.0), final

    def scalar(self, theta, inputs):
        """Return a weighted sum of all hidden states, and of the last ones once more."""
        _, workspace = self.forward(theta, inputs)
        outputs, final = self.states(workspace)
        return float((self.on_outputs * outputs).sum() + (self.on_final * final).sum())

    def backward(self, workspace=None):
        """Return the gradients of the scalar on theta and on the inputs."""
        packed, workspace = self.forward(self.theta, self.inputs, workspace)
        workspace.d_h.fill(0.0)
        workspace.d_h[:, : self.shape[1]] = self.on_final
        d_outputs = np.where(self.runs[:, None], self.on_outputs, np.nan)
        d_inputs, gradient = np.zeros_like(self.inputs), np.full(self.n_parameters, np.nan)
        d_packed = self.layer.backward(packed, workspace, self.segments, d_outputs, d_inputs)
        self.layer.unpack(d_packed, self.parameters(gradient))
        return gradient, d_inputs

    def reversed(self):
        """Return the same with the other direction of time, and each sequence the other way round."""
        other = Unrolled(self.layer.cell, self.lengths, self.segments, from_end=not self.layer.from_end)
        other.inputs, other.on_outputs = self.reverse(self.inputs), self.reverse(self.on_outputs)
        return other

    def reverse(self, array):
        """Return an array by timestep whose sequences run the other way round; what has ended is zero."""
        turned = np.zeros_like(array)
        for column, length in enumerate(self.lengths):
            turned[:length, :, column] = array[:length, :, column][::-1]
        return turned


@EVERY_KIND
def test_gradient_on_parameters(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    gradient, _ = run.backward()
    full_gradient_check(lambda theta: run.scalar(theta, run.inputs), gradient, run.theta)


@EVERY_KIND
def test_gradient_on_inputs(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    _, d_inputs = run.backward()
    full_gradient_check(lambda inputs: run.scalar(run.theta, inputs), d_inputs, run.inputs)


@EVERY_KIND
def test_gradient_along_a_random_direction(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    gradient, d_inputs = run.backward()
    rng = np.random.default_rng(0)
    directional_gradient_check(lambda theta: run.scalar(theta, run.inputs), gradient, run.theta, rng)
    directional_gradient_check(lambda inputs: run.scalar(run.theta, inputs), d_inputs, run.inputs, rng)


@EVERY_KIND
def test_gradient_without_errors_at_each_timestep(cell, kind):
    run = Unrolled(cell, *BATCHES["ragged"], **kind)
    run.on_outputs[:] = 0.0
    expected, _ = run.backward()
    packed, workspace = run.forward(run.theta, run.inputs)
    workspace.d_h[:] = run.on_final
    gradient = np.full(run.n_parameters, np.nan)
    run.layer.unpack(run.layer.backward(packed, workspace, run.segments, None, None), run.parameters(gradient))
    np.testing.assert_array_equal(gradient, expected)


def test_final_hidden_states_are_those_after_the_last_timestep(cell, batch):
    run = Unrolled(cell, *batch)
    _, workspace = run.forward(run.theta, run.inputs)
    _, final = run.states(workspace)
    for column, length in enumerate(run.lengths):
        np.testing.assert_array_equal(final[:, column], workspace.hidden_states[length - 1, :, column])


def test_final_hidden_states_from_the_end_are_those_after_the_first_timestep(cell, batch):
    run = Unrolled(cell, *batch, from_end=True)
    _, workspace = run.forward(run.theta, run.inputs)
    _, final = run.states(workspace)
    np.testing.assert_array_equal(final, workspace.hidden_states[0])


@EVERY_DIRECTION
def test_other_direction_is_the_same_on_reversed_sequences(cell, batch, from_end):
    run = Unrolled(cell, *batch, from_end=from_end)
    other = run.reversed()
    (states, final), (other_states, other_final) = (
        one.states(one.forward(one.theta, one.inputs)[1]) for one in (run, other)
    )
    np.testing.assert_allclose(other_states, run.reverse(states), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(other_final, final, rtol=1e-13, atol=1e-15)
    (gradient, d_inputs), (other_gradient, other_d_inputs) = run.backward(), other.backward()
    np.testing.assert_allclose(other_gradient, gradient, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(other_d_inputs, run.reverse(d_inputs), rtol=1e-11, atol=1e-13)


@EVERY_DIRECTION
def test_state_before_a_timestep_is_the_one_after_its_neighbour(cell, batch, from_end):
    run = Unrolled(cell, *batch, from_end=from_end)
    _, workspace = run.forward(run.theta, run.inputs)
    for column, length in enumerate(run.lengths):
        for before, after in (
            (workspace.previous_h, workspace.hidden_states),
            (workspace.previous_c, workspace.cell_states),
        ):
            previous = before[:length, :, column], after[:length, :, column]
            order = slice(None, None, -1) if from_end else slice(None)
            seen, left = (array[order] for array in previous)
            np.testing.assert_array_equal(seen[1:], left[:-1])
            np.testing.assert_array_equal(seen[0], 0.0)


def ruined(run, n_timesteps, n_sequences):
    """Return a larger workspace whose arrays are NaN wherever a batch is to write before anything is read."""
    drops_state = run.mask is not None
    workspace = LayerWorkspace(run.layer, n_timesteps, n_sequences, np.dtype(np.float64), True, drops_state)
    written = [workspace.hidden_states, workspace.cell_states, workspace.inputs, workspace.records]
    written += [workspace.coefficients, workspace.d_blocks, workspace.d_h_gates, workspace.d_c, workspace.d_packed]
    if run.layer.from_end:  # where the pass begins, and no other one has begun
        written += [workspace.initial_h, workspace.initial_c, workspace.previous_h, workspace.previous_c]
    for array in written:
        array.fill(np.nan)
    return workspace


@pytest.mark.parametrize(("more_timesteps", "more_sequences"), [(0, 0), (3, 2)])
@pytest.mark.parametrize("kind", ["forward", "from the end", "masked", "masked from the end"])
def test_nothing_is_read_that_was_not_written(cell, batch, kind, more_timesteps, more_sequences):
    run = Unrolled(cell, *batch, **KINDS[kind])
    expected, expected_d_inputs = run.backward()
    workspace = ruined(run, run.shape[0] + more_timesteps, run.shape[1] + more_sequences)
    gradient, d_inputs = run.backward(workspace)
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(d_inputs, expected_d_inputs, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", ["forward", "from the end", "masked", "masked from the end"])
def test_earlier_and_longer_batch_leaves_nothing_behind(cell, batch, kind):
    earlier = Unrolled(cell, [9, 9, 9, 8, 5], [(0, 5, 5), (5, 8, 4), (8, 9, 3)], **KINDS[kind])
    run = Unrolled(cell, *batch, **KINDS[kind])
    used, fresh = (LayerWorkspace(run.layer, 9, 5, np.dtype(np.float64), True, run.mask is not None) for _ in range(2))
    earlier.inputs *= 10.0
    earlier.backward(used)
    for array, expected in zip(run.backward(used), run.backward(fresh), strict=True):
        np.testing.assert_array_equal(array, expected)


# What is carried on, and what is dropped


def test_carried_state_is_the_one_with_which_each_sequence_has_ended(cell, batch):
    run = Unrolled(cell, *batch)
    _, workspace = run.forward(run.theta, run.inputs)
    ends = list(zip(run.lengths, range(len(run.lengths)), strict=True))
    expected_h = [workspace.hidden_states[length - 1, :, column].copy() for length, column in ends]
    expected_c = [workspace.cell_states[length - 1, :, column].copy() for length, column in ends]
    workspace.carry_state(run.segments)
    np.testing.assert_array_equal(workspace.initial_h.T, expected_h)
    np.testing.assert_array_equal(workspace.initial_c.T, expected_c)
    assert workspace.initial_h.any()
    workspace.forget_state()
    assert not workspace.initial_h.any()
    assert not workspace.initial_c.any()


@pytest.mark.parametrize("kind", ["forward", "masked", "carried state", "masked, carried state"])
def test_two_pieces_with_carried_states_are_the_whole(cell, kind):
    whole = Unrolled(cell, [6, 6, 5], [(0, 5, 3), (5, 6, 2)], **KINDS[kind])
    _, workspace = whole.forward(whole.theta, whole.inputs)
    states, _ = whole.states(workspace)
    workspace = whole.workspace()
    first = Unrolled(cell, [4, 4, 4], [(0, 4, 3)], **KINDS[kind])
    second = Unrolled(cell, [2, 2, 1], [(0, 1, 3), (1, 2, 2)])
    first.mask, first.initial = whole.mask, whole.initial
    first.forward(whole.theta, whole.inputs[:4], workspace)
    np.testing.assert_array_equal(first.states(workspace)[0], states[:4])
    workspace.carry_state(first.segments)
    c = workspace.initial_c
    second.initial = np.stack([workspace.initial_h, c if c.size else workspace.initial_h])
    second.forward(whole.theta, whole.inputs[4:], workspace)
    np.testing.assert_array_equal(second.states(workspace)[0], states[4:])


@EVERY_DIRECTION
def test_product_sees_the_state_through_the_same_mask_at_all_timesteps(cell, batch, from_end):
    run = Unrolled(cell, *batch, from_end=from_end, drops_state=True)
    _, workspace = run.forward(run.theta, run.inputs)
    seen, previous = workspace.operands[:, :HIDDEN_SIZE], workspace.previous_h
    runs = np.broadcast_to(run.runs[:, None], seen.shape)
    np.testing.assert_array_equal(seen[runs], (previous * run.mask)[runs])


@EVERY_DIRECTION
def test_mask_of_ones_changes_nothing(cell, batch, from_end):
    plain = Unrolled(cell, *batch, from_end=from_end)
    masked = Unrolled(cell, *batch, from_end=from_end, drops_state=True)
    masked.mask[:] = 1.0
    for array, expected in zip(masked.backward(), plain.backward(), strict=True):
        np.testing.assert_array_equal(array, expected)


# Blocks, packing, memory


@pytest.mark.parametrize("n_timesteps_a_block", [1, 2, 3])
@EVERY_KIND
def test_blocks_of_timesteps_of_any_size_give_the_same(cell, n_timesteps_a_block, kind, monkeypatch):
    lengths, segments = [20, 20, 11, 4], [(0, 4, 4), (4, 11, 3), (11, 20, 2)]
    whole = Unrolled(cell, lengths, segments, **kind)
    expected, expected_d_inputs = whole.backward()
    _, workspace = whole.forward(whole.theta, whole.inputs)
    assert workspace.block_size == 20
    n_bytes = workspace.coefficients[0].nbytes + workspace.d_blocks[0].nbytes + workspace.products[0].nbytes
    monkeypatch.setattr(_layer_workspace, "_BLOCK_BYTES", n_timesteps_a_block * n_bytes)
    pieces = Unrolled(cell, lengths, segments, **kind)
    _, workspace = pieces.forward(pieces.theta, pieces.inputs)
    assert workspace.block_size == n_timesteps_a_block
    gradient, d_inputs = pieces.backward()
    np.testing.assert_allclose(gradient, expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(d_inputs, expected_d_inputs, rtol=1e-11, atol=1e-13)


@EVERY_KIND
def test_gradient_over_several_blocks(cell, kind, monkeypatch):
    monkeypatch.setattr(_layer_workspace, "_BLOCK_BYTES", 1)
    run = Unrolled(cell, *BATCHES["ragged"], **kind)
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


@EVERY_DIRECTION
def test_workspace_without_backward_has_no_room_for_it(cell, from_end):
    layer = Layer(cell, N_INPUTS, HIDDEN_SIZE, from_end)
    workspace = LayerWorkspace(layer, 4, 3, np.dtype(np.float32), backward=False)
    assert not hasattr(workspace, "d_blocks")
    assert workspace.operands.dtype == workspace.records.dtype == workspace.cell_states.dtype == np.float32
    assert workspace.state_mask is None
    assert np.shares_memory(workspace.hidden_states, workspace.operands)
    assert np.shares_memory(workspace.inputs, workspace.operands)


@EVERY_DIRECTION
@pytest.mark.parametrize("drops_state", [False, True])
def test_views_by_timestep_have_the_documented_shapes(cell, from_end, drops_state):
    layer = Layer(cell, N_INPUTS, HIDDEN_SIZE, from_end)
    workspace = LayerWorkspace(layer, 4, 5, np.dtype(np.float32), backward=True, drops_state=drops_state)
    c_size = HIDDEN_SIZE if cell.has_cell_state else 0
    shapes = {
        "operands": (4, HIDDEN_SIZE + N_INPUTS + 1, 5),
        "inputs": (4, N_INPUTS, 5),
        "previous_h": (4, HIDDEN_SIZE, 5),
        "hidden_states": (4, HIDDEN_SIZE, 5),
        "previous_c": (4, c_size, 5),
        "cell_states": (4, c_size, 5),
        "initial_h": (HIDDEN_SIZE, 5),
        "initial_c": (c_size, 5),
        "records": (4, cell.n_records, HIDDEN_SIZE, 5),
    }
    for name, shape in shapes.items():
        assert getattr(workspace, name).shape == shape
    assert np.shares_memory(workspace.hidden_states, workspace.operands) == (not drops_state)
    arrays = [array for array in vars(workspace).values() if isinstance(array, np.ndarray)]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
