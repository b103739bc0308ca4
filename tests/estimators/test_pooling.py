"""Tests of pooling: the input of the readout, and that masked timesteps have no effect."""

import copy
import pickle

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS
from skrnn.network import _inference
from tests.estimators.tasks import assert_same_fit, documented_objective, make_ragged_task, parameter_arrays

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: The input of the readout for states after all timesteps, (n_timesteps, n_units).
FORMULAS = {"mean": lambda states: states.sum(axis=0) / len(states), "max": lambda states: np.sort(states, axis=0)[-1]}
ESTIMATORS = [RNNRegressor, RNNClassifier]
each_pooling = pytest.mark.axis("pooling", FORMULAS)
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)
each_cell = pytest.mark.axis("cell", CELLS)
each_direction = pytest.mark.axis("bidirectional", [False, True])
each_solver = pytest.mark.axis("solver", ["adam", "sgd", "lbfgs", "trust-krylov", "trust-exact"])
CLOSE = {"rtol": 1e-12, "atol": 1e-13}


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, **parameters})


def predict(model, X):
    """Return numbers, or the probabilities of the second class."""
    return model.predict_proba(X)[:, 1] if isinstance(model, RNNClassifier) else model.predict(X)


def padded(X, place, n_timesteps):
    """Return sequences in one array masked to `n_timesteps`: before, after, or in between the timesteps."""
    array = np.full((len(X), n_timesteps, X[0].shape[1]), np.nan)
    for row, steps in zip(array, X, strict=True):
        row[places(len(steps), n_timesteps)[place]] = steps
    return array


def places(length, n_timesteps):
    return {
        "before": np.arange(n_timesteps - length, n_timesteps),
        "after": np.arange(length),
        "in between": np.linspace(0, n_timesteps - 1, length).astype(int),
    }


# Input of the readout


@each_pooling
@each_estimator
@each_cell
@each_direction
def test_prediction_is_the_readout_of_the_pooled_states(pooling, Estimator, cell, bidirectional):
    X, y = make_ragged_task(Estimator)
    model = make_estimator(
        Estimator, cell=cell, hidden_layer_sizes=(5, 3), bidirectional=bidirectional, pooling=pooling
    )
    model.fit(X, y)
    pooled = np.array([FORMULAS[pooling](states) for states in model.hidden_states(X)])
    raw = (pooled @ model.readout_weights_.T + model.readout_bias_)[:, 0]
    np.testing.assert_allclose(predict(model, X), expit(raw) if Estimator is RNNClassifier else raw, **CLOSE)


@each_pooling
@each_cell
@each_direction
def test_hidden_states_are_those_of_any_pooling(pooling, cell, bidirectional):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(cell=cell, bidirectional=bidirectional, pooling=pooling).fit(X, y)
    other = make_estimator(cell=cell, bidirectional=bidirectional).fit(X, y)
    for name in ("input_weights_", "recurrent_weights_", "biases_", "_bias_remainders"):
        setattr(other, name, getattr(model, name))
    for states, of_other in zip(model.hidden_states(X), other.hidden_states(X), strict=True):
        np.testing.assert_array_equal(states, of_other)


@each_pooling
def test_a_sequence_of_one_timestep_has_one_state(pooling):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(pooling=pooling).fit(X, y)
    last = clone(model).set_params(pooling="last").fit(X, y)
    for array, of_last in zip(parameter_arrays(model)[0], parameter_arrays(last)[0], strict=True):
        of_last[...] = array
    last._bias_remainders = model._bias_remainders
    one = np.random.default_rng(0).normal(size=(5, 1, 2))
    np.testing.assert_allclose(model.predict(one), last.predict(one), **CLOSE)
    assert not np.allclose(model.predict(X), last.predict(X), rtol=1e-3)


