"""Transformers that turn a series of rows into sequences."""

from skrnn.preprocessing._sliding_window import SlidingWindow

__all__ = ["SlidingWindow"]
