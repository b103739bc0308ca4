"""A transformer that turns each row of a series into the window of rows that ends with it."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import check_count, check_flag, is_integer
from skrnn.estimators._callbacks import CallbackSupportMixin, begin_fit, with_callbacks
from skrnn.estimators._interruption import whole_fits
from skrnn.exceptions import DataWarning
from skrnn.preprocessing._labelled_rows import LabelledRows, group_position, read_rows, warn_of_target
from skrnn.sequences._windows import check_padding, flatten_windows, n_history_rows

#: The attributes that exist only with `carry_context`.
_OF_CONTEXT = {"context_", "context_groups_", "n_samples_fit_", "_n_context_rows", "_digest"}


def _gives_columns(transformer: "SlidingWindow") -> bool:
    """Tell `available_if` whether the output has named columns, or raise an error that says why not."""
    if not transformer.flatten:
        raise AttributeError("flatten is False, but only 2-D output has column names: set flatten=True")
    return True


@whole_fits
class SlidingWindow(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Turn each row of a series into the window of rows that ends with it.

    Row t becomes the window of rows ``t - (n_timesteps - 1) * dilation, ..., t - dilation, t``, oldest first. No window
    contains later rows, or rows of another group. There is one window per row, in the same order, so `y` stays aligned
    and the transformer works in any :class:`~sklearn.pipeline.Pipeline`.

    Parameters
    ----------
    n_timesteps : int, default=10
        Number of rows per window, at least 1. It may exceed the length of the series.
    dilation : int, default=1
        Distance between consecutive rows of a window, at least 1. With groups, it is in rows of the group.
    padding : {"mask", "edge", "zero"}, default="mask"
        How to fill the missing history of the first ``(n_timesteps - 1) * dilation`` rows of the series, or of each
        group:

        - "mask": NaN in every feature, a masked timestep, which the recurrent estimators skip;
        - "edge": the first known row of the series or group, repeated;
        - "zero": zeros, the mean of a standardised series.
    group_column : str or int, default=None
        The column of `X` that says which series a row belongs to, such as a shop, a patient or a sensor: by name in a
        data frame (pandas or polars), or by position, where negative positions count from the end. It may contain
        strings, categories or other objects, and is not part of the windows. A name may also be that
        of a level of a pandas index. None: there is no such column; groups, if any, are passed to the methods as
        `groups`.
    carry_context : bool, default=False
        If True, :meth:`fit` keeps the last :attr:`n_history_rows` rows of each group, and :meth:`transform` treats its
        rows as their continuation, unless they begin with the rows of `fit` again: see the notes. If False, windows are
        made only from the rows of the same call.
    flatten : bool, default=False
        If False, the output is 3-D, for the recurrent estimators. If True, it is 2-D, one timestep after another, for
        any tabular estimator; only then are `get_feature_names_out` and `set_output` available.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of `X` as seen by :meth:`fit`, including the group column.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these columns. Defined only when `X` has feature names that are all strings.
    n_groups_ : int or None
        Number of groups seen by :meth:`fit`; None if there were none.
    context_ : ndarray of shape (n_context_rows, n_features)
        The last :attr:`n_history_rows` rows of each group seen by :meth:`fit`, or all rows if a group has fewer, in
        their original order. Defined only if `carry_context` is True.
    context_groups_ : ndarray of shape (n_context_rows,) or None
        The group of each of these rows; None if there were no groups. Defined only if `carry_context` is True.
    n_samples_fit_ : int
        Number of rows seen by :meth:`fit`. Defined only if `carry_context` is True.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : Split a series so that the test rows come last.
    numpy.lib.stride_tricks.sliding_window_view : The view behind the windows, without padding.

    Notes
    -----
    **Order.** The rows of a series or group are interpreted as consecutive timesteps, oldest first; rows of several
    groups may be interleaved. With a splitter that shuffles, windows contain rows that are not consecutive: use
    :class:`~sklearn.model_selection.TimeSeriesSplit`, or for whole groups :class:`~sklearn.model_selection.GroupKFold`.

    **Groups.** A group column is the safest way, because it is part of the rows. The argument `groups` is metadata in
    scikit-learn: with ``sklearn.set_config(enable_metadata_routing=True)``, request it with both
    ``set_fit_request(groups=True)`` and ``set_transform_request(groups=True)``, and pass it to the methods of the
    pipeline or search. Without routing, ``Pipeline.fit(X, y, slidingwindow__groups=groups)`` passes it only to `fit`.
    It is not passed on by scorers given by name, by `predict` of a search, or before scikit-learn 1.8 by the default
    scorer of a pipeline. :meth:`transform` warns if groups were passed to :meth:`fit` but not to it.

    **Context.** By default the first rows of a test fold have short windows, and to forecast the next value you pass
    all rows of its window. With ``carry_context=True`` new rows continue those of :meth:`fit`, group by group; a group
    that `fit` has not seen starts without history, as do all groups if only one of `fit` and :meth:`transform` was
    given groups. Each call of `transform` continues from `fit`, not from the previous call, and assumes that its first
    rows follow directly: a gap left by a splitter goes unnoticed.

    The rows of `fit` must not continue themselves, because their windows would contain later rows.
    :meth:`fit_transform` and ``fit(X).transform(X)`` therefore start without history. `transform` uses a digest to
    recognise *all rows of fit*, alone or followed by more rows: in the same order, with equal values, whatever their
    dtype and memory layout, and equal groups. It does not recognise *a part of them*, another order, or values that
    differ in the last digit, such as those from a step whose `fit_transform` and `transform` round differently
    (:class:`~sklearn.decomposition.PCA`): these are treated as a continuation, and their first windows contain rows
    that are not earlier. For the windows of a part, transform all rows of `fit` and select windows; or switch the
    context off temporarily with ``set_params(carry_context=False)``, which does not require refitting.

    **Memory.** Without groups, or with a single group, the output is a read-only view of one padded copy of the series,
    made by each call of :meth:`transform`. Consecutive windows share memory, so windows of 100 rows need no more than
    the series itself. The copy is float32 if `X` is float32, otherwise float64. `X` is never modified. With several
    groups, rows of a group have no constant stride, and the output is a read-only copy, `n_timesteps` times the size of
    the series.

    With ``flatten=True`` the output is still a view if ``dilation=1`` or if there is a single feature; otherwise it is
    such a copy too. Anything that copies windows needs the same factor of memory: a change of dtype, a selection by
    integer indices, a data frame made by `set_output`. In a pipeline the series is split first and windows are made
    afterwards, so cross-validation needs little memory.

    **Gaps.** A row that is NaN in every feature is a masked timestep. A row that is NaN in only some features is passed
    through unchanged; the final estimator may or may not accept it.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.preprocessing import SlidingWindow
    >>> X = np.array([[1.0], [2.0], [3.0]])
    >>> windows = SlidingWindow(n_timesteps=2).fit_transform(X)
    >>> windows.shape
    (3, 2, 1)
    >>> windows[:, :, 0]
    array([[nan,  1.],
           [ 1.,  2.],
           [ 2.,  3.]])

    Lagged columns for a tabular estimator:

    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> lags = SlidingWindow(n_timesteps=3, padding="edge", flatten=True)
    >>> lags.fit_transform(X)
    array([[1., 1., 1.],
           [1., 1., 2.],
           [1., 2., 3.]])
    >>> lags.get_feature_names_out(["x0"])
    array(['x0_t-2', 'x0_t-1', 'x0'], dtype=object)
    >>> make_pipeline(lags, Ridge()).fit(X, [2.0, 3.0, 4.0]).predict(X).shape
    (3,)

    Two series in one table with alternating rows:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"shop": ["north", "south", "north", "south"], "sales": [1, 10, 2, 20]})
    >>> by_shop = SlidingWindow(n_timesteps=2, group_column="shop")
    >>> by_shop.fit_transform(table)[:, :, 0]
    array([[nan,  1.],
           [nan, 10.],
           [ 1.,  2.],
           [10., 20.]])

    New rows that continue those of `fit`:

    >>> following = SlidingWindow(n_timesteps=3, carry_context=True).fit(X)
    >>> following.context_
    array([[2.],
           [3.]])
    >>> following.transform([[4.0], [5.0]])[:, :, 0]
    array([[2., 3., 4.],
           [3., 4., 5.]])
    """

    def __init__(
        self,
        n_timesteps: int = 10,
        *,
        dilation: int = 1,
        padding: Literal["mask", "edge", "zero"] = "mask",
        group_column: str | int | None = None,
        carry_context: bool = False,
        flatten: bool = False,
    ) -> None:
        self.n_timesteps = n_timesteps
        self.dilation = dilation
        self.padding = padding
        self.group_column = group_column
        self.carry_context = carry_context
        self.flatten = flatten

    @property
    def n_history_rows(self) -> int:
        """Number of earlier rows that a window reaches back: ``(n_timesteps - 1) * dilation``."""
        return n_history_rows(self.n_timesteps, self.dilation)

    def fit(self, X: ArrayLike, y: Any = None, *, groups: ArrayLike | None = None) -> Self:
        """Validate the parameters, and store the columns of `X` and, with `carry_context`, its last rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            The series, oldest row first; with `group_column`, the features and a column of groups. NaN is
            allowed in features, infinity is not.
        y : array-like of shape (n_samples,), default=None
            Only used for warnings.
        groups : array-like of shape (n_samples,), default=None
            The group of each row: labels that can be hashed and compared. None: all rows are one series, or
            `group_column` is set.

        Returns
        -------
        SlidingWindow
            The fitted transformer itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, `X` is sparse, or a group is not hashable.
        ValueError
            If a parameter has an invalid value; if `X`, apart from the group column, is not a 2-D array of finite
            numbers and NaN; if the group column is absent or the only column; if both `group_column` and `groups` are
            given; if there is not one group per row, or a group is NaN or None.

        Warns
        -----
        DataWarning
            If the index of a data frame is not increasing, the index of `y` has another order, or `y` is a column of
            `X`.
        """
        self._fit(X, y, groups)
        return self

    def transform(self, X: ArrayLike, *, groups: ArrayLike | None = None) -> NDArray[np.floating]:
        """Turn each row of `X` into the window of rows that ends with it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            The series, oldest row first, with the columns that :meth:`fit` has seen. NaN is allowed in
            features, infinity is not.
        groups : array-like of shape (n_samples,), default=None
            The group of each row, as for :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps * n_features)
            The windows, oldest row first, float32 if `X` is float32, otherwise float64; 2-D if `flatten` is True. A
            read-only view if possible: see the notes of the class.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before, if `carry_context` was False in `fit` and is True now, or if windows
            now reach back further than the rows kept by `fit`.
        TypeError
            If `X` is sparse, or a group is not hashable.
        ValueError
            If `X`, apart from the group column, is not a 2-D array of finite numbers and NaN, or its columns differ
            from those seen by :meth:`fit`; if both `group_column` and `groups` are given; if there is not one group per
            row, or a group is NaN or None.

        Warns
        -----
        DataWarning
            If no row of `X` has a complete window, or the index of a data frame is not increasing.
        UserWarning
            If groups were passed to :meth:`fit` but not to `transform`: all rows are then one series of an unknown
            group.
        """
        check_is_fitted(self)
        rows = read_rows(self, X, groups, reset=False)
        if rows.labels is None and self.n_groups_ is not None:
            warn(
                f"SlidingWindow was fitted with {self.n_groups_} groups, but transform got none: all rows of X are "
                "treated as one series of an unknown group"
            )
        context = self._context_of(rows)
        if context is None and 0 < rows.longest <= self.n_history_rows:
            warn(
                f"No row of X has a complete window of {self.n_history_rows + 1} rows. Pass the preceding rows too and "
                "use the last predictions, or set carry_context=True if X continues the rows of fit.",
                DataWarning,
            )
        return self._make_windows(rows, context)

    def fit_transform(self, X: ArrayLike, y: Any = None, *, groups: ArrayLike | None = None) -> NDArray[np.floating]:
        """Fit, and give every row of `X` the window of rows that ends there.

        Equals ``fit(X, groups=groups).transform(X, groups=groups)``, and reads `X` only once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            As for :meth:`fit`.
        y, groups : array-like of shape (n_samples,), default=None
            As for :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps * n_features)
            As from :meth:`transform`. The errors are those of :meth:`fit`.
        """
        return self._make_windows(self._fit(X, y, groups), context=None)

    @available_if(_gives_columns)
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Name the columns of the flattened output.

        Available only with ``flatten=True``.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the columns of the input, including the group column. None: `feature_names_in_`, or ``x0, x1, ...``
            if it is not defined. Otherwise they must match `feature_names_in_`, if defined.

        Returns
        -------
        ndarray of str objects of shape (n_timesteps * n_features,)
            Oldest timestep first: ``x0_t-2, x1_t-2, x0_t-1, x1_t-1, x0, x1``, without the group column. The number is
            the distance in rows of the series or group, a multiple of `dilation`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If `input_features` does not match the features seen by :meth:`fit`.
        """
        # The mixin is not a base class, because its method would then exist whatever `flatten` is.
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        if self.group_column in list(names) or is_integer(self.group_column):  # else it is a level of the index
            names = np.delete(names, group_position(self))
        lags = range(self.n_history_rows, -1, -self.dilation)
        columns = [f"{name}_t-{lag}" if lag else name for lag in lags for name in names]
        return np.asarray(columns, dtype=object)

    @with_callbacks
    def _fit(self, X: ArrayLike, y: Any, groups: ArrayLike | None) -> LabelledRows:
        """Fit, and return the rows that were read."""
        task = begin_fit(self, X, y, {"groups": groups})
        check_count("n_timesteps", self.n_timesteps)
        check_count("dilation", self.dilation)
        check_padding(self.padding)
        check_flag("carry_context", self.carry_context)
        check_flag("flatten", self.flatten)
        rows = read_rows(self, X, groups, reset=True)
        warn_of_target(X, rows, y)
        self.n_groups_ = rows.n_groups
        if self.carry_context:
            self._n_context_rows = self.n_history_rows
            self.context_, self.context_groups_ = rows.last_of_groups(self._n_context_rows)
            self.n_samples_fit_ = len(rows.values)
            self._digest = rows.digest()
        else:
            for name in _OF_CONTEXT & set(vars(self)):  # from an earlier fit
                delattr(self, name)
        if task is not None:
            task.end(dict)
        return rows

    def _context_of(self, rows: LabelledRows) -> LabelledRows | None:
        """Return the rows that `rows` continue; None if there are none, or `rows` begin with the rows of fit."""
        if not self.carry_context:
            return None
        if not hasattr(self, "context_"):
            raise NotFittedError("carry_context is True, but was False in fit, which kept no rows: refit")
        if self.n_history_rows > self._n_context_rows:
            raise NotFittedError(
                f"n_timesteps={self.n_timesteps} and dilation={self.dilation} reach back {self.n_history_rows} rows, "
                f"but fit kept {self._n_context_rows}: refit"
            )
        context, n_seen = LabelledRows(self.context_, self.context_groups_), self.n_samples_fit_
        if (rows.labels is None) != (context.labels is None):
            return None
        if len(rows.values) >= n_seen and rows.first(n_seen).digest() == self._digest:
            return None
        return context

    def _make_windows(self, rows: LabelledRows, context: LabelledRows | None) -> NDArray[np.floating]:
        """Return the windows of rows that continue a context, in the output format."""
        windows = rows.windows(self.n_timesteps, self.dilation, self.padding, context)
        return flatten_windows(windows) if self.flatten else windows

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is allowed and that float32 is kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
