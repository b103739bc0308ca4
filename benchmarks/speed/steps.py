"""A training step inside `fit`, and the prediction of a batch, for every cell, shape and dtype."""

from contextlib import ExitStack
from itertools import product
from typing import Any

from benchmarks.speed.problems import CELLS, DTYPES, SHAPES, TASKS, Problem
from benchmarks.speed.rounds import Effort, compete, start_workers

FULL = Effort(seconds=0.1, n_rounds=7, min_rounds=3, max_seconds=6.0)
QUICK = Effort(seconds=0.05, n_rounds=3, min_rounds=2, max_seconds=2.0)


def measure(*, quick: bool) -> list[dict[str, Any]]:
    """Return the results of each problem."""
    problems = [Problem(*which) for which in product(TASKS, CELLS, SHAPES, DTYPES)]
    if quick:
        shapes = SHAPES[:3:2]
        problems = [p for p in problems if p.shape in shapes and (p.dtype == "float32" or p.shape == SHAPES[0])]
    with ExitStack() as stack:
        workers = start_workers(stack)
        results = []
        for problem in problems:
            results.append(compete(workers, problem, QUICK if quick else FULL))
            print(describe(results[-1]), flush=True)
    return results


def describe(result: dict[str, Any]) -> str:
    """Return a line of milliseconds, with ratios to skrnn in brackets."""
    problem = result["problem"]
    times = [
        f"{name} {1e3 * seconds:.3g} ({result['ratios'][name]:.2f})" for name, seconds in result["seconds"].items()
    ]
    return f"{problem.task:<8}{problem.cell:<5}{problem.shape!s:<15} {problem.dtype}  " + "  ".join(times)
