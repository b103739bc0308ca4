"""A regressor of short series: ridge regression, a Gaussian process and networks, weighed by their errors."""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import Bunch
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skrnn._inputs._parameters import check_count, describe, read_random_state
from skrnn._inputs._warnings import own_data
from skrnn.ensemble._change_regressor import ChangeRegressor, counted_from_last, last_known
from skrnn.ensemble._delegation import is_regressor_instance, read_weights
from skrnn.ensemble._ensemble_regressor import EnsembleRegressor
from skrnn.ensemble._relative_regressor import read_targets, warn_of_units
from skrnn.ensemble._residual_regressor import ResidualRegressor
from skrnn.ensemble._sequence_input import learn_features, read_known_sequences, read_sequences
from skrnn.estimators._interruption import whole_or_not
from skrnn.estimators._regressor import RNNRegressor

#: Folds by which the weights are found, and networks of each kind in a fold.
_N_SPLITS, _N_NETWORKS_IN_FOLD = 5, 2

#: The least mean squared error that counts, over that of the mean: what is below is rounding.
_LEAST_ERROR = 1e-16

#: The most rows that a Gaussian process sees.
_N_PROCESS_ROWS = 1000


class HybridRegressor(RegressorMixin, BaseEstimator):
    """Combine ridge regression, a Gaussian process and small networks on windows of a short series.

    On a short series a network alone often loses to ridge regression, and their mean wins over both. Three predictions
    are averaged, which err in different ways; the less one of them errs out of fold, the more it counts [3]_:

    - "process": a Gaussian process, linear and smooth, of changes from the last value (:class:`ChangeRegressor`) [1]_;
    - "network": networks on the same changes, each window divided by its own standard deviation;
    - "linear": ridge regression on the values, and networks on its residuals (:class:`ResidualRegressor`) [2]_.

    It stands behind :class:`~skrnn.SlidingWindow`.

    Parameters
    ----------
    linear : estimator, default=None
        A regressor of tables. None: ridge regression on standardised lags, its penalty by cross-validation.
    network : estimator, default=None
        A regressor of sequences with a `random_state`. None: an :class:`~skrnn.RNNRegressor` of 4 units, with
        ``solver="lbfgs"`` and ``alpha=1.5``.
    process : estimator, default=None
        A regressor of tables. None: a Gaussian process of the last 1000 windows, whose kernel is the sum of a linear
        one, a smooth one and noise; it takes weights that are not 0 for 1.
    n_networks : int, default=5
        How many networks, from different seeds, are averaged in either place.
    n_series : int, default=None
        How many features, the first ones, are series that the targets continue, as in :class:`ChangeRegressor`. None:
        all.
    n_jobs : int, default=None
        How many networks are fitted at once, each in a process of its own; None is 1, -1 is all cores.
    random_state : int, RandomState instance or None, default=None
        From what the seeds of the networks are drawn.

    Attributes
    ----------
    named_estimators_ : Bunch
        The fitted estimators `process`, `network` and `linear`.
    weights_ : ndarray of shape (3,) or (3, n_outputs)
        How much they count, in this order, for each output; the sum is 1.
    n_features_in_ : int
        Number of features of a timestep; of a 2-D X the number of columns, its timesteps.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only when X was a data frame whose columns all have strings as names.

    See Also
    --------
    ResidualRegressor : Estimators of your own, each fitted to what the ones before have left.
    sklearn.ensemble.VotingRegressor : The mean of regressors of your own.

    Notes
    -----
    The weights are the inverse root mean squared errors on the test parts of ``TimeSeriesSplit(5)``, in which the
    networks are two in either place. Below 12 windows all count alike. What is as good as exact, as ridge regression is
    on a sum of sines, counts alone.

    Windows that begin with masked timesteps, those at the beginning of a series, are left out of training where most
    windows do not. To regressors of tables a masked timestep looks like the one before it, the first ones like the
    first that is known.

    References
    ----------
    .. [1] Zeng, A., Chen, M., Zhang, L. and Xu, Q. (2023). Are transformers effective for time series forecasting?
           Proceedings of the AAAI Conference on Artificial Intelligence. :arxiv:`2205.13504`
    .. [2] Zhang, G. P. (2003). Time series forecasting using a hybrid ARIMA and neural network model. Neurocomputing
           50, 159-175. :doi:`10.1016/S0925-2312(01)00702-0`
    .. [3] Bates, J. M. and Granger, C. W. J. (1969). The combination of forecasts. Journal of the Operational Research
           Society 20(4), 451-468. :doi:`10.1057/jors.1969.103`

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindow
    >>> from skrnn.ensemble import HybridRegressor
    >>> from skrnn.forecasting import forecast, to_supervised
    >>> series = 0.02 * np.arange(80) + np.sin(np.arange(80) / 3.0)
    >>> X, y = to_supervised(series)
    >>> model = make_pipeline(SlidingWindow(12), HybridRegressor(n_networks=2, random_state=0)).fit(X, y)
    >>> forecast(model, series, 3).shape
    (3,)
    """

    def __init__(
        self,
        linear: Any = None,
        network: Any = None,
        process: Any = None,
        *,
        n_networks: int = 5,
        n_series: int | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.linear = linear
        self.network = network
        self.process = process
        self.n_networks = n_networks
        self.n_series = n_series
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the three estimators, and find how much they count.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list of arrays
            Windows in order of time; the last timestep is now. A timestep that is NaN in every feature is masked.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The values that follow, all series of the next timestep first, as of
            :func:`~skrnn.forecasting.to_supervised`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        HybridRegressor
            The fitted estimator itself. Where a fit ends in an error, or is interrupted, it is what it was before.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter has an unexpected value, or X and y cannot be read or do not match.

        Warns
        -----
        DataWarning
            If targets are so far from the last known values that X and y most likely have not the same unit.
        """
        members = self._members()
        windows, (targets, shape) = read_sequences(X), read_targets(y)
        check_consistent_length(windows, targets)
        weights = read_weights(sample_weight, len(targets))
        rows = _complete(windows, weights > 0.0)
        windows, targets, weights = windows[rows], targets[rows].reshape(-1, *shape), weights[rows]
        # Weights go to all parts, whatever these request. Neither in changes nor in residuals need there be anything to
        # learn.
        with config_context(enable_metadata_routing=False), own_data():
            fitted = {name: _fitted(member, windows, targets, weights) for name, member in members.items()}
            of_members = self._find_weights(windows, targets, weights)
        warn_of_units(targets.reshape(len(targets), -1), last_known(windows[:, :, : self.n_series]))
        self.named_estimators_, self.weights_ = Bunch(**fitted), of_members
        learn_features(self, X, windows)
        return self

    def predict(self, X: Any) -> NDArray[np.floating]:
        """Return the weighted mean of the predictions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list of arrays
            Windows, as for :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If :meth:`fit` was not called before.
        ValueError
            If X cannot be read, or has other features than in :meth:`fit`.
        """
        check_is_fitted(self)
        windows = read_known_sequences(self, X)
        predictions = [member.predict(windows) for member in self.named_estimators_.values()]
        return np.sum(
            [weight * of_member for weight, of_member in zip(self.weights_, predictions, strict=True)], axis=0
        )

    def _members(self, n_networks: int | None = None) -> dict[str, Any]:
        """Return what is averaged, by name, not fitted; raise where a parameter is wrong."""
        check_count("n_networks", self.n_networks)
        for name in ("linear", "process", "network"):
            value = getattr(self, name)
            if value is not None and not is_regressor_instance(value):
                raise TypeError(f"{describe(name, value)}; expected a regressor, an instance, or None.")
        ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-4.0, 4.0, 9)))
        linear = make_pipeline(_WindowsToTable(), ridge if self.linear is None else self.linear)
        process = make_pipeline(_WindowsToTable(), _default_process() if self.process is None else self.process)
        network = (
            RNNRegressor((4,), solver="lbfgs", alpha=1.5, tol=0.01, max_iter=5000)
            if self.network is None
            else self.network
        )
        of_changes = make_pipeline(FunctionTransformer(counted_from_last, kw_args={"n_series": self.n_series}), network)
        seeds = read_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=2)
        networks, of_residuals = (
            EnsembleRegressor(estimator, n_networks or self.n_networks, n_jobs=self.n_jobs, random_state=seed)
            for estimator, seed in zip((network, of_changes), seeds, strict=True)
        )
        return {
            "process": ChangeRegressor(process, n_series=self.n_series),
            "network": ChangeRegressor(networks, n_series=self.n_series, scale=True),
            "linear": ResidualRegressor([("linear", linear), ("network", of_residuals)], shrinkage=None),
        }

    def _find_weights(self, windows: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
        """Return the weight of each member for each output, (n_members, ...), by their errors out of fold."""
        members = self._members(min(self.n_networks, _N_NETWORKS_IN_FOLD))
        if len(windows) < 2 * (_N_SPLITS + 1):
            return np.full((len(members), *targets.shape[1:]), 1.0 / len(members))
        errors = []
        for member in members.values():
            squares = [
                (targets[test] - _fitted(member, windows[train], targets[train], weights[train]).predict(windows[test]))
                ** 2
                for train, test in TimeSeriesSplit(_N_SPLITS).split(windows)
            ]
            tested = np.concatenate(squares)
            errors.append(np.average(tested, axis=0, weights=weights[-len(tested) :]))
        precision = 1.0 / np.sqrt(np.array(errors) + _LEAST_ERROR * targets.var(axis=0) + np.finfo(np.float64).tiny)
        return precision / precision.sum(axis=0)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


class _WindowsToTable(TransformerMixin, BaseEstimator):
    """Put the timesteps of windows side by side; one that is missing is like the one before, or else the one after."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Do nothing."""
        return self

    def transform(self, X: Any) -> NDArray[np.floating]:
        """Return windows (n_samples, n_timesteps, n_features) as a table."""
        windows = read_sequences(X)
        for _ in range(2):  # forward, and then what is left at the beginning backward
            windows = _carried_on(windows)[:, ::-1]
        return np.nan_to_num(windows).reshape(len(windows), -1)

    def __sklearn_tags__(self) -> Any:
        """Tell that windows may have three dimensions, and what is missing."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.requires_fit = False
        return tags


def _carried_on(windows: NDArray[Any]) -> NDArray[Any]:
    """Return windows in which a value that is missing is the last one before it, where there is one."""
    timesteps = np.arange(windows.shape[1])[:, np.newaxis]
    known = np.maximum.accumulate(np.where(np.isnan(windows), 0, timesteps), axis=1)
    return np.take_along_axis(windows, known, axis=1)


def _complete(windows: NDArray[Any], counts: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return which windows, of those that count, do not begin with a masked timestep, if these are most; else all."""
    complete = counts & ~np.isnan(windows[:, 0]).all(axis=1)
    return np.flatnonzero(complete if 2 * complete.sum() > counts.sum() else counts)


def _fitted(member: Any, windows: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]) -> Any:
    """Return a clone that is fitted, to weights only where there are any: not every estimator takes them."""
    with whole_or_not():
        return clone(member).fit(windows, targets, sample_weight=None if (weights == 1.0).all() else weights)


class _LatestProcess(GaussianProcessRegressor):
    """A Gaussian process of the latest rows: its time grows with the cube of their number."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to rows that all count alike, without a warning where a part of the kernel turns out not to be needed."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            super().fit(X[-_N_PROCESS_ROWS:], y[-_N_PROCESS_ROWS:])
        return self


def _default_process() -> Any:
    """Return the Gaussian process of a linear and a smooth function, and noise."""
    kernel = ConstantKernel(0.1) * DotProduct() + ConstantKernel(1.0) * RBF(3.0) + WhiteKernel(0.3)
    return make_pipeline(StandardScaler(), _LatestProcess(kernel, normalize_y=True))
