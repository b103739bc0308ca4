"""Tests of the objective: gradients on all problems, the penalty, weights, minibatches, chunks and workspaces."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from skrnn.losses._losses import LOSSES
from skrnn.network import _inference, _layer_workspace, _objective
from skrnn.network._inference import outputs, split
from skrnn.network._objective import weighted_sum
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import from_array
from skrnn.sequences._targets import Targets
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import (
    CELL_ACTIVATIONS,
    PARTLY_MISSING,
    PROBLEMS,
    READINGS,
    STACKS,
    EveryForm,
    Problem,
    make_objective,
)

CELLS_WITH_ACTIVATIONS = pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS)
EVERY_STACK = pytest.mark.axis("hidden_layer_sizes", STACKS.values(), ids=STACKS)
EVERY_PROBLEM = pytest.mark.axis("problem", PROBLEMS.values(), ids=PROBLEMS)
EVERY_LOSS = pytest.mark.axis("loss_name", LOSSES)
EVERY_DIRECTION = pytest.mark.axis("bidirectional", [False, True], ids=["forward", "bidirectional"])
ALL_AT_ONCE = PROBLEMS["all at once"]
AT_EVERY_TIMESTEP = PROBLEMS["all at once, at every timestep"]
#: Smaller stacks of the same number of layers, for checks of every entry with two directions.
FEWER_UNITS = {(3, 2): (2, 1), (2, 3, 2): (1, 2, 1)}
EVERY_READING = pytest.mark.axis("problem", READINGS.values(), ids=READINGS)


def value(objective):
    """Return the function from theta to the objective over all the data."""
    return lambda theta: objective.full(theta)[0]


def check_every_entry(objective, theta, alpha):
    """Check the gradient for all data against the loss of `evaluate`, which takes half the time, plus the penalty."""
    loss, gradient = objective.full(theta)

    def function(theta):
        return objective.evaluate(theta)[0] + penalty(objective, theta, alpha)

    assert loss == pytest.approx(function(theta), rel=1e-12)
    full_gradient_check(function, gradient, theta)


def reweighted(objective, weights, alpha=0.0):
    """Return the same objective with other weights."""
    targets = Targets(objective.targets.values, weights, objective.targets.present)
    return EveryForm(objective.network, objective.loss, objective.sequences, targets, alpha)


def penalty(objective, theta, alpha):
    """Return the documented penalty, from the named views."""
    views = objective.network.layout.views(theta)
    weights = [views.readout.weights]
    for layer in views.layers:
        weights += [layer.input_weights, layer.recurrent_weights]
    return alpha / 2.0 * sum(float((array**2).sum()) for array in weights)


def mean_of_minibatches(objective, theta, batch_size=3, seed=0):
    """Return loss and gradient, averaged over minibatches weighted by `count`."""
    total, gradient, total_count = 0.0, np.zeros_like(theta), 0.0
    for batch in objective.minibatches(batch_size, np.random.RandomState(seed)):
        of_batch, count = np.full_like(theta, np.nan), objective.count(batch)
        total += objective(theta, batch, of_batch) * count
        gradient += of_batch * count
        total_count += count
    assert total_count == pytest.approx(objective.n_targets, rel=1e-12)
    return total / total_count, gradient / total_count


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
@EVERY_STACK
@EVERY_PROBLEM
def test_gradient_of_both_directions_along_a_random_one(cell_name, activation, hidden_layer_sizes, problem):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        alpha=0.1,
        bidirectional=True,
    )
    _, gradient = objective.full(theta)
    directional_gradient_check(value(objective), gradient, theta, np.random.default_rng(1))


@CELLS_WITH_ACTIVATIONS
@EVERY_PROBLEM
@EVERY_DIRECTION
def test_gradient_on_the_zoo(cell_name, activation, problem, bidirectional):
    objective, theta = make_objective(
        problem, cell_name=cell_name, activation=activation, alpha=0.1, bidirectional=bidirectional
    )
    check_every_entry(objective, theta, 0.1)


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_DIRECTION
@EVERY_READING
def test_gradient_of_every_stack(cell_name, activation, hidden_layer_sizes, problem, bidirectional):
    if bidirectional:
        hidden_layer_sizes = FEWER_UNITS.get(hidden_layer_sizes, hidden_layer_sizes)
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=hidden_layer_sizes,
        alpha=0.1,
        bidirectional=bidirectional,
    )
    check_every_entry(objective, theta, 0.1)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@pytest.mark.axis("loss_name", ["squared_error", "binary_log_loss"])
def test_gradient_where_targets_lack_some_outputs(cell_name, activation, loss_name, bidirectional):
    objective, theta = make_objective(
        PARTLY_MISSING,
        cell_name=cell_name,
        activation=activation,
        loss_name=loss_name,
        alpha=0.1,
        bidirectional=bidirectional,
    )
    check_every_entry(objective, theta, 0.1)
    _, gradient = objective.full(theta)
    directional_gradient_check(value(objective), gradient, theta, np.random.default_rng(1))


@CELLS_WITH_ACTIVATIONS
@EVERY_LOSS
@EVERY_DIRECTION
@EVERY_READING
def test_gradient_of_a_minibatch(cell_name, activation, loss_name, problem, bidirectional):
    objective, theta = make_objective(
        problem,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(3, 2),
        loss_name=loss_name,
        alpha=0.1,
        bidirectional=bidirectional,
    )
    batch = Batch.of(objective.sequences, np.array([6, 1, 4]))
    gradient, scratch = np.full_like(theta, np.nan), np.empty_like(theta)
    objective(theta, batch, gradient)
    directional_gradient_check(
        lambda theta: objective(theta, batch, scratch), gradient, theta, np.random.default_rng(0)
    )


@EVERY_DIRECTION
@pytest.mark.axis("return_sequences", [False, True])
def test_large_network_has_the_right_slope(bidirectional, return_sequences):
    problem = Problem(40, 25, 10, 4, masks="anywhere", weighted=True, return_sequences=return_sequences)
    objective, theta = make_objective(
        problem, cell_name="gru", hidden_layer_sizes=(20, 20), alpha=0.01, bidirectional=bidirectional
    )
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
    objective, theta = make_objective(problem, loss_name=loss_name, alpha=0.1)
    raw, targets = objective.raw(theta), objective.targets
    losses = objective.loss.loss_gradient(targets.values, raw, np.empty_like(raw))
    expected = np.average(losses, weights=targets.weights)
    loss, score = objective.evaluate(theta)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert score == pytest.approx(objective.loss.score(targets.values, raw, targets.weights), rel=1e-12)
    assert objective.full(theta)[0] - penalty(objective, theta, 0.1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.axis("loss_name", ["squared_error", "binary_log_loss"])
def test_loss_is_the_weighted_mean_over_the_entries_that_are_there(loss_name):
    objective, theta = make_objective(PARTLY_MISSING, loss_name=loss_name)
    raw, (values, weights, present) = objective.raw(theta), vars(objective.targets).values()
    one_by_one = np.array(
        [objective.loss.loss_gradient(values[k : k + 1], raw[k : k + 1], np.empty((1, raw.shape[1]))) for k in range(3)]
    )
    expected = np.average(one_by_one, weights=weights * present)
    if loss_name == "binary_log_loss":  # is summed over the outputs that are not missing
        expected *= 3.0
    assert objective.full(theta)[0] == pytest.approx(expected, rel=1e-12)
    loss, score = objective.evaluate(theta)
    assert loss == pytest.approx(expected, rel=1e-12)
    assert score == objective.loss.score(values, raw, weights, present) != objective.loss.score(values, raw, weights)


@EVERY_DIRECTION
@pytest.mark.axis("return_sequences", [False, True])
def test_outputs_come_in_the_order_of_the_targets(bidirectional, return_sequences):
    problem = Problem(masks="anywhere", return_sequences=return_sequences)
    objective, theta = make_objective(problem, bidirectional=bidirectional)
    alone = [
        outputs(objective.network, theta, objective.sequences.take(np.array([i]))) for i in range(objective.n_samples)
    ]
    np.testing.assert_allclose(objective.raw(theta), np.concatenate(alone, axis=1), rtol=1e-12)


def test_evaluation_is_without_penalty():
    objective, theta = make_objective(PROBLEMS["masks anywhere"], alpha=0.3)
    loss, _ = objective.evaluate(theta)
    assert objective.full(theta)[0] - loss == pytest.approx(penalty(objective, theta, 0.3), rel=1e-12)


@EVERY_PROBLEM
@EVERY_DIRECTION
def test_minibatches_add_up_to_the_whole(problem, bidirectional):
    objective, theta = make_objective(problem, cell_name="gru", alpha=0.1, bidirectional=bidirectional)
    loss, gradient = objective.full(theta)
    total, total_gradient = mean_of_minibatches(objective, theta)
    assert total == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(total_gradient, gradient, rtol=1e-10, atol=1e-14)


def test_minibatches_are_shuffled_by_the_generator_alone():
    objective, _ = make_objective(Problem(n_samples=12))

    def members(rng):
        return [sorted(batch.indices.tolist()) for batch in objective.minibatches(4, rng)]

    assert members(None) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    first, again, other = (members(np.random.RandomState(seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert members(None) != first
    np.testing.assert_array_equal(np.sort(np.concatenate(first)), range(12))


@pytest.mark.axis("loss_name", ["squared_error", "binary_log_loss"])
def test_minibatches_add_up_to_the_whole_where_targets_lack_some_outputs(loss_name):
    objective, theta = make_objective(PARTLY_MISSING, cell_name="gru", loss_name=loss_name, alpha=0.1)
    loss, gradient = objective.full(theta)
    total, total_gradient = mean_of_minibatches(objective, theta)
    assert total == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(total_gradient, gradient, rtol=1e-10, atol=1e-14)


@EVERY_PROBLEM
@EVERY_DIRECTION
@pytest.mark.axis("most", [1, 2, 3])
def test_large_minibatch_goes_through_in_chunks(most, problem, bidirectional, monkeypatch):
    objective, theta = make_objective(problem, cell_name="lstm", alpha=0.1, bidirectional=bidirectional)
    n_samples = objective.n_samples
    loss, gradient = mean_of_minibatches(objective, theta, batch_size=n_samples)
    monkeypatch.setattr(_objective, "_MOST_SEQUENCES", most)
    in_chunks, _ = make_objective(problem, cell_name="lstm", alpha=0.1, bidirectional=bidirectional)
    for _ in range(2):  # the second time in workspaces that have been used
        total, total_gradient = mean_of_minibatches(in_chunks, theta, batch_size=n_samples)
        assert total == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(total_gradient, gradient, rtol=1e-10, atol=1e-14)
    assert max(n_columns for n_columns, *_ in in_chunks.on_minibatches._workspaces) <= most  # what fits at once


@EVERY_PROBLEM
@EVERY_DIRECTION
@pytest.mark.axis("cell_name", ["gru", "lstm"])
@pytest.mark.axis("most", [2, 2048])
def test_minibatch_is_divided_among_threads(cell_name, most, problem, bidirectional, monkeypatch):
    monkeypatch.setattr(_objective, "_LEAST_WORK", 0)
    monkeypatch.setattr(_objective, "_MOST_SEQUENCES", most)
    options = {"cell_name": cell_name, "alpha": 0.1, "bidirectional": bidirectional}
    alone, theta = make_objective(problem, **options)
    loss, gradient = mean_of_minibatches(alone, theta, batch_size=5)
    with ThreadPoolExecutor(3) as threads:
        shared, _ = make_objective(problem, **options)
        shared.objective.map_chunks, shared.on_minibatches.n_threads = threads.map, 3
        results = [mean_of_minibatches(shared, theta, batch_size=5) for _ in range(2)]
    assert max(thread for _, thread, _ in shared.on_minibatches._workspaces) == min(most, 3, alone.n_samples) - 1
    assert results[0][0] == results[1][0] == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(results[0][1], gradient, rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(results[0][1], results[1][1])


def test_small_minibatch_stays_in_one_thread():
    objective, theta = make_objective(Problem(n_samples=8))
    objective.objective.map_chunks, objective.on_minibatches.n_threads = None, 2  # a map that nobody calls
    mean_of_minibatches(objective, theta, batch_size=8)
    assert {thread for _, thread, _ in objective.on_minibatches._workspaces} == {0}


@pytest.mark.axis("return_sequences", [False, True])
def test_minibatch_without_any_weight_counts_nothing(return_sequences):
    """A minibatch may consist of sequences of weight zero, or without any target."""
    objective, theta = make_objective(Problem(n_samples=4, masks="leading", return_sequences=return_sequences))
    lengths = objective.sequences.lengths if return_sequences else np.ones(4, int)
    weighted = reweighted(objective, np.repeat([1.0, 0.0, 2.0, 0.0], lengths), alpha=0.1)
    loss, gradient = weighted.full(theta)
    total, total_gradient = mean_of_minibatches(weighted, theta, batch_size=1)
    assert total == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(total_gradient, gradient, rtol=1e-10, atol=1e-14)


def test_weights_are_not_renormalised_by_a_minibatch():
    objective, theta = make_objective(Problem(n_samples=4))
    weighted = reweighted(objective, np.array([3.0, 3.0, 1.0, 1.0]))
    for indices, factor in (([0, 1], 1.5), ([2, 3], 0.5)):
        batch = Batch.of(objective.sequences, np.array(indices))
        plain_gradient, gradient = np.empty_like(theta), np.empty_like(theta)
        plain = objective(theta, batch, plain_gradient)
        assert weighted(theta, batch, gradient) == pytest.approx(factor * plain, rel=1e-13)
        np.testing.assert_allclose(gradient, factor * plain_gradient, rtol=1e-12, atol=1e-16)


@EVERY_LOSS
@EVERY_DIRECTION
@pytest.mark.axis("return_sequences", [False, True])
@pytest.mark.axis("masks", [None, "anywhere"])
def test_weight_of_zero_leaves_out_and_weight_of_two_repeats(loss_name, masks, return_sequences, bidirectional):
    problem = Problem(n_samples=5, n_outputs=2, masks=masks, return_sequences=return_sequences)
    objective, theta = make_objective(problem, loss_name=loss_name, alpha=0.1, bidirectional=bidirectional)
    sequences, targets = objective.sequences, objective.targets
    weights = np.array([1.0, 0.0, 2.0, 1.0, 0.0])
    repeated = np.array([0, 2, 2, 3])
    columns = sequences.columns(repeated) if return_sequences else repeated
    if return_sequences:
        weights = np.repeat(weights, sequences.lengths)
    weighted = reweighted(objective, weights, alpha=0.1)
    rows = EveryForm(objective.network, objective.loss, sequences.take(repeated), targets.take(columns), 0.1)
    (loss, gradient), (expected, expected_gradient) = weighted.full(theta), rows.full(theta)
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-10, atol=1e-14)
    assert weighted.evaluate(theta) == pytest.approx(rows.evaluate(theta), rel=1e-12)


def test_timesteps_without_a_target_are_gone_through_all_the_same():
    """A target only at the last timestep has the same loss as in a network with one output per sequence."""
    last, theta = make_objective(Problem(masks="anywhere"), hidden_layer_sizes=(3, 2))
    every, _ = make_objective(Problem(masks="anywhere", return_sequences=True), hidden_layer_sizes=(3, 2))
    ends = every.sequences.first_columns + every.sequences.lengths - 1
    values, weights = np.zeros((1, len(every.targets))), np.zeros(len(every.targets))
    values[:, ends], weights[ends] = last.targets.values, 1.0
    every = EveryForm(every.network, every.loss, every.sequences, Targets(values, weights), 0.0)
    (loss, gradient), (expected, expected_gradient) = every.full(theta), last.full(theta)
    assert loss == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-10, atol=1e-14)
    assert every.evaluate(theta) == pytest.approx(last.evaluate(theta), rel=1e-12)


@pytest.mark.axis("scale", [1e-8, 1e8])
def test_common_factor_of_all_weights_does_not_matter(scale):
    objective, theta = make_objective(ALL_AT_ONCE)
    scaled = reweighted(objective, scale * objective.targets.weights)
    assert scaled.full(theta)[0] == pytest.approx(objective.full(theta)[0], rel=1e-12)


# Blocks, chunks, workspaces, padding


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@pytest.mark.axis("masks", [None, "anywhere"])
def test_blocks_of_any_size_give_the_same(cell_name, activation, masks, bidirectional, monkeypatch):
    problem = Problem(n_timesteps=50, masks=masks)
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    make = partial(make, alpha=0.1, bidirectional=bidirectional)
    objective, theta = make()
    loss, gradient = objective.full(theta)
    for n_bytes in (1, 5000):
        monkeypatch.setattr(_layer_workspace, "_BLOCK_BYTES", n_bytes)
        in_blocks, _ = make()
        loss_again, gradient_again = in_blocks.full(theta)
        assert loss_again == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(gradient_again, gradient, rtol=1e-10, atol=1e-13)


def cut(monkeypatch, chunk_size):
    """Set the number of sequences per chunk."""
    monkeypatch.setattr(_inference, "_MIN_CHUNK_SIZE", 1)
    monkeypatch.setattr(_inference, "_CHUNK_SIZE", chunk_size)
    monkeypatch.setattr(_inference, "_CHUNK_BYTES", 2**30)


@CELLS_WITH_ACTIVATIONS
@EVERY_PROBLEM
@EVERY_DIRECTION
def test_chunks_of_any_size_give_the_same(cell_name, activation, problem, bidirectional, monkeypatch):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    make = partial(make, alpha=0.1, bidirectional=bidirectional)
    objective, theta = make()
    loss, gradient = objective.full(theta)
    raw = objective.raw(theta)
    cut(monkeypatch, 2)
    in_chunks, _ = make()
    assert len(split(in_chunks.network, in_chunks.sequences)) == max(1, problem.n_samples // 2)
    for _ in range(2):  # the second time in workspaces that have been used
        loss_again, gradient_again = in_chunks.full(theta)
        assert loss_again == pytest.approx(loss, rel=1e-12)
        np.testing.assert_allclose(gradient_again, gradient, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(in_chunks.raw(theta), raw, rtol=1e-11, atol=1e-13)


def test_bytes_of_a_chunk_decide_on_its_size(monkeypatch):
    objective, theta = make_objective(PROBLEMS["leading masks"], alpha=0.1)
    loss, gradient = objective.full(theta)
    monkeypatch.setattr(_inference, "_CHUNK_BYTES", 1)
    monkeypatch.setattr(_inference, "_MIN_CHUNK_SIZE", 1)
    in_chunks, _ = make_objective(PROBLEMS["leading masks"], alpha=0.1)
    assert [len(chunk) for chunk in split(in_chunks.network, in_chunks.sequences)] == [1] * 5
    loss_again, gradient_again = in_chunks.full(theta)
    assert loss_again == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(gradient_again, gradient, rtol=1e-10, atol=1e-13)


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
def test_any_map_gives_the_same_bit_for_bit(cell_name, activation, problem, bidirectional, monkeypatch):
    cut(monkeypatch, 2)
    made, theta = make_objective(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2), bidirectional=bidirectional
    )
    parts = (made.network, made.loss, made.sequences, made.targets, 0.1)
    objective = EveryForm(*parts)
    (loss, gradient), raw, evaluation = objective.full(theta), objective.raw(theta), objective.evaluate(theta)
    with ThreadPoolExecutor(4) as pool:
        mapped = EveryForm(*parts, map_chunks=pool.map)
        for _ in range(3):
            loss_again, gradient_again = mapped.full(theta)
            assert loss_again == loss
            np.testing.assert_array_equal(gradient_again, gradient)
            np.testing.assert_array_equal(mapped.raw(theta), raw)
            assert mapped.evaluate(theta) == evaluation


@EVERY_READING
def test_pickled_objective_leaves_its_workspaces_behind(problem):
    made, theta = make_objective(problem, cell_name="lstm", hidden_layer_sizes=(30, 30), alpha=0.1)
    objective = made.over_all_data
    small = len(pickle.dumps(objective))
    loss, gradient = objective.full(theta)
    copy = pickle.loads(pickle.dumps(objective))
    assert len(pickle.dumps(objective)) < small + 2 * theta.nbytes + 5000  # theta, and the plan
    loss_again, gradient_again = copy.full(theta)
    assert loss_again == loss
    np.testing.assert_array_equal(gradient_again, gradient)


def test_pickled_objective_maps_in_its_own_process():
    """A map over threads or workers cannot be pickled, and must not be, because workers would wait for each other."""
    made, theta = make_objective(ALL_AT_ONCE)
    parts = (made.network, made.loss, made.sequences, made.targets, 0.0)
    with ThreadPoolExecutor(1) as pool:
        copy = pickle.loads(pickle.dumps(EveryForm(*parts, map_chunks=pool.map).over_all_data))
    assert copy.objective.map_chunks is map
    assert copy.full(theta)[0] == EveryForm(*parts).full(theta)[0]


@CELLS_WITH_ACTIVATIONS
@EVERY_STACK
@EVERY_DIRECTION
@EVERY_READING
def test_used_and_new_workspace_give_the_same_results(
    cell_name, activation, hidden_layer_sizes, problem, bidirectional
):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, bidirectional=bidirectional)
    used, theta = make(hidden_layer_sizes=hidden_layer_sizes)
    longest, shortest = np.argsort(-used.sequences.lengths)[:3], np.argsort(used.sequences.lengths)[:3]
    batches = [longest, shortest, *(np.array(indices) for indices in ([0, 1, 2], [5, 6, 7], [3, 0, 7]))]
    assert len({tuple(sorted(used.sequences.lengths[indices])) for indices in batches}) >= 3
    for indices in batches:
        batch = Batch.of(used.sequences, indices)
        fresh, _ = make(hidden_layer_sizes=hidden_layer_sizes)
        gradient, expected = np.full_like(theta, np.nan), np.full_like(theta, np.nan)
        assert used(theta, batch, gradient) == fresh(theta, batch, expected)
        np.testing.assert_array_equal(gradient, expected)
        theta = theta + 0.1


@CELLS_WITH_ACTIVATIONS
@EVERY_DIRECTION
@EVERY_READING
def test_diverged_batch_leaves_nothing_behind_in_columns_that_end_earlier(
    cell_name, activation, problem, bidirectional
):
    """A line search may try a theta for which states are not finite, and continue from a better one."""
    objective, theta = make_objective(
        problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2), bidirectional=bidirectional
    )
    order = np.argsort(-objective.sequences.lengths)
    longest, shortest = (Batch.of(objective.sequences, indices) for indices in (order[:4], order[4:]))
    gradient, expected = np.empty_like(theta), np.empty_like(theta)
    loss = objective(theta, shortest, expected)
    with np.errstate(all="ignore"):
        objective(np.full_like(theta, np.inf), longest, gradient)
    assert objective(theta, shortest, gradient) == loss
    np.testing.assert_array_equal(gradient, expected)


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
@EVERY_DIRECTION
@pytest.mark.axis("name", ["leading masks", "every timestep of ragged sequences"])
def test_amount_and_place_of_padding_do_not_matter(cell_name, activation, name, bidirectional):
    made, theta = make_objective(
        PROBLEMS[name], cell_name=cell_name, activation=activation, bidirectional=bidirectional
    )
    loss, gradient = EveryForm(made.network, made.loss, made.sequences, made.targets, 0.0).full(theta)
    X = PROBLEMS[name].make_sequences(np.random.default_rng(7))
    more = np.full((len(X), 20, X.shape[2]), np.nan)
    for places in (np.arange(14, 20), np.arange(6), np.arange(0, 18, 3)):
        more[:] = np.nan
        more[:, places] = X
        padded = EveryForm(made.network, made.loss, from_array(more), made.targets, 0.0)
        loss_again, gradient_again = padded.full(theta)
        assert loss_again == loss
        np.testing.assert_array_equal(gradient_again, gradient)


# dtypes


@CELLS_WITH_ACTIVATIONS
@EVERY_LOSS
@EVERY_DIRECTION
@EVERY_READING
def test_float32_stays_float32_and_is_close_to_float64(cell_name, activation, loss_name, problem, bidirectional):
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, loss_name=loss_name)
    make = partial(make, hidden_layer_sizes=(3, 2), alpha=0.1, bidirectional=bidirectional)
    double, theta = make()
    single, theta_32 = make(dtype=np.float32)
    expected, expected_gradient = double.full(theta)
    single(theta_32, next(single.minibatches(3, None)), np.empty_like(theta_32))
    for given in (theta_32, theta):  # SciPy passes float64
        loss, gradient = single.full(given)
        assert isinstance(loss, float)
        assert gradient.dtype == np.float32
        assert loss == pytest.approx(expected, rel=1e-4)
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-3, atol=1e-5)
    targets = single.targets
    of_chunks = single.over_all_data.chunks._workspaces._free
    of_minibatches = single.on_minibatches._workspaces
    assert of_chunks
    assert of_minibatches
    assert targets.values.dtype == targets.weights.dtype == single.raw(theta_32).dtype == np.float32
    for workspace in (*of_chunks, *of_minibatches.values()):
        holders = (workspace, *workspace.layers)
        arrays = [array for holder in holders for array in vars(holder).values() if isinstance(array, np.ndarray)]
        assert {array.dtype for array in (*arrays, *workspace.d_outputs)} == {np.dtype(np.float32)}


@pytest.mark.axis("weights", [None, np.ones(4, np.float32)])
def test_losses_in_float32_are_added_up_in_float64(weights):
    losses = np.array([2.0**24, 1.0, 1.0, 1.0], np.float32)  # from which on float32 cannot count
    assert weighted_sum(losses, weights) == 2.0**24 + 3.0


@pytest.mark.axis("problem", [ALL_AT_ONCE, AT_EVERY_TIMESTEP, PARTLY_MISSING])
def test_minibatch_gradient_lands_in_the_given_array(problem):
    objective, theta = make_objective(problem, dtype=np.float32, alpha=0.1)
    theta.flags.writeable = False
    gradient = np.full_like(theta, np.nan)
    batch = next(objective.minibatches(4, None))
    loss = objective(theta, batch, gradient)
    assert isinstance(loss, float)
    assert np.isfinite(gradient).all()
