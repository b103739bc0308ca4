"""For docs/design/performance.md: the parts of a training step, compared with the matrix products alone.

Medians of the fastest of several rounds, float32, one thread. Usage: OMP_NUM_THREADS=1 python benchmarks/step_parts.py
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from skrnn.cells._registry import CELLS
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.parallel._workers import computing

#: (batch, timesteps, features, hidden units)
SHAPES = [(32, 10, 1, 16), (32, 24, 4, 32), (64, 24, 4, 64), (200, 24, 8, 32), (64, 50, 8, 128), (256, 50, 16, 128)]
SECONDS, N_ROUNDS = 0.3, 4


def timed(function: Callable[..., Any], seconds: dict[str, float], name: str) -> Callable[..., Any]:
    """Return the function with its time added to `seconds[name]`."""

    def call(*arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        seconds[name] += time.perf_counter() - start
        return result

    return call


def parts(cell: str, shape: tuple[int, int, int, int]) -> dict[str, float]:
    """Return the median seconds of each part of a step, and of the whole."""
    n_sequences, n_timesteps, n_features, hidden_size = shape
    rng = np.random.default_rng(0)
    layer = Layer(CELLS[cell](), n_features, hidden_size)
    workspace = LayerWorkspace(layer, n_timesteps, n_sequences, np.dtype(np.float32), backward=True)
    workspace.inputs[...] = rng.normal(size=workspace.inputs.shape)
    packed = rng.normal(scale=hidden_size**-0.5, size=layer.packed_shape).astype(np.float32)
    seconds: dict[str, float] = defaultdict(float)
    workspace.cell.linearise = timed(workspace.cell.linearise, seconds, "linearise")
    layer._roll_up = timed(layer._roll_up, seconds, "roll up")
    layer._accumulate = timed(layer._accumulate, seconds, "accumulate")
    forward, backward = timed(layer.forward, seconds, "forward"), timed(layer.backward, seconds, "backward")
    runs, spans, start = [], [(0, n_timesteps, n_sequences)], time.perf_counter()
    while time.perf_counter() - start < SECONDS or len(runs) < 5:
        seconds.clear()
        forward(packed, workspace, spans)
        workspace.d_h.fill(1.0)
        backward(packed, workspace, spans, None, None)
        runs.append(dict(seconds))
    medians = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    medians["whole"] = medians["forward"] + medians["backward"]
    return medians


def products_alone(cell: str, shape: tuple[int, int, int, int]) -> dict[str, float]:
    """Return the median seconds of only the products of each part."""
    n_sequences, n_timesteps, n_features, hidden_size = shape
    n_rows, n_operand = CELLS[cell]().n_gates * hidden_size, hidden_size + n_features + 1
    rng = np.random.default_rng(0)
    matrix, recurrent = (
        rng.normal(size=(rows, columns)).astype(np.float32)
        for rows, columns in ((n_rows, n_operand), (hidden_size, n_rows))
    )
    operands, d_rows = (
        rng.normal(size=(n_timesteps, rows, n_sequences)).astype(np.float32) for rows in (n_operand, n_rows)
    )
    rows, d_h = np.empty_like(d_rows), np.empty((hidden_size, n_sequences), np.float32)
    products = np.empty((n_timesteps, n_rows, n_operand), np.float32)
    seconds: dict[str, float] = defaultdict(float)
    loops = {
        "forward": lambda: [np.dot(matrix, operand, out=out) for operand, out in zip(operands, rows, strict=True)],
        "roll up": lambda: [np.dot(recurrent, of_timestep, out=d_h) for of_timestep in d_rows],
        "accumulate": lambda: np.matmul(d_rows, operands.swapaxes(1, 2), out=products),
    }
    runs, start = [], time.perf_counter()
    while time.perf_counter() - start < SECONDS or len(runs) < 5:
        seconds.clear()
        for name, loop in loops.items():
            timed(loop, seconds, name)()
        runs.append(dict(seconds))
    return {name: statistics.median(run[name] for run in runs) for name in loops}


def main() -> None:
    """Print a table, one row per cell and shape: milliseconds, and in brackets those of the products alone."""
    problems = list(product(CELLS, SHAPES))
    with computing():
        # In rounds over all problems, because load by other processes lasts for seconds.
        rounds = [[(parts(*problem), products_alone(*problem)) for problem in problems] for _ in range(N_ROUNDS)]
    columns = ("forward", "linearise", "roll up", "accumulate")
    print("| cell | shape | whole | forward | linearise, in it | roll up | accumulate |")
    print("| --- |" + " --- |" * 6)
    for (cell, shape), runs in zip(problems, zip(*rounds, strict=True), strict=True):
        own = min((own for own, _ in runs), key=lambda own: own["whole"])
        alone = min((alone for _, alone in runs), key=lambda alone: sum(alone.values()))
        texts = [f"{1e3 * own['whole']:.3g} ({1e3 * sum(alone.values()):.3g})"]
        for name in columns:
            beside = f" ({1e3 * alone[name]:.3g})" if name in alone else ""
            texts.append(f"{1e3 * own[name]:.3g}{beside}")
        print(f"| {cell} | {','.join(map(str, shape))} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
