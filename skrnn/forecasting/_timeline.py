"""Where the rows of each group begin and end, what their times are, and those of the rows that follow."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._caching import cached_property
from skrnn._inputs._tables import is_frame
from skrnn.forecasting._index import continued_index
from skrnn.forecasting._tables import Groups


@final
@dataclass(frozen=True, eq=False)
class Timeline:
    """Rows, one group after another, each followed by `n_ahead` others, and their times."""

    firsts: NDArray[np.intp]  # the first row of each group, (n_groups,)
    lasts: NDArray[np.intp]  # its last known one
    n_ahead: int
    came_from: NDArray[np.intp]  # row of the user's table, (n_rows,); for rows that follow, that of the last known one
    times: Any  # of the known rows, a pandas Index; None if the table has none
    ahead: Any  # of the rows that follow, (n_groups * n_ahead,), NaT or None where not known; None like `times`
    n_timed: NDArray[np.intp]  # how many of the rows that follow have a time, (n_groups,)

    @property
    def n_known(self) -> NDArray[np.intp]:
        """How many rows of each group are known, (n_groups,)."""
        return self.lasts - self.firsts + 1

    @cached_property
    def known(self) -> NDArray[np.intp]:
        """The positions of the known rows, (n_known,)."""
        return np.flatnonzero(~self.are_beyond(np.arange(len(self.came_from))))

    @property
    def has_dates(self) -> bool:
        """Whether the times are dates or periods."""
        return getattr(getattr(self.times, "dtype", None), "kind", "O") == "M" or hasattr(self.times, "asfreq")

    def groups_of(self, positions: ArrayLike) -> NDArray[np.intp]:
        """Return the number of the group of each of these rows."""
        return np.searchsorted(self.firsts, positions, side="right") - 1

    def are_beyond(self, positions: ArrayLike) -> NDArray[np.bool_]:
        """Tell of each of these rows whether it follows the known ones of its group."""
        return np.asarray(positions) > self.lasts[self.groups_of(positions)]

    def places(self, positions: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return how many rows of the same group come before each of these."""
        return positions - self.firsts[self.groups_of(positions)]

    def of_group(self, group: int) -> Any:
        """Return the times of the known rows of a group, a pandas Index, or None."""
        shift = self.n_ahead * group
        return None if self.times is None else self.times[self.firsts[group] - shift : self.lasts[group] + 1 - shift]

    def are_timed(self, positions: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell of each of these rows whether its time is known."""
        groups = self.groups_of(positions)
        return positions <= (self.lasts + self.n_timed)[groups]

    def labels(self, positions: NDArray[np.intp]) -> NDArray[Any]:
        """Return the times of these rows, an array of their shape; their places in the group if there are none."""
        if self.times is None:
            return self.places(positions)
        labels = np.asarray(self.times_at(positions.ravel())).reshape(positions.shape)
        is_timed = self.are_timed(positions)
        if not is_timed.all() and not _may_be_missing(self.times):
            labels = labels.astype(object)
            labels[~is_timed] = None
        return labels

    def times_at(self, positions: NDArray[np.intp]) -> Any:
        """Return the times of these rows, a pandas Index (n_positions,)."""
        groups = self.groups_of(positions)
        beyond, shift = positions - self.lasts[groups], groups * self.n_ahead
        sources = np.where(beyond > 0, len(self.times) + shift + beyond - 1, positions - shift)
        return self._all_times[sources]

    @cached_property
    def _all_times(self) -> Any:
        """The times of the known rows, then those of the rows that follow."""
        import pandas as pd

        if (self.n_timed >= self.n_ahead).all() or _may_be_missing(self.times):
            return self.times.append(self.ahead)
        return pd.Index([*self.times, *self.ahead], dtype=object, tupleize_cols=False, name=self.ahead.name)

    def index(self, index: Any, groups: Groups | None) -> Any:
        """Return the index of all rows, given that of the rows that they came from; unknown times are None."""
        import pandas as pd

        if self.times is None:
            return index
        positions = np.arange(len(index))
        times = self._all_times if len(self.firsts) == 1 else self.times_at(positions)
        is_timed = self.are_timed(positions)
        if not is_timed.all():  # objects: what reads the time off the index then fails, and does not read a wrong one
            values = [time if has_time else None for time, has_time in zip(times, is_timed, strict=True)]
            times = pd.Index(values, dtype=object, tupleize_cols=False, name=times.name if times.nlevels == 1 else None)
        return with_times(index, times, groups)

    def index_ahead(self, n_steps: int, index: Any, groups: Groups | None) -> Any:
        """Return the index of the rows that follow, given that of all rows; without times it numbers the steps."""
        import pandas as pd

        n_groups, positions = len(self.firsts), np.add.outer(self.lasts, np.arange(1, n_steps + 1)).ravel()
        if (self.n_timed >= n_steps).all():
            times = self.ahead[:n_steps] if n_groups == 1 else self.times_at(positions)
        elif n_groups == 1:
            times = pd.RangeIndex(1, n_steps + 1, name="step")
        else:
            times = pd.Index(np.tile(np.arange(1, n_steps + 1), n_groups), name="step")
        return with_times(index[positions], times, groups, is_named=True)


def make_timeline(table: Any, groups: Groups | None, n_ahead: int, after: Any = None) -> Timeline:
    """Return the timeline of a table whose groups are followed by `n_ahead` rows each.

    Where the index of a group has no constant step, `after(time, label)` gives what is known of the times after its
    last one, a pandas Index, or None.
    """
    codes = np.zeros(len(table), dtype=np.intp) if groups is None else groups.codes
    n_known = np.bincount(codes)
    n_rows = n_known + n_ahead
    lasts = np.cumsum(n_rows) - n_ahead - 1
    firsts = lasts - n_known + 1
    places = np.minimum(np.arange(n_rows.sum()), np.repeat(lasts, n_rows)) - np.repeat(firsts, n_rows)
    order = np.argsort(codes, kind="stable")
    came_from = order[np.repeat(np.cumsum(n_known) - n_known, n_rows) + places]
    times = times_of(table.index, groups) if is_frame(table) else None
    times = times if times is None or groups is None else times[order]
    ahead, n_timed = None, np.zeros(len(firsts), dtype=np.intp)
    if times is not None:
        pieces = _pieces(times, groups, n_known, n_ahead, after)
        n_timed = np.array([len(piece) for piece in pieces])
        filled = [_filled(piece, times, n_ahead) for piece in pieces]
        ahead = filled[0].append(filled[1:]) if len(filled) > 1 else filled[0]
    return Timeline(firsts, lasts, n_ahead, came_from, times, ahead, n_timed)


def _pieces(times: Any, groups: Groups | None, n_known: NDArray[np.intp], n_ahead: int, after: Any) -> list[Any]:
    """Return what is known of the times of the `n_ahead` rows that follow each group."""
    pieces, labels = [], [None] if groups is None else groups.distinct
    for label, end, n_rows in zip(labels, np.cumsum(n_known), n_known, strict=True):
        of_group = times[end - n_rows : end]
        ahead = continued_index(of_group, n_ahead)
        if ahead is None and after is not None:
            ahead = after(of_group[-1], label)
        pieces.append(times[:0] if ahead is None else ahead[:n_ahead])
    return pieces


def _filled(ahead: Any, times: Any, n_ahead: int) -> Any:
    """Return `n_ahead` times, of which the last ones may be missing."""
    import pandas as pd

    n_missing = n_ahead - len(ahead)
    if n_missing == 0:
        return ahead
    if _may_be_missing(times):
        return ahead.append(pd.Index([pd.NaT] * n_missing, dtype=times.dtype, name=times.name))
    return pd.Index([*ahead, *[None] * n_missing], dtype=object, tupleize_cols=False, name=ahead.name)


def _may_be_missing(times: Any) -> bool:
    """Tell whether times are of a kind that has NaT."""
    import pandas as pd

    return isinstance(times, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)


def _time_level(index: Any, groups: Groups | None) -> int | None:
    """Return the level of an index that holds times: the last one that does not hold the groups; None if none does."""
    return next((level for level in reversed(range(index.nlevels)) if groups is None or level != groups.level), None)


def times_of(index: Any, groups: Groups | None) -> Any:
    """Return the times in the index of a table, or None."""
    if groups is None:
        return index
    level = _time_level(index, groups)
    return None if level is None else index.get_level_values(level)


def timed(table: Any, groups: Groups) -> Any:
    """Return a DataFrame whose index holds its times alone."""
    times = times_of(table.index, groups)
    return table if times is None else table.set_axis(times, axis=0)


def with_times(index: Any, times: Any, groups: Groups | None, *, is_named: bool = False) -> Any:
    """Return an index with other times, and with the groups and further levels as they were.

    With `is_named`, a level with the groups is added if nothing else in the table identifies them.
    """
    import pandas as pd

    if groups is None:
        return times
    level = _time_level(index, groups)
    levels = [times if at == level else index.get_level_values(at) for at in range(index.nlevels)]
    if level is None:
        levels.append(times)
    if is_named and groups.level is None and groups.column is None:
        distinct = pd.Index(groups.distinct, dtype=object, tupleize_cols=False).infer_objects()
        levels.insert(0, distinct.repeat(len(times) // len(distinct)).rename(groups.name))
    return levels[0] if len(levels) == 1 else pd.MultiIndex.from_arrays(levels, names=[one.name for one in levels])
