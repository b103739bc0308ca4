"""Columns that are not forecast: known ahead or static, matched by group and time, or known after a history."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._parameters import is_integer
from skrnn._inputs._tables import column_names, drop_column, index_level, is_frame
from skrnn._inputs._values import real_numbers, refuse_masked
from skrnn.forecasting._index import kind_of_index
from skrnn.forecasting._tables import UNNAMED, Groups, Table, list_groups, read_groups, read_table, take
from skrnn.forecasting._timeline import timed, times_of


@final
@dataclass(frozen=True, eq=False)
class Known:
    """Columns that are known in advance, for one series, for each group, or for all groups."""

    columns: Table
    times: Any  # of each row, a pandas Index; None for an array, whose rows start with the first one of the series
    labels: NDArray[Any] | None  # the group of each row; None if the columns are the same for all groups
    name: str = "known_ahead"  # in messages

    def find(self, times: Any, labels: NDArray[Any] | None) -> NDArray[np.intp]:
        """Return the row for each of these times, a pandas Index (n_times,), and groups, -1 if there is none."""
        keys = _keys(self.times, self.labels)
        if not keys.is_unique:
            raise ValueError(f"{self.name} has several rows for {_shown(keys[keys.duplicated()][0])}; expected one.")
        return np.asarray(keys.get_indexer(_keys(times, None if self.labels is None else labels)))

    def find_rows(self, table: Table, groups: Groups | None, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the row for each of these rows of a table; raise ValueError if there is none."""
        labels = None if groups is None else groups.labels[rows]
        if self.times is None:
            times, found = rows, np.where(rows < len(self.columns), rows, -1)
        else:
            times = times_of(table.index, groups)[rows]
            found = self.find(times, labels)
        if (found < 0).any():
            first = int(np.argmax(found < 0))
            raise self.missing(times[first], None if labels is None else labels[first])
        return found

    def check_kind(self, times: Any, labels: NDArray[Any] | None) -> None:
        """Raise ValueError if there is no row for any of the times of a series because they are of another kind."""
        if times is None or self.times is None:
            return
        came, expected = kind_of_index(self.times), kind_of_index(times)
        if came != expected and (self.find(times, labels) < 0).all():
            raise ValueError(f"{self.name} has {came} in its index, but the series has {expected}; expected the same.")

    def missing(self, time: Any, label: Any) -> ValueError:
        """Return the error for a missing row of a time and group."""
        where = time if self.labels is None else _shown((label, time))
        return ValueError(
            f"{self.name} has no row for {where}; expected one for each row of the series from the second on, and for "
            "each step to forecast."
        )

    def after(self, time: Any, label: Any) -> Any:
        """Return the times of a group after this one, or None."""
        if self.times is None:
            return None
        times = self.times if self.labels is None else self.times[self.labels == label]
        return times[times > time].sort_values()

    def of_rows(self, rows: NDArray[np.intp], step: int) -> Table:
        """Return the columns in these rows, with the number of steps ahead in their names."""
        columns = take(self.columns, rows)
        return columns.add_suffix(f"_t+{step}") if is_frame(columns) else columns


@final
@dataclass(frozen=True, eq=False)
class Panel:
    """A table of one series or of several groups, and the other known columns."""

    table: Table  # without columns that are in the other attributes
    groups: Groups | None  # of each row; None if all are one series
    known: Known | None
    static: Table | None  # the columns of each group, (n_groups, n_static)

    def static_at(self, groups: NDArray[np.intp]) -> list[Table]:
        """Return a list of the columns of these groups, by number; an empty list if there are none."""
        return [] if self.static is None else [take(self.static, groups)]


def read_panel(values: Any, name: str, groups: Any, known_ahead: Any, static: Any) -> Panel:
    """Return the rows of `values`, called `name` in messages, with their groups and the other known columns.

    A column that is also in `known_ahead` or `static` is not a series; for `known_ahead` it is its past.
    """
    if isinstance(groups, str) and is_frame(values) and not hasattr(values, "iloc"):
        raise ValueError(
            f"groups is {groups!r}, but {name} has type {type(values).__module__}.{type(values).__name__}, whose "
            "columns cannot be named here; expected a DataFrame of pandas, or groups as one label per row."
        )
    table = read_table(values, name)
    if is_frame(table) and is_integer(groups) and -table.shape[1] <= groups < table.shape[1]:
        groups = table.columns[groups] if isinstance(table.columns[groups], str) else groups
    beside = {column for other in (known_ahead, static) for column in _names(other)}
    of_groups = groups if isinstance(groups, str) else getattr(groups, "name", None)
    shared = [is_frame(table) and column in beside and column != of_groups for column in column_names(table)]
    past = None
    if any(shared):
        table, past = table.loc[:, np.logical_not(shared)], table.loc[:, shared]
    of_rows = read_groups(table, groups, name)
    return Panel(table, of_rows, read_known(known_ahead, past, table, of_rows), read_static(static, table, of_rows))


