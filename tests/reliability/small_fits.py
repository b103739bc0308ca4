"""Ten small fits, of every cell and of solvers, losses and forms of each kind: what guards against silent change.

Run as a program it prints their results as JSON: `python -m tests.reliability.small_fits`.
"""

import json
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow


def make_task(seed, n_samples=40, n_timesteps=6, n_features=2):
    """Return sequences and targets for each timestep; RandomState draws the same in all versions of NumPy."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n_samples, n_timesteps, n_features))
    return X, X[:, :, 0].cumsum(axis=1) + 0.5 * X[:, :, -1]


def _ragged(X):
    return [sequence[: 1 + i % len(sequence)] for i, sequence in enumerate(X)]


def _classes(numbers, n_classes=3):
    return np.argsort(np.argsort(numbers)) * n_classes // len(numbers)


def _fits():
    """Return name: (estimator, X, y, keywords of fit)."""
    X, of_timesteps = make_task(0)
    y, labels = of_timesteps[:, -1], _classes(of_timesteps[:, -1])
    windows = SlidingWindow(5).fit_transform(X[:, 0])
    weights = 1.0 + np.arange(40) % 3
    regress = {"random_state": 0, "max_iter": 4}
    return {
        "simple unit, adam": (RNNRegressor((5,), **regress), X, y, {}),
        "relu, sgd": (RNNRegressor((4,), activation="relu", solver="sgd", **regress), X, y, {}),
        "gru, lbfgs": (RNNRegressor((4,), cell="gru", solver="lbfgs", **regress), X, y, {}),
        "lstm, adam, classes": (RNNClassifier((4,), cell="lstm", **regress), X, labels, {}),
        "both directions, two layers, ragged, trust-ncg": (
            RNNClassifier((3, 2), bidirectional=True, solver="trust-ncg", **regress),
            _ragged(X),
            labels,
            {},
        ),
        "windows, least_squares": (RNNRegressor((3,), solver="least_squares", **regress), windows, y, {}),
        "every timestep, truncated, dropout": (
            RNNRegressor(
                (4,), cell="gru", return_sequences=True, bptt_steps=2, dropout=0.2, recurrent_dropout=0.2, **regress
            ),
            X,
            of_timesteps,
            {},
        ),
        "quantiles, weights": (
            RNNRegressor((4,), loss="quantile", quantile=(0.1, 0.5, 0.9), **regress),
            X,
            y,
            {"sample_weight": weights},
        ),
        "poisson, several starts": (
            RNNRegressor((3,), loss="poisson", solver="lbfgs", n_init=2, **regress),
            X,
            np.floor(np.exp(y / 2.0)),
            {},
        ),
        "float32, early stopping": (
            RNNClassifier((4,), cell="lstm", early_stopping=True, validation_fraction=0.3, dtype="float32", **regress),
            X,
            labels,
            {},
        ),
    }


FITS = _fits()


def result(name, **parameters):
    """Return what a fit comes to: its losses, and the answers to its first sequences, as a dict of lists."""
    estimator, X, y, keywords = FITS[name]
    estimator = type(estimator)(**{**estimator.get_params(), **parameters})
    estimator.fit(X, y, **keywords)
    answers = estimator.predict_proba(X) if isinstance(estimator, RNNClassifier) else estimator.predict(X)
    return {"losses": list(map(float, estimator.loss_curve_)), "answers": np.asarray(answers[:8], float).tolist()}


def results(**parameters):
    """Return the results of all fits by name."""
    return {name: result(name, **parameters) for name in FITS}


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(json.dumps(results()))
