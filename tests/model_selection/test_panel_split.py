"""Tests of the splitter that keeps time in order for many series."""

import copy
import pickle
from datetime import timedelta
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    BaseCrossValidator,
    GridSearchCV,
    TimeSeriesSplit,
    check_cv,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn.exceptions import DataWarning
from skrnn.model_selection import PanelTimeSeriesSplit
from tests.examples import examples

some_examples = examples(150, derandomize=True)
DAYS = pd.date_range("2024-01-01", periods=24, freq="D")


def lists(splits):
    return [(train.tolist(), test.tolist()) for train, test in splits]


def split_times(splitter, times, groups=None):
    """Return the times that train and test in each fold."""
    times = np.asarray(times)
    X = times[:, np.newaxis]
    return [(times[train].tolist(), times[test].tolist()) for train, test in splitter.split(X, groups=groups)]


def panel_frame(n_groups=3, n_times=24):
    """Return a panel, one row per group and day, in an order without meaning."""
    index = np.random.default_rng(0).permutation(n_groups * n_times)
    frame = pd.DataFrame(
        {"day": np.tile(DAYS[:n_times], n_groups), "shop": np.repeat(list("abcdef"[:n_groups]), n_times)}
    )
    frame["value"] = np.arange(len(frame), dtype=float)
    return frame.iloc[index].reset_index(drop=True)


# a single series: TimeSeriesSplit


@st.composite
def time_series_splits(draw):
    """Draw a number of rows and arguments that both splitters take."""
    n_rows = draw(st.integers(3, 40))
    return n_rows, {
        "n_splits": draw(st.integers(2, 8)),
        "test_size": draw(st.none() | st.integers(1, 8)),
        "gap": draw(st.integers(0, 5)),
        "max_train_size": draw(st.none() | st.integers(1, 20)),
    }


@given(
    time_series_splits(),
    st.sampled_from(["rows", "one group", "integers", "decades", "dates", "periods", "periods of six hours"]),
)
@some_examples
def test_one_series_is_split_as_by_time_series_split(drawn, kind):
    n_rows, arguments = drawn
    X, groups, times, unit = np.zeros((n_rows, 1)), None, np.arange(n_rows), 1
    if kind == "one group":
        groups = ["a"] * n_rows
    elif kind == "decades":
        times, unit = 10 * times + 1700, 10
    elif kind == "dates":
        times, unit = pd.date_range("2024-02-20", periods=n_rows, freq="6h"), np.timedelta64(6, "h")
    elif kind == "periods":
        times = pd.period_range("2024-01", periods=n_rows, freq="M")
    elif kind == "periods of six hours":
        times = pd.period_range("2024-01-01 05:00", periods=n_rows, freq="6h")
    ours = {name: n if name == "n_splits" or n is None or n == 0 else n * unit for name, n in arguments.items()}
    if kind not in ("rows", "one group"):
        X = pd.DataFrame({"time": times})
        ours["time_column"] = "time"
    try:
        expected = lists(TimeSeriesSplit(**arguments).split(X))
    except ValueError:
        with pytest.raises(ValueError, match=r"n_splits|fold 0"):
            next(PanelTimeSeriesSplit(**ours).split(X, groups=groups))
    else:
        assert lists(PanelTimeSeriesSplit(**ours).split(X, groups=groups)) == expected


def test_groups_that_all_have_the_same_times_are_each_split_as_by_time_series_split():
    frame = panel_frame(n_groups=4, n_times=23)
    splitter = PanelTimeSeriesSplit(4, time_column="day", gap="2D", max_train_size="9D")
    expected = list(TimeSeriesSplit(4, gap=2, max_train_size=9).split(np.zeros(23)))
    for (train, test), (train_days, test_days) in zip(splitter.split(frame), expected, strict=True):
        for _, group in frame.groupby("shop"):
            assert sorted(group["day"].loc[group.index.intersection(train)]) == list(DAYS[train_days])
            assert sorted(group["day"].loc[group.index.intersection(test)]) == list(DAYS[test_days])


# one border for all series


@st.composite
def panels(draw):
    """Draw integer times and groups, unequally long and with holes, and lengths of time."""
    rows = draw(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 30)), min_size=6, max_size=60, unique=True))
    groups, times = np.array(rows).T
    lengths = st.none() | st.integers(1, 9)
    return (
        times,
        groups,
        {
            "n_splits": draw(st.integers(2, 4)),
            "test_size": draw(lengths),
            "gap": draw(st.integers(0, 4)),
            "max_train_size": draw(st.none() | st.integers(3, 20)),
            "horizon": draw(lengths),
            "window": draw(lengths),
        },
    )


