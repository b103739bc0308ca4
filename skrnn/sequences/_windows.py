"""Sliding windows over the rows of a series: strided views of one padded copy, or copies if rows have groups."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from skrnn._inputs._parameters import check_choice
from skrnn._inputs._times import times_to_the_end

PADDINGS = ("mask", "edge", "zero")

#: Number of windows that are gathered at once, so that their indices and rows stay in the cache.
_N_GATHERED = 4096


def n_history_rows(n_timesteps: int, dilation: int = 1) -> int:
    """Return how many rows a window reaches back from its last row."""
    return (n_timesteps - 1) * dilation


def check_padding(padding: Any) -> None:
    """Raise unless `padding` is the name of a padding."""
    check_choice("padding", padding, PADDINGS)


def window_dtype(series: NDArray[Any]) -> type[np.floating]:
    """Return the dtype of the windows of a series: float32 if the series is float32, otherwise float64."""
    return np.float32 if series.dtype.type is np.float32 else np.float64


def pad_series(
    series: NDArray[Any], n_rows: int, padding: str = "mask", context: NDArray[Any] | None = None
) -> NDArray[np.floating]:
    """Copy a series, (n_samples, n_features), after `n_rows` leading rows: (n_rows + n_samples, n_features).

    The leading rows are the last rows of `context`, (n_context_rows, n_features), which precede the series. If it has
    too few, the others are filled according to `padding`: NaN ("mask"), the first known row ("edge") or zeros ("zero").
    This is the only copy that windows need: it also converts the dtype, so a series of integers is not copied twice.
    """
    check_padding(padding)
    if padding == "edge" and len(series) == 0:
        raise ValueError("series has 0 rows, but padding='edge' repeats the first one: expected at least 1")
    n_samples, n_features = series.shape
    n_known = 0 if context is None else min(len(context), n_rows)
    n_missing = n_rows - n_known
    padded = np.empty((n_rows + n_samples, n_features), dtype=window_dtype(series))
    padded[n_rows:] = series
    if context is not None:
        padded[n_missing:n_rows] = context[len(context) - n_known :]
    if padding == "edge":
        padded[:n_missing] = padded[n_missing]
    else:
        padded[:n_missing] = np.nan if padding == "mask" else 0.0
    return padded


def sliding_windows(padded: NDArray[Any], n_timesteps: int, dilation: int = 1) -> NDArray[Any]:
    """View a padded series as one window per row of the series, (n_samples, n_timesteps, n_features), read-only.

    `padded` has ``n_history_rows(n_timesteps, dilation)`` leading rows. Window t ends at row t of the series, oldest
    row first; windows overlap in memory.
    """
    n_spanned = n_history_rows(n_timesteps, dilation) + 1
    if len(padded) < n_spanned:
        raise ValueError(f"padded has {len(padded)} rows, but one window spans {n_spanned}")
    # sliding_window_view puts the window last, where the estimators expect the features.
    windows = sliding_window_view(padded, n_spanned, axis=0)[:, :, ::dilation]
    return windows.transpose(0, 2, 1)


def flatten_windows(windows: NDArray[Any]) -> NDArray[Any]:
    """Join timesteps and features of windows, (n_samples, n_timesteps * n_features): one timestep after another.

    That is a read-only view if the joint axis has a constant stride: without dilation, or with a single feature.
    Otherwise it is a copy, `n_timesteps` times as large as the series.
    """
    n_samples, n_timesteps, n_features = windows.shape
    return windows.reshape(n_samples, n_timesteps * n_features)


def grouped_windows(
    series: NDArray[Any],
    groups: NDArray[np.integer],
    n_timesteps: int,
    dilation: int = 1,
    padding: str = "mask",
    context: NDArray[Any] | None = None,
) -> NDArray[np.floating]:
    """Gather one window per row of a series from the rows of the same group, (n_samples, n_timesteps, n_features).

    `groups`, (n_context_rows + n_samples,), has the group numbers of the rows of the context, then of the series; rows
    of different groups may alternate. Windows include rows of the context, but do not end there. `padding` is as in
    `pad_series`, for each group. The result is a read-only copy.
    """
    n_context_rows = 0 if context is None else len(context)
    rows = pad_series(series, 1 + n_context_rows, padding, context)  # the first is the missing history
    earlier = _earlier_rows(groups, dilation, repeats_first=padding == "edge")
    windows = np.empty((len(series), n_timesteps, series.shape[1]), dtype=rows.dtype)
    for first in range(0, len(series), _N_GATHERED):
        some = windows[first : first + _N_GATHERED]
        current = np.arange(first, first + len(some)) + 1 + n_context_rows
        for timestep in reversed(range(n_timesteps)):
            some[:, timestep] = rows[current]
            current = earlier[current]
    windows.setflags(write=False)
    return windows


def last_rows(groups: NDArray[np.integer], n_rows: int) -> NDArray[np.intp]:
    """Return the indices of the last `n_rows` rows of each group, or of all rows if it has fewer, in ascending order.

    `groups` is (n_samples,): the group of each row, every number from 0 to the largest.
    """
    return np.flatnonzero(times_to_the_end(groups) > -n_rows)


def _earlier_rows(groups: NDArray[np.integer], distance: int, *, repeats_first: bool) -> NDArray[np.intp]:
    """Return for each row, counted from 1, the row of its group that is `distance` rows earlier, (1 + n_rows,).

    If there is none, it is the first row of the group with `repeats_first`, otherwise 0. The entry of row 0 is 0.
    """
    n_rows = len(groups)
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    places = np.arange(n_rows) - min(distance, n_rows)
    sources = order[np.maximum(places, starts)] + 1
    if not repeats_first:
        sources[places < starts] = 0
    earlier = np.zeros(1 + n_rows, dtype=np.intp)
    earlier[order + 1] = sources
    return earlier
