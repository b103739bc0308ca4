"""What a composite estimator reads, and what it passes on to the estimators inside it: windows, rows, metadata."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.base import is_regressor

# Private, because scikit-learn has no public form of them: rows of any X, and the parameters of named estimators.
from sklearn.utils import _safe_indexing, check_array, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_consistent_length, validate_data

from skrnn._inputs._frames import refuse_dates
from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._values import check_kind, real_numbers, refuse_masked, weights_for
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


def check_lengths(X: Any, y: NDArray[Any]) -> None:
    """Raise unless X has as many samples as y."""
    with naming("X", "as many samples as y"):
        check_consistent_length(X, y)


@settings_unchanged_on_error
def read_sequences(X: Any) -> NDArray[np.floating]:
    """Return sequences as an array (n_samples, n_timesteps, n_features); those of a list padded at the beginning."""
    refuse_masked(X, "X")
    with naming("X", _EXPECTED_X):
        if is_list_of_arrays(X):
            return _aligned([_read(np.reshape(entry, (len(entry), -1))) for entry in X])
        array = _read(X)
        if array.ndim > 3:
            raise ValueError(f"X has {array.ndim} dimensions.")
        return array if array.ndim == 3 else array[:, :, np.newaxis]


def _read(values: Any) -> NDArray[np.floating]:
    """Return an array of real numbers, without a copy if it is one."""
    refuse_dates(values, "X")
    array = check_array(values, allow_nd=True, ensure_all_finite=False, input_name="X")
    check_kind(array, "X")
    dtypes = [np.float64, np.float32]
    return np.asarray(check_array(array, dtype=dtypes, allow_nd=True, ensure_all_finite="allow-nan", input_name="X"))


def _aligned(sequences: list[NDArray[Any]]) -> NDArray[np.floating]:
    """Return sequences of any lengths in one array, aligned at their ends."""
    n_timesteps = max(len(sequence) for sequence in sequences)
    aligned = np.full((len(sequences), n_timesteps, sequences[0].shape[1]), np.nan, np.result_type(*sequences))
    for sample, sequence in enumerate(sequences):
        aligned[sample, n_timesteps - len(sequence) :] = sequence
    return aligned


def in_form_for(estimator: Any, sequences: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the sequences, or with concatenated timesteps unless the estimator, or one inside it, accepts 3-D X."""
    held = [estimator, *estimator.get_params(deep=True).values()]
    reads_3d = any(hasattr(part, "fit") and get_tags(part).input_tags.three_d_array for part in held)
    return sequences if reads_3d else sequences.reshape(len(sequences), -1)


def read_targets(y: Any) -> NDArray[np.floating]:
    """Return targets as an array of float64, (n_samples,) or (n_samples, n_outputs)."""
    refuse_masked(y, "y")
    with naming("y", "real numbers of shape (n_samples,) or (n_samples, n_outputs)"):
        if y is None:
            raise ValueError("This estimator requires y to be passed, but the target y is None.")
        targets = real_numbers(y, "y")
        if targets.ndim == 0 or targets.size == 0:
            raise ValueError(f"y has shape {targets.shape}.")
        return targets


def learn_from_inner(owner: Any, fitted: Any, *names: str) -> None:
    """Let an estimator have those of these fitted attributes that an estimator inside it has, and no others."""
    for name in names:
        owner.__dict__.pop(name, None)
        if hasattr(fitted, name):
            setattr(owner, name, getattr(fitted, name))


#: The base class of an estimator whose parameter is a list of (name, estimator).
NamedEstimators = _BaseComposition


def is_regressor_instance(value: Any) -> bool:
    """Tell whether a value is an instance of a regressor."""
    return not isinstance(value, type) and hasattr(value, "fit") and is_regressor(value)


class RoutesMetadata(ABC):
    """A mixin of estimators that pass metadata of `fit` and `predict` to the estimators inside."""

    @abstractmethod
    def _parts(self) -> Mapping[str, Any]:
        """Return the estimators inside, by name."""

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the router that passes metadata to the estimators inside.

        Returns
        -------
        MetadataRouter
            A :class:`~sklearn.utils.metadata_routing.MetadataRouter` to their `fit` and `predict`.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit").add(caller="predict", callee="predict")
        return MetadataRouter(owner=self).add(method_mapping=mapping, **self._parts())


def fit_arguments(owner: RoutesMetadata, sample_weight: Any, params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments for `fit` of each part: those that it requests, or without routing its weights."""
    parts = owner._parts()
    if sklearn.get_config()["enable_metadata_routing"]:
        given = params if sample_weight is None else {**params, "sample_weight": sample_weight}
        routed = process_routing(owner, "fit", **given)
        return {name: dict(routed[name].fit) for name in parts}
    _refuse_metadata(owner, "fit", params)
    return {name: weights_for(part, sample_weight) for name, part in parts.items()}


def predict_arguments(owner: RoutesMetadata, params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments for `predict` of each part."""
    parts = owner._parts()
    if sklearn.get_config()["enable_metadata_routing"]:
        routed = process_routing(owner, "predict", **params)
        return {name: dict(routed[name].predict) for name in parts}
    _refuse_metadata(owner, "predict", params)
    return {name: {} for name in parts}


def predict_arguments_of_fit(owner: RoutesMetadata, params: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments for `predict` of each part on the rows of fit, from the metadata of `fit`."""
    consumed = owner.get_metadata_routing().consumes("predict", params) if params else ()
    return predict_arguments(owner, {name: params[name] for name in consumed})


def _refuse_metadata(owner: Any, method: str, params: dict[str, Any]) -> None:
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
