"""Parameters as JSON has them, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

#: Lists in lists at most: a list that holds itself has no end.
_MAX_DEPTH = 16


def plain(name: str, value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return what JSON can hold of a parameter's value; what JSON does not know is an object with one key or two.

    Raises
    ------
    TypeError
        If it is, or holds, anything but None, truth values, numbers, strings, and lists, tuples, dicts and numeric
        arrays of them.
    ValueError
        If it is nested more than `depth` levels deep.
    """
    if depth < 0:
        raise ValueError(f"{name} is nested deeper than {_MAX_DEPTH} levels, which Checkpoint cannot store.")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        entries = [plain(name, entry, depth - 1) for entry in value]
        return entries if isinstance(value, list) else {"tuple": entries}
    if isinstance(value, Mapping):
        return {"dict": [[plain(name, part, depth - 1) for part in pair] for pair in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"array": value.ravel().tolist(), "shape": list(value.shape)}
    raise TypeError(
        f"{name} is or holds an object of type {type(value).__name__}, which Checkpoint cannot store without pickle; "
        "expected None, numbers, strings, and lists, tuples, dicts and numeric arrays of them."
    )


def parameter(value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return the parameter's value of which `plain` is what JSON holds.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If it is nothing that `plain` returns.
    """
    if depth < 0:
        raise ValueError(f"a parameter is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, list):
        return [parameter(entry, depth - 1) for entry in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value)
    if keys == ["tuple"]:
        return tuple(parameter(entry, depth - 1) for entry in _list(value["tuple"]))
    if keys == ["dict"]:
        pairs = [[parameter(part, depth - 1) for part in _list(pair)] for pair in _list(value["dict"])]
        return dict(pairs)
    if keys == ["array", "shape"]:
        numbers = _list(value["array"])
        if all(isinstance(number, bool | int | float) for number in numbers):
            return np.array(numbers).reshape(_list(value["shape"]))
    raise ValueError(f"a parameter is an object with the keys {keys}, or of other values than these have")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"a parameter holds {value!r} instead of a list")
    return value