def try_split(splitter, X, groups=None):
    """Return the folds, or drop the example where there are none."""
    try:
        return list(splitter.split(X, groups=groups))
    except ValueError as error:
        assume("no rows" not in str(error) and "distinct times" not in str(error))
        raise


@given(panels())
@some_examples
def test_no_target_and_no_window_reaches_over_a_border(panel):
    times, groups, arguments = panel
    horizon, window = arguments["horizon"] or 1, arguments["window"] or 1
    for train, test in try_split(PanelTimeSeriesSplit(time_column=0, **arguments), times[:, np.newaxis], groups):
        targets = [{t + ahead for t in times[part] for ahead in range(1, horizon + 1)} for part in (train, test)]
        windows = {t - back for t in times[test] for back in range(window)}
        assert not targets[0] & targets[1]
        assert not windows & set(times[train])
        assert times[train].max() < times[test].min()


def splits_by_definition(times, n_splits, test_size, gap, max_train_size, horizon, window):
    """Yield the rows that train and test in each fold, found row by row."""
    distinct = sorted(set(times.tolist()))
    if test_size is None:
        count = len(distinct) // (n_splits + 1)
        borders = [distinct[-1 - k * count] for k in range(n_splits, -1, -1)]
    else:
        borders = [distinct[-1] - k * test_size for k in range(n_splits, -1, -1)]
    for border, end in pairwise(borders):
        test = [row for row, t in enumerate(times) if border < t <= end]
        last = min(border - gap, times[test].min() - (horizon or 1))
        train = [row for row, t in enumerate(times) if last - (max_train_size or np.inf) < t <= last]
        yield train, [row for row in test if times[row] - (window or 1) >= times[train].max()]


@given(panels())
@some_examples
def test_folds_are_those_of_the_definition(panel):
    times, groups, arguments = panel
    splits = try_split(PanelTimeSeriesSplit(time_column=0, **arguments), times[:, np.newaxis], groups)
    assert lists(splits) == list(splits_by_definition(times, **arguments))


@given(panels())
@some_examples
def test_test_parts_follow_each_other_up_to_the_end(panel):
    times, _, arguments = panel
    arguments = {**arguments, "window": None}
    X = times[:, np.newaxis]
    tests = [times[test] for _, test in try_split(PanelTimeSeriesSplit(time_column=0, **arguments), X)]
    assert tests[-1].max() == times.max()
    assert sorted(np.concatenate(tests)) == sorted(times[times >= tests[0].min()])
    for earlier, later in pairwise(tests):
        assert earlier.max() < later.min()


@given(panels(), st.randoms(use_true_random=False))
@some_examples
def test_order_of_rows_does_not_matter(panel, random):
    times, _, arguments = panel
    order = list(range(len(times)))
    random.shuffle(order)
    splitter = PanelTimeSeriesSplit(time_column=0, **arguments)
    expected = try_split(splitter, times[:, np.newaxis])
    for (train, test), (as_train, as_test) in zip(splitter.split(times[order][:, np.newaxis]), expected, strict=True):
        assert train.tolist() == sorted(train)
        assert test.tolist() == sorted(test)
        assert sorted(np.array(order)[train]) == as_train.tolist()
        assert sorted(np.array(order)[test]) == as_test.tolist()


def test_stacked_series_are_not_cut_one_after_another():
    times, groups = np.tile(np.arange(6), 2), np.repeat([0, 1], 6)
    by_row = [times[train].max() > times[test].min() for train, test in TimeSeriesSplit(2).split(times)]
    assert by_row == [True, True]  # what this splitter is for: those folds train on later times than they test
    by_time = split_times(PanelTimeSeriesSplit(2, time_column=0), times, groups)
    assert by_time == [([0, 1, 0, 1], [2, 3, 2, 3]), ([0, 1, 2, 3, 0, 1, 2, 3], [4, 5, 4, 5])]


def test_rows_without_times_are_aligned_at_the_end_of_their_groups():
    groups = [*"aaaaaa", *"bbb"]  # b began later
    assert lists(PanelTimeSeriesSplit(2).split(groups, groups=groups)) == [
        ([0, 1], [2, 3, 6]),
        ([0, 1, 2, 3, 6], [4, 5, 7, 8]),
    ]


