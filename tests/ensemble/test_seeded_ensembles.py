"""Tests of ensembles of one estimator with several seeds."""

from copy import copy, deepcopy
from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    d2_absolute_error_score,
    d2_pinball_score,
    d2_tweedie_score,
    r2_score,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleClassifier, EnsembleRegressor
from skrnn.forecasting import backtest, forecast, to_supervised
from skrnn.metrics import make_sequence_scorer
from skrnn.preprocessing import SequenceTransformer
from skrnn.solvers._monitor import Monitor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def regressor(**parameters):
    return RNNRegressor((3,), solver="lbfgs", max_iter=15, **parameters)


def classifier(**parameters):
    return RNNClassifier((3,), solver="lbfgs", max_iter=15, **parameters)


def ragged(per_timestep=False):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) for length in rng.integers(3, 8, size=20)]
    return X, [sequence.sum(axis=1) for sequence in X] if per_timestep else np.array([x.sum() for x in X])


def test_predictions_are_the_mean_and_deviations_that_of_the_members():
    X, y = ragged()
    model = EnsembleRegressor(regressor(), 3, random_state=0).fit(X, y)
    members = np.array([member.predict(X) for member in model.estimators_])
    np.testing.assert_allclose(model.predict(X), members.mean(axis=0))
    predictions, deviations = model.predict(X, return_std=True)
    np.testing.assert_array_equal(predictions, model.predict(X))
    np.testing.assert_allclose(deviations, members.std(axis=0))
    assert (deviations > 0).all()


def test_members_are_the_estimator_from_seeds_of_their_own():
    X, y = ragged()
    model = EnsembleRegressor(regressor(), 3, random_state=0).fit(X, y)
    seeds = [member.random_state for member in model.estimators_]
    assert len(set(seeds)) == 3
    alone = regressor(random_state=seeds[1]).fit(X, y)
    np.testing.assert_array_equal(alone.predict(X), model.estimators_[1].predict(X))
    again = clone(model).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert model.estimator.random_state is None


def test_every_random_state_of_a_pipeline_is_set():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 1)), rng.normal(size=40)
    pipeline = make_pipeline(QuantileTransformer(n_quantiles=5), SlidingWindow(3), regressor())
    model = EnsembleRegressor(pipeline, 2, random_state=0).fit(X, y, sample_weight=np.ones(40))
    states = [(member[0].random_state, member[-1].random_state) for member in model.estimators_]
    assert len({seed for pair in states for seed in pair}) == 4


def test_n_jobs_changes_no_prediction():
    X, y = ragged()
    one, two = (EnsembleRegressor(regressor(), 3, n_jobs=n, random_state=0).fit(X, y) for n in (None, 2))
    np.testing.assert_array_equal(one.predict(X), two.predict(X))


def test_weights_reach_the_members():
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.arange(30.0)
    weights = (np.arange(30) < 15).astype(float)
    tree = DecisionTreeRegressor(max_depth=2)
    weighted = EnsembleRegressor(tree, 2, random_state=0).fit(X, y, sample_weight=weights)
    half = EnsembleRegressor(tree, 2, random_state=0).fit(X[:15], y[:15])
    np.testing.assert_allclose(weighted.predict(X), half.predict(X))
    with sklearn.config_context(enable_metadata_routing=True):
        model = EnsembleRegressor(clone(tree).set_fit_request(sample_weight=True), 2, random_state=0)
        np.testing.assert_allclose(model.fit(X, y, sample_weight=weights).predict(X), half.predict(X))


def test_several_outputs():
    X, y = ragged()
    model = EnsembleRegressor(regressor(), 2, random_state=0).fit(X, np.column_stack([y, -y]))
    predictions, deviations = model.predict(X, return_std=True)
    assert predictions.shape == deviations.shape == (20, 2)


@pytest.mark.parametrize("form", ["list", "object array", "array"])
def test_predictions_of_timesteps_in_every_form(form):
    X, y = ragged(per_timestep=True)
    if form == "array":
        X, y = np.stack([x[:3] for x in X]), np.stack([values[:3] for values in y])
        X[0, 1] = np.nan
    model = EnsembleRegressor(regressor(return_sequences=True), 2, random_state=0).fit(X, y)
    if form == "object array":
        objects = np.empty(len(X), dtype=object)
        objects[:] = X
        X = objects
    predictions, deviations = model.predict(X, return_std=True)
    assert type(predictions) is (list if form == "list" else np.ndarray)
    members = [member.predict(X) for member in model.estimators_]
    np.testing.assert_allclose(predictions[0], (members[0][0] + members[1][0]) / 2.0)
    np.testing.assert_allclose(deviations[0], np.abs(members[0][0] - members[1][0]) / 2.0)
    assert form != "array" or np.isnan(predictions[0, 1])


