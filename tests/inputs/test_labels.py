"""Tests of labels of series."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skrnn._inputs._values import encode_labels, read_labels


@pytest.mark.parametrize(
    "values",
    [
        ["b", "a", "b"],
        [("b", 1), ("a", 1), ("b", 1)],
        [1, "1", 1],
        np.array(["b", "a", "b"]),
        np.array([2.5, -1.0, 2.5]),
        np.array(["2024-01-02", "2024-01-01", "2024-01-02"], "datetime64[D]"),
    ],
    ids=["strings", "tuples", "mixed", "array of strings", "array of numbers", "array of dates"],
)
def test_equal_labels_have_equal_numbers_in_order_of_appearance(values):
    distinct, codes = encode_labels(read_labels(values, 3, "groups"))
    assert codes.tolist() == [0, 1, 0]
    assert len(distinct) == 2


@pytest.mark.parametrize("labels", [np.zeros(2, dtype=[("a", int)]), [[1], [2]]], ids=["records", "lists"])
def test_labels_that_cannot_be_hashed_are_refused(labels):
    with pytest.raises(TypeError, match=r"groups: unhashable type: .* Expected labels that can be hashed"):
        read_labels(labels, 2, "groups")


def test_labels_of_a_list_stay_what_they_are():
    labels = read_labels(["a", 2.5, 1, (2, 3)], 4, "groups")
    assert [type(label) for label in labels] == [str, float, int, tuple]
    array = np.arange(3)
    assert read_labels(array, 3, "groups") is array


@pytest.mark.parametrize(
    "labels",
    [
        [2, 0, 2, 1],
        ["b", "a", "b", "c"],
        ["1", 1, "1", 2.5],
        np.array([2.5, 0.5, 2.5, 1.5]),
        np.array(["b", "a", "b", "c"]),
        np.array(["2024", "2023", "2024", "2022"], dtype="M8[Y]"),
        pd.Series(["b", "a", "b", "c"], dtype="category"),
        pd.Series([2, 0, 2, 1], dtype="Int64"),
        pd.Index(["b", "a", "b", "c"]),
        pl.Series(["b", "a", "b", "c"]),
    ],
    ids=lambda labels: f"{type(labels).__name__} {getattr(labels, 'dtype', '')}",
)
def test_labels_of_any_type(labels):
    assert encode_labels(read_labels(labels, 4, "groups"))[1].tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    "labels",
    [
        ["a", None],
        [1.0, np.nan],
        np.array([1.0, np.nan]),
        pd.Series([1, None], dtype="Int64"),
        pd.Series(["a", None]),
        pd.Series([pd.Timestamp("2024"), pd.NaT]),
        pl.Series(["a", None]),
    ],
    ids=lambda labels: f"{type(labels).__name__} {getattr(labels, 'dtype', '')}",
)
def test_missing_labels(labels):
    with pytest.raises(ValueError, match=r"groups is (None|nan|NaT|<NA>) in row 1; expected a label in each row"):
        read_labels(labels, 2, "groups")


def test_labels_of_another_shape():
    with pytest.raises(ValueError, match=r"groups has shape \(2, 1\); expected one label per row, \(2,\)"):
        read_labels(np.array([["a"], ["b"]]), 2, "groups")
