"""Tasks with a target at each timestep, and the objective of their models written down by hand."""

import numpy as np

from skrnn import RNNClassifier, RNNRegressor
from tests.estimators.tasks import parameter_arrays

LENGTHS = [5, 1, 3, 5, 2, 4, 5, 3, 1, 4, 5, 2]
NAMES = np.array(["dry", "damp", "wet"])
TASKS = ["numbers", "two numbers", "a column", "two classes", "three classes", "strings", "multilabel"]


def make_task(task, lengths=LENGTHS, seed=0):
    """Return a list of sequences and a list of targets for each of their timesteps."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 2)) for length in lengths]
    sums = [x.cumsum(axis=0) / 2 for x in X]
    of_timestep = {
        "numbers": lambda s: 3.0 + 2.0 * s[:, 0],
        "two numbers": lambda s: 10.0 * s + [1.0, -5.0],
        "a column": lambda s: s[:, :1],
        "two classes": lambda s: (s[:, 0] > 0).astype(int),
        "three classes": lambda s: np.digitize(s[:, 0], [-0.3, 0.3]),
        "strings": lambda s: NAMES[np.digitize(s[:, 0], [-0.3, 0.3])],
        "multilabel": lambda s: (np.column_stack([s, s.sum(axis=1)]) > 0).astype(int),
    }[task]
    return X, [of_timestep(s) for s in sums]


def make_model(task, **parameters):
    Estimator = RNNRegressor if "number" in task or task == "a column" else RNNClassifier
    settings = {"hidden_layer_sizes": (4,), "max_iter": 4, "random_state": 0, "return_sequences": True}
    return Estimator(**{**settings, **parameters})


def with_missing(y, where):
    """Return targets without those at which `where`, a list of arrays of bool, is true."""
    missing = []
    for of_sequence, is_missing in zip(y, where, strict=True):
        changed = of_sequence.astype(object if of_sequence.dtype.kind == "U" else float)
        changed[is_missing] = None if of_sequence.dtype.kind == "U" else np.nan
        missing.append(changed)
    return missing


def some(y, seed=0):
    """Return for each timestep whether its target is missing: all of some sequences, none of others."""
    rng = np.random.default_rng(seed)
    where = [rng.random(len(of_sequence)) < 0.4 for of_sequence in y]
    where[3][:], where[0][:] = True, [True, False, True, False, False]
    return where


def pad(values, dtype=None):
    """Return a list of arrays as one array, NaN after their ends."""
    dtype = dtype or (object if values[0].dtype.kind in "UO" else float)
    padded = np.full((len(values), max(map(len, values)), *values[0].shape[1:]), np.nan, dtype)
    for i, of_sequence in enumerate(values):
        padded[i, : len(of_sequence)] = of_sequence
    return padded


def objective_by_hand(model, X, y, weights=None):
    """Return the mean loss over all targets that are not missing, plus the penalty, in the units of training.

    The fit was without standardisation of features.
    """
    flat, weights = np.concatenate(y), np.concatenate(weights) if weights is not None else np.ones(sum(map(len, y)))
    if isinstance(model, RNNRegressor):
        flat, predictions = flat.reshape(len(flat), -1), np.concatenate(model.predict(X)).reshape(len(flat), -1)
        scale = np.ones(flat.shape[1]) if not model.normalize_y else np.sqrt(statistics(flat, weights)[1])
        losses, n_outputs = ((flat - predictions) / scale) ** 2 / 2, 1
    elif flat.ndim == 2:
        logarithms = np.concatenate(model.predict_log_proba(X))
        losses, n_outputs = -np.where(flat == 1, logarithms, np.log1p(-np.exp(logarithms))), flat.shape[1]
        losses[np.isnan(flat)] = np.nan
        scale = 1.0
    else:
        is_class = flat[:, None] == model.classes_
        losses, n_outputs = -np.concatenate(model.predict_log_proba(X))[is_class][:, None], 1
        scale = 1.0
    there = ~np.isnan(losses)
    of_each = np.broadcast_to(weights[:, None], losses.shape)[there]
    arrays, penalised = parameter_arrays(model)
    arrays[-2] = arrays[-2] / np.reshape(scale, (-1, 1))
    penalty = sum((array**2).sum() for array, counts in zip(arrays, penalised, strict=True) if counts)
    n = of_each.sum() / losses.shape[1]  # a target that lacks some outputs counts by its share
    return n_outputs * np.average(losses[there], weights=of_each) + model.alpha / (2 * n) * penalty


def statistics(flat, weights):
    """Return mean and variance of each output over the targets that are not missing."""
    columns = [(column[~np.isnan(column)], weights[~np.isnan(column)]) for column in flat.T]
    means = [np.average(column, weights=of_each) for column, of_each in columns]
    return means, [
        np.average((column - mean) ** 2, weights=of_each)
        for (column, of_each), mean in zip(columns, means, strict=True)
    ]
