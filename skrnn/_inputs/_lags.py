"""Column names that contain a lag, in the spellings of several libraries."""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple, final

from skrnn._inputs._messages import warn
from skrnn._inputs._tables import column_names
from skrnn.exceptions import DataWarning

#: "lag_1", "sales_lag_1", "y_lag1_mean", "lag(1)", "lagged_1", "shifted_1", "x_t-1", "x(t - 1)", "t_minus_1", "y.L.1",
#: but not "flag_1", nor "t1", which may be the first timestep, nor "L1", which may be the first phase of a current.
_LAG = re.compile(
    r"^(?P<before>.*?)(?:(?P<t>[_\-. ]*(?<![^\W\d_])t)(?: ?- ?|_?minus_?)|[_\-. ]*(?:(?<![^\W\d_])"
    r"(?:lag(?:ged)?|shifted)[_\-. :=(\[]*|\.L\.))(?P<lag>\d+)(?P<after>\D*)$",
    re.IGNORECASE,
)


@final
class Lag(NamedTuple):
    """The content of a column name.

    Attributes
    ----------
    series : str
        What the column is a lag of, or its name.
    lag : int or None
        How many timesteps ago the value was; None if the name does not say.
    """

    series: str
    lag: int | None


def read_lags(names: Iterable[Any]) -> list[Lag]:
    """Return the content of column names; "y" beside "y_lag_1", and "x(t)" beside "x(t-1)", have the lag 0."""
    names = list(names)
    matches = [_LAG.match(name) if isinstance(name, str) else None for name in names]
    newest: dict[Any, str] = {}  # possible names of columns without a lag, and their series
    for match in filter(None, matches):
        series = _series(match)
        newest[series] = series
        if match["t"]:
            newest[match["before"] + match["t"] + match["after"]] = series
    return [
        Lag(newest.get(name, str(name)), 0 if name in newest else None)
        if match is None
        else Lag(_series(match), int(match["lag"]))
        for name, match in zip(names, matches, strict=True)
    ]


def _series(match: re.Match[str]) -> str:
    """Return the name of the column without its lag, and without the brackets around it."""
    name = match["before"] + match["after"]
    return name.translate(_BRACKETS) if match["after"] and match["after"][0] in ")]" else name


_BRACKETS = str.maketrans("", "", "()[]")


def warn_of_lags(X: Any, n_timesteps: int | None) -> None:
    """Warn if column names are those of lags, but not ordered from the oldest to the newest timestep.

    With `n_timesteps` None each column is a timestep; otherwise columns are ordered by timestep.
    """
    names = column_names(X)
    columns = read_lags(names)
    if sum(column.lag is not None for column in columns) < 2:
        return
    width = 1 if n_timesteps is None else max(1, len(columns) // n_timesteps)
    timesteps = [columns[first : first + width] for first in range(0, len(columns), width)]
    if any(lag is None for _, lag in columns) or any(len({lag for _, lag in timestep}) > 1 for timestep in timesteps):
        problem = "columns of different timesteps, or without a timestep, are grouped together"
    elif len({tuple(series for series, _ in timestep) for timestep in timesteps}) > 1:
        problem = "columns are grouped by series"
    elif any((later[0].lag or 0) >= (earlier[0].lag or 0) for earlier, later in pairwise(timesteps)):
        problem = "they are not ordered from the oldest to the newest"
    else:
        return
    shown = ", ".join(map(repr, names[:4])) + (", ..." if len(names) > 4 else "")
    warn(
        f"The columns of X, {shown}, are named like lags, but {problem}, while columns are read as "
        "consecutive timesteps. Use skrnn.preprocessing.LagsToSequences.",
        DataWarning,
    )
