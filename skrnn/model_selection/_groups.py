"""Groups as numbers, and the place of each row in its own."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skrnn._inputs._naming import naming
from skrnn._inputs._values import is_missing
from skrnn.sequences._labels import encode_labels


def codes_of(labels: Any, parameter: str) -> np.ndarray:
    """Number the groups in the order in which they come.

    Parameters
    ----------
    labels : array-like of shape (n_samples,)
        The group of each row, of any hashable type.
    parameter : str
        The parameter that holds or names them, for errors.

    Returns
    -------
    ndarray of shape (n_samples,), int
        A number for each row, equal where the labels are.

    Raises
    ------
    ValueError
        If there is not one label a row, or one is missing.

    Examples
    --------
    >>> codes_of(["b", "a", "b"], "groups")
    array([0, 1, 0])
    """
    array = np.asarray(labels, dtype=object)
    if array.ndim != 1:
        raise ValueError(f"{parameter} has shape {array.shape}; expected one label a row, (n_samples,).")
    row = next((row for row, label in enumerate(array) if is_missing(label)), None)
    if row is not None:
        raise ValueError(f"{parameter} is missing in row {row}; expected a label in each row.")
    with naming(parameter, "labels that can be hashed"):
        return encode_labels(array)[1]


def times_to_the_end(codes: ArrayLike) -> np.ndarray:
    """Return the time of each row by its place in its group, counted back from the group's last row.

    Parameters
    ----------
    codes : array-like of shape (n_samples,), int
        The group of each row.

    Returns
    -------
    ndarray of shape (n_samples,), int64
        Zero in the last row of each group, minus one in the row of the group before it, and so on.

    Examples
    --------
    >>> times_to_the_end([0, 1, 0, 0])
    array([-2,  0, -1,  0])
    """
    codes = np.asarray(codes)
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes)) - 1
    times = np.empty(len(codes), dtype=np.int64)
    times[order] = np.arange(len(codes)) - ends[codes[order]]
    return times
