"""Tests of bidirectional, dropout, bptt_steps, hidden_states and n_jobs."""

import pickle
import tracemalloc

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._compiled import SWITCH
from skrnn.cells._registry import CELLS
from skrnn.estimators import _parameters
from skrnn.network import _inference, _objective
from skrnn.network._objective import MinibatchObjective
from skrnn.parallel import _workers
from skrnn.sequences import _ragged
from tests.estimators.tasks import assert_same_fit, make_ragged_task, parameter_arrays

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
N_GATES = {"rnn": (1, 1), "gru": (3, 4), "lstm": (4, 4)}
STACKS = [(4,), (4, 3)]
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)
each_cell = pytest.mark.axis("cell", CELLS)
each_stack = pytest.mark.axis("sizes", STACKS)
each_output = pytest.mark.axis("return_sequences", [False, True])


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, **parameters})


# Both directions


@each_estimator
@each_cell
@each_stack
@each_output
def test_shapes_of_both_directions(Estimator, cell, sizes, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    model = make_estimator(
        Estimator, cell=cell, hidden_layer_sizes=sizes, bidirectional=True, return_sequences=return_sequences
    ).fit(X, y)
    (n_gates, n_bias_blocks), n_inputs = N_GATES[cell], [2, *(2 * size for size in sizes[:-1])]
    each = [(size, n) for size, n in zip(sizes, n_inputs, strict=True) for _ in range(2)]
    assert [w.shape for w in model.input_weights_] == [(n_gates * size, n) for size, n in each]
    assert [w.shape for w in model.recurrent_weights_] == [(n_gates * size, size) for size, _ in each]
    assert [b.shape for b in model.biases_] == [(n_bias_blocks * size,) for size, _ in each]
    assert model.readout_weights_.shape == (1, 2 * sizes[-1])
    assert model.n_layers_ == len(sizes) + 2
    assert model.n_parameters_ == sum(array.size for array in parameter_arrays(model)[0])
    assert [states.shape for states in model.hidden_states(X)] == [(len(x), 2 * sizes[-1]) for x in X]


def swap_halves(matrix):
    return np.roll(matrix, matrix.shape[1] // 2, axis=1)


@each_cell
@each_stack
@each_output
def test_sequences_and_directions_reversed(cell, sizes, return_sequences):
    X, y = make_ragged_task(RNNRegressor, return_sequences=return_sequences)
    model = make_estimator(
        cell=cell, hidden_layer_sizes=sizes, bidirectional=True, return_sequences=return_sequences
    ).fit(X, y)
    mirrored = pickle.loads(pickle.dumps(model))
    for name in ("input_weights_", "recurrent_weights_", "biases_"):
        arrays = getattr(model, name)
        setattr(mirrored, name, [arrays[i ^ 1] for i in range(len(arrays))])
    lowest, upper = mirrored.input_weights_[:2], mirrored.input_weights_[2:]
    mirrored.input_weights_ = [*lowest, *map(swap_halves, upper)]
    mirrored.readout_weights_ = swap_halves(model.readout_weights_)
    reverse = [x[::-1] for x in X]
    for states, of_mirror in zip(model.hidden_states(X), mirrored.hidden_states(reverse), strict=True):
        np.testing.assert_allclose(of_mirror, swap_halves(states)[::-1], rtol=1e-12, atol=1e-14)
    for one, other in zip(model.predict(X), mirrored.predict(reverse), strict=True):
        np.testing.assert_allclose(np.atleast_1d(other), np.atleast_1d(one)[::-1], rtol=1e-12, atol=1e-14)


@each_cell
def test_every_output_sees_all_timesteps_of_its_sequence(cell):
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    for bidirectional in (False, True):
        model = make_estimator(cell=cell, bidirectional=bidirectional, return_sequences=True).fit(X, y)
        changed = [np.concatenate([x[:-1], x[-1:] + 1.0]) for x in X]
        for one, other in zip(model.predict(X), model.predict(changed), strict=True):
            assert (one != other)[-1]
            assert (one != other)[:-1].all() if bidirectional else (one == other)[:-1].all()


# Hidden states


@each_estimator
@each_cell
@pytest.mark.axis("bidirectional", [False, True])
def test_prediction_is_the_readout_of_the_last_states(Estimator, cell, bidirectional):
    X, y = make_ragged_task(Estimator)
    model = make_estimator(Estimator, cell=cell, hidden_layer_sizes=(5, 3), bidirectional=bidirectional).fit(X, y)
    states = model.hidden_states(X)
    ends = np.array([np.concatenate([of_sequence[-1, :3], of_sequence[0, 3:]]) for of_sequence in states])
    raw = (ends @ model.readout_weights_.T + model.readout_bias_)[:, 0]
    if Estimator is RNNRegressor:
        np.testing.assert_allclose(model.predict(X), raw, rtol=1e-12, atol=1e-13)
    else:
        np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1 / (1 + np.exp(-raw)), rtol=1e-12)


@each_cell
def test_hidden_states_do_not_depend_on_the_readout(cell):
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    model = make_estimator(cell=cell, return_sequences=True).fit(X, y)
    states = np.concatenate(model.hidden_states(X))
    raw = (states @ model.readout_weights_.T + model.readout_bias_)[:, 0]
    np.testing.assert_allclose(np.concatenate(model.predict(X)), raw, rtol=1e-12, atol=1e-13)
    model.set_params(return_sequences=False)
    np.testing.assert_array_equal(np.concatenate(model.hidden_states(X)), states)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forms_of_hidden_states(dtype):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(dtype=dtype).fit(X, y)
    padded = np.full((len(X), 7, 2), np.nan)
    for row, x in zip(padded, X, strict=True):
        row[-len(x) :] = x
    states = model.hidden_states(padded)
    assert states.shape == (len(X), 7, 4)
    assert states.dtype == dtype
    np.testing.assert_array_equal(np.isnan(states), np.repeat(np.isnan(padded[:, :, :1]), 4, axis=2))
    np.testing.assert_array_equal(states[~np.isnan(states)], np.concatenate(model.hidden_states(X)).ravel())


# Dropout

DROPOUTS = [{"dropout": 0.4}, {"recurrent_dropout": 0.4}, {"dropout": 0.2, "recurrent_dropout": 0.3}]
each_dropout = pytest.mark.axis("dropout", DROPOUTS, ids=str)


@each_estimator
@each_dropout
@each_output
@pytest.mark.axis("bidirectional", [False, True])
def test_dropout_is_in_training_alone(Estimator, dropout, return_sequences, bidirectional):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    settings = {"return_sequences": return_sequences, "bidirectional": bidirectional, "learning_rate_init": 1e-14}
    usual = make_estimator(Estimator, alpha=0.0, **settings).fit(X, y, X_val=X, y_val=y)
    model = clone(usual).set_params(**dropout).fit(X, y, X_val=X, y_val=y)
    assert_same_fit(usual, model, rtol=1e-9, atol=1e-11)  # negligible steps
    assert abs(np.subtract(model.loss_curve_, usual.loss_curve_)).min() > 1e-4
    assert len(set(model.loss_curve_)) == 4  # different units each time
    np.testing.assert_allclose(model.validation_loss_curve_, usual.loss_curve_, rtol=1e-9)
    for one, other, again in zip(model.predict(X), usual.predict(X), model.predict(X), strict=True):
        np.testing.assert_array_equal(one, again)
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


@each_dropout
@each_cell
@pytest.mark.axis("batch_size", ["auto", 5])
def test_dropout_is_seeded(dropout, cell, batch_size):
    X, y = make_ragged_task(RNNRegressor)
    model = make_estimator(cell=cell, batch_size=batch_size, hidden_layer_sizes=(4, 3), **dropout).fit(X, y)
    assert_same_fit(model, clone(model).fit(X, y))
    if batch_size != "auto":  # in a batch of all, fit puts the samples in an order of its own
        stepwise = clone(model)
        for _ in range(4):
            stepwise = pickle.loads(pickle.dumps(stepwise.partial_fit(X, y)))
        assert_same_fit(model, stepwise, rtol=1e-9, atol=1e-12)
    without = clone(model).set_params(dropout=0.0, recurrent_dropout=0.0).fit(X, y)
    assert not np.allclose(model.readout_weights_, without.readout_weights_, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.2, 0.7])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")
