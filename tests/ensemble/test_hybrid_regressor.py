"""Tests of ridge regression, a Gaussian process and networks, weighted by their out-of-fold errors."""

import numpy as np
import pytest
import sklearn
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleRegressor, HybridRegressor, ResidualRegressor
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from tests.data_warnings import assert_warned_once, data_warnings


def hybrid(**parameters):
    network = RNNRegressor((2,), solver="lbfgs", alpha=1.0, tol=0.1)
    return HybridRegressor(
        **{
            "linear": Ridge(1e-3),
            "process": Ridge(1e-2),
            "network": network,
            "n_networks": 1,
            "random_state": 0,
            **parameters,
        }
    )


def windows_of(series, n_timesteps=4):
    rows = np.lib.stride_tricks.sliding_window_view(series, n_timesteps)[:-1, :, np.newaxis]
    return rows, series[n_timesteps:]


#: Rows of a series of so few windows that no folds are fitted for the weights.
FEW_ROWS = 15


def noisy(n_rows=60):
    return np.cumsum(np.random.default_rng(0).normal(size=n_rows)) + np.sin(np.arange(n_rows))


WITHOUT_RANDOMNESS = {"one": np.ones(20), "line": np.arange(20.0), "step": np.repeat([0.0, 1.0], 10)}


def members(model):
    return list(model.named_estimators_.values())


def test_predictions_are_the_weighted_mean_of_the_three():
    X, y = windows_of(noisy())
    model = hybrid(n_networks=2).fit(X, y)
    assert list(model.named_estimators_) == ["process", "network", "linear"]
    expected = sum(weight * member.predict(X) for weight, member in zip(model.weights_, members(model), strict=True))
    np.testing.assert_allclose(model.predict(X), expected)
    of_changes = ChangeRegressor(Ridge(1e-2)).fit(X, y)
    np.testing.assert_allclose(members(model)[0].predict(X), of_changes.predict(X))
    linear = Ridge(1e-3).fit(X[:, :, 0], y)
    np.testing.assert_allclose(members(model)[2].named_estimators_["linear"].predict(X), linear.predict(X[:, :, 0]))
    assert [len(part.regressor_.estimators_) for part in members(model)[1:2]] == [2]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_weights_are_inverse_root_errors_out_of_fold_and_favour_the_linear_model(n_outputs):
    series = noisy()
    X, y = windows_of(series)
    y = y if n_outputs is None else np.column_stack([y, np.r_[y[1:], 0.0]])
    weights = np.random.default_rng(0).uniform(size=len(y))
    model = hybrid().fit(X, y, sample_weight=weights)
    errors = []
    for member in members(model):
        squares = [
            (
                type(member)(**member.get_params(deep=False))
                .fit(X[train], y[train], sample_weight=weights[train])
                .predict(X[test])
                - y[test]
            )
            ** 2
            for train, test in TimeSeriesSplit(5).split(X)
        ]
        tested = np.concatenate(squares)
        errors.append(np.average(tested, axis=0, weights=weights[-len(tested) :]))
    expected = 1.0 / np.sqrt(np.array(errors))
    expected[2] *= min(1.0 + (60.0 / (weights.sum() ** 2 / np.square(weights).sum())) ** 2, 5.0)
    np.testing.assert_allclose(model.weights_, expected / expected.sum(axis=0), rtol=1e-6)


def test_what_is_exact_counts_alone():
    X, y = windows_of(np.sin(np.arange(80) / 4.0))
    model = hybrid(linear=LinearRegression(), process=LinearRegression()).fit(X, y)
    assert model.weights_[1] < 1e-5
    assert np.abs(model.predict(X) - y).max() < 1e-6
    assert model.weights_.sum() == pytest.approx(1.0)


@pytest.mark.axis("n_rows", [28], quick=[22])
def test_samples_of_weight_zero_are_left_out(n_rows):
    X, y = windows_of(noisy(n_rows))
    weights = np.r_[np.zeros(10), np.ones(len(y) - 10)]
    model = hybrid(process=None).fit(X, np.where(weights > 0, y, 1e3), sample_weight=weights)
    np.testing.assert_allclose(model.predict(X), hybrid(process=None).fit(X[10:], y[10:]).predict(X))


