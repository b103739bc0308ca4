"""Tests of least squares: the minimum, the curve, the limits, and what stands for residuals and Jacobian."""

import re
from itertools import pairwise

import numpy as np
import pytest
from scipy import optimize

from skrnn.solvers import _least_squares
from skrnn.solvers._least_squares import LeastSquaresSolver, _Compressed, _reflected, _too_large, _triangle
from skrnn.solvers._monitor import Monitor
from skrnn.solvers._scipy import ScipyRun
from tests.problems import FUNCTIONS, LeastSquares, Rosenbrock

EVERY_METHOD = pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
EVERY_FUNCTION = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


@pytest.fixture(params=["compressed", "as operator"])
def form(request, monkeypatch):
    """The Jacobian in either form; as an operator, the method is always "trf"."""
    if request.param == "as operator":
        monkeypatch.setattr(_least_squares, "_MAX_JACOBIAN_BYTES", 0)
    return request.param


def solve(objective, *, method="lm", max_iter=200, max_fun=10**4, tol=1e-5, options=None, **settings):
    """Return theta, the monitor, and every iterate that the monitor was shown."""
    thetas = []
    monitor = Monitor(
        max_iter=max_iter,
        tol=tol,
        n_iter_no_change=10,
        validate=lambda theta: (0.0, float(len(thetas))) if thetas.append(theta.copy()) is None else None,
        **settings,
    )
    solver = LeastSquaresSolver(tol=tol, max_fun=max_fun, options={"method": method, **(options or {})})
    return solver.minimize(objective, objective.start, monitor), monitor, thetas


@EVERY_METHOD
@EVERY_FUNCTION
def test_finds_the_minimum(function, method, form):
    objective = function()
    theta, monitor, _ = solve(objective, method=method)
    np.testing.assert_allclose(theta, objective.minimum, atol=1e-4)
    assert monitor.stopped_short is None


@EVERY_METHOD
@EVERY_FUNCTION
def test_curve_holds_the_objective_at_each_iterate(function, method, form):
    objective = function()
    theta, monitor, thetas = solve(objective, method=method)
    assert monitor.loss_curve == [objective.loss_and_residuals(iterate)[0] for iterate in thetas]
    assert (np.diff(monitor.loss_curve) < 1e-12).all()
    np.testing.assert_array_equal(thetas[-1], theta)


@EVERY_METHOD
def test_takes_the_same_path_as_scipy_on_all_rows(method):
    objective = Rosenbrock()
    _, _, thetas = solve(objective, method=method)
    direct = []
    optimize.least_squares(
        lambda theta: objective.residuals_and_jacobian(theta)[0],
        objective.start,
        jac=lambda theta: (direct.append(theta.copy()), objective.residuals_and_jacobian(theta)[1])[1],
        method=method,
        x_scale=1.0,
        gtol=1e-10,
    )
    accepted = [theta for theta in direct if not np.array_equal(theta, objective.start)]
    np.testing.assert_allclose(thetas[: len(accepted)], accepted, rtol=1e-6)


