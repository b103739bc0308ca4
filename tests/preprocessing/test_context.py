"""Tests of the context: the rows of `fit` that those of `transform` follow on from."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import TimeSeriesSplit

from skrnn.preprocessing import SlidingWindow
from tests.preprocessing.reference import reference_windows

SERIES = np.arange(20.0).reshape(10, 2)
GROUPS = np.array(["a", "b", "a", "a", "b", "c", "a", "b", "a", "d"])


def cold(X, **parameters):
    return SlidingWindow(**parameters).fit_transform(X)


# what is kept


@pytest.mark.parametrize(("n_timesteps", "dilation", "n_kept"), [(1, 1, 0), (3, 1, 2), (3, 2, 4), (20, 1, 10)])
def test_context_is_the_history_of_the_next_row(n_timesteps, dilation, n_kept):
    transformer = SlidingWindow(n_timesteps, dilation=dilation, carry_context=True).fit(SERIES)
    np.testing.assert_array_equal(transformer.context_, SERIES[10 - n_kept :], strict=True)
    assert transformer.context_groups_ is None
    assert transformer.n_samples_fit_ == 10


def test_context_of_groups_is_in_the_order_of_the_rows():
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES, groups=GROUPS)
    kept = [4, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(transformer.context_, SERIES[kept])
    np.testing.assert_array_equal(transformer.context_groups_, GROUPS[kept])


@pytest.mark.parametrize(
    ("dtype", "expected"), [(np.float32, np.float32), (np.float64, np.float64), (np.int32, np.float64)]
)
@pytest.mark.parametrize("groups", [None, GROUPS])
def test_context_is_a_copy_in_the_dtype_of_the_windows(dtype, expected, groups):
    X = SERIES.astype(dtype)
    transformer = SlidingWindow(3, carry_context=True).fit(X, groups=groups)
    assert transformer.context_.dtype == expected
    assert not np.shares_memory(transformer.context_, X)


def test_only_arrays_numbers_and_strings_are_kept():
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES, groups=GROUPS)
    fitted = {name: value for name, value in vars(transformer).items() if name not in transformer.get_params()}
    assert {type(value) for value in fitted.values()} == {np.ndarray, int, str}


def test_context_of_an_earlier_fit_is_forgotten():
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES, groups=GROUPS)
    transformer.set_params(carry_context=False).fit(SERIES)
    assert not {"context_", "context_groups_", "n_samples_fit_"} & set(dir(transformer))
    assert not hasattr(clone(transformer), "context_")


def test_fit_without_context_has_none_to_carry():
    transformer = SlidingWindow(3).fit(SERIES).set_params(carry_context=True)
    with pytest.raises(NotFittedError, match="carry_context is True, but was False in fit, which kept no rows"):
        transformer.transform(SERIES)


# who follows on


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", ["mask", "edge", "zero"])
@pytest.mark.parametrize("n_fit", [1, 2, 7])
def test_new_rows_follow_on(n_fit, padding, dilation):
    parameters = {"n_timesteps": 3, "dilation": dilation, "padding": padding}
    transformer = SlidingWindow(carry_context=True, **parameters).fit(SERIES[:n_fit])
    windows = transformer.transform(SERIES[n_fit:])
    np.testing.assert_array_equal(windows, cold(SERIES, **parameters)[n_fit:], strict=True)
    assert np.shares_memory(windows[0], windows[dilation])
    assert not windows.flags.writeable


def test_unseen_group_starts_cold_and_others_follow_on():
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES[:5], groups=GROUPS[:5])
    windows = transformer.transform(SERIES[5:], groups=GROUPS[5:])
    np.testing.assert_array_equal(windows, reference_windows(SERIES, GROUPS, 3, n_earlier=5), strict=True)


@pytest.mark.parametrize("label", ["a", "c"])
def test_single_group_follows_on_as_a_view(label):
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES[:5], groups=GROUPS[:5])
    windows = transformer.transform(SERIES[5:], groups=[label] * 5)
    expected = reference_windows(SERIES, [*GROUPS[:5], *[label] * 5], 3, n_earlier=5)
    np.testing.assert_array_equal(windows, expected)
    assert np.shares_memory(windows[0], windows[1])


def test_groups_on_one_side_only_start_cold():
    expected = SlidingWindow(3).fit_transform(SERIES[5:])
    by_group = SlidingWindow(3, carry_context=True).fit(SERIES[:5], groups=GROUPS[:5])
    with pytest.warns(UserWarning, match="fitted with 2 groups, but transform got none"):
        np.testing.assert_array_equal(by_group.transform(SERIES[5:]), expected)
    alone = SlidingWindow(3, carry_context=True).fit(SERIES[:5])
    np.testing.assert_array_equal(alone.transform(SERIES[5:], groups=["a"] * 5), expected)


@pytest.mark.parametrize(
    ("of_fit", "of_transform"),
    [
        (["a", "b"], np.array(["a", "b"])),
        (np.array(["a", "b"]), np.array(["a", "b"], dtype=object)),
        (np.array(["a", "b"]), np.array(["a", "a longer one"])),
        ([1, 2], np.array([1, 2], dtype=np.uint8)),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (np.array([2**60, 2**60 + 1]), np.array([2**60, 2**60 + 1], dtype=np.uint64)),
    ],
)
def test_equal_labels_are_one_group_in_every_container(of_fit, of_transform):
    transformer = SlidingWindow(2, carry_context=True).fit(SERIES[:2], groups=of_fit)
    windows = transformer.transform(SERIES[2:4], groups=of_transform)
    labels = [*np.asarray(of_fit).tolist(), *of_transform.tolist()]  # NumPy compares long integers as floats
    np.testing.assert_array_equal(windows, reference_windows(SERIES[:4], labels, 2, n_earlier=2))
    np.testing.assert_array_equal(transformer.transform(SERIES[2:3], groups=of_transform[:1]), windows[:1])


def test_strings_are_not_numbers():
    transformer = SlidingWindow(2, carry_context=True).fit(SERIES[:2], groups=np.array([1, 2]))
    windows = transformer.transform(SERIES[2:4], groups=np.array(["1", "2"]))
    assert np.isnan(windows[:, 0]).all()


def test_each_call_continues_from_fit():
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES[:5])
    first = transformer.transform(SERIES[5:])
    np.testing.assert_array_equal(transformer.transform(SERIES[5:]), first)


def test_group_column_carries_context():
    X = np.column_stack([np.unique(GROUPS, return_inverse=True)[1], SERIES])
    transformer = SlidingWindow(3, group_column=0, carry_context=True).fit(X[:5])
    np.testing.assert_array_equal(transformer.transform(X[5:]), reference_windows(SERIES, GROUPS, 3, n_earlier=5))


def test_flat_output_and_frames_follow_on():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(SERIES, columns=["a", "b"], index=pd.date_range("2020-01-01", periods=10))
    transformer = SlidingWindow(3, carry_context=True, flatten=True).set_output(transform="pandas")
    whole = transformer.fit_transform(table)
    pd.testing.assert_frame_equal(transformer.fit(table[:5]).transform(table[5:]), whole[5:], check_freq=False)


# the rows of fit do not follow on from themselves


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_rows_of_fit_start_cold(groups):
    transformer = SlidingWindow(3, carry_context=True)
    expected = SlidingWindow(3).fit_transform(SERIES, groups=groups)
    np.testing.assert_array_equal(transformer.fit_transform(SERIES, groups=groups), expected)
    np.testing.assert_array_equal(transformer.transform(SERIES, groups=groups), expected)
    restored = pickle.loads(pickle.dumps(transformer))
    np.testing.assert_array_equal(restored.transform(SERIES, groups=groups), expected)


@pytest.mark.parametrize(
    "form",
    [
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: X.astype(np.float32),
        lambda X: X.astype(">f8"),
        lambda X: X.tolist(),
        lambda X: np.where(X == 0, -0.0, X),
        lambda X: np.where(np.isnan(X), -np.array(np.nan), X),
    ],
    ids=["Fortran", "strided", "float32", "big endian", "list", "negative zero", "other NaN"],
)
def test_rows_of_fit_are_recognised_by_their_values(form):
    X = SERIES.copy()
    X[4] = np.nan
    transformer = SlidingWindow(3, carry_context=True).fit(X)
    np.testing.assert_array_equal(transformer.transform(form(X)), cold(X, n_timesteps=3))


@pytest.mark.parametrize(
    "form",
    [list, lambda groups: groups.astype(object), lambda groups: groups.astype("U30")],
    ids=["list", "objects", "longer strings"],
)
def test_rows_of_fit_are_recognised_by_their_groups(form):
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES, groups=GROUPS)
    expected = SlidingWindow(3).fit_transform(SERIES, groups=GROUPS)
    np.testing.assert_array_equal(transformer.transform(SERIES, groups=form(GROUPS)), expected)


@pytest.mark.parametrize("groups", [np.arange(10) % 3, np.arange(10) % 3 == 0])
def test_numbers_are_recognised_in_every_container(groups):
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES, groups=groups)
    expected = SlidingWindow(3).fit_transform(SERIES, groups=groups)
    for form in (groups.tolist(), groups.astype(float), groups.astype(np.uint8)):
        np.testing.assert_array_equal(transformer.transform(SERIES, groups=form), expected)


@pytest.mark.parametrize("groups", [None, GROUPS])
def test_rows_of_fit_and_more_after_them_start_cold(groups):
    def part(last):
        return None if groups is None else groups[:last]

    transformer = SlidingWindow(3, carry_context=True).fit(SERIES[:6], groups=part(6))
    for last in (6, 7, 10):
        expected = SlidingWindow(3).fit_transform(SERIES[:last], groups=part(last))
        np.testing.assert_array_equal(transformer.transform(SERIES[:last], groups=part(last)), expected)


@pytest.mark.parametrize(
    "X",
    [SERIES[:5], SERIES[1:], SERIES[::-1], SERIES + np.eye(10, 2) * 1e-12, SERIES[:, ::-1]],
    ids=["beginning", "end", "reversed", "another digit", "other columns"],
)
def test_other_rows_follow_on(X):
    windows = SlidingWindow(3, carry_context=True).fit(SERIES).transform(X)
    np.testing.assert_array_equal(windows[0, :2], SERIES[-2:])


def test_equal_rows_of_other_groups_follow_on():
    transformer = SlidingWindow(2, carry_context=True).fit(SERIES[:2], groups=["a", "b"])
    windows = transformer.transform(SERIES[:2], groups=["b", "a"])
    np.testing.assert_array_equal(windows[:, 0], SERIES[[1, 0]])


def test_context_can_be_switched_off():
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES).set_params(carry_context=False)
    np.testing.assert_array_equal(transformer.transform(SERIES[:5]), cold(SERIES[:5], n_timesteps=3))
    transformer.set_params(carry_context=True)
    np.testing.assert_array_equal(transformer.transform(SERIES[:5])[0, :2], SERIES[-2:])


def test_parameters_may_change_after_fit():
    transformer = SlidingWindow(4, carry_context=True).fit(SERIES[:5])
    for n_timesteps in (1, 2, 4):
        windows = transformer.set_params(n_timesteps=n_timesteps).transform(SERIES[5:])
        np.testing.assert_array_equal(windows, cold(SERIES, n_timesteps=n_timesteps)[5:])


# in time series splits


@pytest.mark.parametrize("n_timesteps", [1, 4, 30])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # short folds
def test_folds_see_the_whole_past_and_nothing_later(n_timesteps):
    X = np.random.default_rng(0).normal(size=(41, 2))
    whole = cold(X, n_timesteps=n_timesteps)
    for train, test in TimeSeriesSplit(4).split(X):
        carrying = SlidingWindow(n_timesteps, carry_context=True).fit(X[train])
        np.testing.assert_array_equal(carrying.transform(X[test]), whole[test])
        np.testing.assert_array_equal(carrying.transform(X[train]), whole[train])
        forgetting = SlidingWindow(n_timesteps).fit(X[train]).transform(X[test])
        np.testing.assert_array_equal(forgetting, cold(X[test], n_timesteps=n_timesteps))
        assert np.isnan(forgetting[0]).any() == (n_timesteps > 1)


def test_windows_that_are_longer_than_in_fit_are_refused():
    transformer = SlidingWindow(3, carry_context=True).fit(SERIES)
    with pytest.raises(NotFittedError, match=r"n_timesteps=5 and dilation=1 reach back 4 rows, but fit kept 2"):
        transformer.set_params(n_timesteps=5).transform(SERIES)
    shorter = transformer.set_params(n_timesteps=2).transform(SERIES[:1] + 1.0)
    np.testing.assert_array_equal(shorter[0], [SERIES[-1], SERIES[0] + 1.0])
