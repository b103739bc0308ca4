"""Tests of the registry: solvers are made from parameters, and an unknown name is an error."""

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.solvers._least_squares import LeastSquaresSolver
from skrnn.solvers._registry import SCHEDULES, SOLVERS, UPDATE_RULES, make_solver
from skrnn.solvers._scipy import METHODS, ScipySolver
from skrnn.solvers._stochastic import Constant, StochasticSolver


def make(seen=0, **parameters):
    """Return the solver of an estimator with these parameters, for three numbers in float32."""
    chosen = {"learning_rate_init": 0.25, "batch_size": 7, "tol": 1e-4}
    parameters = {**RNNRegressor().get_params(), **chosen, **parameters}
    return make_solver(parameters, 3, np.dtype(np.float32), np.random.RandomState(0), seen)


@pytest.mark.axis("name", SOLVERS)
def test_every_name_makes_a_solver_that_minimises_and_can_be_resumed(name):
    solver = make(solver=name)
    solver.restore(solver.state())
    assert callable(solver.minimize)


@pytest.mark.axis("name", UPDATE_RULES)
def test_stochastic_solver_takes_its_settings_from_the_parameters(name):
    solver = make(seen=12, solver=name, max_grad_norm=3.0, shuffle=False)
    assert isinstance(solver, StochasticSolver)
    assert type(solver.update_rule) is UPDATE_RULES[name]
    assert (solver.batch_size, solver.max_grad_norm, solver.n_samples_seen) == (7, 3.0, 12)
    assert solver.schedule.learning_rate == 0.25
    assert solver.rng is None
    assert make(solver=name).rng is not None
    assert {array.dtype.type for array in solver.update_rule.state if array.size == 3} == {np.float32}


def test_update_rules_take_their_settings_from_the_parameters():
    adam = make(solver="adam", beta_1=0.5, beta_2=0.25, epsilon=0.125).update_rule
    assert (adam.beta_1, adam.beta_2, adam.epsilon) == (0.5, 0.25, 0.125)
    sgd = make(solver="sgd", momentum=0.75, nesterovs_momentum=False).update_rule
    assert (sgd.momentum, sgd.nesterovs_momentum) == (0.75, False)


@pytest.mark.axis("name", SCHEDULES)
def test_sgd_follows_the_schedule_and_adam_does_not(name):
    schedule = make(solver="sgd", learning_rate=name, power_t=0.75).schedule
    assert type(schedule) is SCHEDULES[name]
    assert schedule.power_t == 0.75
    assert type(make(solver="adam", learning_rate=name).schedule) is Constant


@pytest.mark.axis("name", [*METHODS, "least_squares"])
def test_methods_of_scipy_take_their_settings_from_the_parameters(name):
    solver = make(solver=name, tol=0.5, max_fun=9, solver_options={"gtol": 0.1})
    assert solver.max_fun == 9
    assert solver.options["gtol"] == 0.1
    if name == "least_squares":
        assert isinstance(solver, LeastSquaresSolver)
        assert solver.tol == 0.5
    else:
        assert isinstance(solver, ScipySolver)
        assert solver.method is METHODS[name]
        assert solver.options[solver.method.tolerance] in (0.5, 0.25, 0.1)


def test_unknown_names_are_errors_that_list_the_known_ones():
    with pytest.raises(ValueError, match=r"solver is 'newton', but must be one of 'adam', 'sgd', .*'least_squares'\."):
        make(solver="newton")
    with pytest.raises(ValueError, match=r"learning_rate is 'cosine', but must be one of 'constant', .*'adaptive'\."):
        make(solver="sgd", learning_rate="cosine")
