"""A chronological splitter for a panel of many series."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable

from skrnn._inputs._frames import name_of_times, require_order, warn_unless_ends_agree
from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._parameters import is_integer
from skrnn._inputs._tables import get_column
from skrnn._inputs._times import Times, read_times, times_to_the_end
from skrnn._inputs._values import encode_labels, read_labels, refuse_masked

#: A length of time in the unit of the times, or by the calendar; it can be added to and subtracted from a time.
Length = Any


class Lengths(NamedTuple):
    """Lengths of time, all in the unit of the times."""

    gap: Length = 0
    max_train_size: Length | None = None
    horizon: Length | None = None
    window: Length | None = None


class Fold(NamedTuple):
    """Two slices of the rows in order of time; either may be empty."""

    train: slice
    test: slice


@final
class PanelTimeSeriesSplit(BaseCrossValidator):
    """Split many series at common points in time: train on earlier rows, test on later ones.

    A panel has one row per series (group) and time, in any order. Each fold has a border, a point in time that is the
    same for all series: rows up to it are training rows, later rows are test rows. The training part therefore contains
    nothing that happened in any series after the border. The test parts follow each other and end with the last time.

    For a single series whose rows are in order, the folds are those of
    :class:`~sklearn.model_selection.TimeSeriesSplit`.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    time_column : str or int, default=None
        The column of `X` with the times: the name of a column or of an index level of a data frame ("index" for a
        pandas index without a name), or a position. Times are integers, floats, dates, durations (datetime64,
        timedelta64) or pandas periods. If None, the time of a row is its position in its group, counted from the last
        row of the group, so that groups of different lengths end at the same time.
    group_column : str or int, default=None
        The column of `X` with the groups, specified in the same way, if `groups` are not passed to :meth:`split`. With
        neither, and no `time_column`, the rows are a single series in chronological order.
    test_size : length of time, default=None
        Length of each test part. If None, all have the same number of distinct times, ``n_distinct_times // (n_splits +
        1)``.
    gap : length of time, default=0
        Time between the end of the training part and the border.
    max_train_size : length of time, default=None
        Maximum length of the training part. If None, it begins with the first time.
    horizon : length of time, default=None
        How far targets reach ahead: the target of a row at time t depends on values in ``(t, t + horizon]``. Training
        rows whose targets overlap those of the test part are left out; with times 1 apart and a `horizon` of 1 there
        are none. If None, no rows are left out.
    window : length of time, default=None
        How far rows reach back, if they are already windows: the row at time t contains values in ``(t - window, t]``.
        Test rows whose windows contain a training row are left out; with times 1 apart and a `window` of 1 there are
        none. If None, no rows are left out.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : The same for a single series, by row.
    sklearn.model_selection.GroupKFold : Test on groups that are not in the training part, regardless of time.
    skrnn.preprocessing.SlidingWindow : Make windows in a pipeline, after the split.

    Notes
    -----
    A *length of time* is an integer if times are integers, a real number if they are floats, a number of periods if
    they are periods, and a number of rows if there is no `time_column`. For dates and durations it is a
    :class:`datetime.timedelta`, a :class:`numpy.timedelta64` or, if pandas is installed, anything that
    `pandas.Timedelta` accepts, such as "7D"; for dates also a pandas offset, such as ``pandas.DateOffset(months=1)``.
    If dates have a time zone, whole days are calendar days of this zone, which may have 23 or 25 hours; "24h" and
    numpy.timedelta64(24, "h") are 24 hours.

    Time intervals are open on the left and closed on the right, like `rolling` windows in pandas. With ``test_size=s``
    and the last time T, the borders are ``T - n_splits * s, ..., T - 2 * s, T - s``. The fold of border b has the test
    part ``(b, b + s]`` and the training part ``(e - max_train_size, e]``, where e is ``b - gap``, or earlier if
    `horizon` requires it. Floats are compared up to rounding errors.

    Purging [1]_: with `horizon`, the training part ends before its targets would reach beyond the first time of the
    test part. With `window`, the test part begins when its windows no longer contain the last time of the training
    part. Use the longest length that occurs: 5 rows of a series without weekends are "7D". If
    :class:`~skrnn.preprocessing.SlidingWindow` is a step of a :class:`~sklearn.pipeline.Pipeline`, `window` is not
    needed, because windows are made after the split; `horizon` is needed if targets reach more than one step ahead.

    The time column remains in `X`: exclude it from the features with a :class:`~sklearn.compose.ColumnTransformer`, or
    make it the index of the data frame. Dates with a time zone are compared in UTC. Dates of months can be converted to
    periods (`Series.dt.to_period` of pandas), so that lengths are numbers of months.

    A group may have no rows in a part. With `time_column`, groups are only used to check that no group has two rows at
    the same time.

    Without `time_column`, `X` may be anything that scikit-learn can index, such as an array (n_samples, n_timesteps,
    n_features) or a list of sequences.

    References
    ----------
    .. [1] M. López de Prado (2018). *Advances in Financial Machine Learning*, chapter 7. Wiley. ISBN
       978-1-119-48208-6.

    Examples
    --------
    Two shops, one of which opened two days later:

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

    By the rows of each shop, if both end on the last day:

    >>> for train, test in PanelTimeSeriesSplit(n_splits=2).split(X, groups=shop):
    ...     print(f"{train} -> {test}")
    [0 1] -> [2 3 6 7]
    [0 1 2 3 6 7] -> [4 5 8 9]

    Targets that depend on the next two days: those of day 3 and of day 4, a test day, both depend on day 5.

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
        """Generate the training and test rows of each fold.

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
            The training rows, ascending.
        test : ndarray of int
            The test rows, ascending.

        Raises
        ------
        TypeError
            If a length of time does not match the type of the times, or a column does not contain times.
        ValueError
            If a length of time is negative; if a column does not exist; if a time or a group is missing; if a group has
            two rows at the same time; if, without `time_column`, dates in the index of `X` decrease within a group; if
            both `group_column` and `groups` are given; or if a part has no rows.

        Warns
        -----
        DataWarning
            If, without `time_column`, dates in the index of `X` end at different times in different groups.
        """
        X, groups = _read_rows(X, y, groups)
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        labels = self._groups(X, groups, n_rows)
        if self.time_column is None:
            require_order(X, labels, "X")
            if labels is not None:
                warn_unless_ends_agree(X, labels, "time_column")
        times = self._times(X, None if labels is None else encode_labels(labels)[1], n_rows)
        if len(times.values) == 0:
            raise ValueError("X has no rows; expected rows to train and to test.")
        order = np.argsort(times.values, kind="stable")
        with self._advising_times(X):
            folds = self._folds(times, times.values[order])
        for train, test in folds:
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
                raise ValueError(f"both groups and {name} are given; expected only one of them.")
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

    @contextmanager
    def _advising_times(self, X: Any) -> Iterator[None]:
        """Add to a TypeError about a length of time how the times in the index of X are used, if they are not."""
        try:
            yield
        except TypeError as error:
            name = None if self.time_column is not None else name_of_times(X)
            if name is None:
                raise
            raise TypeError(
                f"{error} Without time_column, lengths are numbers of rows; set time_column={name!r} for durations."
            ) from error

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
        """Return the message for a part of a fold without rows."""
        names = ("n_splits", "test_size", "gap", "max_train_size", "horizon", "window")
        settings = ", ".join(f"{name}={getattr(self, name)!r}" for name in names if getattr(self, name) is not None)
        return (
            f"The {part} part of fold {k} has no rows: for {len(ordered)} rows at {len(np.unique(ordered))} distinct "
            f"times there are too many splits, or lengths of time are too long ({settings})."
        )


