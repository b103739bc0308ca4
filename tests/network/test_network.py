"""Tests of the outputs of a network: its equations, and independence of sequences in a batch."""

import numpy as np
import pytest

from skrnn.cells._registry import CELLS
from skrnn.network._inference import outputs
from skrnn.network._network import Network, Workspace, Workspaces
from skrnn.network._pooling import LastTimestep, MaxOverTime, MeanOverTime
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import from_array, from_list
from tests.network.networks import EVERY_NETWORK, N_FEATURES, N_OUTPUTS, random_theta
from tests.problems import Problem

pytestmark = EVERY_NETWORK


def columns_of(network, sequences, i):
    """Return the columns of the outputs that belong to sequence i."""
    return sequences.columns(np.array([i])) if network.return_sequences else np.array([i])


def ragged_lists(rng, lengths=(3, 6, 1, 4, 6)):
    return [rng.normal(size=(length, N_FEATURES)) for length in lengths]


def padded(lists, n_timesteps, place):
    """Return lists as one array masked to `n_timesteps`: before, after, or in between the timesteps."""
    X = np.full((len(lists), n_timesteps, N_FEATURES), np.nan)
    for row, steps in zip(X, lists, strict=True):
        where = {
            "before": np.arange(n_timesteps - len(steps), n_timesteps),
            "after": np.arange(len(steps)),
            "in between": np.linspace(0, n_timesteps - 1, len(steps)).astype(int),
        }[place]
        row[where] = steps
    return X


def simple_states(steps, layer):
    """Return the states of a simple layer after each timestep, computed one by one."""
    h, states = np.zeros(layer.hidden_size), []
    for x in steps:
        h = np.tanh(layer.input_weights @ x + layer.recurrent_weights @ h + layer.biases)
        states.append(h)
    return np.array(states)


#: The input of the readout for states after all timesteps, and for the final states of each direction.
POOLED = {
    LastTimestep: lambda states, last: last,
    MeanOverTime: lambda states, last: states.sum(axis=0) / len(states),
    MaxOverTime: lambda states, last: np.sort(states, axis=0)[-1],
}


def simple_outputs(network, views, steps):
    """Return the outputs of a simple network on one sequence, as documented."""
    layers, last = iter(views.layers), []
    for _ in network.layout.hidden_layer_sizes:
        parts = [simple_states(steps, next(layers))]
        last = [parts[0][-1]]
        if network.bidirectional:
            backwards = simple_states(steps[::-1], next(layers))
            parts.append(backwards[::-1])
            last.append(backwards[-1])
        steps = np.concatenate(parts, axis=1)
    states = steps if network.return_sequences else POOLED[type(network.pooling)](steps, np.concatenate(last))[None]
    return views.readout.weights @ states.T + views.readout.bias[:, None]


@pytest.mark.axis("read", [from_list, lambda lists: from_array(padded(lists, 6, "before"))], ids=["list", "array"])
def test_simple_network_computes_its_equations(kind, read):
    network = Network(CELLS["rnn"](), N_FEATURES, (4, 3), N_OUTPUTS, **kind)
    theta = random_theta(network)
    lists = ragged_lists(np.random.default_rng(0))
    raw = outputs(network, theta, read(lists))
    expected = [simple_outputs(network, network.layout.views(theta), steps) for steps in lists]
    np.testing.assert_allclose(raw, np.concatenate(expected, axis=1), rtol=1e-12)


@pytest.mark.axis("masks", [None, "leading", "anywhere"])
def test_each_sequence_has_the_outputs_that_it_has_alone(network, masks):
    X = Problem(n_samples=6, masks=masks).make_sequences(np.random.default_rng(0))
    theta = random_theta(network)
    sequences = from_array(X)
    together = outputs(network, theta, sequences)
    for i, sequence in enumerate(X):
        steps = sequence[~np.isnan(sequence).all(axis=1)]
        alone = outputs(network, theta, from_array(steps[None]))
        columns = columns_of(network, sequences, i)
        np.testing.assert_allclose(together[:, columns], alone, rtol=1e-12, atol=1e-14)


def test_place_and_amount_of_padding_do_not_matter(network):
    lists = ragged_lists(np.random.default_rng(0))
    theta = random_theta(network)
    expected = outputs(network, theta, from_array(padded(lists, 6, "before")))
    for place in ("before", "after", "in between"):
        for n_timesteps in (6, 7, 30):
            raw = outputs(network, theta, from_array(padded(lists, n_timesteps, place)))
            np.testing.assert_array_equal(raw, expected)


