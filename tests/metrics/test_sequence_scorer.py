"""Tests of the scorer for targets at every timestep."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
import sklearn
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone, is_classifier, is_regressor
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skrnn.metrics import make_sequence_scorer

NAN = np.nan
LENGTHS = (3, 1, 4, 2, 5, 3)
#: The formats of X, y and weights: lists, object arrays, and arrays padded at the beginning with NaN.
FORMS = ("list", "object", "padded")


def in_form(arrays, form):
    """Return a list of arrays (T_i, ...) in one of the three formats."""
    if form == "list":
        return list(arrays)
    if form == "object":
        out = np.empty(len(arrays), dtype=object)
        for i, array in enumerate(arrays):
            out[i] = array
        return out
    return np.stack([masked(array, np.arange(-max(map(len, arrays)), 0) >= -len(array)) for array in arrays])


def masked(values, valid):
    """Return `values` at the valid timesteps and NaN at the others: numbers become floats, strings objects."""
    if valid.all():
        return values
    out = np.full((len(valid), *values.shape[1:]), NAN, dtype=float if values.dtype.kind in "fiub" else object)
    out[valid] = values
    return out


def predict_valid(X, values_of):
    """Return `values_of` the valid timesteps of each sequence in the form of X, NaN at masked timesteps."""
    are_valid = [~np.isnan(sequence).all(axis=1) for sequence in X]
    predictions = [masked(values_of(x[valid]), valid) for x, valid in zip(X, are_valid, strict=True)]
    return in_form_of(X, predictions)


def in_form_of(X, predictions):
    """Return a list of predictions in the form of X."""
    if isinstance(X, list):
        return predictions
    return in_form(predictions, "object") if X.dtype == object else np.stack(predictions)


class EchoRegressor(RegressorMixin, BaseEstimator):
    """Predicts the first `n_outputs` features, (T,) for one output, `shift` too high; counts its predictions."""

    def __init__(self, shift=0.0, n_outputs=1):
        self.shift = shift
        self.n_outputs = n_outputs

    def fit(self, X, y, sample_weight=None):
        self.n_predictions_ = 0
        return self

    def predict(self, X):
        self.n_predictions_ += 1
        column = 0 if self.n_outputs == 1 else slice(self.n_outputs)
        return predict_valid(X, lambda sequence: sequence[:, column] + self.shift)


class EchoClassifier(ClassifierMixin, BaseEstimator):
    """Uses the features as logits of the classes, and adds `bias` to that of the first class."""

    def __init__(self, classes=(0, 1), bias=0.0):
        self.classes = classes
        self.bias = bias

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array(self.classes)
        return self

    def _logits(self, sequence):
        return sequence[:, : len(self.classes_)] + self.bias * np.eye(len(self.classes_))[0]

    def predict(self, X):
        return predict_valid(X, lambda sequence: self.classes_[self._logits(sequence).argmax(axis=1)])

    def predict_log_proba(self, X):
        return predict_valid(X, lambda s: self._logits(s) - np.logaddexp.reduce(self._logits(s), axis=1, keepdims=True))

    def predict_proba(self, X):
        return in_form_of(X, [np.exp(logs) for logs in self.predict_log_proba(X)])


def regression_data(n_outputs=1, seed=0):
    """Return lists of sequences (T_i, 2), and of noisy targets (T_i,) or (T_i, n_outputs)."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 2)) for length in LENGTHS]
    y = [x[:, :n_outputs] + 0.3 * rng.normal(size=(len(x), n_outputs)) for x in X]
    return X, [targets[:, 0] for targets in y] if n_outputs == 1 else y


def classification_data(classes, seed=0):
    """Return lists of sequences (T_i, 3), and of labels (T_i,), some of them not the most probable."""
    rng = np.random.default_rng(seed)
    X = [rng.normal(size=(length, 3)) for length in LENGTHS]
    y = [np.array(classes)[(x + rng.normal(size=x.shape))[:, : len(classes)].argmax(axis=1)] for x in X]
    for labels in y:  # each class in each fold of two samples: else some metrics are not defined
        labels[: len(classes)] = np.array(classes)[: len(labels)]
    return X, y


