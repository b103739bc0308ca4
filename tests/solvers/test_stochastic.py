"""Tests of the stochastic solver on least squares: epochs, shuffling, clipping, stopping, and going on."""

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.solvers._monitor import Monitor
from skrnn.solvers._registry import SCHEDULES, UPDATE_RULES
from skrnn.solvers._stochastic import StochasticSolver, clip_norm
from tests.problems import LeastSquares

BATCH_SIZE = 5  # of 24 samples: the last minibatch is smaller


def make_solver(
    objective, rule="sgd", *, schedule="constant", rate=0.1, seed=0, max_grad_norm=None, n_samples_seen=0, momentum=0.5
):
    model = RNNRegressor(momentum=momentum)
    settings = {name: getattr(model, name) for name in UPDATE_RULES[rule].parameters}
    return StochasticSolver(
        UPDATE_RULES[rule](len(objective.start), objective.dtype, **settings),
        SCHEDULES[schedule](rate, 0.5),
        batch_size=BATCH_SIZE,
        rng=None if seed is None else np.random.RandomState(seed),
        max_grad_norm=max_grad_norm,
        n_samples_seen=n_samples_seen,
    )


def make_monitor(max_iter=10, *, tol=0.0, n_iter_no_change=np.inf, **settings):
    return Monitor(max_iter=max_iter, tol=tol, n_iter_no_change=n_iter_no_change, **settings)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", UPDATE_RULES)
def test_finds_the_minimum(rule, schedule):
    objective = LeastSquares()
    monitor = make_monitor(200)
    rate = 0.5 if schedule == "invscaling" else 0.05
    solver = make_solver(objective, rule, schedule=schedule, rate=rate, max_grad_norm=1.0)
    theta = solver.minimize(objective, objective.start, monitor)
    np.testing.assert_allclose(theta, objective.minimum, atol=5e-3)
    assert len(monitor.loss_curve) == 200
    assert monitor.loss_curve[-1] < 1e-4 * monitor.loss_curve[0]


def test_start_is_left_as_it_was():
    objective = LeastSquares()
    objective.start.flags.writeable = False
    theta = make_solver(objective).minimize(objective, objective.start, make_monitor())
    assert not np.shares_memory(theta, objective.start)
    assert theta.flags.writeable


def test_loss_of_an_epoch_is_the_mean_over_its_samples():
    """The loss of each minibatch is taken before the step, and a smaller one counts for less."""
    objective = LeastSquares()
    theta, losses = objective.start.copy(), []
    for batch in objective.minibatches(BATCH_SIZE, np.random.RandomState(0)):
        gradient = np.empty_like(theta)
        losses += [objective(theta, batch, gradient)] * len(batch)
        theta -= 0.1 * gradient
    monitor = make_monitor(1)
    found = make_solver(objective, momentum=0.0).minimize(objective, objective.start, monitor)
    np.testing.assert_allclose(found, theta, rtol=1e-12)
    assert monitor.loss_curve == pytest.approx([np.mean(losses)])


class Counted(LeastSquares):
    """Least squares of which each batch comes in two parts, the first a third of it and counted twice."""

    def minibatches(self, batch_size, rng):
        for batch in super().minibatches(batch_size, rng):
            cut = len(batch) // 3
            yield from (batch[:cut], batch[cut:])

    def count(self, batch):
        return 2.0 * len(batch) if len(batch) < 2 else len(batch)


def test_batches_are_weighed_by_what_they_count_and_samples_seen_are_those_of_the_data():
    objective = Counted()
    theta, total, total_count = objective.start.copy(), 0.0, 0.0
    for batch in objective.minibatches(BATCH_SIZE, np.random.RandomState(0)):
        gradient = np.empty_like(theta)
        total += objective(theta, batch, gradient) * objective.count(batch)
        total_count += objective.count(batch)
        theta -= 0.1 * gradient
    monitor, solver = make_monitor(1), make_solver(objective, momentum=0.0)
    found = solver.minimize(objective, objective.start, monitor)
    np.testing.assert_allclose(found, theta, rtol=1e-12)
    assert total_count == 24 + 5  # five batches, of which one sample counts twice
    assert monitor.loss_curve == pytest.approx([total / total_count], rel=1e-12)
    assert solver.n_samples_seen == 24


def test_same_seed_same_path_and_no_seed_the_given_order():
    objective = LeastSquares()
    paths = [
        make_solver(objective, seed=seed).minimize(objective, objective.start, make_monitor(2))
        for seed in (1, 1, 2, None, None)
    ]
    np.testing.assert_array_equal(paths[0], paths[1])
    assert not np.allclose(paths[0], paths[2], rtol=1e-6)
    assert not np.allclose(paths[0], paths[3], rtol=1e-6)
    np.testing.assert_array_equal(paths[3], paths[4])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", UPDATE_RULES)
def test_theta_keeps_its_dtype(rule, dtype):
    objective = LeastSquares(dtype=dtype)
    theta = make_solver(objective, rule).minimize(objective, objective.start, make_monitor(2))
    assert theta.dtype == dtype


# Stopping


def test_maximum_of_epochs_is_honoured_and_said():
    objective, monitor = LeastSquares(), make_monitor(3)
    make_solver(objective).minimize(objective, objective.start, monitor)
    assert monitor.n_iter == 3
    assert monitor.stopped_short == "Maximum iterations (3) reached"


