"""Tests of RNNRegressor, and of everything that it shares with RNNClassifier."""

import io
import pickle
import threading
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import shuffle
from skops import io as skops
from threadpoolctl import threadpool_info, threadpool_limits

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS
from skrnn.exceptions import DataWarning
from skrnn.network._full_objectives import FullObjective
from tests.estimators.tasks import (
    ESTIMATED,
    assert_same_fit,
    best_iteration,
    documented_attributes,
    documented_objective,
    fitted_attributes,
    make_regression_task,
    make_task,
    parameter_arrays,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
N_GATES = {"rnn": 1, "gru": 3, "lstm": 4}
N_BIASES = {"rnn": 1, "gru": 4, "lstm": 4}
STOCHASTIC = ["adam", "sgd"]
FULL_BATCH = ["lbfgs", "BFGS", "CG"]


def make_estimator(Estimator=RNNRegressor, **parameters):
    return Estimator(**{"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0, **parameters})


# Fitted attributes


@pytest.mark.axis("cell", CELLS)
@pytest.mark.axis("sizes", [(5,), (5, 3, 2)])
@pytest.mark.axis("n_outputs", [1, 3])
def test_shapes(cell, sizes, n_outputs):
    X, y = make_regression_task(n_outputs=n_outputs)
    model = make_estimator(cell=cell, hidden_layer_sizes=sizes).fit(X, y)
    n_inputs = (2, *sizes[:-1])
    n_gates = N_GATES[cell]
    assert [w.shape for w in model.input_weights_] == [(n_gates * h, n) for h, n in zip(sizes, n_inputs, strict=True)]
    assert [w.shape for w in model.recurrent_weights_] == [(n_gates * h, h) for h in sizes]
    assert [b.shape for b in model.biases_] == [(N_BIASES[cell] * h,) for h in sizes]
    assert model.readout_weights_.shape == (n_outputs, sizes[-1])
    assert model.readout_bias_.shape == (n_outputs,)
    assert (model.n_layers_, model.n_outputs_, model.n_features_in_) == (len(sizes) + 2, n_outputs, 2)
    assert model.n_parameters_ == sum(array.size for array in parameter_arrays(model)[0])
    assert model.predict(X).shape == y.shape
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (8, 8 * len(X), 8)
    assert model.best_loss_ == min(model.loss_curve_)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.axis("early_stopping", [False, True])
def test_attributes_are_those_documented(Estimator, solver, early_stopping):
    pd = pytest.importorskip("pandas")
    X, y = make_task(Estimator)
    table = pd.DataFrame(X[:, :, 0], columns=list("abcde"))
    model = make_estimator(Estimator, solver=solver, early_stopping=early_stopping).fit(table, y)
    assert fitted_attributes(model) == documented_attributes(Estimator)
    assert (model.validation_loss_curve_ is not None) == early_stopping


def test_one_output_as_a_column():
    X, y = make_regression_task()
    with pytest.warns(Warning, match="column-vector"):
        model = make_estimator().fit(X, y[:, None])
    assert model.predict(X).shape == y.shape


# Forms of X


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_columns_are_timesteps(Estimator):
    X, y = make_task(Estimator)
    X = X[:, :, :1]
    model, folded = make_estimator(Estimator).fit(X, y), make_estimator(Estimator).fit(X[:, :, 0], y)
    assert_same_fit(model, folded)
    np.testing.assert_array_equal(model.predict(X), folded.predict(X[:, :, 0]))
    np.testing.assert_array_equal(model.predict(X), folded.predict(X))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_columns_fold_into_timesteps(Estimator):
    X, y = make_task(Estimator)
    table = X.reshape(len(X), -1)
    model, folded = make_estimator(Estimator).fit(X, y), make_estimator(Estimator, n_timesteps=5).fit(table, y)
    assert_same_fit(model, folded)
    np.testing.assert_array_equal(model.predict(X), folded.predict(table))
    assert (model.n_features_in_, folded.n_features_in_) == (2, 10)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(library):
    frames = pytest.importorskip(library)
    X, y = make_regression_task(n_features=1)
    X = X[:, :, 0]
    table = frames.DataFrame({name: X[:, i] for i, name in enumerate("abcde")})
    model = make_estimator().fit(table, frames.Series(y))
    assert_same_fit(model, make_estimator().fit(X, y))
    assert list(model.feature_names_in_) == list("abcde")
    np.testing.assert_array_equal(model.predict(table), make_estimator().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[list("bacde")])
    assert not hasattr(model.fit(X, y), "feature_names_in_")


@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.axis("cell", CELLS)
def test_masked_leading_timesteps_are_shorter_sequences(cell, solver):
    X, y = make_regression_task()
    padded = np.concatenate([np.full((len(X), 3, 2), np.nan), X], axis=1)
    short = make_estimator(cell=cell, solver=solver, hidden_layer_sizes=(4, 3)).fit(X, y)
    masked = clone(short).fit(padded, y)
    assert_same_fit(short, masked)
    np.testing.assert_array_equal(short.predict(padded), short.predict(X))


@pytest.mark.parametrize("cell", CELLS)
def test_masked_timesteps_of_single_sequences(cell):
    X, y = make_regression_task()
    model = make_estimator(cell=cell, hidden_layer_sizes=(4, 3)).fit(X, y)
    ragged = X.copy()
    for i, sequence in enumerate(ragged):
        sequence[: i % 5] = np.nan
    alone = [model.predict(sequence[np.newaxis, i % 5 :])[0] for i, sequence in enumerate(ragged)]
    np.testing.assert_allclose(model.predict(ragged), alone, rtol=1e-12, atol=1e-13)


def test_other_lengths_in_predict():
    X, y = make_regression_task()
    model = make_estimator().fit(X, y)
    masked = X.copy()
    masked[:, :2] = np.nan
    np.testing.assert_array_equal(model.predict(X[:, 2:]), model.predict(masked))


# Weights


@pytest.mark.axis("solver", FULL_BATCH)
@pytest.mark.axis("cell", CELLS)
def test_weights_count_samples(solver, cell):
    X, y = make_regression_task()
    weights = np.arange(len(X)) % 3
    model = make_estimator(solver=solver, cell=cell, max_iter=40)
    weighted = clone(model).fit(X, y, weights)
    repeated = clone(model).fit(X.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=0, atol=1e-6)
    assert_same_fit(weighted, repeated, rtol=1e-6, atol=1e-6)
    assert abs(weighted.predict(X) - clone(model).fit(X, y).predict(X)).max() > 1e-3


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_weights_count_samples_in_a_batch_of_all(solver):
    X, y = make_regression_task()
    weights = np.arange(len(X)) % 3
    model = make_estimator(solver=solver)
    weighted = clone(model).fit(X, y, weights)
    repeated = clone(model).fit(X.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_weights_of_another_scale_are_a_penalty_of_another_strength(solver, alpha):
    X, y = make_regression_task()
    weights = 1.0 + np.arange(len(X)) % 3
    model = make_estimator(solver=solver, batch_size="auto" if solver == "lbfgs" else 8, alpha=alpha)
    one, other = clone(model).fit(X, y, weights), clone(model).set_params(alpha=4 * alpha).fit(X, y, 4.0 * weights)
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-7, atol=1e-9)
    weaker = clone(model).fit(X, y, 4.0 * weights)
    assert (abs(weaker.predict(X) - one.predict(X)).max() > 1e-3) == (alpha > 0.0)


def test_order_of_samples_does_not_matter_to_lbfgs():
    X, y = make_regression_task()
    model = make_estimator(solver="lbfgs", max_iter=60)
    assert_same_fit(clone(model).fit(X, y), clone(model).fit(*shuffle(X, y, random_state=0)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_weights_are_not_renormalised_in_minibatches(solver):
    # Equal sequences with targets 1 of weight 100 and 0 of weight 1, in batches of one kind only: a mean over the
    # weights of each batch would ignore that one kind is heavier, and lead to 1/2.
    X = np.ones((6, 2, 1))
    y = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    weights = np.array([100.0] * 3 + [1.0] * 3)
    model = make_estimator(
        solver=solver, batch_size=3, shuffle=False, max_iter=600, alpha=0.0, learning_rate_init=0.01,
        normalize_y=False, max_grad_norm=None, momentum=0.0, tol=0.0,
    )  # fmt: skip
    np.testing.assert_allclose(model.fit(X, y, weights).predict(X), 100 / 101, atol=0.03)


def test_minibatch_step_with_weights():
    X, y = make_regression_task(n_samples=6)
    weights = np.array([100.0] * 3 + [1.0] * 3)
    settings = {"solver": "sgd", "momentum": 0.0, "max_grad_norm": None, "alpha": 0.0, "normalize_y": False,
                "shuffle": False, "warm_start": True, "max_iter": 1, "learning_rate_init": 1e-3}  # fmt: skip
    start = make_estimator(**settings, batch_size=3).fit(X, y)
    batched = pickle.loads(pickle.dumps(start)).fit(X, y, weights)
    by_hand = pickle.loads(pickle.dumps(start)).set_params(batch_size=3)
    for half in (slice(0, 3), slice(3, 6)):
        share = weights[half].mean() / weights.mean()
        by_hand.set_params(learning_rate_init=1e-3 * share).fit(X[half], y[half])
    assert_same_fit(batched, by_hand, rtol=1e-9, atol=1e-12)


# Targets of any scale


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_scale_and_offset_of_targets(solver):
    X, y = make_regression_task()
    model = make_estimator(solver=solver, max_iter=30)
    predicted = clone(model).fit(X, y).predict(X)
    scaled = clone(model).fit(X, 1e5 * y + 1e6)
    np.testing.assert_allclose((scaled.predict(X) - 1e6) / 1e5, predicted, atol=1e-6)
    np.testing.assert_allclose(scaled.loss_curve_, clone(model).fit(X, y).loss_curve_, rtol=1e-6)


@pytest.mark.axis("solver", ["adam", "lbfgs"])
@pytest.mark.axis("constant", [0.0, 3.0, 1e6, 0.1])
def test_constant_target(solver, constant):
    X, _ = make_regression_task()
    model = make_estimator(solver=solver, max_iter=300).fit(X, np.full(len(X), constant))
    np.testing.assert_allclose(model.predict(X), constant, atol=0.3)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_targets_are_taken_as_they_are_without_normalisation(n_outputs):
    X, y = make_regression_task(n_outputs=n_outputs)
    model = make_estimator(solver="lbfgs", normalize_X=False, normalize_y=False, alpha=2.0)
    model.fit(X, 3 * y + 1)
    np.testing.assert_allclose(model.loss_, documented_objective(model, X, 3 * y + 1), rtol=1e-10)


# Precision


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis(
    ("dtype", "of_X", "expected"),
    [
        (None, np.float32, np.float32),
        (None, np.float64, np.float64),
        (None, np.int32, np.float64),
        (None, np.float16, np.float64),
        ("float32", np.float64, np.float32),
        ("float64", np.float32, np.float64),
    ],
)
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])
def test_dtypes(Estimator, solver, dtype, of_X, expected):
    X, y = make_task(Estimator)
    X = (3 * X).astype(of_X)
    model = make_estimator(Estimator, solver=solver, dtype=dtype).fit(X, y)
    assert {array.dtype for array in parameter_arrays(model)[0]} == {np.dtype(expected)}
    if Estimator is RNNRegressor:
        assert model.predict(X).dtype == expected
    else:
        assert model.predict_proba(X).dtype == expected
        assert model.predict_log_proba(X).dtype == expected
        assert model.predict(X).dtype == y.dtype
    assert type(model.loss_) is float


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_float32_agrees_with_float64(solver):
    X, y = make_regression_task()
    X = X.astype(np.float32)
    single, double = (make_estimator(solver=solver, dtype=dtype).fit(X, y) for dtype in ("float32", "float64"))
    np.testing.assert_allclose(single.predict(X), double.predict(X), atol=1e-3)


# Continued training: warm_start, partial_fit, one step


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs", "BFGS"])
def test_warm_start_continues(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, warm_start=True, max_iter=5).fit(X, y)
    first = list(model.loss_curve_)
    model.fit(X, y)
    assert model.loss_curve_[:5] == first
    assert len(model.loss_curve_) == model.n_iter_ == 10
    assert model.loss_ < first[-1]
    model.set_params(warm_start=False).fit(X, y)
    assert model.loss_curve_ == first


def test_warm_start_from_the_same_weights_at_another_target_scale():
    X, y = make_regression_task()
    model = make_estimator(solver="lbfgs", warm_start=True, max_iter=40).fit(X, y)
    predicted = model.predict(X)
    model.set_params(max_iter=1).fit(X, y + 1e-9)
    np.testing.assert_allclose(model.predict(X), predicted, atol=0.05)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis(("cell", "activation"), [("rnn", "tanh"), ("rnn", "relu"), ("gru", "tanh"), ("lstm", "tanh")])
@pytest.mark.axis("weighted", [False, True])
def test_one_step_of_sgd_is_the_gradient_of_the_documented_objective(Estimator, cell, activation, weighted):
    X, y = make_task(Estimator)
    X, y = X[:7], y[:7] if Estimator is RNNRegressor else np.arange(7) % 3
    weights = np.linspace(0.5, 3.0, 7) if weighted else None
    settings = {"normalize_y": False} if Estimator is RNNRegressor else {}
    model = make_estimator(
        Estimator, cell=cell, activation=activation, hidden_layer_sizes=(3, 2), solver="sgd", max_iter=1, momentum=0.0,
        batch_size=7, max_grad_norm=None, alpha=0.7, warm_start=True, learning_rate_init=1e-3, normalize_X=False,
        **settings,
    ).fit(X, y)  # fmt: skip
    rng = np.random.default_rng(1)
    for name in ESTIMATED:
        setattr(model, name, [rng.normal(scale=0.4, size=array.shape) for array in getattr(model, name)])
    model.readout_weights_ = rng.normal(size=model.readout_weights_.shape)
    model.readout_bias_ = rng.normal(size=model.readout_bias_.shape)
    arrays, _ = parameter_arrays(model)
    expected = []
    for array in arrays:
        gradient = np.empty_like(array)
        for index in np.ndindex(array.shape):
            value, sides = array[index], []
            for step in (1e-5, -1e-5):
                array[index] = value + step
                sides.append(documented_objective(model, X, y, weights))
            array[index] = value
            gradient[index] = (sides[0] - sides[1]) / 2e-5
        expected.append(array - 1e-3 * gradient)
    before = documented_objective(model, X, y, weights)
    model.fit(X, y, weights)
    np.testing.assert_allclose(model.loss_curve_[-1], before, rtol=1e-10)
    for array, after in zip(expected, parameter_arrays(model)[0], strict=True):
        np.testing.assert_allclose(after, array, rtol=0, atol=1e-11)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", STOCHASTIC)
@pytest.mark.axis("batch_size", ["auto", 7])
def test_partial_fit_is_an_epoch_of_fit(Estimator, solver, batch_size):
    X, y = make_task(Estimator)
    whole = make_estimator(Estimator, solver=solver, batch_size=batch_size, max_iter=6).fit(X, y)
    stepwise = clone(whole)
    for _ in range(6):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # one epoch is not short of anything
            stepwise.partial_fit(X, y, **({"classes": [0, 1, 2]} if Estimator is RNNClassifier else {}))
        stepwise = pickle.loads(pickle.dumps(stepwise))
    assert_same_fit(whole, stepwise, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(stepwise.loss_curve_, whole.loss_curve_, rtol=1e-9)
    assert (stepwise.n_iter_, stepwise.t_) == (6, 6 * len(X))


def test_partial_fit_keeps_the_first_location_and_scale():
    X, y = make_regression_task()
    model = make_estimator(learning_rate_init=1e-9).partial_fit(X, y)
    predicted = model.predict(X)
    with pytest.warns(DataWarning, match="Output 0 of y is on average more than 10 standard deviations"):
        model.partial_fit(X, 100 * y + 50)
    np.testing.assert_allclose(model.predict(X), predicted, atol=1e-5)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_exists_only_where_the_solver_can(Estimator):
    assert all(hasattr(Estimator(solver=solver), "partial_fit") for solver in STOCHASTIC)
    for solver in ("lbfgs", "L-BFGS-B", "CG", "trust-constr"):
        estimator = Estimator(solver=solver)
        assert not hasattr(estimator, "partial_fit")
        with pytest.raises(AttributeError, match="partial_fit"):
            _ = estimator.partial_fit


# Early stopping


def make_stopping(Estimator, solver, **parameters):
    settings = {"max_iter": 200, "n_iter_no_change": 3, "learning_rate_init": 0.03, "early_stopping": True}
    return make_estimator(Estimator, solver=solver, **settings, **parameters)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs", "BFGS"])
@pytest.mark.axis("n_held_out", [9, 12])
def test_last_rows_are_held_out_and_the_best_weights_kept(Estimator, solver, n_held_out):
    X, y = make_task(Estimator)
    X, y = X[:36], y[:36]
    fraction = n_held_out / len(X)
    last = make_stopping(Estimator, solver, validation_split="last", validation_fraction=fraction).fit(X, y)
    given = make_stopping(Estimator, solver).fit(
        X[:-n_held_out], y[:-n_held_out], X_val=X[-n_held_out:], y_val=y[-n_held_out:]
    )
    assert_same_fit(last, given)
    n_iter = last.n_iter_
    assert len(last.loss_curve_) == len(last.validation_loss_curve_) == len(last.validation_scores_) == n_iter
    assert last.t_ == n_iter * (len(X) - n_held_out)
    assert last.best_validation_score_ == max(last.validation_scores_)
    assert last.loss_ == last.loss_curve_[best_iteration(last)]
    np.testing.assert_allclose(last.score(X[-n_held_out:], y[-n_held_out:]), last.best_validation_score_, rtol=1e-9)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_random_rows_are_held_out(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_stopping(Estimator, solver, validation_fraction=0.25).fit(X, y)
    n_trained = len(X) - int(np.ceil(0.25 * len(X)))
    assert model.t_ == model.n_iter_ * n_trained
    assert len(model.validation_loss_curve_) == model.n_iter_
    assert_same_fit(model, clone(model).fit(X, y))
    assert clone(model).set_params(random_state=1).fit(X, y).validation_scores_ != model.validation_scores_


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping_stops_without_a_warning(Estimator):
    X, y = make_task(Estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make_stopping(Estimator, "adam", tol=0.05).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    best, curve = -np.inf, model.validation_scores_
    stalled = 0
    for score in curve:
        stalled = 0 if score >= best + 0.05 else stalled + 1
        best = max(best, score)
    assert stalled == 4
    assert model.n_iter_ < 200


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])
def test_validation_data_only_watch_without_early_stopping(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, max_iter=5)
    watched = clone(model).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert_same_fit(watched, model.fit(X[:30], y[:30]))
    assert len(watched.validation_loss_curve_) == len(watched.validation_scores_) == 5
    np.testing.assert_allclose(watched.validation_scores_[-1], watched.score(X[30:], y[30:]), rtol=1e-9)
    assert model.validation_loss_curve_ is model.validation_scores_ is model.best_validation_score_ is None


def test_validation_loss_has_no_penalty_and_weights_count():
    X, y = make_regression_task()
    weights = np.arange(1.0, 11.0)
    model = make_estimator(normalize_y=False, alpha=0.5, max_iter=3)
    model.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:], sample_weight_val=weights)
    expected = np.average((model.predict(X[30:]) - y[30:]) ** 2 / 2, weights=weights)
    np.testing.assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-10)
    np.testing.assert_allclose(model.validation_scores_[-1], model.score(X[30:], y[30:], weights), rtol=1e-9)


# Round trips, determinism, state


def round_trip_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


@pytest.mark.axis("round_trip", [lambda m: pickle.loads(pickle.dumps(m)), round_trip_joblib])
@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_round_trip(Estimator, round_trip, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, cell="gru").fit(X, y)
    copy = round_trip(model)
    assert_same_fit(model, copy)
    np.testing.assert_array_equal(model.predict(X), copy.predict(X))
    if solver == "adam":
        assert_same_fit(model.partial_fit(X, y), copy.partial_fit(X, y))


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])
def test_skops_trusts_nothing_but_the_class(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, early_stopping=True).fit(X, y)
    stored = skops.dumps(model)
    names = skops.get_untrusted_types(data=stored)
    assert names == [f"{Estimator.__module__}.{Estimator.__name__}"]
    np.testing.assert_array_equal(skops.loads(stored, trusted=names).predict(X), model.predict(X))


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "lbfgs"])
def test_random_state(Estimator, solver):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator, solver=solver, batch_size="auto" if solver == "lbfgs" else 7)
    assert_same_fit(clone(model).fit(X, y), clone(model).fit(X, y))
    seeded = clone(model).set_params(random_state=np.random.RandomState(0)).fit(X, y)
    assert_same_fit(seeded, clone(model).fit(X, y))
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert not np.array_equal(other.readout_weights_, seeded.readout_weights_)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predict_writes_nothing(Estimator):
    X, y = make_task(Estimator)
    model = make_estimator(Estimator).fit(X, y)
    before = pickle.dumps(vars(model))
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(model, method):
            getattr(model, method)(X)
    model.score(X, y)
    assert pickle.dumps(vars(model)) == before


