"""Parameters as JSON has them, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

#: The most levels of nested lists: a list that holds itself has no end.
_MAX_DEPTH = 16


def to_json(name: str, value: Any, depth: int = _MAX_DEPTH) -> Any:
    """Return a parameter as JSON holds it, with objects for types unknown to JSON; raise TypeError for other types."""
    if depth < 0:
        raise ValueError(f"{name} is nested deeper than {_MAX_DEPTH} levels, which Checkpoint cannot store.")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        entries = [to_json(name, entry, depth - 1) for entry in value]
        return entries if isinstance(value, list) else {"tuple": entries}
    if isinstance(value, Mapping):
        return {"dict": [[to_json(name, part, depth - 1) for part in pair] for pair in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return {"array": value.ravel().tolist(), "shape": list(value.shape)}
    raise TypeError(
        f"{name} is or holds an object of type {type(value).__name__}, which Checkpoint cannot store without pickle; "
        "expected None, numbers, strings, and lists, tuples, dicts and numeric arrays of them."
    )


def from_json(value: Any) -> Any:
    """Return the parameter that `to_json` turns into this value, or raise one of many errors where there is none."""
    match value:
        case [*entries]:
            return [from_json(entry) for entry in entries]
        case {"tuple": [*entries], **others} if not others:
            return tuple(from_json(entry) for entry in entries)
        case {"dict": [*pairs], **others} if not others:
            return dict(from_json(pair) for pair in pairs)
        case {"array": [*numbers], "shape": [*shape], **others} if not others and all(map(_is_number, numbers)):
            return np.array(numbers).reshape(shape)
        case dict():
            raise ValueError(
                f"a parameter holds an object with the keys {sorted(value)}, or values that do not fit them"
            )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)
