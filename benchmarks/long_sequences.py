"""Classify long sequences with official splits: one timestep at a time, in patches, and with pooling.

GunPoint, OSULeaf and ArrowHead are univariate, of 150 to 427 timesteps, BasicMotions has six features; all ship with
aeon. First one network on several representations of the sequences; then settings chosen by cross-validation on the
training part only, with several seeds, compared with logistic regression on all timesteps. Usage: make long-sequences,
or OMP_NUM_THREADS=1 python benchmarks/long_sequences.py [names of data sets]
"""

import sys
import time
import warnings
from itertools import product
from typing import Any

import numpy as np
from aeon.datasets import load_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier
from skrnn.preprocessing import PatchSequences

NAMES = ["GunPoint", "OSULeaf", "ArrowHead", "BasicMotions"]
#: Timesteps per patch, and settings of the network, of each representation.
READINGS: list[tuple[int, dict[str, Any]]] = [
    (1, {}),
    (10, {}),
    (1, {"pooling": "mean"}),
    (10, {"pooling": "mean"}),
    (10, {"pooling": "mean", "bidirectional": True}),
    (10, {"pooling": "max", "bidirectional": True}),
]
#: The grid of the cross-validation.
SIZES, POOLINGS = [5, 10, 20], ["last", "mean", "max"]
SEEDS = range(5)


def load(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences, (n_samples, n_timesteps, n_features) in float32, and their classes."""
    X, y = load_classification(name, split=split)
    return X.transpose(0, 2, 1).astype(np.float32), y


def model(size: int, *, max_iter: int, **settings: Any) -> Pipeline:
    """Return a network of 64 GRU units on patches, trained for all epochs."""
    network = RNNClassifier(
        (64,), cell="gru", batch_size=8, max_iter=max_iter, n_iter_no_change=max_iter, dtype="float32", **settings
    )
    return make_pipeline(PatchSequences(size), network)


def compare_readings(name: str) -> None:
    """Print accuracies on the test part, and seconds, of one network on each representation."""
    (X, y), (X_test, y_test) = load(name, "train"), load(name, "test")
    for size, settings in READINGS:
        start = time.perf_counter()
        fitted = model(size, max_iter=60, random_state=0, **settings).fit(X, y)
        seconds, accuracy = time.perf_counter() - start, fitted.score(X_test, y_test)
        pooling, directions = settings.get("pooling", "last"), 1 + settings.get("bidirectional", False)
        print(f"| {name} | {size} | {pooling} | {directions} | {accuracy:.3f} | {seconds:.1f} |", flush=True)


def choose(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    """Return the settings with the smallest log loss in cross-validation."""
    folds, losses = StratifiedKFold(n_splits=4, shuffle=True, random_state=0), {}
    for size, pooling in product(SIZES, POOLINGS):
        settings = {"size": size, "pooling": pooling}
        candidate = model(max_iter=150, bidirectional=True, random_state=100, **settings)
        losses[-cross_val_score(candidate, X, y, cv=folds, scoring="neg_log_loss", n_jobs=2).mean()] = settings
    return losses[min(losses)]


def judge(name: str) -> None:
    """Print accuracies on the test part of logistic regression and of the network with the chosen settings."""
    (X, y), (X_test, y_test) = load(name, "train"), load(name, "test")
    flat, flat_test = X.reshape(len(X), -1), X_test.reshape(len(X_test), -1)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(flat, y).score(flat_test, y_test)
    settings = choose(X, y)
    members = [model(max_iter=150, bidirectional=True, random_state=seed, **settings).fit(X, y) for seed in SEEDS]
    mean = np.mean([member.score(X_test, y_test) for member in members])
    probabilities = sum(member.predict_proba(X_test) for member in members)
    vote = np.mean(members[0].classes_[probabilities.argmax(axis=1)] == y_test)
    chosen = ", ".join(f"{key}={value}" for key, value in settings.items())
    print(f"| {name} | {logistic:.3f} | {chosen} | {mean:.3f} | {vote:.3f} |", flush=True)


def main(names: list[str]) -> None:
    """Print both tables."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| data | timesteps of a patch | pooling | directions | accuracy | seconds |\n|" + " --- |" * 6)
    for name in names:
        compare_readings(name)
    print("\n| data | logistic regression | chosen | network, mean of 5 seeds | vote of these |\n|" + " --- |" * 5)
    for name in names:
        judge(name)


if __name__ == "__main__":
    main(sys.argv[1:] or NAMES)
