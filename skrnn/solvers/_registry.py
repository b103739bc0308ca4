"""All solvers by name, and how they are made from the parameters of an estimator."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from skrnn.solvers._least_squares import LeastSquaresSolver
from skrnn.solvers._monitor import Monitor
from skrnn.solvers._scipy import METHODS, ScipySolver
from skrnn.solvers._stochastic import (
    SGD,
    Adam,
    Adaptive,
    Constant,
    InverseScaling,
    Schedule,
    StochasticSolver,
    UpdateRule,
)

#: The parameters of an estimator, with numbers instead of "auto".
Parameters = Mapping[str, Any]


class Solver(Protocol):
    """The interface of a solver, which uses an objective only through its own protocol."""

    def minimize(self, objective: Any, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Minimise the objective from `theta`, report every iteration to `monitor`, and return the final theta."""

    def state(self) -> list[Any]:
        """Return the state for continuing later: numbers, strings and arrays."""

    def restore(self, state: list[Any]) -> None:
        """Continue from a result of `state`."""


#: The update rules of the stochastic solvers; each lists the parameters it is made with.
UPDATE_RULES: dict[str, type[UpdateRule]] = {
    "adam": Adam,
    "sgd": SGD,
}
#: All values of `learning_rate`.
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
}


def _make_stochastic(
    parameters: Parameters, n_parameters: int, dtype: np.dtype, rng: np.random.RandomState, n_samples_seen: int
) -> StochasticSolver:
    """Return the stochastic solver with the update rule `solver`."""
    rule = UPDATE_RULES[parameters["solver"]]
    schedule = _find(SCHEDULES, "learning_rate", parameters) if rule.has_schedule else Constant
    return StochasticSolver(
        rule(n_parameters, dtype, **{name: parameters[name] for name in rule.parameters}),
        schedule(parameters["learning_rate_init"], parameters["power_t"]),
        batch_size=parameters["batch_size"],
        rng=rng if parameters["shuffle"] else None,
        max_grad_norm=parameters["max_grad_norm"],
        n_samples_seen=n_samples_seen,
    )


def _make_scipy(parameters: Parameters, *_: Any) -> ScipySolver:
    """Return the solver with SciPy's method `solver`."""
    method, options = METHODS[parameters["solver"]], parameters["solver_options"]
    return ScipySolver(method, tol=parameters["tol"], max_fun=parameters["max_fun"], options=options)


def _make_least_squares(parameters: Parameters, *_: Any) -> LeastSquaresSolver:
    """Return the least squares solver."""
    options = parameters["solver_options"]
    return LeastSquaresSolver(tol=parameters["tol"], max_fun=parameters["max_fun"], options=options)


#: All values of `solver`, and the functions that make them from the arguments of `make_solver`.
SOLVERS: dict[str, Callable[..., Solver]] = {
    **dict.fromkeys(UPDATE_RULES, _make_stochastic),
    **dict.fromkeys(METHODS, _make_scipy),
    "least_squares": _make_least_squares,
}


def make_solver(
    parameters: Parameters, n_parameters: int, dtype: np.dtype, rng: np.random.RandomState, n_samples_seen: int
) -> Solver:
    """Return the solver given by `parameters` in its initial state, for a theta of this length and dtype.

    `rng` draws the order of the samples, and `n_samples_seen` is the number of samples seen by earlier fits.
    """
    return _find(SOLVERS, "solver", parameters)(parameters, n_parameters, dtype, rng, n_samples_seen)


def _find(registry: Mapping[str, Any], name: str, parameters: Parameters) -> Any:
    """Return the entry of a registry selected by a parameter."""
    choice = parameters[name]
    if choice not in registry:
        raise ValueError(f"{name} is {choice!r}, but must be one of {', '.join(map(repr, registry))}.")
    return registry[choice]
