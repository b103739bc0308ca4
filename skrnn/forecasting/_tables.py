"""The tables that a model forecasts from: what came, and what is known of the rows that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._frames import refuse_dates, warn_unless_ordered
from skrnn._inputs._naming import naming
from skrnn._inputs._tables import column_names, column_position, is_frame, take_column
from skrnn._inputs._values import refuse_masked
from skrnn._inputs._warnings import warn
from skrnn.exceptions import DataWarning
from skrnn.forecasting._index import check_follows, continued_index, lengthened_index, warn_of_no_step
from skrnn.forecasting._models import group_column, n_history_rows, parts

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
            "numbers, or NaN where one is missing."
        )


def take(table: Any, positions: range | NDArray[np.intp]) -> Any:
    """Return the rows at these positions of a table, a 3-D array or a sparse matrix; a view where a range allows it."""
    rows: Any = positions
    if isinstance(positions, range):
        rows = slice(positions.start, positions.stop, positions.step)
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]


def numbers(table: Table, columns: Sequence[int], name: str) -> NDArray[np.floating]:
    """Return columns of a table as real numbers, (n_rows, len(columns)), a copy; `name` is the table in messages."""
    if not is_frame(table):
        return table[:, columns]
    selected = table.iloc[:, columns]
    if any(getattr(dtype, "kind", "O") in "mM" for dtype in selected.dtypes):  # as numbers, they would be nanoseconds
        raise ValueError(
            f"{name} has columns {list(selected.columns)}, of which some hold dates or durations; expected real "
            "numbers. Dates belong into the index."
        )
    try:
        values = selected.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} has columns {list(selected.columns)}; expected real numbers: {error}") from error
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
        raise ValueError(f"exog has {len(exog)} rows, but series has {len(series)}; expected as many.")
    if not is_frame(series):
        return np.column_stack([series, numbers(exog, range(exog.shape[1]), "exog")])
    import pandas as pd

    if not is_frame(exog):
        exog = pd.DataFrame(exog, index=series.index, columns=[f"exog{j}" for j in range(exog.shape[1])])
    if not exog.index.equals(series.index):
        raise ValueError("exog has another index than series; expected the same, row for row.")
    both = sorted(set(series.columns) & set(exog.columns), key=str)
    if both:
        raise ValueError(f"exog and series both have the columns {both}; expected different names.")
    return pd.concat([series, exog], axis=1)


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of X as in training, followed by rows of which all but the series is known.

    Attributes
    ----------
    known : ndarray or DataFrame of shape (n_known, n_columns)
        The rows as they came.
    table : ndarray or DataFrame of shape (n_known + n_ahead, n_columns)
        The same rows and those that follow, in which the columns of the series do not count.
    series : list of int
        The columns of the series, which are forecast.
    ahead : pandas index or None
        That of the rows after the known ones, as many as are forecast or as `exog` has; None where it is not known.
    """

    known: Table
    table: Table
    series: list[int]
    ahead: Any = None

    @property
    def n_known(self) -> int:
        """How many rows are known in all columns."""
        return len(self.known)

    @cached_property
    def values(self) -> NDArray[np.floating]:
        """The series, (n_known + n_ahead, n_series)."""
        return numbers(self.table, self.series, "history")

    @property
    def names(self) -> list[Any] | None:
        """The names of the series, or None where columns have none."""
        return [self.known.columns[j] for j in self.series] if is_frame(self.known) else None

    def truths(self, origins: Sequence[int], n_steps: int) -> NDArray[np.floating]:
        """Return the series at the steps after each origin, (n_origins, n_steps, n_series), NaN where not known."""
        known = np.full((self.n_known + n_steps, len(self.series)), np.nan, dtype=self.values.dtype)
        known[: self.n_known] = self.values[: self.n_known]
        return known[np.add.outer(origins, np.arange(1, n_steps + 1))]


def read_rows(model: Any, history: Table, exog: Any, n_steps: int) -> Rows:
    """Return the rows of a history as in training, and of the `n_steps` - 1 that follow what `exog` tells of them."""
    columns = data_columns(model, history, "history")
    warn_unless_ordered(history, None, "history")
    n_spanned = 1 + n_history_rows(model)
    if len(history) < n_spanned and not any(getattr(part, "carry_context", False) for part in parts(model)):
        warn(
            f"history has {len(history)} rows, but the windows of the model span {n_spanned}: padding stands in the "
            "place of the rows before them. Pass a longer history.",
            DataWarning,
        )
    if exog is None:
        ahead = _index_ahead(history, None, n_steps)
        return Rows(history, lengthened(history, n_steps - 1, ahead), columns, ahead)
    exog = read_table(exog, "exog", unnamed=history.columns[columns[-1]] if is_frame(history) else UNNAMED, least=0)
    n_series = len(columns) - exog.shape[1]
    if n_series < 1:
        raise ValueError(
            f"exog has {exog.shape[1]} columns, but history has {len(columns)}, those of the series included; expected "
            "fewer in exog."
        )
    _check_frames(history, exog, columns[n_series:])
    ahead = _index_ahead(history, exog, n_steps)
    table = lengthened(history, min(len(exog), n_steps), ahead)
    n_ahead = len(table) - len(history)
    others = columns[n_series:]
    values = [np.concatenate([take_column(history, j), take_column(exog, i)[:n_ahead]]) for i, j in enumerate(others)]
    return Rows(history, with_columns(table, others, values), columns[:n_series], ahead)


def data_columns(model: Any, table: Table, name: str) -> list[int]:
    """Return the columns of a table without that of the groups, if any; raise unless the rows are of one group."""
    of_groups = group_column(model)
    if of_groups is None:
        return list(range(table.shape[1]))
    position = column_position(of_groups, table.shape[1], column_names(table), "group_column of the model", name)
    groups = set(take_column(table, position).tolist())
    if len(groups) > 1:
        raise ValueError(f"{name} has {len(groups)} groups in column {of_groups!r}; expected the rows of one group.")
    return [j for j in range(table.shape[1]) if j != position]


def _check_frames(history: Table, exog: Table, columns: list[int]) -> None:
    """Raise unless `exog` has the names of the last columns of the history, and an index that can follow its own."""
    if not (is_frame(history) and is_frame(exog)):
        return
    expected = [history.columns[j] for j in columns]
    if list(exog.columns) != expected:
        raise ValueError(f"exog has columns {list(exog.columns)}; expected {expected}, the last columns of history.")
    check_follows(exog.index, history.index)


def _index_ahead(history: Table, exog: Table | None, n_steps: int) -> Any:
    """Return the index of the `n_steps` rows after a history, or of those of `exog`; None, with a word, if neither."""
    if not is_frame(history):
        return None
    ahead = continued_index(history.index, n_steps)
    if ahead is None and exog is not None and is_frame(exog):
        ahead = exog.index[:n_steps]
    if ahead is None or len(ahead) < n_steps:
        warn_of_no_step(history.index)
    return ahead


def lengthened(table: Table, n_rows: int, ahead: Any) -> Table:
    """Return a table with its last row repeated `n_rows` times; `ahead` is the index of these in a DataFrame."""
    if n_rows == 0:
        return table
    longer = take(table, np.minimum(np.arange(len(table) + n_rows), len(table) - 1))
    return longer.set_axis(lengthened_index(table.index, ahead, n_rows), axis=0) if is_frame(table) else longer
