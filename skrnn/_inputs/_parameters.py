"""Checks of parameters: each error has the name of the parameter, its value and what was expected."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from skrnn._inputs._messages import naming, settings_unchanged_on_error


def is_integer(value: Any) -> bool:
    """Tell whether a value is an integer and not a boolean."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Tell whether a value is a real number and not a boolean."""
    return isinstance(value, Real) and not isinstance(value, bool)


def check_count(name: str, value: Any, least: float = 1, most: float = math.inf) -> None:
    """Raise unless the parameter `name` is an integer of at least `least`, and at most `most`."""
    expected = f"expected an integer >= {least}" if most == math.inf else f"expected an integer from {least} to {most}"
    if not is_integer(value):
        raise TypeError(f"{describe(name, value)}; {expected}.")
    if not least <= value <= most:
        raise ValueError(f"{name} is {value}; {expected}.")


def check_at_least(name: str, value: Any, least: float) -> None:
    """Raise unless the parameter `name` is a number of at least `least`."""
    if not is_number(value):
        raise TypeError(f"{describe(name, value)}; expected a number >= {least}.")
    if not value >= least:
        raise ValueError(f"{name} is {value}; expected a number >= {least}.")


def check_positive(name: str, value: Any) -> float:
    """Return the parameter `name` as a float, or raise if it is not a positive finite number."""
    if not is_number(value):
        raise TypeError(f"{describe(name, value)}; expected a number > 0.")
    if not (float(value) > 0.0 and math.isfinite(value)):
        raise ValueError(f"{name} is {value}; expected a finite number > 0.")
    return float(value)


def check_share(name: str, value: Any) -> None:
    """Raise unless the parameter `name` is a number between 0 and 1, both excluded."""
    if not is_number(value):
        raise TypeError(f"{describe(name, value)}; expected a number between 0 and 1.")
    if not 0.0 < float(value) < 1.0:
        raise ValueError(f"{name} is {value}; expected a number between 0 and 1, both excluded.")


def check_flag(name: str, value: Any) -> None:
    """Raise unless the parameter `name` is a boolean."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{describe(name, value)}; expected True or False.")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise unless the parameter `name` is one of the choices."""
    if not isinstance(value, str):
        raise TypeError(f"{describe(name, value)}; expected a string, one of {choices}.")
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; expected one of {choices}.")


def check_both_or_neither(X: Any, y: Any, sample_weight: Any, suffix: str = "") -> None:
    """Raise ValueError if one of X and y is None, or weights are given without them; `suffix` ends their names."""
    if (X is None) != (y is None):
        missing, given = ("X", "y") if X is None else ("y", "X")
        raise ValueError(f"{missing}{suffix} is None, but {given}{suffix} is given; expected both or neither.")
    if X is None and sample_weight is not None:
        raise ValueError(f"sample_weight{suffix} is given, but X{suffix} is None; expected both or neither.")


@settings_unchanged_on_error
def read_random_state(random_state: Any) -> np.random.RandomState:
    """Return the random state for the parameter."""
    with naming("random_state", "an integer, a RandomState or None"):
        return check_random_state(random_state)


def describe(name: str, value: Any) -> str:
    """Return the part of an error message with the value and its type."""
    return f"{name} is {value!r} of type {type(value).__name__}"
