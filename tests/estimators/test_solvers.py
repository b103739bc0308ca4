"""Tests of all solvers of the estimators: they minimise the same objective and end in the same way."""

import pickle
import warnings
from itertools import product

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor
from skrnn.network._full_objectives import FullObjective
from skrnn.solvers import _least_squares
from skrnn.solvers._monitor import Monitor
from skrnn.solvers._registry import SOLVERS, UPDATE_RULES
from tests.estimators.tasks import ESTIMATED, best_iteration, documented_objective, make_ragged_task, make_task

ignore_short_fits = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
each_solver = pytest.mark.axis("solver", SOLVERS)
each_pair = pytest.mark.parametrize(
    ("Estimator", "solver"),
    [
        *product([RNNRegressor], SOLVERS),
        *product([RNNClassifier], [name for name in SOLVERS if name != "least_squares"]),
    ],
)
#: Full-batch solvers.
OF_ALL_DATA = [name for name in SOLVERS if name not in UPDATE_RULES]


def make_estimator(Estimator, solver, **parameters):
    settings = {"hidden_layer_sizes": (2,), "solver": solver, "max_iter": 6, "random_state": 0, "alpha": 0.4}
    return Estimator(**{**settings, **parameters})


def start_of(Estimator, **parameters):
    """Return an estimator close to its initial weights, without standardisation."""
    settings = {"normalize_X": False, **({"normalize_y": False} if Estimator is RNNRegressor else {})}
    X, y = make_task(Estimator)
    estimator = make_estimator(Estimator, "sgd", max_iter=1, warm_start=True, **settings, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


@each_pair
def test_lowers_the_loss_and_honours_max_iter(Estimator, solver):
    X, y = make_task(Estimator)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as caught:
        model = make_estimator(Estimator, solver, max_iter=3).fit(X, y)
    assert len(caught) == 1
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.best_loss_ == min(model.loss_curve_)
    assert np.isfinite(model.predict(X)).all()


@each_pair
@ignore_short_fits
def test_minimises_the_documented_objective(Estimator, solver):
    X, y = make_task(Estimator)
    weights = 1.0 + np.arange(len(X)) % 3
    model = start_of(Estimator)
    before = documented_objective(model, X, y, weights)
    model.set_params(solver=solver, learning_rate_init=1e-3, batch_size=len(X)).fit(X, y, weights)
    if solver in OF_ALL_DATA:  # the objective after an iteration
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
    minimum.set_params(solver="BFGS", tol=1e-9, max_iter=3000, alpha=12.0).fit(X, y)
    least = documented_objective(minimum, X, y)
    copy = pickle.loads(pickle.dumps(minimum))
    copy.set_params(solver=solver, max_iter=3, learning_rate_init=1e-5, tol=1e-6, batch_size=len(X)).fit(X, y)
    np.testing.assert_allclose(copy.loss_, least, rtol=1e-6)
    for name in ESTIMATED:
        for array, expected in zip(getattr(copy, name), getattr(minimum, name), strict=True):
            np.testing.assert_allclose(array, expected, atol=2e-4)


@pytest.mark.parametrize("solver", OF_ALL_DATA)
def test_methods_find_the_same_minimum(solver):
    X, y = make_task(RNNRegressor)
    settings = {"hidden_layer_sizes": (1,), "alpha": 12.0, "max_iter": 2000, "tol": 1e-6}
    reference = make_estimator(RNNRegressor, "BFGS", **settings).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # converged: nothing to warn of
        model = make_estimator(RNNRegressor, solver, **settings).fit(X, y)
    np.testing.assert_allclose(model.loss_, reference.loss_, rtol=1e-5)
    assert model.n_iter_ < 2000


@each_pair
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


@each_pair
@ignore_short_fits
def test_warm_start_continues(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver, warm_start=True, max_iter=4).fit(X, y)
    first = list(model.loss_curve_)
    model.fit(X, y)
    assert model.loss_curve_[:4] == first
    assert model.n_iter_ == len(model.loss_curve_) == 8
    assert model.loss_curve_[-1] < first[-1]
    assert model.t_ == 8 * len(X)


@pytest.mark.parametrize("solver", OF_ALL_DATA)
@ignore_short_fits
def test_solver_options_reach_scipy(solver):
    X, y = make_task(RNNRegressor)
    free = make_estimator(RNNRegressor, solver, max_iter=5).fit(X, y)
    limit = {"TNC": "maxfun", "least_squares": "max_nfev"}.get(solver, "maxiter")
    limited = make_estimator(RNNRegressor, solver, max_iter=5, solver_options={limit: 2}).fit(X, y)
    assert 1 <= limited.n_iter_ < free.n_iter_


@pytest.mark.parametrize("solver", OF_ALL_DATA)
@ignore_short_fits  # Newton-CG ends when float32 cannot resolve differences
def test_float32_finds_the_minimum_that_float64_finds(solver):
    X, y = make_task(RNNRegressor)
    settings = {"hidden_layer_sizes": (1,), "alpha": 12.0, "max_iter": 200, "tol": 1e-3}
    single, double = (
        make_estimator(RNNRegressor, solver, dtype=dtype, **settings).fit(X, y) for dtype in ("float32", "float64")
    )
    assert single.readout_weights_.dtype == np.float32
    np.testing.assert_allclose(single.loss_, double.loss_, rtol=1e-4)  # 3e-6 apart at most, on four seeds


def test_lbfgs_is_l_bfgs_b():
    X, y = make_task(RNNRegressor)
    one, other = (make_estimator(RNNRegressor, solver, tol=0.01, max_iter=500) for solver in ("lbfgs", "L-BFGS-B"))
    assert one.fit(X, y).loss_curve_ == other.fit(X, y).loss_curve_


# The same objective, the same end


@each_solver
@ignore_short_fits
@pytest.mark.axis("return_sequences", [False, True])
def test_loss_is_the_objective_to_the_last_bit(solver, return_sequences, monkeypatch):
    X, y = make_ragged_task(RNNRegressor, return_sequences=return_sequences)
    weights = 1.0 + np.arange(len(X)) % 3
    seen = []
    record = Monitor.record
    monkeypatch.setattr(Monitor, "record", lambda *arguments: (seen.append(arguments), record(*arguments))[1])
    settings = {"return_sequences": return_sequences, "batch_size": len(X), "shuffle": False}
    model = make_estimator(RNNRegressor, solver, learning_rate_init=1e-300, max_grad_norm=None, **settings)
    model.fit(X, y, weights)
    objectives = []
    full = FullObjective.full
    monkeypatch.setattr(
        FullObjective, "full", lambda *arguments: (objectives.append(arguments[0]), full(*arguments))[1]
    )
    make_estimator(RNNRegressor, "lbfgs", max_iter=1, return_sequences=return_sequences).fit(X, y, weights)
    for _, theta, loss in seen:
        assert loss == full(objectives[0], theta)[0]


def interrupting(after):
    """Return a replacement of Monitor.record that raises KeyboardInterrupt after a number of iterations."""
    record = Monitor.record

    def interrupted(self, theta, loss):
        record(self, theta, loss)
        if self.n_iter == after:
            raise KeyboardInterrupt

    return interrupted


@each_pair
@ignore_short_fits
def test_interruption_keeps_the_best_so_far_and_warns(Estimator, solver, monkeypatch):
    X, y = make_task(Estimator)
    monkeypatch.setattr(Monitor, "record", interrupting(after=4))
    with pytest.warns(UserWarning, match="interrupted by user after 4 iterations") as caught:
        model = make_estimator(Estimator, solver, max_iter=50).fit(X, y)
    assert [warning.filename for warning in caught] == [__file__]
    assert model.n_iter_ == len(model.loss_curve_) == 4
    assert model.loss_ == min(model.loss_curve_) == model.best_loss_
    assert np.isfinite(model.predict(X)).all()


@each_pair
def test_interruption_before_the_first_iteration_leaves_the_estimator_as_it_was(Estimator, solver, monkeypatch):
    X, y = make_task(Estimator)

    def interrupted(self, theta, loss):
        raise KeyboardInterrupt

    monkeypatch.setattr(Monitor, "record", interrupted)
    model = make_estimator(Estimator, solver)
    before = vars(model).copy()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert vars(model) == before


def test_interruption_returns_to_an_earlier_better_epoch(monkeypatch):
    X, y = make_task(RNNRegressor)
    thetas = []
    record = Monitor.record

    def worse_in_the_end(self, theta, loss):
        thetas.append(theta.copy())
        record(self, theta, loss + (10.0 if self.n_iter >= 2 else 0.0))
        if self.n_iter == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(Monitor, "record", worse_in_the_end)
    with pytest.warns(UserWarning, match="interrupted"):
        model = make_estimator(RNNRegressor, "adam", normalize_y=False).fit(X, y)
    assert model.loss_ == min(model.loss_curve_) == model.loss_curve_[1]
    np.testing.assert_array_equal(model.readout_bias_, thetas[1][-1:])


@each_solver
def test_loss_that_is_not_finite_says_when_and_what_to_try(solver, monkeypatch):
    X, y = make_task(RNNRegressor)
    record = Monitor.record
    monkeypatch.setattr(
        Monitor, "record", lambda self, theta, loss: record(self, theta, np.nan if self.n_iter == 2 else loss)
    )
    remedy = "random_state" if solver in OF_ALL_DATA else "learning_rate_init"
    with pytest.raises(ValueError, match=f"diverged: the loss is nan after iteration 3.*{remedy}"):
        make_estimator(RNNRegressor, solver).fit(X, y)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_least_squares_does_not_end_at_a_network_of_zeros(cell):
    X = np.random.default_rng(0).normal(size=(60, 20, 1))
    y = X.sum(axis=(1, 2))
    settings = {"hidden_layer_sizes": (3,), "cell": cell, "alpha": 0.6, "max_iter": 40}
    for seed in range(4):  # MINPACK's own first step is a hundred times as long as theta, and some seeds collapsed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = make_estimator(RNNRegressor, "least_squares", random_state=seed, **settings)
            assert model.fit(X, y).score(X, y) > 0.9


@pytest.mark.parametrize("options", [{"method": "LM"}, {"loss": "huber"}, {"method": "trf", "tr_options": 5}])
def test_least_squares_names_options_that_it_does_not_take(options):
    X, y = make_task(RNNRegressor)
    with pytest.raises((ValueError, TypeError), match="solver_options"):
        make_estimator(RNNRegressor, "least_squares", solver_options=options).fit(X, y)


def test_classifier_refuses_least_squares_with_the_reason():
    X, y = make_task(RNNClassifier)
    with pytest.raises(ValueError, match=r"least_squares.*sums of squares.*log loss"):
        make_estimator(RNNClassifier, "least_squares").fit(X, y)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile", "poisson"])
def test_least_squares_refuses_other_losses_with_the_reason(loss):
    X, y = make_task(RNNRegressor)
    with pytest.raises(ValueError, match=f"least_squares.*sums of squares.*{loss}"):
        make_estimator(RNNRegressor, "least_squares", loss=loss).fit(X, abs(y))


def test_large_jacobian_is_not_formed_and_the_fit_is_the_same(monkeypatch, capsys):
    X, y = make_task(RNNRegressor)
    settings = {"alpha": 12.0, "max_iter": 500, "tol": 1e-4, "verbose": True}
    formed = make_estimator(RNNRegressor, "least_squares", **settings).fit(X, y)
    assert "Jacobian" not in capsys.readouterr().out
    monkeypatch.setattr(_least_squares, "_MAX_JACOBIAN_BYTES", 1000)
    products = make_estimator(RNNRegressor, "least_squares", **settings).fit(X, y)
    assert "The Jacobian would take" in capsys.readouterr().out
    np.testing.assert_allclose(products.loss_, formed.loss_, rtol=1e-6)


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_least_squares_weighs_samples_by_the_roots_of_their_weights(method):
    X, y = make_task(RNNRegressor)
    weights = np.arange(len(X)) % 3
    repeated = np.repeat(np.arange(len(X)), weights)
    settings = {"alpha": 4.0, "max_iter": 200, "tol": 1e-4, "solver_options": {"method": method}}
    weighted = make_estimator(RNNRegressor, "least_squares", **settings).fit(X, y, weights)
    explicit = make_estimator(RNNRegressor, "least_squares", **settings).fit(X[repeated], y[repeated])
    np.testing.assert_array_equal(weighted.predict(X), explicit.predict(X))


@pytest.mark.parametrize("return_sequences", [False, True])
def test_least_squares_of_several_outputs_finds_the_minimum_that_others_find(return_sequences):
    X, y = make_ragged_task(RNNRegressor, return_sequences=return_sequences)
    y = [np.column_stack([targets, targets**2]) for targets in y] if return_sequences else np.column_stack([y, y**2])
    settings = {"hidden_layer_sizes": (1,), "alpha": 7.0, "max_iter": 2000, "return_sequences": return_sequences}
    fits = [
        make_estimator(RNNRegressor, solver, tol=tol, **settings).fit(X, y)
        for solver, tol in [("least_squares", 1e-4), ("BFGS", 1e-6)]
    ]
    np.testing.assert_allclose(fits[0].loss_, fits[1].loss_, rtol=1e-6)
