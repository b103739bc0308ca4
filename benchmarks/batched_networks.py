"""Ten small networks one after another, or stepped together in one batched product.

What members of an ensemble, or several starts of one network, would gain if all of them were computed at once: forward
pass and BPTT of ten simple networks on the same sequences, float64, 12 timesteps of one feature. One after another they
take ten times the products and elementwise calls of one network; together as many calls as one, on arrays with one more
axis. Both are bare NumPy without solver, loss and masks. CPU time of one thread, the fastest of five rounds. Usage:
python benchmarks/batched_networks.py
"""

import time
from collections.abc import Callable

import numpy as np
from threadpoolctl import threadpool_limits

N_NETWORKS, N_TIMESTEPS, N_FEATURES = 10, 12, 1


def make_pass(n_units: int, n_sequences: int, n_networks: int | None) -> Callable[[], np.ndarray]:
    """Return a function that computes the gradients of several networks at once; None: of one, without that axis."""
    several = () if n_networks is None else (n_networks,)
    rng = np.random.default_rng(0)
    n_operand = n_units + N_FEATURES + 1
    matrix = 0.3 * rng.normal(size=(*several, n_units, n_operand))
    recurrent = np.ascontiguousarray(np.swapaxes(matrix[..., :n_units], -1, -2))
    operands = np.ones((N_TIMESTEPS + 1, *several, n_operand, n_sequences))
    states = operands[..., :n_units, :]
    slopes, d_rows = np.empty((2, N_TIMESTEPS, *several, n_units, n_sequences))
    rows, d_state = np.empty((2, *several, n_units, n_sequences))
    multiply = np.dot if n_networks is None else np.matmul

    def both_passes() -> np.ndarray:
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

    return both_passes


def fastest(both_passes: Callable[[], np.ndarray], n_calls: int = 30) -> float:
    """Return the CPU time of a call in microseconds."""
    times = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(n_calls):
            both_passes()
        times.append((time.process_time() - start) / n_calls)
    return 1e6 * min(times)


def main() -> None:
    """Print a line for each shape."""
    print("| units | sequences | one after another, us | together, us | ratio |\n| --- | --- | --- | --- | --- |")
    for n_units in (2, 4, 8, 16):
        for n_sequences in (16, 64, 200, 500):
            apart = N_NETWORKS * fastest(make_pass(n_units, n_sequences, None))
            together = fastest(make_pass(n_units, n_sequences, N_NETWORKS))
            ratio = apart / together
            print(f"| {n_units} | {n_sequences} | {apart:,.0f} | {together:,.0f} | {ratio:.1f} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
