"""Tests of a layer: packing, unrolling, BPTT and tangents, on ragged batches."""

import numpy as np
import pytest

from skrnn.cells._registry import CELLS
from skrnn.network import _layer, _layer_workspace
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.network._parameters import LayerParameters
from tests.differences import slopes
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import CELL_ACTIVATIONS

HIDDEN_SIZE, N_INPUTS = 3, 2
N_GRADIENTS = 3
#: Lengths of the sequences, longest first, and the runs of timesteps with the same number of running sequences.
BATCHES = {
    "equal": ([4, 4, 4], [(0, 4, 3)]),
    "ragged": ([7, 7, 4, 1], [(0, 1, 4), (1, 4, 3), (4, 7, 2)]),
    "one timestep": ([1, 1], [(0, 1, 2)]),
    "one sequence": ([5], [(0, 5, 1)]),
}


#: All tests that use a cell or a batch run with each.
pytestmark = [
    pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS),
    pytest.mark.axis("batch", BATCHES.values(), ids=BATCHES),
]
#: Directions of time, and the masks of the hidden state.
KINDS = {
    "forward": {},
    "from the end": {"from_end": True},
    "masked": {"drops_state": True},
    "masked from the end": {"from_end": True, "drops_state": True},
    "carried state": {"carries_on": True},
    "masked, carried state": {"carries_on": True, "drops_state": True},
}
EVERY_KIND = pytest.mark.axis("kind", KINDS.values(), ids=KINDS)
#: Those without masks, as required by tangents and single gradients.
NOTHING_DROPPED = {name: kind for name, kind in KINDS.items() if "drops_state" not in kind}
EVERY_KIND_WITHOUT_MASK = pytest.mark.axis("kind", NOTHING_DROPPED.values(), ids=NOTHING_DROPPED)
EVERY_DIRECTION = pytest.mark.axis("from_end", [False, True], ids=["forward", "from the end"])


class Unrolled:
    """A layer with random parameters, a random batch, and the weights of the scalar of the gradient checks."""

    def __init__(self, cell, lengths, spans, *, from_end=False, drops_state=False, carries_on=False):
        rng = np.random.default_rng(5)
        self.layer = Layer(cell, N_INPUTS, HIDDEN_SIZE, from_end)
        self.lengths, self.spans = lengths, spans
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
        self.t_theta = rng.normal(size=self.n_parameters)
        self.t_inputs = rng.normal(size=self.inputs.shape)
        #: Several gradients on the outputs; of the first, `on_final` is a part.
        self.on_each = rng.normal(size=(lengths[0], N_GRADIENTS, HIDDEN_SIZE, len(lengths)))
        self.on_each[:, 0] = self.on_outputs
        for column, length in enumerate(lengths):
            self.on_each[0 if from_end else length - 1, 0, :, column] += self.on_final[:, column]

    def parameters(self, theta):
        """Return views on one theta, or several along leading axes."""
        shape = (self.layer.cell.n_gates * HIDDEN_SIZE, self.layer.n_operand)
        split = shape[0] * shape[1]
        return LayerParameters(theta[..., :split].reshape(*theta.shape[:-1], *shape), theta[..., split:], HIDDEN_SIZE)

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
        self.layer.forward(packed, workspace, self.spans)
        return packed, workspace

    def states(self, workspace):
        """Return the hidden state after each timestep, zero where a sequence has ended, and the final ones."""
        n_timesteps, n_sequences = self.shape
        final = np.empty_like(self.on_final)
        self.layer.final_hidden_states(workspace, self.spans, final)
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
        d_packed = self.layer.backward(packed, workspace, self.spans, d_outputs, d_inputs)
        self.layer.unpack(d_packed, self.parameters(gradient))
        return gradient, d_inputs

    def tangent(self, workspace=None):
        """Return the perturbation of each hidden state, zero where a sequence has ended, and of the final ones."""
        packed, workspace = self.forward(self.theta, self.inputs, workspace)
        t_packed = self.layer.pack(self.parameters(self.t_theta))
        t_inputs = np.where(self.runs[:, None], self.t_inputs, np.nan)
        t_outputs = np.full_like(self.on_outputs, np.nan)
        self.layer.tangent(packed, t_packed, workspace, self.spans, t_inputs, t_outputs)
        return np.where(self.runs[:, None], t_outputs, 0.0), workspace.d_h[:, : self.shape[1]].copy()

    def backward_each(self, workspace=None):
        """Return gradients on theta, (n_gradients, n_sequences, n_parameters), and on the inputs."""
        packed, workspace = self.forward(self.theta, self.inputs, workspace)
        d_outputs = np.where(self.runs[:, None, None], self.on_each, np.nan)
        n_timesteps, n_gradients, _, n_sequences = d_outputs.shape
        d_inputs = np.full((n_timesteps, n_gradients, N_INPUTS, n_sequences), np.nan)
        gradients = np.full((n_gradients, n_sequences, self.n_parameters), np.nan)
        d_packed = self.layer.backward_each(packed, workspace, self.spans, d_outputs, d_inputs)
        self.layer.unpack(d_packed, self.parameters(gradients))
        return gradients, d_inputs

    def alone(self, column):
        """Return the same with a single sequence."""
        length = self.lengths[column]
        one = Unrolled(self.layer.cell, [length], [(0, length, 1)], from_end=self.layer.from_end)
        for name in ("inputs", "on_outputs", "on_each", "t_inputs"):
            setattr(one, name, getattr(self, name)[:length, ..., column : column + 1])
        one.on_final, one.initial = self.on_final[:, [column]], self.initial[..., [column]]
        return one

    def reversed(self):
        """Return the same with the other direction of time, and each sequence reversed."""
        other = Unrolled(self.layer.cell, self.lengths, self.spans, from_end=not self.layer.from_end)
        other.inputs, other.on_outputs = self.reverse(self.inputs), self.reverse(self.on_outputs)
        return other

    def reverse(self, array):
        """Return an array by timestep with reversed sequences; zero after their ends."""
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
    run.layer.unpack(run.layer.backward(packed, workspace, run.spans, None, None), run.parameters(gradient))
    np.testing.assert_array_equal(gradient, expected)


