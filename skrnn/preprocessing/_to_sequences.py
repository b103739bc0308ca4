"""From a long table with the rows of many groups to a list of sequences."""

from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import check_flag, describe
from skrnn._inputs._tables import column_names, column_position, get_column, index_level, is_frame, take_column
from skrnn._inputs._times import Times, read_times
from skrnn._inputs._values import as_array, encode_labels, find_missing, read_labels
from skrnn.exceptions import DataWarning


@final
class Groups(NamedTuple):
    """The groups of the rows of a table."""

    labels: NDArray[Any]  # of each group, in order of appearance
    rows: list[NDArray[np.intp]]  # of each group, in chronological order


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


def _read_column(table: Any, column: Any, parameter: str) -> Any:
    """Return a column, or a level of a pandas index as a column."""
    found = get_column(table, column, parameter, "table")
    return found.to_series() if hasattr(found, "to_series") else found


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
        if len(values) > 2 and not (
            _are_even(values, times.precision)
            or _are_even_months(values, times.unit)
            or _are_even_in_zone(values, times)
        ):
            steps = np.diff(values)
            usual = np.sort(steps)[(len(steps) - 1) // 2]
            place = int(np.argmax(np.abs(steps - usual)))
            gaps.append(Gap(label, int(rows[place]), int(rows[place + 1])))
    return gaps


def _are_even(values: NDArray[Any], precision: float = 0.0) -> bool:
    """Tell whether values are evenly spaced, floats up to rounding with this relative precision."""
    tolerance = 8 * precision * np.abs(values).max() if values.dtype.kind == "f" else 0
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


def _are_even_in_zone(values: NDArray[np.int64], times: Times) -> bool:
    """Tell whether dates of a time zone, in UTC, are evenly spaced days or months at the same time of its clock."""
    if times.zone is None or times.unit is None:
        return False
    try:
        from pandas import DatetimeIndex
    except ImportError:  # the dates are those of polars
        return False
    dates = DatetimeIndex(values.astype(np.dtype(times.unit.str.replace("m8", "M8"))))
    clock = dates.tz_localize("UTC").tz_convert(times.zone).tz_localize(None)
    days = clock.normalize()
    # the clock may leave this time out on one of the days, or show it twice
    is_first = np.ones(len(days), dtype=bool)
    same = (days + (clock - days).min()).tz_localize(times.zone, nonexistent="shift_forward", ambiguous=is_first)
    shown = days.to_numpy().astype(np.int64)
    return bool((same.tz_localize(None) == clock).all()) and (_are_even(shown) or _are_even_months(shown, times.unit))


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


@final
class TableSequences(tuple[Any, Any]):
    """X and y of the groups of a long table, and their rows.

    Returned by :func:`to_sequences`. It unpacks into two, ``X, y = to_sequences(table, ...)``.

    Parameters
    ----------
    X : list of ndarray of shape (n_timesteps, n_features)
        The sequence of each group, oldest timestep first.
    y : ndarray of shape (n_groups,), list of ndarray of shape (n_timesteps,), or None
        The target of each sequence, or of each timestep; None if there was no target column.
    groups : ndarray of shape (n_groups,)
        The label of each group.
    rows : list of ndarray of shape (n_timesteps,), int
        The positions of the rows of each sequence in the table.
    """

    X: list[NDArray[np.floating]]
    y: Any
    groups: NDArray[Any]
    rows: list[NDArray[np.intp]]

    def __new__(cls, X: Any, y: Any, groups: NDArray[Any], rows: list[NDArray[np.intp]]) -> "TableSequences":
        """Create the pair."""
        self = super().__new__(cls, (X, y))
        self.X, self.y, self.groups, self.rows = X, y, groups, rows
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return the arguments for a copy."""
        return self.X, self.y, self.groups, self.rows

    def __repr__(self) -> str:
        """Return the number of sequences and their sizes."""
        lengths = [len(sequence) for sequence in self.X]
        return (
            f"TableSequences({len(self.X)} sequences of {min(lengths)} to {max(lengths)} timesteps, "
            f"{self.X[0].shape[1]} features)"
        )

    def to_rows(self, values: Any) -> NDArray[Any]:
        """Return values of the timesteps, such as predictions, in the order of the rows of the table.

        Parameters
        ----------
        values : list or object array of arrays of shape (n_timesteps,) or (n_timesteps, n_outputs)
            One value per timestep of each sequence, as returned by `predict` with ``return_sequences=True``.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_outputs)
            The value of each row, for ``table["prediction"] = sequences.to_rows(predictions)``.

        Raises
        ------
        ValueError
            If there is not one value per timestep.
        """
        entries = [as_array(entry) for entry in values]
        found, expected = [np.shape(entry)[:1] for entry in entries], [rows.shape for rows in self.rows]
        if found != expected:
            raise ValueError(
                f"values has entries of lengths {_first(found)}; expected those of the sequences, {_first(expected)}."
            )
        joined = np.concatenate(entries)
        in_table = np.empty_like(joined)
        in_table[np.concatenate(self.rows)] = joined
        return in_table


def to_sequences(
    table: Any,
    *,
    group: str | int,
    time: str | int | None = None,
    features: Any = None,
    target: str | int | None = None,
    return_sequences: bool = False,
) -> TableSequences:
    """Make a list of sequences from a long table, one per group.

    In a long table each row is a timestep of one of many sequences: a visit of a patient, an event of a session, a day
    of a shop. One column says which sequence it belongs to.

    Parameters
    ----------
    table : data frame of shape (n_rows, n_columns)
        A data frame of pandas or polars. Rows may be in any order.
    group : str or int
        The column that says which sequence a row belongs to, by name or position; or the name of a level of a pandas
        index.
    time : str or int, default=None
        The column, or level, by which the rows of a group are sorted: numbers, dates, durations or periods. The index
        is called "index" if it has no name. None: the rows of each group are already in order.
    features : list of str or int, default=None
        The feature columns, in their order in the sequences. None: all columns except group, time and target.
    target : str or int, default=None
        The column, or level, of targets, numbers or class labels. None: there are no targets.
    return_sequences : bool, default=False
        Whether each timestep has a target, as for estimators with ``return_sequences=True``. If False, each sequence
        has one target, which must be the same in all rows of the group.

    Returns
    -------
    TableSequences
        A pair ``(X, y)`` with the attributes `X`, `y`, `groups`, the label of each sequence, and `rows`, the positions
        of its rows in the table; groups are in order of appearance. Its method `to_rows` returns predictions for
        timesteps in the order of the table.

    Raises
    ------
    TypeError
        If `table` is not a data frame, or `time` contains no times.
    ValueError
        If a column does not exist; if a label or a time is missing; if a time occurs twice in a group; if a feature is
        not numeric; or if a sequence has several targets, or a missing target.

    Warns
    -----
    DataWarning
        If the times of a group are not evenly spaced. Dates on the same day, or the last day, of each month are evenly
        spaced, and so are days of a time zone over a change of its clock.

    See Also
    --------
    SlidingWindow : Windows of a long table, one per row, to forecast each group.
    SequenceTransformer : Any transformer on the timesteps of sequences.

    Notes
    -----
    Missing values remain NaN; a row that is NaN in every feature is masked. Encode columns that are not numeric before,
    or later with a :class:`SequenceTransformer` on a list of data frames: ``[table.iloc[rows] for rows in
    sequences.rows]``.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrnn.preprocessing import to_sequences
    >>> visits = pd.DataFrame({
    ...     "patient": ["ann", "ben", "ann", "ben", "ben"],
    ...     "day": [8, 1, 1, 2, 3],
    ...     "pulse": [72.0, 80.0, 70.0, 84.0, 82.0],
    ...     "ill": [False, True, False, True, True],
    ... })
    >>> sequences = to_sequences(visits, group="patient", time="day", target="ill")
    >>> sequences
    TableSequences(2 sequences of 2 to 3 timesteps, 1 features)
    >>> sequences.X[0]
    array([[70.],
           [72.]])
    >>> sequences.y, sequences.groups
    (array([False,  True]), array(['ann', 'ben'], dtype=object))
    >>> sequences.to_rows([[1, 2], [11, 12, 13]])
    array([ 2, 11,  1, 12, 13])
    """
    check_table(table)
    check_flag("return_sequences", return_sequences)
    given = {"group": group} | {name: of for name, of in (("time", time), ("target", target)) if of is not None}
    columns = {name: _read_column(table, column, name) for name, column in given.items()}
    positions = {
        find_column(table, column, name) for name, column in given.items() if index_level(table, column) is None
    }
    names = {name: f"{name}={column!r} of table" for name, column in given.items()}
    times = read_times(columns["time"], names["time"]) if "time" in given else None
    groups = read_groups(columns["group"], names["group"], times)
    if times is not None:
        refuse_repeated(columns["time"], names["time"], times, groups)
        _warn_of_gaps(columns["time"], names["time"], times, groups)
    if features is None:
        of_features = [j for j in range(table.shape[1]) if j not in positions]
    else:
        of_features = [find_column(table, column, "features") for column in read_names(features)]
    values = read_features(table, of_features)
    y = None
    if "target" in given:
        y = _targets(read_target(columns["target"]), names["target"], groups, return_sequences)
    return TableSequences([values[rows] for rows in groups.rows], y, groups.labels, groups.rows)


def _targets(values: NDArray[Any], name: str, groups: Groups, return_sequences: bool) -> Any:
    """Return the targets of the timesteps of each sequence, or one target per sequence."""
    of_timesteps = [values[rows] for rows in groups.rows]
    if return_sequences:
        return of_timesteps
    for label, targets in zip(groups.labels.tolist(), of_timesteps, strict=True):
        if find_missing(targets) is not None:
            raise ValueError(f"{name} is missing in group {label!r}; expected one target per sequence.")
        if (targets != targets[0]).any():
            raise ValueError(
                f"{name} has several values in group {label!r}; expected the same value in all rows of a group, or "
                "return_sequences=True for a target at each timestep."
            )
    return values[[rows[0] for rows in groups.rows]]


def _warn_of_gaps(column: Any, name: str, times: Times, groups: Groups) -> None:
    """Warn of groups whose times are not evenly spaced."""
    gaps = find_gaps(times, groups)
    if gaps:
        gap = gaps[0]
        warn(
            f"{name} is not evenly spaced in {len(gaps)} of {len(groups.rows)} groups: in group {gap.label!r}, the "
            f"row after {entry_of(column, gap.before)} is {entry_of(column, gap.after)}. Networks assume even steps: "
            "fill gaps with rows of NaN, or add a feature with the time since the previous row.",
            DataWarning,
        )


def _first(shapes: list[tuple[int, ...]]) -> str:
    """Return the lengths of the first sequences as text."""
    return ", ".join(str(shape[0]) if shape else "none" for shape in shapes[:5]) + (", ..." if len(shapes) > 5 else "")
