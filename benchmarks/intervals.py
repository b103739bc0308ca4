"""Coverage of prediction intervals: yearly sunspots, compared with linear quantiles and residuals.

Every model uses the last twelve years to predict five quantiles of the next year's number. The 80 % interval is between
the second and the fourth, the 90 % interval between the first and the last. Size, penalty and scale are chosen by
cross-validation in chronological order on the years up to 1920: the numbers, their square roots (whose quantiles are
the roots of the quantiles), or the yearly changes of the roots. The series ships with skrnn. Usage: python
benchmarks/intervals.py
"""

import warnings
from collections.abc import Callable
from functools import partial
from itertools import product

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import QuantileRegressor, RidgeCV
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor, SlidingWindow
from skrnn.datasets import load_sunspots

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)
PERIODS = {"1921-1955": (1921, 1955), "1956-1979": (1956, 1979), "1980-2008": (1980, 2008)}
SEEDS = range(10)
CYCLE = 11
#: (X, y, rows to fit, seed) -> quantiles of all rows, (n_samples, n_levels)
Forecaster = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


def network(size: int, penalty: float, X: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the quantiles, (n_samples, n_levels), of a network fitted on some rows; alpha is `penalty` per row."""
    settings = {"solver": "lbfgs", "alpha": penalty * len(rows), "tol": 1e-4, "random_state": seed}
    regressor = RNNRegressor((size,), loss="quantile", quantile=LEVELS, **settings)
    model = make_pipeline(SlidingWindow(n_timesteps=12), regressor)
    return model.fit(X[rows], y[rows]).predict(X)


def linear(alpha: float, X: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return quantiles that are linear in the last twelve years, one regression each, sorted."""
    columns = []
    for level in LEVELS:
        regressor = QuantileRegressor(quantile=level, alpha=alpha, solver="highs")
        columns.append(_linear_pipeline(regressor).fit(X[rows], y[rows]).predict(X))
    return np.sort(np.column_stack(columns), axis=1)


def residuals(X: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the prediction of ridge regression plus the quantiles of its residuals in training."""
    predictions = _linear_pipeline(RidgeCV(np.logspace(-3, 3, 13))).fit(X[rows], y[rows]).predict(X)
    return predictions[:, None] + np.quantile(y[rows] - predictions[rows], LEVELS)


def of_roots(forecaster: Forecaster, X: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the squares of the quantiles of square roots."""
    return np.maximum(forecaster(np.sqrt(X), np.sqrt(y), rows, seed), 0.0) ** 2


def of_changes(forecaster: Forecaster, X: np.ndarray, y: np.ndarray, rows: np.ndarray, seed: int) -> np.ndarray:
    """Return this year's number plus the quantiles of the change to the next."""
    return X + forecaster(X, y - X[:, 0], rows, seed)


def _linear_pipeline(regressor: object) -> object:
    windows = SlidingWindow(n_timesteps=12, padding="edge", flatten=True)
    return make_pipeline(StandardScaler(), windows, regressor)


def pinball(y: np.ndarray, quantiles: np.ndarray) -> float:
    """Return the mean pinball loss over the levels."""
    return np.mean([mean_pinball_loss(y, column, alpha=a) for a, column in zip(LEVELS, quantiles.T, strict=True)])


def on_every_scale(candidates: dict[str, Forecaster]) -> dict[str, Forecaster]:
    """Return the candidates on each of the three scales."""
    scales = {
        "numbers": lambda forecaster: forecaster,
        "roots": lambda forecaster: partial(of_roots, forecaster),
        "changes of roots": lambda forecaster: partial(of_roots, partial(of_changes, forecaster)),
    }
    return {f"{name}, {scale}": on_scale(f) for name, f in candidates.items() for scale, on_scale in scales.items()}


def choose(candidates: dict[str, Forecaster], X: np.ndarray, y: np.ndarray, seeds: range) -> tuple[str, Forecaster]:
    """Return the candidate with the smallest pinball loss in four folds of thirty years, fitted on all years before."""
    losses = {}
    for name, forecaster in candidates.items():
        folds = TimeSeriesSplit(4, test_size=30).split(X)
        losses[name] = np.mean(
            [pinball(y[test], forecaster(X, y, train, seed)[test]) for train, test in folds for seed in seeds]
        )
    best = min(losses, key=losses.__getitem__)
    return best, candidates[best]


def refit(forecaster: Forecaster, X: np.ndarray, y: np.ndarray, years: np.ndarray, seed: int) -> np.ndarray:
    """Return quantiles of forecasts from 1921, refitted every eleven years on all years before."""
    quantiles = np.full((len(y), len(LEVELS)), np.nan)
    for start in range(1921, years[-1] + 1, CYCLE):
        ahead = (years >= start) & (years < start + CYCLE)
        quantiles[ahead] = forecaster(X, y, np.flatnonzero(years < start), seed)[ahead]
    return quantiles


def row(y: np.ndarray, quantiles: np.ndarray) -> list[float]:
    """Return coverage in percent and mean width of the 80 % and of the 90 % interval, and the pinball loss."""
    figures = []
    for low, high in ((1, 3), (0, 4)):
        lower, upper = quantiles[:, low], quantiles[:, high]
        figures += [100 * np.mean((lower <= y) & (y <= upper)), np.mean(upper - lower)]
    return [*figures, pinball(y, quantiles)]


def main() -> None:
    """Print the choices, and a table with and without refitting."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    sunspots = load_sunspots()
    X, y, years = sunspots.data, sunspots.target, sunspots.target_years
    rows = np.flatnonzero(years <= 1920)
    networks = {
        f"network, {n} units, alpha={a} n": partial(network, n, a) for n, a in product((4, 8), (1e-3, 3e-3, 1e-2))
    }
    linears = {f"linear quantiles, alpha={a}": partial(linear, a) for a in (0.0, 1e-3, 1e-2, 1e-1)}
    chosen = [
        choose(on_every_scale(networks), X[rows], y[rows], range(3)),
        choose(on_every_scale(linears), X[rows], y[rows], range(1)),
        choose(on_every_scale({"ridge and its residuals": residuals}), X[rows], y[rows], range(1)),
    ]
    once = "fitted to 1701-1920", lambda forecaster, seed: forecaster(X, y, rows, seed)
    again = f"refitted each {CYCLE} years", lambda forecaster, seed: refit(forecaster, X, y, years, seed)
    for title, fit in (once, again):
        print(f"\n| {title} | years | 80 %: covers | width | 90 %: covers | width | pinball loss |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name, forecaster in chosen:
            fits = [fit(forecaster, seed) for seed in (SEEDS if name.startswith("network") else range(1))]
            for period, (first, last) in PERIODS.items():
                within = (years >= first) & (years <= last)
                figures = [row(y[within], quantiles[within]) for quantiles in fits]
                print(f"| {name} | {period} | " + " | ".join(cells(np.array(figures))) + " |", flush=True)


def cells(figures: np.ndarray) -> list[str]:
    """Return the means of figures, (n_seeds, n_figures), and for several seeds their standard deviations."""
    means, deviations = figures.mean(axis=0), figures.std(axis=0)
    digits = (0, 0, 0, 0, 2)
    if len(figures) == 1:
        return [f"{mean:.{d}f}" for mean, d in zip(means, digits, strict=True)]
    return [f"{mean:.{d}f} ± {sd:.{d}f}" for mean, sd, d in zip(means, deviations, digits, strict=True)]


if __name__ == "__main__":
    main()
