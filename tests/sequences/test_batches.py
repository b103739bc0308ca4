"""Tests of batches: the longest first, segments of running sequences, and every sequence once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skrnn.sequences._batches import Batch, chunks, minibatches
from skrnn.sequences._ragged import Sequences

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=20)


def sequences_of(lengths):
    lengths = np.array(lengths)
    return Sequences(np.zeros((lengths.max(), 1)), np.zeros(len(lengths), int), lengths)


def cover(batches):
    return np.concatenate([batch.indices for batch in batches])


@given(lengths=LENGTHS, data=st.data())
@settings(max_examples=100, deadline=None, database=None)
def test_segments_count_the_sequences_that_run(lengths, data):
    sequences = sequences_of(lengths)
    indices = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, unique=True)))
    batch = Batch(sequences, indices)
    in_order = sequences.lengths[batch.indices]
    assert len(batch) == len(indices)
    assert sorted(batch.indices) == sorted(indices)
    assert batch.n_timesteps == in_order.max()
    assert (np.diff(in_order) <= 0).all()
    n_running = [n for start, stop, n in batch.segments for _ in range(start, stop)]
    assert n_running == [int((in_order > t).sum()) for t in range(batch.n_timesteps)]
    starts, stops, counts = zip(*batch.segments, strict=True)
    assert starts == (0, *stops[:-1])
    assert list(counts) == sorted(set(counts), reverse=True)


def test_sequences_of_one_length_keep_their_order():
    batch = Batch(sequences_of([4, 4, 4, 4]), np.array([3, 0, 2]))
    assert batch.indices.tolist() == [3, 0, 2]
    assert batch.segments == [(0, 4, 3)]


def test_sequences_of_equal_length_keep_their_order_among_longer_ones():
    batch = Batch(sequences_of([2, 5, 2, 5, 2]), np.array([4, 3, 0, 1, 2]))
    assert batch.indices.tolist() == [3, 1, 4, 0, 2]
    assert batch.segments == [(0, 2, 5), (2, 5, 2)]


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize("batch_size", [1, 3, 7, 20])
@pytest.mark.parametrize("lengths", [[4] * 7, [1, 5, 2, 2, 5, 3, 1]], ids=["equal", "ragged"])
def test_minibatches_cover_every_sequence_once(lengths, batch_size, seed):
    rng = None if seed is None else np.random.RandomState(seed)
    batches = list(minibatches(sequences_of(lengths), batch_size, rng))
    assert sorted(cover(batches)) == list(range(7))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert 1 <= len(batches[-1]) <= batch_size


def test_minibatches_are_seeded_and_differ_from_epoch_to_epoch():
    sequences = sequences_of([3] * 30)
    rng, again = np.random.RandomState(1), np.random.RandomState(1)
    epochs = [cover(minibatches(sequences, 4, rng)).tolist() for _ in range(2)]
    assert epochs == [cover(minibatches(sequences, 4, again)).tolist() for _ in range(2)]
    assert epochs[0] != epochs[1]
    assert epochs[0] != sorted(epochs[0])


def test_minibatches_without_a_generator_keep_the_order():
    batches = list(minibatches(sequences_of([3] * 5), 2, None))
    assert [batch.indices.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]


@given(lengths=LENGTHS, chunk_size=st.integers(1, 25))
@settings(max_examples=50, deadline=None, database=None)
def test_chunks_cover_every_sequence_once_similar_lengths_together(lengths, chunk_size):
    sequences = sequences_of(lengths)
    batches = chunks(sequences, chunk_size)
    indices = cover(batches)
    assert sorted(indices) == list(range(len(lengths)))
    assert all(len(batch) == chunk_size for batch in batches[:-1])
    assert len(batches[-1]) <= chunk_size
    assert (np.diff(sequences.lengths[indices]) <= 0).all()


def test_chunks_of_one_length_keep_the_order():
    assert cover(chunks(sequences_of([3] * 5), 2)).tolist() == list(range(5))
