"""Cost of raggedness: training on lengths 100 to 1344, as in PLAID, compared with equal lengths.

CPU time of alternating fits, and the ratio of the fastest; then the time of a step of `stream()`.
Usage: OMP_NUM_THREADS=1 python benchmarks/ragged.py [n_samples]
"""

import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor

CASES = [("rnn", 32, "adam"), ("gru", 32, "adam"), ("lstm", 32, "adam"), ("lstm", 64, "adam"), ("lstm", 64, "lbfgs")]
N_FITS = 8


def fastest(runs: list[Callable[[], object]], n_runs: int) -> list[float]:
    """Return the shortest CPU time of each, run in turn, in seconds."""
    times = np.full((n_runs, len(runs)), np.inf)
    for row in times:
        for place, run in enumerate(runs):
            start = time.process_time()
            run()
            row[place] = time.process_time() - start
    return times.min(axis=0).tolist()


def print_ragged(n_samples: int) -> None:
    """Print the time of two iterations on ragged sequences relative to equal ones."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(100, 1345, n_samples)
    ragged = [rng.standard_normal((length, 1), dtype=np.float32) for length in lengths]
    equal = rng.standard_normal((n_samples, round(lengths.mean()), 1), dtype=np.float32)
    y = rng.integers(0, 4, n_samples)
    print("| cell | hidden | solver | ragged, s | equal, s | ratio |\n| --- | --- | --- | --- | --- | --- |")
    for cell, hidden_size, solver in CASES:
        network = RNNClassifier((hidden_size,), cell=cell, solver=solver, max_iter=2, random_state=0)
        slow, fast = fastest([lambda X=X, network=network: network.fit(X, y) for X in (ragged, equal)], N_FITS)
        print(f"| {cell} | {hidden_size} | {solver} | {slow:.2f} | {fast:.2f} | {slow / fast:.2f} |")


def print_stream() -> None:
    """Print the time of a step for one sequence of four features and 32 units."""
    X = np.random.default_rng(0).normal(size=(50, 10, 4))
    print("\n| cell | a step of stream(), microseconds |\n| --- | --- |")
    for cell in ("rnn", "gru", "lstm"):
        stream = RNNRegressor((32,), cell=cell, max_iter=1).fit(X, X[:, 0, 0]).stream()

        def steps(stream: object = stream) -> None:
            for _ in range(1000):
                stream.predict(X[0, 0])

        print(f"| {cell} | {1e3 * fastest([steps], 10)[0]:.1f} |")


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print_ragged(int(sys.argv[1]) if len(sys.argv) > 1 else 537)
    print_stream()


if __name__ == "__main__":
    main()
