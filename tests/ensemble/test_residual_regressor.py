"""Tests of estimators fitted to the residuals of the previous ones."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeRegressor

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import EnsembleRegressor, ResidualRegressor
from skrnn.forecasting import backtest, forecast, forecast_interval, to_supervised
from skrnn.solvers._monitor import Monitor
from tests.data_warnings import assert_warned_once
from tests.estimators.tasks import as_objects


def data(n_samples=120, n_outputs=None, noise=0.1):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 3))
    y = X[:, 0] + X[:, 1] ** 2 + noise * rng.normal(size=n_samples)
    return X, y if n_outputs is None else np.column_stack([y * (k + 1) for k in range(n_outputs)])


def squares():
    return make_pipeline(PolynomialFeatures(2), Ridge(1e-3))


def two(second=None, **parameters):
    return ResidualRegressor([("linear", Ridge(1e-3)), ("second", second or squares())], **parameters)


def test_second_estimator_is_fitted_to_the_residuals():
    X, y = data()
    model = two(shrinkage=None).fit(X, y)
    first = Ridge(1e-3).fit(X, y)
    second = squares().fit(X, y - first.predict(X))
    np.testing.assert_allclose(model.predict(X), first.predict(X) + second.predict(X), rtol=1e-12)
    np.testing.assert_array_equal(model.shrinkage_, [1.0, 1.0])
    assert list(model.named_estimators_) == ["linear", "second"]
    assert model.named_estimators_["second"] is model.estimators_[1]
    assert model.n_features_in_ == 3


def test_shrinkage_may_be_a_number_and_the_next_estimator_knows():
    X, y = data()
    model = ResidualRegressor([("a", Ridge(1.0)), ("b", squares()), ("c", LinearRegression())], shrinkage=0.5).fit(X, y)
    left = y - Ridge(1.0).fit(X, y).predict(X)
    left = left - 0.5 * squares().fit(X, left).predict(X)
    np.testing.assert_allclose(model.estimators_[2].coef_, LinearRegression().fit(X, left).coef_, rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(model.shrinkage_, [1.0, 0.5, 0.5])


@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("cv", [None, 3])
def test_factor_is_the_best_out_of_fold_in_order_of_time(n_outputs, cv):
    X, y = data(n_outputs=n_outputs)
    second = DecisionTreeRegressor(max_depth=4, random_state=0)
    model = two(second, cv=cv).fit(X, y)
    residuals, outputs = [], []
    of_first = y - clone(Ridge(1e-3)).fit(X, y).predict(X)
    folds = list(TimeSeriesSplit(cv or 5).split(X))
    for train, test in reversed(folds):  # last, the first fold has the rows that are in no test
        first = Ridge(1e-3).fit(X[train], y[train])
        of_first[test] = y[test] - first.predict(X[test])
        of_first[: folds[0][0][-1] + 1] = (y - first.predict(X))[: folds[0][0][-1] + 1]
    for train, test in folds:
        first = Ridge(1e-3).fit(X[train], y[train])
        left = y[train] - first.predict(X[train]) if cv is None else of_first[train]
        outputs.append(clone(second).fit(X[train], left).predict(X[test]))
        residuals.append(y[test] - first.predict(X[test]))
    residuals, outputs = np.concatenate(residuals), np.concatenate(outputs)
    expected = np.clip((residuals * outputs).sum(axis=0) / (outputs**2).sum(axis=0), 0.0, 1.0)
    np.testing.assert_allclose(model.shrinkage_[1], expected, rtol=1e-8)
    assert model.shrinkage_.shape == ((2,) if n_outputs is None else (2, n_outputs))
    left = y - Ridge(1e-3).fit(X, y).predict(X) if cv is None else of_first
    np.testing.assert_allclose(model.estimators_[1].predict(X), clone(second).fit(X, left).predict(X), rtol=1e-8)


def test_what_does_not_help_adds_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X[:, 0] + rng.normal(size=200)
    model = two(DecisionTreeRegressor(random_state=0)).fit(X, y)
    assert model.shrinkage_[1] < 0.2
    X, y = data(noise=0.0)
    assert two().fit(X, y).shrinkage_[1] > 0.99


def test_a_factor_is_one_or_less_and_zero_for_no_predictions():
    X, y = data()
    assert two(DummyRegressor(strategy="constant", constant=0.0)).fit(X, y).shrinkage_[1] == 0.0
    assert two(make_pipeline(PolynomialFeatures(2), Ridge(1e3))).fit(X, y).shrinkage_[1] == 1.0


def test_weights_reach_all_estimators_and_the_factors():
    X, y = data()
    weights = np.ones(len(y))
    weights[60:] = 0.0
    unseen = np.where(weights > 0, y, 100.0)
    model = two(squares(), cv=3)
    np.testing.assert_allclose(
        model.fit(X, unseen, sample_weight=weights).predict(X), model.fit(X, y, sample_weight=weights).predict(X)
    )
    with pytest.raises(TypeError, match=r"sample_weight is given, but _NoWeights.fit does not accept it"):
        two(_NoWeights()).fit(X, y, sample_weight=weights)


class _NoWeights(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        return self


def test_first_rows_without_weight_do_not_make_folds():
    X, y = data()
    weights = np.repeat([0.0, 1.0], [30, len(y) - 30])
    second = DecisionTreeRegressor(max_depth=4, random_state=0)
    weighted = two(second).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(weighted.shrinkage_, two(second).fit(X[30:], y[30:]).shrinkage_, rtol=1e-6)


def test_drop():
    X, y = data()
    model = two().set_params(second="drop").fit(X, y)
    np.testing.assert_allclose(model.predict(X), Ridge(1e-3).fit(X, y).predict(X))
    assert model.named_estimators_["second"] == "drop"
    assert len(model.estimators_) == 1
    with pytest.raises(ValueError, match="expected at least one that is not dropped"):
        ResidualRegressor([("a", "drop")]).fit(X, y)


def test_parameters_of_estimators_are_searched():
    X, y = data()
    search = GridSearchCV(two(), {"second__ridge__alpha": [1e-3, 1e5], "shrinkage": [None, "auto"]}, cv=2).fit(X, y)
    assert search.best_params_["second__ridge__alpha"] == 1e-3
    assert clone(two()).get_params()["linear__alpha"] == 1e-3


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"estimators": Ridge()}, TypeError, "estimators is .*; expected a list of"),
        ({"estimators": [("a", Ridge)]}, TypeError, "expected an instance of a regressor, or 'drop'"),
        ({"estimators": [("a", Ridge()), ("a", Ridge())]}, ValueError, "not unique"),
        ({"shrinkage": "best"}, ValueError, "shrinkage is 'best'; expected 'auto', a finite number or None"),
        ({"shrinkage": np.nan}, ValueError, "shrinkage is nan; expected 'auto', a finite number or None"),
        ({"shrinkage": -np.inf}, ValueError, "shrinkage is -inf; expected 'auto', a finite number or None"),
        ({"shrinkage": [1.0]}, TypeError, "expected 'auto', a finite number or None"),
        ({"cv": 500}, ValueError, "cv"),
    ],
)
def test_wrong_parameters_leave_the_estimator_as_it_was(parameters, error, message):
    X, y = data()
    model = two().fit(X, y)
    before = model.predict(X)
    model.set_params(**parameters)
    with pytest.raises(error, match=message):
        model.fit(X, -y)
    np.testing.assert_array_equal(model.set_params(**two().get_params(deep=False)).predict(X), before)


def test_predictions_of_another_shape_are_refused():
    X, y = data()
    quantiles = RNNRegressor((2,), loss="quantile", quantile=[0.1, 0.5], tol=1.0)
    with pytest.raises(ValueError, match=r"RNNRegressor, whose predictions have shape \(120, 2\)"):
        ResidualRegressor([("a", Ridge()), ("b", quantiles)], shrinkage=None).fit(X, y)


def test_splitters_that_come_from_elsewhere():
    X, y = data()
    folds = list(TimeSeriesSplit(3).split(X))
    np.testing.assert_array_equal(two(cv=folds).fit(X, y).predict(X), two(cv=3).fit(X, y).predict(X))
    assert two(cv=KFold(3)).fit(X, y).score(X, y) > 0.9


def windows_then(regressor):
    return make_pipeline(SlidingWindow(4, padding="edge", flatten=True), regressor)


def test_folds_see_the_rows_before_their_own():
    """Windows of a test part extend into training: the same model on precomputed windows has the same factors."""
    series = np.sin(np.arange(90) / 3.0) + 0.1 * np.random.default_rng(0).normal(size=90)
    X, y = to_supervised(series)
    tree = DecisionTreeRegressor(max_depth=3, random_state=0)
    outside = ResidualRegressor([("linear", windows_then(Ridge())), ("tree", windows_then(tree))]).fit(X, y)
    windows = SlidingWindow(4, padding="edge", flatten=True).fit_transform(X)
    inside = ResidualRegressor([("linear", Ridge()), ("tree", tree)]).fit(windows, y)
    np.testing.assert_allclose(outside.shrinkage_, inside.shrinkage_)
    assert 0.0 < outside.shrinkage_[1] < 1.0


def test_groups_are_routed_to_windows():
    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(80, 1)), rng.normal(size=80), np.arange(80) % 2
    expected = ResidualRegressor([("a", windows_then(Ridge())), ("b", windows_then(squares()))], cv=3)
    by_column = (
        clone(expected)
        .set_params(a__slidingwindow__group_column=1, b__slidingwindow__group_column=1)
        .fit(np.column_stack([X, groups]), y)
    )
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(expected)
        for _, part in model.estimators:
            part[0].set_fit_request(groups=True).set_transform_request(groups=True)
        predictions = model.fit(X, y, groups=groups).predict(X, groups=groups)
    np.testing.assert_allclose(predictions, by_column.predict(np.column_stack([X, groups])))
    with pytest.raises(ValueError, match=r"got \['groups'\]; expected metadata only with metadata routing"):
        expected.fit(X, y, groups=groups)


def test_forecasts_of_windows_of_different_lengths():
    series = np.abs(np.sin(np.arange(120) / 4.0))
    X, y = to_supervised(series[:90])
    longer = make_pipeline(SlidingWindow(9, padding="edge", flatten=True), DecisionTreeRegressor(random_state=0))
    model = ResidualRegressor([("linear", windows_then(Ridge(1e-3))), ("tree", longer)]).fit(X, y)
    rows = series[:90].tolist()
    for _ in range(5):
        rows.append(model.predict(np.array(rows)[:, np.newaxis])[-1])
    np.testing.assert_allclose(forecast(model, series[:90], 5), rows[90:])
    together = backtest(model, series, 3, first_origin=89).forecasts
    np.testing.assert_allclose(together[10], forecast(model, series[:100], 3))
    assert (forecast_interval(model, series, 2, n_calibration=20).upper > forecast(model, series, 2)).all()


def test_in_a_pipeline_before_networks():
    X, y = to_supervised(np.sin(np.arange(60) / 3.0))
    network = RNNRegressor((2,), solver="lbfgs", tol=0.1, random_state=0)
    flat = make_pipeline(
        SlidingWindow(4, padding="edge", flatten=True), ResidualRegressor([("a", Ridge()), ("b", network)])
    )
    assert flat.fit(X, y).score(X, y) > 0.99


def test_residuals_without_anything_to_learn_are_no_reason_to_warn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 3))
    y = X[:, 0] + rng.normal(size=100)
    network = RNNRegressor((2,), solver="lbfgs", alpha=1e3, random_state=0)
    assert two(network, shrinkage=None).fit(X, y).score(X, y) > 0.3  # warnings are errors
    with pytest.warns(UserWarning, match="hardly better than a constant|are constant"):
        network.fit(X, y)


@pytest.mark.parametrize("shrinkage", ["auto", None])
def test_rows_that_are_no_windows_are_told_of(shrinkage):
    series = np.cumsum(np.random.default_rng(0).normal(size=40))
    network = RNNRegressor((2,), solver="lbfgs", tol=0.1, random_state=0)
    for part in (network, EnsembleRegressor(network, 1, random_state=0)):
        model = two(part, shrinkage=shrinkage)
        assert_warned_once(lambda model=model: model.fit(series[:-1, np.newaxis], series[1:]), "a single timestep")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_a_single_output_may_be_a_column():
    X, y = data()
    network = RNNRegressor((2,), solver="lbfgs", tol=0.1, random_state=0)
    predictions = two(network, shrinkage=None).fit(X, y[:, np.newaxis]).predict(X)
    assert predictions.shape == (120, 1)
    np.testing.assert_allclose(predictions[:, 0], two(network, shrinkage=None).fit(X, y).predict(X))


@pytest.mark.parametrize("n_iterations", [5, 12])
def test_an_interrupted_fit_leaves_the_estimator_as_it_was(n_iterations, monkeypatch):
    X, y = data()
    network = RNNRegressor((2,), solver="lbfgs", alpha=0.0, tol=0.0, max_iter=10, random_state=0)
    model = two().fit(X, y)
    before, calls = model.predict(X), []

    def interrupt(monitor, *arguments, **keywords):
        calls.append(monitor)
        record(monitor, *arguments, **keywords)
        if len(calls) == n_iterations:  # of the network on all rows, or of the one of the first fold
            raise KeyboardInterrupt

    record = Monitor.record
    monkeypatch.setattr(Monitor, "record", interrupt)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the network reports that it has kept its parameters
        with pytest.raises(KeyboardInterrupt):
            model.set_params(second=network).fit(X, -y)
    assert len(calls) == n_iterations
    np.testing.assert_array_equal(model.set_params(second=squares()).predict(X), before)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.axis("hold", [list, tuple, as_objects], quick=[as_objects])
def test_sequences_of_any_lengths(hold):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 8, size=24)]
    y = np.array([sequence.sum() for sequence in X])
    first, second = (RNNRegressor((2,), solver="lbfgs", max_iter=20, random_state=seed) for seed in (0, 1))
    model = ResidualRegressor([("first", first), ("second", second)], cv=3).fit(hold(X), y)
    in_list = ResidualRegressor([("first", first), ("second", second)], cv=3).fit(X, y)
    np.testing.assert_array_equal(model.predict(hold(X)), in_list.predict(X))