# ---- what it scores


@pytest.mark.axis(
    ("X_form", "y_form"),
    [("list", "list"), ("list", "object"), ("object", "list"), ("object", "object"), ("padded", "padded")],
)
@pytest.mark.axis("n_outputs", [1, 2])
def test_regression_scores_all_valid_timesteps(X_form, y_form, n_outputs):
    X, y = regression_data(n_outputs)
    model = EchoRegressor(0.1, n_outputs).fit(X, y)
    scorer = make_sequence_scorer("r2")
    predicted = np.concatenate(X)[:, :n_outputs] + 0.1
    expected = metrics.r2_score(np.concatenate(y), predicted)
    assert expected < 0.99
    assert scorer(model, in_form(X, X_form), in_form(y, y_form)) == pytest.approx(expected)


def test_3d_targets_without_masks():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2, 4, 5, 2))
    expected = metrics.r2_score(y.reshape(-1, 2), X.reshape(-1, 2))
    assert make_sequence_scorer("r2")(EchoRegressor(n_outputs=2).fit(X, y), X, y) == pytest.approx(expected)


def test_targets_of_one_column_are_those_without():
    X, y = regression_data()
    model = EchoRegressor(0.1).fit(X, y)
    shapes = []

    def keep_shape(estimator, X, y):
        shapes.append((y.shape, estimator.predict(X).shape))
        return 0.0

    make_sequence_scorer(keep_shape)(model, X, y)
    make_sequence_scorer(keep_shape)(model, X, [targets[:, None] for targets in y])
    assert shapes == [((18,), (18,))] * 2


@pytest.mark.parametrize("form", FORMS)
def test_missing_targets_do_not_count(form):
    X, y = regression_data()
    model = EchoRegressor().fit(X, y)
    scorer = make_sequence_scorer("neg_mean_absolute_error")
    errors = np.abs(np.concatenate(X)[:, 0] - np.concatenate(y))
    y[0][1] = NAN
    y[4][4] = NAN
    expected = -np.delete(errors, [1, 14]).mean()
    assert scorer(model, in_form(X, form), in_form(y, form)) == pytest.approx(expected)


def test_one_missing_output_takes_the_timestep_out():
    X, y = regression_data(2)
    y[0][1, 1] = NAN
    scored = np.delete(np.arange(18), 1)
    expected = metrics.r2_score(np.concatenate(y)[scored], np.concatenate(X)[scored])
    assert make_sequence_scorer("r2")(EchoRegressor(n_outputs=2).fit(X, y), X, y) == pytest.approx(expected)


def test_target_at_a_masked_timestep_does_not_count():
    X, y = regression_data()
    X[2][1] = NAN
    scored = np.delete(np.arange(18), 5)
    expected = metrics.r2_score(np.concatenate(y)[scored], np.concatenate(X)[scored, 0])
    assert make_sequence_scorer("r2")(EchoRegressor().fit(X, y), X, y) == pytest.approx(expected)


def test_prediction_that_is_nan_in_one_output_is_not_hidden():
    class Diverged(EchoRegressor):
        def predict(self, X):
            predictions = super().predict(X)
            predictions[0][0, 1] = NAN
            return predictions

    X, y = regression_data(2)
    with pytest.raises(ValueError, match="contains NaN"):
        make_sequence_scorer("r2")(Diverged(n_outputs=2).fit(X, y), X, y)


LABELS = {
    "numbers": (0, 1, 2),
    "strings": ("high", "low", "mid"),
    "two": (0, 1),
    "two strings": ("no", "yes"),
    "booleans": (False, True),
}


