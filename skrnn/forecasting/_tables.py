"""Tables of rows, and the series of each row."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._caching import cached_property
from skrnn._inputs._frames import refuse_dates
from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._tables import column_names, column_position, get_column, index_level, is_frame
from skrnn._inputs._values import encode_labels, read_labels, refuse_masked
from skrnn.forecasting._index import check_follows
from skrnn.forecasting._models import group_column

#: How many groups a message names.
_N_NAMED = 5


@final
@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each row of a table."""

    labels: NDArray[Any]  # (n_rows,)
    column: int | None  # the position of the column of the table that holds them, if one does
    level: int | None  # the level of its index that holds them, if one does
    name: Any  # of the column, the level or the labels; None if they have no name
    values: Any  # as passed by the user

    @cached_property
    def _encoded(self) -> tuple[list[Any], NDArray[np.intp]]:
        return encode_labels(self.labels)

    @property
    def distinct(self) -> list[Any]:
        """The groups, in order of appearance."""
        return self._encoded[0]

    @property
    def codes(self) -> NDArray[np.intp]:
        """The number of each row's group among them, (n_rows,)."""
        return self._encoded[1]


def read_groups(table: Any, groups: Any, name: str) -> Groups | None:
    """Return the groups of a table, which messages call `name`; None where all of its rows are one series.

    `groups` is the name of a column or of an index level, the position of a column, or one label per row.
    """
    if groups is None:
        return None
    refuse_masked(groups, "groups")
    if np.iterable(groups) and not isinstance(groups, str):
        return Groups(read_labels(groups, len(table), "groups"), None, None, getattr(groups, "name", None), groups)
    values = get_column(table, groups, "groups", name)
    labels, level = read_labels(values, len(table), f"groups={groups!r}"), index_level(table, groups)
    if level is not None:
        return Groups(labels, None, level, groups, values)
    if table.shape[1] < 2:
        raise ValueError(f"groups is {groups!r}, the only column of {name}; expected at least one more, with a series.")
    position = column_position(groups, table.shape[1], column_names(table), "groups", name)
    return Groups(labels, position, None, groups, values)


def list_groups(groups: list[Any]) -> str:
    """Return the first of these groups as text."""
    return ", ".join(map(str, groups[:_N_NAMED])) + (", ..." * (len(groups) > _N_NAMED))


@contextmanager
def naming_group(group: Any) -> Iterator[None]:
    """Let a ValueError that leaves the block say which group it is about; None: there are no groups."""
    try:
        yield
    except ValueError as error:
        if group is None:
            raise
        raise ValueError(f"Group {group!r}: {error}") from error


#: An ndarray or a pandas DataFrame of shape (n_rows, n_columns).
Table = Any

#: What the column of a series without a name is called where columns have names.
UNNAMED = "series"


def read_table(values: Any, name: str, unnamed: str = UNNAMED, least: int = 1) -> Table:
    """Return values (n_rows,) or (n_rows, n_columns) as a table; a DataFrame stays one, a Series becomes one.

    A Series without a name is called `unnamed`; `name` is the parameter in messages, `least` the least number of rows.
    """
    refuse_masked(values, name)
    if hasattr(values, "iloc"):
        table = values if values.ndim == 2 else values.to_frame(unnamed if values.name is None else values.name)
    else:
        table = _read_array(values, name)
    if len(table) < least or table.shape[1] < 1:
        raise ValueError(f"{name} has shape {table.shape}; expected at least {least} rows and one column.")
    return table


@settings_unchanged_on_error
def _read_array(values: Any, name: str) -> NDArray[np.floating]:
    """Return values as an array (n_rows, n_columns), float32 if they are, else float64."""
    with naming(name, "real numbers of shape (n_rows,) or (n_rows, n_columns)"):
        refuse_dates(values, name)
        array = np.asarray(values)
        if array.dtype.kind not in "fiubO":
            raise ValueError(f"{name} has dtype {array.dtype}; expected real numbers.")
        array = array.astype(np.float32 if array.dtype == np.float32 else np.float64, copy=False)
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}; expected (n_rows,) or (n_rows, n_columns).")
    _refuse_infinity(array, name)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _refuse_infinity(values: NDArray[np.floating], name: str) -> None:
    """Raise ValueError where values (n_rows,) or (n_rows, n_columns) are infinite; NaN is a missing one."""
    if np.isinf(values).any():
        row = int(np.argwhere(np.isinf(values))[0, 0])
        raise ValueError(
            f"{name} contains infinity in row {row}, or a number too large for {values.dtype}; expected finite "
            "numbers, or NaN for missing ones."
        )