def test_rows_of_groups_may_be_mixed():
    groups = ["b", "a", "a", "b", "a", "b"]
    assert lists(PanelTimeSeriesSplit(2).split(groups, groups=groups)) == [
        ([0, 1], [2, 3]),
        ([0, 1, 2, 3], [4, 5]),
    ]


def test_a_group_may_be_absent():
    times = [0, 1, 2, 3, 4, 5, 0, 1, 4, 5]
    groups = [*"aaaaaa", *"bb", *"cc"]
    splits = lists(PanelTimeSeriesSplit(2, time_column=0).split(np.c_[times], groups=groups))
    assert splits == [([0, 1, 6, 7], [2, 3]), ([0, 1, 2, 3, 6, 7], [4, 5, 8, 9])]


# lengths of time


def test_default_test_size_counts_distinct_times():
    times = [0, 0, 0, 1, 50, 51, 52, 99]
    assert split_times(PanelTimeSeriesSplit(2, time_column=0), times) == [
        ([0, 0, 0, 1], [50, 51]),
        ([0, 0, 0, 1, 50, 51], [52, 99]),
    ]


def test_lengths_are_of_time_not_of_rows():
    times = [0, 1, 2, 10, 11, 12, 20, 29, 30]
    splitter = PanelTimeSeriesSplit(2, time_column=0, test_size=10, gap=8, max_train_size=11)
    assert split_times(splitter, times) == [([0, 1, 2], [11, 12, 20]), ([2, 10, 11, 12], [29, 30])]


def test_intervals_are_open_on_the_left_and_closed_on_the_right():
    times = [0.0, 1.0, 2.0, 2.5, 3.0, 4.0]
    splitter = PanelTimeSeriesSplit(2, time_column=0, test_size=1.5, gap=0.5, max_train_size=1.5)
    assert split_times(splitter, times) == [([0.0], [2.0, 2.5]), ([1.0, 2.0], [3.0, 4.0])]


@given(st.integers(6, 60), st.integers(2, 4), st.integers(1, 6), st.integers(0, 3), st.floats(1e-3, 1e6))
@some_examples
def test_rounding_does_not_move_floats_over_a_border(n_rows, n_splits, test_size, gap, step):
    assume(n_rows > n_splits * test_size + gap)
    arguments = {"test_size": test_size * step, "gap": gap * step, "horizon": step, "window": step}
    splitter = PanelTimeSeriesSplit(n_splits, time_column=0, **arguments)
    by_row = TimeSeriesSplit(n_splits, test_size=test_size, gap=gap)
    times = np.arange(n_rows)[:, np.newaxis] * step
    assert lists(splitter.split(times)) == lists(by_row.split(times))


@pytest.mark.parametrize(
    "week",
    ["7D", timedelta(days=7), np.timedelta64(1, "W"), np.timedelta64(168, "h"), pd.Timedelta(days=7)],
    ids=lambda week: type(week).__name__,
)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_durations_of_dates(week, unit):
    frame = pd.DataFrame({"day": DAYS.as_unit(unit)})
    splitter = PanelTimeSeriesSplit(2, time_column="day", test_size=week, gap=timedelta(days=3), max_train_size=week)
    assert lists(splitter.split(frame)) == lists(TimeSeriesSplit(2, test_size=7, gap=3, max_train_size=7).split(frame))


BERLIN = "Europe/Berlin"


def forms(dates):
    """Return frames with the same dates in a column, in the index, and in columns of polars and of Arrow."""
    of_polars = pl.Series("t", (dates.tz_convert(None) if dates.tz else dates).as_unit("us").to_numpy())
    if dates.tz:
        of_polars = of_polars.dt.replace_time_zone("UTC").dt.convert_time_zone(str(dates.tz))
    frames = [pd.DataFrame({"t": dates}), pd.DataFrame({"x": 0.0}, dates.rename("t")), of_polars.to_frame()]
    if find_spec("pyarrow"):
        import pyarrow

        arrow = pyarrow.timestamp(dates.unit, None if dates.tz is None else str(dates.tz))
        frames.append(pd.DataFrame({"t": dates}).astype({"t": pd.ArrowDtype(arrow)}))
    return frames


