"""Lengths of time that depend on where they begin: months, business days, and days of a time zone."""

import re
from datetime import timedelta
from typing import Any, final

import numpy as np


@final
class CalendarLength:
    """A length of time by the calendar, which can be added to and subtracted from times, and multiplied.

    Parameters
    ----------
    offset : pandas offset
        The length, such as ``pandas.DateOffset(months=1)``.
    unit : dtype
        The ``datetime64`` in which times are counted, in UTC.
    zone : tzinfo or str, default=None
        The time zone whose calendar counts; None if times have none.
    """

    def __init__(self, offset: Any, unit: np.dtype, zone: Any = None) -> None:
        self.offset = offset
        self.unit = unit
        self.zone = zone

    def __radd__(self, time: int) -> int:
        """Return the time that comes this long after another."""
        return self._moved(time, self.offset)

    def __rsub__(self, time: int) -> int:
        """Return the time that comes this long before another."""
        return self._moved(time, -self.offset)

    def __rmul__(self, count: int) -> Any:
        """Return the length of several: two months before the end of March are not a month before that of February."""
        lengths = getattr(self.offset, "kwds", {})
        if not count:
            return 0
        if lengths and all(
            name.endswith("s") for name in lengths
        ):  # "months"; the offset times two is one after another
            product = type(self.offset)(**{name: count * self.offset.n * value for name, value in lengths.items()})
        else:
            product = count * self.offset
        return CalendarLength(product, self.unit, self.zone)

    def _moved(self, time: int, offset: Any) -> int:
        """Return a time and an offset from it, by pandas' own arithmetic; of an hour that was left out the end."""
        import pandas as pd

        finest = np.promote_types(self.unit, "M8[s]")
        moment = pd.Timestamp(np.array(time).astype(self.unit).astype(finest)[()])
        if self.zone is None:
            moved = moment + offset
        else:
            moment = moment.tz_localize("UTC").tz_convert(self.zone)
            if getattr(offset, "kwds", {}):  # with hours, which are not those of the clock
                moved = moment + offset
            else:
                shown = moment.tz_localize(None) + offset
                moved = shown.tz_localize(self.zone, nonexistent="shift_forward", ambiguous=False)
            moved = moved.tz_convert("UTC").tz_localize(None)
        return int(moved.to_datetime64().astype(self.unit).astype(np.int64))


def read_offset(value: Any, zone: Any) -> Any:
    """Return the offset of pandas that a length of time is, None for a duration: in a time zone, days are no duration.

    What is said in hours is one there too, such as "120h".
    """
    if hasattr(value, "is_on_offset"):
        import pandas as pd

        if not isinstance(value, pd.offsets.Tick | pd.offsets.Day):
            return value
    n_days = None if zone is None else _whole_days(value)
    if not n_days:
        return None
    from pandas import DateOffset

    return DateOffset(days=n_days)


def _whole_days(value: Any) -> int | None:
    """Return how many days a length of time is said to be, None if it is said in another unit."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*\+?(\d+)\s*(?:(d|days?)|w|weeks?)\s*", value, re.IGNORECASE)
        return match and int(match[1]) * (1 if match[2] else 7)
    if isinstance(value, np.timedelta64):
        return int(value / np.timedelta64(1, "D")) if np.datetime_data(value.dtype)[0] in ("D", "W") else None
    if hasattr(value, "is_on_offset"):
        return int(value.n) if value.rule_code == "D" else None
    return value.days if isinstance(value, timedelta) and value == timedelta(days=value.days) else None
