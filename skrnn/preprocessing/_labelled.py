"""Windows, and the last rows, of a series whose rows may have labels that tell them apart."""

from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._labels import encode_labels
from skrnn.sequences._windows import (
    grouped_windows,
    last_rows,
    n_history_rows,
    pad_series,
    sliding_windows,
    window_dtype,
)


@final
class Rows(NamedTuple):
    """Rows of a series, and what tells them apart.

    Attributes
    ----------
    series : ndarray of shape (n_rows, n_features)
        The rows, oldest first.
    labels : ndarray of shape (n_rows,) or None
        The group of each row; None if all are one series.
    """

    series: NDArray[Any]
    labels: NDArray[Any] | None


def take_last_rows(rows: Rows, n_rows: int) -> Rows:
    """Return a copy of the last `n_rows` rows of each group, in their order and in the dtype of windows."""
    series, labels = rows
    dtype = window_dtype(series)
    if labels is None:
        return Rows(np.array(series[max(0, len(series) - n_rows) :], dtype=dtype), None)
    kept = last_rows(encode_labels(labels)[1], n_rows)
    return Rows(series[kept].astype(dtype), labels[kept])


def make_windows(
    rows: Rows, n_timesteps: int, dilation: int, padding: str, context: Rows | None
) -> NDArray[np.floating]:
    """Return the window of each row, (n_samples, n_timesteps, n_features), read-only: a view if there is one group.

    The rows follow on from those of the context, group by group. It has labels if the rows have.
    """
    series, labels = rows
    if labels is None or not (labels != labels[:1]).any():
        known = None if context is None else _of_one_group(context, labels)
        padded = pad_series(series, n_history_rows(n_timesteps, dilation), padding, known)
        return sliding_windows(padded, n_timesteps, dilation)
    if context is None or context.labels is None:
        return grouped_windows(series, encode_labels(labels)[1], n_timesteps, dilation, padding)
    _, codes = encode_labels(_join_labels(context.labels, labels))
    return grouped_windows(series, codes, n_timesteps, dilation, padding, context.series)


def _of_one_group(context: Rows, labels: NDArray[Any] | None) -> NDArray[Any]:
    """Return the rows of a context whose label is that of all `labels`, or all rows where there are no labels."""
    if labels is None or context.labels is None:
        return context.series
    _, codes = encode_labels(_join_labels(context.labels, labels[:1]))
    return context.series[codes[:-1] == codes[-1]]


def _join_labels(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return both arrays of labels in one, in which labels are equal only if they were."""
    if first.dtype.kind != second.dtype.kind:  # NumPy would make strings of numbers, and floats of long integers
        first, second = first.astype(object), second.astype(object)
    return np.concatenate([first, second])
