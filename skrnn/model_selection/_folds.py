"""Chronological folds: slices of rows for training and for testing."""

from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

#: A length of time in the unit of the times, or by the calendar; it can be added to and subtracted from a time.
Length = Any


class Lengths(NamedTuple):
    """Lengths of time, all in the unit of the times."""

    gap: Length = 0
    max_train_size: Length | None = None
    horizon: Length | None = None
    window: Length | None = None


class Fold(NamedTuple):
    """Two slices of the rows in order of time; either may be empty."""

    train: slice
    test: slice


def borders_by_count(times: np.ndarray, n_splits: int) -> list[Any]:
    """Return the n_splits + 1 borders of test parts with the same number of distinct times; `times` are ascending.

    The last border is the last time; a test part has the times after one border up to the next.

    >>> borders_by_count(np.array([0, 1, 1, 4, 5, 5, 7, 9]), 2)
    [1, 5, 9]
    """
    distinct = np.unique(times)
    count = len(distinct) // (n_splits + 1)
    if count == 0:
        raise ValueError(
            f"n_splits is {n_splits}, which requires at least {n_splits + 1} distinct times, but X has {len(distinct)}."
        )
    return distinct[-1 - n_splits * count :: count].tolist()


def borders_by_size(times: np.ndarray, n_splits: int, test_size: Length) -> list[Any]:
    """Return the borders, as in `borders_by_count`, of test parts of equal length.

    >>> borders_by_size(np.array([0, 1, 1, 4, 5, 5, 7, 9]), 2, 3)
    [3, 6, 9]
    """
    return [times[-1].item() - k * test_size for k in range(n_splits, -1, -1)]


def make_folds(times: np.ndarray, borders: list[Any], lengths: Lengths) -> list[Fold]:
    """Return the training and test rows at each border but the last, as slices of the ascending `times`.

    Training rows are those up to a border minus the gap whose targets end before those of the test part begin; test
    rows are those after it up to the next border whose windows begin after the training part ends.

    >>> make_folds(np.array([0, 1, 1, 4, 5, 5, 7, 9]), [3, 6, 9], Lengths(gap=2))
    [Fold(train=slice(0, 3, None), test=slice(3, 6, None)), Fold(train=slice(0, 4, None), test=slice(6, 8, None))]
    """
    return [_make_fold(times, border, end, lengths) for border, end in pairwise(borders)]


def _make_fold(times: np.ndarray, border: int | float, end: int | float, lengths: Lengths) -> Fold:
    """Return the training rows up to one border, and the test rows from there to the next."""
    slack = _rounding_error(times)
    start, stop = bisect_right(times, border + slack), bisect_right(times, end + slack)
    last = border - lengths.gap
    if lengths.horizon is not None and start < stop:  # a target may end where the window of the first test row does
        last = min(last, times[start].item() - lengths.horizon)
    train_stop = bisect_right(times, last + slack)
    train_start = 0
    if lengths.max_train_size is not None:
        train_start = bisect_right(times, last - lengths.max_train_size + slack)
    if lengths.window is not None and train_start < train_stop:
        start = max(start, bisect_left(times, times[train_stop - 1].item() + lengths.window - slack))
    return Fold(slice(train_start, train_stop), slice(min(start, stop), stop))


def _rounding_error(times: np.ndarray) -> int | float:
    """Return a bound for the rounding error of floats that are equal to a border, such as 0.3 and 0.1 + 0.2."""
    if times.dtype.kind == "i":
        return 0
    return 16 * float(np.spacing(max(abs(times[0]), abs(times[-1]))))
