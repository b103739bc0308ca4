"""Values to put in the place of a good array: wrong ones, which must be refused, and right ones in another dress."""

import numpy as np
from scipy import sparse


class Subclass(np.ndarray):
    """An array that is none of NumPy's own."""


def with_entry(array, value, where=-1, dtype=None):
    """Return a copy of the array with another entry at its end, or elsewhere in it."""
    array = array.astype(dtype or (np.result_type(array, float) if isinstance(value, float) else object))
    array.flat[where] = value
    return array


def partly_masked(array):
    """Return the array with its last entry masked."""
    mask = np.zeros(array.shape, bool)
    mask.flat[-1] = True
    return np.ma.masked_array(array, mask)


def all_strings(array, dtype):
    """Return an array of the same shape that holds no number."""
    return np.full(array.shape, b"a" if dtype == "S" else "a", dtype)


#: kind: what makes a wrong value of a good array.
WRONG = {
    "None": lambda good: None,
    "number": lambda good: 3.5,
    "0-d array": lambda good: np.array(1.5),
    "string": lambda good: "numbers",
    "bytes": lambda good: b"numbers",
    "dict": lambda good: {"numbers": good.tolist()},
    "set": lambda good: {1.5, 2.5},
    "generator": lambda good: (row for row in good),
    "function": lambda good: print,
    "object": lambda good: object(),
    "type": lambda good: float,
    "ellipsis": lambda good: ...,
    "empty list": lambda good: [],
    "empty array": lambda good: np.array([]),
    "no rows": lambda good: good[:0],
    "an axis more": lambda good: good[..., np.newaxis],
    "two axes more": lambda good: good[..., np.newaxis, np.newaxis],
    "ragged rows": lambda good: [[1.5], [1.5, [2.5]], 3.5],
    "strings": lambda good: all_strings(good, "U"),
    "byte strings": lambda good: all_strings(good, "S"),
    "objects": lambda good: all_strings(good, object),
    "lists for numbers": lambda good: with_entry(good, [1.5, 2.5], dtype=object) if good.dtype != object else None,
    "complex": lambda good: good + 1.5j,
    "dates": lambda good: np.zeros(good.shape, "M8[D]"),
    "durations": lambda good: np.zeros(good.shape, "m8[D]"),
    "records": lambda good: np.zeros(good.shape, [("first", float), ("second", float)]),
    "infinity": lambda good: with_entry(good, np.inf),
    "infinity first": lambda good: with_entry(good, np.inf, 0),
    "minus infinity": lambda good: with_entry(good, -np.inf),
    "NaN": lambda good: with_entry(good, np.nan),
    "None among numbers": lambda good: with_entry(good, None),
    "NaN throughout": lambda good: np.full(good.shape, np.nan),
    "masked": partly_masked,
    "masked throughout": lambda good: np.ma.masked_all_like(good.astype(float)),
    "list of masked": lambda good: list(partly_masked(good)),
    "sparse array": lambda good: sparse.csr_array(np.atleast_2d(good.reshape(len(good), -1))),
    "sparse matrix": lambda good: sparse.csr_matrix(np.atleast_2d(good.reshape(len(good), -1))),
    "integer beyond floats": lambda good: with_entry(good, 10**400),
    "one row less": lambda good: good[:-1],
    "one row more": lambda good: np.concatenate([good, good[-1:]]),
}
if np.finfo(np.longdouble).max > np.finfo(float).max:
    WRONG["long double beyond floats"] = lambda good: good + np.longdouble("1e4000")


def negative_strides(array):
    """Return the array as a view that runs backwards through memory along every axis."""
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


def every_other(array):
    """Return the array as every other entry of one that has twice as many along each axis."""
    big = np.full(tuple(2 * size for size in array.shape), 99, array.dtype)
    big[(slice(None, None, 2),) * array.ndim] = array
    return big[(slice(None, None, 2),) * array.ndim]


def unaligned(array):
    """Return the array at an address that is no multiple of its item's size."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    values = memory[1:].view(array.dtype).reshape(array.shape)
    values[...] = array
    return values


#: dress: what holds the same numbers; where they are integers or multiples of 1/8, exactly.
DRESSES = {
    "read-only": lambda array: array,
    "negative strides": negative_strides,
    "every other": every_other,
    "Fortran order": np.asfortranarray,
    "unaligned": unaligned,
    "other byte order": lambda array: array.astype(array.dtype.newbyteorder("S")),
    "float32": lambda array: array.astype(np.float32) if array.dtype.kind == "f" else array.astype(np.int32),
    "float16": lambda array: array.astype(np.float16) if array.dtype.kind == "f" else array.astype(np.int8),
    "long double": lambda array: array.astype(np.longdouble) if array.dtype.kind == "f" else array,
    "subclass": lambda array: array.view(Subclass),
    "masked array without masked entries": lambda array: np.ma.masked_array(array, np.zeros(array.shape, bool)),
    "objects": lambda array: array.astype(object),
    "lists": lambda array: array.tolist(),
    "tuple": lambda array: tuple(array.tolist()),
}
