"""Tests of the one internal form of X: views where strides allow, masked timesteps, and what cannot be read."""

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.sequences import _ragged
from skrnn.sequences._ragged import Sequences, from_array, from_list, in_chunks
from skrnn.sequences._windows import n_history_rows, pad_series, sliding_windows
from tests.examples import examples

NAN, INF = np.nan, np.inf


def numbered(*shape):
    """Return an array whose entries are all different."""
    return np.arange(float(np.prod(shape))).reshape(shape)


def timesteps(sequences, i):
    """Return the timesteps of sequence i as the documentation of Sequences defines them."""
    return sequences.rows[[sequences.starts[i] + t * sequences.stride for t in range(sequences.lengths[i])]]


def assert_reads(sequences, X):
    """Assert that the sequences are those of X without the timesteps that are NaN throughout."""
    assert len(sequences) == len(X)
    assert sequences.n_features == X.shape[2]
    for i, sequence in enumerate(X):
        np.testing.assert_array_equal(timesteps(sequences, i), sequence[~np.isnan(sequence).all(axis=1)])
    assert sequences.max_length == max(sequences.lengths)
    assert sequences.equal_lengths == (len(set(sequences.lengths)) == 1)


def windows(n_timesteps, dilation, padding="mask", n_rows=12):
    """Return windows over rows of 2 features."""
    padded = pad_series(numbered(n_rows, 2), n_history_rows(n_timesteps, dilation), padding)
    return sliding_windows(padded, n_timesteps, dilation)


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(numbered(5, 4, 3), id="C-contiguous"),
        pytest.param(numbered(5, 4, 1), id="one feature"),
        pytest.param(numbered(1, 4, 3), id="one sample"),
        pytest.param(numbered(5, 1, 3), id="one timestep"),
        pytest.param(numbered(1, 1, 1), id="one number"),
        pytest.param(numbered(5, 4)[:, :, None], id="table of timesteps"),
        pytest.param(numbered(4, 5, 3).swapaxes(0, 1), id="timesteps first"),
        pytest.param(windows(4, 1), id="windows"),
        pytest.param(windows(4, 3), id="dilated windows"),
        pytest.param(windows(4, 1, "zero"), id="windows padded by zeros"),
        pytest.param(windows(4, 1)[::2], id="every second window"),
    ],
)
def test_is_a_view_where_strides_allow(X):
    sequences = from_array(X)
    assert np.shares_memory(sequences.rows, X)
    assert_reads(sequences, X)


@pytest.mark.parametrize(
    "X",
    [
        pytest.param(numbered(5, 8, 3)[:, ::2], id="every second timestep"),
        pytest.param(numbered(5, 4, 3)[:, :, :2], id="first features"),
        pytest.param(numbered(5, 4, 3)[:, :, 1:2], id="one feature of several"),
        pytest.param(numbered(10, 4, 3)[::2], id="every second sample"),
        pytest.param(numbered(5, 8, 3)[:, 3:], id="last timesteps"),
        pytest.param(np.asfortranarray(numbered(5, 4, 3)), id="Fortran order"),
        pytest.param(numbered(5, 4, 3)[::-1], id="samples backwards"),
        pytest.param(numbered(5, 4, 3)[:, ::-1], id="timesteps backwards"),
        pytest.param(numbered(5, 4, 3)[:, :, ::-1], id="features backwards"),
        pytest.param(numbered(5, 4, 6)[:, :, ::2], id="every second feature"),
        pytest.param(numbered(5, 7, 3)[:, ::2], id="timesteps out of step with samples"),
        pytest.param(np.broadcast_to(numbered(4, 3), (5, 4, 3)), id="one sample broadcast"),
        pytest.param(np.broadcast_to(numbered(5, 1, 3), (5, 4, 3)), id="one timestep broadcast"),
    ],
)
def test_any_other_strides_give_the_same_values(X):
    assert_reads(from_array(X), X)


@given(data=st.data())
@examples(100)
def test_any_slice_of_any_axes_gives_the_same_values(data):
    axes = data.draw(st.permutations(range(3)))
    steps = data.draw(st.tuples(*[st.sampled_from([1, 2, 3, -1, -2])] * 3))
    sizes = data.draw(st.tuples(*[st.integers(1, 7)] * 3))
    X = numbered(*sizes).transpose(axes)[tuple(slice(None, None, step) for step in steps)]
    assert_reads(from_array(X), X)


