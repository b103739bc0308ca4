"""Fits, searches and predictions on a Dask cluster of two processes: bitwise identical to those on one machine."""

from copy import deepcopy
from functools import partial

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrnn import RNNClassifier, RNNRegressor
from skrnn.parallel import _workers
from skrnn.sequences._ragged import Sequences
from tests.cluster.tasks import assert_same_fit, make_regressor, make_task, two_workers

distributed = pytest.importorskip("distributed", reason="needs a Dask cluster: make test-cluster")


@pytest.fixture
def workers_alone(monkeypatch):
    """Raise if this process computes a chunk, or a run, instead of the workers."""

    def refuse(function, *arguments):
        raise AssertionError("computed by the client")

    monkeypatch.setattr(_workers, "_work", refuse)


@pytest.fixture
def n_pickled(monkeypatch):
    """Return a list that grows by one whenever this process pickles sequences."""
    pickled, reduce = [], Sequences.__reduce__

    def counting(sequences):
        pickled.append(len(sequences))
        return reduce(sequences)

    monkeypatch.setattr(Sequences, "__reduce__", counting)
    return pickled


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_jobs", [None, -1])
@pytest.mark.parametrize(
    ("solver", "solver_options"),
    [("lbfgs", None), ("trust-ncg", None), ("least_squares", None), ("least_squares", {"tr_solver": "lsmr"})],
)
def test_full_batch_fits_are_the_same(client, several_chunks, workers_alone, n_pickled, solver, solver_options, n_jobs):
    X, y = make_task()
    make = partial(make_regressor, solver, solver_options=solver_options)
    alone = make().fit(X, y, X_val=X[:9], y_val=y[:9])
    with joblib.parallel_config("dask"):
        spread = make(n_jobs=n_jobs).fit(X, y, X_val=X[:9], y_val=y[:9])
    assert_same_fit(spread, alone)
    assert sorted(n_pickled) == [9, 23]  # both kinds of data once, for any number of evaluations


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("return_sequences", [False, True])
def test_answers_are_the_same(client, several_chunks, workers_alone, n_pickled, return_sequences):
    X = np.random.default_rng(0).normal(size=(40, 5, 2))
    y = X[..., 0] if return_sequences else X[:, -1, 0]
    alone = make_regressor(return_sequences=return_sequences).fit(X, y)
    spread = deepcopy(alone).set_params(n_jobs=-1)
    with joblib.parallel_config("dask"):
        answers, states = spread.predict(X), spread.hidden_states(X)
    assert n_pickled == [40, 40]
    np.testing.assert_array_equal(answers, alone.predict(X))
    np.testing.assert_array_equal(states, alone.hidden_states(X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_starts_are_the_same(client, workers_alone, n_pickled, solver):
    X, y = make_task()
    with joblib.parallel_config("dask"):
        spread = make_regressor(solver, n_init=4, n_jobs=-1).fit(X, y)
    assert n_pickled == [23]
    alone = make_regressor(solver, n_init=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_workers, "_work", lambda function, *arguments: function(*arguments))
        alone.fit(X, y)
    assert_same_fit(spread, alone)
    assert spread.loss_curves_ == alone.loss_curves_


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_grid_search_is_the_same(client):
    X = np.random.default_rng(0).normal(size=(60, 5, 1))
    y = X[:, -1, 0] * X[:, 0, 0]
    search = GridSearchCV(make_regressor(), {"alpha": [0.0, 0.1], "cell": ["rnn", "lstm"]}, cv=3, error_score="raise")
    alone = clone(search).fit(X, y)
    with joblib.parallel_config("dask"):
        spread = search.set_params(n_jobs=-1).fit(X, y)
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_array_equal(spread.cv_results_[name], alone.cv_results_[name])
    assert_same_fit(spread.best_estimator_, alone.best_estimator_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_jobs", [None, -1])
def test_fits_of_a_search_of_several_chunks(client, n_jobs):
    """If all threads of the cluster are busy with fits, a fit that uses the cluster must not wait forever."""
    X = np.random.default_rng(0).normal(size=(6200, 2, 1))
    y = X[:, -1, 0] * X[:, 0, 0]
    search = GridSearchCV(RNNRegressor((2,), solver="lbfgs", max_iter=2, random_state=0), {"alpha": [0.0, 0.1]}, cv=2)
    alone = clone(search).fit(X, y)
    with joblib.parallel_config("dask"):
        spread = search.set_params(n_jobs=-1, estimator__n_jobs=n_jobs).fit(X, y)
    np.testing.assert_array_equal(spread.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])


def test_each_fit_of_a_search_stays_on_its_worker(client):
    count = joblib.delayed(_workers._count_workers)
    with joblib.parallel_config("dask"):
        assert _workers._count_workers(None) == 2
        assert joblib.Parallel()(count(n_jobs) for n_jobs in (None, 1, -1)) == [1, 1, 2]
    assert _workers._count_workers(None) == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_an_evaluation_sends_little_more_than_theta(client, monkeypatch):
    """Everything that this process sends is counted, including the scheduler, which forwards it."""
    from distributed.comm.tcp import TCP

    sent, write = [], TCP.write

    async def counting(comm, *arguments, **keywords):
        n_bytes = await write(comm, *arguments, **keywords)
        sent.append(n_bytes)
        return n_bytes

    monkeypatch.setattr(TCP, "write", counting)
    X = np.random.default_rng(0).normal(size=(8192, 64, 8)).astype(np.float32)
    y = X[:, -1, 0] * X[:, 0, 0]
    n_bytes = {}
    for max_fun in (2, 6):
        sent.clear()
        with joblib.parallel_config("dask"):
            RNNRegressor((8,), solver="lbfgs", max_fun=max_fun, random_state=0, n_jobs=-1).fit(X, y)
        n_bytes[max_fun] = sum(sent)
    assert X.nbytes < n_bytes[2] < 3 * X.nbytes  # once to the scheduler, once to a worker, which sends it to the other
    assert n_bytes[6] - n_bytes[2] < 0.1 * X.nbytes


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_workers_that_are_threads(several_chunks):
    X, y = make_task()
    alone = RNNClassifier((3,), solver="lbfgs", max_iter=4, random_state=0).fit(X, y > 0)
    with two_workers(processes=False), joblib.parallel_config("dask"):
        spread = RNNClassifier((3,), solver="lbfgs", max_iter=4, random_state=0, n_jobs=-1).fit(X, y > 0)
        np.testing.assert_array_equal(spread.predict_proba(X), alone.predict_proba(X))
    assert_same_fit(spread, alone)
