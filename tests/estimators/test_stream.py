"""Tests of stream(): timestep by timestep, it predicts the same as predict for whole sequences."""

import copy
import pickle
import re

import numpy as np
import pytest

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.cells._registry import CELLS
from tests.estimators.tasks import make_ragged_task
from tests.reliability.interruptions import interrupted_at

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)
each_cell = pytest.mark.axis("cell", CELLS)
N_STATES = {"rnn": 1, "gru": 1, "lstm": 2}
X = np.random.default_rng(1).normal(size=(3, 8, 2))
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def make_model(Estimator=RNNRegressor, *, n_features=2, **parameters):
    """Return a model fitted to targets at each timestep."""
    settings = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, "return_sequences": True}
    settings = {**settings, **parameters}
    task = make_ragged_task(Estimator, return_sequences=settings["return_sequences"], n_features=n_features)
    return Estimator(**settings).fit(*task)


def run(stream, steps, method="predict"):
    """Return predictions for the timesteps of `steps`, (n_sequences, n_timesteps, n_features), in the same order."""
    return np.stack([getattr(stream, method)(steps[:, t]) for t in range(steps.shape[1])], axis=1)


# The same as predict


@each_estimator
@each_cell
@pytest.mark.axis("sizes", [(4,), (5, 3, 2)])
@pytest.mark.axis("n_sequences", [1, 3])
@pytest.mark.axis("method", ["predict", "predict_proba", "predict_log_proba"])
def test_equals_predict(Estimator, cell, sizes, n_sequences, method):
    model = make_model(Estimator, cell=cell, hidden_layer_sizes=sizes)
    assert hasattr(model.stream(), method) == hasattr(model, method)
    if hasattr(model, method):
        expected = getattr(model, method)(X[:n_sequences])
        found = run(model.stream(n_sequences), X[:n_sequences], method)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, **CLOSE)


@each_estimator
@each_cell
@pytest.mark.axis("dtype", ["float32", "float64"])
def test_equals_predict_of_data_as_they_come(Estimator, cell, dtype):
    scale, offset = np.array([1e3, 1e-3]), np.array([1e6, -2.0])
    X_fit, y = make_ragged_task(Estimator, return_sequences=True)
    settings = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, "return_sequences": True}
    model = Estimator(**settings, cell=cell, dtype=dtype).fit([x * scale + offset for x in X_fit], y)
    method = "predict_proba" if Estimator is RNNClassifier else "predict"
    raw = X * scale + offset
    raw[1, 3] = np.nan
    found, expected = run(model.stream(3), raw, method), getattr(model, method)(raw)
    assert np.nanstd(expected) > 0.01
    np.testing.assert_allclose(found, expected, **(CLOSE if dtype == "float64" else {"atol": 1e-6}))


def test_relu():
    model = make_model(activation="relu")
    np.testing.assert_allclose(run(model.stream(3), X), model.predict(X), **CLOSE)


def test_several_outputs_and_labels():
    y = np.stack([X[:, :, 0].cumsum(axis=1), X[:, :, 1], X[:, :, 0]], axis=2)
    settings = {"return_sequences": True, "max_iter": 4, "random_state": 0}
    for model in (
        RNNRegressor((4,), **settings).fit(X, y),
        RNNClassifier((4,), **settings).fit(X, (y > 0).astype(int)),
    ):
        np.testing.assert_allclose(run(model.stream(3), X), model.predict(X), **CLOSE)


def test_names_of_classes():
    names = np.array(["dry", "wet", "windy"])
    y = names[np.digitize(X[:, :, 0], [-0.5, 0.5])]
    model = RNNClassifier((4,), return_sequences=True, max_iter=4, random_state=0).fit(X, y)
    np.testing.assert_array_equal(run(model.stream(3), X), model.predict(X))
    np.testing.assert_allclose(run(model.stream(3), X, "predict_proba"), model.predict_proba(X), **CLOSE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_that_of_the_fit(dtype):
    model = make_model(dtype=dtype)
    stream = model.stream(3)
    assert stream.state.dtype == dtype
    found = run(stream, X)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-5 if dtype == "float32" else 1e-12)


@each_estimator
@each_cell
def test_trained_on_windows_it_equals_predict_on_each_prefix(Estimator, cell):
    series = np.random.default_rng(0).normal(size=(30, 2))
    y = series[:, 0] if Estimator is RNNRegressor else (series[:, 0] > 0).astype(int)
    model = Estimator((4,), cell=cell, max_iter=4, random_state=0)
    model.fit(SlidingWindow(5).fit_transform(series), y)
    stream = model.stream()
    for t in range(12):
        prefix = series[np.newaxis, : t + 1]
        if Estimator is RNNRegressor:
            np.testing.assert_allclose(stream.predict(series[t]), model.predict(prefix), **CLOSE)
        else:
            np.testing.assert_allclose(stream.predict_proba(series[t]), model.predict_proba(prefix), **CLOSE)