SCORES = {
    "squared_error": r2_score,
    "absolute_error": d2_absolute_error_score,
    "poisson": partial(d2_tweedie_score, power=1),
    "quantile": partial(d2_pinball_score, alpha=0.5),
}


@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("loss", SCORES)
def test_score_is_that_of_the_loss_for_the_mean(loss, is_weighted):
    X, y = ragged()
    y = np.exp(0.3 * y)
    weights = np.arange(20) % 3 if is_weighted else None
    pipeline = make_pipeline(SequenceTransformer(StandardScaler()), regressor(loss=loss))
    model = EnsembleRegressor(pipeline, 2, random_state=0).fit(X, y)
    expected = SCORES[loss](y, model.predict(X), sample_weight=weights)
    assert model.score(X, y, sample_weight=weights) == pytest.approx(expected, rel=1e-9)
    single = EnsembleRegressor(pipeline, 1, random_state=0).fit(X, y)
    assert single.score(X, y, weights) == pytest.approx(single.estimators_[0].score(X, y, sample_weight=weights))


@pytest.mark.parametrize("form", ["list", "array"])
@pytest.mark.parametrize("parameters", [{}, {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}, {"loss": "poisson"}])
def test_score_of_timesteps(parameters, form):
    X, y = ragged(per_timestep=True)
    y = [np.exp(0.3 * values) for values in y]
    if form == "array":
        X, y = np.stack([x[:3] for x in X]), np.stack([values[:3] for values in y])
        X[0, 1] = np.nan
    y[3][1] = np.nan
    network = regressor(return_sequences=True, **parameters)
    ensemble = EnsembleRegressor(network, 3, random_state=0).fit(X, y)
    member = ensemble.estimators_[0]
    assert EnsembleRegressor(network, 1, random_state=0).fit(X, y).score(X, y) == pytest.approx(member.score(X, y))
    if not parameters:
        assert ensemble.score(X, y) == pytest.approx(make_sequence_scorer("r2")(ensemble, X, y))
    weights = np.arange(20) % 2
    assert np.isfinite(ensemble.score(X, y, sample_weight=weights))
    both = [np.column_stack([values, values]) for values in y]
    of_two = EnsembleRegressor(network, 1, random_state=0).fit(X, both)
    assert of_two.score(X, both) == pytest.approx(of_two.estimators_[0].score(X, both))


@pytest.mark.parametrize("kind", ["two classes", "classes", "labels"])
@pytest.mark.parametrize("per_timestep", [False, True])
def test_accuracy_of_the_averages(kind, per_timestep):
    X, y = ragged(per_timestep)
    encode = {
        "two classes": lambda values: np.where(values > 0, "up", "down"),
        "classes": lambda values: np.digitize(values, [-1.0, 1.0]),
        "labels": lambda values: np.stack([values > 0, values > 1], axis=-1).astype(int),
    }[kind]
    y = [encode(values) for values in y] if per_timestep else encode(y)
    model = EnsembleClassifier(classifier(return_sequences=per_timestep), 3, random_state=0).fit(X, y)
    predictions = model.predict(X)
    if per_timestep:
        expected = accuracy_score(np.concatenate(y), np.concatenate(predictions))
    else:
        expected = accuracy_score(y, predictions)
    assert model.score(X, y) == pytest.approx(expected)


def test_score_of_other_estimators():
    X, y = ragged()
    X = np.stack([x[-3:, 0] for x in X])
    tree = EnsembleRegressor(DecisionTreeRegressor(max_depth=2), 2, random_state=0).fit(X, y)
    assert tree.score(X, y) == pytest.approx(r2_score(y, tree.predict(X)))
    trees = EnsembleClassifier(DecisionTreeClassifier(max_depth=1), 2, random_state=0).fit(X, y > 0)
    assert trees.score(X, y > 0) == np.mean(trees.predict(X) == (y > 0))
    inside = ChangeRegressor(regressor(loss="quantile", quantile=[0.1, 0.9]))
    with pytest.raises(ValueError, match=r"y has shape \(20,\), but the members predict \(20, 2\); expected one"):
        EnsembleRegressor(inside, 2, random_state=0).fit(X, y).score(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_are_averaged(n_classes):
    X, y = ragged()
    labels = np.array(["low", "mid", "top"])[np.digitize(y, [0.0, 1.0][: n_classes - 1])]
    model = EnsembleClassifier(classifier(), 3, random_state=0).fit(X, labels)
    probabilities = np.mean([member.predict_proba(X) for member in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict_proba(X), probabilities)
    np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])
    assert model.score(X, labels) > 0.6


