"""The scaling of features: learnt from the data, applied to them, and folded into the parameters of layer 0."""

from dataclasses import dataclass
from typing import Any, Self, final

import numpy as np

from skrnn._inputs._values import largest_of, too_large
from skrnn.sequences._ragged import Sequences

#: Location and scale are rounded to so many bits of the scale: they then hardly ever depend on the order in which rows
# are added, and features that are already standardised do not change at all.
_N_BITS = 24
#: Number of rows whose maximum is taken together: reducing row by row costs about as much per row as fifty numbers.
_N_TOGETHER = 64


@final
@dataclass(frozen=True)
class FeatureScaling:
    """Location and scale of each feature, (n_features,): the network's input is (x - location) / scale."""

    location: np.ndarray
    scale: np.ndarray

    @classmethod
    def none(cls, n_features: int) -> Self:
        """Return the scaling that does not change features."""
        return cls(np.zeros(n_features), np.ones(n_features))

    @classmethod
    def of(cls, estimator: Any) -> Self:
        """Return the scaling of a fitted estimator."""
        n_features = estimator.input_weights_[0].shape[1]
        if estimator._feature_location is None:
            return cls.none(n_features)
        return cls(estimator._feature_location, estimator._feature_scale)

    @classmethod
    def learn(cls, sequences: Sequences, weights: np.ndarray | None, dtype: np.dtype) -> Self:
        """Return the scaling to mean 0 and variance 1 over all rows of the sequences, each counted once.

        `weights`, (n_samples,), are those of the sequences; a shared row has the mean of their weights. A constant
        feature is not rescaled, nor is one whose spread is too small for `dtype`.
        """
        of_rows = sequences.row_weights(weights)
        total = of_rows.sum()
        first = sequences.rows[np.argmax(of_rows > 0.0)].astype(np.float64)
        mean, unit, squares = np.zeros((3, len(first)))
        for shares, rows in sequences.read_rows(of_rows):
            rows -= first
            mean += (shares / total) @ rows
            np.maximum(unit, _largest(rows), out=unit)
        unit[unit == 0.0] = 1.0  # in these units no square overflows
        for shares, rows in sequences.read_rows(of_rows):
            rows -= first
            rows -= mean
            rows /= unit
            squares += shares @ np.square(rows, out=rows)
        location, scale = first + mean, np.sqrt(squares / total) * unit
        is_constant = scale <= np.maximum(8.0 * np.finfo(np.float64).eps * np.abs(location), 1.0 / largest_of(dtype))
        scale[is_constant] = 1.0
        grid = np.ldexp(1.0, np.frexp(scale)[1] - _N_BITS)
        return cls(np.round(location / grid) * grid, np.round(scale / grid) * grid)

    @property
    def is_none(self) -> bool:
        """Whether features do not change."""
        return not self.location.any() and bool((self.scale == 1.0).all())

    def distances(self, sequences: Sequences) -> np.ndarray:
        """Return the root mean square of each scaled feature, (n_features,): 1 if its distribution has not changed."""
        of_rows = sequences.row_weights()
        with np.errstate(over="ignore"):
            squares = sum(
                np.square((rows - self.location) / self.scale).sum(axis=0) for _, rows in sequences.read_rows(of_rows)
            )
        return np.sqrt(squares / np.count_nonzero(of_rows))

    def apply(self, sequences: Sequences, dtype: np.dtype, name: str) -> Sequences:
        """Return the scaled sequences, or raise ValueError if sums might overflow."""
        check_sequences(sequences, dtype, name)
        if not self.is_none:
            return sequences.scaled(self.location, self.scale, dtype)
        if sequences.rows.dtype == dtype:
            return sequences
        with np.errstate(over="ignore"):  # in rows that no sequence uses
            return sequences.astype(dtype)

    def fold(self, input_weights: np.ndarray, biases: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the lowest layer's parameters for unscaled features: input weights, biases and their rounding errors.

        These errors, in float64, are large if a feature's location is many times its scale.
        """
        if self.is_none:
            return input_weights, biases, np.zeros(len(biases))
        folded = (input_weights / self.scale).astype(input_weights.dtype)
        shifted = biases.astype(np.float64)
        shifted[: len(folded)] -= folded.astype(np.float64) @ self.location  # of the rounded weights
        rounded = shifted.astype(biases.dtype)
        return folded, rounded, shifted - rounded

    def unfold(self, input_weights: np.ndarray, biases: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the lowest layer's input weights and biases, without rounding, for scaled features."""
        shifted = biases.astype(np.float64)
        shifted[: len(input_weights)] += input_weights.astype(np.float64) @ self.location
        return input_weights * self.scale, shifted

    def store(self, estimator: Any) -> None:
        """Store location and scale as attributes of the estimator."""
        estimator._feature_location, estimator._feature_scale = self.location, self.scale


def _largest(rows: np.ndarray) -> np.ndarray:
    """Return the largest absolute value of each feature, (n_features,), of rows (n_rows, n_features)."""
    sizes = np.abs(rows)
    n_folded = len(sizes) - len(sizes) % _N_TOGETHER
    if n_folded:
        folded = sizes[:n_folded].reshape(-1, _N_TOGETHER * sizes.shape[1]).max(axis=0)
        sizes = np.concatenate([folded.reshape(_N_TOGETHER, -1), sizes[n_folded:]])
    return sizes.max(axis=0)


def check_sequences(sequences: Sequences, dtype: np.dtype, name: str) -> None:
    """Raise ValueError for numbers whose sums in this dtype might overflow."""
    value = sequences.beyond(largest_of(dtype))
    if value is not None:
        raise ValueError(too_large(value, dtype, name))