@EVERY_FUNCTION
def test_compressed_rows_keep_lengths_and_angles(function):
    objective = function()
    theta = objective.start + 0.4
    residuals, jacobian = objective.residuals_and_jacobian(theta)
    monitor = Monitor(max_iter=10, tol=0.0, n_iter_no_change=10)
    compressed = _Compressed(objective, ScipyRun(objective.start, monitor, 100))
    few_residuals, few_rows = compressed.residuals(theta), compressed.jacobian(theta)
    assert few_rows.shape == (len(theta) + 1, len(theta))
    np.testing.assert_allclose(few_rows.T @ few_rows, jacobian.T @ jacobian, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(few_rows.T @ few_residuals, jacobian.T @ residuals, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(few_residuals @ few_residuals, residuals @ residuals, rtol=1e-12)


@EVERY_METHOD
def test_fewer_residuals_than_parameters(method, form):
    objective = LeastSquares(n_samples=3, n_parameters=5)
    theta, monitor, _ = solve(objective, method=method)
    assert monitor.loss_curve[-1] < 1e-12
    np.testing.assert_allclose(objective.rows @ theta, objective.targets, atol=1e-5)


@EVERY_METHOD
@pytest.mark.parametrize("max_iter", [1, 3])
def test_maximum_of_iterations_is_honoured_and_said(method, max_iter, form, capfd):
    theta, monitor, thetas = solve(Rosenbrock(), method=method, max_iter=max_iter)
    assert monitor.n_iter == len(thetas) == max_iter
    assert monitor.stopped_short == f"Maximum iterations ({max_iter}) reached"
    np.testing.assert_array_equal(theta, thetas[-1])
    assert capfd.readouterr() == ("", "")  # MINPACK prints errors that pass through it


@EVERY_METHOD
@pytest.mark.parametrize("max_fun", [1, 2, 3, 5])
def test_maximum_of_evaluations_is_honoured_and_said(method, max_fun, form, capfd):
    objective = Rosenbrock()
    theta, monitor, _ = solve(objective, method=method, max_fun=max_fun)
    assert objective.n_evaluations <= max_fun
    assert monitor.stopped_short == f"Maximum function evaluations ({max_fun}) reached"
    kept, loss = monitor.kept(theta)
    assert loss == objective.full(kept)[0]
    assert capfd.readouterr() == ("", "")


@EVERY_METHOD
def test_errors_come_through_as_they_are(method, form, capfd):
    objective = Rosenbrock()
    objective.loss_and_residuals = lambda theta: 1 / 0
    with pytest.raises(ZeroDivisionError):
        solve(objective, method=method)
    assert capfd.readouterr() == ("", "")


@EVERY_METHOD
def test_interruption_is_passed_on(method, form, capfd):
    objective = Rosenbrock()
    residuals_and_jacobian, n_calls = objective.residuals_and_jacobian, 0

    def interrupted(theta):
        nonlocal n_calls
        n_calls += 1
        if n_calls > 4:
            raise KeyboardInterrupt
        return residuals_and_jacobian(theta)

    objective.residuals_and_jacobian = interrupted
    with pytest.raises(KeyboardInterrupt):
        solve(objective, method=method)
    assert capfd.readouterr() == ("", "")


@EVERY_METHOD
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_objective_that_is_not_finite_is_an_error(method, bad):
    objective = LeastSquares()
    objective.targets[0] = bad
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="diverged"):
        solve(objective, method=method)


@EVERY_METHOD
def test_float32_in_and_out(method, form):
    objective = LeastSquares(dtype=np.float32)
    theta, _, thetas = solve(objective, method=method, tol=1e-3)
    assert {array.dtype for array in (theta, *thetas)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(theta, objective.minimum, atol=1e-3)


def test_start_at_the_minimum_still_gives_a_curve(form):
    objective = LeastSquares()
    objective.start = objective.minimum.copy()
    theta, monitor, _ = solve(objective)
    np.testing.assert_allclose(theta, objective.minimum, atol=1e-9)
    assert monitor.n_iter >= 1


def test_reports_that_the_jacobian_is_not_formed(monkeypatch, capsys):
    solve(LeastSquares(), verbose=True, max_iter=1)
    assert "lsmr" not in capsys.readouterr().out
    monkeypatch.setattr(_least_squares, "_MAX_JACOBIAN_BYTES", 0)
    solve(LeastSquares(), verbose=True, max_iter=1)
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("The Jacobian would take ")
    assert "tr_solver='lsmr'" in first


@EVERY_METHOD
def test_early_stopping_leaves_the_loop_and_returns_to_the_best(method, form):
    scores = iter([0.0, 1.0, 0.5, 0.5, 0.5, 0.5])
    monitor = Monitor(
        max_iter=200, tol=0.0, n_iter_no_change=1, validate=lambda theta: (0.0, next(scores)), early_stopping=True
    )
    solver = LeastSquaresSolver(tol=1e-8, max_fun=1000, options={"method": method})
    objective = Rosenbrock()
    theta = solver.minimize(objective, objective.start, monitor)
    assert monitor.n_iter == 4
    assert monitor.stopped_short is None
    assert monitor.kept(theta)[1] == monitor.loss_curve[1]


def test_chooses_a_method_by_the_number_of_parameters():
    solver = LeastSquaresSolver(tol=1e-4, max_fun=100)
    assert solver._method_for(500)["method"] == "lm"
    assert solver._method_for(501) == {"method": "trf", "tr_solver": "lsmr"}
    assert LeastSquaresSolver(tol=1e-4, max_fun=100, options={"method": "dogbox"})._method_for(501) == {}


@pytest.mark.parametrize("method", ["trf", "dogbox"])
@EVERY_FUNCTION
def test_methods_that_only_multiply_by_the_jacobian(function, method):
    objective = function()
    monitor = Monitor(max_iter=500, tol=0.0, n_iter_no_change=10)
    solver = LeastSquaresSolver(tol=1e-6, max_fun=1000, options={"method": method, "tr_solver": "lsmr"})
    np.testing.assert_allclose(solver.minimize(objective, objective.start, monitor), objective.minimum, atol=1e-3)


def test_the_first_step_of_minpack_is_no_longer_than_theta():
    objective = Rosenbrock()
    tried = []
    loss_and_residuals = objective.loss_and_residuals
    objective.loss_and_residuals = lambda theta: (tried.append(theta.copy()), loss_and_residuals(theta))[1]
    objective.residuals_and_jacobian = lambda theta: (np.ones(4), 1e-3 * np.eye(4)[:, :3])  # asks for huge steps
    solve(objective, max_iter=1)
    steps = [np.linalg.norm(theta - objective.start) for theta in tried]
    assert 0.0 < max(steps) <= np.linalg.norm(objective.start)


@pytest.mark.parametrize(
    ("options", "kind"),
    [({"method": "LM"}, ValueError), ({"x_scale": [1.0, 2.0]}, ValueError), ({"gtol": "a"}, TypeError)],
)
def test_options_that_scipy_refuses_are_named(options, kind):
    objective = Rosenbrock()
    monitor = Monitor(max_iter=10, tol=0.0, n_iter_no_change=10)
    with pytest.raises(kind, match=r"solver_options is .* which SciPy does not accept"):
        LeastSquaresSolver(tol=1e-4, max_fun=100, options=options).minimize(objective, objective.start, monitor)


def test_starts_anew_each_time():
    solver = LeastSquaresSolver(tol=1e-4, max_fun=100)
    assert solver.state() == []
    solver.restore(["Adam", 0.1])
    assert solver.state() == []


def asked_of_scipy(objective, monkeypatch, *, tol=0.1, **options):
    """Return what the solver hands to SciPy for an objective: residuals and Jacobian at the start, and the options."""
    asked = []

    def least_squares(fun, x0, *, jac, **keywords):
        asked.append((fun(x0), jac(x0), keywords))
        raise ZeroDivisionError

    monkeypatch.setattr(optimize, "least_squares", least_squares)
    monitor = Monitor(max_iter=10, tol=0.0, n_iter_no_change=10)
    with pytest.raises(ZeroDivisionError):
        LeastSquaresSolver(tol=tol, max_fun=100, options=options).minimize(objective, objective.start, monitor)
    return asked[0]


def test_what_scipy_is_asked(monkeypatch):
    objective = LeastSquares(n_samples=30, n_parameters=4)
    residuals, jacobian, options = asked_of_scipy(objective, monkeypatch)
    assert residuals.shape == (5,)
    assert jacobian.shape == (5, 4)
    expected = {"method": "lm", "x_scale": 1.0, "gtol": pytest.approx(0.01), "max_nfev": _least_squares.NO_LIMIT}
    assert options == expected
    *_, options = asked_of_scipy(objective, monkeypatch, method="dogbox", gtol=0.5, ftol=0.25, x_scale="jac")
    assert options == {**expected, "method": "dogbox", "gtol": 0.5, "ftol": 0.25, "x_scale": "jac"}
    assert asked_of_scipy(objective, monkeypatch, tol=1e-12)[2]["gtol"] == np.finfo(float).eps


@pytest.mark.parametrize("n_samples", [4, 5])
def test_few_rows_are_not_compressed(n_samples, monkeypatch):
    objective = LeastSquares(n_samples=n_samples, n_parameters=4)
    residuals, _, _ = asked_of_scipy(objective, monkeypatch, method="trf")
    np.testing.assert_allclose(residuals, objective.loss_and_residuals(objective.start)[1])


def test_rows_are_not_compressed_for_products_with_the_jacobian(monkeypatch):
    objective = LeastSquares(n_samples=30, n_parameters=4)
    residuals, jacobian, options = asked_of_scipy(objective, monkeypatch, tr_solver="lsmr")
    assert options["method"] == "trf"
    assert len(residuals) == 30
    np.testing.assert_allclose(jacobian, objective.residuals_and_jacobian(objective.start)[1])


def test_options_stay_where_the_jacobian_is_too_large(monkeypatch):
    monkeypatch.setattr(_least_squares, "_MAX_JACOBIAN_BYTES", 30 * 4 * 8)
    objective = LeastSquares(n_samples=30, n_parameters=4)
    assert asked_of_scipy(objective, monkeypatch)[2]["method"] == "lm"
    objective = LeastSquares(n_samples=31, n_parameters=4)
    residuals, jacobian, options = asked_of_scipy(objective, monkeypatch, ftol=0.25, x_scale="jac")
    assert len(residuals) == 31
    assert not isinstance(jacobian, np.ndarray)
    assert {name: options[name] for name in ("method", "tr_solver", "ftol", "x_scale")} == {
        "method": "trf",
        "tr_solver": "lsmr",
        "ftol": 0.25,
        "x_scale": 1.0,
    }


def test_size_of_a_jacobian_that_is_too_large():
    assert _too_large(3 * 2**29) == (
        "The Jacobian would take 1.5 GiB: "
        "least_squares uses products with it instead, with method='trf' and tr_solver='lsmr'."
    )


def test_no_point_is_evaluated_twice_in_a_row():
    objective, evaluated = Rosenbrock(), []
    loss_and_residuals = objective.loss_and_residuals
    objective.loss_and_residuals = lambda theta: (evaluated.append(theta.copy()), loss_and_residuals(theta))[1]
    solve(objective)
    assert not any(np.array_equal(*pair) for pair in pairwise(evaluated))


@EVERY_METHOD
def test_the_last_iteration_is_recorded_once(method):
    early = {"max_nfev": 8}  # while steps are larger than rounding
    _, _, thetas = solve(Rosenbrock(), method=method, options=early)
    assert len(thetas) > 2
    assert not any(np.array_equal(*pair) for pair in pairwise(thetas))


def test_says_what_scipy_says_of_a_limit():
    monitor = Monitor(max_iter=100, tol=0.0, n_iter_no_change=10)
    objective = Rosenbrock()
    LeastSquaresSolver(tol=1e-8, max_fun=1000, options={"max_nfev": 2}).minimize(objective, objective.start, monitor)
    assert re.fullmatch("least_squares stopped: .*evaluations.*", monitor.stopped_short)


def test_triangle_of_many_rows():
    rng = np.random.default_rng(0)
    residuals, jacobian = rng.normal(size=2500), rng.normal(size=(2500, 3))
    triangle, rows = _triangle(residuals, jacobian), np.column_stack([jacobian, residuals])
    assert triangle.shape == (4, 4)
    np.testing.assert_allclose(triangle.T @ triangle, rows.T @ rows, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("residuals", [[3.0, 4.0], [-3.0, 4.0], [0.5, 1e-10], [-0.5, 1e-10], [0.0, 2.0], [0.5, -1e-10]])
def test_reflection_takes_residuals_to_their_length_without_cancellation(residuals):
    residuals = np.array(residuals)
    reflected = _reflected(residuals[:, np.newaxis], residuals)[:, 0]
    np.testing.assert_allclose(reflected, [np.linalg.norm(residuals), 0.0], rtol=1e-15, atol=1e-15)


def test_reflection_of_no_residuals_and_of_a_unit_length():
    jacobian = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(_reflected(jacobian, np.zeros(2)), jacobian)
    half = np.array([0.5, 0.0])  # whose axis has a square of one
    np.testing.assert_allclose(_reflected(jacobian, half), [[1.0, 2.0], [-3.0, -4.0]])