def test_stops_without_warning_if_the_loss_no_longer_improves():
    objective, monitor = LeastSquares(), make_monitor(500, tol=1e-4, n_iter_no_change=3)
    make_solver(objective).minimize(objective, objective.start, monitor)
    assert 4 < monitor.n_iter < 500
    assert monitor.stopped_short is None
    improvements = -np.diff(np.minimum.accumulate(monitor.loss_curve))
    assert (improvements[-4:] < 1e-4).all()


def test_adaptive_rate_decreases_at_each_stall_until_it_is_tiny():
    objective, monitor = LeastSquares(), make_monitor(500, tol=1e-4, n_iter_no_change=2)
    solver = make_solver(objective, schedule="adaptive")
    solver.minimize(objective, objective.start, monitor)
    assert monitor.stopped_short is None
    assert solver.schedule.learning_rate == pytest.approx(0.1 / 5**8)
    constant = make_monitor(500, tol=1e-4, n_iter_no_change=2)
    make_solver(objective).minimize(objective, objective.start, constant)
    assert monitor.n_iter == constant.n_iter + 8 * 3  # after each stall, three epochs until the next


def test_early_stopping_returns_to_the_best():
    objective = LeastSquares()
    seen = []

    def validate(theta):
        seen.append(theta.copy())
        return 0.0, -abs(len(seen) - 4.0)  # best after the fourth epoch

    monitor = make_monitor(50, n_iter_no_change=2, validate=validate, early_stopping=True)
    theta = make_solver(objective).minimize(objective, objective.start, monitor)
    assert monitor.n_iter == 4 + 3
    assert monitor.stopped_short is None
    kept, loss = monitor.kept(theta)
    np.testing.assert_array_equal(kept, seen[3])
    assert loss == monitor.loss_curve[3]


def test_divergence_is_an_error():
    objective = LeastSquares()
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="diverged"):
        make_solver(objective, rate=1e3).minimize(objective, objective.start, make_monitor(500))


# Learning rate and clipping


@pytest.mark.parametrize("n_samples_seen", [0, 100])
def test_inverse_scaling_counts_the_samples_seen_by_earlier_fits_too(n_samples_seen):
    objective = LeastSquares()
    solver = make_solver(objective, schedule="invscaling", n_samples_seen=n_samples_seen)
    solver.minimize(objective, objective.start, make_monitor(3))
    assert solver.n_samples_seen == n_samples_seen + 3 * 24
    assert solver.schedule.learning_rate == pytest.approx(0.1 / (n_samples_seen + 3 * 24 + 1) ** 0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0, 1e10])
def test_clipping_bounds_the_norm_and_keeps_the_direction(scale, dtype):
    gradient = (scale * np.array([3.0, -4.0])).astype(dtype)
    clip_norm(gradient, 2.0)
    norm = min(2.0, 5.0 * scale)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, norm * np.array([0.6, -0.8]), rtol=1e-6)


def test_clipping_does_not_touch_shorter_gradients():
    gradient = np.array([0.3, -0.1, 0.0])
    clip_norm(gradient, 2.0)
    assert gradient.tolist() == [0.3, -0.1, 0.0]


def test_clipping_of_a_float32_gradient_whose_square_overflows():
    gradient = np.array([3e25, -4e25], np.float32)
    with np.errstate(over="ignore"):
        clip_norm(gradient, 2.0)
    np.testing.assert_allclose(gradient, [1.2, -1.6], rtol=1e-6)


def test_steps_are_clipped():
    objective = LeastSquares()
    objective.targets *= 1e6
    unclipped = make_solver(objective, momentum=0.0)
    clipped = make_solver(objective, momentum=0.0, max_grad_norm=0.5)
    far, near = (solver.minimize(objective, objective.start, make_monitor(1)) for solver in (unclipped, clipped))
    assert np.linalg.norm(near) <= 5 * 0.1 * 0.5 * (1.0 + 1e-12) < np.linalg.norm(far)  # five steps of rate 0.1


# Going on


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rule", UPDATE_RULES)
def test_restored_solver_goes_on_as_if_it_had_not_stopped(rule, schedule):
    objective = LeastSquares()
    whole = make_solver(objective, rule, schedule=schedule).minimize(objective, objective.start, make_monitor(6))
    first = make_solver(objective, rule, schedule=schedule)
    half_way = first.minimize(objective, objective.start, make_monitor(3))
    second = make_solver(objective, rule, schedule=schedule, n_samples_seen=first.n_samples_seen)
    second.rng = first.rng
    second.restore(first.state())
    np.testing.assert_array_equal(second.minimize(objective, half_way, make_monitor(3)), whole)


def test_state_is_a_copy():
    objective = LeastSquares()
    solver = make_solver(objective, "adam")
    solver.minimize(objective, objective.start, make_monitor(1))
    state = solver.state()
    before = [array.copy() for array in state[2:]]
    solver.minimize(objective, objective.start, make_monitor(1))
    other = make_solver(objective, "adam")
    other.restore(state)
    other.minimize(objective, objective.start, make_monitor(1))
    for array, same in zip(before, state[2:], strict=True):
        np.testing.assert_array_equal(array, same)


@pytest.mark.parametrize("state", [[], ["SGD", 0.7, np.ones(5)]])
def test_state_of_another_solver_is_not_taken_over(state):
    objective = LeastSquares()
    solver = make_solver(objective, "adam")
    solver.restore(state)
    assert solver.schedule.learning_rate == 0.1
    assert not any(array.any() for array in solver.update_rule.state)
