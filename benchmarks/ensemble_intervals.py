"""Coverage of intervals from an ensemble: four public series, one to four steps ahead.

Each model is fitted to the first half of a series, and forecasts from every later row. Intervals use all errors known
there. "conformal": the forecast plus and minus a quantile of these errors; "ensemble": the same, scaled by the
disagreement of the members; "quantiles": predicted by a network, without calibration. The interval score is the width
plus 2 / (1 - coverage) times the distance of a value outside (Gneiting and Raftery 2007,
doi:10.1198/016214506000001437); it is relative to that of "conformal". Needs the packages of `make backtests`. Usage:
python -m benchmarks.ensemble_intervals
"""

import warnings
from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from statsmodels import datasets

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleRegressor, HybridRegressor
from skrnn.forecasting import backtest, to_supervised

N_STEPS = 4
COVERAGES = (0.8, 0.9)
#: Origins without an interval, for want of errors.
N_LEFT_OUT = 20


def load_series() -> dict[str, np.ndarray]:
    """Return the series. They are part of statsmodels; nothing is downloaded."""
    weekly = datasets.co2.load_pandas().data["co2"]
    return {
        "nile (yearly)": datasets.nile.load_pandas().data["volume"].to_numpy(dtype=float),
        "sunspots (yearly)": datasets.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(),
        "CO2 (monthly)": weekly.resample("MS").mean().interpolate().to_numpy(),
        "elnino (monthly)": datasets.elnino.load_pandas().data.set_index("YEAR").to_numpy().ravel(),
    }


def network(**settings: Any) -> RNNRegressor:
    """Return a small network."""
    return RNNRegressor((4,), solver="lbfgs", alpha=1.5, tol=0.01, **settings)


def models() -> dict[str, Any]:
    """Return the models whose intervals are made of errors."""
    members = EnsembleRegressor(network(), 10, random_state=0)
    return {"networks on changes": ChangeRegressor(members), "HybridRegressor": HybridRegressor(random_state=0)}


def measures(truth: np.ndarray, lower: np.ndarray, upper: np.ndarray, coverage: float) -> np.ndarray:
    """Return share of the truth within the intervals, mean width and interval score."""
    known = np.isfinite(truth)
    truth, lower, upper = truth[known], lower[known], upper[known]
    outside = np.maximum(lower - truth, 0.0) + np.maximum(truth - upper, 0.0)
    width = upper - lower
    return np.array([np.mean(outside == 0.0), width.mean(), (width + 2.0 / (1.0 - coverage) * outside).mean()])


def of_errors(model: Any, series: np.ndarray, n_fit: int, method: str) -> list[np.ndarray]:
    """Return the measures of intervals that are made of errors, one array for each coverage."""
    results = [backtest(model, series, N_STEPS, first_origin=n_fit - 1, coverage=c, method=method) for c in COVERAGES]
    return [
        measures(*(part[N_LEFT_OUT:] for part in (result.truth, result.lower, result.upper)), coverage)
        for result, coverage in zip(results, COVERAGES, strict=True)
    ]


def of_quantiles(series: np.ndarray, n_fit: int) -> list[np.ndarray]:
    """Return the measures of intervals between quantiles of the changes, one array for each coverage."""
    figures = []
    for coverage in COVERAGES:
        levels = [(1.0 - coverage) / 2.0, 0.5, (1.0 + coverage) / 2.0]
        regressor = ChangeRegressor(network(loss="quantile", quantile=levels, random_state=0))
        model = make_pipeline(SlidingWindow(12), regressor).fit(*to_supervised(series[:n_fit], n_steps=N_STEPS))
        origins = np.arange(n_fit - 1 + N_LEFT_OUT, len(series) - 1)
        lower, _, upper = np.moveaxis(model.predict(series[:, np.newaxis])[origins], -1, 0)
        truth = np.append(series, np.full(N_STEPS, np.nan))[np.add.outer(origins, np.arange(1, N_STEPS + 1))]
        figures.append(measures(truth, lower, upper, coverage))
    return figures


def main() -> None:
    """Print the table, one line per series, model and method."""
    print("| series | model | method |", " | ".join(f"{c:.0%}: covers | width | score" for c in COVERAGES), "|")
    print("| --- " * (3 + 3 * len(COVERAGES)) + "|")
    for name, series in load_series().items():
        n_fit = len(series) // 2
        rows: dict[tuple[str, str], list[np.ndarray]] = {}
        for label, regressor in models().items():
            model = make_pipeline(SlidingWindow(12), regressor).fit(*to_supervised(series[:n_fit]))
            for method in ("conformal", "ensemble"):
                rows[label, method] = of_errors(model, series, n_fit, method)
        rows["network on changes", "quantiles"] = of_quantiles(series, n_fit)
        reference = rows["networks on changes", "conformal"]
        for (label, method), figures in rows.items():
            cells = []
            for (share, width, score), (_, _, of_reference) in zip(figures, reference, strict=True):
                cells.append(f"{100 * share:.0f} | {width:.3g} | {score / of_reference:.2f}")
            print(f"| {name} | {label} | {method} |", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
