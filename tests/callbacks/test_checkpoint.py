"""Tests of checkpoints: the file is always complete, and a resumed fit is bitwise identical."""

import os
import pickle
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skrnn
from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.callbacks import Checkpoint
from skrnn.network._full_objectives import FullObjective
from skrnn.persistence import _files as module
from skrnn.solvers._scipy import METHODS
from tests.callbacks.recorder import Crash, Recorder, Stopping
from tests.estimators.tasks import assert_same_fit, fitted_attributes, make_ragged_task, make_task

#: Where the package is.
ROOT = Path(skrnn.__file__).parents[1]

needs_callbacks = pytest.mark.skipif(
    not hasattr(RNNRegressor, "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"
)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
resumes_without_memory = pytest.mark.filterwarnings("ignore:.*resumes from the saved parameters:UserWarning")


def make_estimator(Estimator=RNNRegressor, **parameters):
    settings = {
        "hidden_layer_sizes": (3,),
        "max_iter": 12,
        "random_state": 0,
        "learning_rate_init": 0.01,
        "batch_size": 8,
        "n_iter_no_change": 50,
    }
    return Estimator(**{**settings, **parameters})


def crash(model, path, X, y, *arguments, after=5, every=1, **keywords):
    """Fit until the process is interrupted, and return the file."""
    model.set_callbacks(Checkpoint(path, every=every), Crash(after))
    with pytest.raises(RuntimeError, match="crash"):
        model.fit(X, y, *arguments, **keywords)
    model.set_callbacks()
    return Checkpoint.load(path)


def assert_same_everything(one, other):
    """Check every fitted attribute, public and private, to the last bit."""
    assert_same_fit(one, other)
    for name in fitted_attributes(one) | {"_solver_state", "_rng_state"}:
        first, second = getattr(one, name), getattr(other, name)
        assert type(first) is type(second)
        assert pickle.dumps(first) == pickle.dumps(second) or str(first) == str(second), name
    assert set(vars(one)) == set(vars(other))


def rngs():
    """Return two equal random states."""
    return np.random.RandomState(3), np.random.RandomState(3)


# Resuming


@needs_callbacks
@pytest.mark.axis(
    "parameters",
    [
        {},
        {"dtype": "float32"},
        {"shuffle": False},
        {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
        {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1, "max_iter": 30},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 4, "max_iter": 30},
        {"dropout": 0.3, "recurrent_dropout": 0.2, "hidden_layer_sizes": (3, 2)},
        {"early_stopping": True},
        {"early_stopping": True, "validation_split": "last", "n_iter_no_change": 2, "tol": 0.1, "max_iter": 40},
        {"batch_size": 40},
        {"cell": "lstm", "bidirectional": True, "max_grad_norm": 0.1},
        {"pooling": "mean"},
        {"n_jobs": 2, "normalize_y": False, "loss": "huber"},
    ],
    ids=str,
)
@pytest.mark.axis("after", [1, 5])
def test_resumed_fit_of_regressor_is_the_uninterrupted_one(parameters, after, tmp_path):
    X, y = make_task(RNNRegressor)
    weights = 1.0 + np.arange(len(X)) % 3
    X_val, y_val = (None, None) if parameters.get("early_stopping") else (X[:9], y[:9])
    data = {"sample_weight": weights, "X_val": X_val, "y_val": y_val}
    whole = make_estimator(**parameters).fit(X, y, **data)
    resumed = crash(make_estimator(**parameters), tmp_path / "c", X, y, after=after, **data)
    assert resumed.n_iter_ == after
    assert_same_everything(resumed.fit(X, y, **data), whole)


@needs_callbacks
@pytest.mark.axis("dtype", ["float32", "float64"])
@pytest.mark.axis("form", ["list", "padded", "windows"])
@pytest.mark.axis("normalize_X", [False, True])
def test_resumed_fit_on_data_as_they_come_is_the_uninterrupted_one(dtype, form, normalize_X, tmp_path):
    X, y = make_ragged_task(RNNRegressor)
    X = [x * [5.0, 1e-3] + [290.0, -2.0] for x in X]
    if form == "padded":
        X = np.stack([np.pad(x, [(7 - len(x), 0), (0, 0)], constant_values=np.nan) for x in X])
    elif form == "windows":
        X = SlidingWindow(5).fit_transform(np.concatenate(X)[: len(y)])
    model = make_estimator(dtype=dtype, normalize_X=normalize_X, batch_size=6)
    data = {"X_val": X[:6], "y_val": y[:6]}
    whole = clone(model).fit(X, y, **data)
    resumed = crash(clone(model), tmp_path / "c", X, y, **data)
    stored = resumed.predict(X)
    np.testing.assert_array_equal(stored, clone(model).set_params(max_iter=5).fit(X, y, **data).predict(X))
    assert_same_everything(resumed.fit(X, y, **data), whole)
    for name in ("_feature_location", "_feature_scale", "_bias_remainders"):
        np.testing.assert_array_equal(getattr(resumed, name), getattr(whole, name))
    np.testing.assert_array_equal(resumed.predict(X), whole.predict(X))


@needs_callbacks
@pytest.mark.axis(
    "parameters",
    [
        {"class_weight": "balanced"},
        {"class_weight": {0: 1.0, 1: 3.0}, "solver": "sgd", "early_stopping": True},
        {"early_stopping": True, "dropout": 0.2, "dtype": "float32"},
    ],
    ids=str,
)
@pytest.mark.axis("return_sequences", [False, True])
def test_resumed_fit_of_classifier_on_ragged_data(parameters, return_sequences, tmp_path):
    X, y = make_ragged_task(RNNClassifier, return_sequences=return_sequences)
    if return_sequences and parameters.get("early_stopping"):
        parameters = {**parameters, "validation_split": "last"}
    settings = {**parameters, "return_sequences": return_sequences}
    whole = make_estimator(RNNClassifier, **settings).fit(X, y)
    resumed = crash(make_estimator(RNNClassifier, **settings), tmp_path / "c", X, y)
    assert_same_everything(resumed.fit(X, y), whole)


@needs_callbacks
def test_resumes_with_a_random_state_that_is_shared(tmp_path):
    X, y = make_task(RNNRegressor)
    first, second = rngs()
    whole = make_estimator(random_state=first, early_stopping=True).fit(X, y)
    resumed = crash(make_estimator(random_state=second, early_stopping=True), tmp_path / "c", X, y).fit(X, y)
    assert_same_everything(resumed, whole)
    assert first.randint(10**9) == resumed.random_state.randint(10**9)


@needs_callbacks
def test_resumes_without_a_seed(tmp_path):
    X, y = make_task(RNNRegressor)
    np.random.seed(3)  # noqa: NPY002
    whole = make_estimator(random_state=None, early_stopping=True).fit(X, y)
    np.random.seed(3)  # noqa: NPY002
    resumed = crash(make_estimator(random_state=None, early_stopping=True), tmp_path / "c", X, y)
    np.random.seed(4)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert_same_everything(resumed.fit(X, y), whole)
    # Other random states do not change.
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@needs_callbacks
def test_resumes_twice(tmp_path):
    X, y = make_task(RNNRegressor)
    whole = make_estimator(early_stopping=True).fit(X, y)
    once = crash(make_estimator(early_stopping=True), tmp_path / "c", X, y, after=3)
    twice = crash(once, tmp_path / "c", X, y, after=4)
    assert twice.n_iter_ == 7
    assert_same_everything(twice.fit(X, y), whole)


@needs_callbacks
def test_resumes_a_warm_start(tmp_path):
    X, y = make_task(RNNRegressor)
    first = make_estimator(warm_start=True).fit(X, y)
    copy = pickle.loads(pickle.dumps(first))
    whole = copy.fit(X, y)
    resumed = crash(first, tmp_path / "c", X, y)
    assert resumed.n_iter_ == 12 + 5
    assert_same_everything(resumed.fit(X, y), whole)
    assert whole.n_iter_ == 24


@needs_callbacks
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.3}], ids=str)
def test_a_fit_that_had_ended_is_left_as_it_is(parameters, tmp_path):
    X, y = make_task(RNNRegressor)
    whole = make_estimator(**parameters).set_callbacks(Checkpoint(tmp_path / "c", every=100)).fit(X, y)
    resumed = Checkpoint.load(tmp_path / "c").fit(X, y)
    assert_same_everything(resumed, whole.set_callbacks())


