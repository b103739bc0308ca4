"""Tests of the estimators inside scikit-learn's pipelines and searches, from the table to the prediction."""

import tracemalloc

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    TimeSeriesSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import MetadataRequest

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
@pytest.mark.axis("n_jobs", [None, 2], quick=[None])
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
    # Rows that windows share count once for the scale of the features; windows[weights == 1] has copies of them.
    network = make_regressor(normalize_X=False)
    windows = SlidingWindow(n_timesteps=3).fit_transform(X[:, 0])
    weighted = make_pipeline(SlidingWindow(n_timesteps=3), clone(network))
    weighted.fit(X[:, 0], y, rnnregressor__sample_weight=weights)
    assert_same_fit(weighted[-1], network.fit(windows[weights == 1], y[weights == 1]), rtol=1e-9, atol=1e-12)


# Windows of a long series are never copied


@pytest.mark.parametrize("dilation", [1, 3])
def test_windows_are_read_in_place(dilation):
    series = np.random.default_rng(0).normal(size=(100, 3))
    windows = SlidingWindow(n_timesteps=7, dilation=dilation).fit_transform(series)
    sequences = from_array(windows)
    assert np.shares_memory(sequences.rows, windows)
    assert np.shares_memory(from_array(windows[20:]).rows, windows)


@pytest.mark.thorough
def test_memory_of_predictions_of_windows():
    series = np.random.default_rng(0).normal(size=(1_000_000, 4)).astype(np.float32)
    model = make_pipeline(SlidingWindow(n_timesteps=100), make_regressor(hidden_layer_sizes=(2,), max_iter=1))
    model.fit(series[:200], series[:200].sum(axis=1))
    tracemalloc.start()
    try:
        model.predict(series)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * series.nbytes  # the padded copy, the predictions, and workspaces of a fixed size


@pytest.mark.axis("n_rows", [200_000], quick=[60_000])
@pytest.mark.axis("method", ["predict", "fit"])
def test_memory_of_a_long_series(n_rows, method):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(n_rows, 4))
    y = series.sum(axis=1)
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
    assert peak < 2 * series.nbytes + 300 * n_rows


# Context and groups


class Sum(RegressorMixin, BaseEstimator):
    """A regressor that learns nothing: it predicts a sum that tells one window from another."""

    def fit(self, X, y):
        self.weights_ = np.sqrt(np.arange(2, 2 + X[0].size))
        return self

    def predict(self, X):
        return np.nan_to_num(X).reshape(len(X), -1) @ self.weights_


class ScoreWithGroups:
    """A scorer that hands groups on to the score of a pipeline."""

    def get_metadata_routing(self):
        request = MetadataRequest(owner="ScoreWithGroups")
        request.score.add_request(param="groups", alias=True)
        return request

    def __call__(self, model, X, y, groups):
        return model.score(X, y, groups=groups)


#: Ways to score with groups; None is the pipeline's own score.
SCORINGS_WITH_GROUPS = [
    pytest.param(
        None,
        marks=pytest.mark.skipif(
            tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8),
            reason="the default scorer of older versions routes nothing through a pipeline",
        ),
    ),
    ScoreWithGroups(),
]


def sum_windows(windows):
    return Sum().fit(windows, None).predict(windows)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def panel():
    """(X, groups, what `Sum` makes of the windows within groups) of six groups that take turns as chance wants."""
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(90, 2)), rng.integers(0, 6, size=90)
    return X, groups, sum_windows(SlidingWindow(4).fit_transform(X, groups=groups))


@pytest.mark.parametrize("carry_context", [True, False])
def test_context_in_cross_validation(carry_context):
    X = np.random.default_rng(0).normal(size=(60, 2)).cumsum(axis=0)
    y = sum_windows(SlidingWindow(8).fit_transform(X))  # what one predicts who sees the whole past
    model = make_pipeline(SlidingWindow(8, carry_context=carry_context), Sum())
    scores = cross_validate(model, X, y, cv=TimeSeriesSplit(4), return_train_score=True, error_score="raise")
    np.testing.assert_allclose(scores["train_score"], 1.0)  # training rows do not see the end of themselves
    if carry_context:
        np.testing.assert_allclose(scores["test_score"], 1.0)
    else:
        assert scores["test_score"].max() < 0.999


def test_context_behind_a_scaler():
    X, y = load_sunspots(return_X_y=True)
    model = make_pipeline(StandardScaler(), SlidingWindow(12, carry_context=True), make_regressor()).fit(
        X[:220], y[:220]
    )
    whole = model.predict(X)  # begins with the rows of fit, and so without context
    np.testing.assert_allclose(model.predict(X[:220]), whole[:220], rtol=1e-10)
    np.testing.assert_allclose(model.predict(X[220:]), whole[220:], rtol=1e-10)


