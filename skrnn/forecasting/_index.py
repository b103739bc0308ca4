"""The index of a table: how it continues, and which rows may follow."""

from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._frames import as_text
from skrnn._inputs._messages import warn
from skrnn.exceptions import DataWarning


def kind_of_index(index: Any) -> str:
    """Return in words what a pandas index holds: entries of the same kind have an order, but for labels."""
    if index.nlevels > 1:
        return f"levels of {', '.join(kind_of_index(index.get_level_values(k)) for k in range(index.nlevels))}"
    index = as_usual_index(index)
    if hasattr(index, "asfreq"):
        return f"periods of frequency {index.freqstr}"
    letter = getattr(index.dtype, "kind", "O")
    if letter == "M":
        return f"dates {'without' if index.tz is None else 'with'} a time zone"
    return {"m": "durations", "i": "numbers", "u": "numbers", "f": "numbers"}.get(letter, "labels")


def as_usual_index(index: Any) -> Any:
    """Return an index of objects or of Arrow's dates as the index that pandas has for dates, periods or numbers."""
    import pandas as pd

    if index.nlevels > 1:
        return index
    index = index.infer_objects()
    is_date = index.inferred_type == "date" or getattr(index.dtype, "kind", "O") == "M"
    return pd.DatetimeIndex(index) if is_date else index


def check_follows(ahead: Any, index: Any) -> None:
    """Raise ValueError where the index of `exog`, `ahead`, cannot be that of the rows after a history with `index`."""
    problem = _problem(ahead, index) if len(ahead) else ""
    if problem:
        raise ValueError(
            f"{problem}; expected an index that continues that of history. An array without index, such as "
            "exog.to_numpy(), is assumed to follow directly."
        )


def warn_of_no_step(index: Any, group: Any = None) -> None:
    """Warn that forecasts have no labels where the index of their history increases, but not by a constant step.

    The index is that of one of several groups, None where all rows are one series.
    """
    if kind_of_index(index) == "labels" or len(index) < 2 or not index.is_monotonic_increasing:
        return
    n_even = bisect_left(range(3, len(index)), True, key=lambda n: continued_index(index[:n], 1) is None) + 2
    before, after = (as_text(index[row]) for row in (n_even - 1, n_even))
    of_several = " If the rows belong to several series, identify them by groups." if index.nlevels > 1 else ""
    of_group, of_all = ("", "forecasts") if group is None else (f" in group {group!r}", "forecasts of all groups")
    warn(
        f"The index of history has no constant step{of_group}: {after} comes after {before}. The times of the "
        f"forecasts are therefore unknown, and {of_all} are numbered. Pass an exog of n_steps rows with an index, make "
        f"the index of history regular (asfreq of pandas), or drop it (reset_index).{of_several}",
        DataWarning,
    )


def _problem(ahead: Any, index: Any) -> str:
    """Return what to say of the first entry of `ahead` that cannot follow those before it, or nothing."""
    came, expected = kind_of_index(ahead), kind_of_index(index)
    if came != expected:
        origin = " from 0, as reset_index leaves them" if getattr(ahead, "start", None) == 0 else ""
        return f"exog has {came}{origin} in its index, but history has {expected}"
    ahead, index = as_usual_index(ahead), as_usual_index(index)
    following = continued_index(index, len(ahead))
    if following is not None:
        return _beside_the_step(ahead, index, following)
    if expected == "labels":
        return _of_history(ahead, index)
    return _not_after(ahead, index) if index.is_monotonic_increasing else ""


def _beside_the_step(ahead: Any, index: Any, following: Any) -> str:
    """Return what to say of the first entry that is not the one expected; a float may miss it by rounding."""
    differs = np.asarray(ahead != following)
    if "f" in (ahead.dtype.kind, following.dtype.kind):
        differs = ~np.isclose(ahead, following, rtol=0.0, atol=1e-3 * abs(following[0] - index[-1]))
    if not differs.any():
        return ""
    row = int(np.argmax(differs))
    if row == 0:
        return f"exog begins at {as_text(ahead[0])}, but the row after history would be {as_text(following[0])}"
    came, before, expected = (as_text(entry) for entry in (ahead[row], ahead[row - 1], following[row]))
    return f"exog has {came} in row {row}, but the row after {before} would be {expected}"


def _of_history(ahead: Any, index: Any) -> str:
    """Return what to say of the first label that a row of the history has too, if none of these has one twice."""
    known = ahead.isin(index) & index.is_unique
    return f"exog has {ahead[np.argmax(known)]!r} in its index, which is a row of history" if known.any() else ""


