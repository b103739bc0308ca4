"""Tests of exported networks against `predict`, in onnxruntime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

import skrnn
from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS
from skrnn.export import to_onnx
from skrnn.export._onnx_network import OPERATORS
from tests.export.fitted_networks import CELLS_WITH_ACTIVATIONS, N_FEATURES, READINGS, STACKS, fitted, make_sequences

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
T = 6


def run(model, outputs=None, **inputs):
    """Return the outputs of a model, by default in its order."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(outputs, inputs)


def predict_by_onnx(estimator, X, dtype="float32", **options):
    """Return the predictions of a regressor with ONNX."""
    (y,) = run(to_onnx(estimator, dtype=dtype, **options), X=np.asarray(X, dtype=dtype))
    assert y.dtype == dtype
    return y


def make_regressor(cell, activation, sizes, bidirectional, return_sequences=False, **options):
    estimator = RNNRegressor(
        sizes,
        cell=cell,
        activation=activation,
        bidirectional=bidirectional,
        return_sequences=return_sequences,
        random_state=0,
        **options,
    )
    return fitted(estimator, np.arange(12.0).reshape(4, 3)[:, : 3 if return_sequences else 1].squeeze())


def test_every_cell_has_an_operator():
    assert set(OPERATORS) == set(CELLS)
    assert {cell for cell, _ in CELLS_WITH_ACTIVATIONS} == set(CELLS)


@pytest.mark.parametrize("reading", READINGS, ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sizes", STACKS)
@pytest.mark.parametrize(("cell", "activation"), CELLS_WITH_ACTIVATIONS)
def test_ragged_sequences(cell, activation, sizes, bidirectional, reading):
    estimator = make_regressor(cell, activation, sizes, bidirectional, **reading)
    lengths = np.array([3, 6, 1, 5, 2, 6])
    X = make_sequences(lengths, T)
    expected = estimator.predict(X)
    assert np.ptp(expected[np.isfinite(expected)]) > 0.01  # they depend on X
    np.testing.assert_allclose(predict_by_onnx(estimator, X), expected, **TOLERANCE)
    np.testing.assert_allclose(predict_by_onnx(estimator, X, "float64"), expected, **TOLERANCE)
    # Values after the lengths are ignored.
    (y,) = run(to_onnx(estimator, lengths=True), X=np.nan_to_num(X, nan=1e30).astype(np.float32), lengths=lengths)
    np.testing.assert_allclose(y, expected, **TOLERANCE)
    # One model for all sizes.
    np.testing.assert_allclose(predict_by_onnx(estimator, X[1:2, :1]), estimator.predict(X[1:2, :1]), **TOLERANCE)


@pytest.mark.parametrize("reading", READINGS, ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
@settings(max_examples=25, deadline=None, derandomize=True)
@given(masks=st.lists(st.lists(st.booleans(), min_size=5, max_size=5).filter(any), min_size=1, max_size=6))
def test_masked_timesteps_anywhere(masks, reading, bidirectional):
    estimator = make_regressor("gru", "tanh", (3, 2), bidirectional, **reading)
    X = np.random.default_rng(len(masks)).normal(size=(len(masks), 5, N_FEATURES))
    X[~np.array(masks)] = np.nan
    np.testing.assert_allclose(predict_by_onnx(estimator, X), estimator.predict(X), **TOLERANCE)


def test_lengths_and_masks_together():
    estimator = make_regressor("lstm", "tanh", (3,), True, True)
    X = make_sequences([6, 6], T)
    X[0, 1] = np.nan
    (y,) = run(to_onnx(estimator, lengths=True), X=X.astype(np.float32), lengths=np.array([4, 9]))
    X[0, 4:] = np.nan  # a length beyond the timesteps stands for all
    np.testing.assert_allclose(y, estimator.predict(X), **TOLERANCE)


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "poisson", "quantile"])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("n_targets", [None, 1, 3])
def test_every_loss(loss, return_sequences, n_targets):
    shape = (4, *[5] * return_sequences, *[n_targets] * (n_targets is not None))
    y = np.random.default_rng(0).random(shape) + 1.0
    estimator = fitted(
        RNNRegressor((4,), loss=loss, return_sequences=return_sequences),
        y.squeeze(-1) if n_targets == 1 and not return_sequences else y,
    )
    X = make_sequences([4, 2, 6], T)
    actual = predict_by_onnx(estimator, X)
    assert actual.shape == estimator.predict(X).shape
    np.testing.assert_allclose(actual, estimator.predict(X), **TOLERANCE)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("levels", [(0.5,), (0.1, 0.5, 0.9)])
