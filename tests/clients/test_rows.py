"""Tests that LagsToSequences reads the rows of other tools as described in docs/other_tools.md."""

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from darts.models import SKLearnModel
from feature_engine.timeseries.forecasting import LagFeatures
from mlforecast import MLForecast
from skforecast.direct import ForecasterDirect
from skforecast.recursive import ForecasterRecursive
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.pipeline import make_pipeline
from sktime.forecasting.compose import make_reduction

from skrnn import RNNRegressor
from skrnn.datasets import load_sunspots
from skrnn.preprocessing import LagsToSequences

N_ROWS, N_LAGS, N_AHEAD = 30, 4, 3
TIMES = pd.date_range("2020-01-01", periods=N_ROWS + N_AHEAD, freq="D", name="time")
#: At day t the series is t, other columns are 100 + t and 200 + t.
SERIES = pd.Series(np.arange(float(N_ROWS)), index=TIMES[:N_ROWS], name="y")
EXOG = pd.DataFrame({"e": 100.0 + np.arange(len(TIMES)), "f": 200.0 + np.arange(len(TIMES))}, index=TIMES)


class Recorder(RegressorMixin, BaseEstimator):
    """An estimator that stores its training data, and predicts the known continuation of the series."""

    seen = ()

    def fit(self, X, y):
        Recorder.seen = np.asarray(X), np.asarray(y)
        self.is_fitted_ = True
        return self

    def predict(self, X):
        return 2.0 * X[:, -1, 0] - X[:, -2, 0]


def recorder(n_timesteps=N_LAGS, **parameters):
    return make_pipeline(LagsToSequences(n_timesteps, **parameters), Recorder())


def assert_sequences(ahead=(), behind=()):
    """Check that the last fit saw, for the day t of each target, y and `behind` of t-4 to t-1, and `ahead` of t.

    Other columns, at day t, are identified by their hundreds.
    """
    X, y = Recorder.seen
    days = y[:, np.newaxis] - np.arange(N_LAGS, 0, -1)
    of_lags = [hundreds + days for hundreds in (0, *behind)]
    of_target = [hundreds + np.broadcast_to(y[:, np.newaxis], days.shape) for hundreds in ahead]
    np.testing.assert_array_equal(X, np.stack([*of_lags, *of_target], axis=2))


GOES_ON = [30.0, 31.0, 32.0]


# skforecast


def test_skforecast():
    forecaster = ForecasterRecursive(estimator=recorder(), lags=N_LAGS)
    forecaster.fit(y=SERIES, exog=EXOG[:N_ROWS])
    assert_sequences(ahead=(100, 200))
    np.testing.assert_allclose(forecaster.predict(steps=N_AHEAD, exog=EXOG[N_ROWS:]), GOES_ON)


def test_skforecast_direct():
    forecaster = ForecasterDirect(estimator=recorder(), lags=N_LAGS, steps=1)
    forecaster.fit(y=SERIES, exog=EXOG[:N_ROWS])
    assert_sequences(ahead=(100, 200))


# mlforecast


def long_table():
    return pd.DataFrame(
        {"unique_id": "a", "ds": TIMES[:N_ROWS], "y": SERIES.to_numpy(), "e": EXOG["e"][:N_ROWS].to_numpy()}
    )


def test_mlforecast():
    model = recorder(first_lag="lag1")
    forecaster = MLForecast(models={"network": model}, freq="D", lags=range(1, N_LAGS + 1), date_features=[age])
    forecaster.fit(long_table(), static_features=[])
    assert_sequences(ahead=(100, 200))
    ahead = pd.DataFrame({"unique_id": "a", "ds": TIMES[N_ROWS:], "e": EXOG["e"][N_ROWS:].to_numpy()})
    np.testing.assert_allclose(forecaster.predict(N_AHEAD, X_df=ahead)["network"], GOES_ON)


def age(times):
    """Return a date feature of mlforecast: 200 + t."""
    return np.asarray((times - TIMES[0]).days) + 200.0


@pytest.mark.parametrize("parameters", [{}, {"first_lag": 1, "order": "oldest_first"}], ids=["first_lag", "order"])
def test_names_of_mlforecast_reveal_a_wrong_order(parameters):
    forecaster = MLForecast(models={"network": recorder(**parameters)}, freq="D", lags=range(1, N_LAGS + 1))
    with pytest.raises(ValueError, match=r"X has columns .*, whose names"):
        forecaster.fit(long_table(), static_features=[])


