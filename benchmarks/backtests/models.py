"""The contestants: stock scikit-learn pipelines over a series, and a network that says what changes from now on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skrnn import RNNRegressor, SlidingWindow


@dataclass(frozen=True)
class Contestant:
    """A model that is fitted to a series.

    Attributes
    ----------
    name : str
        What the tables call it.
    n_rows : int
        Rows of its windows.
    build : callable
        seed -> a pipeline, or one in ChangeRegressor.
    of_departures : bool
        Whether it gets departures from what is usual, or the values as they are.
    fills : bool
        Whether it knows no missing values, which are then the last known one.
    one_step : bool
        Whether it forecasts one step, and the others by recursion.
    weighs : bool
        Whether rows without a whole window, or without all targets, get no weight.
    n_seeds : int
        How many seeds it is run with.
    """

    name: str
    n_rows: int
    build: Callable[[int], Any]
    of_departures: bool = False
    fills: bool = False
    one_step: bool = False
    weighs: bool = True
    n_seeds: int = 1


class ChangeRegressor(RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Predict how much the values to come differ from the row's own, the first column of X.

    What a series with a wandering level asks for: the estimator inside never sees the level of its targets.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any, **fit_params: Any) -> Self:
        """Fit the estimator to the changes."""
        self.estimator_ = clone(self.estimator).fit(X, np.asarray(y) - _now(X, np.ndim(y)), **fit_params)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict the changes, and add the row's own value."""
        changes = self.estimator_.predict(X)
        return changes + _now(X, changes.ndim)


def _now(X: Any, n_dimensions: int) -> np.ndarray:
    """Return the first column of X, where it is missing the last one known, (n_samples,) or (n_samples, 1)."""
    values = np.asarray(X, dtype=np.float64)[:, 0]
    known = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
    return values[known] if n_dimensions == 1 else values[known, np.newaxis]


def from_now_on(windows: np.ndarray, n_timesteps: int | None = None) -> np.ndarray:
    """Return windows, (n_samples, n_rows, n_features), whose first feature counts from its last known value.

    With `n_timesteps`, so many rows in a row are one timestep: (n_samples, n_timesteps, n_rows / n_timesteps *
    n_features).
    """
    relative = np.array(windows)
    values = relative[:, :, 0]
    last = values.shape[1] - 1 - np.argmax(~np.isnan(values[:, ::-1]), axis=1)
    values -= values[np.arange(len(values)), last][:, np.newaxis]
    return relative if n_timesteps is None else relative.reshape(len(relative), n_timesteps, -1)


def _of_windows(n_rows: int, regressor: Any, *, counts_from_now: bool, n_timesteps: int | None = None) -> Any:
    """Return a pipeline from a series to windows of `n_rows` and a regressor, which may see and say changes only."""
    if not counts_from_now:
        return make_pipeline(StandardScaler(), SlidingWindow(n_rows), regressor)
    padding = "mask" if n_timesteps is None else "edge"
    change = FunctionTransformer(partial(from_now_on, n_timesteps=n_timesteps))
    return ChangeRegressor(make_pipeline(StandardScaler(), SlidingWindow(n_rows, padding=padding), change, regressor))


def _tabular(n_rows: int, regressor: Any, *, counts_from_now: bool, padding: Any = "edge") -> Any:
    """Return the same for a regressor on tables: lags, as columns."""
    if not counts_from_now:
        return make_pipeline(StandardScaler(), SlidingWindow(n_rows, padding=padding, flatten=True), regressor)
    table = FunctionTransformer(partial(from_now_on, n_timesteps=1)), FunctionTransformer(_only_timestep)
    windows = SlidingWindow(n_rows, padding=padding)
    return ChangeRegressor(make_pipeline(StandardScaler(), windows, *table, regressor))


def _only_timestep(windows: np.ndarray) -> np.ndarray:
    """Return windows of one timestep, (n_samples, 1, n_features), as a table."""
    return windows[:, 0]


def ridge(n_lags: int, *, on: str, one_step: bool = False) -> Contestant:
    """Return ridge regression on lags of the values, or of departures, counted from now on."""
    of_departures = on == "departures"

    def build(seed: int) -> Any:
        return _tabular(n_lags, RidgeCV(np.logspace(-4, 4, 9)), counts_from_now=of_departures)

    return Contestant(f"ridge, {n_lags} {_lags_of(on)}", n_lags, build, of_departures, fills=True, one_step=one_step)


def trees(n_lags: int, *, on: str, one_step: bool = False) -> Contestant:
    """Return boosted trees, some for each step, on lags of the values, or of departures, counted from now on.

    They know missing lags, and need no weights, with which they would take ten times as long.
    """
    of_departures = on == "departures"

    def build(seed: int) -> Any:
        boosting: Any = HistGradientBoostingRegressor(random_state=seed)
        if not one_step:
            boosting = MultiOutputRegressor(boosting)
        return _tabular(n_lags, boosting, counts_from_now=of_departures, padding="mask")

    name = f"HistGradientBoosting, {n_lags} {_lags_of(on)}"
    return Contestant(name, n_lags, build, of_departures, fills=True, one_step=one_step, weighs=False)


def _lags_of(on: str) -> str:
    return "lags" if on == "values" else "lags of departures"


def network(
    name: str, n_rows: int, *, on: str, n_timesteps: int | None = None, one_step: bool = False, **settings: Any
) -> Contestant:
    """Return a recurrent network on windows of the values, or of departures, counted from now on."""
    of_departures = on == "departures"

    def build(seed: int) -> Any:
        regressor = RNNRegressor(tol=1e-4, normalize_X=False, random_state=seed, **settings)
        return _of_windows(n_rows, regressor, counts_from_now=of_departures, n_timesteps=n_timesteps)

    return Contestant(name, n_rows, build, of_departures, one_step=one_step, n_seeds=3)
