"""Ensembles of one estimator with several seeds, whose predictions are averaged."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.metrics import r2_score
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._messages import names_of_own_data, own_data, warn
from skrnn._inputs._parameters import check_count, check_flag, describe, read_random_state
from skrnn.ensemble._ensemble_stream import EnsembleStream
from skrnn.ensemble._inner_estimators import RoutesMetadata, fit_arguments, learn_from_inner, predict_arguments
from skrnn.estimators._base import BaseRNN
from skrnn.estimators._interruption import noticing_interruption, tell_of_interruption, whole_fits
from skrnn.estimators._sequence_format import as_objects, is_list_of_arrays

#: Over members, the first axis.
MEAN = partial(np.mean, axis=0)


def _streams(ensemble: "SeededEnsemble") -> bool:
    """Tell `available_if` whether the members stream, or raise AttributeError."""
    members = getattr(ensemble, "estimators_", [ensemble.estimator])
    return all(hasattr(member, "stream") for member in members)


@whole_fits
class SeededEnsemble(RoutesMetadata, MetaEstimatorMixin, BaseEstimator):
    """Members that differ only in their seeds."""

    _kind: ClassVar[str]  # the required type of estimator
    _decode: Callable[[NDArray[Any]], NDArray[Any]] | None = None  # from probabilities to classes

    def __init__(
        self, estimator: Any, n_estimators: int = 10, *, n_jobs: int | None = None, random_state: Any = None
    ) -> None:
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Fit the members, each with its own seeds.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            Input of the estimator.
        y : array-like of shape (n_samples, ...) or list
            Targets of the estimator.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0; in a pipeline, for its last step.
        **params : dict
            Metadata for the estimator, with metadata routing.

        Returns
        -------
        self : object
            The fitted ensemble itself. It is unchanged if a fit ends in an error.

        Raises
        ------
        TypeError
            If a parameter has the wrong type, or weights are given but the estimator does not accept them.
        ValueError
            If a parameter has an invalid value, or the estimator has no `random_state`: all members would be identical.

        Warns
        -----
        UserWarning
            If the user interrupts the fit: the members fitted so far are kept.
        """
        check_count("n_estimators", self.n_estimators)
        estimator = self.estimator
        is_instance = not isinstance(estimator, type) and hasattr(estimator, "fit")
        if not is_instance or get_tags(estimator).estimator_type != self._kind:
            raise TypeError(f"{describe('estimator', self.estimator)}; expected an instance of a {self._kind}.")
        arguments = fit_arguments(self, sample_weight, params)["estimator"]
        members = self._seeded_members()
        self.estimators_ = self._fitted_members(members, X, y, arguments)
        if len(self.estimators_) < len(members):
            tell_of_interruption()
            n_fitted = len(self.estimators_)
            warn(f"Training interrupted by user after {n_fitted} of {len(members)} members, which are kept.")
        learn_from_inner(self, self.estimators_[0], "n_features_in_", "feature_names_in_", "classes_")
        return self

    @available_if(_streams)
    def stream(self, n_sequences: int = 1) -> EnsembleStream:
        """Return an object that predicts one timestep at a time: the mean of the streams of the members.

        Available only if the members support streams.

        Parameters
        ----------
        n_sequences : int, default=1
            Number of sequences to process in parallel.

        Returns
        -------
        stream : EnsembleStream
            Its state contains the states of all members.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        """
        check_is_fitted(self)
        return EnsembleStream([member.stream(n_sequences) for member in self.estimators_], self._decode)

    def _parts(self) -> dict[str, Any]:
        return {"estimator": self.estimator}

    def _seeded_members(self) -> list[Any]:
        """Return clones of the estimator with different seeds as every `random_state`."""
        rng = read_random_state(self.random_state)
        names = [
            name
            for name in sorted(self.estimator.get_params(deep=True))
            if name == "random_state" or name.endswith("__random_state")
        ]
        if not names:
            raise ValueError(f"estimator is {self.estimator!r}; expected one with a random_state to draw seeds for.")
        largest = np.iinfo(np.int32).max
        return [
            clone(self.estimator).set_params(**{name: int(rng.randint(largest)) for name in names})
            for _ in range(self.n_estimators)
        ]

    def _fitted_members(self, members: list[Any], X: Any, y: Any, arguments: dict[str, Any]) -> list[Any]:
        """Fit members; return those fitted before the user interrupts, of whom there must be one."""
        fitted: list[Any] = []
        try:
            with noticing_interruption() as notices:
                jobs = (delayed(_fit)(member, X, y, arguments, names_of_own_data()) for member in members)
                for member in Parallel(n_jobs=self.n_jobs, return_as="generator")(jobs):
                    fitted.append(member)
                    if notices:
                        break
        except KeyboardInterrupt:
            if not fitted:
                raise
        return fitted

    def _predictions(self, method: str, X: Any, params: dict[str, Any]) -> list[Any]:
        """Return the result of a method of each member."""
        check_is_fitted(self)
        arguments = predict_arguments(self, params)["estimator"]
        return [getattr(member, method)(X, **arguments) for member in self.estimators_]

    def _has_networks(self) -> bool:
        """Tell whether the members are networks, alone or at the end of pipelines."""
        check_is_fitted(self)
        return isinstance(steps_of(self.estimators_[0])[-1], BaseRNN)

    def _score_as_networks(self, averages: Any, X: Any, y: Any, sample_weight: Any) -> float:
        """Return the score of averages by the rule of the networks."""
        *transformers, network = steps_of(self.estimators_[0])
        for transformer in transformers:
            X = X if transformer in (None, "passthrough") else transformer.transform(X)
        return float(network._score_averages(averages, X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, with the input tags of the estimator."""
        tags = super().__sklearn_tags__()
        if hasattr(self.estimator, "__sklearn_tags__"):
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def steps_of(member: Any) -> list[Any]:
    """Return the steps of a pipeline, or the estimator alone."""
    return [step for _, step in getattr(member, "steps", [(None, member)])]


def _fit(member: Any, X: Any, y: Any, arguments: dict[str, Any], own: frozenset[str]) -> Any:
    """Fit and return a member, maybe in a worker, to which the names of own data have to be passed."""
    with own_data(own):
        return member.fit(X, y, **arguments)


def combined(predictions: list[Any], combine: Callable[..., Any]) -> Any:
    """Return the result of `combine` for the members' predictions, (n_members, ...); for lists, entry by entry."""
    if not is_list_of_arrays(predictions[0]):
        return combine(np.stack(predictions))
    entries = [combine(np.stack(of_members)) for of_members in zip(*predictions, strict=True)]
    return entries if isinstance(predictions[0], list) else as_objects(entries)


class EnsembleRegressor(RegressorMixin, SeededEnsemble):
    """Fit a regressor with several seeds, and predict the mean.

    The errors of networks with different initial weights differ, and partly cancel in the mean [1]_. All members are
    fitted to the same data; every `random_state` in the estimator, including steps of a pipeline, has a different seed
    in each member. All input formats of the estimator are supported.

    Parameters
    ----------
    estimator : estimator
        A regressor with a `random_state`, or a pipeline of one; clones of it are fitted.
    n_estimators : int, default=10
        The number of members.
    n_jobs : int, default=None
        Number of members that are fitted at once, in separate processes; None means 1, -1 all processors.
    random_state : int, RandomState instance or None, default=None
        Generates the seeds.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted members.
    n_features_in_ : int
        Number of features of the members. Defined only if they have it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features of the members. Defined only if they have it.

    See Also
    --------
    EnsembleClassifier : The same for classification.
    sklearn.ensemble.BaggingRegressor : Members are fitted to different rows of a table; does not accept sequences.

    Notes
    -----
    The standard deviation returned by :meth:`predict` shows where members disagree. It does not include the noise of
    the targets, which all members share, so intervals based on it alone are too narrow. For prediction intervals use
    :func:`~skrnn.forecasting.forecast_interval` with `n_calibration`, and maybe ``method="ensemble"``, which adds the
    deviation to the noise.

    References
    ----------
    .. [1] Lakshminarayanan, B., Pritzel, A. and Blundell, C. (2017). Simple and scalable predictive uncertainty
           estimation using deep ensembles. Advances in Neural Information Processing Systems 30. :arxiv:`1612.01474`

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.ensemble import EnsembleRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 5, 1))
    >>> y = X[:, -1, 0] * X[:, -2, 0]
    >>> network = RNNRegressor((4,), solver="lbfgs", tol=0.01)
    >>> model = EnsembleRegressor(network, 3, random_state=0).fit(X, y)
    >>> predictions, deviations = model.predict(X, return_std=True)
    >>> predictions.shape, deviations.shape
    ((60,), (60,))
    >>> far = model.predict(100 * X, return_std=True)[1]  # far from the training data
    >>> print(f"{deviations.mean():.2f} {far.mean():.2f}")
    0.1... 1...
    """

    _kind: ClassVar[str] = "regressor"

    def predict(self, X: Any, return_std: bool = False, **params: Any) -> Any:
        """Return the mean of the members' predictions, and optionally their standard deviation.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            Input of the members.
        return_std : bool, default=False
            Whether to also return the standard deviation over the members.
        **params : dict
            Metadata for the members, with metadata routing.

        Returns
        -------
        predictions : ndarray of shape (n_samples,) or (n_samples, n_outputs), or list
            The mean, in the format of the members' predictions.
        deviations : ndarray or list
            The standard deviation over the members, in the same format. Only if `return_std` is True.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        TypeError
            If `return_std` is not a boolean.
        """
        check_flag("return_std", return_std)
        predictions = self._predictions("predict", X, params)
        mean = combined(predictions, MEAN)
        return (mean, combined(predictions, partial(np.std, axis=0))) if return_std else mean

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of the mean: of networks D^2 of their loss, otherwise R^2.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            Input of the members.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or list
            Targets of the members.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        float
            The score, as :meth:`skrnn.RNNRegressor.score` for networks, alone or at the end of pipelines.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If y does not match the predictions, such as several quantiles that are predicted inside another estimator.
        """
        mean = self.predict(X)
        if self._has_networks():
            return self._score_as_networks(mean, X, y, sample_weight)
        if len(mean) == len(y) and np.size(mean) != np.size(y):
            raise ValueError(
                f"y has shape {np.shape(y)}, but the members predict {np.shape(mean)}; expected one prediction per "
                "target. R^2 does not exist for several quantiles, as predicted inside another estimator."
            )
        return float(r2_score(y, mean, sample_weight=sample_weight))
