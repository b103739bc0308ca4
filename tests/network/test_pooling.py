"""Tests of the interface of poolings, with a new class."""

import numpy as np
import pytest

from skrnn.network import _inference
from skrnn.network._inference import hidden_states, outputs
from skrnn.network._network import Network
from skrnn.network._pooling import POOLINGS, StatePooling
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.network.networks import random_theta
from tests.problems import CELL_ACTIVATIONS, Problem, make_objective

RAGGED = Problem(n_samples=7, n_timesteps=9, n_outputs=2, masks="anywhere", weighted=True)


class SquaresOverTime(StatePooling):
    """The sum of the squared states after each timestep."""

    def collect(self, tops, batch, out):
        np.copyto(out, 0.0, where=np.broadcast_to(batch.first, (len(batch),)) == 0)
        for states, of_layer in zip(self.states(tops, batch), np.split(out, len(tops)), strict=True):
            of_layer += (states**2).sum(axis=0)

    def scatter(self, d_states, tops, batch, d_outputs):
        states = np.concatenate(self.states(tops, batch), axis=1)
        d_outputs[: len(states), :, : len(batch)] = 2.0 * states * d_states
        return d_outputs

    def collect_tangent(self, tops, batch, t_outputs, out):
        states = np.concatenate(self.states(tops, batch), axis=1)
        t_states = np.where(states != 0.0, t_outputs[: len(states), :, : len(batch)], 0.0)
        out[...] = (2.0 * states * t_states).sum(axis=0)

    def states(self, tops, batch):
        """Return the states of each direction, zero after the end of a sequence."""
        runs = np.arange(batch.n_timesteps)[:, None] < batch.lengths
        all_states = [workspace.hidden_states[: batch.n_timesteps, :, : len(batch)] for _, workspace in tops]
        return [np.where(runs[:, None], states, 0.0) for states in all_states]


@pytest.fixture(autouse=True)
def squares(monkeypatch):
    monkeypatch.setitem(POOLINGS, "squares", SquaresOverTime)


@pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS)
@pytest.mark.axis("bidirectional", [False, True])
def test_derivatives_of_a_new_pooling_follow(cell_name, activation, bidirectional):
    objective, theta = make_objective(
        RAGGED,
        cell_name=cell_name,
        activation=activation,
        hidden_layer_sizes=(2, 1),
        bidirectional=bidirectional,
        pooling="squares",
    )
    loss, gradient = objective.full(theta)
    full_gradient_check(lambda theta: objective.evaluate(theta)[0], gradient, theta)
    directional_gradient_check(lambda theta: objective.full(theta)[0], gradient, theta, np.random.default_rng(0))
    residuals, jacobian = objective.residuals_and_jacobian(theta)
    assert residuals @ residuals / 2.0 == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(jacobian.T @ residuals, gradient, rtol=1e-9, atol=1e-12)
    direction = np.random.default_rng(1).normal(size=theta.shape)
    np.testing.assert_allclose(
        objective.jacobian_product(theta, direction), jacobian @ direction, rtol=1e-9, atol=1e-12
    )


def test_segments_of_a_new_pooling_add_up(monkeypatch):
    objective, _ = make_objective(RAGGED, hidden_layer_sizes=(3, 2), pooling="squares")
    network, sequences = objective.network, objective.sequences
    theta = random_theta(network)
    expected = outputs(network, theta, sequences)
    monkeypatch.setattr(_inference, "_SEGMENT_BYTES", 1)
    monkeypatch.setattr(_inference, "_MIN_SEGMENT", 2)
    np.testing.assert_allclose(outputs(network, theta, sequences), expected, rtol=1e-12)
    layout = network.layout
    each = Network(layout.cell, layout.n_features, layout.hidden_layer_sizes, layout.n_outputs, return_sequences=True)
    squares = hidden_states(each, theta, sequences) ** 2
    sums = np.add.reduceat(squares, sequences.first_columns, axis=1)
    readout = layout.views(theta).readout
    np.testing.assert_allclose(readout.weights @ sums + readout.bias[:, None], expected, rtol=1e-12)
