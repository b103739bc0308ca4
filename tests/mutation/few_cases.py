"""A plugin of pytest for mutation testing, where a test is run a thousand times: few cases of a test stand for all.

Tests of networks have up to 1904 cases, and a layer's mutant meets most of them; the other folders' cases are few. Those
with polars are left out, for its threads do not survive the fork that each mutant is.
"""

import random
from collections import defaultdict

import pytest

FOLDER = "tests/network/"
N_CASES = 8


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out all but some cases of each test of networks, drawn at random but the same in every run."""
    cases = defaultdict(list)
    for item in items:
        if item.nodeid.startswith(FOLDER):
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out = {item for item in items if "polars" in item.nodeid}
    for of_test in cases.values():
        left_out.update(of_test)
        left_out.difference_update(random.Random(0).sample(of_test, min(N_CASES, len(of_test))))
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]
