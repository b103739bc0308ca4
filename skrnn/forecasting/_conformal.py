"""Split-conformal intervals: how far the forecast was off on rows that the model had not seen."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

#: What (n + 1) * coverage may lie above an integer by rounding alone.
_ROUNDING = 1e-9


def least_calibration(coverage: float) -> int:
    """Return the least number of errors that have a quantile for this coverage.

    Examples
    --------
    >>> least_calibration(0.9), least_calibration(0.95)
    (9, 19)
    """
    return max(1, ceil(coverage / (1.0 - coverage) - _ROUNDING))


def radius(ordered: Sequence[float], coverage: float) -> float:
    """Return the ceil((n + 1) * coverage)-th of n absolute errors in increasing order; NaN if that is more than n."""
    rank = ceil((len(ordered) + 1) * coverage - _ROUNDING)
    return float(ordered[rank - 1]) if rank <= len(ordered) else np.nan


def rolling_radii(
    scores: NDArray[np.floating], origins: Sequence[int], delay: int, coverage: float, n_calibration: int | None
) -> NDArray[np.float64]:
    """Return the radius at each origin, of the latest `n_calibration` (None: all) absolute errors known there.

    The error `scores[i]`, NaN where the truth is missing, is known from row `origins[i] + delay` on.
    """
    radii = np.full(len(scores), np.nan)
    latest: deque[float] = deque()
    ordered: list[float] = []
    n_known = 0
    for i, origin in enumerate(origins):
        while origins[n_known] + delay <= origin:
            if np.isfinite(scores[n_known]):
                latest.append(scores[n_known])
                insort(ordered, scores[n_known])
            n_known += 1
            if n_calibration is not None and len(latest) > n_calibration:
                del ordered[bisect_left(ordered, latest.popleft())]
        radii[i] = radius(ordered, coverage)
    return radii
