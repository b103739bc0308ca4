"""Tests of the target encoder: it stores what it learns on the estimator, and restores it."""

import numpy as np
import pytest

from skrnn import RNNClassifier, RNNRegressor
from skrnn.estimators._sequence_format import SequenceFormat

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_SAMPLES = 12
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N_SAMPLES, 4, 2))
NUMBERS = RNG.normal(size=(N_SAMPLES, 3))
CODES = np.arange(N_SAMPLES) % 3
LEVELS = [0.1, 0.9]

#: name: (estimator, y, columns of y, kind, shape of a prediction or of the probabilities)
TASKS = {
    "number": (RNNRegressor(), NUMBERS[:, 0], None, "numbers", ()),
    "numbers": (RNNRegressor(), NUMBERS, 3, "numbers", (3,)),
    "counts": (RNNRegressor(loss="poisson"), np.round(np.exp(NUMBERS[:, 0])), None, "exponentials", ()),
    "quantile": (RNNRegressor(loss="quantile"), NUMBERS, 3, "numbers", (3,)),
    "one level": (RNNRegressor(loss="quantile", quantile=[0.5]), NUMBERS, 3, "numbers", (3, 1)),
    "levels": (RNNRegressor(loss="quantile", quantile=LEVELS), NUMBERS[:, 0], None, "quantiles", (2,)),
    "levels of numbers": (RNNRegressor(loss="quantile", quantile=LEVELS), NUMBERS, 3, "quantiles", (3, 2)),
    "two classes": (RNNClassifier(), CODES > 0, None, "two classes", (2,)),
    "classes": (RNNClassifier(), np.array(["dry", "damp", "wet"])[CODES], None, "classes", (3,)),
    "labels": (RNNClassifier(), (NUMBERS > 0).astype(int), 3, "labels", (3,)),
}


def fit(task):
    estimator, y, *_ = TASKS[task]
    # With all samples in one batch, equal ones would be merged in another order, with other rounding of means.
    return estimator.set_params(hidden_layer_sizes=(2,), max_iter=1, batch_size=4, random_state=0).fit(X, y)


def state_of(encoder):
    """Return all attributes of the encoder, with arrays as lists, and the type of the loss."""
    state = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(encoder).items()}
    return {**state, "loss": type(encoder.loss)}


@pytest.mark.parametrize("task", TASKS)
def test_form_of_predictions(task):
    _, _, n_targets, kind, shape = TASKS[task]
    model = fit(task)
    encoder = model._target_encoder()
    assert (encoder.n_targets, encoder.kind, encoder.shape) == (n_targets, kind, shape)
    predict = model.predict_proba if encoder.has_classes else model.predict
    assert predict(X).shape == (N_SAMPLES, *shape)
    assert encoder.n_outputs == model.n_outputs_ == len(model.readout_bias_)


@pytest.mark.parametrize("task", TASKS)
def test_what_is_learnt_is_what_is_read_back(task):
    estimator, y, n_targets, *_ = TASKS[task]
    new = estimator._encoder_type.new(estimator)
    columns = new.read(y, None, SequenceFormat.read(estimator, X))
    learnt = new.learn(columns)
    learnt = learnt.standardise(learnt.encode(columns))
    assert state_of(fit(task)._target_encoder()) == state_of(learnt)
    described = new.with_form(n_targets, learnt.classes if new.has_classes and n_targets is None else None)
    assert {**state_of(described), "location": [], "scale": []} == {**state_of(learnt), "location": [], "scale": []}


@pytest.mark.parametrize("task", TASKS)
def test_an_encoder_does_not_follow_a_later_fit(task):
    model = fit(task)
    encoder = model._target_encoder()
    before = state_of(encoder)
    model.fit(X, TASKS[task][1][::-1])
    assert state_of(encoder) == before


@pytest.mark.parametrize(
    ("task", "n_targets", "classes", "message"),
    [
        ("number", 0, None, "no columns"),
        ("number", None, [0, 1], "targets are numbers"),
        ("classes", None, [1], "only one class"),
        ("labels", 3, [0, 1], "classes are"),
    ],
)
def test_forms_that_are_none(task, n_targets, classes, message):
    estimator = TASKS[task][0]
    with pytest.raises(ValueError, match=message):
        estimator._encoder_type.new(estimator).with_form(n_targets, classes)


@pytest.mark.parametrize("task", ["number", "classes"])
def test_a_fitted_estimator_holds_no_encoder(task):
    plain = (np.ndarray, np.generic, str, int, float, list, tuple, dict, type(None))
    assert all(isinstance(value, plain) for value in vars(fit(task)).values())
