"""Tests of times as numbers, and of lengths of time in their unit."""

import builtins
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn._inputs._times import read_times, times_to_the_end
from tests.examples import examples

DAYS = pd.date_range("2024-03-29", periods=4, freq="D")  # summer time begins on the third in Berlin


def steps(column):
    """Return the times since the first, and the unit."""
    times = read_times(column, "time_column")
    assert isinstance(times.values, np.ndarray)
    return (times.values - times.values[0]).tolist(), times.unit


@pytest.mark.parametrize(
    "column",
    [
        [3, 4, 7],
        np.array([3, 4, 7], dtype=np.uint8),
        np.array([3, 4, 7], dtype=object),
        pd.Series([3, 4, 7], dtype="Int64"),
        pd.Index([3, 4, 7]),
        pl.Series([3, 4, 7]),
    ],
    ids=lambda column: type(column).__name__,
)
def test_integers(column):
    times = read_times(column, "time_column")
    assert times.values.dtype == np.int64
    assert times.values.tolist() == [3, 4, 7]
    assert times.unit is None


def test_large_integers_are_exact():
    large = [2**53, 2**53 + 1, 2**63 - 1]
    assert read_times(np.array(large), "time_column").values.tolist() == large


@pytest.mark.parametrize("column", [[0.5, 2.0], np.array([0.5, 2.0], dtype=np.float32), pl.Series([0.5, 2.0])])
def test_floats(column):
    times = read_times(column, "time_column")
    assert times.values.dtype == np.float64
    assert times.values.tolist() == [0.5, 2.0]


