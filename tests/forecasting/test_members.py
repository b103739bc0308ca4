"""Tests of the members of ensembles in models, and of intervals that are wider where they disagree."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.tree import ExtraTreeRegressor

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleRegressor, HybridRegressor, ResidualRegressor
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from skrnn.forecasting._intervals import radius, rolling_scaled_radii, scaled_radius
from skrnn.forecasting._models import members_of


def lags(regressor, **settings):
    """Return a pipeline of windows and a regressor of tables."""
    return make_pipeline(SlidingWindow(4, padding="edge", flatten=True, **settings), regressor)


def trees(n_estimators=3):
    """Return an ensemble that is fitted at once, and whose members differ."""
    return EnsembleRegressor(ExtraTreeRegressor(max_depth=4), n_estimators, random_state=0)


def series_of(n_rows, n_series=1, seed=0):
    """Return seasons with noise, (n_rows, n_series)."""
    noise = np.random.default_rng(seed).normal(size=(n_rows, n_series))
    return np.sin(np.arange(n_rows) * np.pi / 6)[:, np.newaxis] + np.arange(n_series) + 0.3 * noise


# the members of a model


@pytest.mark.parametrize(
    "model",
    [
        lags(trees()),
        EnsembleRegressor(lags(ExtraTreeRegressor()), 3, random_state=0),
        lags(ChangeRegressor(trees())),
        lags(ResidualRegressor([("linear", Ridge()), ("trees", trees())], shrinkage=0.5)),
        lags(TransformedTargetRegressor(trees(), func=lambda y: y / 2.0, inverse_func=lambda y: 2.0 * y)),
        GridSearchCV(lags(trees()), {"slidingwindow__n_timesteps": [2, 3]}, cv=TimeSeriesSplit(2)),
    ],
)
def test_members_of_a_model_are_the_model_with_one_member_each(model):
    X, y = to_supervised(series_of(60)[:, 0])
    model.fit(X, y)
    predictions = model.predict(X)
    members = members_of(getattr(model, "best_estimator_", model))
    of_members = np.array([member.predict(X) for member in members])
    assert of_members.shape == (3, 59)
    assert (of_members.std(axis=0) > 0.0).any()
    np.testing.assert_allclose(of_members.mean(axis=0), predictions)
    np.testing.assert_array_equal(model.predict(X), predictions)  # the model is as it was


def test_members_of_a_hybrid():
    network = RNNRegressor((2,), solver="lbfgs", max_iter=3, tol=0.0)
    hybrid = HybridRegressor(network=network, process=Ridge(), n_networks=2, random_state=0)
    with pytest.warns(match="max_iter"):
        model = make_pipeline(SlidingWindow(4), hybrid).fit(*to_supervised(series_of(15)[:, 0]))
    X = series_of(15, seed=1)
    of_members = np.array([member.predict(X) for member in members_of(model)])
    assert len(of_members) == 2
    assert (of_members[0] != of_members[1]).all()
    np.testing.assert_allclose(of_members.mean(axis=0), model.predict(X))


def test_members_are_as_many_as_in_the_smallest_ensemble():
    stages = [("first", trees(4)), ("second", trees(2))]
    model = lags(ResidualRegressor(stages)).fit(*to_supervised(series_of(60)[:, 0]))
    assert len(members_of(model)) == 2


@pytest.mark.parametrize(
    ("regressor", "found"),
    [
        (Ridge(), "no EnsembleRegressor"),
        (RandomForestRegressor(3), "no EnsembleRegressor"),
        (trees(1), "an ensemble of a single member"),
    ],
)
def test_models_without_members(regressor, found):
    series = series_of(60)[:, 0]
    model = lags(regressor).fit(*to_supervised(series[:40]))
    with pytest.raises(ValueError, match=f"model, of type Pipeline, has {found}; expected an EnsembleRegressor"):
        forecast_interval(model, series, 1, n_calibration=20, method="ensemble")


# the intervals


@pytest.mark.parametrize(("n_at_once", "n_series"), [(1, 1), (1, 2), (2, 2)])
def test_interval_is_made_of_errors_and_deviations_of_members_fed_with_their_own_forecasts(n_at_once, n_series):
    series = series_of(80, n_series)
    model = lags(trees()).fit(*to_supervised(series[:50], n_steps=n_at_once))
    middle, lower, upper = forecast_interval(model, series, 3, coverage=0.8, n_calibration=15, method="ensemble")
    np.testing.assert_allclose(middle, forecast(model, series, 3))
    longer = np.append(series, series[:1], axis=0)  # whose last origin is the last row of the series
    members = [make_pipeline(model[0], member) for member in model[-1].estimators_]
    runs = [backtest(one, longer, 3, first_origin=60).forecasts.reshape(20, 3, n_series) for one in (model, *members)]
    deviations = np.std(runs[1:], axis=0)
    for k in range(3):
        origins = np.arange(64, 79) - k - 60
        errors = np.abs(series[65:80] - runs[0][origins, k])
        noise = np.mean(errors**2, axis=0)
        scaled = np.sort(errors / np.sqrt(deviations[origins, k] ** 2 + noise), axis=0)
        expected = scaled[12] * np.sqrt(deviations[-1, k] ** 2 + noise)  # ceil(16 * 0.8) = 13
        np.testing.assert_allclose(np.atleast_1d((upper - middle)[k]), expected)
        np.testing.assert_allclose(np.atleast_1d((middle - lower)[k]), expected)


@pytest.mark.parametrize("n_calibration", [None, 20])
def test_interval_is_that_of_the_last_origin_of_a_backtest(n_calibration):
    series = series_of(90)[:, 0]
    model = lags(trees()).fit(*to_supervised(series[:50]))
    longer = np.append(series, 0.0)  # whose last origin is the last row of the series
    result = backtest(model, longer, 3, first_origin=49, coverage=0.8, n_calibration=n_calibration, method="ensemble")
    for k in range(3):
        n_errors = n_calibration or 40 - k
        interval = forecast_interval(model, series, k + 1, coverage=0.8, n_calibration=n_errors, method="ensemble")
        np.testing.assert_allclose(result.lower[-1, k], interval.lower[k])
        np.testing.assert_allclose(result.upper[-1, k], interval.upper[k])


def test_intervals_are_wider_where_members_disagree():
    series = series_of(89)[:, 0]
    model = lags(trees()).fit(*to_supervised(series[:50]))
    histories = [np.append(series, last) for last in np.linspace(-1.5, 1.5, 6)]
    rows = [model[0].transform(history[:, np.newaxis])[-1:] for history in histories]
    deviations = [model[-1].predict(row, return_std=True)[1][0] for row in rows]
    # The last value is also a truth to calibrate on, so only the least and the most disagreement are compared.
    least, most = (histories[i] for i in (np.argmin(deviations), np.argmax(deviations)))
    intervals = [forecast_interval(model, one, 1, n_calibration=39, method="ensemble") for one in (least, most)]
    widths = [interval.upper - interval.lower for interval in intervals]
    assert widths[1] > 1.05 * widths[0]


def test_refits_have_their_own_members():
    series = series_of(70)[:, 0]
    model = lags(trees()).fit(*to_supervised(series[:40]))
    settings = {"coverage": 0.8, "method": "ensemble"}
    result = backtest(model, series, 1, first_origin=39, refit=20, **settings)
    fits = [clone(model).fit(*to_supervised(series[:n])) for n in (40, 60)]
    parts = [backtest(fit, series, 1, first_origin=39, **settings) for fit in fits]
    np.testing.assert_allclose(result.upper[:20], parts[0].upper[:20])
    np.testing.assert_allclose(result.forecasts[20:], parts[1].forecasts[20:])
    assert (result.upper[25:] != parts[0].upper[25:]).all()


def test_groups_have_intervals_of_their_own():
    days = pd.date_range("2024-01-01", periods=36)
    pieces = [
        pd.DataFrame({"store": store, "sales": series_of(36, seed=i)[:, 0] * (i + 1)}, index=days)
        for i, store in enumerate("ab")
    ]
    panel = pd.concat(pieces)
    regressor = lags(trees(2), group_column="store")
    model = regressor.fit(*to_supervised(panel[panel.index < "2024-01-21"], groups="store"))
    settings = {"n_calibration": 10, "method": "ensemble", "groups": "store"}
    together = forecast_interval(model, panel, 1, **settings)
    alone = forecast_interval(model, pieces[1], 1, **settings)
    for part, of_store in zip(together, alone, strict=True):
        np.testing.assert_allclose(part.loc[part["store"] == "b", "sales"], of_store["sales"])


def test_backtest_of_groups_has_intervals_of_their_own():
    panel = np.column_stack([np.repeat([0.0, 1.0], 40), series_of(80)[:, 0]])
    model = lags(trees(2), group_column=0).fit(*to_supervised(panel, groups=0))
    settings = {"first_origin": 10, "coverage": 0.8, "method": "ensemble", "groups": 0}
    result, alone = backtest(model, panel, 1, **settings), backtest(model, panel[40:], 1, **settings)
    np.testing.assert_allclose(result.upper[result.groups == 1.0], alone.upper)
    assert np.isfinite(alone.upper[-10:]).all()


def test_exog_reaches_each_member():
    rng = np.random.default_rng(0)
    exog = rng.choice([-5.0, 5.0], size=90)
    series = np.append(0.0, exog[:-1]) + 0.1 * rng.normal(size=90)  # the exog of the row before
    model = lags(trees()).fit(*to_supervised(series[:50], exog=exog[:50]))
    history = np.column_stack([series, exog])
    middle, lower, upper = forecast_interval(
        model, history, 3, n_calibration=40, method="ensemble", exog=[5.0, -5.0], coverage=0.5
    )
    np.testing.assert_allclose(middle, forecast(model, history, 3, exog=[5.0, -5.0]))
    assert (lower < upper).all()


def test_members_that_read_whole_sequences():
    network = RNNRegressor((2,), return_sequences=True, solver="lbfgs", tol=0.05)
    series = series_of(60)[:, 0]
    X, y = to_supervised(series[:40])
    model = EnsembleRegressor(network, 2, random_state=0).fit(X[np.newaxis], y[np.newaxis])
    interval = forecast_interval(model, series, 2, n_calibration=15, method="ensemble")
    np.testing.assert_allclose(interval.forecast, forecast(model, series, 2))
    plain = forecast_interval(model, series, 2, n_calibration=15)
    assert (np.abs(interval.upper - plain.upper) > 0.0).all()


def test_coverage_of_a_season():
    series = series_of(900)[:, 0]
    model = lags(EnsembleRegressor(ExtraTreeRegressor(max_depth=6), 5, random_state=0)).fit(
        *to_supervised(series[:300])
    )
    result = backtest(model, series, 3, first_origin=299, coverage=0.9, n_calibration=200, method="ensemble")
    assert (np.abs(result.observed_coverage() - 0.9) < 0.04).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"method": "members"}, ValueError, "method is 'members'; expected one of"),
        ({"method": None}, TypeError, "method is None of type NoneType"),
        ({"method": "ensemble", "n_calibration": None}, ValueError, "n_calibration is None, but method is 'ensemble'"),
        ({"method": "conformal", "n_calibration": None}, ValueError, "at least 9 for coverage=0.9"),
        ({"method": "quantiles"}, ValueError, "n_calibration is 20, but method is 'quantiles'"),
    ],
)
def test_errors(arguments, error, message):
    series = series_of(60)[:, 0]
    model = lags(trees()).fit(*to_supervised(series[:40]))
    with pytest.raises(error, match=message):
        forecast_interval(model, series, 1, **{"n_calibration": 20, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "quantiles", "coverage": 0.9}, "method is 'quantiles'; expected one of"),
        ({"method": "ensemble"}, "method is 'ensemble', but coverage is None"),
    ],
)
def test_errors_of_backtests(arguments, message):
    series = series_of(60)[:, 0]
    model = lags(LinearRegression()).fit(*to_supervised(series[:40]))
    with pytest.raises(ValueError, match=message):
        backtest(model, series, 1, first_origin=39, **arguments)


# the radius


def test_radius_without_deviations_is_that_of_the_errors():
    errors = np.random.default_rng(0).random(30)
    assert scaled_radius(errors, np.zeros(30), 0.0, 0.9) == radius(sorted(errors), 0.9)
    assert scaled_radius(np.zeros(30), np.zeros(30), 1.0, 0.9) == 0.0


def test_radius_grows_with_the_deviation_and_scales_with_the_unit():
    rng = np.random.default_rng(0)
    errors, deviations = rng.random((2, 30))
    radii = [scaled_radius(errors, deviations, deviation, 0.9) for deviation in (0.0, 1.0, 2.0)]
    assert radii == sorted(radii)
    assert radii[2] > 1.5 * radii[0]
    np.testing.assert_allclose(scaled_radius(1e3 * errors, 1e3 * deviations, 1e3, 0.9), 1e3 * radii[1])


def test_rolling_radii_know_no_later_error():
    rng = np.random.default_rng(0)
    errors, deviations = rng.random((2, 40))
    errors[5] = np.nan
    radii = rolling_scaled_radii(errors, deviations, range(40), 2, 0.8, 10)
    for i in (20, 39):
        past = [j for j in range(i - 1) if j != 5][-10:]
        assert radii[i] == scaled_radius(errors[past], deviations[past], deviations[i], 0.8)
    assert np.isnan(radii[:5]).all()
