"""Tests of early stopping by a scorer: when it stops, and which iteration it keeps."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.callbacks import Checkpoint, EarlyStoppingOn
from skrnn.metrics import make_sequence_scorer
from skrnn.solvers._registry import SOLVERS
from tests.callbacks.recorder import Crash, Recorder
from tests.estimators.tasks import assert_same_fit, make_ragged_task, make_task

needs_callbacks = pytest.mark.skipif(
    not hasattr(RNNRegressor, "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"
)
pytestmark = pytest.mark.filterwarnings("ignore:Maximum iterations:sklearn.exceptions.ConvergenceWarning")


def make_estimator(Estimator=RNNRegressor, **parameters):
    settings = {
        "hidden_layer_sizes": (3,),
        "max_iter": 12,
        "random_state": 0,
        "learning_rate_init": 0.01,
        "batch_size": 8,
    }
    return Estimator(**{**settings, **parameters})


def scripted(*scores):
    """Return a scorer with these scores by iteration, and then always the last one."""
    return lambda estimator, X, y: scores[min(estimator.n_iter_, len(scores)) - 1]


@needs_callbacks
@pytest.mark.axis(
    ("scores", "n_iter", "best"),
    [
        ((1.0, 2.0, 3.0, 3.0), 6, 3),  # two without improvement are tolerated
        ((3.0, 2.0, 1.0), 4, 1),
        ((1.0, 1.05, 1.08, 1.09), 4, 4),  # less than tol is no improvement, but the best iteration is kept
        ((1.0, 0.0, 0.0, 2.0, 0.0), 7, 4),
        ((np.nan, np.nan, 1.0, np.nan), 6, 3),  # NaN is no improvement
        ((np.nan, 1.0, np.nan), 5, 2),
        ((-np.inf, -np.inf, 1.0, 2.0, 2.0), 7, 4),
    ],
)
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_stops_after_its_patience_and_keeps_the_best(scores, n_iter, best, solver):
    X, y = make_task(RNNRegressor)
    stopping = EarlyStoppingOn(scripted(*scores), n_iter_no_change=2, tol=0.1)
    model = make_estimator(solver=solver).set_callbacks(stopping).fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) == len(stopping.scores_) == n_iter
    assert_same_fit(model, make_estimator(solver=solver, max_iter=best).fit(X, y))
    assert model.loss_ == model.loss_curve_[best - 1]
    assert stopping.best_score_ == scores[best - 1]


@needs_callbacks
@pytest.mark.parametrize("solver", SOLVERS)
def test_scores_are_those_of_the_scorer_in_every_solver(solver):
    X, y = make_task(RNNRegressor)
    recorder = Recorder()
    stopping = EarlyStoppingOn("neg_mean_absolute_error", X[30:], y[30:], n_iter_no_change=2)
    model = make_estimator(solver=solver, alpha=0.001, max_iter=30).set_callbacks(recorder, stopping)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X[:30], y[:30])
    scores = [-np.abs(snapshot.predict(X[30:]) - y[30:]).mean() for snapshot in recorder.fitted[:-1]]
    np.testing.assert_allclose(stopping.scores_, scores, rtol=1e-12)
    assert stopping.best_score_ == max(stopping.scores_)
    np.testing.assert_allclose(-np.abs(model.predict(X[30:]) - y[30:]).mean(), stopping.best_score_, rtol=1e-12)


@needs_callbacks
def test_ends_without_a_warning():
    X, y = make_task(RNNRegressor)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_estimator().set_callbacks(EarlyStoppingOn(scripted(1.0, 0.0), n_iter_no_change=1)).fit(X, y)


@needs_callbacks
def test_training_data_and_their_weights_are_the_default():
    X, y = make_task(RNNClassifier)
    weights = 1.0 + np.arange(len(X)) % 3
    stopping = EarlyStoppingOn("accuracy", n_iter_no_change=100)
    model = make_estimator(RNNClassifier).set_callbacks(stopping).fit(X, y, weights)
    assert stopping.best_score_ == get_scorer("accuracy")(model, X, y, sample_weight=weights)


@needs_callbacks
def test_weights_of_its_own_data():
    X, y = make_task(RNNRegressor)
    weights = 1.0 + np.arange(10) % 3
    stopping = EarlyStoppingOn("r2", X[30:], y[30:], sample_weight=weights, n_iter_no_change=100)
    model = make_estimator().set_callbacks(stopping).fit(X[:30], y[:30], np.ones(30))
    assert stopping.best_score_ == pytest.approx(model.score(X[30:], y[30:], weights))
    assert stopping.best_score_ != pytest.approx(model.score(X[30:], y[30:]))


@needs_callbacks
def test_keep_best_false_keeps_the_last():
    X, y = make_task(RNNRegressor)
    stopping = EarlyStoppingOn(scripted(3.0, 2.0, 1.0), n_iter_no_change=3, keep_best=False)
    model = make_estimator().set_callbacks(stopping).fit(X, y)
    assert_same_fit(model, make_estimator(max_iter=5).fit(X, y))
    assert model.loss_ == model.loss_curve_[-1]


@needs_callbacks
def test_with_early_stopping_of_the_estimator_the_best_so_far_is_scored():
    X, y = make_task(RNNRegressor)
    stopping = EarlyStoppingOn("r2", X, y, n_iter_no_change=100)
    recorder = Recorder()
    model = make_estimator(early_stopping=True).set_callbacks(stopping, recorder).fit(X, y)
    assert stopping.scores_ == pytest.approx([snapshot.score(X, y) for snapshot in recorder.fitted[:-1]])
    assert model.score(X, y) == pytest.approx(stopping.best_score_)


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_of_several_starts_the_one_that_scores_best_is_kept(n_jobs):
    X, y = make_task(RNNRegressor)
    stopping = EarlyStoppingOn("neg_max_error", X[30:], y[30:], n_iter_no_change=2)
    with joblib.parallel_config(backend="threading"):
        model = make_estimator(n_init=4, n_jobs=n_jobs).set_callbacks(stopping).fit(X[:30], y[:30])
    assert -np.abs(model.predict(X[30:]) - y[30:]).max() == pytest.approx(stopping.best_score_)
    assert model.n_iter_ == len(stopping.scores_)
    assert len(model.loss_curves_) == 4


@needs_callbacks
@pytest.mark.thorough
def test_in_worker_processes_the_same_is_kept_though_scores_stay_there():
    X, y = make_task(RNNRegressor)
    models = []
    for n_jobs in (None, 2):
        stopping = EarlyStoppingOn("r2", X[30:], y[30:], n_iter_no_change=2)
        models.append(make_estimator(n_init=3, n_jobs=n_jobs).set_callbacks(stopping).fit(X[:30], y[:30]))
    assert_same_fit(*models)
    assert models[0].loss_curves_ == models[1].loss_curves_
    with pytest.raises(AttributeError, match="This EarlyStoppingOn has not scored any fit"):
        _ = stopping.scores_


@needs_callbacks
@pytest.mark.axis("n_jobs", [None, 2], quick=[None])
def test_grid_search_in_a_pipeline(n_jobs):
    X, y = np.random.default_rng(0).normal(size=(60, 2)), np.arange(60) % 7.0
    stopping = EarlyStoppingOn("r2", n_iter_no_change=1, tol=0.01)
    pipeline = make_pipeline(StandardScaler(), SlidingWindow(3), make_estimator(max_iter=100).set_callbacks(stopping))
    search = GridSearchCV(pipeline, {"rnnregressor__alpha": [0.0, 0.1]}, cv=2, n_jobs=n_jobs).fit(X, y)
    best = search.best_estimator_[-1]
    assert len(stopping.scores_) == best.n_iter_ < 100
    assert search.score(X, y) == pytest.approx(stopping.best_score_)


@needs_callbacks
def test_a_second_fit_begins_with_new_patience():
    X, y = make_task(RNNRegressor)
    stopping = EarlyStoppingOn(scripted(3.0, 2.0), n_iter_no_change=2)
    model = make_estimator().set_callbacks(stopping)
    assert [model.fit(X, y).n_iter_, clone(model).fit(X, y).n_iter_] == [4, 4]
    assert len(stopping.scores_) == 4


@needs_callbacks
def test_sequence_scorer():
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    scorer = make_sequence_scorer("neg_mean_absolute_error")
    stopping = EarlyStoppingOn(scorer, X, y, n_iter_no_change=100)
    model = make_estimator(return_sequences=True).set_callbacks(stopping).fit(X, y)
    assert scorer(model, X, y) == stopping.best_score_


@needs_callbacks
def test_another_scorer_of_sequences_fails_with_advice():
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    model = make_estimator(return_sequences=True).set_callbacks(EarlyStoppingOn("neg_mean_absolute_error", X, y))
    with pytest.raises(ValueError, match=r"scoring is 'neg_mean_absolute_error', which failed: .*make_sequence_scorer"):
        model.fit(X, y)


@needs_callbacks
@pytest.mark.parametrize("score", [np.nan, -np.inf])
def test_scores_without_a_number_end_the_fit(score):
    X, y = make_task(RNNRegressor)
    stopping = EarlyStoppingOn(scripted(score), n_iter_no_change=2)
    if np.isnan(score):
        with pytest.warns(UserWarning, match=r"^scoring is <function .*, which returned NaN after every iteration"):
            model = make_estimator().set_callbacks(stopping).fit(X, y)
    else:
        model = make_estimator().set_callbacks(stopping).fit(X, y)
    assert model.n_iter_ == 3
    assert np.array_equal(stopping.best_score_, score, equal_nan=True)


@needs_callbacks
@pytest.mark.axis("best", [3, 5, 9])
@pytest.mark.axis("checkpoint_first", [True, False])
def test_a_resumed_fit_keeps_the_best_before_and_after(best, checkpoint_first, tmp_path):
    X, y = make_task(RNNRegressor)
    scores = [0.0] * 12
    scores[best - 1] = 1.0
    callbacks = [EarlyStoppingOn(scripted(*scores), n_iter_no_change=50), Checkpoint(tmp_path / "c")]
    model = make_estimator().set_callbacks(*(callbacks[::-1] if checkpoint_first else callbacks), Crash(5))
    with pytest.raises(RuntimeError, match="crash"):
        model.fit(X, y)
    resumed = Checkpoint.load(tmp_path / "c").set_callbacks(EarlyStoppingOn(scripted(*scores), n_iter_no_change=50))
    resumed.fit(X, y)
    assert_same_fit(resumed, make_estimator(max_iter=best).fit(X, y))
    assert resumed.n_iter_ == 12


#: The warning of a resumed SciPy method: its iterations differ, but they are scored, counted and chosen in the same
# way.
resumes = pytest.mark.filterwarnings("ignore:.*resumes from the saved parameters:UserWarning")


@needs_callbacks
@resumes
@pytest.mark.axis("solver", ["adam", "lbfgs"])
@pytest.mark.axis("keep_best", [True, False])
@pytest.mark.axis("after", [4, 6, 7])
def test_a_resumed_fit_has_the_patience_and_the_scores_of_the_one_before(after, keep_best, solver, tmp_path):
    X, y = make_task(RNNRegressor)

    def callbacks():
        first = EarlyStoppingOn(scripted(1.0, 2.0, 3.0, 2.5), n_iter_no_change=4, keep_best=keep_best)
        return first, EarlyStoppingOn(scripted(*range(20)), keep_best=False)

    settings = {"solver": solver, "alpha": 0.01}
    first, second = callbacks()
    whole = make_estimator(**settings).set_callbacks(first, second).fit(X, y)
    assert whole.n_iter_ == 8
    model = make_estimator(**settings).set_callbacks(*callbacks(), Checkpoint(tmp_path / "c"), Crash(after))
    with pytest.raises(RuntimeError, match="crash"):
        model.fit(X, y)
    again, other = callbacks()
    resumed = Checkpoint.load(tmp_path / "c").set_callbacks(again, other).fit(X, y)
    assert resumed.n_iter_ == whole.n_iter_
    if solver == "adam" or keep_best:
        assert_same_fit(resumed, whole)
    assert (again.scores_, other.scores_) == (first.scores_, second.scores_)


@needs_callbacks
@resumes
@pytest.mark.axis("solver", SOLVERS)
@pytest.mark.axis("keep_best", [True, False])
def test_a_fit_that_it_had_ended_is_left_as_it_is(solver, keep_best, tmp_path):
    """The process may be killed between the last write and the end of the fit."""
    X, y = make_task(RNNRegressor)
    scores = [0.1, 0.5, 0.4, 0.3, 0.2, *range(1, 20)]  # one iteration more would be an improvement

    def make_stopping(scores, patience):
        return EarlyStoppingOn(scripted(*scores), n_iter_no_change=patience, keep_best=keep_best)

    first, again, patient = make_stopping(scores, 2), make_stopping(scores, 2), make_stopping(scores, 3)
    settings = {"solver": solver, "alpha": 0.01, "max_iter": 8}
    whole = make_estimator(**settings).set_callbacks(first, Checkpoint(tmp_path / "c")).fit(X, y)
    assert whole.n_iter_ == 5
    resumed = Checkpoint.load(tmp_path / "c").set_callbacks(again, Checkpoint(tmp_path / "d")).fit(X, y)
    assert resumed.n_iter_ == 5
    assert_same_fit(resumed, whole)
    assert again.scores_ == first.scores_
    assert not (tmp_path / "d").exists()
    assert Checkpoint.load(tmp_path / "c").set_callbacks(patient).fit(X, y).n_iter_ == 8
    assert patient.scores_ == scores[:8]


@needs_callbacks
def test_a_further_one_begins_with_new_patience_in_a_resumed_fit(tmp_path):
    X, y = make_task(RNNRegressor)
    first = EarlyStoppingOn(scripted(*range(20)))
    with pytest.raises(RuntimeError, match="crash"):
        make_estimator().set_callbacks(first, Checkpoint(tmp_path / "c"), Crash(5)).fit(X, y)
    second = EarlyStoppingOn(scripted(0.0), n_iter_no_change=2)
    checkpoint = Checkpoint(tmp_path / "c")
    model = Checkpoint.load(tmp_path / "c").set_callbacks(first, second, checkpoint).fit(X, y)
    assert (model.n_iter_, len(first.scores_), len(second.scores_)) == (9, 9, 4)
    assert [len(scores) for scores in Checkpoint.load(tmp_path / "c")._unfinished.scores] == [9, 4]


@needs_callbacks
def test_fitted_estimator_pickles_with_it():
    X, y = make_task(RNNRegressor)
    stopping = EarlyStoppingOn("r2", n_iter_no_change=2)
    model = pickle.loads(pickle.dumps(make_estimator().set_callbacks(stopping).fit(X, y)))
    assert model.fit(X, y).n_iter_ == len(stopping.scores_)


@needs_callbacks
@pytest.mark.parametrize("score", [{"r2": 1.0}, None, "1.0"])
def test_scorer_has_to_give_a_number(score):
    X, y = make_task(RNNRegressor)
    with pytest.raises(TypeError, match=r"scoring is .*expected a number"):
        make_estimator().set_callbacks(EarlyStoppingOn(lambda estimator, X, y: score)).fit(X, y)


@pytest.mark.parametrize(
    ("arguments", "parameters", "error", "match"),
    [
        ((3,), {}, TypeError, "scoring is 3"),
        (("no such scorer",), {}, ValueError, "no such scorer"),
        (("r2", [[1.0]]), {}, ValueError, "y is None, but X is given"),
        (("r2", None, [1.0]), {}, ValueError, "X is None, but y is given"),
        (("r2",), {"sample_weight": [1.0]}, ValueError, "sample_weight is given, but X is None"),
        (("r2",), {"n_iter_no_change": 0}, ValueError, "n_iter_no_change is 0"),
        (("r2",), {"n_iter_no_change": 1.5}, TypeError, "n_iter_no_change"),
        (("r2",), {"tol": -1.0}, ValueError, "tol is -1.0"),
        (("r2",), {"tol": np.nan}, ValueError, "tol is nan"),
    ],
)
def test_parameters_are_checked(arguments, parameters, error, match):
    with pytest.raises(error, match=match):
        EarlyStoppingOn(*arguments, **parameters)


def test_has_no_scores_before_a_fit():
    with pytest.raises(AttributeError, match="has not scored any fit"):
        _ = EarlyStoppingOn("r2").best_score_
