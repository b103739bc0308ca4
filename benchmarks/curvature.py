"""Cost of curvature: a Gauss-Newton product and a Jacobian, in units of a gradient on the same data.

    python benchmarks/curvature.py

CPU time of one thread, float64, the fastest of several calls. If all data are one chunk, a product at the same theta as
the previous call reuses the forward pass; "first" is a product that does not.
"""

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

from skrnn.cells._base import Cell
from skrnn.cells._registry import CELLS
from skrnn.losses._losses import LOSSES
from skrnn.network._full_objectives import FullObjective, SumOfSquares
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.sequences._ragged import from_array
from skrnn.sequences._targets import Targets

#: Sequences, timesteps, features, units.
SHAPES = [(200, 24, 1, 8), (2000, 20, 1, 16), (2000, 50, 2, 50), (500, 50, 8, 128)]
#: Larger Jacobians, in bytes, are left out.
MAX_BYTES = 2**28


def fastest(call: Callable[[], object], n_calls: int) -> float:
    """Return the CPU time of the fastest call, in milliseconds."""
    times = []
    for _ in range(n_calls):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def describe(cell: Cell, shape: tuple[int, int, int, int], rng: np.random.Generator) -> str:
    """Return the costs of a simple objective on random data of this shape."""
    n_samples, n_timesteps, n_features, n_units = shape
    network = Network(cell, n_features, (n_units,), 1)
    sequences = from_array(rng.normal(size=(n_samples, n_timesteps, n_features)))
    targets = Targets(rng.normal(size=(1, n_samples)))
    objective = Objective(network, LOSSES["squared_error"](), sequences, targets, alpha=0.0)
    full, squares = FullObjective(objective), SumOfSquares(objective)
    theta, direction = rng.normal(scale=0.2, size=(2, network.layout.n_parameters))

    def elsewhere() -> np.ndarray:
        theta[...] += 1e-12
        return theta

    gradient = fastest(lambda: full.full(elsewhere()), 7)
    first = fastest(lambda: full.gauss_newton_product(elsewhere(), direction), 7)
    again = fastest(lambda: full.gauss_newton_product(theta, direction), 7)
    line = f"{shape!s:<38} {gradient:11.1f}  {first / gradient:14.2f}  {again / gradient:5.2f}"
    if n_samples * len(theta) * 8 < MAX_BYTES:
        line += f"  {fastest(lambda: squares.residuals_and_jacobian(elsewhere()), 3) / gradient:8.1f}"
    return line


def main() -> None:
    """Print a line for each cell and shape."""
    rng = np.random.default_rng(0)
    print("cell  sequences, timesteps, features, units  gradient ms  product, first  again  Jacobian  (in gradients)")
    for name, cell in CELLS.items():
        for shape in SHAPES:
            print(f"{name:<5} {describe(cell(), shape, rng)}", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
