"""A plugin of pytest for mutation testing: tests with polars are left out, whose threads do not survive a fork.

Each mutant is tried in a fork of the process that has collected the tests.
"""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests with polars."""
    left_out = [item for item in items if "polars" in item.nodeid]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if "polars" not in item.nodeid]
