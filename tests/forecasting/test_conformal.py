"""Tests of quantiles of errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skrnn.forecasting._conformal import least_calibration, radius, rolling_radii
from tests.examples import examples


@pytest.mark.parametrize(("coverage", "expected"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19), (0.99, 99), (0.3, 1)])
def test_least_calibration_is_the_least_that_has_a_quantile(coverage, expected):
    assert least_calibration(coverage) == expected
    assert np.isfinite(radius(list(range(expected)), coverage))
    assert np.isnan(radius(list(range(expected - 1)), coverage))


def test_radius_is_the_order_statistic():
    scores = sorted(np.random.default_rng(0).random(30).tolist())
    assert radius(scores, 0.9) == scores[27]  # ceil(31 * 0.9) = 28
    assert radius(scores[:9], 0.9) == scores[8]


def test_coverage_is_at_least_what_was_asked_for():
    rng = np.random.default_rng(0)
    covered = [rng.random() <= radius(sorted(rng.random(19)), 0.9) for _ in range(20_000)]
    assert 0.895 < np.mean(covered) < 0.905  # ceil(20 * 0.9) / 20


@given(
    n_origins=st.integers(1, 30),
    step=st.integers(1, 3),
    delay=st.integers(1, 4),
    n_calibration=st.sampled_from([None, 4, 7]),
    seed=st.integers(0, 50),
)
@examples(60)
def test_rolling_radii_equal_those_from_scratch(n_origins, step, delay, n_calibration, seed):
    rng = np.random.default_rng(seed)
    origins = range(5, 5 + n_origins * step, step)
    scores = np.where(rng.random(n_origins) < 0.2, np.nan, rng.integers(5, size=n_origins).astype(float))
    expected = []
    for origin in origins:
        known = [score for score, earlier in zip(scores, origins, strict=True) if earlier + delay <= origin]
        known = [score for score in known if np.isfinite(score)][-(n_calibration or 10**6) :]
        expected.append(radius(sorted(known), 0.8))
    np.testing.assert_array_equal(rolling_radii(scores, origins, delay, 0.8, n_calibration), expected)
