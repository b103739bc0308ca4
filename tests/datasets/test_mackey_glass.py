"""The Mackey-Glass generator: the integration against closed form, SciPy and step halving; the attractor."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from skrnn.datasets import make_mackey_glass
from skrnn.datasets._dynamical_systems import _integrate

BETA, GAMMA, EXPONENT = 0.2, 0.1, 10.0


def test_first_delay_after_a_constant_history_is_known_in_closed_form():
    """While the delayed x is constant, so is production: x relaxes exponentially."""
    tau, n_substeps, start = 3, 20, 0.7
    history = np.full(tau * n_substeps + 1, start)
    x = _integrate(history, tau * n_substeps, 1 / n_substeps, BETA, GAMMA, EXPONENT)
    level = BETA * start / (1 + start**EXPONENT) / GAMMA
    times = np.arange(tau * n_substeps + 1) / n_substeps
    np.testing.assert_allclose(x, level + (start - level) * np.exp(-GAMMA * times), rtol=1e-11)


def solve_by_the_method_of_steps(start, tau, n_intervals):
    """Return x at 0, 1, ..., n_intervals * tau: one ordinary equation per interval, solved by scipy."""
    delayed, x = (lambda t: start), [start]
    for interval in range(n_intervals):
        first = interval * tau

        def slope(t, y, delayed=delayed):
            past = delayed(t - tau)
            return BETA * past / (1 + past**EXPONENT) - GAMMA * y

        solution = solve_ivp(
            slope,
            (first, first + tau),
            x[-1:],
            "DOP853",
            dense_output=True,
            rtol=1e-11,
            atol=1e-12,
            max_step=0.1,
        )
        x.extend(solution.sol(np.arange(first + 1, first + tau + 1))[0])
        delayed = lambda t, sol=solution.sol: sol(t)[0]  # noqa: E731
    return np.array(x)


def test_agrees_with_scipy():
    tau, n_substeps, start, n_intervals = 4, 50, 0.7, 4
    history = np.full(tau * n_substeps + 1, start)
    x = _integrate(history, n_intervals * tau * n_substeps, 1 / n_substeps, BETA, GAMMA, EXPONENT)
    expected = solve_by_the_method_of_steps(start, tau, n_intervals)
    np.testing.assert_allclose(x[::n_substeps], expected, rtol=1e-9)


@pytest.mark.parametrize("tau", [1, 2, 17])
def test_converges_with_order_four(tau):
    def solve(n_substeps):
        return make_mackey_glass(150, tau=tau, n_substeps=n_substeps, n_washout=0, random_state=0)

    reference = solve(160)
    error, error_of_half_the_step = (np.abs(solve(n) - reference).max() for n in (10, 20))
    assert error < 1e-6
    assert error / error_of_half_the_step == pytest.approx(16, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_range_of_the_attractor(seed):
    series = make_mackey_glass(2000, random_state=seed)
    assert 0.40 < series.min() < 0.43
    assert 1.30 < series.max() < 1.33


def test_fixed_point_cycle_and_chaos():
    """Farmer (1982): stable below a tau of 4.53, a cycle up to 16.8, chaos above."""
    fixed_point = (BETA / GAMMA - 1) ** (1 / EXPONENT)
    series = make_mackey_glass(20, tau=3, random_state=0)
    np.testing.assert_allclose(series, fixed_point, rtol=1e-6)

    def gap_to_the_nearest_return(series, n_values):
        windows = np.lib.stride_tricks.sliding_window_view(series, n_values)
        return np.abs(windows[n_values:] - windows[0]).max(axis=1).min()

    # Substeps as samples: a period is not a whole number of sampling intervals.
    cycle = _integrate(np.linspace(0.6, 1.2, 10 * 20 + 1), 60_000, 0.05, BETA, GAMMA, EXPONENT)[-4000:]
    chaos = _integrate(np.linspace(0.6, 1.2, 17 * 20 + 1), 60_000, 0.05, BETA, GAMMA, EXPONENT)[-4000:]
    assert gap_to_the_nearest_return(cycle, 400) < 0.005
    assert gap_to_the_nearest_return(chaos, 400) > 0.01


def test_washout_drops_the_beginning():
    whole = make_mackey_glass(60, n_washout=0, random_state=1)
    np.testing.assert_array_equal(make_mackey_glass(20, n_washout=40, random_state=1), whole[40:])


def test_random_state_determines_the_series():
    series = make_mackey_glass(100, random_state=3)
    assert series.shape == (100,)
    assert series.dtype == np.float64
    np.testing.assert_array_equal(series, make_mackey_glass(100, random_state=np.random.RandomState(3)))
    assert np.abs(series - make_mackey_glass(100, random_state=4)).max() > 0.1


def test_numpy_integers_are_integers():
    series = make_mackey_glass(np.int64(10), tau=np.int32(5), n_substeps=np.int64(4), random_state=0)
    np.testing.assert_array_equal(series, make_mackey_glass(10, tau=5, n_substeps=4, random_state=0))


@pytest.mark.parametrize("beta", [0.01, 50.0])
@pytest.mark.parametrize("gamma", [1e-6, 40.0])
@pytest.mark.parametrize("exponent", [0.3, 10.0, 1000.0])
def test_extreme_rates_stay_positive_and_finite(beta, gamma, exponent):
    series = make_mackey_glass(
        50, beta=beta, gamma=gamma, exponent=exponent, n_substeps=91, n_washout=0, random_state=0
    )
    assert np.isfinite(series).all()
    assert (series > 0).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_samples", 0),
        ("tau", 0),
        ("beta", 0.0),
        ("gamma", -0.1),
        ("exponent", 0),
        ("n_substeps", 0),
        ("n_washout", -1),
        ("beta", np.inf),
        ("gamma", np.nan),
    ],
)
def test_out_of_range_is_a_value_error(name, value):
    with pytest.raises(ValueError, match=f"{name} is {value}.*; expected"):
        make_mackey_glass(**{name: value})


def test_steps_too_coarse_for_the_rates_are_a_value_error():
    with pytest.raises(ValueError, match=r"n_substeps is 2; expected an integer >= 3\.5"):
        make_mackey_glass(beta=2.0, gamma=1.5, n_substeps=2)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_samples", 10.0), ("tau", 17.0), ("n_substeps", "10"), ("beta", "0.2"), ("gamma", 1j)],
)
def test_wrong_type_is_a_type_error(name, value):
    with pytest.raises(TypeError, match=f"{name} is .* of type .*; expected"):
        make_mackey_glass(**{name: value})
