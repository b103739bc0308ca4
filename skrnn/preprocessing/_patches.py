"""Patches of consecutive timesteps: their number per sequence, and the position of each timestep in them."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray


@final
class Patches:
    """Patches of `size` timesteps each, of which the last one of a sequence ends with the sequence.

    Consecutive patches start `stride` timesteps apart. The first patch of a sequence begins with its first timestep,
    which is repeated if the patch would be incomplete.

    Parameters
    ----------
    lengths : ndarray of shape (n_samples,), int
        Number of timesteps of each sequence; it may be zero.
    size, stride : int
        Timesteps per patch, and between the starts of consecutive patches, at most `size`.

    Attributes
    ----------
    counts : ndarray of shape (n_samples,), int
        Number of patches of each sequence.
    """

    def __init__(self, lengths: NDArray[np.integer], size: int, stride: int) -> None:
        self.lengths, self.size, self.stride = lengths, size, stride
        n_more = np.maximum(-((size - lengths) // stride), 0)  # (lengths - size) / stride, rounded up
        self.counts = np.where(lengths > 0, 1 + n_more, 0)

    @property
    def n_repeated(self) -> NDArray[np.integer]:
        """How often the first timestep of each sequence is repeated, (n_samples,)."""
        return self.size + (self.counts - 1) * self.stride - self.lengths

    def timesteps(self) -> NDArray[np.integer]:
        """Return the indices of the timesteps of all patches, (n_patches of all, size), one sequence after another."""
        starts = np.repeat(np.cumsum(self.lengths) - self.lengths, self.counts)
        firsts = starts + self.stride * _ranks(self.counts) - np.repeat(self.n_repeated, self.counts)
        return np.maximum(firsts[:, np.newaxis] + np.arange(self.size), starts[:, np.newaxis])

    def places(self) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Return the patch of each timestep of all sequences, and its position in that patch.

        Patches are numbered one sequence after another. If several contain a timestep, it is the first of them.
        """
        places = _ranks(self.lengths) + np.repeat(self.n_repeated, self.lengths)
        patches = np.maximum((places - self.size) // self.stride + 1, 0)
        first_patches = np.repeat(np.cumsum(self.counts) - self.counts, self.lengths)
        return first_patches + patches, places - self.stride * patches


def _ranks(counts: NDArray[np.integer]) -> NDArray[np.integer]:
    """Return 0, 1, ... up to each count, one after another."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def view_patches(X: NDArray[Any], size: int, stride: int) -> NDArray[Any] | None:
    """View X, (n_samples, n_timesteps, n_features), as patches, (n_samples, n_patches, size * n_features), read-only.

    None if the first patch would be incomplete, or consecutive timesteps are not adjacent in memory.
    """
    n_samples, n_timesteps, n_features = X.shape
    by_sample, by_timestep, by_feature = X.strides
    by_feature = by_timestep if n_features == 1 else by_feature
    if n_timesteps < size or (n_timesteps - size) % stride or by_timestep != n_features * by_feature:
        return None
    shape = n_samples, (n_timesteps - size) // stride + 1, size * n_features
    strides = by_sample, stride * by_timestep, by_feature
    return np.lib.stride_tricks.as_strided(X, shape, strides, writeable=False)
