"""Tests of bad input: each raises an error that names the parameter, and leaves the estimator unchanged."""

import pickle
import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skrnn import RNNClassifier, RNNRegressor
from skrnn.solvers._registry import SOLVERS
from tests.estimators.tasks import as_objects

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [RNNRegressor, RNNClassifier]
N_SAMPLES = 12


def make_data(Estimator, n_dimensions=3):
    """Return read-only sequences of four timesteps and targets; two features if 3-D, one if 2-D."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_SAMPLES, 4, 2))
    X = X[:, :, 0].copy() if n_dimensions == 2 else X
    y = np.arange(N_SAMPLES) % 3 if Estimator is RNNClassifier else rng.normal(size=N_SAMPLES)
    X.flags.writeable = y.flags.writeable = False
    return X, y


def make_estimator(Estimator, **parameters):
    return Estimator(**{"hidden_layer_sizes": 3, "max_iter": 2, "random_state": 0, **parameters})


def assert_refused(estimator, call, *patterns):
    """Check that `call` is an error whose message has all patterns, and that `estimator` does not change."""
    before = pickle.dumps(vars(estimator))
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    for pattern in patterns:
        assert re.search(pattern, str(caught.value)), f"{pattern!r} is not in: {caught.value}"
    assert pickle.dumps(vars(estimator)) == before


def assert_refused_everywhere(Estimator, X_good, X_bad, *patterns):
    """Check that `X_bad` is rejected by all methods with X, before and after a fit."""
    y = make_data(Estimator)[1]
    unfitted = make_estimator(Estimator)
    assert_refused(unfitted, lambda: unfitted.fit(X_bad, y), *patterns)
    assert_refused(unfitted, lambda: unfitted.partial_fit(X_bad, y), *patterns)
    fitted = make_estimator(Estimator).fit(X_good, y)
    predicted = fitted.predict(X_good)
    for method in ("predict", "predict_proba", "predict_log_proba", "hidden_states"):
        if hasattr(fitted, method):
            assert_refused(fitted, lambda method=method: getattr(fitted, method)(X_bad), *patterns)
    for call in (fitted.fit, fitted.partial_fit):
        assert_refused(fitted, lambda call=call: call(X_bad, y), *patterns)
    np.testing.assert_array_equal(fitted.predict(X_good), predicted)


def changed(array, index, value):
    array = array.copy()
    array[index] = value
    return array


X3 = make_data(RNNRegressor)[0]
X2 = make_data(RNNRegressor, 2)[0]

BAD_X = {
    "scalar": (3.0, [r"\bX\b", "n_timesteps, n_features|3-D"]),
    "1-D": (X3[:, 0, 0], [r"\bX\b", "n_timesteps, n_features|3-D"]),
    "4-D": (X3[..., None], [r"\bX\b", "4 dimensions", "n_samples, n_timesteps, n_features"]),
    "None": (None, [r"\bX\b", "None", "n_timesteps, n_features|3-D|array"]),
    "string": ("sequences", [r"\bX\b", "n_timesteps, n_features|3-D|array|numbers"]),
    "inf": (changed(X3, (2, 1, 0), np.inf), [r"\bX\b", "infinity", "timestep 1 of sample 2", "[Ee]xpected finite"]),
    "-inf": (changed(X3, (2, 1, 0), -np.inf), [r"\bX\b", "infinity", "timestep 1 of sample 2"]),
    "partly missing": (changed(X3, (3, 2, 1), np.nan), [r"\bX\b", "NaN in some", "timestep 2 of sample 3", "xpected"]),
    "fully masked": (changed(X3, 3, np.nan), [r"\bX\b", "sample 3", "at least one timestep"]),
    "no samples": (X3[:0], [r"\bX\b", r"\(0, 4, 2\)", "at least one|minimum of 1"]),
    "no timesteps": (X3[:, :0], [r"\bX\b", r"\(12, 0, 2\)", "at least one timestep"]),
    "no features": (X3[..., :0], [r"\bX\b", r"\(12, 4, 0\)", "at least one feature"]),
    "strings": (np.full(X3.shape, "a"), [r"\bX\b", "numbers|numeric"]),
    "objects": (np.full(X3.shape, "a", object), [r"\bX\b", "numbers|numeric"]),
    "complex": (X3 + 1j, [r"\bX: Complex data not supported\. Expected real numbers"]),
    "dates": (np.zeros(X3.shape, "M8[D]"), [r"\bX\b", "contains dates", "real numbers"]),
    "durations": (np.zeros(X3.shape, "m8[D]"), [r"\bX\b", "contains dates", "real numbers"]),
}

BAD_2D_X = {
    "inf": (changed(X2, (2, 1), np.inf), [r"\bX\b", "infinity"]),
    "fully masked": (changed(X2, 3, np.nan), [r"\bX\b", "sample 3", "at least one timestep"]),
    "no samples": (X2[:0], [r"\bX\b", r"\(0, 4\)", "minimum of 1|at least one"]),
    "no columns": (X2[:, :0], [r"\bX\b", r"\(12, 0\)", "minimum of 1|at least one"]),
    "strings": (np.full(X2.shape, "a"), [r"\bX\b", "numbers|numeric"]),
    "complex": (X2 + 1j, [r"\bX: Complex data not supported\. Expected real numbers"]),
    "dates": (np.zeros(X2.shape, "M8[D]"), [r"\bX\b", "contains dates", "real numbers"]),
    "sparse matrix": (sparse.csr_matrix(X2), [r"\bX\b", "[Ss]parse", "dense"]),
    "sparse array": (sparse.csr_array(X2), [r"\bX\b", "[Ss]parse", "dense"]),
}

RAGGED = [x[: i % 3 + 1] for i, x in enumerate(X3)]


def replaced(sample, entry):
    """Return sequences of several lengths, one of them replaced."""
    return [entry if i == sample else sequence for i, sequence in enumerate(RAGGED)]


BAD_LISTS = {
    "no timesteps": (replaced(3, X3[3, :0]), ["sample 3", r"\(0, 2\)", "at least one timestep"]),
    "no features": (replaced(3, X3[3, :2, :0]), ["sample 3", r"\(2, 0\)", "at least one feature"]),
    "other features": (replaced(3, np.ones((2, 3))), ["3 features", "sample 3", "2 in sample 0", "xpected"]),
    "univariate among others": (replaced(3, np.ones(2)), ["1 features", "sample 3", "2 in sample 0", "xpected"]),
    "3-D": (replaced(3, X3[:2]), ["sample 3", r"\(2, 4, 2\)", r"\(n_timesteps, n_features\)"]),
    "scalar": (replaced(3, 1.0), [r"\(n_timesteps, n_features\)"]),
    "None": (replaced(3, None), ["xpected"]),
    "ragged entry": (replaced(3, [[1.0, 2.0], [3.0]]), ["xpected"]),
    "partly missing": (replaced(4, changed(X3[4], (1, 0), np.nan)), ["NaN in some", "timestep 1 of sample 4"]),
    "inf": (replaced(4, changed(X3[4], (1, 0), np.inf)), ["infinity", "timestep 1 of sample 4", "xpected finite"]),
    "fully masked": (replaced(4, np.full((3, 2), np.nan)), ["sample 4", "all 3 are masked", "at least one timestep"]),
    "strings": (replaced(3, np.full((2, 2), "a")), ["dtype", "real numbers"]),
    "objects": (replaced(3, np.full((2, 2), "a", object)), ["real numbers"]),
    "complex": (replaced(3, X3[3] + 1j), ["^X has dtype complex128", "real numbers"]),
    "dates": (replaced(3, np.zeros((2, 2), "M8[D]")), ["datetime64", "real numbers"]),
    "empty": ([], ["at least one|minimum of 1|n_timesteps"]),
}


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("name", BAD_X)
def test_bad_sequences(Estimator, name):
    X_bad, patterns = BAD_X[name]
    assert_refused_everywhere(Estimator, make_data(Estimator)[0], X_bad, *patterns)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("name", BAD_2D_X)
def test_bad_table(Estimator, name):
    X_bad, patterns = BAD_2D_X[name]
    assert_refused_everywhere(Estimator, make_data(Estimator, 2)[0], X_bad, *patterns)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("kind", [list, tuple, as_objects])
@pytest.mark.axis("name", BAD_LISTS)
def test_bad_list(Estimator, name, kind):
    entries, patterns = BAD_LISTS[name]
    assert_refused_everywhere(Estimator, RAGGED, kind(entries), r"\bX\b", *patterns)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_list_of_too_few_sequences_or_targets(Estimator):
    y = make_data(Estimator)[1]
    estimator = make_estimator(Estimator)
    assert_refused(estimator, lambda: estimator.fit(RAGGED[:-1], y), "y has 12 samples, but X has 11")
    assert_refused(estimator, lambda: estimator.fit(RAGGED, y[:-1]), "y has 11 samples, but X has 12")
    assert_refused(
        estimator, lambda: estimator.fit(RAGGED, y, X_val=RAGGED, y_val=y[:-1]), "y_val has 11 .* X_val has 12"
    )


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis(
    ("fitted_on", "X_bad", "came", "expected"),
    [
        (X3, np.ones((N_SAMPLES, 4, 3)), 3, 2),
        (X3, X2, 1, 2),
        (X2, np.ones((N_SAMPLES, 5)), 5, 4),
        (X2, X3, 2, 1),
        (X3, [np.ones((1 + i % 3, 3)) for i in range(N_SAMPLES)], 3, 2),
        (RAGGED, X2, 1, 2),
        (RAGGED, [np.ones(1 + i % 3) for i in range(N_SAMPLES)], 1, 2),
    ],
    ids=["3-D", "2-D after 3-D", "2-D", "3-D after 2-D", "list after 3-D", "2-D after list", "univariate after list"],
)
def test_another_number_of_features(Estimator, fitted_on, X_bad, came, expected):
    y = make_data(Estimator)[1]
    estimator = make_estimator(Estimator).fit(fitted_on, y)
    patterns = rf"\bX has {came} feature", rf"{Estimator.__name__}.* {expected}\b"
    assert_refused(estimator, lambda: estimator.predict(X_bad), *patterns)
    assert_refused(estimator, lambda: estimator.partial_fit(X_bad, y), *patterns)
    estimator.set_params(warm_start=True)
    assert_refused(estimator, lambda: estimator.fit(X_bad, y), *patterns)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_columns_that_do_not_fold(Estimator):
    X, y = make_data(Estimator, 2)
    estimator = make_estimator(Estimator, n_timesteps=3)
    assert_refused(estimator, lambda: estimator.fit(X, y), "X has 4 columns", "multiple of n_timesteps=3")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predict_before_fit(Estimator):
    X, _ = make_data(Estimator)
    estimator = make_estimator(Estimator)
    for method in ("predict", "predict_proba", "predict_log_proba", "hidden_states"):
        if hasattr(estimator, method):
            with pytest.raises(NotFittedError, match=Estimator.__name__):
                getattr(estimator, method)(X)
    with pytest.raises(NotFittedError, match=Estimator.__name__):
        estimator.stream()


def test_tables_whose_columns_are_timesteps_and_features_name_the_estimator_and_the_parameter():
    X, y = make_data(RNNRegressor)
    model = make_estimator(RNNRegressor, n_timesteps=4).fit(X, y)
    assert_refused(model, lambda: model.predict(np.zeros((0, 8))), r"^X: ", "required by RNNRegressor", r"\(0, 8\)")
    table = X.reshape(N_SAMPLES, 8)
    assert_refused(model, lambda: model.fit(X, y, X_val=1j * table, y_val=y), "^X_val: Complex data not supported")


# Targets

NUMBERS = make_data(RNNRegressor)[1]
LABELS = make_data(RNNClassifier)[1]
MULTILABEL = 1 - np.eye(3, dtype=int)[LABELS]

BAD_TARGETS = {
    "too few": (RNNRegressor, NUMBERS[:-1], ["11 samples", "12"]),
    "too many": (RNNRegressor, np.append(NUMBERS, 1.0), ["13 samples", "12"]),
    "NaN": (RNNRegressor, changed(NUMBERS, 3, np.nan), ["^Input y(_val)? contains NaN"]),
    "inf": (RNNRegressor, changed(NUMBERS, 3, np.inf), ["infinity"]),
    "masked": (RNNRegressor, np.ma.masked_less(NUMBERS, 0.0), [r"^y(_val)? is a NumPy masked array"]),
    "scalar": (RNNRegressor, 1.0, ["array|n_samples"]),
    "too large": (RNNRegressor, changed(NUMBERS, 3, 1e308), [r"^y(_val)? contains 1e\+308, too large"]),
    "beyond float64": (RNNRegressor, np.full(N_SAMPLES, np.longdouble("1e400")), ["^Input y(_val)? contains infinity"]),
    "3-D": (RNNRegressor, np.ones((N_SAMPLES, 2, 2)), ["3", r"n_outputs|<= 2", "RNNRegressor"]),
    "no outputs": (RNNRegressor, np.ones((N_SAMPLES, 0)), [r"\(12, 0\)"]),
    "strings": (RNNRegressor, ["a"] * N_SAMPLES, ["number|numeric"]),
    "complex": (RNNRegressor, NUMBERS + 1j, ["[Cc]omplex"]),
    "dates": (RNNRegressor, np.arange(N_SAMPLES).astype("M8[D]"), ["datetime64", "number"]),
    "sparse": (RNNRegressor, sparse.csr_matrix(NUMBERS[:, None]), ["[Ss]parse", "dense"]),
    "too few labels": (RNNClassifier, LABELS[:-1], ["11 samples", "12"]),
    "too many labels": (RNNClassifier, np.append(LABELS, 1), ["13 samples", "12"]),
    "NaN labels": (RNNClassifier, changed(LABELS.astype(float), 3, np.nan), ["NaN"]),
    "inf labels": (RNNClassifier, changed(LABELS.astype(float), 3, np.inf), ["infinity"]),
    "continuous": (RNNClassifier, LABELS + 0.5, ["continuous", "expects|expected"]),
    "3-D labels": (RNNClassifier, np.ones((N_SAMPLES, 2, 2), int), ["3", "n_outputs|<= 2"]),
    "None labels": (RNNClassifier, np.array([None] * N_SAMPLES), ["None|unknown"]),
    "mixed labels": (RNNClassifier, np.array(["a", 1] * 6, object), ["str", "int", "xpected|mix"]),
    "several classes a column": (RNNClassifier, np.arange(24).reshape(12, 2) % 3, ["2 columns", "or zeros"]),
    "ragged labels": (RNNClassifier, [[1], [1, 2], [2]] * 4, ["xpected|inhomogeneous"]),
    "sparse labels": (RNNClassifier, sparse.csr_matrix(MULTILABEL), ["[Ss]parse", "dense"]),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_bad_targets(name):
    Estimator, y_bad, patterns = BAD_TARGETS[name]
    X, y = make_data(Estimator)
    fitted = make_estimator(Estimator).fit(X, y)
    for estimator in (make_estimator(Estimator), fitted):
        assert_refused(estimator, lambda e=estimator: e.fit(X, y_bad), r"\by\b", *patterns)
        assert_refused(estimator, lambda e=estimator: e.partial_fit(X, y_bad), r"\by\b", *patterns)
        assert_refused(estimator, lambda e=estimator: e.fit(X, y, X_val=X, y_val=y_bad), r"\by_val\b", *patterns)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_no_targets(Estimator):
    X, _ = make_data(Estimator)
    estimator = make_estimator(Estimator)
    assert_refused(estimator, lambda: estimator.fit(X, None), r"\by\b", "None")
    assert_refused(estimator, lambda: estimator.partial_fit(X, None), r"\by\b", "None")


@pytest.mark.parametrize("y", [np.ones(N_SAMPLES), ["a"] * N_SAMPLES])
def test_single_class(y):
    X, _ = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier)
    assert_refused(estimator, lambda: estimator.fit(X, y), r"\by\b", "one class", "at least two")
    assert_refused(estimator, lambda: estimator.partial_fit(X, y), "class")


def test_single_class_of_positive_weight():
    X, y = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier)
    assert_refused(estimator, lambda: estimator.fit(X, y, y == 0), "one class", "at least two")


@pytest.mark.parametrize(
    ("first", "then", "patterns"),
    [
        (LABELS, LABELS + 1, ["unknown", "3"]),
        (LABELS, np.array(list("abc"))[LABELS], ["unknown"]),
        (LABELS, MULTILABEL, ["multilabel|shape"]),
        (MULTILABEL, LABELS, ["shape|multilabel"]),
        (MULTILABEL, MULTILABEL[:, :2], [r"\(12, 2\)", "3"]),
    ],
    ids=["unknown", "other type", "multilabel", "no longer multilabel", "fewer labels"],
)
def test_targets_of_another_form(first, then, patterns):
    X, _ = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier, warm_start=True).fit(X, first)
    assert_refused(estimator, lambda: estimator.fit(X, then), r"\by\b", "xpected", *patterns)
    assert_refused(estimator, lambda: estimator.partial_fit(X, then), r"\by\b", "xpected", *patterns)
    assert_refused(estimator, lambda: estimator.fit(X, first, X_val=X, y_val=then), r"\by_val\b", "xpected", *patterns)


def test_another_number_of_outputs():
    X, y = make_data(RNNRegressor)
    two = np.column_stack([y, y])
    estimator = make_estimator(RNNRegressor, warm_start=True).fit(X, y)
    assert_refused(estimator, lambda: estimator.fit(X, two), r"\by\b", r"\(12, 2\)", r"xpected \(n_samples,\),")
    assert_refused(estimator, lambda: estimator.partial_fit(X, two), r"\by\b", r"\(12, 2\)", "xpected")
    assert_refused(estimator, lambda: estimator.fit(X, y, X_val=X, y_val=two), r"\by_val\b", r"\(12, 2\)", "xpected")


def test_partial_fit_without_classes():
    X, y = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier)
    assert_refused(estimator, lambda: estimator.partial_fit(X, y), r"\bclasses\b")


@pytest.mark.parametrize("classes", [[0, 1], [2], 3, ["a", "b", "c"]], ids=str)
def test_partial_fit_with_wrong_classes(classes):
    X, y = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier)
    assert_refused(estimator, lambda: estimator.partial_fit(X, y, classes=classes), r"\bclasses\b|one class|array-like")


@pytest.mark.parametrize("classes", [[0, 1], [0, 1, 2, 3], ["a", "b", "c"]], ids=str)
def test_partial_fit_with_other_classes_than_before(classes):
    X, y = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier).partial_fit(X, y, classes=[0, 1, 2])
    assert_refused(estimator, lambda: estimator.partial_fit(X, y, classes=classes), r"\bclasses\b")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_cannot_stop_early(Estimator):
    X, y = make_data(Estimator)
    estimator = make_estimator(Estimator, early_stopping=True)
    assert_refused(estimator, lambda: estimator.partial_fit(X, y), "early_stopping is True")


# Weights

BAD_WEIGHTS = {
    "negative": (changed(np.ones(N_SAMPLES), 3, -1.0), ["-1", ">= 0"]),
    "all zero": (np.zeros(N_SAMPLES), ["zero", "at least one"]),
    "too few": (np.ones(N_SAMPLES - 1), [r"\(11,\)", r"\(12,\)"]),
    "2-D": (np.ones((N_SAMPLES, 1)), [r"\(12, 1\)", r"\(12,\)"]),
    "masked": (np.ma.masked_equal(np.arange(12.0), 3.0), [r"^sample_weight(_val)? is a NumPy masked array"]),
    "scalar": (2.0, [r"\(\)", r"\(12,\)"]),
    "NaN": (changed(np.ones(N_SAMPLES), 3, np.nan), ["NaN"]),
    "inf": (changed(np.ones(N_SAMPLES), 3, np.inf), ["infinity"]),
    "strings": (["a"] * N_SAMPLES, ["number|numeric"]),
    "complex": (np.full(N_SAMPLES, 1j), ["[Cc]omplex"]),
}


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("name", BAD_WEIGHTS)
def test_bad_weights(Estimator, name):
    weights, patterns = BAD_WEIGHTS[name]
    X, y = make_data(Estimator)
    fitted = make_estimator(Estimator).fit(X, y)
    for e in (make_estimator(Estimator), fitted):
        assert_refused(e, lambda e=e: e.fit(X, y, weights), r"\bsample_weight\b", *patterns)
        assert_refused(e, lambda e=e: e.partial_fit(X, y, weights), r"\bsample_weight\b", *patterns)
        assert_refused(
            e, lambda e=e: e.fit(X, y, X_val=X, y_val=y, sample_weight_val=weights), r"\bsample_weight_val\b", *patterns
        )


@pytest.mark.parametrize(
    ("class_weight", "patterns"),
    [
        ("heavy", ["balanced"]),
        (3, ["balanced", "dict"]),
        ({7: 1.0}, ["0"]),
        ({0: -1.0}, ["-1", ">= 0"]),
        ({0: np.nan}, ["nan|NaN"]),
        ({0: np.inf}, ["inf"]),
        ({0: "a"}, ["number|numeric|float"]),
        ({0: 0.0, 1: 0.0, 2: 0.0}, ["zero|positive"]),
    ],
    ids=str,
)
def test_bad_class_weights(class_weight, patterns):
    X, y = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier, class_weight=class_weight)
    assert_refused(estimator, lambda: estimator.fit(X, y), r"\bclass_weight\b", *patterns)


# Validation data


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_half_of_the_validation_data(Estimator):
    X, y = make_data(Estimator)
    estimator = make_estimator(Estimator)
    assert_refused(estimator, lambda: estimator.fit(X, y, X_val=X), "y_val is None", "X_val")
    assert_refused(estimator, lambda: estimator.fit(X, y, y_val=y), "X_val is None", "y_val")
    weights = np.ones(N_SAMPLES)
    assert_refused(estimator, lambda: estimator.fit(X, y, sample_weight_val=weights), "sample_weight_val", "X_val")


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis(
    ("X", "X_val", "patterns"),
    [
        (X3, np.ones((N_SAMPLES, 4, 3)), ["3 feature", r"\b2\b"]),
        (X3, changed(X3, (2, 1, 0), np.inf), ["infinity"]),
        (X3, changed(X3, (3, 2, 1), np.nan), ["NaN in some"]),
        (X3, changed(X3, 3, np.nan), ["sample 3"]),
        (X3, X3[..., None], ["4 dimensions"]),
        (X3, X3[:, :0], [r"\(12, 0, 2\)"]),
        (X2, np.ones((N_SAMPLES, 5)), ["5 ", r"\b4\b"]),
        (X2, changed(X2, (2, 1), np.inf), ["infinity"]),
    ],
    ids=["features", "inf", "partly missing", "masked", "4-D", "no timesteps", "columns", "inf in a table"],
)
def test_bad_validation_sequences(Estimator, X, X_val, patterns):
    y = make_data(Estimator)[1]
    estimator = make_estimator(Estimator)
    assert_refused(estimator, lambda: estimator.fit(X, y, X_val=X_val, y_val=y), r"\bX_val\b", *patterns)


@pytest.mark.axis("split", ["random", "last"])
@pytest.mark.axis("Estimator", ESTIMATORS)
def test_split_that_leaves_nothing_to_train_on(Estimator, split):
    X, y = make_data(Estimator)
    estimator = make_estimator(Estimator, early_stopping=True, validation_fraction=0.99, validation_split=split)
    assert_refused(estimator, lambda: estimator.fit(X, y), "validation_fraction|early_stopping")


def test_split_with_a_class_of_one_sample():
    X, _ = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier, early_stopping=True, validation_fraction=0.4)
    y = np.array(["single"] + ["b", "c", "c"] * 3 + ["b", "b"])
    patterns = "^y has only one sample of class 'single'", "X_val and y_val, or validation_split='last'"
    assert_refused(estimator, lambda: estimator.fit(X, y), *patterns)
    estimator.fit(X, y, X_val=X, y_val=y)  # all solutions in the message work
    estimator.fit(np.r_[X, X[:1]], [*y, "single"])
    estimator.set_params(validation_split="last").fit(X, y)
    estimator.fit(X[::-1], y[::-1])  # the class of one is among the last
    assert estimator.classes_.tolist() == ["b", "c", "single"]


def test_split_that_leaves_too_few_for_the_classes():
    X, y = make_data(RNNClassifier)
    estimator = make_estimator(RNNClassifier, early_stopping=True, validation_fraction=0.1)
    patterns = (
        r"^validation_fraction: ",
        "leaves samples of every class in both parts, or X_val and y_val",
    )
    assert_refused(estimator, lambda: estimator.fit(X, y), *patterns)
    estimator.set_params(validation_fraction=0.3).fit(X, y)


# Constructor parameters

NOT_NUMBERS = [None, "nonsense", np.nan, object(), [], True]
COUNT = [*NOT_NUMBERS, -1, 0, 1.5, np.inf]
POSITIVE = [*NOT_NUMBERS, -1.0, 0.0, np.inf]
NOT_NEGATIVE = [*NOT_NUMBERS, -1.0, np.inf]
DECAY = [*NOT_NUMBERS, -0.1, 1.0, np.inf]
FLAG = [None, "nonsense", 1.5, object(), []]
CHOICE = ["nonsense", "", 3, 1.5, object(), [], {}]

BAD_PARAMETERS = {
    "hidden_layer_sizes": [None, "ab", 0, -1, 1.5, (), (3, 0), (3, -1), (3, 1.5), (3, "a"), True, {}, np.nan],
    "cell": [*CHOICE, None],
    "activation": [*CHOICE, None, "logistic", "identity"],
    "bidirectional": FLAG,
    "return_sequences": FLAG,
    "pooling": [*CHOICE, None],
    "dropout": DECAY,
    "recurrent_dropout": DECAY,
    "bptt_steps": [bad for bad in COUNT if bad is not None],
    "loss": [*CHOICE, None],
    "quantile": [None, "0.5", 0, 0.0, 1.0, -0.1, 1.5, np.nan, True, [], [0.9, 0.1], [0.5, 0.5], [0.1, 1.0], [[0.5]]],
    "solver": [*CHOICE, None],
    "alpha": NOT_NEGATIVE,
    "n_init": COUNT,
    "batch_size": COUNT,
    "learning_rate": [*CHOICE, None],
    "learning_rate_init": POSITIVE,
    "power_t": NOT_NEGATIVE,
    "max_iter": COUNT,
    "shuffle": FLAG,
    "random_state": ["nonsense", -1, 1.5, np.nan, object(), {}],
    "tol": NOT_NEGATIVE,
    "verbose": FLAG,
    "warm_start": FLAG,
    "momentum": [*NOT_NUMBERS, -0.1, 1.1],
    "nesterovs_momentum": FLAG,
    "max_grad_norm": [bad for bad in POSITIVE if bad is not None],
    "early_stopping": FLAG,
    "validation_fraction": [*DECAY, 0.0],
    "validation_split": [*CHOICE, None],
    "beta_1": DECAY,
    "beta_2": DECAY,
    "epsilon": POSITIVE,
    "n_iter_no_change": [bad for bad in COUNT if bad != np.inf],
    "max_fun": COUNT,
    "solver_options": ["nonsense", 3, [("maxcor", 5)], object()],
    "n_timesteps": [bad for bad in COUNT if bad is not None],
    "normalize_X": FLAG,
    "normalize_y": FLAG,
    "class_weight": ["nonsense", 3, 1.5],
    "dtype": ["float16", "nonsense", 3, object(), np.int64, []],
    "n_jobs": ["nonsense", 0, 1.5, np.nan, np.inf, object(), [], True],
}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_table_of_bad_parameters_is_complete(Estimator):
    assert set(Estimator().get_params()) <= set(BAD_PARAMETERS)


@pytest.mark.parametrize(
    ("Estimator", "name"), [(Estimator, name) for Estimator in ESTIMATORS for name in Estimator().get_params()]
)
def test_bad_parameter(Estimator, name):
    X, y = make_data(Estimator, 2)
    fitted = make_estimator(Estimator).fit(X, y)
    for bad in BAD_PARAMETERS[name]:
        estimator = make_estimator(Estimator).set_params(**{name: bad})
        with pytest.raises((ValueError, TypeError)) as caught:
            estimator.fit(X, y)
        assert name in str(caught.value), f"{name}={bad!r}: {caught.value}"
        assert vars(estimator) == estimator.get_params()
        fitted.set_params(**{name: bad})
        before = {key: value for key, value in vars(fitted).items() if key.endswith("_")}
        with pytest.raises((ValueError, TypeError)):
            fitted.fit(X, y)
        after = {key: value for key, value in vars(fitted).items() if key.endswith("_")}
        assert after.keys() == before.keys()
        assert all(after[key] is before[key] for key in before)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["Nelder-Mead", "Powell", "COBYLA", "COBYQA", "dogleg", "LBFGS", "Adam", "bfgs"])
def test_unknown_or_gradient_free_solver(Estimator, solver):
    X, y = make_data(Estimator)
    estimator = make_estimator(Estimator, solver=solver)
    accepted = [re.escape(repr(name)) for name in SOLVERS]
    assert_refused(estimator, lambda: estimator.fit(X, y), "solver", re.escape(repr(solver)), *accepted)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("cell", ["gru", "lstm"])
def test_relu_belongs_to_the_simple_unit(Estimator, cell):
    X, y = make_data(Estimator)
    estimator = make_estimator(Estimator, cell=cell, activation="relu")
    assert_refused(estimator, lambda: estimator.fit(X, y), "activation is 'relu'", "'tanh'", f"cell='{cell}'")


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis(
    "parameters",
    [
        {"hidden_layer_sizes": 4},
        {"hidden_layer_sizes": (3, 3)},
        {"cell": "gru"},
        {"cell": "lstm"},
        {"bidirectional": True},
    ],
    ids=str,
)
@pytest.mark.axis("method", ["fit", "partial_fit"])
def test_fitted_network_of_another_form(Estimator, parameters, method):
    X, y = make_data(Estimator)
    estimator = make_estimator(Estimator, warm_start=True).fit(X, y)
    estimator.set_params(**parameters)
    patterns = ("hidden_layer_sizes", "cell", r"\(3, 2\)", "warm_start=False")
    assert_refused(estimator, lambda: getattr(estimator, method)(X, y), *patterns)
    estimator.set_params(warm_start=False).fit(X, y)


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis(
    ("parameters", "patterns"),
    [
        ({"bptt_steps": 2, "bidirectional": True}, ["bptt_steps is 2", "bidirectional is True", "expected None"]),
        *(
            ({name: value, "solver": solver}, [f"{name} is {value}", f"solver is '{solver}'", "'adam' or 'sgd'"])
            for name, value in (("dropout", 0.5), ("recurrent_dropout", 0.5), ("bptt_steps", 2))
            for solver in ("lbfgs", "BFGS", "Newton-CG")
        ),
    ],
    ids=str,
)
def test_parameters_that_do_not_go_together(Estimator, parameters, patterns):
    X, y = make_data(Estimator)
    fitted = make_estimator(Estimator).fit(X, y)
    for estimator in (make_estimator(Estimator), fitted):
        good = {name: estimator.get_params()[name] for name in parameters}
        estimator.set_params(**parameters)
        assert_refused(estimator, lambda e=estimator: e.fit(X, y), *patterns)
        estimator.set_params(**good).fit(X, y)


# Input is only read


@pytest.mark.axis("Estimator", ESTIMATORS)
@pytest.mark.axis("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.axis("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.axis("n_dimensions", [2, 3])
def test_input_is_never_written(Estimator, solver, dtype, n_dimensions):
    X, y = make_data(Estimator, n_dimensions)
    X = (4 * X).astype(dtype)
    if dtype != np.int64:
        X[::2, :2] = np.nan
    weights = np.arange(N_SAMPLES, dtype=np.float64)
    copies = X.copy(), y.copy(), weights.copy()
    for array in (X, weights):
        array.flags.writeable = False
    estimator = make_estimator(Estimator, solver=solver).fit(X, y, weights, X_val=X, y_val=y, sample_weight_val=weights)
    if hasattr(estimator, "partial_fit"):
        estimator.partial_fit(X, y, weights)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(estimator, method):
            getattr(estimator, method)(X)
    estimator.score(X, y, weights)
    for array, copy in zip((X, y, weights), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("cell", "quantum"),
        ("activation", "relu6"),
        ("hidden_layer_sizes", 0),
        ("bidirectional", "yes"),
        ("return_sequences", "no"),
        ("pooling", "sum"),
        ("n_timesteps", 0),
        ("n_jobs", 0),
        ("loss", "hinge"),
        ("quantile", 2.0),
    ],
)
def test_predictions_check_the_parameters_that_they_depend_on(parameter, value):
    X, y = make_data(RNNRegressor)
    model = make_estimator(RNNRegressor, loss="quantile", quantile=0.5).fit(X, y)
    model.set_params(**{parameter: value})
    assert_refused(model, lambda: model.predict(X), rf"\b{parameter}\b")
    assert_refused(model, lambda: model.stream(), rf"\b{parameter}\b")


def test_predictions_do_not_depend_on_parameters_of_training():
    X, y = make_data(RNNRegressor)
    model = make_estimator(RNNRegressor).fit(X, y)
    predicted = model.predict(X)
    model.set_params(alpha=-1.0, solver="none", max_iter=0)
    np.testing.assert_array_equal(model.predict(X), predicted)
    with pytest.raises(ValueError, match="solver"):  # the first in the signature
        model.fit(X, y)
