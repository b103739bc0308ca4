"""Tests of finding the network inside other estimators."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.plotting._matplotlib import final_network, split_network

X = np.random.default_rng(0).normal(size=(30, 2))
Y = X.sum(axis=1)
NETWORK = RNNRegressor((2,), solver="lbfgs", tol=0.05, random_state=0)


def test_a_network_is_itself():
    fitted = NETWORK.fit(X, Y)
    transformers, network = split_network(fitted)
    assert (transformers, network) == ([], fitted)


def test_a_pipeline_of_one_step_has_no_transformers():
    pipeline = make_pipeline(NETWORK).fit(X, Y)
    assert split_network(pipeline) == ([], pipeline[-1])


@pytest.mark.parametrize("wrap", [lambda p: p, lambda p: GridSearchCV(p, {"network__alpha": [0.1, 1.0]}, cv=2)])
@pytest.mark.parametrize("scales_targets", [False, True])
def test_transformers_prepare_what_the_network_reads(wrap, scales_targets):
    pipeline = Pipeline([("scale", StandardScaler()), ("window", SlidingWindow(3)), ("network", NETWORK)])
    model = wrap(pipeline)
    if scales_targets:
        model = TransformedTargetRegressor(model, func=np.negative, inverse_func=np.negative)
    model.fit(X, Y)
    transformers, network = split_network(model)
    prepared = X
    for transformer in transformers:
        prepared = transformer.transform(prepared)
    assert final_network(model) is network
    np.testing.assert_array_equal(network.predict(prepared), (-1 if scales_targets else 1) * model.predict(X))


def test_pipelines_in_pipelines_are_gone_through_in_order():
    inner = make_pipeline(SlidingWindow(3), NETWORK)
    outer = make_pipeline(FunctionTransformer(np.sign), inner).fit(X, Y)
    transformers, network = split_network(outer)
    prepared = transformers[1].transform(transformers[0].transform(X))
    np.testing.assert_array_equal(network.predict(prepared), outer.predict(X))


@pytest.mark.parametrize("estimator", [NETWORK.__class__(), make_pipeline(StandardScaler(), RNNRegressor())])
def test_not_fitted(estimator):
    with pytest.raises(NotFittedError):
        final_network(estimator)


def test_no_network_in_it():
    with pytest.raises(TypeError, match="estimator is of type Ridge; expected an RNNRegressor"):
        final_network(Ridge().fit(X, Y))
    with pytest.raises(TypeError, match="of type Pipeline that ends in Ridge"):
        final_network(make_pipeline(StandardScaler(), Ridge()).fit(X, Y))
    search = GridSearchCV(NETWORK, {"alpha": [0.1, 1.0]}, cv=2, refit=False).fit(X, Y)
    with pytest.raises(TypeError, match=r"of type GridSearchCV; .* a search \(with refit\)"):
        final_network(search)
