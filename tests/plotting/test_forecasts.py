"""Tests of the display of forecasts."""

from contextlib import nullcontext
from itertools import pairwise

import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.exceptions import DataWarning
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from skrnn.plotting import ForecastDisplay

RNG = np.random.default_rng(0)
SERIES = np.sin(np.arange(120) / 4.0) + 0.1 * RNG.normal(size=120)


def ridge(series, exog=None, n_rows=60):
    """Return ridge regression on lags, fitted to the first rows of a series."""
    X, y = to_supervised(series[:n_rows], exog=None if exog is None else exog[:n_rows])
    return make_pipeline(SlidingWindow(4, padding="edge", flatten=True), Ridge(0.01)).fit(X, y)


def texts(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def band_edges(band):
    """Return the least and the largest height of a band at each of its times, (3, n_times)."""
    vertices = band.get_paths()[0].vertices
    times = np.unique(vertices[:, 0])
    heights = [vertices[vertices[:, 0] == time, 1] for time in times]
    return np.array([times, [h.min() for h in heights], [h.max() for h in heights]])


def test_draws_the_arrays_that_it_is_given():
    lower, upper = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[4.0, 5.0], [6.0, 7.0]])
    display = ForecastDisplay(
        history=[1.0, 2.0, 3.0],
        truth=[4.0, 5.0],
        forecasts=[[3.5, 4.5], [5.5, 6.5]],
        lower=lower,
        upper=upper,
        origins=[2, 3],
        times=[10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
        coverage=0.9,
    ).plot()
    assert display.history_line_.get_xydata().tolist() == [[10, 1], [20, 2], [30, 3]]
    assert display.truth_line_.get_xydata().tolist() == [[30, 3], [40, 4], [50, 5]]
    paths = [line.get_xydata().tolist() for line in display.forecast_lines_]
    assert paths == [[[30, 3], [40, 3.5], [50, 4.5]], [[40, 4], [50, 5.5], [60, 6.5]]]
    for band, times, low, high in zip(display.bands_, [[40, 50], [50, 60]], lower, upper, strict=True):
        np.testing.assert_array_equal(band_edges(band), [times, low, high])
    assert display.origin_markers_.get_xydata().tolist() == [[30, 3], [40, 4]]
    assert texts(display) == ["history", "observed", "90 % interval", "forecast", "origins"]
    assert display.figure_ is display.ax_.figure


def test_one_forecast_of_the_future_needs_no_more_than_history():
    display = ForecastDisplay(history=[1.0, 2.0], forecasts=[3.0, 4.0, 5.0]).plot()
    assert display.truth_line_ is None
    assert display.bands_ == []
    assert display.forecast_lines_[0].get_xydata().tolist() == [[1, 2], [2, 3], [3, 4], [4, 5]]
    assert texts(display) == ["history", "forecast", "origin"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("row", "series")


def test_the_band_of_one_step_has_a_width():
    display = ForecastDisplay(history=[1.0, 2.0], forecasts=[3.0], lower=[2.0], upper=[4.0]).plot()
    np.testing.assert_array_equal(band_edges(display.bands_[0]), [[1.5, 2.5], [2.0, 2.0], [4.0, 4.0]])


def test_from_the_last_row_by_default():
    model = ridge(SERIES)
    display = ForecastDisplay.from_estimator(model, SERIES, n_steps=5)
    np.testing.assert_array_equal(display.history_line_.get_ydata(), SERIES)
    np.testing.assert_array_equal(display.forecast_lines_[0].get_ydata()[1:], forecast(model, SERIES, 5))
    np.testing.assert_array_equal(display.forecast_lines_[0].get_xdata(), np.arange(119, 125))
    assert display.truth_line_ is None


def test_forecasts_and_intervals_of_origins_are_those_of_a_backtest():
    model = ridge(SERIES)
    origins = [100, 110, -1]
    display = ForecastDisplay.from_estimator(model, SERIES, n_steps=3, origins=origins, coverage=0.8, n_calibration=20)
    tested = backtest(model, SERIES, 3, first_origin=60, coverage=0.8, n_calibration=20)
    for number, origin in enumerate(origins[:2]):
        at = tested.origins == origin
        np.testing.assert_allclose(display.forecast_lines_[number].get_ydata()[1:], tested.forecasts[at][0])
        expected = [[origin + 1, origin + 2, origin + 3], tested.lower[at][0], tested.upper[at][0]]
        np.testing.assert_allclose(band_edges(display.bands_[number]), expected)
    np.testing.assert_allclose(display.upper[2], forecast_interval(
        model, SERIES, 3, coverage=0.8, n_calibration=20
    ).upper)  # fmt: skip
    np.testing.assert_array_equal(display.history_line_.get_ydata(), SERIES[:101])
    np.testing.assert_array_equal(display.truth_line_.get_ydata(), SERIES[100:])
    np.testing.assert_array_equal(display.origin_markers_.get_xydata(), [[o, SERIES[o]] for o in (100, 110, 119)])


def test_no_row_after_the_last_step_is_drawn_and_no_more_history_than_asked_for():
    display = ForecastDisplay.from_estimator(ridge(SERIES), SERIES, n_steps=4, origins=[80, 70], n_history=10)
    np.testing.assert_array_equal(display.history_line_.get_xydata().T, [np.arange(61, 71), SERIES[61:71]])
    np.testing.assert_array_equal(display.truth_line_.get_xydata().T, [np.arange(70, 85), SERIES[70:85]])
    assert [line.get_xdata()[0] for line in display.forecast_lines_] == [80, 70]


def test_forecasts_see_nothing_after_their_origin():
    model = ridge(SERIES)
    changed = np.where(np.arange(120) > 90, 1e3, SERIES)
    display, other = (ForecastDisplay.from_estimator(model, s, n_steps=4, origins=[90]) for s in (SERIES, changed))
    np.testing.assert_array_equal(display.forecasts, other.forecasts)


def test_quantiles_that_the_model_predicts():
    X, y = to_supervised(SERIES)
    network = RNNRegressor(
        (2,), loss="quantile", quantile=[0.1, 0.5, 0.9], solver="lbfgs", tol=0.1, alpha=0.1, random_state=0
    )
    model = make_pipeline(SlidingWindow(4), network).fit(X, y)
    display = ForecastDisplay.from_estimator(model, SERIES, n_steps=1, origins=[100, 119], coverage=0.8)
    predicted = model.predict(SERIES[:, np.newaxis])[[100, 119]]
    np.testing.assert_allclose(np.column_stack([display.lower, display.forecasts, display.upper]), predicted, rtol=1e-6)


def test_one_of_several_series_with_exog():
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2024-01-01", periods=120, freq="D", name="day")
    frame = pd.DataFrame({"a": SERIES, "b": 2.0 * SERIES[::-1]}, index)
    exog = pd.DataFrame({"e": np.arange(125.0)}, pd.date_range("2024-01-01", periods=125, freq="D"))
    model = ridge(frame, exog.iloc[:120])
    display = ForecastDisplay.from_estimator(model, frame, n_steps=3, origins=[80, 119], exog=exog, series_index=1)
    history = frame.assign(e=exog["e"].iloc[:120].to_numpy())
    for number, origin in enumerate([80, 119]):
        ahead = exog.iloc[origin + 1 : origin + 4]
        expected = forecast(model, history.iloc[: origin + 1], 3, exog=ahead)["b"]
        np.testing.assert_allclose(display.forecasts[number], expected)
        drawn = mdates.num2date(display.forecast_lines_[number].get_xdata(orig=False)[1:])
        assert [date.strftime("%F") for date in drawn] == list(expected.index.strftime("%Y-%m-%d"))
    np.testing.assert_array_equal(display.history, frame["b"].iloc[:81])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("day", "b")


@pytest.mark.parametrize("kind", ["date", "period", "year", "uneven"])
def test_the_index_of_a_series_is_the_time(kind):
    pd = pytest.importorskip("pandas")
    indices = {
        "date": pd.date_range("2000-01-01", periods=120, freq="D", name="time"),
        "period": pd.period_range("2000-01", periods=120, freq="M", name="time"),
        "year": pd.RangeIndex(1900, 2020, name="time"),
        "uneven": pd.Index(np.arange(120.0) ** 2, name="time"),
    }
    series = pd.Series(SERIES, indices[kind], name="load")
    model = ridge(series)
    with pytest.warns(DataWarning, match="no constant step") if kind == "uneven" else nullcontext():
        display = ForecastDisplay.from_estimator(model, series, n_steps=2)
    times = display.times[[0, -1]].tolist() if kind in ("year", "uneven") else display.times[[0, -1]].astype(str)
    expected = {
        "date": ["2000-01-01", "2000-05-01"], "period": ["2000-01-01", "2010-02-01"],
        "year": [1900, 2021], "uneven": [0, 121],
    }  # fmt: skip
    assert [time[:10] if isinstance(time, str) else time for time in times] == expected[kind]
    assert display.ax_.get_xlabel() == ("row" if kind == "uneven" else "time")
    assert display.ax_.get_ylabel() == "load"
    display.figure_.canvas.draw()


@pytest.mark.parametrize("kind", ["time zone", "datetimes", "dates"])
def test_dates_of_any_kind_are_labelled_shortly(kind):
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2024-10-20", periods=121, freq="6h", tz="Europe/Berlin")  # a clock is set back on the 27th
    times = {"time zone": index, "datetimes": index.to_pydatetime(), "dates": index.date}[kind]
    if kind == "time zone":
        display = ForecastDisplay.from_estimator(ridge(pd.Series(SERIES, index[:-1])), pd.Series(SERIES, index[:-1]), 1)
    else:
        display = ForecastDisplay(history=SERIES, forecasts=[0.0], times=times).plot()
    assert isinstance(display.ax_.xaxis.get_major_formatter(), mdates.ConciseDateFormatter)
    display.figure_.canvas.draw()
    shown = [text.get_window_extent() for text in display.ax_.get_xticklabels() if text.get_text()]
    assert len(shown) > 2
    assert all(left.x1 < right.x0 for left, right in pairwise(shown))


def test_dates_with_a_time_zone_are_labelled_in_it():
    pd = pytest.importorskip("pandas")
    index = pd.date_range("2024-07-01", periods=24, freq="h", tz="Asia/Tokyo")
    display = ForecastDisplay(history=SERIES[:20], forecasts=SERIES[20:24], times=list(index)).plot()
    assert display.ax_.xaxis.get_major_formatter().format_ticks([mdates.date2num(index[6])]) == ["06:00"]


@pytest.mark.parametrize(
    ("step", "name", "label", "last"),
    [("12h", None, "hours", 1440.0), ("90min", "age", "age (hours)", 180.0), ("2s", None, "seconds", 240.0)],
)
def test_durations_have_a_unit(step, name, label, last):
    pd = pytest.importorskip("pandas")
    index = pd.timedelta_range(0, periods=120, freq=step, name=name)
    series = pd.Series(SERIES, index)
    display = ForecastDisplay.from_estimator(ridge(series), series, n_steps=1)
    assert display.ax_.get_xlabel() == label
    assert display.times[-1] == last


def test_the_legend_is_no_wider_than_narrow_axes():
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.0, 3.0))
    for ax in (left, right):
        display = ForecastDisplay(history=[1.0, 2.0], truth=[3.0], forecasts=[3.0], lower=[2.0], upper=[4.0])
        display.plot(ax)
        figure.canvas.draw()
        assert len(texts(display)) == 5
        assert ax.get_legend().get_window_extent().width <= ax.get_window_extent().width


