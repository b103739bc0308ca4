"""An array of float32 that rejects float64, to detect promotions inside functions."""

from typing import Any

import numpy as np


class Float32Only(np.ndarray):
    """float32 array; an operation with a float64 operand or result raises an AssertionError."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        """Apply `ufunc` to plain arrays, and check all dtypes."""
        for array in (*inputs, *out):
            if isinstance(array, np.ndarray | np.generic):
                assert array.dtype != np.float64, f"np.{ufunc.__name__} meets float64"
        plain = [as_plain(array) for array in inputs]
        if out:
            options["out"] = tuple(as_plain(array) for array in out)
        result = getattr(ufunc, method)(*plain, **options)
        assert np.asarray(result).dtype != np.float64, f"np.{ufunc.__name__} gives float64"
        if out:
            return out[0]
        return result.view(Float32Only) if isinstance(result, np.ndarray) else result


def as_plain(array: Any) -> Any:
    """Return an array of this class as the plain array that it is."""
    return array.view(np.ndarray) if isinstance(array, Float32Only) else array


def float32_only(array: np.ndarray) -> Float32Only:
    """Return a copy of `array` in float32, guarded."""
    return array.astype(np.float32).view(Float32Only)