def _names(values: Any) -> list[Any]:
    """Return the names of the columns of a DataFrame, or of a Series."""
    return column_names(values) if is_frame(values) else [values.name] if hasattr(values, "iloc") else []


def _keys(times: Any, labels: NDArray[Any] | None) -> Any:
    """Return an index of times, or of groups and times."""
    import pandas as pd

    return times if labels is None else pd.MultiIndex.from_arrays([np.asarray(labels, dtype=object), times])


def _shown(key: Any) -> str:
    """Return a time, or a group and a time, as text."""
    return f"{key[1]} of group {key[0]!r}" if isinstance(key, tuple) else str(key)


def read_known(values: Any, past: Table | None, table: Table, groups: Groups | None) -> Known | None:
    """Return `known_ahead`, completed by `past`, the columns of the same names beside the rows of a table."""
    if values is None:
        return None
    columns = read_table(values, "known_ahead", unnamed="known_ahead")
    if not is_frame(columns):
        if groups is not None:
            raise ValueError("known_ahead is an array without times, but there are groups; expected a DataFrame.")
        return Known(_framed(columns, "known_ahead", table), None, None)
    if not is_frame(table):
        raise ValueError("known_ahead has times in its index, but the series is an array; expected an array too.")
    of_known = _groups_in(columns, groups, "known_ahead")
    times = times_of(columns.index, of_known)
    if times is None:
        raise ValueError("known_ahead has groups in its index, but no times; expected both. See static.")
    if of_known is not None and of_known.column is not None:
        columns = drop_column(columns, of_known.column)
    known = Known(columns, times, None if of_known is None else of_known.labels)
    known.check_kind(times_of(table.index, groups), None if groups is None else groups.labels)
    return known if past is None else _completed(known, past, table, groups)


def aligned(exog: Any, table: Table, groups: Groups | None) -> Any:
    """Return `exog` in the order of a table's rows if it identifies its groups in the same way; else unchanged."""
    if exog is None or groups is None or not is_frame(table) or not hasattr(exog, "iloc"):
        return exog
    columns = read_table(exog, "exog", unnamed="exog")
    of_exog = _groups_in(columns, groups, "exog")
    if of_exog is None or (of_exog.column is None and columns.index.equals(table.index)):
        return exog
    times = times_of(columns.index, of_exog)
    if times is None:
        raise ValueError("exog has groups in its index, but no times; expected both.")
    if of_exog.column is not None:
        columns = drop_column(columns, of_exog.column)
    rows = Known(columns, times, of_exog.labels, "exog").find_rows(table, groups, np.arange(len(table)))
    return take(columns, rows).set_axis(table.index, axis=0)


def _completed(known: Known, past: Table, table: Table, groups: Groups | None) -> Known:
    """Return columns completed by missing rows of the past."""
    import pandas as pd

    if set(past.columns) != set(known.columns.columns):
        return known
    times, labels = times_of(table.index, groups), None if groups is None else groups.labels
    keys = _keys(times, None if known.labels is None else labels)
    lacks = (known.find(times, labels) < 0) & ~keys.duplicated()
    return Known(
        pd.concat([past.loc[lacks, known.columns.columns], known.columns]),
        times[lacks].append(known.times),
        None if known.labels is None or labels is None else np.concatenate([labels[lacks], known.labels], dtype=object),
    )


def read_static(values: Any, table: Table, groups: Groups | None) -> Table | None:
    """Return the columns of each group, (n_groups, n_columns), in the order of appearance of groups."""
    if values is None:
        return None
    if groups is None:
        raise ValueError("static is given, but groups is None; expected both: a row for each group.")
    columns = read_table(values, "static", unnamed="static")
    if not is_frame(columns):
        if len(columns) != len(groups.distinct):
            raise ValueError(f"static has {len(columns)} rows; expected {len(groups.distinct)}, one for each group.")
        return _framed(columns, "static", table)
    if not is_frame(table):
        raise ValueError("static has an index, but the series is an array; expected an array too.")
    import pandas as pd

    of_rows = _groups_in(columns, groups, "static")
    labels = pd.Index(columns.index if of_rows is None else np.asarray(of_rows.labels, dtype=object), dtype=object)
    if not labels.is_unique:
        twice = labels[labels.duplicated()][0]
        raise ValueError(f"static has several rows for {twice!r}; expected one for each group.")
    found = labels.get_indexer(pd.Index(groups.distinct, dtype=object, tupleize_cols=False))
    if (found < 0).any():
        missing = [groups.distinct[group] for group in np.flatnonzero(found < 0)]
        raise ValueError(f"static lacks {len(missing)} groups: {list_groups(missing)}.")
    if of_rows is not None and of_rows.column is not None:
        columns = drop_column(columns, of_rows.column)
    return take(columns, found)


