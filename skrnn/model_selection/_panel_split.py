"""A splitter that keeps time in order for many series at once."""

from collections.abc import Iterator
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable

from skrnn._inputs._frames import require_order
from skrnn._inputs._messages import naming
from skrnn._inputs._parameters import is_integer
from skrnn._inputs._tables import get_column
from skrnn._inputs._times import Times, read_times, times_to_the_end
from skrnn._inputs._values import encode_labels, read_labels, refuse_masked
from skrnn.model_selection._folds import Fold, Lengths, borders_by_count, borders_by_size, make_folds


@final
class PanelTimeSeriesSplit(BaseCrossValidator):
    """Split many series at the same moments: train on all before, test on all after.

    A panel has a row for each series (group) and time, in any order. Each fold has one border, a moment that is the
    same for all series: rows up to it train, rows after it test. So nothing that happened in any series after the
    border is in the training part. The test parts follow each other and end with the last time.

    For a single series whose rows are in order, the folds are those of
    :class:`~sklearn.model_selection.TimeSeriesSplit`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    time_column : str or int, default=None
        The column of `X` that holds the times: the name of a column or of an index level of a data frame ("index" for
        a pandas index without a name), or a position. Times are integers, floats, dates, durations (datetime64,
        timedelta64) or pandas periods. If None, the time of a row is its place in its group, counted back from the
        group's last row: groups of different lengths end together.
    group_column : str or int, default=None
        The column of `X` that holds the groups, found in the same way, where :meth:`split` is not given `groups`. With
        neither, and no `time_column`, the rows are a single series in order.
    test_size : length of time, default=None
        Length of each test part. If None, each has equally many distinct times,
        ``n_distinct_times // (n_splits + 1)``.
    gap : length of time, default=0
        How long before the border the training part ends.
    max_train_size : length of time, default=None
        Length of the training part at most. If None, it begins with the first time.
    horizon : length of time, default=None
        How far the targets reach ahead: that of a row at time t is made of values in ``(t, t + horizon]``. Training
        rows whose targets overlap those of the test part are left out: none where times are one apart and `horizon`
        is 1. If None, none are.
    window : length of time, default=None
        How far the rows reach back, where they are windows already: that at time t holds values in ``(t - window, t]``.
        Test rows whose windows reach back to a training row are left out: none where times are one apart and `window`
        is 1. If None, none are.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : The same for a single series, by row.
    sklearn.model_selection.GroupKFold : Test on groups that are not in training, regardless of time.
    skrnn.preprocessing.SlidingWindow : Make the windows inside of a pipeline, after the split.

    Notes
    -----
    A *length of time* is an integer where times are integers, a real number where they are floats, a number of rows
    where there is no `time_column`, a number of periods for periods. For dates and durations it is a
    :class:`datetime.timedelta`, a :class:`numpy.timedelta64` or, where pandas is installed, anything that
    `pandas.Timedelta` reads, such as "7D"; for dates also an offset of pandas, such as ``pandas.DateOffset(months=1)``,
    two of which are two months. Where dates have a time zone whole days are those of its calendar, which may have 23
    or 25 hours; "24h" and numpy.timedelta64(24, "h") are 24 hours.

    Intervals of time are open on the left and closed on the right, as a `rolling` window of pandas is. With
    ``test_size=s`` and the last time T, the borders are ``T - n_splits * s, ..., T - 2 * s, T - s``. The fold of border
    b tests ``(b, b + s]`` and trains on ``(e - max_train_size, e]``, where e is ``b - gap``, or earlier where `horizon`
    ends the training part. A float that misses the end of an
    interval by a rounding error counts as on it.

    Purging [1]_: with `horizon`, the training part ends where its targets would reach beyond the first time of the test
    part, if the gap does not end it before. With `window`, the test part begins where its windows no longer reach back
    to the last time of the training part. Take the longest length that occurs: 5 rows of a series without weekends
    are "7D". Where :class:`~skrnn.preprocessing.SlidingWindow` is a step of a :class:`~sklearn.pipeline.Pipeline`,
    `window` is not needed, for windows are made after the split; `horizon` is, if targets reach more than a step ahead.

    The column of times stays in `X`: leave it out of the features with a
    :class:`~sklearn.compose.ColumnTransformer`, or make it the index of the frame. Dates with a time zone are
    compared in UTC. Dates of months may be turned into periods (`Series.dt.to_period` of pandas): lengths are then
    numbers of months.

    A group without rows in a part contributes none. With `time_column`, groups only serve to check that none has two
    rows of the same time.

    Without `time_column`, `X` may be whatever scikit-learn can index, such as an array
    (n_samples, n_timesteps, n_features) or a list of sequences.

    References
    ----------
    .. [1] M. López de Prado (2018). *Advances in Financial Machine Learning*, chapter 7. Wiley. ISBN
       978-1-119-48208-6.

    Examples
    --------
    Two shops, one of which opened two days late:

    >>> import numpy as np
    >>> from skrnn.model_selection import PanelTimeSeriesSplit
    >>> day = [0, 1, 2, 3, 4, 5, 2, 3, 4, 5]
    >>> shop = ["a", "a", "a", "a", "a", "a", "b", "b", "b", "b"]
    >>> X = np.column_stack([day, np.arange(10.0)])
    >>> splitter = PanelTimeSeriesSplit(n_splits=2, time_column=0)
    >>> for train, test in splitter.split(X):
    ...     print(f"{X[train, 0]} -> {X[test, 0]}")
    [0. 1.] -> [2. 3. 2. 3.]
    [0. 1. 2. 3. 2. 3.] -> [4. 5. 4. 5.]

    By rows of each shop, both of which end with the last day:

    >>> for train, test in PanelTimeSeriesSplit(n_splits=2).split(X, groups=shop):
    ...     print(f"{train} -> {test}")
    [0 1] -> [2 3 6 7]
    [0 1 2 3 6 7] -> [4 5 8 9]

    Targets that are made of the next two days: that of day 3 shares day 5 with that of day 4, which tests.

    >>> purged = PanelTimeSeriesSplit(n_splits=2, time_column=0, horizon=2)
    >>> [np.unique(X[train, 0]).tolist() for train, _ in purged.split(X)]
    [[0.0], [0.0, 1.0, 2.0]]
    """

    # scikit-learn's own way for a splitter to say that it reads `groups`, with and without metadata routing.
    __metadata_request__split = {"groups": True}  # noqa: RUF012

    def __init__(
        self,
        n_splits: int = 5,
        *,
        time_column: str | int | None = None,
        group_column: str | int | None = None,
        test_size: Any = None,
        gap: Any = 0,
        max_train_size: Any = None,
        horizon: Any = None,
        window: Any = None,
    ) -> None:
        _check_n_splits(n_splits)  # at once, as scikit-learn's splitters do
        self.n_splits = n_splits
        self.time_column = time_column
        self.group_column = group_column
        self.test_size = test_size
        self.gap = gap
        self.max_train_size = max_train_size
        self.horizon = horizon
        self.window = window

    def split(self, X: Any, y: Any = None, groups: ArrayLike | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generate the rows that train and those that test, fold after fold.

        Parameters
        ----------
        X : array-like, sparse matrix or list of length n_samples
            The samples. With `time_column` or `group_column`, of shape (n_samples, n_features).
        y : array-like of length n_samples, default=None
            Ignored; scikit-learn passes it.
        groups : array-like of shape (n_samples,) or str, default=None
            The group of each row, of any hashable type; or the name of a column of `X` or of a level of its index.

        Yields
        ------
        train : ndarray of int
            The rows that train, ascending.
        test : ndarray of int
            The rows that test, ascending.

        Raises
        ------
        TypeError
            If a length of time does not go with the times, or a column holds something else than times.
        ValueError
            If a length of time is negative; if a column does not exist; if a time or a group is missing; if a group
            has two rows of one time; if without `time_column` dates in the index of `X` decrease within a group; if
            groups are given twice; or if a part has no rows.
        """
        if isinstance(groups, str):
            groups = get_column(X, groups, "groups")
        refuse_masked(groups, "groups")
        if not hasattr(X, "__len__") and not hasattr(X, "shape"):
            raise TypeError(
                f"X is {X!r} of type {type(X).__name__}; expected an array, a data frame or a list of rows."
            )
        with naming("X", "an array, a data frame or a list, with as many rows as y and groups"):
            X, y, groups = indexable(X, y, groups)
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        labels = self._groups(X, groups, n_rows)
        if self.time_column is None:
            require_order(X, labels, "X")
        times = self._times(X, None if labels is None else encode_labels(labels)[1], n_rows)
        if len(times.values) == 0:
            raise ValueError("X has no rows; expected rows to train and to test.")
        order = np.argsort(times.values, kind="stable")
        for train, test in self._folds(times, times.values[order]):
            yield np.sort(order[train]), np.sort(order[test])

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds.

        Parameters
        ----------
        X : object, default=None
            Ignored; scikit-learn passes it.
        y : object, default=None
            Ignored; scikit-learn passes it.
        groups : object, default=None
            Ignored; scikit-learn passes it.

        Returns
        -------
        int
            The number of folds, `n_splits`.
        """
        return self.n_splits

    def _groups(self, X: Any, groups: ArrayLike | None, n_rows: int) -> np.ndarray | None:
        """Return the group of each row, or None where there are no groups."""
        name = "groups"
        if self.group_column is not None:
            name = f"group_column={self.group_column!r}"
            if groups is not None:
                raise ValueError(f"groups are given, and so is {name}; expected one of them.")
            groups = get_column(X, self.group_column, "group_column")
        return None if groups is None else read_labels(groups, n_rows, name)

    def _times(self, X: Any, codes: np.ndarray | None, n_rows: int) -> Times:
        """Return the time of each row."""
        if self.time_column is None:
            return Times(times_to_the_end(np.zeros(n_rows, dtype=np.intp) if codes is None else codes))
        name = f"time_column={self.time_column!r}"
        times = read_times(get_column(X, self.time_column, "time_column"), name)
        if codes is not None:
            _check_panel(times.values, codes, name)
        return times

    def _folds(self, times: Times, ordered: np.ndarray) -> list[Fold]:
        """Return the folds as slices of the rows in order of time, none of them empty."""
        options = {
            name: times.length(getattr(self, name), name)
            for name in ("max_train_size", "horizon", "window")
            if getattr(self, name) is not None
        }
        lengths = Lengths(times.length(self.gap, "gap", zero=True), **options)
        if self.test_size is None:
            borders = borders_by_count(ordered, self.n_splits)
        else:
            borders = borders_by_size(ordered, self.n_splits, times.length(self.test_size, "test_size"))
        folds = make_folds(ordered, borders, lengths)
        for k, fold in enumerate(folds):
            for part, rows in fold._asdict().items():
                if rows.start >= rows.stop:
                    raise ValueError(self._describe_empty(part, k, ordered))
        return folds

    def _describe_empty(self, part: str, k: int, ordered: np.ndarray) -> str:
        """Return what to say of a fold's part without rows."""
        names = ("n_splits", "test_size", "gap", "max_train_size", "horizon", "window")
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in names if getattr(self, name) is not None)
        return (
            f"The {part} part of fold {k} has no rows: too many splits, or too long lengths of time, for "
            f"{len(ordered)} rows at {len(np.unique(ordered))} distinct times, with {settings}."
        )


def _check_n_splits(n_splits: Any) -> None:
    """Raise unless the number of folds is an integer of at least 2; a ValueError, as scikit-learn's splitters do."""
    if not is_integer(n_splits) or n_splits < 2:
        raise ValueError(
            f"n_splits is {n_splits!r} of type {type(n_splits).__name__}; expected an integer of at least 2."
        )


def _check_panel(times: np.ndarray, codes: np.ndarray, name: str) -> None:
    """Raise if a group has two rows of the same time."""
    order = np.lexsort((times, codes))
    same = (np.diff(codes[order]) == 0) & (np.diff(times[order]) == 0)
    if same.any():
        first, second = sorted(order[np.argmax(same) :][:2].tolist())
        raise ValueError(
            f"{name} has the same time in the rows {first} and {second}, which are of the same group; expected each "
            "time once per group."
        )
