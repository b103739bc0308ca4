"""Tests of selecting a column."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from skrnn._inputs._tables import drop_column, get_column, take_column


@pytest.fixture
def frame():
    return pd.DataFrame({"a": [1, 2], "b": [3, 4]}, index=pd.Index([5, 6], name="c"))


def test_a_column_goes_before_a_level_of_the_same_name(frame):
    frame.index.name = "a"
    assert get_column(frame, "a", "time_column").tolist() == [1, 2]


def test_levels(frame):
    assert get_column(frame, "c", "time_column").tolist() == [5, 6]
    assert get_column(frame.set_index("a", append=True), "a", "time_column").tolist() == [1, 2]
    assert get_column(frame.rename_axis(index=None), "index", "time_column").tolist() == [5, 6]


def test_numbers_are_positions_even_where_columns_have_numbers(frame):
    frame.columns = [1, 0]
    assert get_column(frame, 1, "time_column").tolist() == [3, 4]
    assert get_column(frame, np.int64(-2), "time_column").tolist() == [1, 2]


@pytest.mark.parametrize(
    ("X", "column", "message"),
    [
        (
            pd.DataFrame({"a": [1]}),
            "b",
            r"time_column is 'b', but X has the columns \['a'\] and the index levels \['ind",
        ),
        (pd.DataFrame({"a": [1]}, index=pd.Index([0], name="k")), "index", r"index levels \['k'\]"),
        (pl.DataFrame({"a": [1]}), "index", r"'index', but X has the columns \['a'\]; expected"),
        (
            pd.DataFrame([[1, 2]], columns=["a", "a"]),
            "a",
            r"time_column is 'a', but X has the columns \['a', 'a'\]; expected the name of one",
        ),
        (np.zeros((2, 2)), "a", "time_column is 'a', but X has columns without names"),
        ([[1.0]], "a", "X has columns without names"),
        (np.zeros((2, 2)), 2, "time_column is 2, but X has 2 columns"),
        (pd.DataFrame({"a": [1]}), -2, "time_column is -2, but X has 1 columns"),
        (sparse.csr_matrix((2, 2)), 5, "time_column is 5, but X has 2 columns"),
        (np.zeros((2, 3, 4)), 0, r"time_column is 0, but X has shape \(2, 3, 4\); expected \(n_samples"),
        (np.zeros(3), 0, r"X has shape \(3,\)"),
        ([np.zeros((2, 1)), np.zeros((3, 1))], 0, r"X has shape \(2,\)"),
        ([np.zeros(2), np.zeros(3)], 0, r"X has shape \(2,\)"),
        ([np.zeros((2, 1))] * 3, 0, r"X has shape \(3, 2, 1\)"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "shape") else str(value)[:30],
)
def test_no_such_column(X, column, message):
    with pytest.raises(ValueError, match=message):
        get_column(X, column, "time_column")


@pytest.mark.parametrize("column", [1.0, True, ("a", "b"), ["a"]])
def test_neither_name_nor_position(frame, column):
    with pytest.raises(TypeError, match=r"group_column is .*; expected the name or the position of a column"):
        get_column(frame, column, "group_column")


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, lambda X: pl.DataFrame(X, schema=["a", "b", "c"])])
def test_a_column_and_the_others(form, position):
    X = np.arange(6.0).reshape(2, 3)
    table = form(X)
    np.testing.assert_array_equal(take_column(table, position), X[:, position])
    np.testing.assert_array_equal(drop_column(table, position), np.delete(X, position, axis=1))


@pytest.mark.parametrize("position", [0, 2])
def test_an_array_without_its_first_or_last_column_is_a_view(position):
    X = np.arange(6.0).reshape(2, 3)
    assert np.shares_memory(drop_column(X, position), X)
