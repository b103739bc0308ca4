"""Tests of estimators made from arrays with PyTorch's names, without PyTorch."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from skrnn import RNNClassifier, RNNRegressor
from skrnn.export import from_torch
from tests.estimators.tasks import ESTIMATED, documented_attributes, fitted_attributes

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
X = np.random.default_rng(1).normal(size=(12, 5, 2))


def recurrent_state(cell, sizes=(3,), n_features=2, bidirectional=False, dtype=np.float64, bias=True, seed=0):
    """Return the state of a recurrent module of one size, or of a list of modules of several sizes."""
    rng = np.random.default_rng(seed)
    state = {}
    n_directions = 1 + bidirectional
    widths = [n_features, *(n_directions * size for size in sizes)]
    for number, (n_inputs, size) in enumerate(zip(widths[:-1], sizes, strict=True)):
        for end in ("", "_reverse")[:n_directions]:
            prefix = f"{number}." if len(sizes) > 1 else ""
            n_rows = GATES[cell] * size
            shapes = {"weight_ih": (n_rows, n_inputs), "weight_hh": (n_rows, size)}
            shapes |= {"bias_ih": (n_rows,), "bias_hh": (n_rows,)} if bias else {}
            for kind, shape in shapes.items():
                state[f"{prefix}{kind}_l0{end}"] = rng.normal(scale=0.7, size=shape).astype(dtype)
    return state


def readout_state(n_outputs, n_states=3, seed=1):
    rng = np.random.default_rng(seed)
    return {"weight": rng.normal(size=(n_outputs, n_states)), "bias": rng.normal(size=n_outputs)}


def last_states(cell, state, X, activation=np.tanh):
    """Return the last states of a layer by PyTorch's own formulas (documentation of RNN, GRU and LSTM)."""
    W, R, b, q = (state[f"{kind}_l0"] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    h = c = np.zeros((len(X), R.shape[1]))
    for x in X.transpose(1, 0, 2):
        of_x, of_h = np.split(x @ W.T + b, GATES[cell], axis=1), np.split(h @ R.T + q, GATES[cell], axis=1)
        if cell == "rnn":
            h = activation(of_x[0] + of_h[0])
        elif cell == "gru":
            r, z = expit(of_x[0] + of_h[0]), expit(of_x[1] + of_h[1])
            h = (1.0 - z) * np.tanh(of_x[2] + r * of_h[2]) + z * h
        else:
            i, f, g, o = (left + right for left, right in zip(of_x, of_h, strict=True))
            c = expit(f) * c + expit(i) * np.tanh(g)
            h = expit(o) * np.tanh(c)
    return h


@pytest.mark.parametrize("cell", GATES)
def test_predictions_follow_pytorch_s_formulas(cell):
    state, readout = recurrent_state(cell), readout_state(2)
    model = from_torch(state, readout)
    expected = last_states(cell, state, X) @ readout["weight"].T + readout["bias"]
    assert type(model) is RNNRegressor
    assert model.cell == cell
    assert model.hidden_layer_sizes == (3,)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)


def test_the_template_has_the_activation_that_arrays_do_not_tell():
    state, readout = recurrent_state("rnn"), readout_state(1)
    model = from_torch(state, readout, estimator=RNNRegressor(activation="relu"))
    states = last_states("rnn", state, X, activation=lambda a: np.maximum(a, 0.0))
    np.testing.assert_allclose(model.predict(X), states @ readout["weight"][0] + readout["bias"][0], rtol=1e-12)


def test_a_gated_module_needs_no_fitting_template():
    template = RNNRegressor((7, 7), activation="relu", bidirectional=True, solver="sgd")
    model = from_torch(recurrent_state("gru"), readout_state(1), estimator=template)
    assert (model.cell, model.activation, model.bidirectional, model.solver) == ("gru", "tanh", False, "sgd")
    assert not hasattr(template, "readout_weights_")
    assert template.hidden_layer_sizes == (7, 7)


