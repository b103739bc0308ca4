"""The plant of Narendra and Parthasarathy: steps by hand, order of inputs and outputs, and bad input."""

from fractions import Fraction

import numpy as np
import pytest

from skrnn.datasets import make_narendra


def test_steps_by_hand():
    """Each line is the formula with numbers: the product of states, the input, the denominator."""
    expected = [
        0.5,  # rest: 0.5 / 1
        1.0,  # 1 / (1 + 0^2 + 0^2)
        -0.8,  # -1 / (1 + 0^2 + 0.5^2)
        (-0.8 * 1.0 * 0.5 * -1.0 * (0.5 - 1.0) + 1.0) / (1.0 + 0.5**2 + 1.0**2),
        0.5 / (1.0 + 1.0**2 + 0.8**2),  # the third last output is 1: no product of states
    ]
    assert expected[3] == pytest.approx(16 / 45)
    expected.append(expected[4] * expected[3] * -0.8 * 0.5 * (-0.8 - 1.0) / (1.0 + 0.8**2 + expected[3] ** 2))
    _, y = make_narendra(inputs=[0.5, 1.0, -1.0, 1.0, 0.5, 0.0])
    np.testing.assert_allclose(y, expected, rtol=1e-14)
    assert y[5] != 0.0  # the product of states alone


def test_is_the_recursion_in_exact_arithmetic():
    u = [Fraction(k * k % 17 - 8, 8) for k in range(12)]
    y = {k: Fraction(0) for k in (-2, -1, 0)}
    for k in range(12):
        x1, x2, x3, x4, x5 = y[k], y[k - 1], y[k - 2], u[k], u[k - 1] if k else Fraction(0)
        y[k + 1] = (x1 * x2 * x3 * x5 * (x3 - 1) + x4) / (1 + x3**2 + x2**2)
    _, outputs = make_narendra(inputs=[float(value) for value in u])
    np.testing.assert_allclose(outputs, [float(y[k + 1]) for k in range(12)], rtol=1e-13)


def test_an_output_depends_on_its_own_row_and_those_before():
    X, y = make_narendra(50, random_state=0)
    changed = X[:, 0].copy()
    changed[20] += 0.1
    _, after = make_narendra(inputs=changed)
    np.testing.assert_array_equal(after[:20], y[:20])
    assert (after[20:30] != y[20:30]).all()


@pytest.mark.parametrize("seed", range(3))
def test_inputs_and_outputs_fill_their_range(seed):
    X, y = make_narendra(20_000, random_state=seed)
    assert X.shape == (20_000, 1)
    assert y.shape == (20_000,)
    assert X.dtype == y.dtype == np.float64
    assert -1.0 <= X.min() < -0.99
    assert 0.99 < X.max() <= 1.0
    assert X.mean() == pytest.approx(0.0, abs=0.02)
    assert -1.0 <= y.min() < -0.9
    assert 0.9 < y.max() <= 1.0


def test_random_state_determines_the_inputs():
    X, y = make_narendra(100, random_state=3)
    for same in (make_narendra(100, random_state=np.random.RandomState(3)), make_narendra(inputs=X[:, 0])):
        np.testing.assert_array_equal(same[0], X)
        np.testing.assert_array_equal(same[1], y)
    assert np.abs(X - make_narendra(100, random_state=4)[0]).max() > 0.1


def test_given_inputs_count_and_are_copied():
    inputs = np.linspace(-1.0, 1.0, 7)
    X, y = make_narendra(3, inputs=inputs)
    assert X.shape == (7, 1)
    assert y.shape == (7,)
    assert not np.shares_memory(X, inputs)


def test_numpy_integers_are_integers():
    assert make_narendra(np.int64(4), random_state=0)[1].shape == (4,)


def test_inputs_that_drive_the_output_beyond_all_bounds_are_a_value_error():
    inputs = 3.0 * np.random.RandomState(0).choice([-1.0, 1.0], size=1000)
    with pytest.raises(ValueError, match=r"diverges: inputs goes up to 3 .* at most about 1"):
        make_narendra(inputs=inputs)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([[0.1], [0.2]], r"inputs has shape \(2, 1\); expected a one-dimensional array"),
        ([0.1, np.nan], "inputs contains NaN"),
        ([0.1, np.inf], "inputs contains infinity"),
        ([], "minimum of 1 is required"),
    ],
)
def test_bad_inputs_are_a_value_error(inputs, message):
    with pytest.raises(ValueError, match=message):
        make_narendra(inputs=inputs)


def test_bad_number_of_samples():
    with pytest.raises(ValueError, match="n_samples is 0; expected an integer >= 1"):
        make_narendra(0)
    with pytest.raises(TypeError, match=r"n_samples is .* of type .*; expected"):
        make_narendra(10.0)
