"""Tests of losses and derivatives against stored values of PyTorch, made by `write_pytorch_values.py`."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from skrnn.cells._registry import CELLS
from skrnn.losses._losses import LOSSES
from skrnn.network._network import Network
from skrnn.sequences._ragged import from_array, from_list
from skrnn.sequences._targets import Targets
from tests.cases import pairwise_cover
from tests.problems import EveryForm

CASES = json.loads(Path(__file__).with_name("pytorch_values.json").read_text(encoding="utf-8"))
#: A direction in each case, Gauss-Newton products with it, and the Jacobian or products with that.
CURVATURE = json.loads(Path(__file__).with_name("curvature_values.json").read_text(encoding="utf-8"))
LOSS_NAMES = ["squared_error", "binary_log_loss", "multinomial_log_loss"]
#: Losses of some cases, whose values are all in the file with the products.
MORE_LOSS_NAMES = ["huber", "poisson"]
CELLS_WITH_ACTIVATIONS = [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
#: Whether a network reads in both directions, and its layers.
SHAPES = [(False, 1), (False, 2), (False, 3), (True, 1), (True, 2)]
JUDGED = {
    (name, loss_name): {**CASES[name]["losses"].get(loss_name, {}), **judged}
    for name, curvature in CURVATURE.items()
    for loss_name, judged in curvature["losses"].items()
}
#: Cases with the complete Jacobian.
SMALL_CASES = [name for name, curvature in CURVATURE.items() if "jacobian" in curvature["residuals"]]
ALPHA = 0.3


def from_padded(sequences):
    """Return sequences of several lengths from one array, masked at the beginning."""
    X = np.full((len(sequences), max(map(len, sequences)), sequences[0].shape[1]), np.nan)
    for row, sequence in zip(X, sequences, strict=True):
        row[-len(sequence) :] = sequence
    return from_array(X)


def depth_of(case):
    """Return the number of layers, both directions counted as one."""
    return len(case["parameters"]["layers"]) // (2 if case["bidirectional"] else 1)


def kind_of(name):
    """Return cell, shape, whether lengths differ and whether each timestep has an output."""
    case = CASES[name]
    return (
        (case["cell"], case["activation"]),
        (case["bidirectional"], depth_of(case)),
        len(set(map(len, case["X"]))) > 1,
        case["return_sequences"],
    )


def targets_of(name, loss_name):
    """Return the targets of a case: a row of nulls is a missing one, whose weight does not count."""
    case = CASES[name]
    y = np.array(JUDGED[name, loss_name]["y"], dtype=float).T
    if not case["return_sequences"]:
        return Targets(y)
    missing = np.isnan(y).all(axis=0)
    return Targets(np.where(missing, 0.0, y), np.where(missing, 0.0, case["weights"]))


def flat(layout, parameters, row=()):
    """Return named parameters, or that row of several, as a vector in the order of theta, (n_parameters,)."""
    theta = np.full(layout.n_parameters, np.nan)
    views = layout.views(theta)
    for view, layer in zip(views.layers, parameters["layers"], strict=True):
        view.input_weights[:] = np.array(layer["input_weights"])[row]
        view.recurrent_weights[:] = np.array(layer["recurrent_weights"])[row]
        view.set_biases(np.array(layer["biases"])[row])
    views.readout.weights[:] = np.array(parameters["readout_weights"])[row]
    views.readout.bias[:] = np.array(parameters["readout_bias"])[row]
    return theta


def load(name, loss_name, read=from_list, alpha=0.0):
    """Return the objective of a case, whose sequences go through `read`, and its theta."""
    case = CASES[name]
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
    objective = EveryForm(network, LOSSES[loss_name](), sequences, targets_of(name, loss_name), alpha)
    return objective, flat(network.layout, parameters)


def residual_scales(name):
    """Return the factor from error to residual of each column, zero without a target, (n_columns, 1)."""
    targets = targets_of(name, "squared_error")
    weights = np.ones(len(targets)) if targets.weights is None else targets.weights
    return np.sqrt(weights / (weights.sum() * len(targets.values)))[:, None]


def stored_jacobian(name, layout):
    """Return the whole Jacobian of the residuals in a small case, (n_residuals, n_parameters)."""
    parameters = CURVATURE[name]["residuals"]["jacobian"]
    return np.array([flat(layout, parameters, row) for row in range(len(parameters["readout_bias"]))])


def assert_equal(actual, expected):
    np.testing.assert_allclose(actual, np.array(expected), rtol=1e-9, atol=1e-12)


BOTH_FORMS = pytest.mark.axis("read", [from_list, from_padded])
EVERY_CASE = pytest.mark.axis("name", CASES, quick=pairwise_cover(CASES, key=kind_of))
EVERY_SMALL_CASE = pytest.mark.axis("name", SMALL_CASES, quick=pairwise_cover(SMALL_CASES, key=kind_of))
LARGER_CASES = [name for name in CASES if name not in SMALL_CASES]
EVERY_LARGER_CASE = pytest.mark.axis("name", LARGER_CASES, quick=pairwise_cover(LARGER_CASES, key=kind_of))
EVERY_CASE_AND_LOSS = pytest.mark.axis(
    ("name", "loss_name"), JUDGED, quick=pairwise_cover(JUDGED, key=lambda judged: (*kind_of(judged[0]), judged[1]))
)


@BOTH_FORMS
@EVERY_CASE_AND_LOSS
def test_outputs_loss_and_every_gradient(name, loss_name, read):
    objective, theta = load(name, loss_name, read)
    expected = JUDGED[name, loss_name]
    loss, gradient = objective.full(theta)
    assert_equal(loss, expected["loss"])
    views = objective.network.layout.views(gradient)
    for view, layer in zip(views.layers, expected["gradient"]["layers"], strict=True):
        assert_equal(view.input_weights, layer["input_weights"])
        assert_equal(view.recurrent_weights, layer["recurrent_weights"])
        assert_equal(view.biases, layer["biases"])
    assert_equal(views.readout.weights, expected["gradient"]["readout_weights"])
    assert_equal(views.readout.bias, expected["gradient"]["readout_bias"])
    assert_equal(objective.raw(theta).T, CASES[name]["outputs"])


@BOTH_FORMS
@EVERY_CASE_AND_LOSS
def test_gauss_newton_product(name, loss_name, read):
    objective, theta = load(name, loss_name, read)
    layout = objective.network.layout
    product = objective.gauss_newton_product(theta, flat(layout, CURVATURE[name]["direction"]))
    assert_equal(product, flat(layout, JUDGED[name, loss_name]["product"]))


@EVERY_CASE
def test_gauss_newton_product_with_a_penalty_on_the_weights(name):
    objective, theta = load(name, "squared_error", alpha=ALPHA)
    layout = objective.network.layout
    direction = flat(layout, CURVATURE[name]["direction"])
    without = flat(layout, JUDGED[name, "squared_error"]["product"])
    expected = without + np.where(layout.is_weight(), ALPHA * direction, 0.0)
    assert_equal(objective.gauss_newton_product(theta, direction), expected)


@BOTH_FORMS
@EVERY_CASE
def test_residuals_are_weighted_errors_whose_jacobian_makes_the_gradient(name, read):
    objective, theta = load(name, "squared_error", read)
    residuals, jacobian = objective.residuals_and_jacobian(theta)
    errors = np.array(CASES[name]["outputs"]) - objective.targets.values.T
    assert_equal(residuals, (residual_scales(name) * errors).ravel())
    stored = JUDGED[name, "squared_error"]
    assert_equal(0.5 * np.sum(residuals**2), stored["loss"])
    assert_equal(jacobian.T @ residuals, flat(objective.network.layout, stored["gradient"]))


@BOTH_FORMS
@EVERY_SMALL_CASE
def test_every_entry_of_the_jacobian(name, read):
    objective, theta = load(name, "squared_error", read)
    _, jacobian = objective.residuals_and_jacobian(theta)
    assert_equal(jacobian, stored_jacobian(name, objective.network.layout))


@BOTH_FORMS
@EVERY_LARGER_CASE
def test_jacobian_of_larger_networks_from_both_sides(name, read):
    objective, theta = load(name, "squared_error", read)
    layout, expected = objective.network.layout, CURVATURE[name]["residuals"]
    direction, multipliers = flat(layout, CURVATURE[name]["direction"]), np.array(expected["multipliers"])
    _, jacobian = objective.residuals_and_jacobian(theta)
    assert_equal(jacobian @ direction, expected["along_direction"])
    assert_equal(objective.jacobian_product(theta, direction), expected["along_direction"])
    multiplied = flat(layout, expected["multiplied"])
    assert_equal(multipliers @ jacobian, multiplied)
    assert_equal(objective.transposed_jacobian_product(theta, multipliers), multiplied)


@EVERY_CASE
def test_residuals_with_a_penalty_end_with_the_weights(name):
    objective, theta = load(name, "squared_error", alpha=ALPHA)
    residuals, jacobian = objective.residuals_and_jacobian(theta)
    of_errors, jacobian_of_errors = load(name, "squared_error")[0].residuals_and_jacobian(theta)
    is_weight, n = objective.network.layout.is_weight(), len(of_errors)
    assert_equal(residuals[:n], of_errors)
    assert_equal(jacobian[:n], jacobian_of_errors)
    assert_equal(residuals[n:], np.sqrt(ALPHA) * theta[is_weight])
    assert_equal(jacobian[n:], np.sqrt(ALPHA) * np.eye(len(theta))[is_weight])


@EVERY_SMALL_CASE
def test_a_single_missing_output_has_a_residual_of_zero(name):
    whole, theta = load(name, "squared_error")
    targets, scales = targets_of(name, "squared_error"), residual_scales(name)
    there = int(np.flatnonzero(scales)[0])
    present = np.ones_like(targets.values)
    present[1, there] = 0.0
    partly = Targets(targets.values * present, targets.weights, present)
    objective = EveryForm(whole.network, whole.loss, whole.sequences, partly, alpha=0.0)
    residuals, jacobian = objective.residuals_and_jacobian(theta)
    # The weight of what is left is less by that of the one output, which makes all other rows longer.
    rows = (present.T / np.sqrt(1.0 - scales[there] ** 2)).ravel()
    assert_equal(jacobian, rows[:, None] * stored_jacobian(name, whole.network.layout))
    assert_equal(residuals, rows * whole.residuals_and_jacobian(theta)[0])
    direction = flat(whole.network.layout, CURVATURE[name]["direction"])
    assert_equal(objective.gauss_newton_product(theta, direction), jacobian.T @ (jacobian @ direction))


def test_every_cell_is_there_in_every_shape_with_ragged_sequences_and_with_every_loss():
    seen = [(*kind_of(name), loss_name) for name, case in CASES.items() for loss_name in case["losses"]]
    assert sorted(seen) == sorted(product(CELLS_WITH_ACTIVATIONS, SHAPES, [False, True], [False, True], LOSS_NAMES))


def test_curvature_is_there_of_every_case_and_of_every_loss():
    assert list(CURVATURE) == list(CASES)
    assert {key for key in JUDGED if key[1] in LOSS_NAMES} == set(product(CASES, LOSS_NAMES))
    small = [kind_of(name) for name in SMALL_CASES]
    assert sorted(small) == sorted(product(CELLS_WITH_ACTIVATIONS, [(False, 1)], [False, True], [False, True]))


def test_more_losses_are_there_on_small_ragged_cases():
    more = {key for key in JUDGED if key[1] not in LOSS_NAMES}
    ragged = [name for name in SMALL_CASES if kind_of(name)[2]]
    assert more == set(product(ragged, MORE_LOSS_NAMES))
    for name in ragged:
        errors = np.array(CASES[name]["outputs"]) - np.array(JUDGED[name, "huber"]["y"], dtype=float)
        assert set((np.abs(errors[np.isfinite(errors)]) > 1.0).tolist()) == {False, True}
        counts = np.array(JUDGED[name, "poisson"]["y"], dtype=float)
        assert np.nanmin(counts) == 0.0
        assert np.nanmax(counts) > 1.0


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
