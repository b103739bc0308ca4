"""Tests of the format of X: it is read without copies, and results have the same format."""

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.estimators._sequence_format import SequenceFormat

X = np.random.default_rng(0).normal(size=(5, 4, 2))
RAGGED = [X[0], X[1, :2], X[2, :1]]
OBJECTS = np.empty(3, dtype=object)
OBJECTS[:] = RAGGED


@pytest.mark.parametrize("dtype", ["float32", "float64", ">f4"])
def test_an_array_of_floats_is_not_copied(dtype):
    values = X.astype(dtype)
    form = SequenceFormat.read(RNNRegressor(), values)
    assert np.shares_memory(form.values, values)
    assert np.shares_memory(form.sequences().rows, values)


@pytest.mark.parametrize("given", [X, RAGGED, OBJECTS], ids=["array", "list", "object array"])
def test_restore_undoes_flatten(given):
    form = SequenceFormat.read(RNNRegressor(), given)
    of_timesteps = X[:, :, 0] if given is X else [x[:, 0] for x in RAGGED]
    restored = form.restore(form.flatten(of_timesteps, "y"))
    assert type(restored) is type(given)
    for one, other in zip(restored, of_timesteps, strict=True):
        np.testing.assert_array_equal(one, other)


def test_masked_timesteps():
    masked = X.copy()
    masked[1, 2:], masked[3, 0] = np.nan, np.nan
    form = SequenceFormat.read(RNNRegressor(), masked)
    assert form.n_valid.tolist() == [4, 2, 4, 3, 4]
    restored = form.restore(form.flatten(X, "y"))
    np.testing.assert_array_equal(restored, masked)


def test_chunks_are_of_the_dtype():
    form = SequenceFormat.read(RNNRegressor(), X, 2)
    (chunk,) = form.chunks(FeatureScaling.none(2), np.dtype(np.float32))
    assert chunk.rows.dtype == np.float32
    np.testing.assert_allclose(chunk.rows.reshape(X.shape), X, rtol=1e-6)


def test_number_of_features():
    estimator = RNNRegressor()
    SequenceFormat.read(estimator, X)
    assert estimator.n_features_in_ == 2
    with pytest.raises(ValueError, match="X_val has 2 features per timestep, but RNNRegressor was fitted with 3"):
        SequenceFormat.read(estimator, X, 3, "X_val")


def test_values_of_another_number_of_timesteps():
    form = SequenceFormat.read(RNNRegressor(), X)
    with pytest.raises(ValueError, match=r"^y has shape \(5, 3\); expected \(5, 4\) or \(5, 4, n_outputs\), one value"):
        form.flatten(X[:, :3, 0], "y")
    with pytest.raises(ValueError, match=r"^y has shape \(3, 4\); expected a list with one array per sequence"):
        SequenceFormat.read(RNNRegressor(), RAGGED).flatten(X[:3, :, 0], "y")
