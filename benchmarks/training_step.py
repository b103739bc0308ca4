"""Time of one training step inside `RNNRegressor.fit`: the whole fit divided by its minibatches, on one thread.

Validation of the input, shuffling and the curves count. Usage: python benchmarks/training_step.py [n_shapes]
"""

import statistics
import sys
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor

#: (batch, timesteps, features, hidden units)
SHAPES = [
    (32, 10, 1, 16),
    (32, 24, 4, 32),
    (64, 24, 4, 64),
    (200, 24, 8, 32),
    (64, 50, 8, 128),
    (256, 50, 16, 128),
    (256, 100, 16, 256),
]
N_BATCHES = 20
SECONDS = 1.0
N_REPEATS = 5


def milliseconds_a_step(cell: str, shape: tuple[int, int, int, int], early_stopping: bool) -> float:
    """Return the median over fits of the time of a step, with enough epochs to last `SECONDS` in all."""
    batch_size, n_timesteps, n_features, hidden_size = shape
    rng = np.random.default_rng(0)
    n_samples = batch_size * N_BATCHES
    X = rng.normal(size=(n_samples, n_timesteps, n_features)).astype(np.float32)
    y = rng.normal(size=n_samples).astype(np.float32)
    n_train = n_samples - (n_samples // 10 if early_stopping else 0)
    n_steps = -(-n_train // batch_size)

    def fit(n_epochs: int) -> float:
        regressor = RNNRegressor(
            (hidden_size,),
            cell=cell,
            batch_size=batch_size,
            max_iter=n_epochs,
            n_iter_no_change=np.inf,
            early_stopping=early_stopping,
            random_state=0,
        )
        start = time.perf_counter()
        regressor.fit(X, y)
        return (time.perf_counter() - start) / (n_epochs * n_steps)

    n_epochs = max(2, int(SECONDS / N_REPEATS / (fit(2) * n_steps)))
    return 1e3 * statistics.median(fit(n_epochs) for _ in range(N_REPEATS))


def main() -> None:
    """Print a table, a row a cell and a column a shape."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    shapes = SHAPES[: int(sys.argv[1])] if len(sys.argv) > 1 else SHAPES
    print("ms a step, (batch, timesteps, features, hidden)")
    print("| cell | " + " | ".join(",".join(map(str, shape)) for shape in shapes) + " |")
    print("| --- |" + " --- |" * len(shapes))
    for cell in ("rnn", "gru", "lstm"):
        for early_stopping in (False, True):
            times = [milliseconds_a_step(cell, shape, early_stopping) for shape in shapes]
            name = f"{cell}, early stopping" if early_stopping else cell
            print(f"| {name} | " + " | ".join(f"{time:.3g}" for time in times) + " |", flush=True)


if __name__ == "__main__":
    main()
