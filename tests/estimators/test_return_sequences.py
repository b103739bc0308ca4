"""Tests of return_sequences: a target and a prediction at each timestep, some missing or masked."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import r2_score

from skrnn import RNNClassifier, RNNRegressor
from tests.estimators.tasks import as_objects, assert_same_fit
from tests.estimators.timestep_tasks import (
    TASKS,
    make_model,
    make_task,
    objective_by_hand,
    pad,
    some,
    with_missing,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

each_task = pytest.mark.axis("task", TASKS)
each_solver = pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])


# Shapes and forms


@each_task
def test_answers_have_the_form_of_the_sequences(task):
    X, y = make_task(task)
    model = make_model(task).fit(X, y)
    n_classes = {"two classes": 2, "three classes": 3, "strings": 3, "multilabel": 3}.get(task)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if not hasattr(model, method):
            continue
        answer = getattr(model, method)
        listed, objects, padded = answer(X), answer(as_objects(X)), answer(pad(X))
        assert isinstance(listed, list)
        assert objects.dtype == object
        assert objects.shape == (len(X),)
        of_timestep = y[0].shape[1:] if method == "predict" else (n_classes,)
        assert padded.shape == (len(X), 5, *of_timestep)
        for one, other, row, x in zip(listed, objects, padded, X, strict=True):
            assert one.shape == (len(x), *of_timestep)
            assert one.dtype == (y[0].dtype if method == "predict" else np.float64)
            np.testing.assert_array_equal(one, other)
            np.testing.assert_array_equal(one, row[: len(x)])
            assert all(value != value for value in row[len(x) :].ravel())


@each_task
@each_solver
def test_forms_of_targets(task, solver):
    X, y = make_task(task)
    model = make_model(task, solver=solver).fit(X, y)
    assert_same_fit(model, clone(model).fit(as_objects(X), as_objects(y)))
    assert_same_fit(model, clone(model).fit(pad(X), pad(y)))
    assert_same_fit(model, clone(model).fit(pad(X), pad(y, object)))
    assert_same_fit(model, clone(model).fit(X, [of_sequence.tolist() for of_sequence in y]))
    assert model.score(X, y) == model.score(pad(X), pad(y)) == model.score(as_objects(X), as_objects(y))


@each_task
def test_arrays_without_masks(task):
    X, y = make_task(task, [4] * 10)
    model = make_model(task).fit(np.stack(X), np.stack(y))
    assert_same_fit(model, clone(model).fit(X, y))
    predictions = model.predict(np.stack(X))
    assert predictions.shape == np.stack(y).shape
    assert predictions.dtype == y[0].dtype


@each_task
@each_solver
def test_learns(task, solver):
    X, y = make_task(task)
    model = make_model(task, solver=solver, max_iter=100, hidden_layer_sizes=(8,), learning_rate_init=0.03)
    assert model.fit(X, y).score(X, y) > 0.9


def test_table_has_a_target_a_column():
    X, y = make_task("numbers", [4] * 10)
    X = np.stack(X)
    model = make_model("numbers").fit(X[:, :, :1], np.stack(y))
    table = clone(model).fit(X[:, :, 0], np.stack(y))
    assert_same_fit(model, table)
    assert table.predict(X[:, :, 0]).shape == (10, 4)


# Missing targets


@each_task
@each_solver
def test_missing_target_is_a_weight_of_zero(task, solver):
    X, y = make_task(task)
    where = some(y)
    weights = [(~is_missing).astype(float) for is_missing in where]
    settings = {} if solver == "lbfgs" else {"batch_size": 4}
    missing = make_model(task, solver=solver, **settings).fit(X, with_missing(y, where))
    assert_same_fit(missing, clone(missing).fit(X, y, weights))
    assert missing.loss_curve_ == clone(missing).fit(X, y, weights).loss_curve_
    assert not np.array_equal(missing.readout_weights_, clone(missing).fit(X, y).readout_weights_)
    assert missing.score(X, with_missing(y, where)) == pytest.approx(missing.score(X, y, weights), rel=1e-12)


@each_task
@each_solver
def test_sequence_without_targets_is_left_out(task, solver):
    X, y = make_task(task)
    nowhere = [np.full(len(of_sequence), i in (2, 7)) for i, of_sequence in enumerate(y)]
    model = make_model(task, solver=solver).fit(X, with_missing(y, nowhere))
    kept = [i for i in range(len(X)) if i not in (2, 7)]
    assert_same_fit(model, clone(model).fit([X[i] for i in kept], [y[i] for i in kept]))
    assert model.t_ % len(kept) == 0


@each_task
@pytest.mark.axis("class_weight", [None, "balanced"])
def test_missing_targets_at_the_end_are_shorter_sequences(task, class_weight):
    X, y = make_task(task)
    settings = {"class_weight": class_weight} if isinstance(make_model(task), RNNClassifier) else {}
    n_known = [(len(x) + 1) // 2 for x in X]
    where = [np.arange(len(x)) >= n for x, n in zip(X, n_known, strict=True)]
    # The inputs of the timesteps left out would count for the scale of the features.
    model = make_model(task, normalize_X=False, **settings).fit(X, with_missing(y, where))
    short = [x[:n] for x, n in zip(X, n_known, strict=True)], [t[:n] for t, n in zip(y, n_known, strict=True)]
    assert_same_fit(model, clone(model).fit(*short), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.score(X, with_missing(y, where)), model.score(*short), rtol=1e-12)


def partly_missing(y):
    """Return targets whose second output is there in the first six sequences only."""
    partly = [of_sequence.astype(float) for of_sequence in y]
    for of_sequence in partly[6:]:
        of_sequence[:, 1] = np.nan
    return partly


@pytest.mark.parametrize("task", ["two numbers", "multilabel"])
def test_loss_and_score_of_partly_missing_targets(task):
    X, y = make_task(task)
    partly = partly_missing(y)
    model = make_model(task, solver="lbfgs", max_iter=5, normalize_X=False, alpha=0.05)
    model.fit(X, partly, X_val=X, y_val=partly)
    np.testing.assert_allclose(model.loss_, objective_by_hand(model, X, partly), rtol=1e-9)
    np.testing.assert_allclose(model.validation_scores_[-1], model.score(X, partly), rtol=1e-9)
    flat, predictions = np.concatenate(partly), np.concatenate(model.predict(X))
    there = ~np.isnan(flat)
    if task == "two numbers":
        scores = [r2_score(flat[there[:, k], k], predictions[there[:, k], k]) for k in range(2)]
        np.testing.assert_allclose(model.score(X, partly), np.mean(scores))
    else:
        np.testing.assert_allclose(model.score(X, partly), ((predictions == flat) | ~there).all(axis=1).mean())


@pytest.mark.parametrize("weighted", [False, True])
def test_step_with_partly_missing_targets(weighted):
    X, y = make_task("two numbers")
    partly = partly_missing(y)
    weights = [np.full(len(x), 1.0 + weighted * (i % 3)) for i, x in enumerate(X)]
    model = make_model("two numbers", solver="sgd", momentum=0.0, max_iter=1, alpha=0.0, normalize_y=False)
    model.set_params(max_grad_norm=None, batch_size=len(X), learning_rate_init=1e-12)
    start = clone(model).fit(X, partly, weights)
    moved = clone(model).set_params(learning_rate_init=1e-3).fit(X, partly, weights)
    # The readout of the second output moves by the errors of the first six sequences alone.
    states, predictions = (np.concatenate(answers[:6]) for answers in (start.hidden_states(X), start.predict(X)))
    errors = predictions[:, 1] - np.concatenate(y[:6])[:, 1]
    n_there = (np.concatenate(weights)[:, None] * ~np.isnan(np.concatenate(partly))).sum()
    step = 1e-3 * ((np.concatenate(weights[:6]) * errors) @ states) / n_there
    np.testing.assert_allclose(moved.readout_weights_[1], start.readout_weights_[1] - step, rtol=0, atol=1e-9)


# Weights


@each_task
@each_solver
def test_weight_of_a_sequence_is_that_of_each_timestep(task, solver):
    X, y = make_task(task)
    weights = np.random.default_rng(0).uniform(0.5, 2.0, len(X))
    weights[4] = 0.0
    of_timesteps = [np.full(len(x), w) for x, w in zip(X, weights, strict=True)]
    model = make_model(task, solver=solver, batch_size="auto" if solver == "lbfgs" else 4).fit(X, y, weights)
    for same in (of_timesteps, as_objects(of_timesteps), [w.tolist() for w in of_timesteps]):
        assert_same_fit(model, clone(model).fit(X, y, same))
    assert_same_fit(model, clone(model).fit(pad(X), pad(y), pad(of_timesteps)))
    assert model.score(X, y, weights) == model.score(X, y, of_timesteps)
    assert not np.array_equal(model.readout_weights_, clone(model).fit(X, y).readout_weights_)


@each_task
@pytest.mark.axis("weighted", [False, True])
@pytest.mark.axis("normalize_y", [False, True])
def test_loss_is_the_documented_objective(task, weighted, normalize_y):
    X, y = make_task(task)
    weights = [np.linspace(0.5, 2.0, len(x)) for x in X] if weighted else None
    model = make_model(task, solver="lbfgs", alpha=0.5, max_iter=6, normalize_X=False)
    if isinstance(model, RNNRegressor):
        model.set_params(normalize_y=normalize_y)
    model.fit(X, y, weights)
    np.testing.assert_allclose(model.loss_, objective_by_hand(model, X, y, weights), rtol=1e-9)
