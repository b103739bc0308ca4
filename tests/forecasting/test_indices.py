"""Tests of the labels of forecasts and of folds, for an index of every kind, against pandas' own arithmetic."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from skrnn import SlidingWindow
from skrnn.exceptions import DataWarning
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from skrnn.model_selection import PanelTimeSeriesSplit

#: How many rows each index has, of which the first are the history.
N_ROWS, N_KNOWN = 70, 60
STEPS = 5
HOLIDAYS = [7, 23, 24, 41, 66]


def days(first, freq="D", zone=None):
    return pd.date_range(first, periods=N_ROWS + len(HOLIDAYS), freq=freq, tz=zone)


def no_freq(index):
    """Return dates without their frequency, as they come from a file."""
    return pd.DatetimeIndex(index.tolist())


#: Indices that have a step, and a length of three of their steps, or of some days.
REGULAR = {
    "months": (pd.period_range("2019-11", periods=N_ROWS, freq="M"), 3),
    "quarters as periods of three months": (pd.period_range("2001-02", periods=N_ROWS, freq="3M"), 3),
    "periods of six hours": (pd.period_range("2024-02-25 05:00", periods=N_ROWS, freq="6h"), 3),
    "quarters as months": (pd.period_range("2001-01", periods=3 * N_ROWS, freq="M")[::3], 9),
    "business days as days": (pd.bdate_range("2024-01-31", periods=N_ROWS).to_period("D"), 7),
    "dates": (days("2024-01-15")[:N_ROWS], "3D"),
    "dates without a frequency": (no_freq(days("2024-01-15"))[:N_ROWS], "3D"),
    "business dates": (no_freq(pd.bdate_range("2024-01-31", periods=N_ROWS)), "7D"),
    "month ends": (
        no_freq(pd.date_range("2019-01", periods=N_ROWS, freq=pd.offsets.MonthEnd())),
        pd.DateOffset(months=3),
    ),
    "15th of each month": (no_freq(days("2019-01-15", pd.DateOffset(months=1)))[:N_ROWS], pd.DateOffset(months=3)),
    "days of a zone in spring": (days("2024-01-29", zone="Europe/Berlin")[:N_ROWS], "3D"),
    "days of a zone in autumn": (no_freq(days("2024-08-25", zone="Europe/Berlin"))[:N_ROWS], "3D"),
    "days of a zone without a midnight": (
        days("2024-08-05").tz_localize("America/Santiago", nonexistent="shift_forward")[:N_ROWS],
        "3D",
    ),
    "hours of a zone in spring": (no_freq(days("2024-03-28 16:00", "h", "Europe/Berlin"))[:N_ROWS], "3h"),
    "hours of a zone in autumn": (days("2024-10-24 15:00", "h", "Europe/Berlin")[:N_ROWS], "3h"),
    "durations": (pd.timedelta_range("0h", periods=N_ROWS, freq="15min"), "45min"),
    "rows": (pd.RangeIndex(N_ROWS), 3),
    "integers": (pd.Index(range(1900, 1900 + 10 * N_ROWS, 10)), 30),
    "unsigned": (pd.Index(range(180, 180 + N_ROWS), dtype="uint8"), 3),
    "floats": (pd.Index(np.arange(N_ROWS) / 10), 0.3),
    "levels": (pd.MultiIndex.from_product([["a"], days("2024-01-15")[:N_ROWS]], names=["shop", "t"]), "3D"),
}
#: Those that have none.
IRREGULAR = {
    "trading dates": pd.bdate_range("2024-01-31", periods=N_ROWS + len(HOLIDAYS)).delete(HOLIDAYS),
    "trading dates as periods": pd.bdate_range("2024-01-31", periods=N_ROWS + len(HOLIDAYS))
    .delete(HOLIDAYS)
    .to_period("D"),
    "times of a zone": days("2024-03-29 16:00", "h", "Europe/Berlin").delete(HOLIDAYS),
    "days, then hours": pd.DatetimeIndex([*days("2024-01-15")[:30], *days("2024-02-14", "h")[:40]]),
    "integers with holes": pd.Index(np.delete(np.arange(N_ROWS + len(HOLIDAYS)), HOLIDAYS)),
    "floats with holes": pd.Index(np.delete(np.arange(N_ROWS + len(HOLIDAYS)), HOLIDAYS) / 4),
    "levels with holes": pd.MultiIndex.from_product([["a"], days("2024-01-15").delete(HOLIDAYS)], names=["shop", "t"]),
}
STRINGS = pd.Index([f"row {row}" for row in range(N_ROWS)])
ALL = {**{name: index for name, (index, _) in REGULAR.items()}, **IRREGULAR, "strings": STRINGS}

QUICK = [
    "quarters as periods of three months",
    "periods of six hours",
    "business days as days",
    "dates without a frequency",
    "business dates",
    "days of a zone in spring",
    "hours of a zone in autumn",
    "unsigned",
    "floats",
    "levels",
    "trading dates",
    "strings",
]
every_index = pytest.mark.axis("name", list(ALL), quick=QUICK)


def frame_of(index):
    """Return a series and a column that is known ahead."""
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(len(index)) / 3.0) + 0.1 * rng.normal(size=len(index))
    return pd.DataFrame({"sales": values, "price": rng.normal(size=len(index))}, index)


def fitted(table, exog=None):
    model = make_pipeline(SlidingWindow(3, padding="edge", flatten=True), Ridge(1e-3))
    return model.fit(*to_supervised(table, exog=exog))


def told(call):
    """Return the result of a call and whether it has told that the index has no constant step."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        result = call()
    messages = [str(warning.message) for warning in caught]
    assert all("no constant step" in message for message in messages)
    assert len(messages) <= 1
    return result, bool(messages)