@each_pooling
def test_an_event_long_ago_is_learnt(pooling):
    """The last state no longer depends on which of the sequences had a spike, and where."""
    rng = np.random.default_rng(0)
    X = rng.normal(scale=0.1, size=(80, 60, 1))
    y = np.arange(80) % 2
    X[np.flatnonzero(y), rng.integers(0, 20, 40)] += 2.0
    settings = {"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 60, "random_state": 0}
    assert RNNClassifier(pooling=pooling, **settings).fit(X[:40], y[:40]).score(X[40:], y[40:]) == 1.0
    assert RNNClassifier(**settings).fit(X[:40], y[:40]).score(X[40:], y[40:]) < 0.9


def test_last_is_the_default():
    X, y = make_ragged_task(RNNRegressor)
    assert RNNRegressor().pooling == RNNClassifier().pooling == "last"
    assert_same_fit(make_estimator().fit(X, y), make_estimator(pooling="last").fit(X, y))


# The objective


@each_pooling
@each_estimator
@each_cell
@each_direction
def test_training_minimises_the_documented_objective(pooling, Estimator, cell, bidirectional):
    X, y = make_ragged_task(Estimator)
    weights = 1.0 + np.arange(len(X)) % 3
    model = make_estimator(
        Estimator, cell=cell, bidirectional=bidirectional, pooling=pooling, solver="lbfgs", max_iter=10,
        normalize_X=False, **({"normalize_y": False} if Estimator is RNNRegressor else {}),
    ).fit(X, y, weights)  # fmt: skip
    assert model.loss_ == pytest.approx(documented_objective(model, X, y, weights), rel=1e-10)


@each_pooling
@each_solver
@each_estimator
def test_weight_of_two_is_the_sample_twice(pooling, solver, Estimator):
    X, y = make_ragged_task(Estimator)
    weights = np.random.default_rng(0).integers(0, 3, len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    model = make_estimator(Estimator, pooling=pooling, solver=solver).fit(X, y, weights)
    other = clone(model).fit([X[i] for i in repeated], y[repeated])
    assert_same_fit(model, other, rtol=1e-7, atol=1e-9)


@each_pooling
@each_cell
@each_direction
def test_dropout_in_training_alone(pooling, cell, bidirectional):
    X, y = make_ragged_task(RNNRegressor)
    settings = {"cell": cell, "bidirectional": bidirectional, "pooling": pooling}
    model = make_estimator(**settings, dropout=0.3, recurrent_dropout=0.3).fit(X, y)
    assert not np.allclose(model.readout_weights_, make_estimator(**settings).fit(X, y).readout_weights_)
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    pooled = np.array([FORMULAS[pooling](states) for states in model.hidden_states(X)])
    raw = (pooled @ model.readout_weights_.T + model.readout_bias_)[:, 0]
    np.testing.assert_allclose(model.predict(X), raw, **CLOSE)


# Masked timesteps


@each_pooling
@each_estimator
@each_cell
@each_direction
@each_solver
@pytest.mark.axis("n_timesteps", [7, 20])
def test_padding_holes_and_form_do_not_matter(pooling, Estimator, cell, bidirectional, solver, n_timesteps):
    X, y = make_ragged_task(Estimator)
    model = make_estimator(Estimator, cell=cell, bidirectional=bidirectional, pooling=pooling, solver=solver).fit(X, y)
    for place in places(1, 1):
        array = padded(X, place, n_timesteps)
        np.testing.assert_array_equal(predict(model, array), predict(model, X))
        assert_same_fit(clone(model).fit(array, y), model)


@each_pooling
@each_cell
@each_direction
def test_predictions_do_not_depend_on_other_sequences(pooling, cell, bidirectional):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(cell=cell, bidirectional=bidirectional, pooling=pooling).fit(X, y)
    order, expected = np.random.default_rng(0).permutation(len(X)), model.predict(X)
    np.testing.assert_allclose(model.predict([X[i] for i in order]), expected[order], **CLOSE)
    alone = np.concatenate([model.predict([x]) for x in X])
    np.testing.assert_allclose(alone, expected, **CLOSE)


@each_pooling
@each_cell
@each_direction
def test_segments_and_workers_do_not_matter(pooling, cell, bidirectional, monkeypatch):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(cell=cell, bidirectional=bidirectional, pooling=pooling).fit(X, y)
    expected = model.predict(X)
    monkeypatch.setattr(_inference, "_MIN_CHUNK_SIZE", 1)
    monkeypatch.setattr(_inference, "_SEGMENT_BYTES", 1)
    for chunk_size, n_timesteps in ((24, 1), (5, 3)):
        monkeypatch.setattr(_inference, "_CHUNK_SIZE", chunk_size)
        monkeypatch.setattr(_inference, "_MIN_SEGMENT", n_timesteps)
        cut = model.predict(X)
        np.testing.assert_allclose(cut, expected, **CLOSE)
        np.testing.assert_array_equal(model.set_params(n_jobs=2).predict(X), cut)
        fits = [clone(model).set_params(solver="lbfgs", n_jobs=n_jobs).fit(X, y) for n_jobs in (1, 2)]
        assert_same_fit(*fits)
        model.set_params(n_jobs=None)


# The stream


@each_pooling
@each_estimator
@each_cell
@pytest.mark.axis("dtype", ["float32", "float64"])
def test_stream_predicts_what_predict_does_of_each_beginning(pooling, Estimator, cell, dtype):
    X, y = make_ragged_task(Estimator)
    model = make_estimator(Estimator, cell=cell, hidden_layer_sizes=(4, 3), pooling=pooling, dtype=dtype).fit(X, y)
    steps = np.random.default_rng(1).normal(size=(3, 8, 2))
    steps[1, [0, 3, 4]] = np.nan
    stream = model.stream(3)
    for t in range(8):
        is_read = ~np.isnan(steps[:, t, 0])
        method = "predict_proba" if Estimator is RNNClassifier else "predict"
        expected = getattr(model, method)(steps[is_read, : t + 1])
        tolerance = CLOSE if dtype == "float64" else {"rtol": 1e-5, "atol": 1e-6}
        found = getattr(stream, method)(steps[:, t])
        np.testing.assert_allclose(found[is_read], expected, **tolerance)
        assert np.isnan(found[~is_read]).all()


@each_pooling
@pytest.mark.axis("duplicate", [copy.copy, copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
def test_pooled_states_are_part_of_the_state(pooling, duplicate):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(cell="lstm", pooling=pooling).fit(X, y)
    steps = np.random.default_rng(1).normal(size=(2, 6, 2))
    stream = model.stream(2)
    assert stream.state.shape == (2, 4 + 4 + 4 + 1)
    for t in range(3):
        stream.predict(steps[:, t])
    states = model.hidden_states(steps[:, :3])
    expected = np.column_stack([[FORMULAS[pooling](of_sequence) for of_sequence in states], [3.0, 3.0]])
    np.testing.assert_allclose(stream.state[:, 8:], expected, **CLOSE)
    twin, other = duplicate(stream), model.stream(1)
    other.state = stream.state[1:]
    stream.reset(0)
    for t in range(3, 6):
        found = stream.predict(steps[:, t])
        np.testing.assert_allclose(found[:1], model.predict(steps[:1, 3 : t + 1]), **CLOSE)
        np.testing.assert_allclose(found[1:], model.predict(steps[1:, : t + 1]), **CLOSE)
        np.testing.assert_allclose(other.predict(steps[1:, t]), found[1:], **CLOSE)
        np.testing.assert_allclose(twin.predict(steps[:, t]), model.predict(steps[:, : t + 1]), **CLOSE)


# Around the estimator


@each_pooling
@each_estimator
def test_partial_fit_and_warm_start_go_on(pooling, Estimator):
    X, y = make_ragged_task(Estimator)
    model = make_estimator(Estimator, pooling=pooling, max_iter=8, warm_start=True).fit(X, y)
    loss = model.loss_
    assert model.fit(X, y).loss_ < loss
    assert model.partial_fit(X, y).loss_ < loss


def test_it_is_a_parameter_of_a_search():
    X, y = make_ragged_task(RNNRegressor)
    search = GridSearchCV(make_estimator(solver="lbfgs"), {"pooling": ["last", "mean", "max"]}, cv=2).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == 3


@each_pooling
@each_estimator
def test_an_output_at_each_timestep_sees_the_state_of_that_timestep(pooling, Estimator):
    X, y = make_ragged_task(Estimator, return_sequences=True)
    model = make_estimator(Estimator, return_sequences=True, pooling=pooling)
    message = f"pooling is '{pooling}', but return_sequences is True; expected 'last'"
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    fitted = make_estimator(Estimator, pooling=pooling).fit(*make_ragged_task(Estimator))
    fitted.set_params(return_sequences=True)
    for method in (fitted.predict, fitted.hidden_states):
        with pytest.raises(ValueError, match=message):
            method(X)


@each_pooling
@each_estimator
def test_truncated_bptt_is_refused_with_the_reason(pooling, Estimator):
    X, y = make_ragged_task(Estimator)
    with pytest.raises(ValueError, match=rf"bptt_steps is 3, but pooling is '{pooling}'; expected None, .*trained"):
        make_estimator(Estimator, bptt_steps=3, pooling=pooling).fit(X, y)


@each_pooling
@each_estimator
def test_another_pooling_needs_another_fit(pooling, Estimator):
    X, y = make_ragged_task(Estimator)
    model = make_estimator(Estimator, pooling=pooling).fit(X, y).set_params(pooling="last")
    for call in (lambda: model.predict(X), lambda: model.partial_fit(X, y), model.stream):
        with pytest.raises(ValueError, match=f"pooling is 'last', but {Estimator.__name__} was fitted with"):
            call()
    assert model.set_params(max_iter=2).fit(X, y).n_iter_ == 2
