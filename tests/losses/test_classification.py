"""Tests of the losses of classification against sklearn.metrics, and of their limits."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from skrnn.losses._losses import LOSSES
from tests.problems import make_outputs

BINARY, MULTINOMIAL = LOSSES["binary_log_loss"](), LOSSES["multinomial_log_loss"]()
WEIGHTED = pytest.mark.parametrize("weighted", [False, True])
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def loss_gradient(loss, y, raw):
    d_raw = np.empty_like(raw)
    return loss.loss_gradient(y, raw, d_raw), d_raw


@WEIGHTED
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_binary_values_are_log_losses_summed_over_outputs(n_outputs, weighted):
    y, raw, weights = make_outputs("binary_log_loss", n_outputs)
    weights = weights if weighted else None
    losses, _ = loss_gradient(BINARY, y, raw)
    expected = sum(
        log_loss(labels, probabilities, sample_weight=weights, labels=[0, 1])
        for labels, probabilities in zip(y, BINARY.predict(raw), strict=True)
    )
    assert np.average(losses, weights=weights) == pytest.approx(expected, rel=1e-12)


@WEIGHTED
def test_multinomial_value_is_the_log_loss(weighted):
    y, raw, weights = make_outputs("multinomial_log_loss", 3)
    weights = weights if weighted else None
    losses, _ = loss_gradient(MULTINOMIAL, y, raw)
    expected = log_loss(y.argmax(axis=0), MULTINOMIAL.predict(raw).T, sample_weight=weights, labels=range(len(y)))
    assert np.average(losses, weights=weights) == pytest.approx(expected, rel=1e-12)


@WEIGHTED
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_binary_score_is_the_accuracy(n_outputs, weighted):
    y, raw, weights = make_outputs("binary_log_loss", n_outputs, n_samples=40)
    weights = weights if weighted else None
    labels = (BINARY.predict(raw) > 0.5).astype(int)
    expected = accuracy_score(y.T.astype(int), labels.T, sample_weight=weights)
    assert 0.0 < expected < 1.0
    assert BINARY.score(y, raw, weights) == pytest.approx(expected, rel=1e-14)


@WEIGHTED
def test_binary_score_is_the_share_of_columns_right_in_all_that_is_there(weighted):
    y, raw, weights = make_outputs("binary_log_loss", 3, n_samples=40)
    present = (np.random.default_rng(0).random(y.shape) > 0.5).astype(float)
    weights = np.where(present.any(axis=0), weights if weighted else 1.0, 0.0)
    assert not weights.all()
    right = [
        all((raw[k, i] > 0.0) == (y[k, i] == 1.0) for k in range(3) if present[k, i])  # one by one
        for i in range(40)
    ]
    expected = np.average(right, weights=weights)
    assert BINARY.score(y, raw, weights) < expected < 1.0
    assert BINARY.score(y, raw, weights, present) == pytest.approx(expected, rel=1e-14)


def test_output_of_zero_is_a_no():
    """As in the labels that a classifier predicts: positive is a probability above one half."""
    raw = np.zeros((1, 2))
    assert BINARY.score(np.zeros_like(raw), raw, None) == 1.0
    assert BINARY.score(np.ones_like(raw), raw, None) == 0.0


@WEIGHTED
def test_multinomial_score_is_the_accuracy(weighted):
    y, raw, weights = make_outputs("multinomial_log_loss", 3, n_samples=40)
    weights = weights if weighted else None
    labels = MULTINOMIAL.predict(raw).argmax(axis=0)
    expected = accuracy_score(y.argmax(axis=0), labels, sample_weight=weights)
    assert 0.0 < expected < 1.0
    assert MULTINOMIAL.score(y, raw, weights) == pytest.approx(expected, rel=1e-14)


@DTYPES
@pytest.mark.parametrize("size", [1.0, 1e3, 1e5])
def test_probabilities(size, dtype):
    _, raw, _ = make_outputs("multinomial_log_loss", 4, dtype)
    for loss in (BINARY, MULTINOMIAL):
        probabilities = loss.predict(dtype(size) * raw)
        assert ((probabilities >= 0.0) & (probabilities <= 1.0)).all()
    np.testing.assert_allclose(probabilities.sum(axis=0), 1.0, rtol=4 * np.finfo(dtype).eps)


@DTYPES
@pytest.mark.parametrize("size", [1e3, 1e5])
def test_binary_limits_are_exact(size, dtype):
    y = np.array([[0.0, 1.0, 0.0, 1.0]], dtype)
    raw = np.array([[size, size, -size, -size]], dtype)
    losses, d_raw = loss_gradient(BINARY, y, raw)
    np.testing.assert_array_equal(losses, [size, 0.0, 0.0, size])
    np.testing.assert_array_equal(d_raw, [[1.0, 0.0, 0.0, -1.0]])


@DTYPES
@pytest.mark.parametrize("size", [1e3, 1e5])
def test_multinomial_limits_are_exact(size, dtype):
    y = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], dtype)
    raw = np.array([[size, size], [-size, -size], [0.0, 0.0]], dtype)
    losses, d_raw = loss_gradient(MULTINOMIAL, y, raw)
    np.testing.assert_array_equal(losses, [0.0, 2.0 * size])
    np.testing.assert_array_equal(d_raw, [[0.0, 1.0], [0.0, -1.0], [0.0, 0.0]])


@DTYPES
def test_multinomial_is_blind_to_a_shift_of_all_outputs(dtype):
    y, raw, _ = make_outputs("multinomial_log_loss", 3, dtype)
    losses, d_raw = loss_gradient(MULTINOMIAL, y, raw)
    shifted_losses, shifted_d_raw = loss_gradient(MULTINOMIAL, y, raw + dtype(64.0))
    np.testing.assert_allclose(shifted_losses, losses, rtol=0, atol=200 * np.finfo(dtype).eps)
    np.testing.assert_allclose(shifted_d_raw, d_raw, rtol=0, atol=200 * np.finfo(dtype).eps)


def test_two_classes_have_the_loss_of_one_binary_label():
    y, raw, _ = make_outputs("binary_log_loss", 1)
    binary, _ = loss_gradient(BINARY, y, raw)
    multinomial, _ = loss_gradient(MULTINOMIAL, np.vstack([1.0 - y, y]), np.vstack([np.zeros_like(raw), raw]))
    np.testing.assert_allclose(multinomial, binary, rtol=1e-13)


@DTYPES
def test_losses_keep_their_relative_precision(dtype):
    """The loss of a well-learnt sample is tiny, and must not be lost in the rounding of its output."""
    raw = np.linspace(1.0, 12.0, 12)[None]
    exact = np.log1p(np.exp(-raw[0]))
    losses, _ = loss_gradient(BINARY, np.ones(raw.shape, dtype), raw.astype(dtype))
    np.testing.assert_allclose(losses, exact, rtol=100 * np.finfo(dtype).eps)