@pytest.mark.parametrize("X", [numbered(5000, 4, 3), windows(4, 1, "zero", n_rows=5000)], ids=["array", "windows"])
def test_one_length_takes_no_memory_for_each_of_many_sequences(X):
    lengths = from_array(X).lengths
    np.testing.assert_array_equal(from_array(X[:50]).lengths, lengths[:50])
    assert lengths.strides == (0,)
    np.testing.assert_array_equal(lengths, np.full(len(X), X.shape[1]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.bool_])
def test_dtype_is_kept(dtype):
    assert from_array(np.ones((2, 3, 1), dtype)).rows.dtype == dtype


def test_input_is_not_written():
    X = numbered(5, 4, 2)
    X[:, 0] = NAN
    X.flags.writeable = False
    assert_reads(from_array(X), X)
    assert not from_array(X).rows.flags.writeable


# Masked timesteps


def masked(*where):
    """Return (4, 5, 2) sequences that are masked at these (sample, timestep)."""
    X = numbered(4, 5, 2)
    for sample, timestep in where:
        X[sample, timestep] = NAN
    return X


@pytest.fixture(params=[1, 3, 1000])
def n_examined(request, monkeypatch):
    """Let the search for masked timesteps go in segments of several sizes."""
    monkeypatch.setattr(_ragged, "_N_EXAMINED", request.param)


@pytest.mark.usefixtures("n_examined")
def test_leading_masks_leave_the_rows_where_they_are():
    X = masked((0, 0), (2, 0), (2, 1), (2, 2), (2, 3))
    sequences = from_array(X)
    assert sequences.rows.base is not None
    assert np.shares_memory(sequences.rows, X)
    assert sequences.lengths.tolist() == [4, 5, 1, 5]
    assert_reads(sequences, X)


@pytest.mark.usefixtures("n_examined")
@pytest.mark.parametrize(
    "where",
    [
        pytest.param([(1, 4)], id="end"),
        pytest.param([(1, 2), (3, 1), (3, 3)], id="holes"),
        pytest.param([(0, 0), (2, 0), (2, 2), (3, 4)], id="everywhere"),
        pytest.param([(i, t) for i in range(4) for t in range(5) if t != i], id="one timestep each"),
    ],
)
def test_holes_and_ends_are_left_out(where):
    X = masked(*where)
    sequences = from_array(X)
    assert len(sequences.rows) == X[..., 0].size - len(where)
    assert_reads(sequences, X)


@pytest.mark.parametrize("dilation", [1, 3])
def test_windows_masked_at_the_start_of_the_series_are_views(dilation):
    X = windows(4, dilation)
    sequences = from_array(X)
    assert np.shares_memory(sequences.rows, X)
    assert sequences.lengths.tolist() == [min(4, i // dilation + 1) for i in range(12)]


def test_holes_in_windows():
    series = numbered(12, 2)
    series[6] = NAN
    X = sliding_windows(series, 4, dilation=2)
    assert_reads(from_array(X), X)


@pytest.mark.parametrize("unread", [NAN, INF])
def test_rows_that_no_sequence_reads_do_not_matter(unread):
    X = numbered(6, 4, 2)
    X[1::2] = unread
    X[0, 0, 0] = unread
    assert_reads(from_array(X[::2, 1:]), X[::2, 1:])
    assert_reads(from_array(X[2::2, :, :1]), X[2::2, :, :1])


# What cannot be read


@pytest.mark.usefixtures("n_examined")
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1.0, NAN], "NaN in some features"),
        ([INF, 1.0], "infinity"),
        ([-INF, -INF], "infinity"),
        ([NAN, INF], "infinity"),
    ],
)
def test_partly_missing_and_infinite_timesteps_are_refused(value, message):
    X = masked((0, 0), (3, 0))
    X[2, 3] = value
    with pytest.raises(ValueError, match=f"X contains {message} at timestep 3 of sample 2. Expected finite"):
        from_array(X)


def test_first_of_several_is_named():
    X = masked()
    X[3, 1, 0] = INF
    X[1, 4, 1] = NAN
    with pytest.raises(ValueError, match="X_val contains NaN in some features at timestep 4 of sample 1"):
        from_array(X, "X_val")


