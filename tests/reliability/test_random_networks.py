"""Tests of the gradient of five hundred random networks, along random directions, against differences."""

from dataclasses import replace

import numpy as np
import pytest

from skrnn.losses._losses import LOSSES
from tests.gradcheck import directional_gradient_check
from tests.problems import CELL_ACTIVATIONS, PARTLY_MISSING, Problem, make_objective

N_NETWORKS, N_TESTS = 500, 20


def draw_network(rng):
    """Return a problem, and the keywords of `make_objective` for it, drawn at random."""

    def choose(values):
        return values[rng.integers(len(values))]

    cell_name, activation = choose(CELL_ACTIVATIONS)
    loss_name = choose(sorted(LOSSES))
    return_sequences = bool(rng.integers(2))
    problem = Problem(
        n_samples=int(rng.integers(1, 9)),
        n_timesteps=int(choose([1, 2, 3, 5, 8, 13, 21])),
        n_features=int(rng.integers(1, 5)),
        n_outputs=int(rng.integers(1, 4)),
        masks=choose([None, "leading", "anywhere"]),
        weighted=bool(rng.integers(2)),
        return_sequences=return_sequences,
    )
    if return_sequences:
        one_piece = loss_name == "multinomial_log_loss"  # a class is there or not, not by halves
        missing = choose([None, "columns"] if one_piece else [None, "columns", "entries"])
        problem = replace(problem, missing=missing)
    depth = int(rng.integers(1, 4))
    return problem, {
        "cell_name": cell_name,
        "activation": activation,
        "hidden_layer_sizes": tuple(int(size) for size in rng.integers(1, 6, depth)),
        "loss_name": loss_name,
        "alpha": choose([0.0, 0.01, 1.0]),
        "bidirectional": bool(rng.integers(2)),
    }


def check_gradient(seed):
    """Check the gradient of a random network over all data, and that of all data as one minibatch."""
    rng = np.random.default_rng(seed)
    problem, settings = draw_network(rng)
    objective, theta = make_objective(problem, **settings)
    loss, gradient = objective.full(theta)
    try:
        directional_gradient_check(lambda x: objective.full(x)[0], gradient, theta, rng, rtol=1e-5, atol=1e-8)
        (batch,) = objective.minibatches(problem.n_samples, None)
        of_batch = np.empty_like(gradient)
        np.testing.assert_allclose(objective(theta, batch, of_batch), loss, rtol=1e-10)
        np.testing.assert_allclose(of_batch, gradient, rtol=1e-9, atol=1e-11)
    except AssertionError as error:
        raise AssertionError(f"network {seed}: {problem}, {settings}: {error}") from error


SEEDS = range(0, N_NETWORKS, N_NETWORKS // N_TESTS)


@pytest.mark.axis("first", SEEDS, quick=SEEDS[::4])
def test_gradient_along_a_random_direction(first):
    for seed in range(first, first + N_NETWORKS // N_TESTS):
        check_gradient(seed)


def test_networks_are_of_every_kind():
    drawn = [draw_network(np.random.default_rng(seed)) for seed in range(N_NETWORKS)]
    for choice in ("cell_name", "loss_name", "bidirectional", "alpha"):
        assert (
            len({settings[choice] for _, settings in drawn})
            == {
                "cell_name": len({name for name, _ in CELL_ACTIVATIONS}),
                "loss_name": len(LOSSES),
                "bidirectional": 2,
                "alpha": 3,
            }[choice]
        )
    assert {len(settings["hidden_layer_sizes"]) for _, settings in drawn} == {1, 2, 3}
    assert {problem.masks for problem, _ in drawn} == {None, "leading", "anywhere"}
    assert {problem.missing for problem, _ in drawn} == {None, "columns", PARTLY_MISSING.missing}
    assert {problem.n_samples for problem, _ in drawn} == set(range(1, 9))
