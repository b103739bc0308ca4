"""Tests of regressors that use and predict changes from the last known value."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from tests.data_warnings import data_warnings


class Recorder(RegressorMixin, BaseEstimator):
    """Stores its training data, and predicts a constant for each output."""

    def __init__(self, constant=0.0):
        self.constant = constant

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.sample_weight_ = X, y, sample_weight
        return self

    def predict(self, X):
        self.asked_ = X
        return np.full((len(X), *self.y_.shape[1:]), self.constant)

    def __sklearn_tags__(self):
        """Tell that it takes sequences."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def network(**parameters):
    return RNNRegressor((3,), solver="lbfgs", tol=0.03, random_state=0, **parameters)


def test_windows_and_targets_count_from_the_last_value():
    windows, y = np.arange(24.0).reshape(3, 4, 2) ** 2, np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    model = ChangeRegressor(Recorder(0.5)).fit(windows, y, sample_weight=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(model.regressor_.X_, windows - windows[:, -1:])
    np.testing.assert_array_equal(model.regressor_.y_, y - windows[:, -1])
    np.testing.assert_array_equal(model.regressor_.sample_weight_, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(model.predict(windows), windows[:, -1] + 0.5)
    np.testing.assert_array_equal(model.levels_, windows[:, -1].mean(axis=0))
    assert (model.n_series_, model.n_features_in_) == (2, 2)


def test_several_steps_of_several_series():
    windows, y = np.random.default_rng(0).normal(size=(5, 4, 2)), np.zeros((5, 6))
    model = ChangeRegressor(Recorder()).fit(windows, y)
    np.testing.assert_array_equal(model.predict(windows), np.tile(windows[:, -1], 3))


def test_other_features_are_seen_as_they_are():
    windows = np.random.default_rng(0).normal(size=(5, 4, 3))
    model = ChangeRegressor(Recorder(), n_series=1).fit(windows, np.zeros(5))
    np.testing.assert_array_equal(model.regressor_.X_[:, :, 1:], windows[:, :, 1:])
    np.testing.assert_array_equal(model.regressor_.X_[:, -1, 0], 0.0)
    np.testing.assert_array_equal(model.predict(windows), windows[:, -1, 0])
    with pytest.raises(ValueError, match="y has 1 outputs and X 3 features per timestep with n_series=None"):
        ChangeRegressor(Recorder()).fit(windows, np.zeros(5))


def test_windows_and_changes_are_divided_by_their_deviation():
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(6, 5, 2)) * np.array([[1.0], [1.0], [1.0], [9.0], [9.0], [1e-9]])[:, np.newaxis]
    y = rng.normal(size=(6, 2))
    model = ChangeRegressor(Recorder(1.0), scale=True).fit(windows, y)
    scales = windows.std(axis=1)
    np.testing.assert_allclose(model.scales_, scales.mean(axis=0))
    scales[5] = 0.1 * model.scales_  # a window that hardly varies
    relative = windows - windows[:, -1:]
    np.testing.assert_allclose(model.regressor_.X_, relative / scales[:, np.newaxis])
    np.testing.assert_allclose(model.regressor_.y_, (y - windows[:, -1]) / scales)
    np.testing.assert_allclose(model.predict(windows), windows[:, -1] + scales)
    with_hole = windows.copy()
    with_hole[0, 1] = np.nan
    np.testing.assert_allclose(model.predict(with_hole)[0], windows[0, -1] + np.nanstd(with_hole[0], axis=0))
    with pytest.raises(TypeError, match=r"scale is 2\.0 of type float; expected True or False"):
        ChangeRegressor(Recorder(), scale=2.0).fit(windows, y)


def test_a_constant_series_has_no_scale():
    model = ChangeRegressor(Recorder(1.0), scale=True).fit(np.ones((3, 4)), np.ones(3))
    np.testing.assert_array_equal(model.regressor_.y_, 0.0)
    np.testing.assert_array_equal(model.predict(np.ones((2, 4))), 2.0)


def test_missing_values():
    nan = np.nan
    windows = np.array([[1.0, 2.0, nan], [nan, nan, nan], [nan, 4.0, 7.0]])
    model = ChangeRegressor(Recorder(1.0)).fit(windows, [10.0, 20.0, 30.0])
    np.testing.assert_array_equal(model.regressor_.X_[:, :, 0], [[-1.0, 0.0, nan], [nan, -3.0, 0.0]])
    np.testing.assert_array_equal(model.regressor_.y_, [8.0, 23.0])  # the window without known values is left out
    np.testing.assert_array_equal(model.predict(windows), [3.0, 1.0 + (2.0 + 7.0) / 2.0, 8.0])
    np.testing.assert_array_equal(model.regressor_.asked_[1], 0.0)
    with pytest.raises(ValueError, match="X has no window with reference values for y"):
        model.fit(windows[1:2], [1.0])


def test_lists_are_arrays_behind_masked_timesteps():
    rng = np.random.default_rng(0)
    sequences, y = [rng.normal(size=(length, 2)) for length in (3, 5, 4)], np.zeros((3, 2))
    padded = np.full((3, 5, 2), np.nan)
    for sample, sequence in enumerate(sequences):
        padded[sample, 5 - len(sequence) :] = sequence
    of_list, of_array = ChangeRegressor(Recorder()).fit(sequences, y), ChangeRegressor(Recorder()).fit(padded, y)
    np.testing.assert_array_equal(of_list.regressor_.X_, of_array.regressor_.X_)
    np.testing.assert_array_equal(of_list.predict(sequences), of_array.predict(padded))
    univariate = [sequence[:, 0] for sequence in sequences]
    assert ChangeRegressor(Recorder()).fit(univariate, y[:, 0]).n_features_in_ == 1


def test_tables_for_regressors_of_tables():
    rng = np.random.default_rng(0)
    windows = rng.normal(size=(30, 4, 2))
    y = windows[:, -1] + windows[:, -1] - windows[:, -2]
    model = ChangeRegressor(LinearRegression()).fit(windows, y)
    np.testing.assert_allclose(model.predict(windows + 100.0), y + 100.0)
    assert model.regressor_.n_features_in_ == 8


def test_windows_are_not_written_to():
    windows = np.random.default_rng(0).normal(size=(6, 4, 1))
    windows.setflags(write=False)
    ChangeRegressor(Ridge()).fit(windows, np.zeros(6)).predict(windows)


def test_a_network_follows_a_level_that_it_has_never_seen():
    series = 0.3 * np.arange(120) + np.sin(np.arange(120) / 4.0)
    X, y = to_supervised(series)
    plain = make_pipeline(SlidingWindow(8), network())
    changes = make_pipeline(SlidingWindow(8), ChangeRegressor(network()))
    of_plain, of_changes = (
        np.abs(model.fit(X[:80], y[:80]).predict(X)[80:] - y[80:]).max() for model in (plain, changes)
    )
    assert of_plain > 3.0
    assert of_changes < 0.3


@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # targets are the rows' own
def test_groups_have_levels_of_their_own():
    rng = np.random.default_rng(0)
    low, high = rng.normal(size=30), 1000.0 + rng.normal(size=30)
    rows = np.column_stack([np.ravel([low, high], order="F"), np.tile([0, 1], 30)])
    model = make_pipeline(SlidingWindow(3, padding="edge", group_column=1), ChangeRegressor(Recorder()))
    np.testing.assert_array_equal(model.fit(rows, rows[:, 0]).predict(rows), rows[:, 0])
    assert np.abs(model[-1].regressor_.X_).max() < 10.0


def test_forecasts():
    series = 0.3 * np.arange(100) + np.sin(np.arange(100) / 4.0)
    X, y = to_supervised(series[:80])
    model = make_pipeline(SlidingWindow(6, padding="edge"), ChangeRegressor(Ridge(1e-3))).fit(X, y)
    rows = series[:80].tolist()
    for _ in range(4):
        rows.append(model.predict(np.array(rows)[:, np.newaxis])[-1])
    np.testing.assert_allclose(forecast(model, series[:80], 4), rows[80:])
    assert np.abs(backtest(model, series, 2, first_origin=79).forecasts[:, 0] - series[80:]).max() < 0.05
    assert forecast_interval(model, series, 2, n_calibration=15).lower.shape == (2,)
    X, y = to_supervised(series[:80], n_steps=3)
    assert forecast(clone(model).fit(X, y), series[:80], 5).shape == (5,)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_quantiles():
    X, y = to_supervised(np.cumsum(np.random.default_rng(0).normal(size=80)))
    quantiles = network(loss="quantile", quantile=[0.05, 0.5, 0.95])
    model = make_pipeline(SlidingWindow(4), ChangeRegressor(quantiles)).fit(X, y)
    assert model.predict(X).shape == (79, 3)
    forecast_, lower, upper = forecast_interval(model, X, 1)
    assert lower < forecast_ < upper


def test_parameters_are_searched():
    X, y = to_supervised(0.3 * np.arange(60) + np.sin(np.arange(60) / 4.0))
    model = make_pipeline(SlidingWindow(6, padding="edge"), ChangeRegressor(Ridge()))
    grid = {"changeregressor__regressor__alpha": [1e-3, 1e3]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(3)).fit(X, y)
    assert search.best_params_["changeregressor__regressor__alpha"] == 1e-3


def test_metadata_are_routed():
    windows, y = np.random.default_rng(0).normal(size=(6, 4, 1)), np.zeros(6)
    with sklearn.config_context(enable_metadata_routing=True):
        model = ChangeRegressor(Recorder().set_fit_request(sample_weight=True))
        model.fit(windows, y, sample_weight=np.arange(6.0))
    np.testing.assert_array_equal(model.regressor_.sample_weight_, np.arange(6.0))


@pytest.mark.parametrize(
    ("regressor", "parameters", "X", "y", "error", "message"),
    [
        (Ridge, {}, np.zeros((3, 2)), np.zeros(3), TypeError, "regressor is .*; expected an instance of a regressor"),
        (Ridge(), {"n_series": 1.5}, np.zeros((3, 2)), np.zeros(3), TypeError, "n_series is 1.5"),
        (
            Ridge(),
            {"n_series": 2},
            np.zeros((3, 2)),
            np.zeros(3),
            ValueError,
            "expected a multiple of the number of series",
        ),
        (Ridge(), {}, np.zeros((3, 2)), np.zeros((3, 2, 2)), ValueError, "y has 3 dimensions"),
        (Ridge(), {}, np.zeros((3, 2)), np.zeros(4), ValueError, "inconsistent numbers of samples"),
        (Ridge(), {}, np.full((3, 2), np.inf), np.zeros(3), ValueError, "infinity"),
    ],
)
def test_what_is_refused_leaves_the_estimator_as_it_was(regressor, parameters, X, y, error, message):
    model = ChangeRegressor(Ridge()).fit(np.arange(6.0).reshape(3, 2), [1.0, 2.0, 4.0])
    before = model.predict(np.ones((1, 2)))
    with pytest.raises(error, match=message):
        model.set_params(regressor=regressor, **parameters).fit(X, y)
    np.testing.assert_array_equal(model.set_params(regressor=Ridge(), n_series=None).predict(np.ones((1, 2))), before)
    with pytest.raises(ValueError, match="X has 2 features per timestep, but ChangeRegressor was fitted with 1"):
        model.predict(np.zeros((1, 2, 2)))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_a_single_output_may_be_a_column():
    windows = np.random.default_rng(0).normal(size=(20, 4))
    y = windows[:, -1] + windows[:, 0]
    model = ChangeRegressor(network())
    column = model.fit(windows, y[:, np.newaxis]).predict(windows)
    np.testing.assert_allclose(column, model.fit(windows, y).predict(windows)[:, np.newaxis])


def test_columns_of_a_table_are_known():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 3)), columns=["lag_3", "lag_2", "lag_1"])
    model = ChangeRegressor(Ridge()).fit(X, X["lag_1"])
    assert (model.n_features_in_, model.feature_names_in_.tolist()) == (3, ["lag_3", "lag_2", "lag_1"])
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X[["lag_1", "lag_2", "lag_3"]])
    with pytest.raises(ValueError, match="X has 2 features, but ChangeRegressor is expecting 3"):
        ChangeRegressor(Ridge()).fit(X.to_numpy(), X["lag_1"]).predict(X.to_numpy()[:, 1:])


@pytest.mark.parametrize("n_steps", [1, 3])
def test_units_that_differ_are_told_of(n_steps):
    series = 200.0 + np.arange(40.0) + np.sin(np.arange(40.0))
    X, y = to_supervised(series, n_steps=n_steps)

    def fit(X, y, *scalers):
        model = make_pipeline(*scalers, SlidingWindow(4), ChangeRegressor(Recorder()))
        return data_warnings(lambda: model.fit(X, y))

    assert fit(X, y) == fit(np.log(X), np.log(y)) == fit(X[:12], y[:12]) == fit(X[:9], 1e3 * y[:9]) == []
    for messages in (fit(X, y, StandardScaler()), fit(X, np.log(y)), fit(np.log(X), y), fit(X, 1e3 * y)):
        (message,) = messages
        assert "both must be in the same units" in message
