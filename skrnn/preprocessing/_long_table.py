"""A long table: the rows of each group in chronological order, and columns as numbers."""

from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._labels import encode_labels, read_labels
from skrnn._inputs._parameters import describe
from skrnn._inputs._tables import column_names, column_position, is_frame, take_column
from skrnn._inputs._times import Times


@final
class Groups(NamedTuple):
    """The groups of the rows of a table.

    Attributes
    ----------
    labels : ndarray of shape (n_groups,)
        The label of each group, in order of appearance.
    rows : list of ndarray of shape (n_timesteps,), int
        The rows of each group, in chronological order.
    """

    labels: NDArray[Any]
    rows: list[NDArray[np.intp]]


@final
class Gap(NamedTuple):
    """Two consecutive rows of a group whose distance in time is unusual."""

    label: Any
    before: int
    after: int


def check_table(table: Any) -> None:
    """Raise unless the table is a data frame with rows."""
    if not is_frame(table):
        raise TypeError(f"table has type {type(table).__name__}; expected a data frame of pandas or polars.")
    if len(table) == 0:
        raise ValueError("table has 0 rows; expected at least one.")


def find_column(table: Any, column: Any, parameter: str) -> int:
    """Return the position of a column given by name or position."""
    return column_position(column, table.shape[1], column_names(table), parameter, "table")


def read_groups(column: Any, name: str, times: Times | None) -> Groups:
    """Return the groups of the rows from a column of labels; without times, rows keep their order."""
    labels = read_labels(column, len(column), name)
    _, codes = encode_labels(labels)
    order = np.argsort(codes, kind="stable") if times is None else np.lexsort((times.values, codes))
    rows = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    return Groups(labels[[of_group[0] for of_group in rows]], rows)


def refuse_repeated(column: Any, name: str, times: Times, groups: Groups) -> None:
    """Raise ValueError if a group has two rows with the same time in this column."""
    for label, rows in zip(groups.labels.tolist(), groups.rows, strict=True):
        is_repeated = np.diff(times.values[rows]) == 0
        if is_repeated.any():
            first, second = rows[np.argmax(is_repeated) :][:2].tolist()
            raise ValueError(
                f"{name} is {entry_of(column, first)} in rows {first} and {second}, both of group {label!r}; expected "
                "each time only once per group."
            )


def find_gaps(times: Times, groups: Groups) -> list[Gap]:
    """Return, for each group that is not evenly spaced in time, the two rows with the most unusual distance."""
    gaps = []
    for label, rows in zip(groups.labels.tolist(), groups.rows, strict=True):
        values = times.values[rows]
        if len(values) > 2 and not (_are_even(values) or _are_even_months(values, times.unit)):
            steps = np.diff(values)
            usual = np.sort(steps)[(len(steps) - 1) // 2]
            place = int(np.argmax(np.abs(steps - usual)))
            gaps.append(Gap(label, int(rows[place]), int(rows[place + 1])))
    return gaps


def _are_even(values: NDArray[Any]) -> bool:
    """Tell whether values are evenly spaced, for floats up to rounding."""
    tolerance = 8 * np.finfo(np.float64).eps * np.abs(values).max() if values.dtype.kind == "f" else 0
    return bool(np.ptp(np.diff(values)) <= tolerance)


def _are_even_months(values: NDArray[Any], unit: np.dtype | None) -> bool:
    """Tell whether dates are evenly spaced in months: always on the same day of the month, or on the last."""
    if unit is None:
        return False
    dates = values.astype(np.dtype(unit.str.replace("m8", "M8")))
    months = dates.astype("M8[M]")
    from_start, to_end = dates - months, (months + 1).astype(dates.dtype) - dates
    is_same_day = bool((from_start == from_start[0]).all() or (to_end == to_end[0]).all())
    return is_same_day and _are_even(months.astype(np.int64))


def entry_of(column: Any, row: int) -> Any:
    """Return the entry of a data frame column in this row, counted from 0."""
    return column.iloc[row] if hasattr(column, "iloc") else column[row]


def read_features(table: Any, positions: list[int]) -> NDArray[np.floating]:
    """Return columns as numbers, (n_rows, n_columns): float32 if all are, otherwise float64; NaN where missing."""
    if not positions:
        raise ValueError("table has no feature column; expected at least one in addition to group, time and target.")
    columns = [take_column(table, position) for position in positions]
    others = [column_names(table)[j] for j, column in zip(positions, columns, strict=True) if not _is_numeric(column)]
    if others:
        raise ValueError(
            f"features has columns {others}, which are not numeric; expected columns of numbers. Encode them before, "
            "or select other columns."
        )
    numbers = [_as_numbers(column) for column in columns]
    dtype = np.float32 if all(column.dtype == np.float32 for column in numbers) else np.float64
    return np.column_stack(numbers).astype(dtype, copy=False)


def read_target(column: Any) -> NDArray[Any]:
    """Return a column of targets, numbers or labels, (n_rows,)."""
    return _as_numbers(column) if _is_numeric(column) else np.asarray(column)


def read_names(features: Any) -> list[Any]:
    """Return the columns in the parameter `features`."""
    if not isinstance(features, list | tuple | np.ndarray) and not hasattr(features, "tolist"):
        raise TypeError(f"{describe('features', features)}; expected a list of columns, or None.")
    names = list(features)
    if not names:
        raise ValueError("features is empty; expected at least one column, or None for all other columns.")
    return names


def _is_numeric(column: Any) -> bool:
    """Tell whether a data frame column contains numbers or booleans."""
    if hasattr(column, "iloc"):
        return column.dtype.kind in "fiub"
    return column.dtype.is_numeric() or str(column.dtype) == "Boolean"


def _as_numbers(column: Any) -> NDArray[Any]:
    """Return a column of numbers or booleans as an array, with NaN where missing."""
    values = np.asarray(column)
    if values.dtype.kind in "fiub":
        return values
    return column.to_numpy(dtype=float, na_value=np.nan) if hasattr(column, "iloc") else column.cast(float).to_numpy()
