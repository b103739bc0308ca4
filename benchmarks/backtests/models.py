"""The models: scikit-learn pipelines and networks. On deviations, both only use and predict changes."""

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
from skrnn.ensemble import (
    ChangeRegressor,
    EnsembleRegressor,
    HybridRegressor,
    ResidualRegressor,
    SeasonalRegressor,
)

#: Penalties of ridge regression, of which cross-validation takes one.
PENALTIES = np.logspace(-4, 4, 9)

#: Networks, from different seeds, that are averaged.
N_MEMBERS = 5


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
    of_deviations : bool
        Whether it uses deviations from previous seasons, or the values themselves.
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
    of_deviations: bool = False
    fills: bool = False
    one_step: bool = False
    weighs: bool = True
    n_seeds: int = 1


def _on_deviations(n_rows: int, regressor: Any, task: Task, padding: Any) -> Any:
    """Return a pipeline with a regressor that uses and predicts changes of deviations from earlier seasons."""
    changes = ChangeRegressor(regressor)
    if task.weights:
        changes = SeasonalRegressor(changes, task.season, weights=task.weights)
    return make_pipeline(SlidingWindow(n_rows + task.n_before, padding=padding), changes)


def _on_lags(n_rows: int, regressor: Any, padding: Any) -> Any:
    """Return a pipeline with a regressor on lags, as columns."""
    return make_pipeline(StandardScaler(), SlidingWindow(n_rows, padding=padding, flatten=True), regressor)


def joined(windows: Any, n_rows: int, n_timesteps: int) -> np.ndarray:
    """Return the last rows of windows as so many timesteps, each of several rows side by side."""
    return as_table(windows)[:, -n_rows:].reshape(len(windows), n_timesteps, -1)


def as_table(windows: Any) -> np.ndarray:
    """Return windows of one series with a column per row."""
    return np.asarray(windows).reshape(len(windows), -1)


def ridge(n_lags: int, *, on: str, one_step: bool = False) -> Contestant:
    """Return ridge regression on lags of the values, or of deviations relative to the current one."""
    of_deviations = on == "deviations"

    def build(seed: int, task: Task) -> Any:
        regressor = RidgeCV(PENALTIES)
        if of_deviations:
            return _on_deviations(n_lags, make_pipeline(StandardScaler(), regressor), task, "edge")
        return _on_lags(n_lags, regressor, "edge")

    return Contestant(f"ridge, {n_lags} {_lags_of(on)}", n_lags, build, of_deviations, fills=True, one_step=one_step)


def trees(n_lags: int, *, on: str, one_step: bool = False) -> Contestant:
    """Return boosted trees for each step, on lags of the values, or of deviations relative to the current one.

    They support missing lags, and are fitted without weights, which would take ten times as long.
    """
    of_deviations = on == "deviations"

    def build(seed: int, task: Task) -> Any:
        boosting: Any = HistGradientBoostingRegressor(random_state=seed)
        if not one_step:
            boosting = MultiOutputRegressor(boosting)
        return _on_deviations(n_lags, boosting, task, "mask") if of_deviations else _on_lags(n_lags, boosting, "mask")

    name = f"HistGradientBoosting, {n_lags} {_lags_of(on)}"
    return Contestant(name, n_lags, build, of_deviations, fills=True, one_step=one_step, weighs=False)


def _lags_of(on: str) -> str:
    return "lags" if on == "values" else "lags of deviations"


def network(name: str, n_rows: int, *, on: str, one_step: bool = False, **settings: Any) -> Contestant:
    """Return a recurrent network on windows of the values, or of deviations relative to the current one."""

    def build(seed: int, task: Task) -> Any:
        return _on_windows(n_rows, _network(n_rows, random_state=seed, **settings), on, task, settings)

    return Contestant(name, n_rows, build, on == "deviations", one_step=one_step, n_seeds=3)


def mean_of_networks(name: str, n_rows: int, *, on: str, one_step: bool = False, **settings: Any) -> Contestant:
    """Return the mean of networks from several seeds."""

    def build(seed: int, task: Task) -> Any:
        regressor = EnsembleRegressor(_network(n_rows, **settings), N_MEMBERS, random_state=seed)
        return _on_windows(n_rows, regressor, on, task, settings)

    return Contestant(f"{N_MEMBERS} of {name}", n_rows, build, on == "deviations", one_step=one_step, n_seeds=3)


def ridge_then_network(
    name: str, n_rows: int, n_network_rows: int, *, on: str, one_step: bool = False, **settings: Any
) -> Contestant:
    """Return ridge regression on all rows of a window, and then the mean of networks that read the last ones."""
    of_deviations = on == "deviations"

    def build(seed: int, task: Task) -> Any:
        ridge = make_pipeline(FunctionTransformer(as_table), StandardScaler(), RidgeCV(PENALTIES))
        settings_of_windows = {"n_timesteps": n_network_rows, **settings}
        networks = EnsembleRegressor(_network(n_network_rows, **settings_of_windows), N_MEMBERS, random_state=seed)
        regressor = ResidualRegressor([("ridge", ridge), ("network", networks)])
        if of_deviations:
            return _on_deviations(n_rows, regressor, task, "edge")
        return _on_lags(n_rows, regressor, "edge")

    name = f"ridge, {n_rows} {_lags_of(on)}; {N_MEMBERS} of {name}"
    return Contestant(name, n_rows, build, of_deviations, fills=True, one_step=one_step, n_seeds=3)


def hybrid(name: str, n_rows: int, *, on: str, one_step: bool = False, **settings: Any) -> Contestant:
    """Return HybridRegressor with networks of these settings, and ridge regression in place of the Gaussian process."""

    def build(seed: int, task: Task) -> Any:
        process = make_pipeline(StandardScaler(), RidgeCV(PENALTIES))
        regressor: Any = HybridRegressor(network=_network(n_rows, **settings), process=process, random_state=seed)
        n_before = 0
        if on == "deviations" and task.weights:
            regressor, n_before = SeasonalRegressor(regressor, task.season, weights=task.weights), task.n_before
        return make_pipeline(SlidingWindow(n_rows + n_before, padding="edge"), regressor)

    return Contestant(name, n_rows, build, on == "deviations", fills=True, one_step=one_step, n_seeds=3)


def _network(n_rows: int, n_timesteps: int | None = None, **settings: Any) -> Any:
    """Return a network of the last rows of a window; None: each is a timestep."""
    regressor = RNNRegressor(tol=1e-4, normalize_X=False, **settings)
    if n_timesteps is None:
        return regressor
    return make_pipeline(FunctionTransformer(partial(joined, n_rows=n_rows, n_timesteps=n_timesteps)), regressor)


def _on_windows(n_rows: int, regressor: Any, on: str, task: Task, settings: dict[str, Any]) -> Any:
    """Return a pipeline from a series to a network, or several; where no rows are joined, gaps are skipped."""
    if on == "deviations":
        return _on_deviations(n_rows, regressor, task, "edge" if "n_timesteps" in settings else "mask")
    return make_pipeline(StandardScaler(), SlidingWindow(n_rows), regressor)
