"""Aligned X and y of a series, for forecasts one or several steps ahead."""

from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._frames import require_order
from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import check_count
from skrnn._inputs._tables import is_frame
from skrnn._inputs._times import times_to_the_end
from skrnn.forecasting._known_columns import Panel, aligned, read_panel, side_by_side
from skrnn.forecasting._tables import Groups, Table, beside, list_groups, numbers, take


@final
class Supervised(tuple[Any, Any]):
    """X and y of a series, and the positions of their rows.

    Returned by :func:`to_supervised`. It unpacks into two, ``X, y = to_supervised(series)``.

    Parameters
    ----------
    X : ndarray or DataFrame of shape (n_rows, n_columns)
        Rows of the series, and of `exog`, that have all their targets.
    y : ndarray, Series or DataFrame of shape (n_rows,) or (n_rows, n_steps * n_series)
        The targets of each row.
    rows : ndarray of shape (n_rows,), int
        The positions of these rows in the series, in increasing order.
    n_dropped : int
        Number of rows that were dropped because they are too close to the end of the series, or of their group.
    sample_weight : ndarray of shape (n_rows,)
        The weight of each row in a fit: 0 if fewer than `n_history` rows of its group precede it or a target is
        missing, otherwise 1.
    """

    X: Any
    y: Any
    rows: NDArray[np.intp]
    n_dropped: int
    sample_weight: NDArray[np.float64]

    def __new__(
        cls, X: Any, y: Any, rows: NDArray[np.intp], n_dropped: int, sample_weight: NDArray[np.float64]
    ) -> "Supervised":
        """Make the pair."""
        self = super().__new__(cls, (X, y))
        self.X, self.y, self.rows, self.n_dropped, self.sample_weight = X, y, rows, n_dropped, sample_weight
        return self

    def __getnewargs__(self) -> tuple[Any, ...]:
        """Return the arguments for a copy."""
        return self.X, self.y, self.rows, self.n_dropped, self.sample_weight

    def __repr__(self) -> str:
        """Return the shapes, and the number of dropped rows."""
        return f"Supervised(X: {self.X.shape}, y: {self.y.shape}, n_dropped: {self.n_dropped})"