def test_groups_are_routed_through_a_pipeline(routing, panel):
    X, groups, y = panel
    windows = SlidingWindow(4).set_fit_request(groups=True).set_transform_request(groups=True)
    model = make_pipeline(windows, Sum())
    model.fit(X, y, groups=groups)
    np.testing.assert_allclose(model.predict(X, groups=groups), y)
    np.testing.assert_allclose(model[:-1].fit_transform(X, groups=groups), windows.fit_transform(X, groups=groups))
    assert model.score(X, y, groups=groups) == pytest.approx(1.0)


@pytest.mark.parametrize("scoring", SCORINGS_WITH_GROUPS)
def test_groups_are_routed_through_a_search(routing, panel, scoring):
    X, groups, y = panel
    windows = SlidingWindow(4).set_fit_request(groups=True).set_transform_request(groups=True)
    model = make_pipeline(windows, Sum())
    grid = {"slidingwindow__padding": ["mask", "edge"], "slidingwindow__n_timesteps": [3, 4]}
    # GroupKFold asks for groups too: a fold is made of whole groups, whose windows are those of the whole table.
    search = GridSearchCV(model, grid, cv=GroupKFold(3), scoring=scoring, error_score="raise")
    search.fit(X, y, groups=groups)
    assert search.best_params_ == {"slidingwindow__padding": "mask", "slidingwindow__n_timesteps": 4}
    assert search.best_score_ == pytest.approx(1.0)
    np.testing.assert_allclose(search.best_estimator_.predict(X, groups=groups), y)


@pytest.mark.parametrize("scoring", SCORINGS_WITH_GROUPS)
@pytest.mark.parametrize("cv", [GroupKFold(3), TimeSeriesSplit(3)])
def test_groups_and_context_are_routed_through_cross_validation(routing, panel, cv, scoring):
    X, groups, y = panel
    windows = SlidingWindow(4, carry_context=True).set_fit_request(groups=True).set_transform_request(groups=True)
    scores = cross_validate(
        make_pipeline(windows, Sum()),
        X,
        y,
        cv=cv,
        scoring=scoring,
        params={"groups": groups},
        return_train_score=True,
        error_score="raise",
    )
    np.testing.assert_allclose(scores["test_score"], 1.0)
    np.testing.assert_allclose(scores["train_score"], 1.0)


def test_scorer_that_predicts_without_groups_is_told(routing, panel):
    X, groups, y = panel
    windows = SlidingWindow(4).set_fit_request(groups=True).set_transform_request(groups=True)
    model = make_pipeline(windows, Sum())
    with pytest.warns(UserWarning, match="SlidingWindow was fitted with 4 groups, but transform got none"):
        cross_val_score(model, X, y, cv=GroupKFold(3), scoring="r2", params={"groups": groups}, error_score="raise")


def test_groups_as_a_parameter_of_fit(panel):
    X, groups, y = panel
    model = make_pipeline(SlidingWindow(4, carry_context=True), Sum()).fit(X, y, slidingwindow__groups=groups)
    assert model[0].n_groups_ == 6
    np.testing.assert_allclose(model[-1].predict(model[0].transform(X, groups=groups)), y)
    search = GridSearchCV(model, {"slidingwindow__n_timesteps": [4]}, cv=3, refit=False, error_score="raise")
    with pytest.warns(UserWarning, match="SlidingWindow was fitted with 6 groups, but transform got none"):
        search.fit(X, y, slidingwindow__groups=groups)


@pytest.mark.parametrize(("cv", "asks_for_groups"), [(GroupKFold(3), True), (TimeSeriesSplit(3), False)])
def test_group_column_needs_no_routing(panel, cv, asks_for_groups):
    X, groups, y = panel
    model = make_pipeline(SlidingWindow(4, group_column=-1, carry_context=True), Sum())
    for_splitter = {"groups": groups} if asks_for_groups else {}
    scores = cross_val_score(model, np.column_stack([X, groups]), y, cv=cv, scoring="r2", **for_splitter)
    np.testing.assert_allclose(scores, 1.0)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_table_of_shops(library, panel):
    module = pytest.importorskip(library)
    X, groups, _ = panel
    shops = np.array(["north", "south", "east", "west", "old town", "harbour"])[groups]
    table = module.DataFrame({"shop": shops, "sales": X[:, 0], "visits": X[:, 1]})
    y = SlidingWindow(3, padding="zero").fit_transform(X, groups=groups)[:, 0, 0]  # the sales of two days before
    scale = ColumnTransformer(
        [("scale", StandardScaler(), ["sales", "visits"])], remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform=library)
    model = make_pipeline(
        scale, SlidingWindow(3, group_column="shop", padding="zero"), make_regressor(solver="lbfgs", max_iter=200)
    )
    assert model.fit(table, y).score(table, y) > 0.9
