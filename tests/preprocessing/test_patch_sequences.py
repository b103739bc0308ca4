"""Tests of the transformer that makes several consecutive timesteps one."""

import pickle
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from skrnn import RNNClassifier, RNNRegressor
from skrnn.preprocessing import PatchSequences, SequenceTransformer, SlidingWindow
from tests.examples import examples

NAN = np.nan
SIZES = st.integers(1, 5).flatmap(lambda size: st.tuples(st.just(size), st.integers(1, size)))


def patches_of(sequence, size, stride):
    """Return the patches of a sequence, (n_timesteps, n_features), one by one from its end, as they are documented."""
    steps, patches, start = sequence.tolist(), [], len(sequence) - size
    while not patches or start + stride > 0:
        patches.insert(0, [steps[max(place, 0)] for place in range(start, start + size)])
        start -= stride
    return np.array(patches).reshape(len(patches), -1)


def random_sequences(lengths, n_features, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, n_features)) for length in lengths]


def as_objects(sequences):
    objects = np.empty(len(sequences), dtype=object)
    objects[:] = sequences
    return objects


def as_padded(sequences, n_timesteps, seed):
    """Return sequences in one array, masked at random places."""
    rng = np.random.default_rng(seed)
    padded = np.full((len(sequences), n_timesteps, sequences[0].shape[1]), NAN)
    for row, sequence in zip(padded, sequences, strict=True):
        row[np.sort(rng.permutation(n_timesteps)[: len(sequence)])] = sequence
    return padded


def assert_same(found, expected):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


# scikit-learn's own checks


@pytest.mark.parametrize("parameters", [{"size": 1}, {"size": 2}, {"size": 3, "stride": 2}], ids=str)
def test_scikit_learns_checks(parameters):
    records = check_estimator(PatchSequences(**parameters), on_fail=None, on_skip=None)
    assert [record["check_name"] for record in records if record["status"] == "failed"] == []
    assert sum(record["status"] == "passed" for record in records) >= 40


# which timestep becomes what


@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5), n_features=st.integers(1, 3), sizes=SIZES)
@examples(60)
def test_patches_of_every_form(lengths, n_features, sizes):
    size, stride = sizes
    X = random_sequences(lengths, n_features)
    expected = [patches_of(sequence, size, stride) for sequence in X]
    patches = PatchSequences(size, stride)
    found = patches.fit_transform(X)
    assert type(found) is list
    assert_same(found, expected)
    objects = patches.fit_transform(as_objects(X))
    assert objects.dtype == object
    assert_same(objects, expected)
    for n_timesteps in (max(lengths), max(lengths) + 3):
        padded = patches.fit_transform(as_padded(X, n_timesteps, seed=0))
        n_patches = len(patches_of(np.zeros((n_timesteps, 1)), size, stride))
        assert padded.shape == (len(X), n_patches, size * n_features)
        for row, of_sequence in zip(padded, expected, strict=True):
            np.testing.assert_array_equal(row[n_patches - len(of_sequence) :], of_sequence)
            assert np.isnan(row[: n_patches - len(of_sequence)]).all()


@given(n_timesteps=st.integers(1, 12), n_features=st.integers(1, 3), sizes=SIZES)
@examples(60)
def test_patches_of_an_array_without_masks(n_timesteps, n_features, sizes):
    X = np.random.default_rng(0).normal(size=(3, n_timesteps, n_features))
    found = PatchSequences(*sizes).fit_transform(X)
    assert_same(found, [patches_of(sequence, *sizes) for sequence in X])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.bool_, "U3"])
def test_dtype_stays(dtype):
    X = np.arange(20).reshape(2, 5, 2).astype(dtype)
    for sequences in (X, X[:, :4], list(X)):
        found = PatchSequences(2).fit_transform(sequences)
        assert found[0].dtype == X.dtype
        assert_same(found, [patches_of(sequence, 2, 2) for sequence in sequences])


