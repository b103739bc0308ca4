"""Chunks of data, and runs of a solver, to several workers, with answers in their order."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import ThreadingBackend, get_active_backend

from skrnn.estimators._threads import single_threaded_blas
from skrnn.network._inference import Map


@contextmanager
def worker_map(n_jobs: int | None) -> Iterator[Map]:
    """Lend a `map` that spreads its calls over `n_jobs` workers.

    They are threads, unless `joblib.parallel_config` says otherwise: NumPy lets go of the interpreter while it
    works on a chunk, and nothing has to be copied to where it is needed. The threads are not joblib's, which looks for
    answers every ten milliseconds: a pass over all the data is often shorter.
    """
    n_workers = effective_n_jobs(n_jobs)
    with single_threaded_blas(), np.errstate(all="ignore"):  # a loss that diverges is an error of its own
        if n_workers == 1:
            yield map
        elif isinstance(get_active_backend(prefer="threads")[0], ThreadingBackend):
            threads = ThreadPoolExecutor(n_workers)
            try:
                yield _unless_alone(lambda function, chunks: threads.map(partial(_work, function), chunks))
            finally:
                threads.shutdown(cancel_futures=True)  # nobody waits for what an interruption has left
        else:
            with _parallel(n_jobs, "generator", prefer="threads") as workers:
                yield _unless_alone(
                    lambda function, chunks: workers(delayed(partial(_work, function))(chunk) for chunk in chunks)
                )


def _unless_alone(map_chunks: Map) -> Map:
    """Return a map that leaves a single chunk, which no worker would be faster with, where it is."""

    def map_several(function: Callable[[Any], Any], chunks: Iterable[Any]) -> Iterable[Any]:
        chunks = list(chunks)
        return map_chunks(function, chunks) if len(chunks) > 1 else map(function, chunks)

    return map_several


def worker_runs(n_jobs: int | None, function: Callable[[Any], Any], starts: Iterable[Any]) -> Iterator[Any]:
    """Yield the function of each start, as soon as it is there, from `n_jobs` workers of joblib.

    They are processes, unless `joblib.parallel_config` says otherwise: a run is long, and much of it is Python's.
    """
    if effective_n_jobs(n_jobs) == 1:
        yield from (_work(function, start) for start in starts)
        return
    with _parallel(n_jobs, "generator_unordered") as workers:
        yield from workers(delayed(partial(_work, function))(start) for start in starts)


def _parallel(n_jobs: int | None, return_as: str, prefer: str | None = None) -> Parallel:
    """Return workers that give their answers one by one, or all at once where joblib's backend cannot."""
    try:
        return Parallel(n_jobs=n_jobs, prefer=prefer, return_as=return_as)
    except ValueError:
        return Parallel(n_jobs=n_jobs, prefer=prefer)


def _work(function: Callable[[Any], Any], task: Any) -> Any:
    """Return the function of a task, in a worker, whose thread has settings of its own."""
    with single_threaded_blas(), np.errstate(all="ignore"):
        return function(task)