def test_predict_from_several_threads():
    X, y = make_regression_task(n_samples=300)
    model = make_estimator(cell="lstm").fit(X, y)
    expected = model.predict(X)
    found = joblib.Parallel(n_jobs=4, backend="threading")(joblib.delayed(model.predict)(X) for _ in range(12))
    assert all(np.array_equal(expected, one) for one in found)


def test_public_weights_are_the_truth():
    X, y = make_regression_task()
    model = make_estimator().fit(X, y)
    model.readout_weights_ = np.zeros_like(model.readout_weights_)
    model.readout_bias_ = np.array([7.0])
    np.testing.assert_array_equal(model.predict(X), 7.0)


# Ends of a fit


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_verbose_prints_a_line_an_iteration(capsys, solver):
    X, y = make_regression_task()
    make_estimator(solver=solver, max_iter=4, verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"Iteration {i}" for i in range(1, 5)]
    make_estimator(solver=solver, max_iter=4, verbose=True).fit(X, y, X_val=X, y_val=y)
    assert all("validation" in line for line in capsys.readouterr().out.splitlines())
    make_estimator(solver=solver, max_iter=4).fit(X, y)
    assert capsys.readouterr().out == ""


@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs", "CG"])
@pytest.mark.axis("Estimator", ESTIMATORS)
def test_convergence_warning_points_at_the_call(Estimator, solver):
    X, y = make_task(Estimator)
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(3\) reached") as caught:
        make_estimator(Estimator, solver=solver, max_iter=3).fit(X, y)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("solver", "tol"), [("adam", 1e-3), ("sgd", 1e-2), ("lbfgs", 1e-2), ("BFGS", 1e-2)])