@pytest.mark.axis("form", FORMS)
@pytest.mark.axis("labels", LABELS)
@pytest.mark.axis(
    "name", ["accuracy", "balanced_accuracy", "f1_macro", "matthews_corrcoef", "neg_log_loss", "roc_auc_ovr"]
)
def test_classification_scores_all_valid_timesteps(name, labels, form):
    X, y = classification_data(LABELS[labels])
    model = EchoClassifier(LABELS[labels], bias=0.4).fit(X, y)
    X_flat = [np.concatenate(X)]  # the reference: one long sequence, whose predictions scikit-learn's metrics take
    labels_flat, proba = model.predict(X_flat)[0], model.predict_proba(X_flat)[0]
    targets = np.concatenate(y)
    expected = {
        "accuracy": lambda: metrics.accuracy_score(targets, labels_flat),
        "balanced_accuracy": lambda: metrics.balanced_accuracy_score(targets, labels_flat),
        "f1_macro": lambda: metrics.f1_score(targets, labels_flat, average="macro"),
        "matthews_corrcoef": lambda: metrics.matthews_corrcoef(targets, labels_flat),
        "neg_log_loss": lambda: -metrics.log_loss(targets, proba),
        "roc_auc_ovr": lambda: metrics.roc_auc_score(
            targets, proba[:, 1] if len(model.classes_) == 2 else proba, multi_class="ovr"
        ),
    }[name]()
    assert expected not in (0.0, 1.0)
    assert make_sequence_scorer(name)(model, in_form(X, form), in_form(y, form)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "y",
    [
        [["no", None], ["yes", "no", NAN]],
        [np.array(["no", None], dtype=object), np.array(["yes", "no", NAN], dtype=object)],
        [np.array(["no", NAN], dtype=object), np.array(["yes", "no", None], dtype=object)],
    ],
)
def test_missing_labels_are_not_a_class(y):
    X = [np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])]
    model = EchoClassifier(("no", "yes")).fit(X, y)
    assert make_sequence_scorer("accuracy")(model, X, y) == pytest.approx(2 / 3)
    assert make_sequence_scorer("f1_macro")(model, X, y) == pytest.approx(2 / 3)


def test_sample_without_any_label_among_strings():
    X = [np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 1.0]])]
    y = [np.array([NAN, NAN]), np.array(["yes", "no"])]
    assert make_sequence_scorer("f1_macro")(EchoClassifier(("no", "yes")).fit(X, y), X, y) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        ([[0, None], [1, 0, 1]], "i"),
        ([[False, None], [True, False, True]], "b"),
        ([[np.False_, None], [np.True_, np.False_, np.True_]], "b"),
        (np.array([[0, None, NAN], [1, 0, 1]], dtype=object), "i"),
    ],
)
def test_numbers_among_none_are_numbers_again(y, kind):
    X = [np.eye(2)[:2], np.eye(2)[[1, 0, 1]]] if isinstance(y, list) else np.eye(2)[[[0, 1, 1], [1, 0, 1]]]
    seen = []

    def keep(estimator, X, y, sample_weight):
        seen.append((y.dtype.kind, y.tolist(), sample_weight.dtype.kind, sample_weight.tolist()))
        return 0.0

    weights = [[1.0, None], [2.0, 3.0, 4.0]] if isinstance(y, list) else [[1.0, None, None], [2.0, 3.0, 4.0]]
    make_sequence_scorer(keep)(EchoClassifier().fit(X, y), X, y, sample_weight=weights)
    assert seen == [(kind, [0, 1, 0, 1], "f", [1.0, 2.0, 3.0, 4.0])]


def test_score_of_log_probabilities():
    X, y = classification_data((0, 1))
    model = EchoClassifier().fit(X, y)
    y[2] = np.where(np.arange(4) == 2, NAN, y[2])

    def likelihood(estimator, X, y):
        return estimator.predict_log_proba(X)[y == 1, 1].sum()

    logs = model.predict_log_proba([np.concatenate(X)])[0][:, 1]
    expected = logs[np.concatenate(y) == 1].sum()
    for form in FORMS:
        score = make_sequence_scorer(likelihood)(model, in_form(X, form), in_form(y, form))
        assert score == pytest.approx(expected)