def _not_after(ahead: Any, index: Any) -> str:
    """Return what to say of the first entry that does not come after the one before."""
    joined = index[-1:].append(ahead)
    is_after = np.diff(joined.factorize(sort=True)[0]) > 0
    if index.nlevels > 1 and _is_of_one_group(index):
        is_after &= np.asarray(ahead.droplevel(-1) == index.droplevel(-1)[0])
    if is_after.all():
        return ""
    row = int(np.argmin(is_after))
    if row == 0:
        return f"exog begins at {as_text(ahead[0])}, which does not come after {as_text(index[-1])}, the end of history"
    return f"exog has {as_text(ahead[row])} in row {row}, which does not come after {as_text(ahead[row - 1])}"


def _is_of_one_group(index: Any) -> bool:
    """Tell whether the levels of an index before the last are the same in all rows."""
    return index.droplevel(-1).nunique() == 1


def continued_index(index: Any, n_rows: int) -> Any:
    """Return the next `n_rows` entries of a pandas index, or None if it has no constant step.

    Dates continue with their frequency, or with the one that pandas infers, or by calendar months; periods, numbers,
    durations and other dates with the step that all neighbours have, a single period with the next ones. In a time
    zone, days are those of its calendar. Of several levels the last continues, if the others are the same in all rows.
    """
    import pandas as pd

    if isinstance(index, pd.RangeIndex):
        start = index[-1] + index.step
        return pd.RangeIndex(start, start + n_rows * index.step, index.step, name=index.name)
    if index.nlevels > 1:
        return _continued_levels(index, n_rows)
    if isinstance(index, pd.PeriodIndex):
        return _continued_periods(index, n_rows)
    if isinstance(index, pd.DatetimeIndex):
        return _continued_dates(index, n_rows)
    entries = as_usual_index(index)
    ahead = _evenly_continued(index, n_rows) if entries.dtype == index.dtype else continued_index(entries, n_rows)
    if ahead is None or entries.dtype == index.dtype:
        return ahead
    return pd.Index(ahead.date, name=index.name) if index.inferred_type == "date" else ahead.astype(index.dtype)


def _continued_levels(index: Any, n_rows: int) -> Any:
    """Return the next entries of the last level, beside those of the others, which are the same in all rows."""
    import pandas as pd

    ahead = continued_index(index.get_level_values(-1), n_rows) if _is_of_one_group(index) else None
    if ahead is None:
        return None
    others = [index.get_level_values(k)[:1].repeat(n_rows) for k in range(index.nlevels - 1)]
    return pd.MultiIndex.from_arrays([*others, ahead], names=index.names)


def _continued_periods(index: Any, n_rows: int) -> Any:
    """Return the next periods, which may lie apart: quarterly rows as months, business days as days."""
    import pandas as pd

    if len(index) == 1:
        return pd.period_range(index[-1] + 1, periods=n_rows, name=index.name)
    if index.hasnans:
        return None
    ordinals = _evenly_continued(pd.Index(index.astype("int64")), n_rows)
    if ordinals is not None:
        return pd.PeriodIndex([pd.Period(ordinal=n, freq=index.freq) for n in ordinals.tolist()], name=index.name)
    starts = continued_index(index.to_timestamp(), n_rows)
    return None if starts is None else starts.to_period(index.freq)


def _continued_dates(index: Any, n_rows: int) -> Any:
    """Return the next dates."""
    import pandas as pd

    frequency = index.freq or pd.DatetimeIndex(index, freq="infer").freq
    if frequency is None:
        months = _continued_months(index, n_rows)
        if months is not None:
            return months
        return _evenly_continued(index, n_rows) if index.tz is None else _continued_in_zone(index, n_rows)
    by_clock = index.tz is not None and not _is_duration(frequency)
    start = index[-1].tz_localize(None) if by_clock else index[-1]
    times = pd.date_range(start, periods=n_rows + 1, freq=frequency, name=index.name)[1:].as_unit(index.unit)
    return _as_shown(times, index.tz) if by_clock else times


def _is_duration(frequency: Any) -> bool:
    """Tell whether an offset is as long at a change of the clock as at other times: hours are, days are not."""
    import pandas as pd

    if {"hours", "minutes", "seconds"} & set(getattr(frequency, "kwds", {})):
        return True
    return isinstance(frequency, pd.offsets.Tick) and not isinstance(frequency, pd.offsets.Day)