def test_dropped_outputs_are_made_up_for_on_average(rate):
    # With a readout of ones on states that do not change, the mean of the errors is that without dropout.
    X, y = np.ones((4000, 1, 1)), np.zeros(4000)
    y[0] = 1e-9  # samples are not all the same: none is merged
    X += np.linspace(0.0, 1e-9, 4000)[:, None, None]
    settings = {"alpha": 0.0, "normalize_y": False, "max_iter": 1, "learning_rate_init": 1e-14, "batch_size": 4000}
    usual = make_estimator(hidden_layer_sizes=(1,), **settings).fit(X, y)
    model = clone(usual).set_params(dropout=rate).fit(X, y)
    # E[(h m / (1 - p))^2] = h^2 / (1 - p), where m is one with probability 1 - p.
    assert model.loss_ / usual.loss_ == pytest.approx(1 / (1 - rate), rel=0.1)


# Truncated BPTT


@each_estimator
@each_output
@each_cell
@pytest.mark.axis("solver", ["adam", "sgd"])
def test_as_many_steps_as_the_longest_sequence_has(Estimator, return_sequences, cell, solver):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    model = make_estimator(Estimator, return_sequences=return_sequences, cell=cell, solver=solver, batch_size=5)
    whole = model.fit(X, y)
    for bptt_steps in (7, 100):
        truncated = clone(model).set_params(bptt_steps=bptt_steps).fit(X, y)
        assert_same_fit(whole, truncated)
        assert truncated.loss_curve_ == whole.loss_curve_
    for bptt_steps in (1, 3):
        truncated = clone(model).set_params(bptt_steps=bptt_steps).fit(X, y)
        assert not np.allclose(truncated.recurrent_weights_[0], whole.recurrent_weights_[0], rtol=1e-6)
        assert (truncated.n_iter_, truncated.t_) == (4, 4 * len(X))


