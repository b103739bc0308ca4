"""The cases of a test with several axes: every combination, or a few with each value, and each pair of short axes."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations_with_replacement, product, repeat
from typing import Any

import numpy as np
import pytest

#: What `pytest.param` returns.
ParameterSet = type(pytest.param())

#: For two axes with more pairs of values, the quick run has each value, but not each pair.
MOST_PAIRS = 4


@dataclass(frozen=True)
class Axis:
    """The marker `axis`: arguments as for `pytest.mark.parametrize`, and representative values for the quick run."""

    names: str | tuple[str, ...]
    values: Iterable[Any]
    ids: Iterable[str] | Callable[[Any], str] | None = None
    quick: Iterable[Any] | None = None

    @property
    def argnames(self) -> tuple[str, ...]:
        """Return the arguments for a value of the axis, usually one."""
        return (self.names,) if isinstance(self.names, str) else self.names

    def points(self, every_case: bool) -> list[ParameterSet]:
        """Return arguments, marks and id of each value."""
        values = list(self.values if every_case or self.quick is None else self.quick)
        ids = repeat(None, len(values)) if self.ids is None or callable(self.ids) else self.ids
        return [self._point(value, name) for value, name in zip(values, ids, strict=True)]

    def _point(self, value: Any, name: str | None) -> ParameterSet:
        """Return a value in the form of `pytest.param`, whose id may be given."""
        if isinstance(value, ParameterSet):
            arguments, marks, name = value.values, value.marks, value.id or name
        else:
            arguments, marks = (value,) if isinstance(self.names, str) else tuple(value), ()
        if name is None:
            name = "-".join(map(self._name, self.argnames, arguments)) if self.ids is None else self.ids(value)
        return pytest.param(*arguments, marks=marks, id=name)

    @staticmethod
    def _name(argname: str, value: Any) -> str:
        """Return the id of a value: its text, or its name."""
        if value is None or isinstance(value, str | bool | int | float):
            return str(value)
        return getattr(value, "__name__", argname)


def combine(axes: Sequence[Axis], every_case: bool) -> tuple[list[str], list[ParameterSet]]:
    """Return names and values for `parametrize`: every combination of the axes, or a few."""
    points = [axis.points(every_case) for axis in axes]
    rows = list(product(*(range(len(of_axis)) for of_axis in points)))
    if not every_case:
        rows = pairwise_cover(rows)
    chosen = [[of_axis[i] for of_axis, i in zip(points, row, strict=True)] for row in rows]
    names = [name for axis in axes for name in axis.argnames]
    return names, [
        pytest.param(
            *chain.from_iterable(part.values for part in parts),
            marks=[mark for part in parts for mark in part.marks],
            id="-".join(part.id for part in parts),
        )
        for parts in chosen
    ]


def pairwise_cover(rows: Iterable[Any], key: Callable[[Any], tuple[Hashable, ...]] = tuple) -> list[Any]:
    """Return a few of the rows, in their order, such that each value and each pair of values of two columns occurs.

    Only pairs that occur in the rows count, and for two columns with more than `MOST_PAIRS` only single values.
    `key` returns the values of a row. Greedy: the next row is always the one with most of the missing pairs, and among
    several the one whose pairs have occurred least.
    """
    rows = list(rows)
    columns = list(zip(*map(key, rows), strict=True))
    pairs, missing = [], []
    for i, j in combinations_with_replacement(range(len(columns)), 2):  # with itself, a value is a pair
        numbers: dict[Hashable, int] = {}
        of_rows = [numbers.setdefault(pair, len(numbers)) for pair in zip(columns[i], columns[j], strict=True)]
        pairs.append(np.array(of_rows) + len(missing))
        missing += [i == j or len(numbers) <= MOST_PAIRS] * len(numbers)
    pairs, missing, n_seen, chosen = np.array(pairs), np.array(missing), np.zeros(len(missing), int), []
    while missing.any():
        gains = missing[pairs].sum(axis=0)
        best = np.flatnonzero(gains == gains.max())
        chosen.append(best[n_seen[pairs[:, best]].sum(axis=0).argmin()])
        missing[pairs[:, chosen[-1]]] = False
        n_seen[pairs[:, chosen[-1]]] += 1
    return [rows[number] for number in sorted(chosen)]
