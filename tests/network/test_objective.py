"""Tests of the objective: gradients on the whole zoo, the penalty, weights, minibatches, chunks and workspaces."""

from functools import partial

import numpy as np
import pytest

from skrnn.losses import LOSSES
from skrnn.network import _layer, _network
from skrnn.network._objective import Objective
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import from_array
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import CELL_ACTIVATIONS, PROBLEMS, STACKS, Problem, make_objective

CELLS_WITH_ACTIVATIONS = pytest.mark.parametrize(("cell_name", "activation"), CELL_ACTIVATIONS)
EVERY_STACK = pytest.mark.parametrize("hidden_layer_sizes", STACKS.values(), ids=STACKS)
EVERY_PROBLEM = pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
EVERY_LOSS = pytest.mark.parametrize("loss_name", LOSSES)
ALL_AT_ONCE = PROBLEMS["all at once"]


def value(objective):
    """Return the function from theta to the objective over all the data."""
    return lambda theta: objective.full(theta)[0]


def penalty(objective, theta, alpha):
    """Return the penalty as it is documented, from the named views."""
    views = objective.network.layout.views(theta)
    weights = [views.readout.weights]
    for layer in views.layers:
        weights += [layer.input_weights, layer.recurrent_weights]
    return alpha / 2.0 * sum(float((array**2).sum()) for array in weights)


def mean_of_minibatches(objective, theta):
    """Return loss and gradient, averaged over minibatches of 3 and what is left, each counted by its size."""
    total, gradient = 0.0, np.zeros_like(theta)
    for batch in objective.minibatches(3, np.random.RandomState(0)):
        of_batch = np.full_like(theta, np.nan)
        total += objective(theta, batch, of_batch) * len(batch)
        gradient += of_batch * len(batch)
    return total / objective.n_samples, gradient / objective.n_samples


# Gradients


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_PROBLEM
@EVERY_LOSS
def test_gradient_along_a_random_direction(cell_name, activation, hidden_layer_sizes, problem, loss_name):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        loss_name=loss_name,
        alpha=0.1,
    )
    _, gradient = objective.full(theta)
    directional_gradient_check(value(objective), gradient, theta, np.random.default_rng(1))


@CELLS_WITH_ACTIVATIONS
@EVERY_PROBLEM
def test_gradient_on_the_zoo(cell_name, activation, problem):
    objective, theta = make_objective(problem, cell_name=cell_name, activation=activation, alpha=0.1)
    _, gradient = objective.full(theta)
    full_gradient_check(value(objective), gradient, theta)


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
def test_gradient_of_every_stack(cell_name, activation, hidden_layer_sizes):
    objective, theta = make_objective(
        ALL_AT_ONCE, cell_name=cell_name, activation=activation, hidden_layer_sizes=hidden_layer_sizes, alpha=0.1
    )
    _, gradient = objective.full(theta)
    full_gradient_check(value(objective), gradient, theta)


@CELLS_WITH_ACTIVATIONS
@EVERY_LOSS
def test_gradient_of_a_minibatch(cell_name, activation, loss_name):
    objective, theta = make_objective(
        ALL_AT_ONCE,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(3, 2),
        loss_name=loss_name,
        alpha=0.1,
    )
    batch = Batch(objective.sequences, np.array([6, 1, 4]))
    gradient, scratch = np.full_like(theta, np.nan), np.empty_like(theta)
    objective(theta, batch, gradient)
    directional_gradient_check(
        lambda theta: objective(theta, batch, scratch), gradient, theta, np.random.default_rng(0)
    )


def test_large_network_has_the_right_slope():
    problem = Problem(n_samples=40, n_timesteps=25, n_features=10, n_outputs=4, masks="anywhere", weighted=True)
    objective, theta = make_objective(problem, cell_name="gru", hidden_layer_sizes=(20, 20), alpha=0.01)
    theta *= 0.3
    _, gradient = objective.full(theta)
    directional_gradient_check(value(objective), gradient, theta, np.random.default_rng(0))


