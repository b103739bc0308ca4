"""Labels that tell which group each row of a table belongs to: where they come from, and what they may be."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from skrnn._inputs._naming import naming
from skrnn._inputs._values import is_missing
from skrnn.sequences._labels import as_labels


def read_table(X: Any) -> Any:
    """Return X as a data frame, or as a 2-D array of any dtype, in which each column keeps what it holds."""
    if _is_frame(X):
        return X
    if isinstance(X, list | tuple) and np.asarray(X).dtype.kind in "US":
        X = np.array(X, dtype=object)  # beside strings, NumPy would make strings of the numbers
    return check_array(X, dtype=None, ensure_all_finite=False, estimator="SlidingWindow", input_name="X")


def column_position(column: Any, n_columns: int, names: NDArray[Any] | None) -> int:
    """Return the position, from 0, of a column given by name or by position, in a table that has features beside it.

    Raises
    ------
    ValueError
        If there is no such column, or no other.
    """
    if isinstance(column, str):
        known = [] if names is None else list(names)
        if column not in known:
            columns = f"its columns are {known}" if known else "its columns have no names"
            raise ValueError(f"group_column is {column!r}, but X has no such column: {columns}")
        column = known.index(column)
    elif not -n_columns <= column < n_columns:
        raise ValueError(f"group_column is {column}, but X has {n_columns} columns")
    if n_columns == 1:
        raise ValueError("X has 1 feature(s), the group column, but SlidingWindow expects another beside it")
    return int(column) % n_columns


def take_column(table: Any, position: int) -> tuple[Any, Any]:
    """Return (the other columns, the column at `position`) of a table; those of an array as views where possible."""
    n_columns = table.shape[1]
    if _is_frame(table):
        by_position = table.iloc if hasattr(table, "iloc") else table
        others = [column for column in range(n_columns) if column != position]
        return by_position[:, others], by_position[:, position]
    if position == 0:
        return table[:, 1:], table[:, 0]
    if position == n_columns - 1:
        return table[:, :-1], table[:, -1]
    return np.delete(table, position, axis=1), table[:, position]


def read_labels(values: Any, n_samples: int, name: str) -> NDArray[Any]:
    """Return the labels of groups as an array (n_samples,); messages call them `name`.

    Raises
    ------
    TypeError
        If a label is not hashable.
    ValueError
        If there is not one label for each row, or one is missing.
    """
    labels = as_labels(values)
    if labels.shape != (n_samples,):
        raise ValueError(f"{name} has shape {labels.shape}, but SlidingWindow expects one label a row: ({n_samples},)")
    with naming(name, "labels that can be hashed"):
        missing = _is_missing(labels)
    if missing.any():
        row = int(np.argmax(missing))
        raise ValueError(f"{name} is {labels[row]} in row {row}, but SlidingWindow expects a label in every row")
    return labels


def count_labels(labels: NDArray[Any]) -> int:
    """Return the number of distinct labels."""
    return len(set(labels)) if labels.dtype == object else len(np.unique(labels))


def join_labels(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return both arrays of labels in one, in which labels are equal only if they were."""
    if first.dtype.kind != second.dtype.kind:  # NumPy would make strings of numbers, and floats of long integers
        first, second = first.astype(object), second.astype(object)
    return np.concatenate([first, second])


def is_one_group(labels: NDArray[Any]) -> bool:
    """Tell whether all rows have the same label."""
    return not (labels != labels[:1]).any()


def _is_frame(X: Any) -> bool:
    """Tell whether X is a data frame: one of pandas has `iloc`, one of polars `get_column`."""
    return len(getattr(X, "shape", ())) == 2 and (hasattr(X, "iloc") or hasattr(X, "get_column"))


def _is_missing(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each label whether it is NaN, NaT or None, (n_samples,)."""
    if labels.ndim == 1 and labels.dtype == object:
        return np.fromiter((_is_missing_object(label) for label in labels), dtype=np.bool_, count=len(labels))
    return np.asarray(labels != labels)


def _is_missing_object(label: Any) -> bool:
    """Tell whether a label is None, or NaN of any kind."""
    try:
        hash(label)
    except TypeError as error:
        raise TypeError(f"{label!r} of type {type(label).__name__} cannot label a group: it is not hashable") from error
    return is_missing(label)
