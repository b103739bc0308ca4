"""Tests of RNNClassifier: classes, probabilities and their weights."""

import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss
from sklearn.preprocessing import LabelBinarizer

from skrnn import RNNClassifier
from skrnn.cells._registry import CELLS
from skrnn.estimators._training_data import TrainingData
from skrnn.exceptions import DataWarning
from tests.estimators.tasks import assert_same_fit, make_classification_task, parameter_arrays

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make_classifier(**parameters):
    return RNNClassifier(**{"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0, **parameters})


def make_multilabel_task():
    """Return sequences and three binary labels, one of which is rare."""
    X, _ = make_classification_task()
    return X, np.column_stack([X[:, -1, 0] > 0, X[:, -1, 1] > 0, X[:, 0, 0] > 1]).astype(int)


TASKS = {
    "binary": make_classification_task(n_classes=2),
    "multiclass": make_classification_task(n_classes=4),
    "multilabel": make_multilabel_task(),
}
N_OUTPUTS = {"binary": 1, "multiclass": 4, "multilabel": 3}
N_CLASSES = {"binary": 2, "multiclass": 4, "multilabel": 3}
N_GATES = {"rnn": (1, 1), "gru": (3, 4), "lstm": (4, 4)}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("sizes", [(5,), (5, 3, 2)])
@pytest.mark.parametrize("task", TASKS)
def test_shapes(cell, sizes, task):
    X, y = TASKS[task]
    model = make_classifier(cell=cell, hidden_layer_sizes=sizes, max_iter=2).fit(X, y)
    n_gates, n_bias_blocks = N_GATES[cell]
    n_inputs = (2, *sizes[:-1])
    assert [w.shape for w in model.input_weights_] == [(n_gates * h, n) for h, n in zip(sizes, n_inputs, strict=True)]
    assert [w.shape for w in model.recurrent_weights_] == [(n_gates * h, h) for h in sizes]
    assert [b.shape for b in model.biases_] == [(n_bias_blocks * h,) for h in sizes]
    assert model.readout_weights_.shape == (N_OUTPUTS[task], sizes[-1])
    assert model.readout_bias_.shape == (N_OUTPUTS[task],)
    assert (model.n_outputs_, model.n_layers_, model.n_features_in_) == (N_OUTPUTS[task], len(sizes) + 2, 2)
    assert model.n_parameters_ == sum(array.size for array in parameter_arrays(model)[0])
    np.testing.assert_array_equal(model.classes_, np.arange(N_CLASSES[task]))
    assert model.predict(X).shape == y.shape
    assert model.predict_proba(X).shape == model.predict_log_proba(X).shape == (len(X), N_CLASSES[task])


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("task", TASKS)
def test_learns(task, solver):
    X, y = TASKS[task]
    model = make_classifier(solver=solver, max_iter=400, learning_rate_init=0.03, hidden_layer_sizes=8).fit(X, y)
    assert model.score(X, y) > 0.95
    assert model.score(X, y) == accuracy_score(y, model.predict(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", TASKS)
def test_probabilities(task, dtype):
    X, y = TASKS[task]
    model = make_classifier(dtype=dtype).fit(X, y)
    probabilities = model.predict_proba(X)
    tolerance = 20 * np.finfo(dtype).eps
    assert probabilities.dtype == dtype
    assert ((probabilities > 0) & (probabilities < 1)).all()
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities), rtol=0, atol=10 * tolerance)
    if task == "multilabel":
        np.testing.assert_array_equal(model.predict(X), probabilities > 0.5)
    else:
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=tolerance)
        np.testing.assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", TASKS)
def test_extreme_probabilities(task, dtype):
    X, y = TASKS[task]
    model = make_classifier(dtype=dtype).fit(X, y)
    model.readout_weights_ = np.zeros_like(model.readout_weights_)
    model.readout_bias_ = np.full_like(model.readout_bias_, -1000.0)
    model.readout_bias_[0] = 1000.0
    probabilities, logarithms = model.predict_proba(X), model.predict_log_proba(X)
    assert np.isfinite(probabilities).all()
    assert np.isfinite(logarithms).all()
    certain = 1 if task == "binary" else 0
    np.testing.assert_array_equal(probabilities[:, certain], 1.0)
    np.testing.assert_array_equal(np.delete(probabilities, certain, axis=1), 0.0)
    gap = 2000.0 if task == "multiclass" else 1000.0
    np.testing.assert_array_equal(logarithms[:, certain], 0.0)
    np.testing.assert_array_equal(np.delete(logarithms, certain, axis=1), -gap)


def test_small_probabilities_of_two_classes_are_not_rounded_away():
    X, y = TASKS["binary"]
    model = make_classifier().fit(X, y)
    model.readout_weights_ = np.zeros_like(model.readout_weights_)
    model.readout_bias_ = np.array([50.0])
    np.testing.assert_allclose(model.predict_proba(X)[:, 0], np.exp(-50.0), rtol=1e-12)


@pytest.mark.parametrize(("task", "of_mean"), [("binary", 1), ("multiclass", 1), ("multilabel", 3)])
def test_loss_is_the_log_loss(task, of_mean):
    X, y = TASKS[task]
    model = make_classifier(solver="lbfgs", alpha=0.0, max_iter=5).fit(X, y)
    probabilities = model.predict_proba(X)
    if task == "multilabel":
        expected = np.mean([log_loss(y[:, k], probabilities[:, k]) for k in range(3)]) * of_mean
    else:
        expected = log_loss(y, probabilities)
    np.testing.assert_allclose(model.loss_, expected, rtol=1e-9)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "names",
    [
        np.array(["rain", "cloud", "sun"]),
        np.array(["rain", "cloud", "sun"], object),
        np.array([30, -1, 7]),
        np.array([0.0, 5.0, 2.0]),
    ],
    ids=["str", "object", "int", "float"],
)
def test_labels_of_any_kind(names, solver):
    X, codes = make_classification_task()
    y = names[codes]
    model = make_classifier(solver=solver).fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.sort(names))
    assert model.predict(X).dtype == model.classes_.dtype
    assert set(model.predict(X)) <= set(names)
    ranked = make_classifier(solver=solver).fit(X, np.searchsorted(np.sort(names), y))
    assert_same_fit(model, ranked)


