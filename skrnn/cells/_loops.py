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

    tanh(x) = e / (e + 2) with e = exp(2 x) - 1 = 2^k (exp(r) - 1) + 2^k - 1, where 2 x = k ln 2 + r, so that r is small
    and its power series short. Wrong by 1.5e-7 at most in float32, by 3e-16 in float64.
    """


@overload(tanh)
def _tanh(x: Any) -> Callable[[Any], Any]:
    return _tanh_float32 if x == types.float32 else _tanh_float64


def _tanh_float32(x: Any) -> Any:
    most = np.float32(20.0)
    y = x + x
    y = most if y > most else -most if y < -most else y  # NaN remains
    k = np.floor(y * np.float32(1.0 / np.log(2.0)) + _HALF)
    # ln 2 in two parts; the first has so few digits that its product with k is exact.
    r = y - k * np.float32(0.693359375) - k * np.float32(np.log(2.0) - 0.693359375)
    series = np.float32(1 / 720) + r * np.float32(1 / 5040)
    series = np.float32(1 / 24) + r * (np.float32(1 / 120) + r * series)
    series = r + r * r * (_HALF + r * (np.float32(1 / 6) + r * series))
    power = np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
    e = power * series + (power - ONE)
    return e / (e + np.float32(2.0))


def _tanh_float64(x: Any) -> Any:
    y = x + x
    y = 40.0 if y > 40.0 else -40.0 if y < -40.0 else y
    k = np.floor(y * (1.0 / np.log(2.0)) + 0.5)
    r = y - k * 0.693147180369123816490 - k * 1.90821492927058770002e-10
    series = 1 / 479001600 + r * (1 / 6227020800)
    series = 1 / 3628800 + r * (1 / 39916800 + r * series)
    series = 1 / 40320 + r * (1 / 362880 + r * series)
    series = 1 / 720 + r * (1 / 5040 + r * series)
    series = 1 / 24 + r * (1 / 120 + r * series)
    series = r + r * r * (0.5 + r * (1 / 6 + r * series))
    power = np.int64((np.int64(k) + 1023) << 52).view(np.float64)
    e = power * series + (power - 1.0)
    return e / (e + 2.0)


@register_jitable
def sigmoid(half: Any) -> Any:
    """Return the sigmoid of a pre-activation, given half of it: 0.5 * tanh(half) + 0.5."""
    return _HALF * tanh(half) + _HALF
