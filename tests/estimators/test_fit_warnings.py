"""Tests of the warning about constant predictions: each reason has a solution, and ordinary fits do not warn."""

import re
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS
from skrnn.estimators import _fit_warnings
from skrnn.estimators._training_data import TrainingData
from skrnn.losses._losses import REGRESSION_LOSSES
from tests.estimators.tasks import make_classification_task, make_ragged_task, make_regression_task, make_task

ESTIMATORS = [RNNRegressor, RNNClassifier]
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)
each_cell = pytest.mark.axis("cell", CELLS)


NO_BETTER = "(hardly better|worse) than a constant"


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (4,), "solver": "lbfgs", "random_state": 0, **parameters})


def diagnoses(model, X, y, *arguments, what="constant"):
    """Return the warnings of the fit about constant predictions, or predictions that are hardly better."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, *arguments)
    messages = [str(warning.message) for warning in caught]
    return [message for message in messages if re.match(f"The predictions are {what}: ", message)]


def assert_cured(model, cure, X, y, pattern, *, of_X=None):
    """Check that the fit has a single warning, which matches the pattern, and that its advice helps."""
    (message,) = diagnoses(model, X, y)
    assert pattern in message
    spread = np.std(model.predict(X) if isinstance(model, RNNRegressor) else model.predict_proba(X), axis=0)
    assert (spread < 0.02 * np.std(y, axis=0)).all()
    cured = clone(model).set_params(**cure)
    assert diagnoses(cured, X if of_X is None else of_X, y) == []


# The reasons


@each_estimator
@each_cell
@pytest.mark.axis(("solver", "learning_rate_init"), [("adam", 0.02), ("adam", 0.1), ("lbfgs", "auto")])
def test_penalty(Estimator, cell, solver, learning_rate_init):
    X, y = make_task(Estimator)
    settings = {"solver": solver, "learning_rate_init": learning_rate_init, "cell": cell}
    model = make_estimator(Estimator, **settings, max_iter=600, n_iter_no_change=100, alpha=20000.0)
    assert_cured(
        model, {"alpha": 0.01}, X, y, "the penalty has reduced the weights to zero. Use a smaller alpha than 2"
    )


@each_estimator
@pytest.mark.axis("bidirectional", [False, True], quick=[False])
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_saturated_units(Estimator, bidirectional, solver):
    X, y = make_ragged_task(Estimator)
    raw = [0.1 * x + 1e5 for x in X]
    model = make_estimator(Estimator, bidirectional=bidirectional, solver=solver, normalize_X=False)
    reason = "the units are saturated, so no error reaches the weights. Scale X, or set normalize_X=True."
    assert_cured(model, {"normalize_X": True}, raw, y, reason)
    assert_cured(model, {}, raw, y, reason, of_X=X)


def test_saturated_units_in_spite_of_scaled_features():
    X, y = make_classification_task()
    model = make_estimator(RNNClassifier, solver="adam", learning_rate_init=5.0)
    reason = "the units are saturated, so no error reaches the weights. Use a smaller learning_rate_init."
    assert_cured(model, {"learning_rate_init": 0.01}, X, y, reason)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_units_of_which_none_is_active(solver):
    X, y = make_regression_task()
    settings = {"activation": "relu", "normalize_X": False, "solver": solver, "hidden_layer_sizes": (2,)}
    X = abs(X)
    for seed in range(20):
        model = make_estimator(**settings, random_state=seed, bidirectional=False)
        messages = diagnoses(model, X, y)
        if messages:
            break
    (message,) = messages
    rate = " a smaller learning_rate_init," if solver == "adam" else ""
    assert f"no unit is active. Use another random_state,{rate} or activation='tanh'." in message
    assert not model.hidden_states(X).any()
    assert any(not diagnoses(clone(model).set_params(random_state=other), X, y) for other in range(20))
    assert diagnoses(clone(model).set_params(activation="tanh"), X, y) == []


@each_cell
def test_gradient_below_tol_at_once(cell):
    X, y = make_regression_task()
    model = make_estimator(normalize_X=False, cell=cell, tol=0.5)
    reason = "the gradient was below tol almost immediately. Use a smaller tol, or another random_state."
    assert_cured(model, {}, 1e-6 * X, y, reason, of_X=X)
    assert diagnoses(clone(model).set_params(normalize_X=True, tol=1e-3), 1e-6 * X, y) == []


@each_estimator
@each_cell
@pytest.mark.axis("value", [0.0, 1.0, 1e6])
@pytest.mark.axis("solver", ["adam", "lbfgs", "least_squares"])
def test_features_that_do_not_vary(Estimator, cell, value, solver):
    if Estimator is RNNClassifier and solver == "least_squares":
        pytest.skip("fits sums of squares")
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, cell=cell, max_iter=20)
    assert_cured(model, {}, np.full_like(X, value), y, "no feature of X varies. Use other features.", of_X=X)


def test_features_whose_variation_is_rounded_away():
    X, y = make_regression_task()
    (message,) = diagnoses(make_estimator(), (1e-3 * X + 1e8).astype(np.float32), y)
    assert message.endswith("no feature of X varies. Use other features.")


@each_estimator
@pytest.mark.parametrize(
    ("solver", "advice"),
    [("adam", "A larger max_iter or learning_rate_init,"), ("lbfgs", "A larger max_iter, another random_state,")],
)
def test_features_that_say_nothing(Estimator, solver, advice, monkeypatch):
    monkeypatch.setattr(_fit_warnings, "_FEW_ITERATIONS", -1)  # a reason of its own
    X, y = make_task(Estimator)
    noise = np.random.default_rng(0).normal(scale=1e-9, size=X.shape)
    model = make_estimator(Estimator, solver=solver, normalize_X=False, alpha=0.0, max_iter=12, tol=0.0)
    (message,) = diagnoses(model, noise, y)
    assert f"no relation between X and the targets was found. {advice} another solver" in message


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_noise_of_which_a_penalty_leaves_nothing(solver):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(400, 3, 1)), rng.normal(size=400)
    settings = {"solver": solver, "alpha": 30.0, "learning_rate_init": 0.01, "batch_size": 400}
    model = make_estimator(**settings, max_iter=2000, tol=1e-5, n_iter_no_change=50)
    assert len(diagnoses(model, X, y)) == 1
    assert diagnoses(clone(model), X, X[:, -1, 0]) == []


# Predictions that vary, but are hardly better than a constant


def assert_hardly_better(model, X, y, reason):
    """Check that the fit has a single warning with this reason, and that the training loss is that of a constant."""
    (message,) = diagnoses(model, X, y, what=NO_BETTER)
    assert reason in message
    if isinstance(model, RNNRegressor):
        predictions = model.predict(X)
        assert predictions.std() > 0.01 * y.std()
        assert np.mean((y - predictions) ** 2) > 0.99 * y.var()
    assert diagnoses(model, X, y) == []


@each_estimator
def test_hardly_better_than_a_constant_for_a_large_tol(Estimator):
    X, y = make_task(Estimator)
    assert_hardly_better(
        make_estimator(Estimator, tol=1.0), X, y, "the gradient was below tol almost immediately. Use a "
    )
    assert diagnoses(make_estimator(Estimator), X, y, what=NO_BETTER) == []


@each_estimator
@pytest.mark.parametrize("settings", [{"tol": 10.0, "n_iter_no_change": 2}, {"learning_rate_init": 1e-9}], ids=str)
def test_hardly_better_than_a_constant_for_want_of_steps(Estimator, settings):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver="adam", **{"learning_rate_init": 1e-6, **settings})
    assert_hardly_better(model, X, y, "no relation between X and the targets was found. A larger max_iter or learn")
    learning = make_estimator(Estimator, solver="adam", learning_rate_init=0.02)
    assert diagnoses(learning, X, y, what=NO_BETTER) == []


def test_fits_that_end_early_are_not_said_to_be_hardly_better():
    X, y = make_regression_task()
    slow = {"solver": "adam", "learning_rate_init": 1e-6}
    for settings in ({"max_iter": 1}, {"early_stopping": True, "n_iter_no_change": 1}):
        model = make_estimator(**slow, **settings)
        assert diagnoses(model, X, y, what=NO_BETTER) == []


# No reason to warn


@pytest.mark.axis("loss", REGRESSION_LOSSES)
@each_cell
@pytest.mark.axis("solver", ["adam", "lbfgs"])
@pytest.mark.axis("normalize_y", [False, True])
def test_ordinary_regressions(loss, cell, solver, normalize_y):
    X, y = make_regression_task()
    y = np.random.default_rng(0).poisson(np.exp(0.5 * y + 1.0)).astype(float) if loss == "poisson" else y
    model = make_estimator(loss=loss, cell=cell, solver=solver, normalize_y=normalize_y)
    assert diagnoses(model, X, y) == []


@each_cell
@pytest.mark.axis("n_classes", [2, 3])
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_ordinary_classifications(cell, n_classes, solver):
    assert (
        diagnoses(make_estimator(RNNClassifier, cell=cell, solver=solver), *make_classification_task(60, n_classes))
        == []
    )


@each_estimator
@pytest.mark.axis("return_sequences", [False, True])
def test_short_fits_and_sequences_of_any_lengths(Estimator, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    model = make_estimator(Estimator, return_sequences=return_sequences, solver="adam", max_iter=1)
    assert diagnoses(model, X, y) == []


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1e6])
def test_targets_of_any_size_that_are_taken_as_they_are(size):
    X, y = make_regression_task()
    model = make_estimator(normalize_y=False, alpha=0.0, tol=1e-4 * size, max_iter=3000)
    assert diagnoses(model, X, size * y) == []
    if size < 1.0:
        assert model.predict(X).std() < 0.01


@pytest.mark.axis("value", [0.0, 0.1, 3.0])
@pytest.mark.axis("n_samples", [1, 3, 7, 39])
def test_targets_that_are_constant(value, n_samples):
    X, _ = make_regression_task()
    for normalize_y in (False, True):
        model = make_estimator(normalize_y=normalize_y)
        assert diagnoses(model, X[:n_samples], np.full(n_samples, value)) == []


def test_some_of_several_outputs_may_be_constant():
    X, y = make_regression_task()
    assert diagnoses(make_estimator(), X, np.column_stack([y, np.full(40, 0.1)])) == []
    twice, sign = np.concatenate([X, X]), np.repeat([1.0, -1.0], 40)  # without information
    model = make_estimator(tol=1e-5)
    assert diagnoses(model, twice, np.column_stack([np.concatenate([y, y]), sign])) == []
    assert (model.predict(twice).std(axis=0) < 0.01).tolist() == [False, True]
    assert len(diagnoses(make_estimator(alpha=1e5), X, np.column_stack([y, np.full(40, 0.1)]))) == 1


def test_partial_fit_says_nothing():
    X, y = make_regression_task()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_estimator(solver="adam", normalize_X=False).partial_fit(0.1 * X + 1e5, y)


def test_few_of_many_sequences_are_looked_at(monkeypatch):
    X, y = make_regression_task(n_samples=60)
    seen = []

    def counted(data, indices, take=TrainingData.take):
        seen.append(len(indices))
        return take(data, indices)

    def counted_states(network, theta, sequences, map_chunks, hidden_states=_fit_warnings.hidden_states):
        seen.append(len(sequences))
        return hidden_states(network, theta, sequences, map_chunks)

    monkeypatch.setattr(TrainingData, "take", counted)
    monkeypatch.setattr(_fit_warnings, "hidden_states", counted_states)
    monkeypatch.setattr(_fit_warnings, "_N_EXAMINED", 50)
    assert len(diagnoses(make_estimator(alpha=1e5), X, y)) == 1
    assert seen[-2:] == [50, 20]
