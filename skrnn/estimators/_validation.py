"""The one place where users' input is judged: parameters, X, y and weights."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_scalar, validate_data

from skrnn.cells import CELLS
from skrnn.sequences._ragged import Sequences, from_array
from skrnn.solvers import SCHEDULES, SOLVERS

#: name: (type, least, most, which ends belong to the interval)
_NUMBERS: dict[str, tuple[type, float | None, float | None, str]] = {
    "alpha": (Real, 0, None, "left"),
    "power_t": (Real, 0, None, "left"),
    "max_iter": (Integral, 1, None, "left"),
    "max_fun": (Integral, 1, None, "left"),
    "tol": (Real, 0, None, "left"),
    "momentum": (Real, 0, 1, "both"),
    "validation_fraction": (Real, 0, 1, "neither"),
    "beta_1": (Real, 0, 1, "left"),
    "beta_2": (Real, 0, 1, "left"),
    "epsilon": (Real, 0, None, "neither"),
}
_FLAGS = ("shuffle", "verbose", "warm_start", "nesterovs_momentum", "early_stopping", "normalize_y")
_CHOICES: dict[str, tuple[Any, ...]] = {
    "loss": ("squared_error",),
    "cell": tuple(CELLS),
    "solver": SOLVERS,
    "learning_rate": tuple(SCHEDULES),
    "validation_split": ("random", "last"),
    "dtype": (None, "float32", "float64"),
}


def check_parameters(estimator: Any) -> None:
    """Raise for a constructor parameter of the wrong type (TypeError) or value (ValueError)."""
    parameters = estimator.get_params(deep=False)
    for name, (kind, least, most, ends) in _NUMBERS.items():
        _check_number(name, parameters[name], kind, least, most, ends)
    if parameters["max_grad_norm"] is not None:
        _check_number("max_grad_norm", parameters["max_grad_norm"], Real, 0, None, "neither")
    if parameters["n_timesteps"] is not None:
        _check_number("n_timesteps", parameters["n_timesteps"], Integral, 1, None, "left")
    if not isinstance(parameters["n_iter_no_change"], float) or parameters["n_iter_no_change"] != np.inf:
        _check_number("n_iter_no_change", parameters["n_iter_no_change"], Integral, 1, None, "left")
    if not _is_auto(parameters["batch_size"]):
        _check_number("batch_size", parameters["batch_size"], Integral, 1, None, "left")
    if not _is_auto(parameters["learning_rate_init"]):
        _check_number("learning_rate_init", parameters["learning_rate_init"], Real, 0, None, "neither")
    for name in _FLAGS:
        if name in parameters and not isinstance(parameters[name], bool | np.bool_ | Integral):
            raise TypeError(f"{name} must be True or False, not {parameters[name]!r}.")
    for name, choices in _CHOICES.items():
        if name in parameters:
            _check_choice(name, parameters[name], choices)
    _check_activation(parameters["cell"], parameters["activation"])
    _check_options(parameters["solver_options"])
    layer_sizes(parameters["hidden_layer_sizes"])


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _check_number(name: str, value: Any, kind: type, least: float | None, most: float | None, ends: str) -> None:
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an instance of {kind.__name__.lower()}, not bool.")
    check_scalar(value, name, kind, min_val=least, max_val=most, include_boundaries=ends)
    if not np.isfinite(value):
        raise ValueError(f"{name} == {value}, must be finite.")


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if not (value is None or isinstance(value, str)) or value not in choices:
        expected = ", ".join(repr(choice) for choice in choices)
        hint = " Only methods that use the gradient are accepted." if name == "solver" else ""
        kind = ValueError if value is None or isinstance(value, str) else TypeError
        raise kind(f"{name} is {value!r}, but must be one of {expected}.{hint}")


def _check_activation(cell: str, activation: Any) -> None:
    accepted = CELLS[cell].activations
    if not isinstance(activation, str) or activation not in accepted:
        expected = ", ".join(repr(choice) for choice in accepted)
        raise ValueError(f"activation is {activation!r}, but must be one of {expected} where cell={cell!r}.")


def _check_options(options: Any) -> None:
    if options is not None and not (isinstance(options, Mapping) and all(isinstance(key, str) for key in options)):
        raise TypeError(
            f"solver_options must be a dict of options of scipy.optimize.minimize or None, not {options!r}."
        )


def layer_sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """Return the units of each layer, the lowest first; a single integer stands for one layer."""
    sizes = tuple(hidden_layer_sizes) if np.iterable(hidden_layer_sizes) else (hidden_layer_sizes,)
    expected = "expected a positive integer for each layer"
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise TypeError(f"hidden_layer_sizes is {hidden_layer_sizes!r}; {expected}.")
    if len(sizes) == 0 or min(sizes) < 1:
        raise ValueError(f"hidden_layer_sizes is {hidden_layer_sizes!r}; {expected}.")
    return tuple(map(int, sizes))


@contextmanager
def naming(name: str, expected: str) -> Iterator[None]:
    """Let errors that leave the block say which input they are about, and what it should have been."""
    try:
        yield
    except (ValueError, TypeError) as error:
        message = str(error)
        # scikit-learn calls every array X or y.
        message = re.sub(r"\b(X|y)\b(?!_)", name, message) if name in ("X_val", "y_val") else message
        if not re.search(rf"\b{name}\b", message):
            message = f"{name}: {message} Expected {expected}."
        raise (ValueError if isinstance(error, ValueError) else TypeError)(message) from error


_EXPECTED_X = "real numbers in an array (n_samples, n_timesteps, n_features) or a 2-D array (n_samples, n_columns)"


def read_sequences(estimator: Any, X: Any, *, reset: bool, n_features: int | None = None, name: str = "X") -> Sequences:
    """Return X, which messages call `name`, in the internal form.

    With `reset`, the estimator learns names and number of its features. `n_features` is the number of features per
    timestep to expect, if that is known.
    """
    who = type(estimator).__name__
    with naming(name, _EXPECTED_X):
        n_dimensions = len(_shape(X, name))
        if n_dimensions > 3:
            raise ValueError(f"{name} has {n_dimensions} dimensions, but {who} expects {_EXPECTED_X}.")
        folded = (_read_3d if n_dimensions == 3 else _read_2d)(estimator, X, reset, name)
    if n_features is not None and folded.shape[2] != n_features:
        raise ValueError(f"{name} has {folded.shape[2]} features per timestep, but {who} was fitted with {n_features}.")
    return from_array(folded, name)


def _shape(X: Any, name: str) -> tuple[int, ...]:
    """Return the shape of an array-like."""
    if hasattr(X, "shape"):
        return tuple(X.shape)
    try:
        return np.asarray(X).shape
    except ValueError as error:
        raise ValueError(
            f"{name} is a list of sequences of different lengths or numbers of features. Expected sequences of one "
            "length, (n_samples, n_timesteps, n_features); pad shorter ones at the beginning with NaN to mask them."
        ) from error


def _read_3d(estimator: Any, X: Any, reset: bool, name: str) -> np.ndarray:
    """Return X, (n_samples, n_timesteps, n_features), as a numeric array; a view where it can be one."""
    X = check_array(X, dtype="numeric", allow_nd=True, ensure_all_finite=False, estimator=estimator, input_name=name)
    _check_kind(X, name)
    if 0 in X.shape:
        raise ValueError(
            f"{name} has shape {X.shape}; expected at least one timestep and at least one feature in each sequence."
        )
    if reset:
        estimator.n_features_in_ = X.shape[2]
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        estimator._columns_are_timesteps = False
    return X


def _read_2d(estimator: Any, X: Any, reset: bool, name: str) -> np.ndarray:
    """Return a 2-D X or data frame, folded to (n_samples, n_timesteps, n_features)."""
    checks = {"dtype": "numeric", "ensure_all_finite": "allow-nan"}
    if reset or estimator._columns_are_timesteps:
        X = validate_data(estimator, X, reset=reset, **checks)
    else:
        X = check_array(X, estimator=estimator, input_name=name, **checks)
    _check_kind(X, name)
    if reset:
        estimator._columns_are_timesteps = True
    n_samples, n_columns = X.shape
    n_timesteps = estimator.n_timesteps
    if n_timesteps is None:
        return X[:, :, np.newaxis]
    if n_columns % n_timesteps:
        raise ValueError(
            f"{name} has {n_columns} columns, but {type(estimator).__name__} expects a multiple of "
            f"n_timesteps={n_timesteps}: the features of one timestep after another."
        )
    return X.reshape(n_samples, n_timesteps, n_columns // n_timesteps)


def _check_kind(X: np.ndarray, name: str) -> None:
    if X.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {X.dtype}; expected real numbers.")


def read_weights(sample_weight: Any, n_samples: int, name: str) -> np.ndarray | None:
    """Return the weights as float64, (n_samples,), or None for equal ones."""
    if sample_weight is None:
        return None
    with naming(name, f"{n_samples} numbers >= 0, one for each sample"):
        weights = check_array(
            sample_weight, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_min_samples=0, input_name=name
        )
    if weights.shape != (n_samples,):
        raise ValueError(f"{name} has shape {weights.shape}; expected ({n_samples},), a weight for each sample.")
    if (weights < 0).any():
        raise ValueError(f"{name} contains {weights.min()}; expected weights >= 0.")
    if not weights.any():
        raise ValueError(f"{name} is zero for all samples; expected at least one positive weight.")
    return weights


def read_numbers(estimator: Any, y: Any, n_samples: int, name: str) -> np.ndarray:
    """Return the targets of regression as float64, (n_samples,) or (n_samples, n_outputs)."""
    with naming(name, "real numbers, (n_samples,) or (n_samples, n_outputs)"):
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name=name, estimator=estimator)
        _check_kind(y, name)
    _check_n_targets(y, n_samples, name)
    return column_or_1d(y, dtype=np.float64, warn=True) if _is_column(y) else y.astype(np.float64, copy=False)


def read_labels(estimator: Any, y: Any, n_samples: int, name: str) -> np.ndarray:
    """Return the targets of classification: labels, (n_samples,), or zeros and ones, (n_samples, n_outputs)."""
    with naming(name, "class labels (n_samples,), or zeros and ones (n_samples, n_outputs)"):
        y = check_array(y, ensure_2d=False, dtype=None, input_name=name, estimator=estimator)
        _check_n_targets(y, n_samples, name)
        if type_of_target(y) == "multiclass-multioutput":
            raise ValueError(
                f"{name} has {y.shape[1]} columns of several classes. Expected class labels (n_samples,), or zeros and "
                "ones (n_samples, n_outputs); MultiOutputClassifier fits a classifier a column."
            )
        check_classification_targets(y)
        unique_labels(y)  # raises for labels of several types
    return column_or_1d(y, warn=True) if _is_column(y) else y


def _is_column(y: np.ndarray) -> bool:
    return y.ndim == 2 and y.shape[1] == 1


def _check_n_targets(y: np.ndarray, n_samples: int, name: str) -> None:
    if len(y) != n_samples:
        sequences = name.replace("y", "X")
        raise ValueError(f"{name} has {len(y)} samples, but {sequences} has {n_samples}; expected a target for each.")


def read_random_state(random_state: Any) -> np.random.RandomState:
    """Return the random state that the parameter stands for."""
    with naming("random_state", "an integer, a RandomState or None"):
        return check_random_state(random_state)
