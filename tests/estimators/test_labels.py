"""Tests of labels without an order: None, NaN, and mixed types are rejected wherever labels are read."""

import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from skrnn import RNNClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
N_SAMPLES = 8
X = np.random.default_rng(0).normal(size=(N_SAMPLES, 4, 2))
STRINGS, NUMBERS = ["a", "b"] * 4, [0, 1] * 4
DATES = np.array(["2026-01-01", "2026-01-02"] * 4, dtype="datetime64[D]")

#: Invalid labels, and their description in the message.
MISSING = {"None": (None, "None"), "NaN": (np.nan, "nan"), "NA": (pd.NA, "<NA>"), "NaT": (pd.NaT, "NaT")}
STRANGE = {
    "an integer": (1, r"'a' \(str\), 1 \(int\)"),
    "a float": (1.5, r"'a' \(str\), 1.5 \(float\)"),
    "a boolean": (True, r"'a' \(str\), True \(bool\)"),
    "bytes": (b"a", r"'a' \(str\), b'a' \(bytes\)"),
}


def as_objects(labels):
    array = np.empty(len(labels), dtype=object)
    array[:] = labels
    return array


CONTAINERS = {"list": list, "array": as_objects, "series": lambda labels: pd.Series(labels, dtype=object)}


def make_model(**parameters):
    return RNNClassifier((2,), max_iter=2, random_state=0, **parameters)


def among(label, labels):
    return [*labels[:3], label, *labels[4:]]


def assert_refused_everywhere(good, bad, pattern):
    """Check that labels are rejected as y of fit, partial_fit and score, as y_val, and as classes."""
    fitted = make_model().fit(X, good)
    for name, call in {
        "y": lambda: make_model().fit(X, bad),
        "y ": lambda: make_model().partial_fit(X, bad, classes=good[:2]),
        "y  ": lambda: fitted.score(X, bad),
        "y_val": lambda: make_model().fit(X, good, X_val=X, y_val=bad),
        "classes": lambda: make_model().partial_fit(X, good, classes=bad),
        "classes ": lambda: make_model().partial_fit(X, good, classes=good[:2]).partial_fit(X, good, classes=bad),
    }.items():
        with pytest.raises(ValueError, match=rf"^(Unknown label type: )?{name.strip()} contains {pattern}") as caught:
            call()
        assert re.search(r"\bexpected\b", str(caught.value))


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize(("label", "shown"), MISSING.values(), ids=MISSING)
def test_missing_among_strings(label, shown, container):
    bad = container(among(label, STRINGS))
    assert_refused_everywhere(STRINGS, bad, rf"{shown} at position 3; expected a label")


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("label", [None, pd.NA])
def test_missing_among_numbers(label, container):
    bad = container(among(label, NUMBERS))
    assert_refused_everywhere(NUMBERS, bad, rf"{label} at position 3; expected a label")


def test_missing_among_dates():
    bad = DATES.copy()
    bad[3] = "NaT"
    assert_refused_everywhere(DATES, bad, "NaT at position 3; expected a label")


@pytest.mark.parametrize("dtype", ["string", "category"])
def test_missing_in_a_series(dtype):
    bad = pd.Series(among(None, STRINGS), dtype=dtype)
    assert_refused_everywhere(STRINGS, bad, r"(<NA>|nan) at position 3; expected a label")


def test_missing_yes_or_no():
    bad = np.zeros((N_SAMPLES, 2), dtype=object)
    bad[3, 1] = None
    with pytest.raises(ValueError, match=r"^y contains None at position 3; expected a label"):
        make_model().fit(X, bad)


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize(("label", "shown"), STRANGE.values(), ids=STRANGE)
def test_several_kinds(label, shown, container):
    bad = container(among(label, STRINGS))
    assert_refused_everywhere(STRINGS, bad, rf"labels of several kinds, {shown}; expected only strings")


