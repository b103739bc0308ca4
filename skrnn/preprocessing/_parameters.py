"""Checks of the parameters of the transformers: each error names the parameter, what came and what is expected."""

from numbers import Integral
from typing import Any

import numpy as np

from skrnn.sequences._windows import PADDINGS


def check_count(name: str, value: Any) -> None:
    """Raise unless the parameter `name` is an integer of at least 1."""
    if not _is_integer(value):
        raise TypeError(f"{_came(name, value)} an integer >= 1")
    if value < 1:
        raise ValueError(f"{_came(name, value)} an integer >= 1")


def check_padding(padding: Any) -> None:
    """Raise unless `padding` is the name of a padding."""
    if not isinstance(padding, str):
        raise TypeError(f"{_came('padding', padding)} a string, one of {PADDINGS}")
    if padding not in PADDINGS:
        raise ValueError(f"{_came('padding', padding)} one of {PADDINGS}")


def check_group_column(group_column: Any) -> None:
    """Raise unless `group_column` is a name, a position or None."""
    if not (group_column is None or isinstance(group_column, str) or _is_integer(group_column)):
        raise TypeError(f"{_came('group_column', group_column)} the name or the position of a column, or None")


def check_flag(name: str, value: Any) -> None:
    """Raise unless the parameter `name` is a boolean."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{_came(name, value)} True or False")


def _is_integer(value: Any) -> bool:
    """Tell whether a value is an integer and no boolean."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _came(name: str, value: Any) -> str:
    """Return the part of an error message that tells what came, and of which type."""
    return f"{name} is {value!r} of type {type(value).__name__}, but SlidingWindow expects"
