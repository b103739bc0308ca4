"""Tests of what is said of series and histories that are most likely not what was meant."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from tests.data_warnings import assert_warned_once, data_warnings

SERIES = np.sin(np.arange(60.0) / 3.0)
FRAME = pd.Series(SERIES, index=pd.period_range("2020-01", periods=60, freq="M"), name="sales")
SHORT = "history has 3 rows, but the windows of the model have 5"


def lags(**parameters):
    return make_pipeline(SlidingWindow(5, padding="edge", flatten=True, **parameters), Ridge(1e-3))


MODELS = {
    "lags": lags(),
    "scaled": TransformedTargetRegressor(lags(), transformer=StandardScaler()),
    "search": GridSearchCV(lags(), {"ridge__alpha": [1e-3, 1.0]}, cv=TimeSeriesSplit(2)),
    "network": make_pipeline(SlidingWindow(5), RNNRegressor((2,), solver="lbfgs", tol=0.05, random_state=0)),
    "whole": make_pipeline(StandardScaler(), lags()),
}


@pytest.mark.axis("name", MODELS)
@pytest.mark.axis("series", [SERIES, FRAME], ids=["array", "pandas"])
def test_short_history(name, series):
    model = MODELS[name]
    data_warnings(lambda: model.fit(*to_supervised(series)))
    for n_steps in (1, 6):
        assert_warned_once(lambda n=n_steps: forecast(model, series[-3:], n), SHORT, "Pass a longer history")
        assert data_warnings(lambda n=n_steps: forecast(model, series[-5:], n)) == []
        assert data_warnings(lambda n=n_steps: forecast(model, series, n)) == []


def test_histories_that_need_not_be_long():
    following = lags(carry_context=True).fit(*to_supervised(SERIES[:50]))
    assert data_warnings(lambda: forecast(following, SERIES[50:52], 2)) == []
    rows = Ridge().fit(*to_supervised(SERIES))
    assert data_warnings(lambda: forecast(rows, SERIES[-1:], 3)) == []
    sequences = RNNRegressor((2,), return_sequences=True, max_iter=3, random_state=0)
    data_warnings(lambda: sequences.fit(SERIES[np.newaxis, :-1, np.newaxis], SERIES[np.newaxis, 1:]))
    assert data_warnings(lambda: forecast(sequences, SERIES[-2:], 3)) == []


def test_intervals_and_backtests_say_nothing_of_windows_that_they_make():
    for name, model in MODELS.items():
        for series in (SERIES, FRAME):
            data_warnings(lambda model=model, series=series: model.fit(*to_supervised(series[:40])))
            calls = [
                lambda model=model, series=series: forecast_interval(model, series, 3, n_calibration=12),
                lambda model=model, series=series: backtest(model, series, 3, first_origin=1),
                lambda model=model, series=series: backtest(model, series, 3, coverage=0.5),
            ]
            assert [data_warnings(call) for call in calls] == [[]] * len(calls), name


def test_interval_of_a_short_history_is_told_once():
    network = RNNRegressor((2,), loss="quantile", quantile=[0.05, 0.5, 0.95], solver="lbfgs", tol=0.01, random_state=0)
    model = make_pipeline(SlidingWindow(5), network)
    data_warnings(lambda: model.fit(*to_supervised(SERIES, n_steps=2)))
    assert_warned_once(lambda: forecast_interval(model, SERIES[-3:], 2), SHORT)
    assert data_warnings(lambda: forecast_interval(model, SERIES, 2)) == []


def test_a_shuffled_history_is_refused():
    model = lags().fit(*to_supervised(FRAME))
    shuffled = FRAME.sample(frac=1.0, random_state=0)
    decreases = "The index of history decreases"
    for call in (
        lambda: forecast(model, shuffled, 6),
        lambda: forecast_interval(model, shuffled, 3, n_calibration=12),
    ):
        with pytest.raises(ValueError, match=rf"{decreases}, from .*history\.sort_index\(\)"):
            call()
    with pytest.raises(ValueError, match="The index of series decreases"):
        backtest(model, shuffled, 3)
    numbers = shuffled.reset_index(drop=True)[::-1]  # which need not be times
    assert_warned_once(lambda: forecast(model, numbers, 6), decreases)
    assert_warned_once(lambda: forecast_interval(model, numbers, 3, n_calibration=12), decreases)
    assert_warned_once(lambda: backtest(model, numbers, 3), "The index of series decreases")


def test_newest_rows_first_have_no_labels_that_decrease():
    model = lags().fit(*to_supervised(FRAME))
    for index in (FRAME.index, FRAME.index.to_timestamp(), FRAME.index.to_timestamp() - pd.Timestamp("2020")):
        with pytest.raises(ValueError, match="The index of history decreases"):
            forecast(model, pd.Series(SERIES, index, name="sales")[::-1], 2)


PANEL = pd.DataFrame(
    {
        "shop": np.repeat(["a", "b"], 60),
        "month": np.tile(FRAME.index, 2),
        "sales": np.concatenate([SERIES, SERIES + 1.0]),
    }
)


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (PANEL, "groups"),
        (PANEL.set_index("month"), "in row 60; .* identify several series by groups"),
        (PANEL.set_index("month")["sales"], "in row 60; .* identify several series by groups"),
        (PANEL.set_index(["shop", "month"]), "identify several series by groups='shop'"),
        (
            PANEL.set_index(["shop", "month"]).sort_index(level="month"),
            r"the same time twice, \(a, 2020-01\) in row 0 and \(b, 2020-01\) in row 1; .* groups='shop'",
        ),
        (
            PANEL.assign(month=PANEL.index % 60).set_index(["shop", "month"]),
            "identify several series by groups='shop'",
        ),
    ],
    ids=["columns", "dates", "a series", "levels", "levels by time", "numbers"],
)
def test_a_panel_without_groups_is_refused(panel, message):
    model = lags().fit(*to_supervised(FRAME))
    for call in (
        lambda: forecast(model, panel, 3),
        lambda: forecast_interval(model, panel, 3, n_calibration=12),
        lambda: backtest(model, panel, 3),
        lambda: to_supervised(panel),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_levels_of_numbers_may_be_groups():
    model = lags().fit(*to_supervised(FRAME))
    panel = PANEL.assign(shop=np.repeat([1, 2], 60), month=PANEL.index % 60).set_index(["shop", "month"])
    assert_warned_once(lambda: forecast(model, panel, 3), r"(2, 0) comes after (1, 59)", "identify them by groups")


def test_a_series_too_short_for_a_backtest():
    model = lags().fit(*to_supervised(FRAME))
    message = (
        "series has no row to forecast from: the model needs 4 earlier rows, but the last possible origin is row 3"
    )
    with pytest.raises(ValueError, match=message):
        backtest(model, FRAME[:5], 3)


def test_columns_of_dates_are_not_series():
    table = pl.DataFrame({"sales": SERIES, "when": pd.date_range("2024", periods=60).to_numpy()})
    with pytest.raises(TypeError, match="Column 'when' of series contains dates, not numbers"):
        to_supervised(table)
    with pytest.raises(TypeError, match="Column 'when' of exog contains dates, not numbers"):
        to_supervised(SERIES, exog=table)
    with pytest.raises(ValueError, match="some of which contain dates or durations"):
        to_supervised(FRAME.reset_index().assign(index=pd.date_range("2024", periods=60)))
