"""One value a row: a column of X, or of its index, found by name or position."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from skrnn._inputs._parameters import is_integer
from skrnn._inputs._values import refuse_masked


def n_rows(X: Any) -> int:
    """Return the number of samples of an array, data frame, sparse matrix or list."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def get_column(X: Any, column: str | int, parameter: str) -> Any:
    """Return the column of X that a parameter names.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features), or data frame
        The samples.
    column : str or int
        The name of a column or of a level of a pandas index; ``"index"`` is an index without a name, as `reset_index`
        of pandas calls it. A number is always a position, negative ones count from the end.
    parameter : str
        The parameter that names the column, for errors.

    Returns
    -------
    array-like of shape (n_samples,)
        The column in the form in which X holds it, such as a pandas Series or Index.

    Raises
    ------
    TypeError
        If `column` is neither a string nor an integer.
    ValueError
        If X has no such column, or what it has is not one value a row.

    Examples
    --------
    >>> import numpy as np
    >>> get_column(np.array([[1, 2], [3, 4]]), -1, "time_column")
    array([2, 4])
    """
    if isinstance(column, str):
        found = _by_name(X, column, parameter)
    elif is_integer(column):
        found = _by_position(X, int(column), parameter)
    else:
        raise TypeError(
            f"{parameter} is {column!r} of type {type(column).__name__}; expected the name or the position of a column."
        )
    if issparse(found):
        found = found.toarray().ravel()
    if len(getattr(found, "shape", (0,))) != 1:
        raise ValueError(
            f"{parameter}={column!r} has shape {found.shape} in X; expected one value a row, (n_samples,)."
        )
    refuse_masked(found, f"{parameter}={column!r} of X")
    return found


def _by_name(X: Any, name: str, parameter: str) -> Any:
    """Return the column or the level of the index with this name."""
    if not hasattr(X, "columns"):
        raise ValueError(
            f"{parameter} is {name!r}, but X is of type {type(X).__name__}, whose columns have no names; expected a "
            "data frame, or the position of a column."
        )
    if name in X.columns:
        return X[name]
    levels = _level_names(X)
    if name in levels:
        return X.index.get_level_values(levels.index(name))
    raise ValueError(f"{parameter} is {name!r}, but X has the columns {list(X.columns)} and the index levels {levels}.")


def _level_names(X: Any) -> list[Any]:
    """Return the names of the levels of a pandas index, none for a frame without an index."""
    if not hasattr(X, "index"):
        return []
    names = list(X.index.names)
    return ["index"] if names == [None] else names


def _by_position(X: Any, position: int, parameter: str) -> Any:
    """Return the column at this position."""
    shape = X.shape if hasattr(X, "shape") else _shape_of_list(X)
    if len(shape) != 2:
        raise ValueError(
            f"{parameter} is {position}, but X has shape {shape}; expected columns, (n_samples, n_features)."
        )
    if not -shape[1] <= position < shape[1]:
        raise ValueError(f"{parameter} is {position}, but X has {shape[1]} columns.")
    if not hasattr(X, "shape"):
        return [row[position] for row in X]
    if hasattr(X, "iloc"):
        return X.iloc[:, position]
    return X[:, [position]] if issparse(X) else X[:, position]


def _shape_of_list(X: Any) -> tuple[int, ...]:
    """Return the shape of a list of rows, (n_samples,) if they have different ones."""
    shapes = {np.shape(row) for row in X}
    return (len(X), *shapes.pop()) if len(shapes) == 1 else (len(X),)