@pytest.mark.axis("first", ["2024-03-20", "2024-10-16"])
@pytest.mark.axis("freq", ["D", "6h", "h", "30min"])
def test_days_of_a_zone_are_those_of_its_calendar(first, freq):
    times = pd.date_range(first, pd.Timestamp(first) + pd.Timedelta(20, "D"), freq=freq, tz=BERLIN)[1:]
    day = pd.DateOffset(days=1)
    for days in ("5D", "5 days", timedelta(days=5), pd.Timedelta(days=5), pd.DateOffset(days=5), pd.offsets.Day(5)):
        splitter = PanelTimeSeriesSplit(3, time_column="t", test_size=days, gap="1D", max_train_size="3D", horizon=day)
        for frame in forms(times):
            for k, (train, test) in enumerate(splitter.split(frame)):
                border, end = (times[-1] - pd.DateOffset(days=5 * j) for j in (3 - k, 2 - k))
                np.testing.assert_array_equal(test, np.flatnonzero((times > border) & (times <= end)))
                last = min(border - day, times[test[0]] - day)
                is_trained = (times > last - pd.DateOffset(days=3)) & (times <= last)
                np.testing.assert_array_equal(train, np.flatnonzero(is_trained))


def test_what_is_said_in_hours_is_hours():
    times = pd.date_range("2024-03-25", "2024-04-06", freq="h", tz=BERLIN)
    for hours in ("72h", np.timedelta64(72, "h"), pd.offsets.Hour(72), pd.DateOffset(hours=72)):
        splitter = PanelTimeSeriesSplit(3, time_column=0, test_size=hours)
        assert [len(test) for _, test in splitter.split(times.to_frame())] == [72, 72, 72]


@pytest.mark.parametrize("zone", [None, BERLIN])
@pytest.mark.parametrize("unit", ["s", "ns"])
def test_offsets_of_the_calendar(zone, unit):
    times = pd.date_range("2022-12-31", "2023-12-31", freq="D", tz=zone, unit=unit)
    months = PanelTimeSeriesSplit(11, time_column="t", test_size=pd.DateOffset(months=1), window=pd.DateOffset(days=1))
    business = PanelTimeSeriesSplit(5, time_column="t", test_size=pd.offsets.BDay(20), gap=pd.offsets.MonthEnd())
    for frame in forms(times):
        for month, (train, test) in enumerate(months.split(frame), 2):
            np.testing.assert_array_equal(test, np.flatnonzero((times.month == month) & (times.year == 2023)))
            np.testing.assert_array_equal(train, np.arange(test[0]))
        for k, (train, test) in enumerate(business.split(frame)):
            border, end = (times[-1] - pd.offsets.BDay(20 * j) if j else times[-1] for j in (5 - k, 4 - k))
            np.testing.assert_array_equal(test, np.flatnonzero((times > border) & (times <= end)))
            np.testing.assert_array_equal(train, np.flatnonzero(times <= border - pd.offsets.MonthEnd()))


def test_an_hour_that_the_clock_leaves_out():
    times = pd.date_range("2024-03-30 02:30", "2024-04-01 02:30", freq="30min", tz=BERLIN)
    splitter = PanelTimeSeriesSplit(2, time_column=0, test_size=pd.offsets.BDay(1), gap="30min")
    with pytest.raises(ValueError, match="train part of fold 0 has no rows"):
        next(splitter.split(times.to_frame()))
    splitter = PanelTimeSeriesSplit(2, time_column=0, test_size="12h", max_train_size=pd.offsets.Day(1))
    assert all(len(train) for train, _ in splitter.split(times.to_frame()))


@pytest.mark.parametrize("name", ["test_size", "gap", "max_train_size", "horizon", "window"])
def test_offsets_are_positive_and_go_with_dates(name):
    day = pd.Timestamp("2024-01-01")
    for zone in (None, BERLIN):
        frame = pd.DataFrame({"t": DAYS.tz_localize(zone)})
        for offset in (pd.DateOffset(months=-1), -pd.offsets.MonthEnd(), "-5D"):
            with pytest.raises(ValueError, match=f"{name} is .*; expected a length of time >"):
                next(PanelTimeSeriesSplit(2, time_column="t", **{name: offset}).split(frame))
    for times, error in ((DAYS - day, ValueError), (DAYS.to_period("D"), TypeError), (range(24), TypeError)):
        splitter = PanelTimeSeriesSplit(2, time_column="t", **{name: pd.DateOffset(months=1)})
        with pytest.raises(error, match=f"{name} is <DateOffset: months=1>"):
            next(splitter.split(pd.DataFrame({"t": times})))


