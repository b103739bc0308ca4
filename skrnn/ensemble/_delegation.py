"""Passing rows, weights and metadata from an estimator to the estimators inside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import is_regressor

# Private, as scikit-learn has no public form of them: the rows of whatever X is, and parameters of named estimators.
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import _BaseComposition

from skrnn._inputs._weights import weights_for

#: The base class of an estimator whose parameter is a list of (name, estimator).
NamedEstimators = _BaseComposition


def is_regressor_instance(value: Any) -> bool:
    """Tell whether a value is an instance of a regressor."""
    return not isinstance(value, type) and hasattr(value, "fit") and is_regressor(value)


def make_router(owner: Any, parts: Mapping[str, Any]) -> MetadataRouter:
    """Return the router of an estimator that passes metadata of `fit` and `predict` to these parts."""
    mapping = MethodMapping().add(caller="fit", callee="fit").add(caller="predict", callee="predict")
    return MetadataRouter(owner=owner).add(method_mapping=mapping, **parts)


def fit_arguments(
    owner: Any, parts: Mapping[str, Any], sample_weight: Any, params: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the arguments for `fit` of each part: those that it requests, or without routing its weights."""
    if sklearn.get_config()["enable_metadata_routing"]:
        given = params if sample_weight is None else {**params, "sample_weight": sample_weight}
        routed = process_routing(owner, "fit", **given)
        return {name: dict(routed[name].fit) for name in parts}
    _refuse(owner, "fit", params)
    return {name: weights_for(part, sample_weight) for name, part in parts.items()}


def predict_arguments(owner: Any, parts: Mapping[str, Any], params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments for `predict` of each part."""
    if sklearn.get_config()["enable_metadata_routing"]:
        routed = process_routing(owner, "predict", **params)
        return {name: dict(routed[name].predict) for name in parts}
    _refuse(owner, "predict", params)
    return {name: {} for name in parts}


def predict_arguments_of_fit(owner: Any, parts: Mapping[str, Any], params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments for `predict` of each part on the rows of fit, from the metadata of `fit`."""
    consumed = owner.get_metadata_routing().consumes("predict", params) if params else ()
    return predict_arguments(owner, parts, {name: params[name] for name in consumed})


def _refuse(owner: Any, method: str, params: dict[str, Any]) -> None:
    """Raise if there are metadata without metadata routing."""
    if params:
        raise ValueError(
            f"{method} of {type(owner).__name__} got {sorted(params)}; expected metadata only with metadata routing, "
            "sklearn.set_config(enable_metadata_routing=True), if its estimators request them."
        )


def take(values: Any, rows: NDArray[np.intp] | slice) -> Any:
    """Return rows of an array, a data frame or a list."""
    if not isinstance(rows, slice) and len(rows) and (np.diff(rows) == 1).all():
        rows = slice(int(rows[0]), int(rows[-1]) + 1)  # a view of windows remains one
    return _safe_indexing(values, rows)


def take_arguments(arguments: dict[str, Any], rows: NDArray[np.intp] | slice, n_samples: int) -> dict[str, Any]:
    """Return arguments in which those with one entry per sample are restricted to these rows."""
    return {
        name: take(value, rows) if np.iterable(value) and len(value) == n_samples else value  # type: ignore[arg-type]
        for name, value in arguments.items()
    }
