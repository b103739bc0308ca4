"""Scorers for targets at every timestep, and metrics of forecasts and intervals."""

from skrnn.metrics._forecast_metrics import (
    interval_coverage,
    mean_absolute_scaled_error,
    mean_interval_width,
    symmetric_mean_absolute_percentage_error,
)
from skrnn.metrics._sequence_scorer import make_sequence_scorer

__all__ = [
    "interval_coverage",
    "make_sequence_scorer",
    "mean_absolute_scaled_error",
    "mean_interval_width",
    "symmetric_mean_absolute_percentage_error",
]