def test_time_of_day_is_no_border():
    hours = pd.DataFrame({"hour": pd.date_range("2024-01-01 05:00", periods=100, freq="h")})
    splitter = PanelTimeSeriesSplit(2, time_column="hour", test_size="1D")
    assert [len(test) for _, test in splitter.split(hours)] == [24, 24]


def test_horizon_and_window_of_one_step_leave_nothing_out():
    plain, steps = (PanelTimeSeriesSplit(3, time_column=0, **one) for one in ({}, {"horizon": 1, "window": 1}))
    X = np.arange(20)[:, np.newaxis]
    assert lists(plain.split(X)) == lists(steps.split(X))
    frame = pd.DataFrame({"day": DAYS})
    plain, steps = (
        PanelTimeSeriesSplit(3, time_column="day", **one) for one in ({}, {"horizon": "1D", "window": "1D"})
    )
    assert lists(plain.split(frame)) == lists(steps.split(frame))


def test_horizon_shortens_training_and_window_testing():
    X = np.arange(12)[:, np.newaxis]
    assert lists(PanelTimeSeriesSplit(2, horizon=3).split(X))[0] == ([0, 1], [4, 5, 6, 7])
    assert lists(PanelTimeSeriesSplit(2, window=3).split(X))[0] == ([0, 1, 2, 3], [6, 7])
    assert lists(PanelTimeSeriesSplit(2, horizon=3, window=3).split(X))[0] == ([0, 1], [4, 5, 6, 7])
    assert lists(PanelTimeSeriesSplit(2, gap=1, horizon=3).split(X))[0] == ([0, 1], [4, 5, 6, 7])
    assert lists(PanelTimeSeriesSplit(2, gap=3, horizon=3).split(X))[0] == ([0], [4, 5, 6, 7])
    assert lists(PanelTimeSeriesSplit(2, horizon=2, max_train_size=2).split(X))[0] == ([1, 2], [4, 5, 6, 7])


def test_lengths_may_exceed_the_range_of_int64():
    X = np.arange(6)[:, np.newaxis]
    splitter = PanelTimeSeriesSplit(2, time_column=0, max_train_size=2**70)
    assert lists(splitter.split(X)) == lists(TimeSeriesSplit(2).split(X))
    with pytest.raises(ValueError, match="train part of fold 0"):
        next(PanelTimeSeriesSplit(2, time_column=0, horizon=2**70).split(X))


# forms of X


@pytest.mark.parametrize(
    "X",
    [
        np.arange(12),
        np.zeros((12, 3)),
        np.zeros((12, 5, 2)),
        list(range(12)),
        [[1.0, 2.0]] * 12,
        [np.zeros((n, 2)) for n in range(1, 13)],
        pd.DataFrame({"a": range(12)}),
        pd.Series(range(12)),
        pl.DataFrame({"a": range(12)}),
        sparse.csr_matrix(np.eye(12)),
        sparse.coo_matrix(np.eye(12)),
        np.array(list("abcdefghijkl")),
    ],
    ids=lambda X: type(X).__name__ + str(getattr(X, "shape", "")),
)
def test_rows_of_anything(X):
    assert lists(PanelTimeSeriesSplit(3).split(X)) == lists(TimeSeriesSplit(3).split(np.zeros(12)))
    groups = list("ab") * 6
    expected = lists(TimeSeriesSplit(3).split(np.zeros(6)))
    expected = [tuple(sorted(2 * row + k for row in part for k in (0, 1)) for part in parts) for parts in expected]
    assert lists(PanelTimeSeriesSplit(3).split(X, groups=groups)) == expected


@pytest.mark.parametrize("kind", ["name", "position", "index", "level", "polars", "polars position"])
def test_columns_of_frames(kind):
    frame = panel_frame()
    splitter = PanelTimeSeriesSplit(3, time_column="day", group_column="shop", gap="2D")
    expected = lists(splitter.split(frame))
    if kind == "position":
        splitter = PanelTimeSeriesSplit(3, time_column=0, group_column=-2, gap="2D")
    elif kind == "index":
        frame = frame.set_index("day").rename_axis(index=None)
        splitter = PanelTimeSeriesSplit(3, time_column="index", group_column="shop", gap="2D")
    elif kind == "level":
        frame = frame.set_index(["shop", "day"])
    elif kind.startswith("polars"):
        frame = pl.DataFrame({name: frame[name].to_numpy() for name in frame})
        if kind == "polars position":
            splitter = PanelTimeSeriesSplit(3, time_column=0, group_column=1, gap="2D")
    assert lists(splitter.split(frame)) == expected
    assert len(expected[0][0]) == 3 * 4


