"""Windows as read by a composite estimator, and in the form that the estimator inside requires."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, get_tags
from sklearn.utils.validation import validate_data

from skrnn._inputs._messages import naming
from skrnn._inputs._values import refuse_masked
from skrnn.estimators._sequence_format import is_list_of_arrays

_EXPECTED_X = (
    "real numbers in an array (n_samples, n_timesteps, n_features), a 2-D array (n_samples, n_timesteps) of one "
    "feature, or a list of arrays (n_timesteps, n_features)"
)


def learn_features(estimator: Any, X: Any, sequences: NDArray[Any]) -> None:
    """Let an estimator learn number and names of the features of X: columns of a table, or features per timestep.

    A fit calls it last, because nothing may fail afterwards.
    """
    estimator.__dict__.pop("feature_names_in_", None)
    if _is_table(X):
        validate_data(estimator, X, skip_check_array=True)
    else:
        estimator.n_features_in_ = sequences.shape[2]
    estimator._n_features = sequences.shape[2]


def read_known_sequences(estimator: Any, X: Any) -> NDArray[np.floating]:
    """Return sequences like `read_sequences`; raise ValueError if their features differ from those of fit."""
    sequences = read_sequences(X)
    if sequences.shape[2] != estimator._n_features:
        raise ValueError(
            f"X has {sequences.shape[2]} features per timestep, but {type(estimator).__name__} was fitted with "
            f"{estimator._n_features}."
        )
    if _is_table(X) and (estimator.n_features_in_ > 1 or hasattr(estimator, "feature_names_in_")):
        validate_data(estimator, X, reset=False, skip_check_array=True)
    return sequences


def _is_table(X: Any) -> bool:
    """Tell whether X is a 2-D array or data frame, whose columns are timesteps."""
    return not is_list_of_arrays(X) and (X if hasattr(X, "ndim") else np.asarray(X)).ndim == 2


def read_sequences(X: Any) -> NDArray[np.floating]:
    """Return sequences as an array (n_samples, n_timesteps, n_features); those of a list padded at the beginning."""
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
    """Return sequences of any lengths in one array, aligned at their ends."""
    n_timesteps = max(len(sequence) for sequence in sequences)
    aligned = np.full((len(sequences), n_timesteps, sequences[0].shape[1]), np.nan, np.result_type(*sequences))
    for sample, sequence in enumerate(sequences):
        aligned[sample, n_timesteps - len(sequence) :] = sequence
    return aligned


def takes_sequences(estimator: Any) -> bool:
    """Tell whether an estimator, or one among its parameters, accepts 3-D arrays."""
    held = [estimator, *estimator.get_params(deep=True).values()]
    return any(hasattr(part, "fit") and get_tags(part).input_tags.three_d_array for part in held)


def in_form_for(estimator: Any, sequences: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the sequences, or for an estimator of tables the sequences with concatenated timesteps."""
    return sequences if takes_sequences(estimator) else sequences.reshape(len(sequences), -1)
