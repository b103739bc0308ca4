"""Tests of several starts: seeded, the best of them kept, the same by any number of workers."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor
from skrnn.solvers._monitor import Monitor
from tests.estimators.tasks import make_task

pytestmark = pytest.mark.filterwarnings("ignore:Maximum iterations:sklearn.exceptions.ConvergenceWarning")
each_estimator = pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
each_solver = pytest.mark.parametrize("solver", ["adam", "lbfgs", "trust-exact"])


def make_estimator(Estimator, **parameters):
    settings = {"hidden_layer_sizes": (2,), "max_iter": 5, "random_state": 0, "alpha": 0.01, "n_init": 4}
    return Estimator(**{**settings, **parameters})


def split(Estimator):
    X, y = make_task(Estimator)
    return X[:30], y[:30], X[30:], y[30:]


@each_estimator
@each_solver
def test_keeps_the_start_of_least_loss(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver).fit(X, y)
    assert len(model.loss_curves_) == 4
    assert len({curve[-1] for curve in model.loss_curves_}) == 4
    assert model.loss_ == model.loss_curve_[-1] == min(curve[-1] for curve in model.loss_curves_)
    assert model.loss_curve_ in model.loss_curves_
    assert model.n_iter_ == len(model.loss_curve_)
    assert model.t_ == model.n_iter_ * len(X)


@each_estimator
@each_solver
def test_the_first_start_is_that_of_a_single_one(Estimator, solver):
    X, y = make_task(Estimator)
    several, single = (make_estimator(Estimator, solver=solver, n_init=n).fit(X, y) for n in (4, 1))
    assert several.loss_curves_[0] == single.loss_curve_
    assert single.loss_curves_ == [single.loss_curve_]


@each_solver
def test_more_starts_add_to_the_first_ones(solver):
    X, y = make_task(RNNRegressor)
    few, many = (make_estimator(RNNRegressor, solver=solver, n_init=n).fit(X, y) for n in (2, 4))
    assert many.loss_curves_[:2] == few.loss_curves_
    assert many.loss_ <= few.loss_


@pytest.mark.parametrize("parameters", [{}, {"dropout": 0.3}, {"solver": "least_squares"}], ids=str)
def test_the_number_of_workers_does_not_matter(parameters):
    X, y = make_task(RNNRegressor)
    one, two = (
        make_estimator(RNNRegressor, n_jobs=n_jobs, random_state=np.random.RandomState(5), **parameters).fit(X, y)
        for n_jobs in (None, 2)
    )
    assert one.loss_curves_ == two.loss_curves_
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    assert one.random_state.randint(10**9) == two.random_state.randint(10**9)


@each_estimator
def test_validation_data_decide(Estimator):
    X, y, X_val, y_val = split(Estimator)
    starts = []
    kept = Monitor.kept

    def spy(self, theta):
        starts.append(self.validation_loss_curve)
        return kept(self, theta)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "kept", spy)
        model = make_estimator(Estimator, n_init=6).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.validation_loss_curve_ == min(starts, key=lambda curve: curve[-1])


@each_estimator
def test_with_early_stopping_the_best_validation_score_decides(Estimator):
    X, y, X_val, y_val = split(Estimator)
    best_scores = []
    kept = Monitor.kept

    def spy(self, theta):
        best_scores.append(max(self.validation_scores))
        return kept(self, theta)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Monitor, "kept", spy)
        model = make_estimator(Estimator, n_init=6, early_stopping=True).fit(X, y, X_val=X_val, y_val=y_val)
    assert model.best_validation_score_ == max(best_scores)
    np.testing.assert_allclose(model.score(X_val, y_val), max(best_scores), rtol=1e-9)


def test_diverging_starts_are_left_out_with_a_warning(monkeypatch):
    X, y = make_task(RNNRegressor)
    single = make_estimator(RNNRegressor, n_init=1).fit(X, y).loss_curve_[0]
    record = Monitor.record
    monkeypatch.setattr(
        Monitor, "record", lambda self, theta, loss: record(self, theta, np.nan if loss == single else loss)
    )
    with pytest.warns(ConvergenceWarning, match="diverged in 1 of 4 starts"):
        model = make_estimator(RNNRegressor).fit(X, y)
    assert model.loss_curves_[0] == []
    assert np.isfinite(model.predict(X)).all()


def test_divergence_from_every_start_is_an_error(monkeypatch):
    X, y = make_task(RNNRegressor)
    record = Monitor.record
    monkeypatch.setattr(Monitor, "record", lambda self, theta, loss: record(self, theta, np.nan))
    model = make_estimator(RNNRegressor)
    before = vars(model).copy()
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, y)
    assert vars(model) == before


def test_interruption_of_a_later_start_keeps_the_best_so_far(monkeypatch):
    X, y = make_task(RNNRegressor)
    whole = make_estimator(RNNRegressor).fit(X, y)
    n_recorded = 0
    record = Monitor.record

    def interrupted(self, theta, loss):
        nonlocal n_recorded
        n_recorded += 1
        record(self, theta, loss)
        if n_recorded == 5 + 5 + 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Monitor, "record", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user after 2 iterations of start 3"):
        model = make_estimator(RNNRegressor).fit(X, y)
    assert model.loss_curves_ == [*whole.loss_curves_[:2], whole.loss_curves_[2][:2]]
    assert model.loss_ == min(curve[-1] for curve in model.loss_curves_)


def test_interruption_at_the_very_beginning_of_a_later_start(monkeypatch):
    X, y = make_task(RNNRegressor)
    n_recorded = 0
    record = Monitor.record

    def interrupted(self, theta, loss):
        nonlocal n_recorded
        n_recorded += 1
        if n_recorded == 6:
            raise KeyboardInterrupt
        record(self, theta, loss)

    monkeypatch.setattr(Monitor, "record", interrupted)
    with pytest.warns(UserWarning, match="interrupted by user after 1 of 4 starts"):
        model = make_estimator(RNNRegressor).fit(X, y)
    assert len(model.loss_curves_) == 1


def test_warm_start_begins_where_the_last_fit_ended():
    X, y = make_task(RNNRegressor)
    model = make_estimator(RNNRegressor, solver="lbfgs", warm_start=True).fit(X, y)
    first = model.loss_curve_
    model.fit(X, y)
    assert model.loss_curve_[:5] == first
    assert model.loss_curves_ == [model.loss_curve_]
    assert model.loss_ < first[-1]


def test_partial_fit_rejects_several_starts_but_continues_from_the_best():
    X, y = make_task(RNNRegressor)
    with pytest.raises(ValueError, match="n_init is 4, but partial_fit"):
        make_estimator(RNNRegressor).partial_fit(X, y)
    model = make_estimator(RNNRegressor).fit(X, y)
    assert model.partial_fit(X, y).n_iter_ == 6


def test_infinite_validation_losses_are_still_better_than_divergence(monkeypatch):
    X, y = make_task(RNNRegressor)
    first = make_estimator(RNNRegressor, n_init=1).fit(X, y).loss_curve_[0]
    record = Monitor.record

    def diverging(self, theta, loss):
        self.validate = lambda theta: (np.inf, 0.0)
        record(self, theta, np.nan if loss == first else loss)

    monkeypatch.setattr(Monitor, "record", diverging)
    with pytest.warns(ConvergenceWarning, match="diverged in 1 of 4 starts"):
        make_estimator(RNNRegressor).fit(X, y)


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_other_backends_of_joblib_give_the_same(backend):
    X, y = make_task(RNNRegressor)
    one = make_estimator(RNNRegressor).fit(X, y)
    with joblib.parallel_config(backend=backend):
        two = make_estimator(RNNRegressor, n_jobs=2).fit(X, y)
        predictions = two.predict(X)
    assert one.loss_curves_ == two.loss_curves_
    np.testing.assert_array_equal(predictions, one.predict(X))


@pytest.mark.parametrize(("n_init", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)])
def test_n_init_is_checked(n_init, error):
    X, y = make_task(RNNRegressor)
    with pytest.raises(error, match="n_init"):
        make_estimator(RNNRegressor, n_init=n_init).fit(X, y)


def test_says_which_start_it_is(capsys):
    X, y = make_task(RNNRegressor)
    make_estimator(RNNRegressor, n_init=2, max_iter=1, verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:10] for line in lines] == ["Start 1 of", "Iteration ", "Start 2 of", "Iteration "]


def test_fitted_estimator_pickles():
    X, y = make_task(RNNRegressor)
    model = make_estimator(RNNRegressor).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