# ---- weights


@pytest.mark.parametrize("form", FORMS)
def test_weights_of_timesteps(form):
    X, y = regression_data()
    y[0][1] = NAN
    weights = [np.linspace(0.5, 2.0, len(targets)) ** 2 for targets in y]
    scored = np.delete(np.arange(18), 1)
    targets, predicted, flat = (np.concatenate(part)[scored] for part in (y, [x[:, 0] for x in X], weights))
    expected = metrics.r2_score(targets, predicted, sample_weight=flat)
    assert expected != pytest.approx(metrics.r2_score(targets, predicted))
    arguments = [in_form(part, form) for part in (X, y, weights)]
    score = make_sequence_scorer("r2")(EchoRegressor().fit(X, y), *arguments[:2], sample_weight=arguments[2])
    assert score == pytest.approx(expected)


@pytest.mark.axis("kind", [list, np.array])
@pytest.mark.axis("form", FORMS)
def test_weight_of_a_sample_is_that_of_its_timesteps(form, kind):
    X, y = regression_data()
    y[0][1] = NAN
    weights = np.arange(1.0, 7.0)
    scorer, model = make_sequence_scorer("r2"), EchoRegressor().fit(X, y)
    of_timesteps = in_form([np.full(len(targets), weight) for targets, weight in zip(y, weights, strict=True)], form)
    X, y = in_form(X, form), in_form(y, form)
    expected = scorer(model, X, y, sample_weight=of_timesteps)
    assert expected != pytest.approx(scorer(model, X, y))
    assert scorer(model, X, y, sample_weight=kind(weights)) == pytest.approx(expected)


def test_weights_as_nested_lists():
    X, y = regression_data()
    scorer, model = make_sequence_scorer("r2"), EchoRegressor().fit(X, y)
    weights = [np.arange(1.0, len(targets) + 1) for targets in y]
    expected = scorer(model, X, y, sample_weight=weights)
    nested = [of_sample.tolist() for of_sample in weights]
    assert scorer(model, X, [targets.tolist() for targets in y], sample_weight=nested) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 2.0], "sample_weight has 2 samples, but y has 6"),
        ([np.ones(3)], "sample_weight has 1 samples, but y has 6"),
        ([np.ones(length + (length == 4)) for length in LENGTHS], "sample_weight has 5 timesteps in sample 2, .* 4"),
        ([np.ones((length, 2)) for length in LENGTHS], "2 values per timestep"),
    ],
)
def test_weights_that_do_not_match(weights, message):
    X, y = regression_data()
    with pytest.raises(ValueError, match=message):
        make_sequence_scorer("r2")(EchoRegressor().fit(X, y), X, y, sample_weight=weights)


# ---- targets of one value per sample


@pytest.mark.parametrize("kind", [np.array, list, lambda y: np.array(y, dtype=object)])
def test_one_target_a_sample_goes_through_unchanged(kind):
    X, y = np.arange(6.0)[:, None], kind(["b", "a", "b", "b", "a", "a"])
    model = LogisticRegression().fit(X, y)
    weights = np.arange(1.0, 7.0)
    seen = []

    def keep(*arguments, **options):
        seen.append((*arguments, options["sample_weight"]))
        return 0.0

    make_sequence_scorer(keep)(model, X, y, sample_weight=weights)
    assert [id(argument) for argument in seen[0]] == [id(model), id(X), id(y), id(weights)]
    for name in ("accuracy", "neg_log_loss", "roc_auc"):
        expected = get_scorer(name)(model, X, y, sample_weight=weights)
        assert make_sequence_scorer(name)(model, X, y, sample_weight=weights) == expected


# ---- the estimator passed to the wrapped scorer


def stand_in(model, X, y):
    seen = []
    make_sequence_scorer(lambda estimator, X, y: seen.append(estimator) or 0.0)(model, X, y)
    return seen[0]


