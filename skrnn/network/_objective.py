"""The objective: the weighted mean loss of a network, plus a penalty on its weights."""

from typing import Any, final

import numpy as np

from skrnn._caching import cached_property
from skrnn.losses._base import Loss
from skrnn.network._inference import ForwardPlan, Map, infer
from skrnn.network._network import Network
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences
from skrnn.sequences._targets import Targets


@final
class Objective:
    """Weighted mean loss of a network, plus alpha / 2 times the sum of squared weights.

    L(theta) = sum_i w_i loss_i / sum_i w_i + alpha / 2 * ||weights||^2, without biases; i counts sequences, or with
    `return_sequences` timesteps with a target. Weights are normalised once, over all data. Solvers use it in one of
    three forms: `MinibatchObjective`, `FullObjective` or `SumOfSquares`.

    `alpha` is the parameter of the estimators divided by the sum of the targets' weights. `map_chunks` maps a function
    over the chunks of all data.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        sequences: Sequences,
        targets: Targets,
        alpha: float,
        *,
        map_chunks: Map = map,
    ) -> None:
        self.network = network
        self.loss = loss
        self.sequences = sequences
        self.dtype = sequences.dtype
        self.targets = targets.normalised(self.dtype)
        self.map_chunks = map_chunks
        self.n_samples = len(sequences)
        self.n_targets = targets.count()  # which is the sum of the normalised weights
        self.penalties = np.where(network.layout.is_weight(), alpha, 0.0).astype(self.dtype)
        self._weighted_theta = np.empty_like(self.penalties)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the map over chunks, which workers do not use."""
        return {**self.__dict__, "map_chunks": map}

    def evaluate(self, theta: np.ndarray) -> tuple[float, float]:
        """Return the mean loss over all data, without penalty and dropout, and the score."""
        raw, targets = self.raw(theta), self.targets
        losses = self.loss.loss_gradient(targets.values, raw, np.empty_like(raw), targets.present)
        score = self.loss.score(targets.values, raw, targets.weights, targets.present)
        return weighted_sum(losses, targets.weights) / self.n_targets, score

    def raw(self, theta: np.ndarray) -> np.ndarray:
        """Return the raw outputs for all data, (n_outputs, n_columns), in the order of the targets."""
        return infer(self.network, theta, self._forward_plan, self.map_chunks)

    @cached_property
    def _forward_plan(self) -> ForwardPlan:
        """The chunks and segments of a forward pass over all data."""
        return ForwardPlan.of(self.network, self.sequences)

    def columns_of(self, batch: Batch) -> np.ndarray:
        """Return the indices of the columns of a batch among all targets."""
        return self.network.pooling.columns(self.sequences, batch)

    def targets_of(self, batch: Batch) -> Targets:
        """Return the targets of a batch, in the order of its columns."""
        return self.targets.take(self.columns_of(batch))

    def count(self, batch: Batch) -> float:
        """Return the number of targets of a batch: its weight in a mean over batches."""
        if self.targets.weights is None and self.targets.present is None:
            return self.network.pooling.n_columns(batch)
        return self.targets_of(batch).count()

    def sum_losses(self, targets: Targets, raw: np.ndarray, d_raw: np.ndarray) -> float:
        """Write the gradient of the weighted sum of losses of some columns into `d_raw`, and return the sum."""
        losses = self.loss.loss_gradient(targets.values, raw, d_raw, targets.present)
        if targets.weights is not None:
            d_raw *= targets.weights
        return weighted_sum(losses, targets.weights)

    def penalty(self, theta: np.ndarray) -> float:
        """Return the penalty."""
        np.multiply(self.penalties, theta, out=self._weighted_theta)
        return 0.5 * float(np.dot(self._weighted_theta, theta))

    def add_penalty(self, theta: np.ndarray, gradient: np.ndarray) -> float:
        """Add the gradient of the penalty to `gradient` and return the penalty."""
        penalty = self.penalty(theta)
        gradient += self._weighted_theta
        return penalty


def weighted_sum(losses: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the weighted sum of losses, added up in float64."""
    if weights is None:
        return float(np.add.reduce(losses, dtype=np.float64))
    return float(np.dot(losses.astype(np.float64), weights))
