"""Tests of the examples that need no plotting."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="module")
def comparison():
    spec = importlib.util.spec_from_file_location("feature_comparison", EXAMPLES / "feature_comparison.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def search(comparison):
    """Return the example's search with a tiny grid, fitted on a few years."""
    sunspots = load_sunspots()
    families = [
        (Ridge(), {"alpha": [1.0, 10.0]}),
        (RNNRegressor((2,), solver="lbfgs", tol=1.0, random_state=0), {"cell": ["rnn", "gru"]}),
    ]
    search = comparison.make_search(families, lengths=(2, 3), n_splits=2)
    return search.fit(sunspots.data[:60], sunspots.target[:60])


def test_every_setting_of_every_family_is_scored(search):
    assert len(search.cv_results_["params"]) == 8
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_all_families_of_the_example_are_in_its_grid(comparison):
    models = {type(model).__name__ for grid in comparison.make_search().param_grid for model in grid["model"]}
    assert models == {"Ridge", "HistGradientBoostingRegressor", "RNNRegressor"}


def test_the_network_folds_what_the_window_unfolded(comparison, search):
    for params in search.cv_results_["params"]:
        assert params.get("model__n_timesteps", params["window__n_timesteps"]) == params["window__n_timesteps"]
    params, _ = comparison.best_of_each_family(search)["RNNRegressor"]
    sunspots = load_sunspots()
    X, y = sunspots.data[:60], sunspots.target[:60]
    model = comparison.make_model(search, params).fit(X, y)
    sequences = SlidingWindow(params["window__n_timesteps"], padding="edge").fit_transform(model["scale"].transform(X))
    assert np.allclose(model["model"].predict(sequences), model.predict(X))


def test_best_of_each_family(comparison, search):
    best = comparison.best_of_each_family(search)
    assert set(best) == {"Ridge", "RNNRegressor"}
    errors = [error for _, error in best.values()]
    assert errors == sorted(errors)
    assert np.isclose(errors[0] * comparison.SCALE, -search.best_score_)


def test_models_of_the_grid_stay_unfitted(comparison, search):
    params, _ = comparison.best_of_each_family(search)["Ridge"]
    sunspots = load_sunspots()
    comparison.make_model(search, params).fit(sunspots.data[:20], sunspots.target[:20])
    assert not hasattr(params["model"], "coef_")