def test_rows_between_the_sequences_do_not_matter(network):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10, 5, N_FEATURES))
    theta = random_theta(network)
    expected = outputs(network, theta, from_array(X[::2]))
    X[1::2] = 1e300
    np.testing.assert_array_equal(outputs(network, theta, from_array(X[::2])), expected)


def test_theta_and_sequences_are_only_read(network):
    X = Problem(masks="leading").make_sequences(np.random.default_rng(0))
    theta = random_theta(network)
    X.flags.writeable = theta.flags.writeable = False
    assert np.isfinite(outputs(network, theta, from_array(X))).all()


def test_network_holds_no_data(network):
    X = np.random.default_rng(0).normal(size=(4, 5, N_FEATURES))
    theta = random_theta(network)
    before = set(vars(network))
    first = outputs(network, theta, from_array(X))
    outputs(network, -theta, from_array(X[:2, :3]))
    np.testing.assert_array_equal(outputs(network, theta, from_array(X)), first)
    assert set(vars(network)) == before


def test_workspace_larger_than_the_batch_gives_the_same(network):
    X = Problem(masks="anywhere").make_sequences(np.random.default_rng(0))
    sequences, theta = from_array(X), random_theta(network)
    parameters = network.layout.views(theta)
    batch = Batch.of(sequences, np.arange(len(sequences)))
    raw = []
    for n_more in (0, 3):
        shape = (sequences.max_length + n_more, len(batch) + n_more)
        workspace = Workspace(network, *shape, np.float64, backward=False)
        raw.append(network.forward(network.pack(parameters), parameters.readout, sequences, batch, workspace))
    np.testing.assert_allclose(*raw, rtol=1e-12, atol=1e-14)


def test_states_are_carried_from_segment_to_segment(cell):
    network = Network(cell, N_FEATURES, (3, 2), N_OUTPUTS, return_sequences=True)
    sequences, theta = from_list(ragged_lists(np.random.default_rng(0))), random_theta(network)
    packed, readout = network.pack(network.layout.views(theta)), network.layout.views(theta).readout
    batch = Batch.of(sequences, np.arange(len(sequences)))
    expected = outputs(network, theta, sequences)
    workspace = Workspace(network, 2, len(batch), np.float64, backward=True)
    for _ in range(2):  # the second time in a workspace that holds the last states
        workspace.begin(network, None)
        for segment in batch.segments(2):
            raw = network.forward(packed, readout, sequences, segment, workspace)
            np.testing.assert_allclose(raw, expected[:, segment.columns(sequences)], rtol=1e-12)
            network.carry_state(segment, workspace)


# Formats


SOME_MASKS = pytest.mark.axis("masks", [None, "anywhere"])


@pytest.fixture
def sequences(masks):
    return from_array(Problem(masks=masks).make_sequences(np.random.default_rng(0)))


@SOME_MASKS
def test_pooled_states_cover_the_columns_in_their_order(network, sequences):
    batch = Batch.of(sequences, np.arange(len(sequences)))
    pooling, end = network.pooling, 0
    assert pooling.n_pooled_states(batch) == (batch.n_timesteps if network.return_sequences else 1)
    for number in range(pooling.n_pooled_states(batch)):
        columns = pooling.columns_of(batch, number)
        n_running = np.count_nonzero(batch.lengths > number)
        assert (columns.start, columns.stop) == (end, end + n_running)
        end = columns.stop
    assert end == pooling.n_columns(batch)


@SOME_MASKS
def test_gradient_is_scattered_to_where_the_states_were_collected(network, sequences):
    batch = Batch.of(sequences, np.arange(len(sequences)))
    rng = np.random.default_rng(1)
    workspace = Workspace(network, batch.n_timesteps, len(batch), np.float64, backward=True)
    tops = network._tops(workspace)
    states = []
    for layer, arrays in tops:
        arrays.hidden_states[...] = rng.normal(size=arrays.hidden_states.shape)
        states.append(arrays.hidden_states.copy())
        assert layer.hidden_size == states[-1].shape[1]
    collected = network.collect(batch, workspace)[:-1]
    for number in range(network.pooling.n_pooled_states(batch)):
        columns = network.pooling.columns_of(batch, number)
        parts = np.split(collected[:, columns], len(tops))
        for top, of_layer, part in zip(tops, states, parts, strict=True):
            d_states, d_outputs = rng.normal(size=part.shape), np.zeros_like(of_layer)
            network.pooling.scatter_one(top, batch, number, d_states, d_outputs)
            d_outputs *= (np.arange(len(d_outputs))[:, None] < batch.lengths)[:, None]  # of the others nothing is read
            assert np.vdot(d_outputs, of_layer) == pytest.approx(np.vdot(d_states, part), rel=1e-12)


