"""The models: scikit-learn pipelines and networks. On departures, both only use and predict changes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.backtests.tasks import Task
from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, SeasonalRegressor


@dataclass(frozen=True)
class Contestant:
    """A model for a series.

    Attributes
    ----------
    name : str
        Name in the tables.
    n_rows : int
        Rows of its windows.
    build : callable
        (seed, task) -> a pipeline.
    of_departures : bool
        Whether it uses departures from previous seasons, or the values themselves.
    fills : bool
        Whether missing values are replaced by the last known one.
    one_step : bool
        Whether it forecasts one step, and further steps by recursion.
    weighs : bool
        Whether rows without a complete window, or with missing targets, have weight zero.
    n_seeds : int
        Number of seeds.
    """

    name: str
    n_rows: int
    build: Callable[[int, Task], Any]
    of_departures: bool = False
    fills: bool = False
    one_step: bool = False
    weighs: bool = True
    n_seeds: int = 1


def _on_departures(n_rows: int, regressor: Any, task: Task, padding: Any) -> Any:
    """Return a pipeline with a regressor that uses and predicts changes of departures from earlier seasons."""
    changes = ChangeRegressor(regressor)
    if task.weights:
        changes = SeasonalRegressor(changes, task.season, weights=task.weights)
    return make_pipeline(SlidingWindow(n_rows + task.n_before, padding=padding), changes)


def _on_lags(n_rows: int, regressor: Any, padding: Any) -> Any:
    """Return a pipeline with a regressor on lags, as columns."""
    return make_pipeline(StandardScaler(), SlidingWindow(n_rows, padding=padding, flatten=True), regressor)


def joined(windows: np.ndarray, n_timesteps: int) -> np.ndarray:
    """Return windows of `n_timesteps` timesteps, each with several rows as features."""
    return windows.reshape(len(windows), n_timesteps, -1)


def ridge(n_lags: int, *, on: str, one_step: bool = False) -> Contestant:
    """Return ridge regression on lags of the values, or of departures relative to the current one."""
    of_departures = on == "departures"

    def build(seed: int, task: Task) -> Any:
        regressor = RidgeCV(np.logspace(-4, 4, 9))
        if of_departures:
            return _on_departures(n_lags, make_pipeline(StandardScaler(), regressor), task, "edge")
        return _on_lags(n_lags, regressor, "edge")

    return Contestant(f"ridge, {n_lags} {_lags_of(on)}", n_lags, build, of_departures, fills=True, one_step=one_step)


def trees(n_lags: int, *, on: str, one_step: bool = False) -> Contestant:
    """Return boosted trees for each step, on lags of the values, or of departures relative to the current one.

    They support missing lags, and are fitted without weights, which would take ten times as long.
    """
    of_departures = on == "departures"

    def build(seed: int, task: Task) -> Any:
        boosting: Any = HistGradientBoostingRegressor(random_state=seed)
        if not one_step:
            boosting = MultiOutputRegressor(boosting)
        return _on_departures(n_lags, boosting, task, "mask") if of_departures else _on_lags(n_lags, boosting, "mask")

    name = f"HistGradientBoosting, {n_lags} {_lags_of(on)}"
    return Contestant(name, n_lags, build, of_departures, fills=True, one_step=one_step, weighs=False)


def _lags_of(on: str) -> str:
    return "lags" if on == "values" else "lags of departures"


def network(
    name: str, n_rows: int, *, on: str, n_timesteps: int | None = None, one_step: bool = False, **settings: Any
) -> Contestant:
    """Return a recurrent network on windows of the values, or of departures relative to the current one."""
    of_departures = on == "departures"

    def build(seed: int, task: Task) -> Any:
        regressor: Any = RNNRegressor(tol=1e-4, normalize_X=False, random_state=seed, **settings)
        if n_timesteps is not None:
            join = FunctionTransformer(partial(joined, n_timesteps=n_timesteps))
            regressor = make_pipeline(join, regressor)
        if of_departures:
            return _on_departures(n_rows, regressor, task, "mask" if n_timesteps is None else "edge")
        return make_pipeline(StandardScaler(), SlidingWindow(n_rows), regressor)

    return Contestant(name, n_rows, build, of_departures, one_step=one_step, n_seeds=3)
