"""Tests of every loss in LOSSES against the contract."""

import numpy as np
import pytest

from skrnn.losses import LOSSES, Loss
from tests.float32 import Float32Only, as_plain, float32_only
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import make_outputs

EXTREMES = [1e3, -1e3, 1e5, -1e5]


@pytest.fixture(params=LOSSES)
def name(request):
    return request.param


@pytest.fixture
def loss(name):
    return LOSSES[name]()


def weighted_sum(loss, y, weights):
    """Return the function from outputs to the weighted sum of their losses."""
    return lambda raw: float(np.dot(weights, loss.loss_gradient(y, raw, np.empty_like(raw))))


@pytest.mark.parametrize("n_outputs", [1, 2, 4])
def test_gradient(name, loss, n_outputs):
    y, raw, weights = make_outputs(name, n_outputs)
    d_raw = np.full_like(raw, np.nan)
    loss.loss_gradient(y, raw, d_raw)
    full_gradient_check(weighted_sum(loss, y, weights), d_raw * weights, raw)


@pytest.mark.parametrize("n_outputs", [1, 30])
def test_gradient_of_many_samples(name, loss, n_outputs):
    y, raw, weights = make_outputs(name, n_outputs, n_samples=200)
    d_raw = np.full_like(raw, np.nan)
    loss.loss_gradient(y, raw, d_raw)
    rng = np.random.default_rng(0)
    directional_gradient_check(weighted_sum(loss, y, weights), d_raw * weights, raw, rng)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_each_sample_is_judged_by_itself(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs)
    d_raw = np.empty_like(raw)
    losses = loss.loss_gradient(y, raw, d_raw)
    assert losses.shape == raw.shape[1:]
    for i in range(len(losses)):
        d_alone = np.empty_like(raw[:, i : i + 1])
        alone = loss.loss_gradient(y[:, i : i + 1], raw[:, i : i + 1], d_alone)
        np.testing.assert_allclose(alone[0], losses[i], rtol=1e-12)
        np.testing.assert_allclose(d_alone[:, 0], d_raw[:, i], rtol=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_writes_the_gradient_into_the_given_array(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs)
    room = np.full((len(raw), 2 * raw.shape[1]), 5.0)
    expected = np.empty_like(raw)
    loss.loss_gradient(y, raw, expected)
    loss.loss_gradient(y, raw, room[:, ::2])
    np.testing.assert_allclose(room[:, ::2], expected, rtol=1e-14)
    assert (room[:, 1::2] == 5.0).all()


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_float32_is_not_promoted(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs)
    expected = np.empty_like(raw)
    expected_losses = loss.loss_gradient(y, raw, expected)
    d_raw = float32_only(np.full_like(raw, np.nan))
    losses = loss.loss_gradient(float32_only(y), float32_only(raw), d_raw)
    assert losses.dtype == np.float32
    assert isinstance(losses, Float32Only)
    np.testing.assert_allclose(as_plain(losses), expected_losses, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(as_plain(d_raw), expected, rtol=1e-5, atol=1e-6)
    assert loss.predict(float32_only(raw)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", EXTREMES)
def test_extreme_outputs_are_finite(name, loss, scale, dtype):
    y, raw, _ = make_outputs(name, 3, dtype)
    raw = dtype(scale) * np.sign(raw)
    d_raw = np.empty_like(raw)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        losses = loss.loss_gradient(y, raw, d_raw)
        predictions = loss.predict(raw)
    for array in (losses, d_raw, predictions):
        assert array.dtype == dtype
        assert np.isfinite(array).all()
    assert (losses >= 0.0).all()


def test_predictions_have_the_shape_of_outputs(name, loss):
    _, raw, _ = make_outputs(name, 3)
    assert loss.predict(raw).shape == raw.shape


def test_score_is_a_number_and_best_where_the_targets_are_hit(name, loss):
    y, raw, weights = make_outputs(name, 3)
    hit = np.where(y > 0.5, 50.0, -50.0) if "log_loss" in name else y
    assert isinstance(loss.score(y, raw, weights), float)
    assert loss.score(y, hit, weights) == loss.score(y, hit, None) == 1.0
    assert loss.score(y, raw, None) < 1.0


def test_has_no_state_and_is_one_level_deep(loss):
    assert not vars(loss)
    assert type(loss).__bases__ == (Loss,)
    assert type(loss).__final__
