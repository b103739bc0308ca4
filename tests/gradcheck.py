"""Gradients against central differences: every coordinate of a tiny x, or one random direction of any x."""

from collections.abc import Callable

import numpy as np

#: Balances rounding, eps / step, and truncation, step^2, of a central difference.
_STEP = np.finfo(np.float64).eps ** (1 / 3)


def full_gradient_check(
    function: Callable[[np.ndarray], float],
    gradient: np.ndarray,
    x: np.ndarray,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-8,
) -> None:
    """Raise AssertionError unless each entry of `gradient` is the slope of `function` at `x` along its coordinate.

    `x` is float64 of any shape, `gradient` has its shape. Costs two evaluations a coordinate.
    """
    _check_shape(gradient, x)
    slopes = np.array([_slope(function, x, direction.reshape(x.shape)) for direction in np.eye(x.size)])
    slopes = slopes.reshape(x.shape)
    # "not within" instead of "beyond", so that NaN is caught
    wrong = ~(np.abs(gradient - slopes) <= atol + rtol * np.abs(slopes))
    if wrong.any():
        worst = max(np.argwhere(wrong), key=lambda index: _badness(gradient[tuple(index)], slopes[tuple(index)]))
        worst = tuple(worst.tolist())
        raise AssertionError(
            f"{wrong.sum()} of {x.size} entries of the gradient are wrong; the worst is {gradient[worst]:.10g} "
            f"at {worst}, where differences give {slopes[worst]:.10g}"
        )


def directional_gradient_check(
    function: Callable[[np.ndarray], float],
    gradient: np.ndarray,
    x: np.ndarray,
    rng: np.random.Generator,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-8,
) -> None:
    """Raise AssertionError unless `gradient` has the slope of `function` at `x` along a random direction."""
    _check_shape(gradient, x)
    direction = rng.normal(size=x.shape)
    direction /= np.linalg.norm(direction)
    slope = _slope(function, x, direction)
    predicted = float(np.sum(gradient * direction))
    if not abs(predicted - slope) <= atol + rtol * abs(slope):
        raise AssertionError(
            f"along a random direction the gradient gives a slope of {predicted:.10g}, differences give {slope:.10g}"
        )


def _slope(function: Callable[[np.ndarray], float], x: np.ndarray, direction: np.ndarray) -> float:
    """Return the slope at `x` along `direction`, of unit length, by a central difference."""
    step = _STEP * max(1.0, float(np.abs(x[direction != 0.0]).max()))
    return (function(x + step * direction) - function(x - step * direction)) / (2.0 * step)


def _badness(value: float, slope: float) -> float:
    """Return the error of `value`, where NaN is the worst of all."""
    return float(np.nan_to_num(abs(value - slope), nan=np.inf))


def _check_shape(gradient: np.ndarray, x: np.ndarray) -> None:
    if gradient.shape != x.shape:
        raise AssertionError(f"the gradient has shape {gradient.shape}, but x has {x.shape}")