def take(table: Any, positions: range | NDArray[np.intp]) -> Any:
    """Return rows of a table, an array or a sparse matrix by position; a view where they are evenly spaced."""
    rows: Any = np.asarray(positions, dtype=np.intp)
    step = rows[1] - rows[0] if len(rows) > 1 else 1
    if len(rows) and step > 0 and (np.diff(rows) == step).all():
        rows = slice(rows[0], rows[-1] + 1, step)
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]


def numbers(table: Table, columns: Sequence[int], name: str) -> NDArray[np.floating]:
    """Return columns of a table as real numbers, (n_rows, len(columns)), a copy; `name` is the table in messages."""
    if not is_frame(table):
        return table[:, columns]
    selected = table.iloc[:, columns]
    if any(getattr(dtype, "kind", "O") in "mM" for dtype in selected.dtypes):  # as numbers, they would be nanoseconds
        raise ValueError(
            f"{name} has columns {list(selected.columns)}, some of which contain dates or durations; expected real "
            "numbers. Dates belong in the index; identify several series by groups."
        )
    try:
        values = selected.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{name} has columns {list(selected.columns)}; expected real numbers: {error}. Identify several "
            "series by groups."
        ) from error
    _refuse_infinity(values, name)
    return values


def with_columns(table: Table, columns: Sequence[int], values: Sequence[NDArray[Any]]) -> Table:
    """Return a copy of a table with (n_rows,) new values in each of these columns."""
    table = table.copy()
    for position, of_column in zip(columns, values, strict=True):
        if is_frame(table):
            table.isetitem(position, of_column)
        else:
            table[:, position] = of_column
    return table


def beside(series: Table, exog: Any) -> Table:
    """Return the columns of `series`, then those of `exog` (None: none), as a table of the form of `series`."""
    if exog is None:
        return series
    exog = read_table(exog, "exog", unnamed="exog")
    if len(exog) != len(series):
        raise ValueError(f"exog has {len(exog)} rows, but series has {len(series)}; expected the same number.")
    if not is_frame(series):
        return np.column_stack([series, numbers(exog, range(exog.shape[1]), "exog")])
    import pandas as pd

    if not is_frame(exog):
        exog = pd.DataFrame(exog, index=series.index, columns=[f"exog{j}" for j in range(exog.shape[1])])
    if not exog.index.equals(series.index):
        raise ValueError("exog and series have different indices; expected the same index in the same order.")
    both = sorted(set(series.columns) & set(exog.columns), key=str)
    if both:
        raise ValueError(f"exog and series both have the columns {both}; expected different names.")
    return pd.concat([series, exog], axis=1)


def data_columns(model: Any, table: Table, name: str, groups: Groups | None = None) -> list[int]:
    """Return the columns of a table without that of the groups, if any; without `groups` raise if there are several."""
    positions = {None if groups is None else groups.column}
    of_model = group_column(model)
    if of_model is not None and index_level(table, of_model) is None:
        position = column_position(of_model, table.shape[1], column_names(table), "group_column of the model", name)
        positions.add(position)
    if of_model is not None and groups is None:
        n_groups = len(set(get_column(table, of_model, "group_column of the model", name).tolist()))
        if n_groups > 1:
            raise ValueError(
                f"{name} has {n_groups} groups in column {of_model!r}; expected the rows of one group, or "
                f"groups={of_model!r}."
            )
    return [j for j in range(table.shape[1]) if j not in positions]


def check_exog(history: Table, exog: Table, columns: list[int]) -> None:
    """Raise unless `exog` has the names of the last columns of the history, and an index that can follow its own."""
    if not (is_frame(history) and is_frame(exog)):
        return
    expected = [history.columns[j] for j in columns]
    if list(exog.columns) != expected:
        raise ValueError(f"exog has columns {list(exog.columns)}; expected {expected}, the last columns of history.")
    check_follows(exog.index, history.index)
