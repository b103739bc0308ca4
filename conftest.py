"""Options of the test run."""

import doctest
import gc
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cases import Axis, combine

collect_ignore_glob = [
    "docs/images/*.py",  # require matplotlib
    *("docs/*.py", "docs/_ext/*.py", "docs/gallery/**"),  # the site, which `make docs` builds
    *("skrnn/cells/_loops*.py", "tests/extending/*_loops.py"),  # import Numba, and have no examples
]
#: Files that import onnx, onnxruntime, skl2onnx or torch, which are not in the test environment.
NEEDS_EXPORT = [
    "tests/export/test_onnx*.py",
    "tests/export/test_torch*.py",
    "tests/network/write_pytorch_values.py",
    "skrnn/export/_onnx.py",
    "skrnn/export/_to_torch.py",
    "docs/export.md",
]
#: Files that import skforecast, mlforecast, sktime, Darts, MAPIE or mlflow, which have a separate environment.
NEEDS_CLIENTS = ["tests/clients/*.py", "docs/other_tools.md"]
# Examples of callbacks require scikit-learn 1.9.
if not Path(find_spec("sklearn").origin).with_name("callback").exists():
    collect_ignore_glob += ["docs/callbacks.md", "skrnn/callbacks/*.py"]


class MarkdownParser(doctest.DocTestParser):
    """Finds examples in fenced blocks: a closing fence ends what is expected, as an empty line does."""

    def parse(self, string: str, name: str = "<string>") -> list[str | doctest.Example]:
        """Return the examples and what stands between them."""
        return super().parse(re.sub(r"^```$", "", string, flags=re.MULTILINE), name)


doctest.DocTestParser = MarkdownParser


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --all-cases, --thorough, --run-slow, --run-export and --run-clients."""
    parser.addoption(
        "--all-cases",
        action="store_true",
        help="run every combination of a test's axes, and its full number of drawings, and what --thorough adds",
    )
    parser.addoption("--thorough", action="store_true", help="run also thorough tests, and the pages' examples")
    parser.addoption("--run-slow", action="store_true", help="run also the tests marked slow")
    parser.addoption(
        "--run-export", action="store_true", help="run also what needs ONNX and PyTorch, which must be there"
    )
    parser.addoption(
        "--run-clients",
        action="store_true",
        help="run also what needs skforecast, Darts and others, which must be there",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Let Hypothesis draw a quarter of the usual number of examples unless all cases are asked for."""
    if not config.getoption("--all-cases") and find_spec("hypothesis") is not None:
        from hypothesis import settings

        settings.register_profile("quick", max_examples=settings.get_profile("default").max_examples // 4)
        settings.load_profile("quick")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what needs other packages unless it is asked for; then a package that is missing is an error."""
    path = collection_path.relative_to(config.rootpath) if collection_path.is_relative_to(config.rootpath) else Path()
    left_out = [
        *([] if config.getoption("--run-export") else NEEDS_EXPORT),
        *([] if config.getoption("--run-clients") else NEEDS_CLIENTS),
    ]
    return True if any(path.match(pattern) for pattern in left_out) else None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Spare the garbage collector what imports and thousands of cases have made: it lasts to the end, as it is."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test the cases of the axes that it uses: a few combinations, or every one if that is asked for."""
    axes = [Axis(*mark.args, **mark.kwargs) for mark in metafunc.definition.iter_markers("axis")]
    axes = [
        axis for axis in axes if set(axis.argnames) <= set(metafunc.fixturenames)
    ]  # one may be for the whole module
    if axes:
        metafunc.parametrize(*combine(axes, every_case=metafunc.config.getoption("--all-cases")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out slow and thorough tests, and pages, unless they are asked for, a page also by its name."""
    is_thorough = config.getoption("--thorough") or config.getoption("--all-cases")
    named = {config.invocation_params.dir / argument for argument in config.args}
    for item in items:
        if "slow" in item.keywords and not config.getoption("--run-slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --run-slow"))
        is_page = item.path.suffix == ".md" and item.path not in named
        if (is_page or "thorough" in item.keywords) and not is_thorough:
            item.add_marker(pytest.mark.skip(reason="thorough: run with --thorough or --all-cases"))
