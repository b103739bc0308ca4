"""A transformer that gives every row of a series the window of rows that ends there."""

from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from skrnn.sequences._windows import PADDINGS, flatten_windows, n_history_rows, pad_series, sliding_windows


def _came(name: str, value: Any) -> str:
    """Return the part of an error message that tells what came, and of which type."""
    return f"{name} is {value!r} of type {type(value).__name__}, but SlidingWindow expects"


def _check_count(name: str, value: Any) -> None:
    """Raise unless the parameter `name` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{_came(name, value)} an integer >= 1")
    if value < 1:
        raise ValueError(f"{_came(name, value)} an integer >= 1")


def _check_padding(padding: Any) -> None:
    """Raise unless `padding` is the name of a padding."""
    if not isinstance(padding, str):
        raise TypeError(f"{_came('padding', padding)} a string, one of {PADDINGS}")
    if padding not in PADDINGS:
        raise ValueError(f"{_came('padding', padding)} one of {PADDINGS}")


def _check_flatten(flatten: Any) -> None:
    """Raise unless `flatten` is a boolean."""
    if not isinstance(flatten, bool | np.bool_):
        raise TypeError(f"{_came('flatten', flatten)} True or False")


def _gives_columns(transformer: "SlidingWindow") -> bool:
    """Tell `available_if` whether the output has columns to name, or raise the reason why not."""
    if not transformer.flatten:
        raise AttributeError("flatten is False: a 3-D output has no columns to name, set flatten=True")
    return True


class SlidingWindow(TransformerMixin, BaseEstimator):
    """Give every row of a series the window of rows that ends there.

    Row t becomes the window of rows ``t - (n_timesteps - 1) * dilation, ..., t - dilation, t``, oldest
    first. No window sees a row after its own. There are as many windows as rows, so `y` stays aligned
    and the transformer fits in any :class:`~sklearn.pipeline.Pipeline`.

    Parameters
    ----------
    n_timesteps : int, default=10
        Number of rows in a window, at least 1. It may exceed the length of the series.
    dilation : int, default=1
        Distance between two neighbouring rows of a window, at least 1.
    padding : {"mask", "edge", "zero"}, default="mask"
        What stands for the history that the first ``(n_timesteps - 1) * dilation`` rows lack:

        - "mask": NaN in every feature, a masked timestep, which the recurrent estimators skip;
        - "edge": the first row of the series, repeated;
        - "zero": zeros, the mean of a standardised series.
    flatten : bool, default=False
        If False, the output has three dimensions, for the recurrent estimators. If True, it has two, one
        timestep after another, for any tabular estimator; only then are `get_feature_names_out` and
        `set_output` available.

    Attributes
    ----------
    n_features_in_ : int
        Number of features of the series seen by :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these features. Defined only when `X` has feature names that are all strings.

    See Also
    --------
    sklearn.model_selection.TimeSeriesSplit : Split a series so that the test rows come last.
    numpy.lib.stride_tricks.sliding_window_view : The view behind the windows, without padding.

    Notes
    -----
    The rows of `X` are taken as consecutive timesteps of a single series, oldest first. A splitter that
    shuffles makes windows of rows that were never neighbours: prefer
    :class:`~sklearn.model_selection.TimeSeriesSplit`.

    The output is a read-only view on one padded copy of the series, made anew by each call of
    :meth:`transform`. Neighbouring windows share their memory, so that a window of 100 rows costs no more
    than the series itself. The copy is float32 if `X` is float32, else float64. `X` is never written to.

    With ``flatten=True`` the output is still a view if ``dilation=1`` or if there is a single feature.
    Otherwise no constant stride walks along a row, and the output is a copy `n_timesteps` times the size of
    the series. Anything that copies windows pays the same factor: a change of dtype, a selection by
    integer indices, a DataFrame made by `set_output`. Within a pipeline the series is split first and the
    windows are made afterwards, so that cross-validation stays cheap.

    A window sees only the rows that :meth:`transform` is given: the first rows of a test fold have short windows, and
    to forecast the next value one hands over all rows that the window spans.

    A row that is NaN in every feature is a masked timestep. A row that is NaN in some features passes
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
    """

    def __init__(
        self,
        n_timesteps: int = 10,
        *,
        dilation: int = 1,
        padding: Literal["mask", "edge", "zero"] = "mask",
        flatten: bool = False,
    ) -> None:
        self.n_timesteps = n_timesteps
        self.dilation = dilation
        self.padding = padding
        self.flatten = flatten

    @property
    def n_history_rows(self) -> int:
        """Number of rows before its own that a window reaches back, ``(n_timesteps - 1) * dilation``."""
        return n_history_rows(self.n_timesteps, self.dilation)

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Validate the parameters and remember the features of `X`, none of its data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The series, oldest row first. NaN is allowed, infinity is not.
        y : None
            Ignored; scikit-learn passes it.

        Returns
        -------
        SlidingWindow
            The fitted transformer itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, or `X` is sparse.
        ValueError
            If a parameter has an unexpected value, or `X` is not a 2-D array of finite numbers and NaN.
        """
        _check_count("n_timesteps", self.n_timesteps)
        _check_count("dilation", self.dilation)
        _check_padding(self.padding)
        _check_flatten(self.flatten)
        self._validate_series(X, reset=True)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Give every row of `X` the window of rows that ends there.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The series, oldest row first. NaN is allowed, infinity is not.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps * n_features)
            The windows, oldest row first, float32 if `X` is float32, else float64; two-dimensional if
            `flatten` is True. A read-only view where one is possible: see the notes of the class.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        TypeError
            If `X` is sparse.
        ValueError
            If `X` is not a 2-D array of finite numbers and NaN, or its features differ from those seen by
            :meth:`fit`.
        """
        check_is_fitted(self)
        series = self._validate_series(X, reset=False)
        padded = pad_series(series, n_history_rows(self.n_timesteps, self.dilation), self.padding)
        windows = sliding_windows(padded, self.n_timesteps, self.dilation)
        return flatten_windows(windows) if self.flatten else windows

    @available_if(_gives_columns)
    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> NDArray[np.object_]:
        """Name the columns of the flattened output.

        Available only with ``flatten=True``.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the features of the series. If None, `feature_names_in_`, or ``x0, x1, ...`` where it
            is not defined. Else they must match `feature_names_in_` where it is defined.

        Returns
        -------
        ndarray of str objects of shape (n_timesteps * n_features_in_,)
            Oldest timestep first: ``x0_t-2, x1_t-2, x0_t-1, x1_t-1, x0, x1``. The number is the distance
            in rows, so that it counts in steps of `dilation`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If `input_features` does not match the features seen by :meth:`fit`.
        """
        # scikit-learn's rules for names are public only through this mixin. It cannot be a base class, as
        # the method it brings would not depend on `flatten`.
        names = OneToOneFeatureMixin.get_feature_names_out(self, input_features)
        lags = range(n_history_rows(self.n_timesteps, self.dilation), -1, -self.dilation)
        columns = [f"{name}_t-{lag}" if lag else name for lag in lags for name in names]
        return np.asarray(columns, dtype=object)

    def _validate_series(self, X: ArrayLike, *, reset: bool) -> NDArray[Any]:
        """Return X as a checked array of shape (n_samples, n_features), in its own dtype if numeric."""
        # Integers are converted while they are padded: a conversion here would be a second full copy.
        series = validate_data(self, X, reset=reset, dtype="numeric", ensure_all_finite="allow-nan")
        if series.dtype.kind not in "biuf":  # dates pass as numeric, and as numbers their NaT would be -9e18
            raise ValueError(f"X has dtype {series.dtype}, but SlidingWindow expects real numbers")
        return series

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is allowed and that float32 is kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
