"""Evidence for the defaults of `alpha`, `tol` and `max_iter`: python -m benchmarks.defaults [adam|lbfgs|tol] [--quick].

Needs the packages of `make backtests`. Each data set has a part to fit (the first two thirds; classes: a random draw)
and a part on which the error is measured: root mean squared error divided by that of the mean, or the error rate. A
table has the error of each value, averaged over seeds, and at its end the average cost of each value: the geometric
mean of its errors, each divided by the smallest of its row.
"""

import sys
import warnings
from collections.abc import Callable
from time import perf_counter

import numpy as np
from pmdarima import datasets as series
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.datasets import (
    load_japanese_vowels,
    load_sunspots,
    make_adding_problem,
    make_mackey_glass,
    make_narendra,
    make_temporal_order,
)

ALPHAS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
TOLERANCES = (1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
Task = tuple[type, object, np.ndarray, object | None, np.ndarray]


def split_series(values: np.ndarray, n_timesteps: int = 12) -> Task:
    """Return windows and the next values; the first two thirds are for training."""
    values = np.asarray(values, dtype=float).reshape(-1, 1)
    X, y = SlidingWindow(n_timesteps).fit_transform(values[:-1]), values[1:, 0]
    border = 2 * len(y) // 3
    return RNNRegressor, X[:border], y[:border], X[border:], y[border:]


def split_classes(X: object, y: np.ndarray) -> Task:
    """Return a random split into two thirds for training, and the rest."""
    X, X_test, y, y_test = train_test_split(X, y, test_size=1 / 3, random_state=0, stratify=y)
    return RNNClassifier, X, y, X_test, y_test


def sines(n: int) -> np.ndarray:
    """Return the clean sum of two sines."""
    t = np.arange(n)
    return np.sin(0.3 * t) + 0.5 * np.sin(0.11 * t)


def recursive_sines() -> Task:
    """Return the sines; there are no test sequences, because the end of the series is forecast step by step."""
    values = sines(700)[:, np.newaxis]
    X, y = SlidingWindow(20).fit_transform(values[:599]), values[1:600, 0]
    return RNNRegressor, X, y, None, values[580:, 0]


def adding(n: int) -> Task:
    """Return the adding problem of 20 timesteps, and 2,000 further sequences."""
    X, y = make_adding_problem(n + 2000, 20, random_state=0)
    return RNNRegressor, X[:n], y[:n], X[n:], y[n:]


def narendra() -> Task:
    """Return the Narendra task: the output of a system, from its inputs, 12 at a time."""
    X, y = make_narendra(1500, random_state=0)
    X = SlidingWindow(12).fit_transform(np.reshape(X, (len(y), -1)))
    return RNNRegressor, X[:1000], y[:1000], X[1000:], y[1000:]


def vowels() -> Task:
    """Return the Japanese vowels, with the official split."""
    train, test = (load_japanese_vowels(subset=subset, return_X_y=True) for subset in ("train", "test"))
    return RNNClassifier, *train, *test


TASKS: dict[str, Callable[[], Task]] = {
    "lynx, log (76)": lambda: split_series(np.log(series.load_lynx())),
    "austres (59)": lambda: split_series(series.load_austres()),
    "airpassengers (95)": lambda: split_series(series.load_airpassengers()),
    "heartrate (99)": lambda: split_series(series.load_heartrate()),
    "wineind, log (117)": lambda: split_series(np.log(series.load_wineind())),
    "sunspots (205)": lambda: split_series(load_sunspots().target),
    "vowels (270)": vowels,
    "two sines (400)": lambda: split_series(sines(601)),
    "two sines, 100 ahead (599)": recursive_sines,
    "temporal order (667)": lambda: split_classes(*make_temporal_order(1000, 20, random_state=0)),
    "narendra (1000)": lambda: narendra(),
    "digits (1198)": lambda: split_classes(load_digits().images, load_digits().target),
    "monthly sunspots (1879)": lambda: split_series(series.load_sunspots()),
    "half-hourly load (2687)": lambda: split_series(series.load_taylor(), 24),
    "mackey-glass, noise (4000)": lambda: split_series(noisy_mackey_glass(6000)),
    "adding (2000)": lambda: adding(2000),
    "adding (20000)": lambda: adding(20_000),
}


def noisy_mackey_glass(n: int) -> np.ndarray:
    """Return the Mackey-Glass series with noise of a tenth of its standard deviation."""
    values = np.asarray(make_mackey_glass(n, random_state=0)).reshape(-1)
    return values + 0.1 * values.std() * np.random.default_rng(0).normal(size=len(values))


def score_of_recursion(model: RNNRegressor, values: np.ndarray, n_steps: int = 100) -> float:
    """Return R^2 of the last values, forecast recursively from the previous ones."""
    window, forecasts = values[:-n_steps].tolist(), []
    for _ in range(n_steps):
        forecasts.append(float(model.predict(np.reshape(window, (1, -1, 1)))[0]))
        window = [*window[1:], forecasts[-1]]
    return r2_score(values[-n_steps:], forecasts)


def error(Estimator: type, parameters: dict, task: Task) -> tuple[float, int]:
    """Return the error on held-out data, and the number of iterations."""
    _, X, y, X_test, y_test = task
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = Estimator(**parameters).fit(X, y)
    wrong = 1.0 - (model.score(X_test, y_test) if X_test is not None else score_of_recursion(model, y_test))
    return (wrong if Estimator is RNNClassifier else wrong**0.5), model.n_iter_


def compare(name: str, values: tuple[float, ...], settings: dict, n_seeds: int, most: int) -> None:
    """Print the table of a parameter, with a single seed for large data sets."""
    print(f"\n{name}: {settings}\n{'':28}" + "".join(f"{value:>11g}" for value in values), flush=True)
    ratios = []
    for title, make in TASKS.items():
        task = make()
        if len(task[2]) > most:
            continue
        begin, errors, iterations = perf_counter(), [], []
        for value in values:
            seeds = range(n_seeds if len(task[2]) <= 2000 else 1)
            fits = [error(task[0], {**settings, name: value, "random_state": seed}, task) for seed in seeds]
            found, n_iter = zip(*fits, strict=True)
            errors.append(max(float(np.mean(found)), 1e-3))
            iterations.append(np.mean(n_iter))
        ratios.append(np.log(np.array(errors) / min(errors)))
        counts = " ".join(f"{n:.0f}" for n in iterations)
        row = "".join(f"{value:11.4f}" for value in errors)
        print(f"{title:28}{row}   iterations {counts}; {perf_counter() - begin:.0f} s", flush=True)
    print(f"{'ratio to the best':28}" + "".join(f"{value:11.3f}" for value in np.exp(np.mean(ratios, axis=0))))


def main() -> None:
    """Print the requested tables, or all."""
    asked, quick = [word for word in sys.argv[1:] if word != "--quick"], "--quick" in sys.argv
    most = 2000 if quick else 10**9
    if not asked or "adam" in asked:
        compare("alpha", ALPHAS, {"solver": "adam"}, 1 if quick else 2, most)
    if not asked or "lbfgs" in asked:
        small = {"hidden_layer_sizes": (8,), "solver": "lbfgs", "max_iter": 1000}
        compare("alpha", ALPHAS, small, 3, most)
    if not asked or "tol" in asked:
        compare("tol", TOLERANCES, {"hidden_layer_sizes": (8,), "solver": "lbfgs", "max_iter": 3000}, 3, most)


if __name__ == "__main__":
    main()
