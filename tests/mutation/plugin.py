"""A pytest plugin for mutation testing.

Each mutant is tested in a fork of the process that has collected the tests. The threads of polars do not survive a
fork, so tests with polars are skipped. Functions are called through mutmut, whose frames must not be taken for the
caller's where a warning points to the calling line.
"""

import pytest

from skrnn._inputs import _messages


def pytest_configure() -> None:
    """Let warnings point to the line that called mutmut."""
    _messages._INSIDE = (*_messages._INSIDE, "mutmut")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests with polars."""
    left_out = [item for item in items if "polars" in item.nodeid]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if "polars" not in item.nodeid]
