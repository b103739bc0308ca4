"""Tests of batches: the longest first, segments of running sequences, every timestep once, also in pieces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.sequences._batches import Batch, chunks, minibatches, room_for
from skrnn.sequences._ragged import Sequences
from tests.examples import examples

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=20)
SIZES = st.integers(1, 11)


def sequences_of(lengths):
    lengths = np.array(lengths)
    return Sequences(np.zeros((lengths.max(), 1)), np.zeros(len(lengths), int), lengths)


def batch_of(lengths):
    """Return the batch of all sequences of these lengths, and the sequences."""
    sequences = sequences_of(lengths)
    return Batch.of(sequences, np.arange(len(lengths))), sequences


def cover(batches):
    return np.concatenate([batch.indices for batch in batches])


def timesteps(batch):
    """Return the (sequence, timestep) that a batch goes through, in the order of its columns, found one by one."""
    first = np.broadcast_to(batch.first, len(batch))
    return [
        (int(batch.indices[column]), int(first[column]) + t)
        for t in range(max(batch.lengths))
        for column in range(len(batch))
        if t < batch.lengths[column]
    ]


def assert_is_in_order(batch):
    """Assert that the longest come first, and that the segments count the sequences that run."""
    assert (np.diff(batch.lengths) <= 0).all()
    assert batch.lengths[-1] >= 1
    assert batch.n_timesteps == batch.lengths[0]
    n_running = [n for start, stop, n in batch.segments for _ in range(start, stop)]
    assert n_running == [int((batch.lengths > t).sum()) for t in range(batch.n_timesteps)]
    starts, stops, counts = zip(*batch.segments, strict=True)
    assert starts == (0, *stops[:-1])
    assert list(counts) == sorted(set(counts), reverse=True)
    assert batch.n_steps() == batch.lengths.sum()


@given(lengths=LENGTHS, data=st.data())
@examples(100)
def test_segments_count_the_sequences_that_run(lengths, data):
    sequences = sequences_of(lengths)
    indices = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, unique=True)))
    batch = Batch.of(sequences, indices)
    np.testing.assert_array_equal(batch.lengths, sequences.lengths[batch.indices])
    assert len(batch) == batch.n_columns == len(indices)
    assert sorted(batch.indices) == sorted(indices)
    assert (batch.first, batch.carries_on, batch.lead_in) == (0, False, [])
    assert_is_in_order(batch)


def test_sequences_of_one_length_keep_their_order():
    batch = Batch.of(sequences_of([4, 4, 4, 4]), np.array([3, 0, 2]))
    assert batch.indices.tolist() == [3, 0, 2]
    assert batch.segments == [(0, 4, 3)]


def test_sequences_of_equal_length_keep_their_order_among_longer_ones():
    batch = Batch.of(sequences_of([2, 5, 2, 5, 2]), np.array([4, 3, 0, 1, 2]))
    assert batch.indices.tolist() == [3, 1, 4, 0, 2]
    assert batch.segments == [(0, 2, 5), (2, 5, 2)]


@given(lengths=LENGTHS, data=st.data())
@examples(50)
def test_columns_are_found_where_the_timesteps_stand_one_sequence_after_another(lengths, data):
    sequences = sequences_of(lengths)
    indices = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, unique=True)))
    batch = Batch.of(sequences, indices)
    places = [(i, t) for i, length in enumerate(lengths) for t in range(length)]
    assert [places[column] for column in batch.columns(sequences)] == timesteps(batch)


# Parts


@given(lengths=LENGTHS, n_sequences=SIZES)
@examples(100)
def test_parts_are_few_and_of_about_one_size_and_cover_every_sequence_once(lengths, n_sequences):
    batch, _ = batch_of(lengths)
    parts = batch.parts(n_sequences)
    assert len(parts) == -(-len(lengths) // n_sequences)
    sizes = [len(part) for part in parts]
    assert max(sizes) <= n_sequences
    assert max(sizes) - min(sizes) <= 1
    np.testing.assert_array_equal(cover(parts), batch.indices)
    for part in parts:
        assert_is_in_order(part)
        np.testing.assert_array_equal(part.lengths, np.array(lengths)[part.indices])


# Pieces


@given(lengths=LENGTHS, n_timesteps=SIZES)
@examples(100)
def test_pieces_cover_every_timestep_once_in_order(lengths, n_timesteps):
    batch, sequences = batch_of(lengths)
    pieces = batch.pieces(n_timesteps)
    assert len(pieces) == -(-max(lengths) // n_timesteps)
    seen = [place for piece in pieces for place in timesteps(piece)]
    assert seen == timesteps(batch)
    for position, piece in enumerate(pieces):
        assert_is_in_order(piece)
        assert (piece.n_timesteps == n_timesteps) or (piece is pieces[-1] and piece.n_timesteps < n_timesteps)
        assert piece.carries_on == (position > 0)
        assert (piece.n_columns, piece.lead_in) == (len(batch), [])
        np.testing.assert_array_equal(piece.indices, batch.indices[: len(piece)])  # the columns stay where they are
        np.testing.assert_array_equal(piece.first, position * n_timesteps)
    columns = np.concatenate([piece.columns(sequences) for piece in pieces])
    np.testing.assert_array_equal(columns, batch.columns(sequences))


@pytest.mark.parametrize("n_timesteps", [5, 6, 100])
def test_batch_that_is_no_longer_than_a_piece_is_not_cut(n_timesteps):
    batch, _ = batch_of([3, 5, 1])
    assert batch.pieces(n_timesteps) == [batch]
    assert batch.tail(n_timesteps) is batch


@given(lengths=LENGTHS, n_timesteps=SIZES)
@examples(100)
def test_tail_is_the_end_of_every_sequence_and_led_in_by_all_before(lengths, n_timesteps):
    batch, sequences = batch_of(lengths)
    tail = batch.tail(n_timesteps)
    assert_is_in_order(tail)
    np.testing.assert_array_equal(tail.indices, batch.indices)
    np.testing.assert_array_equal(tail.lengths, np.minimum(batch.lengths, n_timesteps))
    np.testing.assert_array_equal(tail.first + tail.lengths, batch.lengths)
    assert tail.carries_on == bool(tail.lead_in) == (max(lengths) > n_timesteps)
    every_part = [*tail.lead_in, tail]
    seen = [place for part in every_part for place in timesteps(part)]
    assert len(seen) == sum(lengths)
    for i, length in enumerate(lengths):
        assert [t for sequence, t in seen if sequence == i] == list(range(length))
    places = [(i, t) for i, length in enumerate(lengths) for t in range(length)]
    assert [places[column] for column in tail.columns(sequences)] == timesteps(tail)


@given(lengths=LENGTHS, n_timesteps=SIZES)
@examples(50)
def test_lead_in_is_cut_into_pieces_that_keep_their_columns(lengths, n_timesteps):
    batch, _ = batch_of(lengths)
    tail = batch.tail(n_timesteps)
    assert [piece.carries_on for piece in tail.lead_in] == [False, *[True] * (len(tail.lead_in) - 1)][
        : len(tail.lead_in)
    ]
    for piece in (*tail.lead_in, tail):
        assert piece.n_timesteps <= n_timesteps
        assert piece.n_columns == len(batch)
        np.testing.assert_array_equal(piece.indices, batch.indices[: len(piece)])
    for piece in tail.lead_in:
        assert_is_in_order(piece)


# Minibatches and chunks


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize("batch_size", [1, 3, 7, 20])
@pytest.mark.parametrize("lengths", [[4] * 7, [1, 5, 2, 2, 5, 3, 1]], ids=["equal", "ragged"])
def test_minibatches_cover_every_sequence_once(lengths, batch_size, seed):
    rng = None if seed is None else np.random.RandomState(seed)
    batches = list(minibatches(sequences_of(lengths), batch_size, rng))
    assert sorted(cover(batches)) == list(range(7))
    sizes = [len(batch) for batch in batches]
    assert sorted(sizes, reverse=True)[:-1] == [batch_size] * (len(batches) - 1)  # one is smaller, anywhere
    assert 1 <= min(sizes) <= batch_size
    if seed is None or len(set(lengths)) == 1:
        assert sizes[-1] == min(sizes)


@pytest.mark.parametrize("lengths", [[3] * 30, list(range(100, 130))], ids=["equal", "ragged"])
def test_minibatches_are_seeded_and_differ_from_epoch_to_epoch(lengths):
    sequences = sequences_of(lengths)
    rng, again = np.random.RandomState(1), np.random.RandomState(1)
    epochs = [[batch.indices.tolist() for batch in minibatches(sequences, 4, rng)] for _ in range(2)]
    assert epochs == [[batch.indices.tolist() for batch in minibatches(sequences, 4, again)] for _ in range(2)]
    compositions = [{frozenset(indices) for indices in epoch} for epoch in epochs]
    assert len(compositions[0] & compositions[1]) < len(compositions[0]) / 2
    first_epoch = [i for indices in epochs[0] for i in indices]
    assert first_epoch != sorted(first_epoch)


def test_minibatches_of_equal_lengths_follow_a_permutation():
    batches = list(minibatches(sequences_of([3] * 10), 4, np.random.RandomState(2)))
    assert cover(batches).tolist() == np.random.RandomState(2).permutation(10).tolist()


@pytest.mark.parametrize("lengths", [[3] * 5, [1, 5, 5, 9, 2]], ids=["equal", "ragged"])
def test_minibatches_without_a_generator_keep_the_order(lengths):
    batches = list(minibatches(sequences_of(lengths), 2, None))
    assert [sorted(batch.indices.tolist()) for batch in batches] == [[0, 1], [2, 3], [4]]
    if len(set(lengths)) == 1:
        assert [batch.indices.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]


def waste(batches):
    """Return how many timesteps the sequences of batches wait for the longest, for each that they run."""
    n_steps = sum(batch.n_steps() for batch in batches)
    return sum(batch.n_timesteps * len(batch) for batch in batches) / n_steps - 1.0


@pytest.mark.parametrize("seed", range(3))
def test_sequences_of_similar_length_come_together(seed):
    lengths = np.random.default_rng(seed).integers(1, 200, 640)
    sequences = sequences_of(lengths)
    batches = list(minibatches(sequences, 16, np.random.RandomState(seed)))
    order = np.random.RandomState(seed).permutation(640)
    unsorted = [Batch.of(sequences, order[first : first + 16]) for first in range(0, 640, 16)]
    assert waste(unsorted) > 0.5
    assert waste(batches) < 0.2
    for batch in batches:
        if batch.lengths[0] >= 30:  # shorter ones differ by more than what disturbs them
            assert batch.lengths[-1] >= 0.7 * batch.lengths[0]


def test_minibatches_of_longer_sequences_come_anywhere_in_an_epoch():
    sequences = sequences_of(np.arange(1, 161))
    rng = np.random.RandomState(0)
    longest_at = [int(np.argmax([batch.n_timesteps for batch in minibatches(sequences, 16, rng)])) for _ in range(40)]
    assert set(longest_at) == set(range(10))


@given(lengths=LENGTHS, n_steps=st.integers(0, 100), least=st.integers(1, 5), more=st.integers(0, 20))
@examples(50)
def test_chunks_cover_every_sequence_once_similar_lengths_together(lengths, n_steps, least, more):
    sequences = sequences_of(lengths)
    batches = chunks(sequences, n_steps, least, least + more)
    indices = cover(batches)
    assert sorted(indices) == list(range(len(lengths)))
    n_left, enough = len(lengths), least + more
    for batch in batches:
        most = max(least, n_steps // room_for(sequences, batch.n_timesteps))
        assert len(batch) <= most
        assert len(batch) < 2 * enough
        assert len(batch) >= min(n_left, enough, (most + 1) // 2)  # no small remainder
        n_left -= len(batch)
    assert (np.diff(sequences.lengths[indices]) <= 0).all()


def test_room_is_enough_not_much_more_and_of_few_sizes():
    sequences = sequences_of([1, 1344])
    rooms = [room_for(sequences, length) for length in range(1, 1345)]
    assert all(length <= room <= max(length + 1, 1.27 * length) for length, room in enumerate(rooms, 1))
    assert len(set(rooms)) <= 32
    assert max(rooms) == 1344
    assert room_for(sequences_of([50, 50]), 50) == 50


def test_chunks_of_one_length_keep_the_order():
    assert cover(chunks(sequences_of([3] * 5), 6, 1, 2)).tolist() == list(range(5))
