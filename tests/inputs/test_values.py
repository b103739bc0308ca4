"""Tests of missing values, and of limits of values."""

import numpy as np
import pandas as pd
import pytest

from skrnn._inputs._values import check_size, find_missing, is_missing, largest_of


@pytest.mark.parametrize("value", [None, np.nan, float("nan"), pd.NA, pd.NaT, np.datetime64("NaT")])
def test_missing_values(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", ["", 0, False, "nan", (None,), pd.Timestamp("2024-01-01")])
def test_values_that_are_there(value):
    assert not is_missing(value)


def test_missing_entries_have_the_shape_of_the_values():
    values = np.array([["a", None], [np.nan, "b"]], dtype=object)
    np.testing.assert_array_equal(find_missing(values), [[False, True], [True, False]])
    assert find_missing(np.array([[1, 2]])) is None
    assert find_missing(np.array([1.0, 2.0])) is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_of_the_largest_numbers_are_finite(dtype):
    largest = np.full(1000, largest_of(np.dtype(dtype)), dtype)
    assert np.isfinite(largest.sum(dtype=dtype))
    check_size(largest, np.dtype(dtype), "X")
    with pytest.raises(ValueError, match=r"^X contains .*, too large for weighted sums in float"):
        check_size(-largest * 2, np.dtype(dtype), "X")
