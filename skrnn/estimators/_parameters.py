"""The parameters of the estimators: their checks, and the network and solver that they describe."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_scalar

from skrnn._inputs._messages import warn
from skrnn._inputs._parameters import is_integer, is_number
from skrnn.cells._base import Cell
from skrnn.cells._compiled import is_compiled
from skrnn.cells._registry import CELLS
from skrnn.losses._losses import REGRESSION_LOSSES
from skrnn.network._full_objectives import FullObjective, SumOfSquares
from skrnn.network._network import Network
from skrnn.network._objective import MinibatchObjective, Objective
from skrnn.network._parameters import ParameterLayout
from skrnn.network._pooling import POOLINGS
from skrnn.parallel._workers import count_threads
from skrnn.solvers import _registry as registry
from skrnn.solvers._least_squares import LEAST_SQUARES_OPTIONS
from skrnn.solvers._registry import SCHEDULES, SOLVERS, UPDATE_RULES, Solver

#: name: (type, minimum, maximum, which bounds are included)
_NUMBERS: dict[str, tuple[type, float | None, float | None, str]] = {
    "alpha": (Real, 0, None, "left"),
    "learning_rate_init": (Real, 0, None, "neither"),
    "power_t": (Real, 0, None, "left"),
    "max_iter": (Integral, 1, None, "left"),
    "max_fun": (Integral, 1, None, "left"),
    "max_grad_norm": (Real, 0, None, "neither"),
    "n_init": (Integral, 1, None, "left"),
    "n_iter_no_change": (Integral, 1, None, "left"),
    "n_timesteps": (Integral, 1, None, "left"),
    "batch_size": (Integral, 1, None, "left"),
    "bptt_steps": (Integral, 1, None, "left"),
    "tol": (Real, 0, None, "left"),
    "momentum": (Real, 0, 1, "both"),
    "validation_fraction": (Real, 0, 1, "neither"),
    "beta_1": (Real, 0, 1, "left"),
    "beta_2": (Real, 0, 1, "left"),
    "epsilon": (Real, 0, None, "neither"),
    "dropout": (Real, 0, 1, "left"),
    "recurrent_dropout": (Real, 0, 1, "left"),
}
#: Accepted values that are not numbers.
_INSTEAD: dict[str, Any] = {
    "batch_size": "auto",
    "max_iter": "auto",
    "tol": "auto",
    "learning_rate_init": "auto",
    "bptt_steps": None,
    "max_grad_norm": None,
    "n_timesteps": None,
    "n_iter_no_change": np.inf,
}
_FLAGS = {
    "bidirectional",
    "return_sequences",
    "shuffle",
    "verbose",
    "warm_start",
    "nesterovs_momentum",
    "early_stopping",
    "normalize_X",
    "normalize_y",
}
_CHOICES: dict[str, tuple[Any, ...]] = {
    "loss": tuple(REGRESSION_LOSSES),
    "cell": tuple(CELLS),
    "solver": tuple(SOLVERS),
    "pooling": tuple(POOLINGS),
    "learning_rate": tuple(SCHEDULES),
    "validation_split": ("random", "last"),
    "dtype": (None, "float32", "float64"),
}
# Values of "auto", chosen by experiments on small regression and classification data sets.
#: `learning_rate_init` of gated cells, which need longer steps than the default of the update rule.
_AUTO_LEARNING_RATE_OF_CELL = {("adam", "gru"): 0.002, ("adam", "lstm"): 0.003}
#: `batch_size`. Small data are one batch: gradient and sample weights are then exact.
_AUTO_BATCH_SIZE = 16
_AUTO_FULL_BATCH = 64
#: `max_iter` and `tol`, of stochastic solvers and of SciPy's methods: see benchmarks/defaults.py.
_AUTO_EPOCHS, _AUTO_ITERATIONS = 200, 1000
_AUTO_TOL_OF_EPOCHS, _AUTO_TOL_OF_ITERATIONS = 1e-4, 3e-3
#: Parameters that predictions depend on.
_OF_PREDICTIONS = (
    "cell",
    "hidden_layer_sizes",
    "bidirectional",
    "return_sequences",
    "pooling",
    "n_timesteps",
    "n_jobs",
)


def check_parameters(estimator: Any) -> None:
    """Raise for a constructor parameter of the wrong type (TypeError) or value (ValueError)."""
    # Other attributes have other names; a model saved by an earlier version has no pooling.
    parameters = {"pooling": estimator.pooling, **vars(estimator)}
    for name, value in parameters.items():
        _check(name, value)
    _check_activation(parameters["cell"], parameters["activation"])
    _check_together(parameters)


def check_network_parameters(estimator: Any) -> None:
    """Check only the parameters that predictions depend on, as `check_parameters` does for all."""
    for name in _OF_PREDICTIONS:
        _check(name, getattr(estimator, name))
    if hasattr(estimator, "loss"):
        _check("loss", estimator.loss)
        if estimator.loss == "quantile":
            _check("quantile", estimator.quantile)
    _check_activation(estimator.cell, estimator.activation)
    _check_pooling(estimator.pooling, estimator.return_sequences)


def _check(name: str, value: Any) -> None:
    """Raise for a parameter that is invalid whatever the others are."""
    if name in _NUMBERS:
        instead = _INSTEAD.get(name, ())
        if not isinstance(value, type(instead)) or value != instead:
            _check_number(name, value, *_NUMBERS[name])
    elif name in _FLAGS:
        _check_flag(name, value)
    elif name in _CHOICES:
        _check_choice(name, value, _CHOICES[name])
    elif name in _OTHERS:
        _OTHERS[name](value)


def _check_together(parameters: Mapping[str, Any]) -> None:
    """Raise for parameters that are valid separately but not together."""
    _check_pooling(parameters["pooling"], parameters["return_sequences"])
    if parameters["bptt_steps"] is not None and parameters["pooling"] != "last":
        raise ValueError(
            f"bptt_steps is {parameters['bptt_steps']}, but pooling is {parameters['pooling']!r}; expected None, or "
            "pooling='last': the readout uses the states of all segments, but only the last one would be trained. "
            "PatchSequences makes sequences shorter."
        )
    if parameters["bptt_steps"] is not None and parameters["bidirectional"]:
        raise ValueError(
            f"bptt_steps is {parameters['bptt_steps']}, but bidirectional is True; expected None: the backward pass "
            "cannot carry its state over to an earlier segment."
        )
    stochastic = " or ".join(repr(name) for name in UPDATE_RULES)
    for name, reason in (
        ("dropout", "changes the objective at each evaluation"),
        ("recurrent_dropout", "changes the objective at each evaluation"),
        ("bptt_steps", "truncates the gradient"),
    ):
        if parameters[name] and parameters["solver"] not in UPDATE_RULES:
            raise ValueError(
                f"{name} is {parameters[name]}, but solver is {parameters['solver']!r}; expected {stochastic}: {name} "
                f"{reason}, which SciPy's methods do not support."
            )
    if parameters["solver"] == "least_squares":
        _check_least_squares(parameters)


def _check_least_squares(parameters: Mapping[str, Any]) -> None:
    """Raise unless the objective is a sum of squares and the options are supported."""
    loss = parameters.get("loss")
    if loss is None or not REGRESSION_LOSSES[loss].has_residuals:
        of_whom = "a classifier's log loss" if loss is None else f"loss={loss!r}"
        raise ValueError(
            f"solver is 'least_squares', which minimises sums of squares, but {of_whom} is not a sum of squares; "
            "expected a regressor with loss='squared_error', or another solver: 'trust-krylov' uses curvature with "
            "every loss."
        )
    unknown = sorted(set(parameters["solver_options"] or {}) - set(LEAST_SQUARES_OPTIONS))
    if unknown:
        raise ValueError(
            f"solver_options contains {unknown}; expected, for solver='least_squares', only "
            f"{list(LEAST_SQUARES_OPTIONS)}: everything else follows from the network and the other parameters."
        )


def _check_n_jobs(n_jobs: Any) -> None:
    if n_jobs is not None and not is_integer(n_jobs):
        raise TypeError(f"n_jobs must be an integer or None, not {n_jobs!r}.")
    if n_jobs == 0:
        raise ValueError("n_jobs == 0, expected a number of workers, -1 for all processors, or None.")


def _check_number(name: str, value: Any, kind: type, least: float | None, most: float | None, ends: str) -> None:
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an instance of {kind.__name__.lower()}, not bool.")
    check_scalar(value, name, kind, min_val=least, max_val=most, include_boundaries=ends)
    if not np.isfinite(value):
        raise ValueError(f"{name} == {value}, must be finite.")


def _check_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool | np.bool_ | Integral):
        raise TypeError(f"{name} must be True or False, not {value!r}.")


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    if not (value is None or isinstance(value, str)) or value not in choices:
        expected = ", ".join(repr(choice) for choice in choices)
        hint = " Only methods that use the gradient are accepted." if name == "solver" else ""
        kind = ValueError if value is None or isinstance(value, str) else TypeError
        raise kind(f"{name} is {value!r}, but must be one of {expected}.{hint}")


def _check_activation(cell: str, activation: Any) -> None:
    accepted = CELLS[cell].activations
    if not isinstance(activation, str) or activation not in accepted:
        expected = ", ".join(repr(choice) for choice in accepted)
        raise ValueError(f"activation is {activation!r}, but must be one of {expected} if cell={cell!r}.")


def _check_pooling(pooling: str, return_sequences: Any) -> None:
    if pooling != "last" and return_sequences:
        raise ValueError(
            f"pooling is {pooling!r}, but return_sequences is True; expected 'last': each output depends on the state "
            "after its own timestep."
        )


def _check_options(options: Any) -> None:
    if options is not None and not (isinstance(options, Mapping) and all(isinstance(key, str) for key in options)):
        raise TypeError(
            f"solver_options must be a dict of options of the solver's function in scipy.optimize or None, not "
            f"{options!r}."
        )


def layer_sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """Return the units of each layer, the lowest first; a single integer means one layer."""
    sizes = tuple(hidden_layer_sizes) if np.iterable(hidden_layer_sizes) else (hidden_layer_sizes,)
    expected = "expected one positive integer per layer"
    if not all(map(is_integer, sizes)):
        raise TypeError(f"hidden_layer_sizes is {hidden_layer_sizes!r}; {expected}.")
    if len(sizes) == 0 or min(sizes) < 1:
        raise ValueError(f"hidden_layer_sizes is {hidden_layer_sizes!r}; {expected}.")
    return tuple(map(int, sizes))


def quantile_levels(quantile: Any) -> tuple[float, ...]:
    """Return the levels of quantiles, in increasing order; a single number means one level."""
    levels = tuple(quantile) if np.iterable(quantile) and not isinstance(quantile, str) else (quantile,)
    expected = "expected a level between 0 and 1, both excluded, or several in strictly increasing order"
    if not all(map(is_number, levels)):
        raise TypeError(f"quantile is {quantile!r}; {expected}.")
    if not levels or not all(0.0 < level < 1.0 for level in levels) or (np.diff(levels) <= 0.0).any():
        raise ValueError(f"quantile is {quantile!r}; {expected}.")
    return tuple(map(float, levels))


_OTHERS: dict[str, Callable[[Any], Any]] = {
    "hidden_layer_sizes": layer_sizes,
    "quantile": quantile_levels,
    "solver_options": _check_options,
    "n_jobs": _check_n_jobs,
}


def make_network(estimator: Any, n_features: int, n_outputs: int, return_sequences: bool | None = None) -> Network:
    """Return the network, without parameters, for `n_features` per timestep and `n_outputs`.

    `return_sequences` defaults to that of the estimator.
    """
    return _network(
        CELLS[estimator.cell],
        estimator.activation,
        n_features,
        layer_sizes(estimator.hidden_layer_sizes),
        n_outputs,
        bidirectional=bool(estimator.bidirectional),
        return_sequences=bool(estimator.return_sequences if return_sequences is None else return_sequences),
        pooling=estimator.pooling,
        dropout=float(estimator.dropout),
        recurrent_dropout=float(estimator.recurrent_dropout),
    )


@lru_cache(maxsize=64)
def _network(cell: type[Cell], activation: str, *sizes: Any, **options: Any) -> Network:
    """Return a network. It is immutable and cached, because making it would slow down short predictions."""
    return Network(cell(activation), *sizes, **options)


def parameter_layout(estimator: Any, n_features: int, n_outputs: int) -> ParameterLayout:
    """Return the layout of that network's parameters in theta, and so their number, without allocating them."""
    cell, sizes = CELLS[estimator.cell](estimator.activation), layer_sizes(estimator.hidden_layer_sizes)
    return ParameterLayout(cell, n_features, sizes, n_outputs, 2 if estimator.bidirectional else 1)


