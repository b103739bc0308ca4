"""The models of each task. Of each kind, the one that forecasts the end of the training part best is tested."""

from collections.abc import Callable
from typing import Any

from benchmarks.backtests.models import (
    Contestant,
    hybrid,
    mean_of_networks,
    network,
    ridge,
    ridge_then_network,
    trees,
)

#: Settings of networks for the electricity load, where a penalty and long training are not worthwhile.
LOAD: dict[str, Any] = {
    "loss": "absolute_error",
    "alpha": 0.2,
    "batch_size": 32,
    "dropout": 0.2,
    "dtype": "float32",
    "hidden_layer_sizes": (64,),
}


#: Settings of networks on sunspots, and on CO2.
SUNSPOTS: dict[str, Any] = {"solver": "lbfgs", "max_iter": 300}
CO2: dict[str, Any] = {"solver": "lbfgs", "max_iter": 200}

Build = Callable[..., Contestant]


def _kinds_on_deviations(
    raw_lags: tuple[int, ...],
    lags: tuple[int, ...],
    networks: list[Contestant],
    residuals: list[Contestant],
    hybrids: list[Contestant],
) -> dict[str, list[Contestant]]:
    """Return the candidates for series with a season, on values and on deviations from it."""
    return {
        "ridge on lags": [ridge(n, on="values") for n in raw_lags],
        "trees on lags": [trees(raw_lags[0], on="values")],
        "ridge on deviations": [ridge(n, on="deviations") for n in lags],
        "trees on deviations": [trees(lags[0], on="deviations")],
        "network": networks,
        "ridge, then networks": residuals,
        "HybridRegressor": hybrids,
    }


def _kinds_of_one_step(
    lags: tuple[int, ...], networks: list[Contestant], means: list[Contestant]
) -> dict[str, list[Contestant]]:
    """Return the candidates that forecast one step, and further steps by recursion."""
    return {
        "ridge on lags": [ridge(n, on="values", one_step=True) for n in lags],
        "trees on lags": [trees(n, on="values", one_step=True) for n in lags],
        "network": networks,
        "mean of networks": means,
    }


def _of_sunspots(build: Build, cell: str, size: int, n_years: int, alpha: float) -> Contestant:
    """Return a network whose timesteps are years of twelve months."""
    name = f"{cell} {size}, {n_years} years of 12 months, alpha={alpha:g}"
    settings = {"hidden_layer_sizes": (size,), "alpha": alpha, "n_timesteps": n_years, "cell": cell, **SUNSPOTS}
    return build(name, 12 * n_years, on="deviations", **settings)


def _of_co2(build: Build, cell: str, size: int, n_weeks: int, alpha: float, on: str = "deviations") -> Contestant:
    """Return a network whose timesteps are weeks."""
    name = f"{cell} {size}, {n_weeks} weeks, alpha={alpha:g}"
    return build(name, n_weeks, on=on, hidden_layer_sizes=(size,), alpha=alpha, cell=cell, **CO2)


def _of_load(build: Build, cell: str, n_timesteps: int, max_iter: int) -> Contestant:
    """Return a network that reads the last day in `n_timesteps` timesteps of equal length."""
    name = f"{cell} 64, {n_timesteps} timesteps of {48 // n_timesteps} half hours"
    return build(name, 48, on="deviations", n_timesteps=n_timesteps, cell=cell, max_iter=max_iter, **LOAD)


def _one_step(
    build: Build, cell: str, size: int, n_timesteps: int, solver: str, alpha: float, max_iter: int
) -> Contestant:
    """Return a network whose timesteps are single values, and that forecasts the next one."""
    settings: dict[str, Any] = {"hidden_layer_sizes": (size,), "solver": solver, "alpha": alpha, "max_iter": max_iter}
    name = f"{cell} {size}, {n_timesteps} values, {solver}, alpha={alpha:g}"
    return build(name, n_timesteps, on="values", one_step=True, cell=cell, **settings)


def _after_ridge(n_lags: int) -> Build:
    """Return what builds networks on the residuals of ridge regression on so many lags."""
    return lambda name, n_rows, **settings: ridge_then_network(name, n_lags, n_rows, **settings)


CANDIDATES = {
    "sunspots": _kinds_on_deviations(
        (132, 36),
        (132, 264),
        [
            _of_sunspots(network, "rnn", 16, 11, 24.0),
            _of_sunspots(network, "gru", 16, 11, 24.0),
            _of_sunspots(network, "rnn", 8, 22, 23.0),
            _of_sunspots(network, "rnn", 16, 22, 23.0),
        ],
        [
            _of_sunspots(_after_ridge(132), "rnn", 16, 11, 24.0),
            _of_sunspots(_after_ridge(264), "rnn", 16, 22, 24.0),
        ],
        [_of_sunspots(hybrid, "rnn", 16, 11, 24.0), _of_sunspots(hybrid, "rnn", 16, 22, 24.0)],
    ),
    "co2": _kinds_on_deviations(
        (104, 52),
        (52, 104),
        [
            _of_co2(network, "rnn", 8, 26, 17.0),
            _of_co2(network, "rnn", 8, 26, 0.17),
            _of_co2(network, "rnn", 16, 52, 1.6),
            _of_co2(network, "gru", 8, 52, 1.6),
        ],
        [
            _of_co2(_after_ridge(104), "rnn", 8, 26, 1.6, on="values"),
            _of_co2(_after_ridge(104), "rnn", 8, 26, 17.0, on="values"),
            _of_co2(_after_ridge(52), "rnn", 8, 26, 1.6, on="values"),
        ],
        [_of_co2(hybrid, "rnn", 8, 104, 1.6, on="values")],
    ),
    "load": _kinds_on_deviations(
        (336,),
        (48, 336),
        [
            _of_load(network, "rnn", 2, 40),
            _of_load(network, "rnn", 4, 40),
            _of_load(network, "gru", 4, 20),
            _of_load(network, "lstm", 4, 40),
        ],
        [_of_load(_after_ridge(48), "rnn", 2, 40), _of_load(_after_ridge(48), "gru", 4, 20)],
        [_of_load(hybrid, "rnn", 2, 40)],
    ),
    "mackey-glass": _kinds_of_one_step(
        (20, 40),
        [
            _one_step(network, "rnn", 16, 20, "lbfgs", 2e-4, 1000),
            _one_step(network, "rnn", 12, 20, "least_squares", 2e-5, 100),
            _one_step(network, "rnn", 16, 20, "least_squares", 2e-5, 100),
            _one_step(network, "gru", 8, 20, "lbfgs", 2e-4, 1000),
        ],
        [
            _one_step(mean_of_networks, "rnn", 12, 20, "least_squares", 2e-5, 100),
            _one_step(mean_of_networks, "rnn", 16, 20, "least_squares", 2e-5, 100),
        ],
    ),
    "laser": _kinds_of_one_step(
        (10, 20),
        [
            _one_step(network, "rnn", 16, 20, "lbfgs", 0.01, 500),
            _one_step(network, "lstm", 16, 10, "lbfgs", 0.01, 500),
            _one_step(network, "gru", 16, 10, "lbfgs", 1e-3, 800),
        ],
        [
            _one_step(mean_of_networks, "lstm", 16, 10, "lbfgs", 0.01, 500),
            _one_step(mean_of_networks, "gru", 16, 10, "lbfgs", 1e-3, 800),
        ],
    ),
}