@each_estimator
@each_output
@each_cell
@pytest.mark.axis("bptt_steps", [1, 2, 3])
@pytest.mark.axis("missing", [False, True])
def test_states_are_carried_from_segment_to_segment(Estimator, return_sequences, cell, bptt_steps, missing):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    if missing and return_sequences:  # whole segments lack targets, at the beginning, in the middle and at the end
        y = [np.where(np.isin(np.arange(len(t)), [0, 3, 4, 6]), np.nan, t) for t in y]
    settings = {"return_sequences": return_sequences, "cell": cell, "hidden_layer_sizes": (4, 3), "batch_size": 5}
    model = make_estimator(Estimator, alpha=0.0, learning_rate_init=1e-14, **settings).fit(X, y)
    truncated = clone(model).set_params(bptt_steps=bptt_steps).fit(X, y)
    np.testing.assert_allclose(truncated.loss_curve_, model.loss_curve_, rtol=1e-9)


def n_updates(X, y, **parameters):
    """Return the number of updates of an epoch: each moves the bias by the learning rate towards distant targets."""
    model = make_estimator(normalize_y=False, learning_rate_init=1e-3, max_iter=1, **parameters).fit(X, y)
    return round(model.readout_bias_[0] / 1e-3)


def test_a_segment_is_an_update():
    X = np.random.default_rng(0).normal(size=(6, 10, 2))
    y = np.full((6, 10), 1e6)
    assert n_updates(X, y, return_sequences=True) == 1
    assert n_updates(X, y, return_sequences=True, bptt_steps=10) == 1
    assert n_updates(X, y, return_sequences=True, bptt_steps=4) == 3
    assert n_updates(X, y, return_sequences=True, bptt_steps=4, batch_size=2) == 9
    assert n_updates(X, y[:, 0], bptt_steps=4, batch_size=2) == 3
    y[:, :8] = np.nan  # segments without targets
    assert n_updates(X, y, return_sequences=True, bptt_steps=4, batch_size=2) == 3


