"""Tests of the named views on theta, and of the number of parameters."""

import numpy as np
import pytest

from skrnn.cells._registry import CELLS
from skrnn.network._parameters import ParameterLayout
from tests.problems import STACKS, Problem, make_objective

N_FEATURES, N_OUTPUTS = 4, 2


@pytest.fixture(params=CELLS)
def cell(request):
    return CELLS[request.param]()


@pytest.fixture(params=[1, 2], ids=["one direction", "both directions"])
def n_directions(request):
    return request.param


@pytest.fixture(params=STACKS.values(), ids=STACKS)
def layout(request, cell, n_directions):
    return ParameterLayout(cell, N_FEATURES, request.param, N_OUTPUTS, n_directions)


def named(views):
    """Return every named view on theta."""
    arrays = [views.readout.weights, views.readout.bias]
    for layer in views.layers:
        arrays += [layer.recurrent_weights, layer.input_weights, layer.input_bias, layer.recurrent_bias]
    return arrays


@pytest.mark.parametrize("n_timesteps", [1, 100])
def test_one_unit_has_three_parameters_however_long_the_sequence(n_timesteps):
    problem = Problem(n_timesteps=n_timesteps, n_features=1)
    objective, theta = make_objective(problem, cell_name="rnn", hidden_layer_sizes=(1,))
    (layer,) = objective.network.layout.views(theta).layers
    assert layer.input_weights.shape == layer.recurrent_weights.shape == (1, 1)
    assert layer.biases.shape == (1,)
    assert layer.matrix.size + layer.recurrent_bias.size == 3
    _, gradient = objective.full(theta)
    assert gradient.shape == theta.shape == (3 + 2,)  # and the readout's weight and bias
    recurrent_weight, *others = gradient
    assert all(others)
    assert (recurrent_weight == 0.0) == (n_timesteps == 1)  # the first state is zero


def test_views_cover_theta_once(layout):
    theta = np.arange(layout.n_parameters)
    numbers = np.concatenate([array.ravel() for array in named(layout.views(theta))])
    assert sorted(numbers) == list(range(layout.n_parameters))


def test_writing_into_a_view_writes_into_theta(layout):
    theta = np.zeros(layout.n_parameters)
    for array in named(layout.views(theta)):
        assert np.shares_memory(array, theta) or array.size == 0
        array += 1.0
    np.testing.assert_array_equal(theta, 1.0)


def test_shapes_and_counts(cell, layout, n_directions):
    layers = iter(layout.views(np.zeros(layout.n_parameters)).layers)
    count = 0
    n_inputs = N_FEATURES
    for hidden_size in layout.hidden_layer_sizes:
        n_rows = len(cell.gates) * hidden_size
        n_biases = n_rows + (hidden_size if cell.splits_last_gate else 0)
        for _ in range(n_directions):
            layer = next(layers)
            assert layer.hidden_size == hidden_size
            assert layer.input_weights.shape == (n_rows, n_inputs)
            assert layer.recurrent_weights.shape == (n_rows, hidden_size)
            assert layer.biases.shape == (n_biases,)
            count += n_rows * (n_inputs + hidden_size) + n_biases
        n_inputs = n_directions * hidden_size  # the layer above reads the states of both
    assert not list(layers)
    readout = layout.views(np.zeros(layout.n_parameters)).readout
    assert readout.weights.shape == (N_OUTPUTS, n_inputs)
    assert readout.bias.shape == (N_OUTPUTS,)
    assert layout.readout_size == n_inputs
    assert layout.n_parameters == count + N_OUTPUTS * (n_inputs + 1)


def test_layers_lie_in_theta_by_depth_and_the_readout_last(layout):
    views = layout.views(np.arange(layout.n_parameters))
    arrays = [array for layer in views.layers for array in (layer.matrix, layer.recurrent_bias)]
    in_order = np.concatenate([array.ravel() for array in (*arrays, views.readout.matrix)])
    np.testing.assert_array_equal(in_order, np.arange(layout.n_parameters))
    n_directions = len(views.layers) // len(layout.hidden_layer_sizes)
    expected = [size for size in layout.hidden_layer_sizes for _ in range(n_directions)]
    assert [layer.hidden_size for layer in views.layers] == [hidden for _, hidden in layout.layer_sizes] == expected


@pytest.mark.parametrize(("name", "n_preactivations", "n_biases"), [("rnn", 1, 1), ("gru", 3, 4), ("lstm", 4, 4)])
def test_known_counts(name, n_preactivations, n_biases):
    layout = ParameterLayout(CELLS[name](), 5, (10,), 1)
    assert layout.n_parameters == n_preactivations * 10 * (5 + 10) + n_biases * 10 + 11
    layout = ParameterLayout(CELLS[name](), 5, (10,), 1, 2)
    assert layout.n_parameters == 2 * (n_preactivations * 10 * (5 + 10) + n_biases * 10) + 21


def test_biases_are_read_as_they_were_written(layout):
    theta = np.zeros(layout.n_parameters)
    for layer in layout.views(theta).layers:
        biases = np.arange(1.0, 1.0 + len(layer.biases))
        layer.set_biases(biases)
        np.testing.assert_array_equal(layer.biases, biases)
        np.testing.assert_array_equal(layer.input_bias, biases[: len(layer.matrix)])
        assert not layer.input_weights.any()
        assert not layer.recurrent_weights.any()
    assert np.count_nonzero(theta) == sum(len(layer.biases) for layer in layout.views(theta).layers)


def test_is_weight_marks_all_but_biases(layout):
    views = layout.views(layout.is_weight())
    for layer in views.layers:
        assert layer.input_weights.all()
        assert layer.recurrent_weights.all()
        assert not layer.biases.any()
    assert views.readout.weights.all()
    assert not views.readout.bias.any()


def test_views_of_several_thetas_are_those_of_each(layout):
    several = np.random.default_rng(0).normal(size=(2, 3, layout.n_parameters))
    views = named(layout.views(several))
    for index in np.ndindex(2, 3):
        for array, expected in zip(views, named(layout.views(several[index])), strict=True):
            np.testing.assert_array_equal(array[index], expected)
    for array in views:
        assert np.shares_memory(array, several) or array.size == 0
        array[...] = 0.0
    assert not several.any()
