"""For docs/design/performance.md: tiles of rows, and three ways to add the products of all timesteps.

Best of several runs, one thread. Usage: OMP_NUM_THREADS=1 python benchmarks/products.py [float32 | float64]
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from skrnn.network import _products

#: (rows, inner, columns) of the products of a timestep: rnn and lstm, forward and backward.
PRODUCTS = [(64, 69, 64), (128, 137, 64), (128, 145, 256), (256, 273, 256), (512, 137, 64), (128, 512, 64)]
N_TILES = (1, 2, 4, 8, 16, 32)
#: (rows, columns, sequences): the gradient on the weights, of rnn, gru, lstm.
SUMS = [(16, 18, 32), (32, 37, 32), (64, 69, 64), (96, 41, 200), (128, 37, 32), (256, 69, 64), (512, 137, 64)]
WAYS = {"apart": (np.inf, np.inf), "right copied": (np.inf, 0), "added in BLAS": (0, 0)}
N_TIMESTEPS, SECONDS, N_RUNS = 8, 0.02, 7


def fastest(run: Callable[[], object]) -> float:
    """Return the shortest time of a run, in seconds."""
    n_calls, times = 1, []
    while (elapsed := _time(run, n_calls)) < SECONDS:
        n_calls *= 2
    times = [elapsed, *(_time(run, n_calls) for _ in range(N_RUNS))]
    return min(times) / n_calls


def _time(run: Callable[[], object], n_calls: int) -> float:
    start = time.perf_counter()
    for _ in range(n_calls):
        run()
    return time.perf_counter() - start


def print_tiles(rng: np.random.Generator, dtype: np.dtype) -> None:
    """Print the speed of products, whole and divided into tiles of rows."""
    print("GFLOP/s; bold what is chosen\n")
    print("| product | " + " | ".join(f"{n} tiles" if n > 1 else "whole" for n in N_TILES) + " |")
    print("| --- |" + " --- |" * len(N_TILES))
    for n_rows, n_inner, n_columns in PRODUCTS:
        matrix, right = (rng.normal(size=shape).astype(dtype) for shape in ((n_rows, n_inner), (n_inner, n_columns)))
        out, texts = np.empty((n_rows, n_columns), dtype), []
        for n_tiles in N_TILES:
            multiply = _products.tiled_product(matrix, n_tiles)
            out_tiled = _products.tile_rows(out, n_tiles)
            seconds = fastest(lambda m=multiply, b=right, c=out_tiled: m(b, c))
            is_chosen = n_tiles == _products.count_tiles(n_rows, n_inner, n_columns)
            mark = "**" if is_chosen else ""
            texts.append(f"{mark}{2e-9 * n_rows * n_inner * n_columns / seconds:.0f}{mark}")
        print(f"| ({n_rows}, {n_inner}) @ ({n_inner}, {n_columns}) | {' | '.join(texts)} |", flush=True)


def print_sums(rng: np.random.Generator, dtype: np.dtype) -> None:
    """Print the time to add the products of `N_TIMESTEPS` timesteps, for each way."""
    chosen = _products._ADD_IN_BLAS, _products._COPY_RIGHT
    print(f"\nMicroseconds for {N_TIMESTEPS} timesteps\n")
    print("| sum of | " + " | ".join(WAYS) + " | as chosen |\n| --- |" + " --- |" * (len(WAYS) + 1))
    for n_rows, n_columns, n_sequences in SUMS:
        left = rng.normal(size=(N_TIMESTEPS, n_rows, n_sequences)).astype(dtype)
        right = rng.normal(size=(N_TIMESTEPS, n_columns, n_sequences)).astype(dtype)
        out = np.zeros((n_rows, n_columns), dtype)
        scratch = np.empty((N_TIMESTEPS, n_rows, n_columns), dtype), np.empty_like(right)
        texts = []
        for limits in (*WAYS.values(), chosen):
            _products._ADD_IN_BLAS, _products._COPY_RIGHT = limits
            seconds = fastest(lambda a=left, b=right, c=out, scratch=scratch: _products.add_products(a, b, c, *scratch))
            texts.append(f"{1e6 * seconds:.0f}")
        print(f"| ({n_rows}, {n_sequences}) @ ({n_sequences}, {n_columns}) | {' | '.join(texts)} |", flush=True)


def main() -> None:
    """Print both tables."""
    dtype = np.dtype(sys.argv[1] if len(sys.argv) > 1 else "float32")
    rng = np.random.default_rng(0)
    print_tiles(rng, dtype)
    print_sums(rng, dtype)


if __name__ == "__main__":
    main()
