"""Tests of scikit-learn's callbacks: which calls they receive, in every solver, and what they can do."""

import inspect
import pickle
import warnings
from itertools import product

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.estimators import _callbacks
from skrnn.metrics import make_sequence_scorer
from skrnn.solvers._monitor import Monitor
from skrnn.solvers._registry import SOLVERS, UPDATE_RULES
from tests.callbacks.recorder import Recorder, Stopping
from tests.estimators.tasks import assert_same_fit, make_ragged_task, make_task

has_callbacks = hasattr(RNNRegressor, "set_callbacks")
needs_callbacks = pytest.mark.skipif(not has_callbacks, reason="scikit-learn before 1.9 has no callbacks")
ignore_short_fits = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
each_solver = pytest.mark.parametrize("solver", SOLVERS)
each_pair = pytest.mark.parametrize(
    ("Estimator", "solver"),
    [
        *product([RNNRegressor], SOLVERS),
        *product([RNNClassifier], [name for name in SOLVERS if name != "least_squares"]),
    ],
)


def make_estimator(Estimator=RNNRegressor, **parameters):
    settings = {"hidden_layer_sizes": (2,), "max_iter": 6, "random_state": 0, "alpha": 0.01, "learning_rate_init": 0.01}
    return Estimator(**{**settings, **parameters})


def test_there_are_callbacks_from_scikit_learn_1_9_on():
    version = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
    assert has_callbacks == (version >= (1, 9))


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_fit_keeps_its_signature(Estimator):
    expected = ["self", "X", "y", "sample_weight", "X_val", "y_val", "sample_weight_val"]
    assert list(inspect.signature(Estimator.fit).parameters) == expected
    assert Estimator.fit.__name__ == "fit"


def test_without_callbacks_nobody_is_told(monkeypatch):
    X, y = make_task(RNNRegressor)
    monkeypatch.setattr(_callbacks, "Task", None)
    monkeypatch.setattr(_callbacks, "IterationWatcher", None)
    monitors = []
    record = Monitor.record
    monkeypatch.setattr(Monitor, "record", lambda *args: (monitors.append(args[0]), record(*args))[1])
    with pytest.warns(ConvergenceWarning):
        model = make_estimator().fit(X, y)
    assert monitors[0].watcher is None
    assert not any("callback" in name for name in vars(model))


# Which tasks there are


@needs_callbacks
@each_pair
@ignore_short_fits
def test_each_iteration_begins_and_ends(Estimator, solver):
    X, y = make_task(Estimator)
    weights = 1.0 + np.arange(len(X)) % 2
    recorder = Recorder()
    model = make_estimator(Estimator, solver=solver).set_callbacks(recorder).fit(X, y, weights)
    assert model.n_iter_ == 6
    iterations = [(event, "iteration", i) for i in range(6) for event in ("begin", "end")]
    assert recorder.events == [
        ("setup", "fit", 0),
        ("begin", "fit", 0),
        *iterations,
        ("end", "fit", 0),
        ("teardown", "fit", 0),
    ]
    assert all(arguments["X"] is X and arguments["y"] is y for arguments in recorder.arguments)
    assert all(arguments["metadata"]["sample_weight"] is weights for arguments in recorder.arguments)
    assert recorder.max_subtasks["fit"] == 6


@needs_callbacks
@ignore_short_fits
def test_data_are_as_the_user_passed_them():
    X, y = make_ragged_task(RNNRegressor)
    recorder = Recorder()
    make_estimator(max_iter=1).set_callbacks(recorder).fit(X, y)
    assert all(arguments["X"] is X for arguments in recorder.arguments)
    assert all(arguments["metadata"] is None for arguments in recorder.arguments)


@needs_callbacks
@pytest.mark.parametrize("solver", [name for name in SOLVERS if name not in UPDATE_RULES])
def test_convergence_leaves_no_iteration_open(solver):
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    model = make_estimator(solver=solver, hidden_layer_sizes=(1,), alpha=0.3, max_iter=2000, tol=1e-6)
    model.set_callbacks(recorder).fit(X, y)
    counts = [sum(event[:2] == (kind, "iteration") for event in recorder.events) for kind in ("begin", "end")]
    assert counts[0] == counts[1]
    assert len(recorder.fitted) - 1 == model.n_iter_  # and the fit as a whole


@needs_callbacks
@pytest.mark.parametrize("solver", ["lbfgs", "least_squares", "SLSQP"])
@ignore_short_fits
def test_evaluations_that_come_to_nothing_are_an_iteration_without_an_estimator(solver):
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    model = make_estimator(solver=solver, max_iter=50, max_fun=12).set_callbacks(recorder).fit(X, y)
    begun, ended = (sum(event[:2] == (kind, "iteration") for event in recorder.events) for kind in ("begin", "end"))
    assert begun == ended <= model.n_iter_ + 1
    assert len(recorder.fitted) - 1 == model.n_iter_


