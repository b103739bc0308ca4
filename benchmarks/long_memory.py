"""The adding problem and temporal order, 100 timesteps: long-term memory, with several seeds.

Every sequence is generated and used only once. Usage: OMP_NUM_THREADS=1 python benchmarks/long_memory.py
"""

import time
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor
from skrnn.datasets import make_adding_problem, make_temporal_order

SEEDS = range(10, 15)  # the settings were tuned on seeds 0 to 9
N_TIMESTEPS = 100
N_TEST = 10_000
FULL_LENGTH = (N_TIMESTEPS,)
MIXED_LENGTHS = (10, 20, 40, 60, 80, N_TIMESTEPS)
# New sequences, lengths, learning rate and batch size of each phase: the 74,000 of Hochreiter, Schmidhuber (1997).
ADDING_PHASES = [
    (18_000, MIXED_LENGTHS, 0.015, 10),
    (32_000, FULL_LENGTH, 0.008, 10),
    (14_000, FULL_LENGTH, 0.002, 20),
    (10_000, FULL_LENGTH, 0.0004, 20),
]
ORDER_ROUND = 6_000
ORDER_ROUNDS = 10


def draw(
    make: Callable[..., tuple[np.ndarray, np.ndarray]],
    n_sequences: int,
    lengths: Sequence[int],
    rng: np.random.RandomState,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return new sequences of a task, equally many of each length, and their targets."""
    parts = [make(n_sequences // len(lengths), length, random_state=rng) for length in lengths]
    return [x for X, _ in parts for x in X], np.concatenate([y for _, y in parts])


def fit_adding_problem(seed: int) -> RNNRegressor:
    """Return a network of 8 units trained on 74,000 sequences, with decreasing learning rates.

    The first sequences have mixed lengths, and the short ones are easy to learn. `alpha` is 0, because a penalty keeps
    the gates from closing completely, so that the cell forgets.
    """
    rng = np.random.RandomState(seed)
    network = RNNRegressor(
        (8,),
        cell="gru",
        alpha=0.0,
        beta_2=0.99,
        max_iter=1,
        warm_start=True,
        normalize_X=False,
        dtype="float32",
        random_state=seed,
    )
    for n_sequences, lengths, learning_rate, batch_size in ADDING_PHASES:
        network.set_params(learning_rate_init=learning_rate, batch_size=batch_size)
        network.fit(*draw(make_adding_problem, n_sequences, lengths, rng))
    return network


def share_wrong(errors: np.ndarray, scale: float) -> float:
    """Return the share of targets missed by more than 0.04 of a scale on which the targets span `scale`."""
    return float(np.mean(np.abs(errors) > 0.04 * scale))


def fit_temporal_order(cell: str, seed: int) -> RNNClassifier:
    """Return a network of 16 gated units trained on new sequences of mixed lengths."""
    rng = np.random.RandomState(seed)
    network = RNNClassifier(
        (16,),
        cell=cell,
        alpha=0.0,
        learning_rate_init=0.01,
        batch_size=20,
        normalize_X=False,
        dtype="float32",
        random_state=seed,
    )
    for _ in range(ORDER_ROUNDS):
        X, y = draw(make_temporal_order, ORDER_ROUND, MIXED_LENGTHS, rng)
        network.partial_fit(X, y, classes=range(4))
    return network


def error_cells(errors: np.ndarray) -> str:
    """Return the table cells for the errors: two counts of 2560, and the mean square."""
    return f"{2560 * share_wrong(errors, 2):.2f} | {2560 * share_wrong(errors, 1):.2f} | {np.mean(errors**2):.5f}"


def print_adding_problem() -> None:
    """Print, for each seed, the number of wrong predictions for 2560 sequences."""
    X, y = make_adding_problem(N_TEST, N_TIMESTEPS, random_state=1_000)
    print("Adding problem: sequences of 2560 with an error over 0.08 (the published criterion), and over 0.04\n")
    print("| network | seed | sequences seen | over 0.08 | over 0.04 | mean squared error | s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    print(f"| always 1 | | | {error_cells(1.0 - y)} | |")
    for seed in SEEDS:
        start = time.perf_counter()
        network = fit_adding_problem(seed)
        seconds = time.perf_counter() - start
        errors = network.predict(X) - y
        print(f"| gru | {seed} | {network.t_} | {error_cells(errors)} | {seconds:.0f} |", flush=True)


def print_temporal_order() -> None:
    """Print, for each cell and seed, the accuracy on new sequences of the full length."""
    X, y = make_temporal_order(N_TEST, N_TIMESTEPS, random_state=1_000)
    print("\nTemporal order: accuracy in percent\n\n| network | seed | sequences seen | accuracy | s |")
    print("| --- | --- | --- | --- | --- |\n| guessing | | | 25 | |")
    for cell in ("gru", "lstm"):
        for seed in SEEDS:
            start = time.perf_counter()
            network = fit_temporal_order(cell, seed)
            seconds = time.perf_counter() - start
            print(f"| {cell} | {seed} | {network.t_} | {100 * network.score(X, y):.2f} | {seconds:.0f} |", flush=True)


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    print_adding_problem()
    print_temporal_order()


if __name__ == "__main__":
    main()