def test_group_column_without_times():
    frame = panel_frame().sort_values("day", ignore_index=True)
    by_row = PanelTimeSeriesSplit(3, group_column="shop")
    assert lists(by_row.split(frame)) == lists(PanelTimeSeriesSplit(3, time_column="day").split(frame))


def test_columns_of_sparse_matrices_and_lists():
    times = np.random.default_rng(0).permutation(12)
    table = np.column_stack([np.ones(12), times])
    expected = lists(PanelTimeSeriesSplit(3, time_column=1).split(table))
    for X in (sparse.csr_matrix(table), sparse.coo_matrix(table), table.tolist(), list(table)):
        assert lists(PanelTimeSeriesSplit(3, time_column=1).split(X)) == expected
        assert lists(PanelTimeSeriesSplit(3, time_column=-1).split(X)) == expected


# the properties of scikit-learn's splitters

SPLITTERS = [
    PanelTimeSeriesSplit(),
    PanelTimeSeriesSplit(2, test_size=3, gap=1, max_train_size=5),
    PanelTimeSeriesSplit(3, time_column=0, horizon=2, window=2),
]


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
@pytest.mark.parametrize("groups", [None, np.arange(30) % 2, [str(row % 2) for row in range(30)]])
def test_valid_splits(splitter, groups):
    X = np.arange(60.0).reshape(30, 2)
    splits = list(splitter.split(X, None, groups))
    assert len(splits) == splitter.get_n_splits(X, None, groups) == splitter.get_n_splits() == splitter.n_splits
    for train, test in splits:
        for part in (train, test):
            assert isinstance(part, np.ndarray)
            assert part.dtype.kind == "i"
            assert part.ndim == 1
            assert len(np.unique(part)) == len(part) > 0
            assert part.min() >= 0
            assert part.max() < 30
        assert not set(train) & set(test)


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_every_call_gives_the_same_splits(splitter):
    X = np.arange(30.0)[:, np.newaxis]
    groups = np.arange(30) % 2
    first = lists(splitter.split(X, groups=groups))
    assert lists(splitter.split(X, groups=groups)) == first
    assert lists(splitter.split(X, groups=groups.tolist())) == first
    for other in (clone(splitter, safe=False), copy.deepcopy(splitter), pickle.loads(pickle.dumps(splitter))):
        assert repr(other) == repr(splitter)
        assert lists(other.split(X, groups=groups)) == first


def test_y_of_any_form_is_not_looked_at():
    X = np.arange(12)[:, np.newaxis]
    expected = lists(PanelTimeSeriesSplit(3).split(X))
    for y in (np.arange(12), np.zeros((12, 1)), np.zeros((12, 4)), list("abcdefghijkl"), np.full(12, np.nan)):
        assert lists(PanelTimeSeriesSplit(3).split(X, y)) == expected


def test_x_and_groups_stay_as_they_were():
    X, groups = np.arange(12)[::-1, np.newaxis].copy(), np.arange(12) % 3
    kept = X.copy(), groups.copy()
    for train, test in PanelTimeSeriesSplit(2, time_column=0).split(X, groups=groups):
        train[:] = test[:1]
    assert np.array_equal(X, kept[0])
    assert np.array_equal(groups, kept[1])


def test_repr():
    assert " ".join(repr(PanelTimeSeriesSplit(3, gap="7D")).split()) == (
        "PanelTimeSeriesSplit(gap='7D', group_column=None, horizon=None, max_train_size=None, n_splits=3, "
        "test_size=None, time_column=None, window=None)"
    )


def test_is_a_cross_validator():
    splitter = PanelTimeSeriesSplit()
    assert isinstance(splitter, BaseCrossValidator)
    assert check_cv(splitter) is splitter


def test_groups_are_requested():
    assert PanelTimeSeriesSplit().get_metadata_routing().split.requests == {"groups": True}
    assert hasattr(PanelTimeSeriesSplit(), "set_split_request")


# errors


@pytest.mark.parametrize("n_splits", [1, 0, -3, 1.5, 2.0, True, None, "5"])
def test_number_of_splits(n_splits):
    with pytest.raises(ValueError, match=r"n_splits is .* expected an integer of at least 2"):
        PanelTimeSeriesSplit(n_splits)


