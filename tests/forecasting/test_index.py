"""Tests of how the index of a table continues, and of what may follow it."""

import numpy as np
import pandas as pd
import pytest

from skrnn.forecasting._index import check_follows, continued_index
from skrnn.forecasting._timeline import make_timeline


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
        (pd.date_range("2024-01-15", periods=9, freq=pd.DateOffset(months=1)), True),
        (pd.date_range("1950-03-01", periods=9, freq=pd.DateOffset(years=10)), True),
        (pd.Index(np.arange(0, 10, 0.1, dtype=np.float32)), False),
        (pd.Index(1.7e9 + np.arange(0, 10, 0.1)), False),
        (pd.Index([1, 2, 3, 4, 5], dtype="Int64"), False),
        (pd.Index(pd.date_range("2024-02-27", periods=5).date), False),
        (pd.MultiIndex.from_product([["a"], [2020], pd.date_range("2024-02-27", periods=5)]), False),
    ],
)
def test_index_goes_on(whole, drops_freq):
    whole = whole.set_names("when", level=-1 if whole.nlevels > 1 else None)
    known = whole[:-2]
    if drops_freq:
        known = type(known)(known.to_numpy(), name="when")
    ahead = continued_index(known, 2)
    assert ahead.names == whole.names
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
    ("start", "end"), [("2024-03-28", "2024-04-03"), ("2024-10-24", "2024-10-30")], ids=["begins", "ends"]
)
@pytest.mark.parametrize("freq", ["D", "2D", "12h", "6h", "h", "30min"])
@pytest.mark.parametrize("has_freq", [True, False])
def test_times_of_a_zone_go_on_over_the_change_of_the_clock(start, end, freq, has_freq):
    whole = pd.date_range(start, end, freq=freq, tz="Europe/Berlin")
    for n_known in range(3, len(whole), -(-len(whole) // 12)):
        known = whole[:n_known] if has_freq else pd.DatetimeIndex(whole[:n_known].tolist())
        assert list(continued_index(known, 1)) == [whole[n_known]]


@pytest.mark.parametrize("first", range(5))
def test_two_days_of_a_zone_are_days(first):
    days = pd.date_range("2024-03-28", periods=9, tz="Europe/Berlin").tolist()
    assert list(continued_index(pd.DatetimeIndex(days[first : first + 2]), 2)) == days[first + 2 : first + 4]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize(
    ("first", "step"), [("2023-10-29", 1), ("2022-10-30", 1), ("2022-11-30 06:00", 3), ("2023-10-31 06:00", 1)]
)
def test_short_months_do_not_change_the_day_of_the_others(first, step, zone):
    whole = pd.DatetimeIndex([pd.Timestamp(first, tz=zone) + pd.DateOffset(months=step * n) for n in range(20)])
    for n_known in range(3, 18):
        ahead = continued_index(whole[:n_known], 3)
        assert list(ahead) == list(whole[n_known:][:3])
        assert (ahead.tz, ahead.unit) == (whole.tz, whole.unit)


def test_days_that_short_months_have_changed_stay_changed():
    whole = pd.date_range("2023-10-30", periods=12, freq=pd.DateOffset(months=1))
    assert whole[-1].day == 29
    assert list(continued_index(pd.DatetimeIndex(whole[:8].tolist()), 4)) == list(whole[8:])


def test_steps_of_24_hours_that_are_no_days():
    whole = pd.date_range("2024-03-25", periods=12, tz="UTC").tz_convert("Europe/Berlin").tolist()
    for n_known in (8, 10):
        assert list(continued_index(pd.DatetimeIndex(whole[:n_known]), 2)) == whole[n_known : n_known + 2]


def test_hours_that_are_even_by_the_clock():
    shown = pd.date_range("2024-03-29", periods=20, freq="6h").tz_localize("Europe/Berlin").tolist()
    assert list(continued_index(pd.DatetimeIndex(shown[:-2]), 2)) == shown[-2:]


@pytest.mark.parametrize(
    ("first", "zone"),
    [
        ("2024-09-01", "America/Santiago"),  # there is no midnight on the 8th
        ("2024-04-19", "Africa/Cairo"),  # and none on the 26th
        ("2024-03-24 02:30", "Europe/Berlin"),  # no such time on the 31st
        ("2024-10-20 02:30", "Europe/Berlin"),  # twice on the 27th, of which the first counts
    ],
)
@pytest.mark.parametrize("freq", ["D", "7D"])
def test_times_that_the_clock_leaves_out_or_shows_twice(first, zone, freq):
    clock = pd.date_range(first, periods=20, freq=freq, name="when")
    whole = clock.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(20, dtype=bool))
    for n_known in range(4, 17):
        for start in {0, n_known - 4}:
            ahead = continued_index(whole[start:n_known], 3)
            assert list(ahead) == list(whole[n_known : n_known + 3])
            assert ahead.names == ["when"]
    known = pd.date_range(clock[0], periods=1, freq=freq, tz=zone)
    assert list(continued_index(known, 19)) == list(whole[1:])


def test_offsets_of_hours_in_a_zone_are_durations():
    first = pd.Timestamp("2024-03-30", tz="Europe/Berlin")
    whole = pd.date_range(first, periods=12, freq=pd.DateOffset(hours=6))
    assert list(continued_index(whole[:3], 9)) == list(whole[3:])


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
        pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]]),
        pd.MultiIndex.from_product([[2023, 2024], [1, 2, 3]]),
    ],
)
def test_index_without_a_step_does_not(index):
    assert continued_index(index, 2) is None
    timeline = make_timeline(pd.DataFrame({"x": 0.0}, index), None, 2)
    came_from = index[timeline.came_from]
    assert list(timeline.index(came_from, None)) == [*index, None, None]