@needs_callbacks
def test_more_iterations_may_be_asked_for(tmp_path):
    X, y = make_task(RNNRegressor)
    whole = make_estimator(max_iter=30).fit(X, y)
    make_estimator().set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    assert_same_everything(Checkpoint.load(tmp_path / "c").set_params(max_iter=30, n_jobs=2).fit(X, y), whole)


@needs_callbacks
def test_fewer_iterations_than_there_are_add_none(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(), tmp_path / "c", X, y)
    recorder = Recorder()
    assert resumed.set_params(max_iter=2).set_callbacks(recorder).fit(X, y).n_iter_ == 5
    assert not any(name == "iteration" for _, name, _ in recorder.events)


# SciPy methods restart from the parameters in the file


def says_what_is_lost():
    return pytest.warns(UserWarning, match=r"resumes from the saved parameters, without the internal state of the")


@needs_callbacks
@pytest.mark.axis("dtype", ["float64", "float32"])
@pytest.mark.axis("after", [1, 6])
@pytest.mark.axis(
    ("solver", "options"),
    [
        *((method, None) for method in METHODS),
        ("least_squares", None),
        ("least_squares", {"method": "trf"}),
        ("least_squares", {"method": "trf", "tr_solver": "lsmr"}),
        ("least_squares", {"method": "dogbox"}),
    ],
)
def test_resumed_method_of_scipy_begins_anew_at_the_saved_parameters(solver, options, after, dtype, tmp_path):
    """Like a warm start, which reads the same parameters if features and targets are not standardised."""
    X, y = make_task(RNNRegressor)
    weights = 1.0 + np.arange(len(X)) % 3
    settings = {"alpha": 0.8, "tol": 1e-4, "dtype": dtype, "normalize_X": False, "normalize_y": False}
    model = make_estimator(solver=solver, solver_options=options, **settings)
    warm = clone(model).set_params(max_iter=after, warm_start=True).fit(X, y, weights)
    warm.set_params(max_iter=12 - after).fit(X, y, weights)
    resumed = crash(model, tmp_path / "c", X, y, weights, after=after)
    with says_what_is_lost() as warned:
        resumed.fit(X, y, weights)
    messages = [str(warning.message) for warning in warned if warning.category is UserWarning]
    assert messages == [
        f"solver={solver!r} resumes from the saved parameters, without the internal state of the method; the "
        "iterations differ from those of an uninterrupted fit."
    ]
    assert resumed.n_iter_ == 12
    assert resumed.loss_curve_ == warm.loss_curve_
    assert_same_fit(resumed, warm)


