"""The README's opening: 300 steps of a chaotic series, forecast by a network, ridge regression and boosted trees.

All models see windows of 20 values, are fitted to the first 1500, and forecast one step at a time from their own
forecasts. They are scored by R^2, the share of the variance that the forecast explains.
"""

import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.pipeline import Pipeline, make_pipeline

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import make_mackey_glass
from skrnn.forecasting import forecast, to_supervised

N_TRAINING = 1500
N_STEPS = 300
N_SHOWN_BEFORE = 100
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "mackey_glass.png"


def main() -> None:
    """Fit the models, print their scores, and draw their forecasts."""
    series = make_mackey_glass(N_TRAINING + N_STEPS, random_state=0)
    past, future = series[:N_TRAINING], series[N_TRAINING:]
    forecasts = {}
    for name, model in make_models().items():
        start = time.perf_counter()
        forecasts[name] = forecast(model.fit(*to_supervised(past)), past, N_STEPS)
        seconds = time.perf_counter() - start
        print(f"{name:<17} R^2 {r2_score(future, forecasts[name]):5.2f}  {seconds:4.1f} s", flush=True)
    draw(series, forecasts)
    print(f"The forecasts are drawn in docs/images/{PICTURE.name}.")


def make_models() -> dict[str, Pipeline]:
    """Return the models by name: the network of the README, and two that see the same windows as columns."""
    network = RNNRegressor((16,), solver="least_squares", alpha=1e-4, max_iter=100, random_state=0)
    columns = SlidingWindow(20, flatten=True, padding="edge")
    return {
        "RNNRegressor": make_pipeline(SlidingWindow(20), network),
        "ridge regression": make_pipeline(columns, RidgeCV(np.logspace(-3, 3, 13))),
        "boosted trees": make_pipeline(columns, HistGradientBoostingRegressor(random_state=0)),
    }


def draw(series: np.ndarray, forecasts: dict[str, np.ndarray]) -> None:
    """Draw each forecast over the series, one panel per model."""
    figure, panels = plt.subplots(len(forecasts), sharex=True, sharey=True, figsize=(9, 4.6), layout="constrained")
    colours = ["tab:blue", "tab:orange", "tab:green"]
    for axes, (name, values), colour in zip(panels, forecasts.items(), colours, strict=True):
        axes.plot(np.arange(-N_SHOWN_BEFORE, N_STEPS), series[N_TRAINING - N_SHOWN_BEFORE :], color="0.75", linewidth=4)
        axes.plot(np.arange(N_STEPS), values, color=colour, linewidth=1.5)
        axes.axvline(-0.5, color="0.4", linestyle=":", linewidth=1)
        axes.set_title(f"{name}: R² = {r2_score(series[N_TRAINING:], values):.2f}", loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set(xlabel="steps ahead (grey: the series; the models know it up to the dotted line)")
    panels[-1].set_xlim(-N_SHOWN_BEFORE, N_STEPS)
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
