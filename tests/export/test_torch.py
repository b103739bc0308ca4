"""Tests of weights to and from PyTorch, with the same predictions."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS
from skrnn.export import from_torch, to_torch
from skrnn.export._to_torch import MODULES
from tests.export.fitted_networks import CELLS_WITH_ACTIVATIONS, N_FEATURES, READINGS, STACKS, fitted, make_sequences

TOLERANCE = {"rtol": 1e-10, "atol": 1e-12}
T = 6
LENGTHS = np.array([3, 6, 1, 5, 2, 5])


def predictions_of(module, X, lengths=None):
    """Return the predictions of the module as arrays."""
    with torch.no_grad():
        return module(torch.tensor(X), None if lengths is None else torch.tensor(lengths)).numpy()


def test_every_cell_has_a_module():
    assert set(MODULES) == set(CELLS)


@pytest.mark.parametrize("reading", READINGS, ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("sizes", STACKS)
@pytest.mark.parametrize(("cell", "activation"), CELLS_WITH_ACTIVATIONS)
def test_there_and_back(cell, activation, sizes, bidirectional, reading):
    template = RNNRegressor(
        sizes,
        cell=cell,
        activation=activation,
        bidirectional=bidirectional,
        random_state=0,
        **reading,
    )
    y = np.random.default_rng(0).random((4, 5) if template.return_sequences else 4)
    estimator = fitted(template, y)
    X = make_sequences(LENGTHS, T)
    expected = estimator.predict(X)
    module = to_torch(estimator)
    np.testing.assert_allclose(predictions_of(module, X, LENGTHS), expected, **TOLERANCE)
    whole = make_sequences([T] * 3, T)
    np.testing.assert_allclose(predictions_of(module, whole), estimator.predict(whole), **TOLERANCE)
    assert len(module.recurrent) == (2 if len(set(sizes)) > 1 else 1)

    usual = RNNRegressor(**reading)  # the module is sufficient to identify the network
    for again in (
        from_torch(module, estimator=usual),
        from_torch(module.recurrent, module.readout, estimator=usual),
        from_torch(list(module.recurrent), module.readout, estimator=usual),
        from_torch(module.state_dict(), estimator=usual.set_params(activation=activation)),
    ):
        np.testing.assert_allclose(again.predict(X), expected, **TOLERANCE)
        assert again.hidden_layer_sizes == sizes


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("make", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_a_module_of_pytorch_s_own(make, bidirectional, batch_first, bias):
    torch.manual_seed(0)
    options = {"bias": bias, "batch_first": batch_first, "bidirectional": bidirectional, "dropout": 0.5}
    recurrent = make(N_FEATURES, 4, 2, dtype=torch.float64, **options).eval()
    readout = torch.nn.Linear(4 * (1 + bidirectional), 2, bias=bias, dtype=torch.float64)
    X = make_sequences([T] * 5, T)
    with torch.no_grad():
        tensor = torch.tensor(X)
        states, _ = recurrent(tensor if batch_first else tensor.transpose(0, 1))
        expected = readout(states if batch_first else states.transpose(0, 1)).numpy()
    model = from_torch(recurrent, readout, estimator=RNNRegressor(return_sequences=True))
    np.testing.assert_allclose(model.predict(X), expected, **TOLERANCE)
    states = states if batch_first else states.transpose(0, 1)
    np.testing.assert_allclose(from_torch(recurrent).hidden_states(X), states, **TOLERANCE)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("make", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_states_that_a_module_of_pytorch_s_own_gives_are_pooled(make, pooling):
    torch.manual_seed(0)
    recurrent = make(N_FEATURES, 4, 2, dtype=torch.float64, batch_first=True, bidirectional=True)
    readout = torch.nn.Linear(8, 2, dtype=torch.float64)
    X = make_sequences([T] * 5, T)
    with torch.no_grad():
        states, _ = recurrent(torch.tensor(X))
        pooled = states.mean(dim=1) if pooling == "mean" else states.max(dim=1).values
        expected = readout(pooled).numpy()
    model = from_torch(recurrent, readout, estimator=RNNRegressor(pooling=pooling))
    np.testing.assert_allclose(model.predict(X), expected, **TOLERANCE)


@pytest.mark.parametrize("pooling", ["mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("make", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_gradient_of_pooled_states_is_that_of_pytorch(make, bidirectional, pooling):
    """A step of gradient descent on ragged sequences is the same in PyTorch."""
    torch.manual_seed(0)
    recurrent = make(N_FEATURES, 4, 2, dtype=torch.float64, batch_first=True, bidirectional=bidirectional)
    readout = torch.nn.Linear(4 * (1 + bidirectional), 2, dtype=torch.float64)
    X, y = make_sequences(LENGTHS, T), np.random.default_rng(1).normal(size=(len(LENGTHS), 2))
    settings = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1, "max_grad_norm": None, "alpha": 0.0}
    template = RNNRegressor(
        pooling=pooling, **settings, shuffle=False, normalize_X=False, normalize_y=False, warm_start=True
    )
    model = from_torch(recurrent, readout, estimator=template)
    module = to_torch(model)
    loss = ((module(torch.tensor(X), torch.tensor(LENGTHS)) - torch.tensor(y)) ** 2).mean() / 2.0
    loss.backward()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if "bias_hh" in name:  # only that of the candidate of a GRU is one of ours
                parameter.grad[: 8 if make is torch.nn.GRU else None] = 0.0
            parameter -= 0.1 * parameter.grad
    model.partial_fit(X, y)
    assert model.loss_ == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(model.predict(X), predictions_of(module, X, LENGTHS), rtol=1e-9)


def test_relu_is_taken_from_the_module():
    recurrent = torch.nn.RNN(2, 3, nonlinearity="relu", dtype=torch.float64)
    model = from_torch(recurrent, torch.nn.Linear(3, 1, dtype=torch.float64))
    assert model.activation == "relu"
    tanh = torch.nn.RNN(3, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"activations \['relu', 'tanh'\]; expected the same"):
        from_torch([recurrent, tanh], torch.nn.Linear(3, 1, dtype=torch.float64))


def test_a_float32_module_gives_a_float32_estimator_and_back():
    recurrent, readout = torch.nn.GRU(N_FEATURES, 4, batch_first=True), torch.nn.Linear(4, 1)
    model = from_torch(recurrent, readout)
    assert model.readout_weights_.dtype == np.float32
    X = make_sequences([T] * 3, T).astype(np.float32)
    with torch.no_grad():
        expected = readout(recurrent(torch.tensor(X))[1][0]).numpy()[:, 0]
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-6)
    assert to_torch(model).readout.weight.dtype == torch.float32


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize(
    ("options", "n_targets"),
    [
        ({"loss": "poisson"}, None),
        ({"loss": "poisson"}, 2),
        ({"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}, None),
        ({"loss": "quantile", "quantile": (0.1, 0.5, 0.9)}, 2),
        ({"loss": "quantile", "quantile": [0.5]}, None),
        ({"loss": "huber"}, 2),
    ],
)
def test_losses(options, n_targets, return_sequences):
    y = np.random.default_rng(0).random((4, *[5] * return_sequences, *[n_targets] * (n_targets is not None)))
    estimator = fitted(RNNRegressor((4,), cell="gru", return_sequences=return_sequences, **options), y)
    X = make_sequences(LENGTHS, T)
    module = to_torch(estimator)
    predictions = predictions_of(module, X, LENGTHS)
    np.testing.assert_allclose(predictions, estimator.predict(X), **TOLERANCE)
    assert module.raw_outputs(torch.tensor(X), LENGTHS).shape[-1] == estimator.n_outputs_


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes(n_classes, return_sequences):
    y = np.resize(np.array(["c", "a", "b"])[:n_classes], (6, 5) if return_sequences else 6)
    estimator = fitted(RNNClassifier((4,), cell="lstm", return_sequences=return_sequences), y)
    X = make_sequences(LENGTHS, T)
    module = to_torch(estimator)
    np.testing.assert_allclose(predictions_of(module, X, LENGTHS), estimator.predict_proba(X), **TOLERANCE)
    template = RNNClassifier(return_sequences=return_sequences)
    again = from_torch(module, estimator=template, classes=estimator.classes_)
    np.testing.assert_allclose(again.predict_proba(X), estimator.predict_proba(X), **TOLERANCE)


def test_labels():
    estimator = fitted(RNNClassifier((4,)), np.random.default_rng(0).integers(2, size=(6, 3)))
    X = make_sequences(LENGTHS, T)
    module = to_torch(estimator)
    np.testing.assert_allclose(predictions_of(module, X, LENGTHS), estimator.predict_proba(X), **TOLERANCE)
    again = from_torch(module, multilabel=True)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))


def copies_of(module):
    """Return the module, copied in all ways."""
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    return copy.deepcopy(module), pickle.loads(pickle.dumps(module)), torch.load(file, weights_only=False)


def test_copies():
    estimator = fitted(RNNRegressor((4, 2), cell="lstm", bidirectional=True), np.arange(6.0))
    module = to_torch(estimator)
    X = make_sequences(LENGTHS, T)
    for copied in copies_of(module):
        np.testing.assert_array_equal(predictions_of(copied, X, LENGTHS), predictions_of(module, X, LENGTHS))
    deep = copy.deepcopy(module)
    torch.nn.init.zeros_(deep.readout.weight)
    assert predictions_of(module, X, LENGTHS).std() > 0.01  # weights are its own


def test_weights_are_copied():
    estimator = fitted(RNNRegressor((4,)), np.arange(6.0))
    X = make_sequences([T] * 3, T)
    expected = estimator.predict(X)
    for parameter in to_torch(estimator).parameters():
        torch.nn.init.zeros_(parameter)
    np.testing.assert_array_equal(estimator.predict(X), expected)
    module = to_torch(estimator)
    again = from_torch(module)
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    np.testing.assert_allclose(again.predict(X), expected, **TOLERANCE)


def test_training_goes_on_in_pytorch():
    estimator = fitted(RNNRegressor((4,), cell="gru", return_sequences=True), np.random.default_rng(0).random((4, 5)))
    module = to_torch(estimator)
    X = torch.tensor(make_sequences(LENGTHS, T))
    is_there = torch.arange(T) < torch.tensor(LENGTHS)[:, None]
    optimizer = torch.optim.Adam(module.parameters(), lr=0.01)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = (module.raw_outputs(X, LENGTHS)[..., 0][is_there] ** 2).mean()
        loss.backward()
        assert all(torch.isfinite(parameter.grad).all() for parameter in module.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    again = from_torch(module, estimator=estimator)
    trained = predictions_of(module, X.numpy(), LENGTHS)
    np.testing.assert_allclose(again.predict(X.numpy()), trained, **TOLERANCE)


def test_what_does_not_fit_is_refused():
    module = to_torch(fitted(RNNRegressor((4,)), np.arange(6.0)))
    with pytest.raises(ValueError, match=r"X has shape \(4, 3\); expected \(n_samples"):
        module(torch.zeros(4, 3, dtype=torch.float64))
    with pytest.raises(TypeError, match=r"X is of type ndarray; expected a tensor"):
        module(np.zeros((4, 3, 3)))
    X = torch.zeros(2, 5, 3, dtype=torch.float64)
    for lengths in ([5, 6], [0, 5], [5], [5, 5, 5], [[5, 5]], [5.0, 5.0]):
        with pytest.raises(ValueError, match=r"lengths .* of integers from 1 to 5, the timesteps of X"):
            module(X, lengths)
    with pytest.raises(NotFittedError):
        to_torch(RNNRegressor())
    with pytest.raises(TypeError, match="to_torch got an object of type Pipeline; expected"):
        to_torch(make_pipeline(StandardScaler(), RNNRegressor()))


@pytest.mark.parametrize(
    ("recurrent", "message"),
    [
        (torch.nn.LSTM(2, 4, proj_size=3), "'weight_hr_l0' .*proj_size, has no counterpart"),
        (torch.nn.GRUCell(2, 3), "'weight_ih'; expected only"),
        (torch.nn.utils.parametrizations.weight_norm(torch.nn.GRU(2, 3), "weight_hh_l0"), "parametrizations"),
        (torch.nn.ModuleDict({"a": torch.nn.GRU(2, 3), "b": torch.nn.GRU(3, 3)}), "'a.weight_ih_l0'; expected only"),
    ],
)
def test_other_modules_are_refused(recurrent, message):
    with pytest.raises(ValueError, match=message):
        from_torch(recurrent, torch.nn.Linear(3, 1))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(dtype):
    name = str(dtype).removeprefix("torch.")
    with pytest.raises(TypeError, match=f"weight_ih_l0 has dtype {name}; expected float32 or float64"):
        from_torch(torch.nn.GRU(2, 3, dtype=dtype), torch.nn.Linear(3, 1, dtype=dtype))
