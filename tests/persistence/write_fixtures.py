"""Write fitted models, and what they answer, for test_fixtures.py: once for each release, never again.

Run by `make fixtures VERSION=0.2.0`, with the oldest NumPy that is supported: what it pickles, all later ones can read.
"""

import argparse
import json
import pickle
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED

import numpy as np
from sklearn.pipeline import make_pipeline
from skops import io as skops

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.cells._registry import CELLS

FIXTURES = Path(__file__).parent / "fixtures"
METHODS = ("predict", "predict_proba", "hidden_states", "transform")


def make_task() -> tuple[np.ndarray, np.ndarray]:
    """Return sequences, (12, 4, 2), and targets, (12,), of few digits."""
    X = np.random.default_rng(0).normal(size=(12, 4, 2)).round(2)
    return X, X[:, -1, 0] - X[:, 0, 1]


def fitted_models() -> dict[str, tuple[Any, np.ndarray]]:
    """Return each kind of model, fitted, and the X that it is asked, by a name for its files."""
    X, y = make_task()
    classes = np.array(["low", "middle", "high"])[np.digitize(y, [-0.5, 0.5])]
    series, settings = X[:, 0], {"tol": 0.01, "learning_rate_init": 0.05, "max_iter": 1000, "random_state": 0}
    models: dict[str, tuple[Any, np.ndarray]] = {}
    for cell in CELLS:
        regressor = RNNRegressor((3,), cell=cell, bidirectional=True, **settings)
        models[f"regressor_{cell}"] = regressor.fit(X, np.column_stack([y, -y])), X
        classifier = RNNClassifier((3, 2), cell=cell, solver="lbfgs", **settings)
        models[f"classifier_{cell}"] = classifier.fit(X, classes), X
    each = RNNRegressor((3,), return_sequences=True, early_stopping=True, **settings)
    models["regressor_of_timesteps"] = each.fit(X, X[:, :, 0].cumsum(axis=1)), X
    models["windows"] = SlidingWindow(3, padding="edge", flatten=True).fit(series), series
    models["pipeline"] = (
        make_pipeline(SlidingWindow(3), RNNRegressor((3,), cell="gru", **settings)).fit(series, y),
        series,
    )
    return models


def answers(model: Any, X: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each method that the model has answers."""
    return {name: np.asarray(getattr(model, name)(X)) for name in METHODS if hasattr(model, name)}


def main() -> None:
    """Write the models into the folder of the version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version", help="the version of skrnn that is about to be released: the name of the folder")
    folder = FIXTURES / parser.parse_args().version
    if int(np.__version__.split(".")[0]) > 1:
        parser.error(f"NumPy is {np.__version__}, but NumPy 1 could not read its pickles: run `make fixtures`.")
    folder.mkdir(parents=True)
    for name, (model, X) in fitted_models().items():
        (folder / f"{name}.pickle").write_bytes(pickle.dumps(model, protocol=5))
        skops.dump(model, folder / f"{name}.skops", compression=ZIP_DEFLATED, compresslevel=9)
        found = {method: array.tolist() for method, array in answers(model, X).items()}
        (folder / f"{name}.json").write_text(json.dumps({"X": X.tolist(), "answers": found}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
