"""Tests of lists of sequences in scikit-learn's meta-estimators, and in early stopping."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNClassifier, RNNRegressor
from tests.estimators.tasks import as_objects, assert_same_fit, make_ragged_task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)
each_holder = pytest.mark.axis("hold", [list, as_objects])
#: Where a search or a stack passes on what the folds of other tests pass on as well.
any_holder = pytest.mark.axis("hold", [list, as_objects], quick=[as_objects])
FOLDS = KFold(3)


def make_estimator(Estimator, **parameters):
    settings = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, "learning_rate_init": 0.02}
    return Estimator(**{**settings, **parameters})


def pick(values, indices):
    """Return the values at the indices, a list for a list."""
    return [values[i] for i in indices] if isinstance(values, list) else values[indices]


@each_estimator
@each_holder
def test_cross_val_score_and_predict(Estimator, hold):
    X, y = make_ragged_task(Estimator)
    model = make_estimator(Estimator)
    scores, predictions = [], np.empty(len(y), y.dtype)
    for train, test in FOLDS.split(X):
        fitted = clone(model).fit(pick(X, train), y[train])
        scores.append(fitted.score(pick(X, test), y[test]))
        predictions[test] = fitted.predict(pick(X, test))
    np.testing.assert_array_equal(cross_val_score(model, hold(X), y, cv=FOLDS, error_score="raise"), scores)
    np.testing.assert_array_equal(cross_val_predict(model, hold(X), y, cv=FOLDS), predictions)


def test_cross_val_predict_of_probabilities():
    X, y = make_ragged_task(RNNClassifier)
    probabilities = cross_val_predict(make_estimator(RNNClassifier), X, y, cv=3, method="predict_proba")
    assert probabilities.shape == (len(X), 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


@each_estimator
@any_holder
def test_grid_search(Estimator, hold):
    X, y = make_ragged_task(Estimator)
    grid = {"bidirectional": [False, True], "max_iter": [1, 20]}
    search = GridSearchCV(make_estimator(Estimator), grid, cv=3, error_score="raise").fit(hold(X), y)
    assert search.best_params_["max_iter"] == 20
    best = make_estimator(Estimator, **search.best_params_).fit(X, y)
    assert_same_fit(search.best_estimator_, best)
    np.testing.assert_array_equal(search.predict(hold(X)), best.predict(X))
    assert search.score(hold(X), y) == best.score(X, y)


@each_estimator
def test_weights_in_cross_validation(Estimator):
    X, y = make_ragged_task(Estimator)
    weights = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    found = cross_validate(
        make_estimator(Estimator), X, y, params={"sample_weight": weights}, cv=FOLDS, return_estimator=True
    )
    for model, (train, _) in zip(found["estimator"], FOLDS.split(X), strict=True):
        assert_same_fit(model, clone(model).fit(pick(X, train), y[train], weights[train]))


@any_holder
def test_stacking(hold):
    X, y = make_ragged_task(RNNClassifier)
    members = [(cell, make_estimator(RNNClassifier, cell=cell, max_iter=30)) for cell in ("rnn", "gru")]
    stack = StackingClassifier(members, LogisticRegression(), cv=3).fit(hold(X), y)
    assert stack.predict_proba(hold(X)).shape == (len(X), 2)
    assert stack.score(hold(X), y) > np.bincount(y).max() / len(y)
    X, y = make_ragged_task(RNNRegressor)
    members = [(cell, make_estimator(RNNRegressor, cell=cell, max_iter=30)) for cell in ("rnn", "gru")]
    assert StackingRegressor(members, Ridge(), cv=3).fit(hold(X), y).score(hold(X), y) > 0.3


@each_holder
@pytest.mark.axis("voting", ["hard", "soft"])
def test_voting(hold, voting):
    X, y = make_ragged_task(RNNClassifier)
    names = np.array(["dry", "wet"])[y]
    members = [(f"seed {seed}", make_estimator(RNNClassifier, random_state=seed)) for seed in range(3)]
    vote = VotingClassifier(members, voting=voting).fit(hold(X), names)
    if voting == "soft":
        mean = np.mean([member.predict_proba(X) for member in vote.estimators_], axis=0)
        np.testing.assert_allclose(vote.predict_proba(hold(X)), mean)
        expected = mean.argmax(axis=1)
    else:
        expected = np.median([member.predict(X) for member in vote.estimators_], axis=0).astype(int)
    np.testing.assert_array_equal(vote.predict(hold(X)), np.array(["dry", "wet"])[expected])


def test_voting_of_regressors():
    X, y = make_ragged_task(RNNRegressor)
    members = [(f"seed {seed}", make_estimator(RNNRegressor, random_state=seed)) for seed in range(2)]
    vote = VotingRegressor(members).fit(X, y)
    np.testing.assert_allclose(vote.predict(X), np.mean([member.predict(X) for member in vote.estimators_], axis=0))


@each_estimator
def test_pipeline(Estimator):
    X, y = make_ragged_task(Estimator)
    halved = FunctionTransformer(lambda X: [x / 2 for x in X])
    piped = make_pipeline(halved, make_estimator(Estimator)).fit(X, y)
    alone = make_estimator(Estimator).fit([x / 2 for x in X], y)
    assert_same_fit(piped[-1], alone)
    assert piped.score(X, y) == alone.score([x / 2 for x in X], y)


@each_estimator
@each_holder
@pytest.mark.axis("return_sequences", [False, True])
def test_pickle_and_clone(Estimator, hold, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    model = make_estimator(Estimator, return_sequences=return_sequences, batch_size=5).fit(hold(X), y)
    assert_same_fit(model, clone(model).fit(hold(X), y))
    copy = pickle.loads(pickle.dumps(model))
    assert_same_fit(model, copy)
    for one, other in zip(model.predict(hold(X)), copy.predict(hold(X)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same_fit(model.partial_fit(hold(X), y), copy.partial_fit(hold(X), y))


@each_estimator
@pytest.mark.axis("return_sequences", [False, True])
@pytest.mark.axis("batch_size", ["auto", 5])
def test_partial_fit_is_an_epoch_of_fit(Estimator, return_sequences, batch_size):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    whole = make_estimator(Estimator, return_sequences=return_sequences, batch_size=batch_size).fit(X, y)
    stepwise = clone(whole)
    for _ in range(4):
        stepwise.partial_fit(X, y, **({"classes": [0, 1]} if Estimator is RNNClassifier else {}))
    assert_same_fit(whole, stepwise, rtol=1e-9, atol=1e-12)
    assert (stepwise.n_iter_, stepwise.t_) == (4, 4 * len(X))


@each_estimator
@pytest.mark.axis("return_sequences", [False, True])
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_last_sequences_are_held_out(Estimator, return_sequences, solver):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    settings = {"solver": solver, "early_stopping": True, "return_sequences": return_sequences, "max_iter": 30}
    model = make_estimator(Estimator, validation_split="last", validation_fraction=0.25, **settings).fit(X, y)
    given = make_estimator(Estimator, **settings).fit(X[:18], y[:18], X_val=X[18:], y_val=y[18:])
    assert_same_fit(model, given)
    assert model.t_ == 18 * model.n_iter_
    np.testing.assert_allclose(model.best_validation_score_, model.score(X[18:], y[18:]), rtol=1e-9)


@each_estimator
@pytest.mark.axis("return_sequences", [False, True])
def test_random_sequences_are_held_out(Estimator, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    model = make_estimator(Estimator, early_stopping=True, validation_fraction=0.25, return_sequences=return_sequences)
    model.fit(X, y)
    assert model.t_ == 18 * model.n_iter_
    assert len(model.validation_scores_) == model.n_iter_
    assert np.isfinite(model.validation_scores_).all()
    assert clone(model).set_params(random_state=1).fit(X, y).validation_scores_ != model.validation_scores_


@each_estimator
@pytest.mark.axis("return_sequences", [False, True])
def test_validation_lists_only_watch_without_early_stopping(Estimator, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    model = make_estimator(Estimator, return_sequences=return_sequences, alpha=0.0)
    weights = [np.arange(1.0, 1 + len(x)) for x in X[18:]] if return_sequences else np.arange(1.0, 7.0)
    watched = clone(model).fit(X[:18], y[:18], X_val=X[18:], y_val=y[18:], sample_weight_val=weights)
    assert_same_fit(watched, model.fit(X[:18], y[:18]))
    np.testing.assert_allclose(watched.validation_scores_[-1], watched.score(X[18:], y[18:], weights), rtol=1e-9)
