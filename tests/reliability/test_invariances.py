"""Properties that users take for granted, of networks, data and forms drawn at random."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone

from skrnn import RNNClassifier, RNNRegressor
from skrnn.cells._registry import CELLS
from skrnn.network._pooling import POOLINGS
from tests.estimators.tasks import as_objects, assert_same_fit
from tests.examples import examples

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Each of the .* single timestep:skrnn.exceptions.DataWarning"),
]
some_examples = examples(20, derandomize=True)
FULL_BATCH = ("lbfgs", "BFGS", "CG", "trust-ncg")


@st.composite
def tasks(draw, solvers=("adam", "sgd", *FULL_BATCH), forms=("array", "list", "padded")):
    """Return an estimator that is not fitted, and sequences, targets and weights for it."""
    Estimator = draw(st.sampled_from([RNNRegressor, RNNClassifier]))
    return_sequences = draw(st.booleans())
    estimator = Estimator(
        draw(st.sampled_from([(3,), (2, 3), 1])),
        cell=draw(st.sampled_from(sorted(CELLS))),
        bidirectional=draw(st.booleans()),
        return_sequences=return_sequences,
        pooling="last" if return_sequences else draw(st.sampled_from(sorted(POOLINGS))),
        solver=draw(st.sampled_from(solvers)),
        max_iter=3,
        random_state=draw(st.integers(0, 99)),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_samples, n_timesteps = draw(st.integers(6, 12)), draw(st.integers(1, 6))
    X = rng.normal(size=(n_samples, n_timesteps, draw(st.integers(1, 3))))
    sums = X[:, :, 0].cumsum(axis=1)
    numbers = sums if return_sequences else sums[:, -1]
    y = (numbers > np.median(numbers)).astype(int) if Estimator is RNNClassifier else numbers
    weights = rng.integers(1, 4, n_samples).astype(float)
    form = draw(st.sampled_from(forms))
    if form != "array":
        lengths = rng.integers(1, n_timesteps + 1, n_samples)
        lengths[0] = n_timesteps
        if form == "list":
            X = [sequence[:length] for sequence, length in zip(X, lengths, strict=True)]
            y = [targets[: len(x)] for x, targets in zip(X, y, strict=True)] if return_sequences else y
            if return_sequences and Estimator is RNNClassifier:
                y[0][0] = 1 - y[1][0]  # of both classes one at least
        else:
            X[np.arange(n_timesteps) >= lengths[:, None]] = np.nan
            if return_sequences and Estimator is RNNClassifier:
                y[0, 0] = 1 - y[1, 0]
    return estimator, X, y, weights


def taken(values, indices):
    """Return the entries at these indices, in the form of the values."""
    return [values[i] for i in indices] if isinstance(values, list) else values[indices]


def assert_close(found, expected, rtol=1e-10, atol=1e-12):
    """Check that two answers, arrays or lists of some, are equal but for rounding; NaN stays NaN."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


def answers(estimator, X):
    """Return what the estimator answers: numbers, or probabilities."""
    return estimator.predict_proba(X) if isinstance(estimator, RNNClassifier) else estimator.predict(X)


@some_examples
@given(task=tasks())
def test_clone_is_fitted_the_same(task):
    estimator, X, y, weights = task
    first, second = clone(estimator).fit(X, y, weights), clone(estimator).fit(X, y, weights)
    assert_same_fit(first, second)
    assert first.loss_curve_ == second.loss_curve_
    assert_same_fit(first, first.fit(X, y, weights))  # fitted again, it begins anew