def test_timesteps_that_are_missing_in_part_stay():
    X = np.arange(8.0).reshape(1, 4, 2)
    X[0, 1, 0] = NAN
    np.testing.assert_array_equal(PatchSequences(2).fit_transform(X), [[[0.0, 1.0, NAN, 3.0], [4.0, 5.0, 6.0, 7.0]]])


def test_a_sequence_that_is_all_masked_is_masked():
    X = np.arange(8.0).reshape(2, 4, 1)
    X[1] = NAN
    np.testing.assert_array_equal(PatchSequences(3).fit_transform(X), [[[0, 0, 0], [1, 2, 3]], np.full((2, 3), NAN)])
    assert_same(PatchSequences(3).fit_transform(list(X)), [[[0, 0, 0], [1, 2, 3]], np.full((1, 3), NAN)])
    np.testing.assert_array_equal(PatchSequences(3).fit_transform(X[1:]), np.full((1, 2, 3), NAN))


def test_rows_of_a_table_are_sequences_of_one_feature():
    X = np.arange(12.0).reshape(2, 6)
    patches = PatchSequences(3).fit(X)
    np.testing.assert_array_equal(patches.transform(X), X.reshape(2, 2, 3))
    assert patches.n_features_in_ == 6
    assert patches.get_feature_names_out().tolist() == ["x0_t-2", "x0_t-1", "x0"]
    with pytest.raises(ValueError, match="X has 3 features, but PatchSequences is expecting 6"):
        patches.transform(X[:, :3])
    with pytest.raises(ValueError, match="X has 2 features per timestep, but PatchSequences expects 1"):
        patches.transform(np.zeros((2, 3, 2)))
    assert_same(patches.transform([[1.0, 2.0], [3.0]]), [[[1.0, 1.0, 2.0]], [[3.0, 3.0, 3.0]]])


def test_names():
    frames = [import_module("pandas").DataFrame({"rain": [1.0, 2.0], "wind": [3.0, 4.0]})]
    patches = PatchSequences(2).fit(frames)
    assert patches.get_feature_names_out().tolist() == ["rain_t-1", "wind_t-1", "rain", "wind"]
    assert_same(patches.transform(frames), [[[1.0, 3.0, 2.0, 4.0]]])
    with pytest.raises(ValueError, match="feature names should match"):
        patches.transform([frames[0][["wind", "rain"]]])
    plain = PatchSequences(2).fit(np.zeros((1, 4, 2)))
    assert plain.get_feature_names_out().tolist() == ["x0_t-1", "x1_t-1", "x0", "x1"]
    assert plain.get_feature_names_out(["a", "b"]).tolist() == ["a_t-1", "b_t-1", "a", "b"]
    with pytest.raises(ValueError, match="input_features"):
        plain.get_feature_names_out(["a"])


# views


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (3, 3), (6, 6), (4, 2), (2, 1)])
def test_complete_patches_are_a_read_only_view(sizes):
    X = np.random.default_rng(0).normal(size=(3, 6, 2))
    for array in (X, X[::2], X[:, :, :1].copy(), X[..., 0].copy(), X[:, :4] if sizes[0] < 3 else X):
        found = PatchSequences(*sizes).fit_transform(array)
        assert np.shares_memory(found, array)
        assert not found.flags.writeable
        assert_same(found, [patches_of(sequence.reshape(len(sequence), -1), *sizes) for sequence in array])


def test_incomplete_patches_are_a_copy():
    X = np.random.default_rng(0).normal(size=(3, 6, 2))
    masked = X.copy()
    masked[0, 0] = NAN
    for size, array in ((4, X), (7, X), (2, masked), (2, X[:, :, ::-1]), (2, X[:, ::-1]), (2, np.asfortranarray(X))):
        found = PatchSequences(size).fit_transform(array)
        assert not np.shares_memory(found, array)
        assert found.flags.writeable
    every_other = np.random.default_rng(0).normal(size=(3, 12, 2))[:, ::2]
    assert_same(PatchSequences(3).fit_transform(every_other), [patches_of(sequence, 3, 3) for sequence in every_other])


