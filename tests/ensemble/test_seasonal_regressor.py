"""Tests of regressors that use and predict deviations from earlier seasons."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, SeasonalRegressor
from skrnn.forecasting import backtest, forecast, to_supervised
from tests.ensemble.test_change_regressor import Recorder


def usual(series, season, weights):
    """Return the seasonal mean for each value of a series; NaN if a value is missing."""
    values = np.full(len(series), 0.0)
    for number, weight in enumerate(weights, 1):
        lagged = np.full(len(series), np.nan)
        lagged[number * season :] = series[: len(series) - number * season]
        values += weight * lagged
    return values


@pytest.mark.parametrize("weights", [(1.0,), (0.5, 0.3, 0.2), (0.9,)])
@pytest.mark.parametrize("n_steps", [1, 3])
def test_windows_and_targets_are_deviations(weights, n_steps):
    series, season = np.random.default_rng(0).normal(size=60), 4
    n_rows = season * len(weights)
    X, y = to_supervised(series, n_steps=n_steps)
    model = make_pipeline(SlidingWindow(5 + n_rows), SeasonalRegressor(Recorder(0.5), season, weights=weights)).fit(
        X, y
    )
    deviations = series - usual(series, season, weights)
    known = np.arange(n_rows + 4, len(X))  # those with all seasons of all timesteps
    expected = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.full(4, np.nan), deviations]), 5)
    seen = model[-1].regressor_.X_[-len(known) :, :, 0]
    np.testing.assert_allclose(seen, expected[known])
    targets = np.column_stack([deviations[k : len(X) + k] for k in range(1, n_steps + 1)])[known]
    np.testing.assert_allclose(model[-1].regressor_.y_.reshape(-1, n_steps)[-len(known) :], targets)
    np.testing.assert_allclose(
        model.predict(X).reshape(-1, n_steps)[known],
        np.column_stack([usual(series, season, weights)[k : len(X) + k] for k in range(1, n_steps + 1)])[known] + 0.5,
    )


@pytest.mark.parametrize("n_series", [None, 1])
@pytest.mark.parametrize("n_steps", [1, 3])
def test_networks_take_windows_whose_beginning_is_masked(n_steps, n_series):
    months = np.arange(60)
    calendar = [] if n_series is None else [np.cos(months)]
    X = np.column_stack([np.sin(months * np.pi / 2) + 0.1 * months, *calendar])
    y = X[np.arange(1, 57)[:, np.newaxis] + np.arange(n_steps), 0].squeeze()
    network = RNNRegressor((2,), solver="lbfgs", tol=0.1, random_state=0)
    model = make_pipeline(SlidingWindow(10), SeasonalRegressor(network, 4, n_series=n_series)).fit(X[:56], y)
    predictions = model.predict(X[:56]).reshape(y.shape)
    np.testing.assert_allclose(predictions[4:], y[4:], atol=0.2)


def test_steps_beyond_a_season_differ_from_the_last_known_one():
    series = np.tile([1.0, 5.0, 9.0], 10) + 0.1 * np.arange(30)
    X, y = to_supervised(series, n_steps=4)
    model = make_pipeline(SlidingWindow(6), SeasonalRegressor(Recorder(), 3)).fit(X, y)
    last = X[-1:, 0].item()
    np.testing.assert_allclose(model.predict(X)[-1], [X[-3, 0], X[-2, 0], last, X[-3, 0]])


def test_other_seasons_stand_for_missing_values():
    window = np.array([[10.0, 1.0, np.nan, 2.0, 20.0, 3.0]])
    model = SeasonalRegressor(Recorder(), 2, weights=(0.75, 0.25)).fit(window, [7.0])
    np.testing.assert_allclose(model.regressor_.X_[0, :, 0], [20.0 - 10.0, 3.0 - (0.75 * 2.0 + 0.25 * 1.0)])
    np.testing.assert_allclose(model.regressor_.y_, [7.0 - 20.0])
    model.fit(np.array([[10.0, 1.0, 30.0, 2.0, 20.0, 3.0]]), [7.0])
    np.testing.assert_allclose(model.regressor_.y_, [7.0 - (0.75 * 20.0 + 0.25 * 30.0)])


def test_a_window_without_seasons_has_the_mean_of_training():
    window = np.array([[1.0, 2.0, 3.0, 4.0], [np.nan, np.nan, np.nan, 4.0]])
    model = SeasonalRegressor(Recorder(), 2).fit(window, [7.0, 8.0])
    assert len(model.regressor_.y_) == 1
    np.testing.assert_array_equal(model.predict(window), [3.0, 3.0])


def test_other_features_stay_and_series_have_their_own():
    windows = np.random.default_rng(0).normal(size=(4, 5, 3))
    model = SeasonalRegressor(Recorder(), 2, n_series=2).fit(windows, np.zeros((4, 2)))
    np.testing.assert_array_equal(model.regressor_.X_[:, :, 2], windows[:, 2:, 2])
    np.testing.assert_allclose(model.regressor_.X_[:, :, :2], windows[:, 2:, :2] - windows[:, :-2, :2])
    np.testing.assert_allclose(model.predict(windows), windows[:, 3, :2])


def test_forecasts_of_a_season_with_a_trend():
    months = np.arange(96)
    series = 0.2 * months + np.array([0, 0, 1, 3, 5, 8, 9, 9, 6, 3, 1, 0])[months % 12]
    X, y = to_supervised(series[:72])
    deviations = SeasonalRegressor(ChangeRegressor(Ridge(1e-6)), 12)
    model = make_pipeline(SlidingWindow(6 + 12, padding="edge"), deviations).fit(X, y)
    np.testing.assert_allclose(forecast(model, series[:72], 20), series[72:92], atol=1.0)
    rows = series[:72].tolist()
    for _ in range(14):
        rows.append(model.predict(np.array(rows)[:, np.newaxis])[-1])
    np.testing.assert_allclose(forecast(model, series[:72], 14), rows[72:])
    together = backtest(model, series, 3, first_origin=71).forecasts
    np.testing.assert_allclose(together[10], forecast(model, series[:82], 3))


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"season": 0}, ValueError, "season is 0"),
        ({"season": 2.0}, TypeError, "season is 2.0"),
        ({"season": 4}, ValueError, r"X has 4 timesteps; expected more than 4, for 1 season\(s\) of 4"),
        ({"season": 2, "weights": (1.0, 1.0)}, ValueError, r"expected more than 4, for 2 season\(s\) of 2"),
        ({"season": 2, "weights": (0.5, -0.5)}, ValueError, "weights is .*; expected positive numbers"),
        ({"season": 2, "weights": "all"}, ValueError, "weights"),
    ],
)
def test_what_is_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        SeasonalRegressor(Ridge(), **parameters).fit(np.ones((3, 4)), np.zeros(3))
