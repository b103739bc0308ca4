"""Training data in the form that the network uses, and the part that early stopping holds out."""

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, final

import numpy as np
from sklearn.model_selection import train_test_split

from skrnn._inputs._messages import naming
from skrnn._inputs._values import check_size
from skrnn.estimators._feature_scaling import FeatureScaling, check_sequences
from skrnn.estimators._target_encoder import unit_of
from skrnn.sequences._ragged import Sequences
from skrnn.sequences._targets import Targets

#: Minimum sum of all weights: divided by less, the penalty would have no finite gradient.
_LEAST_WEIGHT = 1e-6


@final
@dataclass(frozen=True)
class TrainingData:
    """Sequences and their targets: one column per sequence, or per timestep if `per_timestep`."""

    sequences: Sequences
    targets: Targets
    per_timestep: bool
    unit: float = 1.0  # of the weights

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.sequences)

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the targets; a column with some targets missing counts as a fraction."""
        weights = 1.0 if self.targets.weights is None else self.targets.weights
        return max(self.unit * float((weights * self.targets.shares()).sum()), _LEAST_WEIGHT)

    def scaling(self, dtype: np.dtype) -> FeatureScaling:
        """Return the scaling of the features to mean 0 and variance 1."""
        check_sequences(self.sequences, dtype, "X")
        weights = self.targets.weights
        if weights is not None and self.per_timestep:  # a timestep without a target is still an input
            weights = np.maximum.reduceat(weights, self.sequences.first_columns)
        return FeatureScaling.learn(self.sequences, weights, dtype)

    def scaled(self, scaling: FeatureScaling, dtype: np.dtype, name: str) -> "TrainingData":
        """Return the scaled samples, in the dtype of the computations; `name` is that of X in messages."""
        check_size(self.targets.values, dtype, name.replace("X", "y"))
        return replace(self, sequences=scaling.apply(self.sequences, dtype, name))

    def columns(self, indices: np.ndarray) -> np.ndarray:
        """Return the columns of the targets of the samples at `indices`."""
        return self.sequences.columns(indices) if self.per_timestep else indices

    def take(self, indices: np.ndarray) -> "TrainingData":
        """Return the samples at `indices`."""
        return replace(self, sequences=self.sequences.take(indices), targets=self.targets.take(self.columns(indices)))

    def weighted(self, weights: np.ndarray | None) -> "TrainingData":
        """Return the samples with other weights, (n_columns,), without samples of weight zero."""
        if weights is None:
            return replace(self, targets=replace(self.targets, weights=None))
        unit = unit_of(weights)
        targets = replace(self.targets, weights=weights / unit)
        data = replace(self, targets=targets, unit=self.unit * unit)
        if weights.all():
            return data
        counts = weights > 0.0
        if self.per_timestep:
            counts = np.logical_or.reduceat(counts, self.sequences.first_columns)
        return data if counts.all() else data.take(np.flatnonzero(counts))

    def merge_duplicates(self) -> "TrainingData":
        """Return the distinct samples, weighted by their number, in an order that depends only on their content.

        Full-batch solvers amplify rounding errors: after a hundred iterations a sample of weight two and the same
        sample twice, or another order of the samples, would lead to different parameters. Merged and ordered by their
        content, they give the same result to the last bit. Windows that share wide rows keep the order of the rows,
        which are projected once, so this does not hold for them.
        """
        keys = np.frombuffer(b"".join(self._digests()), dtype=np.uint64).reshape(-1, 2)
        _, first, which = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        which = which.ravel()
        if self.sequences.share_rows:
            order = np.argsort(first)
            first, which = first[order], np.argsort(order)[which]
        merged = self.take(first)
        # The columns of each sample are mapped to those of the sample that it is merged with.
        columns = merged.columns(which)
        weights = np.bincount(columns, self.targets.weights, minlength=len(merged.targets)).astype(np.float64)
        targets = replace(merged.targets, weights=None if (weights == 1.0).all() else weights)
        return replace(merged, targets=targets)

    def _digests(self) -> list[bytes]:
        """Return a digest of each sample: its sequence, its targets, and which of them are present."""
        values = self.targets.values.T.copy(order="C")
        if self.targets.present is not None:
            values = np.concatenate([values, self.targets.present.T], axis=1)
        if self.targets.weights is not None:  # a target that does not count differs from a zero that does
            values[self.targets.weights == 0.0] = np.nan
        firsts = self.sequences.first_columns if self.per_timestep else np.arange(len(self))
        lengths = self.sequences.lengths if self.per_timestep else np.ones(len(self), dtype=np.intp)
        digests = []
        for sample, first, length in zip(self.sequences.arrays(), firsts.tolist(), lengths.tolist(), strict=True):
            digest = blake2b(sample.tobytes(), digest_size=16)
            digest.update(values[first : first + length].tobytes())
            digests.append(digest.digest())
        return digests

    def digest(self, n_sequences: int = 1000) -> str:
        """Return a digest of all targets, weights and lengths, and of `n_sequences` evenly spaced sequences."""
        digest = blake2b(digest_size=16)
        for array in (self.targets.values, self.targets.weights, self.targets.present, self.sequences.lengths):
            digest.update(b"" if array is None else str((array.shape, array.dtype)).encode() + array.tobytes())
        some = np.linspace(0, len(self) - 1, min(n_sequences, len(self))).astype(np.intp)
        for sequence in self.sequences.take(some).arrays():
            digest.update(sequence.tobytes())
        return digest.hexdigest()

    def hold_out(
        self, fraction: float, split: str, stratify: np.ndarray | None, rng: np.random.RandomState
    ) -> tuple["TrainingData", "TrainingData"]:
        """Return the training part and the validation part: a random sample, or with "last" the end."""
        indices = np.arange(len(self.sequences))
        how: dict[str, Any] = {"shuffle": False} if split == "last" else {"random_state": rng, "stratify": stratify}
        of_whom = "samples" if how.get("stratify") is None else "samples of every class"
        with naming("validation_fraction", f"a fraction that leaves {of_whom} in both parts, or X_val and y_val"):
            parts = train_test_split(indices, test_size=fraction, **how)
            if len(parts[1]) < 2 and not self.per_timestep:
                raise ValueError(f"{len(self)} samples leave only one for validation, for which no score is defined.")
            train, validation = self.take(parts[0]), self.take(parts[1])
            for part, purpose in ((train, "training"), (validation, "validation")):
                output = part.targets.empty_output()
                if output is not None:
                    raise ValueError(f"The split leaves no target in output {output} for {purpose}.")
        return train, validation