@needs_callbacks
def test_the_warning_points_to_the_fit(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(solver="lbfgs"), tmp_path / "c", X, y)
    with says_what_is_lost() as warned:
        resumed.fit(X, y)
    assert Path(warned[0].filename).name == Path(__file__).name


@needs_callbacks
@pytest.mark.parametrize("solver", ["lbfgs", "least_squares"])
def test_method_of_scipy_resumes_twice_and_after_a_warm_start(solver, tmp_path):
    X, y = make_task(RNNRegressor)
    model = make_estimator(solver=solver, alpha=0.01, warm_start=True, max_iter=3).fit(X, y).set_params(max_iter=12)
    once = crash(model, tmp_path / "c", X, y, after=2)
    curve = once.loss_curve_
    twice = crash(once, tmp_path / "c", X, y, after=3)  # the fifth of this fit
    assert twice.n_iter_ == 3 + 5
    with says_what_is_lost():
        twice.fit(X, y)
    assert twice.n_iter_ == 3 + 12
    assert twice.loss_curve_[:5] == curve
    assert twice.loss_ == twice.loss_curve_[-1] < curve[-1]


@needs_callbacks
@pytest.mark.parametrize("after", [1, 4, 7])
def test_patience_and_the_best_iteration_of_a_method_of_scipy_go_on(after, tmp_path):
    X, y = make_ragged_task(RNNClassifier)
    options = {"gtol": 0.0, "ftol": 0.0}
    model = make_estimator(RNNClassifier, solver="lbfgs", solver_options=options, early_stopping=True)
    model.set_params(tol=10.0, n_iter_no_change=5, validation_fraction=0.4)  # only the first is an improvement
    resumed = crash(model, tmp_path / "c", X, y, after=after)
    scores = resumed.validation_scores_
    if after < 7:
        with says_what_is_lost():
            resumed.fit(X, y)
    else:  # there was nothing left to do, so there is no warning
        resumed.fit(X, y)
    assert resumed.n_iter_ == 7
    assert resumed.validation_scores_[:after] == scores
    merits = list(zip(resumed.validation_scores_, -np.array(resumed.validation_loss_curve_), strict=True))
    assert resumed.loss_ == resumed.loss_curve_[merits.index(max(merits))]


