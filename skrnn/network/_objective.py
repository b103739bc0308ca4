"""The objective that every solver minimises: theta and a batch give a loss and its gradient."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import repeat
from typing import Any, final

import numpy as np

from skrnn.losses._base import Loss
from skrnn.network._inference import ForwardPlan, Map, infer, split
from skrnn.network._linearisation import Linearisation
from skrnn.network._network import Network, Workspace, Workspaces
from skrnn.network._parameters import NetworkParameters, ReadoutParameters
from skrnn.sequences._batches import Batch, minibatches, room_for
from skrnn.sequences._ragged import Sequences
from skrnn.sequences._targets import Targets

#: Columns whose part in the Gauss-Newton matrix is formed at once, so that there is no second array like the Jacobian.
_COLUMNS_AT_ONCE = 1024

#: Sequences of a minibatch that go through the network at once: more would leave the cache between the two passes.
_MOST_SEQUENCES = 2048


@final
class Objective:
    """Mean loss of a network over weighted targets, plus half of alpha times the sum of squared weights.

    L(theta) = sum_i w_i loss_i / sum_i w_i + alpha / 2 * ||weights||^2, biases free of the penalty; i counts sequences,
    or with `return_sequences` the timesteps that have a target. On a minibatch the first term is the mean over its
    targets of w_i loss_i / mean(w): weights are normalised once, over the whole data, so that minibatches of heavy
    targets count for more.

    With `bptt_steps` minibatches are cut into pieces of so many timesteps, each a minibatch of its own: states are
    carried from piece to piece, errors are not (Williams, Peng 1990, doi:10.1162/neco.1990.2.4.490). Where a
    sequence has a single target, the last piece alone is learnt from.

    Parameters
    ----------
    network : Network
        The network, which holds no parameters.
    loss : Loss
        The pointwise loss.
    sequences : Sequences
        The data.
    targets : Targets
        A column a sequence, or with `return_sequences` of the network a column a timestep.
    alpha : float
        Strength of the penalty.
    bptt_steps : int or None, default=None
        How many timesteps errors of a minibatch flow back at most.
    rng : RandomState or None, default=None
        Draws what is dropped, where the network drops anything.
    map_chunks : callable, default=map
        Maps a function over the chunks of all the data.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        sequences: Sequences,
        targets: Targets,
        alpha: float,
        *,
        bptt_steps: int | None = None,
        rng: np.random.RandomState | None = None,
        map_chunks: Map = map,
    ) -> None:
        self.network = network
        self.loss = loss
        self.sequences = sequences
        self.dtype = sequences.rows.dtype
        self.targets = targets.normalised(self.dtype)
        self.bptt_steps = bptt_steps
        self.rng = rng
        self.map_chunks = map_chunks
        self.n_samples = len(sequences)
        self.n_targets = targets.count()
        self._penalties = np.where(network.layout.is_weight(), alpha, 0.0).astype(self.dtype)
        self._weighted_theta = np.empty_like(self._penalties)
        self._known_views: list[tuple[np.ndarray, NetworkParameters]] = []
        self._n_timesteps = min(sequences.max_length, bptt_steps or sequences.max_length)
        self._rooms = Workspaces(network, self.dtype, backward=True)
        # A minibatch has a room by its number of columns, in which one piece finds the states that another has left.
        self._batch_rooms: dict[int, Workspace] = {}
        self._theta: np.ndarray | None = None
        self._penalised = np.flatnonzero(self._penalties)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what maps the chunks: workers to which the objective is sent do not map."""
        return {**self.__dict__, "map_chunks": map, "_known_views": [], "_batch_rooms": {}}

    # Minibatches

    def minibatches(self, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Batch]:
        """Yield batches that cover the data once, shuffled by `rng` where given, in pieces that have targets."""
        for batch in minibatches(self.sequences, batch_size, rng):
            if self.bptt_steps is None:
                yield batch
            elif self.network.return_sequences:
                yield from self._pieces_with_targets(batch.pieces(self.bptt_steps))
            else:
                yield batch.tail(self.bptt_steps)

    def _pieces_with_targets(self, pieces: list[Batch]) -> Iterator[Batch]:
        """Yield the pieces that have targets; the others lead in the next that has."""
        lead_in: list[Batch] = []
        for piece in pieces:
            if self.count(piece) == 0:
                lead_in.append(piece)
            else:
                piece.lead_in, lead_in = lead_in, []
                yield piece

    def count(self, batch: Batch) -> float:
        """Return how many targets a batch has: its part in a mean over batches."""
        if self.targets.weights is None and self.targets.present is None:
            return self.network.reading.n_columns(batch)
        return self._targets_of(batch).count()

    def _targets_of(self, batch: Batch) -> Targets:
        """Return the targets of a batch, in the order of its columns."""
        return self.targets.take(self._columns_of(batch))

    def _columns_of(self, batch: Batch) -> np.ndarray:
        """Return where the columns of a batch are among those of all targets."""
        return self.network.reading.columns(self.sequences, batch)

    def __call__(self, theta: np.ndarray, batch: Batch, gradient: np.ndarray) -> float:
        """Write the gradient of a minibatch's objective into `gradient`, and return the objective."""
        parameters = self._views(theta)
        packed, readout = self.network.pack(parameters), parameters.readout
        # Parts that carry on find the states where the part before has left them: there they stay together.
        parts = [batch] if self.bptt_steps is not None else batch.parts(_MOST_SEQUENCES)
        loss, n_targets = self._sums(packed, readout, parts[0], gradient)
        if len(parts) > 1:
            of_part = np.empty_like(gradient)
            for part in parts[1:]:
                loss_of_part, n_of_part = self._sums(packed, readout, part, of_part)
                loss, n_targets = loss + loss_of_part, n_targets + n_of_part
                gradient += of_part
        n_targets = n_targets or 1.0  # a batch without any has a loss and a gradient of zero
        gradient *= 1.0 / n_targets
        return loss / n_targets + self._add_penalty(theta, gradient)

    def _sums(
        self, packed: list[np.ndarray], readout: ReadoutParameters, batch: Batch, gradient: np.ndarray
    ) -> tuple[float, float]:
        """Write the gradient of the sum of a batch's losses into `gradient`; return that sum, and that of weights."""
        room = self._batch_rooms.get(batch.n_columns)
        if room is None:
            room = Workspace(self.network, self._n_timesteps, batch.n_columns, self.dtype, backward=True)
            self._batch_rooms[batch.n_columns] = room
        for piece in batch.lead_in:
            self._begin(piece, room)
            self.network.load(self.sequences, piece, room)
            self.network.unroll(packed, piece, room)
            self.network.carry_state(piece, room)
        self._begin(batch, room)
        raw = self.network.forward(packed, readout, self.sequences, batch, room)
        targets = self._targets_of(batch)
        losses = self._judge(targets, raw, room.d_raw[:, : len(targets)])
        self.network.backward(packed, readout, batch, room, self._views(gradient))
        if self.bptt_steps is not None:
            self.network.carry_state(batch, room)
        return _weigh(targets, losses), targets.count()

    def _begin(self, batch: Batch, room: Workspace) -> None:
        """Begin anew, unless the batch carries on."""
        if not batch.carries_on and (self.bptt_steps is not None or self.rng is not None):
            room.begin(self.network, self.rng)

    # All the data

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all the data and its gradient, a new array of the dtype of the data."""
        theta = self._settled(theta)
        loss, gradient = 0.0, np.zeros(len(theta), self.dtype)
        for of_chunk, gradient_of_chunk in self._map(Objective._loss_gradient_of, theta):
            loss += of_chunk
            gradient += gradient_of_chunk
        gradient *= 1.0 / self.n_targets
        return loss / self.n_targets + self._add_penalty(theta, gradient), gradient

    def _loss_gradient_of(self, chunk: Batch, *, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the sum of a chunk's losses, and its gradient."""
        targets = self._targets_of(chunk)
        with self._linearised(theta, chunk) as (linear, d_raw):
            losses = self._judge(targets, linear.raw, d_raw)
            return _weigh(targets, losses), linear.backward(d_raw)

    def gauss_newton_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix at theta times `direction`, (n_parameters,), without forming a matrix.

        That is sum_i w_i J_i' H_i J_i / sum_i w_i, plus alpha on the weights, with J_i the derivative of the raw
        outputs and H_i the curvature of the loss: positive semi-definite, unlike the Hessian (Schraudolph 2002,
        doi:10.1162/08997660260028683; for recurrent networks Martens, Sutskever 2011, ICML).
        """
        theta, direction = self._settled(theta), direction.astype(self.dtype, copy=False)
        result = np.zeros(len(theta), self.dtype)
        for of_chunk in self._map(Objective._gauss_newton_product_of, theta, direction=direction):
            result += of_chunk
        result *= 1.0 / self.n_targets
        result += self._penalties * direction
        return result

    def _gauss_newton_product_of(self, chunk: Batch, *, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the product of a chunk."""
        targets = self._targets_of(chunk)
        with self._linearised(theta, chunk) as (linear, d_raw):
            t_raw = linear.tangent(direction)
            self.loss.curvature_product(targets.values, linear.raw, t_raw, d_raw, targets.present)
            if targets.weights is not None:
                d_raw *= targets.weights
            return linear.backward(d_raw)

    def gauss_newton_matrix(self, theta: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix at theta, (n_parameters, n_parameters).

        It comes from the Jacobian of the raw outputs, at the cost of a few BPTT instead of one a column.
        """
        theta = self._settled(theta)
        result = np.zeros((len(theta), len(theta)), self.dtype)
        for of_chunk in self._map(Objective._gauss_newton_matrix_of, theta):
            result += of_chunk
        result *= 1.0 / self.n_targets
        result[np.diag_indices_from(result)] += self._penalties
        return result

    def _gauss_newton_matrix_of(self, chunk: Batch, *, theta: np.ndarray) -> np.ndarray:
        """Return the matrix of a chunk."""
        targets = self._targets_of(chunk)
        with self._linearised(theta, chunk) as (linear, _):
            raw, jacobian = linear.raw.copy(), linear.jacobian(np.ones_like(linear.raw))
        curvature = np.empty((len(raw), *raw.shape), self.dtype)  # of each column, a matrix over outputs
        for t_raw, d_raw in zip(np.eye(len(raw), dtype=self.dtype), curvature, strict=True):
            t_raws = np.broadcast_to(t_raw[:, np.newaxis], raw.shape)
            self.loss.curvature_product(targets.values, raw, t_raws, d_raw, targets.present)
        if targets.weights is not None:
            curvature *= targets.weights
        matrix = np.zeros((len(theta), len(theta)), self.dtype)
        for first in range(0, len(jacobian), _COLUMNS_AT_ONCE):
            rows = jacobian[first : first + _COLUMNS_AT_ONCE]
            curved = curvature[..., first : first + _COLUMNS_AT_ONCE].transpose(2, 0, 1) @ rows
            matrix += rows.reshape(-1, len(theta)).T @ curved.reshape(-1, len(theta))
        return matrix

    def _map(
        self, function: Callable[..., Any], theta: np.ndarray, *of_chunks: Iterable[Any], **arguments: Any
    ) -> Iterable[Any]:
        """Return what the method makes of each chunk, in their order, at theta and with the same other arguments.

        `of_chunks` have one more argument for each chunk. Workers are told its number: they know the plan, as they know
        the data.
        """
        call = partial(_call_with_chunk, partial(function, theta=theta, **arguments))
        return self.map_chunks(call, repeat(self), range(len(self._plan)), *of_chunks)

    @cached_property
    def _plan(self) -> list[Batch]:
        """The chunks of all the data."""
        return split(self.network, self.sequences)

    @cached_property
    def _forward_plan(self) -> ForwardPlan:
        """How a forward pass goes over all the data."""
        return ForwardPlan.of(self.network, self.sequences)

    @contextmanager
    def _linearised(self, theta: np.ndarray, chunk: Batch) -> Iterator[tuple[Linearisation, np.ndarray]]:
        """Lend the network linearised on a chunk, with room for a gradient on its outputs."""
        with self._rooms.take(room_for(self.sequences, chunk.n_timesteps), len(chunk), chunk) as room:
            linear = Linearisation(self.network, theta, self.sequences, chunk, room)
            yield linear, room.d_raw[:, : linear.raw.shape[1]]

    def _settled(self, theta: np.ndarray) -> np.ndarray:
        """Return theta in the dtype of the data: the same object for the same numbers, by which rooms know it."""
        theta = theta.astype(self.dtype, copy=False)
        if self._theta is None or not np.array_equal(theta, self._theta):
            self._theta = theta.copy()
        return self._theta

    # The objective as a sum of squares

    @property
    def n_residuals(self) -> int:
        """Number of residuals: one for each output of each target, and one for each weight that has a penalty."""
        return self.targets.values.size + len(self._penalised)

    def loss_and_residuals(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all the data, and the residuals, (n_residuals,), whose half squares add up to it.

        In their order: the outputs of each column of targets, column after column, each residual times the square root
        of the target's share of all weights; then sqrt(alpha) times each weight that has a penalty.
        """
        theta = self._settled(theta)
        loss, residuals = 0.0, self._penalty_residuals(theta)
        of_columns = self._by_column(residuals)
        for columns, of_chunk, residuals_of_chunk in self._map(Objective._residuals_of, theta):
            loss += of_chunk
            of_columns[columns] = residuals_of_chunk.T
        return loss / self.n_targets + self._penalty(theta), residuals

    def residuals_and_jacobian(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals, (n_residuals,), and their derivative, (n_residuals, n_parameters).

        A BPTT for each output, or each output of each timestep, with one gradient a sequence.
        """
        theta = self._settled(theta)
        residuals = self._penalty_residuals(theta)
        jacobian = np.zeros((self.n_residuals, len(theta)), self.dtype)
        penalty_rows = self.targets.values.size + np.arange(len(self._penalised))
        jacobian[penalty_rows, self._penalised] = np.sqrt(self._penalties[self._penalised])
        of_columns, rows_of_columns = self._by_column(residuals), self._by_column(jacobian)
        for columns, residuals_of_chunk, rows in self._map(Objective._jacobian_of, theta):
            of_columns[columns] = residuals_of_chunk.T
            rows_of_columns[columns] = rows
        return residuals, jacobian

    def jacobian_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the derivative of the residuals along `direction`, (n_parameters,), without forming the Jacobian."""
        theta, direction = self._settled(theta), direction.astype(self.dtype, copy=False)
        result = self._penalty_residuals(direction)
        of_columns = self._by_column(result)
        for columns, of_chunk in self._map(Objective._tangent_of, theta, direction=direction):
            of_columns[columns] = of_chunk.T
        return result

    def transposed_jacobian_product(self, theta: np.ndarray, d_residuals: np.ndarray) -> np.ndarray:
        """Return the gradient, (n_parameters,), that follows from one on the residuals, (n_residuals,)."""
        theta, d_residuals = self._settled(theta), d_residuals.astype(self.dtype, copy=False)
        gradient = np.zeros(len(theta), self.dtype)
        of_penalty = d_residuals[self.targets.values.size :]
        gradient[self._penalised] = np.sqrt(self._penalties[self._penalised]) * of_penalty
        d_columns = self._by_column(d_residuals)
        of_chunks = (d_columns[self._columns_of(chunk)].T for chunk in self._plan)
        for of_chunk in self._map(Objective._backward_of, theta, of_chunks):
            gradient += of_chunk
        return gradient

    def _residuals_of(self, chunk: Batch, *, theta: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Return the columns of a chunk, the sum of its losses, and its residuals, (n_outputs, n_columns)."""
        targets = self._targets_of(chunk)
        with self._linearised(theta, chunk) as (linear, d_raw):
            losses = self._judge(targets, linear.raw, d_raw)
            residuals, _ = self._residuals_and_slopes(targets, linear.raw)
        return self._columns_of(chunk), _weigh(targets, losses), residuals

    def _jacobian_of(self, chunk: Batch, *, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the columns of a chunk, its residuals, and their rows, (n_columns, n_outputs, n_parameters)."""
        with self._linearised(theta, chunk) as (linear, _):
            residuals, slopes = self._residuals_and_slopes(self._targets_of(chunk), linear.raw)
            return self._columns_of(chunk), residuals, linear.jacobian(slopes)

    def _tangent_of(self, chunk: Batch, *, theta: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns of a chunk, and the derivative of its residuals, (n_outputs, n_columns)."""
        with self._linearised(theta, chunk) as (linear, _):
            _, slopes = self._residuals_and_slopes(self._targets_of(chunk), linear.raw)
            return self._columns_of(chunk), slopes * linear.tangent(direction)

    def _backward_of(self, chunk: Batch, d_residuals: np.ndarray, *, theta: np.ndarray) -> np.ndarray:
        """Return the gradient of a chunk that follows from one on its residuals, (n_outputs, n_columns)."""
        with self._linearised(theta, chunk) as (linear, _):
            _, slopes = self._residuals_and_slopes(self._targets_of(chunk), linear.raw)
            return linear.backward(slopes * d_residuals)

    def _residuals_and_slopes(self, targets: Targets, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return residuals of which half the squares add up to a share of the mean loss, and their slopes."""
        slopes = np.empty_like(raw)
        residuals = self.loss.residuals(targets.values, raw, slopes, targets.present)
        weights = np.ones(1, self.dtype) if targets.weights is None else targets.weights
        scales = np.sqrt(weights / self.dtype.type(self.n_targets))
        return residuals * scales, slopes * scales

    def _penalty_residuals(self, theta: np.ndarray) -> np.ndarray:
        """Return residuals, (n_residuals,), with those of the penalty in their place."""
        residuals = np.zeros(self.n_residuals, self.dtype)
        residuals[self.targets.values.size :] = np.sqrt(self._penalties[self._penalised]) * theta[self._penalised]
        return residuals

    def _by_column(self, rows: np.ndarray) -> np.ndarray:
        """View the rows of residuals that are not the penalty's as (n_columns, n_outputs, ...)."""
        n_outputs, n_columns = self.targets.values.shape
        return rows[: n_outputs * n_columns].reshape(n_columns, n_outputs, *rows.shape[1:])

    def evaluate(self, theta: np.ndarray) -> tuple[float, float]:
        """Return the mean loss over all the data, without the penalty and with nothing dropped, and the score."""
        raw, targets = self.raw(theta), self.targets
        losses = self.loss.loss_gradient(targets.values, raw, np.empty_like(raw), targets.present)
        score = self.loss.score(targets.values, raw, targets.weights, targets.present)
        return _weigh(targets, losses) / self.n_targets, score

    def raw(self, theta: np.ndarray) -> np.ndarray:
        """Return the raw outputs over all the data, (n_outputs, n_columns), in the order of the targets."""
        return infer(self.network, theta, self._forward_plan, self.map_chunks)

    # Both

    def _judge(self, targets: Targets, raw: np.ndarray, d_raw: np.ndarray) -> np.ndarray:
        """Write the gradient of the sum of weighted losses into `d_raw`, and return the losses without weights."""
        losses = self.loss.loss_gradient(targets.values, raw, d_raw, targets.present)
        if targets.weights is not None:
            d_raw *= targets.weights
        return losses

    def _views(self, theta: np.ndarray) -> NetworkParameters:
        """Return named views on theta or a gradient; a solver passes the same two arrays again and again."""
        for known, views in self._known_views:
            if known is theta:
                return views
        views = self.network.layout.views(theta)
        self._known_views = [(theta, views), *self._known_views[:1]]
        return views

    def _add_penalty(self, theta: np.ndarray, gradient: np.ndarray) -> float:
        """Add the gradient of the penalty to `gradient` and return the penalty."""
        penalty = self._penalty(theta)
        gradient += self._weighted_theta
        return penalty

    def _penalty(self, theta: np.ndarray) -> float:
        """Return the penalty, and leave its gradient in `_weighted_theta`."""
        np.multiply(self._penalties, theta, out=self._weighted_theta)
        return 0.5 * float(np.dot(self._weighted_theta, theta))


def _call_with_chunk(method: Callable[..., Any], objective: Objective, number: int, *of_chunk: Any) -> Any:
    """Return what a method of the objective makes of its chunk of this number."""
    return method(objective, objective._plan[number], *of_chunk)


def _weigh(targets: Targets, losses: np.ndarray) -> float:
    """Return the weighted sum of losses."""
    if targets.weights is None:
        return float(np.add.reduce(losses, dtype=np.float64))
    return float(np.dot(losses.astype(np.float64), targets.weights))
