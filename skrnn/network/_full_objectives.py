"""The objective for all data: a number with its gradient and curvature, or a sum of squares with its Jacobian."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product, repeat
from typing import Any, final

import numpy as np

from skrnn._caching import cached_property
from skrnn.network._inference import split
from skrnn.network._network import Network, Workspace, Workspaces
from skrnn.network._objective import Objective
from skrnn.sequences._batches import Batch, n_allocated_timesteps
from skrnn.sequences._ragged import Sequences
from skrnn.sequences._targets import Targets

#: Bytes of the gradients that are computed at once.
_GRADIENT_BYTES = 64 * 1024 * 1024


@final
class Linearisation:
    """The raw outputs of a network at theta on a batch, and their derivative J with respect to theta.

    Neither J nor any matrix of its size is formed, except by `jacobian`. There is no dropout; the initial states are
    those in the workspace, by default zeros. If its last forward pass used the same objects `theta` and `batch`, it is
    not repeated. `raw`, (n_outputs, n_columns), is a view of the workspace.
    """

    def __init__(
        self, network: Network, theta: np.ndarray, sequences: Sequences, batch: Batch, workspace: Workspace
    ) -> None:
        self._network, self._batch, self._workspace = network, batch, workspace
        self._n_parameters, self._dtype = len(theta), theta.dtype
        parameters = network.layout.views(theta)
        self._packed, self._readout = network.pack(parameters), parameters.readout
        if workspace.holds(theta, batch):
            self.raw = workspace.raw[:, : network.pooling.n_columns(batch)]
        else:
            self.raw = network.forward(self._packed, self._readout, sequences, batch, workspace)
            workspace.held = (theta, batch)

    def backward(self, d_raw: np.ndarray) -> np.ndarray:
        """Return J' d_raw, (n_parameters,), for a gradient on the outputs, (n_outputs, n_columns)."""
        self._workspace.d_raw[:, : d_raw.shape[1]] = d_raw
        gradient = np.empty(self._n_parameters, self._dtype)
        d_parameters = self._network.layout.views(gradient)
        self._network.backward(self._packed, self._readout, self._batch, self._workspace, d_parameters)
        return gradient

    def tangent(self, direction: np.ndarray) -> np.ndarray:
        """Return J direction, (n_outputs, n_columns), for a direction in theta, (n_parameters,)."""
        t_parameters = self._network.layout.views(direction)
        return self._network.tangent(self._packed, self._readout, t_parameters, self._batch, self._workspace)

    def jacobian(self, slopes: np.ndarray) -> np.ndarray:
        """Return J with the row of each output times its slope, (n_columns, n_outputs, n_parameters).

        `slopes` is (n_outputs, n_columns). As many gradients as memory allows are computed at once.
        """
        network, batch = self._network, self._batch
        rows = np.empty((slopes.shape[1], len(slopes), self._n_parameters), self._dtype)
        for probes in self._groups(len(slopes)):
            of_probes = np.zeros((len(probes), len(batch), self._n_parameters), self._dtype)
            d_parameters = network.layout.views(of_probes)
            network.backward_each(self._packed, self._readout, batch, self._workspace, slopes, probes, d_parameters)
            for (number, output), of_probe in zip(probes, of_probes, strict=True):
                columns = network.pooling.columns_of(batch, number)
                rows[columns, output] = of_probe[: columns.stop - columns.start]
        return rows

    def _groups(self, n_outputs: int) -> Iterator[list[tuple[int, int]]]:
        """Yield groups of (number of a pooled state, output), in order of time, each small enough for one pass."""
        probes = list(product(range(self._network.pooling.n_pooled_states(self._batch)), range(n_outputs)))
        n_rows = max(layer.packed_shape[0] + layer.n_operand for layer in self._network.layers)
        n_numbers = self._batch.n_timesteps * (n_rows + self._network.layout.readout_size) + self._n_parameters
        size = max(1, _GRADIENT_BYTES // (len(self._batch) * n_numbers * self._dtype.itemsize))
        return (probes[first : first + size] for first in range(0, len(probes), size))


@final
class LinearisedChunks:
    """All data of an objective in chunks, and the network linearised on each chunk."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._workspaces = Workspaces(objective.network, objective.dtype, backward=True)
        self._theta: np.ndarray | None = None

    @cached_property
    def plan(self) -> list[Batch]:
        """The chunks."""
        return split(self._objective.network, self._objective.sequences)

    def map(self, method: Any, *of_chunks: Iterable[Any], **arguments: Any) -> Iterable[Any]:
        """Return the results of a method of the owner of these chunks for each chunk, in order.

        It is called with the chunk, with one entry of each of `of_chunks`, and with the same keyword arguments for all.
        Workers receive the owner, including data and plan, and the number of the chunk.
        """
        call = partial(_call_with_chunk, partial(method.__func__, **arguments))
        return self._objective.map_chunks(call, repeat(method.__self__), range(len(self.plan)), *of_chunks)

    @contextmanager
    def linearised(self, theta: np.ndarray, chunk: Batch) -> Iterator[tuple[Linearisation, np.ndarray]]:
        """Yield the network linearised on a chunk, and an array for a gradient on its outputs."""
        network, sequences = self._objective.network, self._objective.sequences
        with self._workspaces.take(n_allocated_timesteps(sequences, chunk.n_timesteps), len(chunk), chunk) as workspace:
            linear = Linearisation(network, theta, sequences, chunk, workspace)
            yield linear, workspace.d_raw[:, : linear.raw.shape[1]]

    def known(self, theta: np.ndarray) -> np.ndarray:
        """Return theta in the dtype of the data: the same object for the same numbers, for identity checks."""
        theta = theta.astype(self._objective.dtype, copy=False)
        if self._theta is None or not np.array_equal(theta, self._theta):
            self._theta = theta.copy()
        return self._theta


def _call_with_chunk(method: Callable[..., Any], owner: Any, number: int, *of_chunk: Any) -> Any:
    """Return the result of a method of the owner for its chunk with this number."""
    return method(owner, owner.chunks.plan[number], *of_chunk)


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


@final
class SumOfSquares:
    """Residuals with half the sum of squares equal to the objective, and their Jacobian.

    Residuals are ordered by column of targets, then output, each multiplied by the square root of the relative weight
    of the target; they are followed by sqrt(alpha) times each penalised weight.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.dtype = objective.dtype
        self.chunks = LinearisedChunks(objective)
        self._n_errors = objective.targets.values.size
        self._penalised = np.flatnonzero(objective.penalties)
        self._roots = np.sqrt(objective.penalties[self._penalised])

    @property
    def n_residuals(self) -> int:
        """Number of residuals: one per output of each target, and one per penalised weight."""
        return self._n_errors + len(self._penalised)

    def loss_and_residuals(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective, and the residuals, (n_residuals,)."""
        theta = self.chunks.known(theta)
        loss, residuals = 0.0, self._penalty_residuals(theta)
        of_columns = self._by_column(residuals)
        for columns, of_chunk, residuals_of_chunk in self.chunks.map(self._residuals_of, theta=theta):
            loss += of_chunk
            of_columns[columns] = residuals_of_chunk.T
        return loss / self.objective.n_targets + self.objective.penalty(theta), residuals

    def _residuals_of(self, chunk: Batch, *, theta: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Return the columns of a chunk, the sum of its losses, and its residuals, (n_outputs, n_columns)."""
        targets = self.objective.targets_of(chunk)
        with self.chunks.linearised(theta, chunk) as (linear, d_raw):
            loss = self.objective.sum_losses(targets, linear.raw, d_raw)
            residuals, _ = self._residuals_and_slopes(targets, linear.raw)
        return self.objective.columns_of(chunk), loss, residuals

    def residuals_and_jacobian(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals, (n_residuals,), and their derivative, (n_residuals, n_parameters).

        It takes one BPTT per output, or per output of each timestep, with one gradient per sequence.
        """
        theta = self.chunks.known(theta)
        residuals = self._penalty_residuals(theta)
        jacobian = np.zeros((self.n_residuals, len(theta)), self.dtype)
        jacobian[self._n_errors + np.arange(len(self._penalised)), self._penalised] = self._roots
        of_columns, rows_of_columns = self._by_column(residuals), self._by_column(jacobian)
        for columns, residuals_of_chunk, rows in self.chunks.map(self._jacobian_of, theta=theta):
            of_columns[columns] = residuals_of_chunk.T
            rows_of_columns[columns] = rows
        return residuals, jacobian

    def _jacobian_of(self, chunk: Batch, *, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the columns of a chunk, its residuals, and their rows, (n_columns, n_outputs, n_parameters)."""
        with self.chunks.linearised(theta, chunk) as (linear, _):
            residuals, slopes = self._residuals_and_slopes(self.objective.targets_of(chunk), linear.raw)
            return self.objective.columns_of(chunk), residuals, linear.jacobian(slopes)

    def jacobian_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the derivative of the residuals along `direction`, (n_parameters,), without forming the Jacobian."""
        theta, direction = self.chunks.known(theta), direction.astype(self.dtype, copy=False)
        product = self._penalty_residuals(direction)
        of_columns = self._by_column(product)
        for columns, of_chunk in self.chunks.map(self._tangent_of, theta=theta, direction=direction):
            of_columns[columns] = of_chunk.T
        return product

    def _tangent_of(self, chunk: Batch, *, theta: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns of a chunk, and the derivative of its residuals, (n_outputs, n_columns)."""
        with self.chunks.linearised(theta, chunk) as (linear, _):
            _, slopes = self._residuals_and_slopes(self.objective.targets_of(chunk), linear.raw)
            return self.objective.columns_of(chunk), slopes * linear.tangent(direction)

    def transposed_jacobian_product(self, theta: np.ndarray, d_residuals: np.ndarray) -> np.ndarray:
        """Return the gradient, (n_parameters,), that follows from one on the residuals, (n_residuals,)."""
        theta, d_residuals = self.chunks.known(theta), d_residuals.astype(self.dtype, copy=False)
        gradient = np.zeros(len(theta), self.dtype)
        gradient[self._penalised] = self._roots * d_residuals[self._n_errors :]
        d_columns = self._by_column(d_residuals)
        of_chunks = (d_columns[self.objective.columns_of(chunk)].T for chunk in self.chunks.plan)
        for of_chunk in self.chunks.map(self._backward_of, of_chunks, theta=theta):
            gradient += of_chunk
        return gradient

    def _backward_of(self, chunk: Batch, d_residuals: np.ndarray, *, theta: np.ndarray) -> np.ndarray:
        """Return the gradient of a chunk, given the gradient on its residuals, (n_outputs, n_columns)."""
        with self.chunks.linearised(theta, chunk) as (linear, _):
            _, slopes = self._residuals_and_slopes(self.objective.targets_of(chunk), linear.raw)
            return linear.backward(slopes * d_residuals)

    def _residuals_and_slopes(self, targets: Targets, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return residuals with half the sum of squares equal to their part of the mean loss, and their slopes."""
        slopes = np.empty_like(raw)
        residuals = self.objective.loss.residuals(targets.values, raw, slopes, targets.present)
        weights = np.ones(1, self.dtype) if targets.weights is None else targets.weights
        scales = np.sqrt(weights / self.dtype.type(self.objective.n_targets))
        return residuals * scales, slopes * scales

    def _penalty_residuals(self, theta: np.ndarray) -> np.ndarray:
        """Return residuals, (n_residuals,), with only those of the penalty filled in."""
        residuals = np.zeros(self.n_residuals, self.dtype)
        residuals[self._n_errors :] = self._roots * theta[self._penalised]
        return residuals

    def _by_column(self, rows: np.ndarray) -> np.ndarray:
        """View the rows of residuals without the penalty as (n_columns, n_outputs, ...)."""
        n_outputs, n_columns = self.objective.targets.values.shape
        return rows[: self._n_errors].reshape(n_columns, n_outputs, *rows.shape[1:])
