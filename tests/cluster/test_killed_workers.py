"""Workers of a Dask cluster that are killed during a fit, whose result does not change."""

import gc
import os
import signal
import time

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skrnn import RNNRegressor
from skrnn.network._full_objectives import FullObjective
from skrnn.parallel import _workers
from skrnn.parallel._dask import Keepers, active_cluster, find_shared
from skrnn.solvers._monitor import Monitor
from tests.cluster.tasks import assert_same_fit, make_regressor, make_task

distributed = pytest.importorskip("distributed", reason="needs a Dask cluster: make test-cluster")
pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no signal that kills a process"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

PATIENCE = 60  # seconds


def kill(process):
    os.kill(process, signal.SIGKILL)


def pids(client):
    """Return the process of each worker."""
    return client.run(os.getpid, on_error="ignore")  # one may be dying


def wait_until(condition):
    """Poll until the condition holds, or fail."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def die_in_task(n_tasks, owner, name):
    """Make this process terminate itself during the task with this number."""
    n_begun, method = [], getattr(owner, name)

    def dying(*arguments, **keywords):
        n_begun.append(None)
        if len(n_begun) == n_tasks:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*arguments, **keywords)

    setattr(owner, name, dying)


def condemn(client, n_tasks, owner, name):
    """Let the first of two workers terminate during a task, and return its process."""
    address, process = min(pids(client).items())
    client.run(die_in_task, n_tasks, owner, name, workers=[address])
    return process


@pytest.mark.parametrize("n_tasks", [1, 6])
def test_a_worker_that_dies_in_a_chunk(mortal_client, several_chunks, n_tasks):
    X, y = make_task()
    alone = make_regressor().fit(X, y)
    victim = condemn(mortal_client, n_tasks, FullObjective, "_loss_gradient_of")
    with joblib.parallel_config("dask"):
        spread = make_regressor(n_jobs=-1).fit(X, y)
    assert_same_fit(spread, alone)
    assert victim not in pids(mortal_client).values()


def test_all_workers_that_die_between_two_iterations(mortal_client, several_chunks, monkeypatch):
    """Only the client still has the data."""
    X, y = make_task()
    alone = make_regressor().fit(X, y)
    victims, record = set(pids(mortal_client).values()), Monitor.record

    def record_and_kill(monitor, *arguments):
        record(monitor, *arguments)
        if len(monitor.loss_curve) == 2:
            for victim in victims:
                kill(victim)

    monkeypatch.setattr(Monitor, "record", record_and_kill)
    with joblib.parallel_config("dask"):
        spread = make_regressor(n_jobs=-1).fit(X, y)
    assert_same_fit(spread, alone)
    mortal_client.wait_for_workers(2, timeout=PATIENCE)
    assert not victims & set(pids(mortal_client).values())


def test_a_worker_that_dies_in_one_of_several_starts(mortal_client):
    X, y = make_task()
    alone = make_regressor(n_init=5).fit(X, y)
    victim = condemn(mortal_client, 1, FullObjective, "full")
    with joblib.parallel_config("dask"):
        spread = make_regressor(n_init=5, n_jobs=-1).fit(X, y)
    assert_same_fit(spread, alone)
    assert spread.loss_curves_ == alone.loss_curves_
    assert victim not in pids(mortal_client).values()


def test_a_worker_that_dies_in_a_grid_search(mortal_client):
    X = np.random.default_rng(0).normal(size=(60, 5, 1))
    y = X[:, -1, 0] * X[:, 0, 0]
    grid = {"alpha": [0.0, 0.1, 0.2]}
    alone = GridSearchCV(make_regressor(), grid, cv=3, error_score="raise").fit(X, y)
    victim = condemn(mortal_client, 3, FullObjective, "full")
    with joblib.parallel_config("dask", scatter=[X, y]):
        spread = GridSearchCV(make_regressor(), grid, cv=3, error_score="raise", n_jobs=-1).fit(X, y)
    np.testing.assert_array_equal(spread.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert_same_fit(spread.best_estimator_, alone.best_estimator_)
    assert victim not in pids(mortal_client).values()


def has(token):
    return find_shared(token) is not None


def test_new_workers_receive_the_data_and_all_release_it_at_the_end(mortal_client):
    with joblib.parallel_config("dask"):
        keepers = Keepers(active_cluster(), np.arange(3))
    token, (first, _) = keepers.token, pids(mortal_client)
    assert list(mortal_client.run(has, token).values()) == [True, True]
    victim = pids(mortal_client)[first]
    kill(victim)
    wait_until(lambda: len(pids(mortal_client)) == 2 and victim not in pids(mortal_client).values())
    assert sorted(mortal_client.run(has, token).values()) == [False, True]
    keepers.supply()
    assert list(mortal_client.run(has, token).values()) == [True, True]
    del keepers
    gc.collect()
    wait_until(lambda: not any(mortal_client.run(has, token).values()))


def test_copies_outlive_the_reduction_of_replicas(client):
    """Dask keeps one copy of data sent to all workers, and soon drops the others."""
    with joblib.parallel_config("dask"):
        keepers = Keepers(active_cluster(), np.arange(3))
    (replicated,) = client.scatter([np.arange(4)], broadcast=True, hash=False)
    wait_until(lambda: len(client.who_has([replicated])[replicated.key]) == 1)
    assert list(client.run(has, keepers.token).values()) == [True, True]


def test_a_run_that_nobody_can_do_is_done_here(client, monkeypatch):
    """Workers that have lost their copies compute nothing."""
    monkeypatch.setattr(_workers, "find_shared", None)
    X, y = make_task()
    alone = RNNRegressor((3,), max_iter=3, n_init=3, random_state=0).fit(X, y)
    client.run(lose_all)
    try:
        with joblib.parallel_config("dask"):
            spread = RNNRegressor((3,), max_iter=3, n_init=3, random_state=0, n_jobs=-1).fit(X, y)
    finally:
        client.run(find_again)
    assert spread.loss_curves_ == alone.loss_curves_


def lose_all():
    _workers.find_shared = lambda token: None


def find_again():
    _workers.find_shared = find_shared
