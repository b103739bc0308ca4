"""A regressor for short series: ridge regression, a Gaussian process and networks, weighted by their errors."""

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
from sklearn.utils.validation import check_is_fitted

from skrnn._inputs._messages import own_data, warn
from skrnn._inputs._parameters import check_count, describe, read_random_state
from skrnn._inputs._values import read_weights
from skrnn.ensemble._change_regressor import ChangeRegressor, counted_from_last, last_known
from skrnn.ensemble._inner_estimators import (
    check_lengths,
    is_regressor_instance,
    learn_features,
    read_known_sequences,
    read_sequences,
)
from skrnn.ensemble._relative_regressor import read_table_of_targets, warn_of_units
from skrnn.ensemble._residual_regressor import ResidualRegressor
from skrnn.ensemble._seeded_ensembles import EnsembleRegressor
from skrnn.estimators._interruption import whole_fits, whole_or_not
from skrnn.estimators._regressor import RNNRegressor
from skrnn.estimators._target_encoder import unit_of
from skrnn.exceptions import DataWarning

#: Folds for estimating the weights, and networks of each kind per fold.
_N_SPLITS, _N_NETWORKS_IN_FOLD = 5, 2

#: Errors of few windows are uncertain: for this number of windows the weight of the linear model is doubled, for half
# as many or fewer it is multiplied by five.
_N_DOUBLING, _LARGEST_FACTOR = 60, 5.0

#: Minimum mean squared error, relative to that of the mean: smaller errors are rounding.
_LEAST_ERROR = 1e-16

#: Maximum number of rows for the Gaussian process.
_N_PROCESS_ROWS = 1000


