"""The one place where users' input is judged: parameters, X, y and weights."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import check_scalar, validate_data

from skrnn.cells import CELLS
from skrnn.estimators._forms import Form, as_array, is_list_of_arrays
from skrnn.estimators._inputs import check_weights, naming, refuse_masked
from skrnn.losses import REGRESSION_LOSSES
from skrnn.sequences._ragged import Sequences, from_array, from_list
from skrnn.solvers import LEAST_SQUARES_OPTIONS, SCHEDULES, SOLVERS, UPDATE_RULES

#: name: (type, least, most, which ends belong to the interval)
_NUMBERS: dict[str, tuple[type, float | None, float | None, str]] = {
    "alpha": (Real, 0, None, "left"),
    "power_t": (Real, 0, None, "left"),
    "max_iter": (Integral, 1, None, "left"),
    "max_fun": (Integral, 1, None, "left"),
    "n_init": (Integral, 1, None, "left"),
    "tol": (Real, 0, None, "left"),
    "momentum": (Real, 0, 1, "both"),
    "validation_fraction": (Real, 0, 1, "neither"),
    "beta_1": (Real, 0, 1, "left"),
    "beta_2": (Real, 0, 1, "left"),
    "epsilon": (Real, 0, None, "neither"),
    "dropout": (Real, 0, 1, "left"),
    "recurrent_dropout": (Real, 0, 1, "left"),
}
_FLAGS = (
    "bidirectional",
    "return_sequences",
    "shuffle",
    "verbose",
    "warm_start",
    "nesterovs_momentum",
    "early_stopping",
    "normalize_y",
)
_CHOICES: dict[str, tuple[Any, ...]] = {
    "loss": tuple(REGRESSION_LOSSES),
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
    for name in ("n_timesteps", "bptt_steps"):
        if parameters[name] is not None:
            _check_number(name, parameters[name], Integral, 1, None, "left")
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
    if "quantile" in parameters:
        quantile_levels(parameters["quantile"])
    _check_n_jobs(parameters["n_jobs"])
    _check_together(parameters)


def _check_together(parameters: Mapping[str, Any]) -> None:
    """Raise for parameters each of which is right, but not beside the others."""
    if parameters["bptt_steps"] is not None and parameters["bidirectional"]:
        raise ValueError(
            f"bptt_steps is {parameters['bptt_steps']}, but bidirectional is True; expected None: the pass from the "
            "end of a sequence cannot carry its state on to a piece that comes before."
        )
    stochastic = " or ".join(repr(name) for name in UPDATE_RULES)
    for name, reason in (
        ("dropout", "draws other units at each evaluation"),
        ("recurrent_dropout", "draws other units at each evaluation"),
        ("bptt_steps", "cuts the gradient short of that of the loss"),
    ):
        if parameters[name] and parameters["solver"] not in UPDATE_RULES:
            raise ValueError(
                f"{name} is {parameters[name]}, but solver is {parameters['solver']!r}; expected {stochastic}: {name} "
                f"{reason}, which a method of SciPy cannot minimise."
            )
    if parameters["solver"] == "least_squares":
        _check_least_squares(parameters)


def _check_least_squares(parameters: Mapping[str, Any]) -> None:
    """Raise unless there is a sum of squares to minimise, with options that it takes."""
    loss = parameters.get("loss")
    if loss is None or not REGRESSION_LOSSES[loss].has_residuals:
        of_whom = "a classifier's log loss" if loss is None else f"loss={loss!r}"
        raise ValueError(
            f"solver is 'least_squares', which minimises sums of squares, but {of_whom} is none; expected a regressor "
            "with loss='squared_error', or another solver: 'trust-krylov' uses curvature with every loss."
        )
    unknown = sorted(set(parameters["solver_options"] or {}) - set(LEAST_SQUARES_OPTIONS))
    if unknown:
        raise ValueError(
            f"solver_options contains {unknown}; expected, for solver='least_squares', only "
            f"{list(LEAST_SQUARES_OPTIONS)}: all else is settled by the network and the other parameters."
        )


def _check_n_jobs(n_jobs: Any) -> None:
    if n_jobs is not None and (isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral)):
        raise TypeError(f"n_jobs must be an integer or None, not {n_jobs!r}.")
    if n_jobs == 0:
        raise ValueError("n_jobs == 0, expected a number of workers, -1 for all processors, or None.")


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
            f"solver_options must be a dict of options of the solver's function in scipy.optimize or None, not "
            f"{options!r}."
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


def quantile_levels(quantile: Any) -> tuple[float, ...]:
    """Return the levels of quantiles, in increasing order; a single number stands for one."""
    levels = tuple(quantile) if np.iterable(quantile) and not isinstance(quantile, str) else (quantile,)
    expected = "expected a level between 0 and 1, both excluded, or several in strictly increasing order"
    if not all(isinstance(level, Real) and not isinstance(level, bool | np.bool_) for level in levels):
        raise TypeError(f"quantile is {quantile!r}; {expected}.")
    if not levels or not all(0.0 < level < 1.0 for level in levels) or (np.diff(levels) <= 0.0).any():
        raise ValueError(f"quantile is {quantile!r}; {expected}.")
    return tuple(map(float, levels))


_EXPECTED_X = (
    "real numbers in an array (n_samples, n_timesteps, n_features), a 2-D array (n_samples, n_columns), or a list of "
    "arrays (n_timesteps, n_features)"
)


def read_sequences(
    estimator: Any, X: Any, *, reset: bool, n_features: int | None = None, name: str = "X"
) -> tuple[Sequences, Form]:
    """Return X, which messages call `name`, in the internal form, and the form in which it came.

    With `reset`, the estimator learns names and number of its features. `n_features` is the number of features per
    timestep to expect, if that is known.
    """
    read, form = read_numeric(estimator, X, reset=reset, n_features=n_features, name=name)
    return (from_list(read, name) if isinstance(read, list) else from_array(read, name)), form


def read_numeric(
    estimator: Any, X: Any, *, reset: bool, n_features: int | None = None, name: str = "X"
) -> tuple[np.ndarray | list[np.ndarray], Form]:
    """Return X as an array (n_samples, n_timesteps, n_features), or a list of (n_timesteps, n_features), and its form.

    The parameters are those of `read_sequences`; no timestep has been looked at.
    """
    who = type(estimator).__name__
    refuse_masked(X, name)
    if isinstance(X, list | tuple) and len(X) == 0:
        raise ValueError(f"Found array with 0 sample(s) in {name}: it is empty, but {who} expects {_EXPECTED_X}.")
    with naming(name, _EXPECTED_X):
        if _is_list(estimator, X, reset):
            read: Any = _read_list(estimator, X, reset, name)
            found = read[0].shape[1]
        else:
            n_dimensions = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
            if n_dimensions > 3:
                raise ValueError(f"{name} has {n_dimensions} dimensions, but {who} expects {_EXPECTED_X}.")
            read = (_read_3d if n_dimensions == 3 else _read_2d)(estimator, X, reset, name)
            found = read.shape[2]
    if n_features is not None and found != n_features:
        raise ValueError(f"{name} has {found} features per timestep, but {who} was fitted with {n_features}.")
    if isinstance(read, list):
        return read, Form(
            lengths=np.array([len(sequence) for sequence in read]),
            indicator=[sequence[:, 0] for sequence in read],
            kind="object array" if hasattr(X, "dtype") else "list",
        )
    lengths = np.broadcast_to(np.intp(read.shape[1]), len(read))  # takes no memory
    return read, Form(lengths=lengths, indicator=read[:, :, 0], kind="array")


def _is_list(estimator: Any, X: Any, reset: bool) -> bool:
    """Tell whether X is to be read sequence by sequence.

    So is a list of lists of numbers that are of one length by chance, where that length is another than in fit.
    """
    if is_list_of_arrays(X):
        return True
    if reset or estimator.n_timesteps is not None or not isinstance(X, list | tuple) or not X:
        return False
    is_of_lists = all(isinstance(entry, list | tuple) and np.ndim(entry) == 1 for entry in X)
    return is_of_lists and estimator._columns_are_timesteps and len(X[0]) != estimator.n_features_in_


def _read_list(estimator: Any, X: Any, reset: bool, name: str) -> list[np.ndarray]:
    """Return a list of sequences as numeric arrays, each (n_timesteps, n_features); a 1-D one has one feature."""
    sequences = [_read_sequence(entry, sample, name) for sample, entry in enumerate(X)]
    n_features = sequences[0].shape[1]
    for sample, sequence in enumerate(sequences):
        if sequence.shape[1] != n_features:
            raise ValueError(
                f"{name} has {sequence.shape[1]} features per timestep in sample {sample}, but {n_features} in "
                "sample 0; expected the same number in all sequences."
            )
    if reset:
        _learn_features(estimator, n_features)
    return sequences


def _read_sequence(entry: Any, sample: int, name: str) -> np.ndarray:
    """Return one sequence as a numeric array, (n_timesteps, n_features)."""
    sequence = np.asarray(entry)
    if sequence.dtype == object:
        sequence = sequence.astype(np.float64)
    _check_kind(sequence, name)
    if sequence.ndim == 1:
        sequence = sequence[:, np.newaxis]
    if sequence.ndim != 2 or 0 in sequence.shape:
        raise ValueError(
            f"{name} has shape {np.shape(entry)} in sample {sample}; expected (n_timesteps, n_features) with at least "
            "one timestep and at least one feature, or (n_timesteps,)."
        )
    return sequence


def _learn_features(estimator: Any, n_features: int) -> None:
    """Let the estimator learn that timesteps have `n_features`, which have no names."""
    estimator.n_features_in_ = n_features
    if hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    estimator._columns_are_timesteps = False


def _read_3d(estimator: Any, X: Any, reset: bool, name: str) -> np.ndarray:
    """Return X, (n_samples, n_timesteps, n_features), as a numeric array; a view where it can be one."""
    X = check_array(X, dtype="numeric", allow_nd=True, ensure_all_finite=False, estimator=estimator, input_name=name)
    _check_kind(X, name)
    if 0 in X.shape:
        raise ValueError(
            f"{name} has shape {X.shape}; expected at least one timestep and at least one feature in each sequence."
        )
    if reset:
        _learn_features(estimator, X.shape[2])
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


def read_weights(
    sample_weight: Any, form: Form, name: str, *, per_timestep: bool = False, missing: np.ndarray | None = None
) -> np.ndarray | None:
    """Return the weights as float64, one a sequence or if `per_timestep` one a timestep, or None for equal ones.

    Where a timestep is `missing` its target, (n_columns,) or (n_columns, n_outputs), any weight may stand.
    """
    if sample_weight is None:
        return None
    n_samples = len(form)
    refuse_masked(sample_weight, name)
    with naming(name, f"{n_samples} numbers >= 0, one for each sample"):
        of_timesteps = per_timestep and (is_list_of_arrays(sample_weight) or np.asarray(sample_weight).ndim > 1)
        weights = _flat_weights(sample_weight, form, name, missing) if of_timesteps else sample_weight
        weights = check_array(
            weights, ensure_2d=False, allow_nd=True, dtype=np.float64, ensure_min_samples=0, input_name=name
        )
    expected = (int(form.n_valid.sum()),) if of_timesteps else (n_samples,)
    if weights.shape != expected:
        raise ValueError(f"{name} has shape {weights.shape}; expected {expected}, a weight for each sample.")
    check_weights(weights, name)
    weights = moderate(weights)
    return np.repeat(weights, form.n_valid) if per_timestep and not of_timesteps else weights


def _flat_weights(sample_weight: Any, form: Form, name: str, missing: np.ndarray | None) -> np.ndarray:
    """Return a weight for each timestep that is not masked: zero where its target is missing."""
    weights = form.flatten(sample_weight, name)
    if weights.shape[1:] == (1,):
        weights = weights[:, 0]
    if missing is None:
        return weights
    return np.where(missing if missing.ndim == 1 else missing.all(axis=1), 0.0, weights.T).T


def largest_of(dtype: np.dtype) -> np.float64:
    """Return the largest number that is read in this dtype: sums of a million such numbers do not overflow.

    So neither do sums of features times weights, where their weights, without sign, add up to less than a million.
    """
    return np.float64(np.finfo(dtype).max) / 2**20


def read_dtype(sequences: Sequences, dtype: np.dtype, name: str) -> Sequences:
    """Return the sequences in the dtype that is computed in, or raise ValueError where sums might overflow."""
    value = sequences.beyond(largest_of(dtype))
    if value is not None:
        raise ValueError(_too_large(value, dtype, name))
    if sequences.rows.dtype == dtype:
        return sequences
    with np.errstate(over="ignore"):  # of rows that no sequence reads
        return sequences.astype(dtype)


def check_size(y: np.ndarray, dtype: np.dtype, name: str) -> None:
    """Raise ValueError for numbers of which sums in this dtype might overflow."""
    is_large = np.abs(y) > largest_of(dtype)
    if is_large.any():
        raise ValueError(_too_large(y[is_large][0], dtype, name))


def _too_large(value: Any, dtype: np.dtype, name: str) -> str:
    return (
        f"{name} contains {value:.3g}, too large for weighted sums in {dtype}; expected at most "
        f"{largest_of(dtype):.3g} in absolute value. Scale it{', or use float64' if dtype == np.float32 else ''}."
    )


def moderate(weights: np.ndarray) -> np.ndarray:
    """Return weights times a power of two, so that no sum of theirs overflows or vanishes: only ratios count.

    Those whose largest is of a usual size stay as they are.
    """
    exponent = int(np.frexp(weights.max())[1])
    return weights if abs(exponent) <= 10 else np.ldexp(weights, -exponent)


def read_numbers(estimator: Any, y: Any, n_samples: int, name: str, *, ravel: bool = True) -> np.ndarray:
    """Return the targets of regression as float64, (n_samples,) or (n_samples, n_outputs)."""
    with naming(name, "real numbers, (n_samples,) or (n_samples, n_outputs)"):
        y = check_array(y, ensure_2d=False, dtype="numeric", input_name=name, estimator=estimator)
        _check_kind(y, name)
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name, estimator=estimator)
    _check_n_targets(y, n_samples, name)
    check_size(y, y.dtype, name)
    if ravel and _is_column(y):
        return column_or_1d(y, dtype=np.float64, warn=True)
    return y


def find_missing(y: np.ndarray) -> np.ndarray | None:
    """Return which targets are missing, NaN, NaT or None, of the shape of `y`; None if none is."""
    if y.dtype.kind in "fmM":
        missing = np.isnan(y)
    elif y.dtype == object:
        missing = np.array([_is_missing(target) for target in y.ravel()], dtype=bool).reshape(y.shape)
    else:
        return None
    return missing if missing.any() else None


def _is_missing(target: Any) -> bool:
    """Tell whether an object is None, NaN or pandas' NA, which is not to be compared."""
    try:
        return target is None or bool(target != target)
    except TypeError:
        return True
    except ValueError:  # of an array
        return False


