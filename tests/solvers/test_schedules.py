"""Tests of the learning rate schedules."""

import pytest

from skrnn.solvers._registry import SCHEDULES


@pytest.fixture(params=SCHEDULES)
def schedule(request):
    return SCHEDULES[request.param](0.1, 0.5)


def test_every_schedule_starts_at_the_given_rate(schedule):
    assert schedule.learning_rate == 0.1


@pytest.mark.parametrize("name", ["constant", "adaptive"])
def test_rate_does_not_depend_on_the_samples_seen(name):
    schedule = SCHEDULES[name](0.1, 0.5)
    for n_samples_seen in (10, 1000):
        schedule.end_epoch(n_samples_seen)
        assert schedule.learning_rate == 0.1


@pytest.mark.parametrize("power_t", [0.0, 0.5, 1.0])
def test_inverse_scaling(power_t):
    schedule = SCHEDULES["invscaling"](0.1, power_t)
    for n_samples_seen in (24, 48, 99):
        schedule.end_epoch(n_samples_seen)
        assert schedule.learning_rate == pytest.approx(0.1 / (n_samples_seen + 1) ** power_t)


@pytest.mark.parametrize("name", ["constant", "invscaling"])
def test_a_stall_ends_it(name):
    assert not SCHEDULES[name](0.1, 0.5).continues_after_stall()


def test_adaptive_takes_a_fifth_at_each_stall_until_the_rate_is_tiny():
    schedule = SCHEDULES["adaptive"](0.1, 0.5)
    rates = []
    for _ in range(20):
        if not schedule.continues_after_stall():
            break
        rates.append(schedule.learning_rate)
    assert rates == pytest.approx([0.1 / 5**k for k in range(1, 9)])
    assert rates[-1] <= 1e-6 < rates[-2]


def test_adaptive_ends_at_a_rate_of_a_millionth():
    schedule = SCHEDULES["adaptive"](1e-6, 0.5)
    assert not schedule.continues_after_stall()
    assert schedule.learning_rate == 1e-6


def test_a_power_beyond_floats_is_a_rate_of_zero():
    schedule = SCHEDULES["invscaling"](0.1, 1e9)
    schedule.end_epoch(24)
    assert schedule.learning_rate == 0.0
