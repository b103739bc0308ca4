"""The generator of the temporal order problem: symbols, positions, classes."""

import numpy as np
import pytest

from skrnn.datasets import make_temporal_order

CLASSES = ["AA", "AB", "BA", "BB"]


def decode(X):
    """Return the sequences as strings, after a check that they are one-hot."""
    assert np.isin(X, [0.0, 1.0]).all()
    np.testing.assert_array_equal(X.sum(axis=-1), 1.0)
    return ["".join("ABcdef"[symbol] for symbol in row) for row in X.argmax(axis=-1)]


def relevant_positions(X):
    """Return the timesteps of A and B, (n_samples, 2), after a check that each sequence has two."""
    is_relevant = X[..., :2].any(axis=-1)
    np.testing.assert_array_equal(is_relevant.sum(axis=1), 2)
    return np.nonzero(is_relevant)[1].reshape(-1, 2)


@pytest.mark.parametrize("n_timesteps", [10, 19, 25, 100])
def test_shapes_and_dtypes(n_timesteps):
    X, y = make_temporal_order(7, n_timesteps, random_state=0)
    assert X.shape == (7, n_timesteps, 6)
    assert X.dtype == np.float64
    assert y.shape == (7,)
    assert y.dtype == np.int64


def test_defaults():
    X, y = make_temporal_order(random_state=0)
    assert X.shape == (1000, 100, 6)
    assert y.shape == (1000,)


@pytest.mark.parametrize("n_timesteps", [10, 19, 25, 100])
def test_class_is_the_order_of_the_two_symbols(n_timesteps):
    X, y = make_temporal_order(200, n_timesteps, random_state=0)
    words = ["".join(symbol for symbol in sequence if symbol in "AB") for sequence in decode(X)]
    assert words == [CLASSES[label] for label in y]
    assert set(words) == set(CLASSES)


@pytest.mark.parametrize(
    ("n_timesteps", "first", "second"),
    [
        (10, range(1, 2), range(5, 6)),
        (19, range(1, 2), range(9, 10)),
        (25, range(2, 4), range(12, 14)),
        (59, range(5, 10), range(29, 34)),
        (100, range(10, 20), range(50, 60)),
    ],
)
def test_positions_are_uniform_in_their_ranges(n_timesteps, first, second):
    X, _ = make_temporal_order(10_000, n_timesteps, random_state=0)
    for positions, expected in zip(relevant_positions(X).T, (first, second), strict=True):
        values, counts = np.unique(positions, return_counts=True)
        np.testing.assert_array_equal(values, expected)
        np.testing.assert_allclose(counts, 10_000 / len(expected), rtol=0.15)


def test_positions_and_symbols_are_independent():
    X, y = make_temporal_order(20_000, 100, random_state=0)
    first, second = relevant_positions(X).T
    correlations = np.corrcoef([first, second, y // 2, y % 2])
    np.testing.assert_allclose(correlations, np.eye(4), atol=0.03)


def test_classes_and_distractors_are_uniform():
    X, y = make_temporal_order(10_000, 20, random_state=0)
    np.testing.assert_allclose(np.bincount(y, minlength=4), 2500, rtol=0.1)
    n_distractors = X[..., 2:].sum(axis=0)
    positions = [2, 3, 10, 11]  # where A and B may be
    np.testing.assert_allclose(np.delete(n_distractors, positions, axis=0), 2500, rtol=0.1)
    np.testing.assert_allclose(n_distractors[positions], 1250, rtol=0.15)


def test_random_state_determines_the_output():
    X, y = make_temporal_order(20, 30, random_state=3)
    X_again, y_again = make_temporal_order(20, 30, random_state=np.random.RandomState(3))
    X_other, y_other = make_temporal_order(20, 30, random_state=4)
    np.testing.assert_array_equal(X, X_again)
    np.testing.assert_array_equal(y, y_again)
    assert not np.array_equal(X, X_other)
    assert not np.array_equal(y, y_other)


@pytest.mark.parametrize(("parameters", "name"), [((0, 10), "n_samples"), ((10, 9), "n_timesteps")])
def test_too_small_is_a_value_error(parameters, name):
    with pytest.raises(ValueError, match=f"{name} is .*; expected an integer >="):
        make_temporal_order(*parameters)


@pytest.mark.parametrize(("parameters", "name"), [((10.0, 10), "n_samples"), ((10, "10"), "n_timesteps")])
def test_not_an_integer_is_a_type_error(parameters, name):
    with pytest.raises(TypeError, match=f"{name} is .* of type .*; expected"):
        make_temporal_order(*parameters)
