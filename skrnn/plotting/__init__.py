"""Displays of recurrent networks, in the form of scikit-learn's display classes."""

from skrnn.plotting._backtests import BacktestDisplay
from skrnn.plotting._forecasts import ForecastDisplay
from skrnn.plotting._hidden_states import HiddenStateDisplay
from skrnn.plotting._loss_curves import LossCurveDisplay
from skrnn.plotting._unrolled import UnrolledDisplay

__all__ = ["BacktestDisplay", "ForecastDisplay", "HiddenStateDisplay", "LossCurveDisplay", "UnrolledDisplay"]
