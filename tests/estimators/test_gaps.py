"""Tests of labels, weights and classes of masked timesteps and missing targets."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skrnn import RNNClassifier, RNNRegressor
from tests.estimators.tasks import assert_same_fit

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3, 2))
SETTINGS = {"hidden_layer_sizes": (3,), "solver": "lbfgs", "max_iter": 20, "random_state": 0, "return_sequences": True}
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("class_weight", [[{0: 1, 1: 1}, {0: 50, 1: 1}], "balanced"])
def test_missing_label_bears_no_class_weight(class_weight):
    y = np.random.default_rng(1).integers(0, 2, (30, 3, 2)).astype(float)
    y[5:, :, 1] = np.nan
    weighed = RNNClassifier(class_weight=class_weight, **SETTINGS).fit(X, y)
    if class_weight == "balanced":
        shares = np.nanmean(y, axis=(0, 1))
        factors = np.where(y == 1.0, 0.5 / shares, 0.5 / (1.0 - shares))
    else:
        factors = np.where(y == 0.0, [1.0, 50.0], 1.0)
    by_hand = np.where(np.isnan(y), 1.0, factors).prod(axis=2)
    expected = RNNClassifier(**SETTINGS).fit(X, y, sample_weight=by_hand)
    assert weighed.loss_ == pytest.approx(expected.loss_, rel=1e-6)


@pytest.mark.parametrize("labels", [np.array([False, True]), np.array([2**60, 2**60 + 1])])
def test_labels_beside_masked_timesteps_are_what_they_were(labels):
    model = RNNClassifier(**SETTINGS).fit(X, labels[(X[:, :, 0] > 0).astype(int)])
    expected = model.predict(X)
    with_gap = model.predict(np.insert(X, 1, np.nan, axis=1))
    assert with_gap.dtype == object
    np.testing.assert_array_equal(np.delete(with_gap, 1, axis=1).astype(labels.dtype), expected)
    stream = model.stream(2)
    answers = stream.predict(np.array([[np.nan, np.nan], [0.1, 0.2]]))
    assert answers.dtype == object
    assert answers[1] in labels


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_weights_on_missing_targets_alone_are_refused(Estimator):
    y = np.where(X[:, :, 0] > 0, 1.0, 0.0)
    y[:, 0] = np.nan
    weights = np.tile([1.0, 0.0, 0.0], (30, 1))
    model = Estimator(**SETTINGS)
    with pytest.raises(ValueError, match="sample_weight is zero for all samples"):
        model.fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="sample_weight is zero for all samples"):
        model.fit(X, y).score(X, y, weights)


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_any_weight_may_stand_beside_a_missing_target(Estimator):
    y = np.where(X[:, :, 0] > 0, 1.0, 0.0)
    y[:, 1] = np.nan
    weights = np.random.default_rng(1).uniform(0.5, 2.0, (30, 3))
    expected = Estimator(**SETTINGS).fit(X, y, sample_weight=weights)
    for nothing in (np.nan, 0.0, 7.0):
        weights[:, 1] = nothing
        model = Estimator(**SETTINGS).fit(X, y, sample_weight=weights)
        assert_same_fit(model, expected)
        assert model.score(X, y, weights) == expected.score(X, y, np.nan_to_num(weights))


@pytest.mark.parametrize("nothing", [None, np.nan, np.float32("nan"), pd.NA])
def test_every_kind_of_nothing_is_a_missing_target(nothing):
    y = np.where(X[:, :, 0] > 0, "up", "down").astype(object)
    y[4, 1] = nothing
    weights = np.ones((30, 3))
    weights[4, 1] = 0.0
    expected = RNNClassifier(**SETTINGS).fit(X, np.where(X[:, :, 0] > 0, "up", "down"), sample_weight=weights)
    assert_same_fit(RNNClassifier(**SETTINGS).fit(X, y), expected)


def test_partial_fit_goes_on_with_a_batch_that_lacks_an_output():
    y = np.dstack([X[:, :, 0], X[:, :, 1]])
    model = RNNRegressor((3,), return_sequences=True, random_state=0).partial_fit(X, y)
    readout = model.readout_weights_.copy()
    y[:, :, 1] = np.nan
    model.partial_fit(X, y)
    assert (model.readout_weights_ != readout).any()
    with pytest.raises(ValueError, match="y has no target in output 1"):
        RNNRegressor((3,), return_sequences=True).partial_fit(X, y)


def test_integers_fit_as_the_same_numbers_padded():
    rng = np.random.default_rng(1)
    X_list = [rng.integers(-3, 4, size=(5, 2)) for _ in range(10)]
    y = np.array([float(sequence.sum()) for sequence in X_list])
    padded = np.full((10, 7, 2), np.nan)
    padded[:, :5] = X_list
    first, second = (
        RNNRegressor((3,), solver="lbfgs", max_iter=50, random_state=0).fit(X, y) for X in (X_list, padded)
    )
    assert_same_fit(first, second)


@pytest.mark.parametrize("lengths", [(4, 3), (3, 3)])
def test_lists_of_frames(lengths):
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=(length, 2)) for length in lengths]
    targets = [rng.normal(size=length) for length in lengths]
    model = RNNRegressor(**SETTINGS).fit(arrays, targets)
    for frame, series in ((pl.DataFrame, pl.Series), (pd.DataFrame, pd.Series)):
        X_frames, y_series = [frame(array) for array in arrays], [series(target) for target in targets]
        assert_same_fit(RNNRegressor(**SETTINGS).fit(X_frames, y_series), model)


def test_answers_that_overflow_are_warned_of():
    model = RNNRegressor((3,), activation="relu", dtype="float32", random_state=0, max_iter=3).fit(X, X[:, 0, 0])
    with pytest.raises(ValueError, match=r"X contains .*, too large for weighted sums in float32"):
        model.predict(X * 1e300)
    with pytest.raises(ValueError, match=r"X contains .*, too large for weighted sums in float32"):
        RNNRegressor((3,), dtype="float32").fit(X * 1e300, X[:, 0, 0])
    model.readout_weights_ = np.full_like(model.readout_weights_, 3e38)
    with pytest.warns(RuntimeWarning, match="not finite"):
        model.predict(X * 1e6)


def test_each_of_equal_samples_drops_units_of_its_own():
    settings = {"dropout": 0.5, "max_iter": 200, "tol": 0, "n_iter_no_change": 200, "solver": "sgd", "alpha": 0.0}
    settings |= {"learning_rate_init": 1e-300, "normalize_y": False, "random_state": 0}
    equal = np.repeat(np.random.default_rng(1).normal(size=(1, 4, 1)), 32, axis=0)
    spread = [
        np.std(RNNRegressor((8,), **settings).fit(sequences, np.ones(32)).loss_curve_)
        for sequences in (equal, equal + 1e-9 * np.arange(32)[:, None, None])
    ]
    assert spread[0] == pytest.approx(spread[1], rel=0.5)  # masks in common would spread it five times as far


def test_epochs_of_partial_fit_with_dropout_are_those_of_fit():
    settings = {"hidden_layer_sizes": (3,), "dropout": 0.3, "recurrent_dropout": 0.2, "random_state": 0}
    fitted = RNNRegressor(max_iter=3, **settings).fit(X, X[:, 0, 0])
    model = RNNRegressor(**settings)
    for _ in range(3):
        model.partial_fit(X, X[:, 0, 0])
    assert_same_fit(model, fitted, rtol=1e-12)


@pytest.mark.parametrize("empty", [[], ()])
def test_empty_list_is_refused_by_its_name(empty):
    with pytest.raises(ValueError, match=r"0 sample\(s\) in X"):
        RNNRegressor().fit(empty, [])