def test_classes_of_timesteps_and_multilabel():
    X, y = ragged(per_timestep=True)
    labels = [(values > 0).astype(int) for values in y]
    model = EnsembleClassifier(classifier(return_sequences=True), 2, random_state=0).fit(X, labels)
    assert make_sequence_scorer("accuracy")(model, X, labels) > 0.7
    padded = np.full((1, 4, 2), np.nan)
    padded[0, :2] = X[0][:2]
    np.testing.assert_array_equal(np.isnan(model.predict(padded)), [[False, False, True, True]])
    labels = np.array([[values.sum() > 0, values[0] > 0] for values in y]).astype(int)
    several = EnsembleClassifier(classifier(), 2, random_state=0).fit(X, labels)
    np.testing.assert_array_equal(several.predict(X), (several.predict_proba(X) > 0.5).astype(int))


def test_streams():
    X, y = ragged(per_timestep=True)
    model = EnsembleRegressor(regressor(return_sequences=True), 2, random_state=0).fit(X, y)
    stream = model.stream()
    first = [stream.predict(timestep)[0] for timestep in X[0]]
    np.testing.assert_allclose(first, model.predict(X[:1])[0])
    state = stream.state
    following = stream.predict(X[1][0])
    stream.state = state
    np.testing.assert_array_equal(stream.predict(X[1][0]), following)
    stream.reset()
    np.testing.assert_allclose(stream.predict(X[0][0]), first[0])
    with pytest.raises(ValueError, match=r"state has shape \(1, 1\); expected \(1, 6\)"):
        stream.state = np.zeros((1, 1))
    for duplicate in (copy, deepcopy):
        twin, state = duplicate(stream), stream.state
        twin.predict(X[0][0])
        np.testing.assert_array_equal(stream.state, state)
        assert not np.array_equal(twin.state, state)
    assert not hasattr(stream, "predict_proba")
    assert not hasattr(EnsembleRegressor(make_pipeline(regressor())), "stream")


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_stream_is_unchanged_if_its_last_member_fails(error, monkeypatch):
    X, y = ragged(per_timestep=True)
    model = EnsembleRegressor(regressor(return_sequences=True), 2, random_state=0).fit(X, y)
    stream = model.stream()
    stream.predict(X[0][0])
    state = stream.state

    def fail(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(stream._members[-1], "predict", fail)
        patched.setattr(stream._members[-1], "reset", fail)
        for step in (lambda: stream.predict(X[0][1]), stream.reset):
            with pytest.raises(error):
                step()
            np.testing.assert_array_equal(stream.state, state)
    for wrong in (
        np.where(np.arange(state.size) < state.size - 1, 0.1, np.inf)[np.newaxis],
        [[1.0], [1.0, 2.0]],
        np.ma.masked_less(state, 9.0),
    ):
        with pytest.raises(ValueError, match="state"):
            stream.state = wrong
        np.testing.assert_array_equal(stream.state, state)


def test_streams_of_classifiers_give_the_most_probable_class():
    X, y = ragged(per_timestep=True)
    labels = [np.where(values > 0, "up", "down") for values in y]
    model = EnsembleClassifier(classifier(return_sequences=True), 2, random_state=0).fit(X, labels)
    stream = model.stream()
    assert [stream.predict(timestep)[0] for timestep in X[0]] == model.predict(X[:1])[0].tolist()
    stream.reset()
    np.testing.assert_allclose(stream.predict_proba(X[0][0]), model.predict_proba(X[:1])[0][:1])


class Interrupted(RegressorMixin, BaseEstimator):
    """Is interrupted in `fit` unless its seed is among the first ones fitted."""

    n_left = 0

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        if Interrupted.n_left == 0:
            raise KeyboardInterrupt
        Interrupted.n_left -= 1
        self.n_features_in_ = 1
        return self

    def predict(self, X):
        return np.ones(len(X))


def test_an_interrupted_fit_keeps_the_members_that_are_there():
    Interrupted.n_left = 2
    model = EnsembleRegressor(Interrupted(), 4)
    with pytest.warns(UserWarning, match="Training interrupted by user after 2 of 4 members, which are kept"):
        model.fit(np.zeros((3, 1)), np.zeros(3))
    assert len(model.estimators_) == 2
    with pytest.raises(KeyboardInterrupt):
        model.fit(np.zeros((3, 1)), np.zeros(3))
    assert len(model.estimators_) == 2


def test_a_network_that_keeps_its_parameters_when_interrupted_ends_the_ensemble(monkeypatch):
    X, y = ragged()
    calls = []

    def interrupt(monitor, *arguments, **keywords):
        calls.append(monitor)
        record(monitor, *arguments, **keywords)
        if len(calls) == 25:  # in the second member
            raise KeyboardInterrupt

    record = Monitor.record
    monkeypatch.setattr(Monitor, "record", interrupt)
    model = EnsembleRegressor(regressor(alpha=0.0, tol=0.0), 4, random_state=0)
    with pytest.warns(UserWarning, match="Training interrupted by user") as warned:
        model.fit(X, y)
    assert "after 10 iterations" in str(warned[0].message)  # says the network
    assert "after 2 of 4 members" in str(warned[1].message)
    assert len(model.estimators_) == 2


def test_forecasts():
    series = np.sin(np.arange(80) / 3.0)
    X, y = to_supervised(series)
    model = EnsembleRegressor(make_pipeline(SlidingWindow(5), regressor()), 2, random_state=0).fit(X, y)
    rows = series.tolist()
    for _ in range(4):
        rows.append(model.predict(np.array(rows)[:, np.newaxis])[-1])
    np.testing.assert_allclose(forecast(model, series, 4), rows[80:])
    together = backtest(model, series, 3, first_origin=60).forecasts
    np.testing.assert_allclose(together[5], forecast(model, series[:66], 3))


def test_forecasts_by_streams():
    series = np.sin(np.arange(60) / 3.0)
    network = regressor(return_sequences=True)
    model = EnsembleRegressor(network, 2, random_state=0).fit(
        series[np.newaxis, :-1, np.newaxis], series[np.newaxis, 1:]
    )
    rows = series.tolist()
    for _ in range(3):
        rows.append(model.predict(np.array(rows)[np.newaxis, :, np.newaxis])[0, -1])
    np.testing.assert_allclose(forecast(model, series, 3), rows[60:])
    both = EnsembleRegressor(regressor(return_sequences=True, bidirectional=True), 2, random_state=0)
    both.fit(series[np.newaxis, :-1, np.newaxis], series[np.newaxis, 1:])
    with pytest.raises(ValueError, match="bidirectional=True; expected bidirectional=False"):
        forecast(both, series, 3)


def test_parameters_are_searched():
    X, y = ragged()
    search = GridSearchCV(EnsembleRegressor(regressor(), 2, random_state=0), {"estimator__alpha": [1.0, 1e6]}, cv=2)
    assert search.fit(X, y).best_params_ == {"estimator__alpha": 1.0}


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"estimator": RNNRegressor}, TypeError, "estimator is .*; expected an instance of a regressor"),
        ({"estimator": LogisticRegression()}, TypeError, "expected an instance of a regressor"),
        (
            {"estimator": make_pipeline(Ridge()).set_params(ridge=LogisticRegression())},
            TypeError,
            "expected an instance of a regressor",
        ),
        ({"n_estimators": 0}, ValueError, "n_estimators is 0; expected an integer >= 1"),
        ({"n_estimators": 1.5}, TypeError, "n_estimators is 1.5"),
        ({"random_state": "seed"}, ValueError, "random_state"),
        ({"estimator": SlidingWindow()}, TypeError, "expected an instance of a regressor"),
    ],
)
def test_what_is_refused_leaves_the_ensemble_as_it_was(parameters, error, message):
    X, y = ragged()
    model = EnsembleRegressor(regressor(), 2, random_state=0).fit(X, y)
    before = model.predict(X)
    for name, value in parameters.items():
        setattr(model, name, value)
    with pytest.raises(error, match=message):
        model.fit(X, -y)
    np.testing.assert_array_equal(model.set_params(estimator=regressor()).predict(X), before)


def test_an_estimator_without_seeds_is_refused():
    with pytest.raises(ValueError, match="expected one with a random_state to draw seeds for"):
        EnsembleRegressor(LinearRegression()).fit(np.zeros((3, 1)), np.zeros(3))
