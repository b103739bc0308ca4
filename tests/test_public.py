"""Tests of the public names, and of what importing them costs."""

import importlib
import subprocess
import sys

import pytest

import skrnn

PACKAGES = [
    "skrnn",
    "skrnn.callbacks",
    "skrnn.datasets",
    "skrnn.ensemble",
    "skrnn.exceptions",
    "skrnn.export",
    "skrnn.forecasting",
    "skrnn.metrics",
    "skrnn.model_selection",
    "skrnn.plotting",
    "skrnn.preprocessing",
]


@pytest.mark.parametrize("name", PACKAGES)
def test_all_names_exist_and_are_sorted(name):
    module = importlib.import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    assert all(hasattr(module, public) for public in module.__all__)
    defined = {
        public
        for public, value in vars(module).items()
        if not public.startswith("_") and callable(value) and value.__module__.startswith("skrnn")
    }
    assert defined == set(module.__all__)


def test_public_names():
    assert skrnn.__all__ == ["RNNClassifier", "RNNRegressor", "SlidingWindow", "show_versions"]
    assert skrnn.__version__


@pytest.mark.parametrize("name", PACKAGES)
def test_star_import(name):
    names = {}
    exec(f"from {name} import *", names)
    assert set(names) - {"__builtins__"} == set(importlib.import_module(name).__all__)


def test_import_brings_no_optional_package():
    # scikit-learn itself may bring pandas; so what skrnn adds to it counts.
    code = (
        "import sys, sklearn.base, sklearn.model_selection, sklearn.utils\n"
        "before = set(sys.modules)\n"
        f"import {', '.join(PACKAGES)}\n"
        "added = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(added & {'pandas', 'polars', 'matplotlib', 'onnx', 'torch', 'skops', 'pytest', 'numba'}))\n"
    )
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