def test_no_warning_where_it_converged(solver, tol):
    X, y = make_regression_task()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = make_estimator(solver=solver, tol=tol, max_iter=500).fit(X, y)
    assert model.n_iter_ < 500


@pytest.mark.parametrize("solver", FULL_BATCH)
def test_max_fun(solver):
    X, y = make_regression_task()
    with pytest.warns(ConvergenceWarning, match=r"Maximum function evaluations \(6\) reached"):
        model = make_estimator(solver=solver, max_iter=100, max_fun=6).fit(X, y)
    assert 1 <= model.n_iter_ <= 6


@pytest.mark.parametrize("early_stopping", [False, True])
def test_diverging_fit(early_stopping):
    X, y = make_regression_task()
    model = make_estimator(
        solver="sgd", activation="relu", hidden_layer_sizes=(10, 10), max_grad_norm=None, max_iter=100,
        early_stopping=early_stopping,
    ).fit(X, y)  # fmt: skip
    model.set_params(learning_rate_init=1e6, warm_start=True)
    before, predicted = pickle.dumps(vars(model)), model.predict(X)
    with pytest.raises(ValueError, match=r"diverged.*learning_rate_init"):
        model.fit(X, y)
    assert pickle.dumps(vars(model)) == before
    np.testing.assert_array_equal(model.predict(X), predicted)