def choose_batch_size(estimator: Any, n_samples: int) -> int:
    """Return the number of samples per batch: all samples for SciPy's methods."""
    batch_size = estimator.batch_size
    if estimator.solver not in UPDATE_RULES or (batch_size == "auto" and n_samples <= _AUTO_FULL_BATCH):
        return n_samples
    if batch_size == "auto":
        return _AUTO_BATCH_SIZE
    if batch_size > n_samples:
        warn(f"batch_size is {batch_size}, but there are {n_samples} samples to train on; it is clipped.")
    return min(batch_size, n_samples)


def choose_max_iter(estimator: Any) -> int:
    """Return the maximum number of iterations."""
    if estimator.max_iter != "auto":
        return int(estimator.max_iter)
    return _AUTO_EPOCHS if estimator.solver in UPDATE_RULES else _AUTO_ITERATIONS


def choose_tol(estimator: Any) -> float:
    """Return the tolerance of the solver."""
    if estimator.tol != "auto":
        return float(estimator.tol)
    return _AUTO_TOL_OF_EPOCHS if estimator.solver in UPDATE_RULES else _AUTO_TOL_OF_ITERATIONS


def make_solver_objective(
    estimator: Any, objective: Objective, rng: np.random.RandomState
) -> MinibatchObjective | FullObjective | SumOfSquares:
    """Return the objective in the form that the solver uses; `rng` draws dropout masks."""
    if estimator.solver in UPDATE_RULES:
        drops = estimator.dropout or estimator.recurrent_dropout
        shares_batches = objective.map_chunks is not map and is_compiled(objective.network.layers[0].cell)
        return MinibatchObjective(
            objective,
            bptt_steps=estimator.bptt_steps,
            rng=rng if drops else None,
            n_threads=count_threads(estimator.n_jobs) if shares_batches else 1,
        )
    return SumOfSquares(objective) if estimator.solver == "least_squares" else FullObjective(objective)


