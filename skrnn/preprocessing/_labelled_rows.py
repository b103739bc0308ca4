"""Rows of a series with the labels of their groups: reading, comparing, and making windows."""

from collections.abc import Iterator
from fractions import Fraction
from hashlib import blake2b
from math import isfinite
from typing import Any, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.validation import validate_data

from skrnn._inputs._frames import explaining, warn_unless_aligned, warn_unless_ordered
from skrnn._inputs._messages import naming, settings_unchanged_on_error, warn
from skrnn._inputs._tables import column_position, drop_column, index_level, is_frame, take_column
from skrnn._inputs._values import as_array, encode_labels, read_labels, refuse_masked
from skrnn.exceptions import DataWarning
from skrnn.sequences._windows import (
    grouped_windows,
    last_rows,
    n_history_rows,
    pad_series,
    sliding_windows,
    window_dtype,
)

_EXPECTED_X = "real numbers, or NaN, in a 2-D array (n_samples, n_columns)"
#: Numbers per block of rows: at most 1 MiB, unless a single row is larger.
_BLOCK_SIZE = 2**17
#: With fewer rows, y may be a column of X by chance.
_LEAST_ALIKE = 10


@final
class LabelledRows(NamedTuple):
    """Rows of a series with their groups."""

    values: NDArray[Any]  # (n_rows, n_features), oldest first
    labels: NDArray[Any] | None  # the group of each row; None if all rows are one series

    @property
    def n_groups(self) -> int | None:
        """Number of distinct labels, None if there are none."""
        return None if self.labels is None else len(encode_labels(self.labels)[0])

    @property
    def longest(self) -> int:
        """Number of rows of the longest group."""
        return len(self.values) if self.labels is None else int(np.bincount(encode_labels(self.labels)[1]).max())

    def first(self, n_rows: int) -> Self:
        """Return the first rows."""
        return self._replace(values=self.values[:n_rows], labels=None if self.labels is None else self.labels[:n_rows])

    def last_of_groups(self, n_rows: int) -> Self:
        """Return a copy of the last `n_rows` rows of each group, in order, with the dtype of windows."""
        dtype = window_dtype(self.values)
        if self.labels is None:
            return self._replace(values=np.array(self.values[max(0, len(self.values) - n_rows) :], dtype=dtype))
        kept = last_rows(encode_labels(self.labels)[1], n_rows)
        return self._replace(values=self.values[kept].astype(dtype), labels=self.labels[kept])

    def windows(
        self, n_timesteps: int, dilation: int, padding: str, context: "LabelledRows | None"
    ) -> NDArray[np.floating]:
        """Return the window of each row, (n_rows, n_timesteps, n_features), read-only: a view if there is one group.

        The rows continue those of the context, group by group. The context has labels if the rows have.
        """
        values, labels = self
        if labels is None or not (labels != labels[:1]).any():
            known = None if context is None else _of_one_group(context, labels)
            padded = pad_series(values, n_history_rows(n_timesteps, dilation), padding, known)
            return sliding_windows(padded, n_timesteps, dilation)
        if context is None or context.labels is None:
            return grouped_windows(values, encode_labels(labels)[1], n_timesteps, dilation, padding)
        _, codes = encode_labels(_join_labels(context.labels, labels))
        return grouped_windows(values, codes, n_timesteps, dilation, padding, context.values)

    def digest(self) -> str:
        """Return a digest of the values and labels.

        It depends neither on the dtype nor on the memory layout of equal values; NaN counts as equal to NaN.
        """
        digest = blake2b(str(self.values.shape).encode(), digest_size=16)
        for block in _row_blocks(self.values):
            values = block.astype("<f8", order="C") + 0.0  # -0.0 becomes 0.0, which it equals
            values[np.isnan(values)] = np.nan  # one of the many bit patterns
            digest.update(values.tobytes())
        if self.labels is not None:
            distinct, codes = encode_labels(self.labels)
            digest.update(codes.astype("<i8").tobytes())
            digest.update("\0".join(map(_label_text, distinct)).encode())
        return digest.hexdigest()