def n_blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.fixture
def two_blas_threads():
    """BLAS with two threads, if it has threads at all."""
    with threadpool_limits(2, user_api="blas"):
        yield n_blas_threads()


def test_blas_threads_are_limited_within_and_restored_after(two_blas_threads, monkeypatch):
    X, y = make_regression_task()
    seen = []
    full = FullObjective.full
    monkeypatch.setattr(FullObjective, "full", lambda *arguments: (seen.append(n_blas_threads()), full(*arguments))[1])
    model = make_estimator(solver="lbfgs", max_iter=2).fit(X, y)
    assert seen
    assert all(set(counts) == {1} for counts in seen)
    assert n_blas_threads() == two_blas_threads
    model.predict(X)
    assert n_blas_threads() == two_blas_threads


def test_blas_threads_are_restored_after_an_error(two_blas_threads):
    X, y = make_regression_task()
    model = make_estimator(solver="sgd", activation="relu", learning_rate_init=1e6, max_grad_norm=None, max_iter=100)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, y)
    assert n_blas_threads() == two_blas_threads


def test_blas_threads_are_restored_after_overlapping_fits(two_blas_threads):
    X, y = make_regression_task()
    short, long = make_estimator(max_iter=5), make_estimator(max_iter=60, hidden_layer_sizes=(20,))
    threads = [threading.Thread(target=model.fit, args=(X, y)) for model in (long, short, clone(long), clone(short))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n_blas_threads() == two_blas_threads
