"""BLAS threads: one at a time, for products as small as a timestep's."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, final
from weakref import WeakSet

from threadpoolctl import ThreadpoolController

# Reentrant, since the garbage collector may end a forgotten block while this thread holds the lock.
_lock = threading.RLock()


@final
class _Block:
    """A block of code that is to have one BLAS thread, and the Python thread that runs it."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()


@final
class _Limits:
    """The libraries that were limited to one thread, and the blocks that need it.

    Blocks are held weakly: one whose end was interrupted by the user is gone with its frame, and keeps no limit.
    """

    def __init__(self) -> None:
        self.blocks: WeakSet[_Block] = WeakSet()
        self.n_threads: dict[Any, int] = {}  # to be restored, of each library

    def remember(self, library: Any, n_threads: int) -> None:
        """Remember the number of a library's threads to restore, unless the limit was set by earlier blocks."""
        if len(self.blocks) == 1 or library not in self.n_threads:
            self.n_threads[library] = n_threads

    def end(self, block: _Block) -> None:
        """Forget a block, and restore the numbers of threads if it was the last."""
        self.blocks.discard(block)
        self.restore()

    def restore(self) -> None:
        """Give the libraries their threads back, unless a block is left.

        A number that somebody else has set meanwhile stays, and so does one that another Python thread holds. That may
        be about to restore the one thread that it saw during a block: what the number was before is remembered, for the
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
    """The limits of the libraries in which each Python thread has a number of its own."""

    def __init__(self) -> None:
        self.limits = _Limits()


_of_process = _Limits()
_of_thread = _OfThread()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Let BLAS use one thread inside the block, and as many as before when the last block has ended.

    Most libraries have one number of threads for the whole process: blocks that overlap in several Python threads then
    share one limit, since the first to end would otherwise lift it for the others, and the last would restore the limit
    itself. Where an interruption by the user keeps the limits from being restored, they are not forgotten: the next
    block restores them.
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


def _limit() -> None:
    """Limit each library to one thread, and remember how many it had."""
    for library in _libraries():
        n_threads = library.num_threads
        if n_threads == 1:
            continue
        _of_process.remember(library, n_threads)  # before anything is set: an interruption may come at any time
        if _belongs_to_thread(library):
            _of_thread.limits.remember(library, n_threads)
            del _of_process.n_threads[library]
        # The hold of another Python thread gives way, as it would with older versions of threadpoolctl: a fit comes to
        # the same bits whatever other threads have set.
        _set_num_threads(library, 1, force=True)


@cache
def _libraries() -> list[Any]:
    """Return the BLAS libraries that are loaded: NumPy's and SciPy's, and they are by now."""
    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


def _set_num_threads(library: Any, n_threads: int, *, force: bool = False) -> None:
    """Set the number of a library's threads, and let other Python threads set it afterwards.

    From threadpoolctl 3.8 on, the first Python thread that sets the number of OpenBLAS holds it: what others set has no
    effect until that thread lets go or is dead. With `force` it has let go.
    """
    let_go = getattr(library, "clear_controlling_thread", None)
    if let_go is not None and force:
        let_go(force=True)
    library.set_num_threads(n_threads)
    if let_go is not None:
        let_go()  # which does nothing where another thread holds it


@cache
def _belongs_to_thread(library: Any) -> bool:
    """Return whether the number of threads that one sets is the Python thread's own, and not the process's.

    MKL and libraries on OpenMP differ in that with their versions, threadpoolctl's and the system: it is tried, once.
    OpenBLAS's own threads are the process's, but what another thread tries may have no effect.
    """
    if library.internal_api == "openblas" and library.threading_layer != "openmp":
        return False
    other = threading.Thread(target=_set_num_threads, args=(library, 1))
    other.start()
    other.join()
    return library.num_threads != 1


def _continue_in_child() -> None:
    """Forget the blocks of threads that a forked process does not have."""
    for block in list(_of_process.blocks):
        if block.thread != threading.get_ident():
            _of_process.blocks.discard(block)
    _of_process.restore()
    _lock.release()


if hasattr(os, "register_at_fork"):
    # The lock is taken before: one that another thread held would never be opened in the child.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_continue_in_child)
