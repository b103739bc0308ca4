"""Checks of the parameters that the functions of this package share."""

from numbers import Integral, Real
from typing import Any


def check_count(name: str, value: Any) -> None:
    """Raise unless the parameter `name` is an integer of at least 1."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r} of type {type(value).__name__}; expected an integer >= 1.")
    if value < 1:
        raise ValueError(f"{name} is {value}; expected an integer >= 1.")


def check_coverage(coverage: Any) -> None:
    """Raise unless `coverage` is a share between 0 and 1."""
    if isinstance(coverage, bool) or not isinstance(coverage, Real):
        raise TypeError(f"coverage is {coverage!r} of type {type(coverage).__name__}; expected a number in (0, 1).")
    if not 0.0 < float(coverage) < 1.0:
        raise ValueError(f"coverage is {coverage}; expected a number between 0 and 1, both excluded.")
