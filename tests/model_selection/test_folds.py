"""Tests of folds of rows in order of time."""

import numpy as np
import pytest

from skrnn.model_selection._panel_split import Lengths, borders_by_count, borders_by_size, make_folds

TIMES = np.array([0, 0, 1, 2, 4, 5, 5, 8, 9])


def test_borders_by_count():
    assert borders_by_count(TIMES, 2) == [2, 5, 9]  # of seven times, two in each part, three before
    assert borders_by_count(TIMES, 6) == [0, 1, 2, 4, 5, 8, 9]
    with pytest.raises(ValueError, match="n_splits is 7, which requires at least 8 distinct times, but X has 7"):
        borders_by_count(TIMES, 7)


def test_borders_are_python_numbers():  # which do not overflow
    assert {type(border) for border in borders_by_count(TIMES, 2) + borders_by_size(TIMES, 2, 3)} == {int}
    assert {type(border) for border in borders_by_count(TIMES / 2, 2)} == {float}


def test_borders_by_size():
    assert borders_by_size(TIMES, 3, 2) == [3, 5, 7, 9]


def test_parts_may_be_empty():
    (fold,) = make_folds(TIMES, [5, 7], Lengths())
    assert fold.test == slice(7, 7)
    (fold,) = make_folds(TIMES, [5, 7], Lengths(horizon=2, window=2))
    assert fold.test == slice(7, 7)
    (fold,) = make_folds(TIMES, [-1, 7], Lengths(window=3))
    assert fold == (slice(0, 0), slice(0, 7))


def test_a_window_longer_than_the_test_part_leaves_no_row():
    (fold,) = make_folds(TIMES, [2, 5], Lengths(window=9))
    assert fold.test == slice(7, 7)


def test_equal_times_stay_together():
    for border in range(9):
        (fold,) = make_folds(TIMES, [border, 9], Lengths())
        assert set(TIMES[fold.train]).isdisjoint(TIMES[fold.test])
        assert fold.train.stop == fold.test.start