@needs_callbacks
@pytest.mark.axis("solver", ["lbfgs", "SLSQP", "TNC", "trust-krylov", "least_squares"])
@pytest.mark.axis("limit", [{"tol": 1e6}, {"max_fun": 1}], ids=str)
def test_an_iteration_that_came_to_nothing_is_not_taken_for_the_first(solver, limit, tmp_path):
    X, y = make_task(RNNRegressor)
    model = make_estimator(solver=solver, alpha=0.01)
    whole = clone(model).fit(X, y)
    clone(model).set_params(**limit).set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    resumed = Checkpoint.load(tmp_path / "c")
    start = resumed.loss_curve_
    with says_what_is_lost():
        resumed.set_params(tol=model.tol, max_fun=model.max_fun, max_iter=13).fit(X, y)
    assert resumed.loss_curve_ == start + whole.loss_curve_
    assert_same_fit(resumed, whole)


@needs_callbacks
def test_evaluations_are_counted_from_the_resumption_on(tmp_path, monkeypatch):
    X, y = make_task(RNNRegressor)
    n_evaluations = 0
    full = FullObjective.full

    def counting(*arguments):
        nonlocal n_evaluations
        n_evaluations += 1
        return full(*arguments)

    resumed = crash(make_estimator(solver="lbfgs", max_fun=9, max_iter=99), tmp_path / "c", X, y, after=4)
    monkeypatch.setattr(FullObjective, "full", counting)
    with pytest.warns(ConvergenceWarning, match=r"Maximum function evaluations \(9\)"), says_what_is_lost():
        resumed.fit(X, y)
    assert n_evaluations == 9


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "SLSQP", "least_squares"])
@resumes_without_memory
def test_callbacks_are_told_of_the_iterations_that_are_left(solver, tmp_path):
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    resumed = crash(make_estimator(solver=solver, alpha=0.01), tmp_path / "c", X, y)
    resumed.set_callbacks(recorder).fit(X, y)
    iterations = [hook for hook, name, _ in recorder.events if name == "iteration"]
    assert iterations == ["begin", "end"] * 7
    assert recorder.max_subtasks["fit"] == 7  # as a progress bar has it


@needs_callbacks
@pytest.mark.parametrize("solver", ["lbfgs", "trust-krylov", "least_squares"])
def test_method_of_scipy_that_had_ended_is_left_as_it_is(solver, tmp_path):
    X, y = make_task(RNNRegressor)
    ended = make_estimator(solver=solver, alpha=0.01).set_callbacks(Checkpoint(tmp_path / "d")).fit(X, y)
    assert_same_everything(Checkpoint.load(tmp_path / "d").fit(X, y), ended.set_callbacks())


@needs_callbacks
def test_a_larger_tolerance_ends_a_method_of_scipy_where_it_was(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(solver="lbfgs", alpha=0.01), tmp_path / "c", X, y)
    predictions = resumed.predict(X)
    resumed.set_params(tol=1e3).fit(X, y)  # it would have ended at its start
    assert resumed.n_iter_ == 5
    np.testing.assert_array_equal(resumed.predict(X), predictions)


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_resumed_fit_that_fails_changes_nothing_of_what_it_began_with(solver, tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(solver=solver), tmp_path / "c", X, y, after=3)
    before = joblib.hash(resumed._unfinished)
    crash(resumed, tmp_path / "d", X, y, after=3)
    assert joblib.hash(resumed._unfinished) == before


@needs_callbacks
def test_no_state_is_made_where_nobody_wants_it():
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    make_estimator().set_callbacks(recorder).fit(X, y)
    assert recorder.fitted
    assert not any(hasattr(fitted, "_run_state") for fitted in recorder.fitted)


