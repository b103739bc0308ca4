"""The objective that every solver minimises: theta and a batch give a loss and its gradient."""

from collections.abc import Iterator
from functools import partial
from typing import Any, final

import numpy as np

from skrnn.losses import Loss
from skrnn.network._inference import Map, outputs, split
from skrnn.network._network import Network, Workspace, Workspaces
from skrnn.network._parameters import NetworkParameters
from skrnn.sequences._batches import Batch, minibatches, room_for
from skrnn.sequences._ragged import Sequences
from skrnn.sequences._targets import Targets


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
        self._plan: list[Batch] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what maps the chunks: workers to which they are sent do not map."""
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
        return self.targets.take(self.network.reading.columns(self.sequences, batch))

    def __call__(self, theta: np.ndarray, batch: Batch, gradient: np.ndarray) -> float:
        """Write the gradient of a minibatch's objective into `gradient`, and return the objective."""
        parameters = self._views(theta)
        packed = self.network.pack(parameters)
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
        loss, n_targets = self._sum_gradient(parameters, packed, batch, room, self._views(gradient))
        n_targets = n_targets or 1.0  # a batch without any has a loss and a gradient of zero
        if self.bptt_steps is not None:
            self.network.carry_state(batch, room)
        gradient *= 1.0 / n_targets
        return loss / n_targets + self._add_penalty(theta, gradient)

    def _begin(self, batch: Batch, room: Workspace) -> None:
        """Begin anew, unless the batch carries on."""
        if not batch.carries_on and (self.bptt_steps is not None or self.rng is not None):
            room.begin(self.network, self.rng)

    # All the data

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all the data and its gradient, a new array of the dtype of the data."""
        theta = theta.astype(self.dtype, copy=False)
        if self._plan is None:
            self._plan = split(self.network, self.sequences)
        loss, gradient = 0.0, np.zeros(len(theta), self.dtype)
        for of_chunk, gradient_of_chunk in self.map_chunks(partial(self._of_chunk, theta), self._plan):
            loss += of_chunk
            gradient += gradient_of_chunk
        gradient *= 1.0 / self.n_targets
        return loss / self.n_targets + self._add_penalty(theta, gradient), gradient

    def _of_chunk(self, theta: np.ndarray, chunk: Batch) -> tuple[float, np.ndarray]:
        """Return the sum of a chunk's losses, and its gradient."""
        parameters, gradient = self.network.layout.views(theta), np.empty_like(theta)
        d_parameters = self.network.layout.views(gradient)
        with self._rooms.take(room_for(self.sequences, chunk.n_timesteps), len(chunk)) as room:
            loss, _ = self._sum_gradient(parameters, self.network.pack(parameters), chunk, room, d_parameters)
        return loss, gradient

    def evaluate(self, theta: np.ndarray) -> tuple[float, float]:
        """Return the mean loss over all the data, without the penalty and with nothing dropped, and the score."""
        raw, targets = self.raw(theta), self.targets
        losses = self.loss.loss_gradient(targets.values, raw, np.empty_like(raw), targets.present)
        score = self.loss.score(targets.values, raw, targets.weights, targets.present)
        return _weigh(targets, losses) / self.n_targets, score

    def raw(self, theta: np.ndarray) -> np.ndarray:
        """Return the raw outputs over all the data, (n_outputs, n_columns), in the order of the targets."""
        return outputs(self.network, theta, self.sequences, self.map_chunks)

    # Both

    def _sum_gradient(
        self,
        parameters: NetworkParameters,
        packed: list[np.ndarray],
        batch: Batch,
        room: Workspace,
        d_parameters: NetworkParameters,
    ) -> tuple[float, float]:
        """Write the gradient of the sum of a batch's weighted losses, and return that sum and the number of targets."""
        raw = self.network.forward(packed, parameters.readout, self.sequences, batch, room)
        targets = self._targets_of(batch)
        d_raw = room.d_raw[:, : len(targets)]
        losses = self.loss.loss_gradient(targets.values, raw, d_raw, targets.present)
        if targets.weights is not None:
            d_raw *= targets.weights
        self.network.backward(packed, parameters.readout, batch, room, d_parameters)
        return _weigh(targets, losses), targets.count()

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
        np.multiply(self._penalties, theta, out=self._weighted_theta)
        gradient += self._weighted_theta
        return 0.5 * float(np.dot(self._weighted_theta, theta))


def _weigh(targets: Targets, losses: np.ndarray) -> float:
    """Return the weighted sum of losses."""
    if targets.weights is None:
        return float(np.add.reduce(losses, dtype=np.float64))
    return float(np.dot(losses.astype(np.float64), targets.weights))
