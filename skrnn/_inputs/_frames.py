"""Names and index of a data frame: chronological order, strings and dates."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from operator import eq, lt
from typing import Any

import numpy as np

from skrnn._inputs._messages import warn
from skrnn._inputs._tables import column_names, is_frame, take_column
from skrnn._inputs._values import ADVICE, as_array, encode_labels, strings_or_dates
from skrnn.exceptions import DataWarning

#: "2024-01", "2024-01-31", "2024-01-31 12:00:00", "2024-01-31T12:00:00Z".
_ISO_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([ T]\d{2}:\d{2}\S*)?)?")
#: Share of rows that repeat the time of the row before from which they are probably rows of several series.
_MANY = 0.25


def refuse_dates(X: Any, name: str) -> None:
    """Raise TypeError if a polars data frame has a date column, which would be converted to numbers."""
    for column, dtype in zip(column_names(X), X.dtypes if is_frame(X) else (), strict=True):
        if getattr(dtype, "is_temporal", bool)():
            raise TypeError(f"Column {column!r} of {name} contains dates, not numbers.{ADVICE['dates']}")


@contextmanager
def explaining(X: Any, of_strings: str = "") -> Iterator[None]:
    """Add to errors that leave the block where X contains strings or dates, and how to convert them to numbers.

    `of_strings` is an additional sentence for strings, after a space.
    """
    refuse_dates(X, "X")
    try:
        yield
    except (ValueError, TypeError) as error:
        names = column_names(X)
        columns = [take_column(X, position) for position in range(len(names))] or [X]
        kinds = [strings_or_dates(as_array(column)) for column in columns]
        kind = next(filter(None, kinds), "")
        if not kind:
            raise
        where = f"Column {names[kinds.index(kind)]!r} of X" if names else "X"
        hint = of_strings if kind == "strings" else ""
        what = f"{str(error).removesuffix(ADVICE[kind]).rstrip('.')}. " if kind == "strings" else ""
        raise type(error)(f"{what}{where} contains {kind}, not numbers.{hint}{ADVICE[kind]}") from error


def warn_unless_ordered(X: Any, labels: np.ndarray | None, name: str = "X") -> None:
    """Warn if the index of a pandas object decreases within a series: all rows, or those with the same label.

    Also if times, unlike plain numbers, are repeated so often that the rows are probably those of several series.
    """
    times = _times_of(X)
    of_group = "" if labels is None else " within a group"
    if _neighbours(times, labels, lt) is not None:
        warn(
            f"The index of {name} decreases{of_group}, but rows must be in chronological order. Sort a single series "
            f"with {name}.sort_index(), and split it with TimeSeriesSplit instead of shuffled folds; identify several "
            "series by groups.",
            DataWarning,
        )
    elif times is not None and (X.index.nlevels > 1 or times.dtype.kind not in "iuf"):
        twice = _all_neighbours(times, labels, eq)
        if len(twice) >= _MANY * len(times):
            first, second = twice[0].tolist()
            warn(
                f"The index of {name} has {len(twice)} repeated times{of_group}, such as {times[first]} in rows "
                f"{first} and {second}, but each row must be a step in time. Identify several series by groups.",
                DataWarning,
            )


def require_order(X: Any, labels: np.ndarray | None, name: str) -> None:
    """Raise ValueError if times in the index of a pandas object decrease within a series, or are missing.

    A time that occurs twice raises one too if the levels before it differ; otherwise it gives a warning, as do plain
    numbers that decrease, because they need not be times.
    """
    times = _times_of(X)
    if times is None or (X.index.nlevels == 1 and not _holds_times(times)):
        warn_unless_ordered(X, labels, name)
        return
    if times.hasnans:
        raise ValueError(
            f"The index of {name} has no time in row {int(np.argmax(times.isna()))}; expected one in each."
        )
    of_group = "" if labels is None else " within a group"
    of_labels = (k for k in range(X.index.nlevels) if not _holds_times(X.index.get_level_values(k)))
    level = X.index.names[next(of_labels, 0)] if X.index.nlevels > 1 else None
    advice = f"identify several series by groups{'' if level is None else f'={level!r}'}."
    back = _neighbours(times, labels, lt)
    if back is not None:
        before, after = (as_text(X.index[row]) for row in back)
        raise ValueError(
            f"The index of {name} decreases{of_group}, from {before} to {after} in row {back[1]}; expected rows in "
            f"chronological order. Sort a single series with {name}.sort_index(); {advice}"
        )
    twice = _neighbours(times, labels, eq)
    if twice is not None:
        _refuse_or_warn_of_twice(X.index, twice, f"The index of {name} has", of_group, advice)


def warn_unless_ends_agree(X: Any, labels: np.ndarray, parameter: str) -> None:
    """Warn if groups, whose rows are aligned at their ends, end at different times in the index of a pandas object.

    `parameter` is the one by which rows are aligned by these times instead.
    """
    name, times = name_of_times(X), _times_of(X)
    if name is None or len(labels) == 0 or not _holds_times(times):
        return
    codes = encode_labels(labels)[1]
    lasts = len(codes) - 1 - np.unique(codes[::-1], return_index=True)[1]
    earliest, latest = lasts[np.argsort(times[lasts].factorize(sort=True)[0])][[0, -1]].tolist()
    if times[latest] != times[earliest]:
        warn(
            f"The groups of X end at different times, such as {labels[earliest]!r} at {times[earliest]} and "
            f"{labels[latest]!r} at {times[latest]}, but their rows are aligned at the ends: some train on later times "
            f"than others are tested on. Set {parameter}={name!r} to align rows by their times.",
            DataWarning,
        )


def name_of_times(X: Any) -> str | None:
    """Return the name by which `get_column` finds the dates, periods or durations in a pandas index, or None."""
    if not is_frame(X) or not hasattr(X, "iloc"):
        return None
    names = ["index"] if list(X.index.names) == [None] else list(X.index.names)
    levels = [level for level in range(len(names)) if _holds_times(X.index.get_level_values(level))]
    return names[levels[-1]] if levels and isinstance(names[levels[-1]], str) else None


def _refuse_or_warn_of_twice(index: Any, rows: tuple[int, int], subject: str, of_group: str, advice: str) -> None:
    """Raise ValueError for the same time in two rows if other levels of the index differ, otherwise warn of it."""
    first, second = (as_text(index[row]) for row in rows)
    if first != second:
        raise ValueError(
            f"{subject} the same time twice{of_group}, {first} in row {rows[0]} and {second} in row {rows[1]}; "
            f"expected the rows of one series, or {advice}"
        )
    warn(
        f"{subject} {first} twice{of_group}, in rows {rows[0]} and {rows[1]}, but each row must be a step in time. "
        f"Remove duplicates, or {advice}",
        DataWarning,
    )


def as_text(entry: Any) -> str:
    """Return an entry of an index as text, without the types of numbers in several levels."""
    return f"({', '.join(map(str, entry))})" if isinstance(entry, tuple) else str(entry)


def _neighbours(times: Any, labels: np.ndarray | None, compare: Callable[[Any, Any], Any]) -> tuple[int, int] | None:
    """Return the first two successive rows of a series for which compare(later, earlier) is true, or None."""
    found = _all_neighbours(times, labels, compare)
    return (int(found[0, 0]), int(found[0, 1])) if len(found) else None


def _all_neighbours(times: Any, labels: np.ndarray | None, compare: Callable[[Any, Any], Any]) -> np.ndarray:
    """Return the pairs of successive rows of a series for which compare(later, earlier) is true, (n_pairs, 2)."""
    if times is None or (times.is_monotonic_increasing and times.is_unique):
        return np.empty((0, 2), dtype=np.intp)
    codes = np.zeros(len(times), dtype=np.intp) if labels is None else encode_labels(labels)[1]
    order = np.argsort(codes, kind="stable")
    times, codes = times[order], codes[order]
    found = np.flatnonzero(np.asarray(compare(times[1:], times[:-1])) & (codes[1:] == codes[:-1]))
    return np.column_stack([order[found], order[found + 1]])


def _times_of(X: Any) -> Any:
    """Return the index of a pandas object if it may contain times, otherwise None.

    With several levels these are numbers in the last ones, such as months after years or hours after days, combined;
    otherwise the last level of times.
    """
    index: Any = getattr(X, "index", None)
    if not hasattr(index, "is_monotonic_increasing"):
        return None
    levels = [index.get_level_values(k) for k in range(index.nlevels)]
    n_numbers = len(list(takewhile(lambda level: level.dtype.kind in "iuf", reversed(levels))))
    if n_numbers == 0:
        return next((level for level in reversed(levels) if _holds_times(level) or _holds_iso_dates(level)), None)
    n_before = index.nlevels - n_numbers
    if n_before and _holds_times(levels[n_before - 1]):
        n_before -= 1
    if index.nlevels - n_before == 1:
        return levels[-1]
    return type(levels[-1])(index.droplevel(list(range(n_before))).factorize(sort=True)[0])


def _holds_dates(index: Any) -> bool:
    return getattr(index.dtype, "kind", "O") == "M" or hasattr(index, "asfreq")


def _holds_times(index: Any) -> bool:
    """Return whether a pandas index contains dates, periods or durations."""
    return _holds_dates(index) or index.dtype.kind == "m" or index.inferred_type in ("date", "datetime")


def _holds_iso_dates(index: Any) -> bool:
    """Return whether a pandas index contains dates as strings, the year first, whose order is chronological."""
    is_iso = len(index) > 0 and isinstance(index[0], str) and _ISO_DATE.fullmatch(index[0]) is not None
    return is_iso and all(isinstance(label, str) and _ISO_DATE.fullmatch(label) is not None for label in index)


def warn_unless_aligned(X: Any, y: Any) -> None:
    """Warn if two pandas objects have the same index in different orders, because rows are matched by position."""
    first: Any = getattr(X, "index", None)
    second: Any = getattr(y, "index", None)
    if not (hasattr(first, "is_unique") and hasattr(second, "is_unique")) or first.equals(second):
        return
    if len(first) == len(second) and first.is_unique and second.is_unique and first.isin(second).all():
        warn(
            "X and y have the same index in different orders, but targets are matched to rows of X by position. Pass "
            "y.loc[X.index].",
            DataWarning,
        )


def warn_of_features(X: Any) -> None:
    """Warn if columns are read as timesteps but are named like features and the index contains dates."""
    names, index = column_names(X), getattr(X, "index", None)
    are_words = [isinstance(name, str) and not re.search(r"\d", name) for name in names]
    if len(names) < 2 or not all(are_words) or not hasattr(index, "dtype") or not _holds_dates(index):
        return
    warn(
        f"Each row of X is interpreted as a sequence of one feature, whose timesteps are the {len(names)} columns "
        f"{_shown(names)}. If the columns are features, and the dates of the index are the timesteps, make windows of "
        f"the rows with SlidingWindow; otherwise set n_timesteps={len(names)}.",
        DataWarning,
    )


def _shown(names: list[Any]) -> str:
    """Return the first names as text."""
    return ", ".join(map(repr, names[:4])) + (", ..." if len(names) > 4 else "")


def names_of_frames(entries: list[Any], name: str) -> Any:
    """Return the first of a list of data frames with the same columns, or None if not all are data frames.

    Different columns, or another order, raise a ValueError.
    """
    if not all(is_frame(entry) for entry in entries):
        return None
    expected = column_names(entries[0])
    for sample, entry in enumerate(entries):
        if column_names(entry) != expected:
            raise ValueError(
                f"{name} has the columns {column_names(entry)} in sample {sample}, but {expected} in sample 0; "
                "expected the same columns in the same order."
            )
    return entries[0]