def test_sample_and_timestep_of_dilated_windows_are_named():
    series = numbered(12, 2)
    series[7, 1] = NAN
    with pytest.raises(ValueError, match="timestep 3 of sample 1"):
        from_array(sliding_windows(series, 4, dilation=2))


@pytest.mark.usefixtures("n_examined")
def test_sequence_without_a_timestep_is_refused():
    X = masked((0, 0), *[(2, t) for t in range(5)])
    with pytest.raises(ValueError, match="X has no timestep in sample 2: all 5 are masked"):
        from_array(X)


# Parts


@pytest.fixture
def part_size(monkeypatch):
    """Let a part have two sequences."""
    monkeypatch.setattr("skrnn.sequences._ragged._CHUNK_SIZE", 2)


@pytest.mark.usefixtures("part_size")
def test_parts_are_the_whole():
    X = masked((0, 0), (2, 1), (3, 0))
    parts = list(in_chunks(X))
    assert [len(part) for part in parts] == [2] * (len(X) // 2) + [1] * (len(X) % 2)
    in_turn = [sequence for part in parts for sequence in part.arrays()]
    for part, whole in zip(in_turn, from_array(X).arrays(), strict=True):
        np.testing.assert_array_equal(part, whole)


@pytest.mark.usefixtures("part_size")
def test_a_list_is_one_part():
    lists = list(masked((0, 0)))
    (part,) = in_chunks(lists)
    assert len(part) == len(lists)


@pytest.mark.usefixtures("part_size")
@pytest.mark.parametrize(("value", "message"), [(NAN, "no timestep in sample 3"), (INF, "timestep 0 of sample 3")])
def test_samples_of_parts_are_counted_from_the_first(value, message):
    X = masked()
    X[3] = value
    with pytest.raises(ValueError, match=message):
        list(in_chunks(X))


# Lists


def lists_of(X):
    """Return the sequences of X as a list, cut where only masked timesteps follow."""
    n_timesteps = [1 + np.flatnonzero(~np.isnan(sequence).all(axis=1)).max() for sequence in X]
    return [sequence[:n] for sequence, n in zip(X, n_timesteps, strict=True)]


MASKS = {
    "no": [],
    "leading": [(0, 0), (2, 0), (2, 1), (2, 2), (2, 3)],
    "trailing": [(0, 4), (3, 4), (3, 3), (3, 2)],
    "holes": [(1, 2), (3, 1), (3, 3)],
    "everywhere": [(0, 0), (0, 4), (2, 0), (2, 2), (3, 4)],
    "all but one": [(i, t) for i in range(4) for t in range(5) if t != i],
}


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("where", MASKS.values(), ids=MASKS)
def test_list_is_the_same_sequences_as_the_padded_array(where, cut):
    X = masked(*where)
    from_lists, padded = from_list(lists_of(X) if cut else list(X)), from_array(X)
    assert_reads(from_lists, X)
    for array, expected in zip(from_lists.arrays(), padded.arrays(), strict=True):
        np.testing.assert_array_equal(array, expected, strict=True)
    for name in ("lengths", "first_columns", "max_length", "equal_lengths"):
        np.testing.assert_array_equal(getattr(from_lists, name), getattr(padded, name))


@given(data=st.data())
@examples(100)
def test_list_of_any_lengths_and_masks(data):
    lists = []
    for length in data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=6)):
        valid = data.draw(st.lists(st.booleans(), min_size=length, max_size=length).filter(any))
        lists.append(np.where(np.array(valid)[:, None], numbered(length, 2) + 100.0 * len(lists), NAN))
    sequences = from_list(lists)
    assert len(sequences) == len(lists)
    for array, steps in zip(sequences.arrays(), lists, strict=True):
        np.testing.assert_array_equal(array, steps[~np.isnan(steps).all(axis=1)])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_list_keeps_its_dtype_and_is_copied_once(dtype):
    lists = [np.ones((2, 1), dtype), np.ones((3, 1), dtype)]
    sequences = from_list(lists)
    assert sequences.rows.dtype == dtype
    assert sequences.rows.shape == (5, 1)
    assert not any(np.shares_memory(sequences.rows, steps) for steps in lists)


