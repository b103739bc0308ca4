"""The rows that a model forecasts from, group after group, and what is known of those that follow."""

from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._caching import cached_property
from skrnn._inputs._frames import require_order
from skrnn._inputs._messages import warn
from skrnn._inputs._tables import column_names, drop_column, is_frame, take_column
from skrnn.exceptions import DataWarning
from skrnn.forecasting._index import warn_of_no_step
from skrnn.forecasting._known_columns import Exog, Known, Panel, aligned, read_exog, read_panel, side_by_side
from skrnn.forecasting._models import group_column, n_history_rows, n_leads, parts, sees_column
from skrnn.forecasting._tables import (
    Groups,
    Table,
    beside,
    check_exog,
    data_columns,
    list_groups,
    naming_group,
    numbers,
    take,
    with_columns,
)
from skrnn.forecasting._timeline import Timeline, make_timeline


@final
@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of X as in training, one group after another, each followed by rows of which all but the series is known."""

    table: Table  # in the rows that follow, neither the columns of the series nor the index count
    series: list[int]  # its columns, which are forecast
    timeline: Timeline  # where each group begins and ends, and what its rows are called
    ends: NDArray[np.intp]  # the last row of each group in which all but the series is known, (n_groups,)
    groups: Groups | None  # of the rows in the user's table; None if all rows are one series
    n_before_groups: int = 0  # how many columns of the series come before that of the groups

    @cached_property
    def values(self) -> NDArray[np.floating]:
        """The series, (n_rows, n_series)."""
        return numbers(self.table, self.series, "history")

    @property
    def names(self) -> list[Any] | None:
        """The names of the series, or None where columns have none."""
        return [self.table.columns[j] for j in self.series] if is_frame(self.table) else None

    @property
    def labels(self) -> list[Any]:
        """The groups, [None] where all rows are one series."""
        return [None] if self.groups is None else self.groups.distinct

    @cached_property
    def _index(self) -> Any:
        return self.timeline.index(self.table.index, self.groups)

    def take(self, positions: range | NDArray[np.intp]) -> Table:
        """Return the rows at these positions, a DataFrame whose index continues where it can."""
        rows = take(self.table, positions)
        if is_frame(rows) and self.timeline.are_beyond(positions).any():
            rows = rows.set_axis(self._index[positions], axis=0)
        return rows

    def known_values(self) -> NDArray[np.floating]:
        """Return the series as passed by the user, (n_known, n_series), in the order of the user's table."""
        positions = self.timeline.known
        values = np.empty((len(positions), len(self.series)), dtype=self.values.dtype)
        values[self.timeline.came_from[positions]] = self.values[positions]
        return values

    def truths(self, origins: NDArray[np.intp], n_steps: int) -> NDArray[np.floating]:
        """Return the series at the steps after each origin, (n_origins, n_steps, n_series), NaN where not known."""
        positions = np.add.outer(origins, np.arange(1, n_steps + 1))
        truths = self.values[positions]
        truths[self.timeline.are_beyond(positions)] = np.nan
        return truths


