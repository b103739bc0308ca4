"""Tests of warnings about sequences and targets that are probably not what was intended."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from tests.data_warnings import assert_warned_once, data_warnings
from tests.estimators.tasks import make_classification_task

SERIES = np.sin(np.arange(30.0))
X, LABELS = make_classification_task(30)
ONE_HOT = np.eye(3)[LABELS]


def regressor(**parameters):
    return RNNRegressor((2,), **{"max_iter": 1, "random_state": 0, **parameters})


def classifier(**parameters):
    return RNNClassifier((2,), **{"max_iter": 1, "random_state": 0, **parameters})


# Single timesteps

SINGLE = {
    "one column": SERIES[:-1, np.newaxis],
    "a frame": pd.DataFrame({"sales": SERIES[:-1]}),
    "polars": pl.DataFrame({"sales": SERIES[:-1]}),
    "three dimensions": np.column_stack([SERIES, SERIES**2])[:-1, np.newaxis],
    "a list": [[[value]] for value in SERIES[:-1]],
    "a list of arrays": [np.array([value]) for value in SERIES[:-1]],
    "padded": np.column_stack([SERIES, np.full(30, np.nan)])[:-1],
}


@pytest.mark.parametrize("form", SINGLE)
def test_single_timesteps(form):
    data = SINGLE[form]
    for model, y in ((regressor(), SERIES[1:]), (classifier(), SERIES[1:] > 0.0)):
        message = "Each of the 29 sequences of X has only a single timestep"
        assert_warned_once(lambda model=model, y=y: model.fit(data, y), message, "SlidingWindow", "X[np.newaxis]")
        fitted = model.set_params(warm_start=True)
        assert data_warnings(lambda fitted=fitted, y=y: fitted.fit(data, y).predict(data)) == []


@pytest.mark.parametrize("form", SINGLE)
def test_single_timesteps_of_the_first_block(form):
    model = regressor()
    found = data_warnings(lambda: model.partial_fit(SINGLE[form], SERIES[1:]))
    assert len(found) == (form != "a list of arrays")  # sequences of later lists may be longer
    assert data_warnings(lambda: model.partial_fit(SINGLE[form], SERIES[1:])) == []


def test_single_timesteps_of_a_folded_table_and_of_pipelines():
    table = np.column_stack([SERIES, SERIES**2])[:-1]
    assert_warned_once(lambda: regressor(n_timesteps=1).fit(table, SERIES[1:]), "single timestep")
    column = SINGLE["one column"]
    assert_warned_once(lambda: make_pipeline(StandardScaler(), regressor()).fit(column, SERIES[1:]), "single timestep")
    assert len(data_warnings(lambda: cross_val_score(regressor(), column, SERIES[1:], cv=3))) == 3


def test_what_the_message_advises():
    y = SERIES[1:]
    column = SINGLE["one column"]
    assert data_warnings(lambda: make_pipeline(SlidingWindow(3), regressor()).fit(column, y)) == []
    whole = regressor(return_sequences=True)
    assert data_warnings(lambda: whole.fit(column[np.newaxis], y[np.newaxis])) == []


def test_a_sequence_without_the_axis_of_sequences():
    sequences = np.stack([np.roll(SERIES, -i)[:10, np.newaxis] for i in range(20)])
    one, y = sequences[0], sequences[:, 0, 0]
    for data in (sequences, list(sequences)):
        model = regressor()
        assert data_warnings(lambda model=model, data=data: model.fit(data, y)) == []
        message = "X has shape (10, 1) and is interpreted as 10 sequences of a single timestep"
        assert_warned_once(lambda model=model: model.predict(one), message, "pass X[numpy.newaxis]")
        for right in (one[np.newaxis], [one], one[:1], sequences[:, :1], sequences[:, :, 0]):
            assert data_warnings(lambda model=model, right=right: model.predict(right)) == []


def test_some_single_timesteps():
    some = [np.ones((1, 1)), np.ones((2, 1)), np.zeros((1, 1))]
    assert data_warnings(lambda: regressor().fit(some, [0.0, 1.0, 2.0])) == []
    assert data_warnings(lambda: regressor().fit(some[:1], [0.0])) == []
    assert data_warnings(lambda: regressor().partial_fit(some[:1] * 3, [0.0, 1.0, 2.0])) == []


# One-hot targets

FORMS = {
    "floats": ONE_HOT,
    "integers": ONE_HOT.astype(int),
    "booleans": ONE_HOT.astype(bool),
    "a list": ONE_HOT.astype(int).tolist(),
    "a frame": pd.get_dummies(pd.Series(LABELS)),
    "polars": pl.DataFrame(ONE_HOT.astype(int), schema=["a", "b", "c"]),
    "two classes": np.eye(2)[LABELS % 2],
}


@pytest.mark.parametrize("form", FORMS)
def test_one_hot_targets(form):
    y = FORMS[form]
    cure = "pass numpy.asarray(y).argmax(axis=-1)"
    assert_warned_once(lambda: classifier().fit(X, y), "columns with a single 1 in each row", cure)
    labels = np.asarray(y).argmax(axis=-1)
    np.testing.assert_array_equal(labels, LABELS % 2 if form == "two classes" else LABELS)
    assert data_warnings(lambda: classifier().fit(X, labels)) == []
    assert data_warnings(lambda: regressor().fit(X, np.asarray(y, dtype=float))) == []


def test_one_hot_targets_are_told_once():
    fit = {"X_val": X, "y_val": ONE_HOT}
    assert_warned_once(lambda: classifier().fit(X, ONE_HOT, **fit).score(X, ONE_HOT), "single 1")
    assert_warned_once(lambda: classifier().partial_fit(X, ONE_HOT).partial_fit(X, ONE_HOT), "single 1")
    search = GridSearchCV(classifier(), {"alpha": [0.0, 1.0]}, cv=2)
    assert len(data_warnings(lambda: search.fit(X, ONE_HOT))) == 5


def test_one_hot_targets_of_timesteps():
    y = np.eye(3)[np.add.outer(LABELS, np.arange(5)) % 3]
    model = classifier(return_sequences=True)
    assert_warned_once(lambda: model.fit(X, y), "single 1")
    assert data_warnings(lambda: model.fit(X, np.asarray(y).argmax(axis=-1))) == []


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "change",
    [lambda y: 1 - y, lambda y: y * (np.arange(30) > 0)[:, np.newaxis], lambda y: np.maximum(y, y[::-1])],
    ids=["two of three", "one without", "some with several"],
)
def test_multilabel_targets(change):
    y = change(ONE_HOT)
    assert data_warnings(lambda: classifier().fit(X, y).score(X, y)) == []
    assert data_warnings(lambda: classifier().partial_fit(X, y).partial_fit(X, ONE_HOT)) == []
    assert data_warnings(lambda: classifier().fit(X, y, X_val=X, y_val=ONE_HOT)) == []
    fitted = classifier().fit(X, y)
    assert data_warnings(lambda: fitted.score(X, ONE_HOT)) == []
    of_timesteps = np.repeat(ONE_HOT[:, np.newaxis], 5, axis=1)
    of_timesteps[-1, -1] = 1.0
    assert data_warnings(lambda: classifier(return_sequences=True).fit(X, of_timesteps)) == []


def test_a_single_sample_does_not_raise_a_warning():
    assert data_warnings(lambda: classifier().partial_fit(X[:1], ONE_HOT[:1])) == []


# Labels of pandas dtypes

PANDAS = {
    "nullable booleans": (pd.Series(LABELS > 0, dtype="boolean"), [False, True]),
    "nullable integers": (pd.Series(LABELS + 5, dtype="Int64"), [5, 6, 7]),
    "strings": (pd.Series(np.array(["a", "b", "c"])[LABELS], dtype="string"), ["a", "b", "c"]),
    "categories": (pd.Series(np.array(["a", "b", "c"])[LABELS], dtype="category"), ["a", "b", "c"]),
    "categories of integers": (pd.Series(LABELS, dtype="category"), [0, 1, 2]),
    "an array": (pd.array(LABELS > 0, dtype="boolean"), [False, True]),
}


@pytest.mark.parametrize("kind", PANDAS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_labels_keep_their_kind(kind):
    y, classes = PANDAS[kind]
    plain = np.array(y.tolist())
    model = classifier(max_iter=3).fit(X, y)
    assert model.classes_.tolist() == classes
    assert model.classes_.dtype.kind == plain.dtype.kind
    same = classifier(max_iter=3).fit(X, plain)
    np.testing.assert_array_equal(model.predict(X), same.predict(X))
    assert model.predict(X).dtype.kind == plain.dtype.kind
    assert model.score(X, y) == same.score(X, plain) == np.mean(same.predict(X) == plain)
    search = GridSearchCV(classifier(), {"alpha": [0.01]}, cv=2, error_score="raise").fit(X, y)
    assert search.best_estimator_.classes_.tolist() == classes
    assert search.score(X, y) == pytest.approx(np.mean(search.predict(X) == plain))


@pytest.mark.parametrize("kind", [kind for kind in PANDAS if "integers" not in kind or "nullable" in kind])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:A column-vector y:sklearn.exceptions.DataConversionWarning")
def test_labels_in_a_frame_of_one_column(kind):
    y, classes = PANDAS[kind]
    assert classifier().fit(X, pd.DataFrame({"y": y})).classes_.tolist() == classes


@pytest.mark.parametrize("dtype", ["boolean", "Int64"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_several_columns_of_nullable_labels(dtype):
    y = pd.DataFrame(1 - ONE_HOT.astype(int)).astype(dtype)
    model = classifier().fit(X, y)
    plain = classifier().fit(X, 1 - ONE_HOT.astype(int))
    np.testing.assert_array_equal(model.predict(X), plain.predict(X))
    y.iloc[3, 1] = pd.NA
    with pytest.raises(ValueError, match=r"y contains .*(NA|nan)"):
        classifier().fit(X, y)


@pytest.mark.parametrize("kind", ["nullable booleans", "nullable integers", "strings", "categories"])
def test_label_that_is_missing(kind):
    y = PANDAS[kind][0].copy()
    y[4] = pd.NA
    for labels in (y, y.to_frame()):
        with pytest.raises(ValueError, match=r"y contains (<NA>|nan|NaN).*xpected"):
            classifier().fit(X, labels)


# Numbers of other types


@pytest.mark.parametrize("y", [np.array(list("ab"))[LABELS % 2], list("ab" * 15), pd.Series(list("ab" * 15))])
def test_strings_are_no_targets_of_a_regressor(y):
    with pytest.raises((TypeError, ValueError), match=r"(?s)\by\b.*xpected real numbers"):
        regressor().fit(X, y)


@pytest.mark.parametrize("y", [np.arange(30).astype("M8[D]"), pd.to_timedelta(np.arange(30), "D")])
def test_times_are_no_targets_of_a_regressor(y):
    with pytest.raises(TypeError, match="Convert dates to numbers first"):
        regressor().fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_objects_that_are_numbers():
    table = pd.DataFrame(X[:, :, 0])
    expected = regressor().fit(table, LABELS).predict(table)
    np.testing.assert_array_equal(regressor().fit(table.astype(object), LABELS.astype(object)).predict(table), expected)


def test_series_as_sequences_and_swapped_arguments():
    with pytest.raises(ValueError, match=r"(?s)\bX\b.*xpected real numbers in an array"):
        regressor().fit(pd.Series(SERIES), SERIES)
    with pytest.raises(ValueError, match=r"(?s)\bX\b.*xpected real numbers in an array"):
        regressor().fit(LABELS, X)
    with pytest.raises(ValueError, match="y has 30 samples, but X has 5"):
        regressor().fit(X.transpose(1, 0, 2), LABELS)