@needs_callbacks
def test_after_a_resumed_fit_the_next_one_begins_anew(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(), tmp_path / "c", X, y).fit(X, y)
    curve = resumed.loss_curve_
    assert resumed.set_params(alpha=0.01).fit(X, y).loss_curve_ == curve
    assert resumed.fit(X[:20], y[:20]).n_iter_ == 12


@needs_callbacks
def test_partial_fit_goes_on_from_the_checkpoint_and_takes_it_away(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(), tmp_path / "c", X, y)
    whole = make_estimator(max_iter=6).fit(X, y)
    curve = resumed.partial_fit(X, y).loss_curve_
    assert curve[:5] == whole.loss_curve_[:5]
    # The public weights include mean and scale, and removing them causes rounding errors.
    assert curve[5:] == pytest.approx(whole.loss_curve_[5:], rel=1e-9)
    assert resumed.fit(X[:20], y[:20]).n_iter_ == 12


@needs_callbacks
def test_clone_knows_nothing_of_the_checkpoint(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(), tmp_path / "c", X, y)
    whole = make_estimator().fit(X, y)
    assert clone(resumed).fit(X, y).loss_curve_ == whole.loss_curve_


@needs_callbacks
def test_in_a_pipeline_it_is_the_network_that_is_resumed(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 7.0
    network = make_estimator()
    pipeline = make_pipeline(StandardScaler(), SlidingWindow(3), network)
    whole = clone(pipeline).fit(X, y)
    network.set_callbacks(Checkpoint(tmp_path / "c"), Crash(5))
    with pytest.raises(RuntimeError, match="crash"):
        pipeline.fit(X, y)
    resumed = Checkpoint.load(tmp_path / "c").fit(whole[:-1].transform(X), y)
    assert_same_everything(resumed, whole[-1])


@needs_callbacks
def test_loaded_estimator_survives_pickle(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = pickle.loads(pickle.dumps(crash(make_estimator(), tmp_path / "c", X, y)))
    assert_same_everything(resumed.fit(X, y), make_estimator().fit(X, y))


# What is stored


@needs_callbacks
@resumes_without_memory
@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": 3, "n_iter_no_change": np.inf, "max_grad_norm": None},
        {"hidden_layer_sizes": [3], "quantile": (0.1, 0.9), "loss": "quantile"},
        {"hidden_layer_sizes": np.array([3]), "batch_size": np.int64(8), "alpha": np.float32(0.1)},
        {"solver": "lbfgs", "solver_options": {"maxcor": 5, "ftol": 1e-9}, "batch_size": "auto"},
        {"random_state": None},
    ],
    ids=str,
)
def test_parameters_come_back(parameters, tmp_path):
    X, y = make_task(RNNRegressor)
    model = make_estimator(**parameters)
    loaded = crash(model, tmp_path / "c", X, y)
    for name, value in model.get_params().items():
        assert np.array_equal(getattr(loaded, name), value)
        assert isinstance(getattr(loaded, name), type(np.asarray(value).item() if np.isscalar(value) else value))
    loaded.fit(X, y)


@needs_callbacks
@pytest.mark.parametrize(
    ("labels", "class_weight"),
    [
        (["a", "bc", "\u00fc\u4e16"], {"a": 1, "bc": 2.0, "\u00fc\u4e16": 1}),
        ([-1, 0, 7], {-1: 1.0, 0: 2.0, 7: np.int64(1)}),
        ([False, True], "balanced"),
        ([1.0, 2.0, 3.0], None),
        (np.array([1, 2, 3], np.uint8), None),
        (pd.array(["x", "y"], dtype="string"), None),
        (np.array(["x", "y"], dtype=object), {"x": 1, "y": 1}),
    ],
    ids=str,
)
def test_classes_come_back(labels, class_weight, tmp_path):
    X, codes = make_task(RNNClassifier)
    y = np.asarray(labels)[codes % len(labels)]
    model = make_estimator(RNNClassifier, class_weight=class_weight)
    loaded = crash(model, tmp_path / "c", X, y)
    whole = model.fit(X, y)
    assert loaded.classes_.dtype == whole.classes_.dtype
    assert loaded.classes_.tolist() == whole.classes_.tolist()
    assert_same_everything(loaded.fit(X, y), whole)


