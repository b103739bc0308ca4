"""For docs/design/performance.md: prediction and full-batch fit from windows that share rows, and from a copy of them.

A copy has no shared rows, and is read as separate sequences. Medians of runs in turn, float32, one thread.
Usage: OMP_NUM_THREADS=1 python benchmarks/windows.py [n_rows]
"""

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor, SlidingWindow

#: (features, hidden units)
SIZES = [(16, 32), (32, 32), (64, 32), (64, 64), (128, 64), (256, 64)]
N_TIMESTEPS, N_ITERATIONS, N_ROUNDS = 24, 3, 5


def medians(runs: list[Callable[[], object]]) -> list[float]:
    """Return the median time of each, run in turn, in milliseconds."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(N_ROUNDS):
        for run, of_run in zip(runs, times, strict=True):
            start = time.perf_counter()
            run()
            of_run.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(of_run) for of_run in times]


def print_row(cell: str, n_features: int, hidden_size: int, n_rows: int) -> None:
    """Print the times of a network."""
    series = np.random.default_rng(0).normal(size=(n_rows, n_features)).astype(np.float32)
    view = SlidingWindow(N_TIMESTEPS).fit_transform(series)
    sources, y = (view.copy(), view), series[:, 0]
    model = RNNRegressor((hidden_size,), cell=cell, max_iter=1, random_state=0).fit(view[:100], y[:100])
    solver = RNNRegressor((hidden_size,), cell=cell, solver="lbfgs", max_iter=N_ITERATIONS, tol=0.0, random_state=0)
    predictions = medians([lambda X=X: model.predict(X) for X in sources])
    fits = medians([lambda X=X: solver.fit(X, y) for X in sources])
    texts = [f"{copy:.3g} | {shared:.3g} | **{copy / shared:.2f}**" for copy, shared in (predictions, fits)]
    print(f"| {cell} | {n_features} | {hidden_size} | {' | '.join(texts)} |", flush=True)


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    print("| cell | features | units | predict, ms: copy | view | ratio | fit, ms: copy | view | ratio |")
    print("| --- |" + " --- |" * 8)
    for cell in ("rnn", "gru", "lstm"):
        for n_features, hidden_size in SIZES:
            print_row(cell, n_features, hidden_size, n_rows)


if __name__ == "__main__":
    main()
