"""Tests of how the index of a table continues."""

import numpy as np
import pandas as pd
import pytest

from skrnn.forecasting._tables import continued_index, lengthened


@pytest.mark.parametrize(
    ("whole", "drops_freq"),
    [
        (pd.date_range("2024-01-30", periods=9, freq="D"), False),
        (pd.date_range("2024-01-30", periods=9, freq="D"), True),
        (pd.date_range("2024-01-01", periods=9, freq="MS"), True),  # months are not equally long
        (pd.date_range("2024-01-01", periods=9, freq="B"), True),
        (pd.date_range("2024-03-29", periods=80, freq="h", tz="Europe/Berlin"), False),  # over the change of the clock
        (pd.period_range("2024-01", periods=9, freq="M"), False),
        (pd.period_range("2024-01-01 05:00", periods=9, freq="6h"), False),
        (pd.period_range("2020-01", periods=27, freq="M")[::3], False),  # quarters as months
        (pd.period_range("1900", periods=81, freq="Y")[::10], False),  # censuses
        (pd.period_range("2024-01-01 00:00", periods=81, freq="min")[::10], False),
        (pd.date_range("2024-01-01", periods=15, freq="B").to_period("D"), False),  # no Saturdays
        (pd.Index([5, 4, 3, 2, 1], dtype="uint8"), False),
        (pd.RangeIndex(5, 32, 3), False),
        (pd.Index([1700, 1701, 1702, 1703, 1704]), False),
        (pd.Index([0.0, 0.1, 0.2, 0.3, 0.4]), False),
        (pd.timedelta_range("1h", periods=9, freq="h"), True),
    ],
)
def test_index_goes_on(whole, drops_freq):
    whole = whole.rename("when")
    if drops_freq:
        whole = type(whole)(whole, freq=None)
    known = whole[:-2]
    if drops_freq:
        known = type(known)(known.to_numpy(), name="when")
    ahead = continued_index(known, 2)
    assert ahead.name == "when"
    if whole.dtype.kind == "f":
        np.testing.assert_allclose(ahead, whole[-2:])
    else:
        assert list(ahead) == list(whole[-2:])


def test_narrow_integers_do_not_wrap():
    assert list(continued_index(pd.Index([2, 1, 0], dtype="uint32"), 2)) == [-1, -2]
    assert list(continued_index(pd.Index([126, 127], dtype="int8"), 1)) == [128]


def test_two_times_are_enough():
    assert list(continued_index(pd.DatetimeIndex(["2024-01-01", "2024-01-03"]), 1)) == [pd.Timestamp("2024-01-05")]
    assert list(continued_index(pd.RangeIndex(3, 4), 2)) == [4, 5]
    assert list(continued_index(pd.period_range("2024-01", periods=1, freq="3M"), 1)) == [pd.Period("2024-04", "3M")]


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(list("abc")),
        pd.Index([1, 2, 4]),
        pd.Index([1, 1, 1]),
        pd.Index([7]),
        pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06"]),
        pd.PeriodIndex(["2024-01", "2024-02", "2024-05", "2024-06"], freq="M"),
        pd.Index([2**64 - 3, 2**64 - 2], dtype="uint64"),
        pd.MultiIndex.from_product([["a"], [1, 2, 3]]),
    ],
)
def test_index_without_a_step_does_not(index):
    assert continued_index(index, 2) is None
    longer = lengthened(pd.DataFrame({"x": np.arange(len(index))}, index), 2)
    assert list(longer.index) == [*index, None, None]


def test_index_of_a_lengthened_table_keeps_its_type():
    index = pd.date_range("2024-01-30", periods=4)
    longer = lengthened(pd.DataFrame({"x": [1, 2, 3, 4]}, index), 2)
    pd.testing.assert_frame_equal(
        longer, pd.DataFrame({"x": [1, 2, 3, 4, 4, 4]}, pd.date_range("2024-01-30", periods=6))
    )