# Forward pass, and single sequences


def join(*arrays):
    """Return all entries in one row."""
    return np.concatenate([array.ravel() for array in arrays])


@EVERY_KIND_WITHOUT_MASK
def test_tangent_along_a_random_direction(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)

    def states(x):
        _, workspace = run.forward(x[: run.n_parameters], x[run.n_parameters :].reshape(run.inputs.shape))
        return join(*run.states(workspace))

    expected = slopes(states, join(run.theta, run.inputs), join(run.t_theta, run.t_inputs))
    np.testing.assert_allclose(join(*run.tangent()), expected, rtol=1e-6, atol=1e-8)


@EVERY_KIND_WITHOUT_MASK
def test_tangent_is_the_transpose_of_backward(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    forwards = join(run.on_outputs, run.on_final) @ join(*run.tangent())
    assert join(run.t_theta, run.t_inputs) @ join(*run.backward()) == pytest.approx(forwards, rel=1e-11)


@EVERY_KIND_WITHOUT_MASK
def test_tangent_by_each_parameter_and_each_input(cell, kind):
    run = Unrolled(cell, *BATCHES["ragged"], **kind)
    expected = join(*run.backward())
    on_states = join(run.on_outputs, run.on_final)
    for unit, d_entry in zip(np.eye(len(expected)), expected, strict=True):
        run.t_theta, run.t_inputs = unit[: run.n_parameters], unit[run.n_parameters :].reshape(run.inputs.shape)
        assert on_states @ join(*run.tangent()) == pytest.approx(d_entry, rel=1e-10, abs=1e-13)


@EVERY_KIND_WITHOUT_MASK
def test_tangent_without_perturbed_inputs_and_without_outputs(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    run.t_inputs[:] = 0.0
    _, expected = run.tangent()
    packed, workspace = run.forward(run.theta, run.inputs)
    t_packed = run.layer.pack(run.parameters(run.t_theta))
    run.layer.tangent(packed, t_packed, workspace, run.spans, None, None)
    np.testing.assert_array_equal(workspace.d_h, expected)


@EVERY_KIND_WITHOUT_MASK
def test_single_gradients_add_up_to_the_whole(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    gradients, d_inputs = run.backward_each()
    expected, expected_d_inputs = run.backward()
    np.testing.assert_allclose(gradients[0].sum(axis=0), expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(d_inputs[:, 0], expected_d_inputs, rtol=1e-11, atol=1e-13)


@EVERY_KIND_WITHOUT_MASK
def test_each_sequence_has_the_gradients_that_it_has_alone(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    gradients, d_inputs = run.backward_each()
    for column, length in enumerate(run.lengths):
        expected, expected_d_inputs = run.alone(column).backward_each()
        np.testing.assert_allclose(gradients[:, column], expected[:, 0], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(d_inputs[:length, ..., [column]], expected_d_inputs, rtol=1e-11, atol=1e-13)


@EVERY_KIND_WITHOUT_MASK
def test_several_gradients_at_once_equal_one_at_a_time(cell, batch, kind):
    run = Unrolled(cell, *batch, **kind)
    gradients, d_inputs = run.backward_each()
    on_each = run.on_each
    for i in range(N_GRADIENTS):
        run.on_each = on_each[:, [i]]
        expected, expected_d_inputs = run.backward_each()
        np.testing.assert_allclose(gradients[[i]], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(d_inputs[:, [i]], expected_d_inputs, rtol=1e-12, atol=1e-14)


@EVERY_DIRECTION
def test_single_gradients_without_those_on_the_inputs(cell, from_end):
    run = Unrolled(cell, *BATCHES["ragged"], from_end=from_end)
    expected, _ = run.backward_each()
    packed, workspace = run.forward(run.theta, run.inputs)
    d_packed = run.layer.backward_each(packed, workspace, run.spans, run.on_each, None)
    assert d_packed.shape == (N_GRADIENTS, run.shape[1], *run.layer.packed_shape)
    gradients = np.full_like(expected, np.nan)
    run.layer.unpack(d_packed, run.parameters(gradients))
    np.testing.assert_array_equal(gradients, expected)


@EVERY_KIND_WITHOUT_MASK
def test_forward_pass_is_left_as_it_was(cell, batch, kind):
    """Several backward passes after the same forward pass."""
    run = Unrolled(cell, *batch, **kind)
    workspace = run.workspace()
    run.forward(run.theta, run.inputs, workspace)
    arrays = {name: array for name, array in vars(workspace).items() if isinstance(array, np.ndarray)}
    before = {name: array.copy() for name, array in arrays.items()}
    packed, t_packed = (run.layer.pack(run.parameters(theta)) for theta in (run.theta, run.t_theta))
    run.layer.backward_each(packed, workspace, run.spans, run.on_each, None)
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], before[name], err_msg=name)
    run.layer.tangent(packed, t_packed, workspace, run.spans, run.t_inputs, None)
    run.layer.backward(packed, workspace, run.spans, run.on_outputs, None)
    for name in ("operands", "coefficients", "hidden_states", "cell_states", "initial_h", "initial_c"):
        np.testing.assert_array_equal(arrays[name], before[name], err_msg=name)


def test_float32_stays_float32_and_is_close_to_float64(cell, batch):
    run = Unrolled(cell, *batch)
    expected, (expected_outputs, expected_final) = run.backward_each()[0], run.tangent()
    workspace = LayerWorkspace(run.layer, *run.shape, np.dtype(np.float32), backward=True)
    single = {name: array.astype(np.float32) for name, array in vars(run).items() if isinstance(array, np.ndarray)}
    packed, t_packed = (run.layer.pack(run.parameters(single[name])) for name in ("theta", "t_theta"))
    workspace.inputs[...] = single["inputs"]
    run.layer.forward(packed, workspace, run.spans)
    d_packed = run.layer.backward_each(packed, workspace, run.spans, single["on_each"], None)
    assert d_packed.dtype == np.float32
    gradients = np.full(expected.shape, np.nan, np.float32)
    run.layer.unpack(d_packed, run.parameters(gradients))
    np.testing.assert_allclose(gradients, expected, rtol=1e-3, atol=1e-4)
    t_outputs = np.zeros_like(single["on_outputs"])
    run.layer.tangent(packed, t_packed, workspace, run.spans, single["t_inputs"], t_outputs)
    np.testing.assert_allclose(t_outputs, expected_outputs, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(workspace.d_h, expected_final, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("from_end", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_that_vanish_become_zero_before_they_are_subnormal(dtype, from_end):
    n_timesteps = 9000
    layer = Layer(CELLS["rnn"]("tanh"), 1, 2, from_end)
    packed = np.zeros(layer.packed_shape, dtype)
    packed[:, :2] = 0.9 * np.eye(2)  # states of zero, so that a gradient is multiplied by 0.9 in each timestep
    packed[:, 2] = 1.0
    workspace = LayerWorkspace(layer, n_timesteps, 1, np.dtype(dtype), backward=True)
    workspace.inputs[...] = 0.0
    layer.forward(packed, workspace, [(0, n_timesteps, 1)])
    workspace.d_h.fill(1.0)
    d_inputs = np.empty((n_timesteps, 1, 1), dtype)
    layer.backward(packed, workspace, [(0, n_timesteps, 1)], None, d_inputs)
    sizes = np.abs(d_inputs[:: 1 if from_end else -1, 0, 0])
    n_large = np.count_nonzero(sizes)
    assert sizes[:n_large].min() > np.finfo(dtype).tiny
    expected = 2.0 * 0.9 ** np.arange(n_large)
    np.testing.assert_allclose(sizes[:n_large], expected, rtol=1e-3)
    assert expected[-1] < 2**25 * np.finfo(dtype).tiny


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_only_gradients_that_have_vanished_become_zero(dtype):
    tiny = np.finfo(dtype).tiny
    gradient = np.array([tiny / 2, -tiny, 2**25 * tiny, -1.0, 0.0, np.inf, -np.inf, np.nan], dtype)
    _layer._flush_vanished(gradient)
    np.testing.assert_array_equal(gradient, np.array([0, 0, 2**25 * tiny, -1, 0, np.inf, -np.inf, np.nan], dtype))


# Contents of workspaces


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
    """Return a larger workspace whose arrays are NaN wherever a batch must write before it reads."""
    drops_state = run.mask is not None
    workspace = LayerWorkspace(run.layer, n_timesteps, n_sequences, np.dtype(np.float64), True, drops_state)
    written = [workspace.hidden_states, workspace.cell_states, workspace.inputs, workspace.records]
    written += [
        workspace.coefficients,
        workspace.d_preactivations,
        workspace.d_h_gates,
        workspace.d_c,
        workspace.d_packed,
    ]
    written += [workspace.d_h, workspace.d_running, workspace.t_gates]
    if run.layer.from_end:  # where the pass begins
        written += [workspace.initial_h, workspace.initial_c, workspace.previous_h, workspace.previous_c]
    for array in written:
        array.fill(np.nan)
    return workspace


#: The passes through a layer, each with the kinds that it supports.
PASSES = [
    *((Unrolled.backward, name) for name in ("forward", "from the end", "masked", "masked from the end")),
    *((Unrolled.tangent, name) for name in ("forward", "from the end")),
    *((Unrolled.backward_each, name) for name in ("forward", "from the end")),
]
EVERY_PASS = pytest.mark.axis(
    ("run_pass", "kind"), PASSES, ids=[f"{run_pass.__name__}, {kind}" for run_pass, kind in PASSES]
)


@pytest.mark.axis(("more_timesteps", "more_sequences"), [(0, 0), (3, 2)])
@EVERY_PASS
def test_nothing_is_read_that_was_not_written(cell, batch, run_pass, kind, more_timesteps, more_sequences):
    run = Unrolled(cell, *batch, **KINDS[kind])
    expected = run_pass(run)
    workspace = ruined(run, run.shape[0] + more_timesteps, run.shape[1] + more_sequences)
    for array, expected_array in zip(run_pass(run, workspace), expected, strict=True):
        np.testing.assert_allclose(array, expected_array, rtol=1e-11, atol=1e-14)


@EVERY_PASS
def test_earlier_and_longer_batch_leaves_nothing_behind(cell, batch, run_pass, kind):
    earlier = Unrolled(cell, [9, 9, 9, 8, 5], [(0, 5, 5), (5, 8, 4), (8, 9, 3)], **KINDS[kind])
    run = Unrolled(cell, *batch, **KINDS[kind])
    used, fresh = (LayerWorkspace(run.layer, 9, 5, np.dtype(np.float64), True, run.mask is not None) for _ in range(2))
    earlier.inputs *= 10.0
    for earlier_pass in (Unrolled.backward, run_pass):
        earlier_pass(earlier, used)
    for array, expected in zip(run_pass(run, used), run_pass(run, fresh), strict=True):
        np.testing.assert_array_equal(array, expected)


@EVERY_PASS
def test_diverged_batch_leaves_nothing_behind(cell, batch, run_pass, kind):
    earlier = Unrolled(cell, [9, 9, 9, 8, 5], [(0, 5, 5), (5, 8, 4), (8, 9, 3)], **KINDS[kind])
    run = Unrolled(cell, *batch, **KINDS[kind])
    used, fresh = (LayerWorkspace(run.layer, 9, 5, np.dtype(np.float64), True, run.mask is not None) for _ in range(2))
    earlier.inputs[:] = np.inf
    with np.errstate(all="ignore"):  # a forward step also computes columns that are never read
        run_pass(earlier, used)
        after = run_pass(run, used)
    for array, expected in zip(after, run_pass(run, fresh), strict=True):
        np.testing.assert_array_equal(array, expected)


# States that are kept, and dropout


def test_carried_state_is_the_one_with_which_each_sequence_has_ended(cell, batch):
    run = Unrolled(cell, *batch)
    _, workspace = run.forward(run.theta, run.inputs)
    ends = list(zip(run.lengths, range(len(run.lengths)), strict=True))
    expected_h = [workspace.hidden_states[length - 1, :, column].copy() for length, column in ends]
    expected_c = [workspace.cell_states[length - 1, :, column].copy() for length, column in ends]
    workspace.carry_state(run.spans)
    np.testing.assert_array_equal(workspace.initial_h.T, expected_h)
    np.testing.assert_array_equal(workspace.initial_c.T, expected_c)
    assert workspace.initial_h.any()
    workspace.forget_state()
    assert not workspace.initial_h.any()
    assert not workspace.initial_c.any()


@pytest.mark.axis("kind", ["forward", "masked", "carried state", "masked, carried state"])
def test_two_segments_with_carried_states_are_the_whole(cell, kind):
    whole = Unrolled(cell, [6, 6, 5], [(0, 5, 3), (5, 6, 2)], **KINDS[kind])
    _, workspace = whole.forward(whole.theta, whole.inputs)
    states, _ = whole.states(workspace)
    workspace = whole.workspace()
    first = Unrolled(cell, [4, 4, 4], [(0, 4, 3)], **KINDS[kind])
    second = Unrolled(cell, [2, 2, 1], [(0, 1, 3), (1, 2, 2)])
    first.mask, first.initial = whole.mask, whole.initial
    first.forward(whole.theta, whole.inputs[:4], workspace)
    np.testing.assert_allclose(first.states(workspace)[0], states[:4], rtol=1e-12)
    workspace.carry_state(first.spans)
    c = workspace.initial_c
    second.initial = np.stack([workspace.initial_h, c if c.size else workspace.initial_h])
    second.forward(whole.theta, whole.inputs[4:], workspace)
    np.testing.assert_allclose(second.states(workspace)[0], states[4:], rtol=1e-12)


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
        np.testing.assert_allclose(array, expected, rtol=1e-12, atol=1e-14)


# Blocks, packing, memory


@pytest.mark.axis("n_timesteps_a_block", [1, 2, 3])
@EVERY_PASS
def test_blocks_of_timesteps_of_any_size_give_the_same(cell, n_timesteps_a_block, run_pass, kind, monkeypatch):
    lengths, spans = [20, 20, 11, 4], [(0, 4, 4), (4, 11, 3), (11, 20, 2)]
    whole = Unrolled(cell, lengths, spans, **KINDS[kind])
    expected = run_pass(whole)
    _, workspace = whole.forward(whole.theta, whole.inputs)
    assert workspace.block_size == 20
    of_timestep = (workspace.records, workspace.coefficients, workspace.d_preactivations, workspace.operands)
    n_bytes = sum(array[0].nbytes for array in (*of_timestep, workspace.operand_rows)) + workspace.d_packed.nbytes
    monkeypatch.setattr(_layer_workspace, "_BLOCK_BYTES", n_timesteps_a_block * n_bytes)
    segments = Unrolled(cell, lengths, spans, **KINDS[kind])
    _, workspace = segments.forward(segments.theta, segments.inputs)
    assert workspace.block_size == n_timesteps_a_block
    for array, expected_array in zip(run_pass(segments), expected, strict=True):
        np.testing.assert_allclose(array, expected_array, rtol=1e-11, atol=1e-13)


@EVERY_KIND
def test_gradient_over_several_blocks(cell, kind, monkeypatch):
    monkeypatch.setattr(_layer_workspace, "_BLOCK_BYTES", 1)
    run = Unrolled(cell, *BATCHES["ragged"], **kind)
    gradient, _ = run.backward()
    rng = np.random.default_rng(0)
    directional_gradient_check(lambda theta: run.scalar(theta, run.inputs), gradient, run.theta, rng)


@pytest.mark.axis("dtype", [np.float32, np.float64])
def test_unpack_is_the_transpose_of_pack_without_halves(cell, dtype):
    run = Unrolled(cell, *BATCHES["equal"])
    rng = np.random.default_rng(1)
    theta, d_theta = run.theta.astype(dtype), np.full(run.n_parameters, np.nan, dtype)
    packed = run.layer.pack(run.parameters(theta))
    d_packed = rng.normal(size=packed.shape).astype(dtype)
    run.layer.unpack(d_packed, run.parameters(d_theta))
    assert packed.shape == run.layer.packed_shape
    assert packed.dtype == dtype
    through_pack = np.vdot(run.layer.whole(packed).astype(float), d_packed.astype(float))
    through_unpack = np.vdot(theta.astype(float), d_theta.astype(float))
    assert through_unpack == pytest.approx(through_pack, rel=1e3 * float(np.finfo(dtype).eps))


@pytest.mark.axis("dtype", [np.float32, np.float64])
def test_several_gradients_are_unpacked_as_each_of_them(cell, dtype):
    run = Unrolled(cell, *BATCHES["equal"])
    d_packed = np.random.default_rng(1).normal(size=(2, 4, *run.layer.packed_shape)).astype(dtype)
    several = np.full((2, 4, run.n_parameters), np.nan, dtype)
    run.layer.unpack(d_packed, run.parameters(several))
    for index in np.ndindex(2, 4):
        one = np.full(run.n_parameters, np.nan, dtype)
        run.layer.unpack(d_packed[index], run.parameters(one))
        np.testing.assert_array_equal(several[index], one)


def test_pack_does_not_write_theta(cell):
    run = Unrolled(cell, *BATCHES["equal"])
    run.theta.flags.writeable = False
    packed = run.layer.pack(run.parameters(run.theta))
    assert not np.shares_memory(packed, run.theta)


@EVERY_DIRECTION
def test_workspace_without_backward_has_no_n_allocated_timesteps_it(cell, from_end):
    layer = Layer(cell, N_INPUTS, HIDDEN_SIZE, from_end)
    workspace = LayerWorkspace(layer, 4, 3, np.dtype(np.float32), backward=False)
    assert not hasattr(workspace, "d_preactivations")
    assert workspace.operands.dtype == workspace.records.dtype == workspace.cell_states.dtype == np.float32
    assert workspace.state_mask is None
    assert np.shares_memory(workspace.hidden_states, workspace.operands)
    assert np.shares_memory(workspace.inputs, workspace.operands)


@EVERY_DIRECTION
@pytest.mark.axis("drops_state", [False, True])
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


def test_ragged_batches_of_ever_other_lengths_keep_few_views(cell):
    rng = np.random.default_rng(0)
    workspace, packed = None, None
    for _ in range(60):
        lengths = np.sort(rng.integers(1, 60, 3))[::-1].tolist()
        spans = [(0, lengths[2], 3), (lengths[2], lengths[1], 2), (lengths[1], lengths[0], 1)]
        run = Unrolled(cell, lengths, [span for span in spans if span[0] < span[1]])
        workspace = workspace or LayerWorkspace(run.layer, 60, 3, np.dtype(np.float64), backward=True)
        packed, _ = run.forward(run.theta, run.inputs, workspace)
        workspace.d_h.fill(1.0)
        run.layer.backward(packed, workspace, run.spans, None, None)
    n_steps = sum(len(block.steps) for block in workspace._blocks.values())
    assert 0 < n_steps <= 6 * 61


def test_time_runs_forward_unless_it_is_asked_to_run_backwards():
    assert not Layer(CELLS["rnn"](), N_INPUTS, HIDDEN_SIZE).from_end
