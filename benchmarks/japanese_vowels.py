"""Classify utterances of different lengths by speaker: the Japanese vowels, official split.

The settings are chosen by cross-validation on the 270 training utterances only. The chosen network is tested on the 370
test utterances, with several seeds, and compared with logistic regression on mean, standard deviation, first and last
timestep. All data ship with skrnn. Usage: OMP_NUM_THREADS=1 python benchmarks/japanese_vowels.py
"""

import time
import warnings
from itertools import product
from typing import Any

import numpy as np
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

SEEDS = range(5)
CV_SEEDS = (100, 101)  # the log loss of a setting varies by half between seeds, so a single one is not sufficient
SIZES = [("rnn", (64,)), ("gru", (64,)), ("gru", (32, 32))]
RECURRENT_DROPOUTS = [0.2, 0.4]
SCORING = ("neg_log_loss", "accuracy")


def network(**settings: Any) -> RNNClassifier:
    """Return a bidirectional classifier that is only regularised by dropout, trained for all epochs."""
    fixed = {"bidirectional": True, "dropout": 0.5, "alpha": 0.0, "max_iter": 150, "n_iter_no_change": 150}
    return RNNClassifier(**fixed, normalize_X=False, dtype="float32", **settings)


def standardise(train: list[np.ndarray], test: list[np.ndarray]) -> list[list[np.ndarray]]:
    """Return both parts with features standardised over the training timesteps."""
    scaler = StandardScaler().fit(np.concatenate(train))
    return [[scaler.transform(x) for x in part] for part in (train, test)]


def summaries(sequences: list[np.ndarray]) -> np.ndarray:
    """Return mean, standard deviation, first and last timestep of each sequence, (n_samples, 4 * n_features)."""
    return np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0), x[0], x[-1]]) for x in sequences])


def choose(X: list[np.ndarray], y: np.ndarray) -> dict[str, Any]:
    """Print the cross-validation scores of the grid, and return the settings with the smallest log loss."""
    print("| cell | hidden_layer_sizes | recurrent_dropout | log loss | accuracy |\n| --- | --- | --- | --- | --- |")
    folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    losses = {}
    for (cell, sizes), rate in product(SIZES, RECURRENT_DROPOUTS):
        settings = {"cell": cell, "hidden_layer_sizes": sizes, "recurrent_dropout": rate}
        networks = [network(random_state=seed, **settings) for seed in CV_SEEDS]
        scores = [cross_validate(one, X, y, cv=folds, scoring=SCORING, n_jobs=2) for one in networks]
        loss, accuracy = (np.mean([score[f"test_{name}"] for score in scores]) for name in SCORING)
        losses[-loss] = settings
        print(f"| {cell} | {sizes} | {rate} | {-loss:.4f} | {100 * accuracy:.2f} |", flush=True)
    return losses[min(losses)]


def print_accuracies(vote: VotingClassifier, X: list[np.ndarray], y: np.ndarray) -> None:
    """Print the accuracies of the members of a fitted vote in percent, their mean, and that of the vote."""
    accuracies = [member.score(X, y) for member in vote.estimators_]
    for (name, _), accuracy in zip(vote.estimators, accuracies, strict=True):
        print(f"| network, {name} | {100 * accuracy:.2f} |")
    print(f"| network, mean of {len(accuracies)} seeds | {100 * np.mean(accuracies):.2f} |")
    print(f"| VotingClassifier(voting='soft') of these | {100 * vote.score(X, y):.2f} |")


def main() -> None:
    """Print the scores of the grid, then accuracies on the test part in percent."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", FutureWarning)
    start = time.perf_counter()
    X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
    X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
    baseline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(summaries(X_train), y_train)
    baseline_accuracy = baseline.score(summaries(X_test), y_test)
    X_train, X_test = standardise(X_train, X_test)
    settings = choose(X_train, y_train)
    print(f"\nChosen: {settings}\n\n| on the test part | accuracy |\n| --- | --- |")
    print(f"| logistic regression on mean, std, first, last | {100 * baseline_accuracy:.2f} |")
    vote = VotingClassifier([(f"seed {seed}", network(random_state=seed, **settings)) for seed in SEEDS], voting="soft")
    print_accuracies(vote.fit(X_train, y_train), X_test, y_test)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
