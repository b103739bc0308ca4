"""Tests of the solver and its learning rate made from parameters."""

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.estimators._parameters import make_solver
from skrnn.solvers._registry import SOLVERS, UPDATE_RULES


def make(model):
    return make_solver(model, 4, 3, np.dtype(np.float64), np.random.RandomState(0), 0)


@pytest.mark.parametrize("name", UPDATE_RULES)
def test_rule_is_made_with_the_parameters_that_it_asks_for(name):
    rule = UPDATE_RULES[name]
    values = {parameter: object() for parameter in rule.parameters}
    made = make(RNNRegressor(solver=name, **values)).update_rule
    assert type(made) is rule
    assert {parameter: getattr(made, parameter) for parameter in rule.parameters} == values


def test_unknown_solver_is_no_other_one():
    with pytest.raises(ValueError, match="solver is 'adamw', but must be one of 'adam', 'sgd', ") as error:
        make(RNNRegressor(solver="adamw"))
    assert all(repr(name) in str(error.value) for name in SOLVERS)


@pytest.mark.parametrize(
    ("solver", "cell", "expected"),
    [
        ("adam", "rnn", 0.001),
        ("adam", "gru", 0.002),
        ("adam", "lstm", 0.003),
        ("sgd", "rnn", 0.05),
        ("sgd", "gru", 0.05),
        ("sgd", "lstm", 0.05),
    ],
)
def test_auto_learning_rate(solver, cell, expected):
    assert make(RNNRegressor(solver=solver, cell=cell)).schedule.learning_rate == expected
    chosen = make(RNNRegressor(solver=solver, cell=cell, learning_rate_init=0.7))
    assert chosen.schedule.learning_rate == 0.7


def test_schedule_is_that_of_sgd_alone():
    for solver, is_lowered in (("sgd", True), ("adam", False)):
        schedule = make(RNNRegressor(solver=solver, learning_rate="invscaling", learning_rate_init=0.1)).schedule
        schedule.end_epoch(99)
        assert schedule.learning_rate == pytest.approx(0.01 if is_lowered else 0.1)