def test_stand_in_of_a_regressor():
    X, y = regression_data()
    flat = stand_in(make_pipeline(FunctionTransformer(), EchoRegressor().fit(X, y)), X, y)
    assert is_regressor(flat)
    assert not is_classifier(flat)
    assert not any(hasattr(flat, name) for name in ("classes_", "predict_proba", "predict_log_proba"))


def test_stand_in_of_a_classifier():
    X, y = classification_data((0, 1))
    model = EchoClassifier().fit(X, y)
    flat = stand_in(make_pipeline(FunctionTransformer(), model), X, y)
    assert is_classifier(flat)
    assert not is_regressor(flat)
    assert flat.classes_ is model.classes_
    assert flat.predict_proba(X).shape == flat.predict_log_proba(X).shape == (18, 2)
    assert flat.estimator.steps[-1][1] is model


def test_stand_in_predicts_once_for_the_x_that_is_scored():
    X, y = regression_data()
    model = EchoRegressor().fit(X, y)
    flat = stand_in(model, X, y)
    first = flat.predict(X)
    assert model.n_predictions_ == 1
    np.testing.assert_array_equal(flat.predict([2.0 * x for x in X]), 2.0 * first)
    with pytest.raises(ValueError, match=r"y has 6 samples, but EchoRegressor\.predict\(X\) has 2"):
        flat.predict(X[:2])


def test_scores_write_nothing_into_the_data():
    X, y = regression_data()
    weights = [np.ones(len(targets)) for targets in y]
    for array in (*X, *y, *weights):
        array.flags.writeable = False
    make_sequence_scorer("r2")(EchoRegressor().fit(X, y), X, y, sample_weight=weights)


# ---- cross-validation and searches


@pytest.mark.parametrize("form", FORMS)
def test_cross_val_score_is_that_of_each_fold(form):
    X, y = regression_data()
    y[0][1] = NAN
    flat = [np.abs(x[:, 0] - targets) for x, targets in zip(X, y, strict=True)]
    expected = [-np.nanmean(np.concatenate(flat[first : first + 2])) for first in (0, 2, 4)]
    scorer = make_sequence_scorer("neg_mean_absolute_error")
    scores = cross_val_score(EchoRegressor(), in_form(X, form), in_form(y, form), cv=3, scoring=scorer)
    assert scores == pytest.approx(expected)


@pytest.mark.parametrize("form", FORMS)
def test_scikit_learns_own_scorer_gives_nan(form):  # why there is another
    X, y = regression_data(2)
    X, y = in_form(X, form), in_form(y, form)
    with pytest.warns(UserWarning, match="Scoring failed"):
        assert np.isnan(cross_val_score(EchoRegressor(n_outputs=2), X, y, cv=3, scoring="r2")).all()
    scores = cross_val_score(EchoRegressor(n_outputs=2), X, y, cv=3, scoring=make_sequence_scorer("r2"))
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("form", FORMS)
def test_cross_validate_with_several_scorers(form):
    X, y = classification_data(LABELS["strings"])
    X, y = in_form(X, form), in_form(y, form)
    names = ("accuracy", "f1_macro", "neg_log_loss")
    model, cv = EchoClassifier(LABELS["strings"]), KFold(3)
    several = {name: make_sequence_scorer(name) for name in names}
    results = cross_validate(model, X, y, cv=cv, scoring=several, return_train_score=True, n_jobs=2)
    for name in names:
        assert np.isfinite(results[f"train_{name}"]).all()
        alone = cross_val_score(model, X, y, cv=cv, scoring=make_sequence_scorer(name))
        assert results[f"test_{name}"] == pytest.approx(alone)


@pytest.mark.axis("form", FORMS)
@pytest.mark.axis("n_outputs", [1, 2])
def test_grid_search_finds_the_better_parameter(form, n_outputs):
    X, y = regression_data(n_outputs)
    X, y = in_form(X, form), in_form(y, form)
    scorer = make_sequence_scorer("neg_mean_squared_error")
    model = make_pipeline(FunctionTransformer(), EchoRegressor(n_outputs=n_outputs))
    search = GridSearchCV(model, {"echoregressor__shift": [2.0, 0.0, -1.0]}, scoring=scorer, cv=3)
    search = clone(search).fit(X, y)
    assert search.best_params_ == {"echoregressor__shift": 0.0}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(X, y) == scorer(search.best_estimator_, X, y)


