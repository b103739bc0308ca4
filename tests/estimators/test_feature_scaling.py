"""Tests of the scaling of features: which timesteps it is learnt from, and that it only affects the network."""

import io
import pickle
import tracemalloc

import numpy as np
import pytest
from sklearn.base import clone
from skops import io as skops

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.cells._registry import CELLS
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.exceptions import DataWarning
from skrnn.sequences import _ragged
from skrnn.sequences._ragged import Sequences, from_array, from_list
from tests.data_warnings import data_warnings
from tests.estimators.tasks import ESTIMATED, assert_same_fit, make_ragged_task, make_regression_task, make_task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
SCALE, OFFSET = np.array([3.0, 1e-3]), np.array([1e4, -2.0])
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)
each_solver = pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])
each_cell = pytest.mark.axis("cell", CELLS)
each_direction = pytest.mark.axis("bidirectional", [False, True])


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (4,), "max_iter": 6, "random_state": 0, **parameters})


def raw(X, scale=SCALE, offset=OFFSET):
    """Return the sequences in other units."""
    return [x * scale + offset for x in X] if isinstance(X, list) else X * scale + offset


def output(model, X):
    """Return probabilities, or predictions."""
    return model.predict_proba(X) if isinstance(model, RNNClassifier) else model.predict(X)


def assert_scaling(model, rows, weights=None):
    """Check location and scale of a fitted estimator against the formula for these weighted rows."""
    mean = np.average(rows, axis=0, weights=weights)
    deviation = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(model._feature_location, mean, rtol=0, atol=1e-6 * deviation.max())
    np.testing.assert_allclose(model._feature_scale, deviation, rtol=1e-6)


# Location and scale


@each_direction
def test_every_timestep_of_an_array_counts(bidirectional):
    X, y = make_regression_task()
    model = make_estimator(bidirectional=bidirectional).fit(raw(X), y)
    assert_scaling(model, raw(X).reshape(-1, 2))


