"""Tests of exported pipelines against `predict`, in onnxruntime."""

import numpy as np
import pandas as pd
import pytest
import skl2onnx
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, PolynomialFeatures, StandardScaler

from skrnn import RNNClassifier, RNNRegressor, SlidingWindow
from skrnn.exceptions import DataWarning
from skrnn.export import to_onnx
from skrnn.preprocessing import PatchSequences, SequenceTransformer
from tests.export.test_onnx_network import TOLERANCE, run

SERIES = np.random.default_rng(0).normal(size=(30, 3)).cumsum(axis=0) * [1.0, 5.0, 0.2] + [0.0, 50.0, 3.0]
Y = SERIES[:, 0] * 0.3


class Doubler(TransformerMixin, BaseEstimator):
    """A transformer that skl2onnx does not support."""

    def fit(self, X, y=None):
        self.n_features_in_ = np.shape(X)[1]
        return self

    def transform(self, X):
        return 2.0 * np.asarray(X)


class Halver(StandardScaler):
    """A subclass of a known scaler that computes something else."""

    def transform(self, X):
        return super().transform(X) / 2.0


def fit(*steps, X=SERIES, y=Y):
    """Return a pipeline, its steps fitted and its network trained for an epoch."""
    pipeline = make_pipeline(*steps)
    before = X
    for _, step in pipeline.steps[:-1]:
        before = before if step == "passthrough" else step.fit_transform(before)
    classes = {"classes": np.unique(y)} if hasattr(steps[-1], "predict_proba") else {}
    pipeline.steps[-1][1].partial_fit(before, y, **classes)
    return pipeline


def network(**options):
    return RNNRegressor((4,), cell="gru", random_state=0, learning_rate_init=0.1, **options)


def check(pipeline, X=SERIES, dtype="float32"):
    (y,) = run(to_onnx(pipeline, dtype=dtype), X=X.astype(dtype))
    expected = pipeline.predict(X)
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("flatten", [False, True])
@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("padding", ["mask", "edge", "zero"])
def test_windows(padding, dilation, flatten, dtype):
    window = SlidingWindow(4, padding=padding, dilation=dilation, flatten=flatten)
    pipeline = fit(StandardScaler(), window, network(n_timesteps=4 if flatten else None))
    check(pipeline, dtype=dtype)
    with pytest.warns(DataWarning, match="No row of X has a complete window"):
        check(pipeline, SERIES[3:5], dtype)


@pytest.mark.filterwarnings("ignore:.*only a single timestep:skrnn.exceptions.DataWarning")
@pytest.mark.parametrize("padding", ["mask", "edge", "zero"])
def test_window_of_one_row(padding):
    check(fit(SlidingWindow(1, padding=padding), network()))


@pytest.mark.parametrize(("with_mean", "with_std"), [(True, True), (True, False), (False, True), (False, False)])
def test_scalers(with_mean, with_std):
    scaler = StandardScaler(with_mean=with_mean, with_std=with_std)
    check(fit(scaler, SlidingWindow(3), network()))


def test_a_masked_row_and_a_spoiled_one():
    pipeline = fit(StandardScaler(), SlidingWindow(3), network())
    X = SERIES.copy()
    X[10] = np.nan
    expected = pipeline.predict(np.concatenate([X[:10], X[11:]]))
    (y,) = run(to_onnx(pipeline), X=X.astype(np.float32))
    np.testing.assert_allclose(y, pipeline.predict(X), **TOLERANCE)
    assert np.isfinite(expected).all()
    X[20, 1] = np.nan  # which predict rejects
    (spoiled,) = run(to_onnx(pipeline), X=X.astype(np.float32))
    assert np.flatnonzero(np.isnan(spoiled)).tolist() == [20, 21, 22]


def test_large_numbers_are_scaled_in_float64():
    X = SERIES + 1e7  # float32 has steps of one there
    pipeline = fit(StandardScaler(), SlidingWindow(3), network(), X=X)
    check(pipeline, X, dtype="float64")


@pytest.mark.parametrize("return_sequences", [False, True])
def test_classifier_at_the_end(return_sequences):
    labels = np.where(np.median(Y) < Y, "high", "low")
    if return_sequences:
        labels = np.stack([labels] * 3, axis=1)
    classifier = RNNClassifier((4,), return_sequences=return_sequences, random_state=0)
    pipeline = fit(StandardScaler(), SlidingWindow(3), classifier, y=labels)
    label, probabilities = run(to_onnx(pipeline), X=SERIES.astype(np.float32))
    np.testing.assert_allclose(probabilities, pipeline.predict_proba(SERIES), **TOLERANCE)
    is_predicted = ~np.isnan(probabilities[..., 0])
    assert label[is_predicted].tolist() == pipeline.predict(SERIES)[is_predicted].tolist()


