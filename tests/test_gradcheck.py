"""Tests of the gradient checker: it must catch what is wrong."""

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from tests.gradcheck import directional_gradient_check, full_gradient_check

X = np.array([0.3, -1.2, 0.0, 2.5, 0.8])


def check_along_one_direction(function, gradient, x):
    directional_gradient_check(function, gradient, x, np.random.default_rng(0))


CHECKS = pytest.mark.parametrize("check", [full_gradient_check, check_along_one_direction])


def forgotten_term(gradient):
    gradient[0] += 2.0 * (1.0 - X[0])


def slightly_off(gradient):
    gradient[3] *= 1.0 + 1e-5


def zero(gradient):
    gradient[:] = 0.0


def reversed_order(gradient):
    gradient[:] = gradient[::-1].copy()


def not_a_number(gradient):
    gradient[2] = np.nan


@CHECKS
def test_right_gradient_passes(check):
    check(rosen, rosen_der(X), X)


@CHECKS
def test_right_gradient_of_a_matrix_passes(check):
    x = np.random.default_rng(0).normal(size=(3, 4))
    check(lambda x: float(np.sin(x).sum()), np.cos(x), x)


@CHECKS
@pytest.mark.parametrize("break_gradient", [forgotten_term, slightly_off, zero, reversed_order, not_a_number])
def test_wrong_gradient_is_caught(check, break_gradient):
    gradient = rosen_der(X)
    break_gradient(gradient)
    with pytest.raises(AssertionError, match="differences give"):
        check(rosen, gradient, X)


@CHECKS
def test_wrong_shape_is_caught(check):
    with pytest.raises(AssertionError, match=r"shape \(1, 5\), but x has \(5,\)"):
        check(rosen, rosen_der(X)[None], X)


@pytest.mark.parametrize("wrong_value", [7.0, np.nan])
def test_message_names_the_worst_coordinate(wrong_value):
    x = np.zeros((2, 3))
    gradient = np.ones((2, 3))
    gradient[0, 1] = 1.1
    gradient[1, 2] = wrong_value
    with pytest.raises(AssertionError, match=r"2 of 6 entries .* at \(1, 2\), where differences give"):
        full_gradient_check(lambda x: float(x.sum()), gradient, x)


@CHECKS
def test_x_is_left_as_it_was(check):
    x = X.copy()
    x.flags.writeable = False
    check(rosen, rosen_der(x), x)