@needs_callbacks
@each_solver
@ignore_short_fits
def test_callbacks_do_not_change_the_fit(solver):
    X, y = make_task(RNNRegressor)
    plain, watched = make_estimator(solver=solver), make_estimator(solver=solver).set_callbacks(Recorder())
    assert plain.fit(X, y).loss_curve_ == watched.fit(X, y).loss_curve_
    assert_same_fit(plain, watched)
    assert set(vars(watched)) - set(vars(plain)) == {"_skl_callbacks"}


# The estimator at an iteration


@needs_callbacks
@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd", "dropout": 0.3, "dtype": "float32"},
        {"solver": "lbfgs"},
        {"solver": "adam", "early_stopping": True},
        {"solver": "lbfgs", "early_stopping": True},
    ],
    ids=str,
)
@ignore_short_fits
def test_fitted_estimator_is_that_of_a_fit_which_ended_there(Estimator, parameters):
    X, y = make_task(Estimator)
    recorder = Recorder()
    make_estimator(Estimator, **parameters).set_callbacks(recorder).fit(X, y)
    for n_iter, snapshot in enumerate(recorder.fitted[:6], start=1):
        ended = make_estimator(Estimator, max_iter=n_iter, **parameters).fit(X, y)
        np.testing.assert_array_equal(snapshot.predict(X), ended.predict(X))
        assert_same_fit(snapshot, ended)
        for name in ("n_iter_", "loss_", "loss_curve_", "loss_curves_", "t_", "validation_scores_", "best_loss_"):
            assert getattr(snapshot, name) == getattr(ended, name)
    assert recorder.fitted[6].loss_curve_ == recorder.fitted[5].loss_curve_


@needs_callbacks
@ignore_short_fits
def test_fitted_estimator_is_made_only_if_asked_for(monkeypatch):
    X, y = make_task(RNNRegressor)

    def never(self, *_):
        raise AssertionError

    monkeypatch.setattr("skrnn.estimators._training.Run._fitted_attributes", never)
    make_estimator().set_callbacks(Stopping(after=10)).fit(X, y)
    with pytest.raises(AssertionError):
        make_estimator().set_callbacks(Recorder()).fit(X, y)


@needs_callbacks
@ignore_short_fits
def test_warm_start_continues_the_curves_in_what_callbacks_see():
    X, y = make_task(RNNRegressor)
    model = make_estimator(warm_start=True).fit(X, y)
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y)
    assert [snapshot.n_iter_ for snapshot in recorder.fitted] == [7, 8, 9, 10, 11, 12, 12]


@needs_callbacks
@ignore_short_fits
def test_a_snapshot_that_is_fitted_begins_anew():
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    model = make_estimator().set_callbacks(recorder).fit(X, y)
    assert recorder.fitted[2].set_callbacks().fit(X, y).loss_curve_ == model.loss_curve_


# Stopping


