"""Tests of the estimators inside scikit-learn's pipelines and searches, from the table to the prediction."""

import tracemalloc

import numpy as np
import pytest
from sklearn.model_selection import (
    GridSearchCV,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.sequences._ragged import from_array
from tests.estimators.tasks import assert_same_fit, make_classification_task, make_regression_task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make_regressor(**parameters):
    return RNNRegressor(
        **{"hidden_layer_sizes": (4,), "solver": "lbfgs", "max_iter": 30, "random_state": 0, **parameters}
    )


@pytest.mark.filterwarnings("ignore:os.fork:DeprecationWarning")
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_search_over_windows_and_cells(n_jobs, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # of the workers, which do not share this process's filters
    X, y = load_sunspots(return_X_y=True)
    model = make_pipeline(StandardScaler(), SlidingWindow(), RNNRegressor(solver="lbfgs", random_state=0, max_iter=20))
    search = GridSearchCV(
        model,
        {
            "slidingwindow__n_timesteps": [6, 12],
            "rnnregressor__cell": ["rnn", "gru"],
            "rnnregressor__hidden_layer_sizes": [(4,)],
        },
        cv=TimeSeriesSplit(3),
        n_jobs=n_jobs,
        error_score="raise",
    )
    predictions = search.fit(X, y).predict(X)
    assert predictions.shape == (len(X),)
    assert search.best_score_ > 0.5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_workers_give_the_same_result(monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    X, y = make_regression_task()
    grid = {"cell": ["rnn", "gru", "lstm"]}
    alone, shared = (GridSearchCV(make_regressor(), grid, cv=3, n_jobs=n).fit(X, y) for n in (None, 2))
    np.testing.assert_allclose(alone.cv_results_["mean_test_score"], shared.cv_results_["mean_test_score"], rtol=1e-9)


@pytest.mark.parametrize("padding", ["mask", "edge", "zero"])
def test_one_prediction_a_row(padding):
    X, y = load_sunspots(return_X_y=True)
    model = make_pipeline(StandardScaler(), SlidingWindow(n_timesteps=12, padding=padding), make_regressor())
    predictions = model.fit(X[:220], y[:220]).predict(X[220:])
    assert predictions.shape == (len(X) - 220,)
    assert np.isfinite(predictions).all()
    assert model.score(X[232:], y[232:]) > 0.6


def test_first_rows_see_only_what_there_is():
    X, y = make_regression_task(n_samples=30, n_timesteps=1)
    X = X[:, 0]
    model = make_pipeline(SlidingWindow(n_timesteps=4), make_regressor()).fit(X, y)
    network = model[-1]
    for t in range(4):
        np.testing.assert_allclose(model.predict(X)[t], network.predict(X[np.newaxis, : t + 1])[0], rtol=1e-12)


def test_flattened_windows_are_the_windows():
    X, y = make_regression_task(n_samples=30, n_timesteps=1)
    X = X[:, 0]
    windows = make_pipeline(SlidingWindow(n_timesteps=4), make_regressor())
    flat = make_pipeline(SlidingWindow(n_timesteps=4, flatten=True), make_regressor(n_timesteps=4))
    assert_same_fit(windows.fit(X, y)[-1], flat.fit(X, y)[-1])
    np.testing.assert_array_equal(windows.predict(X), flat.predict(X))


def test_cross_validation_of_sequences():
    X, y = make_regression_task(n_samples=60)
    assert cross_val_score(make_regressor(max_iter=200), X, y, cv=3).min() > 0.7
    assert cross_val_predict(make_regressor(), X, y, cv=3).shape == y.shape


def test_cross_validated_probabilities():
    X, y = make_classification_task()
    model = RNNClassifier((5,), max_iter=20, random_state=0)
    probabilities = cross_val_predict(model, X, y, cv=3, method="predict_proba")
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


def test_scorers_of_probabilities():
    X, y = make_classification_task()
    model = RNNClassifier((5,), solver="lbfgs", random_state=0)
    assert cross_val_score(model, X, y, cv=3, scoring="neg_log_loss").max() < 0
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc_ovr").min() > 0.7


def test_sample_weight_through_a_pipeline():
    X, y = make_regression_task(n_samples=30, n_timesteps=1)
    weights = np.arange(30) % 2
    model = make_pipeline(SlidingWindow(n_timesteps=3), make_regressor())
    windows = SlidingWindow(n_timesteps=3).fit_transform(X[:, 0])
    weighted = model.fit(X[:, 0], y, rnnregressor__sample_weight=weights)
    assert_same_fit(weighted[-1], make_regressor().fit(windows[weights == 1], y[weights == 1]), rtol=1e-9, atol=1e-12)


# Windows of a long series are never copied


@pytest.mark.parametrize("dilation", [1, 3])
def test_windows_are_read_in_place(dilation):
    series = np.random.default_rng(0).normal(size=(100, 3))
    windows = SlidingWindow(n_timesteps=7, dilation=dilation).fit_transform(series)
    sequences = from_array(windows)
    assert np.shares_memory(sequences.rows, windows)
    assert np.shares_memory(from_array(windows[20:]).rows, windows)


def test_memory_of_predictions_of_windows():
    series = np.random.default_rng(0).normal(size=(1_000_000, 4)).astype(np.float32)
    model = make_pipeline(SlidingWindow(n_timesteps=100), make_regressor(hidden_layer_sizes=(2,), max_iter=1))
    model.fit(series[:200], series[:200, 0])
    tracemalloc.start()
    try:
        model.predict(series)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * series.nbytes  # the padded copy, the predictions, and workspaces of a fixed size


@pytest.mark.parametrize("n_rows", [200_000])
@pytest.mark.parametrize("method", ["predict", "fit"])
def test_memory_of_a_long_series(n_rows, method):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(n_rows, 4))
    y = series[:, 0]
    settings = {"solver": "adam", "batch_size": 1000, "max_iter": 1} if method == "fit" else {"max_iter": 1}
    model = make_pipeline(SlidingWindow(n_timesteps=50), make_regressor(hidden_layer_sizes=(2,), **settings))
    if method == "predict":
        model.fit(series[:200], y[:200])
    tracemalloc.start()
    try:
        model.predict(series) if method == "predict" else model.fit(series, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * series.nbytes + 60e6
