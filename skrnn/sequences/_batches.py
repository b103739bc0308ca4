"""Batches: which sequences are processed together, and how many of them are running at each timestep."""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, log2
from typing import Self, final

import numpy as np

from skrnn.sequences._ragged import Sequences

#: (start, stop, n_running) of consecutive timesteps with the same number of running sequences.
Spans = list[tuple[int, int, int]]

#: Maximum random change of lengths, relative and in timesteps, before sequences of similar length are put into
# minibatches, so that minibatches differ between epochs.
_LENGTH_SHARE, _LENGTH_TIMESTEPS = 0.03, 2.0


@final
class Batch:
    """Sequences, or segments of them, that are processed together, longest first.

    Because of this order, the sequences that are running at a timestep are the first `n_running` columns of every
    array: padding costs nothing, and no masks are needed.

    `first` is the first timestep of the batch in the sequences, or one for each of them, (n_sequences,). `n_columns` is
    the number of sequences of the batch that this is a segment of, and so of the states that are carried over.
    """

    def __init__(
        self,
        indices: np.ndarray,  # of the sequences, in the order of the columns, (n_sequences,)
        lengths: np.ndarray,  # number of timesteps of each, in descending order
        *,
        first: int | np.ndarray = 0,
        n_columns: int | None = None,
        carries_on: bool = False,  # whether the initial states are the final states of the previous segment
    ) -> None:
        self.indices = indices
        self.lengths = lengths
        self.first = first
        self.n_columns = len(indices) if n_columns is None else n_columns
        self.carries_on = carries_on
        #: Earlier segments of the same sequences, which are only unrolled for their final states.
        self.lead_in: list[Batch] = []
        self.n_timesteps = int(lengths[0])
        if lengths[-1] == self.n_timesteps:
            self.spans = [(0, self.n_timesteps, len(indices))]
            return
        stops, n_ending = np.unique(lengths, return_counts=True)
        n_running = np.cumsum(n_ending[::-1])[::-1]
        starts = np.concatenate([[0], stops[:-1]])
        self.spans = list(zip(starts.tolist(), stops.tolist(), n_running.tolist(), strict=True))

    @classmethod
    def of(cls, sequences: Sequences, indices: np.ndarray) -> Self:
        """Return the batch of the sequences at `indices`."""
        lengths = sequences.lengths[indices]
        if not sequences.equal_lengths:
            order = np.argsort(-lengths, kind="stable")
            indices, lengths = indices[order], lengths[order]
        return cls(indices, lengths)

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.indices)

    def n_steps(self) -> int:
        """Return the number of timesteps of all sequences together."""
        return sum((stop - start) * n_running for start, stop, n_running in self.spans)

    def columns(self, sequences: Sequences) -> np.ndarray:
        """Return the index of each timestep among all timesteps, one sequence after another.

        The indices are ordered by timestep, and within it by sequence.
        """
        begin = sequences.first_columns[self.indices] + self.first
        return np.concatenate(
            [(begin[:n_running] + np.arange(start, stop)[:, None]).ravel() for start, stop, n_running in self.spans]
        )

    def chunks(self, n_sequences: int) -> "list[Batch]":
        """Return the batch in as few chunks as possible, of about equal size, with at most `n_sequences` each."""
        n_chunks = ceil(len(self) / n_sequences)
        if n_chunks == 1:
            return [self]
        cuts = [len(self) * number // n_chunks for number in range(n_chunks + 1)]
        return [Batch(self.indices[first:last], self.lengths[first:last]) for first, last in pairwise(cuts)]

    def segments(self, n_timesteps: int) -> "list[Batch]":
        """Return the batch cut every `n_timesteps`; each segment after the first continues the previous one."""
        if n_timesteps >= self.n_timesteps:
            return [self]
        starts = range(0, self.n_timesteps, n_timesteps)
        return [self._segment(start, np.minimum(self.lengths - start, n_timesteps), start > 0) for start in starts]

    def tail(self, n_timesteps: int) -> "Batch":
        """Return the last `n_timesteps` of every sequence, or all if it has fewer, with the rest as lead-in."""
        if n_timesteps >= self.n_timesteps:
            return self
        n_before = np.maximum(self.lengths - n_timesteps, 0)
        tail = self._segment(n_before, self.lengths - n_before, carries_on=True)
        tail.lead_in = self._segment(0, n_before, carries_on=False).segments(n_timesteps)
        return tail

    def _segment(self, start: int | np.ndarray, lengths: np.ndarray, carries_on: bool) -> "Batch":
        """Return the segment that begins `start` timesteps after this batch, without empty columns."""
        n = int(np.count_nonzero(lengths > 0))
        first = self.first + (start[:n] if isinstance(start, np.ndarray) else start)
        return Batch(self.indices[:n], lengths[:n], first=first, n_columns=self.n_columns, carries_on=carries_on)


def minibatches(sequences: Sequences, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Batch]:
    """Yield batches that cover all sequences once: in random order, or without `rng` in the given order.

    In random order, sequences of similar length are put together.
    """
    n_samples = len(sequences)
    starts = np.arange(0, n_samples, batch_size)
    if rng is None:
        order = np.arange(n_samples)
    elif sequences.equal_lengths:
        order = rng.permutation(n_samples)
    else:
        disturbance = _LENGTH_SHARE * sequences.lengths + _LENGTH_TIMESTEPS
        order = np.argsort(sequences.lengths + disturbance * rng.uniform(-1.0, 1.0, n_samples), kind="stable")
        rng.shuffle(starts)
    for start in starts:
        yield Batch.of(sequences, order[start : start + batch_size])


def chunks(sequences: Sequences, n_steps: int, least: int, enough: int) -> list[Batch]:
    """Return batches that cover all sequences once, similar lengths together.

    A batch has at most as many sequences as fit into `n_steps` timesteps if all were as long as its longest, or
    `least`. Within this limit there is one batch for every `enough` sequences. The remainder is distributed among the
    batches, so that those of one length have almost the same size, and workers have equal work. If windows share rows,
    those that are shorter, at the beginning of the series, have separate batches, because they are not adjacent to the
    others.
    """
    if len(sequences) == 1:  # without the overhead, which is most of a short prediction
        return [Batch(np.zeros(1, dtype=np.intp), sequences.lengths)]
    order = np.argsort(-sequences.lengths, kind="stable")
    n_longest = int(np.count_nonzero(sequences.lengths == sequences.max_length))
    batches, first = [], 0
    while first < len(order):
        most = max(least, n_steps // n_allocated_timesteps(sequences, int(sequences.lengths[order[first]])))
        n_left = (n_longest if first < n_longest and sequences.share_rows else len(order)) - first
        size = ceil(n_left / max(ceil(n_left / most), n_left // enough))
        batches.append(Batch.of(sequences, order[first : first + size]))
        first += size
    return batches


def n_allocated_timesteps(sequences: Sequences, n_timesteps: int) -> int:
    """Return the number of timesteps of a workspace: one of few values, so that workspaces can be reused."""
    return min(sequences.max_length, ceil(2.0 ** (ceil(3.0 * log2(n_timesteps)) / 3.0)))