# what may follow: regular and irregular indices, and what must be refused

DAYS = pd.date_range("2024-01-30", periods=30, name="day")
HOLES = [*range(10), *range(12, 30)]  # two days are missing
WHOLE = {
    "days": DAYS,
    "days with holes": DAYS[HOLES],
    "days of a zone": DAYS.tz_localize("Europe/Berlin"),
    "days of a zone with holes": DAYS[HOLES].tz_localize("Europe/Berlin"),
    "months": pd.period_range("2022-01", periods=30, freq="M"),
    "months with holes": pd.period_range("2022-01", periods=30, freq="M")[HOLES],
    "hours by six": pd.period_range("2022-01", periods=30, freq="6h"),
    "rows": pd.RangeIndex(30),
    "integers": pd.Index(range(100, 130), dtype="uint16"),
    "integers with holes": pd.Index(range(100, 130))[HOLES],
    "floats": pd.Index(np.arange(30) / 10),
    "floats with holes": pd.Index(np.arange(30) / 10)[HOLES],
    "durations": pd.timedelta_range("1h", periods=30, freq="h"),
    "objects": pd.Index(DAYS.date),
    "levels": pd.MultiIndex.from_product([["a"], DAYS]),
    "levels with holes": pd.MultiIndex.from_product([["a"], DAYS[HOLES]]),
    "months of years": pd.MultiIndex.from_product([[2022, 2023, 2024], range(1, 11)]),
    "strings": pd.Index([f"row {row}" for row in range(30)]),
}


@pytest.mark.parametrize("name", WHOLE)
def test_rows_that_follow(name):
    whole = WHOLE[name]
    check_follows(whole[-4:], whole[:-4])
    check_follows(whole[-4:-3], whole[:-4])
    check_follows(whole[:0], whole[:-4])
    check_follows(whole[-4:].set_names([None] * whole.nlevels), whole[:-4])


@pytest.mark.parametrize("name", WHOLE)
def test_rows_that_do_not_follow(name):
    whole = WHOLE[name]
    known, ahead = whole[:-6], whole[-6:-2]
    wrong = {
        "of the history": (whole[:4], "row of history|exog begins at"),
        "the last one once more": (whole[-7:-3], "row of history|exog begins at"),
        "too late": (whole[-5:-1], "exog begins at .*, but the row after history would be"),
        "backwards": (ahead[::-1], "exog begins at|in row 1, which does not come after"),
        "a hole": (ahead[[0, 2, 3]], "exog has .* in row 1, but the row after .* would be"),
        "twice": (ahead[[0, 0, 1]], "exog has .* in row 1, (but the row after|which does not come after)"),
        "strings": (pd.Index(list("wxyz")), "exog has labels in its index, but history has "),
        "of another kind": (pd.date_range("1999", periods=4, tz="UTC"), "exog has .* in its index, but history has "),
    }
    if "holes" in name or name in ("strings", "months of years"):  # there may be a hole
        del wrong["too late"], wrong["a hole"]
    if name == "strings":  # which have no order
        wrong = {case: wrong[case] for case in ("of the history", "the last one once more", "of another kind")}
    if "of a zone" in name:
        wrong["of another kind"] = (ahead.tz_localize(None), "dates without a time zone .* dates with a time zone")
    if name in ("months", "months with holes"):
        wrong["of another frequency"] = (pd.period_range("2024-01", periods=4, freq="Q"), "periods of frequency Q-DEC")
    if name != "rows":
        wrong["reset"] = (pd.RangeIndex(4), r"exog\.to_numpy\(\), is assumed to follow directly")
    for index, message in wrong.values():
        with pytest.raises(ValueError, match=message):
            check_follows(index, known)


def test_the_first_entry_that_differs_is_named():
    with pytest.raises(
        ValueError, match=r"exog has 2024-02-22 .* in row 1, but the row after 2024-02-20 .* 2024-02-21"
    ):
        check_follows(DAYS[[21, 23, 24]], DAYS[:21])
    with pytest.raises(
        ValueError, match=r"numbers from 0, as reset_index leaves them in its index, but .* dates without"
    ):
        check_follows(pd.RangeIndex(3), DAYS)
    with pytest.raises(ValueError, match="exog begins at 0, but the row after history would be 30"):
        check_follows(pd.RangeIndex(3), pd.RangeIndex(30))


def test_the_same_times_in_another_form_follow():
    berlin = DAYS.tz_localize("Europe/Berlin")
    check_follows(berlin[20:].tz_convert("UTC"), berlin[:20])
    check_follows(DAYS[20:].as_unit("s"), DAYS[:20].as_unit("ms"))
    check_follows(pd.Index(DAYS[20:].date), DAYS[:20])
    check_follows(pd.Index([3.0, 4.0]), pd.Index([1, 2]))
    check_follows(pd.Index([0.3, 0.4]), pd.Index([0.0, 0.1, 0.1 + 0.1]))
    check_follows(pd.Index(["mon", "tue"]), pd.Index(["fri", "sat", "sun"] + ["mon", "tue"] * 2))


def test_rows_of_another_group_do_not_follow():
    for days in (DAYS, DAYS[HOLES]):
        known = pd.MultiIndex.from_product([["a"], days[:20]])
        with pytest.raises(ValueError, match="exog begins at"):
            check_follows(pd.MultiIndex.from_product([["b"], days[20:]]), known)
