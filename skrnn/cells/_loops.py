"""The common parts of loops over units and sequences, compiled by Numba, which this module requires."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload, register_jitable
from numba.np.arrayobj import make_array, populate_array

#: In float32, so that they do not promote the numbers beside them: literals would.
ZERO, ONE, _HALF = np.float32(0.0), np.float32(1.0), np.float32(0.5)


class Loops(NamedTuple):
    """The four functions of a cell as loops, on the arrays that `Cell` describes: one gradient or perturbation each."""

    advance: Callable[..., None]
    linearise: Callable[..., None]
    backward: Callable[..., None]
    tangent: Callable[..., None]


@intrinsic
def whole(typing_context: Any, part: Any) -> Any:
    """View the running columns of the arrays of a timestep as the contiguous array of which they are a part.

    Each of its axes has the length of the memory between two entries of the previous axis. The compiler only generates
    vector instructions if the type of an array says that it is contiguous.
    """
    contiguous = part.copy(layout="C", readonly=not part.mutable)

    def view(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = make_array(part)(context, builder, arguments[0])
        (n, *_), strides = cgutils.unpack_tuple(builder, array.shape), cgutils.unpack_tuple(builder, array.strides)
        shape = [n, *(builder.sdiv(outer, inner) for outer, inner in pairwise(strides))]
        result = make_array(contiguous)(context, builder)
        populate_array(result, array.data, shape, strides, array.itemsize, array.meminfo, array.parent)
        return impl_ret_borrowed(context, builder, contiguous, result._getvalue())

    return contiguous(part), view


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent of a number, without a call that would keep a loop from being vectorised.

    With 2 x = k ln 2 + r, so that r is small, exp(2 x) = 2^k (v + u) / (v - u). Here (v + u) / (v - u) is the Pade
    approximant of exp(r) (Moler, Van Loan 2003, doi:10.1137/S00361445024180), of degree 3 in float32 and 6 in float64,
    and u the sum of its odd powers. The relative error is at most 3e-7 in float32, 5e-16 in float64.
    """


@overload(tanh)
def _tanh(x: Any) -> Callable[[Any], Any]:
    return _tanh_float32 if x == types.float32 else _tanh_float64


def _tanh_float32(x: Any) -> Any:
    most, shift = np.float32(20.0), np.float32(1.5 * 2**23)
    y = x + x
    y = most if y > most else -most if y < -most else y  # NaN remains
    shifted = y * np.float32(1.0 / np.log(2.0)) + shift  # rounded to integers, which are in the last bits
    k = shifted - shift
    # ln 2 in two parts; the first has so few digits that its product with k is exact.
    r = y - k * np.float32(0.693359375) - k * np.float32(np.log(2.0) - 0.693359375)
    square = r * r
    v = np.float32(120.0) + square * np.float32(12.0)
    u = r * (np.float32(60.0) + square)
    power = np.int32((np.float32(shifted).view(np.int32) + np.int32(127)) << np.int32(23)).view(np.float32)
    less, more = power - ONE, power + ONE
    return (less * v + more * u) / (more * v + less * u)


def _tanh_float64(x: Any) -> Any:
    shift = 1.5 * 2**52
    y = x + x
    y = 40.0 if y > 40.0 else -40.0 if y < -40.0 else y
    shifted = y * (1.0 / np.log(2.0)) + shift
    k = shifted - shift
    r = y - k * 0.693147180369123816490 - k * 1.90821492927058770002e-10
    square = r * r
    v = 665280.0 + square * (75600.0 + square * (840.0 + square))
    u = r * (332640.0 + square * (10080.0 + square * 42.0))
    power = np.int64((np.float64(shifted).view(np.int64) + 1023) << 52).view(np.float64)
    less, more = power - 1.0, power + 1.0
    return (less * v + more * u) / (more * v + less * u)


@register_jitable
def sigmoid(half: Any) -> Any:
    """Return the sigmoid of a pre-activation, given half of it: 0.5 * tanh(half) + 0.5."""
    return _HALF * tanh(half) + _HALF