@whole_fits
class HybridRegressor(RegressorMixin, BaseEstimator):
    """Combine ridge regression, a Gaussian process and small networks on windows of a short series.

    On a short series a network alone often loses to ridge regression, and their mean is better than both. The
    predictions of three different models are averaged; the smaller the cross-validated error of a model, the larger its
    weight [3]_, and with few windows the third has a larger weight:

    - "process": a Gaussian process that predicts changes from the last value (:class:`ChangeRegressor`) [1]_;
    - "network": networks on the same changes, each window divided by its own standard deviation;
    - "linear": ridge regression on the values, and networks on its residuals (:class:`ResidualRegressor`) [2]_.

    Use it after :class:`~skrnn.SlidingWindow`.

    Parameters
    ----------
    linear : estimator, default=None
        A regressor of tables. None: ridge regression on standardised lags, with a cross-validated penalty.
    network : estimator, default=None
        A regressor of sequences with a `random_state`. None: an :class:`~skrnn.RNNRegressor` of 4 units, with
        ``solver="lbfgs"`` and ``alpha=1.5``.
    process : estimator, default=None
        A regressor of tables. None: a Gaussian process on the last 1000 windows, with the sum of a linear kernel, a
        smooth kernel and noise; it treats all positive weights as 1.
    n_networks : int, default=5
        Number of networks, with different seeds, that are averaged in both places.
    n_series : int, default=None
        Number of features, the first ones, that are series continued by the targets, as in :class:`ChangeRegressor`.
        None: all.
    n_jobs : int, default=None
        Number of networks that are fitted at once, in separate processes; None means 1, -1 all processors.
    random_state : int, RandomState instance or None, default=None
        Generates the seeds of the networks.

    Attributes
    ----------
    named_estimators_ : Bunch
        The fitted estimators `process`, `network` and `linear`.
    weights_ : ndarray of shape (3,) or (3, n_outputs)
        Their weights, in this order, for each output; they sum to 1.
    n_features_in_ : int
        Number of features per timestep; for a 2-D X the number of columns, which are timesteps.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only when X was a data frame whose columns all have strings as names.

    See Also
    --------
    ResidualRegressor : Your own estimators, each fitted to the residuals of the previous ones.
    sklearn.ensemble.VotingRegressor : The mean of your own regressors.

    Notes
    -----
    The weights are proportional to the inverse root mean squared errors on the test parts of ``TimeSeriesSplit(5)``,
    with two networks in each place; with fewer than 12 windows the errors are taken as equal. The errors of few windows
    are uncertain, and "linear" is the simplest model: its weight is multiplied by 1 + (60 / n)^2, at most 5, before the
    weights are divided by their sum; n is the number of windows, or with sample weights their effective number,
    (sum of weights)^2 / sum of squared weights. From 12 windows on, a practically exact model, such as ridge regression
    on a sum of sines, gets all the weight.

    Windows that begin with masked timesteps, as at the beginning of a series, are left out of training if most windows
    do not. For regressors of tables masked timesteps are filled with the previous timestep, or at the beginning with
    the first known one. They read as many timesteps as in :meth:`fit`: of longer sequences the last ones, and shorter
    sequences are filled in the same way.

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
    >>> series = 0.02 * np.arange(40) + np.sin(np.arange(40) / 3.0)
    >>> X, y = to_supervised(series)
    >>> model = make_pipeline(SlidingWindow(12), HybridRegressor(n_networks=1, random_state=0)).fit(X, y)
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
        """Fit the three estimators, and determine their weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_timesteps, n_features) or (n_samples, n_timesteps), or list of arrays
            Windows in chronological order, each ending with the current timestep. A timestep that is NaN in every
            feature is masked.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The following values, first all series of the next timestep, as returned by
            :func:`~skrnn.forecasting.to_supervised`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        HybridRegressor
            The fitted estimator itself. It is unchanged if a fit ends in an error, or is interrupted.

        Raises
        ------
        TypeError
            If a parameter has the wrong type.
        ValueError
            If a parameter has an invalid value, X and y are invalid or do not match, or fewer than two windows have a
            positive weight.

        Warns
        -----
        DataWarning
            If windows have a single timestep, or if targets are so far from the last known values that X and y are
            probably in different units.
        """
        members = self._members()
        windows, (targets, shape) = read_sequences(X), read_table_of_targets(y)
        check_lengths(windows, targets)
        weights = read_weights(sample_weight, len(targets))
        rows = _rows_of_whole_windows(windows, weights > 0.0)
        if len(rows) < 2:
            raise ValueError(f"X has {len(rows)} sample of positive weight; expected at least 2 windows.")
        windows, targets, weights = windows[rows], targets[rows].reshape(-1, *shape), weights[rows]
        weights = weights / unit_of(weights)
        # Weights are passed to all parts, whatever they request. Changes and residuals may be noise. The process has
        # exponentials that underflow, which is no error.
        with config_context(enable_metadata_routing=False), own_data(), np.errstate(under="ignore"):
            fitted = {name: _fitted(member, windows, targets, weights) for name, member in members.items()}
            of_members = self._find_weights(windows, targets, weights)
        if windows.shape[1] == 1:
            warn(
                f"Each of the {len(windows)} windows of X has only a single timestep. If the rows of X are one series, "
                "make windows with SlidingWindow.",
                DataWarning,
            )
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
            If X is invalid, or has other features than in :meth:`fit`.
        """
        check_is_fitted(self)
        windows = read_known_sequences(self, X)
        with np.errstate(under="ignore"):
            predictions = [member.predict(windows) for member in self.named_estimators_.values()]
        return np.sum(
            [weight * of_member for weight, of_member in zip(self.weights_, predictions, strict=True)], axis=0
        )

    def _members(self, n_networks: int | None = None) -> dict[str, Any]:
        """Return the unfitted estimators by name; raise if a parameter is invalid."""
        check_count("n_networks", self.n_networks)
        for name in ("linear", "process", "network"):
            value = getattr(self, name)
            if value is not None and not is_regressor_instance(value):
                raise TypeError(f"{describe(name, value)}; expected an instance of a regressor, or None.")
        ridge = make_pipeline(_with_arrays(StandardScaler()), RidgeCV(np.logspace(-4.0, 4.0, 9)))
        linear = make_pipeline(_WindowsToTable(), ridge if self.linear is None else self.linear)
        process = make_pipeline(_WindowsToTable(), _default_process() if self.process is None else self.process)
        network = (
            RNNRegressor((4,), solver="lbfgs", alpha=1.5, tol=0.01, max_iter=5000)
            if self.network is None
            else self.network
        )
        changes = FunctionTransformer(counted_from_last, kw_args={"n_series": self.n_series})
        of_changes = make_pipeline(_with_arrays(changes), network)
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
        """Return the weight of each member for each output, (n_members, ...)."""
        members = self._members(min(self.n_networks, _N_NETWORKS_IN_FOLD))
        precision = np.ones((len(members), *targets.shape[1:]))
        if len(windows) >= 2 * (_N_SPLITS + 1):
            errors = np.array([_tested_error(member, windows, targets, weights) for member in members.values()])
            precision /= np.sqrt(errors + _LEAST_ERROR * targets.var(axis=0) + np.finfo(np.float64).tiny)
        n_effective = weights.sum() ** 2 / np.square(weights).sum()
        precision[list(members).index("linear")] *= min(1.0 + (_N_DOUBLING / n_effective) ** 2, _LARGEST_FACTOR)
        return precision / precision.sum(axis=0)

    def __sklearn_tags__(self) -> Any:
        """Return scikit-learn's tags."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


class _WindowsToTable(TransformerMixin, BaseEstimator):
    """Concatenate the timesteps of windows, filling missing ones with the previous, or otherwise the next timestep."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the number of timesteps."""
        self.n_timesteps_ = read_sequences(X).shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.floating]:
        """Return the last timesteps, as many as in fit, of windows (n_samples, n_timesteps, n_features) as a table."""
        windows = read_sequences(X)[:, -self.n_timesteps_ :]
        n_before = self.n_timesteps_ - windows.shape[1]
        windows = np.pad(windows, ((0, 0), (n_before, 0), (0, 0)), constant_values=np.nan)
        for _ in range(2):  # forward, then backward for the beginning
            windows = _filled_forward(windows)[:, ::-1]
        return np.nan_to_num(windows).reshape(len(windows), -1)

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn that 3-D windows and missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


