"""Averages over samples and outputs, as scikit-learn's metrics take them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mean_of(values: NDArray[np.floating], sample_weight: Any, multioutput: Any) -> Any:
    """Return the mean of values (n_samples,) or (n_samples, n_outputs) over the samples, then over the outputs."""
    return over_outputs(np.atleast_1d(np.average(values, axis=0, weights=sample_weight)), multioutput)


def over_outputs(values: NDArray[np.floating], multioutput: Any) -> Any:
    """Return values of outputs, (n_outputs,), or their average."""
    if isinstance(multioutput, str):
        if multioutput not in ("raw_values", "uniform_average"):
            raise ValueError(
                f"multioutput is {multioutput!r}; expected 'raw_values', 'uniform_average' or a weight for each output."
            )
        return values if multioutput == "raw_values" else float(values.mean())
    return float(np.average(values, weights=multioutput))
