"""For docs/design/performance.md: both passes of a layer by the number of timesteps per block.

Microseconds, float32, one thread, the fastest of many runs in turn.
Usage: OMP_NUM_THREADS=1 python benchmarks/blocks.py
"""

import time
from collections.abc import Callable
from contextlib import nullcontext
from unittest.mock import patch

import numpy as np

from skrnn.cells._registry import CELLS
from skrnn.network import _layer_workspace
from skrnn.network._layer import Layer
from skrnn.parallel._workers import computing

#: (batch, timesteps, features, hidden units)
SHAPES = [(32, 24, 4, 32), (64, 24, 4, 64), (200, 24, 8, 32), (64, 50, 8, 128), (256, 50, 16, 128)]
SIZES = (1, 2, 3, 4, 6, 8, 12, 24)
SECONDS = 4.0
DTYPE = np.dtype(np.float32)


def prepare(
    cell: str, shape: tuple[int, int, int, int], block_size: int | None = None
) -> tuple[Callable[[], None], int]:
    """Return a function that runs both passes in blocks of this size, or that chosen by skrnn; and the size."""
    n_sequences, n_timesteps, n_features, hidden_size = shape
    layer = Layer(CELLS[cell](), n_features, hidden_size)
    forced = patch.object(_layer_workspace, "count_block_timesteps", return_value=block_size)
    with nullcontext() if block_size is None else forced:
        workspace = _layer_workspace.LayerWorkspace(layer, n_timesteps, n_sequences, DTYPE, backward=True)
    rng = np.random.default_rng(0)
    workspace.inputs[...] = rng.normal(size=workspace.inputs.shape)
    packed = rng.normal(scale=hidden_size**-0.5, size=layer.packed_shape).astype(DTYPE)
    spans = [(0, n_timesteps, n_sequences)]

    def run() -> None:
        layer.forward(packed, workspace, spans)
        workspace.d_h.fill(1.0)
        layer.backward(packed, workspace, spans, None, None)

    return run, workspace.block_size


def fastest(runs: list[Callable[[], None]]) -> list[float]:
    """Return the microseconds of each, run in turn."""
    times = [float("inf")] * len(runs)
    rng, start = np.random.default_rng(0), time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        for number in rng.permutation(len(runs)):  # the previous run leaves its arrays in the caches
            begin = time.perf_counter()
            runs[number]()
            times[number] = min(times[number], 1e6 * (time.perf_counter() - begin))
    return times


def main() -> None:
    """Print a table, one row per cell and shape."""
    print(f"| cell | shape | {' | '.join(map(str, SIZES))} | as chosen |\n| --- | --- |{' --- |' * (len(SIZES) + 1)}")
    with computing():
        for cell in CELLS:
            for shape in SHAPES:
                chosen, n_chosen = prepare(cell, shape)
                times = fastest([*(prepare(cell, shape, size)[0] for size in SIZES), chosen])
                texts = [f"{microseconds:,.0f}" for microseconds in times]
                texts[-1] += f" ({n_chosen})"
                print(f"| {cell} | {','.join(map(str, shape))} | {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    main()
