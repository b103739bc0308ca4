"""Stochastic solvers: epochs of minibatches, and the schedules of the learning rate."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Protocol, final

import numpy as np

from skrnn.solvers._monitor import Monitor
from skrnn.solvers._update_rules import UpdateRule


class MinibatchObjective(Protocol):
    """What a stochastic solver sees of the problem. It does not look into a batch."""

    n_samples: int

    def minibatches(self, batch_size: int, rng: np.random.RandomState | None) -> Iterator[Any]:
        """Yield batches that cover the data once."""

    def count(self, batch: Any) -> float:
        """Return the weight of a batch in the mean over batches."""

    def __call__(self, theta: np.ndarray, batch: Any, gradient: np.ndarray) -> float:
        """Write the gradient of a batch's objective into `gradient`, and return the objective."""


@final
class StochasticSolver:
    """Minimise by small steps along the gradients of minibatches.

    Parameters
    ----------
    update_rule : UpdateRule
        How a gradient moves theta.
    schedule : Schedule
        The learning rate.
    batch_size : int
        Sequences of a minibatch.
    rng : RandomState or None
        Shuffles the sequences of each epoch; None keeps their order.
    max_grad_norm : float or None
        Longer gradients are scaled to this norm (Pascanu, Mikolov, Bengio 2013, PMLR 28(3):1310-1318).
    n_samples_seen : int, default=0
        Sequences seen by the earlier fits that this one continues.
    """

    def __init__(
        self,
        update_rule: UpdateRule,
        schedule: "Schedule",
        *,
        batch_size: int,
        rng: np.random.RandomState | None,
        max_grad_norm: float | None,
        n_samples_seen: int = 0,
    ) -> None:
        self.update_rule = update_rule
        self.schedule = schedule
        self.batch_size = batch_size
        self.rng = rng
        self.max_grad_norm = max_grad_norm
        self.n_samples_seen = n_samples_seen

    def state(self) -> list[Any]:
        """Return what a later fit needs to continue: the rule's name, the learning rate, the rule's arrays."""
        arrays = [array.copy() for array in self.update_rule.state]
        return [type(self.update_rule).__name__, self.schedule.learning_rate, *arrays]

    def restore(self, state: list[Any]) -> None:
        """Continue from `state`, unless it is that of another solver."""
        if state and state[0] == type(self.update_rule).__name__:
            self.schedule.learning_rate = state[1]
            self.update_rule.state = [array.copy() for array in state[2:]]

    def minimize(self, objective: MinibatchObjective, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Return theta after as many epochs as `monitor` allows."""
        theta = theta.copy()
        while not self._has_ended(monitor):
            monitor.begin()
            loss = self.run_epoch(objective, theta)
            monitor.record(theta, loss)
        return theta

    def _has_ended(self, monitor: Monitor) -> bool:
        """Tell whether no epoch is to follow. It is asked before each one: a resumed run may have ended already."""
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
        """Move `theta` in place over one epoch, and return the mean objective of its minibatches."""
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
    """Scale `gradient` in place to `max_norm` if it is longer."""
    norm = float(np.dot(gradient, gradient)) ** 0.5
    if norm == np.inf:  # the squares overflowed, not the gradient
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

    @abstractmethod
    def continues_after_stall(self) -> bool:
        """Return whether to continue, at another rate, although the loss no longer improves."""


@final
class Constant(Schedule):
    """The same rate for all epochs."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Keep the rate."""

    def continues_after_stall(self) -> bool:
        """Return False."""
        return False


@final
class InverseScaling(Schedule):
    """learning_rate_init / (t + 1)^power_t, with t the number of samples seen."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Lower the rate."""
        try:
            self.learning_rate = self.learning_rate_init / (n_samples_seen + 1) ** self.power_t
        except OverflowError:  # of the power: the rate is too small for a float
            self.learning_rate = 0.0

    def continues_after_stall(self) -> bool:
        """Return False."""
        return False


@final
class Adaptive(Schedule):
    """A fifth of the rate whenever the loss no longer improves, until the rate is 1e-6."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Keep the rate."""

    def continues_after_stall(self) -> bool:
        """Lower the rate and return True, unless it is at its minimum."""
        if self.learning_rate <= 1e-6:
            return False
        self.learning_rate /= 5.0
        return True