@pytest.mark.parametrize(
    ("column", "per_day"),
    [
        (DAYS.to_numpy().astype("M8[D]"), 1),
        (DAYS.as_unit("s"), 86400),
        (pd.Series(DAYS.as_unit("ms")), 86400 * 10**3),
        (pd.Series(DAYS.as_unit("ns").tz_localize("UTC")), 86400 * 10**9),
        (DAYS.as_unit("us").tz_localize("UTC"), 86400 * 10**6),
        (pl.Series([day.date() for day in DAYS]), 1),
        (pl.Series(DAYS.to_pydatetime().tolist()), 86400 * 10**6),
        (np.array([day.date() for day in DAYS], dtype=object), 1),
        (pd.Series([day.date() for day in DAYS]), 1),
        (np.array(DAYS.to_pydatetime().tolist(), dtype=object), 86400 * 10**6),
        (pd.Series(DAYS - DAYS[0]).dt.as_unit("s"), 86400),
        (np.arange(4).astype("m8[12h]") * 2, 2),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_dates_and_durations(column, per_day):
    times = read_times(column, "time_column")
    assert (times.values - times.values[0]).tolist() == [0, per_day, 2 * per_day, 3 * per_day]
    for day in (timedelta(days=1), np.timedelta64(24, "h"), "1D", "24h", pd.Timedelta("1D"), pd.offsets.Hour(24)):
        assert times.length(day, "gap") == per_day
    assert times.length(0, "gap", zero=True) == 0


def test_objects_of_pandas_keep_their_nanoseconds():
    first = pd.Timestamp("2024-01-01 00:00:00.000000001")
    column = np.array([first, first + pd.Timedelta(1, "ns")], dtype=object)
    assert steps(column) == ([0, 1], np.dtype("m8[ns]"))


@pytest.mark.parametrize("kind", [pd.Series, pd.DatetimeIndex])
def test_time_zones_are_read_in_utc(kind):
    hours, _ = steps(kind(DAYS.tz_localize("Europe/Berlin").as_unit("s")))
    assert [hour // 3600 for hour in hours] == [0, 24, 48, 71]


@pytest.mark.parametrize("kind", [pd.Series, pd.PeriodIndex])
def test_periods_are_counted(kind):
    months = pd.PeriodIndex(["2023-11", "2024-02", "2024-03"], freq="M")
    times = read_times(kind(months), "time_column")
    assert (times.values - times.values[0]).tolist() == [0, 3, 4]
    assert times.length(2, "gap") == 2
    with pytest.raises(TypeError, match="gap is '7D' of type str, but the times are int64 numbers"):
        times.length("7D", "gap")


@pytest.mark.parametrize("freq", ["h", "6h", "15min", "90min", "D", "2D", "2W", "M", "3M", "Q", "2Q", "Y", "5Y"])
@pytest.mark.parametrize("start", ["2024-02-29 13:30", "1961-05-01"])
def test_periods_of_every_frequency_are_counted(freq, start):
    times = read_times(pd.Series(pd.period_range(start, periods=50, freq=freq)), "time_column")
    np.testing.assert_array_equal(np.diff(times.values), 1)


def test_periods_that_overlap():
    periods = pd.PeriodIndex(["2024-01-01 00:00", "2024-01-01 01:00"], freq="6h")
    with pytest.raises(
        ValueError, match=r"time_column has dtype period\[6[hH]\] and periods that overlap; .*to_timestamp"
    ):
        read_times(periods, "time_column")


def test_dates_before_nanoseconds_began():
    years = np.array(["1500-01-01", "2500-01-01"], dtype="M8[D]")
    times = read_times(years, "time_column")
    assert times.length("7D", "gap") == 7  # which pandas has in nanoseconds, or microseconds
    assert times.values[1] - times.values[0] == 365243


def test_months_of_numpy():
    times = read_times(np.array(["2024-01", "2024-04"], dtype="M8[M]"), "time_column")
    assert times.length(np.timedelta64(1, "Y"), "gap") == 12
    with pytest.raises(ValueError, match="converts to the times' unit"):
        times.length("7D", "gap")


# errors


@pytest.mark.parametrize(
    "column",
    [
        [0.0, np.nan],
        [0.0, np.inf],
        pd.Series([1, None], dtype="Int64"),
        pl.Series([1, None]),
        np.array(["2024-01-01", "NaT"], dtype="M8[D]"),
        pd.Series([DAYS[0], None]),
        pd.DatetimeIndex([DAYS[0], None], tz="UTC"),
        pd.PeriodIndex(["2024-01", None], freq="M"),
        pl.Series([date(2024, 1, 1), None]),
    ],
    ids=lambda column: f"{type(column).__name__} {getattr(column, 'dtype', '')}",
)
def test_missing_times(column):
    with pytest.raises(ValueError, match=r"time_column has 1 (missing times|times that are NaN or infinite)"):
        read_times(column, "time_column")


@pytest.mark.parametrize(
    "column",
    [
        ["2024-01-01", "2024-01-02"],
        pd.Series(["2024-01-01", "2024-01-02"]),
        [True, False],
        [1j, 2j],
        np.array([1, None], dtype=object),
        np.array([Fraction(1, 2), Fraction(1, 3)], dtype=object),
        np.array([date(2024, 1, 1), 3], dtype=object),
        np.array([datetime(2024, 1, 1, tzinfo=UTC)], dtype=object),
    ],
    ids=lambda column: f"{type(column).__name__} {column[0]!r}",
)
def test_no_times(column):
    with pytest.raises((TypeError, ValueError), match=r"time_column has (dtype|datetime|1 missing)"):
        read_times(column, "time_column")


def test_too_large_an_integer():
    with pytest.raises(ValueError, match="time_column has times up to 18446744073709551615"):
        read_times(np.array([2**64 - 1], dtype=np.uint64), "time_column")


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (3, TypeError, "gap is 3 of type int, but the times are dates or durations; expected a timedelta"),
        (3.5, TypeError, "gap is 3.5 of type float, but the times are dates"),
        ("soon", ValueError, "gap is 'soon'; expected a length of time"),
        ([1, 2], ValueError, "gap is .1, 2.; expected a length of time"),
        ("12h", ValueError, "gap is '12h', which is not a multiple of the times' unit"),
        ("-1D", ValueError, "gap is '-1D'; expected a length of time >= 0"),
        (np.timedelta64(1, "M"), ValueError, "expected a length that converts to the times' unit"),
        (np.timedelta64(3), ValueError, "expected a length that converts to the times' unit"),
        (np.timedelta64("NaT"), ValueError, "expected a length of time"),
        (pd.NaT, ValueError, "gap is NaT; expected a length of time"),
    ],
    ids=repr,
)
def test_invalid_lengths(value, error, message):
    times = read_times(DAYS.to_numpy().astype("M8[D]"), "time_column")
    with pytest.raises(error, match=message):
        times.length(value, "gap", zero=True)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5, 0.0])
def test_lengths_of_floats(value):
    times = read_times([0.0, 1.0], "time_column")
    assert times.length(np.float32(0.5), "test_size") == 0.5
    assert times.length(2, "test_size") == 2.0
    with pytest.raises(ValueError, match=r"test_size is .*; expected a length of time > 0"):
        times.length(value, "test_size")


def test_strings_need_pandas(monkeypatch):
    def import_without_pandas(name, *arguments):
        if name == "pandas":
            raise ImportError("No module named 'pandas'")
        return original(name, *arguments)

    original = builtins.__import__
    times = read_times(DAYS.to_numpy().astype("M8[D]"), "time_column")
    monkeypatch.setattr(builtins, "__import__", import_without_pandas)
    assert times.length(timedelta(days=2), "gap") == 2
    with pytest.raises(TypeError, match="gap is '2D' of type str, which requires pandas"):
        times.length("2D", "gap")


@given(st.lists(st.integers(0, 4), max_size=30))
@examples(80, derandomize=True)
def test_times_count_the_rows_of_the_group_that_follow(codes):
    expected = [-codes[row + 1 :].count(code) for row, code in enumerate(codes)]
    assert times_to_the_end(np.array(codes, dtype=int)).tolist() == expected