# The penalty


@EVERY_STACK
@CELLS_WITH_ACTIVATIONS
def test_penalty_is_half_alpha_times_squared_weights_and_biases_are_free(cell_name, activation, hidden_layer_sizes):
    make = partial(make_objective, ALL_AT_ONCE, cell_name=cell_name, activation=activation)
    free, theta = make(hidden_layer_sizes=hidden_layer_sizes)
    penalised, _ = make(hidden_layer_sizes=hidden_layer_sizes, alpha=0.3)
    loss, gradient = free.full(theta)
    penalised_loss, penalised_gradient = penalised.full(theta)
    assert penalised_loss - loss == pytest.approx(penalty(free, theta, 0.3), rel=1e-12)
    views = free.network.layout.views(penalised_gradient - gradient)
    at = free.network.layout.views(theta)
    np.testing.assert_allclose(views.readout.weights, 0.3 * at.readout.weights, atol=1e-14)
    assert not views.readout.bias.any()
    for layer, layer_at in zip(views.layers, at.layers, strict=True):
        np.testing.assert_allclose(layer.recurrent_weights, 0.3 * layer_at.recurrent_weights, atol=1e-14)
        np.testing.assert_allclose(layer.input_weights, 0.3 * layer_at.input_weights, atol=1e-14)
        assert not layer.biases.any()


def test_minibatches_bear_the_whole_penalty():
    free, theta = make_objective(ALL_AT_ONCE)
    penalised, _ = make_objective(ALL_AT_ONCE, alpha=0.3)
    for batch in free.minibatches(3, None):
        gradient = np.empty_like(theta)
        difference = penalised(theta, batch, gradient) - free(theta, batch, gradient)
        assert difference == pytest.approx(penalty(free, theta, 0.3), rel=1e-12)


# The mean loss, its weights, and its parts


@EVERY_PROBLEM
@EVERY_LOSS
def test_loss_is_the_weighted_mean(problem, loss_name):
    objective, theta = make_objective(problem, loss_name=loss_name)
    weights = problem.make_weights(np.random.default_rng(0))
    objective = Objective(objective.network, objective.loss, objective.sequences, objective.y, weights, 0.0)
    loss, raw = objective.mean_loss(theta)
    losses = objective.loss.loss_gradient(objective.y, raw, np.empty_like(raw))
    assert loss == pytest.approx(np.average(losses, weights=weights), rel=1e-12)
    assert objective.full(theta)[0] == pytest.approx(loss, rel=1e-12)


def test_mean_loss_is_without_penalty_and_its_outputs_in_the_order_of_the_samples():
    objective, theta = make_objective(PROBLEMS["masks anywhere"], alpha=0.3)
    loss, raw = objective.mean_loss(theta)
    assert objective.full(theta)[0] - loss == pytest.approx(penalty(objective, theta, 0.3), rel=1e-12)
    for i in range(objective.n_samples):
        alone = objective.sequences.take(np.array([i]))
        (_, expected), *_ = objective.network.outputs(theta, alone)
        np.testing.assert_allclose(raw[:, i], expected[:, 0], rtol=1e-12)


@EVERY_PROBLEM
def test_minibatches_add_up_to_the_whole(problem):
    objective, theta = make_objective(problem, cell_name="gru", alpha=0.1)
    loss, gradient = objective.full(theta)
    total, total_gradient = mean_of_minibatches(objective, theta)
    assert total == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(total_gradient, gradient, rtol=1e-10, atol=1e-14)


