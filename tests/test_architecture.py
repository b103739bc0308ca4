"""Tests of the architecture: imports point down, and siblings do not know each other."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import skrnn
from tests.sources import parsed

ROOT = Path(skrnn.__file__).parent

#: The level of each package of skrnn; an import goes to a lower level, or to a leaf module of the own package.
LEVELS = {
    "exceptions": 0,
    "_caching": 0,
    "_show_versions": 5,
    "_inputs": 1,
    **dict.fromkeys(("cells", "losses", "sequences", "solvers"), 2),
    **dict.fromkeys(("network", "parallel"), 3),
    **dict.fromkeys(("estimators", "metrics"), 4),
    **dict.fromkeys(
        ("datasets", "ensemble", "export", "forecasting", "model_selection", "persistence", "preprocessing"),
        5,
    ),
    "callbacks": 6,  # they write checkpoints
    "plotting": 6,  # it draws what the levels below compute
}
#: The levels on which a third party may be imported.
THIRD_PARTIES = {"numpy": {1, 2, 3, 4, 5, 6}, "scipy": {2, 3, 4, 5, 6}, "sklearn": {1, 4, 5, 6}}
#: What one package alone imports: how work is divided is its own business.
OF_ONE_PACKAGE = {"joblib": "parallel", "threadpoolctl": "parallel"}
#: Third parties that anyone may import, but only inside the function that needs them.
OPTIONAL = {"matplotlib", "pandas", "polars", "onnx", "skl2onnx", "torch", "distributed", "numba"}
#: How the modules begin that a name in a string brings in, where Numba is: they may import it at their top.
COMPILED = "skrnn.cells._loops"

MODULES = {".".join(("skrnn", *path.relative_to(ROOT).with_suffix("").parts)): path for path in ROOT.rglob("*.py")}


def imports(tree):
    """Yield (name of the module, whether the import is inside a function, the statement) for each import."""
    nodes = [(tree, False)]
    for node, is_inside in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, is_inside, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or ""), is_inside, node
        elif not isinstance(node, ast.expr):  # in which no statement is
            is_function = isinstance(node, ast.FunctionDef)
            nodes += [(child, is_inside or is_function) for child in ast.iter_child_nodes(node)]


def is_allowed(importer, imported, inside_function):
    """Tell whether module `importer`, dotted, may import the module `imported`."""
    _, package, *_ = importer.split(".")
    party, *below = imported.split(".")
    if party in sys.stdlib_module_names:
        return True
    if party == "skrnn" and package == "__init__":  # the public names: from anywhere, each from where it is defined
        return len(below) == 2 or below in (["_version"], ["_show_versions"])
    if party == "skrnn":
        is_leaf = len(below) == 2 and below[0] == package
        return is_leaf or (bool(below) and LEVELS.get(below[0], 9) < LEVELS[package])
    if party in OF_ONE_PACKAGE:
        return package == OF_ONE_PACKAGE[party]
    if party == "numba" and importer.startswith(COMPILED):
        return True
    return (party in OPTIONAL and inside_function) or LEVELS.get(package) in THIRD_PARTIES.get(party, ())


def test_imports_point_down():
    wrong = [
        f"{module}, line {node.lineno}: {ast.unparse(node)}"
        for module, path in MODULES.items()
        for name, inside_function, node in imports(parsed(path))
        if not is_allowed(module, name, inside_function)
    ]
    assert not wrong, "\n".join(wrong)


def test_leaf_modules_form_no_cycle():
    graph = {}
    for module, path in MODULES.items():
        if not module.endswith("__init__"):
            graph[module] = {name for name, _, _ in imports(parsed(path)) if name in MODULES}
    order = list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert len(order) == len(graph)


def test_every_package_has_a_level():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {"cells", "network", "estimators"} <= packages <= set(LEVELS)


@pytest.mark.parametrize(
    ("importer", "imported", "inside_function"),
    [
        ("skrnn.network._layer", "skrnn.cells", False),
        ("skrnn.network._layer", "skrnn.sequences._ragged", False),
        ("skrnn.network._layer", "skrnn.network._parameters", False),
        ("skrnn.network.__init__", "skrnn.network._network", False),
        ("skrnn.datasets._loaders", "skrnn.sequences._windows", False),
        ("skrnn.estimators._base", "sklearn.base", False),
        ("skrnn.plotting._curves", "matplotlib.pyplot", True),
        ("skrnn.plotting._curves", "skrnn.forecasting", False),
        ("skrnn.export._to_torch", "torch", True),
        ("skrnn.cells._lstm", "collections.abc", False),
        ("skrnn.cells._loops_lstm", "numba", False),
        ("skrnn.__init__", "skrnn.estimators._regressor", False),
        ("skrnn.__init__", "skrnn._version", False),
    ],
)
def test_lower_levels_and_leaf_modules_are_allowed(importer, imported, inside_function):
    assert is_allowed(importer, imported, inside_function)


@pytest.mark.parametrize(
    ("importer", "imported", "inside_function"),
    [
        ("skrnn.cells._lstm", "skrnn.network._layer", False),  # up
        ("skrnn.cells._lstm", "skrnn.losses._base", True),  # a sibling, even inside a function
        ("skrnn.forecasting._forecast", "skrnn.datasets", False),  # a sibling
        ("skrnn.forecasting._forecast", "skrnn.plotting", False),  # up
        ("skrnn.network._layer", "skrnn.network", False),  # the own package
        ("skrnn.network._layer", "skrnn", False),
        ("skrnn.network._layer", "._parameters", False),  # relative
        ("skrnn.solvers._scipy", "sklearn.utils", False),
        ("skrnn.network._network", "joblib", False),
        ("skrnn.cells._compiled", "numba", False),  # not one of the loops
        ("skrnn.plotting._curves", "matplotlib.pyplot", False),  # at the top of the module
        ("skrnn.export._to_torch", "torch", False),
        ("skrnn.plotting._curves", "seaborn", True),  # not a dependency
        ("skrnn.__init__", "skrnn.estimators", False),
        ("skrnn.__init__", "numpy", False),
    ],
)
def test_other_imports_are_not(importer, imported, inside_function):
    assert not is_allowed(importer, imported, inside_function)


def test_imports_are_found_wherever_they_are():
    source = "import numpy as np, os\ndef f():\n    if True:\n        from pandas import DataFrame\nfrom . import x"
    found = {(name, inside) for name, inside, _ in imports(ast.parse(source))}
    assert found == {("numpy", False), ("os", False), ("pandas", True), (".", False)}
