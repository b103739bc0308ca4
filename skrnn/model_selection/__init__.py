"""Splitters that keep time in order, for many series at once."""

from skrnn.model_selection._panel_split import PanelTimeSeriesSplit

__all__ = ["PanelTimeSeriesSplit"]
