"""Checks of the parameters of the generators: each error names the parameter."""

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, check_scalar

from skrnn.estimators._inputs import naming


def check_count(value: Any, name: str, least: float = 1) -> None:
    """Raise unless the parameter is an integer of at least `least`."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of int, not bool.")
    check_scalar(value, name, Integral, min_val=least)


def check_positive(value: Any, name: str) -> float:
    """Return the parameter as a float, or raise if it is not a positive finite number."""
    if isinstance(value, bool):
        raise TypeError(f"{name} must be an instance of float, not bool.")
    check_scalar(value, name, Real, min_val=0, include_boundaries="neither")
    if not math.isfinite(value):
        raise ValueError(f"{name} == {value}, must be finite.")
    return float(value)


def read_random_state(random_state: Any) -> np.random.RandomState:
    """Return the random state that the parameter stands for."""
    with naming("random_state", "an integer, a RandomState or None"):
        return check_random_state(random_state)
