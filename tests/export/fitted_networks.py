"""Fitted estimators with large weights and biases of all kinds, and ragged sequences for them."""

import numpy as np

N_FEATURES = 3
#: Cell and activation.
CELLS_WITH_ACTIVATIONS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
#: Units of each layer: one layer, two of one size, and a stack of several sizes.
STACKS = [(4,), (3, 3), (4, 4, 2)]
#: Inputs of the readout.
READINGS = [{}, {"pooling": "mean"}, {"pooling": "max"}, {"return_sequences": True}]


def make_sequences(lengths, n_timesteps, seed=0):
    """Return sequences (n_samples, n_timesteps, n_features), NaN after their lengths."""
    X = np.random.default_rng(seed).normal(size=(len(lengths), n_timesteps, N_FEATURES))
    X[np.arange(n_timesteps) >= np.asarray(lengths)[:, None]] = np.nan
    return X


def fitted(estimator, y, X=None, seed=0):
    """Return the estimator, fitted on targets like y, with random parameters, including large biases."""
    rng = np.random.default_rng(seed)
    if X is None:
        X = rng.normal(size=(len(y), np.shape(y)[1] if estimator.return_sequences else 5, N_FEATURES))
    classes = {"classes": np.unique(y)} if hasattr(estimator, "predict_proba") and is_of_classes(estimator, y) else {}
    estimator.partial_fit(X, y, **classes)
    for name in ("input_weights_", "recurrent_weights_", "biases_"):
        arrays = getattr(estimator, name)
        setattr(estimator, name, [rng.normal(scale=0.5, size=array.shape).astype(array.dtype) for array in arrays])
    for name in ("readout_weights_", "readout_bias_"):
        array = getattr(estimator, name)
        setattr(estimator, name, rng.normal(size=array.shape).astype(array.dtype))
    return estimator


def is_of_classes(estimator, y):
    """Tell whether targets are class labels, not binary labels of several outputs."""
    return np.ndim(y) == (2 if estimator.return_sequences else 1)