@needs_callbacks
@each_pair
def test_stops_without_a_warning(Estimator, solver):
    X, y = make_task(Estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make_estimator(Estimator, solver=solver).set_callbacks(Stopping(after=3)).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        ended = make_estimator(Estimator, solver=solver, max_iter=3).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert model.loss_curve_ == ended.loss_curve_
    assert_same_fit(model, ended)
    np.testing.assert_array_equal(model.predict(X), ended.predict(X))


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_stops_at_the_last_iteration_without_a_warning(solver):
    X, y = make_task(RNNRegressor)
    assert make_estimator(solver=solver).set_callbacks(Stopping(after=6)).fit(X, y).n_iter_ == 6


# Several starts


@needs_callbacks
@ignore_short_fits
def test_each_start_is_a_task():
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    model = make_estimator(n_init=3, max_iter=2).set_callbacks(recorder).fit(X, y)
    begun = [event[1:] for event in recorder.events if event[0] == "begin"]
    of_start = [("iteration", 0), ("iteration", 1)]
    assert begun == [("fit", 0), ("start", 0), *of_start, ("start", 1), *of_start, ("start", 2), *of_start]
    assert recorder.max_subtasks == {"fit": 3, "start": 2, "iteration": 0}
    curves = [snapshot.loss_curve_ for snapshot in recorder.fitted]
    assert [curves[2], curves[5], curves[8]] == model.loss_curves_


@needs_callbacks
@ignore_short_fits
def test_stop_at_an_iteration_ends_the_start_and_stop_at_a_start_ends_the_fit():
    X, y = make_task(RNNRegressor)
    model = make_estimator(n_init=3).set_callbacks(Stopping(after=2)).fit(X, y)
    assert [len(curve) for curve in model.loss_curves_] == [2, 2, 2]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Training interrupted")
        model = make_estimator(n_init=3).set_callbacks(Stopping(after=2, task_name="start")).fit(X, y)
    assert [len(curve) for curve in model.loss_curves_] == [6, 6]


@needs_callbacks
@ignore_short_fits
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_scores_of_starts_come_back_from_workers(backend):
    from sklearn.callback import ScoringMonitor

    X, y = make_task(RNNRegressor)
    logs, models = [], []
    for n_jobs in (None, 2):
        monitor = ScoringMonitor(scoring="r2")
        with joblib.parallel_config(backend=backend):
            models.append(make_estimator(n_init=3, max_iter=2, n_jobs=n_jobs).set_callbacks(monitor).fit(X, y))
        logs.append([(row["task_id_path"], row["r2"]) for row in monitor.get_logs().data])
    assert len(logs[0]) == 1 + 3 + 3 * 2
    assert logs[0] == logs[1]
    assert models[0].loss_curves_ == models[1].loss_curves_


@needs_callbacks
@ignore_short_fits
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_word_to_stop_works_in_workers(n_jobs):
    X, y = make_task(RNNRegressor)
    model = make_estimator(n_init=3, n_jobs=n_jobs).set_callbacks(Stopping(after=2)).fit(X, y)
    assert [len(curve) for curve in model.loss_curves_] == [2, 2, 2]


@needs_callbacks
@ignore_short_fits
def test_a_start_that_diverges_ends_its_tasks(monkeypatch):
    X, y = make_task(RNNRegressor)
    first = make_estimator(n_init=1).fit(X, y).loss_curve_[1]
    record = Monitor.record
    monkeypatch.setattr(
        Monitor, "record", lambda self, theta, loss: record(self, theta, np.nan if loss == first else loss)
    )
    recorder = Recorder()
    model = make_estimator(n_init=2).set_callbacks(recorder).fit(X, y)
    assert len(model.loss_curves_[0]) == 1
    begun, ended = (sum(event[0] == kind for event in recorder.events) for kind in ("begin", "end"))
    assert begun == ended


# Errors


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "least_squares", "TNC", "trust-constr"])
@pytest.mark.parametrize("hook", ["setup", "begin fit", "begin", "end", "end fit", "teardown"])
def test_error_in_a_callback_leaves_the_estimator_as_it_was(solver, hook):
    X, y = make_task(RNNRegressor)
    failing, other = Recorder(fail_at=hook), Recorder()
    model = make_estimator(solver=solver).set_callbacks(other, failing)
    before = vars(model).copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        with pytest.raises(RuntimeError, match=f"failed at {hook}"):
            model.fit(X, y)
    assert vars(model) == before
    assert other.events[-1] == ("teardown", "fit", 0)
    assert failing.events[-1] == ("teardown", "fit", 0)


class Miscalculating(Recorder):
    """Fails as SciPy might."""

    def _note(self, hook, context):
        if (hook, context.task_name, context.task_id) == (self.fail_at, "iteration", 2):
            raise np.linalg.LinAlgError("infs or NaNs in a callback")


@needs_callbacks
@pytest.mark.parametrize("solver", ["lbfgs", "least_squares", "SLSQP"])
@pytest.mark.parametrize("hook", ["begin", "end"])
def test_error_in_a_callback_is_not_laid_at_the_door_of_scipy(solver, hook):
    X, y = make_task(RNNRegressor)
    options = {"lbfgs": {"maxcor": 9}, "least_squares": {"xtol": 1e-9}, "SLSQP": {"disp": False}}[solver]
    model = make_estimator(solver=solver, solver_options=options).set_callbacks(Miscalculating(hook))
    with pytest.raises(np.linalg.LinAlgError, match=r"^infs or NaNs in a callback$"):
        model.fit(X, y)