def settled(y: np.ndarray) -> np.ndarray:
    """Return objects as what they are, numbers or strings; objects still where both come."""
    if y.dtype != object or len({isinstance(target, str) for target in y.ravel()}) > 1:
        return y
    return np.array(y.tolist())


def check_labels(labels: Any, name: str) -> np.ndarray:
    """Return labels as an array, or raise ValueError where one is missing, or where they are of several kinds.

    Such labels have no order. Of a list with a string, NumPy would make strings of all: None would be a class "None".
    """
    array = as_array(labels)
    if array.dtype.kind not in "OmM":
        return array
    missing = find_missing(array)
    if missing is not None:
        where = int(np.argmax(missing.any(axis=1) if missing.ndim == 2 else missing))
        raise ValueError(f"{name} contains {array[missing][0]} at position {where}; expected a label at each.")
    if array.dtype != object:
        return array
    first_of_kind: dict[str, Any] = {}
    for label in array.ravel():
        first_of_kind.setdefault(_kind_of_label(label), label)
    found = ", ".join(f"{label!r} ({type(label).__name__})" for label in first_of_kind.values())
    if len(first_of_kind) > 1:
        raise ValueError(
            f"{name} contains labels of several kinds, {found}; expected strings alone, or integers alone."
        )
    if not {"string", "bytes"} & set(first_of_kind) and getattr(labels, "dtype", array.dtype) == array.dtype:
        # "Unknown label type" is what scikit-learn's check_dtype_object looks for.
        raise ValueError(f"Unknown label type: {name} contains {found}; expected strings, or an array of integers.")
    return array


