"""What fits in several threads, and forks, make of BLAS's numbers of threads.

They are the process's, and one that is wrong once may stay so: `python -m tests.parallel.blas_threads` goes through
the scenarios in a process of their own. Each begins and ends with the same numbers.
"""

import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial

from threadpoolctl import ThreadpoolController, threadpool_limits

from skrnn import RNNRegressor
from skrnn.network._full_objectives import FullObjective
from skrnn.network._objective import MinibatchObjective
from tests.estimators.tasks import assert_same_fit, make_regression_task

X, Y = make_regression_task(n_samples=200, n_timesteps=20)
#: With two BLAS threads, fits by SLSQP have been seen to come to other bits from the 25th evaluation on.
N_ITERATIONS = 60
SOLVERS = ("adam", "lbfgs", "SLSQP")
#: How long one thread waits for another, in seconds, before that is an error.
PATIENCE = 30

libraries = ThreadpoolController().select(user_api="blas").lib_controllers


def blas():
    """Return how many threads each BLAS library may use."""
    return [library.num_threads for library in libraries]


def wait(event: threading.Event) -> None:
    assert event.wait(PATIENCE)


def in_thread(function: Callable, *arguments):
    """Return the function of the arguments, called in a thread that is dead afterwards."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function, *arguments).result()


def fit(solver="SLSQP", max_iter=N_ITERATIONS):
    return RNNRegressor((8,), solver=solver, max_iter=max_iter, tol=1e-4, random_state=0).fit(X, Y)


@cache
def expected_fit(solver="SLSQP"):
    """Return the fit of the main thread, by itself, and the numbers of threads that it had."""
    return fit_watched(solver)


def fit_watched(solver="SLSQP", max_iter=N_ITERATIONS, at_first: Callable[[], None] = lambda: None):
    """Return a fit, and the numbers of threads that it had; call a function at its first evaluation."""
    seen = []

    def watch():
        if not seen:
            at_first()
        seen.append(tuple(blas()))

    with _watched_by(watch):
        return fit(solver, max_iter), set(seen)


_watchers: dict[int, Callable[[], None]] = {}


@contextmanager
def _watched_by(watch: Callable[[], None]) -> Iterator[None]:
    """Call a function before each evaluation in this thread."""
    _watchers[threading.get_ident()] = watch
    try:
        yield
    finally:
        del _watchers[threading.get_ident()]


def _watch(method: Callable) -> Callable:
    """Return a method that calls the watcher of its thread first, if there is one."""

    def evaluate(*arguments):
        _watchers.get(threading.get_ident(), lambda: None)()
        return method(*arguments)

    return evaluate


@contextmanager
def fit_in_another_thread() -> Iterator[None]:
    """Let another thread be in the middle of a fit, which ends with the block or when `finish` is set."""
    began, finish = threading.Event(), threading.Event()

    def pause():
        began.set()
        wait(finish)

    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(fit_watched, "adam", 2, pause)
        wait(began)
        try:
            yield future, finish
        finally:
            finish.set()
            future.result()


# The scenarios


def fits_that_overlap(first_ends_first):
    """The second begins within the first; whoever stays longer goes on alone, to the bits of the main thread."""
    short, long = (0, 1) if first_ends_first else (1, 0)
    for solver in SOLVERS:
        expected, ones = expected_fit(solver)
        assert ones == {(1,) * len(libraries)}
        began, is_short_over = (threading.Event(), threading.Event()), threading.Event()

        def meet(number, began=began, is_short_over=is_short_over):
            began[number].set()
            wait(began[1 - number])
            if number == long:
                wait(is_short_over)

        with ThreadPoolExecutor(2) as threads:
            futures = []
            for number in (0, 1):
                n_iterations = 20 if number == short else N_ITERATIONS
                futures.append(threads.submit(fit_watched, solver, n_iterations, partial(meet, number)))
                wait(began[number])
            _, seen_by_short = futures[short].result()
            is_short_over.set()
            model, seen = futures[long].result()
        assert seen == seen_by_short == ones
        assert_same_fit(model, expected)


def fits_in_threads_after_one_in_the_main_thread():
    expected = {solver: expected_fit(solver)[0] for solver in SOLVERS}
    fit(max_iter=2)
    with ThreadPoolExecutor(2) as threads:
        for solver, (model, seen) in zip(SOLVERS, threads.map(fit_watched, SOLVERS), strict=True):
            assert seen == {(1,) * len(libraries)}
            assert_same_fit(model, expected[solver])


def limits_of_other_libraries_after_fits():
    """Neither the main thread nor a thread that is still alive keeps a hold on the numbers."""

    def limit():
        before = blas()
        with threadpool_limits(1):
            assert set(blas()) == {1}
            fit(max_iter=2)
            assert set(blas()) == {1}
        assert blas() == before

    fit(max_iter=2)
    in_thread(limit)
    limit()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(fit, "adam", 2).result()
        limit()
        in_thread(limit)
        threads.submit(limit).result()


def limits_that_are_set_and_kept():
    """As a function `threadpool_limits` sets them for good: fits leave them as they are."""
    limits = threadpool_limits(1)
    fit(max_iter=2)
    in_thread(fit, "adam", 2)
    assert set(blas()) == {1}
    limits.restore_original_limits()

    limits = threadpool_limits(3)
    three = blas()
    fit(max_iter=2)
    assert blas() == three
    in_thread(fit, "adam", 2)
    assert blas() == three
    limits.restore_original_limits()


def fits_in_threads_within_a_limit_of_the_main_thread():
    expected, _ = expected_fit()
    with threadpool_limits(3):
        three = blas()
        model, seen = in_thread(fit_watched)
        assert seen == {(1,) * len(libraries)}
        assert blas() == three
        assert_same_fit(model, expected)
        assert fit_watched()[1] == seen
        assert blas() == three


def overlap_of_both_within_a_limit_of_the_main_thread():
    before = blas()
    with threadpool_limits(3):
        three = blas()
        with fit_in_another_thread():
            _, seen = fit_watched()
        assert blas() == three
        assert seen == fit_watched(max_iter=2, at_first=lambda: in_thread(fit, "adam", 2))[1] == {(1,) * len(before)}
        assert blas() == three
    assert blas() == before


def limit_that_ends_after_the_fit_in_which_it_began():
    """It restores the one thread that it saw: what the number was before must not be forgotten."""
    before = blas()
    with fit_in_another_thread() as (future, finish), threadpool_limits(3):
        finish.set()
        future.result()
    assert blas() in (before, [1] * len(before))
    fit(max_iter=2)
    assert blas() == before


def fork_while_another_thread_fits():
    before = blas()

    def check():
        assert blas() == before
        expected, seen = fit_watched(max_iter=2)
        assert seen == {(1,) * len(before)}
        assert blas() == before
        in_thread(limits_of_other_libraries_after_fits)
        assert_same_fit(in_thread(fit, "SLSQP", 2), expected)

    with fit_in_another_thread():
        assert in_child(check)


def fork_within_a_fit():
    """The child is in the fit as well, until it leaves."""
    before = blas()
    pids = []
    _, seen = fit_watched(max_iter=2, at_first=lambda: pids.append(os.fork()))
    is_right = seen == {(1,) * len(before)} and blas() == before
    if pids == [0]:
        os._exit(not is_right)
    assert is_right
    assert ends_well(pids[0])


def in_child(check: Callable[[], None]) -> bool:
    """Return whether a function succeeds in a child process."""
    pid = os.fork()
    if pid == 0:
        try:
            check()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return ends_well(pid)


def ends_well(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


SCENARIOS = {
    "overlap, first ends first": lambda: fits_that_overlap(first_ends_first=True),
    "overlap, first ends last": lambda: fits_that_overlap(first_ends_first=False),
    **{
        scenario.__name__: scenario
        for scenario in (
            fits_in_threads_after_one_in_the_main_thread,
            limits_of_other_libraries_after_fits,
            limits_that_are_set_and_kept,
            fits_in_threads_within_a_limit_of_the_main_thread,
            overlap_of_both_within_a_limit_of_the_main_thread,
            limit_that_ends_after_the_fit_in_which_it_began,
            *((fork_while_another_thread_fits, fork_within_a_fit) if hasattr(os, "fork") else ()),
        )
    },
}


def main() -> None:
    """Go through all scenarios, and tell of those that fail."""
    warnings.simplefilter("ignore")
    FullObjective.full = _watch(FullObjective.full)  # of methods of SciPy
    MinibatchObjective.__call__ = _watch(MinibatchObjective.__call__)  # of stochastic solvers
    in_thread(threadpool_limits, 2, "blas")  # also on a machine with one processor; a dead thread holds nothing
    before = blas()
    if not before:
        return  # such as Accelerate, whose threads nobody limits
    n_failed = 0
    for name, scenario in SCENARIOS.items():
        try:
            scenario()
            assert blas() == before
        except Exception:
            n_failed += 1
            print(f"{name}, with {blas()} threads now and {before} before:", file=sys.stderr)
            traceback.print_exc()
    sys.exit(n_failed != 0)


if __name__ == "__main__":
    main()
