"""Stochastic solvers: epochs of minibatches, update rules, and the schedules of the learning rate."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Protocol, final

import numpy as np

from skrnn.solvers._monitor import Monitor


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


class MinibatchObjective(Protocol):
    """The objective as used by a stochastic solver, which does not look into batches."""

    n_samples: int

    def minibatches(self, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Any]:
        """Yield batches that cover the data once."""

    def count(self, batch: Any) -> float:
        """Return the weight of a batch in the mean over an epoch."""

    def __call__(self, theta: np.ndarray, batch: Any, gradient: np.ndarray) -> float:
        """Write the gradient of a batch's objective into `gradient`, and return the objective."""


@final
@dataclass(eq=False)
class StochasticSolver:
    """Minimise by steps along the gradients of minibatches.

    Gradients whose norm is larger than `max_grad_norm`, if any, are scaled to it (Pascanu, Mikolov, Bengio 2013, PMLR
    28(3):1310-1318).
    """

    update_rule: UpdateRule  # computes the step from a gradient
    schedule: "Schedule"  # of the learning rate
    _: KW_ONLY
    batch_size: int  # number of sequences per minibatch
    rng: np.random.RandomState | None  # shuffles the sequences of each epoch; None keeps their order
    max_grad_norm: float | None
    n_samples_seen: int = 0  # by earlier fits that this one continues

    def state(self) -> list[Any]:
        """Return what a later fit needs to continue: the rule's name, the learning rate, the rule's arrays."""
        arrays = [array.copy() for array in self.update_rule.state]
        return [type(self.update_rule).__name__, self.schedule.learning_rate, *arrays]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`, unless it is that of another update rule."""
        if state and state[0] == type(self.update_rule).__name__:
            self.schedule.learning_rate = state[1]
            self.update_rule.state = [array.copy() for array in state[2:]]

    def minimize(self, objective: MinibatchObjective, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Return theta after the last epoch allowed by `monitor`."""
        theta = theta.copy()
        while not self._has_ended(monitor):
            monitor.begin()
            loss = self.run_epoch(objective, theta)
            monitor.record(theta, loss)
        return theta

    def _has_ended(self, monitor: Monitor) -> bool:
        """Tell whether no epoch follows. Called before each epoch, because a resumed run may already have ended."""
        if monitor.is_told_to_stop:
            return True
        if monitor.has_stalled:
            if not self.schedule.continues_after_stall():
                return True
            monitor.forgive()
        if monitor.n_iter < monitor.max_iter:
            return False
        monitor.stop_at_limit()
        return True

    def run_epoch(self, objective: MinibatchObjective, theta: np.ndarray) -> float:
        """Update `theta` in place for one epoch, and return the mean objective of its minibatches."""
        gradient = np.empty_like(theta)
        total = total_count = 0.0
        for batch in objective.minibatches(self.batch_size, self.rng):
            count = objective.count(batch)
            total += objective(theta, batch, gradient) * count
            total_count += count
            if self.max_grad_norm is not None:
                clip_norm(gradient, self.max_grad_norm)
            self.update_rule.update(theta, gradient, self.schedule.learning_rate)
        self.n_samples_seen += objective.n_samples
        self.schedule.end_epoch(self.n_samples_seen)
        return total / total_count


def clip_norm(gradient: np.ndarray, max_norm: float) -> None:
    """Scale `gradient` in place to `max_norm` if its norm is larger."""
    norm = float(np.dot(gradient, gradient)) ** 0.5
    if norm == np.inf:  # only the squares overflowed
        gradient /= np.abs(gradient).max()
        gradient *= max_norm / float(np.dot(gradient, gradient)) ** 0.5
    elif norm > max_norm:
        gradient *= max_norm / norm


class Schedule(ABC):
    """The learning rate, which may change after each epoch."""

    def __init__(self, learning_rate_init: float, power_t: float) -> None:
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate_init
        self.power_t = power_t

    @abstractmethod
    def end_epoch(self, n_samples_seen: int) -> None:
        """Set the learning rate of the next epoch."""

    def continues_after_stall(self) -> bool:
        """Return whether to continue with another rate although the loss no longer improves."""
        return False


@final
class Constant(Schedule):
    """A constant rate."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Keep the rate."""


@final
class InverseScaling(Schedule):
    """learning_rate_init / (t + 1)^power_t, with t the number of samples seen."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Reduce the rate."""
        try:
            self.learning_rate = self.learning_rate_init / (n_samples_seen + 1) ** self.power_t
        except OverflowError:  # the power overflows, so the rate is zero
            self.learning_rate = 0.0


@final
class Adaptive(Schedule):
    """Divide the rate by five whenever the loss no longer improves, down to 1e-6."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Keep the rate."""

    def continues_after_stall(self) -> bool:
        """Reduce the rate and return True, unless it is at its minimum."""
        if self.learning_rate <= 1e-6:
            return False
        self.learning_rate /= 5.0
        return True
