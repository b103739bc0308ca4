"""The floor: only the matrix products of a step in NumPy, with the operands in place."""

import numpy as np

from benchmarks.speed.contestants.timing import timed
from benchmarks.speed.problems import N_GATES, Prepared, Problem


def prepare(problem: Problem) -> Prepared:
    """Return the products of a forward pass, and for training those of the backward pass.

    One a timestep forward, the cell's matrix times the stacked [h; x; 1]; one back to h; and one for the
    gradient of the matrix, whose sum over timesteps is left out.
    """
    batch_size, n_timesteps, n_features, hidden_size = problem.shape
    n_rows, n_operand = N_GATES[problem.cell] * hidden_size, hidden_size + n_features + 1
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((n_rows, n_operand), dtype=problem.dtype)
    operands = rng.standard_normal((n_timesteps, n_operand, batch_size), dtype=problem.dtype)
    Z = np.empty((n_timesteps, n_rows, batch_size), problem.dtype)

    def forward() -> None:
        for t in range(n_timesteps):
            np.dot(matrix, operands[t], out=Z[t])

    if problem.task == "predict":
        return Prepared(timed(forward))
    recurrent = np.ascontiguousarray(matrix[:, :hidden_size].T)
    d_Z = rng.standard_normal((n_timesteps, n_rows, batch_size), dtype=problem.dtype)
    d_h = np.empty((hidden_size, batch_size), problem.dtype)
    d_matrices = np.empty((n_timesteps, n_rows, n_operand), problem.dtype)

    def step() -> None:
        forward()
        for t in range(n_timesteps):
            np.dot(recurrent, d_Z[t], out=d_h)
        np.matmul(d_Z, operands.swapaxes(1, 2), out=d_matrices)

    return Prepared(timed(step))
