"""The series, and the tasks on them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from skrnn.datasets import make_mackey_glass

#: (truth, forecasts), each (n_origins, n_steps) -> the error; NaN if the truth is unknown.
Measure = Callable[[np.ndarray, np.ndarray], float]


def absolute_error(truth: np.ndarray, forecasts: np.ndarray) -> float:
    """Return the mean absolute error over all origins and steps."""
    return float(np.nanmean(np.abs(truth - forecasts)))


def percentage_error(truth: np.ndarray, forecasts: np.ndarray) -> float:
    """Return the mean absolute percentage error over all origins and steps."""
    return 100.0 * float(np.nanmean(np.abs(forecasts / truth - 1.0)))


def normalised_squared_error(truth: np.ndarray, forecasts: np.ndarray) -> float:
    """Return the mean squared error of the last step, over the variance of the truth."""
    return float(np.nanmean((truth - forecasts)[:, -1] ** 2) / np.nanvar(truth[:, -1]))


def root_error_of_last_step(truth: np.ndarray, forecasts: np.ndarray) -> float:
    """Return the root mean squared error of the last step, over the standard deviation of the truth."""
    return normalised_squared_error(truth, forecasts) ** 0.5


@dataclass(frozen=True)
class Task:
    """A series and its forecasting task.

    Attributes
    ----------
    title, unit : str
        Description of the series, and the unit of the error.
    series : Series
        The values, oldest first; NaN where one is missing.
    n_test : int
        Number of values held out at the end.
    n_steps : int
        Number of steps to forecast.
    measure : callable
        The error.
    season : int
        Length of the season in steps; 1 without a season.
    weights : tuple of float
        Deviations are the values minus the mean, with these weights, of the values one season before, two seasons
        before, and so on; without weights, the values themselves.
    scale, inverse : callable
        Transformation of the values before deviations are computed, and its inverse.
    """

    title: str
    unit: str
    series: pd.Series
    n_test: int
    n_steps: int
    measure: Measure
    season: int = 1
    weights: tuple[float, ...] = ()
    scale: Callable[[pd.Series], pd.Series] = field(default=lambda values: values)
    inverse: Callable[[np.ndarray], np.ndarray] = field(default=lambda values: values)

    @property
    def border(self) -> int:
        """Position of the last value that is not held out."""
        return len(self.series) - self.n_test - 1

    def training_part(self) -> "Task":
        """Return the task on the training part only, with a part of the same size held out to choose settings."""
        return replace(self, series=self.series[: -self.n_test], n_test=min(self.n_test, len(self.series) // 4))

    @property
    def n_before(self) -> int:
        """Number of previous values on which a deviation depends."""
        return self.season * len(self.weights)


def load_tasks() -> dict[str, Task]:
    """Return the five tasks. The series are part of packages; nothing is downloaded."""
    from pmdarima.datasets import load_sunspots, load_taylor
    from reservoirpy.datasets import santafe_laser
    from statsmodels.datasets import co2

    sunspots = load_sunspots(as_series=True).to_numpy()
    load = load_taylor().astype(float)
    return {
        "sunspots": Task(
            "Monthly sunspots, 1749 to 1983: 12 months ahead, the last 20 years held out",
            "mean absolute error, sunspot number",
            pd.Series(sunspots, index=pd.period_range("1749-01", periods=len(sunspots), freq="M"), name="sunspots"),
            n_test=240,
            n_steps=12,
            season=132,
            measure=absolute_error,
            scale=np.sqrt,
            inverse=lambda roots: np.square(np.maximum(roots, 0.0)),
        ),
        "co2": Task(
            "Weekly CO2 at Mauna Loa, 1958 to 2001, 59 weeks missing: 26 weeks ahead, the last five years held out",
            "mean absolute error, ppm",
            co2.load_pandas().data["co2"],
            n_test=260,
            n_steps=26,
            season=52,
            weights=(1.0,),
            measure=absolute_error,
        ),
        "load": Task(
            "Half-hourly electricity load (Taylor): 48 steps ahead, the last two of twelve weeks held out",
            "mean absolute percentage error",
            pd.Series(load, name="load"),
            n_test=672,
            n_steps=48,
            season=336,
            weights=(0.5, 0.3, 0.2),
            measure=percentage_error,
            scale=np.log,
            inverse=np.exp,
        ),
        "mackey-glass": Task(
            "Mackey-Glass, tau = 17: 84 steps ahead, by recursion, fitted to 2000 values, 1000 held out",
            "root mean squared error of step 84, over the standard deviation",
            pd.Series(make_mackey_glass(3000, random_state=0), name="x"),
            n_test=1000,
            n_steps=84,
            measure=root_error_of_last_step,
        ),
        "laser": Task(
            "Santa Fe laser: one step ahead, fitted to the first 1000 values, the next 1000 held out",
            "mean squared error over the variance",
            pd.Series(santafe_laser().astype(float).ravel()[:2000], name="intensity"),
            n_test=1000,
            n_steps=1,
            measure=normalised_squared_error,
        ),
    }
