"""Tests of the update rules against the formulas of the papers."""

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.solvers._registry import UPDATE_RULES
from skrnn.solvers._stochastic import SGD, Adam
from tests.float32 import float32_only

N_STEPS = 6
RNG = np.random.default_rng(0)
START, GRADIENTS = RNG.normal(size=7), RNG.normal(size=(N_STEPS, 7))
LEARNING_RATES = [0.1, 0.1, 0.05, 0.05, 0.02, 0.02]


def make_rule(name, dtype=np.float64):
    """Return the rule with the estimators' defaults."""
    rule, model = UPDATE_RULES[name], RNNRegressor()
    return rule(len(START), np.dtype(dtype), **{parameter: getattr(model, parameter) for parameter in rule.parameters})


def run(rule, dtype=np.float64):
    """Return theta after each step."""
    theta, path = START.astype(dtype), []
    for gradient, learning_rate in zip(GRADIENTS, LEARNING_RATES, strict=True):
        rule.update(theta, gradient.astype(dtype), learning_rate)
        path.append(theta.copy())
    return np.array(path)


@pytest.mark.parametrize("beta_1", [0.0, 0.9])
@pytest.mark.parametrize("beta_2", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("epsilon", [1e-8, 0.3])
def test_adam(beta_1, beta_2, epsilon):
    theta, m, v, expected = START.copy(), 0.0, 0.0, []
    for t, (g, alpha) in enumerate(zip(GRADIENTS, LEARNING_RATES, strict=True), start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        alpha_t = alpha * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        theta = theta - alpha_t * m / (np.sqrt(v) + epsilon)
        expected.append(theta)
    path = run(Adam(len(START), np.dtype(np.float64), beta_1, beta_2, epsilon))
    np.testing.assert_allclose(path, expected, rtol=1e-12, atol=1e-14)


def test_first_step_of_adam_is_the_learning_rate_against_the_sign_of_the_gradient():
    path = run(make_rule("adam"))
    np.testing.assert_allclose(path[0], START - 0.1 * np.sign(GRADIENTS[0]), rtol=1e-5)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_with_plain_momentum(momentum):
    theta, velocity, expected = START.copy(), 0.0, []
    for g, learning_rate in zip(GRADIENTS, LEARNING_RATES, strict=True):
        velocity = momentum * velocity - learning_rate * g
        theta = theta + velocity
        expected.append(theta)
    np.testing.assert_allclose(
        run(SGD(len(START), np.dtype(np.float64), momentum, nesterovs_momentum=False)), expected, rtol=1e-13
    )


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_with_nesterovs_momentum_looks_ahead(momentum):
    """The rule walks through the points theta + momentum * velocity at which Sutskever et al. take the gradient."""
    hessian, learning_rate = np.linspace(0.5, 2.0, len(START)), 0.1
    theta, velocity = START.copy(), np.zeros(len(START))
    walked = START.copy()
    rule = SGD(len(START), np.dtype(np.float64), momentum, nesterovs_momentum=True)
    for _ in range(N_STEPS):
        velocity = momentum * velocity - learning_rate * hessian * (theta + momentum * velocity)
        theta = theta + velocity
        rule.update(walked, hessian * walked, learning_rate)
        np.testing.assert_allclose(walked, theta + momentum * velocity, rtol=1e-12)


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_float32_is_not_promoted(name):
    exact = run(make_rule(name))
    rule = make_rule(name, np.float32)
    assert all(array.dtype == np.float32 for array in rule.state if array.size == len(START))
    np.testing.assert_allclose(run(rule, np.float32), exact, rtol=1e-4, atol=1e-6)
    theta = float32_only(START)
    rule.update(theta, float32_only(GRADIENTS[0]), 0.1)
    assert (theta != START.astype(np.float32)).all()


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_theta_and_state_are_changed_in_place(name):
    rule, theta = make_rule(name), START.copy()
    means = [array for array in rule.state if array.size == len(START)]
    rule.update(theta, GRADIENTS[0].copy(), 0.1)
    assert (theta != START).all()
    for array, same in zip(means, rule.state, strict=False):
        assert array is same
        assert array.any()


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_state_is_all_that_a_rule_remembers(name):
    expected = run(make_rule(name))
    first, second, theta = make_rule(name), make_rule(name), START.copy()
    for step in range(N_STEPS):
        rule = first if step < 3 else second
        if step == 3:
            second.state = [array.copy() for array in first.state]
        rule.update(theta, GRADIENTS[step].copy(), LEARNING_RATES[step])
        np.testing.assert_array_equal(theta, expected[step])


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_zero_gradient_at_the_start_moves_nothing(name):
    theta = START.copy()
    make_rule(name).update(theta, np.zeros_like(theta), 0.1)
    np.testing.assert_array_equal(theta, START)