def to_supervised(
    series: ArrayLike,
    *,
    n_steps: int = 1,
    exog: ArrayLike | None = None,
    known_ahead: ArrayLike | None = None,
    static: ArrayLike | None = None,
    groups: Any = None,
    n_history: int = 0,
) -> Supervised:
    """Make aligned X and y of a series, for forecasts `n_steps` steps ahead.

    Row t of X contains the series and `exog` at t, and `known_ahead` at t+1, ..., t+n_steps; row t of y contains the
    series at t+1, ..., t+n_steps. Windows are not made here, but from the rows of X by
    :class:`~skrnn.preprocessing.SlidingWindow` in a pipeline.

    Parameters
    ----------
    series : array-like of shape (n_rows,) or (n_rows, n_series)
        One or several series, oldest row first; a pandas Series or DataFrame keeps its index and names. NaN is a
        missing value and remains NaN: in X, the recurrent estimators skip a row that is NaN in every column; in y, it
        is a missing target.
    n_steps : int, default=1
        Number of steps ahead that the targets reach.
    exog : array-like of shape (n_rows,) or (n_rows, n_exog), default=None
        Other columns of X, which contain their values at t. If `series` and `exog` are pandas objects, they must have
        the same index, unless `exog` has the column or level of the groups: rows are then matched by group and time.
    known_ahead : array-like of shape (n_times, n_known), default=None
        Columns whose values are known in advance: the calendar, prices, promotions. The index of a DataFrame contains
        times, in any order, which may extend beyond the series; rows are matched by time, and by group if there is the
        column or level of the groups. X has one column per step and name, all names of t+1 first, ``name_t+1`` to
        ``name_t+n_steps``. A column of `series` with the same name is not a series, but contains past values, for times
        that `known_ahead` lacks. An array has the rows of `series`, followed by later ones.
    static : array-like of shape (n_groups, n_static), default=None
        Columns that are constant over time, such as the size of a store: a DataFrame with the groups in its index or in
        a column, or an array in the order of appearance of the groups. A column of `series` with the same name is not a
        series.
    groups : str, int or array-like of shape (n_rows,), default=None
        The series of each row, if the rows of several series are stacked or interleaved: targets never cross from one
        group to another. A string or an integer is the name (in a DataFrame) or the position of a column of `series`,
        which remains in X for ``SlidingWindow(group_column=...)`` and is not a target; a string may also be the name of
        a level of the index, which X keeps.
    n_history : int, default=0
        Number of rows of the same group that must precede a row for its weight in `sample_weight` to be 1; usually the
        `n_history_rows` of the windows. Rows with fewer remain in X, as the history of later rows.

    Returns
    -------
    Supervised
        A pair ``(X, y)`` with the attributes `X`, `y`, `rows`, `n_dropped` and `sample_weight`. The last `n_steps` rows
        of the series, or of each group, are dropped because they lack some of their targets. X is 2-D. y has one column
        per step and series, all series of t+1 first, in a DataFrame ``name_t+1`` to ``name_t+n_steps``. A single column
        is 1-D (a Series), as scikit-learn expects.

    Raises
    ------
    TypeError
        If `n_steps` is not an integer, `groups` is neither a column nor one label per row, or a label is not hashable.
    ValueError
        If `n_steps` is less than 1; if no row has all its targets, or none of these is preceded by `n_history` rows; if
        `series` is not a table of numbers, or dates in its index decrease within a group; or if `exog`, `known_ahead`,
        `static` or `groups` does not match it.

    Warns
    -----
    UserWarning
        If a group has at most `n_steps` rows, so that all of them are dropped.

    See Also
    --------
    forecast : Forecasts of a model that was fitted to X and y.
    skrnn.preprocessing.SlidingWindow : Turns each row of X into the window of rows that ends with it.

    Notes
    -----
    Rows with a missing target are kept, because they are part of later windows. In `fit`, give them a weight of 0 and
    any number as target: for the recurrent estimators this is equivalent to leaving the target out.

    The windows of the first rows begin before the series. Recurrent networks skip these timesteps, but other estimators
    would learn from the padding. To prevent this, use `n_history` and the weights: ``model.fit(X, y,
    ridge__sample_weight=supervised.sample_weight)``.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.forecasting import to_supervised
    >>> X, y = to_supervised(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), n_steps=2)
    >>> X.T
    array([[1., 2., 3.]])
    >>> y
    array([[2., 3.],
           [3., 4.],
           [4., 5.]])

    The price of each day is known the day before:

    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4)
    >>> sales = pd.Series([7, 5, 8, 6], days, name="sales")
    >>> prices = pd.DataFrame({"price": [2.0, 2.5, 1.9, 2.2]}, days)
    >>> X, y = to_supervised(sales, known_ahead=prices)
    >>> X.join(y)
                sales  price_t+1  sales_t+1
    2024-01-01      7        2.5        5.0
    2024-01-02      5        1.9        8.0
    2024-01-03      8        2.2        6.0

    Two groups, interleaved:

    >>> series, groups = np.array([1.0, 10.0, 2.0, 20.0, 3.0]), np.array(list("ababa"))
    >>> supervised = to_supervised(series, groups=groups)
    >>> supervised
    Supervised(X: (3, 1), y: (3,), n_dropped: 2)
    >>> supervised.y, groups[supervised.rows]
    (array([ 2., 20.,  3.]), array(['a', 'b', 'a'], dtype='<U1'))
    """
    check_count("n_steps", n_steps)
    check_count("n_history", n_history, 0)
    panel = read_panel(series, "series", groups, known_ahead, static)
    table, of_rows = panel.table, panel.groups
    require_order(table, of_rows and of_rows.labels, "series")
    reach = min(n_steps, len(table))
    if of_rows is not None:
        _warn_of_lost(of_rows, reach)
    codes = np.zeros(len(table), dtype=np.intp) if of_rows is None else of_rows.codes
    rows, targets = _target_rows(codes, reach)
    if len(rows) == 0:
        of_group = "" if groups is None else ", and no group has more than n_steps rows"
        raise ValueError(
            f"n_steps is {n_steps}, but series has {len(table)} rows{of_group}: no row has all its targets. Expected "
            "a longer series or fewer steps."
        )
    positions = [j for j in range(table.shape[1]) if of_rows is None or j != of_rows.column]
    values = numbers(table, positions, "series")[targets].reshape(len(rows), -1)
    X = take(beside(table, aligned(exog, table, of_rows)), rows)
    X = side_by_side(X, [*_known_at(panel, targets), *panel.static_at(codes[rows])])
    is_counted = (_n_earlier(codes)[rows] >= n_history) & ~np.isnan(values).any(axis=1)
    if n_history and not is_counted.any():
        raise ValueError(f"n_history is {n_history}, but no row with all its targets is preceded by as many rows.")
    y = _as_targets(values, X, table, positions, n_steps)
    return Supervised(X, y, rows, len(table) - len(rows), is_counted.astype(np.float64))


def _n_earlier(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many rows of the same group come before each row, (n_rows,)."""
    return np.bincount(codes)[codes] - 1 + times_to_the_end(codes)


def _known_at(panel: Panel, targets: NDArray[np.intp]) -> list[Table]:
    """Return the columns that are known ahead at the rows of the targets, (n_kept, n_steps), a table per step."""
    if panel.known is None:
        return []
    columns = []
    for step, rows in enumerate(targets.T, start=1):
        found = panel.known.find_rows(panel.table, panel.groups, rows)
        columns.append(panel.known.of_rows(found, step))
    return columns


def _warn_of_lost(groups: Groups, n_steps: int) -> None:
    """Warn of the groups that are too short to have a row with all targets."""
    is_short = np.bincount(groups.codes) <= n_steps
    if is_short.any() and not is_short.all():
        short = [groups.distinct[code] for code in np.flatnonzero(is_short)]
        warn(f"{len(short)} groups have at most n_steps={n_steps} rows and are dropped: {list_groups(short)}.")


def _target_rows(codes: NDArray[np.intp], n_steps: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows that have all targets, (n_kept,), and the rows of these, (n_kept, n_steps)."""
    order = np.argsort(codes, kind="stable")  # one group after another, each in its own order
    is_kept = codes[order][n_steps:] == codes[order][:-n_steps]
    rows = order[:-n_steps][is_kept]
    targets = order[np.flatnonzero(is_kept)[:, np.newaxis] + np.arange(1, n_steps + 1)]
    as_they_came = np.argsort(rows)
    return rows[as_they_came], targets[as_they_came]


def _as_targets(values: NDArray[Any], X: Table, table: Table, positions: list[int], n_steps: int) -> Any:
    """Return targets (n_kept, n_targets) in the form of X; a single column is 1-D."""
    if not is_frame(table):
        return values[:, 0] if values.shape[1] == 1 else values
    import pandas as pd

    names = [f"{table.columns[j]}_t+{step}" for step in range(1, n_steps + 1) for j in positions]
    y = pd.DataFrame(values, index=X.index, columns=names)
    return y.iloc[:, 0] if len(names) == 1 else y