@settings_unchanged_on_error
def read_rows(transformer: Any, X: Any, groups: Any, *, reset: bool) -> LabelledRows:
    """Return the checked rows of X, in their own dtype if numeric, with the labels from `groups` or a column.

    With `reset` the transformer learns the columns of X; otherwise they are compared with those learnt.
    """
    # Integers are converted during padding, and infinity is searched for in blocks of rows: otherwise either would need
    # as much memory as the series.
    checks = {"dtype": "numeric", "ensure_all_finite": False}
    for values, name in ((X, "X"), (groups, "groups")):
        refuse_masked(values, name)
    if transformer.group_column is None:
        hint = " If it says which group a row belongs to, pass it as group_column."
        with naming("X", _EXPECTED_X), explaining(X, hint):
            values = _finite(validate_data(transformer, X, reset=reset, **checks))
        labels, name = groups, "groups"
    else:
        name = f"group_column={transformer.group_column!r}"
        if groups is not None:
            raise ValueError(f"both groups and {name} are given; expected only one of them.")
        with naming("X", _EXPECTED_X):
            table = as_array(X) if isinstance(X, list | tuple) else X
            if not is_frame(table):
                table = check_array(table, dtype=None, ensure_all_finite=False, estimator=transformer, input_name="X")
        validate_data(transformer, table, reset=reset, skip_check_array=True)
        labels, features = _split_groups(transformer, table)
        with naming("X", _EXPECTED_X), explaining(features):
            values = _finite(check_array(features, estimator=transformer, **checks))
    rows = LabelledRows(values, None if labels is None else read_labels(labels, len(values), name))
    warn_unless_ordered(X, rows.labels)
    return rows


def warn_of_target(X: Any, rows: LabelledRows, y: Any) -> None:
    """Warn if y has the index of X in another order, or equals a column of X in every row."""
    warn_unless_aligned(X, y)
    n_rows = len(rows.values)
    if getattr(y, "shape", None) != (n_rows,) or n_rows < _LEAST_ALIKE:
        return
    target = as_array(y)
    if target.dtype.kind not in "biuf" or (target == target[0]).all():
        return
    alike = np.flatnonzero(rows.values[-1] == target[-1])
    feature = next((j for j in alike.tolist() if np.array_equal(rows.values[:, j], target)), None)
    if feature is not None:
        warn(
            f"y equals feature {feature} of X in every row: each window ends with its own target, so nothing is "
            "forecast. Shift y, as skrnn.forecasting.to_supervised does.",
            DataWarning,
        )


def _split_groups(transformer: Any, table: Any) -> tuple[Any, Any]:
    """Return (the labels that a column or an index level holds, the other columns)."""
    level = index_level(table, transformer.group_column)
    if level is not None:
        return table.index.get_level_values(level), table
    position = group_position(transformer)
    return take_column(table, position), drop_column(table, position)


def group_position(transformer: Any) -> int:
    """Return the position of the group column among the columns learnt by the transformer."""
    n_columns, names = transformer.n_features_in_, list(getattr(transformer, "feature_names_in_", ()))
    position = column_position(transformer.group_column, n_columns, names, "group_column")
    if n_columns == 1:
        raise ValueError("X has 1 feature(s), the group column, but SlidingWindow requires at least one more")
    return position


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    """Return values if they are real numbers or NaN, and finite in the dtype of windows; otherwise raise ValueError."""
    if values.dtype.kind not in "biuf":  # dates count as numeric, and their NaT would become -9e18
        raise ValueError(f"X has dtype {values.dtype}, but SlidingWindow expects real numbers")
    with naming("X", _EXPECTED_X):
        if values.dtype.itemsize > 8:  # finite long doubles may be infinite in a window
            values = values.astype(np.float64)
        for block in _row_blocks(values):
            assert_all_finite(block, allow_nan=True, estimator_name="SlidingWindow", input_name="X")
    return values


def _of_one_group(context: LabelledRows, labels: NDArray[Any] | None) -> NDArray[Any]:
    """Return the rows of a context with the label of all `labels`, or all rows if there are no labels."""
    if labels is None or context.labels is None:
        return context.values
    _, codes = encode_labels(_join_labels(context.labels, labels[:1]))
    return context.values[codes[:-1] == codes[-1]]


def _join_labels(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """Return both arrays of labels in one, without making unequal labels equal."""
    if first.dtype.kind != second.dtype.kind:  # NumPy would convert numbers to strings, and long integers to floats
        first, second = first.astype(object), second.astype(object)
    return np.concatenate([first, second])


def _row_blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield views of the rows in blocks."""
    n_rows = max(1, _BLOCK_SIZE // values.shape[1])
    return (values[first : first + n_rows] for first in range(0, len(values), n_rows))


def _label_text(label: Any) -> str:
    """Return a text that is the same for equal labels only; unlike Python's hash, the same in every process."""
    value = label.item() if isinstance(label, np.generic) else label
    is_finite = isinstance(value, int) or (isinstance(value, float) and isfinite(value))
    return str(Fraction(value)) if is_finite else repr(value)
