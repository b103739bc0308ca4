"""A regressor for seasonal series: it predicts deviations from the values of earlier seasons."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._parameters import check_count
from skrnn.ensemble._relative_regressor import RelativeRegressor


class SeasonalRegressor(RelativeRegressor):
    """Predict deviations from the value one season earlier, or from a mean of several seasons, with any regressor.

    The weighted sum of the values one season earlier, two seasons earlier and so on is subtracted from windows and
    targets, and added to the predictions. Use it after :class:`~skrnn.SlidingWindow`, which takes care of groups and
    missing values: windows of ``n_timesteps + season * len(weights)`` rows leave `n_timesteps` for the regressor.

    Parameters
    ----------
    regressor : estimator
        A regressor, a clone of which is fitted: a recurrent network, for windows, or any regressor of tables, for which
        timesteps are concatenated. Use a :class:`ChangeRegressor` if the level of the deviations drifts.
    season : int
        Number of timesteps per season, such as 12 for monthly data, or 336 for half-hourly data with a weekly season.
    weights : array-like of shape (n_seasons,), default=(1.0,)
        Positive weights of the values one season earlier, two seasons earlier and so on.
    n_series : int, default=None
        Number of features, the first ones, that are series continued by the targets. Others are not changed. None: all.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor of deviations.
    n_series_ : int
        The number of series.
    levels_ : ndarray of shape (n_outputs,)
        The mean of the values subtracted from the targets in training, used if a window has no value of earlier
        seasons.
    n_features_in_ : int
        Number of features per timestep; for a 2-D X the number of columns, which are timesteps.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns. Defined only when X was a data frame whose columns all have strings as names.

    See Also
    --------
    ChangeRegressor : The same for the last known value.

    Notes
    -----
    If a value of an earlier season is missing, the weights of the others are scaled to the same sum. If all are
    missing, so is the deviation, or the target. A timestep at which no series has a deviation is masked; windows with
    only masked timesteps, or without a target, such as the first ones of a series, are left out of training. Targets
    more than one season ahead are compared with the last known seasons.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from skrnn import SlidingWindow
    >>> from skrnn.ensemble import ChangeRegressor, SeasonalRegressor
    >>> from skrnn.forecasting import forecast, to_supervised
    >>> months = np.arange(120)
    >>> series = 0.1 * months + np.array([0, 0, 1, 3, 5, 8, 9, 9, 6, 3, 1, 0])[months % 12]
    >>> X, y = to_supervised(series)
    >>> deviations = SeasonalRegressor(ChangeRegressor(Ridge()), season=12)
    >>> model = make_pipeline(SlidingWindow(6 + 12, padding="edge"), deviations).fit(X, y)
    >>> forecast(model, series, 3).round(1)
    array([12. , 12.1, 13.2])
    """

    def __init__(
        self, regressor: Any, season: int, *, weights: ArrayLike = (1.0,), n_series: int | None = None
    ) -> None:
        self.regressor = regressor
        self.season = season
        self.weights = weights
        self.n_series = n_series

    def _relative(self, windows: NDArray[Any], n_series: int) -> NDArray[Any]:
        """Return the deviations of the timesteps with all earlier seasons in their window, masked if missing."""
        n_lead_in = self._count_lead_in(windows)
        deviations = np.array(windows[:, n_lead_in:])
        timesteps = np.arange(n_lead_in, windows.shape[1])
        deviations[:, :, :n_series] -= self._seasonal_means(windows[:, :, :n_series], timesteps)
        deviations[np.isnan(deviations[:, :, :n_series]).all(axis=2)] = np.nan  # networks only skip whole timesteps
        return deviations

    def _references(self, windows: NDArray[Any], n_series: int, n_outputs: int) -> NDArray[Any]:
        """Return the weighted sums of earlier seasons for the timestep of each output."""
        self._count_lead_in(windows)
        steps = np.arange(1, n_outputs // n_series + 1)
        not_known = -(-steps // self.season) - 1  # seasons that are in the future
        timesteps = windows.shape[1] - 1 + steps - not_known * self.season
        return self._seasonal_means(windows[:, :, :n_series], timesteps).reshape(len(windows), -1)

    def _seasonal_means(self, windows: NDArray[Any], timesteps: NDArray[np.integer]) -> NDArray[Any]:
        """Return weighted sums of the values of earlier seasons, (n_samples, n_timesteps, n_series)."""
        weights = self._read_weights()
        sums, known = 0.0, 0.0
        for number, weight in enumerate(weights, 1):
            earlier = windows[:, timesteps - number * self.season]
            is_known = ~np.isnan(earlier)
            sums = sums + weight * np.where(is_known, earlier, 0.0)
            known = known + weight * is_known
        return np.divide(sums, known, out=np.full(np.shape(sums), np.nan), where=known > 0.0) * weights.sum()

    @settings_unchanged_on_error
    def _read_weights(self) -> NDArray[np.float64]:
        """Return the weights; raise if they, or the season, are invalid."""
        check_count("season", self.season)
        with naming("weights", "positive numbers (n_seasons,)"):
            weights = np.asarray(self.weights, dtype=np.float64)
        if weights.ndim != 1 or len(weights) == 0 or not (np.isfinite(weights) & (weights > 0.0)).all():
            raise ValueError(f"weights is {self.weights!r}; expected positive numbers (n_seasons,).")
        return weights

    def _count_lead_in(self, windows: NDArray[Any]) -> int:
        """Return how many timesteps of a window only serve as earlier seasons; raise if it has no more."""
        n_seasons = len(self._read_weights())
        n_lead_in = int(self.season) * n_seasons
        if windows.shape[1] <= n_lead_in:
            raise ValueError(
                f"X has {windows.shape[1]} timesteps; expected more than {n_lead_in}, for {n_seasons} season(s) of "
                f"{self.season}."
            )
        return n_lead_in