@pytest.mark.parametrize(
    ("value", "message"),
    [([1.0, NAN], "NaN in some features"), ([INF, 1.0], "infinity"), ([NAN, -INF], "infinity")],
)
def test_unreadable_timestep_of_a_list_is_named(value, message):
    lists = [numbered(3, 2), numbered(1, 2), np.full((4, 2), NAN), numbered(2, 2)]
    lists[2][[1, 3]] = 1.0
    lists[2][2] = lists[3][0] = value
    with pytest.raises(ValueError, match=f"X_val contains {message} at timestep 2 of sample 2. Expected finite"):
        from_list(lists, "X_val")


@pytest.mark.parametrize("sample", [0, 1, 3])
def test_sequence_of_a_list_without_a_timestep_is_named(sample):
    lists = [numbered(2 + i, 2) for i in range(4)]
    lists[sample][:] = NAN
    with pytest.raises(ValueError, match=f"X has no timestep in sample {sample}: all {2 + sample} are masked"):
        from_list(lists)


# What Sequences does


@pytest.fixture(params=["equal", "leading", "compacted", "dilated windows", "features of several"])
def sequences(request):
    return from_array(
        {
            "equal": masked(),
            "leading": masked((0, 0), (3, 0), (3, 1)),
            "compacted": masked((0, 2), (1, 4), (1, 3)),
            "dilated windows": windows(3, 2),
            "features of several": numbered(4, 5, 3)[:, :, :2],
        }[request.param]
    )


@pytest.mark.parametrize("first", [0, 1, 2, np.array([1, 0, 2, 0])], ids=["0", "1", "2", "each its own"])
@pytest.mark.parametrize("n_timesteps", [1, 3, None])
def test_gather_equals_a_naive_loop(sequences, n_timesteps, first):
    n_timesteps = n_timesteps or sequences.max_length
    n_timesteps = min(n_timesteps, sequences.max_length - np.max(first))  # no batch reaches further
    indices = np.array([2, 0, 3, 3])
    target = np.full((n_timesteps, 7, len(indices)), NAN)  # operands, of which the inputs are the middle
    sequences.gather(indices, first, n_timesteps, target[:, 2:4])
    for column, (i, begin) in enumerate(zip(indices, np.broadcast_to(first, 4), strict=True)):
        steps = timesteps(sequences, i)
        for t in range(n_timesteps):
            np.testing.assert_array_equal(target[t, 2:4, column], steps[min(begin + t, len(steps) - 1)])
    assert np.isnan(target[:, :2]).all()
    assert np.isnan(target[:, 4:]).all()


def test_arrays_are_the_sequences_as_views(sequences):
    arrays = list(sequences.arrays())
    assert len(arrays) == len(sequences)
    for i, array in enumerate(arrays):
        assert np.shares_memory(array, sequences.rows)
        np.testing.assert_array_equal(array, timesteps(sequences, i), strict=True)


def test_columns_are_those_of_all_timesteps_one_sequence_after_another(sequences):
    in_a_row = np.concatenate(list(sequences.arrays()))
    ends = [*sequences.first_columns[1:], len(in_a_row)]
    np.testing.assert_array_equal(np.subtract(ends, sequences.first_columns), sequences.lengths)
    for indices in ([2, 0, 3], [1], [3, 3], range(4)):
        columns = sequences.columns(np.array(indices))
        taken = np.concatenate([timesteps(sequences, i) for i in indices])
        np.testing.assert_array_equal(in_a_row[columns], taken)
        of_taken = sequences.take(np.array(indices))
        np.testing.assert_array_equal(np.concatenate(list(of_taken.arrays())), taken)
        assert of_taken.first_columns[0] == 0


def test_take_is_on_the_same_rows(sequences):
    indices = np.array([3, 1])
    taken = sequences.take(indices)
    assert taken.rows is sequences.rows
    assert len(taken) == 2
    for i, index in enumerate(indices):
        np.testing.assert_array_equal(timesteps(taken, i), timesteps(sequences, index))


def test_take_knows_the_lengths_of_what_it_took():
    sequences = from_array(masked((0, 0), (2, 0), (2, 1)))
    taken = sequences.take(np.array([0, 2]))
    assert (taken.max_length, taken.equal_lengths) == (4, False)
    assert sequences.take(np.array([1, 3])).equal_lengths