@needs_callbacks
@pytest.mark.parametrize("n_labels", [1, 2, 3])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # one-hot
def test_labels_of_several_columns_come_back(n_labels, tmp_path):
    X, codes = make_task(RNNClassifier)
    y = (codes[:, None] == np.arange(n_labels)).astype(int)
    y = y if n_labels > 1 else np.column_stack([y, 1 - y])
    model = make_estimator(RNNClassifier)
    assert_same_everything(crash(model, tmp_path / "c", X, y).fit(X, y), model.fit(X, y))


@needs_callbacks
@pytest.mark.parametrize("n_timesteps", [None, 5])
def test_names_of_features_come_back(n_timesteps, tmp_path):
    X, y = make_task(RNNRegressor)
    X = pd.DataFrame(X.reshape(len(X), -1), columns=[f"c {column}" for column in range(10)])
    model = make_estimator(n_timesteps=n_timesteps)
    loaded = crash(model, tmp_path / "c", X, np.column_stack([y, y]))
    assert loaded.feature_names_in_.dtype == object
    assert loaded.feature_names_in_.tolist() == list(X)
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(X[X.columns[::-1]])
    assert_same_everything(loaded.fit(X, np.column_stack([y, y])), model.fit(X, np.column_stack([y, y])))


@needs_callbacks
@pytest.mark.parametrize("package", [pd, pl], ids=["pandas", "polars"])
def test_names_of_frames_in_a_list_come_back(package, tmp_path):
    X, y = make_task(RNNRegressor)
    frames = [package.DataFrame({"pulse": x[:, 0], "weight": x[:, 1]}) for x in X]
    model = make_estimator()
    loaded = crash(model, tmp_path / "c", frames, y)
    assert loaded.feature_names_in_.tolist() == ["pulse", "weight"]
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict([frame[["weight", "pulse"]] for frame in frames])
    assert_same_everything(loaded.fit(frames, y), model.fit(frames, y))


class Derived(RNNRegressor):
    pass


class SameName(RNNRegressor):
    pass


SameName.__name__ = "RNNRegressor"


@needs_callbacks
@pytest.mark.parametrize(
    ("model", "error", "match"),
    [
        (Derived(), TypeError, "Checkpoint is set on Derived; expected an RNNRegressor or RNNClassifier"),
        (SameName(), TypeError, "expected an RNNRegressor or RNNClassifier of skrnn itself"),
        (RNNRegressor(solver="lbfgs", solver_options={"finite_diff_rel_step": len}), TypeError, "solver_options is or"),
        (RNNClassifier(class_weight={0: object()}), TypeError, "class_weight is or contains an object of type object"),
        (
            RNNRegressor(random_state=np.random.RandomState(np.random.PCG64(0))),
            TypeError,
            "random_state draws from PCG64; expected MT19937",
        ),
        (RNNRegressor(random_state=np.random), TypeError, "random_state is or contains an object of type module"),
        (
            RNNRegressor(solver="lbfgs", solver_options={"eps": np.arange(1e6)}),
            ValueError,
            r"The parameters take \d+ bytes as JSON; expected at most 1048576",
        ),
    ],
    ids=["subclass", "same name", "function", "object", "PCG64", "module", "too large"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # SciPy's, of an option that it does not know
@pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning")
def test_what_cannot_be_stored_is_refused(model, error, match, tmp_path):
    X, y = make_task(type(model))
    with pytest.raises(error, match=match):
        model.set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    assert list(tmp_path.iterdir()) == []
    assert not hasattr(model, "loss_curve_")


class Overflowing:
    """Passes its calls to a checkpoint, with parameters that overflow after the third iteration."""

    wants_run_state = True

    def __init__(self, path):
        self.checkpoint = Checkpoint(path)
        self.setup, self.teardown = self.checkpoint.setup, self.checkpoint.teardown
        self.on_fit_task_begin = self.checkpoint.on_fit_task_begin

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if fitted_estimator is not None and context.task_name == "iteration" and context.task_id >= 3:
            fitted_estimator._run_state.theta[0] = np.inf
        self.checkpoint.on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)


@needs_callbacks
def test_parameters_that_are_not_finite_do_not_replace_the_file(tmp_path):
    X, y = make_task(RNNRegressor)
    make_estimator().set_callbacks(Overflowing(tmp_path / "c")).fit(X, y)
    assert Checkpoint.load(tmp_path / "c").n_iter_ == 3


# What cannot be resumed


@needs_callbacks
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", 0.1),
        ("solver", "sgd"),
        ("hidden_layer_sizes", (4,)),
        ("random_state", 1),
        ("batch_size", 9),
        ("early_stopping", True),
        ("random_state", np.random.RandomState(0)),
        ("n_init", 2),
    ],
)
def test_other_parameters_are_refused(name, value, tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(), tmp_path / "c", X, y).set_params(**{name: value})
    predictions = resumed.predict(X) if name != "hidden_layer_sizes" else None
    with pytest.raises(ValueError, match=f"{name} is .*expected the same"):
        resumed.fit(X, y)
    if predictions is not None:
        np.testing.assert_array_equal(resumed.predict(X), predictions)


