"""A loss that skrnn does not have: the page on extending shows it."""

import math
from typing import final

import numpy as np

from skrnn.losses._base import Loss


@final
class LogCosh(Loss):
    """log(cosh(raw - y)), averaged over the outputs: squares of small errors, absolute values of large ones."""

    def value_and_slope(self, y, raw, slope):
        """Write tanh(raw - y) into `slope` and return log(cosh(raw - y))."""
        errors = raw - y
        np.tanh(errors, out=slope)
        return np.logaddexp(errors, -errors) - math.log(2.0)

    def curvature(self, y, raw, t_raw, d_raw):
        """Write (1 - tanh(raw - y)^2) t_raw into `d_raw`."""
        np.multiply(1.0 - np.tanh(raw - y) ** 2, t_raw, out=d_raw)
