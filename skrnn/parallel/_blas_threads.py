"""Limits BLAS to one thread, which is fastest for the small products of a timestep."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, final
from weakref import WeakSet

from threadpoolctl import ThreadpoolController

# Reentrant, because the garbage collector may end an abandoned block while this thread holds the lock.
_lock = threading.RLock()


@final
class _Block:
    """A block of code with one BLAS thread, and the Python thread that runs it."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()


@final
class _Limits:
    """The libraries that were limited to one thread, and the blocks that require it.

    References to blocks are weak: if the end of a block is interrupted by the user, its limit does not persist.
    """

    def __init__(self) -> None:
        self.blocks: WeakSet[_Block] = WeakSet()
        self.n_threads: dict[Any, int] = {}  # of each library, to be restored

    def remember(self, library: Any, n_threads: int) -> None:
        """Store the number of threads of a library, to be restored, unless earlier blocks set the limit."""
        if len(self.blocks) == 1 or library not in self.n_threads:
            self.n_threads[library] = n_threads

    def end(self, block: _Block) -> None:
        """Remove a block, and restore the numbers of threads if it was the last."""
        self.blocks.discard(block)
        self.restore()

    def restore(self) -> None:
        """Restore the threads of the libraries, unless a block is left.

        A number that was set by others in the meantime is kept, as is one that is controlled by another Python thread.
        That thread may later restore the one thread that it found during a block, so the earlier number is kept for the
        end of the next block.
        """
        if self.blocks:
            return
        for library, n_threads in list(self.n_threads.items()):
            if library.num_threads == 1:
                _set_num_threads(library, n_threads)
                if library.num_threads != 1:
                    self.n_threads.pop(library, None)


@final
class _OfThread(threading.local):
    """The limits of libraries with a separate number of threads for each Python thread."""

    def __init__(self) -> None:
        self.limits = _Limits()


_of_process = _Limits()
_of_thread = _OfThread()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Limit BLAS to one thread inside the block, and restore the previous number when the last block has ended.

    Most libraries have one number of threads for the whole process: blocks that overlap in several Python threads
    therefore share one limit. Otherwise the first to end would lift it for the others, and the last would restore the
    limit itself. If an interruption by the user prevents limits from being restored, the next block restores them.
    """
    block, all_limits = _Block(), (_of_thread.limits, _of_process)
    try:
        with _lock:
            for limits in all_limits:
                limits.blocks.add(block)
            _limit()
        yield
    finally:
        with _lock:
            for limits in all_limits:
                limits.end(block)


def blocks_of_thread() -> set[Any]:
    """Return the blocks that this Python thread is in."""
    with _lock:
        return {block for block in _of_process.blocks if block.thread == threading.get_ident()}


def end_blocks_since(earlier: set[Any]) -> None:
    """End the blocks of this Python thread that an interruption by the user has not let end, except earlier ones."""
    with _lock:
        for block in blocks_of_thread() - earlier:
            for limits in (_of_thread.limits, _of_process):
                limits.blocks.discard(block)
        for limits in (_of_thread.limits, _of_process):
            limits.restore()


def _limit() -> None:
    """Limit each library to one thread, and store its previous number."""
    for library in _libraries():
        n_threads = library.num_threads
        if n_threads == 1:
            continue
        _of_process.remember(library, n_threads)  # first, because an interruption may occur at any time
        if _belongs_to_thread(library):
            _of_thread.limits.remember(library, n_threads)
            del _of_process.n_threads[library]
        # Overrides the control of another Python thread, as older versions of threadpoolctl do, so that the result of a
        # fit does not depend on other threads.
        _set_num_threads(library, 1, force=True)


@cache
def _libraries() -> list[Any]:
    """Return the loaded BLAS libraries: those of NumPy and SciPy, which have been imported."""
    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


def _set_num_threads(library: Any, n_threads: int, *, force: bool = False) -> None:
    """Set the number of threads of a library, and allow other Python threads to set it afterwards.

    With threadpoolctl 3.8 or later, the first Python thread that sets the number of OpenBLAS controls it: other threads
    have no effect until that thread releases control or ends. `force` takes over control.
    """
    let_go = getattr(library, "clear_controlling_thread", None)
    if let_go is not None and force:
        let_go(force=True)
    library.set_num_threads(n_threads)
    if let_go is not None:
        let_go()  # does nothing if another thread has control


@cache
def _belongs_to_thread(library: Any) -> bool:
    """Return whether the number of threads is separate for each Python thread instead of shared by the process.

    For MKL and libraries based on OpenMP this depends on their version, threadpoolctl and the system, so it is tested
    once. With its own threads OpenBLAS has one number per process, but a test in another thread might have no effect.
    """
    if library.internal_api == "openblas" and library.threading_layer != "openmp":
        return False
    other = threading.Thread(target=_set_num_threads, args=(library, 1))
    other.start()
    other.join()
    return library.num_threads != 1


def _continue_in_child() -> None:
    """Remove the blocks of threads that do not exist in a forked process."""
    for block in list(_of_process.blocks):
        if block.thread != threading.get_ident():
            _of_process.blocks.discard(block)
    _of_process.restore()
    _lock.release()


if hasattr(os, "register_at_fork"):
    # The lock is acquired before the fork: if another thread held it, it would never be released in the child.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_continue_in_child)