def test_steps_are_skipped_and_nested():
    before = Pipeline([("scale", StandardScaler()), ("nothing", "passthrough")])
    pipeline = fit(before, "passthrough", SlidingWindow(3), network())
    check(pipeline)
    check(Pipeline([("all", pipeline)]))


def test_a_pipeline_of_the_network_alone():
    X = np.random.default_rng(0).normal(size=(30, 4, 2))
    pipeline = fit(network(), X=X)
    model = to_onnx(pipeline, lengths=True)
    (y,) = run(model, X=X.astype(np.float32), lengths=np.full(30, 2))
    np.testing.assert_allclose(y, pipeline.predict(X[:, :2]), **TOLERANCE)


def test_scaled_columns_as_timesteps():
    check(fit(StandardScaler(), network()))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "transformer",
    [
        MinMaxScaler(),
        PCA(2),
        make_pipeline(MinMaxScaler(), PCA(2)),
        ColumnTransformer([("left", StandardScaler(), [0]), ("right", MinMaxScaler(), [1, 2])]),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_transformers_of_skl2onnx(transformer, dtype):
    check(fit(transformer, SlidingWindow(3), network()), dtype=dtype)


@pytest.mark.parametrize(
    "columns",
    [
        ["z", "first name"],
        np.array(["z", "first name"]),
        [-1, 0],
        [True, False, True],
        slice(1, 3),
        make_column_selector(pattern="z"),
        [],
    ],
    ids=["names", "array of names", "positions", "mask", "slice", "selector", "none"],
)
def test_columns_of_a_frame(columns):
    frame = pd.DataFrame(SERIES, columns=["first name", "y", "z"])
    transformer = ColumnTransformer([("some", StandardScaler(), columns)], remainder="passthrough")
    pipeline = fit(transformer, SlidingWindow(3), network(), X=frame)
    (y,) = run(to_onnx(pipeline), X=SERIES.astype(np.float32))
    np.testing.assert_allclose(y, pipeline.predict(frame), rtol=1e-5, atol=2e-5)
    pipeline[0].transform(frame)  # which still has columns by name


def test_transformers_of_skl2onnx_in_float32_only():
    check(fit(PolynomialFeatures(2), StandardScaler(), SlidingWindow(3), network()))


def test_an_inconsistent_model_of_skl2onnx_is_found(monkeypatch):
    pipeline = fit(MinMaxScaler(), SlidingWindow(3), network())
    convert = skl2onnx.convert_sklearn

    def convert_badly(*arguments, **options):
        model = convert(*arguments, **options)
        model.graph.node[0].op_type = "Concat"
        return model

    monkeypatch.setattr(skl2onnx, "convert_sklearn", convert_badly)
    with pytest.raises(ValueError, match=r"step 'minmaxscaler' \(MinMaxScaler\) cannot be exported: skl2onnx reports"):
        to_onnx(pipeline)


def test_transformers_of_skl2onnx_after_windows():
    check(fit(SlidingWindow(3, flatten=True), MinMaxScaler(), network(n_timesteps=3)))


@pytest.mark.parametrize("transformer", [Doubler(), Halver()])
def test_unsupported_transformers(transformer):
    pipeline = fit(transformer, SlidingWindow(3), network())
    name = type(transformer).__name__
    with pytest.raises(ValueError, match=rf"step '{name.lower()}' \({name}\) cannot be exported: skl2onnx reports"):
        to_onnx(pipeline)


@pytest.mark.parametrize(("parameter", "value"), [("group_column", 0), ("carry_context", True)])
def test_windows_with_more_than_rows_of_one_series_are_refused(parameter, value):
    pipeline = fit(SlidingWindow(3), network())
    setattr(pipeline[0], parameter, value)
    with pytest.raises(
        ValueError, match=f"step 'slidingwindow' has {parameter}={value!r}, which to_onnx does not support"
    ):
        to_onnx(pipeline)


def test_lengths_of_rows_are_refused():
    with pytest.raises(ValueError, match="lengths is True, but X is a table for the step 'slidingwindow'"):
        to_onnx(fit(SlidingWindow(3), network()), lengths=True)


def test_the_end_must_be_a_network():
    with pytest.raises(TypeError, match="to_onnx got an object of type StandardScaler; expected"):
        to_onnx(make_pipeline(SlidingWindow(3, flatten=True), StandardScaler()).fit(SERIES))


def test_of_a_search_its_best_estimator_is_exported():
    search = GridSearchCV(make_pipeline(SlidingWindow(3), network(max_iter=2)), {}, cv=2)
    with pytest.warns(ConvergenceWarning):
        search.fit(SERIES, Y)
    with pytest.raises(TypeError, match=r"GridSearchCV; expected .* Pass the best_estimator_ of a search"):
        to_onnx(search)
    to_onnx(search.best_estimator_)


def test_the_model_says_what_it_is():
    model = to_onnx(fit(StandardScaler(), SlidingWindow(3), network()))
    assert model.doc_string == "StandardScaler, SlidingWindow, RNNRegressor: gru layers of 4 units, fitted by skrnn."
    assert [tensor.name for tensor in model.graph.input] == ["X"]
    assert {opset.domain for opset in model.opset_import} == {""}


def test_a_step_that_is_not_fitted_is_refused():
    pipeline = fit(StandardScaler(), SlidingWindow(3), network())
    pipeline.steps[0] = ("scale", StandardScaler())
    with pytest.raises(NotFittedError, match="StandardScaler"):
        to_onnx(pipeline)


SEQUENCES = np.random.default_rng(1).normal(size=(20, 6, 3)) * [1.0, 5.0, 0.2] + [0.0, 50.0, 3.0]


@pytest.mark.parametrize("transformer", [StandardScaler(), PCA(2), make_pipeline(MinMaxScaler(), PolynomialFeatures())])
def test_transformer_of_timesteps(transformer):
    padded = SEQUENCES.copy()
    padded[::3, :2], padded[1, 3] = np.nan, np.nan
    pipeline = fit(SequenceTransformer(transformer), network(), X=padded, y=SEQUENCES[:, -1, 0])
    check(pipeline, padded)


def test_transformer_that_fills_leaves_masked_timesteps_alone():
    X = SEQUENCES.copy()
    X[::3, :2], X[1, 3, 0] = np.nan, np.nan  # masked, and missing
    pipeline = fit(SequenceTransformer(SimpleImputer()), network(), X=X, y=SEQUENCES[:, -1, 0])
    check(pipeline, X)


def test_transformer_of_the_timesteps_of_windows_and_of_a_table():
    check(fit(SlidingWindow(4), SequenceTransformer(StandardScaler()), network()))
    table = SEQUENCES[:, :, 1]
    check(fit(SequenceTransformer(StandardScaler()), network(), X=table, y=SEQUENCES[:, -1, 0]), table)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_features_far_from_zero_in_float32(cell):
    X = np.float32(1e6) + SEQUENCES.astype(np.float32) * 4.0
    model = RNNRegressor((4,), cell=cell, bidirectional=True, random_state=0, learning_rate_init=0.1)
    model.partial_fit(X, SEQUENCES[:, -1, 0])
    (y,) = run(to_onnx(model), X=X)
    np.testing.assert_allclose(y, model.predict(X), rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:.*only a single timestep:skrnn.exceptions.DataWarning")
@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (4, 4), (8, 8), (3, 2), (4, 1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_patches(sizes, dtype):
    X = SEQUENCES.copy()
    X[::3, :2], X[1, 3], X[2, 1:], X[3, 4:], X[4, ::2], X[5, 2, 0] = (np.nan,) * 6
    X[5, 2, 0] = 1.0
    pipeline = fit(PatchSequences(*sizes), network(), X=X, y=SEQUENCES[:, -1, 0])
    check(pipeline, X, dtype)
    check(pipeline, SEQUENCES[:, :5], dtype)  # of other lengths too


def test_patches_of_each_timestep_of_windows_and_of_a_table():
    check(fit(SlidingWindow(4), PatchSequences(2), network()))
    table = SEQUENCES[:, :, 1]
    check(fit(PatchSequences(4), network(), X=table, y=SEQUENCES[:, -1, 0]), table)
    scaled = fit(
        SequenceTransformer(StandardScaler()), PatchSequences(2), network(pooling="mean"), X=SEQUENCES, y=Y[:20]
    )
    check(scaled, SEQUENCES)
    targets = PatchSequences(4).fit_transform(table)
    check(fit(PatchSequences(4), network(return_sequences=True), X=SEQUENCES, y=targets), SEQUENCES)


def test_sequence_that_is_all_masked_has_no_prediction():
    X = SEQUENCES.copy()
    model = to_onnx(fit(PatchSequences(4), network(), X=X, y=Y[:20]))
    X[1] = np.nan
    (y,) = run(model, X=X.astype(np.float32))
    assert np.flatnonzero(np.isnan(y)).tolist() == [1]