def make_solver(
    estimator: Any,
    batch_size: int,
    n_parameters: int,
    dtype: np.dtype,
    rng: np.random.RandomState,
    n_samples_seen: int,
) -> Solver:
    """Return the solver in its initial state, with numbers instead of "auto"."""
    chosen = {
        "batch_size": batch_size,
        "learning_rate_init": _choose_learning_rate(estimator),
        "tol": choose_tol(estimator),
    }
    parameters = {**vars(estimator), **chosen}
    return registry.make_solver(parameters, n_parameters, dtype, rng, n_samples_seen)


def _choose_learning_rate(estimator: Any) -> float | str:
    """Return the initial learning rate of stochastic solvers; the others ignore it."""
    rate = estimator.learning_rate_init
    if rate != "auto" or estimator.solver not in UPDATE_RULES:
        return rate
    usual = UPDATE_RULES[estimator.solver].auto_learning_rate
    return _AUTO_LEARNING_RATE_OF_CELL.get((estimator.solver, estimator.cell), usual)


def remedy(estimator: Any) -> str:
    """Return advice for when the solver diverges."""
    if estimator.solver in UPDATE_RULES:
        return "a smaller learning_rate_init, a max_grad_norm, or X and y of unit scale"
    return "a larger alpha, another random_state, a stochastic solver, or X and y of unit scale"
