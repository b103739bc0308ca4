"""Export of fitted networks to ONNX, and exchange of weights with PyTorch."""

from skrnn.export._from_torch import from_torch
from skrnn.export._onnx import to_onnx
from skrnn.export._to_torch import to_torch

__all__ = ["from_torch", "to_onnx", "to_torch"]