@settings_unchanged_on_error
def _read_rows(X: Any, y: Any, groups: Any) -> tuple[Any, Any]:
    """Return X and groups, whose rows can be taken and are as many as those of y."""
    if isinstance(groups, str):
        groups = get_column(X, groups, "groups")
    refuse_masked(groups, "groups")
    if not hasattr(X, "__len__") and not hasattr(X, "shape"):
        raise TypeError(f"X is {X!r} of type {type(X).__name__}; expected an array, a data frame or a list of rows.")
    with naming("X", "an array, a data frame or a list, with as many rows as y and groups"):
        X, y, groups = indexable(X, y, groups)
    return X, groups


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
            f"{name} has the same time in rows {first} and {second} of the same group; expected each time at most once "
            "per group."
        )


def borders_by_count(times: np.ndarray, n_splits: int) -> list[Any]:
    """Return the n_splits + 1 borders of test parts with the same number of distinct times; `times` are ascending.

    The last border is the last time; a test part has the times after one border up to the next.

    >>> borders_by_count(np.array([0, 1, 1, 4, 5, 5, 7, 9]), 2)
    [1, 5, 9]
    """
    distinct = np.unique(times)
    count = len(distinct) // (n_splits + 1)
    if count == 0:
        raise ValueError(
            f"n_splits is {n_splits}, which requires at least {n_splits + 1} distinct times, but X has {len(distinct)}."
        )
    return distinct[-1 - n_splits * count :: count].tolist()


def borders_by_size(times: np.ndarray, n_splits: int, test_size: Length) -> list[Any]:
    """Return the borders, as in `borders_by_count`, of test parts of equal length.

    >>> borders_by_size(np.array([0, 1, 1, 4, 5, 5, 7, 9]), 2, 3)
    [3, 6, 9]
    """
    return [times[-1].item() - k * test_size for k in range(n_splits, -1, -1)]


def make_folds(times: np.ndarray, borders: list[Any], lengths: Lengths) -> list[Fold]:
    """Return the training and test rows at each border but the last, as slices of the ascending `times`.

    Training rows are those up to a border minus the gap whose targets end before those of the test part begin; test
    rows are those after it up to the next border whose windows begin after the training part ends.

    >>> make_folds(np.array([0, 1, 1, 4, 5, 5, 7, 9]), [3, 6, 9], Lengths(gap=2))
    [Fold(train=slice(0, 3, None), test=slice(3, 6, None)), Fold(train=slice(0, 4, None), test=slice(6, 8, None))]
    """
    return [_make_fold(times, border, end, lengths) for border, end in pairwise(borders)]


def _make_fold(times: np.ndarray, border: int | float, end: int | float, lengths: Lengths) -> Fold:
    """Return the training rows up to one border, and the test rows from there to the next."""
    slack = _rounding_error(times)
    start, stop = bisect_right(times, border + slack), bisect_right(times, end + slack)
    last = border - lengths.gap
    if lengths.horizon is not None and start < stop:  # a target may end where the window of the first test row does
        last = min(last, times[start].item() - lengths.horizon)
    train_stop = bisect_right(times, last + slack)
    train_start = 0
    if lengths.max_train_size is not None:
        train_start = bisect_right(times, last - lengths.max_train_size + slack)
    if lengths.window is not None and train_start < train_stop:
        start = max(start, bisect_left(times, times[train_stop - 1].item() + lengths.window - slack))
    return Fold(slice(train_start, train_stop), slice(min(start, stop), stop))


def _rounding_error(times: np.ndarray) -> int | float:
    """Return a bound for the rounding error of floats that are equal to a border, such as 0.3 and 0.1 + 0.2."""
    if times.dtype.kind == "i":
        return 0
    return 16 * float(np.spacing(max(abs(times[0]), abs(times[-1]))))
