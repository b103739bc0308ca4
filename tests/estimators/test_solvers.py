"""Tests of every value of `solver` behind the estimators: they minimise the same objective and end in the same way."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor
from skrnn.solvers import METHODS, SOLVERS
from tests.estimators.tasks import ESTIMATED, best_iteration, documented_objective, make_task

ignore_short_fits = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
each_solver = pytest.mark.parametrize("solver", SOLVERS)
each_estimator = pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])


def make_estimator(Estimator, solver, **parameters):
    settings = {"hidden_layer_sizes": (2,), "solver": solver, "max_iter": 6, "random_state": 0, "alpha": 0.01}
    return Estimator(**{**settings, **parameters})


def start_of(Estimator, **parameters):
    """Return an estimator that hardly moved from its first weights, with targets as they are."""
    settings = {"normalize_y": False} if Estimator is RNNRegressor else {}
    X, y = make_task(Estimator)
    estimator = make_estimator(Estimator, "sgd", max_iter=1, warm_start=True, **settings, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


@each_solver
@each_estimator
def test_lowers_the_loss_and_honours_max_iter(Estimator, solver):
    X, y = make_task(Estimator)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as caught:
        model = make_estimator(Estimator, solver).fit(X, y)
    assert len(caught) == 1
    assert model.n_iter_ == len(model.loss_curve_) == 6
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.best_loss_ == min(model.loss_curve_)
    assert np.isfinite(model.predict(X)).all()


@each_solver
@each_estimator
@ignore_short_fits
def test_minimises_the_documented_objective(Estimator, solver):
    X, y = make_task(Estimator)
    weights = 1.0 + np.arange(len(X)) % 3
    model = start_of(Estimator)
    before = documented_objective(model, X, y, weights)
    model.set_params(solver=solver, learning_rate_init=1e-3, batch_size=len(X)).fit(X, y, weights)
    if solver in METHODS:  # the objective after an iteration
        np.testing.assert_allclose(model.loss_curve_[-1], documented_objective(model, X, y, weights), rtol=1e-10)
        np.testing.assert_allclose(model.loss_, model.loss_curve_[-1], rtol=1e-12)
    else:  # the mean over an epoch, here of the one batch before the only step
        np.testing.assert_allclose(model.loss_curve_[-1], before, rtol=1e-10)
    assert documented_objective(model, X, y, weights) <= before * (1 + 1e-12)


@each_solver
@ignore_short_fits
def test_stays_at_the_minimum(solver):
    X, y = make_task(RNNRegressor)
    minimum = start_of(RNNRegressor, hidden_layer_sizes=(1,))
    minimum.set_params(solver="BFGS", tol=1e-9, max_iter=3000, alpha=0.3).fit(X, y)
    least = documented_objective(minimum, X, y)
    copy = pickle.loads(pickle.dumps(minimum))
    copy.set_params(solver=solver, max_iter=3, learning_rate_init=1e-5, tol=1e-6, batch_size=len(X)).fit(X, y)
    np.testing.assert_allclose(copy.loss_, least, rtol=1e-6)
    for name in ESTIMATED:
        for array, expected in zip(getattr(copy, name), getattr(minimum, name), strict=True):
            np.testing.assert_allclose(array, expected, atol=2e-4)


@pytest.mark.parametrize("solver", METHODS)
def test_methods_find_the_same_minimum(solver):
    X, y = make_task(RNNRegressor)
    settings = {"hidden_layer_sizes": (1,), "alpha": 0.3, "max_iter": 2000, "tol": 1e-6}
    reference = make_estimator(RNNRegressor, "BFGS", **settings).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # converged: nothing to warn of
        model = make_estimator(RNNRegressor, solver, **settings).fit(X, y)
    np.testing.assert_allclose(model.loss_, reference.loss_, rtol=1e-5)
    assert model.n_iter_ < 2000


@each_solver
@each_estimator
@ignore_short_fits
def test_early_stopping_keeps_the_best(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(
        Estimator, solver, early_stopping=True, n_iter_no_change=2, tol=1e-3, max_iter=25, learning_rate_init=0.05
    ).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert model.n_iter_ == len(model.loss_curve_) == len(model.validation_scores_) == len(model.validation_loss_curve_)
    best = best_iteration(model)
    np.testing.assert_allclose(model.score(X[30:], y[30:]), model.validation_scores_[best], rtol=1e-9)
    assert model.loss_ == model.loss_curve_[best]


@each_solver
@each_estimator
@ignore_short_fits
def test_warm_start_goes_on(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver, warm_start=True, max_iter=4).fit(X, y)
    first = list(model.loss_curve_)
    model.fit(X, y)
    assert model.loss_curve_[:4] == first
    assert model.n_iter_ == len(model.loss_curve_) == 8
    assert model.loss_curve_[-1] < first[-1]
    assert model.t_ == 8 * len(X)


@pytest.mark.parametrize("solver", METHODS)
@ignore_short_fits
def test_solver_options_reach_scipy(solver):
    X, y = make_task(RNNRegressor)
    free = make_estimator(RNNRegressor, solver, max_iter=5).fit(X, y)
    limit = "maxfun" if solver == "TNC" else "maxiter"
    limited = make_estimator(RNNRegressor, solver, max_iter=5, solver_options={limit: 2}).fit(X, y)
    assert 1 <= limited.n_iter_ < free.n_iter_


@pytest.mark.parametrize("solver", METHODS)
@ignore_short_fits
def test_float32(solver):
    X, y = make_task(RNNRegressor)
    single, double = (
        make_estimator(RNNRegressor, solver, dtype=dtype, max_iter=40, tol=1e-3).fit(X, y)
        for dtype in ("float32", "float64")
    )
    assert single.readout_weights_.dtype == np.float32
    np.testing.assert_allclose(single.loss_, double.loss_, rtol=0.2)


def test_lbfgs_is_l_bfgs_b():
    X, y = make_task(RNNRegressor)
    one, other = (make_estimator(RNNRegressor, solver, tol=0.01, max_iter=500) for solver in ("lbfgs", "L-BFGS-B"))
    assert one.fit(X, y).loss_curve_ == other.fit(X, y).loss_curve_
