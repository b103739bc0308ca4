"""A plugin of pytest for mutation testing, where a test is run a thousand times: few cases of a test stand for all.

Tests of networks have the most cases, and a layer's mutant meets most of them; the other folders' cases are few.
Those with polars are left out, for its threads do not survive the fork that each mutant is.
"""

import random
from collections import defaultdict

import pytest

FOLDER = "tests/network/"
N_CASES = 3


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests with polars, and all but some cases of each test of networks."""
    left_out = {item for item in items if "polars" in item.nodeid}
    cases = defaultdict(list)
    for item in items:
        if item.nodeid.startswith(FOLDER):
            cases[item.nodeid.partition("[")[0]].append(item)
    for of_test in cases.values():
        left_out.update(set(of_test) - draw(of_test))
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def draw(cases: list[pytest.Item]) -> set[pytest.Item]:
    """Draw cases at random, the same in every run: `N_CASES`, and more until each parameter has had each value."""
    drawn, seen = set(), set()
    for case in random.Random(0).sample(cases, len(cases)):
        values = set(case.nodeid.partition("[")[2].removesuffix("]").split("-"))
        if len(drawn) < N_CASES or not values <= seen:
            drawn.add(case)
            seen |= values
    return drawn
