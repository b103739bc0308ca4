"""Tests of what befalls a process: interruptions, no memory, lost workers, many threads, forks."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import joblib
import numpy as np
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_info

import skrnn
from skrnn import RNNClassifier, RNNRegressor
from skrnn.network import _inference, _layer_workspace
from skrnn.parallel import _blas_threads
from tests.estimators.tasks import assert_same_fit, make_ragged_task, make_task
from tests.reliability.interruptions import interrupted_at

ROOT = Path(skrnn.__file__).parents[1]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
needs_callbacks = pytest.mark.skipif(
    not hasattr(RNNRegressor, "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"
)


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (3,), "max_iter": 4, "random_state": 0, **parameters})


def assert_unchanged(model, before):
    """Check that an estimator holds the very objects that it held before."""
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())


def n_blas_threads():
    """Return how many threads each BLAS library may use."""
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def settings():
    """Return what a fit sets for its own time: how many threads BLAS has, and how large the buffer of NumPy is."""
    return n_blas_threads(), np.getbufsize()


@pytest.fixture(autouse=True)
def _settings_are_left_alone():
    before = settings()
    yield
    assert settings() == before
    assert not _blas_threads._of_process.blocks


# Interruptions


@pytest.mark.axis("n_moments", [40], quick=[10])
@pytest.mark.axis(
    "parameters",
    [
        {},
        {"solver": "sgd", "early_stopping": True, "cell": "gru"},
        {"solver": "lbfgs"},
        {"solver": "least_squares"},
        {"n_init": 2},
        {"warm_start": True},
    ],
    ids=str,
)
def test_interruption_at_any_line_of_fit_leaves_a_usable_estimator(parameters, n_moments):
    X, y = make_task(RNNRegressor)
    model = make_estimator(**parameters).fit(X, y)
    earlier = pickle.dumps(model)
    with interrupted_at(None) as lines:
        model.fit(X, y)
    whole = model
    n_raised = 0
    moments = np.random.default_rng(0).integers(1, len(lines) + 1, size=n_moments).tolist()
    for moment in moments:
        model = pickle.loads(earlier)
        before = vars(model).copy()
        with warnings.catch_warnings(record=True) as caught, interrupted_at(moment) as lines:
            warnings.simplefilter("always")
            try:
                model.fit(X, y)
            except KeyboardInterrupt:
                n_raised += 1
                assert_unchanged(model, before)
            else:
                assert any("interrupted by user" in str(warning.message) for warning in caught), lines[-1]
        assert np.isfinite(model.predict(X)).all()
        if not model.warm_start:
            assert_same_fit(model.fit(X, y), whole)
    assert 0 < n_raised < len(moments)


@pytest.mark.parametrize("method", ["fit", "predict"])
@pytest.mark.parametrize("when", [np.setbufsize, np.errstate.__enter__], ids=["buffer", "error handling"])
def test_interruption_as_numpy_is_set_up_leaves_its_settings(when, method, monkeypatch):
    """In the moment after they are set, in which no block knows of it yet."""
    X, y = make_task(RNNRegressor)
    model, before = make_estimator().fit(X, y), (np.geterr(), np.getbufsize())

    def interrupted(*arguments):
        when(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(np if when is np.setbufsize else np.errstate, when.__name__, interrupted)
    with pytest.raises(KeyboardInterrupt):
        getattr(model, method)(*((X, y) if method == "fit" else (X,)))
    monkeypatch.undo()
    found = np.geterr(), np.getbufsize()
    np.seterr(**before[0])
    np.setbufsize(before[1])
    assert found == before


@pytest.mark.axis("step", [7], quick=[29])
def test_interruption_at_any_line_of_predict_leaves_the_estimator_as_it_is(step):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(n_jobs=2).fit(X, y)
    before, expected = vars(model).copy(), model.predict(X)
    with interrupted_at(None) as lines:
        model.predict(X)
    for moment in range(1, len(lines) + 1, step):
        with interrupted_at(moment), pytest.raises(KeyboardInterrupt):
            model.predict(X)
        assert_unchanged(model, before)
        np.testing.assert_array_equal(model.predict(X), expected)


# One that comes while garbage is collected is lost: Python complains of it, and goes on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system sends no signal at a time of one's choice")
@pytest.mark.axis("n_signals", [60], quick=[15])
@pytest.mark.axis("parameters", [{}, {"early_stopping": True}, {"solver": "lbfgs", "n_jobs": 2}], ids=str)
def test_signals_at_any_time_leave_a_usable_estimator(parameters, n_signals):
    X, y = make_task(RNNRegressor)
    whole = make_estimator(**parameters).fit(X, y)
    begin = time.perf_counter()
    whole.fit(X, y)
    duration = time.perf_counter() - begin
    blas_threads = n_blas_threads()
    rng = np.random.default_rng(0)
    model = make_estimator(**parameters).fit(X, y)

    def interrupt(*_):
        raise KeyboardInterrupt

    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(n_signals):
            before = vars(model).copy()
            with (
                suppress(KeyboardInterrupt),
                warnings.catch_warnings(),
            ):  # the latter may be the one that is interrupted
                warnings.simplefilter("ignore")
                try:
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0, duration))
                    model.fit(X, y)
                except (KeyboardInterrupt, TypeError):  # which NumPy makes of one while it compares structured arrays
                    assert_unchanged(model, before)
                signal.setitimer(signal.ITIMER_REAL, 0.0)
            assert np.isfinite(model.predict(X)).all()
            assert n_blas_threads() == blas_threads
            assert len(model.loss_curve_) == len(model.validation_loss_curve_ or model.loss_curve_)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handler)
    assert_same_fit(model.fit(X, y), whole)


# No memory


class Scarce:
    """NumPy, whose n-th new array is one too many."""

    def __init__(self, n_arrays):
        self.n_arrays = n_arrays
        self.n_asked = 0

    def __getattr__(self, name):
        """Return NumPy's."""
        return getattr(np, name)

    def _take(self, make, *arguments):
        self.n_asked += 1
        if self.n_asked == self.n_arrays:
            raise MemoryError("no room for an array")
        return make(*arguments)

    def zeros(self, *arguments):
        return self._take(np.zeros, *arguments)

    def ones(self, *arguments):
        return self._take(np.ones, *arguments)

    def empty(self, *arguments):
        return self._take(np.empty, *arguments)