def _as_shown(clock: Any, zone: Any) -> Any:
    """Return the dates of a time zone at which its clock shows these, of an hour that comes twice in the first.

    A time within an hour that is left out becomes the end of that hour.
    """
    return clock.tz_localize(zone, nonexistent="shift_forward", ambiguous=np.ones(len(clock), dtype=bool))


def _continued_months(index: Any, n_rows: int) -> Any:
    """Return the next dates if neighbours are equally many months apart, at any day of the month, or None.

    After the 30th of January and the last of February comes the 30th of March, unless the history goes on otherwise.
    """
    import pandas as pd

    if len(index) < 3 or index.hasnans:
        return None
    steps = np.diff(12 * index.year + index.month)
    if steps[0] == 0 or (steps != steps[0]).any():
        return None
    step, clock, n_known = int(steps[0]), index.tz_localize(None), len(index)
    origin = int(np.argmax(index.day))
    even = _as_shown(_months_from(clock[origin], step, range(-origin, n_known + n_rows - origin)), index.tz)
    if not (even[:n_known].tz_localize(None) == clock).all():
        if not (clock[1:] == clock[:-1] + pd.DateOffset(months=step)).all():
            return None
        even = _as_shown(_months_from(clock[-1], step, range(1 - n_known, n_rows + 1)), index.tz)
    return even[n_known:].as_unit(index.unit).rename(index.name)


def _months_from(origin: Any, step: int, counts: range) -> Any:
    """Return the dates that are these numbers of steps, in months, from another one."""
    import pandas as pd

    return pd.DatetimeIndex([origin + pd.DateOffset(months=step * count) for count in counts])


def _continued_in_zone(index: Any, n_rows: int) -> Any:
    """Return the next dates of a time zone: days, and what is even only by the clock, as the clock shows them.

    Steps of 24 hours that are not days, because the clock has changed in between, go on in hours.
    """
    import pandas as pd

    if index.hasnans or len(index) < 2:
        return None
    passed = _evenly_continued(index.tz_convert(None), n_rows)
    if passed is not None:
        passed = passed.tz_localize("UTC").tz_convert(index.tz)
    clock = index.tz_localize(None)
    if passed is not None and (clock[1] - clock[0]) % pd.Timedelta(1, "D"):
        return passed
    shown = _continued_by_clock(clock.to_numpy(), index.tz, n_rows)
    return passed if shown is None else shown.rename(index.name)


def _continued_by_clock(clock: NDArray[np.datetime64], zone: Any, n_rows: int) -> Any:
    """Return the next dates of a time zone whose clock has shown these at even distances, or None.

    One of them may have been moved out of an hour that was left out.
    """
    import pandas as pd

    n_known = len(clock)
    for origin, step in (0, clock[1] - clock[0]), (n_known - 1, clock[-1] - clock[-2]):
        even = clock[origin] + step * (np.arange(n_known + n_rows) - origin)
        shown = _as_shown(pd.DatetimeIndex(even), zone)
        if step and (shown[:n_known].tz_localize(None) == clock).all():
            return shown[n_known:]
    return None


def _evenly_continued(index: Any, n_rows: int) -> Any:
    """Return the next entries of an index whose neighbours are equally far apart, or None."""
    import pandas as pd

    if index.hasnans or len(index) < 2:
        return None
    labels = index.to_numpy(dtype=getattr(index.dtype, "numpy_dtype", None))
    if labels.dtype.kind not in "iufmM":
        return None
    if labels.dtype.kind in "iu":  # a narrow one would wrap
        if labels.max() > np.iinfo(np.int64).max:
            return None
        labels = labels.astype(np.int64)
    counts = np.arange(1, n_rows + 1, dtype=labels.dtype if labels.dtype.kind == "f" else np.int64)
    step = _common_step(labels)
    return pd.Index(labels[-1] + step * counts, name=index.name) if step else None


def _common_step(labels: NDArray[Any]) -> Any:
    """Return how far neighbours among numbers, dates or durations are apart, or None if that differs."""
    steps = np.diff(labels)
    if labels.dtype.kind != "f":
        return steps[0] if (steps == steps[0]).all() else None
    step = (labels[-1] - labels[0]) / steps.dtype.type(len(steps))
    rounding = 4.0 * np.spacing(np.abs(labels).max())  # decimal fractions are not exact
    is_even = np.allclose(steps, step, rtol=1e-9, atol=rounding) and abs(step) > 100.0 * rounding
    return step if is_even else None
