"""The timing of all contestants."""

import time
from collections.abc import Callable

from benchmarks.speed.problems import Run

#: Seconds per step.
SLOW = 0.05


def timed(call: Callable[[], object], n_steps: int = 1) -> Run:
    """Return a runner of repeated calls with `n_steps` steps each."""

    def run(n: int) -> float:
        n_calls = max(1, round(n / n_steps))
        start = time.perf_counter()
        for _ in range(n_calls):
            call()
        return (time.perf_counter() - start) / (n_calls * n_steps)

    return run


def faster(runs: list[Run], n_trials: int = 3) -> Run:
    """Return the fastest runner by the best of a few trials; slow ones, which need no warm-up, have one trial."""
    times = [run(1) for run in runs]
    if min(times) < SLOW:
        times = [min(run(1) for _ in range(n_trials)) for run in runs]
    return runs[times.index(min(times))]
