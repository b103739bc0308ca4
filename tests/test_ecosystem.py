"""Tests of what scikit-learn offers an estimator beside fit and predict: routing, names, frames, display, tags."""

import re
from importlib import import_module

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from tests.estimators.tasks import assert_same_fit, make_ragged_task, make_regression_task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]


def make_regressor(**parameters):
    return RNNRegressor((3,), solver="lbfgs", max_iter=5, random_state=0, **parameters)


def make_weighted_series():
    """Return a series, targets and weights, of which some are zero."""
    X, y = make_regression_task(n_samples=40, n_timesteps=1)
    return X[:, 0], y, np.arange(40.0) % 3


# Metadata routing


@pytest.fixture
def routing():
    """Enable metadata routing."""
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_weights_reach_the_network_through_a_pipeline():
    X, y, weights = make_weighted_series()
    network = make_regressor().set_fit_request(sample_weight=True)
    routed = make_pipeline(SlidingWindow(3), network).fit(X, y, sample_weight=weights)
    assert_same_fit(routed[-1], make_regressor().fit(SlidingWindow(3).fit_transform(X), y, weights))


@pytest.mark.usefixtures("routing")
def test_weights_reach_fit_and_scorer_in_a_search():
    X, y, weights = make_weighted_series()
    model = make_pipeline(SlidingWindow(3), make_regressor().set_fit_request(sample_weight=True))
    search = GridSearchCV(
        model,
        {"rnnregressor__alpha": [0.01]},
        cv=TimeSeriesSplit(2),
        scoring=get_scorer("neg_mean_absolute_error").set_score_request(sample_weight=True),
        error_score="raise",
    ).fit(X, y, sample_weight=weights)
    for i, (train, test) in enumerate(TimeSeriesSplit(2).split(X)):
        model.set_params(rnnregressor__alpha=0.01).fit(X[train], y[train], sample_weight=weights[train])
        errors = np.abs(model.predict(X[test]) - y[test])
        expected = -np.average(errors, weights=weights[test])
        np.testing.assert_allclose(search.cv_results_[f"split{i}_test_score"], expected, rtol=1e-9)


@pytest.mark.usefixtures("routing")
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_weights_reach_score_in_a_search_over_lists(Estimator):
    X, y = make_ragged_task(Estimator)
    weights = np.arange(1.0, 1 + len(X))
    model = Estimator((3,), solver="lbfgs", max_iter=5, random_state=0)
    model.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    search = GridSearchCV(model, {"alpha": [0.01]}, cv=TimeSeriesSplit(2), error_score="raise")
    search.fit(X, y, sample_weight=weights)
    for i, (train, test) in enumerate(TimeSeriesSplit(2).split(X)):
        fitted = clone(model).set_params(alpha=0.01).fit([X[j] for j in train], y[train], weights[train])
        expected = fitted.score([X[j] for j in test], y[test], weights[test])
        np.testing.assert_allclose(search.cv_results_[f"split{i}_test_score"], expected, rtol=1e-9)


@pytest.mark.usefixtures("routing")
def test_weights_that_nobody_asked_for_are_an_error():
    X, y, weights = make_weighted_series()
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        make_pipeline(SlidingWindow(3), make_regressor()).fit(X, y, sample_weight=weights)


@pytest.mark.usefixtures("routing")
def test_validation_data_go_through_the_steps_before():
    X, y, _ = make_weighted_series()
    steps = [
        ("scale", StandardScaler()),
        ("windows", SlidingWindow(3)),
        ("network", make_regressor().set_fit_request(X_val=True, y_val=True)),
    ]
    piped = Pipeline(steps, transform_input=["X_val"]).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    before = clone(piped[:-1]).fit(X[:30])
    alone = make_regressor().fit(before.transform(X[:30]), y[:30], X_val=before.transform(X[30:]), y_val=y[30:])
    assert piped[-1].validation_loss_curve_ == alone.validation_loss_curve_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_requests_that_can_be_made(Estimator):
    requests = Estimator().get_metadata_routing()
    assert set(requests.fit.requests) == {"sample_weight", "X_val", "y_val", "sample_weight_val"}
    assert set(requests.score.requests) == {"sample_weight"}
    assert "sample_weight" in requests.partial_fit.requests


# Names and frames


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_through_a_pipeline(library):
    import_module(library)
    X, y = load_sunspots(return_X_y=True)
    table = import_module(library).DataFrame({"number": X[:, 0]})
    # Rows that windows share count once for the scale of the features; the table of lags has copies of them.
    windows, network = SlidingWindow(6, flatten=True), make_regressor(n_timesteps=6, normalize_X=False)
    model = make_pipeline(StandardScaler(), windows, network).set_output(transform=library).fit(table, y)
    assert list(network.feature_names_in_) == [*(f"number_t-{lag}" for lag in range(5, 0, -1)), "number"]
    assert list(model[:-1].get_feature_names_out()) == list(network.feature_names_in_)
    assert type(model[:-1].transform(table)) is import_module(library).DataFrame
    alone = make_pipeline(StandardScaler(), SlidingWindow(6), make_regressor(normalize_X=False)).fit(X, y)
    np.testing.assert_array_equal(model.predict(table), alone.predict(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_other_names_are_an_error_and_none_a_warning(library):
    X, y = make_regression_task(n_features=1)
    X = X[:, :, 0]
    frame = import_module(library).DataFrame({name: X[:, t] for t, name in enumerate("abcde")})
    model = make_regressor().fit(frame, y)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("bacde")])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


# Display


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_text_shows_what_was_changed(Estimator):
    text = repr(Estimator((7,), cell="gru", alpha=0.01))
    assert text == f"{Estimator.__name__}(cell='gru', hidden_layer_sizes=(7,))"


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_html_shows_what_was_changed(Estimator):
    html = Estimator((7,), cell="gru", alpha=0.01)._repr_html_()
    assert f"{Estimator.__name__}(cell=&#x27;gru&#x27;, hidden_layer_sizes=(7,))" in html
    if "parameters-table" in html:  # not yet in scikit-learn 1.6
        changed = re.findall(r"""<tr class="user-set">.*?copyToClipboard\('(\w+)'""", html, re.DOTALL)
        assert sorted(changed) == ["cell", "hidden_layer_sizes"]


def test_html_of_a_pipeline_names_its_steps():
    html = make_pipeline(SlidingWindow(3), RNNClassifier())._repr_html_()
    assert "SlidingWindow" in html
    assert "RNNClassifier" in html


# Tags


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_tags_of_input(Estimator):
    tags = get_tags(Estimator())
    assert tags.input_tags.two_d_array
    assert tags.input_tags.three_d_array
    assert tags.input_tags.allow_nan  # a whole timestep
    assert not tags.input_tags.sparse
    assert not tags.input_tags.string
    assert not tags.array_api_support
    assert tags.target_tags.required
    assert tags.requires_fit


def test_tags_of_targets():
    regressor, classifier = get_tags(RNNRegressor()), get_tags(RNNClassifier())
    assert (regressor.estimator_type, classifier.estimator_type) == ("regressor", "classifier")
    assert regressor.target_tags.multi_output
    assert not classifier.target_tags.multi_output  # several classes in each of several outputs
    assert classifier.classifier_tags.multi_class
    assert classifier.classifier_tags.multi_label


def test_tags_of_windows():
    tags = get_tags(SlidingWindow())
    assert tags.input_tags.two_d_array
    assert not tags.input_tags.three_d_array
    assert not tags.target_tags.required
