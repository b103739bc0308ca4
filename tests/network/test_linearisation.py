"""Tests of a linearised network: its derivative in forward and reverse mode and as a matrix, and its workspaces."""

from itertools import product

import numpy as np
import pytest

from skrnn.network import _full_objectives, _layer_workspace
from skrnn.network._full_objectives import Linearisation
from skrnn.network._network import Network, Workspace
from skrnn.sequences._batches import Batch
from tests.differences import jacobian, slopes
from tests.problems import CELL_ACTIVATIONS, PROBLEMS, READINGS, STACKS, make_objective

CELLS_WITH_ACTIVATIONS = pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS)
EVERY_STACK = pytest.mark.axis("hidden_layer_sizes", STACKS.values(), ids=STACKS)
EVERY_PROBLEM = pytest.mark.axis("problem", PROBLEMS.values(), ids=PROBLEMS)
EVERY_DIRECTION = pytest.mark.axis("bidirectional", [False, True], ids=["forward", "bidirectional"])
EVERY_READING = pytest.mark.axis("problem", READINGS.values(), ids=READINGS)


class Linear:
    """A random network and data, where to linearise it, and random directions."""

    def __init__(self, problem, *, dtype=np.float64, **options):
        objective, self.theta = make_objective(problem, dtype=dtype, **options)
        self.network, self.sequences, self.dtype = objective.network, objective.sequences, np.dtype(dtype)
        self.batch = Batch.of(self.sequences, np.arange(len(self.sequences)))
        rng = np.random.default_rng(2)
        self.t_theta = rng.normal(size=self.theta.shape).astype(dtype)
        shape = (self.network.layout.n_outputs, self.network.pooling.n_columns(self.batch))
        self.d_raw, self.slopes = rng.normal(size=(2, *shape)).astype(dtype)

    def workspace(self, n_more=0):
        """Return a new workspace, with this many more timesteps and sequences than the data."""
        shape = self.sequences.max_length + n_more, len(self.sequences) + n_more
        return Workspace(self.network, *shape, self.dtype, backward=True)

    def at_theta(self, workspace=None, theta=None, batch=None):
        """Return the linearisation, by default in a new workspace and of all the data."""
        theta = self.theta if theta is None else theta
        return Linearisation(self.network, theta, self.sequences, batch or self.batch, workspace or self.workspace())

    def raw(self, theta):
        """Return the outputs at theta."""
        return self.at_theta(theta=theta).raw.copy()


#: The results of a linearisation.
QUESTIONS = {
    "backward": lambda linear, given: linear.backward(given.d_raw[:, : linear.raw.shape[1]]),
    "tangent": lambda linear, given: linear.tangent(given.t_theta),
    "jacobian": lambda linear, given: linear.jacobian(given.slopes[:, : linear.raw.shape[1]]),
}
EVERY_QUESTION = pytest.mark.axis("ask", QUESTIONS.values(), ids=QUESTIONS)


@pytest.fixture
def forward_passes(monkeypatch):
    """Return a list that grows with every forward pass of any network."""
    passes, forward = [], Network.forward

    def counted(self, *arguments):
        passes.append(self)
        return forward(self, *arguments)

    monkeypatch.setattr(Network, "forward", counted)
    return passes


# Derivatives


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_PROBLEM
@EVERY_DIRECTION
def test_tangent_along_a_random_direction(cell_name, activation, hidden_layer_sizes, problem, bidirectional):
    given = Linear(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        bidirectional=bidirectional,
    )
    t_raw = given.at_theta().tangent(given.t_theta)
    np.testing.assert_allclose(t_raw, slopes(given.raw, given.theta, given.t_theta), rtol=1e-6, atol=1e-7)


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_PROBLEM
@EVERY_DIRECTION
def test_both_directions_and_the_matrix_are_the_same_operator(
    cell_name, activation, hidden_layer_sizes, problem, bidirectional
):
    given = Linear(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        bidirectional=bidirectional,
    )
    linear = given.at_theta()
    gradient, t_raw, rows = (ask(linear, given) for ask in QUESTIONS.values())
    assert gradient @ given.t_theta == pytest.approx(np.vdot(given.d_raw, t_raw), rel=1e-10, abs=1e-12)
    assert rows.shape == (*given.slopes.T.shape, len(given.theta))
    np.testing.assert_allclose(rows @ given.t_theta, (given.slopes * t_raw).T, rtol=1e-9, atol=1e-12)
    weighted = np.tensordot((given.d_raw / given.slopes).T, rows, 2)
    np.testing.assert_allclose(weighted, gradient, rtol=1e-9, atol=1e-11)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