def test_layers_of_several_sizes_and_both_directions():
    state = recurrent_state("lstm", (4, 2), bidirectional=True)
    model = from_torch(state, readout_state(1, n_states=4))
    assert model.hidden_layer_sizes == (4, 2)
    assert model.bidirectional
    assert [weights.shape for weights in model.input_weights_] == [(16, 2), (16, 2), (8, 8), (8, 8)]
    reverse = from_torch(dict(reversed(state.items())), readout_state(1, n_states=4))
    np.testing.assert_array_equal(reverse.predict(X), model.predict(X))  # the order of names does not matter


def test_a_module_without_biases():
    state = recurrent_state("gru", bias=False)
    zeros = {**state, "bias_ih_l0": np.zeros(9), "bias_hh_l0": np.zeros(9)}
    readout = {"weight": readout_state(1)["weight"]}
    np.testing.assert_array_equal(
        from_torch(state, readout).predict(X),
        from_torch(zeros, {**readout, "bias": np.zeros(1)}).predict(X),
    )


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("cell", GATES)
def test_a_module_without_readout_predicts_its_states(cell, return_sequences):
    state = recurrent_state(cell, dtype=np.float32, bidirectional=True)
    model = from_torch(state, estimator=RNNRegressor(return_sequences=return_sequences))
    states = model.hidden_states(X)
    assert model.readout_weights_.dtype == states.dtype == np.float32
    expected = states if return_sequences else np.concatenate([states[:, -1, :3], states[:, 0, 3:]], axis=1)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


def test_one_mapping_with_all_parameters():
    state, readout = recurrent_state("lstm"), readout_state(1)
    joined = {f"recurrent.0.{name}": value for name, value in state.items()}
    joined |= {f"readout.{name}": value for name, value in readout.items()}
    np.testing.assert_array_equal(from_torch(joined).predict(X), from_torch(state, readout).predict(X))


@pytest.mark.parametrize("Estimator", [RNNRegressor, RNNClassifier])
def test_all_attributes_of_a_fit_are_there(Estimator):
    classes = {"classes": ["a", "b"]} if Estimator is RNNClassifier else {}
    model = from_torch(recurrent_state("gru"), readout_state(1), estimator=Estimator(random_state=0), **classes)
    assert fitted_attributes(model) == documented_attributes(Estimator) - {"feature_names_in_"}
    assert model.n_features_in_ == 2
    assert model.loss_curve_ == []
    assert np.isnan(model.loss_)
    assert np.isnan(model.best_loss_)
    assert model.n_iter_ == model.t_ == 0


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("random_state", [0, None])
def test_training_continues_from_the_weights(cell, random_state):
    y = X[:, -1, 0] * X[:, 0, 1]
    template = RNNRegressor(random_state=random_state, learning_rate_init=0.01)
    model = from_torch(recurrent_state(cell), readout_state(1), estimator=template)
    first = [weights.copy() for name in ESTIMATED for weights in getattr(model, name)]
    losses = [np.mean((model.predict(X) - y) ** 2) / 2]
    for _ in range(20):
        losses.append(np.mean((model.partial_fit(X, y).predict(X) - y) ** 2) / 2)
    assert all(later < earlier for earlier, later in pairwise(losses[:4]))
    assert losses[-1] < losses[0] / 1.2
    assert model.n_iter_ == len(model.loss_curve_) == 20
    assert model.best_loss_ == min(model.loss_curve_)
    for before, after in zip(first, [w for name in ESTIMATED for w in getattr(model, name)], strict=True):
        assert np.abs(after - before).max() < 0.25  # an epoch moves each by the learning rate at most


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_a_warm_start_continues_from_the_weights(solver):
    exact = from_torch(recurrent_state("gru"), readout_state(1))
    y = exact.predict(X)
    template = RNNRegressor(solver=solver, alpha=0.0, warm_start=True, learning_rate_init=1e-5, random_state=0)
    model = from_torch(recurrent_state("gru"), readout_state(1), estimator=template).fit(X, y)
    assert model.loss_curve_[0] < 1e-8  # it was there before
    np.testing.assert_allclose(model.predict(X), y, atol=1e-3)


def test_copies():
    model = from_torch(recurrent_state("lstm"), readout_state(1))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
    assert not hasattr(clone(model), "readout_weights_")
    assert clone(model).get_params() == model.get_params()


