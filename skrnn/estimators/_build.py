"""From an estimator's parameters to the network and the solver that they describe."""

import warnings
from typing import Any

import numpy as np

from skrnn.cells import CELLS
from skrnn.estimators._validation import layer_sizes
from skrnn.network._network import Network
from skrnn.network._parameters import ParameterLayout
from skrnn.solvers import (
    METHODS,
    SCHEDULES,
    SOLVERS,
    UPDATE_RULES,
    LeastSquaresSolver,
    ScipySolver,
    StochasticSolver,
    UpdateRule,
)

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


def make_solver(
    estimator: Any,
    batch_size: int,
    n_parameters: int,
    dtype: np.dtype,
    rng: np.random.RandomState,
    n_samples_seen: int,
) -> StochasticSolver | ScipySolver | LeastSquaresSolver:
    """Return the solver, at its start."""
    limits = {"tol": estimator.tol, "max_fun": estimator.max_fun, "options": estimator.solver_options}
    if estimator.solver in METHODS:
        return ScipySolver(METHODS[estimator.solver], **limits)
    if estimator.solver == "least_squares":
        return LeastSquaresSolver(**limits)
    if estimator.solver not in UPDATE_RULES:
        raise ValueError(f"solver is {estimator.solver!r}, but must be one of {', '.join(map(repr, SOLVERS))}.")
    return StochasticSolver(
        _make_update_rule(estimator, n_parameters, dtype),
        _make_schedule(estimator),
        batch_size=batch_size,
        rng=rng if estimator.shuffle else None,
        max_grad_norm=estimator.max_grad_norm,
        n_samples_seen=n_samples_seen,
    )


def remedy(estimator: Any) -> str:
    """Return what may help where the solver diverges."""
    if estimator.solver in UPDATE_RULES:
        return "a smaller learning_rate_init, a max_grad_norm, or X and y of unit scale"
    return "a larger alpha, another random_state, a stochastic solver, or X and y of unit scale"


def _make_update_rule(estimator: Any, n_parameters: int, dtype: np.dtype) -> UpdateRule:
    """Return the rule that the solver names, made with the parameters that it asks for."""
    rule = UPDATE_RULES[estimator.solver]
    return rule(n_parameters, dtype, **{name: getattr(estimator, name) for name in rule.parameters})


def _make_schedule(estimator: Any) -> Any:
    """Return the learning rate: `learning_rate` is for rules that have no adaptation of their own."""
    rule = UPDATE_RULES[estimator.solver]
    learning_rate = estimator.learning_rate_init
    if learning_rate == "auto":
        learning_rate = _AUTO_LEARNING_RATE_OF_CELL.get((estimator.solver, estimator.cell), rule.auto_learning_rate)
    kind = estimator.learning_rate if rule.has_schedule else "constant"
    return SCHEDULES[kind](learning_rate, estimator.power_t)
