"""A pytest plugin for mutation testing that skips tests with polars, whose threads do not survive a fork.

Each mutant is tested in a fork of the process that has collected the tests.
"""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests with polars."""
    left_out = [item for item in items if "polars" in item.nodeid]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if "polars" not in item.nodeid]
