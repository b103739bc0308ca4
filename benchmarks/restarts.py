"""Restarts one after another, against a prototype that steps all of them in one batched product.

    python benchmarks/restarts.py

Forward pass and BPTT of ten simple networks on the same minibatch: ten times the matrix products and elementwise calls
of one, or as many calls as one needs, on arrays with an axis for the networks. CPU time of one thread, the fastest of
seven rounds. Calls are what small arrays cost; from some hundred columns on, as the methods of SciPy have them, nothing
is gained any more.
"""

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

N_NETWORKS, N_TIMESTEPS, N_FEATURES = 10, 12, 1


def make_step(n_units: int, n_columns: int, n_networks: int | None) -> Callable[[], np.ndarray]:
    """Return a function that computes the gradients of so many networks at once, or of one without that axis."""
    several = () if n_networks is None else (n_networks,)
    rng = np.random.default_rng(0)
    n_operand = n_units + N_FEATURES + 1
    matrix = 0.3 * rng.normal(size=(*several, n_units, n_operand))
    recurrent = np.ascontiguousarray(np.swapaxes(matrix[..., :n_units], -1, -2))
    operands = np.ones((N_TIMESTEPS + 1, *several, n_operand, n_columns))
    states = operands[..., :n_units, :]
    slopes, d_rows = np.empty((2, N_TIMESTEPS, *several, n_units, n_columns))
    rows, d_state = np.empty((2, *several, n_units, n_columns))
    multiply = np.dot if n_networks is None else np.matmul

    def step() -> np.ndarray:
        for t in range(N_TIMESTEPS):
            multiply(matrix, operands[t], out=rows)
            np.tanh(rows, out=states[t + 1])
        np.multiply(states[1:], states[1:], out=slopes)
        np.subtract(1.0, slopes, out=slopes)
        d_state.fill(1.0)
        for t in reversed(range(N_TIMESTEPS)):
            np.multiply(slopes[t], d_state, out=d_rows[t])
            multiply(recurrent, d_rows[t], out=d_state)
        return np.matmul(d_rows, np.swapaxes(operands[:-1], -1, -2)).sum(axis=0)

    return step


def fastest(step: Callable[[], np.ndarray], n_calls: int = 100) -> float:
    """Return the CPU time of a call in microseconds."""
    times = []
    for _ in range(7):
        start = time.process_time()
        for _ in range(n_calls):
            step()
        times.append((time.process_time() - start) / n_calls)
    return 1e6 * min(times)


def main() -> None:
    """Print a line for each shape."""
    print("units  sequences  one by one us  batched us  gain")
    for n_units in (2, 4, 8, 16, 32):
        for n_columns in (16, 64, 220):
            one_by_one = N_NETWORKS * fastest(make_step(n_units, n_columns, None))
            batched = fastest(make_step(n_units, n_columns, N_NETWORKS))
            print(
                f"{n_units:5d}  {n_columns:9d}  {one_by_one:13.0f}  {batched:10.0f}  {one_by_one / batched:4.1f}",
                flush=True,
            )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
