"""Sliding windows over a series of rows, as strided views on one padded copy."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

PADDINGS = ("mask", "edge", "zero")


def n_history_rows(n_timesteps: int, dilation: int = 1) -> int:
    """Count the rows before its own that a window reaches back.

    Parameters
    ----------
    n_timesteps : int
        Rows in a window, at least 1.
    dilation : int, default=1
        Distance between two neighbouring rows of a window, at least 1.

    Returns
    -------
    int
        ``(n_timesteps - 1) * dilation``.

    Examples
    --------
    >>> n_history_rows(3, dilation=2)
    4
    """
    return (n_timesteps - 1) * dilation


def pad_series(series: NDArray[Any], n_rows: int, padding: str = "mask") -> NDArray[np.floating]:
    """Copy a series behind `n_rows` leading rows that stand for the missing history.

    This is the only copy that windows need. It converts the dtype on the way, so that a series of
    integers is never held twice.

    Parameters
    ----------
    series : ndarray of shape (n_samples, n_features)
        The series, oldest row first; real numbers of any dtype. It is not written to.
    n_rows : int
        Number of leading rows, at least 0.
    padding : {"mask", "edge", "zero"}, default="mask"
        What the leading rows hold: NaN, the first row of the series, or zeros.

    Returns
    -------
    ndarray of shape (n_rows + n_samples, n_features)
        C-contiguous; float32 if `series` is float32, else float64.

    Raises
    ------
    ValueError
        If `padding` is unknown, or is "edge" and the series has no row to repeat.

    Examples
    --------
    >>> import numpy as np
    >>> pad_series(np.array([[1], [2]]), 2, "edge")
    array([[1.],
           [1.],
           [1.],
           [2.]])
    """
    if padding not in PADDINGS:
        raise ValueError(f"padding is {padding!r}, expected one of {PADDINGS}")
    if padding == "edge" and len(series) == 0:
        raise ValueError("series has 0 rows, but padding='edge' repeats the first one: expected at least 1")
    n_samples, n_features = series.shape
    dtype = np.float32 if series.dtype.type is np.float32 else np.float64
    padded = np.empty((n_rows + n_samples, n_features), dtype=dtype)
    padded[n_rows:] = series
    if padding == "edge":
        padded[:n_rows] = series[0]
    else:
        padded[:n_rows] = np.nan if padding == "mask" else 0.0
    return padded


def sliding_windows(padded: NDArray[Any], n_timesteps: int, dilation: int = 1) -> NDArray[Any]:
    """View a padded series as one window per row of the series.

    Parameters
    ----------
    padded : ndarray of shape (n_history_rows + n_samples, n_features)
        The series behind ``n_history_rows(n_timesteps, dilation)`` leading rows, as `pad_series` makes it.
    n_timesteps : int
        Rows in a window, at least 1.
    dilation : int, default=1
        Distance between two neighbouring rows of a window, at least 1.

    Returns
    -------
    ndarray of shape (n_samples, n_timesteps, n_features)
        A read-only view on `padded`: window t ends at row t of the series, oldest row first.
        Windows overlap in memory.

    Raises
    ------
    ValueError
        If `padded` has too few rows for a single window.

    Examples
    --------
    >>> import numpy as np
    >>> sliding_windows(np.array([[0], [0], [1], [2]]), 3)[:, :, 0]
    array([[0, 0, 1],
           [0, 1, 2]])
    """
    span = n_history_rows(n_timesteps, dilation) + 1
    if len(padded) < span:
        raise ValueError(f"padded has {len(padded)} rows, but one window spans {span}")
    # sliding_window_view puts the window last; the estimators want the features there.
    windows = sliding_window_view(padded, span, axis=0)[:, :, ::dilation]
    return windows.transpose(0, 2, 1)


def flatten_windows(windows: NDArray[Any]) -> NDArray[Any]:
    """Join the timesteps and features of windows into one axis.

    Parameters
    ----------
    windows : ndarray of shape (n_samples, n_timesteps, n_features)
        Windows as `sliding_windows` gives them.

    Returns
    -------
    ndarray of shape (n_samples, n_timesteps * n_features)
        One timestep after another, oldest first. A read-only view where one stride can walk the joint
        axis: without dilation, or with a single feature. Else a copy, `n_timesteps` times the series.

    Examples
    --------
    >>> import numpy as np
    >>> flatten_windows(sliding_windows(np.arange(6).reshape(3, 2), 2))
    array([[0, 1, 2, 3],
           [2, 3, 4, 5]])
    """
    n_samples, n_timesteps, n_features = windows.shape
    return windows.reshape(n_samples, n_timesteps * n_features)