def same(labels, expected):
    """Tell whether labels are those expected, floats but for rounding."""
    if expected.dtype.kind == "f":
        return np.allclose(np.asarray(labels, dtype=float), expected, rtol=0.0, atol=1e-9)
    return list(labels) == list(expected)


@every_index
def test_labels_of_forecasts(name):
    index = ALL[name]
    series = frame_of(index)["sales"].iloc[:N_KNOWN]
    model = fitted(series)
    for call in (
        lambda: forecast(model, series, STEPS),
        lambda: forecast_interval(model, series, STEPS, n_calibration=12)[2],
    ):
        path, is_told = told(call)
        assert is_told == (name in IRREGULAR)
        if name in REGULAR:
            assert same(path.index, index[N_KNOWN : N_KNOWN + STEPS])
            assert path.index.names == index.names
            assert path.index.dtype.kind == index.dtype.kind.replace("u", "i")
        else:
            assert path.index.equals(pd.RangeIndex(1, STEPS + 1, name="step"))


@every_index
def test_rows_of_exog(name):
    index, frame = ALL[name], frame_of(ALL[name])
    history, ahead = frame.iloc[:N_KNOWN], frame[["price"]].iloc[N_KNOWN : N_KNOWN + STEPS]
    model = fitted(history["sales"], history["price"])
    path, is_told = told(lambda: forecast(model, history, STEPS, exog=ahead))
    assert not is_told
    assert same(path.index, index[N_KNOWN : N_KNOWN + STEPS])
    np.testing.assert_array_equal(path, told(lambda: forecast(model, history, STEPS, exog=ahead.to_numpy()))[0])
    wrong = {
        "rows of the history": history[["price"]].iloc[-STEPS:],
        "the first rows": frame[["price"]].iloc[:STEPS],
        "a reset index": ahead.reset_index(drop=True),
        "of another kind": ahead.set_axis(pd.date_range("1999", periods=STEPS, tz="Asia/Tokyo"), axis=0),
    }
    if name != "strings":
        wrong["not in order"] = ahead.iloc[::-1]
        wrong["twice"] = ahead.iloc[[0, 1, 1, 2]]
    if name in REGULAR:
        wrong["a row later"] = frame[["price"]].iloc[N_KNOWN + 1 : N_KNOWN + 1 + STEPS]
        wrong["a hole"] = ahead.iloc[[0, 1, 3, 4]]
    for table in wrong.values():
        with pytest.raises(ValueError, match=r"exog (has|begins at) .* An array without index"):
            forecast(model, history, STEPS, exog=table)


@every_index
def test_times_of_a_backtest(name):
    index = ALL[name]
    series = frame_of(index)["sales"].iloc[:N_KNOWN]
    result, is_told = told(lambda: backtest(fitted(series), series, STEPS, first_origin=40))
    assert not is_told  # no label is lost but those beyond the end
    assert same(result.origin_times, index[40 : N_KNOWN - 1])
    for origin, times in zip(result.origins, result.target_times, strict=True):
        n_known = min(STEPS, N_KNOWN - 1 - origin)
        n_labelled = STEPS if name in REGULAR else n_known
        assert same(times[:n_labelled], index[origin + 1 : origin + 1 + n_labelled])
        assert pd.isna(times[n_labelled:]).all()


@every_index
def test_folds(name):
    index = ALL[name]
    times = index.get_level_values(-1)
    frame = frame_of(index.set_names("t", level=-1 if index.nlevels > 1 else None))
    by_row = [(train.tolist(), test.tolist()) for train, test in TimeSeriesSplit(4).split(frame)]
    for splitter in (PanelTimeSeriesSplit(4), PanelTimeSeriesSplit(4, time_column="t")):
        if name == "strings" and splitter.time_column:
            with pytest.raises(TypeError, match="time_column='t' has dtype"):
                next(splitter.split(frame))
            continue
        assert [(train.tolist(), test.tolist()) for train, test in splitter.split(frame)] == by_row
    if name not in REGULAR:
        return
    size = REGULAR[name][1]
    splitter = PanelTimeSeriesSplit(5, time_column="t", test_size=size, horizon=size)
    for k, (train, test) in enumerate(splitter.split(frame)):
        border, end = (earlier(times, times[-1], size, count) for count in (5 - k, 4 - k))
        np.testing.assert_array_equal(test, np.flatnonzero(up_to(times, end) & ~up_to(times, border)))
        np.testing.assert_array_equal(train, np.flatnonzero(up_to(times, earlier(times, times[test[0]], size, 1))))


def up_to(times, end):
    """Tell which times are not after another, in floats but for rounding."""
    return np.asarray(times <= (end + 1e-9 if times.dtype.kind == "f" else end))


def earlier(times, time, size, count):
    """Return the time `count` lengths before another, by pandas' arithmetic."""
    if not count:
        return time
    if hasattr(times, "asfreq"):
        return time - count * size * times.freq
    if isinstance(size, pd.DateOffset):
        return time - pd.DateOffset(months=3 * count)
    if not isinstance(size, str):
        return time - count * size
    return time - (pd.DateOffset(days=count * int(size[:-1])) if size.endswith("D") else count * pd.Timedelta(size))
