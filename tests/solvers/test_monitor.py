"""Tests of the monitor: curves, patience, the best theta, and what is not finite."""

import numpy as np
import pytest

from skrnn.solvers._monitor import Monitor


def make_monitor(*, n_iter_no_change=2, tol=0.1, scores=None, **settings):
    """Return a monitor that reads validation scores from a list; the validation loss is their negative."""
    scores = iter(scores) if scores else None
    validate = None if scores is None else lambda theta: (lambda score: (-score, score))(next(scores))
    return Monitor(max_iter=100, tol=tol, n_iter_no_change=n_iter_no_change, validate=validate, **settings)


def record(monitor, losses):
    """Record losses, at theta = 0, 1, 2, ..., and return whether it had stalled after each."""
    stalled = []
    for i, loss in enumerate(losses):
        monitor.record(np.array([float(i)]), loss)
        stalled.append(monitor.has_stalled)
    return stalled


def test_curve_has_an_entry_an_iteration():
    monitor = make_monitor()
    assert (monitor.n_iter, monitor.stopped_short) == (0, None)
    record(monitor, [3.0, 2.0, 2.5])
    assert monitor.loss_curve == [3.0, 2.0, 2.5]
    assert monitor.n_iter == 3
    assert monitor.validation_loss_curve == monitor.validation_scores == []


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([3.0, 2.0, 1.0, 0.5], [False] * 4),
        ([3.0, 3.0, 3.0, 3.0], [False, False, False, True]),  # two without improvement are endured
        ([3.0, 2.95, 2.92, 2.91, 2.905], [False, False, False, True, True]),  # less than tol is no improvement
        ([3.0, 3.0, 3.0, 2.5, 2.5, 2.5, 2.5], [False] * 6 + [True]),  # an improvement starts the count anew
        ([3.0, 9.0, 9.0, 2.0], [False] * 4),
    ],
)
def test_patience(losses, expected):
    assert record(make_monitor(), losses) == expected


def test_creeping_improvements_are_measured_from_the_best():
    assert record(make_monitor(tol=0.1), [1.0, 0.96, 0.92, 0.88, 0.84]) == [False] * 3 + [True] * 2


def test_tolerance_of_zero_takes_equal_losses_for_no_worse():
    assert record(make_monitor(tol=0.0), [1.0, 1.0, 1.0, 1.0, 1.0]) == [False] * 5


def test_infinite_patience():
    assert not any(record(make_monitor(n_iter_no_change=np.inf), [1.0] * 50))


def test_forgiving_starts_the_count_anew():
    monitor = make_monitor()
    assert record(monitor, [1.0] * 4)[-1]
    monitor.forgive()
    assert not monitor.has_stalled
    assert record(monitor, [1.0] * 3) == [False, False, True]


def test_early_stopping_judges_by_the_validation_score():
    monitor = make_monitor(scores=[0.1, 0.5, 0.3, 0.3, 0.55], early_stopping=True)
    assert record(monitor, [5.0, 4.0, 3.0, 2.0, 1.0]) == [False] * 4 + [True]
    assert monitor.validation_scores == [0.1, 0.5, 0.3, 0.3, 0.55]
    assert monitor.validation_loss_curve == [-0.1, -0.5, -0.3, -0.3, -0.55]


def test_early_stopping_keeps_the_best_theta_though_it_changes_in_place():
    monitor = make_monitor(scores=[0.1, 0.5, 0.3, 0.5], early_stopping=True)
    theta = np.zeros(2)
    for i, loss in enumerate([5.0, 4.0, 3.0, 2.0]):
        theta[:] = i
        monitor.record(theta, loss)
    kept, loss = monitor.kept(theta)
    np.testing.assert_array_equal(kept, [1.0, 1.0])  # the first of equals
    assert loss == 4.0


def test_small_improvements_are_kept_though_they_do_not_count():
    monitor = make_monitor(scores=[0.1, 0.15, 0.12], early_stopping=True, tol=0.1)
    record(monitor, [3.0, 2.0, 1.0])
    assert monitor.kept(np.array([2.0]))[0] == 1.0


def test_validation_without_early_stopping_is_only_recorded():
    monitor = make_monitor(scores=[0.9, 0.1, 0.1])
    assert not any(record(monitor, [3.0, 2.0, 1.0]))
    assert monitor.kept(np.array([2.0])) == (2.0, 1.0)
    assert monitor.validation_scores == [0.9, 0.1, 0.1]


def test_without_early_stopping_the_last_theta_is_kept():
    monitor = make_monitor()
    record(monitor, [1.0, 2.0])
    assert monitor.kept(np.array([1.0])) == (1.0, 2.0)


@pytest.mark.parametrize("loss", [np.nan, np.inf, -np.inf])
def test_loss_that_is_not_finite_is_an_error(loss):
    monitor = make_monitor()
    record(monitor, [1.0, 2.0])
    with pytest.raises(ValueError, match=f"solver diverged: the loss is {loss} after iteration 3. Expected a finite"):
        monitor.record(np.zeros(1), loss)
    assert monitor.loss_curve == [1.0, 2.0]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_theta_that_is_not_finite_is_an_error(early_stopping):
    monitor = make_monitor(scores=[0.5] if early_stopping else None, early_stopping=early_stopping)
    record(monitor, [1.0])
    with pytest.raises(ValueError, match="diverged"):
        monitor.kept(np.array([np.nan]))


def test_verbose_prints_a_line_an_iteration(capsys):
    record(make_monitor(verbose=True, scores=[0.25, 0.5]), [1.0, 0.5])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Iteration 1, loss = 1.00000000, validation loss = -0.25000000, validation score = 0.250000",
        "Iteration 2, loss = 0.50000000, validation loss = -0.50000000, validation score = 0.500000",
    ]


def test_prints_nothing_unless_asked(capsys):
    record(make_monitor(), [1.0, 0.5])
    assert capsys.readouterr().out == ""