@each_estimator
@pytest.mark.axis("return_sequences", [False, True])
def test_every_timestep_of_a_list_counts_once_however_long_its_sequence(Estimator, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    model = make_estimator(Estimator, return_sequences=return_sequences).fit(raw(X), y)
    assert_scaling(model, np.concatenate(raw(X)))


def test_masked_timesteps_do_not_count():
    X, y = make_regression_task()
    X = raw(X)
    X[3, :2], X[5, 1], X[7, 4] = np.nan, np.nan, np.nan
    assert_scaling(make_estimator().fit(X, y), X[~np.isnan(X).all(axis=2)])


def test_targets_that_are_missing_are_inputs_like_others():
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    for targets in y:
        targets[1::2] = np.nan
    assert_scaling(make_estimator(return_sequences=True).fit(raw(X), y), np.concatenate(raw(X)))


@each_solver
def test_timesteps_count_by_the_weights_of_their_samples(solver):
    X, y = make_ragged_task(RNNRegressor)
    weights = np.arange(len(X)) % 3
    model = make_estimator(solver=solver).fit(raw(X), y, weights)
    assert_scaling(model, np.concatenate(raw(X)), np.repeat(weights, list(map(len, X))))


@pytest.mark.parametrize("form", [np.stack, list], ids=["array", "list"])
def test_timesteps_of_a_sequence_count_by_the_largest_of_their_weights(form):
    X, y = make_regression_task(n_samples=6)
    y = np.tile(y[:, None], (1, 5))
    weights = np.random.default_rng(0).uniform(0.5, 2.0, y.shape)
    weights[2], weights[3, 1:] = 0.0, 0.0
    model = make_estimator(return_sequences=True).fit(form(raw(X)), form(y), form(weights))
    assert_scaling(model, raw(X).reshape(-1, 2), np.repeat(weights.max(axis=1), 5))


def test_classes_count_by_their_weights():
    X, labels = make_task(RNNClassifier)
    of_class = {0: 0.5, 1: 3.0, 2: 0.0}
    model = make_estimator(RNNClassifier, class_weight=of_class).fit(raw(X), labels)
    assert_scaling(model, raw(X).reshape(-1, 2), np.repeat([of_class[label] for label in labels], 5))


def test_held_out_part_does_not_count():
    X, y = make_regression_task()
    settings = {"early_stopping": True, "validation_split": "last", "validation_fraction": 0.25}
    assert_scaling(make_estimator(**settings).fit(raw(X), y), raw(X)[:30].reshape(-1, 2))


@pytest.mark.axis("dilation", [1, 3])
@pytest.mark.axis("padding", ["mask", "edge"])
@pytest.mark.axis("weighted", [False, True])
def test_rows_that_windows_share_count_once(dilation, padding, weighted):
    series = raw(np.random.default_rng(0).normal(size=(40, 2)))
    windows = SlidingWindow(4, dilation=dilation, padding=padding).fit_transform(series)
    weights = 1.0 + np.arange(40) % 3 if weighted else None
    model = make_estimator().fit(windows, series[:, 0], weights)
    n_padded = 3 * dilation if padding == "edge" else 0
    rows = np.concatenate([series[:1].repeat(n_padded, axis=0), series])
    readers = [
        [i for i in range(40) if row - n_padded in i - dilation * np.arange(4) and (n_padded or row >= 0)]
        for row in range(len(rows))
    ]
    of_rows = [np.mean(weights[i]) if weighted else 1.0 for i in readers]
    assert_scaling(model, rows, of_rows)


def test_rows_between_windows_do_not_count():
    series = raw(np.random.default_rng(0).normal(size=(60, 2)))
    view = np.lib.stride_tricks.sliding_window_view(series, 5, axis=0).transpose(0, 2, 1)
    for first in (10, 30):
        assert_scaling(make_estimator().fit(view[first:40], np.arange(40 - first)), series[first:44])
    weights = (np.arange(56) % 20 == 0).astype(float)  # of three windows
    model = make_estimator().fit(view, np.arange(56), weights)
    assert_scaling(model, np.concatenate([series[:5], series[20:25], series[40:45]]))


def test_chunks_of_rows_do_not_matter(monkeypatch):
    sequences = from_list(raw(make_ragged_task(RNNRegressor)[0]))
    weights = np.linspace(0.5, 2.0, len(sequences))
    dtype = np.dtype(np.float64)
    whole = FeatureScaling.learn(sequences, weights, dtype)
    rows = whole.apply(sequences, dtype, "X").read(0, len(sequences.rows))
    monkeypatch.setattr(_ragged, "_CHUNK_BYTES", 5 * 16)
    apart = FeatureScaling.learn(sequences, weights, dtype)
    np.testing.assert_array_equal(apart.location, whole.location)
    np.testing.assert_array_equal(apart.scale, whole.scale)
    np.testing.assert_array_equal(apart.apply(sequences, dtype, "X").read(0, len(rows)), rows)


@pytest.mark.axis("value", [0.0, 0.1, 1e6 + 0.1, -1e300, 1e-300])
@pytest.mark.axis("weighted", [False, True])
def test_constant_feature_keeps_its_scale(value, weighted):
    X, y = make_regression_task(n_features=3)
    X[:, :, 1] = value
    model = make_estimator().fit(X, y, 1.0 + np.arange(40) % 3 if weighted else None)
    assert (model._feature_location[1], model._feature_scale[1]) == (pytest.approx(value), 1.0)
    assert abs(model._feature_scale[[0, 2]] - 1.0).max() > 1e-3
    assert np.isfinite(model.predict(X)).all()


def test_feature_that_varies_by_rounding_alone_is_constant():
    X, y = make_regression_task()
    X[:, :, 1] = np.where(X[:, :, 1] > 0.0, 0.1 + 0.2, 0.3)
    assert make_estimator().fit(X, y)._feature_scale[1] == 1.0


@each_cell
def test_feature_whose_weights_float32_could_not_hold_is_constant(cell):
    X, y = make_regression_task()
    X[:, :, 1] *= 1e-60
    model = make_estimator(dtype="float32", cell=cell).fit(X, y)
    assert model._feature_scale[1] == 1.0
    assert np.isfinite(model.input_weights_[0]).all()
    assert np.isfinite(model.predict(X)).all()
    assert make_estimator(cell=cell).fit(X, y)._feature_scale[1] < 1e-59


@pytest.mark.parametrize("size", [1e-290, 1e-150, 1e150, 1e290])
def test_features_of_any_size_give_the_same_fit(size):
    X, y = make_regression_task()
    expected = make_estimator(solver="lbfgs").fit(X, y).predict(X)
    model = make_estimator(solver="lbfgs").fit(size * X, y)
    np.testing.assert_allclose(model.predict(size * X), expected, rtol=1e-4, atol=1e-4)


# Input of the network


@each_estimator
@each_solver
@each_direction
def test_units_of_features_do_not_matter(Estimator, solver, bidirectional):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, bidirectional=bidirectional).fit(X, y)
    other = clone(model).fit(raw(X), y)
    np.testing.assert_allclose(output(other, raw(X)), output(model, X), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(other.loss_curve_, model.loss_curve_, rtol=1e-5)
    unscaled = clone(model).set_params(normalize_X=False).fit(raw(X), y)
    assert abs(output(unscaled, raw(X)) - output(model, X)).max() > 1e-2


def standardised(X):
    """Return sequences of mean 0 and variance 1, to the last digit."""
    return (X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))


