"""A plugin of pytest for mutation testing, where a test is run a thousand times: a few cases of each stand for all."""

import random
from collections import defaultdict

import pytest

N_CASES = 8


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out all but a few cases of each test, drawn at random but the same in every run."""
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    kept = set()
    for of_test in cases.values():
        kept.update(random.Random(0).sample(of_test, min(N_CASES, len(of_test))))
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]