def weighted_search(scoring, refit):
    """Return the scores of a search whose fit gets weights, and the warnings, for one target per sample."""
    X, y = np.arange(8.0)[:, None], np.array([0.0, 1.5, 2.0, 2.5, 4.5, 5.0, 6.5, 6.0])
    search = GridSearchCV(Ridge(), {"alpha": [1.0, 10.0]}, scoring=scoring, refit=refit, cv=2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y, sample_weight=np.arange(1.0, 9.0))
    scores = {key: value for key, value in search.cv_results_.items() if "test" in key}
    return scores, [str(warning.message).count("does not support sample_weight") for warning in caught]


@pytest.mark.axis("name", ["r2", "neg_max_error"])  # one accepts weights, the other does not
@pytest.mark.axis("several", [False, True])
def test_grid_search_weighs_scores_where_scikit_learn_does(name, several):  # 1.9 does, 1.6 does not
    own, wrapped = (
        {"a": of(name), "b": of("r2")} if several else of(name) for of in (get_scorer, make_sequence_scorer)
    )
    refit = "a" if several else True
    (expected, expected_warnings), (scores, warned) = weighted_search(own, refit), weighted_search(wrapped, refit)
    assert warned == expected_warnings
    assert scores.keys() == expected.keys()
    for key, values in scores.items():
        np.testing.assert_array_equal(values, expected[key])


def test_grid_search_with_weights():
    X, y = regression_data()
    scoring = {"r2": make_sequence_scorer("r2"), "own": make_sequence_scorer(own_scorer)}
    search = GridSearchCV(EchoRegressor(), {"shift": [0.0, 1.0]}, scoring=scoring, refit="r2", cv=2)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The scoring own=.* does not support sample_weight")
        search.fit(X, y, sample_weight=np.arange(1.0, 7.0))
    assert search.best_params_ == {"shift": 0.0}
    assert all(np.isfinite(search.cv_results_[f"mean_test_{name}"]).all() for name in scoring)


def test_error_of_a_scorer_is_told_where_asked_for():
    X, y = regression_data()
    y[0][...] = y[1][...] = NAN
    with pytest.raises(ValueError, match="No timestep is left to score"):
        cross_val_score(EchoRegressor(), X, y, cv=3, scoring=make_sequence_scorer("r2"), error_score="raise")


def test_metadata_routing_asks_the_wrapped_scorer():
    X, y = regression_data()
    weights = np.arange(1.0, 7.0)
    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_sequence_scorer(get_scorer("r2").set_score_request(sample_weight=True))
        model = EchoRegressor().set_fit_request(sample_weight=False)
        params = {"sample_weight": weights}
        scores = cross_validate(model, X, y, cv=2, scoring={"r2": scorer}, params=params)["test_r2"]
        unweighted = cross_validate(model, X, y, cv=2, scoring=make_sequence_scorer("r2"), params={})["test_score"]
    halves = (slice(0, 3), slice(3, 6))
    assert scores == pytest.approx([scorer(model.fit(X, y), X[h], y[h], sample_weight=weights[h]) for h in halves])
    assert unweighted == pytest.approx([scorer(model, X[h], y[h]) for h in halves])
    assert scores != pytest.approx(unweighted)


# ---- the scorer as an object


def own_scorer(estimator, X, y):
    """A callable that is not from scikit-learn."""
    return float(np.mean(estimator.predict(X) == y))


