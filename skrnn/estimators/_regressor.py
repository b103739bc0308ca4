"""The recurrent network as a scikit-learn regressor."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import check_array, column_or_1d

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._data import Data
from skrnn.estimators._validation import check_n_targets
from skrnn.losses import LOSSES, Loss


class RNNRegressor(RegressorMixin, BaseRNN):
    """DOCSTRING"""

    def __init__(
        self,
        hidden_layer_sizes: Any = (64,),
        *,
        cell: str = "rnn",
        activation: str = "tanh",
        loss: str = "squared_error",
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
        normalize_y: bool = True,
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
        self.loss = loss
        self.normalize_y = normalize_y

    def predict(self, X: Any) -> np.ndarray:
        """Predict the targets of sequences.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_columns)
            Sequences, as in `fit`; their number of timesteps may be another.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions, in the units of the targets, of the dtype in which the network was fitted.

        Raises
        ------
        NotFittedError
            If the estimator has not been fitted.
        ValueError, TypeError
            If X cannot be read.
        """
        predictions = self._make_loss().predict(self._predict_raw(X))
        return predictions[0] if self._y_is_1d else predictions.T

    def _make_loss(self) -> Loss:
        return LOSSES[self.loss]()

    def _read_y(self, y: Any, n_samples: int, name: str) -> np.ndarray:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name, estimator=self)
        check_n_targets(y, n_samples, name)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return y

    def _learn_targets(self, y: np.ndarray, classes: Any) -> None:
        self._y_is_1d = y.ndim == 1
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]

    def _encode(self, y: np.ndarray) -> np.ndarray:
        targets = y[np.newaxis] if y.ndim == 1 else np.ascontiguousarray(y.T)
        if (len(targets), y.ndim == 1) != (self.n_outputs_, self._y_is_1d):
            expected = "(n_samples,)" if self._y_is_1d else f"(n_samples, {self.n_outputs_})"
            raise ValueError(f"y has shape {y.shape}; expected {expected}, as in the training data.")
        return targets

    def _target_statistics(self, data: Data) -> tuple[np.ndarray, np.ndarray]:
        if not self.normalize_y:
            return super()._target_statistics(data)
        location = np.average(data.y, axis=1, weights=data.sample_weight)
        deviations = data.y - location[:, None]
        scale = np.sqrt(np.average(deviations**2, axis=1, weights=data.sample_weight))
        constant = scale <= 10 * np.finfo(np.float64).eps * np.abs(location)  # rounding, not spread
        return location, np.where(constant, 1.0, scale)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
