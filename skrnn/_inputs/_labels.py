"""Group labels of rows, as an array and as numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._naming import naming
from skrnn._inputs._values import find_missing


def read_labels(values: Any, n_rows: int, name: str) -> NDArray[Any]:
    """Return labels as an array (n_rows,), of objects for a list; `name` is used in messages.

    A label that cannot be hashed raises a TypeError; a missing label, or a wrong number of labels, a ValueError.
    """
    with naming(name, "labels that can be hashed, one per row"):
        if isinstance(values, list | tuple):  # NumPy would convert 1 and "1" to equal strings, and tuples to rows
            labels = np.fromiter(values, dtype=object, count=len(values))
        else:
            labels = np.asarray(values)
        if labels.shape != (n_rows,):
            raise ValueError(f"{name} has shape {labels.shape}; expected one label per row, ({n_rows},).")
        hash(tuple(labels if labels.dtype == object else labels[:1]))
    missing = find_missing(labels)
    if missing is not None:
        row = int(np.argmax(missing))
        raise ValueError(f"{name} is {labels[row]} in row {row}; expected a label in each row.")
    return labels


def encode_labels(labels: NDArray[Any]) -> tuple[list[Any], NDArray[np.intp]]:
    """Return the distinct labels in order of appearance, and the index of each row's label among them, (n_rows,).

    >>> encode_labels(np.array(["b", "a", "b"]))
    (['b', 'a'], array([0, 1, 0]))
    """
    if labels.dtype == object:  # labels that may not be sortable
        numbers: dict[Any, int] = {}
        of_rows = (numbers.setdefault(label, len(numbers)) for label in labels)
        codes = np.fromiter(of_rows, dtype=np.intp, count=len(labels))
        return list(numbers), codes
    distinct, firsts, sorted_codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(firsts)
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return distinct[order].tolist(), places[sorted_codes]
