"""Batches: which sequences go through the network together, and how many of them run at each timestep."""

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, log2
from typing import Self, final

import numpy as np

from skrnn.sequences._ragged import Sequences

Segments = list[tuple[int, int, int]]

#: By how much lengths are disturbed at most, by a share and by timesteps, before sequences of similar length are put
#: into one minibatch: so that the same ones do not meet in every epoch.
_LENGTH_SHARE, _LENGTH_TIMESTEPS = 0.03, 2.0


@final
class Batch:
    """Sequences, or pieces of them, that go through the network together, the longest first.

    Since the longest come first, the sequences that still run at a timestep are the first `n_running` columns of
    every array: padding costs nothing, and no mask multiplies anything.

    Parameters
    ----------
    indices : ndarray of shape (n_sequences,), int
        The sequences, in the order of the columns.
    lengths : ndarray of shape (n_sequences,), int
        Number of timesteps of each, never increasing.
    first : int or ndarray of shape (n_sequences,), int, default=0
        Timestep of the sequences at which the batch begins.
    n_columns : int or None, default=None
        Number of sequences of the batch that this one is a piece of: the states of as many columns are carried on.
    carries_on : bool, default=False
        Whether the states begin as the piece before has left them.

    Attributes
    ----------
    n_timesteps : int
        Length of the longest.
    segments : list of (start, stop, n_running)
        Runs of timesteps at which the same number of sequences run, in order.
    lead_in : list of Batch
        Pieces of the same sequences that come before this one, and are gone through for the states they leave alone.
    """

    def __init__(
        self,
        indices: np.ndarray,
        lengths: np.ndarray,
        *,
        first: int | np.ndarray = 0,
        n_columns: int | None = None,
        carries_on: bool = False,
    ) -> None:
        self.indices = indices
        self.lengths = lengths
        self.first = first
        self.n_columns = len(indices) if n_columns is None else n_columns
        self.carries_on = carries_on
        self.lead_in: list[Batch] = []
        self.n_timesteps = int(lengths[0])
        if lengths[-1] == self.n_timesteps:
            self.segments = [(0, self.n_timesteps, len(indices))]
            return
        stops, n_ending = np.unique(lengths, return_counts=True)
        n_running = np.cumsum(n_ending[::-1])[::-1]
        starts = np.concatenate([[0], stops[:-1]])
        self.segments = list(zip(starts.tolist(), stops.tolist(), n_running.tolist(), strict=True))

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
        return sum((stop - start) * n_running for start, stop, n_running in self.segments)

    def columns(self, sequences: Sequences) -> np.ndarray:
        """Return where each timestep is if all timesteps of all sequences stand one after another.

        Timestep after timestep, and in each the sequences that run.
        """
        begin = sequences.first_columns[self.indices] + self.first
        return np.concatenate(
            [(begin[:n_running] + np.arange(start, stop)[:, None]).ravel() for start, stop, n_running in self.segments]
        )

    def parts(self, n_sequences: int) -> "list[Batch]":
        """Return the batch cut into as few as possible, of about one size, with at most so many sequences each."""
        n_parts = ceil(len(self) / n_sequences)
        if n_parts == 1:
            return [self]
        cuts = [len(self) * number // n_parts for number in range(n_parts + 1)]
        return [Batch(self.indices[first:last], self.lengths[first:last]) for first, last in pairwise(cuts)]

    def pieces(self, n_timesteps: int) -> "list[Batch]":
        """Return the batch cut every `n_timesteps`: every piece but the first carries on from the one before."""
        if n_timesteps >= self.n_timesteps:
            return [self]
        starts = range(0, self.n_timesteps, n_timesteps)
        return [self._piece(start, np.minimum(self.lengths - start, n_timesteps), start > 0) for start in starts]

    def tail(self, n_timesteps: int) -> "Batch":
        """Return the last `n_timesteps` of every sequence, or all that it has, led in by what comes before."""
        if n_timesteps >= self.n_timesteps:
            return self
        n_before = np.maximum(self.lengths - n_timesteps, 0)
        tail = self._piece(n_before, self.lengths - n_before, carries_on=True)
        tail.lead_in = self._piece(0, n_before, carries_on=False).pieces(n_timesteps)
        return tail

    def _piece(self, start: int | np.ndarray, lengths: np.ndarray, carries_on: bool) -> "Batch":
        """Return a piece that begins `start` timesteps after this batch does, without columns of no length."""
        n = int(np.count_nonzero(lengths > 0))
        first = self.first + (start[:n] if isinstance(start, np.ndarray) else start)
        return Batch(self.indices[:n], lengths[:n], first=first, n_columns=self.n_columns, carries_on=carries_on)


def minibatches(sequences: Sequences, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Batch]:
    """Yield batches that cover all sequences once: in a random order, or in the given one without `rng`.

    In a random order, sequences of similar length come together, so that few of a batch wait for its longest.
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

    A batch has no more sequences than fit into `n_steps` timesteps if all took the room of its longest, or `least`.
    Below that there is a batch for every `enough` sequences; what is left over makes batches larger, so that those of
    one length are of one size, or nearly so, and workers have as much to do. Of windows that share rows, those that the
    beginning of the series cuts short are in batches of their own: they are no neighbours of the others.
    """
    order = np.argsort(-sequences.lengths, kind="stable")
    n_longest = int(np.count_nonzero(sequences.lengths == sequences.max_length))
    batches, first = [], 0
    while first < len(order):
        most = max(least, n_steps // room_for(sequences, int(sequences.lengths[order[first]])))
        n_left = (n_longest if first < n_longest and sequences.share_rows else len(order)) - first
        size = ceil(n_left / max(ceil(n_left / most), n_left // enough))
        batches.append(Batch.of(sequences, order[first : first + size]))
        first += size
    return batches


def room_for(sequences: Sequences, n_timesteps: int) -> int:
    """Return for how many timesteps there should be room: one of few numbers, so that rooms are used again."""
    return min(sequences.max_length, ceil(2.0 ** (ceil(3.0 * log2(n_timesteps)) / 3.0)))
