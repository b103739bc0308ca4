"""Update rules of the stochastic solvers, which change theta in place."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

import numpy as np


class UpdateRule(ABC):
    """Updates theta given a gradient. `state` is a list of arrays from which a fit can be resumed."""

    #: Parameters of the estimator that are passed to `__init__` by keyword.
    parameters: ClassVar[tuple[str, ...]] = ()
    #: Value of learning_rate_init="auto".
    auto_learning_rate: ClassVar[float]
    #: Whether the rate follows the schedule `learning_rate`; otherwise it is constant.
    has_schedule: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, n_parameters: int, dtype: np.dtype, **parameters: Any) -> None: ...

    @property
    @abstractmethod
    def state(self) -> list[np.ndarray]:
        """The state of the rule."""

    @state.setter
    @abstractmethod
    def state(self, state: list[np.ndarray]) -> None: ...

    @abstractmethod
    def update(self, theta: np.ndarray, gradient: np.ndarray, learning_rate: float) -> None:
        """Update `theta` in place. `gradient` is overwritten."""


@final
class SGD(UpdateRule):
    """Gradient descent with momentum, plain or Nesterov's.

    velocity = momentum * velocity - learning_rate * gradient; theta += velocity, or with Nesterov's momentum
    theta += momentum * velocity - learning_rate * gradient (Sutskever et al. 2013, PMLR 28(3):1139-1147).
    """

    parameters: ClassVar[tuple[str, ...]] = ("momentum", "nesterovs_momentum")
    auto_learning_rate: ClassVar[float] = 0.05
    has_schedule: ClassVar[bool] = True

    def __init__(self, n_parameters: int, dtype: np.dtype, momentum: float, nesterovs_momentum: bool) -> None:
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self._velocity = np.zeros(n_parameters, dtype)

    @property
    def state(self) -> list[np.ndarray]:
        """The velocity."""
        return [self._velocity]

    @state.setter
    def state(self, state: list[np.ndarray]) -> None:
        (self._velocity,) = state

    def update(self, theta: np.ndarray, gradient: np.ndarray, learning_rate: float) -> None:
        """Update `theta` along the velocity."""
        velocity = self._velocity
        gradient *= learning_rate
        velocity *= self.momentum
        velocity -= gradient
        if self.nesterovs_momentum:
            theta -= gradient
            np.multiply(velocity, self.momentum, out=gradient)
            theta += gradient
        else:
            theta += velocity


@final
class Adam(UpdateRule):
    """Adam (Kingma, Ba 2015, arXiv:1412.6980), in the more efficient order at the end of their section 2.

    learning_rate_t = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)
    theta -= learning_rate_t * m / (sqrt(v) + epsilon)

    with the running means m and v of the gradient and of its square.
    """

    parameters: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")
    auto_learning_rate: ClassVar[float] = 0.001

    def __init__(self, n_parameters: int, dtype: np.dtype, beta_1: float, beta_2: float, epsilon: float) -> None:
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self._m, self._v = np.zeros(n_parameters, dtype), np.zeros(n_parameters, dtype)
        self._n_updates = 0
        self._scratch = np.empty(n_parameters, dtype)

    @property
    def state(self) -> list[np.ndarray]:
        """The means of the gradient and of its square, and the number of updates."""
        return [self._m, self._v, np.array([self._n_updates])]

    @state.setter
    def state(self, state: list[np.ndarray]) -> None:
        self._m, self._v, n_updates = state
        self._n_updates = int(n_updates[0])

    def update(self, theta: np.ndarray, gradient: np.ndarray, learning_rate: float) -> None:
        """Update `theta` by the corrected means. The means are stored divided by 1 - beta, which saves two passes."""
        m, v = self._m, self._v
        self._n_updates = t = self._n_updates + 1
        m *= self.beta_1
        m += gradient
        v *= self.beta_2
        gradient *= gradient
        v += gradient
        root = np.sqrt(v, out=self._scratch)
        # step / (sqrt(v (1 - beta_2)) + epsilon), numerator and denominator divided by sqrt(1 - beta_2)
        scale = (1.0 - self.beta_2) ** 0.5
        root += self.epsilon / scale
        np.divide(m, root, out=root)
        correction = (1.0 - self.beta_2**t) ** 0.5 / (1.0 - self.beta_1**t)
        root *= learning_rate * correction * (1.0 - self.beta_1) / scale
        theta -= root
