"""Tests of limits: the values of "auto", and the warning if a limit ends a fit whose loss is still decreasing."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor
from skrnn.estimators._fit_warnings import recent_fall, warn_of_end
from skrnn.estimators._parameters import choose_max_iter, choose_tol
from skrnn.solvers._registry import SOLVERS, UPDATE_RULES
from tests.estimators.tasks import assert_same_fit, make_regression_task, make_task

ESTIMATORS = [RNNRegressor, RNNClassifier]
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (3,), "random_state": 0, **parameters})


def warnings_of(function, *arguments):
    """Return the messages of all warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*arguments)
    return [str(warning.message) for warning in caught]


# "auto"


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_auto_stands_for(solver):
    epochs = solver in UPDATE_RULES
    model = RNNRegressor(solver=solver)
    assert (model.max_iter, model.tol) == ("auto", "auto")
    assert (choose_max_iter(model), choose_tol(model)) == ((200, 1e-4) if epochs else (1000, 3e-3))
    model.set_params(max_iter=np.int64(7), tol=np.float32(0.5))
    assert (choose_max_iter(model), choose_tol(model)) == (7, 0.5)


@each_estimator
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs", "trust-krylov"], quick=["adam", "sgd", "lbfgs"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_auto_fits_as_the_numbers_do(Estimator, solver):
    X, y = make_task(Estimator)
    tol, max_iter = (1e-4, 200) if solver in UPDATE_RULES else (3e-3, 1000)
    auto = make_estimator(Estimator, solver=solver).fit(X, y)
    given = make_estimator(Estimator, solver=solver, tol=tol, max_iter=max_iter).fit(X, y)
    assert_same_fit(auto, given)
    assert auto.loss_curve_ == given.loss_curve_
    other = clone(given).set_params(tol=tol / 100).fit(X, y)
    assert other.n_iter_ > auto.n_iter_ or auto.n_iter_ == 200


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_epochs_are_over_after_two_hundred():
    X, y = make_regression_task()
    settings = {"solver": "sgd", "learning_rate_init": 1e-6, "n_iter_no_change": np.inf}
    assert make_estimator(**settings).fit(X, y).n_iter_ == 200


@each_estimator
@pytest.mark.axis("parameter", ["max_iter", "tol"])
@pytest.mark.axis("value", ["AUTO", "Auto", "automatic", "", "inf", "200", b"auto", ["auto"], np.array("aut")], ids=str)
def test_other_words_are_refused(Estimator, parameter, value):
    X, y = make_task(Estimator)
    with pytest.raises((TypeError, ValueError), match=parameter):
        make_estimator(Estimator, **{parameter: value}).fit(X, y)


# The warning


@each_estimator
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs", "BFGS", "trust-exact"])
def test_loss_that_still_falls_is_said(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, max_iter=3, tol=0.0, learning_rate_init=0.01)
    (message,) = warnings_of(model.fit, X, y)
    fall = recent_fall(model.loss_curve_)
    first, last = model.loss_curve_[0], model.loss_curve_[-1]
    assert fall == pytest.approx((model.loss_curve_[-2] - last) / (first - last))
    assert fall > 0.01
    assert message.startswith("Maximum iterations (3) reached, and the solver hasn't converged yet: the last tenth of ")
    assert f"contributed {fall:.0%} of the decrease of the loss. A larger max_iter" in message


@each_estimator
@pytest.mark.axis("solver", ["adam", "lbfgs", "BFGS", "trust-exact"])
def test_loss_that_no_longer_falls_is_not_worth_a_warning(Estimator, solver):
    X, y = make_task(Estimator)
    settings = {"solver": solver, "tol": 1e-300, "alpha": 4.0, "learning_rate_init": 0.02, "n_iter_no_change": np.inf}
    model = make_estimator(Estimator, **settings, max_iter=400)
    assert warnings_of(model.fit, X, y) == []
    assert recent_fall(model.loss_curve_) < 0.01


def test_warns_at_max_fun_if_the_loss_is_still_decreasing():
    X, y = make_regression_task()
    model = make_estimator(solver="lbfgs", tol=0.0)
    (message,) = warnings_of(clone(model).set_params(max_fun=5).fit, X, y)
    assert message.startswith("Maximum function evaluations (5) reached, and the solver hasn't converged yet: ")
    assert message.endswith(" A larger max_fun, or a larger tol, may help.")
    assert warnings_of(clone(model).set_params(max_fun=400, alpha=4.0).fit, X, y) == []


def test_one_iteration_says_nothing_of_the_loss_and_is_warned_of():
    X, y = make_regression_task()
    (message,) = warnings_of(make_estimator(max_iter=1).fit, X, y)
    assert message.startswith("Maximum iterations (1) reached, and the solver hasn't converged yet. A larger max_iter")


def test_converged_fits_and_partial_fits_warn_of_nothing():
    X, y = make_regression_task()
    assert warnings_of(make_estimator(solver="lbfgs").fit, X, y) == []
    assert warnings_of(make_estimator(solver="adam").partial_fit, X, y) == []


def outcome(losses, stopped_short="Maximum iterations (9) reached"):
    names = {"error": None, "notice": None, "is_last": False, "was_interrupted": False, "advice": "Do more."}
    return SimpleNamespace(loss_curve=losses, stopped_short=stopped_short, **names)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], None),
        ([1.0], None),
        ([1.0, 2.0], None),
        ([1.0, 1.0], None),
        ([1.0, 0.5], 1.0),
        ([5.0, 3.0, 2.0, 1.0], 0.25),
        ([*range(21, 1, -1), 1.0], 0.1),  # the last two of 21
        ([2.0, *[1.0] * 29], 0.0),
        ([3.0, 1.0, 1.0, 2.0], -1.0),  # it rises again
    ],
)
def test_recent_fall_is_that_of_the_last_tenth(losses, expected):
    assert recent_fall(losses) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("losses", "share"),
    [
        ([100.0, 2.0, 0.0], "2%"),
        ([100.0, 1.01, 0.0], "1%"),
        ([100.0, 1.0, 0.0], None),
        ([100.0, 0.5, 0.0], None),
        ([100.0, 0.0, 5.0], None),
    ],
)
def test_more_than_a_hundredth_of_the_fall_is_worth_a_warning(losses, share):
    of_run = outcome(losses)
    messages = warnings_of(warn_of_end, of_run, [of_run], 1)
    start = "Maximum iterations (9) reached, and the solver hasn't converged yet"
    expected = f"{start}: the last tenth of them contributed {share} of the decrease of the loss. Do more."
    assert messages == ([] if share is None else [expected])
    assert warnings_of(warn_of_end, outcome(losses, None), [outcome(losses, None)], 1) == []


def test_loss_that_has_not_fallen_is_worth_a_warning():
    of_run = outcome([1.0, 2.0, 3.0])
    (message,) = warnings_of(warn_of_end, of_run, [of_run], 1)
    assert message == "Maximum iterations (9) reached, and the solver hasn't converged yet. Do more."


def test_category_is_that_of_scikit_learn():
    with pytest.warns(ConvergenceWarning, match="converged yet"):
        make_estimator(max_iter=2).fit(*make_regression_task())
