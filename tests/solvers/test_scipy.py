"""Tests of every method of SciPy: the minimum, the curve, the limits, and curvature products."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize

from skrnn.solvers._monitor import Monitor
from skrnn.solvers._scipy import METHODS, ScipyRun, ScipySolver, _Evaluations
from tests.problems import FUNCTIONS, LeastSquares, Rosenbrock

EVERY_METHOD = pytest.mark.axis("name", METHODS)
EVERY_FUNCTION = pytest.mark.axis("function", FUNCTIONS.values(), ids=FUNCTIONS)


class Spy:
    """A validation function that keeps every theta it is shown; the scores come from `score`."""

    def __init__(self, score=lambda n_seen: 0.0):
        self.thetas = []
        self.score = score

    def __call__(self, theta):
        self.thetas.append(theta.copy())
        return 0.0, self.score(len(self.thetas))


def solve(name, objective, *, max_iter=2000, max_fun=15000, tol=1e-6, options=None, **settings):
    """Return theta, the monitor, and every iterate that the monitor was shown."""
    spy = settings.pop("spy", None) or Spy()
    settings = {"n_iter_no_change": 10, **settings}
    monitor = Monitor(max_iter=max_iter, tol=tol, validate=spy, **settings)
    solver = ScipySolver(METHODS[name], tol=tol, max_fun=max_fun, options=options)
    theta = solver.minimize(objective, objective.start, monitor)
    return theta, monitor, spy.thetas


def test_methods_that_are_accepted():
    named = {"L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG", "trust-constr"}
    assert named <= set(METHODS)
    assert all(method.name == name for name, method in METHODS.items() if name != "lbfgs")
    assert METHODS["lbfgs"] is METHODS["L-BFGS-B"]


@EVERY_METHOD
@EVERY_FUNCTION
def test_finds_the_minimum(name, function):
    objective = function()
    theta, monitor, _ = solve(name, objective)
    np.testing.assert_allclose(theta, objective.minimum, atol=1e-3)
    assert monitor.stopped_short is None
    assert monitor.loss_curve[-1] < 1e-6


@EVERY_METHOD
@EVERY_FUNCTION
def test_curve_holds_the_objective_at_each_iterate(name, function):
    objective = function()
    theta, monitor, thetas = solve(name, objective)
    assert len(monitor.loss_curve) == len(thetas) > 1
    np.testing.assert_array_equal(monitor.loss_curve, [objective.full(iterate)[0] for iterate in thetas])
    np.testing.assert_array_equal(thetas[-1], theta)


class Watcher:
    """Writes down when iterations begin and end."""

    def __init__(self):
        self.told = []

    def begin(self):
        self.told.append("begin")

    def end(self, monitor, theta):
        self.told.append("end")


@EVERY_METHOD
def test_each_iteration_begins_with_an_evaluation_and_then_ends(name):
    watcher = Watcher()
    _, monitor, _ = solve(name, Rosenbrock(), max_iter=3, watcher=watcher)
    assert watcher.told[0] == "begin"
    assert watcher.told.count("end") == monitor.n_iter == 3
    assert ("end", "end") not in pairwise(watcher.told)
    assert watcher.told[-1] == "end"


@pytest.mark.axis("name", [name for name, method in METHODS.items() if not method.curvature])
@EVERY_FUNCTION
def test_curve_has_an_entry_for_each_iteration_that_scipy_counts(name, function):
    objective = function()
    method = METHODS[name]
    _, monitor, _ = solve(name, objective, tol=1e-4)
    options = {
        method.tolerance: 1e-8 if method.tolerance == "ftol" else 1e-4,
        **method.defaults,
        **dict.fromkeys(method.limits, 10**6),
    }
    result = optimize.minimize(objective.full, objective.start, jac=True, method=method.name, options=options)
    # SLSQP counts its last test of convergence, which moves nothing, as an iteration.
    assert monitor.n_iter in ((result.nit, result.nit - 1) if name == "SLSQP" else (result.nit,))


def test_the_start_is_no_iteration():
    objective = Rosenbrock()
    _, _, thetas = solve("SLSQP", objective)  # whose iterations end where it asks for the gradient
    assert not any(np.array_equal(theta, objective.start) for theta in thetas)


@EVERY_METHOD
def test_start_is_left_as_it_was(name):
    objective = LeastSquares()
    objective.start.flags.writeable = False
    theta, *_ = solve(name, objective)
    assert not np.shares_memory(theta, objective.start)


@EVERY_METHOD
def test_start_at_the_minimum_still_gives_a_curve(name):
    objective = LeastSquares()
    objective.start = objective.minimum.copy()
    theta, monitor, _ = solve(name, objective, tol=1e-4)
    np.testing.assert_allclose(theta, objective.minimum, atol=1e-6)
    assert monitor.stopped_short is None
    assert monitor.loss_curve == pytest.approx([0.0] * monitor.n_iter, abs=1e-12)
    assert monitor.n_iter >= 1


@EVERY_METHOD
def test_looser_tolerance_ends_earlier(name):
    n_iter = [solve(name, Rosenbrock(), tol=tol)[1].n_iter for tol in (1e-1, 1e-4)]
    assert n_iter[0] < n_iter[1]


# Limits


@EVERY_METHOD
@pytest.mark.axis("max_iter", [1, 3])
def test_maximum_of_iterations_is_honoured_and_said(name, max_iter):
    objective = Rosenbrock()
    theta, monitor, thetas = solve(name, objective, max_iter=max_iter)
    assert monitor.n_iter == len(thetas) == max_iter
    assert monitor.stopped_short == f"Maximum iterations ({max_iter}) reached"
    np.testing.assert_array_equal(theta, thetas[-1])
    assert monitor.loss_curve[-1] == objective.full(theta)[0]


@EVERY_METHOD
@pytest.mark.axis("max_fun", [1, 2, 3, 5, 8, 13, 17])
def test_maximum_of_evaluations_is_honoured_and_said(name, max_fun):
    objective = Rosenbrock()
    theta, monitor, _ = solve(name, objective, max_fun=max_fun)
    assert objective.n_evaluations <= max_fun
    assert monitor.stopped_short == f"Maximum function evaluations ({max_fun}) reached"
    kept, loss = monitor.kept(theta)
    assert loss == objective.full(kept)[0]


@EVERY_METHOD
def test_early_stopping_leaves_the_loop_and_returns_to_the_best(name):
    spy = Spy(score=lambda n_seen: -abs(n_seen - 2.0))  # best after the second iteration
    theta, monitor, thetas = solve(name, Rosenbrock(), spy=spy, early_stopping=True, n_iter_no_change=1)
    assert monitor.n_iter == 2 + 2
    assert monitor.stopped_short is None
    kept, loss = monitor.kept(theta)
    np.testing.assert_array_equal(kept, thetas[1])
    assert loss == monitor.loss_curve[1]


@EVERY_METHOD
def test_validation_scores_alone_stop_nothing(name):
    spy = Spy(score=lambda n_seen: -n_seen)
    theta, monitor, _ = solve(name, LeastSquares(), spy=spy, n_iter_no_change=1)
    np.testing.assert_allclose(theta, LeastSquares().minimum, atol=1e-3)
    assert len(monitor.validation_scores) == monitor.n_iter


@pytest.mark.parametrize(
    ("name", "options"), [("lbfgs", {"maxiter": 2}), ("TNC", {"maxfun": 4}), ("CG", {"maxiter": 2})]
)
def test_options_take_precedence_and_messages_of_scipy_are_passed_on(name, options):
    _, monitor, _ = solve(name, Rosenbrock(), options=options)
    assert monitor.n_iter <= 4
    assert monitor.stopped_short.startswith(f"{METHODS[name].name} stopped: ")
    assert len(monitor.stopped_short) > 20


@EVERY_METHOD
@pytest.mark.axis("bad", [np.nan, np.inf])
def test_objective_that_is_not_finite_is_an_error(name, bad):
    objective = LeastSquares()
    objective.targets[0] = bad
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="diverged"):
        solve(name, objective)


# dtypes and curvature


@EVERY_METHOD
def test_float32_in_and_out(name):
    objective = LeastSquares(dtype=np.float32)
    theta, monitor, thetas = solve(name, objective, tol=1e-3)
    assert theta.dtype == np.float32
    assert all(iterate.dtype == np.float32 for iterate in thetas)
    np.testing.assert_allclose(theta, objective.minimum, atol=1e-2)
    assert monitor.loss_curve[-1] < 1e-4 * monitor.loss_curve[0]


@EVERY_METHOD
def test_float32_in_and_out_where_a_limit_ends_it(name):
    for limits in ({"max_iter": 1}, {"max_fun": 1}):
        theta, monitor, thetas = solve(name, LeastSquares(dtype=np.float32), **limits)
        assert monitor.stopped_short is not None
        assert {array.dtype for array in (theta, *thetas)} == {np.dtype(np.float32)}


def make_evaluations(objective, max_fun=10**6):
    monitor = Monitor(max_iter=10, tol=0.0, n_iter_no_change=10)
    return _Evaluations(objective, ScipyRun(objective.start, monitor, max_fun))


@EVERY_FUNCTION
def test_curvature_is_the_gauss_newton_matrix_in_float64(function):
    objective = function()
    theta = objective.start + 0.3
    evaluations = make_evaluations(objective)
    _, jacobian = objective.residuals_and_jacobian(theta)
    hessian = evaluations.hess(theta)
    np.testing.assert_array_equal(hessian, hessian.T)
    np.testing.assert_allclose(hessian, jacobian.T @ jacobian, rtol=1e-12, atol=1e-12)
    direction = np.arange(1.0, len(theta) + 1.0)
    product = evaluations.hessp(theta, direction)
    np.testing.assert_allclose(product, hessian @ direction, rtol=1e-12)
    assert product.dtype == np.float64
    assert objective.n_evaluations == 0


def test_point_that_was_changed_in_place_is_evaluated_anew():
    evaluations = make_evaluations(Rosenbrock())
    theta = np.array([0.5, 0.2, -0.3])
    first = evaluations.loss_at(theta)
    assert evaluations.loss_at(theta) == first
    assert evaluations.objective.n_evaluations == 1
    theta += 1.0
    assert evaluations.loss_at(theta) == Rosenbrock().full(theta)[0] != first


def test_starts_anew_each_time():
    solver = ScipySolver(METHODS["lbfgs"], tol=1e-4, max_fun=100)
    assert solver.state() == []
    solver.restore(["Adam", 0.1])
    assert solver.state() == []


@pytest.mark.parametrize("n_before", [3, 9])
def test_goes_on_with_the_iterations_that_are_left(n_before):
    theta = np.zeros(3)
    monitor = Monitor(max_iter=3, tol=0.0, n_iter_no_change=np.inf)
    earlier = Monitor(max_iter=100, tol=0.0, n_iter_no_change=np.inf)
    for _ in range(n_before):
        earlier.record(theta, 1.0)
    monitor.restore(earlier.state())

    class Never:
        def full(self, theta):
            raise AssertionError

    solver = ScipySolver(METHODS["lbfgs"], tol=1e-4, max_fun=100)
    assert solver.minimize(Never(), theta, monitor) is not theta
    assert monitor.n_iter == n_before
    assert "Maximum iterations" in monitor.stopped_short