def test_quantiles_do_not_cross(levels, n_targets, return_sequences):
    y = np.random.default_rng(0).random((4, *[5] * return_sequences, *[n_targets] * (n_targets > 1)))
    estimator = RNNRegressor((4,), loss="quantile", quantile=levels, return_sequences=return_sequences)
    estimator = fitted(estimator, y)
    X = make_sequences([4, 2, 6], T)
    actual = predict_by_onnx(estimator, X)
    axes = (3, T) if return_sequences else (3,)
    assert actual.shape == (*axes, *[n_targets] * (n_targets > 1), len(levels))
    np.testing.assert_allclose(actual, estimator.predict(X), **TOLERANCE)
    if len(levels) > 1:  # the readout itself does cross
        states = estimator.hidden_states(X)[:, 0] @ estimator.readout_weights_.T + estimator.readout_bias_
        assert (np.diff(states.reshape(3, -1, 3), axis=-1) < 0).any()


LABELS = {
    "int": np.array([3, -1, 7]),
    "two": np.array([0, 1]),
    "str": np.array(["night", "day", "evening"]),
    "object": np.array(["b", "a"], dtype=object),
    "bool": np.array([False, True]),
    "float": np.array([1.0, 2.0]),
}
NO_LABEL = {"i": np.iinfo(np.int64).min, "U": "", "O": "", "b": np.iinfo(np.int64).min, "f": np.nan}


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("name", LABELS)
def test_classes(name, return_sequences):
    classes = LABELS[name]
    y = np.resize(classes, (6, 5) if return_sequences else 6)
    estimator = fitted(RNNClassifier((4,), return_sequences=return_sequences), y)
    X = make_sequences([4, 2, 6, 1, 3] * 8, T)
    label, probabilities = run(to_onnx(estimator), ["label", "probabilities"], X=X.astype(np.float32))
    expected = estimator.predict_proba(X)
    np.testing.assert_allclose(probabilities, expected, **TOLERANCE)
    is_predicted = ~np.isnan(expected[..., 0])
    predicted = estimator.predict(X)
    assert len(np.unique(predicted[is_predicted].astype(str))) > 1
    assert label.shape == predicted.shape
    assert label[is_predicted].tolist() == predicted[is_predicted].tolist()
    missing = NO_LABEL[classes.dtype.kind]
    np.testing.assert_array_equal(label[~is_predicted], np.full(np.count_nonzero(~is_predicted), missing))


@pytest.mark.parametrize("return_sequences", [False, True])
def test_multilabel(return_sequences):
    y = np.random.default_rng(0).integers(2, size=(6, 5, 3) if return_sequences else (6, 3))
    estimator = fitted(RNNClassifier((4,), return_sequences=return_sequences), y)
    X = make_sequences([4, 2, 6], T)
    label, probabilities = run(to_onnx(estimator, dtype="float64"), X=X)
    expected = estimator.predict(X)
    np.testing.assert_allclose(probabilities, estimator.predict_proba(X), **TOLERANCE)
    assert label.dtype == np.int64
    np.testing.assert_array_equal(label, np.where(np.isnan(expected), np.iinfo(np.int64).min, expected))


def test_classes_that_onnx_does_not_have():
    estimator = fitted(RNNClassifier((2,)), np.array([0, 1, 0]))
    estimator.classes_ = np.array([0, 2**64 - 1], dtype=np.uint64)
    with pytest.raises(TypeError, match="of dtype uint64; ONNX supports labels"):
        to_onnx(estimator)


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_what_predict_refuses_has_no_prediction(Estimator, return_sequences):
    y = np.resize([0, 1], (6, 5) if return_sequences else 6)
    estimator = fitted(Estimator((4,), bidirectional=True, return_sequences=return_sequences), y)
    X = make_sequences([4] * 5, T)
    X[0] = np.nan
    X[1, 0, 0] = np.nan
    X[2, 2, 1] = np.inf
    X[3, 3, 2] = -np.inf
    model = to_onnx(estimator, dtype="float64", lengths=True)
    lengths = np.array([4, 4, 4, 4, 4])
    outputs = run(model, X=X, lengths=lengths)
    expected = [estimator.predict(X[4:])] if Estimator is RNNRegressor else [None, estimator.predict_proba(X[4:])]
    np.testing.assert_allclose(outputs[-1][4:], expected[-1], **TOLERANCE)
    assert np.isnan(outputs[-1][:4]).all()
    if Estimator is RNNClassifier:
        assert (outputs[0][:4] == np.iinfo(np.int64).min).all()
    of_none = run(model, X=X[4:].repeat(3, axis=0), lengths=np.array([0, -1, 4]))[-1]
    assert np.isnan(of_none[:2]).all()
    np.testing.assert_allclose(of_none[2:], expected[-1], **TOLERANCE)


