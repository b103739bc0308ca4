"""Pictures of networks on the yearly sunspot numbers: training, forecasts, their errors, hidden states, the network.

Every network is fitted on the years up to 1920. Requires matplotlib and pandas: pip install ".[plot]" pandas
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots
from skrnn.forecasting import to_supervised
from skrnn.plotting import BacktestDisplay, ForecastDisplay, HiddenStateDisplay, LossCurveDisplay, UnrolledDisplay

LAST_TRAINING_YEAR = 1920
PICTURES = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    """Fit the networks and draw them."""
    series = load_series()
    training = series[series.index <= LAST_TRAINING_YEAR]
    save(draw_losses(training), "loss_curve")
    model = fit(training, cell="gru", solver="lbfgs", alpha=1.0, tol=1e-3)
    save(draw_forecasts(model, series), "forecast")
    save(draw_errors(model, series), "backtest")
    save(draw_hidden_states(model, series), "hidden_states")
    save(UnrolledDisplay.from_estimator(model).figure_, "network")


def load_series() -> pd.Series:
    """Return the sunspot number of each year, 1700 to 2008."""
    sunspots = load_sunspots()
    values = np.append(sunspots.data[:, 0], sunspots.target[-1])
    years = pd.Index(np.append(sunspots.years, sunspots.target_years[-1]), name="year")
    return pd.Series(values, years, name="yearly mean sunspot number")


def fit(training: pd.Series, n_timesteps: int = 12, **parameters: object) -> Pipeline:
    """Return a network of eight units, fitted to windows of the training years."""
    network = RNNRegressor((8,), random_state=0, **parameters)
    X, y = to_supervised(training)
    return make_pipeline(SlidingWindow(n_timesteps), network).fit(X, y)


def draw_losses(training: pd.Series) -> Figure:
    """Draw the training of two cells, stopped early by the last tenth of the years."""
    settings = {"early_stopping": True, "validation_split": "last", "learning_rate_init": 0.005}
    models = {cell: fit(training, cell=cell, **settings) for cell in ("rnn", "gru")}
    return LossCurveDisplay.from_estimator(models, log_scale=True).figure_


def draw_forecasts(model: Pipeline, series: pd.Series) -> Figure:
    """Draw forecasts of ten years, about a cycle, from three years after the training data and from the last year."""
    origins = [series.index.get_loc(year) for year in (1963, 1976, 1989, 2008)]
    display = ForecastDisplay.from_estimator(
        model, series, n_steps=10, origins=origins, coverage=0.8, n_calibration=30, n_history=30
    )
    return display.figure_


def draw_errors(model: Pipeline, series: pd.Series) -> Figure:
    """Draw the errors one to six years ahead, of the network and of ridge regression, since 1920."""
    training = series[series.index <= LAST_TRAINING_YEAR]
    ridge = make_pipeline(SlidingWindow(12, padding="edge", flatten=True), Ridge()).fit(*to_supervised(training))
    models = {"GRU": model, "ridge": ridge}
    return BacktestDisplay.from_estimator(models, series, 6, season=11, first_origin=len(training) - 1).figure_


def draw_hidden_states(model: Pipeline, series: pd.Series) -> Figure:
    """Draw the hidden states for the twelve years up to 1957, the year of the highest number."""
    sample = series.index.get_loc(1957)
    display = HiddenStateDisplay.from_estimator(model, series.to_frame(), sample=sample, feature_names=["sunspots"])
    return display.figure_


def save(figure: Figure, name: str) -> None:
    """Write a picture."""
    figure.savefig(PICTURES / f"{name}.png", dpi=110, metadata={"Software": None})
    print(f"docs/images/{name}.png")


if __name__ == "__main__":
    main()