def test_jacobian_has_every_derivative_of_every_output(cell_name, activation, problem, bidirectional):
    given = Linear(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(2, 1), bidirectional=bidirectional
    )
    linear = given.at_theta()
    rows = linear.jacobian(given.slopes)
    expected = given.slopes.T[..., np.newaxis] * jacobian(given.raw, given.theta).swapaxes(0, 1)
    np.testing.assert_allclose(rows, expected, rtol=1e-6, atol=1e-7)
    tangents = np.stack([linear.tangent(unit) for unit in np.eye(len(given.theta))], axis=-1)
    np.testing.assert_allclose(rows, (given.slopes[..., np.newaxis] * tangents).swapaxes(0, 1), rtol=1e-9, atol=1e-12)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
def test_network_that_drops_in_training_drops_nothing_here(cell_name, activation, problem, bidirectional):
    """Masks of ones, as in all passes over the whole data, change nothing."""
    options = {"cell_name": cell_name, "activation": activation, "hidden_layer_sizes": (3, 2)}
    plain = Linear(problem, bidirectional=bidirectional, **options)
    masked = Linear(problem, bidirectional=bidirectional, dropout=0.5, recurrent_dropout=0.5, **options)
    for ask in QUESTIONS.values():
        np.testing.assert_allclose(ask(masked.at_theta(), masked), ask(plain.at_theta(), plain), rtol=1e-12, atol=1e-14)


# Several at once


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_PROBLEM
def test_one_gradient_at_a_time_gives_the_same(cell_name, activation, problem, bidirectional, monkeypatch):
    given = Linear(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2), bidirectional=bidirectional
    )
    expected = given.at_theta().jacobian(given.slopes)
    monkeypatch.setattr(_full_objectives, "_GRADIENT_BYTES", 1)
    np.testing.assert_allclose(given.at_theta().jacobian(given.slopes), expected, rtol=1e-10, atol=1e-13)


@EVERY_DIRECTION
@EVERY_READING
def test_bytes_of_the_gradients_decide_how_many_are_rolled_up_at_once(problem, bidirectional, monkeypatch):
    given = Linear(problem, cell_name="gru", hidden_layer_sizes=(3, 2), bidirectional=bidirectional)
    n_pooled_states, n_outputs = given.network.pooling.n_pooled_states(given.batch), len(given.slopes)
    linear, groups = given.at_theta(), []
    monkeypatch.setattr(given.network, "backward_each", lambda *arguments: groups.append(arguments[-2]))
    for n_bytes in (1, 50_000, 2**30):
        groups.clear()
        monkeypatch.setattr(_full_objectives, "_GRADIENT_BYTES", n_bytes)
        linear.jacobian(given.slopes)
        assert [probe for group in groups for probe in group] == list(product(range(n_pooled_states), range(n_outputs)))
        sizes = {len(group) for group in groups[:-1]}
        assert len(sizes) <= 1
        if n_bytes == 1:
            assert len(groups) == n_pooled_states * n_outputs
        elif n_bytes == 2**30:
            assert len(groups) == 1
        elif n_pooled_states > 1:
            assert 1 < len(groups) < n_pooled_states * n_outputs


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
@EVERY_QUESTION
def test_blocks_of_one_timestep_give_the_same(cell_name, activation, problem, bidirectional, ask, monkeypatch):
    given = Linear(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2), bidirectional=bidirectional
    )
    expected = ask(given.at_theta(), given)
    monkeypatch.setattr(_layer_workspace, "_BLOCK_BYTES", 1)
    np.testing.assert_allclose(ask(given.at_theta(), given), expected, rtol=1e-11, atol=1e-13)


# The workspace and its contents


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
@EVERY_QUESTION
def test_workspace_larger_than_the_batch_gives_the_same(cell_name, activation, problem, bidirectional, ask):
    given = Linear(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2), bidirectional=bidirectional
    )
    expected = ask(given.at_theta(), given)
    np.testing.assert_allclose(ask(given.at_theta(given.workspace(3)), given), expected, rtol=1e-11, atol=1e-13)


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_DIRECTION
@EVERY_READING
def test_same_theta_and_batch_need_no_second_forward_pass(
    cell_name, activation, hidden_layer_sizes, problem, bidirectional, forward_passes
):
    """After any other evaluation, results are bitwise identical to those of a new workspace."""
    given = Linear(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        bidirectional=bidirectional,
    )
    expected = {name: ask(given.at_theta(), given) for name, ask in QUESTIONS.items()}
    raw = given.raw(given.theta)
    workspace = given.workspace()
    given.at_theta(workspace)
    forward_passes.clear()
    for first, second in product(QUESTIONS, QUESTIONS):
        for name in (first, second):
            linear = given.at_theta(workspace)
            np.testing.assert_array_equal(linear.raw, raw)
            np.testing.assert_array_equal(QUESTIONS[name](linear, given), expected[name])
    assert not forward_passes


