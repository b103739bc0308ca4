"""What is asked of the values of a series, block after block of rows, so that no copy of the series is needed."""

from collections.abc import Iterator
from fractions import Fraction
from hashlib import blake2b
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite

from skrnn._inputs._labels import encode_labels

#: Numbers in a block of rows: at most 1 MiB, where a row has no more.
_BLOCK_SIZE = 2**17


def refuse_infinity(series: NDArray[Any]) -> None:
    """Raise scikit-learn's ValueError if the series holds infinity; NaN is allowed."""
    for block in _row_blocks(series):
        assert_all_finite(block, allow_nan=True, estimator_name="SlidingWindow", input_name="X")


def digest_rows(series: NDArray[Any], labels: NDArray[Any] | None) -> str:
    """Return a digest of the values of a series and of the labels of its groups, if any.

    It depends neither on the dtype nor on the memory layout of equal values; NaN counts as equal to NaN.
    """
    digest = blake2b(str(series.shape).encode(), digest_size=16)
    for block in _row_blocks(series):
        values = block.astype("<f8", order="C") + 0.0  # -0.0 becomes 0.0, which it equals
        values[np.isnan(values)] = np.nan  # of the many bit patterns, one
        digest.update(values.tobytes())
    if labels is not None:
        distinct, codes = encode_labels(labels)
        digest.update(codes.astype("<i8").tobytes())
        digest.update("\0".join(map(_label_text, distinct)).encode())
    return digest.hexdigest()


def _row_blocks(series: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield views on the series, block after block of rows."""
    n_rows = max(1, _BLOCK_SIZE // series.shape[1])
    return (series[first : first + n_rows] for first in range(0, len(series), n_rows))


def _label_text(label: Any) -> str:
    """Return a text that equal labels share and others do not; unlike Python's hash, the same in every process."""
    value = label.item() if isinstance(label, np.generic) else label
    return str(Fraction(value)) if isinstance(value, int | float) and isfinite(value) else repr(value)
