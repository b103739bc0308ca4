"""Solvers: they minimise an objective, and see nothing else of the problem."""

from skrnn.solvers._least_squares import LEAST_SQUARES_OPTIONS, LeastSquaresSolver
from skrnn.solvers._monitor import DivergenceError, Monitor, Watcher
from skrnn.solvers._schedules import SCHEDULES
from skrnn.solvers._scipy import METHODS, ScipySolver
from skrnn.solvers._stochastic import StochasticSolver
from skrnn.solvers._update_rules import SGD, Adam, UpdateRule

#: The rules of the stochastic solvers; each says which parameters it is made with.
UPDATE_RULES: dict[str, type[UpdateRule]] = {
    "adam": Adam,
    "sgd": SGD,
}

#: Every value of `solver`.
SOLVERS: tuple[str, ...] = (*UPDATE_RULES, *METHODS, "least_squares")

__all__ = [
    "LEAST_SQUARES_OPTIONS",
    "METHODS",
    "SCHEDULES",
    "SGD",
    "SOLVERS",
    "UPDATE_RULES",
    "Adam",
    "DivergenceError",
    "LeastSquaresSolver",
    "Monitor",
    "ScipySolver",
    "StochasticSolver",
    "UpdateRule",
    "Watcher",
]