def test_weights_with_metadata_routing():
    X, y = windows_of(noisy(FEW_ROWS))
    weights = np.linspace(0.1, 1.0, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(hybrid().set_fit_request(sample_weight=True)).fit(X, y, sample_weight=weights)
        predictions = model.predict(X)
    np.testing.assert_allclose(predictions, hybrid().fit(X, y, sample_weight=weights).predict(X))


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_configured_output_of_transformers_changes_nothing(output):
    pytest.importorskip(output)
    X, y = windows_of(noisy(FEW_ROWS))
    expected = HybridRegressor(n_networks=1, random_state=0).fit(X, y).predict(X)
    with sklearn.config_context(transform_output=output):  # warnings are errors
        predictions = HybridRegressor(n_networks=1, random_state=0).fit(X, y).predict(X)
    np.testing.assert_array_equal(predictions, expected)


def test_with_few_windows_the_linear_model_counts_most():
    X, y = windows_of(noisy(FEW_ROWS))
    np.testing.assert_allclose(hybrid().fit(X, y).weights_, np.array([1.0, 1.0, 5.0]) / 7.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("scale", [2.0**1000, 2.0**-1000])
def test_weights_may_have_any_scale(scale):
    X, y = windows_of(noisy())
    model = hybrid().fit(X, y, sample_weight=np.full(len(y), scale))
    np.testing.assert_allclose(model.weights_, hybrid().fit(X, y).weights_, rtol=1e-6)


@pytest.mark.axis("n_rows", [24], quick=[FEW_ROWS])
def test_units_do_not_matter(n_rows):
    X, y = windows_of(noisy(n_rows))
    model = hybrid(linear=None, process=None)
    np.testing.assert_allclose(
        model.fit(1e6 * X + 1e7, 1e6 * y + 1e7).predict(1e6 * X + 1e7),
        1e6 * model.fit(X, y).predict(X) + 1e7,
        rtol=1e-4,
    )


@pytest.mark.parametrize("n_steps", [1, 2])
def test_units_that_differ_are_told_of(n_steps):
    X, y = windows_of(100.0 + noisy(FEW_ROWS))
    X, y = X[: len(y) - 1], np.column_stack([y[:-1], y[1:]])[:, :n_steps].squeeze()
    assert data_warnings(lambda: hybrid().fit(X, y)) == []
    assert_warned_once(lambda: hybrid().fit(X, np.log(y)), "both must be in the same units")


def test_rows_that_are_no_windows_are_told_of():
    series = noisy(FEW_ROWS)
    assert_warned_once(lambda: hybrid().fit(series[:-1, np.newaxis], series[1:]), "a single timestep")


def test_windows_that_begin_before_the_series_are_left_out_of_training():
    series = noisy(FEW_ROWS)
    X, y = to_supervised(series)
    behind = make_pipeline(SlidingWindow(4), hybrid()).fit(X, y)
    alone = hybrid().fit(*windows_of(series))
    np.testing.assert_allclose(behind.predict(X)[3:], alone.predict(windows_of(series)[0]))
    assert np.isfinite(behind.predict(X)).all()
    short = make_pipeline(SlidingWindow(10), hybrid()).fit(X, y)  # most begin there
    assert np.isfinite(short.predict(X)).all()


def test_a_masked_timestep_looks_to_linear_models_like_the_one_before():
    X, y = windows_of(noisy(FEW_ROWS))
    model = hybrid().fit(X, y)
    with_hole, filled = X[:3].copy(), X[:3].copy()
    with_hole[:, 1], filled[:, 1] = np.nan, filled[:, 0]
    with_hole[1, 0], filled[1, :2] = np.nan, filled[1, 2]
    linear = members(model)[0]
    np.testing.assert_allclose(linear.predict(with_hole), linear.predict(filled))
    assert np.isfinite(model.predict(with_hole)).all()


@pytest.mark.parametrize("form", ["list", "array"])
def test_sequences_of_other_lengths_than_in_fit(form):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 1)) for length in np.r_[rng.integers(4, 8, 14), 7]]
    model = hybrid().fit(X, noisy(FEW_ROWS))
    shorter, longer = [x for x in X if len(x) < 6], [np.r_[np.ones((3, 1)), x] for x in X if len(x) == 7]
    expected = model.predict([*shorter, X[-1]])[:-1]
    if form == "array":
        shorter = np.stack([np.r_[np.full((6 - len(x), 1), np.nan), x] for x in shorter])
        longer = np.stack(longer)
    np.testing.assert_allclose(model.predict(shorter), expected)
    linear = members(model)[2].named_estimators_["linear"]  # networks read all timesteps
    np.testing.assert_allclose(linear.predict(longer), linear.predict([x[3:] for x in longer]))
    assert np.isfinite(model.predict(longer)).all()


