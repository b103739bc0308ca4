"""Every solver by its name, and how it is made from the parameters of an estimator."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from skrnn.solvers._least_squares import LeastSquaresSolver
from skrnn.solvers._monitor import Monitor
from skrnn.solvers._scipy import METHODS, ScipySolver
from skrnn.solvers._stochastic import Adaptive, Constant, InverseScaling, Schedule, StochasticSolver
from skrnn.solvers._update_rules import SGD, Adam, UpdateRule

#: The parameters of an estimator, with numbers in the place of "auto".
Parameters = Mapping[str, Any]


class Solver(Protocol):
    """What every solver does. Of the objective it sees what its own protocol names, and nothing else."""

    def minimize(self, objective: Any, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Return where the solver ends that begins at `theta`, and report every iteration to `monitor`."""

    def state(self) -> list[Any]:
        """Return what a later fit needs to continue from here: numbers, strings and arrays."""

    def restore(self, state: list[Any]) -> None:
        """Continue from what `state` returned."""


#: The update rules of the stochastic solvers, which take minibatches; each says which parameters it is made with.
UPDATE_RULES: dict[str, type[UpdateRule]] = {
    "adam": Adam,
    "sgd": SGD,
}
#: Every value of `learning_rate`.
SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
}


def _make_stochastic(
    parameters: Parameters, n_parameters: int, dtype: np.dtype, rng: np.random.RandomState, n_samples_seen: int
) -> StochasticSolver:
    """Return the stochastic solver with the update rule that `solver` names."""
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
    """Return the solver with the method of SciPy that `solver` names."""
    method, options = METHODS[parameters["solver"]], parameters["solver_options"]
    return ScipySolver(method, tol=parameters["tol"], max_fun=parameters["max_fun"], options=options)


def _make_least_squares(parameters: Parameters, *_: Any) -> LeastSquaresSolver:
    """Return the solver of sums of squares."""
    options = parameters["solver_options"]
    return LeastSquaresSolver(tol=parameters["tol"], max_fun=parameters["max_fun"], options=options)


#: Every value of `solver`, and the function that makes it from the arguments of `make_solver`.
SOLVERS: dict[str, Callable[..., Solver]] = {
    **dict.fromkeys(UPDATE_RULES, _make_stochastic),
    **dict.fromkeys(METHODS, _make_scipy),
    "least_squares": _make_least_squares,
}


def make_solver(
    parameters: Parameters, n_parameters: int, dtype: np.dtype, rng: np.random.RandomState, n_samples_seen: int
) -> Solver:
    """Return the solver that `parameters` name, at its start, for a theta of this length and dtype.

    `rng` draws the order of the samples, and `n_samples_seen` counts those of the fits that this one continues.
    """
    return _find(SOLVERS, "solver", parameters)(parameters, n_parameters, dtype, rng, n_samples_seen)


def _find(registry: Mapping[str, Any], name: str, parameters: Parameters) -> Any:
    """Return the entry of a registry that the parameter of this name chooses."""
    choice = parameters[name]
    if choice not in registry:
        raise ValueError(f"{name} is {choice!r}, but must be one of {', '.join(map(repr, registry))}.")
    return registry[choice]