def test_boolean_labels():
    X, y = TASKS["binary"]
    model = make_classifier().fit(X, y == 1)
    assert model.predict(X).dtype == bool
    assert_same_fit(model, make_classifier().fit(X, y))


def test_labels_as_a_column():
    X, y = TASKS["binary"]
    with pytest.warns(Warning, match="column-vector"):
        model = make_classifier().fit(X, y[:, None])
    assert_same_fit(model, make_classifier().fit(X, y))


@pytest.mark.parametrize("dtype", [bool, float, np.int8])
def test_multilabel_indicators_of_any_type(dtype):
    X, y = TASKS["multilabel"]
    model = make_classifier().fit(X, y.astype(dtype))
    assert_same_fit(model, make_classifier().fit(X, y))
    assert set(np.unique(model.predict(X))) <= {0, 1}


def test_binary_is_multilabel_of_one_label():
    X, y = TASKS["multilabel"]
    twice = np.column_stack([y[:, 0], y[:, 0]])
    binary, multilabel = make_classifier(alpha=0.0).fit(X, y[:, 0]), make_classifier(alpha=0.0).fit(X, twice)
    assert binary.readout_weights_.shape == (1, 5)
    assert multilabel.readout_weights_.shape == (2, 5)


# Weights of classes


@pytest.mark.parametrize("solver", ["lbfgs", "BFGS", "CG"])
@pytest.mark.parametrize("task", TASKS)
def test_weights_count_samples(task, solver):
    X, y = TASKS[task]
    weights = np.arange(len(X)) % 3
    model = make_classifier(solver=solver, max_iter=40)
    weighted = clone(model).fit(X, y, weights)
    repeated = clone(model).fit(X.repeat(weights, axis=0), y.repeat(weights, axis=0))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=0, atol=1e-6)
    assert abs(weighted.predict_proba(X) - clone(model).fit(X, y).predict_proba(X)).max() > 1e-3


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_class_weight_is_a_weight_of_samples(solver, n_classes):
    X, y = make_classification_task(n_classes=n_classes)
    batch_size = "auto" if solver == "lbfgs" else 8
    of_classes = {0: 5.0, 1: 0.5, 2: 2.0}
    weights = np.array([of_classes[label] for label in y])
    weighted = make_classifier(solver=solver, batch_size=batch_size).fit(X, y, weights)
    by_class = make_classifier(solver=solver, batch_size=batch_size, class_weight=of_classes).fit(X, y)
    assert_same_fit(weighted, by_class, rtol=1e-9, atol=1e-12)
    assert abs(weighted.predict_proba(X) - make_classifier(solver=solver).fit(X, y).predict_proba(X)).max() > 1e-3


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_balanced_classes(solver):
    X, y = make_classification_task(n_classes=4)
    y = np.minimum(y, 1)
    of_classes = {label: len(y) / (2 * np.sum(y == label)) for label in (0, 1)}
    balanced = make_classifier(solver=solver, class_weight="balanced").fit(X, y)
    assert_same_fit(balanced, make_classifier(solver=solver, class_weight=of_classes).fit(X, y), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_class_weight_that_leaves_one_class(method):
    X, y = make_classification_task(n_classes=3)
    labels = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    model = make_classifier(class_weight={0: 0, 2: 0})
    message = r"class_weight is \{0: 0, 2: 0\}, zero for every class but 1; expected .* at least two classes"
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, y, **labels)
    model.set_params(class_weight={0: 0})
    getattr(model, method)(X, y, **labels)
    if method == "partial_fit":  # a batch may have one class
        model.partial_fit(X[y == 1], y[y == 1])


