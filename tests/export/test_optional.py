"""Tests of errors if ONNX or PyTorch is missing."""

import sys

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.export import to_onnx, to_torch
from skrnn.export._fitted_network import needing
from skrnn.export._to_torch import _module_class
from tests.export.fitted_networks import fitted


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    with (
        pytest.raises(ImportError, match=r"who requires not_there.*pip install not_there") as raised,
        needing("not_there", "who"),
    ):
        import not_there  # noqa: F401
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_other_errors_pass():
    with pytest.raises(ValueError, match="other"), needing("numpy", "who"):
        raise ValueError("other")


def test_to_onnx_without_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"to_onnx requires onnx.*pip install onnx"):
        to_onnx(fitted(RNNRegressor((2,)), np.arange(5.0)))


def test_to_torch_without_torch(monkeypatch):
    _module_class.cache_clear()
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"to_torch requires torch.*pip install torch"):
        to_torch(fitted(RNNRegressor((2,)), np.arange(5.0)))