def test_forecasts_several_series_and_steps():
    series = np.column_stack([noisy(), noisy()[::-1]])
    X, y = to_supervised(series, n_steps=2)
    model = make_pipeline(SlidingWindow(4), hybrid()).fit(X, y)
    assert forecast(model, series, 5).shape == (5, 2)
    single = make_pipeline(SlidingWindow(4), hybrid()).fit(*to_supervised(series[:50, 0]))
    rows = series[:50, 0].tolist()
    for _ in range(3):
        rows.append(single.predict(np.array(rows)[:, np.newaxis])[-1])
    np.testing.assert_allclose(forecast(single, series[:50, 0], 3), rows[50:])
    assert backtest(single, series[:, 0], 2, first_origin=49).forecasts.shape == (10, 2)
    assert forecast_interval(single, series[:, 0], 1, n_calibration=10).upper.shape == (1,)


@pytest.mark.axis("n_rows", [24], quick=[FEW_ROWS])
def test_defaults_predict_several_outputs(n_rows):
    X, y = windows_of(noisy(n_rows))
    model = HybridRegressor(n_networks=1, random_state=0).fit(X, np.column_stack([y, 2.0 * y]))
    assert model.predict(X).shape == (len(X), 2)
    assert model.weights_.shape == (3, 2)


@pytest.mark.axis("kind", WITHOUT_RANDOMNESS, quick=["step"])
def test_series_without_anything_random(kind):
    series = WITHOUT_RANDOMNESS[kind]
    model = make_pipeline(SlidingWindow(4), HybridRegressor(n_networks=1, random_state=0)).fit(*to_supervised(series))
    expected = 2.0 * series[-1] - series[-2]
    np.testing.assert_allclose(forecast(model, series, 1), expected, atol=0.2)


def test_groups_and_exog():
    rng = np.random.default_rng(0)
    table = np.column_stack([noisy(80), rng.normal(size=80), np.arange(80) % 2])
    model = make_pipeline(SlidingWindow(3, group_column=2), hybrid(n_series=1)).fit(table, np.roll(table[:, 0], -2))
    assert model.predict(table).shape == (80,)
    assert members(model[-1])[0].n_series_ == 1


@pytest.mark.axis("n_rows", [60], quick=[FEW_ROWS])
def test_searches_and_seeds(n_rows):
    X, y = windows_of(noisy(n_rows))
    search = GridSearchCV(hybrid(), {"network__alpha": [1.0, 10.0]}, cv=TimeSeriesSplit(2), refit=False).fit(X, y)
    assert search.best_params_["network__alpha"] in (1.0, 10.0)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    np.testing.assert_array_equal(hybrid().fit(X, y).predict(X), hybrid().fit(X, y).predict(X))
    assert (hybrid().fit(X, y).predict(X) != hybrid(random_state=1).fit(X, y).predict(X)).any()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"linear": "ridge"}, TypeError, "linear is 'ridge' of type str; expected an instance of a regressor, or None"),
        ({"network": RNNRegressor}, TypeError, "network is .*; expected an instance of a regressor, or None"),
        ({"process": Ridge}, TypeError, "process is .*; expected an instance of a regressor, or None"),
        ({"n_networks": 0}, ValueError, "n_networks is 0"),
        ({"n_series": 3}, ValueError, "n_series=3"),
    ],
)
def test_what_is_refused_leaves_the_estimator_as_it_was(parameters, error, message):
    X, y = windows_of(noisy(FEW_ROWS))
    model = hybrid().fit(X, y)
    before = model.predict(X)
    for name, value in parameters.items():
        setattr(model, name, value)
    with pytest.raises(error, match=message):
        model.fit(X, -y)
    np.testing.assert_array_equal(model.predict(X), before)


@pytest.mark.parametrize("n_rows", [1, FEW_ROWS - 4])
def test_a_single_window_is_refused(n_rows):
    X, y = windows_of(noisy(FEW_ROWS))
    weights = np.arange(n_rows) == 0
    with pytest.raises(ValueError, match="X has 1 sample of positive weight; expected at least 2 windows"):
        hybrid().fit(X[:n_rows], y[:n_rows], sample_weight=weights)
    assert np.isfinite(HybridRegressor(n_networks=1, random_state=0).fit(X[:2], y[:2]).predict(X)).all()


def test_floating_point_errors_that_the_user_raises():
    X, y = windows_of(noisy(FEW_ROWS))
    expected = HybridRegressor(n_networks=1, random_state=0).fit(X, y).predict(100.0 * X)
    with np.errstate(all="raise"):
        model = HybridRegressor(n_networks=1, random_state=0).fit(X, y)
        np.testing.assert_array_equal(model.predict(100.0 * X), expected)


def test_its_parts_are_those_of_the_package():
    model = hybrid().fit(*windows_of(noisy(FEW_ROWS)))
    assert [type(part) for part in members(model)] == [ChangeRegressor, ChangeRegressor, ResidualRegressor]
    assert isinstance(members(model)[1].regressor_, EnsembleRegressor)
