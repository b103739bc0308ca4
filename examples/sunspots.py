"""Next year's sunspot number: a grid search over a recurrent network, compared with ridge regression and persistence.

Every model is fitted on the years up to 1920 and predicts each year from the preceding ones. The error is the mean
squared error divided by 1535, the customary scale of this series (Weigend, Huberman, Rumelhart 1990). With so few
years, a fit depends on its random start, and a long fit also on rounding errors, which differ between processors.
Therefore networks and searches are run with several seeds, and errors are means with their range.
"""

import time
from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

LAST_TRAINING_YEAR = 1920
N_TIMESTEPS = [6, 12, 24]
N_SEARCHES = 5
N_SEEDS = 20
PERIODS = [(1921, 1955), (1956, 1979), (1980, 2008)]
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "sunspots.png"


def main() -> None:
    """Fit the models, print their errors, and draw the forecasts."""
    sunspots = load_sunspots()
    X, y, years = sunspots.data, sunspots.target, sunspots.target_years
    training = years <= LAST_TRAINING_YEAR

    start = time.perf_counter()
    searches = [search_network(seed).fit(X[training], y[training]) for seed in range(N_SEARCHES)]
    print_choices(searches, time.perf_counter() - start)
    networks = [make_network(seed).fit(X[training], y[training]) for seed in range(N_SEEDS)]
    ridges = [make_ridge(n_timesteps).fit(X[training], y[training]) for n_timesteps in N_TIMESTEPS]
    forecasts = {
        f"RNNRegressor, grid search ({N_SEARCHES} seeds)": predict(searches, X),
        f"RNNRegressor, 4 units, 12 years ({N_SEEDS} seeds)": predict(networks, X),
        **{f"ridge regression on {n} years": predict([ridge], X) for n, ridge in zip(N_TIMESTEPS, ridges, strict=True)},
        "persistence (this year's number)": X.T,
    }
    print_table(forecasts, y, years)
    draw(predict(networks, X), forecasts["ridge regression on 12 years"][0], y, years)
    print(f"\nThe forecasts are drawn in docs/images/{PICTURE.name}.")


def search_network(seed: int) -> GridSearchCV:
    """Return the grid search."""
    model = make_pipeline(SlidingWindow(), RNNRegressor(solver="lbfgs", alpha=1.0, tol=1e-3, random_state=seed))
    grid = {
        "slidingwindow__n_timesteps": N_TIMESTEPS,
        "rnnregressor__cell": ["rnn", "gru"],
        "rnnregressor__hidden_layer_sizes": [(4,), (8,)],
    }
    return GridSearchCV(model, grid, cv=TimeSeriesSplit(5), n_jobs=2)


def make_network(seed: int) -> Pipeline:
    """Return a network that is fitted to a smaller gradient, for longer than those of the search."""
    regressor = RNNRegressor((4,), solver="lbfgs", alpha=0.66, tol=1e-4, random_state=seed)
    return make_pipeline(SlidingWindow(n_timesteps=12), regressor)


def make_ridge(n_timesteps: int) -> Pipeline:
    """Return ridge regression on the same windows."""
    windows = SlidingWindow(n_timesteps=n_timesteps, padding="edge", flatten=True)
    return make_pipeline(StandardScaler(), windows, RidgeCV(np.logspace(-3, 3, 13)))


def predict(models: list, X: np.ndarray) -> np.ndarray:
    """Return the forecasts of some models, (n_models, n_years)."""
    return np.array([model.predict(X) for model in models])


def print_choices(searches: list[GridSearchCV], seconds: float) -> None:
    """Print how often each setting was chosen."""
    names = ["rnnregressor__cell", "rnnregressor__hidden_layer_sizes", "slidingwindow__n_timesteps"]
    choices = Counter(tuple(search.best_params_[name] for name in names) for search in searches)
    print(f"{len(searches)} searches, each from another seed, took {seconds:.0f} s. Chosen:")
    for (cell, (n_units,), n_timesteps), n_times in choices.most_common():
        print(f"  {n_times} times {cell}, {n_units} units, {n_timesteps} years")


def print_table(forecasts: dict[str, np.ndarray], y: np.ndarray, years: np.ndarray) -> None:
    """Print the error of each model in each period: for several seeds the mean, with the range in brackets."""
    width = max(map(len, forecasts)) + 2
    print()
    rows = {"mean squared error / 1535": [f"{first}-{last}" for first, last in PERIODS]}
    for name, of_seeds in forecasts.items():
        squared = (of_seeds - y) ** 2 / 1535  # (n_seeds, n_years)
        periods = [(years >= first) & (years <= last) for first, last in PERIODS]
        rows[name] = [describe(squared[:, period].mean(axis=1)) for period in periods]
    for name, cells in rows.items():
        print(f"{name:<{width}}" + "  ".join(f"{cell:<20}" for cell in cells).rstrip())


def describe(errors: np.ndarray) -> str:
    """Return the mean of the errors, and their range if there are several seeds."""
    spread = f" ({errors.min():.2f} to {errors.max():.2f})" if len(errors) > 1 else ""
    return f"{errors.mean():.3f}{spread}"


def draw(networks: np.ndarray, ridge: np.ndarray, y: np.ndarray, years: np.ndarray) -> None:
    """Draw forecasts of the years after the training data; those of the networks are (n_seeds, n_years)."""
    shown = years > LAST_TRAINING_YEAR
    networks = networks[:, shown]
    figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
    axes.fill_between(years[shown], y[shown], color="0.85", label="observed")
    axes.fill_between(years[shown], networks.min(axis=0), networks.max(axis=0), color="tab:blue", alpha=0.3, lw=0)
    name = f"RNNRegressor, mean and range of {len(networks)} seeds"
    axes.plot(years[shown], networks.mean(axis=0), color="tab:blue", linewidth=1.5, label=name)
    axes.plot(years[shown], ridge[shown], color="tab:orange", linewidth=1.5, label="ridge regression on 12 years")
    axes.set_title("Sunspots, one year ahead, fitted on 1700-1920")
    axes.set(xlabel="year", ylabel="yearly mean sunspot number", xlim=(1921, 2008), ylim=(0, 235))
    axes.legend(loc="upper left", ncols=3, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    main()
