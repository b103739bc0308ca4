"""Tests of how few cases of a test are chosen."""

from collections import Counter
from itertools import combinations, product

import pytest

from tests.cases import Axis, combine, pairwise_cover


def pairs(rows):
    """Return every two values that meet in a row, with their columns."""
    return {pair for row in rows for pair in combinations(enumerate(row), 2)}


@pytest.mark.parametrize(
    ("sizes", "most"), [((2, 2, 2, 2), 6), ((2, 2, 2, 2, 2), 8), ((2, 2, 1, 2), 6), ((2, 2), 4), ((1, 60), 60)]
)
def test_each_two_values_of_two_axes_meet_in_few_rows(sizes, most):
    rows = list(product(*map(range, sizes)))
    cover = pairwise_cover(rows)
    assert pairs(cover) == pairs(rows)
    assert len(cover) <= most
    assert cover == sorted(set(cover))


@pytest.mark.parametrize(("sizes", "n_rows"), [((4, 4, 17, 7), 17), ((4, 7), 7), ((27, 3, 2), 27), ((40, 50), 50)])
def test_of_long_axes_each_value_and_as_often_as_others(sizes, n_rows):
    cover = pairwise_cover(product(*map(range, sizes)))
    assert len(cover) == n_rows
    for size, values in zip(sizes, zip(*cover, strict=True), strict=True):
        counts = Counter(values)
        assert len(counts) == size
        assert max(counts.values()) - min(counts.values()) <= 1


def test_pairs_that_never_meet_are_not_asked_for():
    rows = [("simple", "tanh", 1), ("simple", "relu", 1), ("gated", None, 1), ("gated", None, 2), ("gated", None, 1)]
    assert pairwise_cover(rows) == rows[:4]


def test_rows_by_what_they_stand_for():
    names = ["rnn 1", "rnn 2", "gru 1", "gru 2", "gru 1 again"]
    assert pairwise_cover(names, key=lambda name: name.split()[:2]) == names[:4]


def test_every_value_of_a_single_axis():
    assert pairwise_cover([("a",), ("b",), ("c",), ("b",)]) == [("a",), ("b",), ("c",)]


def test_every_combination_has_names_values_and_ids_as_of_decorators_one_on_another():
    axes = [
        Axis("n", range(2)),
        Axis(("a", "b"), [(int, None), (0.5, True)]),
        Axis("d", [{}, {1: 2}], ["no", "yes"]),
    ]
    names, cases = combine(axes, every_case=True)
    assert names == ["n", "a", "b", "d"]
    assert [case.values for case in cases[:3]] == [(0, int, None, {}), (0, int, None, {1: 2}), (0, 0.5, True, {})]
    assert [case.id for case in cases[:3]] == ["0-int-None-no", "0-int-None-yes", "0-0.5-True-no"]
    assert len(cases) == len({case.id for case in cases}) == 8


def test_quick_run_has_pairs_of_the_values_that_stand_for_all():
    axes = [Axis("seed", range(60), quick=range(2)), Axis("cell", ["rnn", "gru"]), Axis("bidirectional", [False, True])]
    _, cases = combine(axes, every_case=False)
    assert pairs(case.values for case in cases) == pairs(product(range(2), ["rnn", "gru"], [False, True]))
    assert [case.id for case in cases] == ["-".join(map(str, case.values)) for case in cases]
    assert len(cases) == 6
    assert len(combine(axes, every_case=True)[1]) == 240


def test_ids_by_a_function():
    _, cases = combine([Axis("n", [1, 2], ids=lambda n: f"n={n}")], every_case=True)
    assert [case.id for case in cases] == ["n=1", "n=2"]


def test_value_without_a_name_is_called_as_its_argument():
    _, (case,) = combine([Axis(("options", "n"), [({}, 1)])], every_case=True)
    assert case.id == "options-1"


def test_marks_and_ids_of_single_values():
    slow = pytest.param(9, marks=pytest.mark.slow, id="many")
    _, cases = combine([Axis("n", [3, slow], quick=[1, slow]), Axis("cell", ["rnn"])], every_case=False)
    assert [(case.values, case.id) for case in cases] == [((1, "rnn"), "1-rnn"), ((9, "rnn"), "many-rnn")]
    assert [[mark.name for mark in case.marks] for case in cases] == [[], ["slow"]]
