"""Scores of the default estimators on real data, compared with a baseline.

ItalyPowerDemand comes with aeon: `pip install aeon` (it keeps a folder in the home directory). The other data ship with
skrnn and scikit-learn. Usage: python benchmarks/quality.py
"""

import importlib.util
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

SEEDS = range(3)
Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def italy_power_demand() -> Split:
    """Return the official split, 67 and 1029 days of 24 hours."""
    from aeon.datasets import load_classification

    X_train, y_train = load_classification("ItalyPowerDemand", split="train")
    X_test, y_test = load_classification("ItalyPowerDemand", split="test")
    return X_train.transpose(0, 2, 1), X_test.transpose(0, 2, 1), y_train, y_test


def japanese_vowels() -> Split:
    """Return the official split, 270 and 370 utterances, truncated to the seven timesteps of the shortest one."""
    X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
    X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
    return np.stack([x[:7] for x in X_train]), np.stack([x[:7] for x in X_test]), y_train, y_test


def digits(seed: int) -> Split:
    """Return digits as eight rows of eight pixels, three quarters of them for training."""
    data = load_digits()
    return tuple(train_test_split(data.images, data.target, random_state=seed))


def splits() -> Iterator[tuple[str, Split]]:
    """Yield each available data set."""
    if importlib.util.find_spec("aeon"):
        yield "ItalyPowerDemand", italy_power_demand()
    yield "JapaneseVowels, seven timesteps", japanese_vowels()
    for seed in SEEDS:
        yield f"digits, split {seed}", digits(seed)


def cell_of(scores: list[float]) -> str:
    """Return accuracies in percent: the mean, and for several seeds the range."""
    spread = f" ({100 * min(scores):.1f} to {100 * max(scores):.1f})" if len(scores) > 1 else ""
    return f"{100 * np.mean(scores):.1f}{spread}"


def main() -> None:
    """Print a table of accuracies in percent."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", FutureWarning)
    print("| data | logistic regression | rnn | gru | lstm |\n| --- | --- | --- | --- | --- |")
    for name, (X_train, X_test, y_train, y_test) in splits():
        flat_train, flat_test = X_train.reshape(len(X_train), -1), X_test.reshape(len(X_test), -1)
        baseline = make_pipeline(StandardScaler(), LogisticRegressionCV(max_iter=5000)).fit(flat_train, y_train)
        cells = [cell_of([baseline.score(flat_test, y_test)])]
        for cell in ("rnn", "gru", "lstm"):
            fits = [RNNClassifier(cell=cell, random_state=seed).fit(X_train, y_train) for seed in SEEDS]
            cells.append(cell_of([fit.score(X_test, y_test) for fit in fits]))
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
