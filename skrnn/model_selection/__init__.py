"""Chronological cross-validation splitters for panels of many series."""

from skrnn.model_selection._panel_split import PanelTimeSeriesSplit

__all__ = ["PanelTimeSeriesSplit"]