def test_arrays_are_copied():
    state, readout = recurrent_state("rnn"), readout_state(1)
    model = from_torch(state, readout)
    expected = model.predict(X)
    for array in (*state.values(), *readout.values()):
        array[...] = 0.0
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize(
    ("dtype", "of_template", "expected"),
    [(np.float32, None, np.float32), (np.float64, None, np.float64), (np.float32, "float64", np.float64)],
)
def test_dtype_is_that_of_the_weights_unless_the_template_has_one(dtype, of_template, expected):
    readout = {name: array.astype(dtype) for name, array in readout_state(1).items()}
    model = from_torch(recurrent_state("gru", dtype=dtype), readout, estimator=RNNRegressor(dtype=of_template))
    assert model.predict(X).dtype == model.input_weights_[0].dtype == expected


def test_outputs_of_each_timestep_stream_and_hidden_states():
    state, readout = recurrent_state("gru"), readout_state(1)
    model = from_torch(state, readout, estimator=RNNRegressor(return_sequences=True))
    assert model.predict(X).shape == (12, 5)
    np.testing.assert_allclose(model.predict(X)[:, -1], from_torch(state, readout).predict(X), rtol=1e-12)
    np.testing.assert_allclose(model.hidden_states(X)[:, -1], last_states("gru", state, X), rtol=1e-12)
    np.testing.assert_allclose(model.stream(12).predict(X[:, 0]), model.predict(X)[:, 0], rtol=1e-12)


def test_losses_of_the_template():
    state = recurrent_state("gru")
    raw = from_torch(state, readout_state(2)).predict(X)
    means = from_torch(state, readout_state(2), estimator=RNNRegressor(loss="poisson")).predict(X)
    np.testing.assert_allclose(means, np.exp(raw), rtol=1e-12)
    template = RNNRegressor(loss="quantile", quantile=(0.1, 0.9))
    levels = from_torch(state, readout_state(2), estimator=template).predict(X)
    np.testing.assert_allclose(levels, np.sort(raw, axis=1), rtol=1e-12)
    assert from_torch(state, readout_state(4), estimator=template).predict(X).shape == (12, 2, 2)
    with pytest.raises(ValueError, match="3 rows; expected a multiple of 2"):
        from_torch(state, readout_state(3), estimator=template)


def test_classes_in_any_order():
    state, readout = recurrent_state("gru"), readout_state(3)
    raw = from_torch(state, readout).predict(X)
    model = from_torch(state, readout, classes=["c", "a", "b"])
    assert model.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(model.predict_proba(X), softmax(raw, axis=1)[:, [1, 2, 0]], rtol=1e-12)
    assert model.predict(X).tolist() == np.array(["c", "a", "b"])[raw.argmax(axis=1)].tolist()


@pytest.mark.parametrize("classes", [["no", "yes"], ["yes", "no"]])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_two_classes_of_one_output_or_two(classes, n_outputs):
    state, readout = recurrent_state("gru"), readout_state(n_outputs)
    raw = from_torch(state, readout).predict(X).reshape(12, n_outputs)
    model = from_torch(state, readout, classes=classes)
    of_second = expit(raw[:, 0]) if n_outputs == 1 else softmax(raw, axis=1)[:, 1]
    column = model.classes_.tolist().index(classes[1])
    np.testing.assert_allclose(model.predict_proba(X)[:, column], of_second, rtol=1e-10)
    assert model.readout_weights_.shape == (1, 3)
    assert model.partial_fit(X, model.predict(X)).classes_.tolist() == ["no", "yes"]


def test_labels():
    state, readout = recurrent_state("gru"), readout_state(3)
    raw = from_torch(state, readout).predict(X)
    model = from_torch(state, readout, multilabel=True)
    np.testing.assert_allclose(model.predict_proba(X), expit(raw), rtol=1e-12)
    assert model.predict(X).tolist() == (raw > 0).astype(int).tolist()
    model.partial_fit(X, model.predict(X))


def without(state, *names):
    return {name: value for name, value in state.items() if name not in names}