def read_rows(
    model: Any, history: Any, exog: Any, n_steps: int, groups: Any = None, known_ahead: Any = None, static: Any = None
) -> Rows:
    """Return the rows of a history as in training, and those that follow, with what is known of them."""
    panel = read_panel(history, "history", groups, known_ahead, static)
    ahead = None if exog is None else read_exog(panel, exog, data_columns(model, panel.table, "history", panel.groups))
    n_at_once = _count_leads(model, panel, panel.table)
    rows = _make_rows(model, panel, panel.table, n_steps, n_at_once, "history", ahead)
    _warn_of_short(model, rows)
    rows = rows if ahead is None else _followed_by(rows, ahead)
    _warn_of_no_times(rows, n_steps)
    numbers(rows.table, rows.series, "history")  # raises if they are none
    rows = _with_known(rows, panel, n_at_once, (n_steps - 1) // n_at_once * n_at_once)
    return _as_seen(model, rows)


def read_series(
    model: Any, series: Any, exog: Any, n_steps: int, groups: Any = None, known_ahead: Any = None, static: Any = None
) -> Rows:
    """Return the rows of a series and its `exog` as in training, and those that follow."""
    panel = read_panel(series, "series", groups, known_ahead, static)
    table = beside(panel.table, aligned(exog, panel.table, panel.groups))
    n_at_once = _count_leads(model, panel, table)
    rows = _make_rows(model, panel, table, n_steps, n_at_once, "series")
    if exog is not None:
        n_exog = table.shape[1] - panel.table.shape[1]
        rows = replace(rows, series=rows.series[:-n_exog], ends=rows.timeline.lasts)
    numbers(rows.table, rows.series, "series")  # raises if they are none
    return _as_seen(model, _with_known(rows, panel, n_at_once, -n_at_once))


def _count_leads(model: Any, panel: Panel, table: Table) -> int:
    """Return how many steps ahead the model sees of what is known ahead; 1 if there is nothing such."""
    if panel.known is None:
        return 1
    n_others = table.shape[1] + (0 if panel.static is None else panel.static.shape[1])
    has_column = panel.groups is not None and panel.groups.column is not None
    if has_column and group_column(model) is None:
        n_others -= 1  # the networks that read sequences have not seen it
    return n_leads(model, column_names(panel.known.columns), panel.known.columns.shape[1], n_others)


def _make_rows(
    model: Any, panel: Panel, table: Table, n_steps: int, n_at_once: int, name: str, exog: Exog | None = None
) -> Rows:
    """Return the rows of a table, group after group, each followed by its last one as often as there are steps.

    Steps are those of whole blocks of `n_at_once`.
    """
    of_rows, known = panel.groups, panel.known
    columns = data_columns(model, table, name, of_rows)
    require_order(table, of_rows and of_rows.labels, name)
    n_ahead = -(-n_steps // n_at_once) * n_at_once
    after = known.after if known is not None else exog.after if exog is not None else None
    timeline = make_timeline(table, of_rows, n_ahead, after)
    return Rows(take(table, timeline.came_from), columns, timeline, timeline.lasts + n_ahead, of_rows)


def _with_known(rows: Rows, panel: Panel, n_at_once: int, n_needed: int) -> Rows:
    """Return rows beside the columns of the `n_at_once` steps after each that are known ahead, and those of groups.

    The columns must be there for each row up to `n_needed` rows after the last known one.
    """
    timeline = rows.timeline
    positions = np.arange(len(rows.table))
    groups = timeline.groups_of(positions)
    if panel.known is None:
        return replace(rows, table=side_by_side(rows.table, panel.static_at(groups)))
    found = np.append(_find_known(rows, panel.known), -1)
    ends = (timeline.lasts + timeline.n_ahead)[groups]
    targets = np.add.outer(np.arange(1, n_at_once + 1), positions)
    targets[targets > ends] = len(positions)
    is_missing = found[targets] < 0
    is_lacking = is_missing & (positions <= (timeline.lasts + n_needed)[groups])
    if is_lacking.any():
        row = targets[is_lacking].min()
        label = rows.labels[groups[row]]
        raise panel.known.missing(timeline.labels(np.array([row]))[0], label)
    incomplete = np.where(is_missing.any(axis=0), positions, len(positions))
    n_complete = np.minimum.reduceat(incomplete, timeline.firsts)
    ahead = [panel.known.of_rows(np.maximum(found[of_step], 0), step + 1) for step, of_step in enumerate(targets)]
    return replace(
        rows,
        table=side_by_side(rows.table, [*ahead, *panel.static_at(groups)]),
        ends=np.minimum(rows.ends, np.minimum(n_complete - 1, timeline.lasts + timeline.n_ahead)),
    )


def _find_known(rows: Rows, known: Known) -> NDArray[np.intp]:
    """Return for each row where it is among those that are known ahead, -1 where it is not."""
    timeline = rows.timeline
    positions = np.arange(len(rows.table))
    if known.times is None:
        places = timeline.places(positions)
        return np.where(places < len(known.columns), places, -1)
    is_timed = timeline.are_timed(positions)
    timed_rows = positions[is_timed]
    labels = None
    if rows.groups is not None:
        labels = rows.groups.labels[timeline.came_from[timed_rows]]
    found = np.full(len(positions), -1)
    found[is_timed] = known.find(timeline.times_at(timed_rows), labels)
    return found


def _as_seen(model: Any, rows: Rows) -> Rows:
    """Return the rows without the column of the groups, if the model was fitted without it."""
    column = None if rows.groups is None else rows.groups.column
    if column is None:
        return rows
    rows = replace(rows, n_before_groups=sum(position < column for position in rows.series))
    if sees_column(model, rows.table, column):
        return rows
    series = [position - (position > column) for position in rows.series]
    return replace(rows, table=drop_column(rows.table, column), series=series)


def _warn_of_short(model: Any, rows: Rows) -> None:
    """Warn of histories that do not fill a window."""
    n_spanned = 1 + n_history_rows(model)
    n_known = rows.timeline.n_known
    short = np.flatnonzero(n_known < n_spanned)
    if len(short) == 0 or any(getattr(part, "carry_context", False) for part in parts(model)):
        return
    if rows.groups is None:
        problem = f"history has {n_known[0]} rows, but the windows of the model have {n_spanned}"
    else:
        problem = (
            f"{len(short)} of {len(n_known)} groups in history have fewer rows than the windows of the model, "
            f"{n_spanned}: {list_groups([rows.labels[group] for group in short])}"
        )
    warn(f"{problem}. The missing rows are replaced by padding. Pass a longer history.", DataWarning)


def _warn_of_no_times(rows: Rows, n_steps: int) -> None:
    """Warn where forecasts have no labels, though those of the history have an order."""
    timeline = rows.timeline
    lacking = np.flatnonzero(timeline.n_timed < n_steps)
    if timeline.times is not None and len(lacking):
        group = int(lacking[np.argmax(timeline.n_known[lacking] > 1)])  # a single row shows no step
        warn_of_no_step(timeline.of_group(group), rows.labels[group])


def _followed_by(rows: Rows, ahead: Exog) -> Rows:
    """Return the rows with the values of `exog` in the rows that follow."""
    exog, n_given = ahead.table, ahead.n_given
    n_series = len(rows.series) - exog.shape[1]
    if n_series < 1:
        raise ValueError(
            f"exog has {exog.shape[1]} columns, but history has {len(rows.series)}, including those of the series; "
            "expected fewer columns in exog."
        )
    others, timeline = rows.series[n_series:], rows.timeline
    for group, label in enumerate(rows.labels):
        with naming_group(label):
            known = take(rows.table, range(timeline.firsts[group], timeline.lasts[group] + 1))
            if timeline.times is not None:
                known = known.set_axis(timeline.of_group(group), axis=0)
            check_exog(known, ahead.of_group(group), others)
    starts = np.cumsum(n_given) - n_given
    steps = np.arange(timeline.n_ahead)
    n_used = np.minimum(n_given, timeline.n_ahead)
    is_given = steps < n_used[:, np.newaxis]
    targets, sources = np.add.outer(timeline.lasts + 1, steps)[is_given], np.add.outer(starts, steps)[is_given]
    values = [
        _replaced(take_column(rows.table, position), targets, take(take_column(exog, i), sources))
        for i, position in enumerate(others)
    ]
    table = with_columns(rows.table, others, values)
    return replace(rows, table=table, series=rows.series[:n_series], ends=timeline.lasts + n_used)


def _replaced(column: Any, positions: NDArray[np.intp], values: Any) -> NDArray[Any]:
    """Return a column, (n_rows,), with other values at these positions, of a dtype that holds both."""
    joined = np.concatenate([column, values])
    sources = np.arange(len(column))
    sources[positions] = np.arange(len(column), len(joined))
    return joined[sources]