def test_patches_of_windows_are_a_view_of_the_series():
    series = np.random.default_rng(0).normal(size=(5000, 2))
    windows = SlidingWindow(400, padding="zero").fit_transform(series)
    patches = PatchSequences(20).fit_transform(windows)
    assert patches.shape == (5000, 20, 40)
    assert np.shares_memory(patches, windows)
    np.testing.assert_array_equal(patches[4000], series[3601:4001].reshape(20, 40))


def test_networks_read_views_as_their_copies():
    X = np.random.default_rng(0).normal(size=(12, 8, 2))
    y = X[:, :, 0].sum(axis=1)
    for sizes in ((2, 2), (4, 2)):
        found = PatchSequences(*sizes).fit_transform(X)
        model = RNNRegressor((3,), solver="lbfgs", tol=0.01, random_state=0).fit(found.copy(), y)
        np.testing.assert_array_equal(model.predict(found), model.predict(found.copy()))


# back to the timesteps


@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    n_features=st.integers(1, 3),
    sizes=SIZES,
    dtype=st.sampled_from([np.float64, "U5"]),
)
@examples(60)
def test_inverse_gives_the_sequences_back(lengths, n_features, sizes, dtype):
    X = [sequence.astype(dtype) for sequence in random_sequences(lengths, n_features)]
    patches = PatchSequences(*sizes).fit(X)
    assert_same(patches.inverse_transform(patches.transform(X), X), X)
    objects = patches.inverse_transform(patches.transform(X), as_objects(X))
    assert objects.dtype == object
    assert_same(objects, X)
    if dtype is np.float64:
        padded = as_padded(X, max(lengths) + 2, seed=1)
        np.testing.assert_array_equal(patches.inverse_transform(patches.transform(padded), padded), padded)
    for sequence, found in zip(X, patches.inverse_transform(patches.transform(X)), strict=True):
        n_repeated = len(found) - len(sequence)
        np.testing.assert_array_equal(found[n_repeated:], sequence)
        np.testing.assert_array_equal(found[:n_repeated], np.repeat(sequence[:1], n_repeated, axis=0))


@given(lengths=st.lists(st.integers(1, 12), min_size=1, max_size=4), sizes=SIZES)
@examples(60)
def test_a_value_for_a_patch_is_that_of_all_timesteps_that_it_is_the_first_to_hold(lengths, sizes):
    X = [np.arange(float(length))[:, np.newaxis] for length in lengths]
    patches = PatchSequences(*sizes).fit(X)
    held = [[set(patch.tolist()) for patch in of_sequence] for of_sequence in patches.transform(X)]
    numbers = [np.arange(len(of_sequence)) for of_sequence in held]
    for length, of_sequence, found in zip(lengths, held, patches.inverse_transform(numbers, X), strict=True):
        assert found.tolist() == [min(k for k, patch in enumerate(of_sequence) if t in patch) for t in range(length)]


def test_labels_beside_masked_timesteps():
    X = np.arange(10.0).reshape(2, 5, 1)
    X[1, [0, 1, 3]] = NAN
    labels = np.array([["a", "b"], [NAN, "c"]], dtype=object)
    found = PatchSequences(3).fit(X).inverse_transform(labels, X)
    assert found.tolist()[0] == ["a", "a", "b", "b", "b"]
    assert found[1, [2, 4]].tolist() == ["c", "c"]
    assert all(label != label for label in found[1, [0, 1, 3]])


