"""Distributes chunks of data, and runs of a solver, to several workers."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, final

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.parallel import ThreadingBackend, get_active_backend

from skrnn.parallel._blas_threads import single_threaded_blas
from skrnn.parallel._dask import Keepers, active_cluster, find_shared, is_within_task

#: Applies a function to the entries of iterables, like `map`.
Map = Callable[..., Iterable[Any]]
#: The arguments of each of several calls of a function.
Calls = list[tuple[Any, ...]]

#: Size of NumPy's buffer, 8,192 numbers by default. Elementwise functions copy arrays with gaps into it, unless runs
# without a gap are at least about as long (depending on the version). With this size, the blocks of a timestep are read
# in place. Type conversions use the buffer too, so it should not be much smaller.
_BUFFER_SIZE = 256


@contextmanager
def computing() -> Iterator[None]:
    """Configure NumPy for many small products, and elementwise computations on blocks of larger arrays.

    The settings apply to the thread, including callbacks. Generators returned to the user must not yield within them.
    """
    with single_threaded_blas(), np.errstate(all="ignore"):  # divergence raises its own error
        buffer_size = np.getbufsize()
        try:
            np.setbufsize(_BUFFER_SIZE)  # inside, because an interruption may occur as soon as it is set
            yield
        finally:
            np.setbufsize(buffer_size)


@contextmanager
def worker_map(n_jobs: int | None) -> Iterator[Map]:
    """Yield a `map` that distributes its calls to `n_jobs` workers.

    They are threads, unless `joblib.parallel_config` sets another backend: NumPy releases the interpreter lock while it
    works on a chunk, and nothing has to be copied. The threads are not joblib's, which polls for results every ten
    milliseconds: a pass over all data is often shorter.
    """
    n_workers = _count_workers(n_jobs)
    with computing():
        if n_workers == 1:
            yield map
        elif _are_threads():
            threads = ThreadPoolExecutor(n_workers)
            try:
                yield _unless_alone(
                    lambda function, calls: threads.map(partial(_work, function), *zip(*calls, strict=True))
                )
            finally:
                threads.shutdown(cancel_futures=True)  # after an interruption, do not wait for the rest
        else:
            with _parallel(n_jobs, "generator", prefer="threads") as workers:
                yield _unless_alone(_Spreading(workers).results)


def _unless_alone(map_calls: Callable[[Callable[..., Any], Calls], Iterable[Any]]) -> Map:
    """Return a map that computes a single call itself, because no worker would be faster."""

    def map_several(function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterable[Any]:
        calls = list(zip(*arguments, strict=False))  # the shared argument is an infinite iterator
        return map_calls(function, calls) if len(calls) > 1 else (function(*call) for call in calls)

    return map_several


def worker_runs(
    n_jobs: int | None, function: Callable[[Any, Any], Any], shared: Any, starts: Iterable[Any]
) -> Iterator[Any]:
    """Yield the results of a function of the shared object and each start, as soon as one of `n_jobs` workers has it.

    Workers are processes, unless `joblib.parallel_config` sets another backend: runs are long, and much of their time
    is spent in Python.
    """
    calls = [(shared, start) for start in starts]
    if _count_workers(n_jobs) == 1:
        yield from (_work(function, *call) for call in calls)
        return
    with _parallel(n_jobs, "generator_unordered") as workers:
        yield from _Spreading(workers).long_results(function, calls)


def count_threads(n_jobs: int | None) -> int:
    """Return the number of workers of `worker_map` if they are threads, else one."""
    return _count_workers(n_jobs) if _are_threads() else 1


def _are_threads() -> bool:
    """Tell whether workers are threads, as `joblib.parallel_config` says."""
    return isinstance(get_active_backend(prefer="threads")[0], ThreadingBackend)


def _count_workers(n_jobs: int | None) -> int:
    """Return the number of workers, by default one if a whole fit is a task on a cluster."""
    return 1 if n_jobs is None and is_within_task() else effective_n_jobs(n_jobs)


def _parallel(n_jobs: int | None, return_as: str, prefer: str | None = None) -> Parallel:
    """Return workers that yield results one by one, or all at once if joblib's backend does not support it."""
    try:
        return Parallel(n_jobs=n_jobs, prefer=prefer, return_as=return_as)
    except ValueError:
        return Parallel(n_jobs=n_jobs, prefer=prefer)


@final
class _Spreading:
    """Distributes calls to joblib workers; the first argument is an object shared by all calls of a pass.

    The workers of a Dask cluster keep it, because joblib would send it again with each pass. The latest two are kept,
    for training and validation data.
    """

    def __init__(self, workers: Parallel) -> None:
        self._workers = workers
        self._cluster = active_cluster()
        self._keepers: list[Keepers] = []

    def results(self, function: Callable[..., Any], calls: Calls) -> Iterator[Any]:
        """Yield the result of each call; calls not done by a worker are computed here."""
        shared, is_complete = calls[0][0], True
        for was_done, result in self._ask(function, calls):
            is_complete &= was_done
            yield result if was_done else _work(function, shared, *result)
        if not is_complete:
            self._keepers_of(shared).supply()

    def long_results(self, function: Callable[..., Any], calls: Calls) -> Iterator[Any]:
        """Yield the results in any order; calls not done are sent to workers again, unless none was done."""
        shared = calls[0][0]
        while calls:
            undone = []
            for was_done, result in self._ask(function, calls):
                if was_done:
                    yield result
                else:
                    undone.append((shared, *result))
            if len(undone) == len(calls):
                yield from (_work(function, *call) for call in calls)
                return
            calls = undone
            if calls:
                self._keepers_of(shared).supply()

    def _ask(self, function: Callable[..., Any], calls: Calls) -> Iterable[tuple[bool, Any]]:
        """Return for each call whether a worker has done it, and its result or otherwise its own arguments."""
        shared = calls[0][0]
        if self._cluster is None:
            task = delayed(partial(_work_on, function))
        else:
            task, shared = delayed(partial(_work_on_kept, function)), self._keepers_of(shared).token
        # The other arguments are in a tuple, because joblib would send large arrays to a single Dask worker, which may
        # be lost.
        return self._workers(task(shared, tuple(of_call)) for _, *of_call in calls)

    def _keepers_of(self, shared: Any) -> Keepers:
        """Return the keepers of the object, or new ones if there are none."""
        keepers = next((keepers for keepers in self._keepers if keepers.value is shared), None)
        if keepers is None:
            keepers = Keepers(self._cluster, shared)
            self._keepers = [keepers, *self._keepers[:1]]
        return keepers


def _work_on(function: Callable[..., Any], shared: Any, of_call: tuple[Any, ...]) -> tuple[bool, Any]:
    """Return True, and the result of the function for the shared object and the arguments of the call."""
    return True, _work(function, shared, *of_call)


def _work_on_kept(function: Callable[..., Any], token: str, of_call: tuple[Any, ...]) -> tuple[bool, Any]:
    """Return the same, or False and the arguments if this worker does not have the shared object."""
    shared = find_shared(token)
    return (False, of_call) if shared is None else _work_on(function, shared.value, of_call)


def _work(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of the function in a worker thread, with settings for computing."""
    with computing():
        return function(*arguments)
