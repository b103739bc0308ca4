"""A regressor in which each estimator is fitted to the residuals of the previous ones."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, clone
from sklearn.model_selection import TimeSeriesSplit, check_cv
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._messages import naming, own_data
from skrnn._inputs._parameters import describe, is_integer
from skrnn._inputs._values import read_weights
from skrnn.ensemble._inner_estimators import (
    NamedEstimators,
    RoutesMetadata,
    check_lengths,
    fit_arguments,
    is_regressor_instance,
    learn_from_inner,
    predict_arguments,
    predict_arguments_of_fit,
    read_targets,
    take,
    take_arguments,
)
from skrnn.estimators._interruption import whole_fits, whole_or_not

#: Folds for estimating the shrinkage if `cv` is None.
_N_SPLITS = 5


@whole_fits
class ResidualRegressor(RoutesMetadata, RegressorMixin, NamedEstimators):
    """Fit each estimator to the residuals of the previous ones, and add their predictions.

    Usually this is a linear model followed by a network: the network only has to learn nonlinear effects, and if there
    are none, `shrinkage` keeps the linear model unchanged. Each estimator may be a pipeline with its own windows.

    Parameters
    ----------
    estimators : list of (str, estimator)
        Names and regressors, in the order in which they are fitted. "drop" instead of a regressor leaves it out, also
        with ``set_params(name="drop")``.
    cv : int, splitter or iterable, default=None
        How residuals are computed. None: from predictions on the training rows [1]_, where flexible estimators have
        smaller errors than on new rows. Otherwise out of fold, with estimators that were not fitted to the row: an
        integer is the number of splits of :class:`~sklearn.model_selection.TimeSeriesSplit`; with a splitter, training
        rows must come before test rows. The first rows, which are in no test part, have the residuals of the estimator
        of the first fold, which was fitted to them.
    shrinkage : "auto", float or None, default="auto"
        Factor for the predictions of the second and later estimators. "auto": the factor between 0 and 1, for each
        output, that is best in time-ordered cross-validation. None: 1.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted estimators, without dropped ones.
    named_estimators_ : Bunch
        The same by name; "drop" for dropped ones.
    shrinkage_ : ndarray of shape (n_estimators,) or (n_estimators, n_outputs)
        The factor of each of `estimators_`; 1 for the first.
    n_features_in_ : int
        Number of features of the first estimator. Defined only if it has one.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features of the first estimator. Defined only if it has names.

    See Also
    --------
    sklearn.ensemble.VotingRegressor : The mean of regressors fitted to the same targets.
    sklearn.ensemble.StackingRegressor : A regressor fitted to the predictions of others.

    Notes
    -----
    In each fold the estimators are fitted to the training part, one after the other, and predict the test part. They
    receive all rows up to the end of that part, so that windows have their history. The factor of an estimator
    minimises the weighted sum of squared residuals over all test parts. "auto" without `cv` uses
    ``TimeSeriesSplit(5)``: six fits per estimator.

    **Weights.** `sample_weight` is passed to each estimator, in a pipeline to its last step, and used for the factors.
    Other metadata, such as `groups` of windows, require scikit-learn's metadata routing.

    References
    ----------
    .. [1] Zhang, G. P. (2003). Time series forecasting using a hybrid ARIMA and neural network model. Neurocomputing
           50, 159-175. :doi:`10.1016/S0925-2312(01)00702-0`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import RidgeCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNRegressor, SlidingWindow
    >>> from skrnn.ensemble import ResidualRegressor
    >>> from skrnn.forecasting import forecast, to_supervised
    >>> t = np.arange(200)
    >>> series = np.abs(np.sin(t / 4.0))
    >>> X, y = to_supervised(series)
    >>> linear = make_pipeline(SlidingWindow(12, padding="edge", flatten=True), RidgeCV())
    >>> network = make_pipeline(SlidingWindow(12), RNNRegressor((4,), solver="lbfgs", tol=0.1, random_state=0))
    >>> model = ResidualRegressor([("linear", linear), ("network", network)]).fit(X, y)
    >>> model.shrinkage_.round(1)
    array([1., 1.])
    >>> forecast(model, series, 3).shape
    (3,)
    """

    def __init__(self, estimators: Any, *, cv: Any = None, shrinkage: Any = "auto") -> None:
        self.estimators = estimators
        self.cv = cv
        self.shrinkage = shrinkage

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, including those of the estimators.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include the estimators by name, and their parameters.

        Returns
        -------
        dict
            The values by name.
        """
        return self._get_params("estimators", deep=deep)

    def set_params(self, **params: Any) -> Self:
        """Set parameters, estimators by name, and their parameters.

        Parameters
        ----------
        **params : dict
            The values by name.

        Returns
        -------
        ResidualRegressor
            The estimator itself.
        """
        self._set_params("estimators", **params)
        return self

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Fit the estimators one after the other.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            What the estimators read.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0, for all estimators.
        **params : dict
            Metadata for the estimators, with metadata routing.

        Returns
        -------
        ResidualRegressor
            The fitted estimator itself. It is unchanged if a fit ends in an error, or is interrupted.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, or weights are given but an estimator does not accept them.
        ValueError
            If a parameter has an invalid value, predictions of an estimator do not have the shape of y, or there are
            too few rows for the folds.
        """
        parts = self._check_parameters()
        y = read_targets(y)
        X = X if hasattr(X, "shape") or isinstance(X, list | tuple) else np.asarray(X)
        check_lengths(X, y)
        weights = read_weights(sample_weight, len(y))
        sample_weight = None if sample_weight is None else weights
        chain = _Chain(X, y, weights, self._folds(X, y, weights), self.cv is not None)
        arguments = fit_arguments(self, sample_weight, params)
        of_predict = predict_arguments_of_fit(self, params)
        factors: list[NDArray[np.float64]] = []
        fitted: list[Any] = []
        for name, part in parts.items():
            with whole_or_not(), own_data(["y"] if fitted else []):  # residuals may be noise
                estimator = clone(part).fit(X, chain.left, **arguments[name])
            shrinkage = self.shrinkage if fitted else None
            factors.append(chain.subtract(estimator, arguments[name], of_predict[name], shrinkage))
            fitted.append(estimator)
        self.estimators_, self.shrinkage_, self._n_dimensions = fitted, np.array(factors), y.ndim
        by_name = dict(zip(parts, fitted, strict=True))
        self.named_estimators_ = Bunch(**{name: by_name.get(name, "drop") for name, _ in self.estimators})
        learn_from_inner(self, fitted[0], "n_features_in_", "feature_names_in_")
        return self

    def predict(self, X: Any, **params: Any) -> NDArray[np.floating]:
        """Return the sum of the predictions of the estimators, each times its `shrinkage_`.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            What the estimators read.
        **params : dict
            Metadata for the estimators, with metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        """
        check_is_fitted(self, "estimators_")
        arguments = list(predict_arguments(self, params).values())
        predictions = [
            factor * self._in_shape(np.asarray(estimator.predict(X, **of_part)))
            for estimator, factor, of_part in zip(self.estimators_, self.shrinkage_, arguments, strict=True)
        ]
        return np.sum(predictions, axis=0)

    def _in_shape(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Return predictions with as many dimensions as y, also for a single output."""
        if predictions.ndim == self._n_dimensions:
            return predictions
        return predictions.reshape(len(predictions), *(1,) * (self._n_dimensions - 1))

    def _parts(self) -> dict[str, Any]:
        """Return the estimators that are not dropped, by name."""
        return {name: estimator for name, estimator in self.estimators if not _is_dropped(estimator)}

    def _check_parameters(self) -> dict[str, Any]:
        """Return the estimators that are not dropped, by name; raise if a parameter is invalid."""
        estimators = self.estimators
        if not isinstance(estimators, Sequence) or not all(
            isinstance(entry, tuple) and len(entry) == 2 for entry in estimators
        ):
            raise TypeError(f"{describe('estimators', estimators)}; expected a list of tuples (name, estimator).")
        self._validate_names([name for name, _ in estimators])
        parts = self._parts()
        if not parts:
            raise ValueError(f"estimators is {estimators!r}; expected at least one that is not dropped.")
        for name, part in parts.items():
            if not is_regressor_instance(part):
                raise TypeError(f"estimators has {part!r} as {name!r}; expected an instance of a regressor, or 'drop'.")
        shrinkage = self.shrinkage
        if shrinkage is not None and not isinstance(shrinkage, int | float | str):
            raise TypeError(f"{describe('shrinkage', shrinkage)}; expected 'auto', a finite number or None.")
        is_valid = shrinkage == "auto" if isinstance(shrinkage, str) else shrinkage is None or np.isfinite(shrinkage)
        if not is_valid:
            raise ValueError(f"shrinkage is {shrinkage!r}; expected 'auto', a finite number or None.")
        return parts

    def _folds(self, X: Any, y: NDArray[Any], weights: NDArray[Any]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Return the training and test rows of each fold; an empty list if no folds are needed."""
        if self.cv is None and (self.shrinkage != "auto" or len(self._parts()) == 1):
            return []
        with naming("cv", "a number of splits, a splitter, or an iterable of splits, for this number of rows"):
            is_count = self.cv is None or is_integer(self.cv)
            n_rows = len(y)
            if not is_count:
                folds = check_cv(self.cv).split(np.empty((n_rows, 1)), y)
                return [(np.asarray(train), np.asarray(test)) for train, test in folds]
            # Leading rows of weight zero, such as windows that begin before the series, are only used as history and
            # never make a fold of their own.
            n_before = int(np.argmax(weights > 0.0))
            folds = TimeSeriesSplit(self.cv or _N_SPLITS).split(np.empty((n_rows - n_before, 1)))
            return [(np.arange(n_before + len(train)), n_before + test) for train, test in folds]


class _Chain:
    """The residuals of the estimators so far: on all rows, in each fold, and out of fold."""

    def __init__(self, X: Any, y: NDArray[Any], weights: NDArray[Any], folds: list[Any], is_out_of_fold: bool) -> None:
        self.X, self.weights, self.folds, self.is_out_of_fold = X, weights, folds, is_out_of_fold
        self.left = y  # targets of the next estimator, (n_samples, ...)
        self._in_folds = [y[train] for train, _ in folds]  # and in each fold
        self._out_of_fold = y
        self._tested = np.unique(np.concatenate([test for _, test in folds])) if folds else np.empty(0, dtype=np.intp)

    def subtract(
        self, estimator: Any, arguments: dict[str, Any], of_predict: dict[str, Any], shrinkage: Any
    ) -> NDArray[np.float64]:
        """Subtract the predictions of a fitted estimator, and return the factor of each output.

        `arguments` are those of its `fit`, `of_predict` those of its `predict`.
        """
        with own_data():
            in_folds, out_of_fold = self._predict_folds(estimator, arguments, of_predict)
        if shrinkage == "auto":
            factor = self._best_factor(out_of_fold)
        else:
            factor = np.full(self.left.shape[1:], 1.0 if shrinkage is None else float(shrinkage))
        self._out_of_fold = self._out_of_fold - factor * out_of_fold
        if self.is_out_of_fold:
            self.left = self._out_of_fold
            self._in_folds = [self.left[train] for train, _ in self.folds]
        else:
            self.left = self.left - factor * self._predict(estimator, len(self.left), of_predict)
            self._in_folds = [left - factor * of_fold for left, of_fold in zip(self._in_folds, in_folds, strict=True)]
        return factor

    def _predict_folds(
        self, fitted: Any, arguments: dict[str, Any], of_predict: dict[str, Any]
    ) -> tuple[list[NDArray[Any]], NDArray[Any]]:
        """Return predictions of clones: on the rows that each was fitted to, and out of fold, with the shape of y.

        Rows that are in no test part have predictions of the clone of the first fold.
        """
        in_folds: list[NDArray[Any]] = []
        out_of_fold = np.zeros_like(self.left)
        for number, ((train, test), left) in enumerate(zip(self.folds, self._in_folds, strict=True)):
            of_train = take_arguments(arguments, train, len(self.left))
            with whole_or_not():
                estimator = clone(fitted).fit(take(self.X, train), left, **of_train)
            n_rows = len(self.left) if number == 0 else int(max(train.max(), test.max())) + 1
            predictions = self._predict(estimator, n_rows, of_predict)
            in_folds.append(predictions[train])
            rows = np.setdiff1d(np.arange(n_rows), self._tested) if number == 0 else test
            out_of_fold[rows], out_of_fold[test] = predictions[rows], predictions[test]
        return in_folds, out_of_fold

    def _predict(self, estimator: Any, n_rows: int, arguments: dict[str, Any]) -> NDArray[Any]:
        """Return predictions of the first rows, with the shape of y."""
        rows = slice(0, n_rows)
        of_rows = take_arguments(arguments, rows, len(self.left))
        predictions = np.asarray(estimator.predict(take(self.X, rows), **of_rows))
        expected = (n_rows, *self.left.shape[1:])
        if predictions.size != np.prod(expected):
            raise ValueError(
                f"estimators has {type(estimator).__name__}, whose predictions have shape {predictions.shape}; "
                f"expected {expected}, the shape of y."
            )
        return predictions.reshape(expected)

    def _best_factor(self, predictions: NDArray[Any]) -> NDArray[np.float64]:
        """Return for each output the factor between 0 and 1 with the least weighted squared residuals out of fold."""
        predictions, left = predictions[self._tested], self._out_of_fold[self._tested]
        weights = self.weights[self._tested].reshape(-1, *(1,) * (left.ndim - 1))
        weights = np.where(np.isfinite(predictions) & np.isfinite(left), weights, 0.0)
        predictions, left = np.where(weights, predictions, 0.0), np.where(weights, left, 0.0)
        squares = (weights * predictions**2).sum(axis=0)
        products = (weights * predictions * left).sum(axis=0)
        return np.clip(np.divide(products, squares, out=np.zeros_like(products), where=squares > 0), 0.0, 1.0)


def _is_dropped(estimator: Any) -> bool:
    """Tell whether the estimator is "drop"."""
    return isinstance(estimator, str) and estimator == "drop"
