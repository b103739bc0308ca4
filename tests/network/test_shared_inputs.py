"""Tests of windows that share rows: results equal those of copied windows, and derivatives are correct."""

import numpy as np
import pytest

from skrnn import RNNRegressor, SlidingWindow
from skrnn.cells._registry import CELLS
from skrnn.losses._losses import REGRESSION_LOSSES
from skrnn.network import _inference, _products
from skrnn.network._inference import hidden_states, outputs, split
from skrnn.network._network import Network
from skrnn.network._products import shared_inputs
from skrnn.sequences import _ragged
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import from_array
from skrnn.sequences._targets import Targets
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import CELL_ACTIVATIONS, EveryForm

N_ROWS, N_FEATURES, N_TIMESTEPS = 13, 3, 4

#: Kinds of windows: all of one length, or the first ones shorter; for every row, or every second one.
WINDOWS = {
    "equal": {"padding": "zero"},
    "first ones shorter": {"padding": "mask"},
    "dilated": {"padding": "mask", "dilation": 2},
}
EVERY_KIND_OF_WINDOWS = pytest.mark.axis("options", WINDOWS.values(), ids=WINDOWS)
EVERY_CELL = pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS)
EVERY_DIRECTION = pytest.mark.axis("bidirectional", [False, True])


@pytest.fixture(autouse=True)
def few_features(monkeypatch):
    """Share rows of three features."""
    monkeypatch.setattr(_ragged, "_LEAST_SHARED_FEATURES", N_FEATURES)


def make_windows(options):
    series = np.random.default_rng(0).normal(size=(N_ROWS, N_FEATURES))
    return SlidingWindow(N_TIMESTEPS, **options).fit_transform(series)


def make_objective(X, cell_name="gru", activation="tanh", hidden_layer_sizes=(3,), alpha=0.1, **options):
    """Return the objective on windows with two targets each, and a theta."""
    sequences = from_array(X)
    network = Network(CELLS[cell_name](activation), N_FEATURES, hidden_layer_sizes, 2, **options)
    rng = np.random.default_rng(1)
    n_targets = int(sequences.lengths.sum()) if network.return_sequences else len(X)
    targets = Targets(rng.normal(size=(2, n_targets)), rng.uniform(0.5, 2.0, n_targets))
    objective = EveryForm(network, REGRESSION_LOSSES["squared_error"](), sequences, targets, alpha)
    return objective, rng.normal(scale=0.6, size=network.layout.n_parameters)


def chunk_by(monkeypatch, size):
    monkeypatch.setattr(_inference, "_MIN_CHUNK_SIZE", size)
    monkeypatch.setattr(_inference, "_CHUNK_SIZE", size)


@EVERY_KIND_OF_WINDOWS
@EVERY_CELL
@EVERY_DIRECTION
@pytest.mark.axis("return_sequences", [False, True])
@pytest.mark.axis("chunk_size", [N_ROWS, 4])
def test_views_give_what_copies_give(
    options, cell_name, activation, bidirectional, return_sequences, chunk_size, monkeypatch
):
    chunk_by(monkeypatch, chunk_size)
    windows = make_windows(options)
    network = {"bidirectional": bidirectional, "return_sequences": return_sequences, "hidden_layer_sizes": (3, 2)}
    shared, theta = make_objective(windows, cell_name, activation, **network)
    apart, _ = make_objective(windows.copy(), cell_name, activation, **network)
    close = {"rtol": 1e-10, "atol": 1e-12}
    for of_shared, of_apart in zip(shared.full(theta), apart.full(theta), strict=True):
        np.testing.assert_allclose(of_shared, of_apart, **close)
    for infer in (outputs, hidden_states):
        of_shared, of_apart = (infer(own.network, theta, own.sequences) for own in (shared, apart))
        np.testing.assert_allclose(of_shared, of_apart, **close)
    direction = np.random.default_rng(2).normal(size=len(theta))
    products = (own.gauss_newton_product(theta, direction) for own in (shared, apart))
    np.testing.assert_allclose(*products, **close)
    for of_shared, of_apart in zip(*(own.residuals_and_jacobian(theta) for own in (shared, apart)), strict=True):
        np.testing.assert_allclose(of_shared, of_apart, **close)


@EVERY_KIND_OF_WINDOWS
@EVERY_CELL
@EVERY_DIRECTION
def test_gradient_agrees_with_differences(options, cell_name, activation, bidirectional):
    objective, theta = make_objective(make_windows(options), cell_name, activation, bidirectional=bidirectional)
    _, gradient = objective.full(theta)
    full_gradient_check(lambda x: objective.full(x)[0], gradient, theta)
    directional_gradient_check(lambda x: objective.full(x)[0], gradient, theta, np.random.default_rng(0))


@EVERY_CELL
@pytest.mark.axis("least_numbers", [1, 10**9], ids=["added in BLAS", "added by NumPy"])
def test_minibatches_of_shuffled_windows_and_of_neighbours_have_the_gradient_of_copies(
    cell_name, activation, least_numbers, monkeypatch
):
    monkeypatch.setattr(_products, "_ADD_IN_BLAS", least_numbers)
    windows = make_windows({"padding": "zero"})
    shared, theta = make_objective(windows, cell_name, activation)
    apart, _ = make_objective(windows.copy(), cell_name, activation)
    for indices in (np.array([7, 2, 11]), np.array([4, 5, 6]), np.array([9])):
        gradients = []
        for own in (shared, apart):
            gradients.append(np.empty_like(theta))
            own(theta, Batch.of(own.sequences, indices), gradients[-1])
        np.testing.assert_allclose(*gradients, rtol=1e-10, atol=1e-12)


