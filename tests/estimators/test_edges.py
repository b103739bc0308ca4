"""Tests of edge cases: extreme targets, small validation sets, class weights, parameters changed after fit."""

import tracemalloc

import numpy as np
import pytest

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.sequences._ragged import from_array

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
rng = np.random.default_rng(0)
X, y, labels = rng.normal(size=(30, 6, 2)), rng.normal(size=30), rng.integers(0, 3, 30)


@pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e12, 1e200])
def test_targets_of_any_size_give_the_same_fit(scale):
    usual = RNNRegressor((4,), max_iter=30, random_state=0).fit(X, y).predict(X)
    predictions = RNNRegressor((4,), max_iter=30, random_state=0).fit(X, scale * y).predict(X)
    np.testing.assert_allclose(predictions, scale * usual, rtol=1e-5, atol=1e-6 * scale)


def test_targets_beyond_the_dtype_are_an_error():
    with pytest.raises(ValueError, match=r"y contains .*, too large for weighted sums in float32"):
        RNNRegressor((4,), max_iter=3, dtype="float32").fit(X, 1e40 * y)


def test_targets_whose_readout_is_beyond_the_dtype_are_an_error():
    model = RNNRegressor((4,), max_iter=3, dtype="float32", learning_rate_init=1e7, random_state=0)
    with pytest.raises(ValueError, match=r"y has values .* float32"):
        model.fit(X, 1e32 * y)


def test_one_sample_is_not_enough_to_validate_on():
    with pytest.raises(ValueError, match="validation_fraction"):
        RNNRegressor((4,), early_stopping=True).fit(X[:10], y[:10])


def test_equal_scores_are_told_apart_by_the_loss():
    targets = np.r_[y[:27], 0.0, 0.0, 0.0]  # constant where validated: R^2 says nothing
    model = RNNRegressor((4,), early_stopping=True, validation_split="last", random_state=0).fit(X, targets)
    assert set(model.validation_scores_) == {0.0}
    assert model.loss_ == model.loss_curve_[int(np.argmin(model.validation_loss_curve_))]


def test_class_weights_count_in_training_only():
    heavy = {"class_weight": {0: 100, 1: 1, 2: 1}}
    model = RNNClassifier((4,), early_stopping=True, max_iter=5, random_state=0, **heavy)
    model.fit(X, labels, X_val=X, y_val=labels)
    assert model.best_validation_score_ == model.score(X, labels)
    split = RNNClassifier((4,), early_stopping=True, validation_split="last", max_iter=5, random_state=0, **heavy)
    split.fit(X, labels)
    assert split.best_validation_score_ == split.score(X[-3:], labels[-3:])


def test_class_of_weight_zero_is_left_out_but_known():
    settings = {"solver": "lbfgs", "max_iter": 30, "tol": 0.0, "random_state": 0}
    model = RNNClassifier((4,), class_weight={0: 0.0, 1: 1.0, 2: 1.0}, **settings)
    model.fit(X, labels)
    kept = labels != 0
    same = RNNClassifier((4,), **settings)
    same.fit(X, labels, sample_weight=kept.astype(float))
    assert model.classes_.tolist() == [0, 1, 2]
    assert same.classes_.tolist() == [1, 2]
    assert model.t_ == same.t_


@pytest.mark.parametrize(
    ("parameter", "value"), [("n_timesteps", 0), ("n_timesteps", "a"), ("cell", "foo"), ("activation", "relu")]
)
def test_parameters_changed_after_fit_are_judged(parameter, value):
    model = RNNRegressor((4,), n_timesteps=6, max_iter=2).fit(X.reshape(30, 12), y)
    model.set_params(**{parameter: value})
    with pytest.raises((ValueError, TypeError), match=parameter):
        model.predict(X.reshape(30, 12))


def peak_of(function):
    """Return the peak memory of a call, in bytes."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_masked_row_in_a_series_does_not_multiply_memory():
    series = np.random.default_rng(1).normal(size=(50_000, 2))
    series[25_000] = np.nan
    windows = SlidingWindow(100).fit_transform(series)
    assert peak_of(lambda: from_array(windows)) < 15e6  # the windows themselves: 80 MB
    sequences = from_array(windows)
    assert sequences.lengths[24_999] == 100
    assert (sequences.lengths[25_000:25_100] == 99).all()


@pytest.mark.parametrize("return_sequences", [False, True])
def test_predictions_part_by_part(return_sequences, monkeypatch):
    rng = np.random.default_rng(1)
    windows = SlidingWindow(5).fit_transform(rng.normal(size=(50, 2)))
    y = rng.normal(size=(50, 5) if return_sequences else 50)
    model = RNNRegressor((4,), max_iter=2, return_sequences=return_sequences).fit(windows, y)
    expected, states = model.predict(windows), model.hidden_states(windows)
    monkeypatch.setattr("skrnn.sequences._ragged._CHUNK_SIZE", 7)
    np.testing.assert_allclose(model.predict(windows), expected, rtol=1e-12)
    np.testing.assert_allclose(model.hidden_states(windows), states, rtol=1e-12)


def test_slice_of_long_sequences_does_not_read_the_rest():
    long = np.random.default_rng(1).normal(size=(1000, 1000, 2))
    assert peak_of(lambda: from_array(long[:, -5:])) < 1e6


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8", "f2", "i4"])
def test_dtype_of_x_decides_whatever_its_byte_order(dtype):
    model = RNNRegressor((4,), max_iter=2).fit(X.astype(dtype), y)
    assert model.predict(X.astype(dtype)).dtype == (np.float32 if dtype[1:] == "f4" else np.float64)
