"""Tests of lengths of time by the calendar."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from skrnn._inputs._times import CalendarLength, read_offset

BERLIN = "Europe/Berlin"


def count(moment, unit="ns"):
    """Return a moment as a number in UTC."""
    moment = pd.Timestamp(moment)
    naive = moment if moment.tz is None else moment.tz_convert(None)
    return int(naive.to_datetime64().astype(f"M8[{unit}]").astype(np.int64))


@pytest.mark.parametrize("unit", ["D", "12h", "s", "us", "ns"])
def test_months(unit):
    length = CalendarLength(pd.DateOffset(months=1), np.dtype(f"M8[{unit}]"))
    assert count("2024-01-31", unit) + length == count("2024-02-29", unit)
    assert count("2024-03-31", unit) - length == count("2024-02-29", unit)
    assert count("2024-03-31", unit) - 2 * length == count("2024-01-31", unit)  # not 29 January
    assert 0 * length == 0


def test_several_offsets_of_a_kind_that_has_no_length():
    length = CalendarLength(pd.offsets.MonthEnd(), np.dtype("M8[ns]"))
    assert count("2024-03-15") - 2 * length == count("2024-01-31")
    assert count("2024-03-15") - 0 * length == count("2024-03-15")
    length = CalendarLength(2 * pd.DateOffset(months=1, day=5), np.dtype("M8[ns]"))
    assert count("2024-03-15") - 2 * length == count("2023-11-05")


@pytest.mark.parametrize("offset", [pd.DateOffset(days=1), pd.offsets.Day(1), pd.offsets.BDay(1)], ids=repr)
def test_days_of_a_zone(offset):
    length = CalendarLength(offset, np.dtype("M8[ns]"), BERLIN)
    for day in ("2024-04-01", "2024-10-28"):  # Mondays after a change of the clock, days after which are as others
        tuesday = pd.Timestamp(day, tz=BERLIN) + pd.DateOffset(days=1)
        assert count(tuesday) - length == count(pd.Timestamp(day, tz=BERLIN))
    friday = pd.Timestamp("2024-03-29", tz=BERLIN)
    monday = pd.Timestamp("2024-04-01", tz=BERLIN)
    if isinstance(offset, pd.offsets.BDay):
        assert count(friday) + length == count(monday)
    else:
        assert count(monday) - length == count(pd.Timestamp("2024-03-31", tz=BERLIN))


def test_an_hour_that_the_clock_leaves_out_or_has_twice():
    length = CalendarLength(pd.offsets.Day(1), np.dtype("M8[ns]"), BERLIN)
    assert count(pd.Timestamp("2024-03-30 02:30", tz=BERLIN)) + length == count(pd.Timestamp("2024-03-31 01:00Z"))
    assert count(pd.Timestamp("2024-10-26 02:30", tz=BERLIN)) + length == count(pd.Timestamp("2024-10-27 01:30Z"))


@pytest.mark.parametrize(
    ("value", "n_days"),
    [
        ("5D", 5),
        ("5 days", 5),
        (" 1 day ", 1),
        ("2w", 14),
        ("2 weeks", 14),
        (timedelta(days=5), 5),
        (pd.Timedelta("5D"), 5),
        (np.timedelta64(5, "D"), 5),
        (np.timedelta64(2, "W"), 14),
        (pd.offsets.Day(5), 5),
        ("120h", None),
        ("5D 2h", None),
        ("-5D", None),
        ("0D", None),
        (timedelta(hours=30), None),
        (np.timedelta64(120, "h"), None),
        (pd.offsets.Hour(24), None),
        (5, None),
    ],
)
def test_days_are_of_the_calendar_where_there_is_a_zone(value, n_days):
    offset = read_offset(value, BERLIN)
    assert offset == (None if n_days is None else pd.DateOffset(days=n_days))
    assert read_offset(value, None) is None


@pytest.mark.parametrize("offset", [pd.DateOffset(months=1), pd.offsets.MonthEnd(2), pd.offsets.BDay(5)], ids=repr)
def test_offsets_are_themselves(offset):
    for zone in (None, BERLIN):
        assert read_offset(offset, zone) is offset
