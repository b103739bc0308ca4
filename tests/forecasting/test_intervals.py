"""Tests of forecasts with intervals, and of what these cover."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.forecasting import ForecastInterval, backtest, forecast, forecast_interval, to_supervised
from skrnn.forecasting._intervals import least_calibration, radius, rolling_radii
from tests.examples import examples


def lags(n_timesteps, alpha=1e-3):
    """Return a pipeline of windows and a linear model."""
    return make_pipeline(SlidingWindow(n_timesteps, padding="edge", flatten=True), Ridge(alpha))


def autoregression(n_rows, seed, n_sequences=1):
    """Return n_sequences runs of x_t = 0.7 x_{t-1} + noise, (n_rows, n_sequences)."""
    noise = np.random.default_rng(seed).normal(size=(n_rows + 50, n_sequences))
    x = np.zeros_like(noise)
    for t in range(1, len(x)):
        x[t] = 0.7 * x[t - 1] + noise[t]
    return x[50:]


def seasonal(n_rows, seed):
    """Return a season of 12 rows with noise, (n_rows,)."""
    return np.sin(np.arange(n_rows) * np.pi / 6) + 0.3 * np.random.default_rng(seed).normal(size=n_rows)


# what is forecast


@pytest.mark.axis(("n_at_once", "n_series"), [(1, 1), (1, 2), (2, 1), (2, 2)], quick=[(1, 1), (2, 2)])
def test_conformal_interval_is_made_of_the_errors_on_the_last_rows(n_at_once, n_series):
    series = np.column_stack([seasonal(90, seed) for seed in range(n_series)])
    model = lags(4).fit(*to_supervised(series[:50], n_steps=n_at_once))
    middle, lower, upper = forecast_interval(model, series, 3, coverage=0.8, n_calibration=15)
    np.testing.assert_allclose(middle, forecast(model, series, 3))
    for k in range(3):
        errors = []
        for row in range(75, 90):
            predictions = forecast(model, series[: row - k], 3).reshape(3, n_series)
            errors.append(np.abs(series[row] - predictions[k]))
        expected = np.sort(errors, axis=0)[12]  # ceil(16 * 0.8) = 13
        np.testing.assert_allclose((upper - middle)[k], expected[0] if n_series == 1 else expected, rtol=1e-9)
        np.testing.assert_allclose((middle - lower)[k], expected[0] if n_series == 1 else expected, rtol=1e-9)


def test_interval_is_that_of_the_last_origin_of_a_backtest():
    series = seasonal(90, 0)
    model = lags(4).fit(*to_supervised(series[:50]))
    _, lower, upper = forecast_interval(model, series, 3, coverage=0.8, n_calibration=30)
    longer = np.append(series, 0.0)  # whose last origin is the last row of the series
    result = backtest(model, longer, 3, first_origin=49, coverage=0.8, n_calibration=30)
    np.testing.assert_allclose(result.lower[-1], lower)
    np.testing.assert_allclose(result.upper[-1], upper)


def test_interval_with_exog():
    rng = np.random.default_rng(0)
    exog = rng.normal(size=90)
    series = np.append(0.0, exog[:-1]) + 0.1 * rng.normal(size=90)  # the exog of the row before
    model = lags(2).fit(*to_supervised(series[:50], exog=exog[:50]))
    history = np.column_stack([series, exog])
    middle, lower, upper = forecast_interval(model, history, 3, n_calibration=40, exog=[5.0, -5.0])
    np.testing.assert_allclose(middle, forecast(model, history, 3, exog=[5.0, -5.0]))
    np.testing.assert_allclose(middle[1:], [5.0, -5.0], atol=0.3)
    assert (upper - lower < 0.6).all()


def test_forms():
    series = pd.Series(seasonal(90, 0), index=pd.date_range("2024-01-01", periods=90), name="sales")
    model = lags(4).fit(*to_supervised(series[:50]))
    interval = forecast_interval(model, series, 3, n_calibration=40)
    assert isinstance(interval, ForecastInterval)
    assert interval._fields == ("forecast", "lower", "upper")
    for part in interval:
        assert part.name == "sales"
        assert part.index.equals(pd.date_range("2024-03-31", periods=3))
    assert (interval.lower < interval.forecast).all()
    assert (interval.forecast < interval.upper).all()


@pytest.fixture(scope="module")
def quantiles():
    network = RNNRegressor(
        (3,), loss="quantile", quantile=[0.05, 0.25, 0.5, 0.75, 0.95], solver="lbfgs", tol=0.05, random_state=0
    )
    return make_pipeline(SlidingWindow(5), network).fit(*to_supervised(seasonal(90, 0)))


@pytest.mark.parametrize(("coverage", "columns"), [(0.9, [2, 0, 4]), (0.5, [2, 1, 3])])
def test_quantiles_of_the_model(quantiles, coverage, columns):
    series = seasonal(90, 1)
    interval = forecast_interval(quantiles, series, 1, coverage=coverage)
    expected = quantiles.predict(series[:, np.newaxis])[-1, columns]
    np.testing.assert_allclose(np.concatenate(interval), expected, rtol=1e-10)


@pytest.mark.parametrize("n_steps", [1, 2, 3])
def test_quantiles_of_several_steps_and_series(n_steps):
    series = np.column_stack([seasonal(90, 1), 10.0 + seasonal(90, 2)])
    network = RNNRegressor((3,), loss="quantile", quantile=[0.05, 0.5, 0.95], solver="lbfgs", tol=0.01, random_state=0)
    model = make_pipeline(SlidingWindow(5), network).fit(*to_supervised(series, n_steps=3))
    interval = forecast_interval(model, series, n_steps)
    expected = model.predict(series)[-1].reshape(3, 2, 3)[:n_steps]
    for part, k in ((interval.lower, 0), (interval.forecast, 1), (interval.upper, 2)):
        np.testing.assert_allclose(part, expected[:, :, k], rtol=1e-10)
    np.testing.assert_allclose(forecast(model, series, n_steps), interval.forecast)
    assert forecast(model, series, 5).shape == (5, 2)  # of the medians, block after block


def test_quantiles_of_a_transformed_target(quantiles):
    series = np.exp(seasonal(90, 0))
    model = TransformedTargetRegressor(quantiles, func=np.log, inverse_func=np.exp).fit(*to_supervised(series))
    interval = forecast_interval(model, series, 1)
    np.testing.assert_allclose(np.concatenate(interval), model.predict(series[:, np.newaxis])[-1, [2, 0, 4]])


def test_bounds_of_a_decreasing_transformation_of_the_target_are_in_order(quantiles):
    series = seasonal(90, 0)
    model = TransformedTargetRegressor(quantiles, func=np.negative, inverse_func=np.negative)
    model.fit(*to_supervised(series))
    interval = forecast_interval(model, series, 1)
    np.testing.assert_allclose(np.concatenate(interval), model.predict(series[:, np.newaxis])[-1, [2, 4, 0]])
    assert interval.lower[0] < interval.forecast[0] < interval.upper[0]


def test_quantile_model_is_calibrated_if_asked(quantiles):
    series = seasonal(90, 1)
    interval = forecast_interval(quantiles, series, 2, n_calibration=30)
    np.testing.assert_allclose(interval.forecast, forecast(quantiles, series, 2))
    np.testing.assert_allclose(interval.upper - interval.forecast, interval.forecast - interval.lower)


# errors


def test_errors_of_quantile_models(quantiles):
    series = seasonal(90, 1)
    with pytest.raises(ValueError, match=r"quantiles \[0.05, 0.25, 0.5, 0.75, 0.95\]; expected 0.1 among them"):
        forecast_interval(quantiles, series, 1, coverage=0.8)
    with pytest.raises(ValueError, match="n_steps is 2, but the model predicts quantiles of 1 steps"):
        forecast_interval(quantiles, series, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_steps": 0}, ValueError, "n_steps is 0"),
        ({"coverage": 0.0}, ValueError, "coverage is 0.0; expected a number between 0 and 1"),
        ({"coverage": None}, TypeError, "coverage is None of type NoneType"),
        ({"n_calibration": None}, ValueError, "at least 9 for coverage=0.9"),
        ({"n_calibration": 8}, ValueError, "n_calibration is 8, but coverage=0.9 needs at least 9 errors"),
        ({"n_calibration": 9.0}, TypeError, "n_calibration is 9.0 of type float"),
        ({"n_calibration": 36}, ValueError, "n_calibration is 36, but history has 40 rows; expected at least 41"),
        ({"history": [1.0, 2.0]}, ValueError, "history has 2 rows; expected at least 15"),
        (
            {"history": np.append(seasonal(40, 0), np.zeros((9, 9)))[:, np.newaxis] * [1, 1]},
            ValueError,
            "X has 2 features",
        ),
        ({"model": Ridge()}, NotFittedError, "not fitted"),
    ],
)
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # a short history
def test_errors(arguments, error, message):
    model = lags(4).fit(*to_supervised(seasonal(60, 0)))
    arguments = {"model": model, "history": seasonal(40, 0), "n_steps": 2, "n_calibration": 10, **arguments}
    with pytest.raises(error, match=message):
        forecast_interval(**arguments)


def test_missing_values_among_those_to_calibrate_on():
    series = seasonal(60, 0)
    network = RNNRegressor((2,), solver="lbfgs", tol=0.05, random_state=0)
    model = make_pipeline(SlidingWindow(5), network).fit(*to_supervised(series[:40]))
    series[[50, 52]] = np.nan
    assert np.isfinite(forecast_interval(model, series, 1, n_calibration=20).lower).all()
    series[55] = np.nan
    with pytest.raises(ValueError, match="n_calibration=11 rows of history have 8 values that are not missing"):
        forecast_interval(model, series, 1, n_calibration=11, coverage=0.91)


# what intervals cover


@pytest.mark.axis(("n_runs", "largest_error"), [(400, 0.045)], quick=[(100, 0.09)])
def test_coverage_of_an_autoregression_at_each_step(n_runs, largest_error):
    # Runs side by side: one model, fitted to another run, whose intervals are asked about once in each.
    model = make_pipeline(SlidingWindow(2, padding="zero", flatten=True), LinearRegression())
    model.fit(*to_supervised(autoregression(400, seed=0)))
    runs, covered = autoregression(155, seed=1, n_sequences=n_runs), np.zeros(5)
    for run in runs.T:
        _, lower, upper = forecast_interval(model, run[:150], 5, coverage=0.9, n_calibration=99)
        covered += (lower <= run[150:]) & (run[150:] <= upper)
    # Three standard errors, of 1.5 points in 400 runs; errors of step 5 overlap, so that 99 of them are worth fewer.
    assert (np.abs(covered / n_runs - 0.9) < largest_error).all()


def test_coverage_of_a_backtest_of_a_season_at_each_step():
    series = seasonal(2000, 0)
    model = lags(24, alpha=1.0).fit(*to_supervised(series[:500]))
    result = backtest(model, series, 6, first_origin=499, coverage=0.9, n_calibration=300)
    assert (np.abs(result.observed_coverage() - 0.9) < 0.02).all()


def test_calibration_on_rows_of_the_fit_promises_too_much():
    # Why n_calibration has no default: on few rows and many lags the errors of the fit are far too small.
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(40):
        noise = rng.normal(size=121)
        model = lags(40).fit(*to_supervised(noise[:120]))
        _, lower, upper = forecast_interval(model, noise[:120], 1, coverage=0.9, n_calibration=60)
        covered.append(lower[0] <= noise[120] <= upper[0])
    assert np.mean(covered) < 0.8


def test_coverage_of_sunspots():
    # The yearly numbers, one to three years ahead, from 1921 on: cycles then grow higher than any before, so that the
    # errors of earlier years are no promise. What holds is "about", not "at least".
    sunspots = load_sunspots(as_frame=True)
    series = pd.concat([sunspots.data["sunspots"], sunspots.target.set_axis(sunspots.target_years).iloc[-1:]])
    model = make_pipeline(StandardScaler(), *lags(11, alpha=1.0))
    model.fit(*to_supervised(series.loc[:1820].rename("sunspots")))
    result = backtest(model, series.rename("sunspots"), 3, first_origin=120, coverage=0.9)
    is_late = result.origin_times >= 1920
    inside = (result.lower <= result.truth) & (result.truth <= result.upper)
    known = np.isfinite(result.truth)
    observed = np.array([inside[is_late & known[:, k], k].mean() for k in range(3)])
    assert (observed > 0.75).all()
    assert (observed < 0.95).all()


# quantiles of errors


@pytest.mark.parametrize(
    ("coverage", "expected"),
    [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.3, 1), (0.9999, 9999), (0.999999, 999_999), (1e-9, 1)],
)
def test_least_calibration_is_the_least_that_has_a_quantile(coverage, expected):
    assert least_calibration(coverage) == expected
    assert np.isfinite(radius(range(expected), coverage))
    assert expected == 1 or np.isnan(radius(range(expected - 1), coverage))
    assert np.isnan(radius(list(range(expected - 1)), coverage))


def test_radius_is_the_order_statistic():
    scores = sorted(np.random.default_rng(0).random(30).tolist())
    assert radius(scores, 0.9) == scores[27]  # ceil(31 * 0.9) = 28
    assert radius(scores[:9], 0.9) == scores[8]


def test_coverage_is_at_least_what_was_asked_for():
    rng = np.random.default_rng(0)
    covered = [rng.random() <= radius(sorted(rng.random(19)), 0.9) for _ in range(20_000)]
    assert 0.895 < np.mean(covered) < 0.905  # ceil(20 * 0.9) / 20


@given(
    n_origins=st.integers(1, 30),
    step=st.integers(1, 3),
    delay=st.integers(1, 4),
    n_calibration=st.sampled_from([None, 4, 7]),
    seed=st.integers(0, 50),
)
@examples(60)
def test_rolling_radii_equal_those_from_scratch(n_origins, step, delay, n_calibration, seed):
    rng = np.random.default_rng(seed)
    origins = range(5, 5 + n_origins * step, step)
    scores = np.where(rng.random(n_origins) < 0.2, np.nan, rng.integers(5, size=n_origins).astype(float))
    expected = []
    for origin in origins:
        known = [score for score, earlier in zip(scores, origins, strict=True) if earlier + delay <= origin]
        known = [score for score in known if np.isfinite(score)][-(n_calibration or 10**6) :]
        expected.append(radius(sorted(known), 0.8))
    np.testing.assert_array_equal(rolling_radii(scores, origins, delay, 0.8, n_calibration), expected)
