"""Next year's sunspot number: a grid search over a recurrent network, with ridge regression and persistence beside it.

Every model is fitted on the years to 1920 and predicts each year from those before it. The error is the mean squared
error divided by 1535, the customary scale of this series (Weigend, Huberman, Rumelhart 1990).
"""

import time
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

LAST_TRAINING_YEAR = 1920
N_SEEDS = 20
PERIODS = [(1921, 1955), (1956, 1979), (1980, 2008)]
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "sunspots.png"


def main() -> None:
    """Fit the models, print their errors, and draw the forecasts."""
    warnings.simplefilter("ignore", ConvergenceWarning)  # 200 iterations of L-BFGS are enough to compare settings
    sunspots = load_sunspots()
    X, y, years = sunspots.data, sunspots.target, sunspots.target_years
    training = years <= LAST_TRAINING_YEAR

    start = time.perf_counter()
    search = search_network().fit(X[training], y[training])
    seconds = time.perf_counter() - start
    n_timesteps = search.best_params_["slidingwindow__n_timesteps"]
    networks = [make_network(seed).fit(X[training], y[training]).predict(X) for seed in range(N_SEEDS)]
    forecasts = {
        "RNNRegressor, grid search": [search.predict(X)],
        f"RNNRegressor, 4 units, 12 years (mean of {N_SEEDS} seeds)": networks,
    }
    for n_lags in sorted({n_timesteps, 12}):
        forecasts[f"ridge on {n_lags} years"] = [make_ridge(n_lags).fit(X[training], y[training]).predict(X)]
    forecasts["persistence (this year's number)"] = [X[:, 0]]

    print(f"The search took {seconds:.0f} s and chose {search.best_params_}.\n")
    print_table(forecasts, y, years)
    draw({"RNNRegressor, seed 0": networks[0], "ridge on 12 years": forecasts["ridge on 12 years"][0]}, y, years)
    print(f"\nThe forecasts are drawn in docs/images/{PICTURE.name}.")


def search_network() -> GridSearchCV:
    """Return the grid search of the README."""
    model = make_pipeline(StandardScaler(), SlidingWindow(), RNNRegressor(solver="lbfgs", random_state=0))
    grid = {
        "slidingwindow__n_timesteps": [6, 12, 24],
        "rnnregressor__cell": ["rnn", "gru"],
        "rnnregressor__hidden_layer_sizes": [(4,), (8,)],
    }
    return GridSearchCV(model, grid, cv=TimeSeriesSplit(5), n_jobs=2)


def make_network(seed: int) -> Pipeline:
    """Return a network with a stronger penalty, which a series of 221 years wants."""
    regressor = RNNRegressor((4,), solver="lbfgs", alpha=0.003, max_iter=1000, random_state=seed)
    return make_pipeline(StandardScaler(), SlidingWindow(n_timesteps=12), regressor)


def make_ridge(n_timesteps: int) -> Pipeline:
    """Return ridge regression on the same windows."""
    windows = SlidingWindow(n_timesteps=n_timesteps, padding="edge", flatten=True)
    return make_pipeline(StandardScaler(), windows, RidgeCV(np.logspace(-3, 3, 13)))


def print_table(forecasts: dict[str, list[np.ndarray]], y: np.ndarray, years: np.ndarray) -> None:
    """Print the error of each model in each period, averaged over its forecasts."""
    width = max(map(len, forecasts)) + 2
    print(f"{'mean squared error / 1535':<{width}}" + "  ".join(f"{first}-{last}" for first, last in PERIODS))
    for name, of_seeds in forecasts.items():
        squared = np.mean([(forecast - y) ** 2 / 1535 for forecast in of_seeds], axis=0)
        errors = [squared[(years >= first) & (years <= last)].mean() for first, last in PERIODS]
        print(f"{name:<{width}}" + "  ".join(f"{error:>9.3f}" for error in errors))


def draw(forecasts: dict[str, np.ndarray], y: np.ndarray, years: np.ndarray) -> None:
    """Draw forecasts of the years that no model has seen."""
    shown = years > LAST_TRAINING_YEAR
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    axes.fill_between(years[shown], y[shown], color="0.85", label="observed")
    for (name, forecast), colour in zip(forecasts.items(), ["tab:blue", "tab:orange"], strict=True):
        axes.plot(years[shown], forecast[shown], color=colour, linewidth=1.5, label=name)
    axes.set_title("Sunspots, one year ahead, fitted on 1700-1920")
    axes.set(xlabel="year", ylabel="yearly mean sunspot number", xlim=(1921, 2008), ylim=(0, 235))
    axes.legend(loc="upper left", ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