@pytest.mark.parametrize(
    "parameters", [{"dropout": 0.3, "recurrent_dropout": 0.3}, {"bptt_steps": 2}, {"solver": "lbfgs"}], ids=str
)
def test_however_it_was_trained(parameters):
    model = make_model(**parameters)
    np.testing.assert_allclose(run(model.stream(3), X), model.predict(X), **CLOSE)


def test_forms_of_a_timestep():
    model = make_model()
    expected = model.predict(X)[:1, 0]
    for x in (X[0, :1], X[0, 0], X[0, 0].tolist(), X[:1, 0].tolist()):
        np.testing.assert_allclose(model.stream().predict(x), expected, **CLOSE)
    univariate = make_model(n_features=1)
    expected = univariate.predict(X[:, :, :1])[:, 0]
    for x in (X[:, 0, :1], X[:, 0, 0], X[:, 0, 0].tolist()):
        np.testing.assert_allclose(univariate.stream(3).predict(x), expected, **CLOSE)
    np.testing.assert_allclose(univariate.stream().predict(X[0, 0, 0]), expected[:1], **CLOSE)


# The state


@each_cell
@pytest.mark.axis("sizes", [(4,), (5, 3)])
def test_state_is_explicit(cell, sizes):
    model = make_model(cell=cell, hidden_layer_sizes=sizes)
    stream, expected = model.stream(3), model.predict(X)
    assert stream.n_sequences == 3
    np.testing.assert_array_equal(stream.state, np.zeros((3, N_STATES[cell] * sum(sizes))))
    run(stream, X[:, :5])
    after_five = stream.state
    run(stream, X[:, 5:])
    assert not np.array_equal(stream.state, after_five)  # a copy, not a view
    stream.state = after_five
    np.testing.assert_array_equal(stream.state, after_five)
    np.testing.assert_allclose(run(stream, X[:, 5:]), expected[:, 5:], **CLOSE)
    other = model.stream(2)
    other.state = after_five[[2, 0]]
    np.testing.assert_allclose(run(other, X[[2, 0], 5:]), expected[[2, 0], 5:], **CLOSE)


@each_cell
def test_what_is_read_or_set_is_a_copy(cell):
    stream = make_model(cell=cell).stream(3)
    run(stream, X)
    state = stream.state
    before = state.copy()
    stream.state[:] = 0.0
    np.testing.assert_array_equal(stream.state, before)
    stream.state = state
    state[:] = 0.0
    np.testing.assert_array_equal(stream.state, before)


def test_answers_are_not_overwritten():
    stream = make_model().stream(3)
    first = stream.predict(X[:, 0])
    kept = first.copy()
    stream.predict(X[:, 1])
    np.testing.assert_array_equal(first, kept)


@each_cell
@pytest.mark.axis("which", [1, -2, [1], slice(1, 2), np.array([False, True, False])], ids=str)
def test_reset_of_some(cell, which):
    model = make_model(cell=cell, hidden_layer_sizes=(4, 3))
    stream = model.stream(3)
    run(stream, X[:, :4])
    stream.reset(which)
    found, expected = run(stream, X[:, 4:]), model.predict(X)[:, 4:]
    expected[1] = model.predict(X[1:2, 4:])
    np.testing.assert_allclose(found, expected, **CLOSE)
    stream.reset()
    np.testing.assert_array_equal(stream.state, 0.0)
    np.testing.assert_allclose(run(stream, X), model.predict(X), **CLOSE)


def test_reset_of_a_sequence_that_is_not_there():
    stream = make_model().stream(3)
    stream.predict(X[:, 0])
    before = stream.state
    with pytest.raises(IndexError):
        stream.reset(3)
    np.testing.assert_array_equal(stream.state, before)


@each_estimator
@each_cell
@pytest.mark.axis("method", ["predict", "predict_proba"])
def test_masked_timesteps(Estimator, cell, method):
    model = make_model(Estimator, cell=cell, hidden_layer_sizes=(4, 3))
    if not hasattr(model, method):
        pytest.skip("a regressor has no probabilities")
    holes = X.copy()
    holes[1, [0, 3, 4]] = holes[2, 3] = np.nan
    found = run(model.stream(3), holes, method)
    np.testing.assert_allclose(found.astype(float), getattr(model, method)(holes), **CLOSE)
    assert np.isnan(found[1, [0, 3, 4]].astype(float)).all()


