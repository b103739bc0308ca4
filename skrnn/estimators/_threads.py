"""BLAS threads: one at a time, for products as small as a timestep's."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_n_inside = 0
_limits: list[tuple[Any, int]] = []  # libraries, and the threads that each is to have again

if hasattr(os, "register_at_fork"):
    # A process that is forked has no other threads: a lock that one of them held would never be opened in it.
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


@cache
def _libraries() -> list[Any]:
    """Return the BLAS libraries that are loaded: NumPy's and SciPy's, and they are by now."""
    return [library for library in ThreadpoolController().lib_controllers if library.user_api == "blas"]


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Let BLAS use one thread inside the block, and as many as before when the last block has ended.

    The limit is the process's, not the Python thread's: fits that overlap in several threads share one limit, since
    the first to leave would otherwise lift it for the others, and the last would restore the limit itself. Where an
    interruption by the user keeps the limits from being restored, they are not forgotten: the next block restores them.
    """
    global _n_inside, _limits
    is_inside = False
    libraries = _libraries()
    try:
        with _lock:
            if _n_inside == 0:
                _limits = _limits or [(library, library.num_threads) for library in libraries]
                for library, _ in _limits:
                    library.set_num_threads(1)
            _n_inside, is_inside = _n_inside + 1, True
        yield
    finally:
        if is_inside:
            with _lock:
                _n_inside -= 1
                if _n_inside == 0:
                    for library, n_threads in _limits:
                        library.set_num_threads(n_threads)
                    _limits = []
