"""The objective over all data with gradient and curvature, for SciPy's methods."""

from typing import final

import numpy as np

from skrnn.network._linearisation import LinearisedChunks
from skrnn.network._objective import Objective
from skrnn.sequences._batches import Batch

#: Number of columns whose part of the Gauss-Newton matrix is formed at once, to avoid a second array as large as the
# Jacobian.
_COLUMNS_AT_ONCE = 1024


@final
class FullObjective:
    """The objective over all data, with gradient and curvature.

    The curvature is the Gauss-Newton matrix, sum_i w_i J_i' H_i J_i / sum_i w_i, plus alpha on the weights, with J_i
    the derivative of the raw outputs and H_i the curvature of the loss: positive semi-definite, unlike the Hessian
    (Schraudolph 2002, doi:10.1162/08997660260028683; for recurrent networks Martens, Sutskever 2011, ICML).
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.dtype = objective.dtype
        self.chunks = LinearisedChunks(objective)

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient, a new array with the dtype of the data."""
        theta = self.chunks.known(theta)
        loss, gradient = 0.0, np.zeros(len(theta), self.dtype)
        for of_chunk, gradient_of_chunk in self.chunks.map(self._loss_gradient_of, theta=theta):
            loss += of_chunk
            gradient += gradient_of_chunk
        gradient *= 1.0 / self.objective.n_targets
        return loss / self.objective.n_targets + self.objective.add_penalty(theta, gradient), gradient

    def _loss_gradient_of(self, chunk: Batch, *, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the sum of the losses of a chunk, and its gradient."""
        with self.chunks.linearised(theta, chunk) as (linear, d_raw):
            loss = self.objective.sum_losses(self.objective.targets_of(chunk), linear.raw, d_raw)
            return loss, linear.backward(d_raw)

    def gauss_newton_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix at theta times `direction`, (n_parameters,), without forming a matrix."""
        theta, direction = self.chunks.known(theta), direction.astype(self.dtype, copy=False)
        product = np.zeros(len(theta), self.dtype)
        for of_chunk in self.chunks.map(self._product_of, theta=theta, direction=direction):
            product += of_chunk
        product *= 1.0 / self.objective.n_targets
        product += self.objective.penalties * direction
        return product

    def _product_of(self, chunk: Batch, *, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the contribution of a chunk to the product."""
        targets = self.objective.targets_of(chunk)
        with self.chunks.linearised(theta, chunk) as (linear, d_raw):
            t_raw = linear.tangent(direction)
            self.objective.loss.curvature_product(targets.values, linear.raw, t_raw, d_raw, targets.present)
            if targets.weights is not None:
                d_raw *= targets.weights
            return linear.backward(d_raw)

    def gauss_newton_matrix(self, theta: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix at theta, (n_parameters, n_parameters).

        It is computed from the Jacobian of the raw outputs, at the cost of a few BPTT instead of one per column.
        """
        theta = self.chunks.known(theta)
        matrix = np.zeros((len(theta), len(theta)), self.dtype)
        for of_chunk in self.chunks.map(self._matrix_of, theta=theta):
            matrix += of_chunk
        matrix *= 1.0 / self.objective.n_targets
        matrix[np.diag_indices_from(matrix)] += self.objective.penalties
        return matrix

    def _matrix_of(self, chunk: Batch, *, theta: np.ndarray) -> np.ndarray:
        """Return the contribution of a chunk to the matrix."""
        targets = self.objective.targets_of(chunk)
        with self.chunks.linearised(theta, chunk) as (linear, _):
            raw, jacobian = linear.raw.copy(), linear.jacobian(np.ones_like(linear.raw))
        curvature = np.empty((len(raw), *raw.shape), self.dtype)  # for each column, a matrix over outputs
        for t_raw, d_raw in zip(np.eye(len(raw), dtype=self.dtype), curvature, strict=True):
            t_raws = np.broadcast_to(t_raw[:, np.newaxis], raw.shape)
            self.objective.loss.curvature_product(targets.values, raw, t_raws, d_raw, targets.present)
        if targets.weights is not None:
            curvature *= targets.weights
        matrix = np.zeros((len(theta), len(theta)), self.dtype)
        for first in range(0, len(jacobian), _COLUMNS_AT_ONCE):
            rows = jacobian[first : first + _COLUMNS_AT_ONCE]
            curved = curvature[..., first : first + _COLUMNS_AT_ONCE].transpose(2, 0, 1) @ rows
            matrix += rows.reshape(-1, len(theta)).T @ curved.reshape(-1, len(theta))
        return matrix
