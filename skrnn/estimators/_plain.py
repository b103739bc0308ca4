"""Parameters as JSON has them, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(name: str, value: Any) -> Any:
    """Return what JSON can hold of a parameter's value; what JSON does not know is an object with one key.

    Raises
    ------
    TypeError
        If it is, or holds, anything but None, truth values, numbers, strings, and lists, tuples, dicts and arrays of
        them.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list):
        return [plain(name, entry) for entry in value]
    if isinstance(value, tuple):
        return {"tuple": [plain(name, entry) for entry in value]}
    if isinstance(value, Mapping):
        return {"dict": [[plain(name, key), plain(name, entry)] for key, entry in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"array": value.ravel().tolist(), "shape": list(value.shape)}
    raise TypeError(
        f"{name} is or holds an object of type {type(value).__name__}, which no file can hold without pickle; expected "
        "None, numbers, strings, and lists, tuples, dicts and numeric arrays of them."
    )


def parameter(value: Any) -> Any:
    """Return the parameter's value of which `plain` is what JSON holds.

    Raises
    ------
    ValueError, TypeError, OverflowError
        If it is nothing that `plain` returns.
    """
    if isinstance(value, list):
        return [parameter(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value)
    if keys == ["tuple"]:
        return tuple(map(parameter, _entries(value["tuple"])))
    if keys == ["dict"]:
        pairs = [_entries(pair) for pair in _entries(value["dict"])]
        return {parameter(key): parameter(entry) for key, entry in pairs}
    if keys == ["array", "shape"]:
        numbers = _entries(value["array"])
        if not all(isinstance(number, bool | int | float) for number in numbers):
            raise ValueError("a parameter is an array of what are no numbers")
        return np.array(numbers).reshape(_entries(value["shape"]))
    raise ValueError(f"a parameter is an object with the keys {keys}")


def _entries(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"a parameter holds {value!r} instead of a list")
    return value
