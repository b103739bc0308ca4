"""A stochastic rule that skrnn does not have: the page on extending shows it."""

from typing import ClassVar, final

import numpy as np

from skrnn.solvers._stochastic import UpdateRule


@final
class SignDescent(UpdateRule):
    """Signum (Bernstein et al. 2018, arXiv:1802.04434): theta -= learning_rate * sign(running mean of the gradient)."""

    parameters: ClassVar[tuple[str, ...]] = ("momentum",)
    auto_learning_rate: ClassVar[float] = 0.001

    def __init__(self, n_parameters, dtype, momentum):
        self.momentum = momentum
        self._mean = np.zeros(n_parameters, dtype)

    @property
    def state(self):
        """The running mean of the gradient."""
        return [self._mean]

    @state.setter
    def state(self, state):
        (self._mean,) = state

    def update(self, theta, gradient, learning_rate):
        """Move each entry of `theta` by the learning rate, against the sign of its mean."""
        self._mean *= self.momentum
        gradient *= 1.0 - self.momentum
        self._mean += gradient
        np.sign(self._mean, out=gradient)
        gradient *= learning_rate
        theta -= gradient
