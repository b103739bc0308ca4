"""Tests of extremes with every solver: a result that is finite throughout, or an error that says what happened."""

import re
import warnings
from contextlib import suppress

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from skrnn import RNNClassifier, RNNRegressor
from skrnn.exceptions import DataWarning
from skrnn.solvers._registry import SOLVERS, UPDATE_RULES

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 5, 2))
Y = X[:, :, 0].sum(axis=1)
LABELS = np.arange(20) % 2
ONES, LONG = np.ones_like(X), np.tile(X, (1, 20, 1))
OUTLIER = np.where(np.arange(20) == 3, 1e12, Y)
LAST_IS_ONE_CLASS = np.sort(LABELS)

#: setup: sequences, targets or None, labels or None, parameters.
SETUPS = {
    "usual": (X, Y, LABELS, {}),
    "one sample": (X[:1], Y[:1], None, {}),
    "one sample of one timestep": (X[:1, :1], Y[:1], None, {}),
    "one timestep": (X[:, :1], Y, LABELS, {}),
    "more timesteps than the state remembers": (LONG, Y, LABELS, {}),
    "constant features": (ONES, Y, LABELS, {}),
    "features of zero": (0.0 * X, Y, LABELS, {}),
    "features of 1e6": (1e6 * X, Y, LABELS, {}),
    "features of 1e300": (1e300 * X, Y, LABELS, {}),
    "features of 1e-300": (1e-300 * X, Y, LABELS, {}),
    "duplicates": (np.repeat(X[:2], 10, axis=0), Y, LABELS, {}),
    "constant targets": (X, np.full(20, 7.0), None, {}),
    "targets of zero": (X, np.zeros(20), None, {}),
    "targets of 1e-12": (X, 1e-12 * Y, None, {}),
    "targets of 1e12": (X, 1e12 * Y, None, {}),
    "targets of 1e12, as they are": (X, 1e12 * Y, None, {"normalize_y": False}),
    "targets of 1e-12, as they are": (X, 1e-12 * Y, None, {"normalize_y": False}),
    "targets of 1e200, as they are": (X, 1e200 * Y, None, {"normalize_y": False}),
    "targets of 1e300": (X, 1e300 * Y, None, {}),
    "targets of 1e-310": (X, 1e-310 * Y, None, {}),
    "targets far from zero": (X, 1e15 + Y, None, {}),
    "an outlier among targets": (X, OUTLIER, None, {}),
    "weights of 1e308": (X, Y, LABELS, {"sample_weight": np.full(20, 1e308)}),
    "weights of 1e-320": (X, Y, LABELS, {"sample_weight": np.full(20, 1e-320)}),
    "weights from 1e-300 to 1e300": (X, Y, LABELS, {"sample_weight": np.logspace(-300, 300, 20)}),
    "one weight of many": (X, Y, None, {"sample_weight": np.eye(20)[0]}),
    "penalty of 1e12": (X, Y, LABELS, {"alpha": 1e12}),
    "penalty of 1e300": (X, Y, LABELS, {"alpha": 1e300}),
    "relu that explodes": (1e3 * LONG, Y, LABELS, {"activation": "relu"}),
    "lstm": (LONG, Y, LABELS, {"cell": "lstm"}),
    "gru, both directions": (1e6 * X, Y, LABELS, {"cell": "gru", "bidirectional": True}),
    "deep": (X, Y, LABELS, {"hidden_layer_sizes": (2,) * 8}),
    "float32": (X.astype(np.float32), Y, LABELS, {}),
    "float32, targets of 1e30": (X.astype(np.float32), 1e30 * Y, None, {}),
    "float32, targets of 1e30, as they are": (X.astype(np.float32), 1e30 * Y, None, {"normalize_y": False}),
    "float32, features of 1e30": ((1e30 * X).astype(np.float32), Y, LABELS, {}),
    "float32, features of 1e30, relu": ((1e30 * X).astype(np.float32), Y, LABELS, {"activation": "relu"}),
    "float32, features of 1e-40": ((1e-40 * X).astype(np.float32), Y, LABELS, {}),
    "one evaluation": (X, Y, LABELS, {"max_fun": 1}),
    "no tolerance": (X, Y, LABELS, {"tol": 0.0}),
    "any tolerance": (X, Y, LABELS, {"tol": 1e10}),
    "early stopping": (X, Y, LABELS, {"early_stopping": True, "validation_fraction": 0.3}),
    "one class to validate on": (X, Y, LAST_IS_ONE_CLASS, {"early_stopping": True, "validation_split": "last"}),
    "one class to train on": (
        X,
        Y,
        LAST_IS_ONE_CLASS,
        {"early_stopping": True, "validation_split": "last", "validation_fraction": 0.5},
    ),
    "constant targets to validate on": (
        X,
        np.where(np.arange(20) > 14, 0.0, Y),
        None,
        {"early_stopping": True, "validation_split": "last"},
    ),
    "poisson, counts of 1e12": (X, 1e12 * np.abs(Y), None, {"loss": "poisson"}),
    "poisson, counts of 1e-12": (X, 1e-12 * np.abs(Y), None, {"loss": "poisson"}),
    "poisson, counts of 1e12, as they are": (X, 1e12 * np.abs(Y), None, {"loss": "poisson", "normalize_y": False}),
    "poisson, one count": (X, np.eye(20)[0], None, {"loss": "poisson"}),
    "huber, an outlier": (X, OUTLIER, None, {"loss": "huber"}),
    "absolute error, targets of 1e300": (X, 1e300 * Y, None, {"loss": "absolute_error"}),
    "quantiles, targets of 1e12": (X, 1e12 * Y, None, {"loss": "quantile", "quantile": (0.01, 0.99)}),
    "quantile of 1e-300": (X, Y, None, {"loss": "quantile", "quantile": 1e-300}),
}
#: The same, for solvers that have a learning rate.
SETUPS_OF_STEPS = {
    "rate of 1e3": (X, Y, LABELS, {"learning_rate_init": 1e3}),
    "rate of 1e3, unclipped": (X, Y, LABELS, {"learning_rate_init": 1e3, "max_grad_norm": None}),
    "rate of 1e3, relu": (X, Y, LABELS, {"learning_rate_init": 1e3, "max_grad_norm": None, "activation": "relu"}),
    "rate of 1e3, float32": (X.astype(np.float32), Y, LABELS, {"learning_rate_init": 1e3, "max_grad_norm": None}),
    "rate of 1e3, poisson": (X, np.abs(Y), None, {"learning_rate_init": 1e3, "loss": "poisson"}),
    "rate of 1e3, all momentum": (X, Y, LABELS, {"learning_rate_init": 1e3, "momentum": 1.0}),
    "rate of 1e300": (X, Y, LABELS, {"learning_rate_init": 1e300}),
    "rate of 1e-300": (X, Y, LABELS, {"learning_rate_init": 1e-300}),
    "rate that falls at once": (X, Y, LABELS, {"learning_rate": "invscaling", "power_t": 1e3}),
    "rate that adapts": (X, Y, LABELS, {"learning_rate": "adaptive", "tol": 1e10, "n_iter_no_change": 1}),
    "gradient cut to 1e-300": (X, Y, LABELS, {"max_grad_norm": 1e-300}),
    "denominator of 1e-300": (X, Y, LABELS, {"epsilon": 1e-300}),
    "denominator of 1e300": (X, Y, LABELS, {"epsilon": 1e300}),
    "no means": (X, Y, LABELS, {"beta_1": 0.0, "beta_2": 0.0}),
    "almost everything dropped": (X, Y, LABELS, {"dropout": 0.99, "recurrent_dropout": 0.99}),
    "one step back": (LONG, Y, LABELS, {"bptt_steps": 1}),
    "one sample a batch": (X, Y, LABELS, {"batch_size": 1}),
}
#: What an error may say: that the solver diverged, or which input cannot be held.
SAYS_WHAT_HAPPENED = re.compile(
    r"The solver diverged: .*[Ee]xpected|\b(X|y|validation_fraction)\b.*[Ee]xpected", re.DOTALL
)


