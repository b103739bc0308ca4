"""The recurrent network as a scikit-learn classifier."""

from typing import Any, Self

import numpy as np
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from skrnn.estimators._base import BaseRNN, _is_stochastic
from skrnn.estimators._data import Data
from skrnn.estimators._validation import check_n_targets
from skrnn.losses import LOSSES, Loss


class RNNClassifier(ClassifierMixin, BaseRNN):
    """DOCSTRING"""

    def __init__(
        self,
        hidden_layer_sizes: Any = (64,),
        *,
        cell: str = "rnn",
        activation: str = "tanh",
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        max_grad_norm: float | None = 1.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_split: str = "random",
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        max_fun: int = 15000,
        solver_options: dict[str, Any] | None = None,
        n_timesteps: int | None = None,
        class_weight: Any = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(
            cell=cell,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            max_grad_norm=max_grad_norm,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            validation_split=validation_split,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            solver_options=solver_options,
            n_timesteps=n_timesteps,
            dtype=dtype,
        )
        self.class_weight = class_weight

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of sequences, or their labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`; their number of timesteps may be another.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The most probable class, or for multilabel targets a 1 for every label of probability over 0.5.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        raw = self._predict_raw(X)
        if self._is_multilabel:
            return (raw.T > 0.0).astype(np.intp)
        return self.classes_[(raw[0] > 0.0).astype(np.intp) if len(raw) == 1 else raw.argmax(axis=0)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. Rows sum to 1, except for multilabel targets, whose labels are independent.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        raw = self._predict_raw(X)
        probabilities = self._make_loss().predict(raw)
        if len(raw) == 1 and not self._is_multilabel:
            return np.column_stack([1.0 - probabilities[0], probabilities[0]])
        return probabilities.T

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Predict the logarithm of the probability of each class, or of each label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        raw = self._predict_raw(X)
        if len(raw) == 1 and not self._is_multilabel:
            return np.column_stack([log_expit(-raw[0]), log_expit(raw[0])])
        return log_expit(raw.T) if self._is_multilabel else log_softmax(raw.T, axis=1)

    @available_if(_is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Update the network by one epoch over the given data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, as in `fit`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call, unless the targets are multilabel.

        Returns
        -------
        self : object
            The estimator, an epoch further.

        Raises
        ------
        ValueError, TypeError
            As `fit` does; also where `classes` are missing or others than in the first call.
        """
        return self._partial_fit(X, y, sample_weight, classes)

    def _make_loss(self) -> Loss:
        one_output = self._is_multilabel or len(self.classes_) == 2
        return LOSSES["binary_log_loss" if one_output else "multinomial_log_loss"]()

    def _read_y(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        y = check_array(y, ensure_2d=False, dtype=None, input_name=name, estimator=self)
        check_n_targets(y, n_samples, name)
        check_classification_targets(y)
        if type_of_target(y) == "multiclass-multioutput":
            raise ValueError(
                f"{name} has {y.shape[1]} columns of several classes; expected class labels (n_samples,) or multilabel "
                "targets (n_samples, n_outputs) of zeros and ones. MultiOutputClassifier fits a classifier a column."
            )
        return column_or_1d(y, warn=True) if y.ndim == 1 or y.shape[1] == 1 else y

    def _learn_targets(self, y: np.ndarray, classes: Any) -> None:
        self._is_multilabel = y.ndim == 2
        if self._is_multilabel:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_ = unique_labels(y if classes is None else classes)
        if len(self.classes_) < 2:
            raise ValueError(f"y has only one class, {self.classes_[0]!r}; expected at least two classes.")

    def _encode(self, y: np.ndarray) -> np.ndarray:
        if self._is_multilabel:
            if y.shape[1:] != self.classes_.shape or not np.isin(y, (0, 1)).all():
                raise ValueError(
                    f"y has shape {y.shape} and {type_of_target(y)} targets; expected zeros and ones of shape "
                    f"(n_samples, {len(self.classes_)})."
                )
            return y.T.astype(np.float64, order="C")
        unknown = np.setdiff1d(y, self.classes_)
        if y.ndim != 1 or len(unknown):
            raise ValueError(f"y contains the unknown classes {unknown}; expected only {self.classes_}.")
        is_class = y == self.classes_[:, np.newaxis]
        return is_class[1:].astype(np.float64) if len(is_class) == 2 else is_class.astype(np.float64)

    def _weigh_classes(self, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return weights
        of_samples = np.ones(len(y)) if weights is None else weights
        if self.class_weight != "balanced" or self._is_multilabel:
            return of_samples * compute_sample_weight(self.class_weight, y)
        # With the samples' weights in the balance, a weight of two is the sample twice.
        present, codes = np.unique(y, return_inverse=True)
        of_classes = np.bincount(codes, of_samples)
        return of_samples * (of_samples.sum() / (len(present) * of_classes))[codes]

    def _strata(self, data: Data) -> np.ndarray | None:
        if self._is_multilabel:
            return None
        return data.y[0] if len(data.y) == 1 else data.y.argmax(axis=0)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
