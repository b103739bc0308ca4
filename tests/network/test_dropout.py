"""Tests of dropout: one mask per sequence, gradients for fixed masks, and no dropout outside training."""

from functools import partial

import numpy as np
import pytest

from skrnn.cells._registry import CELLS
from skrnn.network._network import Network, Workspace
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import CELL_ACTIVATIONS, KINDS_OF_NETWORKS, PROBLEMS, Problem, make_objective

CELLS_WITH_ACTIVATIONS = pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS)
RATES = {
    "dropout": {"dropout": 0.4},
    "recurrent dropout": {"recurrent_dropout": 0.4},
    "both": {"dropout": 0.3, "recurrent_dropout": 0.5},
}
EVERY_RATE = pytest.mark.axis("rates", RATES.values(), ids=RATES)
EVERY_DIRECTION = pytest.mark.axis("bidirectional", [False, True], ids=["forward", "bidirectional"])
EVERY_KIND = pytest.mark.axis("kind", KINDS_OF_NETWORKS.values(), ids=KINDS_OF_NETWORKS)
SMALL = {
    "last": Problem(n_samples=3, n_timesteps=3, n_outputs=2, masks="anywhere", weighted=True),
    "every timestep": Problem(
        3, 3, n_outputs=2, masks="anywhere", weighted=True, return_sequences=True, missing="columns"
    ),
}


def at_fixed_masks(objective, batch, seed=3):
    """Return the function from theta to the objective of a minibatch, with the masks drawn from `seed`."""

    def function(theta, gradient=None):
        objective.rng.seed(seed)
        return objective(theta, batch, np.empty_like(theta) if gradient is None else gradient)

    return function


def make_batch(problem, **settings):
    """Return an objective with dropout, the minibatch of all its sequences, and theta."""
    objective, theta = make_objective(problem, rng=np.random.RandomState(0), **settings)
    (batch,) = objective.minibatches(problem.n_samples, None)
    return objective, batch, theta


def masks_of(workspace):
    """Return all masks of a workspace."""
    states = [layer.state_mask for layer in workspace.layers if layer.state_mask is not None]
    return states + workspace.output_masks


def drawn(network, seed=0, n_sequences=3000, dtype=np.float64):
    """Return the workspace for batches of a timestep, with new masks."""
    workspace = Workspace(network, 1, n_sequences, dtype, backward=True)
    workspace.begin(network, np.random.RandomState(seed))
    return workspace


# Gradients at fixed masks


@CELLS_WITH_ACTIVATIONS
@EVERY_RATE
@EVERY_DIRECTION
@pytest.mark.axis("problem", SMALL.values(), ids=SMALL)
def test_every_entry_of_the_gradient(cell_name, activation, rates, problem, bidirectional):
    settings = {"cell_name": cell_name, "activation": activation, "hidden_layer_sizes": (2, 1), "alpha": 0.1}
    objective, batch, theta = make_batch(problem, bidirectional=bidirectional, **settings, **rates)
    gradient = np.full_like(theta, np.nan)
    function = at_fixed_masks(objective, batch)
    function(theta, gradient)
    full_gradient_check(function, gradient, theta)


