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


# Who watches


class Watcher:
    """Writes down what it is told; says stop, and which merit an iteration has."""

    def __init__(self, stop_after=100, merits=()):
        self.stop_after = stop_after
        self.merits = merits
        self.told = []

    def begin(self):
        self.told.append("begin")

    def end(self, monitor, theta):
        self.told.append(float(theta[0]))
        if monitor.n_iter == self.stop_after:
            monitor.stop()
        if self.merits:
            monitor.keep(theta, self.merits[monitor.n_iter - 1])


def test_watcher_is_told_after_all_has_been_recorded():
    monitor = make_monitor(watcher=Watcher(stop_after=2), scores=[0.1, 0.2])
    monitor.begin()
    monitor.record(np.array([7.0]), 1.0)
    assert not monitor.is_told_to_stop
    monitor.record(np.array([8.0]), 1.0)
    assert monitor.is_told_to_stop
    assert monitor.watcher.told == ["begin", 7.0, 8.0]
    assert monitor.validation_scores == [0.1, 0.2]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("merits", "expected"),
    [((1.0, 3.0, 3.0, 2.0), 1), ((np.nan, 1.0, np.nan, 0.5), 1), ((np.nan,) * 4, 0), ((-np.inf, -1.0, -2.0, -3.0), 1)],
)
def test_keeps_the_iteration_of_greatest_merit(merits, expected, early_stopping):
    """With early stopping, the best up to that iteration: it is what had that merit."""
    scores = [0.1, 0.2, 0.3, 0.4]
    monitor = make_monitor(watcher=Watcher(merits=merits), scores=scores, early_stopping=early_stopping)
    record(monitor, [4.0, 3.0, 2.0, 1.0])
    theta, loss = monitor.kept(np.array([3.0]))
    assert (theta[0], loss) == (expected, 4.0 - expected)
    assert monitor.best() == (theta, loss)
    assert monitor.current(np.array([3.0])) == (np.array([3.0]), 1.0)
    assert np.nan_to_num(monitor.merits(loss)) == np.nan_to_num([max(np.nan_to_num(merits, nan=-np.inf))])


@pytest.mark.parametrize("n_before", [1, 3, 5])
@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("first_merit", [1.0, 4.0])
def test_restored_monitor_continues_as_before(first_merit, n_before, settings):
    losses, scores = [3.0, 2.0, 2.5, 2.4, 2.3, 2.2, 2.1], [0.1, 0.5, 0.5, 0.2, 0.7, 0.6, 0.1]
    merits = (first_merit, 2.0, 0.5, 0.1, 2.0, 3.0, 1.0)
    whole = make_monitor(scores=scores, watcher=Watcher(merits=merits), **settings)
    record(whole, losses)
    first = make_monitor(scores=scores, watcher=Watcher(merits=merits), **settings)
    record(first, losses[:n_before])
    state = first.state()
    first.record(np.array([99.0]), 0.0)  # of which the state knows nothing
    second = make_monitor(scores=scores[n_before:], watcher=Watcher(merits=merits), **settings)
    second.restore(state)
    for i in range(n_before, len(losses)):
        second.record(np.array([float(i)]), losses[i])
    assert str(second.state()) == str(whole.state())
    assert second.best() == whole.best()
    assert state["loss_curve"] == losses[:n_before]


class Interrupted(list):
    """A curve of whose second entry the user does not wait for the end."""

    def append(self, value):
        if len(self) == 1:
            raise KeyboardInterrupt
        super().append(value)


@pytest.mark.parametrize("name", ["loss_curve", "validation_loss_curve", "validation_scores"])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_an_interruption_between_two_curves_is_forgotten(early_stopping, name):
    monitor = make_monitor(early_stopping=early_stopping, scores=[1.0, 2.0])
    setattr(monitor, name, Interrupted())
    assert not monitor.has_best
    with pytest.raises(KeyboardInterrupt):
        record(monitor, [3.0, 2.0])
    monitor.forget_unfinished()
    assert (monitor.loss_curve, monitor.validation_loss_curve, monitor.validation_scores) == ([3.0], [-1.0], [1.0])
    assert monitor.has_best
    assert monitor.best() == (np.zeros(1), 3.0)


def test_an_interruption_before_the_first_iteration_is_judged_leaves_nothing():
    monitor = make_monitor(early_stopping=True, scores=[1.0])
    monitor.validate = lambda theta: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        record(monitor, [3.0])
    assert not monitor.has_best
    assert monitor.n_iter == 0
