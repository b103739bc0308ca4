"""Ensembles of one classifier with several seeds, whose probabilities are averaged."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin

from skrnn.ensemble._seeded_ensembles import MEAN, SeededEnsemble, combined, steps_of
from skrnn.estimators._sequence_format import dtype_with_gaps


class EnsembleClassifier(ClassifierMixin, SeededEnsemble):
    """Fit a classifier with several seeds, and average the probabilities.

    It is for classifiers what :class:`EnsembleRegressor` is for regressors: all members are fitted to the same data,
    each with other seeds, also in the steps of a pipeline. All input formats of the estimator are supported.

    Parameters
    ----------
    estimator : estimator
        A classifier with a `random_state` and `predict_proba`, or a pipeline of one; clones of it are fitted.
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
    classes_ : ndarray of shape (n_classes,)
        The classes of the members.
    n_features_in_ : int
        Number of features of the members. Defined only if they have it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features of the members. Defined only if they have it.

    See Also
    --------
    EnsembleRegressor : The same for regression, with the reason why it helps.
    sklearn.ensemble.VotingClassifier : Different classifiers, whose probabilities are averaged.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNClassifier
    >>> from skrnn.ensemble import EnsembleClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = [rng.normal(size=(length, 2)) for length in rng.integers(4, 9, size=40)]
    >>> y = np.array(["up" if sequence[:, 0].sum() > 0 else "down" for sequence in X])
    >>> network = RNNClassifier((4,), solver="lbfgs", tol=0.01)
    >>> model = EnsembleClassifier(network, 3, random_state=0).fit(X, y)
    >>> model.predict_proba(X).shape
    (40, 2)
    >>> print(f"{model.score(X, y):.1f}")
    1.0
    """

    _kind: ClassVar[str] = "classifier"
    classes_: NDArray[Any]

    def predict_proba(self, X: Any, **params: Any) -> Any:
        """Return the mean of the members' probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            What the members read.
        **params : dict
            Metadata for the members' `predict`, with metadata routing.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or list
            The probabilities, in the format of the members' predictions.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        """
        return combined(self._predictions("predict_proba", X, params), MEAN)

    def predict(self, X: Any, **params: Any) -> Any:
        """Return the class with the highest mean probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            What the members read.
        **params : dict
            Metadata for the members' `predict`, with metadata routing.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), or list
            Classes, or for multilabel targets a 1 for every label with probability above 0.5, in the format of the
            members' predictions.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        """
        return combined([self.predict_proba(X, **params)], lambda probabilities: self._decode(probabilities[0]))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of the classes with the highest mean probability.

        Parameters
        ----------
        X : array-like of shape (n_samples, ...), data frame or list
            Input of the members.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or list
            Classes, in the format of `fit`. For networks, timesteps that are masked or have no class do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        float
            The fraction of samples, or timesteps, whose class is predicted.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        """
        if self._has_networks():
            return self._score_as_networks(self.predict_proba(X), X, y, sample_weight)
        return float(super().score(X, y, sample_weight))

    def _decode(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        """Return classes from probabilities (..., n_classes); NaN where these are NaN."""
        if self._is_multilabel:
            labels, is_masked = (probabilities > 0.5).astype(np.intp), np.isnan(probabilities)
        else:
            is_masked = np.isnan(probabilities).any(axis=-1)
            labels = self.classes_[np.where(is_masked[..., np.newaxis], 0.0, probabilities).argmax(axis=-1)]
        if not is_masked.any():
            return labels
        with_gaps = np.full(labels.shape, np.nan, dtype_with_gaps(labels))
        with_gaps[~is_masked] = labels[~is_masked]
        return with_gaps

    @property
    def _is_multilabel(self) -> bool:
        """Whether the members predict several yes-or-no labels."""
        return bool(getattr(steps_of(self.estimators_[0])[-1], "_is_multilabel", False))
