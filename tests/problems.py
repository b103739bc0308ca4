"""A zoo of batch shapes and tasks, the objectives that are built from them, and functions for solvers alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import rosen, rosen_der

from skrnn.cells import CELLS
from skrnn.losses import LOSSES
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.sequences._ragged import from_array

#: Every cell with each of its activations.
CELL_ACTIVATIONS = [(name, activation) for name, cell in CELLS.items() for activation in cell.activations]

#: Units of each layer, the lowest first.
STACKS = {
    "one unit": (1,),
    "one layer": (3,),
    "two layers": (3, 2),
    "three layers": (2, 3, 2),
}


@dataclass(frozen=True)
class Problem:
    """The shape of a batch: `masks` is None, "leading" or "anywhere", holes and ends included."""

    n_samples: int = 5
    n_timesteps: int = 6
    n_features: int = 2
    n_outputs: int = 1
    masks: str | None = None
    weighted: bool = False

    def make_sequences(self, rng: np.random.Generator) -> np.ndarray:
        """Return sequences, (n_samples, n_timesteps, n_features), masked by NaN; at least one is of full length."""
        X = rng.normal(size=(self.n_samples, self.n_timesteps, self.n_features))
        lengths = rng.permutation(np.linspace(1, self.n_timesteps, self.n_samples).astype(int))
        for sequence, length in zip(X, lengths, strict=True):
            n_masked = self.n_timesteps - length
            if self.masks == "leading":
                sequence[:n_masked] = np.nan
            elif self.masks == "anywhere":
                sequence[rng.permutation(self.n_timesteps)[:n_masked]] = np.nan
        return X

    def make_weights(self, rng: np.random.Generator) -> np.ndarray | None:
        """Return weights between 0 and 3, (n_samples,), or None."""
        return rng.uniform(0.0, 3.0, self.n_samples) if self.weighted else None


PROBLEMS = {
    "equal lengths": Problem(),
    "leading masks": Problem(masks="leading"),
    "masks anywhere": Problem(masks="anywhere"),
    "one timestep": Problem(n_timesteps=1),
    "one sequence": Problem(n_samples=1),
    "one timestep of one sequence": Problem(n_samples=1, n_timesteps=1, n_features=1),
    "many features": Problem(n_timesteps=3, n_features=13),
    "long": Problem(n_samples=3, n_timesteps=40),
    "weighted": Problem(weighted=True),
    "several outputs": Problem(n_outputs=3),
    "all at once": Problem(n_samples=8, n_outputs=2, masks="anywhere", weighted=True),
}


def real_targets(n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return real numbers, (n_outputs, n_samples)."""
    return rng.normal(size=(n_outputs, n_samples))


def yes_or_no_targets(n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return zeros and ones, (n_outputs, n_samples)."""
    return rng.integers(0, 2, size=(n_outputs, n_samples)).astype(np.float64)


def one_hot_targets(n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return a single one in each column, (n_outputs + 1, n_samples): a choice needs a second class."""
    return np.eye(n_outputs + 1)[rng.integers(0, n_outputs + 1, n_samples)].T


#: What the losses take as y; a loss that is not named here takes real numbers.
_TARGETS = {"binary_log_loss": yes_or_no_targets, "multinomial_log_loss": one_hot_targets}


def make_targets(loss_name: str, n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return float64 targets that the loss of this name takes, samples last."""
    return _TARGETS.get(loss_name, real_targets)(n_outputs, n_samples, rng)


def make_outputs(
    loss_name: str, n_outputs: int, dtype: Any = np.float64, n_samples: int = 6
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return targets and raw outputs, both read-only, and weights; the numbers are always the same."""
    rng = np.random.default_rng(3)
    y = make_targets(loss_name, n_outputs, n_samples, rng).astype(dtype)
    raw = rng.normal(scale=2.0, size=y.shape).astype(dtype)
    y.flags.writeable = raw.flags.writeable = False
    return y, raw, rng.uniform(0.5, 2.0, n_samples)


def make_objective(
    problem: Problem,
    *,
    cell_name: str = "rnn",
    activation: str = "tanh",
    hidden_layer_sizes: tuple[int, ...] = (3,),
    loss_name: str = "squared_error",
    alpha: float = 0.0,
    dtype: Any = np.float64,
) -> tuple[Objective, np.ndarray]:
    """Return the objective of a network on the problem, and a random theta; the numbers are always the same."""
    rng = np.random.default_rng(7)
    X = problem.make_sequences(rng)
    y = make_targets(loss_name, problem.n_outputs, problem.n_samples, rng)
    weights = problem.make_weights(rng)
    network = Network(CELLS[cell_name](activation), problem.n_features, hidden_layer_sizes, len(y))
    sequences = from_array(X.astype(dtype))
    objective = Objective(network, LOSSES[loss_name](), sequences, y.astype(dtype), weights, alpha)
    return objective, rng.normal(scale=0.5, size=network.layout.n_parameters).astype(dtype)


class LeastSquares:
    """The mean of (a_i . theta - b_i)^2 / 2: a convex quadratic, in both forms in which solvers see an objective."""

    def __init__(self, n_samples: int = 24, n_parameters: int = 5, dtype: Any = np.float64) -> None:
        rng = np.random.default_rng(11)
        self.rows = rng.normal(size=(n_samples, n_parameters)) * np.linspace(0.5, 2.0, n_parameters)
        self.minimum = rng.normal(size=n_parameters)
        self.targets = self.rows @ self.minimum
        self.hessian = self.rows.T @ self.rows / n_samples
        self.n_samples = n_samples
        self.dtype = np.dtype(dtype)
        self.start = np.zeros(n_parameters, dtype)
        self.n_evaluations = 0

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean over all the data, and its gradient, as if computed in `dtype`."""
        self.n_evaluations += 1
        gradient = np.empty(len(theta), self.dtype)
        return float(self.dtype.type(self(theta, np.arange(self.n_samples), gradient))), gradient

    def minibatches(self, batch_size: int, rng: np.random.RandomState | None) -> Iterator[np.ndarray]:
        """Yield indices that cover the data once."""
        order = np.arange(self.n_samples) if rng is None else rng.permutation(self.n_samples)
        yield from (order[first : first + batch_size] for first in range(0, self.n_samples, batch_size))

    def __call__(self, theta: np.ndarray, batch: np.ndarray, gradient: np.ndarray) -> float:
        """Write the gradient of the mean over a batch into `gradient`, and return that mean."""
        errors = self.rows[batch] @ theta - self.targets[batch]
        gradient[:] = errors @ self.rows[batch] / len(batch)
        return float((errors**2).mean() / 2.0)


class Rosenbrock:
    """The curved valley of Rosenbrock (1960, doi:10.1093/comjnl/3.3.175), in which steepest descent gets lost."""

    dtype = np.dtype(np.float64)
    minimum = np.ones(3)
    start = np.array([-1.2, 1.0, 0.8])

    def __init__(self) -> None:
        self.n_evaluations = 0

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the function and its gradient."""
        self.n_evaluations += 1
        return float(rosen(theta)), rosen_der(theta)


#: What every method over all the data must minimise.
FUNCTIONS = {"least squares": LeastSquares, "Rosenbrock": Rosenbrock}
