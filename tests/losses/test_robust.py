"""Tests of the losses that are linear far from the target against sklearn.metrics and scipy.special."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import huber
from sklearn.metrics import d2_absolute_error_score, d2_pinball_score, mean_absolute_error, mean_pinball_loss

from skrnn.losses._losses import LOSSES, Quantile
from tests.float32 import as_plain, float32_only
from tests.gradcheck import full_gradient_check
from tests.problems import make_outputs

ABSOLUTE_ERROR, HUBER = LOSSES["absolute_error"](), LOSSES["huber"]()
LEVELS = (0.05, 0.5, 0.9)
WEIGHTED = pytest.mark.parametrize("weighted", [False, True])
OUTPUTS = pytest.mark.parametrize("n_outputs", [1, 3])
EVERY_LOSS = pytest.mark.parametrize("loss", [ABSOLUTE_ERROR, HUBER, Quantile((0.2,)), Quantile(LEVELS)])


def make_task(n_outputs=3, *, weighted=True, n_samples=41):
    """Return targets, outputs, and integer weights (or None) for which the best constant is unique."""
    y, raw, _ = make_outputs("absolute_error", n_outputs, n_samples=n_samples)
    return y, raw, np.arange(n_samples) % 3 + (np.arange(n_samples) == 0) if weighted else None


def losses_of(loss, y, raw):
    return loss.loss_gradient(y, raw, np.empty_like(raw))


def gradient_of(loss, y, raw):
    d_raw = np.empty_like(raw)
    loss.loss_gradient(y, raw, d_raw)
    return d_raw


# Values


@WEIGHTED
@OUTPUTS
def test_absolute_error_is_scikit_learn_s(n_outputs, weighted):
    y, raw, weights = make_task(n_outputs, weighted=weighted)
    expected = mean_absolute_error(y.T, raw.T, sample_weight=weights)
    assert np.average(losses_of(ABSOLUTE_ERROR, y, raw), weights=weights) == pytest.approx(expected, rel=1e-14)


@OUTPUTS
def test_huber_is_scipy_s(n_outputs):
    y, raw, _ = make_task(n_outputs)
    np.testing.assert_allclose(losses_of(HUBER, y, raw), huber(1.0, raw - y).mean(axis=0), rtol=1e-14)


@WEIGHTED
@OUTPUTS
@pytest.mark.parametrize("level", LEVELS)
def test_quantile_of_one_level_is_scikit_learn_s(level, n_outputs, weighted):
    y, raw, weights = make_task(n_outputs, weighted=weighted)
    expected = mean_pinball_loss(y.T, raw.T, alpha=level, sample_weight=weights)
    assert np.average(losses_of(Quantile((level,)), y, raw), weights=weights) == pytest.approx(expected, rel=1e-14)


def test_quantile_of_several_levels_is_their_mean():
    y, raw, _ = make_task(3)
    expected = np.mean([losses_of(Quantile((level,)), y[:1], raw[k : k + 1]) for k, level in enumerate(LEVELS)], axis=0)
    np.testing.assert_allclose(losses_of(Quantile(LEVELS), np.repeat(y[:1], 3, axis=0), raw), expected, rtol=1e-13)


@pytest.mark.parametrize("level", [0.05, 0.9])
def test_gradient_and_curvature_at_other_levels(level):
    y, raw, _ = make_task(1)
    loss = Quantile((level,))
    full_gradient_check(lambda raw: float(losses_of(loss, y, raw).sum()), gradient_of(loss, y, raw), raw)
    expected, product = np.empty_like(raw), np.empty_like(raw)
    loss.curvature_product(y, raw, raw, product)
    ABSOLUTE_ERROR.curvature_product(y, raw, raw, expected)
    np.testing.assert_allclose(product, expected / 2.0, rtol=1e-14)


@pytest.mark.parametrize("lacks_some", [False, True])
def test_several_levels_in_float32_are_not_promoted(lacks_some):
    y, raw, _ = make_task(3)
    present = np.ones_like(y)
    present[:, :2] = 1.0 - lacks_some
    loss = Quantile(LEVELS)
    d_raw = float32_only(np.empty_like(raw))
    guarded = [float32_only(array) for array in (y, raw, present)]
    assert loss.loss_gradient(*guarded[:2], d_raw, guarded[2]).dtype == np.float32
    np.testing.assert_allclose(as_plain(d_raw), gradient_of(loss, y, raw) * present, rtol=1e-6)
    assert loss.predict(guarded[1]).dtype == np.float32


@EVERY_LOSS
def test_gradient_is_zero_where_the_target_is_hit(loss):
    y, _, _ = make_task(3)
    assert not losses_of(loss, y, y).any()
    assert not gradient_of(loss, y, y).any()


@EVERY_LOSS
def test_gradient_is_bounded(loss):
    y, raw, _ = make_task(3)
    assert np.abs(gradient_of(loss, y, 1e6 * raw)).max() <= 1.0 / 3.0


# Predictions


def test_quantiles_of_several_levels_do_not_cross():
    y, raw, _ = make_task(3)
    assert (np.diff(raw, axis=0) < 0.0).any()
    predictions = Quantile(LEVELS).predict(raw)
    assert (np.diff(predictions, axis=0) >= 0.0).all()
    np.testing.assert_array_equal(np.sort(raw, axis=0), predictions)
    targets = np.repeat(y[:1], 3, axis=0)
    # Sorting does no harm: the loss of the sorted quantiles is never larger.
    assert (
        losses_of(Quantile(LEVELS), targets, predictions) <= losses_of(Quantile(LEVELS), targets, raw) + 1e-12
    ).all()


def test_levels_of_one_target_are_not_ordered_among_those_of_another():
    _, raw, _ = make_task(3)
    both = np.concatenate([raw + 100.0, raw])
    np.testing.assert_array_equal(
        Quantile(LEVELS).predict(both), np.concatenate([np.sort(raw + 100.0, axis=0), np.sort(raw, axis=0)])
    )


def test_several_targets_of_several_levels_average():
    y, raw, _ = make_task(3)
    targets = np.repeat(y[:1], 3, axis=0)
    alone = losses_of(Quantile(LEVELS), targets, raw)
    both = losses_of(Quantile(LEVELS), np.concatenate([targets, targets]), np.concatenate([raw, raw + 1.0]))
    np.testing.assert_allclose(both, 0.5 * (alone + losses_of(Quantile(LEVELS), targets, raw + 1.0)), rtol=1e-13)


def test_outputs_at_one_level_are_not_ordered():
    _, raw, _ = make_task(3)
    assert Quantile((0.2,)).predict(raw) is raw


# Scores


@WEIGHTED
@OUTPUTS
def test_score_of_absolute_error_is_scikit_learn_s(n_outputs, weighted):
    y, raw, weights = make_task(n_outputs, weighted=weighted)
    expected = d2_absolute_error_score(y.T, raw.T, sample_weight=weights)
    assert ABSOLUTE_ERROR.score(y, raw, weights) == pytest.approx(expected, rel=1e-12)


@WEIGHTED
@OUTPUTS
@pytest.mark.parametrize("level", LEVELS)
def test_score_of_a_level_is_scikit_learn_s(level, n_outputs, weighted):
    y, raw, weights = make_task(n_outputs, weighted=weighted)
    repeated_y, repeated_raw = (np.repeat(array, 1 if weights is None else weights, axis=1) for array in (y, raw))
    expected = []
    for of_output, predicted in zip(repeated_y, repeated_raw, strict=True):
        least = min(mean_pinball_loss(of_output, np.full_like(predicted, c), alpha=level) for c in of_output)
        expected.append(1.0 - mean_pinball_loss(of_output, predicted, alpha=level) / least)
    score = Quantile((level,)).score(y, raw, weights)
    assert score == pytest.approx(np.mean(expected), rel=1e-12)
    # scikit-learn compares with a quantile that is interpolated between two targets: not quite the best constant.
    theirs = d2_pinball_score(repeated_y.T, repeated_raw.T, alpha=level)
    assert score <= theirs + 1e-12
    assert score == pytest.approx(theirs, abs=0.05 * (1.0 - theirs))


def test_score_of_several_levels_is_their_mean_in_order():
    y, raw, weights = make_task(3)
    targets = np.repeat(y[:1], 3, axis=0)
    scores = [
        Quantile((level,)).score(y[:1], np.sort(raw, axis=0)[k : k + 1], weights) for k, level in enumerate(LEVELS)
    ]
    assert Quantile(LEVELS).score(targets, raw, weights) == pytest.approx(np.mean(scores), rel=1e-13)


@WEIGHTED
def test_score_of_huber_is_the_share_of_the_best_constant_s_loss(weighted):
    y, raw, weights = make_task(2, weighted=weighted)
    expected = []
    for of_output, predicted in zip(y, raw, strict=True):

        def loss(prediction, of_output=of_output):
            return np.average(huber(1.0, prediction - of_output), weights=weights)

        best = minimize_scalar(loss, bounds=(of_output.min(), of_output.max()), method="bounded").fun
        expected.append(1.0 - loss(predicted) / best)
    assert HUBER.score(y, raw, weights) == pytest.approx(np.mean(expected), rel=1e-6)


@EVERY_LOSS
def test_score_of_constant_targets(loss):
    y, raw, weights = make_task(3)
    constant = np.full_like(y, 0.1)
    assert loss.score(constant, raw, weights) == 0.0
    assert loss.score(constant, constant, weights) == 1.0


@EVERY_LOSS
def test_score_of_targets_that_are_not_there(loss):
    y, raw, weights = make_task(3)
    present = np.ones_like(y)
    present[:, 3:9] = 0.0
    expected = loss.score(np.delete(y, range(3, 9), axis=1), np.delete(raw, range(3, 9), axis=1), None)
    assert loss.score(np.where(present > 0.0, y, 1e3), raw, present[0]) == pytest.approx(expected, rel=1e-12)
    assert loss.score(np.where(present > 0.0, y, 1e3), raw, None, present) == pytest.approx(expected, rel=1e-12)
    assert loss.score(y, raw, weights) != pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("outlier", [1e10, 1e150, 1e300])
def test_huber_s_score_survives_far_outliers(outlier):
    y, _, _ = make_task(1)
    spoilt = y.copy()
    spoilt[0, :3] = outlier
    assert HUBER.score(spoilt, y, None) == pytest.approx(0.0, abs=1e-6)
    assert HUBER.score(spoilt, spoilt, None) == 1.0


@EVERY_LOSS
def test_score_of_targets_that_are_constant_but_for_those_of_weight_zero(loss):
    y, raw, _ = make_task(3)
    constant, weights = np.full_like(y, 0.1), np.ones(y.shape[1])
    constant[:, :2], weights[:2] = [-7.0, 7.0], 0.0
    assert loss.score(constant, raw, weights) == 0.0
    assert loss.score(constant, np.full_like(y, 0.1), weights) == 1.0
