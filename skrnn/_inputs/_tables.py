"""Tables: data frames, arrays, sparse matrices and lists of rows; their columns by name or position; names of lags."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np

from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import describe, is_integer
from skrnn._inputs._values import refuse_masked
from skrnn.exceptions import DataWarning


def is_frame(X: Any) -> bool:
    """Tell whether X is a data frame: pandas has `iloc`, polars `get_column`."""
    return len(getattr(X, "shape", ())) == 2 and (hasattr(X, "iloc") or hasattr(X, "get_column"))


def column_names(X: Any) -> list[Any]:
    """Return the names of the columns, or an empty list if they have no names."""
    return list(X.columns) if is_frame(X) else []


def column_position(column: Any, n_columns: int, names: list[Any], parameter: str, table: str = "X") -> int:
    """Return the position, from 0, of the column of `table` given by name or position.

    A string is a name, an integer always a position, from the end if negative. Other types raise a TypeError; a column
    that does not exist, or a name that is not unique, raises a ValueError.
    """
    if isinstance(column, str):
        if names.count(column) != 1:
            found = f"the columns {names}" if names else "columns without names"
            raise ValueError(f"{parameter} is {column!r}, but {table} has {found}; expected the name of one of them.")
        return names.index(column)
    if not is_integer(column):
        raise TypeError(f"{describe(parameter, column)}; expected the name or the position of a column.")
    if not -n_columns <= column < n_columns:
        raise ValueError(f"{parameter} is {column}, but {table} has {n_columns} columns; expected one of them.")
    return int(column) % n_columns


def take_column(X: Any, position: int) -> Any:
    """Return the column at this position, (n_rows,), in the type of X, such as a pandas Series."""
    if not hasattr(X, "shape"):
        return [row[position] for row in X]
    if hasattr(X, "toarray"):
        return X[:, [position]].toarray().ravel()
    return X.iloc[:, position] if hasattr(X, "iloc") else X[:, position]


def drop_column(table: Any, position: int) -> Any:
    """Return a data frame or an array without the column at this position; a view of an array if possible."""
    n_columns = table.shape[1]
    if is_frame(table):
        by_position = table.iloc if hasattr(table, "iloc") else table
        return by_position[:, [j for j in range(n_columns) if j != position]]
    if position in (0, n_columns - 1):
        return table[:, 1:] if position == 0 else table[:, :-1]
    return np.delete(table, position, axis=1)


def get_column(X: Any, column: str | int, parameter: str, table: str = "X") -> Any:
    """Return the column of X, (n_rows,), given by a parameter, in the type of X; messages call X `table`.

    It is given as for `column_position`, or by the name of a level of a pandas index; ``"index"`` is an index without a
    name, as in `reset_index` of pandas.

    >>> get_column(np.array([[1, 2], [3, 4]]), -1, "time_column")
    array([2, 4])
    """
    shape = X.shape if hasattr(X, "shape") else _shape_of_list(X)
    if len(shape) != 2:
        raise ValueError(f"{parameter} is {column!r}, but {table} has shape {shape}; expected (n_samples, n_features).")
    level = index_level(X, column)
    if level is not None:
        return X.index.get_level_values(level)
    names, levels = column_names(X), _level_names(X)
    if isinstance(column, str) and levels and column not in names:
        raise ValueError(
            f"{parameter} is {column!r}, but {table} has the columns {names} and the index levels {levels}; expected "
            "the name of one of them."
        )
    found = take_column(X, column_position(column, shape[1], names, parameter, table))
    refuse_masked(found, f"{parameter}={column!r} of {table}")
    return found


def index_level(X: Any, name: Any) -> int | None:
    """Return the level of a pandas index with this name, or None if there is none, or a column has the name."""
    levels = _level_names(X)
    is_level = isinstance(name, str) and name in levels and name not in column_names(X)
    return levels.index(name) if is_level else None


def _level_names(X: Any) -> list[Any]:
    """Return the names of the levels of a pandas index, or an empty list for a table without an index."""
    if not hasattr(X, "index") or not is_frame(X):
        return []
    names = list(X.index.names)
    return ["index"] if names == [None] else names


def _shape_of_list(X: Any) -> tuple[int, ...]:
    """Return the shape of a list of rows, (n_rows,) if rows have different shapes."""
    shapes = {np.shape(row) for row in X}
    return (len(X), *shapes.pop()) if len(shapes) == 1 else (len(X),)


#: "lag_1", "sales_lag_1", "y_lag1_mean", "lag(1)", "lagged_1", "shifted_1", "x_t-1", "x(t - 1)", "t_minus_1", "y.L.1",
#: but not "flag_1", nor "t1", which may be the first timestep, nor "L1", which may be the first phase of a current.
_LAG = re.compile(
    r"^(?P<before>.*?)(?:(?P<t>[_\-. ]*(?<![^\W\d_])t)(?: ?- ?|_?minus_?)|[_\-. ]*(?:(?<![^\W\d_])"
    r"(?:lag(?:ged)?|shifted)[_\-. :=(\[]*|\.L\.))(?P<lag>\d+)(?P<after>\D*)$",
    re.IGNORECASE,
)


@final
class Lag(NamedTuple):
    """The content of a column name."""

    series: str  # what the column is a lag of, or its name
    lag: int | None  # how many timesteps ago the value was; None if the name does not say


def read_lags(names: Iterable[Any]) -> list[Lag]:
    """Return the content of column names; "y" beside "y_lag_1", and "x(t)" beside "x(t-1)", have the lag 0."""
    names = list(names)
    matches = [_LAG.match(name) if isinstance(name, str) else None for name in names]
    newest: dict[Any, str] = {}  # possible names of columns without a lag, and their series
    for match in filter(None, matches):
        series = _series(match)
        newest[series] = series
        if match["t"]:
            newest[match["before"] + match["t"] + match["after"]] = series
    return [
        Lag(newest.get(name, str(name)), 0 if name in newest else None)
        if match is None
        else Lag(_series(match), int(match["lag"]))
        for name, match in zip(names, matches, strict=True)
    ]


def _series(match: re.Match[str]) -> str:
    """Return the name of the column without its lag, and without the brackets around it."""
    name = match["before"] + match["after"]
    return name.translate(_BRACKETS) if match["after"] and match["after"][0] in ")]" else name


_BRACKETS = str.maketrans("", "", "()[]")


def warn_of_lags(X: Any, n_timesteps: int | None) -> None:
    """Warn if column names are those of lags, but not ordered from the oldest to the newest timestep.

    With `n_timesteps` None each column is a timestep; otherwise columns are ordered by timestep.
    """
    names = column_names(X)
    columns = read_lags(names)
    if sum(column.lag is not None for column in columns) < 2:
        return
    width = 1 if n_timesteps is None else max(1, len(columns) // n_timesteps)
    timesteps = [columns[first : first + width] for first in range(0, len(columns), width)]
    if any(lag is None for _, lag in columns) or any(len({lag for _, lag in timestep}) > 1 for timestep in timesteps):
        problem = "columns of different timesteps, or without a timestep, are grouped together"
    elif len({tuple(series for series, _ in timestep) for timestep in timesteps}) > 1:
        problem = "columns are grouped by series"
    elif any((later[0].lag or 0) >= (earlier[0].lag or 0) for earlier, later in pairwise(timesteps)):
        problem = "they are not ordered from the oldest to the newest"
    else:
        return
    shown = ", ".join(map(repr, names[:4])) + (", ..." if len(names) > 4 else "")
    warn(
        f"The columns of X, {shown}, are named like lags, but {problem}, while columns are read as "
        "consecutive timesteps. Use skrnn.preprocessing.LagsToSequences.",
        DataWarning,
    )