def _filled_forward(windows: NDArray[Any]) -> NDArray[Any]:
    """Return windows in which missing values are filled with the previous value, if any."""
    timesteps = np.arange(windows.shape[1])[:, np.newaxis]
    known = np.maximum.accumulate(np.where(np.isnan(windows), 0, timesteps), axis=1)
    return np.take_along_axis(windows, known, axis=1)


def _rows_of_whole_windows(windows: NDArray[Any], counts: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the counted windows that do not begin with a masked timestep, or all if these are not the majority."""
    complete = counts & ~np.isnan(windows[:, 0]).all(axis=1)
    return np.flatnonzero(complete if 2 * complete.sum() > counts.sum() else counts)


def _fitted(member: Any, windows: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]) -> Any:
    """Return a fitted clone; weights are only passed if needed, since not every estimator accepts them."""
    with whole_or_not():
        return clone(member).fit(windows, targets, sample_weight=None if (weights == 1.0).all() else weights)


def _tested_error(
    member: Any, windows: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the mean squared error of each output in time-ordered cross-validation."""
    squares = [
        (targets[test] - _fitted(member, windows[train], targets[train], weights[train]).predict(windows[test])) ** 2
        for train, test in TimeSeriesSplit(_N_SPLITS).split(windows)
    ]
    tested = np.concatenate(squares)
    return np.average(tested, axis=0, weights=weights[-len(tested) :])


class _LatestProcess(GaussianProcessRegressor):
    """A Gaussian process of the latest rows, because time grows with the cube of their number."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to equally weighted rows, without a warning if a part of the kernel is not needed."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            super().fit(X[-_N_PROCESS_ROWS:], y[-_N_PROCESS_ROWS:])
        return self


def _with_arrays(transformer: Any) -> Any:
    """Return the transformer, whose output is always an array: the user configures the output of other transformers."""
    return transformer.set_output(transform="default")


def _default_process() -> Any:
    """Return the Gaussian process of a linear and a smooth function, and noise."""
    kernel = ConstantKernel(0.1) * DotProduct() + ConstantKernel(1.0) * RBF(3.0) + WhiteKernel(0.3)
    return make_pipeline(_with_arrays(StandardScaler()), _LatestProcess(kernel, normalize_y=True))
