"""Learning rate schedules of the stochastic solvers."""

from abc import ABC, abstractmethod
from typing import final


class Schedule(ABC):
    """The learning rate, an epoch after the other."""

    def __init__(self, learning_rate_init: float, power_t: float) -> None:
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate_init
        self.power_t = power_t

    @abstractmethod
    def end_epoch(self, n_samples_seen: int) -> None:
        """Set the learning rate of the next epoch."""

    @abstractmethod
    def endure_stall(self) -> bool:
        """Return whether to go on, at another rate, although the loss improves no more."""


@final
class Constant(Schedule):
    """The same rate throughout."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Keep the rate."""

    def endure_stall(self) -> bool:
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

    def endure_stall(self) -> bool:
        """Return False."""
        return False


@final
class Adaptive(Schedule):
    """A fifth of the rate whenever the loss improves no more, until the rate is 1e-6."""

    def end_epoch(self, n_samples_seen: int) -> None:
        """Keep the rate."""

    def endure_stall(self) -> bool:
        """Lower the rate and return True, unless it is as low as it gets."""
        if self.learning_rate <= 1e-6:
            return False
        self.learning_rate /= 5.0
        return True
