"""The fastest form of a cell: loops compiled by Numba, if it is installed, or NumPy functions."""

import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import final

import numpy as np

from skrnn._caching import cached_property
from skrnn.cells._base import Cell

#: The environment variable that keeps to NumPy, where it is "0".
SWITCH = "SKRNN_NUMBA"

#: How many axes the arguments of each function have; below zero where they are only read.
_AXES = {
    "advance": (3, -2, -2, 2, 2),
    "linearise": (-4, -3, -3, -3, -3, 4),
    "backward": (-3, 2, 2, 3),
    "tangent": (-3, 3, 2, 2),
}


@final
class CompiledCell:
    """The four functions of a cell as compiled loops for one dtype; each is compiled when it is first needed."""

    def __init__(self, cell: Cell, dtype: np.dtype) -> None:
        self._loops = import_module(str(cell.loops)).LOOPS[cell.activation]
        self._dtype = dtype

    @cached_property
    def advance(self) -> Callable[..., None]:
        """As `Cell.advance`."""
        return _compile("advance", self._loops.advance, self._dtype)

    @cached_property
    def linearise(self) -> Callable[..., None]:
        """As `Cell.linearise`."""
        return _compile("linearise", self._loops.linearise, self._dtype)

    @cached_property
    def backward(self) -> Callable[..., None]:
        """As `Cell.backward`, for one gradient at a time."""
        return _compile("backward", self._loops.backward, self._dtype)

    @cached_property
    def tangent(self) -> Callable[..., None]:
        """As `Cell.tangent`, for one perturbation at a time."""
        return _compile("tangent", self._loops.tangent, self._dtype)


def fastest_form(cell: Cell, dtype: np.dtype) -> Cell | CompiledCell:
    """Return the object that computes the four functions of a cell fastest for arrays of a dtype."""
    return CompiledCell(cell, dtype) if is_compiled(cell) else cell


def is_compiled(cell: Cell) -> bool:
    """Return whether the functions of a cell are compiled loops, in which threads do not wait for the interpreter."""
    return cell.loops is not None and why_not_compiled() is None


def why_not_compiled() -> str | None:
    """Return the reason why cells are not compiled, or None if they are."""
    return f"{SWITCH}=0" if os.environ.get(SWITCH) == "0" else _why_no_numba()


@cache
def _why_no_numba() -> str | None:
    """Return the reason why Numba cannot be used, or None if it can."""
    try:
        import numba
    except ModuleNotFoundError:
        return "Numba is not installed"
    except (ImportError, OSError) as error:  # such as a version that is not made for this NumPy, or a missing library
        return f"Numba: {error}"
    return "NUMBA_DISABLE_JIT=1" if numba.config.DISABLE_JIT else None


@cache
def _compile(name: str, loops: Callable[..., None], dtype: np.dtype) -> Callable[..., None]:
    """Return one of the functions, compiled now or in an earlier process."""
    try:
        return compile_loops(name, loops, dtype, cache=True)
    except RuntimeError:  # there is no folder to which the compiled form could be written
        return compile_loops(name, loops, dtype, cache=False)


def compile_loops(name: str, loops: Callable[..., None], dtype: np.dtype, *, cache: bool) -> Callable[..., None]:
    """Compile one of the functions, for every layout of its arrays."""
    from numba import from_dtype, njit, types

    scalar = from_dtype(dtype)
    arrays = [types.Array(scalar, abs(n_axes), "A", readonly=n_axes < 0) for n_axes in _AXES[name]]
    decorate = njit(types.void(*arrays), cache=cache, nogil=True, error_model="numpy", fastmath={"contract"})
    return decorate(loops)
