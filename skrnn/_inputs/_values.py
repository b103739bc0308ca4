"""Values of arrays: of which kind they are, how large, which are missing or masked; weights, and labels of groups."""

from datetime import date, time, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from skrnn._inputs._messages import naming, settings_unchanged_on_error


def as_array(values: Any) -> np.ndarray:
    """Return values as an array. NumPy would convert all values of a list with a string to strings, even None."""
    array = np.asarray(values)
    if array.dtype.kind not in "US" or hasattr(values, "__array__"):
        return array
    objects = np.array(values, dtype=object)
    kind = str if array.dtype.kind == "U" else bytes
    return array if all(isinstance(value, kind) for value in objects.ravel()) else objects


def from_objects(values: np.ndarray) -> np.ndarray:
    """Return an array of objects as an array of numbers or of strings, or unchanged if it contains both."""
    if values.dtype != object or len({isinstance(value, str) for value in values.ravel()}) > 1:
        return values
    return np.array(values.tolist())


def check_kind(values: np.ndarray, name: str) -> None:
    """Raise TypeError unless the values are real numbers."""
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {values.dtype}; expected real numbers.{ADVICE[strings_or_dates(values)]}")


def real_numbers(values: Any, name: str) -> NDArray[np.float64]:
    """Return values as float64; raise TypeError for dates, and ValueError for strings and complex numbers."""
    array = np.asarray(values)
    if array.dtype.kind in "cSU":
        reason = "Complex data not supported: " if array.dtype.kind == "c" else ""
        raise ValueError(f"{reason}{name} has dtype {array.dtype}.")
    if array.dtype != object or strings_or_dates(array) == "dates":
        check_kind(array, name)
    return np.asarray(values, dtype=np.float64)


#: How to convert the results of `strings_or_dates` to numbers: a sentence, after a space.
ADVICE = {
    "strings": " Encode strings first: events with skrnn.preprocessing.SequenceTransformer(OneHotEncoder()), a column "
    "of a table with a ColumnTransformer.",
    "dates": " Convert dates to numbers first, such as the month or the days since the first date, or drop them.",
    "": "",
}


def strings_or_dates(values: np.ndarray) -> str:
    """Return "strings" or "dates" if the values, or some of the first objects, are such, otherwise ""."""
    some = values.ravel()[:1000].tolist() if values.dtype == object else []
    if values.dtype.kind in "US" or any(isinstance(value, str | bytes) for value in some):
        return "strings"
    return "dates" if values.dtype.kind in "mM" or any(map(_is_date, some)) else ""


def _is_date(value: Any) -> bool:
    """Tell whether a value is a date, a time, a duration or a pandas period."""
    return isinstance(value, date | time | timedelta) or hasattr(value, "to_timestamp")


def largest_of(dtype: np.dtype) -> np.float64:
    """Return the largest number accepted for this dtype: sums of a million such numbers do not overflow.

    Nor do weighted sums of features, if the absolute values of the weights add up to less than a million.
    """
    return np.float64(np.finfo(dtype).max) / 2**20


def check_size(values: np.ndarray, dtype: np.dtype, name: str) -> None:
    """Raise ValueError for numbers whose sums in this dtype might overflow."""
    is_large = np.abs(values) > largest_of(dtype)
    if is_large.any():
        raise ValueError(too_large(values[is_large][0], dtype, name))


def too_large(value: Any, dtype: np.dtype, name: str) -> str:
    """Return the message about a number whose sums in this dtype might overflow."""
    return (
        f"{name} contains {value:.3g}, too large for weighted sums in {dtype}; expected at most "
        f"{largest_of(dtype):.3g} in absolute value. Scale it{', or use float64' if dtype == np.float32 else ''}."
    )


def is_nullable(values: Any) -> bool:
    """Tell whether values are a pandas object with a dtype unknown to NumPy, such as a nullable boolean."""
    dtypes = getattr(values, "dtypes", getattr(values, "dtype", []))
    return any(not isinstance(dtype, np.dtype) for dtype in (dtypes if np.iterable(dtypes) else [dtypes]))


