"""The objective: the weighted mean loss of a network, plus a penalty on its weights; its form for minibatches."""

from collections.abc import Iterator
from functools import partial
from math import ceil
from typing import Any, final

import numpy as np

from skrnn._caching import cached_property
from skrnn.losses._base import Loss
from skrnn.network._inference import ForwardPlan, Map, infer
from skrnn.network._network import Network, Workspace
from skrnn.network._parameters import NetworkParameters, ReadoutParameters
from skrnn.sequences._batches import Batch, minibatches
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


#: Maximum number of sequences that are processed together: more would leave the cache between the two passes.
_MOST_SEQUENCES = 2048

#: Multiplications in the forward pass of a part from which a thread of its own pays off.
_LEAST_WORK = 10_000_000


@final
class MinibatchObjective:
    """The objective with the mean over the targets of a minibatch instead of over all targets.

    A target i contributes w_i loss_i / mean(w), with the mean weight of all data, so minibatches with larger weights
    count for more.

    With `bptt_steps`, minibatches are divided into segments of that many timesteps, each treated as a minibatch:
    states are carried from segment to segment, errors are not (Williams, Peng 1990, doi:10.1162/neco.1990.2.4.490). If
    a sequence has a single target, only its last segment is used for learning.

    `rng` draws dropout masks, if any. `n_threads` of the objective's `map_chunks` share the sequences of a large
    minibatch: the gradient agrees with that of one thread to rounding, and is the same bit for bit for the same number
    of threads.
    """

    def __init__(
        self,
        objective: Objective,
        *,
        bptt_steps: int | None = None,
        rng: np.random.RandomState | None = None,
        n_threads: int = 1,
    ) -> None:
        self.objective = objective
        self.network, self.sequences = objective.network, objective.sequences
        self.n_samples = objective.n_samples
        self.count = objective.count
        self.bptt_steps = bptt_steps
        self.rng = rng
        self.n_threads = n_threads
        self._n_timesteps = min(self.sequences.max_length, bptt_steps or self.sequences.max_length)
        # One workspace per number of columns, with the states of the previous segment; each thread has its own.
        self._workspaces: dict[tuple[int, int, bool], Workspace] = {}
        self._known_views: list[tuple[np.ndarray, NetworkParameters]] = []

    def minibatches(self, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Batch]:
        """Yield batches that cover the data once, shuffled with `rng` if given, in segments that have targets."""
        for batch in minibatches(self.sequences, batch_size, rng):
            if self.bptt_steps is None:
                yield batch
            elif self.network.return_sequences:
                yield from self._segments_with_targets(batch.segments(self.bptt_steps))
            else:
                yield batch.tail(self.bptt_steps)

    def _segments_with_targets(self, segments: list[Batch]) -> Iterator[Batch]:
        """Yield the segments that have targets; the others are the lead-in of the next one that has."""
        lead_in: list[Batch] = []
        for segment in segments:
            if self.count(segment) == 0:
                lead_in.append(segment)
            else:
                segment.lead_in, lead_in = lead_in, []
                yield segment

    def __call__(self, theta: np.ndarray, batch: Batch, gradient: np.ndarray) -> float:
        """Write the gradient of a minibatch's objective into `gradient`, and return the objective."""
        parameters = self._views(theta)
        packed, readout = self.network.pack(parameters), parameters.readout
        loss, n_targets = 0.0, 0.0
        for number, parts in enumerate(self._divided(batch)):
            written = [gradient] if number == 0 else []  # by the first part; those of the others are added
            added = [np.empty_like(gradient) for _ in parts[len(written) :]]
            for loss_of_part, n_of_part in self._sums_of(packed, readout, parts, written + added):
                loss, n_targets = loss + loss_of_part, n_targets + n_of_part
            for of_part in added:
                gradient += of_part
        n_targets = n_targets or 1.0  # without targets, loss and gradient are zero
        gradient *= 1.0 / n_targets
        return loss / n_targets + self.objective.add_penalty(theta, gradient)

    def _divided(self, batch: Batch) -> list[list[Batch]]:
        """Return the chunks of a batch, which are processed one after another, each in one part per thread."""
        # Segments continue the states of the previous segment, so their sequences stay together.
        if self.bptt_steps is not None:
            return [[batch]]
        chunks = batch.chunks(_MOST_SEQUENCES)
        if self.n_threads == 1 or chunks[0].n_steps() * len(self.objective.penalties) < _LEAST_WORK * self.n_threads:
            return [[chunk] for chunk in chunks]
        return [chunk.chunks(ceil(len(chunk) / self.n_threads)) for chunk in chunks]

    def _sums_of(
        self, packed: list[np.ndarray], readout: ReadoutParameters, parts: list[Batch], gradients: list[np.ndarray]
    ) -> list[tuple[float, float]]:
        """Return what `_sums` returns for each part of a chunk, one part per thread."""
        concurrent = len(parts) > 1
        workspaces = [self._begun(packed, part, thread, concurrent) for thread, part in enumerate(parts)]
        map_parts = self.objective.map_chunks if concurrent else map
        return list(map_parts(partial(self._sums, packed, readout), parts, workspaces, map(self._views, gradients)))

    def _begun(self, packed: list[np.ndarray], batch: Batch, thread: int, concurrent: bool) -> Workspace:
        """Return the workspace of a thread, with initial states and masks; masks are thus drawn in a fixed order."""
        network, workspace = self.network, self._workspace(batch.n_columns, thread, concurrent)
        for segment in batch.lead_in:
            self._begin(segment, workspace)
            network.load(self.sequences, segment, workspace)
            network.unroll(packed, segment, workspace)
            network.carry_state(segment, workspace)
        self._begin(batch, workspace)
        return workspace

    def _sums(
        self,
        packed: list[np.ndarray],
        readout: ReadoutParameters,
        batch: Batch,
        workspace: Workspace,
        d_parameters: NetworkParameters,
    ) -> tuple[float, float]:
        """Write the gradient of the sum of losses into `d_parameters`; return the sums of losses and weights."""
        network = self.network
        raw = network.forward(packed, readout, self.sequences, batch, workspace)
        targets = self.objective.targets_of(batch)
        loss = self.objective.sum_losses(targets, raw, workspace.d_raw[:, : len(targets)])
        network.backward(packed, readout, batch, workspace, d_parameters)
        if self.bptt_steps is not None:
            network.carry_state(batch, workspace)
        return loss, targets.count()

    def _workspace(self, n_columns: int, thread: int, concurrent: bool) -> Workspace:
        """Return the workspace of a thread for batches of `n_columns`."""
        key = n_columns, thread, concurrent
        if key not in self._workspaces:
            network, shape, dtype = self.network, (self._n_timesteps, n_columns), self.objective.dtype
            self._workspaces[key] = Workspace(network, *shape, dtype, backward=True, concurrent=concurrent)
        return self._workspaces[key]

    def _begin(self, batch: Batch, workspace: Workspace) -> None:
        """Begin with states of zeros and new masks, unless the batch continues the previous one."""
        if not batch.carries_on and (self.bptt_steps is not None or self.rng is not None):
            workspace.begin(self.network, self.rng)

    def _views(self, theta: np.ndarray) -> NetworkParameters:
        """Return named views of theta or a gradient, cached because a solver always passes the same two arrays."""
        for known, views in self._known_views:
            if known is theta:
                return views
        views = self.network.layout.views(theta)
        self._known_views = [(theta, views), *self._known_views[:1]]
        return views
