"""Tests of windows within groups and behind a context, against windows made row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.preprocessing import SlidingWindow
from tests.examples import examples
from tests.preprocessing.reference import reference_windows

LABELS = {
    "strings": np.array(["north", "south", "east", "a longer one"]),
    "objects": np.array(["north", 3, 2.5, ("a", 1)], dtype=object),
    "integers": np.array([7, -1, 0, 2**60]),
    "floats": np.array([0.5, -1.0, 0.0, np.inf]),
    "dates": np.array(["2020-01-01", "2021-01-01", "1999-12-31", "2000-01-01"], dtype="M8[D]"),
    "flags": np.array([True, False, True, False]),
}

series_of_groups = given(
    codes=st.lists(st.integers(0, 3), min_size=1, max_size=14),
    n_fit=st.integers(1, 14),
    n_features=st.integers(1, 3),
    n_timesteps=st.integers(1, 6),
    dilation=st.integers(1, 4),
    padding=st.sampled_from(["mask", "edge", "zero"]),
    dtype=st.sampled_from([np.float64, np.float32, np.int16, np.int64, np.uint8]),
    labels=st.sampled_from([None, *LABELS]),
    flatten=st.booleans(),
    carry_context=st.booleans(),
)


def make_series(codes, n_features, dtype, labels):
    """Return (rows whose values are all different, the label of each or None)."""
    n_values = len(codes) * n_features
    X = np.random.default_rng(0).permutation(n_values).reshape(-1, n_features).astype(dtype)
    return X, None if labels is None else LABELS[labels][codes]


@series_of_groups
@examples(300)
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # short series
def test_all_settings_equal_the_loop(
    codes, n_fit, n_features, n_timesteps, dilation, padding, dtype, labels, flatten, carry_context
):
    X, groups = make_series(codes, n_features, dtype, labels)
    transformer = SlidingWindow(
        n_timesteps, dilation=dilation, padding=padding, flatten=flatten, carry_context=carry_context
    )

    def reference(X, groups, n_earlier=0):
        known = [0] * len(X) if groups is None else list(groups)
        windows = reference_windows(X, known, n_timesteps, dilation, padding, n_earlier)
        return windows.reshape(len(windows), -1) if flatten else windows

    def part(first, last):
        return {"groups": None if groups is None else groups[first:last]}

    whole = reference(X, groups)
    np.testing.assert_array_equal(transformer.fit_transform(X, groups=groups), whole, strict=True)
    np.testing.assert_array_equal(transformer.fit(X, groups=groups).transform(X, groups=groups), whole, strict=True)
    n_fit = min(n_fit, len(X) - 1)
    if n_fit == 0:
        return
    transformer.fit(X[:n_fit], **part(0, n_fit))
    expected = reference(X, groups, n_fit) if carry_context else reference(X[n_fit:], part(n_fit, None)["groups"])
    np.testing.assert_array_equal(transformer.transform(X[n_fit:], **part(n_fit, None)), expected, strict=True)
    np.testing.assert_array_equal(transformer.transform(X, groups=groups), whole, strict=True)


@series_of_groups
@examples(100)
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # short series
def test_no_row_after_t_changes_window_t(
    codes, n_fit, n_features, n_timesteps, dilation, padding, dtype, labels, flatten, carry_context
):
    X, groups = make_series(codes, n_features, dtype, labels)
    transformer = SlidingWindow(
        n_timesteps, dilation=dilation, padding=padding, flatten=flatten, carry_context=carry_context
    )
    history, earlier = X[:n_fit] + 1, None if groups is None else groups[:n_fit]

    def all_windows(X):
        following = transformer.fit(history, groups=earlier).transform(X, groups=groups)
        again = transformer.fit(X, groups=groups).transform(X, groups=groups)
        return np.array([following, again, transformer.fit_transform(X, groups=groups)])

    before = all_windows(X)
    for t in range(len(X)):
        changed = X.copy()
        changed[t] += 100
        np.testing.assert_array_equal(all_windows(changed)[:, :t], before[:, :t])


@pytest.mark.parametrize("padding", ["mask", "edge", "zero"])
def test_more_windows_than_are_gathered_at_once(padding):
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(10_000, 1)), rng.integers(0, 3000, size=10_000)
    windows = SlidingWindow(3, dilation=2, padding=padding).fit_transform(X, groups=groups)
    for label in (0, 1, 2999):
        own = groups == label
        expected = SlidingWindow(3, dilation=2, padding=padding).fit_transform(X[own])
        np.testing.assert_array_equal(windows[own], expected)
