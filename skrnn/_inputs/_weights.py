"""Sample weights, and the argument that passes them to an estimator."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from skrnn._inputs._messages import naming
from skrnn._inputs._values import check_weights, refuse_masked


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


def weights_for(estimator: Any, sample_weight: Any) -> dict[str, Any]:
    """Return the argument that passes weights to an estimator; those of a pipeline go to its last step."""
    if sample_weight is None:
        return {}
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        return {f"{name}__{key}": value for key, value in weights_for(last, sample_weight).items()}
    inner = getattr(estimator, "estimator", getattr(estimator, "regressor", None))
    if has_fit_parameter(estimator, "sample_weight"):
        return {"sample_weight": sample_weight}
    if inner is not None:
        return weights_for(inner, sample_weight)
    name = type(estimator).__name__
    raise TypeError(f"sample_weight is given, but {name}.fit does not accept it; expected an estimator that does.")
