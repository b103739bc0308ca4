"""A regressor for series whose level drifts: it predicts changes from the last known value."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._parameters import check_flag
from skrnn.ensemble._relative_regressor import RelativeRegressor


class ChangeRegressor(RelativeRegressor):
    """Predict changes from the last known value of each window with any regressor.

    A series with a trend, or whose level drifts, leaves the range of the training data; its changes do not [1]_. The
    last known value of each series is subtracted from its window and from the targets, and added to the predictions.
    Use it after :class:`~skrnn.SlidingWindow`, which takes care of groups and missing values.

    Parameters
    ----------
    regressor : estimator
        A regressor, a clone of which is fitted: a recurrent network, for windows, or any regressor of tables, for which
        timesteps are concatenated.
    n_series : int, default=None
        Number of features, the first ones, that are series continued by the targets. Other features, such as the
        calendar, are not changed. None: all.
    scale : bool, default=False
        Whether to divide windows and changes by the standard deviation of the series within the window [2]_, for series
        that vary more at some times than at others. It is not enough for groups of very different sizes.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor of changes.
    n_series_ : int
        The number of series.
    levels_ : ndarray of shape (n_outputs,)
        The mean of the last known values in training, used if a window has no known value.
    scales_ : ndarray of shape (n_series,)
        The mean standard deviation within a window in training; windows are divided by at least a tenth of it. Ones
        without `scale`.
    n_features_in_ : int
        Number of features per timestep; for a 2-D X the number of columns, which are timesteps.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only when X was a data frame whose columns all have strings as names.

    See Also
    --------
    SeasonalRegressor : The same for the values one season earlier.
    sklearn.compose.TransformedTargetRegressor : Targets on another scale, such as logarithms, like X.

    Notes
    -----
    The last known value of a feature is the last value in the window that is not NaN. Windows in which a series has
    none are left out of training. Relative windows are a copy, not a view of the series.

    X and y must be in the same units: put a scaler inside, ``ChangeRegressor(make_pipeline(StandardScaler(),
    Ridge()))``, not before. Networks need no scaler.

    If groups have very different sizes, such as the sales of small and large shops, fit to logarithms of X and y, or
    scale each group before. `scale` is not enough: windows are divided by at least a tenth of `scales_`, a mean over
    all groups.

    References
    ----------
    .. [1] Zeng, A., Chen, M., Zhang, L. and Xu, Q. (2023). Are transformers effective for time series forecasting?
           Proceedings of the AAAI Conference on Artificial Intelligence. :arxiv:`2205.13504`
    .. [2] Kim, T., Kim, J., Tae, Y., Park, C., Choi, J.-H. and Choo, J. (2022). Reversible instance normalization for
           accurate time-series forecasting against distribution shift. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import RNNRegressor, SlidingWindow
    >>> from skrnn.ensemble import ChangeRegressor
    >>> from skrnn.forecasting import forecast, to_supervised
    >>> t = np.arange(150)
    >>> series = 0.5 * t + np.sin(t / 4.0)
    >>> X, y = to_supervised(series[:120])
    >>> network = RNNRegressor((4,), solver="lbfgs", random_state=0)
    >>> model = make_pipeline(SlidingWindow(12), ChangeRegressor(network)).fit(X, y)
    >>> print(f"{np.abs(model.predict(series[:, np.newaxis])[120:-1] - series[121:]).max():.1f}")
    0.0
    >>> forecast(model, series, 2).shape
    (2,)
    """

    def __init__(self, regressor: Any, *, n_series: int | None = None, scale: bool = False) -> None:
        self.regressor = regressor
        self.n_series = n_series
        self.scale = scale

    def _relative(self, windows: NDArray[Any], n_series: int) -> NDArray[Any]:
        """Return windows minus their last known values."""
        return counted_from_last(windows, n_series)

    def _spreads(self, windows: NDArray[Any], n_series: int) -> NDArray[Any]:
        """Return the standard deviation of each series within each window, 0 if no value is known."""
        check_flag("scale", self.scale)
        if not self.scale:
            return super()._spreads(windows, n_series)
        values = windows[:, :, :n_series]
        known = ~np.isnan(values)
        n_known = np.maximum(known.sum(axis=1), 1)
        deviations = np.where(known, values - (np.nansum(values, axis=1) / n_known)[:, np.newaxis], 0.0)
        return np.sqrt((deviations**2).sum(axis=1) / n_known)

    def _references(self, windows: NDArray[Any], n_series: int, n_outputs: int) -> NDArray[Any]:
        """Return the last known value of the series of each output."""
        return np.tile(last_known(windows[:, :, :n_series]), n_outputs // n_series)


def counted_from_last(windows: NDArray[Any], n_series: int | None = None) -> NDArray[Any]:
    """Return windows (n_samples, n_timesteps, n_features), with the first features minus their last known values."""
    relative = np.array(windows)
    relative[:, :, :n_series] -= last_known(windows[:, :, :n_series])[:, np.newaxis]
    return relative


def last_known(windows: NDArray[Any]) -> NDArray[Any]:
    """Return the last value of each window and feature that is not missing, (n_samples, n_features)."""
    last = windows.shape[1] - 1 - np.argmax(~np.isnan(windows[:, ::-1]), axis=1)
    return np.take_along_axis(windows, last[:, np.newaxis], axis=1)[:, 0]
