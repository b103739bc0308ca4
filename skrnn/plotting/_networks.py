"""The fitted network inside pipelines, searches and similar estimators."""

from typing import Any

from sklearn.utils.validation import check_is_fitted


def split_network(estimator: Any) -> tuple[list[Any], Any]:
    """Return the transformers before the network, in order, and the fitted network.

    Raises
    ------
    NotFittedError
        If the estimator has not been fitted.
    TypeError
        If it does not contain a recurrent network.
    """
    check_is_fitted(estimator)
    transformers, network = [], estimator
    while True:
        if hasattr(network, "best_estimator_"):  # a search
            network = network.best_estimator_
        elif hasattr(network, "steps"):  # a pipeline
            transformers += [network[:-1]] if len(network.steps) > 1 else []
            network = network.steps[-1][1]
        elif hasattr(network, "regressor_"):  # a TransformedTargetRegressor
            network = network.regressor_
        else:
            break
    if not hasattr(network, "recurrent_weights_"):
        raise TypeError(
            f"estimator is {_describe(estimator, network)}; expected an RNNRegressor or RNNClassifier, or a Pipeline, "
            "a search (with refit) or a TransformedTargetRegressor that ends in one."
        )
    return transformers, network


def final_network(estimator: Any) -> Any:
    """Return the fitted network, even inside other estimators."""
    return split_network(estimator)[1]


def _describe(estimator: Any, innermost: Any) -> str:
    """Return the class of an estimator, and that of its last step."""
    outer, inner = type(estimator).__name__, type(innermost).__name__
    return f"of type {outer}" if estimator is innermost else f"of type {outer} that ends in {inner}"
