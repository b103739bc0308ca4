"""Passing rows, weights and metadata from an estimator to the estimators inside it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import is_regressor
from sklearn.utils import _safe_indexing
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import has_fit_parameter

from skrnn._inputs._messages import naming
from skrnn._inputs._values import check_weights, refuse_masked


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
    return {name: _weights_for(part, sample_weight) for name, part in parts.items()}


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


def _weights_for(part: Any, sample_weight: Any) -> dict[str, Any]:
    """Return the argument that passes weights to an estimator; those of a pipeline go to its last step."""
    if sample_weight is None:
        return {}
    if hasattr(part, "steps"):
        name, last = part.steps[-1]
        return {f"{name}__{key}": value for key, value in _weights_for(last, sample_weight).items()}
    inner = getattr(part, "estimator", getattr(part, "regressor", None))
    if has_fit_parameter(part, "sample_weight"):
        return {"sample_weight": sample_weight}
    if inner is not None:
        return _weights_for(inner, sample_weight)
    raise TypeError(
        f"sample_weight is given, but {type(part).__name__}.fit does not accept it; expected an estimator that does."
    )


def read_weights(sample_weight: Any, n_samples: int) -> NDArray[np.float64]:
    """Return sample weights, (n_samples,), by default ones; raise if they are invalid."""
    if sample_weight is None:
        return np.ones(n_samples)
    refuse_masked(sample_weight, "sample_weight")
    with naming("sample_weight", f"{n_samples} numbers >= 0, one per sample"):
        weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_samples,):
        raise ValueError(f"sample_weight has shape {weights.shape}; expected {(n_samples,)}, one weight per sample.")
    check_weights(weights, "sample_weight")
    return weights


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
