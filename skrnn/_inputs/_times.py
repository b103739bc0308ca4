"""Times as numbers: integers, floats, dates, durations, periods or positions in a group, and lengths of time."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from numbers import Integral, Real
from typing import Any, final

import numpy as np

from skrnn._inputs._messages import naming, settings_unchanged_on_error


@final
@dataclass(frozen=True, eq=False)
class CalendarLength:
    """A length of time by the calendar, which can be added to and subtracted from times, and multiplied."""

    offset: Any  # of pandas, such as `pandas.DateOffset(months=1)`
    unit: np.dtype  # the datetime64 in which times are counted, in UTC
    zone: Any = None  # the time zone whose calendar counts; None if times have none

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
        if lengths and all(name.endswith("s") for name in lengths):  # "months"; twice the offset is one after another
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


@final
@dataclass(frozen=True, eq=False)
class Times:
    """The time of each row as a number, with its unit.

    >>> times = read_times(np.array(["2024-02-28", "2024-03-01"], dtype="datetime64[D]"), "time_column")
    >>> times.values
    array([19781, 19783])
    >>> times.length(timedelta(weeks=1), "gap")
    7
    """

    values: np.ndarray  # (n_samples,), int64 or float64
    unit: np.dtype | None = None  # the timedelta64 of dates and durations; None for plain numbers
    are_dates: bool = False  # which have a calendar
    zone: Any = None  # the time zone of dates, whose values are in UTC
    precision: float = float(np.finfo(np.float64).eps)  # of floats, relative: that of the dtype that they had

    def length(self, value: Any, parameter: str, *, zero: bool = False) -> int | float | CalendarLength:
        """Return a length of time in the unit of the times, a float only if they are; with `zero` it may be zero.

        The value must be an integer for integers, a real number for floats, a duration or a pandas offset for dates,
        with days of the calendar if these have a time zone; other types raise a TypeError. A value that is negative,
        not finite or finer than the unit of the times raises a ValueError.
        """
        if zero and isinstance(value, Integral) and value == 0:  # in any unit
            return 0
        length: Any
        if self.unit is None:
            length = _in_numbers(value, self.values.dtype, parameter)
        elif self.are_dates and (offset := read_offset(value, self.zone)) is not None:
            length = CalendarLength(offset, _as_dates(self.unit), self.zone)
        else:
            length = _in_units(value, self.unit, parameter)
        bound = ">= 0" if zero else "> 0"
        span = self._last() - (self._last() - length) if isinstance(length, CalendarLength) else length
        if not (0 <= span < np.inf) or (span == 0 and not zero):
            raise ValueError(f"{parameter} is {value!r}; expected a length of time {bound}.")
        return length

    def _last(self) -> int:
        """Return the last time, 0 if there is none."""
        return int(self.values.max(initial=0))


def _as_dates(unit: np.dtype) -> np.dtype:
    """Return the ``datetime64`` dtype of a ``timedelta64`` unit."""
    return np.dtype(unit.str.replace("m8", "M8"))


def _in_numbers(value: Any, dtype: np.dtype, parameter: str) -> int | float:
    """Return a length as a Python number: an integer for integer times, otherwise a float."""
    is_whole = dtype.kind == "i"
    expected: Any = Integral if is_whole else Real
    # timedelta64 is registered as an integer
    if isinstance(value, bool | np.timedelta64) or not isinstance(value, expected):
        raise TypeError(
            f"{parameter} is {value!r} of type {type(value).__name__}, but the times are {dtype} numbers; expected "
            f"{'an integer' if is_whole else 'a real number'}."
        )
    return int(value) if is_whole else float(value)


def _in_units(value: Any, unit: np.dtype, parameter: str) -> int:
    """Return a length as a number of units."""
    duration = _read_duration(value, parameter)
    if np.isnat(duration):
        raise ValueError(f"{parameter} is {value!r}; expected a length of time.")
    # NumPy would convert a month to 30.4 days, and a number without a unit to any unit.
    is_generic = np.datetime_data(duration.dtype)[0] == "generic"
    if is_generic or not np.can_cast(duration.dtype, unit, "same_kind"):
        raise ValueError(f"{parameter} is {value!r}; expected a length that converts to the times' unit, {unit.name}.")
    units = duration.astype(unit)
    if units != duration:
        raise ValueError(f"{parameter} is {value!r}, which is not a multiple of the times' unit, {unit.name}.")
    return int(units.astype(np.int64))


def _read_duration(value: Any, parameter: str) -> np.timedelta64:
    """Return a duration as a timedelta64."""
    if isinstance(value, np.timedelta64):
        return value
    if isinstance(value, timedelta) and not hasattr(value, "to_timedelta64"):
        return np.timedelta64(value)
    if isinstance(value, Real):  # pandas would interpret it as nanoseconds
        raise TypeError(
            f"{parameter} is {value!r} of type {type(value).__name__}, but the times are dates or durations; expected "
            "a timedelta, or a string accepted by pandas.Timedelta, such as '7D'."
        )
    try:
        from pandas import Timedelta
    except ImportError as error:
        raise TypeError(
            f"{parameter} is {value!r} of type {type(value).__name__}, which requires pandas; expected a "
            "datetime.timedelta or numpy.timedelta64."
        ) from error
    try:
        return Timedelta(value).asm8
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{parameter} is {value!r}; expected a length of time accepted by pandas.Timedelta."
        ) from error


@settings_unchanged_on_error
def read_times(column: Any, parameter: str) -> Times:
    """Return integers, floats, dates, durations or pandas periods, (n_samples,), as numbers.

    Dates with a time zone are converted to UTC, periods to their number since about 1970. Other types raise a
    TypeError; a time that is missing, infinite or too large for a 64-bit integer raises a ValueError.
    """
    if hasattr(column, "isna") and column.isna().any():  # as an integer, a missing period would be the earliest
        raise ValueError(f"{parameter} has {int(column.isna().sum())} missing times; expected a time in each row.")
    with naming(parameter, "numbers, dates, durations or periods"):
        values = _to_numpy(column, parameter)
        values = values.astype(np.float64) if values.dtype == np.longdouble else values
    if values.dtype.kind in "mM":
        return _read_dates(values, _zone(column), parameter)
    if values.dtype.kind not in "iuf":
        raise TypeError(
            f"{parameter} has dtype {values.dtype}; expected numbers, dates, durations or periods. Strings can be "
            "converted with pandas.to_datetime."
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(
            f"{parameter} has {int((~np.isfinite(values)).sum())} times that are NaN or infinite; expected finite "
            "times."
        )
    if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{parameter} has times up to {values.max()}; expected at most {np.iinfo(np.int64).max}.")
    if values.dtype.kind == "f":
        return Times(values.astype(np.float64), precision=float(np.finfo(values.dtype).eps))
    return Times(values.astype(np.int64))


def _read_dates(values: np.ndarray, zone: Any, parameter: str) -> Times:
    """Return dates or durations as integers, with their unit."""
    if np.isnat(values).any():
        raise ValueError(f"{parameter} has {int(np.isnat(values).sum())} missing times; expected a time in each row.")
    unit = np.dtype(values.dtype.str.replace("M8", "m8"))
    return Times(values.astype(np.int64), unit, are_dates=values.dtype.kind == "M", zone=zone)


def _zone(column: Any) -> Any:
    """Return the time zone of a column of pandas, of Arrow in pandas or of polars; None for none and for UTC."""
    dtype = getattr(column, "dtype", None)
    dtype = getattr(dtype, "pyarrow_dtype", dtype)
    zone = getattr(dtype, "tz", None) or getattr(dtype, "time_zone", None)
    return None if str(zone) == "UTC" else zone


def _to_numpy(column: Any, parameter: str) -> np.ndarray:
    """Return a column as an array of numbers or dates, if possible."""
    dtype = getattr(column, "dtype", None)
    if hasattr(dtype, "freq"):
        return _from_periods(np.asarray(column.astype("int64")), dtype, parameter)
    if getattr(getattr(dtype, "pyarrow_dtype", None), "tz", None) is not None:
        from pandas import DatetimeIndex

        column = DatetimeIndex(column)
    if getattr(getattr(column, "dtype", None), "tz", None) is not None:
        column = getattr(column, "dt", column).tz_convert(None)  # a Series has .dt, an Index has not
    values = np.asarray(column)
    return _from_objects(values.tolist(), parameter) if values.dtype == object else values


def _from_periods(ordinals: np.ndarray, dtype: Any, parameter: str) -> np.ndarray:
    """Return periods as numbers of periods; pandas counts periods of six hours in hours."""
    n_units = dtype.freq.n
    numbers, remainders = np.divmod(ordinals, n_units)
    if (remainders != remainders[:1]).any():
        raise ValueError(
            f"{parameter} has dtype {dtype} and periods that overlap; expected distances of whole periods. Convert "
            "them to dates with Series.dt.to_timestamp of pandas."
        )
    return numbers


def _from_objects(values: list[Any], parameter: str) -> np.ndarray:
    """Return an array of numbers or dates from Python objects."""
    if values and all(isinstance(value, date) for value in values):
        return np.array([_as_datetime64(value, parameter) for value in values])
    return np.array(values)


def _as_datetime64(moment: Any, parameter: str) -> np.datetime64:
    """Return a date or datetime without a time zone as datetime64."""
    if getattr(moment, "tzinfo", None) is not None:
        raise TypeError(
            f"{parameter} has {moment!r} as an object with a time zone; expected a column with one time zone, for "
            "example from pandas.to_datetime with utc=True."
        )
    return moment.to_datetime64() if hasattr(moment, "to_datetime64") else np.datetime64(moment)


def times_to_the_end(codes: np.ndarray) -> np.ndarray:
    """Return the position of each row from the end of its group, (n_samples,): 0 for the last, -1 for the one before.

    >>> times_to_the_end(np.array([0, 1, 0, 0]))
    array([-2,  0, -1,  0])
    """
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes)) - 1
    times = np.empty(len(codes), dtype=np.int64)
    times[order] = np.arange(len(codes)) - ends[codes[order]]
    return times