@pytest.mark.parametrize(
    "scoring", ["neg_mean_absolute_error", make_scorer(metrics.max_error, greater_is_better=False), own_scorer]
)
def test_copies_score_the_same(scoring, tmp_path):
    X, y = regression_data()
    model = EchoRegressor(0.1).fit(X, y)
    scorer = make_sequence_scorer(scoring)
    expected = scorer(model, X, y)
    joblib.dump(scorer, tmp_path / "scorer")
    for twin in (
        pickle.loads(pickle.dumps(scorer)),
        copy.deepcopy(scorer),
        clone(scorer, safe=False),
        joblib.load(tmp_path / "scorer"),
    ):
        assert twin(model, X, y) == expected
        assert repr(twin) == repr(scorer)


def test_repr_is_the_call():
    assert repr(make_sequence_scorer("r2")) == "make_sequence_scorer('r2')"
    scorer = make_scorer(metrics.fbeta_score, beta=2)
    assert repr(make_sequence_scorer(scorer)) == f"make_sequence_scorer({scorer!r})"


# ---- errors


@pytest.mark.parametrize("scoring", [None, 3, ["r2"], {"r2": "r2"}])
def test_scoring_of_a_wrong_type(scoring):
    with pytest.raises(TypeError, match=r"scoring is .* expects the name of a scorer or a callable"):
        make_sequence_scorer(scoring)


def test_scoring_that_is_no_scorer():
    with pytest.raises(ValueError, match="'r3' is not a valid scoring value"):
        make_sequence_scorer("r3")
    with pytest.raises(ValueError, match="metric function rather than a scorer"):
        make_sequence_scorer(metrics.r2_score)


def test_no_timestep_left():
    X = np.array([[[1.0], [NAN]], [[2.0], [3.0]]])
    y = np.array([[NAN, 1.0], [NAN, NAN]])
    message = "of 4 timesteps in 2 samples, 3 have no target in y .* and 1 have no prediction"
    with pytest.raises(ValueError, match=message):
        make_sequence_scorer("r2")(EchoRegressor().fit(X, y), X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([np.zeros(3), np.zeros(2)], r"y has 2 timesteps in sample 1, but EchoRegressor\.predict\(X\) has 4"),
        ([np.zeros(3)], r"y has 1 samples, but EchoRegressor\.predict\(X\) has 2"),
        (np.zeros((2, 3)), r"y has 3 timesteps in sample 1, but EchoRegressor\.predict\(X\) has 4"),
        ([np.zeros(3), 1.0], r"y has shape \(\) in sample 1; expected \(n_timesteps,\)"),
        ([np.zeros(3), np.zeros((4, 1, 1))], r"y has shape \(4, 1, 1\) in sample 1"),
        ([np.zeros(3), np.zeros((4, 2))], r"y has shape \(4, 2\) in sample 1, but \(3,\) in sample 0"),
        (np.zeros((0, 3)), "y has no samples"),
    ],
)
def test_targets_that_do_not_match(y, message):
    X = [np.zeros((3, 1)), np.zeros((4, 1))]
    with pytest.raises(ValueError, match=message):
        make_sequence_scorer("r2")(EchoRegressor().fit(X, y), X, y)


def test_estimator_that_predicts_one_value_a_sample():
    X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    with pytest.raises(ValueError, match=r"LinearRegression\.predict\(X\) has one value for each of 4 samples.*y has"):
        make_sequence_scorer("r2")(LinearRegression().fit(X, y), X, np.zeros((4, 3)))


@pytest.mark.parametrize("n_timesteps", [3, 4])
def test_probabilities_of_one_row_a_sample(n_timesteps):
    class PerSample(DummyClassifier):
        """Predicts labels for each timestep, but probabilities of three classes for each sample."""

        def predict(self, X):
            return np.zeros((len(X), n_timesteps))

    X, y = np.zeros((4, 2)), np.array([0, 1, 2, 0])
    with pytest.raises(ValueError, match=r"PerSample\.predict_proba\(X\) has (one row of classes per sample, for 4|3)"):
        make_sequence_scorer("neg_log_loss")(PerSample().fit(X, y), X, np.ones((4, n_timesteps)))
