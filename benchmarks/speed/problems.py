"""The timed problems: a task, a cell, a shape and a dtype."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

TASKS = ("train", "predict")
CELLS = ("rnn", "gru", "lstm")
DTYPES = ("float32", "float64")
#: Blocks of rows in the matrix of a cell.
N_GATES = {"rnn": 1, "gru": 3, "lstm": 4}

#: Runs about this number of steps, and returns the mean time of a step in seconds.
Run = Callable[[int], float]


class Shape(NamedTuple):
    """Sizes of a minibatch and of the single layer of the network."""

    batch_size: int
    n_timesteps: int
    n_features: int
    hidden_size: int

    def __str__(self) -> str:
        """Return the sizes as text for the tables."""
        return ",".join(map(str, self))

    @property
    def n_batches(self) -> int:
        """Minibatches per epoch: fewer for large minibatches, so that an epoch does not take many seconds."""
        return 20 if self.batch_size * self.n_timesteps * self.hidden_size < 4_000_000 else 5


SHAPES = [
    Shape(32, 10, 1, 16),
    Shape(32, 24, 4, 32),
    Shape(64, 24, 4, 64),
    Shape(200, 24, 8, 32),
    Shape(64, 50, 8, 128),
    Shape(256, 50, 16, 128),
    Shape(256, 100, 16, 256),
]


class Problem(NamedTuple):
    """One training step, or the prediction of one batch."""

    task: str
    cell: str
    shape: Shape
    dtype: str

    @classmethod
    def of(cls, task: str, cell: str, shape: list[int], dtype: str) -> Self:
        """Return a problem from its JSON form."""
        return cls(task, cell, Shape(*shape), dtype)

    def draw(self, n_batches: int) -> tuple[np.ndarray, np.ndarray]:
        """Return sequences, (n_batches * batch_size, n_timesteps, n_features), and a target for each."""
        rng = np.random.default_rng(0)
        n_samples = n_batches * self.shape.batch_size
        X = rng.standard_normal((n_samples, self.shape.n_timesteps, self.shape.n_features), dtype=self.dtype)
        return X, rng.standard_normal(n_samples, dtype=self.dtype)


@dataclass(frozen=True)
class Prepared:
    """A contestant with its data, ready to run; `compile_seconds` is the time of compiling."""

    run: Run
    compile_seconds: float = 0.0
