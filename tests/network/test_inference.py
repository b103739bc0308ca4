"""Tests of the forward pass over all data: chunks, segments of timesteps, and workers."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from skrnn.cells._registry import CELLS
from skrnn.network import _inference
from skrnn.network._inference import hidden_states, outputs, split
from skrnn.network._network import Network, Workspace
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import from_array
from tests.network.networks import EVERY_NETWORK, N_FEATURES, N_OUTPUTS, random_theta
from tests.problems import Problem

pytestmark = EVERY_NETWORK
MASKS = pytest.mark.axis("masks", [None, "leading", "anywhere"])


def make_sequences(masks, n_samples=7, n_timesteps=9):
    """Return sequences of many lengths."""
    problem = Problem(n_samples=n_samples, n_timesteps=n_timesteps, n_features=N_FEATURES, masks=masks)
    return from_array(problem.make_sequences(np.random.default_rng(0)))


def training_pass(network, theta, sequences):
    """Return outputs and hidden states as training computes them: one batch of whole sequences."""
    parameters = network.layout.views(theta)
    batch = Batch.of(sequences, np.arange(len(sequences)))
    workspace = Workspace(network, sequences.max_length, len(batch), np.float64, backward=True)
    raw = network.forward(network.pack(parameters), parameters.readout, sequences, batch, workspace)
    states = network.collect(batch, workspace)[:-1]
    columns = network.pooling.columns(sequences, batch)
    all_raw, all_states = np.full_like(raw, np.nan), np.full_like(states, np.nan)
    all_raw[:, columns], all_states[:, columns] = raw, states
    return all_raw, all_states


def cut(monkeypatch, chunk_size, n_timesteps):
    """Make chunks and segments small."""
    for name, value in (
        ("_MIN_CHUNK_SIZE", 1),
        ("_CHUNK_SIZE", chunk_size),
        ("_SEGMENT_BYTES", 1),
        ("_MIN_SEGMENT", n_timesteps),
    ):
        monkeypatch.setattr(_inference, name, value)


def backwards(function, *arguments):
    """Like `map`, but computes the last chunk first."""
    calls = list(zip(*arguments, strict=False))
    answers = {position: function(*calls[position]) for position in reversed(range(len(calls)))}
    return [answers[position] for position in range(len(calls))]


@MASKS
def test_equals_the_training_pass_in_chunks_and_segments_of_any_size(network, masks, monkeypatch):
    sequences, theta = make_sequences(masks), random_theta(network)
    expected_raw, expected_states = training_pass(network, theta, sequences)
    assert np.isfinite(expected_raw).all()
    for chunk_size, n_timesteps in ((1024, 16), (1, 16), (2, 4), (3, 1), (7, 2)):
        cut(monkeypatch, chunk_size, n_timesteps)
        raw, states = (compute(network, theta, sequences) for compute in (outputs, hidden_states))
        np.testing.assert_allclose(raw, expected_raw, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(states, expected_states, rtol=1e-12, atol=1e-12)


@MASKS
def test_chunks_of_whole_sequences_cover_all_of_them(masks, monkeypatch):
    network, sequences = Network(CELLS["rnn"](), N_FEATURES, (3,), N_OUTPUTS), make_sequences(masks)
    assert [len(chunk) for chunk in split(network, sequences)] == [7]
    for chunk_size in (1, 2, 4):
        cut(monkeypatch, chunk_size, 1)
        chunks = split(network, sequences)
        assert len(chunks) == 7 // chunk_size
        assert {len(chunk) for chunk in chunks} <= {-(-7 // len(chunks)), 7 // len(chunks)}
        assert sorted(np.concatenate([chunk.indices for chunk in chunks])) == list(range(7))


def bytes_of(workspace, names):
    """Return the bytes of the arrays of these names, of a workspace and its layers."""
    holders = (workspace, *workspace.layers)
    return sum(getattr(holder, name).nbytes for holder in holders for name in names if hasattr(holder, name))


def test_chunks_are_of_bounded_size_and_bytes(cell, kind):
    network = Network(cell, N_FEATURES, (8,), 1, **kind)
    short = from_array(np.zeros((3000, 1, N_FEATURES)))
    long = from_array(np.broadcast_to(np.zeros((1000, N_FEATURES)), (3000, 1000, N_FEATURES)).copy())
    assert [len(chunk) for chunk in split(network, short)] == [1500] * 2  # two of no less than 1024, of the same size
    assert _inference._CHUNK_SIZE == 1024
    sizes = {len(chunk) for chunk in split(network, long)}
    assert _inference._MIN_CHUNK_SIZE <= max(sizes) < _inference._CHUNK_SIZE
    workspace = Workspace(network, 1000, max(sizes), np.float64, backward=True)
    names = ["operands", "cell_states", "coefficients"]
    if network.return_sequences:
        names += ["readout_operand", "raw"]
    n_bytes = bytes_of(workspace, names) + sum(array.nbytes for array in workspace.d_outputs)
    assert 0.3 * _inference._CHUNK_BYTES < n_bytes <= 1.05 * _inference._CHUNK_BYTES


def test_chunks_of_very_long_sequences_are_not_too_small():
    network = Network(CELLS["lstm"](), N_FEATURES, (500,), 1)
    very_long = from_array(np.zeros((20, 10_000, N_FEATURES)))
    assert [len(chunk) for chunk in split(network, very_long)] == [7, 7, 6]


@pytest.mark.axis("reading", [{}, {"pooling": "mean"}, {"pooling": "max"}, {"return_sequences": True}])
def test_memory_does_not_grow_with_the_length_in_one_direction(cell, reading, monkeypatch):
    made = []

    def make(network, n_timesteps, n_sequences, *more, **options):
        made.append((n_timesteps, n_sequences))
        return Workspace(network, n_timesteps, n_sequences, *more, **options)

    monkeypatch.setattr("skrnn.network._network.Workspace", make)
    monkeypatch.setattr(_inference, "_SEGMENT_BYTES", 30_000)
    monkeypatch.setattr(_inference, "_KEPT_BYTES", 0)
    network = Network(cell, N_FEATURES, (4,), 1, **reading)
    for n_timesteps in (10, 200, 400):
        outputs(network, random_theta(network), from_array(np.zeros((4, n_timesteps, N_FEATURES))))
    assert made[0] == (10, 4)
    assert made[1] == made[2]
    assert 16 <= made[1][0] < 200
    workspace = Workspace(network, *made[1], np.float64, backward=False)
    assert bytes_of(workspace, ["operands", "cell_states"]) <= 1.2 * 30_000


def test_any_map_gives_the_same_bit_for_bit(network, monkeypatch):
    sequences, theta = make_sequences("anywhere"), random_theta(network)
    cut(monkeypatch, 2, 3)
    with ThreadPoolExecutor(4) as pool:
        for compute in (outputs, hidden_states):
            expected = compute(network, theta, sequences)
            for map_chunks in (pool.map, backwards):
                np.testing.assert_array_equal(compute(network, theta, sequences, map_chunks), expected)


@pytest.mark.axis("bidirectional", [False, True])
def test_threads_do_not_share_workspaces(cell, bidirectional, monkeypatch):
    network = Network(cell, N_FEATURES, (20, 20), N_OUTPUTS, bidirectional=bidirectional, return_sequences=True)
    sequences, theta = make_sequences("leading", n_samples=120, n_timesteps=30), random_theta(network)
    cut(monkeypatch, 3, 7)
    expected = outputs(network, theta, sequences)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            np.testing.assert_array_equal(outputs(network, theta, sequences, pool.map), expected)


def test_answers_are_new_arrays_of_the_dtype_of_the_data(network):
    sequences = make_sequences("leading").astype(np.dtype(np.float32))
    theta = random_theta(network, np.float32)
    theta.flags.writeable = False
    for compute, n_rows in ((outputs, N_OUTPUTS), (hidden_states, network.layout.readout_size)):
        first = compute(network, theta, sequences)
        kept = first.copy()
        second = compute(network, theta, sequences)
        assert first.dtype == np.float32
        n_columns = sequences.lengths.sum() if network.return_sequences else len(sequences)
        assert first.shape == (n_rows, n_columns)
        assert not np.shares_memory(first, second)
        np.testing.assert_array_equal(first, kept)


def test_readout_of_the_hidden_states_is_the_outputs(network):
    sequences, theta = make_sequences("anywhere"), random_theta(network)
    readout = network.layout.views(theta).readout
    states = hidden_states(network, theta, sequences)
    raw = readout.weights @ states + readout.bias[:, None]
    np.testing.assert_allclose(raw, outputs(network, theta, sequences), rtol=1e-12, atol=1e-14)


def test_nothing_is_dropped(cell, kind):
    plain = Network(cell, N_FEATURES, (3, 2), N_OUTPUTS, **kind)
    dropping = Network(cell, N_FEATURES, (3, 2), N_OUTPUTS, dropout=0.5, recurrent_dropout=0.5, **kind)
    sequences, theta = make_sequences("anywhere"), random_theta(plain)
    for compute in (outputs, hidden_states):
        np.testing.assert_array_equal(compute(dropping, theta, sequences), compute(plain, theta, sequences))
