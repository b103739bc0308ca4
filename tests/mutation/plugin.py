"""A pytest plugin for mutation testing.

Each mutant is tested in a fork of the process that has collected the tests. The threads of polars do not survive a
fork, so tests with polars are skipped. Functions are called through mutmut, whose frames must not be taken for the
caller's where a warning points to the calling line. mutmut waits for its children, and must not find joblib's workers
among them when they end after five idle minutes.
"""

import pytest
from joblib.externals.loky import get_reusable_executor

from skrnn._inputs import _messages


def pytest_configure() -> None:
    """Let warnings point to the line that called mutmut."""
    _messages._INSIDE = (*_messages._INSIDE, "mutmut")


def pytest_sessionfinish() -> None:
    """End joblib's workers."""
    get_reusable_executor().shutdown(wait=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the tests with polars."""
    left_out = [item for item in items if uses_polars(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if not uses_polars(item)]


def uses_polars(item: pytest.Item) -> bool:
    """Tell whether a test, or a value that it is given, is or makes something of polars."""
    parts = [item.function, *(item.callspec.params.values() if hasattr(item, "callspec") else ())]
    return "polars" in item.nodeid or any(
        type(part).__module__.startswith("polars") or "pl" in getattr(getattr(part, "__code__", None), "co_names", ())
        for part in parts
    )
