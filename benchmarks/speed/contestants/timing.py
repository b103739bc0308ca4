"""The clock that all contestants share."""

import time
from collections.abc import Callable

from benchmarks.speed.problems import Run


def timed(call: Callable[[], object], n_steps: int = 1) -> Run:
    """Return a run of repeated calls, each of which does `n_steps` steps."""

    def run(n: int) -> float:
        n_calls = max(1, round(n / n_steps))
        start = time.perf_counter()
        for _ in range(n_calls):
            call()
        return (time.perf_counter() - start) / (n_calls * n_steps)

    return run


def faster(runs: list[Run], n_trials: int = 3) -> Run:
    """Return the run that is the fastest in a trial, after a call to warm up."""
    for run in runs:
        run(1)
    return min(runs, key=lambda run: min(run(1) for _ in range(n_trials)))