def test_tuple_among_strings():
    bad = as_objects(among(("a", 1), STRINGS))
    assert_refused_everywhere(STRINGS, bad, r"labels of several kinds, 'a' \(str\), \('a', 1\) \(tuple\); expected")


@pytest.mark.parametrize("labels", [NUMBERS, among(True, NUMBERS), [Decimal(0), Decimal(1)] * 4, [{}] * N_SAMPLES])
def test_objects_that_are_not_strings(labels):
    assert_refused_everywhere(NUMBERS, as_objects(labels), r".* \((int|Decimal|dict)\); expected strings")


def test_strings_in_any_container_are_the_same_labels():
    expected = make_model().fit(X, STRINGS).predict(X)
    for container in CONTAINERS.values():
        model = make_model().fit(X, container(STRINGS))
        np.testing.assert_array_equal(model.predict(X), expected)
        assert model.score(X, container(STRINGS)) == np.mean(expected == STRINGS)


@pytest.mark.parametrize("classes", [{"a": 1, "b": 2, None: 3}, {"a": 1, "b": 2, np.nan: 3}, {"a": 1, "b": 2, 0: 3}])
def test_keys_of_class_weight(classes):
    with pytest.raises(ValueError, match=r"^class_weight contains .*; expected"):
        make_model(class_weight=classes).fit(X, STRINGS)
    both = np.column_stack([NUMBERS, NUMBERS])
    with pytest.raises(ValueError, match=r"^class_weight contains .*; expected"):
        make_model(class_weight=[{0: 1, 1: 1}, classes]).fit(X, both)


def test_keys_of_class_weight_that_no_sample_has():
    make_model(class_weight={"a": 1, "b": 2, "c": 3}).fit(X, STRINGS)  # another fold may have


@pytest.mark.parametrize(("label", "shown"), STRANGE.values(), ids=STRANGE)
def test_several_kinds_at_timesteps(label, shown):
    bad = as_objects(among(label, STRINGS) * 4).reshape(4, N_SAMPLES).T
    model = make_model(return_sequences=True)
    with pytest.raises(ValueError, match=r"^y contains labels of several kinds"):
        model.fit(X, bad)
    with pytest.raises(ValueError, match=r"^y contains labels of several kinds"):
        model.fit(X, [row.tolist() for row in bad])


@pytest.mark.parametrize("kind", ["strings", "dates"])
def test_missing_at_timesteps_counts_for_nothing(kind):
    labels = np.array(STRINGS, dtype=object) if kind == "strings" else DATES
    y = np.repeat(labels[:, None], 4, axis=1)
    y[3, 1] = None if kind == "strings" else "NaT"
    model = make_model(return_sequences=True).fit(X, y)
    assert model.classes_.tolist() == sorted(set(labels.tolist()))
    counts = np.ones(y.shape, dtype=bool)
    counts[3, 1] = False
    assert model.score(X, y) == np.mean(model.predict(X)[counts] == y[counts])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: make_model().fit(X, NUMBERS).score(X, STRINGS),
            "y: Mix of label input types .* Expected labels of the same kind as in fit.",
        ),
        (
            lambda: make_model().fit(X, NUMBERS).score(X, np.array(NUMBERS, dtype="m8[D]")),
            r"y: labels of dtype timedelta64\[D\] among classes of dtype int64\. Expected labels of the same kind",
        ),
        (
            lambda: make_model().partial_fit(X, NUMBERS, classes=[[0, 1], [2, 3]]),
            r"classes: Unknown label type: .* Expected class labels \(n_classes,\)\.",
        ),
        (
            lambda: make_model().fit(X, []),
            "y: Found array with 0 sample.* required by RNNClassifier. Expected class labels",
        ),
    ],
    ids=["another kind than in fit", "durations", "classes of two dimensions", "none"],
)
def test_labels_that_scikit_learn_refuses_are_named(call, message):
    with pytest.raises(ValueError, match=f"(?s)^{message}"):
        call()
