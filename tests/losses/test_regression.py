"""Tests of the losses whose minimum is the mean, against sklearn.metrics."""

import numpy as np
import pytest
from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance, mean_squared_error, r2_score

from skrnn.losses._losses import LOSSES
from tests.problems import make_outputs

HALF_SQUARED_ERROR = LOSSES["squared_error"]()


@pytest.fixture(params=[1, 3])
def task(request):
    return make_outputs("squared_error", request.param)


def losses_of(y, raw):
    return HALF_SQUARED_ERROR.loss_gradient(y, raw, np.empty_like(raw))


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_is_half_the_mean_squared_error(task, weighted):
    y, raw, weights = task
    weights = weights if weighted else None
    expected = mean_squared_error(y.T, raw.T, sample_weight=weights) / 2.0
    assert np.average(losses_of(y, raw), weights=weights) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("weighted", [False, True])
def test_score_is_r2_averaged_over_outputs(task, weighted):
    y, raw, weights = task
    weights = weights if weighted else None
    expected = r2_score(y.T, raw.T, sample_weight=weights, multioutput="uniform_average")
    assert HALF_SQUARED_ERROR.score(y, raw, weights) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("hit", [True, False])
def test_score_of_constant_targets(hit):
    y, raw, _ = make_outputs("squared_error", 3)
    y, raw = y.copy(), raw.copy()
    y[1] = 4.0
    if hit:
        raw[1] = y[1]
    expected = r2_score(y.T, raw.T)
    assert HALF_SQUARED_ERROR.score(y, raw, None) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("weighted", [False, True])
def test_score_is_r2_of_the_targets_that_are_there(task, weighted):
    y, raw, weights = task
    present = np.ones_like(y)
    present[0, [0, 3]] = present[-1, [1, 3]] = 0.0
    weights = np.where(present.any(axis=0), weights if weighted else 1.0, 0.0)
    expected = [
        r2_score(targets[there], outputs[there], sample_weight=weights[there])
        for targets, outputs, there in zip(y, raw, present > 0.0, strict=True)
    ]
    assert HALF_SQUARED_ERROR.score(y, raw, weights, present) == pytest.approx(np.mean(expected), rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("error", [1e3, -1e3, 1e5, -1e5])
def test_large_errors_are_exact(error, dtype):
    raw = np.array([[0.0, error]], dtype)
    np.testing.assert_array_equal(losses_of(np.zeros_like(raw), raw), np.array([0.0, error**2 / 2.0], dtype))


def test_prediction_is_the_output_itself():
    _, raw, _ = make_outputs("squared_error", 2)
    assert HALF_SQUARED_ERROR.predict(raw) is raw


# Poisson

POISSON = LOSSES["poisson"]()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_poisson_loss_is_half_the_mean_deviance(n_outputs, weighted):
    y, raw, weights = make_outputs("poisson", n_outputs)
    weights = weights if weighted else None
    losses = POISSON.loss_gradient(y, raw, np.empty_like(raw))
    deviances = [
        mean_poisson_deviance(*row, sample_weight=weights) for row in zip(y, POISSON.predict(raw), strict=True)
    ]
    assert np.average(losses, weights=weights) == pytest.approx(np.mean(deviances) / 2.0, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_poisson_score_is_d2_averaged_over_outputs(n_outputs, weighted):
    y, raw, weights = make_outputs("poisson", n_outputs)
    weights = weights if weighted else None
    rows = zip(y, POISSON.predict(raw), strict=True)
    expected = np.mean([d2_tweedie_score(*row, power=1, sample_weight=weights) for row in rows])
    assert POISSON.score(y, raw, weights) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 3.0])
def test_poisson_score_of_constant_targets(value):
    y = np.full((1, 7), value)
    assert POISSON.score(y, np.full_like(y, 0.7), None) == 0.0
    if value == 3.0:
        assert POISSON.score(np.ones_like(y), np.zeros_like(y), None) == 1.0


def test_poisson_loss_is_zero_where_the_mean_is_hit_and_never_below():
    y = np.array([[0.0, 1.0, 2.0, 17.0]])
    hit = np.log(np.maximum(y, 1e-300))
    np.testing.assert_allclose(POISSON.loss_gradient(y, hit, np.empty_like(hit)), 0.0, atol=1e-13)
    off = hit + 0.1
    assert (POISSON.loss_gradient(y, off, np.empty_like(off)) > 0.0).all()


def test_poisson_overflow_is_an_infinite_loss_without_a_warning():
    """A solver that went too far notices it, and reduces its step, without a warning."""
    y = np.array([[1.0]])
    d_raw = np.empty_like(y)
    assert POISSON.loss_gradient(y, np.array([[1e4]]), d_raw) == d_raw == np.inf
    POISSON.curvature_product(y, np.array([[1e4]]), y, d_raw)
    assert d_raw == np.inf


def test_poisson_outputs_are_shifted_to_the_mean():
    y, _, weights = make_outputs("poisson", 2)
    location, scale = POISSON.location_scale(y, weights)
    np.testing.assert_allclose(np.exp(location), np.average(y, axis=1, weights=weights))
    np.testing.assert_allclose(np.average(POISSON.standardised(y, location, scale), axis=1, weights=weights), 1.0)
