"""Tests that warnings point to the line that called skrnn, through any number of its functions."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn import RNNClassifier, RNNRegressor
from skrnn._inputs._messages import warn

X = np.random.default_rng(0).normal(size=(12, 5, 2))
Y = X[:, -1, 0]


def fit(model):
    return model.fit(X, Y > 0.0 if isinstance(model, RNNClassifier) else Y)


def files_warned_of(call):
    """Return the files that warnings point to."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return {warning.filename for warning in caught}


def test_warn_points_to_its_caller_outside_of_the_package():
    assert files_warned_of(lambda: warn("words")) == {__file__}


def test_category():
    with pytest.warns(RuntimeWarning, match="words"):
        warn("words", RuntimeWarning)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: fit(RNNRegressor((2,), max_iter=1)), id="fit does not converge"),
        pytest.param(lambda: fit(RNNClassifier((2,), max_iter=1)), id="classifier"),
        pytest.param(lambda: RNNRegressor((2,), batch_size=99).partial_fit(X, Y), id="batch is clipped"),
        pytest.param(lambda: RNNClassifier((2,), batch_size=99).partial_fit(X, Y > 0, classes=[0, 1]), id="of classes"),
        pytest.param(
            lambda: make_pipeline(FunctionTransformer(), RNNRegressor((2,), max_iter=1)).fit(X[:, :, 0], Y),
            id="pipeline",
        ),
        pytest.param(lambda: cross_val_score(RNNRegressor((2,), max_iter=1), X, Y, cv=2), id="search"),
    ],
)
def test_warnings_point_to_the_caller(call):
    assert files_warned_of(call) == {__file__}


@pytest.mark.parametrize("method", ["predict", "score", "hidden_states"])
def test_warnings_of_predictions_point_to_the_caller(method):
    model = RNNRegressor((2,), activation="relu", solver="lbfgs", tol=0.1, random_state=0).fit(X, Y)
    model.input_weights_ = [np.full_like(weights, 1e300) for weights in model.input_weights_]
    arguments = (X * 1e200, Y) if method == "score" else (X * 1e200,)
    assert files_warned_of(lambda: getattr(model, method)(*arguments)) == {__file__}