@CELLS_WITH_ACTIVATIONS
@pytest.mark.axis("hidden_layer_sizes", [(3,), (3, 2)], ids=["one layer", "two layers"])
@EVERY_DIRECTION
@pytest.mark.axis("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_gradient_along_a_random_direction(cell_name, activation, hidden_layer_sizes, problem, bidirectional):
    settings = {"cell_name": cell_name, "activation": activation, "hidden_layer_sizes": hidden_layer_sizes}
    objective, batch, theta = make_batch(problem, bidirectional=bidirectional, **settings, **RATES["both"])
    gradient = np.full_like(theta, np.nan)
    function = at_fixed_masks(objective, batch)
    function(theta, gradient)
    directional_gradient_check(function, gradient, theta, np.random.default_rng(1))


@EVERY_RATE
@EVERY_KIND
def test_other_masks_give_another_loss_and_the_same_ones_the_same(rates, kind):
    kind = dict(kind)
    problem = Problem(n_samples=6, masks="anywhere", return_sequences=kind.pop("return_sequences", False))
    objective, batch, theta = make_batch(problem, hidden_layer_sizes=(3, 2), **kind, **rates)
    losses = [at_fixed_masks(objective, batch, seed)(theta) for seed in (0, 1, 0)]
    assert losses[0] == losses[2]
    assert abs(losses[0] - losses[1]) > 1e-6
    objective.rng.seed(0)
    in_a_row = [objective(theta, batch, np.empty_like(theta)) for _ in range(2)]
    assert in_a_row[0] == losses[0]
    assert abs(in_a_row[1] - losses[0]) > 1e-6  # a minibatch draws masks of its own


@CELLS_WITH_ACTIVATIONS
@pytest.mark.axis("problem", SMALL.values(), ids=SMALL)
def test_used_and_new_workspace_give_the_same_results(cell_name, activation, problem):
    make = partial(make_batch, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    used, batch, theta = make(**RATES["both"])
    at_fixed_masks(used, batch, seed=5)(theta + 0.5)
    fresh, _, _ = make(**RATES["both"])
    gradient, expected = np.full_like(theta, np.nan), np.full_like(theta, np.nan)
    assert at_fixed_masks(used, batch)(theta, gradient) == at_fixed_masks(fresh, batch)(theta, expected)
    np.testing.assert_array_equal(gradient, expected)


# Masks


@pytest.mark.axis("dtype", [np.float32, np.float64])
@pytest.mark.axis("rate", [0.1, 0.5, 0.9])
@EVERY_DIRECTION
def test_masks_drop_the_share_asked_for_and_make_up_for_it(rate, dtype, bidirectional):
    network = Network(CELLS["rnn"](), 2, (7, 5), 1, bidirectional=bidirectional, dropout=rate, recurrent_dropout=rate)
    workspace = drawn(network, dtype=dtype)
    n_directions = 2 if bidirectional else 1
    assert [len(mask) for mask in workspace.output_masks] == [7 * n_directions, 5 * n_directions]
    assert [len(layer.state_mask) for layer in workspace.layers] == [7] * n_directions + [5] * n_directions
    for mask in masks_of(workspace):
        assert mask.dtype == dtype
        kept = mask[mask != 0.0]
        np.testing.assert_allclose(kept, 1.0 / (1.0 - rate), rtol=1e-6)
        deviation = np.sqrt(rate * (1.0 - rate) / mask.size)
        assert abs((mask == 0.0).mean() - rate) < 5.0 * deviation
        assert mask.mean(dtype=float) == pytest.approx(1.0, abs=5.0 * deviation / (1.0 - rate))


def test_each_sequence_unit_and_layer_has_a_mask_of_its_own():
    network = Network(CELLS["lstm"](), 2, (6, 6), 1, bidirectional=True, dropout=0.5, recurrent_dropout=0.5)
    workspace = drawn(network)
    rows = np.concatenate([mask != 0.0 for mask in masks_of(workspace)]).astype(float)
    correlations = np.corrcoef(rows) - np.eye(len(rows))
    assert np.abs(correlations).max() < 0.1
    assert abs((rows[:, 1:] == rows[:, :-1]).mean() - 0.5) < 0.01


@pytest.mark.axis(("dropout", "recurrent_dropout"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
def test_only_what_is_asked_for_has_masks(dropout, recurrent_dropout):
    network = Network(CELLS["gru"](), 2, (3, 2), 1, dropout=dropout, recurrent_dropout=recurrent_dropout)
    workspace = Workspace(network, 2, 4, np.float64, backward=True)
    assert bool(workspace.output_masks) == (dropout > 0.0)
    assert [layer.state_mask is not None for layer in workspace.layers] == [recurrent_dropout > 0.0] * 2
    assert not masks_of(Workspace(network, 2, 4, np.float64, backward=False))


@pytest.mark.axis("rates", [RATES["dropout"], RATES["recurrent dropout"]])
def test_masks_need_a_random_state(rates):
    network = Network(CELLS["rnn"](), 2, (3,), 1, **rates)
    with pytest.raises(ValueError, match="dropout requires a random state"):
        Workspace(network, 2, 4, np.float64, backward=True).begin(network, None)


@CELLS_WITH_ACTIVATIONS
@EVERY_KIND
def test_mask_of_a_sequence_is_the_same_at_all_its_timesteps(cell_name, activation, kind):
    kind = dict(kind)
    problem = Problem(
        n_samples=5, n_timesteps=6, masks="anywhere", return_sequences=kind.pop("return_sequences", False)
    )
    settings = {"cell_name": cell_name, "activation": activation, "hidden_layer_sizes": (4, 3)}
    objective, batch, theta = make_batch(problem, **settings, **kind, **RATES["both"])
    objective(theta, batch, np.empty_like(theta))
    network = objective.network
    for workspace in objective.on_minibatches._workspaces.values():
        assert all(0.0 < (mask == 0.0).mean() < 1.0 for mask in masks_of(workspace))
        runs = batch.lengths > np.arange(batch.n_timesteps)[:, None]
        for layer in workspace.layers:
            seen, previous = layer.operands[:, : len(layer.state_mask)], layer.previous_h
            for t, column in np.argwhere(runs):
                np.testing.assert_array_equal(seen[t, :, column], previous[t, :, column] * layer.state_mask[:, column])
        n_directions = network.layout.n_directions
        below, above = workspace.layers[:n_directions], workspace.layers[n_directions:]
        states = np.concatenate([layer.hidden_states for layer in below], axis=1)
        for layer in above:
            for t, column in np.argwhere(runs):
                expected = states[t, :, column] * workspace.output_masks[0][:, column]
                np.testing.assert_array_equal(layer.inputs[t, :, column], expected)


@EVERY_KIND
def test_readout_sees_the_top_layer_through_one_mask_a_sequence(kind):
    kind = dict(kind)
    problem = Problem(
        n_samples=5, n_timesteps=6, masks="anywhere", return_sequences=kind.pop("return_sequences", False)
    )
    objective, batch, theta = make_batch(problem, hidden_layer_sizes=(4,), **kind, dropout=0.5)
    objective(theta, batch, np.empty_like(theta))
    sequences, network = objective.sequences, objective.network
    plain = Workspace(network, sequences.max_length, len(batch), np.float64, backward=False)
    network.load(sequences, batch, plain)
    network.unroll(network.pack(network.layout.views(theta)), batch, plain)
    states = network.collect(batch, plain)[:-1]
    columns = network.pooling.columns(sequences, batch)
    for workspace in objective.on_minibatches._workspaces.values():
        seen = workspace.readout_operand[:-1, : len(columns)]
        mask = workspace.output_masks[-1]
    owners = (
        np.searchsorted(sequences.first_columns, columns, side="right") - 1 if problem.return_sequences else columns
    )
    places = np.argsort(batch.indices)[owners]
    np.testing.assert_allclose(seen, states * mask[:, places], rtol=1e-12)
    assert 0.0 < (mask == 0.0).mean() < 1.0


# Pieces of a minibatch


@CELLS_WITH_ACTIVATIONS
@EVERY_RATE
@pytest.mark.axis("return_sequences", [False, True])
@pytest.mark.axis("bptt_steps", [1, 2, 4])
def test_segments_of_a_minibatch_keep_its_masks(cell_name, activation, rates, return_sequences, bptt_steps):
    problem = Problem(n_samples=6, n_timesteps=7, masks="leading", return_sequences=return_sequences)
    make = partial(make_objective, problem, cell_name=cell_name, activation=activation, hidden_layer_sizes=(3, 2))
    whole, theta = make(rng=np.random.RandomState(4), **rates)
    cut, _ = make(rng=np.random.RandomState(4), bptt_steps=bptt_steps, **rates)
    sums = []
    for objective in (whole, cut):
        pairs = [
            (objective.count(batch), objective(theta, batch, np.empty_like(theta)))
            for _ in range(2)
            for batch in objective.minibatches(4, np.random.RandomState(1))
        ]
        sums.append(sum(count * loss for count, loss in pairs) / sum(count for count, _ in pairs))
    assert sums[1] == pytest.approx(sums[0], rel=1e-12)
    assert whole.rng.random_sample() == cut.rng.random_sample()  # as many have been drawn


# Outside training


@EVERY_KIND
@EVERY_RATE
def test_nothing_is_dropped_in_evaluation(kind, rates):
    kind = dict(kind)
    problem = Problem(n_samples=5, masks="anywhere", return_sequences=kind.pop("return_sequences", False))
    plain, theta = make_objective(problem, hidden_layer_sizes=(3, 2), **kind)
    objective, batch, _ = make_batch(problem, hidden_layer_sizes=(3, 2), **kind, **rates)
    for _ in range(2):  # also after a minibatch
        np.testing.assert_array_equal(objective.raw(theta), plain.raw(theta))
        assert objective.evaluate(theta) == plain.evaluate(theta)
        dropped = objective(theta, batch, np.empty_like(theta))
        assert dropped != pytest.approx(plain.evaluate(theta)[0], rel=1e-6)


def test_evaluation_draws_nothing():
    objective, _, theta = make_batch(PROBLEMS["every timestep"], dropout=0.5, recurrent_dropout=0.5)
    objective.raw(theta)
    objective.evaluate(theta)
    assert objective.rng.random_sample() == np.random.RandomState(0).random_sample()


@EVERY_KIND
def test_rates_of_zero_are_as_no_dropout_and_draw_nothing(kind):
    kind = dict(kind)
    problem = Problem(n_samples=5, masks="anywhere", return_sequences=kind.pop("return_sequences", False))
    objective, batch, theta = make_batch(problem, **kind, dropout=0.0, recurrent_dropout=0.0)
    plain, _ = make_objective(problem, **kind)
    gradient, expected = np.empty_like(theta), np.empty_like(theta)
    assert objective(theta, batch, gradient) == plain(theta, batch, expected)
    np.testing.assert_array_equal(gradient, expected)
    assert objective.rng.random_sample() == np.random.RandomState(0).random_sample()