GRU = recurrent_state("gru")
BOTH = recurrent_state("gru", bidirectional=True)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3, readout_state(1)), TypeError, "recurrent is of type int; expected"),
        ((GRU, 3), TypeError, "readout is of type int; expected"),
        (({}, readout_state(1)), ValueError, "recurrent has no parameters; expected"),
        (({**GRU, "weight_hr_l0": np.ones((2, 3))}, readout_state(1)), ValueError, "proj_size, has no counterpart"),
        (({**GRU, "norm.weight": np.ones(3)}, readout_state(1)), ValueError, "'norm.weight'; expected only"),
        (({f"gru.{name}": value for name, value in GRU.items()},), ValueError, "'gru.weight_ih_l0'; .* pass two of"),
        ((without(GRU, "bias_hh_l0"), readout_state(1)), ValueError, r"only \['bias_ih', 'weight_hh', 'weight_ih'\]"),
        (({**GRU, "weight_hh_l0": np.ones((10, 5))}, readout_state(1)), ValueError, r"shape \(10, 5\); expected"),
        (
            ({**GRU, "weight_ih_l0": np.ones((6, 2))}, readout_state(1)),
            ValueError,
            r"shape \(6, 2\); expected \(9, 2\)",
        ),
        (({**GRU, "bias_ih_l0": np.ones(6)}, readout_state(1)), ValueError, r"shape \(6,\); expected \(9,\)"),
        (({**GRU, "bias_ih_l0": np.ones(9, dtype=int)}, readout_state(1)), TypeError, "dtype int64; expected float32"),
        (({**GRU, "bias_ih_l0": np.full(9, np.nan)}, readout_state(1)), ValueError, "bias_ih_l0 contains nan"),
        ((GRU, readout_state(1, n_states=4)), ValueError, r"shape \(1, 4\); expected \(n_outputs, 3\)"),
        ((GRU, {"weight": np.ones(3)}), ValueError, r"readout.weight has shape \(3,\); expected"),
        ((GRU, {"0.weight": np.ones(3)}), ValueError, "expected those of torch.nn.Linear"),
        ((GRU, {"weight": np.ones((2, 3)), "bias": np.ones(1)}), ValueError, r"shape \(1,\); expected \(2,\)"),
        (
            ([GRU, recurrent_state("lstm", n_features=3)], readout_state(1)),
            ValueError,
            "gru and lstm; expected the same",
        ),
        (([GRU, GRU], readout_state(1)), ValueError, r"weight_ih_l0 of module 1 has shape \(9, 2\); expected \(9, 3\)"),
        (([GRU, BOTH], readout_state(1, n_states=6)), ValueError, "each in both directions"),
        (
            ({name.replace("l0", "l1"): value for name, value in GRU.items()}, readout_state(1)),
            ValueError,
            "layers l1;",
        ),
        (
            ({f"1.{name}": value for name, value in GRU.items()}, readout_state(1)),
            ValueError,
            "l0 of module 1; expected",
        ),
        (
            (without(BOTH, *(name for name in BOTH if not name.endswith("_reverse"))), readout_state(1)),
            ValueError,
            "layers l0_reverse; expected",
        ),
    ],
)
def test_what_does_not_fit_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        from_torch(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"estimator": LinearRegression()}, TypeError, "estimator is of type LinearRegression; expected"),
        ({"estimator": RNNRegressor(), "classes": [0, 1, 2]}, ValueError, "estimator is a regressor"),
        ({"estimator": RNNRegressor(), "multilabel": True}, ValueError, "estimator is a regressor"),
        ({"estimator": RNNClassifier()}, ValueError, "classes is None"),
        ({"readout": None, "classes": [0, 1, 2]}, ValueError, "readout is None; expected a torch.nn.Linear, whose"),
        ({"readout": None, "multilabel": True}, ValueError, "readout is None; expected a torch.nn.Linear, whose"),
        ({"classes": [0, 1, 2], "multilabel": True}, ValueError, "classes and multilabel"),
        ({"classes": [0, 1, 1]}, ValueError, "distinct labels"),
        ({"classes": [0, 1, 2, 3]}, ValueError, "4 labels, but readout.weight has 3 rows"),
        ({"classes": [0, 1]}, ValueError, "2 labels, but readout.weight has 3 rows"),
        ({"estimator": RNNRegressor(alpha=-1.0)}, ValueError, "alpha"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        from_torch(GRU, **{"readout": readout_state(3), **options})