def outcome(estimator, sequences, targets, sample_weight=None):
    """Return what is wrong with a fit and what follows: an empty text if all is finite, or an error says why not."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for category in (ConvergenceWarning, DataWarning, UndefinedMetricWarning):
            warnings.simplefilter("ignore", category)
        try:
            estimator.fit(sequences, targets, sample_weight)
        except ValueError as error:
            return "" if SAYS_WHAT_HAPPENED.search(str(error)) else f"{type(error).__name__}: {error}"
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        answers = {"loss_": estimator.loss_, "loss_curve_": estimator.loss_curve_}
        for method in ("predict", "predict_proba", "hidden_states"):
            if hasattr(estimator, method):
                answers[method] = getattr(estimator, method)(sequences)
        if len(sequences) > 1 and (sample_weight is None or np.count_nonzero(sample_weight) > 1):
            answers["score"] = estimator.score(sequences, targets, sample_weight)
    return ", ".join(name for name, answer in answers.items() if not np.isfinite(answer).all())


def cases(setup, solvers):
    """Return the estimator, solver and targets of each fit of a setup."""
    _, targets, labels, parameters = setup
    return [
        (Estimator, solver, of_samples)
        for solver in solvers
        for Estimator, of_samples in ((RNNRegressor, targets), (RNNClassifier, labels))
        if of_samples is not None
        and not (solver == "least_squares" and (Estimator is RNNClassifier or "loss" in parameters))
    ]


def outcomes(setup, solvers):
    """Return what is wrong with the fits of a setup, for each solver with which something is."""
    sequences, _, _, parameters = setup
    parameters = {"hidden_layer_sizes": (3,), "max_iter": 4, "random_state": 0, **parameters}
    sample_weight = parameters.pop("sample_weight", None)
    wrong = {
        (Estimator.__name__, solver): outcome(
            Estimator(solver=solver, **parameters), sequences, of_samples, sample_weight
        )
        for Estimator, solver, of_samples in cases(setup, solvers)
    }
    return {case: text for case, text in wrong.items() if text}


@pytest.mark.axis("name", SETUPS)
@pytest.mark.axis("solvers", [list(SOLVERS)], quick=[list(SOLVERS)[first::9] for first in range(9)])
def test_every_solver_ends_well_or_says_why_not(name, solvers):
    assert not outcomes(SETUPS[name], solvers)


@pytest.mark.parametrize("name", SETUPS_OF_STEPS)
def test_steps_of_any_size_end_well_or_say_why_not(name):
    assert not outcomes(SETUPS_OF_STEPS[name], UPDATE_RULES)


@pytest.mark.parametrize("name", SETUPS_OF_STEPS)
def test_steps_of_any_size_in_partial_fit(name):
    sequences, targets, _, parameters = SETUPS_OF_STEPS[name]
    for solver in UPDATE_RULES:
        model = RNNRegressor((3,), random_state=0, solver=solver, **parameters)
        with suppress(ValueError):
            for _ in range(5):
                model.partial_fit(sequences, targets)
        if hasattr(model, "readout_weights_"):  # what was fitted before an error is there still
            assert np.isfinite(model.predict(sequences)).all()


@pytest.mark.axis("n_timesteps", [10_000], quick=[1_000])
def test_thousands_of_timesteps(n_timesteps):
    long = np.random.default_rng(0).normal(size=(2, n_timesteps, 1))
    parameters = {"max_iter": 1, "max_fun": 2, "hidden_layer_sizes": (2,)}
    assert not outcomes((long, np.array([0.0, 1.0]), None, parameters), SOLVERS)


def test_the_usual_setup_is_fitted_without_an_error():
    """An error is as good as a result elsewhere: not here."""
    for solver in SOLVERS:
        model = RNNRegressor((3,), solver=solver, max_iter=4, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            assert (
                model.fit(X, Y).loss_ <= RNNRegressor((3,), solver=solver, max_iter=1, random_state=0).fit(X, Y).loss_
            )


@pytest.mark.parametrize("name", ["targets of 1e-12", "targets of 1e12", "weights of 1e308", "weights of 1e-320"])
def test_no_error_where_only_the_unit_is_unusual(name):
    sequences, targets, _, parameters = SETUPS[name]
    for solver in SOLVERS:
        model = RNNRegressor((3,), solver=solver, max_iter=4, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(sequences, targets, **parameters)
        assert model.score(sequences, targets) > -1.0
