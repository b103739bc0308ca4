"""A zoo of batch shapes and tasks, the objectives that are built from them, and functions for solvers alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import rosen, rosen_der

from skrnn.cells._registry import CELLS
from skrnn.losses._losses import LOSSES
from skrnn.network._full_objectives import FullObjective, SumOfSquares
from skrnn.network._network import Network
from skrnn.network._objective import MinibatchObjective, Objective
from skrnn.sequences._ragged import from_array
from skrnn.sequences._targets import Targets

#: Every cell with each of its activations.
CELL_ACTIVATIONS = [(name, activation) for name, cell in CELLS.items() for activation in cell.activations]

#: Units of each layer, the lowest first.
STACKS = {
    "one unit": (1,),
    "one layer": (3,),
    "two layers": (3, 2),
    "three layers": (2, 3, 2),
}

#: In how many directions of time, and what the readout sees, for one output per sequence or per timestep.
KINDS_OF_NETWORKS = {
    "forward": {},
    "bidirectional": {"bidirectional": True},
    "forward, mean": {"pooling": "mean"},
    "bidirectional, mean": {"bidirectional": True, "pooling": "mean"},
    "forward, maximum": {"pooling": "max"},
    "bidirectional, maximum": {"bidirectional": True, "pooling": "max"},
    "forward, every timestep": {"return_sequences": True},
    "bidirectional, every timestep": {"bidirectional": True, "return_sequences": True},
}


@dataclass(frozen=True)
class Problem:
    """The shape of a batch, and which targets there are.

    `masks` is None, "leading" or "anywhere", holes and ends included. `missing` leaves out about a third of the targets
    of each timestep, "columns" of all outputs at once, "entries" of some of them.
    """

    n_samples: int = 5
    n_timesteps: int = 6
    n_features: int = 2
    n_outputs: int = 1
    masks: str | None = None
    weighted: bool = False
    return_sequences: bool = False
    pooling: str = "last"
    missing: str | None = None

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

    def make_weights(self, rng: np.random.Generator, n_columns: int | None = None) -> np.ndarray | None:
        """Return weights between 0 and 3, (n_columns,), by default one per sequence, or None."""
        return rng.uniform(0.0, 3.0, n_columns or self.n_samples) if self.weighted else None

    def make_targets(self, loss_name: str, n_columns: int, rng: np.random.Generator) -> Targets:
        """Return targets, some of them missing where the problem says so; the first one never is."""
        values = make_targets(loss_name, self.n_outputs, n_columns, rng)
        weights = self.make_weights(rng, n_columns)
        present = None
        if self.missing is not None:
            shape = values.shape if self.missing == "entries" else (1, n_columns)
            there = np.broadcast_to(rng.random(shape) > 0.3, values.shape).copy()
            there[:, 0] = True
            values = np.where(there, values, 0.0)
            weights = np.where(there.any(axis=0), 1.0 if weights is None else weights, 0.0)
            present = there.astype(float) if self.missing == "entries" else None
        return Targets(values, weights, present)


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
    "mean": Problem(pooling="mean"),
    "mean of ragged sequences": Problem(n_samples=8, n_outputs=2, masks="anywhere", weighted=True, pooling="mean"),
    "mean of one sequence": Problem(n_samples=1, n_timesteps=12, pooling="mean"),
    "maximum": Problem(pooling="max"),
    "maximum of ragged sequences": Problem(n_samples=8, n_outputs=2, masks="anywhere", weighted=True, pooling="max"),
    "maximum of one timestep": Problem(n_timesteps=1, pooling="max"),
    "every timestep": Problem(return_sequences=True),
    "every timestep of ragged sequences": Problem(return_sequences=True, masks="leading", n_outputs=2),
    "one timestep, each with a target": Problem(return_sequences=True, n_timesteps=1),
    "one sequence, a target a timestep": Problem(return_sequences=True, n_samples=1, n_timesteps=12),
    "missing targets": Problem(return_sequences=True, masks="anywhere", missing="columns"),
    "all at once, at every timestep": Problem(
        n_samples=8, n_outputs=2, masks="anywhere", weighted=True, return_sequences=True, missing="columns"
    ),
}
#: A problem for everything that the readout may see.
READINGS = {
    "last": PROBLEMS["all at once"],
    "mean": PROBLEMS["mean of ragged sequences"],
    "maximum": PROBLEMS["maximum of ragged sequences"],
    "every timestep": PROBLEMS["all at once, at every timestep"],
}
#: Targets that lack some of their outputs: for losses that add up over outputs.
PARTLY_MISSING = Problem(
    n_samples=6, n_outputs=3, masks="anywhere", weighted=True, return_sequences=True, missing="entries"
)


def real_targets(n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return real numbers, (n_outputs, n_samples)."""
    return rng.normal(size=(n_outputs, n_samples))


