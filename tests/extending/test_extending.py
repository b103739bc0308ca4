"""Tests of the cell, the loss and the rule of the page on extending, with the checks of all others."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNRegressor
from skrnn.cells._registry import CELLS
from skrnn.estimators._parameters import _CHOICES
from skrnn.losses._losses import LOSSES
from skrnn.solvers._monitor import Monitor
from skrnn.solvers._registry import SCHEDULES, SOLVERS, UPDATE_RULES
from skrnn.solvers._stochastic import StochasticSolver
from tests.extending.log_cosh import LogCosh
from tests.extending.sign_descent import SignDescent
from tests.extending.update_gate import UpdateGateCell
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import PARTLY_MISSING, PROBLEMS, READINGS, STACKS, make_objective, make_outputs

NAMES = {problem: name for name, problem in {**PROBLEMS, "partly missing": PARTLY_MISSING}.items()}
EVERY_STACK = pytest.mark.axis("hidden_layer_sizes", STACKS.values(), ids=STACKS)
#: In the quick run what the readout may see, and batches of extreme shapes: the zoo is for the cells of the package.
SOME_PROBLEMS = [*READINGS.values(), PROBLEMS["one timestep of one sequence"], PROBLEMS["long"]]
EVERY_PROBLEM = pytest.mark.axis("problem", PROBLEMS.values(), ids=lambda problem: NAMES[problem], quick=SOME_PROBLEMS)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    """Register the new classes, as a line in the source would."""
    monkeypatch.setitem(CELLS, "update_gate", UpdateGateCell)
    monkeypatch.setitem(LOSSES, "log_cosh", LogCosh)
    monkeypatch.setitem(UPDATE_RULES, "sign_descent", SignDescent)
    monkeypatch.setitem(SOLVERS, "sign_descent", SOLVERS["adam"])  # which was made of UPDATE_RULES on import
    monkeypatch.setitem(_CHOICES, "solver", tuple(SOLVERS))


def check_gradient(objective, theta):
    full_gradient_check(lambda theta: objective.full(theta)[0], objective.full(theta)[1], theta)


def check_curvature(objective, theta):
    """Check that the Gauss-Newton products are those of a symmetric matrix without negative eigenvalues."""
    products = np.array([objective.gauss_newton_product(theta, unit) for unit in np.eye(theta.size)])
    np.testing.assert_allclose(products, products.T, atol=1e-12)
    assert np.linalg.eigvalsh(products).min() > -1e-12


@EVERY_STACK
@EVERY_PROBLEM
def test_gradient_of_the_cell(problem, hidden_layer_sizes):
    objective, theta = make_objective(problem, cell_name="update_gate", hidden_layer_sizes=hidden_layer_sizes)
    check_gradient(objective, theta)


@EVERY_PROBLEM
def test_curvature_of_the_cell(problem):
    check_curvature(*make_objective(problem, cell_name="update_gate"))


@pytest.mark.axis(
    "problem",
    [*PROBLEMS.values(), PARTLY_MISSING],
    ids=lambda problem: NAMES[problem],
    quick=[*SOME_PROBLEMS, PARTLY_MISSING],
)
def test_gradient_and_curvature_of_the_loss(problem):
    objective, theta = make_objective(problem, loss_name="log_cosh")
    check_gradient(objective, theta)
    check_curvature(objective, theta)


def test_loss_is_log_cosh_even_where_cosh_overflows():
    y, raw = np.zeros((1, 3)), np.array([[0.5, -2.0, 1000.0]])
    losses = LogCosh().loss_gradient(y, raw, np.empty_like(raw))
    np.testing.assert_allclose(losses[:2], np.log(np.cosh(raw[0, :2])))
    assert losses[2] == pytest.approx(1000.0 - np.log(2.0))


@pytest.mark.axis("n_outputs", [1, 3])
def test_score_of_the_loss_is_the_share_of_the_best_constant_s_loss(n_outputs):
    """Only its value and its slope are required."""
    y, raw, weights = make_outputs("log_cosh", n_outputs, n_samples=40)
    present = np.ones_like(y)
    present[:, 3:9] = 0.0
    shares = []
    for row, outputs in zip(y, raw, strict=True):

        def loss(constant, row=row):
            return np.average(np.log(np.cosh(constant - row)), weights=weights * present[0])

        best = minimize_scalar(loss, bounds=(row.min(), row.max()), method="bounded").fun
        shares.append(1.0 - loss(outputs) / best)
    assert LogCosh().score(y, raw, weights, present) == pytest.approx(np.mean(shares), rel=1e-6)


def solve(n_epochs, state=None, theta=None):
    """Return theta and the solver's state after some epochs of sign descent."""
    objective, start = make_objective(PROBLEMS["all at once"])
    rule = SignDescent(start.size, start.dtype, momentum=0.9)
    solver = StochasticSolver(rule, SCHEDULES["constant"](0.01, 0.5), batch_size=4, rng=None, max_grad_norm=None)
    solver.restore(state or [])
    monitor = Monitor(max_iter=n_epochs, tol=0.0, n_iter_no_change=np.inf)
    return objective, solver.minimize(objective, start if theta is None else theta, monitor), solver.state()


def test_rule_descends():
    objective, start = make_objective(PROBLEMS["all at once"])
    assert objective.full(solve(50)[1])[0] < 0.9 * objective.full(start)[0]


def test_rule_moves_every_entry_by_the_learning_rate():
    rule, theta = SignDescent(3, np.float64, momentum=0.5), np.zeros(3)
    rule.update(theta, np.array([3.0, -0.1, 0.0]), 0.2)
    np.testing.assert_allclose(theta, [-0.2, 0.2, 0.0])
    rule.update(theta, np.array([-2.0, -0.1, 0.0]), 0.2)  # the mean of the first entry is still 0.5 * 1.5 - 1 < 0
    np.testing.assert_allclose(theta, [0.0, 0.4, 0.0])


def test_rule_continues_from_its_state():
    _, half, state = solve(5)
    np.testing.assert_array_equal(solve(5, state, half)[1], solve(10)[1])


def test_rule_is_a_solver_of_the_estimators():
    X = np.random.default_rng(0).normal(size=(20, 5, 2))
    y = X[:, -1, 0]
    model = RNNRegressor((4,), solver="sign_descent", momentum=0.5, max_iter=20, tol=0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        model.fit(X, y)
    assert model.loss_curve_[-1] < 0.99 * model.loss_curve_[0]
    before = model.readout_weights_
    steps = (model.partial_fit(X, y).readout_weights_ - before) / np.std(y)
    rate = SignDescent.auto_learning_rate
    np.testing.assert_allclose(np.abs(steps), rate)  # a single batch: each entry moves by the rate


def test_gradient_of_the_cell_in_both_directions_of_time():
    objective, theta = make_objective(PROBLEMS["masks anywhere"], cell_name="update_gate", bidirectional=True)
    rng = np.random.default_rng(0)
    directional_gradient_check(lambda theta: objective.full(theta)[0], objective.full(theta)[1], theta, rng)
