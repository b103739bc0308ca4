"""Tests of the initial parameters."""

import numpy as np
import pytest

from skrnn.cells._registry import CELLS
from skrnn.network._parameters import ParameterLayout, glorot_uniform, identity, initial_theta, orthogonal
from tests.problems import CELL_ACTIVATIONS


@pytest.fixture(params=CELL_ACTIVATIONS, ids="-".join)
def cell(request):
    name, activation = request.param
    return CELLS[name](activation)


def start(cell, dtype=np.float64, seed=0, hidden_layer_sizes=(20, 30), n_directions=1):
    layout = ParameterLayout(cell, 5, hidden_layer_sizes, 2, n_directions)
    theta = initial_theta(layout, np.random.RandomState(seed), np.dtype(dtype))
    return theta, layout.views(theta)


def gates(cell, matrix):
    """Return the rows of each gate."""
    return np.split(matrix, len(cell.gates))


@pytest.mark.parametrize("shape", [(40, 60), (100, 3)])
def test_glorot_bounds_and_variance(shape):
    rng = np.random.RandomState(0)
    weights = np.stack([glorot_uniform(shape, rng) for _ in range(20)])
    variance = 2.0 / sum(shape)
    bound = np.sqrt(3.0 * variance)
    assert 0.98 * bound < np.abs(weights).max() <= bound
    assert weights.var() == pytest.approx(variance, rel=0.05)
    assert abs(weights.mean()) < 5.0 * np.sqrt(variance / weights.size)


@pytest.mark.parametrize("size", [1, 2, 17])
def test_orthogonal_is_orthogonal(size):
    q = orthogonal(size, np.random.RandomState(0))
    np.testing.assert_allclose(q @ q.T, np.eye(size), atol=1e-13)


def test_orthogonal_is_uniform_over_all_orthogonal_matrices():
    rng = np.random.RandomState(0)
    draws = np.stack([orthogonal(3, rng) for _ in range(2000)])
    np.testing.assert_allclose(draws.mean(axis=0), 0.0, atol=0.06)  # a sign convention of LAPACK would show here
    np.testing.assert_allclose((draws**2).mean(axis=0), 1.0 / 3.0, atol=0.03)


def test_identity():
    np.testing.assert_array_equal(identity(4, np.random.RandomState(0)), np.eye(4))


@pytest.mark.parametrize("n_directions", [1, 2])
def test_each_gate_has_input_weights_within_its_own_glorot_bound(cell, n_directions):
    _, views = start(cell, n_directions=n_directions)
    sizes = [(20, 5)] * n_directions + [(30, 20 * n_directions)] * n_directions
    for layer, (hidden_size, n_inputs) in zip(views.layers, sizes, strict=True):
        bound = np.sqrt(6.0 / (hidden_size + n_inputs))
        for weights in gates(cell, layer.input_weights):
            assert 0.9 * bound < np.abs(weights).max() <= bound
    bound = np.sqrt(6.0 / (2 + 30 * n_directions))
    assert 0.8 * bound < np.abs(views.readout.weights).max() <= bound


@pytest.mark.parametrize("n_directions", [1, 2])
def test_each_gate_has_recurrent_weights_of_its_own(cell, n_directions):
    _, views = start(cell, n_directions=n_directions)
    assert len(views.layers) == 2 * n_directions
    for layer in views.layers:
        for weights in gates(cell, layer.recurrent_weights):
            if cell.activation == "relu":
                np.testing.assert_array_equal(weights, np.eye(layer.hidden_size))
            else:
                np.testing.assert_allclose(weights @ weights.T, np.eye(layer.hidden_size), atol=1e-13)
        if len(cell.gates) > 1:
            first, second, *_ = gates(cell, layer.recurrent_weights)
            assert not np.allclose(first, second)


def test_directions_start_at_different_points(cell):
    _, views = start(cell, n_directions=2)
    for forward, from_end in zip(views.layers[::2], views.layers[1::2], strict=True):
        assert not np.isclose(forward.input_weights, from_end.input_weights).all(axis=1).any()


@pytest.mark.parametrize("n_directions", [1, 2])
def test_biases_are_zero_but_for_open_gates(cell, n_directions):
    _, views = start(cell, n_directions=n_directions)
    for layer in views.layers:
        for gate, biases in zip(cell.gates, gates(cell, layer.input_bias), strict=True):
            np.testing.assert_array_equal(biases, 1.0 if gate in cell.open_gates else 0.0)
        assert not layer.recurrent_bias.any()
    assert not views.readout.bias.any()


def test_forget_gate_of_the_lstm_starts_open():
    _, views = start(CELLS["lstm"](), hidden_layer_sizes=(2,))
    assert views.layers[0].biases.tolist() == [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]


def test_start_is_seeded_and_the_same_in_both_dtypes(cell):
    theta, _ = start(cell)
    same, _ = start(cell)
    single, _ = start(cell, np.float32)
    other, _ = start(cell, seed=1)
    assert (theta.dtype, single.dtype) == (np.float64, np.float32)
    np.testing.assert_array_equal(theta, same)
    np.testing.assert_array_equal(theta.astype(np.float32), single)
    assert not np.allclose(theta, other)
