"""Labels that tell which series each row belongs to, as numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_labels(values: Any) -> NDArray[Any]:
    """Return labels as an array; those of a list as objects.

    NumPy would turn all labels of a list with a string into strings, NaN included, and tuples into rows.
    """
    if isinstance(values, list | tuple):
        return np.fromiter(values, dtype=object, count=len(values))
    return np.asarray(values)


def encode_labels(labels: NDArray[Any]) -> tuple[list[Any], NDArray[np.intp]]:
    """Return (the distinct labels in order of appearance, the number of each row's label among them, (n_samples,)).

    Raises
    ------
    TypeError
        If labels are not hashable.

    Examples
    --------
    >>> encode_labels(np.array(["b", "a", "b"]))
    (['b', 'a'], array([0, 1, 0]))
    """
    if labels.dtype == object:  # labels that need not have an order
        numbers: dict[Any, int] = {}
        of_rows = (numbers.setdefault(label, len(numbers)) for label in labels)
        codes = np.fromiter(of_rows, dtype=np.intp, count=len(labels))
        return list(numbers), codes
    for label in labels[:1]:
        hash(label)  # if one is not, none is: records are not
    distinct, firsts, sorted_codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return distinct[order].tolist(), places[sorted_codes]
