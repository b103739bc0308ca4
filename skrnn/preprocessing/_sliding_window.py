"""A transformer that gives every row of a series the window of rows that ends there."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._parameters import check_count, check_flag
from skrnn._inputs._warnings import warn
from skrnn.estimators._callbacks import CallbackSupportMixin, begin_fit, with_callbacks
from skrnn.estimators._snapshot import unchanged_on_error
from skrnn.exceptions import DataWarning
from skrnn.preprocessing._labelled_rows import LabelledRows, group_position, read_rows, warn_of_target
from skrnn.sequences._windows import check_padding, flatten_windows, n_history_rows

#: The attributes that exist only with `carry_context`.
_OF_CONTEXT = {"context_", "context_groups_", "n_samples_fit_", "_n_context_rows", "_digest"}


def _gives_columns(transformer: "SlidingWindow") -> bool:
    """Tell `available_if` whether the output has columns to name, or raise the reason why not."""
    if not transformer.flatten:
        raise AttributeError("flatten is False: a 3-D output has no columns to name, set flatten=True")
    return True


class SlidingWindow(CallbackSupportMixin, TransformerMixin, BaseEstimator):
    """Give every row of a series the window of rows that ends there.

    Row t becomes the window of rows ``t - (n_timesteps - 1) * dilation, ..., t - dilation, t``, oldest
    first. No window sees a row after its own, nor one of another group. There are as many windows as rows,
    in the order of the rows, so `y` stays aligned and the transformer fits in any
    :class:`~sklearn.pipeline.Pipeline`.

    Parameters
    ----------
    n_timesteps : int, default=10
        Number of rows in a window, at least 1. It may exceed the length of the series.
    dilation : int, default=1
        Distance between two neighbouring rows of a window, at least 1. With groups, it counts in rows of
        the group.
    padding : {"mask", "edge", "zero"}, default="mask"
        What stands for the history that the first ``(n_timesteps - 1) * dilation`` rows of the series, or
        of each group, lack:

        - "mask": NaN in every feature, a masked timestep, which the recurrent estimators skip;
        - "edge": the first row that is known of the series or group, repeated;
        - "zero": zeros, the mean of a standardised series.
    group_column : str or int, default=None
        The column of `X` that tells to which series a row belongs, such as a shop, a patient or a sensor: by
        name in a data frame with named columns (pandas or polars), or by position, negative ones from the
        end. It may hold strings, categories or other objects beside columns of numbers, and is not part of
        the windows. None: there is no such column, and groups, if any, are given as `groups` to the methods.
    carry_context : bool, default=False
        If True, :meth:`fit` keeps the last :attr:`n_history_rows` rows of each group, and :meth:`transform`
        takes its rows for their continuation, unless they begin with the rows of `fit` again: see the notes.
        If False, windows are made of the rows of the same call alone.
    flatten : bool, default=False
        If False, the output has three dimensions, for the recurrent estimators. If True, it has two, one
        timestep after another, for any tabular estimator; only then are `get_feature_names_out` and
        `set_output` available.

    Attributes
    ----------
    n_features_in_ : int
        Number of columns of `X` as seen by :meth:`fit`, the group column included.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these columns. Defined only when `X` has feature names that are all strings.
    n_groups_ : int or None
        Number of groups seen by :meth:`fit`; None if it was given none.
    context_ : ndarray of shape (n_context_rows, n_features)
        The last :attr:`n_history_rows` rows of each group seen by :meth:`fit`, or all rows of a group that has
        fewer, in the order in which they came. Defined only if `carry_context` is True.
    context_groups_ : ndarray of shape (n_context_rows,) or None
        The group of each of these rows; None if :meth:`fit` was given no groups. Defined only if
        `carry_context` is True.
    n_samples_fit_ : int
        Number of rows seen by :meth:`fit`. Defined only if `carry_context` is True.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : Split a series so that the test rows come last.
    numpy.lib.stride_tricks.sliding_window_view : The view behind the windows, without padding.

    Notes
    -----
    **Order.** The rows of a series or group are taken as consecutive timesteps, oldest first; rows of several
    groups may be interleaved. A splitter that shuffles makes windows of rows that were never neighbours: prefer
    :class:`~sklearn.model_selection.TimeSeriesSplit`, or for whole groups
    :class:`~sklearn.model_selection.GroupKFold`.

    **Groups.** A group column goes wherever the rows go, and is the safest way. As an argument, `groups` is
    scikit-learn's metadata: with ``sklearn.set_config(enable_metadata_routing=True)``, ask for it by
    ``set_fit_request(groups=True)`` and ``set_transform_request(groups=True)``, both, and pass it to the methods
    of the pipeline or search. Without routing, ``Pipeline.fit(X, y, slidingwindow__groups=groups)`` hands it to
    `fit` alone. Nor is it passed on by scorers given by name, by the `predict` of a search, or before scikit-learn
    1.8 by the default scorer of a pipeline. :meth:`transform` warns when it misses groups that :meth:`fit` had.

    **Context.** By default the first rows of a test fold have short windows, and to forecast the next value one
    hands over all rows that the window spans. With ``carry_context=True`` new rows follow on from those of
    :meth:`fit`, group by group; a group that `fit` has not seen starts without history, and so do all if only
    one of `fit` and :meth:`transform` was given groups. Each call of `transform` continues from `fit`, not from the
    call before, and takes its first rows for the very next ones: a splitter with a gap leaves rows out unseen.

    The rows of `fit` do not follow on from themselves: their windows would hold later rows. :meth:`fit_transform`
    and ``fit(X).transform(X)`` therefore start without history. By a digest, `transform` recognises *all rows of
    fit again*, alone or with more rows after them: in the same order, with equal values, whatever their dtype and
    memory layout, and equal groups. It does not recognise *a part of them* alone, another order, or values that
    differ in the last digit, such as those from a step whose `fit_transform` and `transform` round differently
    (:class:`~sklearn.decomposition.PCA`): these are taken for a continuation, and windows at their beginning hold
    rows that are not earlier. For the windows of a part, transform all rows of `fit` and select windows; or switch
    the context off for as long with ``set_params(carry_context=False)``, which needs no new `fit`.

    **Memory.** Without groups, or with a single one, the output is a read-only view on one padded copy of the
    series, made anew by each call of :meth:`transform`. Neighbouring windows share their memory, so that a window
    of 100 rows costs no more than the series itself. The copy is float32 if `X` is float32, else float64. `X` is
    never written to. With several groups no constant stride leads from row to row of a group, and the output is a
    read-only copy, `n_timesteps` times the size of the series.

    With ``flatten=True`` the output is still a view if ``dilation=1`` or if there is a single feature.
    Otherwise no constant stride walks along a row, and the output is such a copy too. Anything that copies windows
    pays the same factor: a change of dtype, a selection by integer indices, a DataFrame made by `set_output`.
    Within a pipeline the series is split first and the windows are made afterwards, so that cross-validation stays
    cheap.

    **Gaps.** A row that is NaN in every feature is a masked timestep. A row that is NaN in some features passes
    through as it is; the final estimator decides whether it takes it.

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

    Two series in one table, whose rows take turns:

    >>> import pandas as pd
    >>> table = pd.DataFrame({"shop": ["north", "south", "north", "south"], "sales": [1, 10, 2, 20]})
    >>> by_shop = SlidingWindow(n_timesteps=2, group_column="shop")
    >>> by_shop.fit_transform(table)[:, :, 0]
    array([[nan,  1.],
           [nan, 10.],
           [ 1.,  2.],
           [10., 20.]])

    New rows that follow on from those of `fit`:

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
        """Number of rows before its own that a window reaches back: ``(n_timesteps - 1) * dilation``."""
        return n_history_rows(self.n_timesteps, self.dilation)

    @unchanged_on_error
    def fit(self, X: ArrayLike, y: Any = None, *, groups: ArrayLike | None = None) -> Self:
        """Validate the parameters, and remember the columns of `X` and, with `carry_context`, its last rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            The series, oldest row first; with `group_column`, the features and a column of groups. NaN is
            allowed in features, infinity is not.
        y : array-like of shape (n_samples,), default=None
            Not used, but for warnings.
        groups : array-like of shape (n_samples,), default=None
            The group of each row: labels that can be hashed and compared. None: all rows are one series, or
            `group_column` tells.

        Returns
        -------
        SlidingWindow
            The fitted transformer itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, `X` is sparse, or a group is not hashable.
        ValueError
            If a parameter has an unexpected value; if `X` is not a 2-D array of finite numbers and NaN, but for
            the group column; if the group column is absent or the only one; if both it and `groups` are
            given; if there is not one group for each row, or one is NaN or None.

        Warns
        -----
        DataWarning
            If the index of a frame goes back, or that of `y` has another order, or `y` is a column of `X`.
        """
        self._fit(X, y, groups)
        return self

    def transform(self, X: ArrayLike, *, groups: ArrayLike | None = None) -> NDArray[np.floating]:
        """Give every row of `X` the window of rows that ends there.

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
            The windows, oldest row first, float32 if `X` is float32, else float64; two-dimensional if
            `flatten` is True. A read-only view where one is possible: see the notes of the class.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before, or `carry_context` was False then and is True now, or windows are
            longer now and would reach over more rows than it has kept.
        TypeError
            If `X` is sparse, or a group is not hashable.
        ValueError
            If `X` is not a 2-D array of finite numbers and NaN, but for the group column, or its columns differ
            from those seen by :meth:`fit`; if both `group_column` and `groups` are given; if there is not one
            group for each row, or one is NaN or None.

        Warns
        -----
        DataWarning
            If no row of `X` has the history that its window spans, or the index of a frame goes back.
        UserWarning
            If :meth:`fit` was given groups and `transform` is not: all rows are then one series of a group not
            seen before.
        """
        check_is_fitted(self)
        rows = read_rows(self, X, groups, reset=False)
        if rows.labels is None and self.n_groups_ is not None:
            warn(
                f"SlidingWindow was fitted with {self.n_groups_} groups, but transform got none: all rows of X are "
                "taken for one series of a group not seen before"
            )
        context = self._context_of(rows)
        if context is None and 0 < rows.longest <= self.n_history_rows:
            warn(
                f"No row of X has the history that its window of {self.n_history_rows + 1} rows spans. Pass the rows "
                "before too, and take the last predictions, or set carry_context=True where X follows on from fit.",
                DataWarning,
            )
        return self._make_windows(rows, context)

    @unchanged_on_error
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
            Names of the columns of `X` as it comes, the group column included. If None, `feature_names_in_`,
            or ``x0, x1, ...`` where it is not defined. Else they must match `feature_names_in_` where it is
            defined.

        Returns
        -------
        ndarray of str objects of shape (n_timesteps * n_features,)
            Oldest timestep first: ``x0_t-2, x1_t-2, x0_t-1, x1_t-1, x0, x1``, without the group column. The
            number is the distance in rows of the series or group, so that it counts in steps of `dilation`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If `input_features` does not match the features seen by :meth:`fit`.
        """
        # By scikit-learn's rules; were the mixin a base class, its method would be there whatever `flatten` is.
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        if self.group_column is not None:
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
        """Return the rows that these follow on from; None if there are none, or these begin with the rows of fit."""
        if not self.carry_context:
            return None
        if not hasattr(self, "context_"):
            raise NotFittedError("carry_context is True, but was False in fit, which kept no rows: call fit again")
        if self.n_history_rows > self._n_context_rows:
            raise NotFittedError(
                f"n_timesteps={self.n_timesteps} and dilation={self.dilation} reach back {self.n_history_rows} rows, "
                f"but fit kept {self._n_context_rows}: call fit again"
            )
        context, n_seen = LabelledRows(self.context_, self.context_groups_), self.n_samples_fit_
        if (rows.labels is None) != (context.labels is None):
            return None
        if len(rows.values) >= n_seen and rows.first(n_seen).digest() == self._digest:
            return None
        return context

    def _make_windows(self, rows: LabelledRows, context: LabelledRows | None) -> NDArray[np.floating]:
        """Return the windows of rows that continue those of a context, in the form of the output."""
        windows = rows.windows(self.n_timesteps, self.dilation, self.padding, context)
        return flatten_windows(windows) if self.flatten else windows

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is allowed and that float32 is kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
