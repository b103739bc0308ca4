"""Recurrent neural networks that are true scikit-learn estimators."""

from skrnn.estimators._classifier import RNNClassifier
from skrnn.estimators._regressor import RNNRegressor
from skrnn.preprocessing._sliding_window import SlidingWindow

__version__ = "0.1.0.dev0"

__all__ = ["RNNClassifier", "RNNRegressor", "SlidingWindow"]
