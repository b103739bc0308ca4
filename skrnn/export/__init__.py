"""Fitted networks for other runtimes: ONNX models, and PyTorch modules in both directions."""

from skrnn.export._onnx import to_onnx

__all__ = ["to_onnx"]