def test_predictions_for_each_timestep():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 11, 2))
    y = X[:, :, 0] + 2.0 * X[:, :, 1]
    patches, of_targets = PatchSequences(3).fit(X), PatchSequences(3).fit(y)
    assert of_targets.transform(y).shape == (40, 4, 3)
    network = RNNRegressor((12,), return_sequences=True, solver="lbfgs", alpha=0.0, random_state=0)
    network.fit(patches.transform(X), of_targets.transform(y))
    predictions = of_targets.inverse_transform(network.predict(patches.transform(X)), y)
    assert predictions.shape == (40, 11, 1)
    assert np.corrcoef(predictions.ravel(), y.ravel())[0, 1] > 0.9


# beside networks


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_padding_at_either_end_and_holes_do_not_matter():
    X, y = random_sequences([7, 3, 12, 5, 9, 8], 2), np.arange(6.0)
    model = make_pipeline(PatchSequences(3), RNNRegressor((3,), max_iter=3, random_state=0))
    expected = clone(model).fit(X, y).predict(X)
    for seed in range(3):
        padded = as_padded(X, 15, seed)
        np.testing.assert_array_equal(clone(model).fit(padded, y).predict(padded), expected)


def test_in_a_pipeline_and_its_grid():
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = np.sin(np.arange(60) / np.where(y, 4.0, 5.0)[:, np.newaxis] + rng.uniform(0.0, 6.0, (60, 1)))
    network = RNNClassifier((4,), solver="lbfgs", tol=0.02, random_state=0)
    model = make_pipeline(SequenceTransformer(StandardScaler()), PatchSequences(2), network)
    search = GridSearchCV(model, {"patchsequences__size": [10, 20], "patchsequences__stride": [None, 5]}, cv=2)
    search.fit(X, y)
    assert search.best_score_ > 0.9
    assert search.predict(X[:3]).shape == (3,)


# what is refused, and what an estimator promises


def test_bad_input():
    patches = PatchSequences(2)
    with pytest.raises(NotFittedError):
        patches.transform(np.zeros((2, 3, 1)))
    with pytest.raises(NotFittedError):
        patches.inverse_transform(np.zeros((2, 3, 2)))
    with pytest.raises(ValueError, match="stride is 3, but size is 2; expected stride <= size"):
        PatchSequences(2, 3).fit(np.zeros((2, 3, 1)))
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        patches.fit(sparse.eye(3).tocsr())
    for X in ([], np.zeros((2, 0, 1)), [np.zeros((2, 1)), np.zeros((2, 2))], [np.zeros((0, 1))]):
        with pytest.raises(ValueError, match="X"):
            patches.fit(X)
    assert not hasattr(patches, "n_features_in_")


@pytest.mark.parametrize(
    ("values", "pattern"),
    [
        (np.zeros((2, 2, 3)), r"values of shape \(3,\) per patch; expected a multiple of size=2"),
        (np.zeros((2, 3, 2)), r"X has \[3, 3\] patches; expected \[2, 2\]"),
        (np.zeros((1, 2, 2)), r"X has \[2\] patches; expected \[2, 2\]"),
        (np.zeros(4), r"X has shape \(4,\)"),
        (np.zeros((1, 2, 2, 2)), r"X has shape \(1, 2, 2, 2\)"),
    ],
)
def test_values_that_are_not_of_these_patches(values, pattern):
    X = np.zeros((2, 4, 1))
    with pytest.raises(ValueError, match=pattern):
        PatchSequences(2).fit(X).inverse_transform(values, X)


def test_input_is_only_read_and_copies_do_the_same():
    X = np.random.default_rng(0).normal(size=(3, 5, 2))
    X[0, :2] = NAN
    before = X.copy()
    X.flags.writeable = False
    patches = PatchSequences(2).fit(X)
    expected = patches.transform(X)
    np.testing.assert_array_equal(X, before)
    for other in (pickle.loads(pickle.dumps(patches)), clone(patches).fit(X)):
        np.testing.assert_array_equal(other.transform(X), expected)


def test_tags():
    tags = get_tags(PatchSequences(2))
    assert tags.input_tags.three_d_array
    assert tags.input_tags.allow_nan
    assert not hasattr(PatchSequences(2), "set_output")
