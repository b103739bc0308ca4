"""Tests of the views that sliding windows are made of."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.sequences._windows import (
    PADDINGS,
    flatten_windows,
    grouped_windows,
    last_rows,
    n_history_rows,
    pad_series,
    sliding_windows,
)
from tests.examples import examples


def naive_windows(series, n_timesteps, dilation, padding):
    """Build the windows row by row, the slow way."""
    missing = {"mask": np.full_like(series[0], np.nan), "edge": series[0], "zero": np.zeros_like(series[0])}
    windows = []
    for t in range(len(series)):
        rows = [t - step * dilation for step in reversed(range(n_timesteps))]
        windows.append([series[row] if row >= 0 else missing[padding] for row in rows])
    return np.array(windows)


def make_windows(series, n_timesteps, dilation=1, padding="mask"):
    padded = pad_series(series, n_history_rows(n_timesteps, dilation), padding)
    return padded, sliding_windows(padded, n_timesteps, dilation)


@given(
    n_samples=st.integers(1, 12),
    n_features=st.integers(1, 3),
    n_timesteps=st.integers(1, 15),
    dilation=st.integers(1, 4),
    padding=st.sampled_from(PADDINGS),
    dtype=st.sampled_from([np.float32, np.float64]),
    order=st.sampled_from("CF"),
)
@examples(80)
def test_windows_equal_naive_loop(n_samples, n_features, n_timesteps, dilation, padding, dtype, order):
    series = np.random.default_rng(0).normal(size=(n_samples, n_features)).astype(dtype, order=order)
    _, windows = make_windows(series, n_timesteps, dilation, padding)
    expected = naive_windows(series, n_timesteps, dilation, padding)
    assert windows.dtype == dtype
    np.testing.assert_array_equal(windows, expected, strict=True)
    np.testing.assert_array_equal(flatten_windows(windows), expected.reshape(n_samples, -1), strict=True)


@pytest.mark.parametrize("dilation", [1, 3])
def test_windows_are_read_only_views_on_the_padded_series(dilation):
    padded, windows = make_windows(np.arange(20.0).reshape(10, 2), n_timesteps=4, dilation=dilation)
    assert np.shares_memory(windows, padded)
    assert np.shares_memory(windows[5], windows[5 + dilation])
    assert not windows.flags.writeable


@pytest.mark.parametrize(
    ("n_features", "n_timesteps", "dilation", "is_view"),
    [(2, 4, 1, True), (1, 4, 3, True), (2, 1, 3, True), (2, 4, 3, False)],
)
def test_flat_windows_are_views_where_one_stride_walks_along_a_row(n_features, n_timesteps, dilation, is_view):
    series = np.ones((10, n_features))
    padded, windows = make_windows(series, n_timesteps, dilation)
    flat = flatten_windows(windows)
    assert flat.shape == (10, n_timesteps * n_features)
    assert np.shares_memory(flat, padded) == is_view
    assert flat.flags.writeable != is_view


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.float32, np.float32),
        (">f4", np.float32),
        (np.float64, np.float64),
        (np.float16, np.float64),
        (np.int32, np.float64),
        (np.uint8, np.float64),
        (np.bool_, np.float64),
    ],
)
def test_padding_converts_to_a_native_float(dtype, expected):
    padded = pad_series(np.array([[0], [1]]).astype(dtype), 1, "zero")
    assert padded.dtype == expected
    assert padded.dtype.isnative
    np.testing.assert_array_equal(padded, [[0], [0], [1]])


@pytest.mark.parametrize(("padding", "row"), [("mask", [np.nan, np.nan]), ("edge", [1, 2]), ("zero", [0, 0])])
def test_padding_fills_the_leading_rows(padding, row):
    padded = pad_series(np.array([[1.0, 2.0], [3.0, 4.0]]), 3, padding)
    np.testing.assert_array_equal(padded, [row, row, row, [1, 2], [3, 4]])
    assert padded.flags.c_contiguous


def test_neighbouring_rows_and_a_masked_history_unless_something_else_is_asked_for():
    series = np.array([[1.0], [2.0], [3.0]])
    expected = [[np.nan, 1.0], [1.0, 2.0], [2.0, 3.0]]
    padded = pad_series(series, n_history_rows(2))
    np.testing.assert_array_equal(sliding_windows(padded, 2)[:, :, 0], expected)
    np.testing.assert_array_equal(grouped_windows(series, np.zeros(3, int), 2)[:, :, 0], expected)


def test_padding_by_no_rows_is_still_a_copy():
    series = np.ones((3, 2))
    assert not np.shares_memory(pad_series(series, 0), series)


def test_padding_takes_a_read_only_series():
    series = np.ones((3, 2))
    series.setflags(write=False)
    assert pad_series(series, 2).shape == (5, 2)


@pytest.mark.parametrize(("n_rows", "expected"), [(0, []), (1, [3]), (3, [1, 2, 3]), (5, [-1, -1, 1, 2, 3])])
def test_context_takes_the_place_of_padding(n_rows, expected):
    context = np.array([[1.0], [2.0], [3.0]])
    padded = pad_series(np.array([[4], [5]], dtype=np.float32), n_rows, "mask", context)
    assert padded.dtype == np.float32  # as the series, whatever the context is
    np.testing.assert_array_equal(np.nan_to_num(padded[:, 0], nan=-1), [*expected, 4, 5])


@pytest.mark.parametrize(("n_context_rows", "expected"), [(0, [4, 4, 4]), (1, [3, 3, 3]), (3, [1, 2, 3])])
def test_edge_is_the_first_row_that_is_known(n_context_rows, expected):
    context = np.array([[1.0], [2.0], [3.0]])[3 - n_context_rows :]
    padded = pad_series(np.array([[4.0]]), 3, "edge", context)
    np.testing.assert_array_equal(padded[:, 0], [*expected, 4])


def test_unknown_padding_is_named():
    with pytest.raises(ValueError, match=r"padding is 'wrap'; expected one of \('mask', 'edge', 'zero'\)"):
        pad_series(np.ones((3, 2)), 2, "wrap")


def test_edge_needs_a_row_to_repeat():
    with pytest.raises(ValueError, match="series has 0 rows"):
        pad_series(np.ones((0, 2)), 2, "edge")


def test_too_few_padded_rows_are_counted():
    with pytest.raises(ValueError, match="padded has 4 rows, but one window spans 5"):
        sliding_windows(np.ones((4, 2)), 3, dilation=2)


# groups


@given(
    groups=st.lists(st.integers(0, 3), min_size=2, max_size=20),
    n_context_rows=st.integers(0, 10),
    n_timesteps=st.integers(1, 6),
    dilation=st.sampled_from([1, 2, 3, 10**30]),
    padding=st.sampled_from(PADDINGS),
    dtype=st.sampled_from([np.float32, np.float64]),
)
@examples(100)
def test_each_group_has_the_windows_of_its_rows_alone(groups, n_context_rows, n_timesteps, dilation, padding, dtype):
    groups = np.unique(groups, return_inverse=True)[1]
    n_context_rows = min(n_context_rows, len(groups) - 1)
    rows = np.random.default_rng(0).normal(size=(len(groups), 2)).astype(dtype)
    context, series = rows[:n_context_rows], rows[n_context_rows:]
    windows = grouped_windows(series, groups, n_timesteps, dilation, padding, context)
    assert windows.dtype == dtype
    assert not windows.flags.writeable
    for group in range(groups.max() + 1):
        own = groups == group
        expected = naive_windows(rows[own], n_timesteps, dilation, padding)
        is_new = np.flatnonzero(own) >= n_context_rows
        np.testing.assert_array_equal(windows[own[n_context_rows:]], expected[is_new], strict=True)


@given(groups=st.lists(st.integers(0, 3), min_size=1, max_size=20), n_rows=st.integers(0, 8))
@examples(60)
def test_last_rows_of_each_group(groups, n_rows):
    groups = np.unique(groups, return_inverse=True)[1]
    expected = [row for row, group in enumerate(groups) if np.count_nonzero(groups[row + 1 :] == group) < n_rows]
    np.testing.assert_array_equal(last_rows(groups, n_rows), expected)


def test_gathering_takes_the_windows_and_twice_the_series():
    series = np.ones((200_000, 8), dtype=np.float32)
    groups = np.arange(200_000) % 50_000
    tracemalloc.start()
    try:
        windows = grouped_windows(series, groups, 10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < windows.nbytes + 2 * series.nbytes
