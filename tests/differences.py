"""Derivatives of functions of many values, by central differences."""

from collections.abc import Callable

import numpy as np

#: Balances rounding, eps / step, and truncation, step^2, of a central difference.
_STEP = np.finfo(np.float64).eps ** (1 / 3)


def slopes(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Return the derivative of each value of `function` at `x` along `direction`; `x` is float64 of any shape."""
    length = float(np.linalg.norm(direction))
    step = _STEP * max(1.0, float(np.abs(x[direction != 0.0]).max())) / length
    return (function(x + step * direction) - function(x - step * direction)) / (2.0 * step)


def jacobian(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """Return the derivative of each value by each entry of `x`, (..., x.size). Costs two evaluations an entry."""
    return np.stack([slopes(function, x, unit.reshape(x.shape)) for unit in np.eye(x.size)], axis=-1)