def find_missing(values: np.ndarray) -> np.ndarray | None:
    """Return which values are missing (NaN, NaT or None), with the shape of `values`; None if none is."""
    if values.dtype.kind in "fmM":
        missing = np.isnan(values)
    elif values.dtype == object:
        missing = np.array([is_missing(value) for value in values.ravel()], dtype=bool).reshape(values.shape)
    else:
        return None
    return missing if missing.any() else None


def is_missing(value: Any) -> bool:
    """Tell whether a value is None, NaN, NaT, or pandas.NA, whose comparison with itself raises."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True
    except ValueError:  # for an array
        return False


def refuse_masked(values: Any, name: str) -> None:
    """Raise ValueError for a masked array with masked entries, or a list of such, since NumPy would ignore the mask."""
    holds_others = isinstance(values, list | tuple) or (
        isinstance(values, np.ndarray) and values.dtype == object and values.ndim == 1
    )
    if _has_masked(values) or (holds_others and any(map(_has_masked, values))):
        raise ValueError(
            f"{name} is a NumPy masked array with masked entries; expected an array without a mask: use "
            f"{name}.filled(numpy.nan) if missing values are allowed."
        )


def check_weights(weights: np.ndarray, name: str) -> None:
    """Raise for weights that are negative or not finite, and if all are zero."""
    if not np.isfinite(weights).all():
        raise ValueError(f"{name} contains {weights[~np.isfinite(weights)][0]}; expected finite weights >= 0.")
    if (weights < 0).any():
        raise ValueError(f"{name} contains {weights.min()}; expected weights >= 0.")
    if not weights.any():
        raise ValueError(f"{name} is zero for all samples (with a target); expected at least one positive weight.")


def _has_masked(values: Any) -> bool:
    return isinstance(values, np.ma.MaskedArray) and bool(np.ma.is_masked(values))


@settings_unchanged_on_error
def read_labels(values: Any, n_rows: int, name: str) -> NDArray[Any]:
    """Return labels as an array (n_rows,), of objects for a list; `name` is used in messages.

    A label that cannot be hashed raises a TypeError; a missing label, or a wrong number of labels, a ValueError.
    """
    with naming(name, "labels that can be hashed, one per row"):
        if isinstance(values, list | tuple):  # NumPy would convert 1 and "1" to equal strings, and tuples to rows
            labels = np.fromiter(values, dtype=object, count=len(values))
        else:
            labels = np.asarray(values)
        if labels.shape != (n_rows,):
            raise ValueError(f"{name} has shape {labels.shape}; expected one label per row, ({n_rows},).")
        hash(tuple(labels if labels.dtype == object else labels[:1]))
    missing = find_missing(labels)
    if missing is not None:
        row = int(np.argmax(missing))
        raise ValueError(f"{name} is {labels[row]} in row {row}; expected a label in each row.")
    return labels


def encode_labels(labels: NDArray[Any]) -> tuple[list[Any], NDArray[np.intp]]:
    """Return the distinct labels in order of appearance, and the index of each row's label among them, (n_rows,).

    >>> encode_labels(np.array(["b", "a", "b"]))
    (['b', 'a'], array([0, 1, 0]))
    """
    if labels.dtype == object:  # labels that may not be sortable
        numbers: dict[Any, int] = {}
        of_rows = (numbers.setdefault(label, len(numbers)) for label in labels)
        codes = np.fromiter(of_rows, dtype=np.intp, count=len(labels))
        return list(numbers), codes
    distinct, firsts, sorted_codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return distinct[order].tolist(), places[sorted_codes]


def read_weights(sample_weight: Any, n_samples: int) -> NDArray[np.float64]:
    """Return sample weights, (n_samples,), by default ones; raise if they are invalid."""
    if sample_weight is None:
        return np.ones(n_samples)
    refuse_masked(sample_weight, "sample_weight")
    with naming("sample_weight", f"{n_samples} numbers >= 0, one per sample"):
        weights = real_numbers(sample_weight, "sample_weight")
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
