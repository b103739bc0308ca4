"""Tests of truncated BPTT: states are carried from segment to segment, errors are not."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from skrnn.losses._losses import LOSSES
from skrnn.network._network import Workspace
from skrnn.sequences._batches import Batch
from skrnn.sequences._targets import Targets
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import CELL_ACTIVATIONS, PARTLY_MISSING, PROBLEMS, EveryForm, Problem, make_objective

CELLS_WITH_ACTIVATIONS = pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS)
EVERY_PROBLEM = pytest.mark.axis("problem", PROBLEMS.values(), ids=PROBLEMS)
BPTT_STEPS = pytest.mark.axis("bptt_steps", [1, 2, 4])
STACKS = pytest.mark.axis("hidden_layer_sizes", [(3,), (3, 2)], ids=["one layer", "two layers"])
#: Problems with truncated sequences, including ragged ones with columns that end before the last segment.
CUT = {
    "last timestep": Problem(n_samples=4, n_timesteps=7, n_outputs=2),
    "last timestep of ragged sequences": Problem(n_samples=5, n_timesteps=7, masks="anywhere", weighted=True),
    "one sequence": Problem(n_samples=1, n_timesteps=7),
    "every timestep": Problem(n_samples=3, n_timesteps=7, n_outputs=2, return_sequences=True),
    "every timestep of ragged sequences": Problem(n_samples=5, n_timesteps=7, masks="leading", return_sequences=True),
    "one sequence, every timestep": Problem(n_samples=1, n_timesteps=7, return_sequences=True),
    "missing targets": Problem(5, 7, masks="anywhere", weighted=True, return_sequences=True, missing="columns"),
    "partly missing targets": replace(PARTLY_MISSING, n_timesteps=7),
}
EVERY_CUT = pytest.mark.axis("problem", CUT.values(), ids=CUT)


def run_epoch(objective, theta, batch_size=3, seed=0):
    """Return (batch, count, loss, gradient) for each minibatch of an epoch, in order, at one theta."""
    done = []
    for batch in objective.minibatches(batch_size, np.random.RandomState(seed)):
        gradient = np.full_like(theta, np.nan)
        done.append((batch, objective.count(batch), objective(theta, batch, gradient), gradient))
    return done


def states_before(objective, theta, batch):
    """Return (h, c) of each layer before the batch begins: those that its sequences have at theta in one go."""
    network, sequences = objective.network, objective.sequences
    whole = Batch.of(sequences, batch.indices)
    assert whole.indices.tolist() == batch.indices.tolist()
    workspace = Workspace(network, sequences.max_length, len(whole), objective.dtype, backward=True)
    parameters = network.layout.views(theta)
    network.forward(network.pack(parameters), parameters.readout, sequences, whole, workspace)
    first = np.broadcast_to(batch.first, len(batch))
    columns = np.arange(len(batch))
    states = []
    for layer in workspace.layers:
        pair = (layer.hidden_states[first - 1, :, columns].T, layer.cell_states[first - 1, :, columns].T)
        states.append([np.where(first > 0, state, 0.0) for state in pair])
    return states


def loss_of_segment(objective, batch, states):
    """Return the function from theta to the mean loss of a segment that begins with these states, whatever theta is."""
    network, targets = (
        objective.network,
        objective.targets.take(objective.network.pooling.columns(objective.sequences, batch)),
    )

    def function(theta):
        workspace = Workspace(network, batch.n_timesteps, len(batch), objective.dtype, backward=True)
        for layer, (h, c) in zip(workspace.layers, states, strict=True):
            layer.initial_h[:], layer.initial_c[:] = h, c
        parameters = network.layout.views(theta)
        raw = network.forward(network.pack(parameters), parameters.readout, objective.sequences, batch, workspace)
        losses = objective.loss.loss_gradient(targets.values, raw, np.empty_like(raw), targets.present)
        weights = 1.0 if targets.weights is None else targets.weights
        return float((weights * losses).sum() / targets.count())

    return function


# Sequences that are not truncated


@CELLS_WITH_ACTIVATIONS
@EVERY_PROBLEM
@pytest.mark.axis("more", [0, 5])
def test_segments_as_long_as_the_sequences_change_nothing(cell_name, activation, problem, more):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, alpha=0.1)
    whole, theta = make(hidden_layer_sizes=(3, 2))
    cut, _ = make(hidden_layer_sizes=(3, 2), bptt_steps=problem.n_timesteps + more)
    for seed in range(2):  # no state is carried from one minibatch to another
        expected, found = run_epoch(whole, theta, seed=seed), run_epoch(cut, theta, seed=seed)
        for (batch, count, loss, gradient), (same_batch, same_count, same_loss, same_gradient) in zip(
            expected, found, strict=True
        ):
            np.testing.assert_array_equal(same_batch.indices, batch.indices)
            assert (same_count, same_loss) == (count, loss)
            np.testing.assert_array_equal(same_gradient, gradient)


# States


@CELLS_WITH_ACTIVATIONS
@EVERY_CUT
@BPTT_STEPS
def test_losses_of_the_segments_add_up_to_the_whole(cell_name, activation, problem, bptt_steps):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    whole, theta = make()
    cut, _ = make(bptt_steps=bptt_steps)
    for seed in range(2):
        done = run_epoch(cut, theta, seed=seed)
        counts = [count for _, count, _, _ in done]
        assert sum(counts) == pytest.approx(whole.n_targets, rel=1e-12)
        mean = np.average([loss for _, _, loss, _ in done], weights=counts)
        assert mean == pytest.approx(whole.full(theta)[0], rel=1e-12)


@EVERY_CUT
@BPTT_STEPS
def test_segments_are_no_longer_than_asked_for_and_need_no_more_workspace(problem, bptt_steps):
    objective, theta = make_objective(problem, bptt_steps=bptt_steps)
    for batch, _, _, _ in run_epoch(objective, theta):
        assert all(segment.n_timesteps <= bptt_steps for segment in (*batch.lead_in, batch))
    assert objective.on_minibatches._workspaces
    for workspace in objective.on_minibatches._workspaces.values():
        assert len(workspace.layers[0].operands) == workspace.shape[0] == bptt_steps


@EVERY_CUT
def test_minibatches_cover_every_target_once(problem):
    objective, _ = make_objective(problem, bptt_steps=2)
    pooling, targets = objective.network.pooling, objective.targets
    batches = objective.minibatches(3, np.random.RandomState(0))
    columns = np.concatenate([pooling.columns(objective.sequences, batch) for batch in batches])
    assert len(set(columns)) == len(columns)
    left_out = np.setdiff1d(np.arange(len(targets)), columns)
    assert not targets.take(left_out).count()


@pytest.mark.axis("return_sequences", [False, True])
def test_sequences_come_in_the_same_minibatches_as_without_segments(return_sequences):
    problem = Problem(n_samples=8, masks="leading", return_sequences=return_sequences)
    whole, _ = make_objective(problem)
    cut, _ = make_objective(problem, bptt_steps=2)
    expected = [batch.indices.tolist() for batch in whole.minibatches(3, np.random.RandomState(1))]
    begun = [
        batch.indices.tolist()
        for batch in cut.minibatches(3, np.random.RandomState(1))
        if batch.lead_in or not batch.carries_on
    ]
    assert begun == expected


# Gradients


@CELLS_WITH_ACTIVATIONS
@EVERY_CUT
@BPTT_STEPS
def test_gradient_of_a_segment_is_that_of_its_loss_with_the_carried_states_held_constant(
    cell_name, activation, problem, bptt_steps
):
    objective, theta = make_objective(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2), bptt_steps=bptt_steps
    )
    rng = np.random.default_rng(0)
    done = run_epoch(objective, theta)
    assert any(batch.carries_on for batch, _, _, _ in done)
    for batch, _, loss, gradient in done:
        function = loss_of_segment(objective, batch, states_before(objective, theta, batch))
        assert loss == pytest.approx(function(theta), rel=1e-12)
        directional_gradient_check(function, gradient, theta, rng)


@CELLS_WITH_ACTIVATIONS
@EVERY_CUT
def test_every_entry_of_the_gradient_of_a_segment(cell_name, activation, problem):
    objective, theta = make_objective(problem, cell_name=cell_name, activation=activation, bptt_steps=3)
    carrying = [done for done in run_epoch(objective, theta) if done[0].carries_on]
    for batch, _, _, gradient in carrying[:2]:
        function = loss_of_segment(objective, batch, states_before(objective, theta, batch))
        full_gradient_check(function, gradient, theta)


@EVERY_CUT
def test_states_that_move_with_theta_give_another_gradient(problem):
    """The checks above detect an error that flows into the previous segment."""
    objective, theta = make_objective(problem, bptt_steps=3)

    def function(theta):
        return loss_of_segment(objective, batch, states_before(objective, theta, batch))(theta)

    batch, _, _, gradient = next(done for done in run_epoch(objective, theta) if done[0].carries_on)
    with pytest.raises(AssertionError, match="random direction"):
        directional_gradient_check(function, gradient, theta, np.random.default_rng(0))


@CELLS_WITH_ACTIVATIONS
@pytest.mark.axis("masks", [None, "leading"])
def test_errors_of_a_last_target_flow_back_as_far_as_asked_for(cell_name, activation, masks):
    """Earlier timesteps of a sequence affect the outputs, but the gradient only through the states."""
    problem = Problem(n_samples=4, n_timesteps=7, masks=masks)
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation)
    whole, theta = make()
    _, expected = whole.full(theta)
    previous = np.inf
    for bptt_steps in (1, 3, 5, 7):
        ((batch, _, loss, gradient),) = run_epoch(make(bptt_steps=bptt_steps)[0], theta, batch_size=4)
        np.testing.assert_array_equal(batch.lengths, np.minimum(batch.first + batch.lengths, bptt_steps))
        assert loss == pytest.approx(whole.full(theta)[0], rel=1e-12)
        if bptt_steps == 7:
            np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-14)
        else:
            assert not np.allclose(gradient, expected, rtol=1e-6, atol=1e-8)
            assert not np.allclose(gradient, previous, rtol=1e-6, atol=1e-8)
        previous = gradient


def test_recurrent_weight_has_no_gradient_where_errors_flow_back_no_timestep_and_states_are_zero():
    objective, theta = make_objective(Problem(n_timesteps=5), hidden_layer_sizes=(2,), bptt_steps=1)
    views = objective.network.layout.views
    views(theta).layers[0].matrix[:] = 0.0  # then all states are zero
    ((_, _, _, gradient),) = run_epoch(objective, theta, batch_size=5)
    assert not views(gradient).layers[0].recurrent_weights.any()
    assert views(gradient).layers[0].input_weights.any()


# Pieces without targets


def only_at(timesteps, n_timesteps=8, bptt_steps=2, alpha=0.0):
    """Return an objective whose sequences have targets at these timesteps only, one without truncation, and theta."""
    problem = Problem(n_samples=4, n_timesteps=n_timesteps, return_sequences=True)
    made, theta = make_objective(problem, cell_name="lstm", hidden_layer_sizes=(3, 2))
    there = np.tile(np.isin(np.arange(n_timesteps), timesteps), 4).astype(float)
    targets = Targets(made.targets.values * there, there)
    parts = (made.network, LOSSES["squared_error"](), made.sequences, targets, alpha)
    return EveryForm(*parts, bptt_steps=bptt_steps), EveryForm(*parts), theta


@pytest.mark.axis(
    ("timesteps", "n_leading_in"),
    [([7], [3]), ([0], [0]), ([3], [1]), ([1, 6], [0, 2]), ([0, 2, 4, 6], [0, 0, 0, 0]), ([2, 3, 7], [1, 1])],
)
def test_segments_without_targets_lead_in_the_next_that_has(timesteps, n_leading_in):
    cut, whole, theta = only_at(timesteps)
    for _ in range(2):
        done = run_epoch(cut, theta, batch_size=4)
        assert [len(batch.lead_in) for batch, _, _, _ in done] == n_leading_in
        mean = np.average([loss for _, _, loss, _ in done], weights=[count for _, count, _, _ in done])
        assert mean == pytest.approx(whole.full(theta)[0], rel=1e-12)
        for batch, _, loss, gradient in done:
            function = loss_of_segment(cut, batch, states_before(cut, theta, batch))
            assert loss == pytest.approx(function(theta), rel=1e-12)
            directional_gradient_check(function, gradient, theta, np.random.default_rng(0))


def test_lead_in_goes_through_the_timesteps_with_the_theta_of_the_moment():
    cut, whole, theta = only_at([7])
    for shift in (0.0, 0.3):
        ((_, _, loss, _),) = run_epoch(cut, theta + shift, batch_size=4)
        assert loss == pytest.approx(whole.full(theta + shift)[0], rel=1e-12)


@pytest.mark.axis("return_sequences", [False, True])
def test_every_segment_bears_the_whole_penalty(return_sequences):
    problem = Problem(n_samples=4, n_timesteps=7, masks="leading", return_sequences=return_sequences)
    free, theta = make_objective(problem, bptt_steps=2)
    penalised, _ = make_objective(problem, bptt_steps=2, alpha=0.3)
    weights = np.where(free.network.layout.is_weight(), theta, 0.0)
    for (_, _, loss, gradient), (_, _, with_penalty, with_its_gradient) in zip(
        run_epoch(free, theta), run_epoch(penalised, theta), strict=True
    ):
        assert with_penalty - loss == pytest.approx(0.15 * weights @ weights, rel=1e-10)
        np.testing.assert_allclose(with_its_gradient - gradient, 0.3 * weights, atol=1e-13)


@CELLS_WITH_ACTIVATIONS
@EVERY_CUT
def test_float32_is_close_to_float64(cell_name, activation, problem):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, bptt_steps=2)
    (double, theta), (single, theta_32) = make(), make(dtype=np.float32)
    for (_, _, loss, gradient), (_, _, loss_32, gradient_32) in zip(
        run_epoch(double, theta), run_epoch(single, theta_32), strict=True
    ):
        assert gradient_32.dtype == np.float32
        assert loss_32 == pytest.approx(loss, rel=1e-4)
        np.testing.assert_allclose(gradient_32, gradient, rtol=1e-3, atol=1e-4)
