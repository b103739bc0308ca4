"""The generator of the adding problem: markers, target, baseline."""

import numpy as np
import pytest

from skrnn.datasets import make_adding_problem


@pytest.mark.parametrize("n_timesteps", [2, 3, 10, 51])
def test_target_is_the_sum_of_the_marked_values(n_timesteps):
    X, y = make_adding_problem(200, n_timesteps, random_state=0)
    assert X.shape == (200, n_timesteps, 2)
    assert X.dtype == y.dtype == np.float64
    marked_values = X[X[..., 1] == 1.0][:, 0].reshape(200, 2)
    np.testing.assert_array_equal(y, marked_values.sum(axis=1))


@pytest.mark.parametrize("n_timesteps", [2, 3, 10, 51])
def test_one_marker_in_either_half(n_timesteps):
    X, _ = make_adding_problem(500, n_timesteps, random_state=0)
    markers, half = X[..., 1], n_timesteps // 2
    assert np.isin(markers, [0.0, 1.0]).all()
    np.testing.assert_array_equal(markers[:, :half].sum(axis=1), 1.0)
    np.testing.assert_array_equal(markers[:, half:].sum(axis=1), 1.0)


def test_markers_reach_every_timestep():
    X, _ = make_adding_problem(500, 11, random_state=0)
    assert (X[..., 1].sum(axis=0) > 0).all()


def test_values_are_uniform_and_the_baseline_is_one_sixth():
    X, y = make_adding_problem(20_000, 10, random_state=0)
    values = X[..., 0]
    assert values.min() >= 0.0
    assert values.max() < 1.0
    np.testing.assert_allclose(np.histogram(values, bins=10, range=(0, 1))[0], 20_000, rtol=0.03)
    assert np.mean((y - 1.0) ** 2) == pytest.approx(1 / 6, rel=0.03)


def test_random_state_determines_the_output():
    X, y = make_adding_problem(20, 10, random_state=3)
    X_again, y_again = make_adding_problem(20, 10, random_state=np.random.RandomState(3))
    X_other, _ = make_adding_problem(20, 10, random_state=4)
    np.testing.assert_array_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, X_other)


@pytest.mark.parametrize(("parameters", "name"), [((0, 10), "n_samples"), ((10, 1), "n_timesteps")])
def test_too_small_is_a_value_error(parameters, name):
    with pytest.raises(ValueError, match=f"{name} is .*; expected an integer >="):
        make_adding_problem(*parameters)


@pytest.mark.parametrize(("parameters", "name"), [((10.0, 10), "n_samples"), ((10, "10"), "n_timesteps")])
def test_not_an_integer_is_a_type_error(parameters, name):
    with pytest.raises(TypeError, match=f"{name} is .* of type .*; expected"):
        make_adding_problem(*parameters)