def test_masked_timesteps_of_named_classes_and_of_all_sequences():
    y = np.where(X[:, :, 0] > 0, "dry", "wet")
    model = RNNClassifier((4,), return_sequences=True, max_iter=4, random_state=0).fit(X, y)
    stream = model.stream(3)
    stream.predict(X[:, 0])
    before = stream.state
    answers = stream.predict(np.full((3, 2), np.nan))
    assert all(answer != answer for answer in answers)
    np.testing.assert_array_equal(stream.state, before)
    np.testing.assert_array_equal(run(stream, X[:, 1:]), model.predict(X)[:, 1:])


# Rejected input


@pytest.mark.axis(
    ("x", "pattern"),
    [
        (X[:2, 0], r"x has shape \(2, 2\).* expected .* \(3, 2\)"),
        (X[:, 0, :1], r"x has shape \(3, 1\)"),
        (X[:, 0].T, r"x has shape \(2, 3\)"),
        (X[:, 0].ravel(), r"x has shape \(6,\)"),
        (X[:, :1], r"x has shape \(3, 1, 2\)"),
        (0.5, r"x has shape \(\)"),
        (np.array([[np.nan, 1.0], [1.0, 1.0], [1.0, 1.0]]), "x contains .*NaN in some features"),
        (np.array([[np.inf, 1.0], [1.0, 1.0], [1.0, 1.0]]), "x contains infinity"),
        (np.array([[np.nan, np.nan], [1.0, -np.inf], [1.0, 1.0]]), "x contains infinity"),
        (np.full((3, 2), "a"), "x has .*real numbers"),
        (np.full((3, 2), 1j), "x has .*real numbers"),
        (None, "x has .*real numbers"),
    ],
)
@each_cell
def test_bad_input_leaves_the_state_untouched(cell, x, pattern):
    model = make_model(cell=cell)
    stream = model.stream(3)
    run(stream, X[:, :4])
    before = stream.state
    with pytest.raises(ValueError, match=pattern):
        stream.predict(x)
    np.testing.assert_array_equal(stream.state, before)
    np.testing.assert_allclose(run(stream, X[:, 4:]), model.predict(X)[:, 4:], **CLOSE)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ma.masked_equal(np.eye(3, 2), 1.0), "x is a NumPy masked array with masked entries; .*"),
        (np.full((3, 2), "a", object), r"x: could not convert .* Expected real numbers of shape \(3, 2\)\."),
        ([[1.0, 2.0], [3.0], [4.0]], r"x: setting an array .* Expected real numbers of shape \(3, 2\)\."),
        (np.full((3, 2), 1e308), "x contains 1e.308, too large for .*"),
        (
            np.full((3, 2), np.inf),
            r"x contains infinity, or NaN in some features of a sequence; expected finite numbers\.",
        ),
    ],
)
def test_what_is_refused_is_named(x, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - all of the message is compared
        make_model().stream(3).predict(x)
    assert re.fullmatch(message, str(error.value))


def test_objects_and_booleans_are_numbers():
    stream, other = make_model().stream(3), make_model().stream(3)
    x = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(stream.predict(x.astype(object)), other.predict(x.astype(bool)))


def test_timesteps_of_one_feature_are_not_turned_round():
    stream = RNNRegressor((2,), return_sequences=True, solver="lbfgs", max_iter=2, random_state=0)
    stream = stream.fit(X[:, :, :1], X[:, :, 0]).stream(3)
    with pytest.raises(ValueError, match=r"x has shape \(1, 3\)"):
        stream.predict(X[:, 0, :1].T)


@pytest.mark.parametrize(
    "state",
    [
        *(np.zeros((3, 5)), np.zeros((2, 4)), np.zeros(12), np.full((3, 4), np.nan), np.full((3, 4), "a"), None),
        *(np.ma.masked_equal(np.eye(3, 4), 1.0), [[1.0, 2.0], [3.0]], np.full((3, 4), np.longdouble("1e400"))),
    ],
)
def test_bad_state_is_refused(state):
    stream = make_model().stream(3)
    run(stream, X)
    before = stream.state
    with pytest.raises(ValueError, match="state"):
        stream.state = state
    np.testing.assert_array_equal(stream.state, before)


@pytest.mark.parametrize(
    ("n_sequences", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_bad_number_of_sequences(n_sequences, error):
    with pytest.raises(error, match="n_sequences"):
        make_model().stream(n_sequences)


@each_estimator
def test_bidirectional_is_refused_with_the_reason(Estimator):
    model = make_model(Estimator, bidirectional=True)
    with pytest.raises(ValueError, match=r"bidirectional is True, .*the backward pass"):
        model.stream()


# Independence


@each_cell
def test_later_fit_does_not_change_it(cell):
    model = make_model(cell=cell)
    expected, stream, later = model.predict(X), model.stream(3), model.stream(3)
    model.partial_fit(X, X[:, :, 0])
    np.testing.assert_allclose(run(stream, X), expected, **CLOSE)
    model.set_params(cell="rnn", hidden_layer_sizes=(3,)).fit(X, X[:, :, 0])
    model.readout_weights_[:] = 0.0
    np.testing.assert_allclose(run(later, X), expected, **CLOSE)


def test_it_does_not_change_the_estimator():
    model = make_model()
    before = pickle.dumps(vars(model))
    run(model.stream(3), X)
    assert pickle.dumps(vars(model)) == before


@each_estimator
@each_cell
@pytest.mark.axis("duplicate", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_go_on_by_themselves(Estimator, cell, duplicate):
    model = make_model(Estimator, cell=cell, hidden_layer_sizes=(4, 3))
    stream, expected = model.stream(3), model.predict(X)
    run(stream, X[:, :4])
    twin = duplicate(stream)
    np.testing.assert_array_equal(twin.state, stream.state)
    run(twin, X[::-1, 2:6])
    np.testing.assert_allclose(run(stream, X[:, 4:]), expected[:, 4:], **CLOSE)
    twin.reset()
    np.testing.assert_allclose(run(twin, X), expected, **CLOSE)
    assert hasattr(twin, "predict_proba") == (Estimator is RNNClassifier)


def out_of_range():
    """Return a stream whose state grows by a factor of 10,000 per timestep, in float32."""
    model = make_model(activation="relu", dtype="float32", normalize_X=False)
    model.recurrent_weights_[0][:] = 1e4 * np.eye(4)
    model.biases_[0][:] = 1.0
    return model.stream(2)


@pytest.mark.parametrize("last", [X[:2, 0], np.array([[0.0, 0.0], [np.nan, np.nan]])])
def test_a_timestep_that_leads_out_of_range_is_refused(last):
    stream = out_of_range()
    while np.abs(before := stream.state).max() < 1e34:
        stream.predict(X[:2, 0])
    with pytest.raises(ValueError, match="overflow in float32; expected features like those of training"):
        stream.predict(last)
    np.testing.assert_array_equal(stream.state, before)
    assert np.isfinite(before).all()


def test_errors_of_numpy_are_those_of_the_stream_whatever_the_user_has_set():
    stream = out_of_range()
    stream.state = np.full((2, 4), 1e36)
    with np.errstate(all="raise"), pytest.raises(ValueError, match="overflow in float32"):
        stream.predict(X[:2, 0])
    stream.state = np.full((2, 4), 1e-40)
    with np.errstate(all="raise"):
        assert np.isfinite(stream.predict(X[:2, 0] * 1e-30)).all()


def test_state_beyond_its_dtype_is_refused():
    stream = make_model(dtype="float32").stream()
    with pytest.raises(ValueError, match="not finite numbers of float32"):
        stream.state = np.full((1, 4), 1e300)


@each_cell
@pytest.mark.parametrize("is_masked", [False, True])
def test_an_interruption_leaves_the_state_before_or_the_one_after(cell, is_masked):
    stream = make_model(cell=cell).stream(2)
    timestep = np.where([[is_masked], [False]], np.nan, X[:2, 1])
    stream.predict(X[:2, 0])
    before = stream.state
    with interrupted_at(None) as lines:
        stream.predict(timestep)
    after, n_old = stream.state, 0
    for moment in range(1, len(lines) + 1):
        stream.state = before
        with interrupted_at(moment), pytest.raises(KeyboardInterrupt):
            stream.predict(timestep)
        n_old += np.array_equal(stream.state, before)
        assert np.array_equal(stream.state, before) or np.array_equal(stream.state, after)
    assert n_old >= len(lines) - 3


def test_an_interruption_of_the_setter_leaves_one_of_the_two_states():
    stream = make_model().stream(2)
    new = np.ones((2, 4))
    with interrupted_at(None) as lines:
        stream.state = new
    for moment in range(1, len(lines) + 1):
        stream.reset()
        with interrupted_at(moment), pytest.raises(KeyboardInterrupt):
            stream.state = new
        assert not stream.state.any() or stream.state.all()
