"""Tests of the sample of mutants, and of what is printed of it."""

import pytest

from tests.mutation.sample import draw
from tests.mutation.summary import read, report

NAMES = [
    f"skrnn.{module}.x_f__mutmut_{number}" for module, n in (("a", 8), ("b", 100), ("c", 300)) for number in range(n)
]


@pytest.mark.parametrize(
    ("n_mutants", "n_drawn"),
    [
        (3, [1, 1, 1]),
        (30, [8, 10, 12]),
        (68, [8, 26, 34]),
        (168, [8, 51, 109]),
        (408, [8, 100, 300]),
        (999, [8, 100, 300]),
    ],
)
def test_each_module_has_its_part(n_mutants, n_drawn):
    chosen = draw(NAMES, n_mutants)
    assert [sum(name.startswith(f"skrnn.{module}.") for name in chosen) for module in "abc"] == n_drawn
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(draw(NAMES, n_mutants + 50))


def test_share_of_all_is_weighted_by_the_mutants_of_each_module(capsys):
    lines = [f"    {name}: not checked" for name in NAMES[:108]]
    lines[:4] = [f"    {name}: killed" for name in NAMES[:4]]
    lines[8:12] = [
        f"    {name}: {s}" for name, s in zip(NAMES[8:], ["killed", "killed", "survived", "timeout"], strict=False)
    ]
    assert report(read(lines))  # fewer than 90 %
    printed = capsys.readouterr().out
    # (8 * 1 + 100 * 0.5) / 108; the error is 100 / 108 * sqrt(0.25 / 3 * 0.96)
    assert "53.7%, standard error 26.2%" in printed
    assert printed.splitlines()[-2:] == [f"survived: {NAMES[10]}", f"timeout: {NAMES[11]}"]


@pytest.mark.parametrize(("n_alive", "fails"), [(1, False), (2, True)])
def test_a_module_that_is_tested_wholly_has_a_goal_of_its_own(n_alive, fails):
    statuses = dict.fromkeys(NAMES, "killed") | dict.fromkeys(NAMES[:n_alive], "survived")
    assert report(statuses) == fails
