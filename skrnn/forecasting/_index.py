"""How the index of a pandas DataFrame goes on after its last row."""

from typing import Any

import numpy as np


def continued_index(index: Any, n_rows: int) -> Any:
    """Return the next `n_rows` entries of a pandas index, or None if it has no constant step.

    A DatetimeIndex goes on with its frequency, or with the one that pandas infers; a PeriodIndex with the next
    periods; numbers, timedeltas and other times with the step that all neighbours have.
    """
    import pandas as pd

    if isinstance(index, pd.RangeIndex):
        start = index[-1] + index.step
        return pd.RangeIndex(start, start + n_rows * index.step, index.step, name=index.name)
    if isinstance(index, pd.PeriodIndex):
        return pd.period_range(index[-1] + 1, periods=n_rows, name=index.name)
    if isinstance(index, pd.DatetimeIndex):
        frequency = index.freq or pd.DatetimeIndex(index, freq="infer").freq
        if frequency is not None:
            times = pd.date_range(index[-1], periods=n_rows + 1, freq=frequency, name=index.name)
            return times[1:].as_unit(index.unit)
    return _evenly_continued(index, n_rows)


def _evenly_continued(index: Any, n_rows: int) -> Any:
    """Return the next entries of an index whose neighbours are equally far apart, or None."""
    import pandas as pd

    labels = index.to_numpy()
    if labels.dtype.kind not in "iufmM" or len(labels) < 2:
        return None
    steps = np.diff(labels)
    is_even = (
        np.allclose(steps, steps[0], rtol=1e-9, atol=0.0) if labels.dtype.kind == "f" else (steps == steps[0]).all()
    )
    if not is_even or not steps[0]:
        return None
    return pd.Index(labels[-1] + steps[0] * np.arange(1, n_rows + 1), name=index.name)


def lengthened_index(index: Any, n_rows: int) -> Any:
    """Return an index with `n_rows` more entries: as it goes on, or None where nobody knows."""
    import pandas as pd

    ahead = continued_index(index, n_rows)
    if ahead is None:  # objects: what reads the time off the index then fails, and does not read a wrong one
        return pd.Index([*index, *[None] * n_rows], dtype=object, name=index.name)
    return index.append(ahead)
