"""Tests of the differences with which derivatives are compared."""

import numpy as np

from tests.differences import jacobian, slopes


def bent(x):
    return np.stack([x[0] ** 2 * x[1], np.sin(x[1]), x[0] + 3.0 * x[1]])


def test_jacobian_has_the_known_entries():
    x = np.array([0.7, -4.0])
    expected = [[2.0 * x[0] * x[1], x[0] ** 2], [0.0, np.cos(x[1])], [1.0, 3.0]]
    np.testing.assert_allclose(jacobian(bent, x), expected, rtol=1e-8, atol=1e-9)


def test_slopes_grow_with_the_direction_and_are_the_jacobian_times_it():
    x, direction = np.array([0.7, -4.0]), np.array([3.0, -50.0])
    np.testing.assert_allclose(slopes(bent, x, direction), jacobian(bent, x) @ direction, rtol=1e-8)


def test_arrays_of_any_shape():
    x = np.arange(6.0).reshape(2, 3)
    entries = jacobian(np.square, x)
    assert entries.shape == (2, 3, 6)
    np.testing.assert_allclose(entries.reshape(6, 6), np.diag(2.0 * x.ravel()), rtol=1e-9, atol=1e-9)
