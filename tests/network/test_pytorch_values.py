"""Tests of outputs, losses and gradients against stored values of PyTorch, made by benchmarks/reference_values.py."""

import json
from pathlib import Path

import numpy as np
import pytest

from skrnn.cells import CELLS
from skrnn.losses import LOSSES
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.sequences._ragged import from_array

CASES = json.loads(Path(__file__).with_name("pytorch_values.json").read_text(encoding="utf-8"))
LOSS_NAMES = ["squared_error", "binary_log_loss", "multinomial_log_loss"]


def padded(sequences):
    """Return sequences of several lengths as one array, masked at the beginning."""
    X = np.full((len(sequences), max(map(len, sequences)), len(sequences[0][0])), np.nan)
    for row, sequence in zip(X, sequences, strict=True):
        row[-len(sequence) :] = sequence
    return X


def load(case, loss_name):
    """Return the objective of a case and its theta."""
    parameters, y = case["parameters"], np.array(case["losses"][loss_name]["y"]).T
    sizes = tuple(len(layer["recurrent_weights"][0]) for layer in parameters["layers"])
    X = padded(case["X"])
    network = Network(CELLS[case["cell"]](case["activation"]), X.shape[2], sizes, len(y))
    theta = np.full(network.layout.n_parameters, np.nan)
    views = network.layout.views(theta)
    for view, layer in zip(views.layers, parameters["layers"], strict=True):
        view.input_weights[:] = layer["input_weights"]
        view.recurrent_weights[:] = layer["recurrent_weights"]
        view.set_biases(np.array(layer["biases"]))
    views.readout.weights[:] = parameters["readout_weights"]
    views.readout.bias[:] = parameters["readout_bias"]
    return Objective(network, LOSSES[loss_name](), from_array(X), y, None, alpha=0.0), theta


def assert_equal(actual, expected):
    np.testing.assert_allclose(actual, np.array(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss_name", LOSS_NAMES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outputs_loss_and_every_gradient(case, loss_name):
    objective, theta = load(case, loss_name)
    expected = case["losses"][loss_name]
    loss, gradient = objective.full(theta)
    assert_equal(loss, expected["loss"])
    views = objective.network.layout.views(gradient)
    for view, layer in zip(views.layers, expected["gradient"]["layers"], strict=True):
        assert_equal(view.input_weights, layer["input_weights"])
        assert_equal(view.recurrent_weights, layer["recurrent_weights"])
        assert_equal(view.biases, layer["biases"])
    assert_equal(views.readout.weights, expected["gradient"]["readout_weights"])
    assert_equal(views.readout.bias, expected["gradient"]["readout_bias"])
    loss_again, raw = objective.mean_loss(theta)
    assert_equal(loss_again, expected["loss"])
    assert_equal(raw.T, case["outputs"])


def test_every_cell_is_there_with_one_and_three_layers_and_with_ragged_sequences():
    seen = {
        (case["cell"], case["activation"], len(case["parameters"]["layers"]), len(set(map(len, case["X"]))) > 1)
        for case in CASES.values()
    }
    cells = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
    assert seen == {(*cell, depth, ragged) for cell in cells for depth in (1, 3) for ragged in (False, True)}