def test_numpy_integer_of_splits():
    assert PanelTimeSeriesSplit(np.int64(3)).get_n_splits() == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_splits": 7}, "n_splits is 7, which requires at least 8 distinct times, but X has 7"),
        ({"n_splits": 5, "test_size": 2}, "train part of fold 0 has no rows.* 7 rows at 7 .*n_splits=5, test_size=2"),
        ({"n_splits": 3, "gap": 4}, "train part of fold 0 has no rows.*gap=4"),
        ({"n_splits": 2, "horizon": 4}, "train part of fold 0 has no rows.*horizon=4"),
        ({"n_splits": 2, "window": 3}, "test part of fold 0 has no rows.*window=3"),
    ],
)
def test_too_few_rows(arguments, message):
    with pytest.raises(ValueError, match=message):
        next(PanelTimeSeriesSplit(**arguments).split(np.zeros((7, 1))))


def test_a_test_part_within_a_hole():
    X = np.array([0, 3, 4, 10, 20, 21])[:, np.newaxis]
    with pytest.raises(ValueError, match=r"test part of fold 2 has no rows.*test_size=5"):
        next(PanelTimeSeriesSplit(4, time_column=0, test_size=5).split(X))


@pytest.mark.parametrize("splitter", [PanelTimeSeriesSplit(), PanelTimeSeriesSplit(test_size=1, time_column=0)])
def test_no_rows(splitter):
    with pytest.raises(ValueError, match="X has no rows"):
        next(splitter.split(np.empty((0, 2))))


@pytest.mark.parametrize("name", ["test_size", "gap", "max_train_size", "horizon", "window"])
@pytest.mark.parametrize("value", [-1, 2.0, "3", True, np.timedelta64(1, "D"), [1]])
def test_lengths_without_times_are_numbers_of_rows(name, value):
    error = ValueError if value == -1 else TypeError
    with pytest.raises(error, match=f"{name} is "):
        next(PanelTimeSeriesSplit(2, **{name: value}).split(np.zeros((12, 1))))


@pytest.mark.parametrize("name", ["test_size", "max_train_size", "horizon", "window"])
def test_only_the_gap_may_be_zero(name):
    with pytest.raises(ValueError, match=f"{name} is 0; expected a length of time > 0"):
        next(PanelTimeSeriesSplit(2, **{name: 0}).split(np.zeros((12, 1))))


def test_groups_given_twice():
    with pytest.raises(ValueError, match="both groups and group_column='shop' are given"):
        next(PanelTimeSeriesSplit(group_column="shop").split(panel_frame(), groups=np.zeros(72)))


def test_a_group_with_two_rows_of_one_time():
    X = np.array([0, 1, 2, 3, 1])[:, np.newaxis]
    assert len(list(PanelTimeSeriesSplit(2, time_column=0).split(X, groups=[0, 0, 0, 0, 1]))) == 2
    with pytest.raises(ValueError, match="time_column=0 has the same time in rows 1 and 4"):
        next(PanelTimeSeriesSplit(2, time_column=0).split(X, groups=[0, 0, 0, 0, 0]))


def test_rows_without_a_column_of_times_must_be_in_order():
    frame = panel_frame().set_index("day")
    splitter = PanelTimeSeriesSplit(2)
    with pytest.raises(ValueError, match=r"The index of X decreases within a group, from .* X.sort_index"):
        next(splitter.split(frame, groups=frame["shop"]))
    with pytest.raises(ValueError, match="identify several series by groups"):
        next(splitter.split(frame.sort_values("shop", kind="stable")))
    ordered = frame.sort_index(kind="stable")
    assert len(list(splitter.split(ordered, groups=ordered["shop"]))) == 2
    assert len(list(PanelTimeSeriesSplit(2, time_column="day").split(frame))) == 2
    with pytest.warns(DataWarning, match="The index of X has 2024-01-01 00:00:00 twice"):
        next(splitter.split(ordered))


