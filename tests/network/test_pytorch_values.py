"""Tests of outputs, losses and gradients against stored values of PyTorch, made by benchmarks/reference_values.py."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from skrnn.cells import CELLS
from skrnn.losses import LOSSES
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.sequences._ragged import from_array, from_list
from skrnn.sequences._targets import Targets

CASES = json.loads(Path(__file__).with_name("pytorch_values.json").read_text(encoding="utf-8"))
LOSS_NAMES = ["squared_error", "binary_log_loss", "multinomial_log_loss"]


def from_padded(sequences):
    """Return sequences of several lengths by way of one array, masked at the beginning."""
    X = np.full((len(sequences), max(map(len, sequences)), sequences[0].shape[1]), np.nan)
    for row, sequence in zip(X, sequences, strict=True):
        row[-len(sequence) :] = sequence
    return from_array(X)


def depth_of(case):
    """Return the number of layers, both directions counted as one."""
    return len(case["parameters"]["layers"]) // (2 if case["bidirectional"] else 1)


def targets_of(case, loss_name):
    """Return the targets of a case: a row of nulls is a missing one, whose weight does not count."""
    y = np.array(case["losses"][loss_name]["y"], dtype=float).T
    if not case["return_sequences"]:
        return Targets(y)
    missing = np.isnan(y).all(axis=0)
    return Targets(np.where(missing, 0.0, y), np.where(missing, 0.0, case["weights"]))


def load(case, loss_name, read):
    """Return the objective of a case, whose sequences go through `read`, and its theta."""
    parameters = case["parameters"]
    sequences = read([np.array(sequence) for sequence in case["X"]])
    network = Network(
        CELLS[case["cell"]](case["activation"]),
        sequences.n_features,
        (len(parameters["layers"][0]["recurrent_weights"][0]),) * depth_of(case),
        len(parameters["readout_bias"]),
        bidirectional=case["bidirectional"],
        return_sequences=case["return_sequences"],
    )
    theta = np.full(network.layout.n_parameters, np.nan)
    views = network.layout.views(theta)
    for view, layer in zip(views.layers, parameters["layers"], strict=True):
        view.input_weights[:] = layer["input_weights"]
        view.recurrent_weights[:] = layer["recurrent_weights"]
        view.set_biases(np.array(layer["biases"]))
    views.readout.weights[:] = parameters["readout_weights"]
    views.readout.bias[:] = parameters["readout_bias"]
    return Objective(network, LOSSES[loss_name](), sequences, targets_of(case, loss_name), alpha=0.0), theta


def assert_equal(actual, expected):
    np.testing.assert_allclose(actual, np.array(expected), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("read", [from_list, from_padded])
@pytest.mark.parametrize("loss_name", LOSS_NAMES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_outputs_loss_and_every_gradient(case, loss_name, read):
    objective, theta = load(case, loss_name, read)
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
    assert_equal(objective.raw(theta).T, case["outputs"])


def test_every_cell_is_there_in_every_shape_with_ragged_sequences_and_with_every_loss():
    seen = [
        (
            (case["cell"], case["activation"]),
            (case["bidirectional"], depth_of(case)),
            len(set(map(len, case["X"]))) > 1,
            case["return_sequences"],
            loss_name,
        )
        for case in CASES.values()
        for loss_name in case["losses"]
    ]
    cells = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
    shapes = [(False, 1), (False, 2), (False, 3), (True, 1), (True, 2)]
    assert sorted(seen) == sorted(product(cells, shapes, [False, True], [False, True], LOSS_NAMES))


def test_outputs_at_each_timestep_are_weighted_and_some_targets_are_missing():
    for case in CASES.values():
        n_columns = sum(map(len, case["X"])) if case["return_sequences"] else len(case["X"])
        assert len(case["outputs"]) == n_columns
        for loss_name in LOSS_NAMES:
            missing = [None in row for row in case["losses"][loss_name]["y"]]
            assert len(missing) == n_columns
            assert any(missing) == case["return_sequences"]
            assert not all(missing)
        if case["return_sequences"]:
            assert len(set(case["weights"])) == n_columns