def test_weights_are_not_renormalised_by_a_minibatch():
    objective, theta = make_objective(Problem(n_samples=4))
    weights = np.array([3.0, 3.0, 1.0, 1.0])
    weighted = Objective(objective.network, objective.loss, objective.sequences, objective.y, weights, 0.0)
    for indices, factor in (([0, 1], 1.5), ([2, 3], 0.5)):
        batch = Batch(objective.sequences, np.array(indices))
        plain_gradient, gradient = np.empty_like(theta), np.empty_like(theta)
        plain = objective(theta, batch, plain_gradient)
        assert weighted(theta, batch, gradient) == pytest.approx(factor * plain, rel=1e-13)
        np.testing.assert_allclose(gradient, factor * plain_gradient, rtol=1e-12, atol=1e-16)


@EVERY_LOSS
@pytest.mark.parametrize("masks", [None, "anywhere"])
def test_weight_of_zero_leaves_out_and_weight_of_two_repeats(loss_name, masks):
    problem = Problem(n_samples=5, n_outputs=2, masks=masks)
    objective, theta = make_objective(problem, loss_name=loss_name, alpha=0.1)
    weights = np.array([1.0, 0.0, 2.0, 1.0, 0.0])
    repeated = np.array([0, 2, 2, 3])
    weighted = Objective(objective.network, objective.loss, objective.sequences, objective.y, weights, 0.1)
    rows = Objective(
        objective.network, objective.loss, objective.sequences.take(repeated), objective.y[:, repeated], None, 0.1
    )
    (loss, gradient), (expected, expected_gradient) = weighted.full(theta), rows.full(theta)
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_common_factor_of_all_weights_does_not_matter(scale):
    objective, theta = make_objective(ALL_AT_ONCE)
    scaled = Objective(
        objective.network, objective.loss, objective.sequences, objective.y, scale * objective.weights, 0.0
    )
    assert scaled.full(theta)[0] == pytest.approx(objective.full(theta)[0], rel=1e-12)


# Blocks, chunks, workspaces, padding


@CELLS_WITH_ACTIVATIONS
@pytest.mark.parametrize("masks", [None, "anywhere"])
def test_blocks_of_any_size_give_the_same(cell_name, activation, masks, monkeypatch):
    problem = Problem(n_timesteps=50, masks=masks)
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    objective, theta = make(alpha=0.1)
    loss, gradient = objective.full(theta)
    for n_bytes in (1, 5000):
        monkeypatch.setattr(_layer, "_BLOCK_BYTES", n_bytes)
        in_blocks, _ = make(alpha=0.1)
        loss_again, gradient_again = in_blocks.full(theta)
        assert loss_again == loss
        np.testing.assert_allclose(gradient_again, gradient, rtol=1e-10, atol=1e-13)