@pytest.mark.parametrize(("n_timesteps", "n_columns"), [(None, 5), (3, 6), (6, 6)])
def test_tables(n_timesteps, n_columns):
    table = np.random.default_rng(0).normal(size=(8, n_columns))
    estimator = fitted(RNNRegressor((4,), cell="lstm", n_timesteps=n_timesteps), np.arange(8.0), table)
    table[0, :2] = np.nan  # masked, in a table of one feature or two
    model = to_onnx(estimator)
    (axes,) = (input.type.tensor_type.shape.dim for input in model.graph.input)
    assert [axis.dim_param or axis.dim_value for axis in axes] == ["n_samples", n_columns]
    (y,) = run(model, X=table.astype(np.float32))
    np.testing.assert_allclose(y, estimator.predict(table), **TOLERANCE)


def test_columns_of_a_data_frame_are_named():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(8, 2)), columns=["left", "right"])
    model = to_onnx(fitted(RNNRegressor((4,)), np.arange(8.0), table))
    assert model.graph.input[0].doc_string == "A table with the columns left, right, in this order."


def test_readout_is_computed_in_the_dtype_of_the_outputs():
    estimator = make_regressor("gru", "tanh", (3,), False, False)
    estimator.readout_bias_ = estimator.readout_bias_ + 1e9  # float32 has steps of 64 there
    X = make_sequences([6, 6], T)
    y = predict_by_onnx(estimator, X, "float64")
    np.testing.assert_allclose(y - 1e9, estimator.predict(X) - 1e9, atol=1e-4)


def test_a_float32_network():
    estimator = RNNRegressor((3,), cell="gru", dtype="float32")
    estimator = fitted(estimator, np.arange(4.0))
    X = make_sequences([6, 3], T)
    for dtype in ("float32", "float64"):
        np.testing.assert_allclose(predict_by_onnx(estimator, X, dtype), estimator.predict(X), **TOLERANCE)


def test_saved_and_loaded(tmp_path):
    estimator = make_regressor("lstm", "tanh", (3, 2), True, False)
    model = to_onnx(estimator)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, tmp_path / "network.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]  # all in one file
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
    X = make_sequences([6, 2, 3], T)
    (y,) = session.run(None, {"X": X.astype(np.float32)})
    np.testing.assert_allclose(y, estimator.predict(X), **TOLERANCE)


def test_the_model_says_what_it_is():
    model = to_onnx(make_regressor("gru", "tanh", (3, 2), True, True), lengths=True)
    assert (model.producer_name, model.producer_version) == ("skrnn", skrnn.__version__)
    assert model.doc_string == "RNNRegressor: gru layers of 3, 2 units in both directions, fitted by skrnn."
    assert model.graph.name == "RNNRegressor"
    assert {(opset.domain, opset.version) for opset in model.opset_import} == {("", 17)}
    assert model.ir_version == 8
    names = [tensor.name for tensor in (*model.graph.input, *model.graph.output)]
    assert names == ["X", "lengths", "y"]
    assert all(tensor.doc_string for tensor in (*model.graph.input, *model.graph.output))
    operators = {node.op_type: node for node in model.graph.node}
    assert {attribute.name: attribute.i for attribute in operators["GRU"].attribute}["linear_before_reset"] == 1


def test_the_estimator_stays_as_it_is():
    estimator = make_regressor("gru", "tanh", (3,), False, False)
    before = {name: np.copy(value) for name, value in vars(estimator).items() if isinstance(value, np.ndarray)}
    to_onnx(estimator)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(estimator, name), value)


def test_attributes_are_the_truth():
    estimator = make_regressor("gru", "tanh", (3,), False, False)
    estimator.readout_bias_ = estimator.readout_bias_ + 5.0
    X = make_sequences([6], T)
    np.testing.assert_allclose(predict_by_onnx(estimator, X), estimator.predict(X), **TOLERANCE)


def test_what_is_no_fitted_network_is_refused():
    with pytest.raises(TypeError, match="to_onnx got an object of type LinearRegression; expected"):
        to_onnx(LinearRegression())
    with pytest.raises(NotFittedError):
        to_onnx(RNNRegressor())
    estimator = make_regressor("gru", "tanh", (3,), False, False)
    with pytest.raises(ValueError, match="dtype is 'float16'; expected"):
        to_onnx(estimator, dtype="float16")
    with pytest.raises(ValueError, match="but RNNRegressor was fitted with"):
        to_onnx(estimator.set_params(cell="lstm"))
