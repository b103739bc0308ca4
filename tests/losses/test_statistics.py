"""Tests of the statistics of targets, against NumPy, by what they minimise, and with weights."""

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from skrnn.losses._base import (
    entry_weights,
    is_constant,
    mean_and_deviation,
    mean_share_explained,
    median_and_deviation,
    weighted_quantiles,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("n_columns", [1, 2, 7, 10])
def test_median_and_deviation_are_numpy_s_and_scipy_s(n_columns, rng):
    y = rng.normal(size=(3, n_columns))
    location, scale = median_and_deviation(y, np.ones_like(y))
    np.testing.assert_allclose(location, np.median(y, axis=1), rtol=1e-14)
    if n_columns > 1:
        np.testing.assert_allclose(scale, 1.4826 * median_abs_deviation(y, axis=1), rtol=1e-13)
    else:
        np.testing.assert_array_equal(scale, 1.0)


@pytest.mark.parametrize("level", [0.05, 0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("n_columns", [1, 10, 23])
def test_quantile_is_numpy_s_of_the_inverted_distribution(level, n_columns, rng):
    y = rng.normal(size=(2, n_columns))
    expected = np.quantile(y, level, axis=1, method="averaged_inverted_cdf")
    np.testing.assert_allclose(weighted_quantiles(y, np.ones_like(y), level), expected, rtol=1e-14)


@pytest.mark.parametrize("level", [0.05, 0.25, 0.5, 0.9])
def test_quantile_has_the_least_pinball_loss(level, rng):
    y, weights = rng.normal(size=(1, 31)), rng.uniform(0.0, 3.0, size=(1, 31))
    found = weighted_quantiles(y, weights, level)

    def loss(constant):
        errors = y - constant
        return (weights * np.maximum(level * errors, (level - 1.0) * errors)).sum()

    assert loss(found) <= min(loss(constant) for constant in y[0])


@pytest.mark.parametrize("levels", [0.5, np.array([0.1, 0.5, 0.9])])
def test_weight_of_zero_leaves_out_and_weight_of_two_repeats(levels, rng):
    y = rng.integers(0, 4, size=(3, 10)) + rng.normal(size=(3, 10)) * np.array([[0.0], [1.0], [1e-3]])
    weights = np.tile([1.0, 0.0, 2.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0], (3, 1))
    repeated = y[:, [0, 2, 2, 3, 4, 4, 6, 7, 7, 9]]
    ones = np.ones_like(repeated)
    found, expected = weighted_quantiles(y, weights, levels), weighted_quantiles(repeated, ones, levels)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(median_and_deviation(y, weights), median_and_deviation(repeated, ones), rtol=1e-14)


@pytest.mark.parametrize("unit", [1e-9, 0.1, 1.0 / 3.0, 1e9 / 3.0])
def test_unit_of_the_weights_does_not_matter(unit, rng):
    """Nor does its rounding: half of the weights are on either side of the middle of ten."""
    y = rng.normal(size=(1, 10))
    np.testing.assert_array_equal(weighted_quantiles(y, np.full_like(y, unit), 0.5), np.median(y, axis=1))
    np.testing.assert_array_equal(weighted_quantiles(y, np.full_like(y, unit), 0.1), np.sort(y)[:, :2].mean(axis=1))


def test_level_of_each_row_is_its_own(rng):
    y = rng.normal(size=(2, 41))
    found = weighted_quantiles(y, np.ones_like(y), np.array([0.1, 0.8]))
    np.testing.assert_array_equal(found, [np.sort(y[0])[4], np.sort(y[1])[32]])


def test_outliers_do_not_move_median_and_deviation(rng):
    y = rng.normal(size=(1, 101))
    spoilt = y.copy()
    spoilt[0, y.argmax()] = 1e9
    np.testing.assert_array_equal(
        median_and_deviation(spoilt, np.ones_like(y)), median_and_deviation(y, np.ones_like(y))
    )
    assert mean_and_deviation(spoilt, np.ones_like(spoilt))[1] > 1e7


def test_standard_deviation_stands_in_where_most_targets_are_the_same():
    y = np.array([[0.0] * 8 + [1.0, 2.0], [5.0] * 10, [1e9] * 10])
    location, scale = median_and_deviation(y, np.ones_like(y))
    np.testing.assert_array_equal(location, [0.0, 5.0, 1e9])
    np.testing.assert_allclose(scale, [y[0].std(), 1.0, 1.0])


@pytest.mark.parametrize("value", [0.0, 0.1, -5.0, 1e9 + 0.1, 1e-9])
@pytest.mark.parametrize("n_columns", [1, 3, 10])
def test_constant_targets_have_a_deviation_of_one_whatever_their_mean_is_rounded_to(value, n_columns):
    y = np.full((1, n_columns), value)
    np.testing.assert_array_equal(mean_and_deviation(y, np.ones_like(y))[1], 1.0)
    np.testing.assert_array_equal(median_and_deviation(y, np.ones_like(y))[1], 1.0)
    np.testing.assert_array_equal(mean_and_deviation(y, np.linspace(0.1, 0.7, n_columns)[None])[1], 1.0)


def test_targets_of_weight_zero_do_not_affect_the_spread():
    y, weights = np.array([[5.0, 5.0, 7.0], [1e-9, 3e-9, 9.0]]), np.array([[1.0, 2.0, 0.0]] * 2)
    _, scale = mean_and_deviation(y, weights)
    np.testing.assert_allclose(scale, [1.0, np.std([1e-9, 3e-9, 3e-9])], rtol=1e-7)


def test_standard_deviation_that_stands_in_is_weighted_too():
    y, weights = np.array([[0.0, 0.0, 0.0, 1.0, 2.0]]), np.array([[4.0, 4.0, 0.0, 1.0, 2.0]])
    _, scale = median_and_deviation(y, weights)
    np.testing.assert_allclose(scale, np.repeat(y, [4, 4, 0, 1, 2], axis=1).std(axis=1), rtol=1e-14)


def test_entry_weights():
    y, weights, present = np.zeros((2, 3)), np.array([1.0, 2.0, 0.5]), np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(entry_weights(y, None, None), 1.0)
    np.testing.assert_array_equal(entry_weights(y, weights, None), [weights, weights])
    np.testing.assert_array_equal(entry_weights(y, None, present), present)
    np.testing.assert_array_equal(entry_weights(y, weights, present), [[1.0, 0.0, 0.5], weights])


def test_share_explained_of_constant_targets_is_one_where_they_are_hit():
    assert mean_share_explained(np.array([0.0]), np.array([0.0])) == 1.0
    assert mean_share_explained(np.array([0.1]), np.array([0.0])) == 0.0
    assert mean_share_explained(np.array([0.1, 0.0]), np.array([0.2, 0.0])) == 0.75


def test_each_output_is_constant_by_itself():
    y = np.array([[1.0, 1.0, 1.0], [0.0, 5.0, 2.0], [3.0, 3.0, -9.0], [7.0, 7.0, 7.0]])
    weights = np.array([1.0, 2.0, 1.0])
    assert is_constant(y, weights).tolist() == [True, False, False, True]
    assert is_constant(y, weights * [1.0, 1.0, 0.0]).tolist() == [True, False, True, True]
