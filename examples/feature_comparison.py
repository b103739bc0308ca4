"""Ridge regression, boosted trees and a recurrent network in one grid search, over the same windows of sunspots.

`SlidingWindow(flatten=True)` gives every model the same table of lagged columns, so that one search compares the
families and the length of the window; the network folds a row of the table back into timesteps. The first windows of
each fold lack history and repeat its first year, so validation errors of long windows are larger than errors in use.
The error is the mean squared error divided by 1535, the customary scale of this series (Weigend, Huberman, Rumelhart
1990). A network is fitted from one random start; another start changes its error by a few hundredths.
"""

import time
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

LAST_TRAINING_YEAR = 1920
SCALE = 1535
FAMILIES: list[tuple[Any, dict[str, list[Any]]]] = [
    (Ridge(), {"alpha": [0.1, 1.0, 10.0, 100.0]}),
    (HistGradientBoostingRegressor(random_state=0), {"learning_rate": [0.03, 0.1], "max_leaf_nodes": [4, 31]}),
    (
        RNNRegressor((8,), solver="lbfgs", tol=1e-3, random_state=0),
        {"cell": ["rnn", "gru"], "alpha": [1.0, 10.0]},
    ),
]


def main() -> None:
    """Search, and print the best of each family with its errors in cross-validation and on the years after it."""
    sunspots = load_sunspots()
    X, y, training = sunspots.data, sunspots.target, sunspots.target_years <= LAST_TRAINING_YEAR

    start = time.perf_counter()
    search = make_search(n_jobs=2).fit(X[training], y[training])
    n_settings = len(search.cv_results_["params"])
    print(f"{n_settings} settings with {search.n_splits_} folds each took {time.perf_counter() - start:.0f} s.\n")

    rows = []
    for name, (params, validated) in best_of_each_family(search).items():
        model = make_model(search, params).fit(X[training], y[training])
        predictions = model.predict(X)[~training]  # windows of the first years begin in the training years
        rows.append((name, validated, mean_squared_error(y[~training], predictions) / SCALE, describe(params)))
    persistence = mean_squared_error(y[~training], X[~training, 0]) / SCALE
    rows.append(("persistence", np.nan, persistence, "this year's number"))
    print_table(rows)


def make_search(
    families: list[tuple[Any, dict[str, list[Any]]]] = FAMILIES,
    lengths: tuple[int, ...] = (6, 12, 24),
    n_splits: int = 5,
    n_jobs: int | None = None,
) -> GridSearchCV:
    """Return one search over all families, their parameters and the length of the window."""
    model = Pipeline(
        [
            ("scale", StandardScaler()),
            ("window", SlidingWindow(padding="edge", flatten=True)),  # not all models accept missing values
            ("model", Ridge()),
        ]
    )
    grid = [grid_of(*family, n_timesteps) for family in families for n_timesteps in lengths]
    return GridSearchCV(
        model, grid, scoring="neg_mean_squared_error", cv=TimeSeriesSplit(n_splits), n_jobs=n_jobs, error_score="raise"
    )


def grid_of(regressor: Any, parameters: dict[str, list[Any]], n_timesteps: int) -> dict[str, list[Any]]:
    """Return the grid of one family at one length of the window."""
    grid = {"window__n_timesteps": [n_timesteps], "model": [regressor]}
    if "n_timesteps" in regressor.get_params():  # how the network folds a row: always as the window unfolded it
        grid["model__n_timesteps"] = [n_timesteps]
    return grid | {f"model__{name}": values for name, values in parameters.items()}


def best_of_each_family(search: GridSearchCV) -> dict[str, tuple[dict[str, Any], float]]:
    """Return the best parameters of each family and their error in cross-validation, the best family first."""
    best: dict[str, tuple[dict[str, Any], float]] = {}
    for row in np.argsort(search.cv_results_["rank_test_score"], kind="stable"):
        params = search.cv_results_["params"][row]
        error = -search.cv_results_["mean_test_score"][row] / SCALE
        best.setdefault(type(params["model"]).__name__, (params, error))
    return best


def make_model(search: GridSearchCV, params: dict[str, Any]) -> Pipeline:
    """Return the pipeline with these parameters, around a copy of the model that the grid holds."""
    return clone(search.estimator).set_params(**{name: clone(value, safe=False) for name, value in params.items()})


def describe(params: dict[str, Any]) -> str:
    """Return the setting in a few words."""
    own = {name.removeprefix("model__"): value for name, value in params.items() if name.startswith("model__")}
    own.pop("n_timesteps", None)
    words = [f"{params['window__n_timesteps']} years", *(f"{name}={value}" for name, value in own.items())]
    return ", ".join(words)


def print_table(rows: list[tuple[str, float, float, str]]) -> None:
    """Print a line for each model, and which one is best."""
    width = max(len(name) for name, *_ in rows) + 2
    print(f"{'mean squared error / 1535':<{width}}  validation  1921-2008  setting")
    for name, validated, held_out, setting in rows:
        number = "" if np.isnan(validated) else f"{validated:.3f}"
        print(f"{name:<{width}}  {number:>10}  {held_out:>9.3f}  {setting}")
    chosen, best = rows[0], min(rows, key=lambda row: row[2])
    print(f"\nThe search chose {chosen[0]}; on the years after it, {best[0]} was best.")


if __name__ == "__main__":
    main()
