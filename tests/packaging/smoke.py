"""Use the installed package like a new user: `make test-wheel` runs this with only the wheel installed."""

import importlib.metadata
import pickle
import pkgutil
import sys
import warnings
from importlib.resources import files
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skrnn
from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.datasets import load_japanese_vowels, load_sunspots


def check_installation() -> None:
    """Raise unless the installed package is imported, and complete."""
    assert Path(skrnn.__file__).is_relative_to(sys.prefix), f"{skrnn.__file__} is not the installed package"
    assert skrnn.__version__ == importlib.metadata.version("skrnn")
    assert files("skrnn").joinpath("py.typed").is_file()
    required = {text for text in importlib.metadata.requires("skrnn") or [] if "extra ==" not in text}
    assert len(required) == 5, f"more or less is required than before: {sorted(required)}"


def check_modules() -> None:
    """Raise unless every module, except for loops, imports without optional packages."""
    for module in pkgutil.walk_packages(skrnn.__path__, "skrnn."):
        if module.name.startswith("skrnn.cells._loops"):  # which require Numba
            continue
        importlib.import_module(module.name)


def check_estimators() -> None:
    """Raise unless each cell fits, predicts and pickles."""
    X, y = load_japanese_vowels(subset="train", return_X_y=True)
    X, y = X[::9], y[::9]
    for cell in ("rnn", "gru", "lstm"):
        classifier = RNNClassifier((8,), cell=cell, max_iter=3, random_state=0).fit(X, y)
        assert classifier.predict_proba(X).shape == (len(X), 9)
        regressor = RNNRegressor((8,), cell=cell, solver="lbfgs", max_iter=3, random_state=0).fit(X, y)
        for model in (classifier, regressor):
            np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def check_search() -> None:
    """Raise unless a grid search over a pipeline finds something."""
    X, y = load_sunspots(return_X_y=True)
    model = make_pipeline(StandardScaler(), SlidingWindow(), RNNRegressor((4,), solver="lbfgs", random_state=0))
    grid = {"slidingwindow__n_timesteps": [6, 12], "rnnregressor__cell": ["rnn", "gru"]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(3), error_score="raise").fit(X, y)
    assert search.best_score_ > 0.6
    assert search.predict(X).shape == y.shape


def main() -> None:
    """Run the checks."""
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ConvergenceWarning)
    check_installation()
    check_modules()
    check_estimators()
    check_search()
    print(f"skrnn {skrnn.__version__} works")


if __name__ == "__main__":
    main()
