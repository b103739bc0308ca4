"""One model on one task: fitted on the training part, forecasts from every later origin."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.backtests.models import Contestant
from benchmarks.backtests.tasks import Task
from skrnn.forecasting import Backtest, backtest, to_supervised

COVERAGE = 0.9


@dataclass(frozen=True)
class Run:
    """Results of a model on a task.

    Attributes
    ----------
    origins : ndarray of shape (n_origins,)
        Positions of the origins in the series; all steps from each are within the series.
    truth, forecasts : ndarray of shape (n_origins, n_steps)
        In the units of the series.
    lower, upper : ndarray of shape (n_origins, n_steps) or None
        Intervals of nominal 90 %; NaN if too few errors were known.
    error : float
        In the measure of the task.
    seconds : float
        Of the fit.
    """

    origins: np.ndarray
    truth: np.ndarray
    forecasts: np.ndarray
    lower: np.ndarray | None
    upper: np.ndarray | None
    error: float
    seconds: float

    def coverage(self) -> float:
        """Return the percentage of known values within their intervals; NaN without intervals."""
        if self.lower is None or self.upper is None:
            return float("nan")
        counts = np.isfinite(self.truth) & np.isfinite(self.lower)
        return 100.0 * float(np.mean(((self.lower <= self.truth) & (self.truth <= self.upper))[counts]))


def seasonal_naive(task: Task) -> Run:
    """Forecast the last known value of the same season; without a season, the last known value."""
    origins = np.arange(task.border, len(task.series) - task.n_steps)
    steps = np.arange(1, task.n_steps + 1)
    before = np.add.outer(origins, steps - task.season * -(-steps // task.season))
    return _finish(task, origins, task.series.ffill().to_numpy()[before], None, None, 0.0)


def run(task: Task, contestant: Contestant, seed: int) -> Run:
    """Fit a model on the training part, and forecast from there."""
    table = task.scale(task.series) if contestant.of_deviations else task.series
    table = table.ffill() if contestant.fills else table
    start = time.perf_counter()
    model = _fit(task, contestant, table[: task.border + 1], seed)
    seconds = time.perf_counter() - start
    result = backtest(model, table, task.n_steps, first_origin=task.border, coverage=COVERAGE)
    return _in_units(task, contestant, result, seconds)


def _fit(task: Task, contestant: Contestant, table: pd.Series, seed: int) -> Any:
    """Fit on the rows of a table, with weight zero for incomplete windows or targets if the model has weights."""
    X, y = to_supervised(table, n_steps=1 if contestant.one_step else task.n_steps)
    targets = y.to_numpy().reshape(len(y), -1)
    n_before = contestant.n_rows - 1 + (task.n_before if contestant.of_deviations else 0)
    weights = np.isfinite(targets).all(axis=1) & (np.arange(len(y)) >= n_before)
    first = int(np.argmax(X.notna().to_numpy().all(axis=1)))  # a window must contain a value
    targets = np.where(np.isfinite(targets), targets, np.nanmean(targets)).reshape(y.shape)
    pipeline = contestant.build(seed, task)
    if not contestant.weighs:
        return pipeline.fit(X[first:], targets[first:])
    name, _ = pipeline.steps[-1]
    return pipeline.fit(X[first:], targets[first:], **{f"{name}__sample_weight": weights[first:].astype(float)})


def _in_units(task: Task, contestant: Contestant, result: Backtest, seconds: float) -> Run:
    """Return forecasts and intervals in the units of the series, from origins whose steps are all within it."""
    within = result.origins < len(task.series) - task.n_steps
    arrays = [array[within] for array in (result.forecasts, result.lower, result.upper)]
    if contestant.of_deviations:
        arrays = [task.inverse(array) for array in arrays]
    return _finish(task, result.origins[within], *arrays, seconds)


def _finish(task: Task, origins: np.ndarray, forecasts: Any, lower: Any, upper: Any, seconds: float) -> Run:
    """Return a run with its truth and error."""
    truth = task.series.to_numpy()[np.add.outer(origins, np.arange(1, task.n_steps + 1))]
    return Run(origins, truth, forecasts, lower, upper, task.measure(truth, forecasts), seconds)
