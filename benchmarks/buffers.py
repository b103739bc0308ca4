"""For docs/design/performance.md: the elementwise work of gated cells by the size of NumPy's buffer.

Microseconds per timestep, float32, the fastest of several rounds. Usage: OMP_NUM_THREADS=1 python benchmarks/buffers.py
"""

import timeit
from collections.abc import Callable
from itertools import product

import numpy as np

from skrnn.cells._registry import CELLS
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.parallel._workers import _BUFFER_SIZE

#: (batch, timesteps, features, hidden units)
SHAPES = [(32, 10, 1, 16), (32, 24, 4, 32), (64, 24, 4, 64), (200, 24, 8, 32), (64, 50, 8, 128)]
SIZES = (np.getbufsize(), _BUFFER_SIZE)
N_ROUNDS = 5


def microseconds(cell: str, shape: tuple[int, int, int, int], size: int) -> tuple[float, float]:
    """Return the times of `linearise` per timestep of a block, and of `backward` per timestep."""
    n_sequences, n_timesteps, n_features, hidden_size = shape
    layer = Layer(CELLS[cell](), n_features, hidden_size)
    workspace = LayerWorkspace(layer, n_timesteps, n_sequences, np.dtype(np.float32), backward=True)
    block = workspace.block(slice(0, workspace.block_size), n_sequences)
    for array in (block.records, workspace.coefficients, workspace.d_preactivations):
        array[...] = 0.5
    running = workspace.backward_workspace(n_sequences)
    running.d_h[...] = running.d_c[...] = 0.0
    coefficients, d_preactivations, _ = block.derivatives[0]
    np.setbufsize(size)
    of_block = fastest(lambda: layer.cell.linearise(*block.linearised))
    of_step = fastest(lambda: layer.cell.backward(coefficients, running.d_h, running.d_c, d_preactivations))
    return of_block / len(block.steps), of_step


def fastest(call: Callable[[], object]) -> float:
    """Return the microseconds of a call."""
    return 1e6 * min(timeit.repeat(call, number=200, repeat=10)) / 200


def main() -> None:
    """Print a table, one row per cell and shape."""
    problems = list(product(("gru", "lstm"), SHAPES))
    # In rounds over all problems, because load by other processes lasts for seconds.
    rounds = [[[microseconds(*problem, size) for size in SIZES] for problem in problems] for _ in range(N_ROUNDS)]
    times = np.min(rounds, axis=0)  # of each problem, buffer and method
    default, small = (f"{size:,}" for size in SIZES)
    print(f"| cell | shape | linearise: {default} | {small} | backward: {default} | {small} |")
    print("| --- |" + " --- |" * 5)
    for (cell, shape), of_problem in zip(problems, times, strict=True):
        texts = [f"{time:.3g}" for time in of_problem.T.ravel()]
        print(f"| {cell} | {','.join(map(str, shape))} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
