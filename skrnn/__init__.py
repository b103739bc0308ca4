"""Recurrent neural networks that are true scikit-learn estimators."""

from skrnn._show_versions import show_versions
from skrnn.estimators._classifier import RNNClassifier
from skrnn.estimators._regressor import RNNRegressor
from skrnn.preprocessing._sliding_window import SlidingWindow

try:
    from skrnn._version import __version__ as __version__  # written by the build
except ImportError:  # a checkout from which nothing was ever built or installed
    __version__ = "0.0"

__all__ = ["RNNClassifier", "RNNRegressor", "SlidingWindow", "show_versions"]