def yes_or_no_targets(n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return zeros and ones, (n_outputs, n_samples)."""
    return rng.integers(0, 2, size=(n_outputs, n_samples)).astype(np.float64)


def one_hot_targets(n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return a single one in each column, (n_outputs + 1, n_samples): a choice needs a second class."""
    return np.eye(n_outputs + 1)[rng.integers(0, n_outputs + 1, n_samples)].T


def counts(n_outputs: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return counts, (n_outputs, n_samples): zeros among them, and in each output something else."""
    values = rng.poisson(1.5, size=(n_outputs, n_samples)).astype(np.float64)
    values[:, -1] += 1.0
    return values


#: What the losses take as y; a loss that is not named here takes real numbers.
_TARGETS = {"binary_log_loss": yes_or_no_targets, "multinomial_log_loss": one_hot_targets, "poisson": counts}


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


class EveryForm:
    """An objective and each form in which solvers see it, in one: what one of them has not, another has."""

    def __init__(
        self,
        network: Network,
        loss: Any,
        sequences: Any,
        targets: Targets,
        alpha: float,
        *,
        bptt_steps: int | None = None,
        rng: np.random.RandomState | None = None,
        map_chunks: Any = map,
    ) -> None:
        self.objective = Objective(network, loss, sequences, targets, alpha, map_chunks=map_chunks)
        self.on_minibatches = MinibatchObjective(self.objective, bptt_steps=bptt_steps, rng=rng)
        self.over_all_data = FullObjective(self.objective)
        self.as_squares = SumOfSquares(self.objective)

    def __call__(self, theta: np.ndarray, batch: Any, gradient: np.ndarray) -> float:
        """Write the gradient of a minibatch's objective into `gradient`, and return the objective."""
        return self.on_minibatches(theta, batch, gradient)

    def __getattr__(self, name: str) -> Any:
        """Return what the first of them has that has it."""
        if name.startswith("__") or "objective" not in vars(self):
            raise AttributeError(name)
        forms = (self.objective, self.on_minibatches, self.over_all_data, self.as_squares)
        return getattr(next((form for form in forms if hasattr(form, name)), self.objective), name)


def make_objective(
    problem: Problem,
    *,
    cell_name: str = "rnn",
    activation: str = "tanh",
    hidden_layer_sizes: tuple[int, ...] = (3,),
    loss_name: str = "squared_error",
    alpha: float = 0.0,
    dtype: Any = np.float64,
    bptt_steps: int | None = None,
    rng: np.random.RandomState | None = None,
    **options: Any,
) -> tuple[EveryForm, np.ndarray]:
    """Return the objective of a network on the problem, in every form, and a random theta.

    The numbers are always the same. `rng` draws what the network drops; `options` are those of the network.
    """
    numbers = np.random.default_rng(7)
    X = problem.make_sequences(numbers)
    sequences = from_array(X.astype(dtype))
    n_columns = int(sequences.lengths.sum()) if problem.return_sequences else problem.n_samples
    targets = problem.make_targets(loss_name, n_columns, numbers)
    network = Network(
        CELLS[cell_name](activation),
        problem.n_features,
        hidden_layer_sizes,
        len(targets.values),
        return_sequences=problem.return_sequences,
        **{"pooling": problem.pooling, **options},
    )
    loss = LOSSES[loss_name]()
    objective = EveryForm(network, loss, sequences, targets, alpha, bptt_steps=bptt_steps, rng=rng)
    return objective, numbers.normal(scale=0.5, size=network.layout.n_parameters).astype(dtype)


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

    def gauss_newton_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Hessian, which is the Gauss-Newton matrix too, times `direction`, as if computed in `dtype`."""
        return (self.hessian @ direction).astype(self.dtype)

    def gauss_newton_matrix(self, theta: np.ndarray) -> np.ndarray:
        """Return the Hessian, as if computed in `dtype`."""
        return self.hessian.astype(self.dtype)

    @property
    def n_residuals(self) -> int:
        """Return the number of rows."""
        return self.n_samples

    def loss_and_residuals(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean over all the data, and residuals of which half the squares add up to it."""
        return self.full(theta)[0], self.residuals_and_jacobian(theta)[0]

    def residuals_and_jacobian(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals and their derivative."""
        jacobian = (self.rows / np.sqrt(self.n_samples)).astype(self.dtype)
        return (jacobian @ theta - self.targets / np.sqrt(self.n_samples)).astype(self.dtype), jacobian

    def jacobian_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Jacobian times `direction`."""
        return self.residuals_and_jacobian(theta)[1] @ direction

    def transposed_jacobian_product(self, theta: np.ndarray, d_residuals: np.ndarray) -> np.ndarray:
        """Return the transposed Jacobian times `d_residuals`."""
        return self.residuals_and_jacobian(theta)[1].T @ d_residuals

    def count(self, batch: np.ndarray) -> int:
        """Return the number of rows of a batch."""
        return len(batch)

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
    """The curved valley of Rosenbrock (1960, doi:10.1093/comjnl/3.3.175), in which steepest descent gets lost.

    The sum over i of 100 (x_i+1 - x_i^2)^2 + (1 - x_i)^2: twice half the squares of 10 (x_i+1 - x_i^2) and 1 - x_i.
    """

    dtype = np.dtype(np.float64)
    n_residuals = 4
    minimum = np.ones(3)
    start = np.array([-1.2, 1.0, 0.8])

    def __init__(self) -> None:
        self.n_evaluations = 0

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the function and its gradient."""
        self.n_evaluations += 1
        return float(rosen(theta)), rosen_der(theta)

    def gauss_newton_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return J'J times `direction`, with the Jacobian J of the residuals."""
        return self.transposed_jacobian_product(theta, self.jacobian_product(theta, direction))

    def gauss_newton_matrix(self, theta: np.ndarray) -> np.ndarray:
        """Return J'J."""
        _, jacobian = self.residuals_and_jacobian(theta)
        return jacobian.T @ jacobian

    def loss_and_residuals(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the function, and residuals of which half the squares add up to it."""
        return self.full(theta)[0], self.residuals_and_jacobian(theta)[0]

    def residuals_and_jacobian(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals and their derivative."""
        x, root = theta, np.sqrt(2.0)
        residuals = root * np.array([10 * (x[1] - x[0] ** 2), 10 * (x[2] - x[1] ** 2), 1 - x[0], 1 - x[1]])
        jacobian = [[-20 * x[0], 10.0, 0.0], [0.0, -20 * x[1], 10.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
        return residuals, root * np.array(jacobian)

    def jacobian_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Jacobian times `direction`."""
        return self.residuals_and_jacobian(theta)[1] @ direction

    def transposed_jacobian_product(self, theta: np.ndarray, d_residuals: np.ndarray) -> np.ndarray:
        """Return the transposed Jacobian times `d_residuals`."""
        return self.residuals_and_jacobian(theta)[1].T @ d_residuals


#: What every method over all the data must minimise.
FUNCTIONS = {"least squares": LeastSquares, "Rosenbrock": Rosenbrock}
