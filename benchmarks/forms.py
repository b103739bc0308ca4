"""For docs/design/performance.md: both passes of a layer with cells in NumPy, compiled, and the products alone.

Milliseconds, the least of many in turn, one thread. Then nanoseconds for the tanh of a number, in NumPy and compiled.
Usage: PYTHONPATH=. python benchmarks/forms.py [cell ...]
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from benchmarks.step_parts import SHAPES
from skrnn.cells._compiled import SWITCH, CompiledCell
from skrnn.cells._registry import CELLS
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.parallel._workers import computing

SECONDS, MIN_ROUNDS = 0.8, 5


def passes(cell: str, shape: tuple[int, int, int, int], dtype: np.dtype, switch: str) -> tuple[Any, Any]:
    """Return functions that make the forward pass, and the backward pass after it."""
    n_sequences, n_timesteps, n_features, hidden_size = shape
    os.environ[SWITCH] = switch
    rng = np.random.default_rng(0)
    layer = Layer(CELLS[cell](), n_features, hidden_size)
    workspace = LayerWorkspace(layer, n_timesteps, n_sequences, dtype, backward=True)
    workspace.inputs[...] = rng.normal(size=workspace.inputs.shape)
    packed = rng.normal(scale=hidden_size**-0.5, size=layer.packed_shape).astype(dtype)
    spans = [(0, n_timesteps, n_sequences)]

    def backward() -> None:
        workspace.d_h.fill(1.0)
        layer.backward(packed, workspace, spans, None, None)

    return lambda: layer.forward(packed, workspace, spans), backward


def products(cell: str, shape: tuple[int, int, int, int], dtype: np.dtype) -> tuple[Any, Any]:
    """Return functions that compute the products of the two passes, and nothing else."""
    n_sequences, n_timesteps, n_features, hidden_size = shape
    n_rows, n_operand = CELLS[cell]().n_gates * hidden_size, hidden_size + n_features + 1
    matrix, recurrent = np.ones((n_rows, n_operand), dtype), np.ones((hidden_size, n_rows), dtype)
    operands, d_rows = (np.ones((n_timesteps, rows, n_sequences), dtype) for rows in (n_operand, n_rows))
    rows, d_h = np.empty_like(d_rows), np.empty((hidden_size, n_sequences), dtype)
    gradients = np.empty((n_timesteps, n_rows, n_operand), dtype)

    def forward() -> None:
        for operand, out in zip(operands, rows, strict=True):
            matrix.dot(operand, out)

    def backward() -> None:
        for of_timestep in d_rows:
            recurrent.dot(of_timestep, d_h)
        np.matmul(d_rows, operands.swapaxes(1, 2), out=gradients)

    return forward, backward


def least_times(functions: list[Callable[[], Any]]) -> list[float]:
    """Return the least milliseconds of each function, called in turn."""
    times, start = [np.inf] * len(functions), time.perf_counter()
    n_rounds = 0
    while time.perf_counter() - start < SECONDS or n_rounds < MIN_ROUNDS:
        for number, function in enumerate(functions):
            begin = time.perf_counter()
            function()
            times[number] = min(times[number], 1e3 * (time.perf_counter() - begin))
        n_rounds += 1
    return times


def row(cell: str, shape: tuple[int, int, int, int]) -> Iterator[float]:
    """Yield milliseconds of both passes in NumPy, compiled and of the products alone, in float32, then in float64."""
    for dtype in map(np.dtype, ("float32", "float64")):
        contestants = passes(cell, shape, dtype, "0"), passes(cell, shape, dtype, "1"), products(cell, shape, dtype)
        for forward, backward in contestants:  # compiles
            forward(), backward()
        times = least_times([function for both in contestants for function in both])
        yield from (forward + backward for forward, backward in zip(times[::2], times[1::2], strict=True))


def nanoseconds_of_tanh(dtype: np.dtype) -> list[float]:
    """Return nanoseconds per number of `np.tanh` and of the compiled tanh, which is all that a simple cell does."""
    x = np.random.default_rng(0).normal(scale=2.0, size=(1, 8192)).astype(dtype)
    y, none = np.empty_like(x), np.empty((0, x.shape[1]), dtype)
    advance = CompiledCell(CELLS["rnn"](), dtype).advance
    times = least_times([lambda: np.tanh(x, out=y), lambda: advance(x[np.newaxis], y, none, y, none)])
    return [1e6 * milliseconds / x.size for milliseconds in times]


def main() -> None:
    """Print the table and the nanoseconds."""
    print("| cell | shape | float32: NumPy | compiled | products | float64: NumPy | compiled | products |")
    print("| --- |" + " --- |" * 7)
    with computing():
        for cell, shape in product(sys.argv[1:] or CELLS, SHAPES):
            texts = [f"{milliseconds:.3g}" for milliseconds in row(cell, shape)]
            print(f"| {cell} | {','.join(map(str, shape))} | {' | '.join(texts)} |", flush=True)
        for dtype in map(np.dtype, ("float32", "float64")):
            in_numpy, compiled = nanoseconds_of_tanh(dtype)
            print(f"tanh, {dtype}: NumPy {in_numpy:.2f}, compiled {compiled:.2f} ns")


if __name__ == "__main__":
    main()