@pytest.mark.parametrize(
    "parameters", [{}, {"solver": "lbfgs", "n_jobs": 2}, {"dropout": 0.2, "cell": "lstm"}], ids=str
)
def test_no_memory_for_a_workspace(parameters, monkeypatch):
    X, y = make_ragged_task(RNNRegressor)
    whole = make_estimator(**parameters).fit(X, y)
    model = make_estimator(**parameters).fit(X[:10], y[:10])
    before = vars(model).copy()
    monkeypatch.setattr(_layer_workspace, "np", everything := Scarce(None))
    model.fit(X, y)
    n_arrays = everything.n_asked
    assert n_arrays >= 10
    model.__dict__ = before.copy()
    for n in range(1, n_arrays + 1):
        monkeypatch.setattr(_layer_workspace, "np", Scarce(n))
        with pytest.raises(MemoryError):
            model.fit(X, y)
        assert_unchanged(model, before)
        monkeypatch.undo()
        if n % 8 == 0:
            assert_same_fit(pickle.loads(pickle.dumps(model)).fit(X, y), whole)
    predictions = whole.predict(X)
    _inference._kept_workspaces.cache_clear()
    monkeypatch.setattr(_layer_workspace, "np", Scarce(2))
    with pytest.raises(MemoryError):
        whole.predict(X)
    monkeypatch.undo()
    np.testing.assert_array_equal(whole.predict(X), predictions)


# Threads


@pytest.mark.axis("n_times", [5], quick=[2])
def test_ten_threads_predict_with_one_estimator_and_fit_others(n_times):
    X, y = make_ragged_task(RNNRegressor)
    labels = (y > 0).astype(int)
    shared = make_estimator(return_sequences=False, cell="gru", bidirectional=True).fit(X, y)
    classifier = make_estimator(RNNClassifier, cell="lstm", n_jobs=2).fit(X, labels)
    before = vars(shared).copy(), vars(classifier).copy()
    expected = shared.predict(X), classifier.predict_proba(X), shared.hidden_states(X)
    solvers = ("adam", "sgd", "lbfgs", "least_squares", "Newton-CG")
    fitted = {solver: make_estimator(solver=solver, n_jobs=2).fit(X, y) for solver in solvers}
    barrier = threading.Barrier(10)

    def work(number):
        barrier.wait()
        for _ in range(n_times):
            np.testing.assert_array_equal(shared.predict(X), expected[0])
            np.testing.assert_array_equal(classifier.predict_proba(X), expected[1])
            for states, others in zip(shared.hidden_states(X), expected[2], strict=True):
                np.testing.assert_array_equal(states, others)
            solver = solvers[number % len(solvers)]
            assert_same_fit(make_estimator(solver=solver, n_jobs=1 + number % 2).fit(X, y), fitted[solver])
        return number

    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(work, range(10))) == list(range(10))
    assert_unchanged(shared, before[0])
    assert_unchanged(classifier, before[1])


