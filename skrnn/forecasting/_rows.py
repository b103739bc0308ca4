"""The rows that a model forecasts from, and what is known of the rows that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._tables import column_names, column_position, is_frame, take_column
from skrnn.forecasting._index import continued_index, lengthened_index
from skrnn.forecasting._models import group_column
from skrnn.forecasting._tables import UNNAMED, Table, numbers, read_table, take, with_columns


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of X as in training, followed by rows of which all but the series is known.

    Attributes
    ----------
    known : ndarray or DataFrame of shape (n_known, n_columns)
        The rows as they came.
    table : ndarray or DataFrame of shape (n_known + n_ahead, n_columns)
        The same rows and those that follow, in which the columns of the series hold anything.
    series : list of int
        The columns of the series, which are forecast.
    """

    known: Table
    table: Table
    series: list[int]

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
    free = free_columns(model, history, "history")
    if exog is None:
        return Rows(history, lengthened(history, n_steps - 1), free)
    exog = read_table(exog, "exog", unnamed=history.columns[free[-1]] if is_frame(history) else UNNAMED, least=0)
    n_series = len(free) - exog.shape[1]
    if n_series < 1:
        raise ValueError(
            f"exog has {exog.shape[1]} columns, but history has {len(free)}, those of the series included; expected "
            "fewer in exog."
        )
    _check_frames(history, exog, free[n_series:])
    table = lengthened(history, min(len(exog), n_steps))
    n_ahead = len(table) - len(history)
    others = free[n_series:]
    values = [np.concatenate([take_column(history, j), take_column(exog, i)[:n_ahead]]) for i, j in enumerate(others)]
    return Rows(history, with_columns(table, others, values), free[:n_series])


def free_columns(model: Any, table: Table, name: str) -> list[int]:
    """Return the columns of a table of one group but for the one, if any, that says which group it is."""
    of_groups = group_column(model)
    if of_groups is None:
        return list(range(table.shape[1]))
    position = column_position(of_groups, table.shape[1], column_names(table), "group_column of the model", name)
    groups = set(take_column(table, position).tolist())
    if len(groups) > 1:
        raise ValueError(f"{name} has {len(groups)} groups in column {of_groups!r}; expected the rows of one group.")
    return [j for j in range(table.shape[1]) if j != position]


def lengthened(table: Table, n_rows: int) -> Table:
    """Return a table with its last row repeated `n_rows` times; the index of a DataFrame goes on."""
    if n_rows == 0:
        return table
    longer = take(table, np.minimum(np.arange(len(table) + n_rows), len(table) - 1))
    return longer.set_axis(lengthened_index(table.index, n_rows), axis=0) if is_frame(table) else longer


def _check_frames(history: Table, exog: Table, columns: list[int]) -> None:
    """Raise unless the names of `exog`, and its index, go on where those of the history end."""
    if not (is_frame(history) and is_frame(exog)):
        return
    expected = [history.columns[j] for j in columns]
    if list(exog.columns) != expected:
        raise ValueError(f"exog has columns {list(exog.columns)}; expected {expected}, the last columns of history.")
    index = continued_index(history.index, len(exog)) if len(exog) else None
    if index is not None and not (index == exog.index).all():
        raise ValueError(
            f"exog begins at {exog.index[0]}, but the row after history would be {index[0]}; expected its index to "
            "go on from that of history. An array without index is read as the rows that follow."
        )
