"""Tests of the estimators by scikit-learn's own checks: all of them, and none is expected to fail."""

import warnings
from itertools import product

import pytest
from sklearn.exceptions import ConvergenceWarning, SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS

ESTIMATORS = [
    Estimator((16,), cell=cell, solver=solver)
    for Estimator, cell, solver in product([RNNRegressor, RNNClassifier], CELLS, ["adam", "sgd", "lbfgs"])
]


def _all_checks(estimators):
    """Return the decorator as a list of cases: up to scikit-learn 1.6 it hands pytest a generator."""
    decorator = parametrize_with_checks(estimators)
    names, cases = decorator.args
    return pytest.mark.parametrize(names, list(cases), **decorator.kwargs)


@_all_checks(ESTIMATORS)
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::sklearn.exceptions.SkipTestWarning"
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_at_least_fifty_five_checks_pass_and_none_fails(Estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", SkipTestWarning)
        records = check_estimator(Estimator((16,), solver="lbfgs"), on_fail=None, on_skip=None)
    statuses = [record["status"] for record in records]
    assert "failed" not in statuses
    assert "xfail" not in statuses
    assert statuses.count("passed") >= 55
