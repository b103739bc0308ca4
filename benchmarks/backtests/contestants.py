"""The models of each task. Of each kind, the one that forecasts the end of the training part best is tested."""

from typing import Any

from benchmarks.backtests.models import Contestant, network, ridge, trees

#: Settings of networks for the electricity load, where a penalty and long training are not worthwhile.
LOAD: dict[str, Any] = {
    "loss": "absolute_error",
    "alpha": 0.2,
    "batch_size": 32,
    "dropout": 0.2,
    "dtype": "float32",
    "hidden_layer_sizes": (64,),
}


def _kinds_on_departures(
    raw_lags: tuple[int, ...], lags: tuple[int, ...], networks: list[Contestant]
) -> dict[str, list[Contestant]]:
    """Return the candidates for series with a season, on values and on departures from it."""
    return {
        "ridge on lags": [ridge(n, on="values") for n in raw_lags],
        "trees on lags": [trees(raw_lags[0], on="values")],
        "ridge on departures": [ridge(n, on="departures") for n in lags],
        "trees on departures": [trees(lags[0], on="departures")],
        "network on departures": networks,
    }


def _kinds_of_one_step(lags: tuple[int, ...], networks: list[Contestant]) -> dict[str, list[Contestant]]:
    """Return the candidates that forecast one step, and further steps by recursion."""
    return {
        "ridge on lags": [ridge(n, on="values", one_step=True) for n in lags],
        "trees on lags": [trees(n, on="values", one_step=True) for n in lags],
        "network": networks,
    }


def _of_sunspots(cell: str, size: int, n_years: int, alpha: float) -> Contestant:
    """Return a network whose timesteps are years of twelve months."""
    settings: dict[str, Any] = {"hidden_layer_sizes": (size,), "solver": "lbfgs", "alpha": alpha, "max_iter": 300}
    name = f"{cell} {size}, {n_years} years of 12 months, alpha={alpha:g}"
    return network(name, 12 * n_years, on="departures", n_timesteps=n_years, cell=cell, **settings)


def _of_co2(cell: str, size: int, n_weeks: int, alpha: float) -> Contestant:
    """Return a network whose timesteps are weeks; missing ones are masked."""
    settings: dict[str, Any] = {"hidden_layer_sizes": (size,), "solver": "lbfgs", "alpha": alpha, "max_iter": 200}
    return network(f"{cell} {size}, {n_weeks} weeks, alpha={alpha:g}", n_weeks, on="departures", cell=cell, **settings)


def _of_load(cell: str, n_timesteps: int, max_iter: int) -> Contestant:
    """Return a network that reads the last day in `n_timesteps` timesteps of equal length."""
    name = f"{cell} 64, {n_timesteps} timesteps of {48 // n_timesteps} half hours"
    return network(name, 48, on="departures", n_timesteps=n_timesteps, cell=cell, max_iter=max_iter, **LOAD)


def _one_step(cell: str, size: int, n_timesteps: int, solver: str, alpha: float, max_iter: int) -> Contestant:
    """Return a network whose timesteps are single values, and that forecasts the next one."""
    settings: dict[str, Any] = {"hidden_layer_sizes": (size,), "solver": solver, "alpha": alpha, "max_iter": max_iter}
    name = f"{cell} {size}, {n_timesteps} values, {solver}, alpha={alpha:g}"
    return network(name, n_timesteps, on="values", one_step=True, cell=cell, **settings)


CANDIDATES = {
    "sunspots": _kinds_on_departures(
        (132, 36),
        (132, 264),
        [
            _of_sunspots("rnn", 16, 11, 24.0),
            _of_sunspots("gru", 16, 11, 24.0),
            _of_sunspots("rnn", 8, 22, 23.0),
            _of_sunspots("rnn", 16, 22, 23.0),
        ],
    ),
    "co2": _kinds_on_departures(
        (104, 52),
        (52, 104),
        [
            _of_co2("rnn", 8, 26, 17.0),
            _of_co2("rnn", 8, 26, 0.17),
            _of_co2("rnn", 16, 52, 1.6),
            _of_co2("gru", 8, 52, 1.6),
        ],
    ),
    "load": _kinds_on_departures(
        (336,),
        (48, 336),
        [_of_load("rnn", 2, 40), _of_load("rnn", 4, 40), _of_load("gru", 4, 20), _of_load("lstm", 4, 40)],
    ),
    "mackey-glass": _kinds_of_one_step(
        (20, 40),
        [
            _one_step("rnn", 16, 20, "lbfgs", 2e-4, 1000),
            _one_step("rnn", 12, 20, "least_squares", 2e-5, 100),
            _one_step("rnn", 16, 20, "least_squares", 2e-5, 100),
            _one_step("gru", 8, 20, "lbfgs", 2e-4, 1000),
        ],
    ),
    "laser": _kinds_of_one_step(
        (10, 20),
        [
            _one_step("rnn", 16, 20, "lbfgs", 0.01, 500),
            _one_step("lstm", 16, 10, "lbfgs", 0.01, 500),
            _one_step("gru", 16, 10, "lbfgs", 1e-3, 800),
        ],
    ),
}