@EVERY_DIRECTION
@EVERY_READING
@EVERY_QUESTION
def test_other_theta_or_batch_needs_another_forward_pass(problem, bidirectional, ask, forward_passes):
    given = Linear(problem, cell_name="lstm", hidden_layer_sizes=(3, 2), bidirectional=bidirectional)
    part = Batch.of(given.sequences, np.array([1, 4, 6]))
    same = Batch.of(given.sequences, np.arange(len(given.sequences)))
    workspace = given.workspace()
    for theta, batch in (
        (given.theta, given.batch),
        (given.theta.copy(), given.batch),
        (-given.theta, given.batch),
        (given.theta, given.batch),
        (given.theta, part),
        (given.theta, given.batch),
        (given.theta, same),
    ):
        expected = ask(given.at_theta(given.workspace(), theta, batch), given)
        forward_passes.clear()
        np.testing.assert_array_equal(ask(given.at_theta(workspace, theta, batch), given), expected)
        assert len(forward_passes) == 1


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_DIRECTION
@EVERY_READING
def test_earlier_batches_leave_nothing_behind(cell_name, activation, hidden_layer_sizes, problem, bidirectional):
    given = Linear(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        bidirectional=bidirectional,
    )
    order = np.argsort(-given.sequences.lengths)
    used = given.workspace()
    for indices in (order, order[:3], order[-3:], order[::2], order[-1:]):
        batch = Batch.of(given.sequences, indices)
        for ask in QUESTIONS.values():
            fresh = given.at_theta(given.workspace(), batch=batch)
            np.testing.assert_array_equal(ask(given.at_theta(used, batch=batch), given), ask(fresh, given))


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
@EVERY_QUESTION
def test_diverged_theta_leaves_nothing_behind(cell_name, activation, problem, bidirectional, ask):
    given = Linear(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2), bidirectional=bidirectional
    )
    order = np.argsort(-given.sequences.lengths)
    longest, shortest = (Batch.of(given.sequences, indices) for indices in (order[:4], order[4:]))
    workspace, diverged = given.workspace(), np.full_like(given.theta, np.inf)
    with np.errstate(all="ignore"):
        for question in QUESTIONS.values():
            question(given.at_theta(workspace, diverged, longest), given)
    expected = ask(given.at_theta(batch=shortest), given)
    np.testing.assert_array_equal(ask(given.at_theta(workspace, batch=shortest), given), expected)


def test_forward_pass_that_fails_is_not_held(monkeypatch):
    given = Linear(PROBLEMS["masks anywhere"], cell_name="gru", hidden_layer_sizes=(3, 2))
    workspace, other = given.workspace(), -given.theta
    expected = given.at_theta(workspace).tangent(given.t_theta)
    with monkeypatch.context() as context:
        context.setattr(given.network, "collect", fail)
        with pytest.raises(ValueError, match="half-way"):
            given.at_theta(workspace, other)
    for theta in (other, given.theta):
        assert not workspace.holds(theta, given.batch)
    np.testing.assert_array_equal(given.at_theta(workspace).tangent(given.t_theta), expected)


def fail(*arguments):
    raise ValueError("half-way")


# Memory and dtypes


@EVERY_DIRECTION
@EVERY_READING
@EVERY_QUESTION
def test_answers_are_new_arrays_and_what_is_given_is_only_read(problem, bidirectional, ask):
    given = Linear(problem, cell_name="gru", hidden_layer_sizes=(3, 2), bidirectional=bidirectional)
    for array in (given.theta, given.t_theta, given.d_raw, given.slopes):
        array.flags.writeable = False
    workspace = given.workspace()
    answer = ask(given.at_theta(workspace), given)
    kept = answer.copy()
    for other in QUESTIONS.values():
        other(given.at_theta(workspace, -given.theta), given)
    np.testing.assert_array_equal(answer, kept)


@EVERY_DIRECTION
@EVERY_READING
def test_gradient_may_lie_in_the_workspace(problem, bidirectional):
    given = Linear(problem, cell_name="gru", hidden_layer_sizes=(3, 2), bidirectional=bidirectional)
    expected = given.at_theta().backward(given.d_raw)
    workspace = given.workspace()
    linear = given.at_theta(workspace)
    d_raw = workspace.d_raw[:, : linear.raw.shape[1]]
    d_raw[...] = given.d_raw
    np.testing.assert_array_equal(linear.backward(d_raw), expected)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
@EVERY_QUESTION
def test_float32_stays_float32_and_is_close_to_float64(cell_name, activation, problem, bidirectional, ask):
    options = {"cell_name": cell_name, "activation": activation, "hidden_layer_sizes": (3, 2)}
    double = Linear(problem, bidirectional=bidirectional, **options)
    single = Linear(problem, bidirectional=bidirectional, dtype=np.float32, **options)
    answer = ask(single.at_theta(), single)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, ask(double.at_theta(), double), rtol=1e-3, atol=1e-4)