def test_astype_copies_only_where_it_must(sequences):
    assert sequences.astype(np.dtype(np.float64)).rows is sequences.rows
    converted = sequences.astype(np.dtype(np.float32))
    assert converted.rows.dtype == np.float32
    for i in range(len(sequences)):
        np.testing.assert_array_equal(timesteps(converted, i), timesteps(sequences, i))


@pytest.mark.parametrize("cut", [np.s_[:], np.s_[:, :, :2], np.s_[:, ::2]], ids=["all", "features", "timesteps"])
def test_gather_needs_memory_for_the_batch_only(cut):
    sequences = from_array(np.zeros((2000, 20, 4))[cut])
    out = np.empty((sequences.max_length, sequences.n_features, 8))
    sequences.gather(np.arange(8), 0, sequences.max_length, out)
    tracemalloc.start()
    try:
        sequences.gather(np.arange(8), 0, sequences.max_length, out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * out.nbytes


def test_sequences_of_rows_with_a_stride():
    sequences = Sequences(numbered(7, 1), np.array([0, 1]), np.array([4, 2]), stride=2)
    assert timesteps(sequences, 0)[:, 0].tolist() == [0.0, 2.0, 4.0, 6.0]
    assert timesteps(sequences, 1)[:, 0].tolist() == [1.0, 3.0]
    assert (sequences.max_length, sequences.equal_lengths, len(sequences), sequences.n_features) == (4, False, 2, 1)


def test_pickled_without_what_follows_from_the_rest():
    X = np.random.default_rng(0).normal(size=(50, 6, 3))
    sequences = from_array(X)
    small = len(pickle.dumps(sequences))
    assert small < 1.2 * X.nbytes
    expected, found = np.empty((2, 6, 3, 50))
    sequences.gather(np.arange(50), 0, 6, expected)
    assert len(pickle.dumps(sequences)) == small  # the array that it was seen as would be a second copy
    pickle.loads(pickle.dumps(sequences)).gather(np.arange(50), 0, 6, found)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_rows_are_examined_some_at_a_time(monkeypatch, size):
    X = np.random.default_rng(0).normal(size=(4, 5, 2))
    X[1, 0], X[3, :2] = np.nan, np.nan
    monkeypatch.setattr(_ragged, "_CHUNK_SIZE", size)
    np.testing.assert_array_equal(from_array(X).lengths, [5, 4, 5, 3])
    X[2, 3, 1] = np.inf
    with pytest.raises(ValueError, match="X contains infinity at timestep 3 of sample 2"):
        from_array(X)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_largest_numbers_are_found_where_sequences_read_them(monkeypatch, size):
    monkeypatch.setattr(_ragged, "_CHUNK_SIZE", size)
    rows = numbered(9, 2)
    rows[4, 1] = -50.0
    every_second = Sequences(rows, np.array([0, 1]), np.array([4, 2]), stride=2)  # rows 0, 2, 4, 6, and 1, 3
    assert every_second.beyond(np.float64(50.0)) is None
    assert every_second.beyond(np.float64(49.0)) == -50.0
    assert every_second.beyond(np.float64(4.0)) == 5.0
    assert every_second.take(np.array([1])).beyond(np.float64(7.0)) is None
    assert every_second.take(np.array([1])).beyond(np.float64(6.0)) == 7.0
    rows[7] = np.nan, np.inf
    assert every_second.beyond(np.float64(50.0)) is None
    assert Sequences(numbered(9, 2).astype(int), np.array([0]), np.array([5])).beyond(np.float64(1.0)) is None


def test_numbers_that_their_dtype_cannot_hold_are_not_looked_for():
    rows = numbered(4, 2).astype(np.float16)
    assert Sequences(rows, np.array([0]), np.array([4])).beyond(np.float64(1e30)) is None


# Rows that sequences read


def some_sequences():
    """Yield sequences that share rows or not, of any lengths, with rows that none reads, and rows between timesteps."""
    rows = np.random.default_rng(0).normal(size=(23, 2))
    yield from_array(rows[:20].reshape(4, 5, 2))
    yield Sequences(rows, np.array([0, 4, 11]), np.array([4, 3, 9]))
    yield Sequences(rows, np.array([2, 2, 3, 9]), np.array([5, 1, 7, 2]))
    yield Sequences(rows, np.arange(11), np.full(11, 4), stride=3)
    yield Sequences(rows, np.array([1, 6, 7, 20]), np.array([6, 2, 3, 1]), stride=3)
    yield Sequences(rows, np.array([22, 0, 21]), np.array([1, 8, 1]), stride=3).take(np.array([2, 0]))


@pytest.mark.parametrize("sequences", list(some_sequences()))
def test_weight_of_a_row_is_the_mean_of_those_of_its_readers(sequences):
    weights = 0.5 + np.arange(len(sequences)) % 3
    readers = [[] for _ in sequences.rows]
    for i in range(len(sequences)):
        for t in range(sequences.lengths[i]):
            readers[sequences.starts[i] + t * sequences.stride].append(i)
    expected = [np.mean(weights[of_row]) if of_row else 0.0 for of_row in readers]
    np.testing.assert_allclose(sequences.row_weights(weights), expected)
    np.testing.assert_array_equal(sequences.row_weights(), [float(bool(of_row)) for of_row in readers])


@pytest.mark.axis("dtype", ["float32", ">f8", "int16"])
@pytest.mark.axis("n_bytes", [1, 64, 10**6])
def test_rows_are_read_some_at_a_time_in_float64(dtype, n_bytes, monkeypatch):
    monkeypatch.setattr(_ragged, "_CHUNK_BYTES", n_bytes)
    rows = numbered(23, 2).astype(dtype)
    sequences = from_array(rows[:22].reshape(11, 2, 2))
    of_rows = np.arange(22) % 3.0
    read = list(sequences.read_rows(of_rows))
    assert {some.dtype for _, some in read} == {np.dtype(np.float64)}
    np.testing.assert_array_equal(np.concatenate([some for _, some in read]), rows[:22][of_rows > 0.0])
    np.testing.assert_array_equal(np.concatenate([some for some, _ in read]), of_rows[of_rows > 0.0])
    assert max(len(some) for some, _ in read) <= max(1, n_bytes // 16)


@pytest.mark.parametrize("sequences", list(some_sequences()))
@pytest.mark.axis("dtype", ["float32", "float64"])
@pytest.mark.axis("most_copied", [0, 10**6])
def test_scaled_sequences_are_copies_or_scaled_where_they_are_read(sequences, dtype, most_copied, monkeypatch):
    monkeypatch.setattr(_ragged, "_MOST_COPIED", most_copied)
    sequences.rows.flags.writeable = False
    location, scale = np.array([1e6, -2.0]), np.array([3.0, 0.25])
    scaled = pickle.loads(pickle.dumps(sequences.scaled(location, scale, np.dtype(dtype))))
    is_copy = sequences.scaled(location, scale, np.dtype(dtype)).rows is not sequences.rows
    assert is_copy == bool(most_copied)
    assert scaled.dtype == dtype
    some = np.array([1, 0])
    for made, indices in ((scaled, np.arange(len(scaled))), (scaled.take(some), np.arange(2))):
        out, plain = (np.empty((made.max_length, 2, len(indices)), of) for of in (dtype, sequences.rows.dtype))
        made.gather(indices, 0, made.max_length, out)
        of_these = sequences if made is scaled else sequences.take(some)
        of_these.gather(indices, 0, made.max_length, plain)
        expected = (plain - location[:, None].astype(np.float64)) / scale[:, None]
        np.testing.assert_array_equal(out, expected.astype(dtype))
    np.testing.assert_array_equal(scaled.read(1, 3), ((sequences.rows[1:3] - location) / scale).astype(dtype))
    assert scaled.read(1, 3).dtype == dtype


def test_a_number_that_is_too_large_is_found_only_where_it_is_read():
    rows = np.concatenate([np.full((4, 1), np.nan), np.arange(30.0)[:, None]])
    windows = np.lib.stride_tricks.sliding_window_view(rows[:, 0], 5)[:, :, None]  # the first ones begin with NaN
    sequences = from_array(windows)
    assert sequences.beyond(np.float64(29.0)) is None
    assert sequences.beyond(np.float64(28.5)) == 29.0
    assert from_array(-windows).beyond(np.float64(28.5)) == -29.0
    assert sequences.take(np.arange(5)).beyond(np.float64(28.5)) is None
