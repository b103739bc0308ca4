"""Tests of every loss in LOSSES against the contract."""

import numpy as np
import pytest

from skrnn.losses import LOSSES, Loss
from tests.float32 import Float32Only, as_plain, float32_only
from tests.gradcheck import directional_gradient_check, full_gradient_check
from tests.problems import make_outputs

EXTREMES = [1e3, -1e3, 1e5, -1e5]
#: Losses that add up over outputs, of which some may lack a target; a choice of one class is there or is not.
EVERY_SUM = pytest.mark.parametrize("name", ["squared_error", "binary_log_loss"])


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


# Targets that are not there


def make_present(shape):
    """Return which outputs have a target, read-only: none in the second column, all in the third."""
    present = (np.random.default_rng(8).random(shape) > 0.4).astype(float)
    present[:, 1] = 0.0
    present[:, 2] = 1.0
    assert 0.0 < present.mean() < 1.0
    present.flags.writeable = False
    return present


@EVERY_SUM
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_missing_targets_cost_what_leaving_them_out_costs(name, loss, n_outputs):
    y, raw, _ = make_outputs(name, n_outputs, n_samples=8)
    present = make_present(y.shape)
    d_raw, d_whole = np.full_like(raw, np.nan), np.empty_like(raw)
    losses = loss.loss_gradient(y, raw, d_raw, present)
    loss.loss_gradient(y, raw, d_whole)
    np.testing.assert_allclose(d_raw, d_whole * present, rtol=1e-14)
    rows = zip(y[:, None], raw[:, None], strict=True)
    entries = np.stack([loss.loss_gradient(*row, np.empty((1, 8))) for row in rows])
    whole = loss.loss_gradient(y, raw, np.empty_like(raw))
    share_of_an_entry = whole / entries.sum(axis=0)
    np.testing.assert_allclose(losses, (entries * present).sum(axis=0) * share_of_an_entry, rtol=1e-12)
    assert losses[1] == 0.0
    assert losses[2] == pytest.approx(whole[2], rel=1e-14)


@EVERY_SUM
def test_values_of_missing_targets_do_not_matter(name, loss):
    y, raw, weights = make_outputs(name, 3, n_samples=8)
    present = make_present(y.shape)
    other = np.where(present > 0.0, y, 1.0 - y)
    results = []
    for values in (y, other):
        d_raw = np.empty_like(raw)
        results.append((loss.loss_gradient(values, raw, d_raw, present), d_raw))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    weights = np.where(present.any(axis=0), weights, 0.0)
    scores = [loss.score(values, raw, weights, present) for values in (y, other)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-14)


@EVERY_SUM
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_gradient_with_missing_targets(name, loss, n_outputs):
    y, raw, weights = make_outputs(name, n_outputs, n_samples=8)
    present = make_present(y.shape)

    def total(raw):
        return float(np.dot(weights, loss.loss_gradient(y, raw, np.empty_like(raw), present)))

    d_raw = np.full_like(raw, np.nan)
    loss.loss_gradient(y, raw, d_raw, present)
    full_gradient_check(total, d_raw * weights, raw)
    directional_gradient_check(total, d_raw * weights, raw, np.random.default_rng(0))


@EVERY_SUM
def test_all_present_is_as_if_nothing_were_said(name, loss):
    y, raw, weights = make_outputs(name, 3)
    d_raw, expected = np.empty_like(raw), np.empty_like(raw)
    losses = loss.loss_gradient(y, raw, d_raw, np.ones_like(y))
    np.testing.assert_array_equal(losses, loss.loss_gradient(y, raw, expected))
    np.testing.assert_array_equal(d_raw, expected)
    for column_weights in (None, weights):
        score = loss.score(y, raw, column_weights, np.ones_like(y))
        assert score == pytest.approx(loss.score(y, raw, column_weights), rel=1e-14)


@EVERY_SUM
def test_float32_is_not_promoted_by_missing_targets(name, loss):
    y, raw, _ = make_outputs(name, 3)
    present = make_present(y.shape)
    expected = np.empty_like(raw)
    expected_losses = loss.loss_gradient(y, raw, expected, present)
    d_raw = float32_only(np.full_like(raw, np.nan))
    losses = loss.loss_gradient(float32_only(y), float32_only(raw), d_raw, float32_only(present))
    assert losses.dtype == np.float32
    np.testing.assert_allclose(as_plain(losses), expected_losses, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(as_plain(d_raw), expected, rtol=1e-5, atol=1e-6)


# Predictions and scores


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