# Workspaces


def test_workspaces_are_lent_again_and_never_to_two_at_once(cell):
    network = Network(cell, N_FEATURES, (3,), N_OUTPUTS)
    workspaces = Workspaces(network, np.dtype(np.float64), backward=True)
    with workspaces.take(4, 3) as first, workspaces.take(4, 3) as second, workspaces.take(5, 2) as third:
        assert len({id(first), id(second), id(third)}) == 3
        operands = third.layers[0].operands
        assert (len(operands), operands.shape[-1]) == third.shape == (5, 2)
    with workspaces.take(4, 3) as again:
        assert again is first  # returned last


def test_workspace_that_holds_the_batch_is_lent_first(cell):
    network = Network(cell, N_FEATURES, (3,), N_OUTPUTS)
    sequences, theta = from_list(ragged_lists(np.random.default_rng(0))), random_theta(network)
    wanted, other = (Batch.of(sequences, np.arange(len(sequences))) for _ in range(2))
    workspaces = Workspaces(network, np.dtype(np.float64), backward=True)
    with (
        workspaces.take(6, 5) as first,
        workspaces.take(6, 5) as second,
        workspaces.take(6, 5) as third,
        workspaces.take(7, 5) as larger,
    ):
        assert [workspace.held for workspace in (first, second, third, larger)] == [None] * 4
        second.held, third.held, larger.held = (theta, wanted), (theta, other), (theta, wanted)
    with workspaces.take(6, 5, wanted) as workspace:
        assert workspace is second
        with workspaces.take(6, 5, wanted) as another:  # the one that holds it is not there
            assert another is first or another is third
    with workspaces.take(6, 5) as workspace:
        assert workspace is second  # returned last


def test_workspace_holds_the_very_same_theta_and_batch_and_nothing_else(cell):
    network = Network(cell, N_FEATURES, (3,), N_OUTPUTS)
    sequences, theta = from_list(ragged_lists(np.random.default_rng(0))), random_theta(network)
    batch, same = (Batch.of(sequences, np.arange(len(sequences))) for _ in range(2))
    workspace = Workspace(network, 6, 5, np.float64, backward=True)
    assert not workspace.holds(theta, batch)
    workspace.held = (theta, batch)
    assert workspace.holds(theta, batch)
    assert not workspace.holds(theta.copy(), batch)
    assert not workspace.holds(theta, same)


def test_few_workspaces_are_kept(cell):
    network = Network(cell, N_FEATURES, (3,), N_OUTPUTS)
    workspaces = Workspaces(network, np.dtype(np.float64), backward=True)
    for n_timesteps in range(1, 20):
        with workspaces.take(n_timesteps, 2) as workspace:
            assert workspace.shape == (n_timesteps, 2)
    assert len(workspaces._free) == Workspaces.N_KEPT


@pytest.mark.axis("dtype", [np.float32, np.float64])
def test_workspace_has_arrays_of_the_dtype_and_of_the_documented_shapes(network, dtype):
    workspace = Workspace(network, 4, 5, dtype, backward=True)
    size = network.layout.readout_size
    assert len(workspace.layers) == len(network.layers)
    assert workspace.output_masks == []
    n_columns = 20 if network.return_sequences else 5
    assert workspace.readout_operand.shape == (size + 1, n_columns)
    assert workspace.raw.shape == workspace.d_raw.shape == (N_OUTPUTS, n_columns)
    arrays = [*vars(workspace).values(), *workspace.d_outputs]
    assert {array.dtype for array in arrays if isinstance(array, np.ndarray)} == {np.dtype(dtype)}


@SOME_MASKS
def test_float32_is_close_to_float64(network, masks):
    X = Problem(masks=masks).make_sequences(np.random.default_rng(0))
    single = outputs(network, random_theta(network, np.float32), from_array(X.astype(np.float32)))
    double = outputs(network, random_theta(network), from_array(X))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5)