def test_what_is_shared():
    windows = make_windows({"padding": "zero"})
    sequences = from_array(windows)
    everything = np.arange(N_ROWS)
    assert shared_inputs(sequences, Batch.of(sequences, everything), N_ROWS) is not None
    assert shared_inputs(sequences, Batch.of(sequences, everything[3:11]), N_ROWS) is not None
    assert shared_inputs(sequences, Batch.of(sequences, everything[::-1].copy()), N_ROWS) is None
    assert shared_inputs(sequences, Batch.of(sequences, everything[:2]), N_ROWS) is None  # as many rows as timesteps
    copies = from_array(windows.copy())
    assert shared_inputs(copies, Batch.of(copies, everything), N_ROWS) is None


def test_narrow_rows_are_not_shared(monkeypatch):
    monkeypatch.setattr(_ragged, "_LEAST_SHARED_FEATURES", N_FEATURES + 1)
    sequences = from_array(make_windows({"padding": "zero"}))
    assert shared_inputs(sequences, Batch.of(sequences, np.arange(N_ROWS)), N_ROWS) is None


def test_windows_cut_short_by_the_beginning_of_the_series_are_in_chunks_of_their_own():
    sequences = from_array(make_windows({"padding": "mask"}))
    network = Network(CELLS["rnn"](), N_FEATURES, (3,), 1)
    full, cut_short = split(network, sequences)
    assert full.indices.tolist() == list(range(N_TIMESTEPS - 1, N_ROWS))
    assert shared_inputs(sequences, full, N_ROWS) is not None
    assert shared_inputs(sequences, cut_short, N_ROWS) is None


@pytest.mark.axis("sample_weight", [None, np.arange(N_ROWS) % 3])
def test_estimator_fits_and_predicts_from_views_as_from_copies(sample_weight, monkeypatch):
    chunk_by(monkeypatch, 5)
    windows = make_windows({"padding": "mask"})
    y = np.random.default_rng(3).normal(size=N_ROWS)
    fits = []
    for X in (windows, windows.copy()):
        model = RNNRegressor((3,), cell="lstm", solver="lbfgs", max_iter=5, tol=0.0, random_state=0, normalize_X=False)
        with pytest.warns(match="Maximum|maxim"):
            model.fit(X, y, sample_weight)
        fits.append(model.predict(X))
    np.testing.assert_allclose(*fits, rtol=1e-6)


def window_view(series, n_timesteps, dilation=1):
    """Return windows that begin at each row, without any padding."""
    span = (n_timesteps - 1) * dilation + 1
    return np.lib.stride_tricks.sliding_window_view(series, span, axis=0).transpose(0, 2, 1)[:, ::dilation]


@EVERY_CELL
@pytest.mark.axis("return_sequences", [False, True])
def test_segments_of_windows_some_of_which_have_ended(cell_name, activation, return_sequences):
    """With truncation a minibatch may have fewer sequences than its workspace, and passes may use all columns."""
    series = np.random.default_rng(0).normal(size=(30, N_FEATURES))
    windows = window_view(np.vstack([np.full((8, N_FEATURES), np.nan), series]), 9)
    y = series[:, 0] if not return_sequences else windows[:, :, 0]
    fits = []
    for X in (windows, windows.copy()):
        options = {"batch_size": 15, "shuffle": False, "bptt_steps": 4, "max_iter": 2, "normalize_X": False}
        model = RNNRegressor((3,), cell=cell_name, activation=activation, return_sequences=return_sequences, **options)
        with pytest.warns(match="Maximum iterations"):
            fits.append(model.set_params(random_state=0).fit(X, y).predict(X))
    np.testing.assert_allclose(*fits, rtol=1e-9, atol=1e-11)


@EVERY_CELL
def test_predictions_of_windows_that_run_past_the_end_in_several_segments(cell_name, activation, monkeypatch):
    monkeypatch.setattr(_inference, "_SEGMENT_BYTES", 1)
    series = np.random.default_rng(0).normal(size=(60, N_FEATURES))
    windows = window_view(np.vstack([series, np.full((39, N_FEATURES), np.nan)]), 40)
    network = Network(CELLS[cell_name](activation), N_FEATURES, (4,), 1)
    theta = np.random.default_rng(1).normal(scale=0.6, size=network.layout.n_parameters)
    answers = [outputs(network, theta, from_array(X)) for X in (windows, windows.copy())]
    np.testing.assert_allclose(*answers, rtol=1e-10, atol=1e-12)


def test_masked_rows_between_dilated_windows_do_no_harm():
    series = np.random.default_rng(0).normal(size=(60, N_FEATURES))
    series[[2, 5, 8]] = np.nan
    windows = window_view(series, 8, dilation=3)
    fits = []
    for X in (windows, np.ascontiguousarray(windows)):
        for batch_size in (2, 9):
            options = {"batch_size": batch_size, "shuffle": False, "max_iter": 2, "normalize_X": False}
            model = RNNRegressor((3,), **options, random_state=0)
            with pytest.warns(match="Maximum iterations"):
                fits.append(model.fit(X, np.arange(len(X)) % 5).predict(X))
    np.testing.assert_allclose(fits[:2], fits[2:], rtol=1e-9, atol=1e-11)


def test_a_wide_stride_shares_nothing():
    sequences = from_array(window_view(np.random.default_rng(0).normal(size=(100, N_FEATURES)), 8, dilation=10))
    assert sequences.share_rows
    assert shared_inputs(sequences, Batch.of(sequences, np.arange(12)), 12) is None
