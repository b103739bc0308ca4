"""Tests of the picture of errors over the steps ahead."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import median_absolute_error

from skrnn.forecasting import backtest, to_supervised
from skrnn.plotting import BacktestDisplay
from tests.forecasting.test_backtest import lags, seasonal

SERIES = seasonal(60)


def fitted(n_timesteps=3):
    return lags(n_timesteps).fit(*to_supervised(SERIES[:30]))


def labels(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("metric", ["MAE", "MASE", median_absolute_error])
def test_draws_the_scores_of_a_backtest_and_of_the_naive_forecast(metric):
    result = backtest(fitted(), SERIES, 4, first_origin=29)
    display = BacktestDisplay.from_backtest(result, metric=metric, season=5)
    expected, naive = (one.scores({"error": metric}, season=5)["error"].to_numpy() for one in (result, result.naive(5)))
    (line,) = display.lines_
    np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_array_equal(line.get_ydata(), expected)
    np.testing.assert_array_equal(display.naive_line_.get_ydata(), naive)
    assert labels(display) == ["model", "naive, season of 5"]
    assert display.ax_.get_ylabel() == (metric if isinstance(metric, str) else "median absolute error")
    assert display.ax_.get_ylim()[0] == 0.0
    assert display.figure_ is display.ax_.figure


def test_several_estimators_have_names():
    models = {"short": fitted(2), "long": fitted(6)}
    display = BacktestDisplay.from_estimator(models, SERIES, 3, first_origin=29, refit=10)
    assert labels(display) == ["short", "long", "naive"]
    expected = backtest(models["long"], SERIES, 3, first_origin=29, refit=10).scores(["MAE"])["MAE"]
    np.testing.assert_array_equal(display.lines_[1].get_ydata(), expected)
    colours = {line.get_color() for line in [*display.lines_, display.naive_line_]}
    assert len(colours) == 3
    one = BacktestDisplay.from_estimator(models["long"], SERIES, 3, first_origin=29, refit=10)
    np.testing.assert_array_equal(one.lines_[0].get_ydata(), expected)


def test_errors_of_several_series_count_together():
    series = seasonal(60, 2)
    result = backtest(lags(3).fit(*to_supervised(series[:30])), series, 2, first_origin=29)
    display = BacktestDisplay.from_backtest(result)
    np.testing.assert_allclose(display.errors[0], np.nanmean(np.abs(result.errors), axis=(0, 2)))


def test_widths_of_intervals_have_no_naive_line():
    result = backtest(fitted(), SERIES, 2, first_origin=29, coverage=0.5)
    display = BacktestDisplay.from_backtest(result, metric="width")
    assert display.naive_line_ is None
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), result.scores(["width"])["width"])


def test_axes_and_styles_of_the_caller(closed_figures):
    _, ax = closed_figures.subplots()
    display = BacktestDisplay(errors=[1.0, 2.0], naive_errors=[2.0, 3.0], metric_name="RMSE")
    assert display.plot(ax, line_kw={"c": "red"}, naive_kw={"lw": 4.0}) is display
    assert display.ax_ is ax
    assert display.lines_[0].get_color() == "red"
    assert display.naive_line_.get_linewidth() == 4.0
    assert BacktestDisplay(errors=[[1.0], [2.0]]).plot().naive_line_ is None


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"errors": []}, r"errors has shape \(1, 0\)"),
        ({"errors": [1.0], "naive_errors": [1.0, 2.0]}, r"naive_errors has shape \(2,\); expected \(1,\)"),
        ({"errors": [1.0], "names": ["a", "b"]}, "names has 2 entries; expected 1"),
    ],
)
def test_data_that_do_not_match(parameters, message):
    with pytest.raises(ValueError, match=message):
        BacktestDisplay(**parameters).plot()


def test_backtests_of_different_lengths():
    results = {str(n): backtest(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), SERIES, n) for n in (1, 2)}
    with pytest.raises(ValueError, match=r"backtests of \[1, 2\] steps"):
        BacktestDisplay.from_backtest(results)
    with pytest.raises(ValueError, match=r"backtests of \[\] steps"):
        BacktestDisplay.from_backtest({})
