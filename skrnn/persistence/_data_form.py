"""What a fit has learnt about the form of X and y: all that checkpoints know of how estimators do it."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from skrnn.persistence._archive import require, take

#: What the description says about it, as in `skrnn.persistence._contents`.
FORM_FIELDS: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "n_features_in": (int, lambda fitted, state: fitted.n_features_in_),
    "columns_are_timesteps": (bool, lambda fitted, state: fitted._columns_are_timesteps),  # X is 2-D
    "has_feature_names": (bool, lambda fitted, state: hasattr(fitted, "feature_names_in_")),
    "n_target_columns": ((int, None), lambda fitted, state: fitted._target_encoder().n_targets),  # of y, if it is 2-D
}


def labels(estimator: Any) -> dict[str, np.ndarray]:
    """Return the names of features and the classes, or raise TypeError for classes that cannot be stored."""
    arrays = {}
    if hasattr(estimator, "feature_names_in_"):
        arrays["feature_names"] = estimator.feature_names_in_.astype(str)
    if hasattr(estimator, "classes_"):
        arrays["classes"] = estimator.classes_
        if estimator.classes_.dtype.kind not in "biufU":
            raise TypeError(f"classes are of dtype {estimator.classes_.dtype}; expected numbers or strings.")
    return arrays


def learn_form(estimator: Any, form: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> tuple[int, Any]:
    """Let an estimator know the form of X that is described, and return features per timestep and encoder of y."""
    n_features_in, n_columns = form["n_features_in"], form["n_target_columns"]
    require(n_features_in > 0 and n_columns != 0, "its X has no features, or its y no columns")
    n_folded = (estimator.n_timesteps or n_features_in) if form["columns_are_timesteps"] else 1
    require(n_features_in % n_folded == 0, f"its {n_features_in} features do not fold into {n_folded} timesteps")
    estimator.n_features_in_ = n_features_in
    estimator._columns_are_timesteps = form["columns_are_timesteps"]
    if form["has_feature_names"]:
        names = take(arrays, "feature_names", None, (n_features_in,))
        require(names.dtype.kind == "U", f"its feature_names are of dtype {names.dtype}")
        estimator.feature_names_in_ = names.astype(object)
    encoder, classes = estimator._encoder_type.new(estimator), None
    if encoder.has_classes:
        classes = take(arrays, "classes", None, None if n_columns is None else (n_columns,))
        require(len(classes) > 0, "it has no classes")
    encoder = encoder.with_form(n_columns, classes)
    is_same = classes is None or (encoder.classes.dtype == classes.dtype and np.array_equal(encoder.classes, classes))
    require(is_same, "its classes are none that a fit finds")
    return n_features_in // n_folded, encoder
