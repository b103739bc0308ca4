"""From a long table with the rows of many groups to a list of sequences."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._parameters import check_flag
from skrnn._inputs._tables import take_column
from skrnn._inputs._times import Times, read_times
from skrnn._inputs._values import as_array, find_missing
from skrnn._inputs._warnings import warn
from skrnn.exceptions import DataWarning
from skrnn.preprocessing._long_table import (
    Groups,
    check_table,
    entry_of,
    find_column,
    find_gaps,
    read_features,
    read_groups,
    read_names,
    read_target,
    refuse_repeated,
)


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
        The column that says which sequence a row belongs to, by name or position.
    time : str or int, default=None
        The column by which the rows of a group are sorted: numbers, dates, durations or periods. None: the rows of each
        group are already in order.
    features : list of str or int, default=None
        The feature columns, in their order in the sequences. None: all columns except group, time and target.
    target : str or int, default=None
        The column of targets, numbers or class labels. None: there are no targets.
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
        spaced.

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
    positions = {name: find_column(table, column, name) for name, column in given.items()}
    columns = {name: take_column(table, position) for name, position in positions.items()}
    names = {name: f"{name}={column!r} of table" for name, column in given.items()}
    times = read_times(columns["time"], names["time"]) if "time" in given else None
    groups = read_groups(columns["group"], names["group"], times)
    if times is not None:
        refuse_repeated(columns["time"], names["time"], times, groups)
        _warn_of_gaps(columns["time"], names["time"], times, groups)
    if features is None:
        of_features = [j for j in range(table.shape[1]) if j not in positions.values()]
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
