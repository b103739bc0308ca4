"""Tests of the estimators with all of scikit-learn's checks, without expected failures."""

from itertools import product
from unittest import SkipTest

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS

POOLINGS = ["last", "mean", "max"]
CONFIGURATIONS = list(product([RNNRegressor, RNNClassifier], CELLS, ["adam", "sgd", "lbfgs"], POOLINGS))
#: Each estimator, cell, solver and pooling at least once.
THREE_OF_THEM = [
    (RNNRegressor, "rnn", "adam", "mean"),
    (RNNClassifier, "gru", "sgd", "max"),
    (RNNRegressor, "lstm", "lbfgs", "last"),
]
#: Checks of fitted models; for the others a few iterations are sufficient.
NEED_MORE = {"check_regressors_train", "check_classifiers_train"}
FEW_ITERATIONS = 2


@pytest.mark.axis(("Estimator", "cell", "solver", "pooling"), CONFIGURATIONS, quick=THREE_OF_THEM)
@pytest.mark.axis("max_iter", [200], quick=[40])
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::sklearn.exceptions.SkipTestWarning"
)
def test_at_least_fifty_five_checks_pass_and_none_fails(Estimator, cell, solver, max_iter, pooling):
    n_passed, errors = 0, []
    estimator = Estimator((16,), cell=cell, solver=solver, max_iter=max_iter, pooling=pooling)
    for made, check in estimator_checks_generator(estimator):
        name = check.func.__name__
        try:
            check(made if name in NEED_MORE else clone(made).set_params(max_iter=FEW_ITERATIONS))
        except SkipTest:
            continue
        except Exception as error:
            error.add_note(f"in {name}")
            errors.append(error)
        else:
            n_passed += 1
    if errors:
        raise ExceptionGroup("checks of scikit-learn", errors)
    assert n_passed >= 55
