"""Japanese vowels, official split: the mean of states, or of predictions at every timestep, instead of the last state.

Cross-validation on the 270 training utterances chooses the cell, dropout, and how an utterance becomes one prediction:
from the mean of all states (``pooling="mean"``), or from the averaged log probabilities of each timestep.
The chosen network is tested on the 370 test utterances with several seeds. All data ship with skrnn. Usage:
OMP_NUM_THREADS=1 python -m benchmarks.vowel_readings
"""

import warnings
from itertools import product
from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold

from benchmarks.japanese_vowels import print_accuracies, standardise
from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

SEEDS = range(5)
CELLS = ("gru", "lstm")
READINGS = ("mean of states", "every timestep")
RECURRENT_DROPOUTS = (0.2, 0.4)


class AveragedTimesteps(ClassifierMixin, BaseEstimator):
    """A classifier of sequences from one that predicts at every timestep: the mean of its log probabilities.

    Parameters
    ----------
    network : RNNClassifier
        A network with ``return_sequences=True``.
    """

    def __init__(self, network: RNNClassifier) -> None:
        self.network = network

    def fit(self, X: list[np.ndarray], y: np.ndarray) -> Self:
        """Fit the network to the class of the sequence at every timestep."""
        self.network_ = clone(self.network).fit(X, [np.full(len(x), label) for x, label in zip(X, y, strict=True)])
        self.classes_ = self.network_.classes_
        return self

    def predict_proba(self, X: list[np.ndarray]) -> np.ndarray:
        """Return probabilities, (n_samples, n_classes)."""
        return softmax([one.mean(axis=0) for one in self.network_.predict_log_proba(X)], axis=1)

    def predict(self, X: list[np.ndarray]) -> np.ndarray:
        """Return the most probable classes, (n_samples,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def classifier(reading: str, cell: str, recurrent_dropout: float, random_state: int) -> Any:
    """Return a bidirectional classifier that is only regularised by dropout, trained for all epochs."""
    network = RNNClassifier(
        (64,),
        cell=cell,
        bidirectional=True,
        dropout=0.5,
        recurrent_dropout=recurrent_dropout,
        alpha=0.0,
        batch_size=32,
        max_iter=60,
        n_iter_no_change=60,
        normalize_X=False,
        dtype="float32",
        random_state=random_state,
    )
    if reading == "every timestep":
        return AveragedTimesteps(network.set_params(return_sequences=True))
    return network.set_params(pooling="mean")


def choose(X: list[np.ndarray], y: np.ndarray) -> dict[str, Any]:
    """Print the cross-validation scores of the grid, and return the settings with the smallest log loss.

    Each fold has a seed of its own, so that no setting is chosen for a lucky one.
    """
    print("| prediction from | cell | recurrent_dropout | log loss | accuracy |\n| --- | --- | --- | --- | --- |")
    folds = list(StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(X, y))
    losses = {}
    for reading, cell, rate in product(READINGS, CELLS, RECURRENT_DROPOUTS):
        settings = {"reading": reading, "cell": cell, "recurrent_dropout": rate}
        fold_losses, n_correct = [], 0
        for seed, (train, test) in enumerate(folds, start=100):
            model = classifier(random_state=seed, **settings).fit([X[i] for i in train], y[train])
            probabilities = model.predict_proba([X[i] for i in test])
            fold_losses.append(log_loss(y[test], probabilities))
            n_correct += np.sum(model.classes_[probabilities.argmax(axis=1)] == y[test])
        losses[np.mean(fold_losses)] = settings
        print(
            f"| {reading} | {cell} | {rate} | {np.mean(fold_losses):.4f} | {100 * n_correct / len(y):.2f} |", flush=True
        )
    return losses[min(losses)]


def main() -> None:
    """Print the scores of the grid, then accuracies on the test part in percent."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", FutureWarning)
    X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
    X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
    X_train, X_test = standardise(X_train, X_test)
    settings = choose(X_train, y_train)
    print(f"\nChosen: {settings}\n\n| on the test part | accuracy |\n| --- | --- |")
    networks = [(f"seed {seed}", classifier(random_state=seed, **settings)) for seed in SEEDS]
    vote = VotingClassifier(networks, voting="soft").fit(X_train, y_train)
    print_accuracies(vote, X_test, y_test)


if __name__ == "__main__":
    main()