@needs_callbacks
def test_equal_parameters_are_the_same_whatever_their_type(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(), tmp_path / "c", X, y)
    resumed.set_params(hidden_layer_sizes=np.array([3]), batch_size=np.int64(8), alpha=np.float64(0.01))
    assert resumed.fit(X, y).n_iter_ == 12


@needs_callbacks
@pytest.mark.parametrize(
    "change",
    [
        lambda X, y, w: (X[:-1], y[:-1], w[:-1]),
        lambda X, y, w: (X[:, 1:], y, w),
        lambda X, y, w: (X, y + 1e-9, w),
        lambda X, y, w: (X, y, 2.0 * w),
        lambda X, y, w: (X, y, None),
        lambda X, y, w: (np.where(np.isclose(X, X[3, 2, 1]), 0.0, X), y, w),
        lambda X, y, w: (X[::-1], y, w),
        lambda X, y, w: (X.astype(np.float32), y, w),
    ],
)
def test_other_data_are_refused_and_leave_the_estimator_as_it_was(change, tmp_path):
    X, y = make_task(RNNRegressor)
    weights = np.ones(len(X)) + np.arange(len(X)) % 2
    resumed = crash(make_estimator(), tmp_path / "c", X, y, weights)
    before = vars(resumed).copy()
    with pytest.raises(ValueError, match=r"X, y, sample_weight or the validation data differ"):
        resumed.fit(*change(X, y, weights))
    assert vars(resumed) == before
    assert resumed.fit(X, y, weights).n_iter_ == 12


@needs_callbacks
def test_other_validation_data_are_refused(tmp_path):
    X, y = make_task(RNNRegressor)
    resumed = crash(make_estimator(), tmp_path / "c", X, y, X_val=X, y_val=y)
    for keywords in ({}, {"X_val": X[:9], "y_val": y[:9]}):
        with pytest.raises(ValueError, match="validation data differ"):
            resumed.fit(X, y, **keywords)


@needs_callbacks
def test_several_runs_would_write_to_one_file(tmp_path):
    X, y = make_task(RNNRegressor)
    with pytest.raises(ValueError, match=r"several runs would write to it: the subtasks of RNNRegressor \(fit\)"):
        make_estimator(n_init=2).set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    search = GridSearchCV(
        make_estimator().set_callbacks(Checkpoint(tmp_path / "c")), {"alpha": [0.1]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="several runs would write to it: the subtasks of GridSearchCV"):
        search.fit(X, y)
    assert list(tmp_path.iterdir()) == []


@needs_callbacks
def test_needs_an_estimator_of_skrnn_and_a_folder(tmp_path):
    X, y = make_task(RNNRegressor)
    with pytest.raises(TypeError, match="set on LogisticRegression"):
        LogisticRegression().set_callbacks(Checkpoint(tmp_path / "c")).fit(X[:, 0], y > 0)
    with pytest.raises(FileNotFoundError, match="whose folder does not exist"):
        make_estimator().set_callbacks(Checkpoint(tmp_path / "nowhere" / "c")).fit(X, y)
    with pytest.raises(IsADirectoryError, match="which is a folder; expected the name of a file"):
        make_estimator().set_callbacks(Checkpoint(tmp_path)).fit(X, y)


@pytest.mark.parametrize(("every", "error"), [(0, ValueError), (1.5, TypeError), (True, TypeError), ("2", TypeError)])
def test_every_is_checked(every, error):
    with pytest.raises(error, match="every"):
        Checkpoint("c", every=every)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({}), pickle.dumps(make_estimator())])
