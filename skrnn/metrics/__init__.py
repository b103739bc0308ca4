"""Scorers for targets at every timestep."""

from skrnn.metrics._sequence_scorer import make_sequence_scorer

__all__ = ["make_sequence_scorer"]
