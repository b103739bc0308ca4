"""Batches: which sequences go through the network together, and how many of them run at each timestep."""

from collections.abc import Iterator
from typing import final

import numpy as np

from skrnn.sequences._ragged import Sequences


@final
class Batch:
    """Sequences that go through the network together, the longest first.

    Since the longest come first, the sequences that still run at a timestep are the first `n_running` columns of
    every array: padding costs nothing, and no mask multiplies anything.

    Attributes
    ----------
    indices : ndarray of shape (n_sequences,), int
        The sequences, in the order of the columns.
    n_timesteps : int
        Length of the longest.
    segments : list of (start, stop, n_running)
        Runs of timesteps at which the same number of sequences run, in order.
    """

    def __init__(self, sequences: Sequences, indices: np.ndarray) -> None:
        if sequences.equal_lengths:
            self.indices = indices
            self.n_timesteps = sequences.max_length
            self.segments = [(0, self.n_timesteps, len(indices))]
            return
        lengths = sequences.lengths[indices]
        self.indices = indices[np.argsort(-lengths, kind="stable")]
        self.n_timesteps = int(lengths.max())
        stops, n_ending = np.unique(lengths, return_counts=True)
        n_running = np.cumsum(n_ending[::-1])[::-1]
        starts = np.concatenate([[0], stops[:-1]])
        self.segments = list(zip(starts.tolist(), stops.tolist(), n_running.tolist(), strict=True))

    def __len__(self) -> int:
        """Return the number of sequences."""
        return len(self.indices)


def minibatches(sequences: Sequences, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Batch]:
    """Yield batches that cover all sequences once: in a random order, or in the given one without `rng`."""
    n_samples = len(sequences)
    order = np.arange(n_samples) if rng is None else rng.permutation(n_samples)
    for first in range(0, n_samples, batch_size):
        yield Batch(sequences, order[first : first + batch_size])


def chunks(sequences: Sequences, chunk_size: int) -> list[Batch]:
    """Return batches of at most `chunk_size` that cover all sequences once, similar lengths together."""
    order = np.argsort(-sequences.lengths, kind="stable")
    return [Batch(sequences, order[first : first + chunk_size]) for first in range(0, len(order), chunk_size)]
