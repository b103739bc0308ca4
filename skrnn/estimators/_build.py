"""From the parameters of an estimator to the network, the solver, and the form of the objective that it sees."""

import warnings
from typing import Any

import numpy as np

from skrnn.cells._registry import CELLS
from skrnn.estimators._validation import layer_sizes
from skrnn.network._full_objective import FullObjective
from skrnn.network._minibatch_objective import MinibatchObjective
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.network._parameters import ParameterLayout
from skrnn.network._sum_of_squares import SumOfSquares
from skrnn.solvers import _registry as registry
from skrnn.solvers._registry import UPDATE_RULES, Solver

# What "auto" stands for, chosen by trial on small data sets of both kinds of task.
#: `learning_rate_init` where a gated cell needs longer steps than the rule's own.
_AUTO_LEARNING_RATE_OF_CELL = {("adam", "gru"): 0.002, ("adam", "lstm"): 0.003}
#: `batch_size`. Few samples go all at once: the gradient is then exact, and so are the samples' weights.
_AUTO_BATCH_SIZE = 16
_AUTO_FULL_BATCH = 64


def make_network(estimator: Any, n_features: int, n_outputs: int, return_sequences: bool | None = None) -> Network:
    """Return the network, without parameters, for timesteps of `n_features` and that many outputs.

    `return_sequences` is the estimator's, unless given.
    """
    cell = CELLS[estimator.cell](estimator.activation)
    return Network(
        cell,
        n_features,
        layer_sizes(estimator.hidden_layer_sizes),
        n_outputs,
        bidirectional=bool(estimator.bidirectional),
        return_sequences=bool(estimator.return_sequences if return_sequences is None else return_sequences),
        dropout=float(estimator.dropout),
        recurrent_dropout=float(estimator.recurrent_dropout),
    )


def parameter_layout(estimator: Any, n_features: int, n_outputs: int) -> ParameterLayout:
    """Return where the parameters of that network lie in theta, and so how many there are: it takes no memory."""
    cell, sizes = CELLS[estimator.cell](estimator.activation), layer_sizes(estimator.hidden_layer_sizes)
    return ParameterLayout(cell, n_features, sizes, n_outputs, 2 if estimator.bidirectional else 1)


def choose_batch_size(estimator: Any, n_samples: int, stacklevel: int) -> int:
    """Return how many samples the solver takes at once: all of them in a method of SciPy.

    A warning that it is clipped is about the caller at `stacklevel`.
    """
    batch_size = estimator.batch_size
    if estimator.solver not in UPDATE_RULES or (batch_size == "auto" and n_samples <= _AUTO_FULL_BATCH):
        return n_samples
    if batch_size == "auto":
        return _AUTO_BATCH_SIZE
    if batch_size > n_samples:
        warnings.warn(
            f"batch_size is {batch_size}, but there are {n_samples} samples to train on; it is clipped.",
            stacklevel=stacklevel,
        )
    return min(batch_size, n_samples)


def make_solver_objective(
    estimator: Any, objective: Objective, rng: np.random.RandomState
) -> MinibatchObjective | FullObjective | SumOfSquares:
    """Return the objective in the form in which the solver sees it; `rng` draws what the network drops."""
    if estimator.solver in UPDATE_RULES:
        drops = estimator.dropout or estimator.recurrent_dropout
        return MinibatchObjective(objective, bptt_steps=estimator.bptt_steps, rng=rng if drops else None)
    return SumOfSquares(objective) if estimator.solver == "least_squares" else FullObjective(objective)


def make_solver(
    estimator: Any,
    batch_size: int,
    n_parameters: int,
    dtype: np.dtype,
    rng: np.random.RandomState,
    n_samples_seen: int,
) -> Solver:
    """Return the solver, at its start, with numbers in the place of "auto"."""
    chosen = {"batch_size": batch_size, "learning_rate_init": _choose_learning_rate(estimator)}
    parameters = {**estimator.get_params(deep=False), **chosen}
    return registry.make_solver(parameters, n_parameters, dtype, rng, n_samples_seen)


def _choose_learning_rate(estimator: Any) -> float | str:
    """Return the initial learning rate of the stochastic solvers, which the others do not read."""
    rate = estimator.learning_rate_init
    if rate != "auto" or estimator.solver not in UPDATE_RULES:
        return rate
    usual = UPDATE_RULES[estimator.solver].auto_learning_rate
    return _AUTO_LEARNING_RATE_OF_CELL.get((estimator.solver, estimator.cell), usual)


def remedy(estimator: Any) -> str:
    """Return what may help where the solver diverges."""
    if estimator.solver in UPDATE_RULES:
        return "a smaller learning_rate_init, a max_grad_norm, or X and y of unit scale"
    return "a larger alpha, another random_state, a stochastic solver, or X and y of unit scale"
