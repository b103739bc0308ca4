"""The objective that every solver minimises: theta and a batch give a loss and its gradient."""

from collections.abc import Iterator
from typing import final

import numpy as np

from skrnn.losses import Loss
from skrnn.network._network import Network, Workspace
from skrnn.network._parameters import NetworkParameters
from skrnn.sequences._batches import Batch, minibatches
from skrnn.sequences._ragged import Sequences


@final
class Objective:
    """Mean loss of a network over weighted sequences, plus half of alpha times the sum of squared weights.

    L(theta) = sum_i w_i loss_i / sum_i w_i + alpha / 2 * ||weights||^2, biases free of the penalty. On a minibatch
    the first term is the mean over its sequences of w_i loss_i / mean(w): weights are normalised once, over the whole
    data, so that minibatches of heavy sequences count for more.

    Parameters
    ----------
    network : Network
        The network, which holds no parameters.
    loss : Loss
        The pointwise loss.
    sequences : Sequences
        The data.
    y : ndarray of shape (n_outputs, n_samples)
        Targets, of the dtype of the sequences.
    sample_weight : ndarray of shape (n_samples,) or None
        None weighs all sequences alike.
    alpha : float
        Strength of the penalty.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        sequences: Sequences,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
        alpha: float,
    ) -> None:
        self.network = network
        self.loss = loss
        self.sequences = sequences
        self.y = y
        self.dtype = sequences.rows.dtype
        self.weights = None
        if sample_weight is not None:
            self.weights = (sample_weight / sample_weight.mean()).astype(self.dtype)
        self.n_samples = len(sequences)
        self._penalties = np.where(network.layout.is_weight(), alpha, 0.0).astype(self.dtype)
        self._weighted_theta = np.empty_like(self._penalties)
        self._known_views: list[tuple[np.ndarray, NetworkParameters]] = []
        self._rooms: dict[int, Workspace] = {}
        self._plan: list[Batch] | None = None

    def minibatches(self, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Batch]:
        """Yield batches that cover the data once, shuffled by `rng` where given."""
        return minibatches(self.sequences, batch_size, rng)

    def __call__(self, theta: np.ndarray, batch: Batch, gradient: np.ndarray) -> float:
        """Write the gradient of a minibatch's objective into `gradient`, and return the objective."""
        loss = self._mean_loss_gradient(theta, batch, len(batch), gradient)
        return loss + self._add_penalty(theta, gradient)

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all the data and its gradient, a new array of the dtype of the data."""
        theta = theta.astype(self.dtype, copy=False)
        loss, gradient = 0.0, np.zeros(len(theta), self.dtype)
        of_chunk = np.empty_like(gradient)
        for chunk in self._all_chunks():
            loss += self._mean_loss_gradient(theta, chunk, self.n_samples, of_chunk)
            gradient += of_chunk
        return loss + self._add_penalty(theta, gradient), gradient

    def mean_loss(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean loss without the penalty, and the raw outputs, (n_outputs, n_samples)."""
        loss, all_raw = 0.0, np.empty_like(self.y)
        for chunk, raw in self.network.outputs(theta, self.sequences, self._all_chunks()):
            all_raw[:, chunk.indices] = raw
            losses = self.loss.loss_gradient(self.y[:, chunk.indices], raw, np.empty_like(raw))
            loss += self._weigh(chunk, losses)
        return loss / self.n_samples, all_raw

    def _all_chunks(self) -> list[Batch]:
        if self._plan is None:
            self._plan = self.network.chunks(self.sequences)
        return self._plan

    def _mean_loss_gradient(self, theta: np.ndarray, batch: Batch, n_samples: int, gradient: np.ndarray) -> float:
        """Write the gradient of (sum of the batch's weighted losses) / n_samples, and return that quotient."""
        size = len(batch)
        room = self._rooms.get(size)
        if room is None:
            max_length = self.sequences.max_length
            room = self._rooms[size] = Workspace(self.network, max_length, size, self.dtype, backward=True)
        parameters = self._views(theta)
        packed = self.network.pack(parameters)
        raw = self.network.forward(packed, parameters.readout, self.sequences, batch, room)
        losses = self.loss.loss_gradient(self.y.take(batch.indices, axis=1), raw, room.d_raw)
        loss = self._weigh(batch, losses, room.d_raw) / n_samples
        room.d_raw *= 1.0 / n_samples
        self.network.backward(packed, parameters.readout, batch, room, self._views(gradient))
        return loss

    def _views(self, theta: np.ndarray) -> NetworkParameters:
        """Return named views on theta or a gradient; a solver passes the same two arrays again and again."""
        for known, views in self._known_views:
            if known is theta:
                return views
        views = self.network.layout.views(theta)
        self._known_views = [(theta, views), *self._known_views[:1]]
        return views

    def _weigh(self, batch: Batch, losses: np.ndarray, d_raw: np.ndarray | None = None) -> float:
        """Return the weighted sum of a batch's losses, and scale `d_raw`, where given, by the same weights."""
        if self.weights is None:
            return float(np.add.reduce(losses, dtype=np.float64))
        weights = self.weights[batch.indices]
        if d_raw is not None:
            d_raw *= weights
        return float(np.dot(losses.astype(np.float64), weights))

    def _add_penalty(self, theta: np.ndarray, gradient: np.ndarray) -> float:
        """Add the gradient of the penalty to `gradient` and return the penalty."""
        np.multiply(self._penalties, theta, out=self._weighted_theta)
        gradient += self._weighted_theta
        return 0.5 * float(np.dot(self._weighted_theta, theta))