def test_class_weight_multiplies_sample_weight():
    X, y = make_classification_task()
    weights = 1.0 + np.arange(len(y)) % 2
    both = make_classifier(class_weight={0: 3.0, 1: 1.0, 2: 1.0}).fit(X, y, weights)
    product = make_classifier().fit(X, y, weights * np.where(y == 0, 3.0, 1.0))
    assert_same_fit(both, product, rtol=1e-9, atol=1e-12)


def test_balanced_counts_weights_as_repetitions():
    X, y = make_classification_task()
    weights = np.arange(len(X)) % 3
    model = make_classifier(solver="lbfgs", class_weight="balanced", max_iter=30)
    weighted = clone(model).fit(X, y, weights)
    repeated = clone(model).fit(X.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=0, atol=1e-6)


def test_class_weights_whose_product_with_weights_would_overflow():
    X, y = make_classification_task()
    large = dict.fromkeys(np.unique(y).tolist(), 1e308)
    weights = np.where(np.arange(len(y)) % 2, 1.7e308, 1e308)
    model = make_classifier(class_weight=large, alpha=0.0).fit(X, y, weights)
    assert_same_fit(model, make_classifier(alpha=0.0).fit(X, y, weights), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-309, 1e-200, 1e200])
def test_balanced_weights_of_any_scale(scale):
    X, y = make_classification_task()
    model = make_classifier(class_weight="balanced", alpha=0.0, normalize_X=False)
    scaled = clone(model).fit(X, y, np.where(y == 0, scale, 1.0))
    np.testing.assert_allclose(scaled.predict_proba(X), model.fit(X, y).predict_proba(X), rtol=1e-6)


def test_multilabel_class_weights():
    X, y = TASKS["multilabel"]
    one_for_each = [{0: 1.0, 1: 4.0}, {0: 1.0, 1: 1.0}, {0: 1.0, 1: 1.0}]
    weights = np.where(y[:, 0] == 1, 4.0, 1.0)
    assert_same_fit(
        make_classifier(class_weight=one_for_each).fit(X, y), make_classifier().fit(X, y, weights), rtol=1e-9
    )


# New classes in later data