# sktime


def test_sktime():
    model = recorder(order="oldest_first", n_variables=3)
    forecaster = make_reduction(model, window_length=N_LAGS, strategy="recursive").fit(SERIES, X=EXOG[:N_ROWS])
    assert_sequences(behind=(100, 200))
    np.testing.assert_allclose(forecaster.predict(fh=[1, 2, 3], X=EXOG[N_ROWS:]), GOES_ON)


# Darts


def series_of(*hundreds, n_rows=N_ROWS):
    """Return a TimeSeries with a component for each of the hundreds."""
    values = np.arange(float(n_rows))[:, np.newaxis] + np.array(hundreds, dtype=float)
    return TimeSeries.from_times_and_values(TIMES[:n_rows], values)


def test_darts():
    forecaster = SKLearnModel(lags=N_LAGS, model=recorder(order="oldest_first"))
    forecaster.fit(series_of(0))
    assert_sequences()
    np.testing.assert_allclose(forecaster.predict(N_AHEAD).values()[:, 0], GOES_ON)


def test_darts_with_covariates():
    model = recorder(order="oldest_first", by="timestep", n_variables=(1, 2))
    forecaster = SKLearnModel(lags=N_LAGS, lags_past_covariates=N_LAGS, lags_future_covariates=[0], model=model)
    future = series_of(300, n_rows=len(TIMES))
    forecaster.fit(series_of(0), past_covariates=series_of(100, 200), future_covariates=future)
    assert_sequences(behind=(100, 200), ahead=(300,))


def test_darts_with_several_components():
    model = recorder(order="oldest_first", by="timestep", n_variables=2)
    forecaster = SKLearnModel(lags=N_LAGS, model=model)
    forecaster.fit(series_of(0, 100))
    X, _ = Recorder.seen
    np.testing.assert_array_equal(X[0], [[0, 100], [1, 101], [2, 102], [3, 103]])


# feature-engine


def test_feature_engine():
    table = pd.DataFrame({"y": SERIES, "e": EXOG["e"][:N_ROWS]})
    lags = LagFeatures(periods=list(range(1, N_LAGS)))
    model = make_pipeline(lags, LagsToSequences(n_variables=2, by="timestep"), Recorder())
    model.fit(table[N_LAGS - 1 : -1], SERIES[N_LAGS:])
    X, y = Recorder.seen
    days = y[-1] - [4, 3, 2, 1]
    np.testing.assert_array_equal(X[-1], np.column_stack([days, 100 + days]))


# all of them, with a network


def test_all_tools_come_to_the_same_forecasts():
    sunspots = load_sunspots().data[:, 0]
    times = pd.date_range("1700", periods=len(sunspots), freq="YS")
    series = pd.Series(sunspots, index=times)

    def model(order):
        network = RNNRegressor((4,), cell="gru", solver="lbfgs", tol=0.05, random_state=0)
        return make_pipeline(LagsToSequences(12, order=order), network)

    table = pd.DataFrame({"unique_id": "sun", "ds": times, "y": sunspots})
    by_skforecast = ForecasterRecursive(estimator=model("newest_first"), lags=12)
    by_skforecast.fit(y=series)
    by_mlforecast = MLForecast(models={"network": model("newest_first")}, freq="YS", lags=range(1, 13)).fit(table)
    by_sktime = make_reduction(model("oldest_first"), window_length=12, strategy="recursive").fit(series)
    by_darts = SKLearnModel(lags=12, model=model("oldest_first")).fit(TimeSeries.from_series(series))
    forecasts = [
        by_skforecast.predict(steps=3).to_numpy(),
        by_mlforecast.predict(3)["network"].to_numpy(),
        by_sktime.predict(fh=[1, 2, 3]).to_numpy(),
        by_darts.predict(3).values()[:, 0],
    ]
    windows = np.lib.stride_tricks.sliding_window_view(sunspots, 12)[..., np.newaxis]
    network = model("oldest_first")[-1].fit(windows[:-1], sunspots[12:])
    history = list(sunspots)
    for _ in range(3):
        history.append(network.predict(np.array(history[-12:])[np.newaxis, :, np.newaxis])[0])
    for of_tool in forecasts:
        np.testing.assert_allclose(of_tool, history[-3:], rtol=1e-3)
