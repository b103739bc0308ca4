"""Tests of a network's outputs: every sequence for itself, whatever it is batched, padded and chunked with."""

import numpy as np
import pytest

from skrnn.cells import CELLS
from skrnn.network import _network
from skrnn.network._network import Network, Workspace
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import from_array
from tests.problems import CELL_ACTIVATIONS, STACKS, Problem

N_FEATURES, N_OUTPUTS = 2, 3


@pytest.fixture(params=CELL_ACTIVATIONS, ids="-".join)
def cell(request):
    name, activation = request.param
    return CELLS[name](activation)


@pytest.fixture(params=STACKS.values(), ids=STACKS)
def network(request, cell):
    return Network(cell, N_FEATURES, request.param, N_OUTPUTS)


def random_theta(network, dtype=np.float64):
    return np.random.default_rng(0).normal(scale=0.5, size=network.layout.n_parameters).astype(dtype)


def outputs(network, theta, sequences):
    """Return the outputs of all sequences, (n_outputs, n_samples), in the order of the sequences."""
    all_raw = np.full((network.layout.n_outputs, len(sequences)), np.nan, theta.dtype)
    for chunk, raw in network.outputs(theta, sequences):
        all_raw[:, chunk.indices] = raw
    return all_raw


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


def test_simple_network_computes_its_equations():
    rng = np.random.default_rng(0)
    network = Network(CELLS["rnn"](), N_FEATURES, (4, 3), N_OUTPUTS)
    theta = random_theta(network)
    views = network.layout.views(theta)
    lists = ragged_lists(rng)
    raw = outputs(network, theta, from_array(padded(lists, 6, "before")))
    for i, steps in enumerate(lists):
        states = steps
        for layer in views.layers:
            h, above = np.zeros(layer.hidden_size), []
            for x in states:
                h = np.tanh(layer.input_weights @ x + layer.recurrent_weights @ h + layer.biases)
                above.append(h)
            states = above
        expected = views.readout.weights @ states[-1] + views.readout.bias
        np.testing.assert_allclose(raw[:, i], expected, rtol=1e-13)


@pytest.mark.parametrize("masks", [None, "leading", "anywhere"])
def test_each_sequence_has_the_outputs_that_it_has_alone(network, masks):
    X = Problem(n_samples=6, masks=masks).make_sequences(np.random.default_rng(0))
    theta = random_theta(network)
    together = outputs(network, theta, from_array(X))
    for i, sequence in enumerate(X):
        steps = sequence[~np.isnan(sequence).all(axis=1)]
        alone = outputs(network, theta, from_array(steps[None]))
        np.testing.assert_allclose(together[:, i], alone[:, 0], rtol=1e-12, atol=1e-14)


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


@pytest.mark.parametrize("chunk_size", [1, 2, 4])
@pytest.mark.parametrize("masks", [None, "leading", "anywhere"])
def test_chunks_of_any_size_give_the_same(network, masks, chunk_size, monkeypatch):
    theta = random_theta(network)
    sequences = from_array(Problem(masks=masks).make_sequences(np.random.default_rng(0)))
    assert [len(chunk) for chunk in network.chunks(sequences)] == [5]
    expected = outputs(network, theta, sequences)
    monkeypatch.setattr(_network, "_MAX_CHUNK_SIZE", chunk_size)
    assert len(network.chunks(sequences)) == -(-5 // chunk_size)
    np.testing.assert_allclose(outputs(network, theta, sequences), expected, rtol=1e-12, atol=1e-14)


def test_chunks_are_of_bounded_size_and_bytes(cell):
    network = Network(cell, N_FEATURES, (8,), 1)
    short = from_array(np.zeros((3000, 1, N_FEATURES)))
    long = from_array(np.broadcast_to(np.zeros((1000, N_FEATURES)), (3000, 1000, N_FEATURES)).copy())
    assert max(len(chunk) for chunk in network.chunks(short)) == _network._MAX_CHUNK_SIZE
    sizes = {len(chunk) for chunk in network.chunks(long)}
    assert max(sizes) < _network._MAX_CHUNK_SIZE
    workspace = Workspace(network, 1000, max(sizes), np.float64, backward=False)
    (layer,) = workspace.layers
    n_bytes = layer.operands.nbytes + layer.cell_states.nbytes + layer.records.nbytes
    assert 0.3 * _network._CHUNK_BYTES < n_bytes <= 1.05 * _network._CHUNK_BYTES


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
    batch = Batch(sequences, np.arange(len(sequences)))
    raw = []
    for n_timesteps in (sequences.max_length, sequences.max_length + 3):
        workspace = Workspace(network, n_timesteps, len(batch), np.float64, backward=False)
        raw.append(network.forward(network.pack(parameters), parameters.readout, sequences, batch, workspace))
    np.testing.assert_array_equal(*raw)


@pytest.mark.parametrize("masks", [None, "anywhere"])
def test_float32_is_close_to_float64(network, masks):
    X = Problem(masks=masks).make_sequences(np.random.default_rng(0))
    single = outputs(network, random_theta(network, np.float32), from_array(X.astype(np.float32)))
    double = outputs(network, random_theta(network), from_array(X))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5)
