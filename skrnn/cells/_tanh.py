"""The hyperbolic tangent of an array, by the fastest of NumPy's functions, and sigmoids made of it."""

import platform
from functools import cache
from typing import Any

import numpy as np

#: Numbers from which on five calls, one of them of `np.exp`, are faster than `np.tanh` in float64 without AVX-512.
_BY_EXP = 2048
#: One half in both dtypes, as arrays without axes: NumPy takes these faster than Python's numbers.
_HALF = {np.dtype(dtype): np.array(0.5, dtype) for dtype in (np.float32, np.float64)}


def tanh(x: np.ndarray, out: np.ndarray) -> None:
    """Write the hyperbolic tangent of `x` into `out`, to rounding: tanh(x) = 1 - 2 / (exp(2 x) + 1)."""
    if x.size < _BY_EXP or x.dtype != np.float64 or not _is_slow():
        np.tanh(x, out=out)
        return
    np.multiply(x, 2.0, out=out)
    with np.errstate(over="ignore"):  # an infinite exponential gives 1
        np.exp(out, out=out)
    out += 1.0
    np.divide(-2.0, out, out=out)
    out += 1.0


def sigmoids_of_tanh(tanh_of_halves: np.ndarray) -> None:
    """Turn the tanh of halves into sigmoids, in place: sigmoid(x) = 0.5 * tanh(0.5 * x) + 0.5."""
    half = _HALF[tanh_of_halves.dtype]
    tanh_of_halves *= half
    tanh_of_halves += half


@cache
def _is_slow() -> bool:
    """Return whether NumPy computes the hyperbolic tangent in float64 without AVX-512, on an x86 processor."""
    return platform.machine() in {"x86_64", "AMD64"} and not has_avx512(numpy_config())


def numpy_config() -> dict[str, Any]:
    """Return NumPy's information about its build and the processor."""
    try:
        return dict(np.show_config(mode="dicts") or {})
    except TypeError:  # NumPy 1.24 and 1.25 can only print it
        return {}


def has_avx512(config: dict[str, Any]) -> bool:
    """Tell whether NumPy uses AVX-512."""
    extensions = config.get("SIMD Extensions", {}).get("found", [])  # empty entries are left out
    return not {"X86_V4", "AVX512_SKX"}.isdisjoint(extensions)