def _groups_in(table: Table, groups: Groups | None, name: str) -> Groups | None:
    """Return the groups of a table by the name that they have elsewhere, or None if there are none."""
    of = None if groups is None else groups.name
    if of is None or not (of in table.columns or index_level(table, of) is not None):
        return None
    return read_groups(table, of, name)


def _framed(columns: Table, name: str, table: Table) -> Table:
    """Return an array with column names, if a table has any."""
    if not is_frame(table):
        return columns
    import pandas as pd

    return pd.DataFrame(columns, columns=[f"{name}{j}" for j in range(columns.shape[1])])


def side_by_side(table: Table, others: list[Table]) -> Table:
    """Return the columns of several tables with the same rows, with the index of the first."""
    if not others or not is_frame(table):
        return np.column_stack([table, *others]) if others else table
    import pandas as pd

    joined = pd.concat([table, *(other.set_axis(table.index, axis=0) for other in others)], axis=1)
    if joined.columns.has_duplicates:
        twice = list(joined.columns[joined.columns.duplicated()])
        raise ValueError(f"The columns {twice} occur more than once; expected different names.")
    return joined


@final
@dataclass(frozen=True, eq=False)
class Exog:
    """Rows after those of each group."""

    table: Table  # one group after another; the index of a DataFrame holds times alone
    n_given: NDArray[np.intp]  # how many rows each group has, (n_groups,)
    labels: list[Any]  # the groups; [None] where all rows are one series

    def of_group(self, group: int) -> Table:
        """Return the rows of a group, by number."""
        end = int(self.n_given[: group + 1].sum())
        return take(self.table, range(end - int(self.n_given[group]), end))

    def after(self, time: Any, label: Any) -> Any:
        """Return the times of the rows of a group, a pandas Index, or None."""
        return self.of_group(self.labels.index(label)).index if is_frame(self.table) else None


@settings_unchanged_on_error
def read_exog(panel: Panel, exog: Any, columns: list[int]) -> Exog:
    """Return the rows after those of a panel; `columns` are those of its table but for the groups."""
    unnamed = panel.table.columns[columns[-1]] if is_frame(panel.table) else UNNAMED
    if panel.groups is None:
        table = read_table(exog, "exog", unnamed, least=0)
        return Exog(table, np.array([len(table)]), [None])
    labels = panel.groups.distinct
    if not hasattr(exog, "iloc"):
        refuse_masked(exog, "exog")
        with naming("exog", "real numbers of shape (n_groups, n_steps, n_exog), or a DataFrame"):
            exog = real_numbers(exog, "exog")
        if exog.ndim != 3 or len(exog) != len(labels):
            raise ValueError(
                f"exog has shape {exog.shape}; expected ({len(labels)}, n_steps, n_exog), one sequence or group after "
                "another, or a DataFrame that identifies its groups in the same way as history."
            )
        return Exog(exog.reshape(-1, exog.shape[2]), np.full(len(labels), exog.shape[1]), labels)
    exog = read_table(exog, "exog", unnamed)
    of_exog = read_groups(exog, panel.groups.name, "exog")
    if of_exog is None:
        raise ValueError("groups are labels without a name; expected exog of shape (n_groups, n_steps, n_exog).")
    missing = [label for label in labels if label not in set(of_exog.distinct)]
    if missing:
        raise ValueError(f"exog lacks {len(missing)} groups of history: {list_groups(missing)}.")
    numbers_of = {label: number for number, label in enumerate(labels)}
    codes = np.array([numbers_of.get(label, -1) for label in of_exog.distinct])[of_exog.codes]
    kept = np.argsort(codes, kind="stable")[(codes < 0).sum() :]
    exog = timed(take(exog, kept), of_exog)
    table = exog if of_exog.column is None else drop_column(exog, of_exog.column)
    return Exog(table, np.bincount(codes[kept]), labels)