# Workers


@needs_callbacks
@pytest.mark.thorough
def test_worker_that_is_lost_in_a_fit_is_a_clear_error(tmp_path):
    X, y = make_task(RNNRegressor)
    model = make_estimator(n_init=4, n_jobs=2).fit(X[:20], y[:20])
    model.set_callbacks(Killer(tmp_path / "killed"))
    before = vars(model).copy()
    with pytest.raises(TerminatedWorkerError, match="worker process managed by the executor was unexpectedly terminat"):
        model.fit(X, y)
    assert (tmp_path / "killed").exists()
    assert_unchanged(model, before)
    model.fit(X, y)  # by other workers, which find that one has been killed
    assert_same_fit(model, make_estimator(n_init=4).fit(X, y))


class Killer:
    """A callback that kills the process in which an iteration ends, once, unless it is the one that made it."""

    def __init__(self, mark):
        self.mark, self.parent = mark, os.getpid()

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "iteration" and os.getpid() != self.parent and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

    def teardown(self, estimator, context):
        pass


@pytest.mark.thorough
def test_workers_that_are_lost_between_predictions():
    X, y = make_ragged_task(RNNRegressor, n_samples=600)
    model = make_estimator(bidirectional=True, n_jobs=2).fit(X[:20], y[:20])
    expected = model.predict(X)
    with joblib.parallel_config(backend="loky"):
        np.testing.assert_array_equal(model.predict(X), expected)
        pids = set(joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(20)))
        for pid in pids:
            os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        with suppress(TerminatedWorkerError):  # whether they are missed at once is up to the system
            np.testing.assert_array_equal(model.predict(X), expected)
        np.testing.assert_array_equal(model.predict(X), expected)


# Forks

METHODS = ["fork", "spawn", "forkserver"] if hasattr(os, "fork") else ["spawn"]
FORKED = """
import multiprocessing, os, signal, sys, threading, warnings
import numpy as np
from skrnn import RNNRegressor
from skrnn.parallel._blas_threads import single_threaded_blas

warnings.simplefilter("ignore")


def check(model, X, expected):
    if hasattr(signal, "alarm"):
        signal.alarm(60)  # ends a child that waits for ever
    assert np.array_equal(model.predict(X), expected)
    assert np.array_equal(model.set_params(n_jobs=2).predict(X), expected)
    again = RNNRegressor((4,), random_state=0, max_iter=3, solver="lbfgs", n_jobs=2).fit(X[:50], expected[:50])
    assert np.isfinite(again.predict(X)).all()


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 4, 1)), rng.normal(size=500)
    model = RNNRegressor((4,), random_state=0, max_iter=3, bidirectional=True).fit(X, y)
    stream = RNNRegressor((4,), random_state=0, max_iter=3).fit(X, y).stream()
    expected = model.set_params(n_jobs=2).predict(X)
    n_forks = int(sys.argv[1])
    for method in sys.argv[2:]:
        context = multiprocessing.get_context(method)
        # Another thread limits BLAS again and again: a fork must not inherit a lock that nobody is left to open.
        pause = 0.0001 if method == "fork" else 0.01
        is_over = threading.Event()

        def limit():
            while not is_over.wait(pause):
                with single_threaded_blas():
                    pass

        thread = threading.Thread(target=limit, daemon=True)
        thread.start()
        for _ in range(n_forks if method == "fork" else 1):
            child = context.Process(target=check, args=(model, X, expected))
            child.start()
            child.join()
            assert child.exitcode == 0, (method, child.exitcode)
        is_over.set()
        thread.join()
        assert np.array_equal(model.predict(X), expected)
"""


@pytest.mark.thorough  # scenarios of tests/parallel/blas_threads.py fork while others fit
@pytest.mark.axis("n_forks", [8], quick=[2])
@pytest.mark.axis("methods", [METHODS], quick=[METHODS[:1]], ids=str)  # other tests too have workers that are spawned
def test_children_predict_and_fit(n_forks, methods, tmp_path):
    (tmp_path / "forked.py").write_text(FORKED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "forked.py"), str(n_forks), *methods]
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
