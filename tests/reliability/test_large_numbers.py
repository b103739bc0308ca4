"""Tests of numbers near the largest of their dtype: refused by name, since weighted sums of them would overflow."""

import warnings

import numpy as np
import pytest

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.cells._registry import CELLS
from skrnn.losses._losses import REGRESSION_LOSSES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
DTYPES = [np.float32, np.float64]
N_SAMPLES = 12
rng = np.random.default_rng(0)
X, Y = rng.uniform(-1.0, 1.0, size=(N_SAMPLES, 4, 3)), rng.uniform(0.0, 1.0, N_SAMPLES)
X, Y = X / np.abs(X).max(), Y / Y.max()
LABELS = np.arange(N_SAMPLES) % 2


def make_model(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0, **parameters})


def largest(dtype):
    """Return the largest number of a dtype that is taken, as the documentation has it."""
    return float(np.finfo(dtype).max) / 2**20


def scaled(values, dtype, share_of_largest):
    return (values * (share_of_largest * largest(dtype))).astype(dtype)


def largest_first(sequences):
    """Return one timestep, (n_samples, n_features), of which the first number is the largest of all in size."""
    timestep = sequences[:, 0].copy()
    timestep[0, 0] = -np.abs(sequences).max()
    return timestep


def refused(name, dtype, call):
    """Check that a call is refused for an input that is too large for a dtype, without a warning of NumPy's."""
    message = rf"^{name} contains \S+, too large for weighted sums in {np.dtype(dtype)}; expected at most \S+ in"
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("share", [1.01, 1e3, 2**20])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("Estimator", "y"), [(RNNRegressor, Y), (RNNClassifier, LABELS)])
def test_sequences_that_are_too_large(Estimator, y, cell, share, dtype):
    good, bad = X.astype(dtype), scaled(X, dtype, share)
    new, model = make_model(Estimator, cell=cell), make_model(Estimator, cell=cell).fit(good, y)
    classes = {"classes": [0, 1]} if Estimator is RNNClassifier else {}
    refused("X", dtype, lambda: new.fit(bad, y))
    refused("X", dtype, lambda: new.partial_fit(bad, y, **classes))
    refused("X", dtype, lambda: model.partial_fit(bad, y))
    refused("X_val", dtype, lambda: new.fit(good, y, X_val=bad, y_val=y))
    refused("X", dtype, lambda: model.predict(bad))
    refused("X", dtype, lambda: model.predict(list(bad)))
    refused("X", dtype, lambda: model.hidden_states(bad))
    refused("X", dtype, lambda: model.score(bad, y))
    refused("x", dtype, lambda: model.stream(N_SAMPLES).predict(largest_first(bad)))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs", "least_squares"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cell", CELLS)
def test_sequences_that_are_just_not_too_large(cell, dtype, solver):
    large = scaled(X, dtype, 0.99)
    model = make_model(cell=cell, solver=solver).fit(large, Y)
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.predict(large)).all()
    assert np.isfinite(model.stream(N_SAMPLES).predict(large[:, 0])).all()


def test_numbers_of_float64_in_a_network_of_float32():
    model = make_model(dtype="float32").fit(X, Y)
    for value in (1e33, 1e39, 1e300):
        refused("X", np.float32, lambda value=value: make_model(dtype="float32").fit(X * value, Y))
        refused("X", np.float32, lambda value=value: model.predict(X * value))
        refused("x", np.float32, lambda value=value: model.stream(N_SAMPLES).predict(X[:, 0] * value))
    assert np.isfinite(model.predict(X * 1e32)).all()


def test_masked_timesteps_beside_large_ones():
    for factor in (0.99, 1.01):
        padded = np.full((N_SAMPLES, 6, 3), np.nan)
        padded[:, 2:] = scaled(X, np.float64, factor)
        if factor < 1.0:
            assert np.isfinite(make_model().fit(padded, Y).predict(padded)).all()
        else:
            refused("X", np.float64, lambda padded=padded: make_model().fit(padded, Y))
    stream = make_model().fit(X, Y).stream(2)
    refused("x", np.float64, lambda: stream.predict([[np.nan] * 3, [1e308] * 3]))


def test_what_no_sequence_reads_may_be_of_any_size():
    wide = np.full((N_SAMPLES, 8, 3), 1.7e308)
    wide[:, ::2] = X
    expected = make_model().fit(X, Y).predict(X)
    np.testing.assert_array_equal(make_model().fit(wide[:, ::2], Y).predict(wide[:, ::2]), expected)
    wide[3, 4, 1] = 1.7e308
    refused("X", np.float64, lambda: make_model().fit(wide[:, ::2], Y))
    left_out, weights = X.copy(), np.ones(N_SAMPLES)
    left_out[5], weights[5] = 1.7e308, 0.0
    same = make_model().fit(np.delete(X, 5, axis=0), np.delete(Y, 5))
    np.testing.assert_array_equal(make_model().fit(left_out, Y, weights).predict(X), same.predict(X))


def test_one_large_row_of_a_series():
    series = np.random.default_rng(1).normal(size=(60, 2))
    windows = SlidingWindow(n_timesteps=5).fit_transform(series)
    model = make_model().fit(windows, series[:, 0])
    series[40] = -1.7e308
    refused("X", np.float64, lambda: model.predict(SlidingWindow(n_timesteps=5).fit_transform(series)))


@pytest.mark.parametrize("normalize_y", [True, False])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_targets_that_are_too_large(dtype, loss, normalize_y):
    sequences = X.astype(dtype)
    new = make_model(loss=loss, normalize_y=normalize_y)
    for share in (1.01, 1e3, 2**20):
        bad = Y * (share * largest(dtype))
        refused("y", dtype, lambda bad=bad: new.fit(sequences, bad))
        refused("y", dtype, lambda bad=bad: new.partial_fit(sequences, bad))
        refused("y_val", dtype, lambda bad=bad: new.fit(sequences, Y, X_val=sequences, y_val=bad))
    with pytest.raises(ValueError, match=r"^y contains \S+, too large for weighted sums in float64"):
        make_model(loss=loss, normalize_y=normalize_y).fit(sequences, Y).score(sequences, Y * 1.7e308)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_targets_that_are_just_not_too_large(loss, dtype):
    sequences, large = X.astype(dtype), Y * (0.99 * largest(dtype))
    model = make_model(loss=loss).fit(sequences, large)
    assert np.isfinite(model.predict(sequences)).all()
    assert np.isfinite(model.score(sequences, large))


def test_targets_of_timesteps():
    every = make_model(return_sequences=True)
    y = np.repeat(Y[:, None], 4, axis=1)
    y[2, 1], y[3, 3] = np.nan, 1.7e308
    refused("y", np.float64, lambda: every.fit(X, y))


def test_sums_of_what_is_taken_do_not_overflow():
    """The reason for the bound: a million numbers of the largest size, and weights whose sizes add up to a million."""
    for dtype in DTYPES:
        numbers = np.full(1_000_000, largest(dtype), dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.isfinite(numbers.sum(dtype=dtype))
            assert np.isfinite(np.dot(numbers[:1000], np.full(1000, 1000.0, dtype)))
