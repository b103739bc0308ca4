"""Small tasks for the estimators, and their parameters and objective through the public interface."""

import re

import numpy as np
from scipy.special import logsumexp

from skrnn import RNNClassifier

ESTIMATED = ("input_weights_", "recurrent_weights_", "biases_")


def make_regression_task(n_samples=40, n_timesteps=5, n_features=2, n_outputs=1, seed=0):
    """Return sequences and targets that depend on all timesteps; (n_samples,) if there is one output."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_timesteps, n_features))
    sums = X[:, :, 0].sum(axis=1) / n_timesteps**0.5
    y = np.column_stack([sums + (1 + k) * X[:, -1, -1] for k in range(n_outputs)])
    return X, y[:, 0] if n_outputs == 1 else y


def make_classification_task(n_samples=45, n_classes=3, seed=0):
    """Return sequences and classes 0, 1, ... that depend on all timesteps."""
    X, y = make_regression_task(n_samples, seed=seed)
    return X, np.argsort(np.argsort(y)) * n_classes // n_samples


def make_task(Estimator):
    """Return a task for the estimator."""
    return make_classification_task() if Estimator is RNNClassifier else make_regression_task()


def as_objects(entries):
    """Return the entries, of any shape, in a 1-D object array."""
    array = np.empty(len(entries), object)
    for i, entry in enumerate(entries):
        array[i] = entry
    return array


def make_ragged_task(Estimator, *, return_sequences=False, n_samples=24, n_features=2, seed=0):
    """Return a list of sequences of 1 to 7 timesteps and targets: numbers, or classes 0 and 1 that depend on all."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(1 + int(length), n_features)) for length in rng.permutation(np.arange(n_samples) % 7)]
    y = [sequence[:, 0].cumsum() / 2 for sequence in X]
    y = y if return_sequences else np.array([of_sequence[-1] for of_sequence in y])
    if Estimator is not RNNClassifier:
        return X, y
    return X, [(of_sequence > 0).astype(int) for of_sequence in y] if return_sequences else (y > 0).astype(int)


def fitted_attributes(estimator):
    """Return the names of the public attributes of a fit."""
    return {name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")}


def documented_attributes(Estimator):
    """Return the names in the section Attributes of the class's docstring."""
    section = re.search(r"\n +Attributes\n +-+\n(.*?)\n +See Also\n", Estimator.__doc__, re.DOTALL)[1]
    return set(re.findall(r"^    (\w+_) : ", section, re.MULTILINE))


def parameter_arrays(estimator):
    """Return every array of parameters, and for each whether it is penalised."""
    arrays = [array for name in ESTIMATED for array in getattr(estimator, name)]
    penalised = [name != "biases_" for name in ESTIMATED for _ in getattr(estimator, name)]
    return [*arrays, estimator.readout_weights_, estimator.readout_bias_], [*penalised, True, False]


def assert_same_fit(first, second, **tolerance):
    """Check that two estimators hold the same parameters; to the last bit without a tolerance."""
    for one, other in zip(parameter_arrays(first)[0], parameter_arrays(second)[0], strict=True):
        if tolerance:
            np.testing.assert_allclose(one, other, **tolerance)
        else:
            np.testing.assert_array_equal(one, other)


def documented_objective(estimator, X, y, sample_weight=None):
    """Return mean loss plus alpha / (2 n) times the squared weights, as documented.

    The fit was without standardisation of features and targets.
    """
    if isinstance(estimator, RNNClassifier):
        log_probabilities = estimator.predict_log_proba(X)
        np.testing.assert_allclose(logsumexp(log_probabilities, axis=1), 0.0, atol=1e-12)
        losses = -log_probabilities[np.arange(len(y)), np.searchsorted(estimator.classes_, y)]
    else:
        errors = (estimator.predict(X) - y).reshape(len(y), -1)
        losses = (errors**2).mean(axis=1) / 2
    arrays, penalised = parameter_arrays(estimator)
    penalty = sum((array**2).sum() for array, counts in zip(arrays, penalised, strict=True) if counts)
    n = len(y) if sample_weight is None else np.sum(sample_weight)
    return np.average(losses, weights=sample_weight) + estimator.alpha / (2 * n) * penalty


def best_iteration(model):
    """Return the iteration that early stopping keeps: best score, then smallest loss."""
    return int(np.lexsort([-np.array(model.validation_loss_curve_), model.validation_scores_])[-1])
