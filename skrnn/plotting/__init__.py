"""Displays: scikit-learn's form of pictures, for what is particular to recurrent networks."""

from skrnn.plotting._forecasts import ForecastDisplay
from skrnn.plotting._hidden_states import HiddenStateDisplay
from skrnn.plotting._loss_curves import LossCurveDisplay
from skrnn.plotting._unrolled import UnrolledDisplay

__all__ = ["ForecastDisplay", "HiddenStateDisplay", "LossCurveDisplay", "UnrolledDisplay"]
