"""Tables of timesteps, one a row, as NumPy arrays or as pandas DataFrames."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._tables import is_frame
from skrnn._inputs._values import refuse_masked

#: An ndarray or a pandas DataFrame of shape (n_rows, n_columns).
Table = Any

#: What the column of a series without a name is called where columns have names.
UNNAMED = "series"


def read_table(values: Any, name: str, unnamed: str = UNNAMED, least: int = 1) -> Table:
    """Return values (n_rows,) or (n_rows, n_columns) as a table; a DataFrame stays one, a Series becomes one.

    A Series without a name is called `unnamed`; `name` is the parameter in messages, `least` the least number of rows.
    """
    refuse_masked(values, name)
    if hasattr(values, "iloc"):
        table = values if values.ndim == 2 else values.to_frame(unnamed if values.name is None else values.name)
    else:
        table = _read_array(values, name)
    if len(table) < least or table.shape[1] < 1:
        raise ValueError(f"{name} has shape {table.shape}; expected at least {least} rows and one column.")
    return table


def _read_array(values: Any, name: str) -> NDArray[np.floating]:
    """Return values as an array (n_rows, n_columns), float32 if they are, else float64."""
    try:
        array = np.asarray(values)
        array = array.astype(np.float64) if array.dtype == object else array
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{name} cannot be read; expected real numbers, (n_rows,) or (n_rows, n_columns): {error}"
        ) from error
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} has dtype {array.dtype}; expected real numbers.")
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} has shape {array.shape}; expected (n_rows,) or (n_rows, n_columns).")
    with np.errstate(over="ignore"):
        array = array.astype(np.float32 if array.dtype == np.float32 else np.float64, copy=False)
    _refuse_infinity(array, name)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _refuse_infinity(values: NDArray[np.floating], name: str) -> None:
    """Raise ValueError where values (n_rows,) or (n_rows, n_columns) are infinite; NaN is a missing one."""
    if np.isinf(values).any():
        row = int(np.argwhere(np.isinf(values))[0, 0])
        raise ValueError(
            f"{name} contains infinity in row {row}, or a number too large for {values.dtype}; expected finite "
            "numbers, or NaN where one is missing."
        )


def take(table: Any, positions: range | NDArray[np.intp]) -> Any:
    """Return the rows at these positions of a table, a 3-D array or a sparse matrix; a view where a range allows it."""
    rows: Any = positions
    if isinstance(positions, range):
        rows = slice(positions.start, positions.stop, positions.step)
    return table.iloc[rows] if hasattr(table, "iloc") else table[rows]


def numbers(table: Table, columns: Sequence[int], name: str) -> NDArray[np.floating]:
    """Return columns of a table as real numbers, (n_rows, len(columns)), a copy; `name` is the table in messages."""
    if not is_frame(table):
        return table[:, columns]
    selected = table.iloc[:, columns]
    if any(getattr(dtype, "kind", "O") in "mM" for dtype in selected.dtypes):  # as numbers, they would be nanoseconds
        raise ValueError(
            f"{name} has columns {list(selected.columns)}, of which some hold dates or durations; expected real "
            "numbers. Dates belong into the index."
        )
    try:
        values = selected.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} has columns {list(selected.columns)}; expected real numbers: {error}") from error
    _refuse_infinity(values, name)
    return values


def with_columns(table: Table, columns: Sequence[int], values: Sequence[NDArray[Any]]) -> Table:
    """Return a copy of a table with (n_rows,) new values in each of these columns."""
    table = table.copy()
    for position, of_column in zip(columns, values, strict=True):
        if is_frame(table):
            table.isetitem(position, of_column)
        else:
            table[:, position] = of_column
    return table


def beside(series: Table, exog: Any) -> Table:
    """Return the columns of `series`, then those of `exog` (None: none), as a table of the form of `series`."""
    if exog is None:
        return series
    exog = read_table(exog, "exog", unnamed="exog")
    if len(exog) != len(series):
        raise ValueError(f"exog has {len(exog)} rows, but series has {len(series)}; expected as many.")
    if not is_frame(series):
        return np.column_stack([series, numbers(exog, range(exog.shape[1]), "exog")])
    import pandas as pd

    if not is_frame(exog):
        exog = pd.DataFrame(exog, index=series.index, columns=[f"exog{j}" for j in range(exog.shape[1])])
    if not exog.index.equals(series.index):
        raise ValueError("exog has another index than series; expected the same, row for row.")
    both = sorted(set(series.columns) & set(exog.columns), key=str)
    if both:
        raise ValueError(f"exog has columns {both}, and so has series; expected different names.")
    return pd.concat([series, exog], axis=1)
