"""What is timed: a task, a cell, a shape and a dtype."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

TASKS = ("train", "predict")
CELLS = ("rnn", "gru", "lstm")
DTYPES = ("float32", "float64")
#: Blocks of rows in the matrix of a cell.
N_GATES = {"rnn": 1, "gru": 3, "lstm": 4}

#: Does about so many steps, and returns the mean time of one in seconds.
Run = Callable[[int], float]


class Shape(NamedTuple):
    """Sizes of a minibatch and of the network's only layer."""

    batch_size: int
    n_timesteps: int
    n_features: int
    hidden_size: int

    def __str__(self) -> str:
        """Return the sizes, as the tables name a shape."""
        return ",".join(map(str, self))

    @property
    def n_batches(self) -> int:
        """Minibatches of an epoch: fewer where a minibatch is so large that an epoch would take many seconds."""
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
        """Return a problem from what JSON has made of it."""
        return cls(task, cell, Shape(*shape), dtype)

    def draw(self, n_batches: int) -> tuple[np.ndarray, np.ndarray]:
        """Return sequences, (n_batches * batch_size, n_timesteps, n_features), and a target for each."""
        rng = np.random.default_rng(0)
        n_samples = n_batches * self.shape.batch_size
        X = rng.standard_normal((n_samples, self.shape.n_timesteps, self.shape.n_features), dtype=self.dtype)
        return X, rng.standard_normal(n_samples, dtype=self.dtype)


@dataclass(frozen=True)
class Prepared:
    """A contestant that has its data, and is ready to run; `compile_seconds` is what compiling took."""

    run: Run
    compile_seconds: float = 0.0
