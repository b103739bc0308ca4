"""The base class of ensembles of one estimator with several seeds: fits members and combines their predictions."""

from abc import ABC
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._messages import is_own_data, own_data, warn
from skrnn._inputs._parameters import check_count, describe, read_random_state
from skrnn.ensemble._delegation import fit_arguments, make_router, predict_arguments
from skrnn.ensemble._ensemble_stream import EnsembleStream
from skrnn.estimators._interruption import noticing_interruption, tell_of_interruption
from skrnn.estimators._sequence_format import as_objects, is_list_of_arrays


def _streams(ensemble: "SeededEnsemble") -> bool:
    """Tell `available_if` whether the members stream, or raise AttributeError."""
    members = getattr(ensemble, "estimators_", [ensemble.estimator])
    return all(hasattr(member, "stream") for member in members)


class SeededEnsemble(MetaEstimatorMixin, BaseEstimator, ABC):
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
        arguments = fit_arguments(self, {"estimator": self.estimator}, sample_weight, params)["estimator"]
        members = self._seeded_members()
        fitted: list[Any] = []
        try:
            with noticing_interruption() as notices:
                jobs = (delayed(_fit)(member, X, y, arguments, is_own_data()) for member in members)
                for member in Parallel(n_jobs=self.n_jobs, return_as="generator")(jobs):
                    fitted.append(member)
                    if notices:
                        break
        except KeyboardInterrupt:
            if not fitted:
                raise
        if len(fitted) < len(members):
            tell_of_interruption()
            warn(f"Training interrupted by user after {len(fitted)} of {len(members)} members, which are kept.")
        self.estimators_ = fitted
        for attribute in ("n_features_in_", "feature_names_in_", "classes_"):
            self.__dict__.pop(attribute, None)
            if hasattr(fitted[0], attribute):
                setattr(self, attribute, getattr(fitted[0], attribute))
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

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the router that passes metadata to the estimator.

        Returns
        -------
        MetadataRouter
            A :class:`~sklearn.utils.metadata_routing.MetadataRouter` to its `fit` and `predict`.
        """
        return make_router(self, {"estimator": self.estimator})

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

    def _predictions(self, method: str, X: Any, params: dict[str, Any]) -> list[Any]:
        """Return the result of a method of each member."""
        check_is_fitted(self)
        arguments = predict_arguments(self, {"estimator": self.estimator}, params)["estimator"]
        return [getattr(member, method)(X, **arguments) for member in self.estimators_]

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags, with the input tags of the estimator."""
        tags = super().__sklearn_tags__()
        if hasattr(self.estimator, "__sklearn_tags__"):
            tags.input_tags = get_tags(self.estimator).input_tags
        return tags


def _fit(member: Any, X: Any, y: Any, arguments: dict[str, Any], of_own_data: bool) -> Any:
    """Fit and return a member, maybe in a worker, to which `of_own_data` has to be passed."""
    with own_data() if of_own_data else nullcontext():
        return member.fit(X, y, **arguments)


def combined(predictions: list[Any], combine: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
    """Return the result of `combine` for the members' predictions, (n_members, ...); for lists, entry by entry."""
    if not is_list_of_arrays(predictions[0]):
        return combine(np.stack(predictions))
    entries = [combine(np.stack(of_members)) for of_members in zip(*predictions, strict=True)]
    return entries if isinstance(predictions[0], list) else as_objects(entries)


def mean(predictions: NDArray[Any]) -> NDArray[Any]:
    """Return the mean over members, the first axis."""
    return np.asarray(predictions.mean(axis=0))
