"""Tests of targets at each timestep: which count in scores, statistics and classes, and which are rejected."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skrnn import RNNClassifier, RNNRegressor
from skrnn.metrics import make_sequence_scorer
from tests.estimators.tasks import as_objects, assert_same_fit
from tests.estimators.timestep_tasks import LENGTHS, NAMES, TASKS, make_model, make_task, pad, some, with_missing

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

each_task = pytest.mark.axis("task", TASKS)
each_class_task = pytest.mark.axis("task", [task for task in TASKS if task[-7:] in ("classes", "strings")])
FORMS = {"list": list, "object array": as_objects, "array": pad}


# Scores


@each_task
@pytest.mark.axis("weighted", [False, True])
@pytest.mark.axis("form", FORMS)
def test_score_is_that_of_all_valid_timesteps(task, weighted, form):
    X, y = make_task(task)
    model = make_model(task).fit(X, y)
    where = some(y)
    weights = [np.linspace(0.0, 2.0, len(x)) + 0.1 for x in X]
    there = ~np.concatenate(where)
    metric = r2_score if isinstance(model, RNNRegressor) else accuracy_score
    flat_weights = np.concatenate(weights)[there] if weighted else None
    expected = metric(np.concatenate(y)[there], np.concatenate(model.predict(X))[there], sample_weight=flat_weights)
    hold = FORMS[form]
    given = hold(weights) if weighted else None
    np.testing.assert_allclose(model.score(hold(X), hold(with_missing(y, where)), given), expected, rtol=1e-12)


@each_task
@pytest.mark.axis("form", FORMS)
def test_cross_validation_is_never_nan(task, form):
    X, y = make_task(task)
    y = with_missing(y, [np.arange(len(x)) == 1 for x in X])
    hold, model = FORMS[form], make_model(task)
    name = "r2" if isinstance(model, RNNRegressor) else "accuracy"
    cv = KFold(3)
    usual = cross_val_score(model, hold(X), hold(y), cv=cv, error_score="raise")
    assert np.isfinite(usual).all()
    scored = cross_val_score(model, hold(X), hold(y), cv=cv, scoring=make_sequence_scorer(name), error_score="raise")
    np.testing.assert_allclose(scored, usual, rtol=1e-12)


@pytest.mark.axis("task", ["two numbers", "three classes"])
@pytest.mark.axis("form", FORMS)
def test_grid_search(task, form):
    X, y = make_task(task, LENGTHS * 2)
    hold = FORMS[form]
    model = make_model(task, learning_rate_init=0.02)
    search = GridSearchCV(model, {"max_iter": [1, 12]}, cv=KFold(3), error_score="raise").fit(hold(X), hold(y))
    assert search.best_params_ == {"max_iter": 12}
    assert_same_fit(search.best_estimator_, clone(model).set_params(max_iter=12).fit(X, y))


# What is learnt from targets that are not missing


def test_statistics_are_those_of_the_targets_that_are_there():
    X, y = make_task("two numbers")
    partly = with_missing(y, some(y))
    for of_sequence in partly[6:]:
        of_sequence[:, 1] = np.nan
    weights = [np.linspace(0.5, 2.0, len(x)) for x in X]
    model = make_model("two numbers", max_iter=1, learning_rate_init=1e-12).fit(X, partly, weights)
    raw = clone(model).set_params(normalize_y=False).fit(X, partly, weights)
    for k in range(2):
        column = np.concatenate(partly)[:, k]
        of_each = np.concatenate(weights)[~np.isnan(column)]
        column = column[~np.isnan(column)]
        mean = np.average(column, weights=of_each)
        scale = np.sqrt(np.average((column - mean) ** 2, weights=of_each))
        np.testing.assert_allclose(model.readout_bias_[k], mean, rtol=1e-9)
        np.testing.assert_allclose(model.readout_weights_[k], scale * raw.readout_weights_[k], rtol=1e-7)


@each_class_task
@pytest.mark.axis("class_weight", ["balanced", "dict"])
def test_class_weights_are_weights_of_timesteps(task, class_weight):
    X, y = make_task(task)
    where = some(y)
    there, labels = ~np.concatenate(where), np.concatenate(y)
    classes = np.unique(labels).tolist()
    given = [np.linspace(0.5, 2.0, len(x)) for x in X]
    if class_weight == "dict":
        class_weight = of_class = dict(zip(classes, [1.0, 4.0, 0.5], strict=False))
    else:
        total = np.concatenate(given)[there].sum()
        counts = {label: np.concatenate(given)[there & (labels == label)].sum() for label in classes}
        of_class = {label: total / len(classes) / count for label, count in counts.items()}
    weights = [w * [of_class[label] for label in t.tolist()] for w, t in zip(given, y, strict=True)]
    model = make_model(task, class_weight=class_weight).fit(X, with_missing(y, where), given)
    expected = make_model(task).fit(X, with_missing(y, where), weights)
    assert_same_fit(model, expected, rtol=1e-9, atol=1e-12)
    assert not np.allclose(model.readout_weights_, make_model(task).fit(X, y, given).readout_weights_, rtol=1e-9)


@pytest.mark.axis("missing", [None, np.nan])
@pytest.mark.axis("form", ["lists", "object arrays", "array", "a sequence without any"])
def test_missing_labels_are_not_a_class(missing, form):
    X, y = make_task("strings", [4] * 9)
    y = [t.astype(object) for t in y]
    for of_sequence in y[2:4]:
        of_sequence[1:3] = missing
    y[5][:] = missing
    model = make_model("strings").fit(X, y)
    assert model.classes_.tolist() == sorted(NAMES)
    same = {
        "lists": lambda: [t.tolist() for t in y],
        "object arrays": lambda: as_objects(y),
        "array": lambda: np.stack(y),
        "a sequence without any": lambda: [
            t if i in (2, 3) else np.full(4, np.nan) if i == 5 else t.astype(str) for i, t in enumerate(y)
        ],
    }[form]()
    assert_same_fit(model, clone(model).fit(X, same))
    assert clone(model).fit(X, same).classes_.tolist() == model.classes_.tolist()
    assert model.score(X, same) == model.score(X, y)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_classes_keep_their_kind_where_targets_are_missing(missing):
    X, y = make_task("three classes")
    objects = [t.astype(object) for t in y]
    objects[0][1:3] = missing
    model = make_model("three classes").fit(X, objects)
    assert model.classes_.tolist() == [0, 1, 2]
    assert all(t.dtype.kind == "i" for t in model.predict(X))


def test_class_without_weight_is_not_learnt():
    X, y = make_task("three classes")
    weights = [(t != 1).astype(float) for t in y]
    assert make_model("three classes").fit(X, y, weights).classes_.tolist() == [0, 2]


def test_last_sequences_without_targets_of_one_output():
    X, y = make_task("two numbers")
    settings = {"early_stopping": True, "validation_split": "last", "validation_fraction": 0.25}
    for rows in (slice(0, 9), slice(9, 12)):  # nothing to train on, nothing to validate on
        partly = [of_sequence.copy() for of_sequence in y]
        for of_sequence in partly[rows]:
            of_sequence[:, 1] = np.nan
        with pytest.raises(ValueError, match=r"output 1|validation_fraction"):
            make_model("two numbers", **settings).fit(X, partly)


# Rejected targets

LABELS = make_task("three classes")[1]
BAD = {
    "one a sequence": (lambda y: np.arange(12) % 3, r"has shape \(12,\)"),
    "too few sequences": (lambda y: y[:-1], "has 11 entries, but there are 12 sequences"),
    "another length": (lambda y: [*y[:-1], y[-1][:1]], r"has shape \(1,\) in sample 11, .* 2 timesteps"),
    "a padded array": (pad, r"has shape \(12, 5\); expected a list"),
    "3-D entries": (lambda y: [t[:, None, None] for t in y], r"has shape \(5, 1, 1\) in sample 0"),
    "ragged outputs": (
        lambda y: [np.repeat(t[:, None], 1 + i % 2, axis=1) for i, t in enumerate(y)],
        r"has shape \(1, 2\) in sample 1",
    ),
}


@pytest.mark.axis("Estimator", [RNNRegressor, RNNClassifier])
@pytest.mark.axis("name", BAD)
def test_targets_of_a_wrong_shape(Estimator, name):
    spoil, pattern = BAD[name]
    X, y = make_task("three classes")
    model = Estimator((3,), return_sequences=True, max_iter=2)
    with pytest.raises(ValueError, match=f"y {pattern}"):
        model.fit(X, spoil(y))
    with pytest.raises(ValueError, match=f"y_val {pattern}"):
        model.fit(X, y, X_val=X, y_val=spoil(y))
    with pytest.raises(ValueError, match=f"y {pattern}"):
        model.fit(X, y).score(X, spoil(y))


@pytest.mark.parametrize("name", [name for name in BAD if name not in ("one a sequence", "ragged outputs")])
def test_weights_of_a_wrong_shape(name):
    spoil, pattern = BAD[name]
    X, y = make_task("three classes")
    weights = [t + 1.0 for t in y]
    model = make_model("three classes")
    with pytest.raises(ValueError, match=f"sample_weight {pattern}"):
        model.fit(X, y, spoil(weights))
    with pytest.raises(ValueError, match=f"sample_weight_val {pattern}"):
        model.fit(X, y, X_val=X, y_val=y, sample_weight_val=spoil(weights))
    with pytest.raises(ValueError, match=f"sample_weight {pattern}"):
        model.fit(X, y).score(X, y, spoil(weights))


@pytest.mark.parametrize(
    ("weights", "pattern"),
    [
        (np.ones(11), r"sample_weight has shape \(11,\); expected \(12,\)"),
        ([np.ones((length, 2)) for length in LENGTHS], r"sample_weight has shape \(40, 2\); expected \(40,\)"),
        ([np.zeros(length) for length in LENGTHS], "sample_weight is zero"),
        ([np.full(length, -1.0) for length in LENGTHS], "sample_weight contains -1"),
        ([np.full(length, np.nan) for length in LENGTHS], "sample_weight contains NaN"),
    ],
)
def test_bad_weights(weights, pattern):
    X, y = make_task("numbers")
    with pytest.raises(ValueError, match=pattern):
        make_model("numbers").fit(X, y, weights)


def test_weights_of_timesteps_need_targets_of_timesteps():
    X, _ = make_task("numbers")
    with pytest.raises(ValueError, match="sample_weight"):
        make_model("numbers", return_sequences=False).fit(X, np.arange(12.0), [np.ones(len(x)) for x in X])


@pytest.mark.parametrize(
    ("y", "pattern"),
    [
        (with_missing(LABELS, [t >= 0 for t in LABELS]), "y has no target: all values are missing"),
        ([np.column_stack([t, np.full(len(t), np.nan)]) for t in LABELS], "y has no target in output 1"),
        ([np.full(len(t), np.inf) for t in LABELS], r"\by\b.*infinity"),
        ([np.array(["a", 1, None, "a", 1], object)[: len(t)] for t in LABELS], r"\by\b.*(str|string|mix)"),
        ([t + 0.5 for t in LABELS], r"\by\b.*continuous"),
        ([np.full(len(t), np.nan if i else 1.0) for i, t in enumerate(LABELS)], "y has only one class"),
    ],
    ids=["none", "none in an output", "inf", "mixed", "continuous", "one class"],
)
def test_targets_that_say_nothing(y, pattern):
    X, _ = make_task("three classes")
    model = make_model("two numbers" if "output" in pattern else "three classes")
    with pytest.raises((ValueError, TypeError), match=pattern):
        model.fit(X, y)
    assert vars(model) == model.get_params()