def _kind_of_label(label: Any) -> str:
    if isinstance(label, str):
        return "string"
    return "number" if isinstance(label, Real | np.bool_) else type(label).__name__


def read_labels(estimator: Any, y: Any, n_samples: int, name: str) -> np.ndarray:
    """Return the targets of classification: labels, (n_samples,), or zeros and ones, (n_samples, n_outputs)."""
    with naming(name, "class labels (n_samples,), or zeros and ones (n_samples, n_outputs)"):
        labels = check_labels(y, name)
        y = labels if isinstance(y, list | tuple) else y  # a data frame's columns have dtypes that check_array knows
        y = check_array(y, ensure_2d=False, dtype=None, input_name=name, estimator=estimator)
        _check_n_targets(y, n_samples, name)
        if y.dtype.kind == "S":
            raise TypeError(f"{name} has dtype {y.dtype}, bytes; expected labels that are strings or integers.")
        if y.dtype.kind == "f" and y.dtype.itemsize > 8:
            y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name, estimator=estimator)
        if type_of_target(y) == "multiclass-multioutput":
            raise ValueError(
                f"{name} has {y.shape[1]} columns of several classes. Expected class labels (n_samples,), or zeros and "
                "ones (n_samples, n_outputs); MultiOutputClassifier fits a classifier a column."
            )
        check_classification_targets(y)
        unique_labels(y)  # raises for labels of several types
    return column_or_1d(y, warn=True) if _is_column(y) else y


def read_classes(classes: Any) -> np.ndarray:
    """Return the distinct classes, in order."""
    refuse_masked(classes, "classes")
    with naming("classes", "class labels (n_classes,)"):
        return np.asarray(unique_labels(check_labels(classes, "classes")))


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
