"""Tests of alpha: the penalty is divided by the weights of all targets, as in scikit-learn's multilayer perceptron."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skrnn import RNNClassifier, RNNRegressor
from tests.estimators.tasks import make_ragged_task, make_regression_task, make_task, parameter_arrays
from tests.estimators.timestep_tasks import make_task as make_timestep_task

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
#: One of each family: of minibatches, of gradients, of curvature products, of the curvature's matrix.
SOLVERS = ["adam", "sgd", "lbfgs", "trust-krylov", "trust-exact"]
each_estimator = pytest.mark.axis("Estimator", ESTIMATORS)


def make_estimator(Estimator=RNNRegressor, **parameters):
    settings = {"hidden_layer_sizes": (3,), "max_iter": 8, "random_state": 0, "alpha": 20.0, "tol": 0.0}
    return Estimator(**{**settings, **parameters})


def output(model, X):
    """Return probabilities, or predictions, of all sequences or timesteps in one array."""
    predictions = model.predict_proba(X) if isinstance(model, RNNClassifier) else model.predict(X)
    return np.concatenate(predictions) if isinstance(predictions, list) else predictions


def assert_same_output(one, other, X):
    np.testing.assert_allclose(output(one, X), output(other, X), rtol=1e-6, atol=1e-8)


def size_of_weights(model):
    arrays, penalised = parameter_arrays(model)
    return sum((array**2).sum() for array, counts in zip(arrays, penalised, strict=True) if counts)


@pytest.mark.axis(
    ("Estimator", "solver"),
    [*((Estimator, solver) for Estimator in ESTIMATORS for solver in SOLVERS), (RNNRegressor, "least_squares")],
)
@pytest.mark.axis("return_sequences", [False, True])
def test_weight_of_two_is_the_sample_twice(Estimator, solver, return_sequences):
    X, y = make_ragged_task(Estimator, return_sequences=return_sequences)
    weights = np.arange(len(X)) % 3
    repeated = np.repeat(np.arange(len(X)), weights)
    model = make_estimator(Estimator, solver=solver, return_sequences=return_sequences)
    weighted = clone(model).set_params(batch_size=int((weights > 0).sum())).fit(X, y, weights)
    more = [X[i] for i in repeated], [y[i] for i in repeated]
    explicit = clone(model).set_params(batch_size=len(repeated)).fit(*more)
    assert_same_output(weighted, explicit, X)
    without = clone(model).set_params(batch_size=int((weights > 0).sum()), alpha=0.0).fit(X, y, weights)
    assert abs(output(weighted, X) - output(without, X)).max() > 1e-3


@each_estimator
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_data_twice_have_half_the_penalty(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver)
    once = clone(model).set_params(batch_size=len(X)).fit(X, y)
    twice = clone(model).set_params(batch_size=2 * len(X), alpha=40.0)
    assert_same_output(once, twice.fit(np.concatenate([X, X]), np.concatenate([y, y])), X)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_weights_of_classes_count_among_the_weights(solver):
    X, labels = make_task(RNNClassifier)
    model = make_estimator(RNNClassifier, solver=solver, batch_size=len(X))
    weighted = clone(model).set_params(class_weight={0: 4.0, 1: 4.0, 2: 4.0}).fit(X, labels)
    assert_same_output(weighted, clone(model).fit(X, labels, np.full(len(X), 4.0)), X)
    assert_same_output(weighted, clone(model).set_params(alpha=5.0).fit(X, labels), X)
    balanced = clone(model).set_params(class_weight="balanced").fit(X, labels)  # which has equal weights here
    assert_same_output(balanced, clone(model).fit(X, labels), X)


@pytest.mark.axis("task", ["two numbers", "multilabel"])
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_target_that_lacks_an_output_counts_by_its_share(task, solver):
    X, y = make_timestep_task(task)
    Estimator = RNNClassifier if task == "multilabel" else RNNRegressor
    n_outputs = y[0].shape[1]
    partly = [targets.astype(float) for targets in y]
    for targets in partly[5:]:
        targets[:, 0] = np.nan
    n_shares = sum(map(len, y[:5])) + sum(map(len, y[5:])) * (n_outputs - 1) / n_outputs
    settings = {"return_sequences": True, "solver": solver, "batch_size": len(X), "normalize_X": False, "max_iter": 1}
    if Estimator is RNNRegressor:
        settings["normalize_y"] = False
    start = make_estimator(Estimator, **settings, learning_rate_init=1e-300, warm_start=True).fit(X, partly)
    losses = []
    for alpha in (0.0, 7.0):  # after a step that is none, or at once: the gradient's largest entry is below any tol
        model = pickle.loads(pickle.dumps(start)).set_params(alpha=alpha, tol=1e9).fit(X, partly)
        losses.append(model.loss_curve_[-1])
    penalty = 7.0 / (2.0 * n_shares) * size_of_weights(start)
    assert losses[1] - losses[0] == pytest.approx(penalty, rel=1e-6)


@pytest.mark.parametrize(("Estimator", "Peer"), [(RNNRegressor, MLPRegressor), (RNNClassifier, MLPClassifier)])
@pytest.mark.axis("weighted", [False, True])
@pytest.mark.filterwarnings("ignore::skrnn.exceptions.DataWarning")  # single timesteps
def test_alpha_is_that_of_the_multilayer_perceptron(Estimator, Peer, weighted):
    """With one timestep the simple unit is that of a perceptron: the minimum of the objective is the same."""
    X, y = make_regression_task(60, n_timesteps=1)
    y = (y > 0.0).astype(int) if Estimator is RNNClassifier else y
    rows = X[:, 0]
    n_times = 1 + np.arange(60) % 3 if weighted else np.ones(60, dtype=int)
    settings = {"solver": "lbfgs", "alpha": 3.0, "max_iter": 3000, "tol": 1e-8, "random_state": 0}
    units = {"normalize_X": False, **({"normalize_y": False} if Estimator is RNNRegressor else {})}
    settings["hidden_layer_sizes"] = (1,)
    model = Estimator(**settings, **units).fit(X, y, n_times if weighted else None)
    peer = Peer(**settings, activation="tanh").fit(rows.repeat(n_times, axis=0), y.repeat(n_times))
    assert model.loss_ == pytest.approx(peer.loss_, rel=1e-6)
    assert size_of_weights(model) == pytest.approx(sum((w**2).sum() for w in peer.coefs_), rel=1e-3)


@each_estimator
@pytest.mark.axis("factor", [1e-320, 1e-200, 1e-12, 1e200, 1e307])
@pytest.mark.axis("dtype", ["float32", "float64"])
def test_weights_of_any_size_are_a_penalty_of_any_strength(Estimator, factor, dtype):
    X, y = make_task(Estimator)
    with np.errstate(under="ignore"):
        weights = np.full(len(X), factor)
    model = make_estimator(Estimator, solver="lbfgs", dtype=dtype, alpha=0.01, max_iter=60, tol=1e-4).fit(X, y, weights)
    assert np.isfinite(output(model, X)).all()
    if factor > 1.0:
        free = clone(model).set_params(alpha=0.0).fit(X, y, weights)
        np.testing.assert_allclose(output(model, X), output(free, X), rtol=1e-4, atol=1e-4)
    else:
        assert output(model, X).std(axis=0).max() < 1e-3


@each_estimator
def test_penalty_is_on_the_weights_of_the_scaled_features(Estimator):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver="lbfgs", max_iter=60, tol=1e-6).fit(X, y)
    other = clone(model).fit(1e-6 * X + 3.0, y)
    np.testing.assert_allclose(output(other, 1e-6 * X + 3.0), output(model, X), rtol=1e-3, atol=1e-4)
    assert other.loss_ == pytest.approx(model.loss_, rel=1e-6)