@CELLS_WITH_ACTIVATIONS
@EVERY_PROBLEM
def test_chunks_of_any_size_give_the_same(cell_name, activation, problem, monkeypatch):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    objective, theta = make(alpha=0.1)
    loss, gradient = objective.full(theta)
    _, raw = objective.mean_loss(theta)
    monkeypatch.setattr(_network, "_MAX_CHUNK_SIZE", 2)
    monkeypatch.setattr(_network, "_CHUNK_BYTES", 2**30)
    in_chunks, _ = make(alpha=0.1)
    assert len(in_chunks.network.chunks(in_chunks.sequences)) == -(-problem.n_samples // 2)
    for _ in range(2):  # the second time in workspaces that have been used
        loss_again, gradient_again = in_chunks.full(theta)
        assert loss_again == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(gradient_again, gradient, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(in_chunks.mean_loss(theta)[1], raw, rtol=1e-11, atol=1e-13)


def test_bytes_of_a_chunk_decide_on_its_size(monkeypatch):
    objective, theta = make_objective(PROBLEMS["leading masks"], alpha=0.1)
    loss, gradient = objective.full(theta)
    monkeypatch.setattr(_network, "_CHUNK_BYTES", 1)
    in_chunks, _ = make_objective(PROBLEMS["leading masks"], alpha=0.1)
    assert [len(chunk) for chunk in in_chunks.network.chunks(in_chunks.sequences)] == [1] * 5
    loss_again, gradient_again = in_chunks.full(theta)
    assert loss_again == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(gradient_again, gradient, rtol=1e-10, atol=1e-13)


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
def test_used_workspace_gives_what_a_fresh_one_gives(cell_name, activation, hidden_layer_sizes):
    make = partial(make_objective, ALL_AT_ONCE, cell_name=cell_name, activation=activation)
    used, theta = make(hidden_layer_sizes=hidden_layer_sizes)
    batches = [np.array(indices) for indices in ([0, 1, 2], [5, 6, 7], [3, 0, 7])]
    assert len({tuple(sorted(used.sequences.lengths[indices])) for indices in batches}) == 3
    for indices in batches:
        batch = Batch(used.sequences, indices)
        fresh, _ = make(hidden_layer_sizes=hidden_layer_sizes)
        gradient, expected = np.full_like(theta, np.nan), np.full_like(theta, np.nan)
        assert used(theta, batch, gradient) == fresh(theta, batch, expected)
        np.testing.assert_array_equal(gradient, expected)
        theta = theta + 0.1


def test_second_evaluation_does_not_overwrite_the_first():
    objective, theta = make_objective(ALL_AT_ONCE)
    _, first = objective.full(theta)
    kept = first.copy()
    _, second = objective.full(theta + 0.1)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)


def test_theta_changed_in_place_is_seen():
    objective, theta = make_objective(ALL_AT_ONCE, alpha=0.1)
    objective.full(theta)
    theta += 0.1
    fresh, _ = make_objective(ALL_AT_ONCE, alpha=0.1)
    assert objective.full(theta)[0] == fresh.full(theta.copy())[0]


@CELLS_WITH_ACTIVATIONS
def test_amount_and_place_of_padding_do_not_matter(cell_name, activation):
    objective, theta = make_objective(PROBLEMS["leading masks"], cell_name=cell_name, activation=activation)
    loss, gradient = objective.full(theta)
    X = PROBLEMS["leading masks"].make_sequences(np.random.default_rng(7))
    more = np.full((len(X), 20, X.shape[2]), np.nan)
    for places in (np.arange(14, 20), np.arange(6), np.arange(0, 18, 3)):
        more[:] = np.nan
        more[:, places] = X
        padded = Objective(objective.network, objective.loss, from_array(more), objective.y, None, 0.0)
        loss_again, gradient_again = padded.full(theta)
        assert loss_again == loss
        np.testing.assert_array_equal(gradient_again, gradient)


# dtypes


@CELLS_WITH_ACTIVATIONS
@EVERY_LOSS
def test_float32_stays_float32_and_is_close_to_float64(cell_name, activation, loss_name):
    make = partial(make_objective, ALL_AT_ONCE, cell_name=cell_name, activation=activation, loss_name=loss_name)
    double, theta = make(hidden_layer_sizes=(3, 2), alpha=0.1)
    single, theta_32 = make(hidden_layer_sizes=(3, 2), alpha=0.1, dtype=np.float32)
    expected, expected_gradient = double.full(theta)
    for given in (theta_32, theta):  # SciPy hands over float64
        loss, gradient = single.full(given)
        assert isinstance(loss, float)
        assert gradient.dtype == np.float32
        assert loss == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-3, atol=1e-5)
    for room in single._rooms.values():
        for array in (room.raw, room.d_raw, room.readout_operand, *room.d_outputs):
            assert array.dtype == np.float32
        for layer in room.layers:
            assert {array.dtype for array in vars(layer).values() if isinstance(array, np.ndarray)} == {
                np.dtype(np.float32)
            }


def test_minibatch_gradient_lands_in_the_given_array():
    objective, theta = make_objective(ALL_AT_ONCE, dtype=np.float32, alpha=0.1)
    theta.flags.writeable = False
    gradient = np.full_like(theta, np.nan)
    batch = next(objective.minibatches(4, None))
    loss = objective(theta, batch, gradient)
    assert isinstance(loss, float)
    assert np.isfinite(gradient).all()
