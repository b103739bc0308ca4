"""A transformer that turns a table of lags into sequences."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from skrnn._inputs._frames import explaining
from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._parameters import check_choice, check_count
from skrnn._inputs._tables import column_names, column_position, read_lags
from skrnn._inputs._values import check_kind, refuse_masked
from skrnn.estimators._interruption import whole_fits

_EXPECTED_X = "real numbers, or NaN, in a 2-D array (n_samples, n_columns)"


@whole_fits
class LagsToSequences(TransformerMixin, BaseEstimator):
    """Turn each row of a table of lags, as made by forecasting libraries, into a sequence.

    A row contains the last `n_timesteps` values of one or several variables, and possibly other columns, such as
    calendar features at the time to predict. It becomes a sequence, oldest timestep first, in which the other columns
    are repeated at each timestep. In a pipeline before a network, it makes the network usable in skforecast,
    mlforecast, sktime, Darts and other libraries.

    Parameters
    ----------
    n_timesteps : int, default=None
        Number of lags per variable. None: all columns from `first_lag` on are lags.
    order : {"newest_first", "oldest_first"}, default="newest_first"
        Order of the lags of a variable: ``y[t-1], y[t-2], ...`` or ``..., y[t-2], y[t-1]``.
    by : {"variable", "timestep"}, default="variable"
        Arrangement of the lags of several variables: all lags of one variable, then those of the next; or all variables
        of one timestep, then those of the next.
    n_variables : int or tuple of int, default=1
        Number of variables with lags. A tuple contains the numbers for several consecutive blocks, each arranged
        according to `by`.
    first_lag : int or str, default=0
        The column of the first lag, by position or name. Lags are consecutive columns from there, as many as the other
        parameters specify. The columns before and after them are repeated at each timestep.

    Attributes
    ----------
    lag_columns_ : ndarray of shape (n_timesteps, n_variables), int
        The position of the column of each timestep and variable, oldest timestep first.
    other_columns_ : ndarray of shape (n_others,), int
        The positions of the other columns.
    n_features_in_ : int
        Number of columns of `X` as seen by :meth:`fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of these columns. Defined only when `X` has feature names that are all strings.

    See Also
    --------
    SlidingWindow : Windows of the series itself, when no other library is involved.

    Notes
    -----
    **A wrong order raises no error.** A network that reads the newest value first forgets it first. If column names
    contain the lag (``lag_1``, ``lag2``, ``y_lag_1``, ``y_target_lag-1``, ``lag(1)``, ``x_t-1``, ``x(t-1)``),
    :meth:`fit` checks that they agree with the parameters. Most libraries pass arrays without column names;
    docs/other_tools.md has the parameters for each.

    **Gaps.** A timestep at which the lags of all variables are NaN is masked: NaN in every feature. A timestep at which
    only some are NaN is passed through unchanged; the final estimator may or may not accept it.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn.preprocessing import LagsToSequences
    >>> X = np.array([[3.0, 2.0, 1.0, 0.5], [4.0, 3.0, 2.0, 0.7]])  # y[t-1], y[t-2], y[t-3], and a feature of t
    >>> LagsToSequences(n_timesteps=3, order="newest_first").fit_transform(X)[0]
    array([[1. , 0.5],
           [2. , 0.5],
           [3. , 0.5]])

    Column names reveal a wrong order:

    >>> import pandas as pd
    >>> table = pd.DataFrame(X, columns=["lag_1", "lag_2", "lag_3", "weekend"])
    >>> LagsToSequences(n_timesteps=3, order="oldest_first").fit(table)
    Traceback (most recent call last):
    ...
    ValueError: X has columns ['lag_1', 'lag_2', 'lag_3'], whose names are in the other order...

    In a pipeline for a forecasting library:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skrnn import RNNRegressor
    >>> network = RNNRegressor((4,), solver="lbfgs", tol=0.05, random_state=0)
    >>> model = make_pipeline(StandardScaler(), LagsToSequences(n_timesteps=3), network)
    >>> model.fit(X, [4.0, 5.0]).predict(X).shape
    (2,)
    """

    def __init__(
        self,
        n_timesteps: int | None = None,
        *,
        order: Literal["newest_first", "oldest_first"] = "newest_first",
        by: Literal["variable", "timestep"] = "variable",
        n_variables: int | tuple[int, ...] = 1,
        first_lag: int | str = 0,
    ) -> None:
        self.n_timesteps = n_timesteps
        self.order = order
        self.by = by
        self.n_variables = n_variables
        self.first_lag = first_lag

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the lags among the columns of `X`, and check that column names agree.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Lags and other columns. NaN is allowed, infinity is not.
        y : None
            Ignored.

        Returns
        -------
        LagsToSequences
            The fitted transformer itself.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, or `X` is sparse or not numeric.
        ValueError
            If a parameter has an invalid value; if `X` is not a 2-D array of finite numbers and NaN; if it has too few
            columns; or if column names contradict the parameters.
        """
        self._check_parameters()
        n_columns = self._read(X).shape[1]
        names = column_names(X)
        columns = self._find_lags(n_columns, names)
        expected = f". Expected other names, or other parameters than {self._arrangement()}."
        other = "newest_first" if self.order == "oldest_first" else "oldest_first"
        check_names(names, columns, expected, f"order={other!r}")
        validate_data(self, X, skip_check_array=True)
        self.lag_columns_ = columns
        self.other_columns_ = np.setdiff1d(np.arange(n_columns), columns)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Turn each row into a sequence.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Lags and other columns, as seen by :meth:`fit`. NaN is allowed, infinity is not.

        Returns
        -------
        ndarray of shape (n_samples, n_timesteps, n_variables + n_others)
            The sequences, oldest timestep first: the lags, then the other columns, which are the same at each timestep.
            float32 if `X` is float32, otherwise float64.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        TypeError
            If `X` is sparse or not numeric.
        ValueError
            If `X` is not a 2-D array of finite numbers and NaN, or its columns differ from those seen by :meth:`fit`.
        """
        check_is_fitted(self)
        values = self._read(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        n_variables = self.lag_columns_.shape[1]
        columns = np.hstack([self.lag_columns_, np.tile(self.other_columns_, (len(self.lag_columns_), 1))])
        sequences = values[:, columns]
        sequences[np.isnan(sequences[:, :, :n_variables]).all(axis=2)] = np.nan
        return sequences

    def _check_parameters(self) -> None:
        """Raise unless the parameters are valid."""
        if self.n_timesteps is not None:
            check_count("n_timesteps", self.n_timesteps)
        check_choice("order", self.order, ORDERS)
        check_choice("by", self.by, ARRANGEMENTS)
        if self.n_variables == ():
            raise ValueError("n_variables is (); expected an integer >= 1, or a tuple of such integers.")
        for n_variables in self._blocks():
            check_count("n_variables", n_variables)

    def _blocks(self) -> tuple[Any, ...]:
        """Return the number of variables of each block."""
        return self.n_variables if isinstance(self.n_variables, tuple) else (self.n_variables,)

    @settings_unchanged_on_error
    def _read(self, X: Any) -> NDArray[np.floating]:
        """Return X as a 2-D array of finite numbers and NaN, float32 or float64."""
        refuse_masked(X, "X")
        with naming("X", _EXPECTED_X), explaining(X):
            values = check_array(X, ensure_all_finite="allow-nan", estimator=self, input_name="X")
            check_kind(values, "X")
            dtype = np.float32 if values.dtype == np.float32 else np.float64
            return check_array(values, dtype=dtype, ensure_all_finite="allow-nan", estimator=self, input_name="X")

    def _find_lags(self, n_columns: int, names: list[Any]) -> NDArray[np.intp]:
        """Return the column of each timestep and variable, (n_timesteps, n_variables)."""
        first = column_position(self.first_lag, n_columns, names, "first_lag")
        n_left, n_variables = n_columns - first, sum(self._blocks())
        n_timesteps = self.n_timesteps
        if n_timesteps is None:
            if n_left % n_variables:
                raise ValueError(
                    f"X has {n_left} columns from first_lag={self.first_lag!r} on; expected a multiple of "
                    f"n_variables={self.n_variables}, or n_timesteps."
                )
            n_timesteps = n_left // n_variables
        if n_timesteps * n_variables > n_left:
            raise ValueError(
                f"X has {n_left} columns from first_lag={self.first_lag!r} on, but n_timesteps={n_timesteps} and "
                f"n_variables={self.n_variables} expect {n_timesteps * n_variables}."
            )
        return lag_columns(self._blocks(), n_timesteps, self.order, self.by, first)

    def _arrangement(self) -> str:
        """Return the parameters that determine which column is which lag, as text."""
        names = ("n_timesteps", "order", "by", "n_variables", "first_lag")
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in names)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that NaN is allowed and that float32 is kept."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


ORDERS = ("newest_first", "oldest_first")
ARRANGEMENTS = ("variable", "timestep")


def lag_columns(blocks: Sequence[int], n_timesteps: int, order: str, by: str, first: int) -> NDArray[np.intp]:
    """Return the column of each timestep and variable, oldest timestep first, (n_timesteps, n_variables).

    `blocks` has the number of variables of consecutive blocks, starting at the column `first`.
    """
    columns = []
    for n_variables in blocks:
        block = np.arange(first, first + n_timesteps * n_variables)
        by_timestep = block.reshape(-1, n_variables) if by == "timestep" else block.reshape(n_variables, -1).T
        columns.append(by_timestep)
        first += block.size
    of_timesteps = np.hstack(columns)
    return of_timesteps if order == "oldest_first" else of_timesteps[::-1].copy()


def check_names(names: Sequence[Any], columns: NDArray[np.intp], parameters: str, other_order: str) -> None:
    """Raise ValueError if column names contradict `columns`, which follow from the parameters.

    Messages end with `parameters`, or with the parameter `other_order` if only the order is wrong.
    """
    said = read_lags(names)
    if not any(column.lag for column in said):
        return
    for of_variable in columns.T:
        lags = [said[column].lag or 0 for column in of_variable]
        shown = [str(names[column]) for column in of_variable]
        if len({said[column].series for column in of_variable}) > 1:
            raise ValueError(f"X has columns {_some(shown)}, whose names belong to different variables{parameters}")
        if (np.diff(lags) > 0).all():
            in_order = [str(names[column]) for column in sorted(of_variable)]
            raise ValueError(
                f"X has columns {_some(in_order)}, whose names are in the other order. Expected {other_order}."
            )
        if (np.diff(lags) >= 0).any():
            raise ValueError(f"X has columns {_some(shown)}, whose names are not in order, oldest first{parameters}")
    variables = {said[column].series for column in columns.ravel()}
    others = np.setdiff1d(np.arange(len(names)), columns)
    left = [str(names[column]) for column in others if said[column].lag and said[column].series in variables]
    if left:
        raise ValueError(f"X has columns {_some(left)}, whose names say that they are lags too{parameters}")


def _some(names: list[str]) -> str:
    """Return the first names as text."""
    return f"[{', '.join(map(repr, names[:4]))}{', ...' if len(names) > 4 else ''}]"