def test_loads_nothing_but_checkpoints(content, tmp_path):
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(ValueError, match="expected"):
        Checkpoint.load(tmp_path / "c")


# The file


@needs_callbacks
@pytest.mark.parametrize(("every", "expected"), [(1, [1, 2, 3, 4, 5, 6, 7]), (3, [3, 6, 7]), (9, [7])])
def test_writes_every_so_many_iterations_and_the_last(every, expected, tmp_path, monkeypatch):
    X, y = make_task(RNNRegressor)
    written = []
    replace = os.replace

    def noting(source, target):
        replace(source, target)
        written.append(Checkpoint.load(target).n_iter_)

    monkeypatch.setattr(module.os, "replace", noting)
    make_estimator().set_callbacks(Checkpoint(str(tmp_path / "c"), every=every), Stopping(after=7)).fit(X, y)
    assert written == expected
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


@needs_callbacks
def test_file_predicts_as_a_fit_that_ended_there_and_holds_no_callbacks(tmp_path):
    X, y = make_task(RNNRegressor)
    crash(make_estimator(early_stopping=True), tmp_path / "c", X, y)
    loaded = Checkpoint.load(tmp_path / "c")
    ended = make_estimator(early_stopping=True, max_iter=5).fit(X, y)
    np.testing.assert_array_equal(loaded.predict(X), ended.predict(X))
    assert not any("callback" in name for name in vars(loaded))


@needs_callbacks
@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_previous_file(failing, tmp_path, monkeypatch):
    X, y = make_task(RNNRegressor)
    n_calls = 0
    original = getattr(os, failing)

    def full(*arguments):
        nonlocal n_calls
        n_calls += failing == "replace" or stat.S_ISREG(os.fstat(arguments[0]).st_mode)
        if n_calls == 4:
            raise OSError("No space left on device")
        return original(*arguments)

    monkeypatch.setattr(module.os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        make_estimator().set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert Checkpoint.load(tmp_path / "c").n_iter_ == 3


@needs_callbacks
def test_a_write_that_breaks_off_leaves_the_previous_file(tmp_path, monkeypatch):
    X, y = make_task(RNNRegressor)
    n_calls = 0
    write_archive = module.write_archive

    def breaking(file, *arguments):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 4:
            file.write(b"half of it")
            raise KeyboardInterrupt
        write_archive(file, *arguments)

    monkeypatch.setattr(module, "write_archive", breaking)
    with pytest.warns(UserWarning, match="interrupted by user"):
        make_estimator().set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert Checkpoint.load(tmp_path / "c").n_iter_ == 3


@needs_callbacks
@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment_leaves_a_whole_file_from_which_the_fit_goes_on(seed, tmp_path):
    """The process prints one line per iteration and is killed while running, usually during a write."""
    code = textwrap.dedent(
        f"""
        import numpy as np
        from skrnn import RNNRegressor
        from skrnn.callbacks import Checkpoint

        rng = np.random.default_rng(0)
        X, y = rng.normal(size=(20, 3, 2)), rng.normal(size=20)
        model = RNNRegressor((300,), random_state=0, batch_size=10, max_iter=99999, n_iter_no_change=np.inf)
        model.set_params(verbose=True).set_callbacks(Checkpoint({str(tmp_path / "c")!r})).fit(X, y)
        """
    )
    process = subprocess.Popen([sys.executable, "-u", "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    n_lines = 2 + int(np.random.RandomState(seed).randint(12))
    for _ in range(n_lines):
        assert process.stdout.readline().startswith("Iteration")
    process.kill()  # SIGKILL
    process.wait()
    process.stdout.close()
    resumed = Checkpoint.load(tmp_path / "c")
    n_iter = resumed.n_iter_
    assert n_iter >= n_lines - 1
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3, 2)), rng.normal(size=20)
    whole = clone(resumed).set_params(max_iter=n_iter + 2, verbose=False).fit(X, y)
    assert_same_everything(resumed.set_params(max_iter=n_iter + 2, verbose=False).fit(X, y), whole)
