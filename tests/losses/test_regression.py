"""Tests of the losses of regression against sklearn.metrics."""

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from skrnn.losses import LOSSES
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