@each_estimator
@each_output
def test_partial_fit_of_segments_is_an_epoch_of_fit(Estimator, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    whole = make_estimator(Estimator, return_sequences=return_sequences, bptt_steps=2, batch_size=5).fit(X, y)
    stepwise = clone(whole)
    for _ in range(4):
        stepwise.partial_fit(X, y, **({"classes": [0, 1]} if Estimator is RNNClassifier else {}))
    assert_same_fit(whole, stepwise, rtol=1e-9, atol=1e-12)
    assert (stepwise.n_iter_, stepwise.t_) == (4, 4 * len(X))


def peak_of_fit(n_timesteps, **parameters):
    """Return the peak memory of an epoch on one sequence, in bytes."""
    X = np.random.default_rng(0).normal(size=(1, n_timesteps, 2))
    y = X[:, :, 0].copy()
    model = make_estimator(hidden_layer_sizes=(32,), max_iter=1, **parameters)
    tracemalloc.start()
    try:
        model.fit(X, y if parameters.get("return_sequences") else y[:, 0])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@each_output
def test_memory_grows_with_the_steps_and_not_with_the_length(return_sequences, monkeypatch):
    monkeypatch.setattr(_inference, "_SEGMENT_BYTES", 1)  # of the look at the predictions after the fit
    monkeypatch.setattr(_ragged, "_CHUNK_BYTES", 1000)  # of the rows that are scaled at once
    settings = {"return_sequences": return_sequences}
    growth = (peak_of_fit(1500, bptt_steps=50, **settings) - peak_of_fit(500, bptt_steps=50, **settings)) / 1000
    whole = (peak_of_fit(700, **settings) - peak_of_fit(500, **settings)) / 200
    assert growth < 100  # bytes a timestep, of which X and y have 24; a state has 256
    assert whole > 800


# Workers


@pytest.fixture
def several_chunks(monkeypatch):
    """Let a chunk have three sequences, and a segment of it two timesteps."""
    for name, value in {"_MIN_CHUNK_SIZE": 3, "_CHUNK_SIZE": 3, "_SEGMENT_BYTES": 1, "_MIN_SEGMENT": 2}.items():
        monkeypatch.setattr(_inference, name, value)


def answers_of(model, X):
    """Return all outputs of a model for X, in one row."""
    methods = [name for name in ("predict", "predict_proba", "hidden_states") if hasattr(model, name)]
    return np.concatenate([np.ravel(part) for name in methods for part in getattr(model, name)(X)])


@each_estimator
@each_output
@pytest.mark.axis("bidirectional", [False, True])
@pytest.mark.axis("solver", ["lbfgs", "adam"])
@pytest.mark.axis("n_jobs", [1, 2, -1], quick=[2])
def test_workers_do_not_change_a_bit(several_chunks, Estimator, return_sequences, bidirectional, solver, n_jobs):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    settings = {"return_sequences": return_sequences, "bidirectional": bidirectional, "solver": solver}
    alone = make_estimator(Estimator, hidden_layer_sizes=(4, 3), **settings).fit(X, y, X_val=X, y_val=y)
    several = clone(alone).set_params(n_jobs=n_jobs).fit(X, y, X_val=X, y_val=y)
    assert_same_fit(alone, several)
    assert several.validation_loss_curve_ == alone.validation_loss_curve_
    np.testing.assert_array_equal(answers_of(alone, X), answers_of(several, X))


@each_estimator
@each_output
@pytest.mark.axis("dropout", [0.0, 0.2])
def test_large_minibatches_are_divided_among_workers(Estimator, return_sequences, dropout, monkeypatch):
    """The same bits for the same number of workers; where nothing is dropped, the same to rounding for any number."""
    monkeypatch.setattr(_objective, "_LEAST_WORK", 0)
    monkeypatch.setattr(_parameters, "is_compiled", lambda cell: True)  # or else minibatches stay in one thread
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    settings = {"return_sequences": return_sequences, "dropout": dropout, "recurrent_dropout": dropout, "cell": "lstm"}
    n_parts, divided = set(), MinibatchObjective._divided

    def count(objective, batch):
        chunks = divided(objective, batch)
        n_parts.update(map(len, chunks))
        return chunks

    monkeypatch.setattr(MinibatchObjective, "_divided", count)
    model = make_estimator(Estimator, solver="adam", **settings)
    two, again = (clone(model).set_params(n_jobs=2).fit(X, y) for _ in range(2))
    assert_same_fit(two, again)
    assert n_parts == {2}
    n_parts.clear()
    one = model.fit(X, y)
    assert n_parts == {1}
    if not dropout:
        np.testing.assert_allclose(one.loss_curve_, two.loss_curve_, rtol=1e-8)


@pytest.mark.axis("n_jobs", [1, 2])
@pytest.mark.axis("solver", ["lbfgs", "adam"])
def test_numpy_reads_blocks_in_place_wherever_a_network_computes(several_chunks, solver, n_jobs, monkeypatch):
    seen, linearise = set(), CELLS["rnn"].linearise

    def look(*arguments):
        seen.add((np.getbufsize(), np.geterr()["over"]))
        linearise(*arguments)

    monkeypatch.setenv(SWITCH, "0")
    monkeypatch.setattr(CELLS["rnn"], "linearise", look)
    before = np.getbufsize()
    X, y = make_ragged_task(RNNRegressor)
    make_estimator(solver=solver, n_jobs=n_jobs).fit(X, y)
    assert seen == {(_workers._BUFFER_SIZE, "ignore")}
    assert np.getbufsize() == before > _workers._BUFFER_SIZE


def test_chunks_and_segments_do_not_change_the_answers(monkeypatch):
    X, y = make_ragged_task(RNNRegressor, return_sequences=True)
    model = make_estimator(cell="lstm", hidden_layer_sizes=(4, 3), return_sequences=True).fit(X, y)
    expected = answers_of(model, X)
    for name, value in {"_MIN_CHUNK_SIZE": 3, "_CHUNK_SIZE": 3, "_SEGMENT_BYTES": 1, "_MIN_SEGMENT": 2}.items():
        monkeypatch.setattr(_inference, name, value)
    np.testing.assert_allclose(answers_of(model, X), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.axis("backend", ["threading", "loky"], quick=["threading"])
@each_output
def test_backends(several_chunks, backend, return_sequences):
    X, y = make_ragged_task(RNNRegressor, return_sequences=return_sequences)
    alone = make_estimator(solver="lbfgs", return_sequences=return_sequences).fit(X, y)
    with joblib.parallel_config(backend, n_jobs=2):
        several = clone(alone).fit(X, y)
        found = answers_of(several, X)
    assert_same_fit(alone, several)
    np.testing.assert_array_equal(found, answers_of(alone, X))
