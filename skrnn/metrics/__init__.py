"""Scorers for targets at every timestep, and measures of forecasts and intervals."""

from skrnn.metrics._intervals import interval_coverage, mean_interval_width
from skrnn.metrics._mean_absolute_scaled_error import mean_absolute_scaled_error
from skrnn.metrics._sequence_scorer import make_sequence_scorer
from skrnn.metrics._symmetric_percentage_error import symmetric_mean_absolute_percentage_error

__all__ = [
    "interval_coverage",
    "make_sequence_scorer",
    "mean_absolute_scaled_error",
    "mean_interval_width",
    "symmetric_mean_absolute_percentage_error",
]
