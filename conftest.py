"""Options of the test run."""

from importlib.util import find_spec

import pytest

collect_ignore_glob = ["docs/images/*.py"]  # they draw, and need matplotlib
if find_spec("sklearn.callback") is None:  # before scikit-learn 1.9 the examples with callbacks cannot run
    collect_ignore_glob += ["docs/callbacks.md", "skrnn/callbacks/*.py"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --run-slow."""
    parser.addoption("--run-slow", action="store_true", help="run also the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests marked slow unless they are asked for."""
    if not config.getoption("--run-slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: run with --run-slow"))
