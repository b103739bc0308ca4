"""Tests of labels of series."""

import numpy as np
import pytest

from skrnn.sequences._labels import as_labels, encode_labels


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
    distinct, codes = encode_labels(as_labels(values))
    assert codes.tolist() == [0, 1, 0]
    assert len(distinct) == 2


@pytest.mark.parametrize("labels", [np.zeros(2, dtype=[("a", int)]), as_labels([[1], [2]])], ids=["records", "lists"])
def test_labels_that_cannot_be_hashed_are_refused(labels):
    with pytest.raises(TypeError, match="unhashable"):
        encode_labels(labels)


def test_labels_of_a_list_stay_what_they_are():
    labels = as_labels(["a", np.nan, 1, (2, 3)])
    assert labels.shape == (4,)
    assert [type(label) for label in labels] == [str, float, int, tuple]
    array = np.arange(3)
    assert as_labels(array) is array