class Exhausted(Recorder):
    """Raises StopIteration at the end of the third iteration."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "iteration" and context.task_id == 2:
            next(iter(()))


@needs_callbacks
@pytest.mark.axis("n_init", [1, 2])
@pytest.mark.axis("solver", SOLVERS)
def test_stop_iteration_in_a_callback_is_an_error_with_every_solver(solver, n_init):
    """SciPy would interpret it as a request to stop, and a generator would convert it to another error."""
    X, y = make_task(RNNRegressor)
    model = make_estimator(solver=solver, alpha=0.01, max_iter=8, n_init=n_init).set_callbacks(Exhausted())
    with pytest.raises(StopIteration):
        model.fit(X, y)
    assert not hasattr(model, "loss_curve_")


class Ending(Recorder):
    """Raises StopIteration when the fit is over."""

    def teardown(self, estimator, context):
        next(iter(()))


@needs_callbacks
@pytest.mark.parametrize("estimator", [make_estimator(), SlidingWindow(2)], ids=["network", "windows"])
def test_stop_iteration_in_the_last_hook_is_passed_on(estimator):
    X, y = make_task(RNNRegressor)
    estimator.set_callbacks(Ending())
    with pytest.raises(StopIteration):
        estimator.fit(X if isinstance(estimator, RNNRegressor) else X[:, 0], y)
    assert not hasattr(estimator, "n_features_in_")


@needs_callbacks
def test_error_in_fit_leaves_the_estimator_as_it_was_and_tears_down():
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    model = make_estimator().set_callbacks(recorder)
    before = vars(model).copy()
    with pytest.raises(ValueError, match="y has 39 samples"):
        model.fit(X, y[:-1])
    assert vars(model) == before
    assert [event[0] for event in recorder.events] == ["setup", "begin", "teardown"]


@needs_callbacks
def test_interruption_by_the_user_ends_all_tasks(monkeypatch):
    X, y = make_task(RNNRegressor)
    run_epoch = "skrnn.solvers._stochastic.StochasticSolver.run_epoch"
    losses = iter([3.0, 2.0])

    def interrupted(self, objective, theta):
        loss = next(losses, None)
        if loss is None:
            raise KeyboardInterrupt
        return loss

    monkeypatch.setattr(run_epoch, interrupted)
    recorder = Recorder()
    with pytest.warns(UserWarning, match="after 2 iterations"):
        make_estimator().set_callbacks(recorder).fit(X, y)
    begun, ended = (sum(event[0] == kind for event in recorder.events) for kind in ("begin", "end"))
    assert begun == ended == 4
    assert len(recorder.fitted) == 3


# In scikit-learn


@needs_callbacks
@ignore_short_fits
def test_callbacks_survive_clone_and_pickle():
    X, y = make_task(RNNRegressor)
    model = make_estimator().set_callbacks(Recorder()).fit(X, y)
    assert clone(model)._skl_callbacks == model._skl_callbacks
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(restored.predict(X), model.predict(X))
    assert restored.fit(X, y).loss_curve_ == model.loss_curve_


@needs_callbacks
@ignore_short_fits
def test_scoring_monitor_logs_each_iteration_in_a_pipeline_in_a_grid_search():
    from sklearn.callback import ScoringMonitor

    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 7.0
    pipeline = make_pipeline(StandardScaler(), SlidingWindow(3), make_estimator(max_iter=4))
    monitor = ScoringMonitor(scoring="r2")
    pipeline[-1].set_callbacks(monitor)
    search = GridSearchCV(pipeline, {"rnnregressor__alpha": [0.0, 0.1]}, cv=2, n_jobs=2).fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    assert len(rows) == 4 * (2 * 2 + 1)
    refit = min(rows, key=lambda row: (len(row["task_id_path"]), -row["task_id"]))  # the last of those least deep
    assert refit["r2"] == pytest.approx(search.score(X, y))


@needs_callbacks
@ignore_short_fits
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_progress_bar(solver, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = make_task(RNNRegressor)
    make_estimator(solver=solver).set_callbacks(ProgressBar()).fit(X, y)
    out = capsys.readouterr().out
    assert "RNNRegressor - fit" in out
    assert "100%" in out


@needs_callbacks
@ignore_short_fits
def test_progress_bar_goes_down_to_the_network(capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    X, y = make_task(RNNRegressor)
    pipeline = make_pipeline(FunctionTransformer(), make_estimator(max_iter=3))
    search = GridSearchCV(pipeline, {"rnnregressor__alpha": [0.0, 0.1]}, cv=2, n_jobs=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The estimator FunctionTransformer does not support callbacks")
        search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    out = capsys.readouterr().out
    assert out.count("RNNRegressor - fit") >= 5
    assert "GridSearchCV - fit" in out


@needs_callbacks
@ignore_short_fits
def test_scorer_of_sequences_in_a_scoring_monitor():
    from sklearn.callback import ScoringMonitor

    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    monitor = ScoringMonitor(scoring={"r2": make_sequence_scorer("r2")})
    model = make_estimator(return_sequences=True).set_callbacks(monitor).fit(X, y)
    rows = monitor.get_logs().data
    assert len(rows) == 7
    assert rows[-1]["r2"] == make_sequence_scorer("r2")(model, X, y)
