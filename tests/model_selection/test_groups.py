"""Tests of groups as numbers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.model_selection._groups import codes_of, times_to_the_end
from tests.examples import examples


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
    assert codes_of(labels, "groups").tolist() == [0, 1, 0, 2]


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
    with pytest.raises(ValueError, match="groups is missing in row 1; expected a label in each row"):
        codes_of(labels, "groups")


def test_labels_of_another_shape():
    with pytest.raises(ValueError, match=r"groups has shape \(2, 1\); expected one label a row"):
        codes_of([["a"], ["b"]], "groups")


@given(st.lists(st.integers(0, 4), max_size=30))
@examples(80, derandomize=True)
def test_times_count_the_rows_of_the_group_that_follow(labels):
    expected = [-labels[row + 1 :].count(label) for row, label in enumerate(labels)]
    assert times_to_the_end(codes_of(labels, "groups")).tolist() == expected