@some_examples
@given(task=tasks(), protocol=st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_pickle_answers_and_goes_on_the_same(task, protocol):
    estimator, X, y, weights = task
    estimator.fit(X, y, weights)
    other = pickle.loads(pickle.dumps(estimator, protocol))
    assert_close(answers(other, X), answers(estimator, X), rtol=0.0, atol=0.0)
    if hasattr(estimator, "partial_fit"):
        assert_same_fit(estimator.partial_fit(X, y), other.partial_fit(X, y))


@some_examples
@given(task=tasks(), order=st.permutations(range(6)))
def test_order_and_pieces_of_a_prediction_do_not_matter(task, order):
    estimator, X, y, weights = task
    estimator.fit(X, y, weights)
    whole = answers(estimator, X)
    assert_close(answers(estimator, taken(X, order)), taken(whole, order))
    for first in range(0, len(X), 5):
        piece = range(first, min(first + 5, len(X)))
        assert_close(answers(estimator, taken(X, piece)), taken(whole, piece))


@some_examples
@given(task=tasks(solvers=FULL_BATCH), data=st.data())
def test_order_of_samples_does_not_matter_to_a_full_batch(task, data):
    estimator, X, y, weights = task
    order = data.draw(st.permutations(range(len(X))))
    other = clone(estimator).fit(taken(X, order), taken(y, order), taken(weights, order))
    assert_same_fit(estimator.fit(X, y, weights), other, rtol=1e-7, atol=1e-9)


@some_examples
@given(task=tasks(solvers=FULL_BATCH), alpha=st.sampled_from([0.0, 0.01, 3.0, 100.0]))
def test_weight_of_two_is_the_sample_twice(task, alpha):
    estimator, X, y, weights = task
    estimator.set_params(alpha=alpha)
    repeated = np.repeat(np.arange(len(X)), weights.astype(int))
    other = clone(estimator).fit(taken(X, repeated), taken(y, repeated))
    assert_same_fit(estimator.fit(X, y, weights), other, rtol=1e-7, atol=1e-9)


@some_examples
@given(task=tasks(), factor=st.sampled_from([1e-320, 1e-200, 0.125, 3.0, 1e200, 1e307]))
def test_scale_of_the_weights_does_not_matter_without_a_penalty(task, factor):
    estimator, X, y, weights = task
    estimator.set_params(alpha=0.0)
    with np.errstate(under="ignore"):
        # 1e-320 has few digits left: the weights are then the same
        weights = np.ones(len(weights)) if factor < 1e-300 else weights
        other = clone(estimator).fit(X, y, factor * weights)
    assert_same_fit(estimator.fit(X, y, weights), other, rtol=1e-7, atol=1e-9)
    assert other.score(X, y, factor * weights) == pytest.approx(estimator.score(X, y, weights), rel=1e-6, abs=1e-6)


@some_examples
@given(task=tasks(), alpha=st.sampled_from([0.01, 1.0, 30.0]), factor=st.sampled_from([1e-4, 0.125, 3.0, 1e200]))
def test_scale_of_the_weights_is_that_of_the_penalty(task, alpha, factor):
    estimator, X, y, weights = task
    other = clone(estimator).set_params(alpha=factor * alpha).fit(X, y, factor * weights)
    assert_same_fit(estimator.set_params(alpha=alpha).fit(X, y, weights), other, rtol=1e-7, atol=1e-9)


@some_examples
@given(task=tasks(forms=("array", "padded")), order=st.sampled_from("CFK"))
def test_memory_order_and_container_do_not_matter(task, order):
    estimator, X, y, weights = task
    fitted = clone(estimator).fit(X, y, weights)
    forms = [np.asarray(X, order=order), np.moveaxis(np.moveaxis(X, 0, 2).copy(), 2, 0), list(X), as_objects(list(X))]
    for form in forms:
        assert_same_fit(fitted, clone(estimator).fit(form, y, weights))
        assert_close(answers(fitted, form), answers(fitted, X), rtol=0.0, atol=0.0)


@some_examples
@given(task=tasks(), n_jobs=st.sampled_from([2, 3, -1]))
def test_workers_do_not_matter(task, n_jobs):
    estimator, X, y, weights = task
    fitted = clone(estimator).fit(X, y, weights)
    other = clone(estimator).set_params(n_jobs=n_jobs).fit(X, y, weights)
    assert_same_fit(fitted, other)
    assert_close(answers(other, X), answers(fitted, X), rtol=0.0, atol=0.0)


@some_examples
@given(task=tasks(solvers=("adam", "sgd", "lbfgs")))
def test_float32_is_float64_but_for_rounding(task):
    estimator, X, y, weights = task
    double = clone(estimator).set_params(dtype="float64").fit(X, y, weights)
    single = clone(estimator).set_params(dtype="float32").fit(X, y, weights)
    assert single.readout_weights_.dtype == np.float32
    assert_close(answers(single, X), answers(double, X), rtol=2e-2, atol=2e-2)
    assert single.loss_curve_[0] == pytest.approx(double.loss_curve_[0], rel=1e-4, abs=1e-6)


@some_examples
@given(task=tasks(forms=("array",)), n_masked=st.integers(1, 3), where=st.sampled_from(["before", "after"]))
def test_padding_does_not_matter(task, n_masked, where):
    estimator, X, y, weights = task
    estimator.set_params(return_sequences=False)
    y = y[:, -1] if y.ndim == 2 else y
    if isinstance(estimator, RNNClassifier):
        y = np.arange(len(y)) % 2
    masked = np.full((len(X), n_masked, X.shape[2]), np.nan)
    padded = np.concatenate([masked, X] if where == "before" else [X, masked], axis=1)
    assert_same_fit(clone(estimator).fit(X, y, weights), clone(estimator).fit(padded, y, weights))


@some_examples
@given(task=tasks(forms=("array",)), shift=st.integers(-3, 3), scale=st.sampled_from([0.25, 2.0, 1e6]))
def test_unit_of_the_targets_does_not_matter(task, shift, scale):
    estimator, X, y, weights = task
    if isinstance(estimator, RNNClassifier):
        names = np.array(["no", "yes"])[y]
        fitted, other = clone(estimator).fit(X, y, weights), clone(estimator).fit(X, names, weights)
        assert_same_fit(fitted, other)
        np.testing.assert_array_equal(other.predict(X), np.array(["no", "yes"])[fitted.predict(X)])
    else:
        fitted, other = clone(estimator).fit(X, y, weights), clone(estimator).fit(X, scale * (y + shift), weights)
        assert_close(other.predict(X) / scale - shift, fitted.predict(X), rtol=1e-5, atol=1e-6)