@pytest.mark.parametrize("levels", [["day"], ["shop", "day"]])
def test_groups_that_end_at_different_times_are_told(levels):
    frame = panel_frame(2).sort_values(["shop", "day"])
    ended = frame[(frame["shop"] == "b") | (frame["day"] < DAYS[20])].set_index(levels)
    message = "groups of X end at different times, such as 'a' at 2024-01-20 .* and 'b' at 2024-01-24 .*'day'"
    for X in (ended, ended.sort_index(level="day")):
        with pytest.warns(DataWarning, match=message):
            next(PanelTimeSeriesSplit(2, group_column="shop").split(X))
    for X in (frame.set_index(levels), ended.reset_index(), ended[ended["value"] < 20.0]):
        next(PanelTimeSeriesSplit(2, group_column="shop").split(X))
    next(PanelTimeSeriesSplit(2, group_column="shop", time_column="day").split(ended))
    if levels == ["day"]:
        with pytest.warns(DataWarning, match="Set time_column='index' to align rows by their times"):
            next(PanelTimeSeriesSplit(2).split(ended.rename_axis(None), groups="shop"))


def test_lengths_of_time_without_a_column_of_times():
    frame = panel_frame(2).sort_values(["shop", "day"]).set_index("day")
    message = "an integer. Without time_column, lengths are numbers of rows; set time_column='{}' for durations"
    for X, name in ((frame, "day"), (frame.rename_axis(None), "index")):
        with pytest.raises(TypeError, match=message.format(name)):
            next(PanelTimeSeriesSplit(2, group_column="shop", test_size="3D").split(X))
        next(PanelTimeSeriesSplit(2, group_column="shop", time_column=name, test_size="3D").split(X))
    with pytest.raises(TypeError, match=r"expected an integer\.$"):
        next(PanelTimeSeriesSplit(2, group_column="shop", test_size="3D").split(frame.reset_index(drop=True)))


def test_groups_by_name():
    frame = panel_frame()
    splitter = PanelTimeSeriesSplit(2, time_column="day")
    expected = lists(splitter.split(frame, groups=frame["shop"]))
    assert lists(splitter.split(frame, groups="shop")) == expected
    assert lists(splitter.split(frame.set_index(["shop", "day"]), groups="shop")) == expected
    with pytest.raises(ValueError, match=r"groups is 'store', but X has the columns \['day', 'shop', 'value'\]"):
        next(splitter.split(frame, groups="store"))


def test_groups_of_another_length():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        next(PanelTimeSeriesSplit(2).split(np.zeros((12, 1)), groups=[0] * 11))


# in scikit-learn


class LatestTime(RegressorMixin, BaseEstimator):
    """Predicts the latest time that it was trained on."""

    def fit(self, X, y):
        self.latest_ = np.max(X)
        return self

    def predict(self, X):
        return np.full(len(X), self.latest_)

    def score(self, X, y):
        return float(np.min(X) - self.latest_)


@pytest.mark.parametrize("routing", [False, True])
def test_groups_reach_the_splitter_in_searches_and_scores(routing):
    X, groups = np.tile(np.arange(12.0), 2)[:, np.newaxis], np.repeat(["a", "b"], 12)
    y = X[:, 0]
    splitter = PanelTimeSeriesSplit(3)
    with sklearn.config_context(enable_metadata_routing=routing):
        given_groups = {"params": {"groups": groups}} if routing else {"groups": groups}
        scores = cross_val_score(LatestTime(), X, y, cv=splitter, **given_groups)
        validated = cross_validate(LatestTime(), X, y, cv=splitter, return_indices=True, **given_groups)
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=splitter).fit(X, y, groups=groups)
    assert scores.tolist() == [1.0, 1.0, 1.0]  # rows of both groups, and the next time comes next
    assert lists(zip(*validated["indices"].values(), strict=True)) == lists(splitter.split(X, groups=groups))
    assert search.n_splits_ == 3
    assert {f"split{k}_test_score" for k in range(3)} <= set(search.cv_results_)


def test_learning_curve():
    X = np.tile(np.arange(12.0), 2)[:, np.newaxis]
    sizes, _, scores = learning_curve(
        Ridge(), X, X[:, 0], groups=np.repeat([0, 1], 12), cv=PanelTimeSeriesSplit(3), train_sizes=[0.5, 1.0]
    )
    assert sizes.tolist() == [3, 6]
    assert scores.shape == (2, 3)


def test_search_with_the_column_of_times_dropped():
    frame = panel_frame()
    columns = make_column_transformer((StandardScaler(), ["value"]))
    model = make_pipeline(columns, Ridge())
    splitter = PanelTimeSeriesSplit(3, time_column="day", group_column="shop", horizon="3D")
    search = GridSearchCV(model, {"ridge__alpha": [0.1, 1.0]}, cv=splitter).fit(frame, frame["value"])
    assert search.best_score_ > 0.9
