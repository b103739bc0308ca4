"""Contestants in separate processes, timed in turn: A B C D, A B C D, ..., under the same load of the machine."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from benchmarks.speed.problems import Problem
from skrnn.cells._compiled import SWITCH

ROOT = Path(__file__).parents[2]
ONE_XLA_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


@dataclass(frozen=True)
class Contestant:
    """A module of `contestants`, its number of threads (None for no limit), and whether skrnn compiles its cells."""

    name: str
    module: str
    n_threads: int | None = 1
    compiled: bool = True

    def environment(self) -> dict[str, str]:
        """Return the environment variables that are read before any library is imported."""
        if not self.compiled:
            return {**Contestant(self.name, self.module, self.n_threads).environment(), SWITCH: "0"}
        if self.n_threads is None:
            return {**os.environ, "JAX_PLATFORMS": "cpu"}
        xla_flags = f"{os.environ.get('XLA_FLAGS', '')} {ONE_XLA_THREAD}"
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(self.n_threads))
        return {**os.environ, **threads, "XLA_FLAGS": xla_flags, "JAX_PLATFORMS": "cpu"}


CONTESTANTS = [
    Contestant("skrnn", "skrnn"),
    Contestant("skrnn-numpy", "skrnn", compiled=False),
    Contestant("skrnn-2", "skrnn", 2),
    Contestant("floor", "floor"),
    Contestant("torch-1", "torch", 1),
    Contestant("torch-2", "torch", 2),
    Contestant("jax-1", "jax", 1),
    Contestant("jax-all", "jax", None),
]


@dataclass(frozen=True)
class Effort:
    """Seconds of a contestant per round, and the number of rounds: fewer, if they take too long."""

    seconds: float
    n_rounds: int
    min_rounds: int
    max_seconds: float


class Worker:
    """The process of a contestant; a context that ends it."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant

    def __enter__(self) -> Self:
        """Start the process."""
        command = [sys.executable, "-m", "benchmarks.speed.worker"]
        self._process = subprocess.Popen(
            [*command, self.contestant.module, str(self.contestant.n_threads)],
            cwd=ROOT,
            env=self.contestant.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """End its input, and with that the process."""
        self._process.stdin.close()
        self._process.wait()

    def ask(self, request: Any) -> float:
        """Return the seconds of compiling a problem, or the seconds per step for a number of steps."""
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"The process of {self.contestant.name} died on {request}.")
        return json.loads(answer)

    def n_steps(self, seconds: float) -> int:
        """Return the number of steps in this time, after a warm-up."""
        if self.ask(1) > seconds:
            return 1
        return max(1, round(seconds / self.ask(2)))


def start_workers(stack: ExitStack, contestants: Sequence[Contestant] = CONTESTANTS) -> list[Worker]:
    """Return a worker for each contestant; they are stopped with the stack."""
    return [stack.enter_context(Worker(contestant)) for contestant in contestants]


def compete(workers: list[Worker], problem: Problem, effort: Effort) -> dict[str, Any]:
    """Return, by contestant, the median over rounds of the seconds per step and of their ratio to skrnn's."""
    compile_seconds = [worker.ask(problem) for worker in workers]
    n_steps = [worker.n_steps(effort.seconds) for worker in workers]
    rounds: list[list[float]] = []
    start = time.perf_counter()
    while len(rounds) < effort.n_rounds:
        rounds.append([worker.ask(n) for worker, n in zip(workers, n_steps, strict=True)])
        if len(rounds) >= effort.min_rounds and time.perf_counter() - start > effort.max_seconds:
            break
    names = [worker.contestant.name for worker in workers]
    times = np.array(rounds)
    ratios = times / times[:, [names.index("skrnn")]]
    return {
        "problem": problem,
        "n_rounds": len(rounds),
        "seconds": dict(zip(names, np.median(times, axis=0).tolist(), strict=True)),
        "ratios": dict(zip(names, np.median(ratios, axis=0).tolist(), strict=True)),
        "compile_seconds": dict(zip(names, compile_seconds, strict=True)),
    }