def test_axes_and_styles_of_the_caller():
    _, ax = plt.subplots()
    display = ForecastDisplay(history=[1.0, 2.0], truth=[3.0], forecasts=[3.0], lower=[2.0], upper=[4.0])
    display.plot(ax, line_kw={"c": "grey"}, forecast_kw={"c": "green", "lw": 4.0}, band_kw={"alpha": 0.7})
    assert display.ax_ is ax
    assert display.history_line_.get_color() == display.truth_line_.get_color() == "grey"
    assert display.forecast_lines_[0].get_linewidth() == 4.0
    assert display.origin_markers_.get_color() == "green"
    assert display.bands_[0].get_alpha() == 0.7


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"history": []}, ValueError, r"history has shape \(0,\)"),
        ({"lower": [1.0, 2.0]}, ValueError, "one of lower and upper is None"),
        ({"lower": [1.0], "upper": [1.0]}, ValueError, r"lower has shape \(1,\); expected that of forecasts"),
        ({"origins": [2]}, ValueError, r"origins is \[2\]; expected 1 rows from 0 to 1"),
        ({"origins": [0, 1]}, ValueError, r"origins is \[0, 1\]; expected 1 rows"),
        ({"times": [1.0, 2.0]}, ValueError, "times has 2 entries; expected 4"),
    ],
)
def test_data_that_do_not_match(parameters, error, message):
    display = ForecastDisplay(**{"history": [1.0, 2.0], "forecasts": [3.0, 4.0]} | parameters)
    with pytest.raises(error, match=message):
        display.plot()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"origins": [120]}, ValueError, "expected rows from -120 to 119"),
        ({"origins": []}, TypeError, r"origins is \[\]"),
        ({"origins": [1.5]}, TypeError, r"origins is \[1.5\]; expected integer positions"),
        ({"series_index": 1}, ValueError, "series_index is 1; expected an integer from 0 to 0"),
        ({"n_history": 0}, ValueError, "n_history is 0; expected an integer >= 1"),
        ({"n_history": 2.0}, TypeError, "n_history is 2.0 of type float; expected an integer"),
        ({"n_calibration": 20}, ValueError, "n_calibration is 20, but coverage is None"),
        ({"n_steps": 0}, ValueError, "n_steps"),
    ],
)
def test_parameters_that_cannot_be(parameters, error, message):
    with pytest.raises(error, match=message):
        ForecastDisplay.from_estimator(ridge(SERIES), SERIES, **{"n_steps": 3} | parameters)
    assert not plt.get_fignums()
