"""BLAS threads: one at a time, for products as small as a timestep's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_n_inside = 0
_limiter: Any = None


@cache
def _controller() -> ThreadpoolController:
    """Return the controller of the BLAS libraries that are loaded: NumPy's and SciPy's, and they are by now."""
    return ThreadpoolController()


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Let BLAS use one thread inside the block, and as many as before when the last block has ended.

    The limit is the process's, not the Python thread's: fits that overlap in several threads share one limit, since
    the first to leave would otherwise lift it for the others, and the last would restore the limit itself.
    """
    global _n_inside, _limiter
    with _lock:
        if _n_inside == 0:
            _limiter = _controller().limit(limits=1, user_api="blas")
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _limiter.restore_original_limits()
                _limiter = None