@each_estimator
@each_solver
def test_standardised_features_keep_every_bit(Estimator, solver):
    X, y = make_task(Estimator)
    X = standardised(X)
    scaled, unscaled = (make_estimator(Estimator, solver=solver, normalize_X=own).fit(X, y) for own in (True, False))
    assert_same_fit(scaled, unscaled)
    np.testing.assert_array_equal(output(scaled, X), output(unscaled, X))


@each_solver
def test_fit_is_the_one_on_features_scaled_by_hand(solver):
    X, y = make_ragged_task(RNNRegressor)
    X_val = X[:5]
    rows = np.concatenate(raw(X))
    by_hand = [[(x - rows.mean(axis=0)) / rows.std(axis=0) for x in raw(some)] for some in (X, X_val)]
    model = make_estimator(solver=solver).fit(raw(X), y, X_val=raw(X_val), y_val=y[:5])
    expected = clone(model).set_params(normalize_X=False).fit(by_hand[0], y, X_val=by_hand[1], y_val=y[:5])
    np.testing.assert_allclose(model.predict(raw(X)), expected.predict(by_hand[0]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(model.validation_loss_curve_, expected.validation_loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(model.recurrent_weights_[0], expected.recurrent_weights_[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.input_weights_[0], expected.input_weights_[0] / rows.std(axis=0), rtol=1e-4)


RAW = {
    "prices": lambda rng, X: 1e5 * np.exp(0.02 * X.cumsum(axis=1)),
    "kelvin": lambda rng, X: 290.0 + 5.0 * X,
    "counts": lambda rng, X: rng.poisson(np.exp(5.0 + X)),
    "small": lambda rng, X: 1e-7 * X,
    "years": lambda rng, X: 2000.0 + np.round(10.0 * X),
    "of many units": lambda rng, X: X * [1e-4, 1e6] + [5.0, 1e7],
    "float32 about a million": lambda rng, X: (1e6 + X).astype(np.float32),
}


@pytest.mark.axis("kind", RAW)
@pytest.mark.axis("cell", CELLS)
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_data_as_they_come_are_learnt(kind, cell, solver):
    rng = np.random.default_rng(0)
    X = RAW[kind](rng, rng.normal(size=(120, 5, 2)))
    seen = (X - X.mean(axis=(0, 1))) / X.std(axis=(0, 1))
    y = seen[:, -1, 0] - 0.5 * seen[:, -2, 1]
    settings = {"max_iter": 60, "cell": cell, "hidden_layer_sizes": (8,), "solver": solver, "batch_size": 16}
    model = make_estimator(**settings, learning_rate_init=0.01).fit(X, y)
    assert model.score(X, y) > 0.9
    if kind in ("prices", "years", "float32 about a million"):
        assert clone(model).set_params(normalize_X=False).fit(X, y).score(X, y) < 0.5


# The public attributes, in the user's units


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def step(cell, x, state, weights, recurrent, biases):
    """Return the next state of a cell, with gates in the order of the ONNX operators."""
    h, c = state
    size = len(h)
    if cell == "rnn":
        return np.tanh(weights @ x + recurrent @ h + biases), c
    if cell == "gru":
        of_input, of_state = weights @ x + biases[: 3 * size], recurrent @ h
        update, reset = (sigmoid(of_input[k : k + size] + of_state[k : k + size]) for k in (0, size))
        new = np.tanh(of_input[2 * size :] + reset * (of_state[2 * size :] + biases[3 * size :]))
        return (1.0 - update) * new + update * h, c
    i, o, f, new = (weights @ x + recurrent @ h + biases).reshape(4, size)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
    return sigmoid(o) * np.tanh(c), c


def states_by_hand(model, x):
    """Return the last states of the one layer of a network, both directions', from the public attributes alone."""
    states = []
    for direction, arrays in enumerate(zip(*(getattr(model, name) for name in ESTIMATED), strict=True)):
        state = np.zeros((2, arrays[1].shape[1]))
        for timestep in x[::-1] if direction else x:
            state = step(model.cell, timestep, state, *arrays)
        states.append(state[0])
    return np.concatenate(states)


@each_cell
@each_direction
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_network_by_hand_predicts_the_same(cell, bidirectional, solver):
    X, y = make_ragged_task(RNNRegressor)
    X = raw(X, offset=np.array([100.0, -2.0]))
    model = make_estimator(cell=cell, bidirectional=bidirectional, solver=solver).fit(X, y)
    assert abs(model._feature_location).min() > 1.0
    by_hand = [model.readout_weights_ @ states_by_hand(model, x) + model.readout_bias_ for x in X]
    np.testing.assert_allclose(np.ravel(by_hand), model.predict(X), rtol=1e-8, atol=1e-9)


def test_fold_and_unfold_are_inverse():
    rng = np.random.default_rng(0)
    weights, biases = rng.normal(size=(9, 2)), rng.normal(size=12)  # a GRU's: the last block has no input weights
    scaling = FeatureScaling(OFFSET, SCALE)
    folded, shifted, remainder = scaling.fold(weights, biases)
    for one, other in zip(scaling.unfold(folded, shifted + remainder), (weights, biases), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9)
    x = rng.normal(size=2)
    np.testing.assert_allclose(weights @ x + biases[:9], folded @ (x * SCALE + OFFSET) + shifted[:9], rtol=1e-8)
    np.testing.assert_array_equal(shifted[9:], biases[9:])
    weights, biases = weights.astype(np.float32), biases.astype(np.float32)
    scaling = FeatureScaling(OFFSET, np.array([1e-4, 1e-2]))  # float32 counts in steps of 8 where the shift is
    folded, shifted, remainder = scaling.fold(weights, biases)
    assert folded.dtype == shifted.dtype == np.float32
    assert abs(remainder[:9]).max() > 0.5
    for one, other in zip(scaling.unfold(folded, shifted + remainder), (weights, biases), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_what_is_read_stays_as_it_is():
    X, y = make_regression_task()
    X = raw(X)
    before = X.copy()
    X.flags.writeable = False
    make_estimator().fit(X, y).predict(X)
    np.testing.assert_array_equal(X, before)


def test_rows_that_no_sequence_reads_do_no_harm():
    rows = np.array([[1.0], [np.inf], [3.0], [np.nan], [5.0], [1e300]])
    sequences = Sequences(rows, np.array([0, 2]), np.array([1, 2]), stride=2)
    scaling = FeatureScaling.learn(sequences, None, np.dtype(np.float32))
    assert scaling.location == pytest.approx([3.0])
    assert scaling.scale == pytest.approx([np.sqrt(8.0 / 3.0)], rel=1e-6)
    scaled = scaling.apply(sequences, np.dtype(np.float32), "X")
    np.testing.assert_allclose(np.concatenate(list(scaled.arrays())).ravel(), (rows[::2, 0] - 3.0) / scaling.scale)


# Kept when a fit continues, and when it is stored


def assert_same_scaling(one, other):
    for name in ("_feature_location", "_feature_scale"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@each_estimator
@pytest.mark.axis("goes_on", ["partial_fit", "warm start"])
def test_location_and_scale_are_kept(Estimator, goes_on):
    X, y = make_task(Estimator)
    classes = {"classes": np.unique(y)} if Estimator is RNNClassifier else {}
    model = make_estimator(Estimator, learning_rate_init=1e-12, warm_start=True, max_iter=1)
    first = model.fit(raw(X), y) if goes_on == "warm start" else model.partial_fit(raw(X), y, **classes)
    before = clone(first).fit(raw(X), y)
    expected = output(first, raw(X))
    for _ in range(3):
        with pytest.warns(DataWarning, match="more than 10 standard deviations from its mean in the first fit"):
            model.fit(X, y) if goes_on == "warm start" else model.partial_fit(X, y)
        assert_same_scaling(model, before)
        np.testing.assert_allclose(output(model, raw(X)), expected, rtol=1e-6)
    model.set_params(warm_start=False).fit(X, y)
    assert_scaling(model, X.reshape(-1, 2))


@each_direction
@pytest.mark.axis("form", ["array", "list", "windows"])
def test_features_far_from_where_they_were_are_told_of(form, bidirectional):
    rows = np.random.default_rng(0).normal(size=(40, 2)) * [1.0, 1e-6]
    X = {
        "array": rows.reshape(10, 4, 2),
        "list": [rows[:3], rows[3:20], rows[20:]],
        "windows": SlidingWindow(4).fit_transform(rows),
    }[form]
    y = np.arange(len(X))
    model = make_estimator(bidirectional=bidirectional).partial_fit(X, y)

    def go_on(scale, offset):
        return data_warnings(lambda: model.partial_fit(raw(X, scale, offset), y))

    for scale, offset in [(1.0, 0.0), (8.0, 0.0), (1.0, [7.0, -7e-6]), (0.0, 0.0)]:
        assert go_on(scale, offset) == []
    for scale, offset, feature in [([1.0, 20.0], 0.0, 1), (1.0, [-20.0, 0.0], 0)]:
        (message,) = go_on(scale, offset)
        assert message.startswith(f"Feature {feature} of X is on average more than 10 standard deviations")
    model.set_params(normalize_X=False)
    assert go_on(20.0, 0.0) == []


def test_targets_far_from_where_they_were_are_told_of():
    X, y = make_regression_task()
    two = np.column_stack([y, 1e-6 * y])
    model = make_estimator().partial_fit(X, two)

    def go_on(targets, **arguments):
        return data_warnings(lambda: model.partial_fit(X, targets, **arguments))

    assert go_on(8.0 * two) == go_on(two.mean(axis=0) + 7.0 * two.std(axis=0) + 0.0 * two) == []
    for factors, output in [([1.0, 20.0], 1), ([20.0, 1.0], 0)]:
        (message,) = go_on(two * factors)
        assert message.startswith(f"Output {output} of y is on average more than 10 standard deviations")
        assert "partial_fit keeps the scaling of the first fit" in message
    outlier = two.copy()
    outlier[0] = 1e6
    assert go_on(outlier, sample_weight=np.arange(len(y)) > 0) == []
    (message,) = data_warnings(lambda: make_estimator().partial_fit(X, 0.0 * y).partial_fit(X, 1000.0 * y))
    assert message.startswith("Output 0 of y")
    unscaled = make_estimator(normalize_y=False).partial_fit(X, y)
    assert data_warnings(lambda: unscaled.partial_fit(X, 1000.0 * y)) == []


def test_warm_start_goes_on_on_the_scaled_features():
    X, y = make_regression_task()
    once = make_estimator(solver="sgd", momentum=0.0, max_iter=8).fit(raw(X), y)
    twice = make_estimator(solver="sgd", momentum=0.0, max_iter=4, warm_start=True).fit(raw(X), y)
    twice.fit(raw(X), y)
    np.testing.assert_allclose(twice.loss_curve_, once.loss_curve_, rtol=1e-6)


def test_normalize_x_that_is_changed_afterwards_says_how_the_next_fit_begins():
    X, y = make_regression_task()
    model = make_estimator(warm_start=True).fit(raw(X), y)
    expected, location = model.predict(raw(X)), model._feature_location
    model.set_params(normalize_X=False)
    np.testing.assert_array_equal(model.predict(raw(X)), expected)
    assert model.fit(raw(X), y)._feature_location is location
    assert not model.set_params(warm_start=False).fit(raw(X), y)._feature_location.any()


@each_estimator
@pytest.mark.axis("dtype", ["float32", "float64"])
@pytest.mark.axis("store", ["pickle", "skops"])
def test_stored_estimators_predict_and_go_on_the_same(Estimator, dtype, store):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, dtype=dtype).fit(raw(X), y)
    if store == "pickle":
        other = pickle.loads(pickle.dumps(model))
    else:
        file = io.BytesIO()
        skops.dump(model, file)
        other = skops.load(file, trusted=[f"skrnn.estimators._{Estimator.__name__[3:].lower()}.{Estimator.__name__}"])
    assert_same_scaling(other, model)
    np.testing.assert_array_equal(output(other, raw(X)), output(model, raw(X)))
    assert_same_fit(other.partial_fit(raw(X), y), model.partial_fit(raw(X), y))


@pytest.mark.axis("solver", ["adam", "lbfgs"])
@pytest.mark.axis("cell", CELLS)
@pytest.mark.axis("offset", [1e6, 1.7e9])
@pytest.mark.axis("of_X", [np.float32, np.float64])
def test_float32_is_enough_however_far_features_are_from_zero(solver, cell, offset, of_X):
    X, y = make_regression_task()
    X = ((1e3 if of_X is np.float32 else 1.0) * X + offset).astype(of_X)
    settings = {"cell": cell, "bidirectional": True, "warm_start": True}
    single, double = (make_estimator(solver=solver, dtype=own, **settings).fit(X, y) for own in ("float32", "float64"))
    assert single.predict(X).dtype == np.float32
    np.testing.assert_allclose(single.predict(X), double.predict(X), atol=1e-3)
    np.testing.assert_allclose(single._feature_location, double._feature_location, rtol=1e-15)
    loss = single.fit(X, y).loss_curve_[6]  # which continues from the weights in the attributes
    np.testing.assert_allclose(loss, double.fit(X, y).loss_curve_[6], rtol=1e-3)


def test_wide_rows_are_scaled_without_copies_of_all_of_them():
    sequences = from_array(np.random.default_rng(0).normal(size=(2000, 5, 100)))  # 8 MB
    scaling = FeatureScaling(np.ones(100), 2.0 * np.ones(100))
    tracemalloc.start()
    FeatureScaling.learn(sequences, None, np.dtype(np.float64))
    learnt = tracemalloc.get_traced_memory()[1]
    scaling.apply(sequences, np.dtype(np.float64), "X")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert learnt < 5e6
    assert peak < 8e6 + 5e6


def test_features_that_need_no_scaling_are_not_copied():
    sequences = from_array(make_regression_task()[0])
    assert FeatureScaling.none(2).apply(sequences, np.dtype(np.float64), "X") is sequences
