"""A regressor that averages a regressor fitted with several seeds."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin

from skrnn._inputs._parameters import check_flag
from skrnn.ensemble._seeded_ensemble import SeededEnsemble, combined, mean


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
    :func:`~skrnn.forecasting.forecast_interval` with `n_calibration`.

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
        return (
            (combined(predictions, mean), combined(predictions, _deviation))
            if return_std
            else combined(predictions, mean)
        )


def _deviation(predictions: NDArray[Any]) -> NDArray[np.floating]:
    """Return the standard deviation over members, the first axis."""
    return np.asarray(predictions.std(axis=0))