@pytest.mark.axis("classes", [[0, 1, 2], [2, 0, 1], np.array([0, 1, 2])], ids=str, quick=[[2, 0, 1]])
def test_partial_fit_learns_classes_that_come_later(classes):
    X, y = make_classification_task()
    model = make_classifier(learning_rate_init=0.02)
    model.partial_fit(X[y < 2], y[y < 2], classes=classes)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    for _ in range(100):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.9


def test_partial_fit_of_a_single_class():
    X, y = make_classification_task()
    model = make_classifier().partial_fit(X[y == 1], y[y == 1], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (len(X), 3)


def test_partial_fit_takes_the_same_classes_again():
    X, y = make_classification_task()
    once = make_classifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y)
    assert_same_fit(once, make_classifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y, classes=[2, 1, 0]))


def test_partial_fit_of_labels_needs_no_classes():
    X, y = TASKS["multilabel"]
    model = make_classifier().partial_fit(X, y)
    assert model.predict(X).shape == y.shape


@pytest.mark.parametrize("names", [np.arange(3), np.array(["a", "b", "c"])], ids=["integers", "strings"])
@pytest.mark.parametrize(
    ("then", "message"),
    [
        ([0, 1], "^y lacks the classes {2}; expected all of {0, 1, 2}"),
        ([2], "^y lacks the classes {0, 1}; expected all of {0, 1, 2}"),
        ([0, 1, 3], "^y contains the unknown classes {3}; expected only {0, 1, 2}"),
        ([0, 1, 2, 3], "^y contains the unknown classes {3}; expected only {0, 1, 2}"),
    ],
    ids=["fewer", "one", "other", "more"],
)
def test_warm_start_needs_the_same_classes(names, then, message):
    X, y = make_classification_task()
    names = np.append(names, np.array([3], dtype=names.dtype))
    model = make_classifier(warm_start=True).fit(X, names[y])
    before = model.predict_proba(X)
    shown = re.sub(r"\d", lambda digit: repr(names[int(digit[0])].item()), message)
    with pytest.raises(ValueError, match=shown.replace("{", r"\[").replace("}", r"\]")):
        model.fit(X, names[np.resize(then, len(X))])
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.fit(X, names[y]).n_iter_ == 2 * make_classifier().fit(X, y).n_iter_  # these are the same


def test_warm_start_where_the_samples_of_a_class_weigh_nothing():
    X, y = make_classification_task()
    model = make_classifier(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"^y lacks the classes \[2\]"):
        model.fit(X, y, sample_weight=y < 2)


def test_partial_fit_takes_batches_that_lack_classes():
    X, y = make_classification_task()
    model = make_classifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X[y < 2], y[y < 2])
    assert model.predict_proba(X).shape == (len(X), 3)


def test_random_validation_split_is_stratified(monkeypatch):
    X, y = make_classification_task(n_classes=4)
    y = np.where(y == 3, 1, 0)
    held_out, hold_out = [], TrainingData.hold_out

    def spy(*arguments):
        parts = hold_out(*arguments)
        held_out.append(parts[1].targets.values[0])
        return parts

    monkeypatch.setattr(TrainingData, "hold_out", spy)
    for seed in range(5):
        make_classifier(early_stopping=True, validation_fraction=0.4, max_iter=1, random_state=seed).fit(X, y)
    assert len(held_out) == 5
    assert all(abs(labels.mean() - y.mean()) <= 1 / len(labels) for labels in held_out)


def test_validation_scores_are_accuracies():
    X, y = TASKS["multilabel"]
    model = make_classifier(max_iter=3).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    np.testing.assert_allclose(model.validation_scores_[-1], model.score(X[30:], y[30:]))


def test_one_hot_labels_are_multilabel_targets():
    X, y = make_classification_task()
    one_hot = LabelBinarizer().fit_transform(y)
    with pytest.warns(DataWarning, match=r"y has 3 columns with a single 1 .* numpy.asarray\(y\).argmax\(axis=-1\)"):
        model = make_classifier().fit(X, one_hot)
    assert model.predict(X).shape == one_hot.shape
