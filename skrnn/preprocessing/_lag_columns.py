"""Which columns of a table are lags, and what their names say about them."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

ORDERS = ("newest_first", "oldest_first")
ARRANGEMENTS = ("variable", "timestep")

#: Names of lags in other libraries: lag_1, lag1, y_lag_1, y_target_lag-1, y_t-1.
_LAG = re.compile(r"(?:(?P<variable>.*)_)?(?:lag[_-]?|t-)(?P<lag>\d+)")


@final
class Lag(NamedTuple):
    """The content of a column name.

    Attributes
    ----------
    variable : str
        The name of the variable.
    lag : int
        How many timesteps ago the value was; 0 if the name does not say.
    """

    variable: str
    lag: int


def lag_columns(blocks: Sequence[int], n_timesteps: int, order: str, by: str, first: int) -> NDArray[np.intp]:
    """Return the column of each timestep and variable, oldest timestep first, (n_timesteps, n_variables).

    `blocks` has the number of variables of consecutive blocks, starting at the column `first`.
    """
    columns = []
    for n_variables in blocks:
        block = np.arange(first, first + n_timesteps * n_variables)
        by_timestep = block.reshape(-1, n_variables) if by == "timestep" else block.reshape(n_variables, -1).T
        columns.append(by_timestep)
        first += block.size
    of_timesteps = np.hstack(columns)
    return of_timesteps if order == "oldest_first" else of_timesteps[::-1].copy()


def check_names(names: Sequence[Any], columns: NDArray[np.intp], parameters: str, other_order: str) -> None:
    """Raise ValueError if column names contradict `columns`, which follow from the parameters.

    Messages end with `parameters`, or with the parameter `other_order` if only the order is wrong.
    """
    said = [_read_name(name) for name in names]
    if not any(_LAG.fullmatch(str(name)) for name in names):
        return
    for of_variable in columns.T:
        lags = [said[column].lag for column in of_variable]
        shown = [str(names[column]) for column in of_variable]
        if len({said[column].variable for column in of_variable}) > 1:
            raise ValueError(f"X has columns {_some(shown)}, whose names belong to different variables{parameters}")
        if (np.diff(lags) > 0).all():
            in_order = [str(names[column]) for column in sorted(of_variable)]
            raise ValueError(
                f"X has columns {_some(in_order)}, whose names are in the other order. Expected {other_order}."
            )
        if (np.diff(lags) >= 0).any():
            raise ValueError(f"X has columns {_some(shown)}, whose names are not in order, oldest first{parameters}")
    variables = {said[column].variable for column in columns.ravel()}
    others = np.setdiff1d(np.arange(len(names)), columns)
    left = [str(names[column]) for column in others if said[column].lag and said[column].variable in variables]
    if left:
        raise ValueError(f"X has columns {_some(left)}, whose names say that they are lags too{parameters}")


def _read_name(name: Any) -> Lag:
    """Return the content of a column name."""
    match = _LAG.fullmatch(str(name))
    return Lag(match["variable"] or "", int(match["lag"])) if match else Lag(str(name), 0)


def _some(names: list[str]) -> str:
    """Return the first names as text."""
    return f"[{', '.join(map(repr, names[:4]))}{', ...' if len(names) > 4 else ''}]"
