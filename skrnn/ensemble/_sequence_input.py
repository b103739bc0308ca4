"""Windows as an estimator around another one reads them, and as the other one wants them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, get_tags

from skrnn._inputs._naming import naming
from skrnn._inputs._values import refuse_masked
from skrnn.estimators._sequence_format import is_list_of_arrays

_EXPECTED_X = (
    "real numbers in an array (n_samples, n_timesteps, n_features), a 2-D array (n_samples, n_timesteps) of one "
    "feature, or a list of arrays (n_timesteps, n_features)"
)


def read_sequences(X: Any) -> NDArray[np.floating]:
    """Return sequences as an array (n_samples, n_timesteps, n_features): of a list, behind masked timesteps."""
    refuse_masked(X, "X")
    with naming("X", _EXPECTED_X):
        if is_list_of_arrays(X):
            return _aligned([_read(np.reshape(entry, (len(entry), -1))) for entry in X])
        array = _read(X)
        return array if array.ndim == 3 else array[:, :, np.newaxis]


def _read(values: Any) -> NDArray[np.floating]:
    """Return an array of real numbers, without a copy if it is one."""
    dtypes = [np.float64, np.float32]
    return np.asarray(check_array(values, dtype=dtypes, allow_nd=True, ensure_all_finite="allow-nan"))


def _aligned(sequences: list[NDArray[Any]]) -> NDArray[np.floating]:
    """Return sequences of any lengths, which end together."""
    n_timesteps = max(len(sequence) for sequence in sequences)
    aligned = np.full((len(sequences), n_timesteps, sequences[0].shape[1]), np.nan, np.result_type(*sequences))
    for sample, sequence in enumerate(sequences):
        aligned[sample, n_timesteps - len(sequence) :] = sequence
    return aligned


def takes_sequences(estimator: Any) -> bool:
    """Tell whether an estimator, or one that its parameters hold, reads arrays of three dimensions."""
    held = [estimator, *estimator.get_params(deep=True).values()]
    return any(hasattr(part, "fit") and get_tags(part).input_tags.three_d_array for part in held)


def in_form_for(estimator: Any, sequences: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return sequences as they are, or for an estimator of tables with one timestep beside the other."""
    return sequences if takes_sequences(estimator) else sequences.reshape(len(sequences), -1)
