"""Run all backtests and write docs/backtests.md: `make backtests`. `BACKTEST_TASKS="laser load"` only prints these."""

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from benchmarks.backtests import page
from benchmarks.backtests.contestants import CANDIDATES
from benchmarks.backtests.models import Contestant
from benchmarks.backtests.run import Run, run, seasonal_naive
from benchmarks.backtests.tasks import Task, load_tasks

DOCS = Path(__file__).parent.parent.parent / "docs"
N_SEEDS_TO_CHOOSE = 2


def main(names: list[str]) -> None:
    """Run the named backtests, or all; write the page if all were run."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    start = time.perf_counter()
    tasks = load_tasks()
    with threadpool_limits(limits=1):
        results = {name: compete(name, tasks[name]) for name in names or tasks}
    if not names:
        page.draw(results, DOCS / "images" / "backtests.png")
        page.write(results, DOCS / "backtests.md", minutes=(time.perf_counter() - start) / 60)


def compete(name: str, task: Task) -> dict[str, Any]:
    """Return and print the results of all models on a task."""
    naive = seasonal_naive(task)
    before = f"the value {task.season} steps before" if task.season > 1 else "the last value"
    contestants = [_result("seasonal naive" if task.season > 1 else "persistence", before, [naive])]
    print(f"\n{task.title}\n{page.row(contestants[0])}", flush=True)
    for kind, candidates in CANDIDATES[name].items():
        chosen = choose(task.training_part(), candidates)
        runs = [run(task, chosen, seed) for seed in range(chosen.n_seeds)]
        contestants.append(_result(kind, chosen.name, runs))
        print(page.row(contestants[-1]), flush=True)
    what = {"name": name, "title": task.title, "unit": task.unit, "n_origins": len(naive.origins)}
    return {**what, "contestants": contestants}


def choose(task: Task, candidates: list[Contestant]) -> Contestant:
    """Return the candidate with the smallest error at the end of the training part."""
    if len(candidates) == 1:
        return candidates[0]
    errors = []
    for candidate in candidates:
        seeds = range(min(candidate.n_seeds, N_SEEDS_TO_CHOOSE))
        errors.append(np.mean([run(task, candidate, seed).error for seed in seeds]))
        print(f"    {candidate.name}: {errors[-1]:.4g} on the end of the training part", flush=True)
    return candidates[int(np.argmin(errors))]


def _result(kind: str, name: str, runs: list[Run]) -> dict[str, Any]:
    """Return the results of a model for the page."""
    covers = float(np.mean([each.coverage() for each in runs]))
    return {
        "kind": kind,
        "name": name,
        "errors": [each.error for each in runs],
        "covers": None if np.isnan(covers) else covers,
        "seconds": float(np.mean([each.seconds for each in runs])),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
