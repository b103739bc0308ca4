"""Windows as an estimator around another one reads them, and as the other one wants them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, get_tags
from sklearn.utils.validation import validate_data

from skrnn._inputs._naming import naming
from skrnn._inputs._values import refuse_masked
from skrnn.estimators._sequence_format import is_list_of_arrays

_EXPECTED_X = (
    "real numbers in an array (n_samples, n_timesteps, n_features), a 2-D array (n_samples, n_timesteps) of one "
    "feature, or a list of arrays (n_timesteps, n_features)"
)


def learn_features(estimator: Any, X: Any, sequences: NDArray[Any]) -> None:
    """Let an estimator know how many features X has, and their names: of a table its columns, else those of a timestep.

    It is the last thing that a fit does, for nothing else may go wrong afterwards.
    """
    estimator.__dict__.pop("feature_names_in_", None)
    if _is_table(X):
        validate_data(estimator, X, skip_check_array=True)
    else:
        estimator.n_features_in_ = sequences.shape[2]
    estimator._n_features = sequences.shape[2]


def read_known_sequences(estimator: Any, X: Any) -> NDArray[np.floating]:
    """Return sequences as `read_sequences` does; raise ValueError where they have other features than in fit."""
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
    """Tell whether X is an array or frame of two dimensions, whose columns are timesteps."""
    return not is_list_of_arrays(X) and (X if hasattr(X, "ndim") else np.asarray(X)).ndim == 2


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
