"""The series of each row of a table: from a column, a level of a pandas index, or an array of labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._tables import column_names, column_position, get_column, index_level
from skrnn._inputs._values import encode_labels, read_labels, refuse_masked

#: How many groups a message names.
_N_NAMED = 5


@final
@dataclass(frozen=True, eq=False)
class Groups:
    """The group of each row of a table.

    Attributes
    ----------
    labels : ndarray of shape (n_rows,)
        The group of each row.
    column : int or None
        The position of the column of the table that holds them, if one does.
    level : int or None
        The level of its index that holds them, if one does.
    name : object
        What the column, the level or the labels are called; None if they have no name.
    values : object
        The labels as passed by the user.
    """

    labels: NDArray[Any]
    column: int | None
    level: int | None
    name: Any
    values: Any

    @cached_property
    def _encoded(self) -> tuple[list[Any], NDArray[np.intp]]:
        return encode_labels(self.labels)

    @property
    def distinct(self) -> list[Any]:
        """The groups, in order of appearance."""
        return self._encoded[0]

    @property
    def codes(self) -> NDArray[np.intp]:
        """The number of each row's group among them, (n_rows,)."""
        return self._encoded[1]


def read_groups(table: Any, groups: Any, name: str) -> Groups | None:
    """Return the groups of a table, which messages call `name`; None where all of its rows are one series.

    `groups` is the name of a column or of an index level, the position of a column, or one label per row.
    """
    if groups is None:
        return None
    refuse_masked(groups, "groups")
    if np.iterable(groups) and not isinstance(groups, str):
        return Groups(read_labels(groups, len(table), "groups"), None, None, getattr(groups, "name", None), groups)
    values = get_column(table, groups, "groups", name)
    labels, level = read_labels(values, len(table), f"groups={groups!r}"), index_level(table, groups)
    if level is not None:
        return Groups(labels, None, level, groups, values)
    if table.shape[1] < 2:
        raise ValueError(f"groups is {groups!r}, the only column of {name}; expected at least one more, with a series.")
    position = column_position(groups, table.shape[1], column_names(table), "groups", name)
    return Groups(labels, position, None, groups, values)


def named(groups: list[Any]) -> str:
    """Return the first of these groups as text."""
    return ", ".join(map(str, groups[:_N_NAMED])) + (", ..." * (len(groups) > _N_NAMED))


@contextmanager
def of_group(group: Any) -> Iterator[None]:
    """Let a ValueError that leaves the block say which group it is about; None: there are no groups."""
    try:
        yield
    except ValueError as error:
        if group is None:
            raise
        raise ValueError(f"Group {group!r}: {error}") from error
