"""The state of an unfinished run, from which a later fit can resume."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

#: Parameters that may be changed before resuming: they affect when the fit stops, not its course.
_FREE = {"max_iter", "max_fun", "tol", "n_iter_no_change", "n_jobs", "verbose", "warm_start"}

Curves = Sequence[list[float]]
"""Training losses, validation losses and validation scores, with one entry per iteration."""


@final
@dataclass(frozen=True)
class RunState:
    """The state of a run after an iteration."""

    theta: np.ndarray  # unlike the public attributes, without rounding by the scale of the targets
    solver: list[Any]  # state of the solver
    monitor: dict[str, Any]  # curves, patience and the best theta
    rng_state: Any
    first_rng_state: Any  # before the validation split and the initial weights were drawn
    n_samples_seen: int  # by earlier fits, which this one continues
    curves: Curves  # of earlier fits
    parameters: dict[str, Any]  # of the estimator
    digest: str  # of the data
    merit: float | None = None  # of this iteration, from callbacks, not yet passed to the monitor
    scores: list[list[float]] = field(default_factory=list)  # of each callback that scores iterations

    @property
    def n_iter(self) -> int:
        """Number of iterations so far."""
        return len(self.monitor["loss_curve"])

    @property
    def thetas(self) -> dict[str, np.ndarray]:
        """Theta and, if they exist, the best one and the one chosen by callbacks, by name."""
        best, chosen = self.monitor["best_theta"], self.monitor["chosen"]
        thetas = {"theta": self.theta, "best_theta": best, "chosen_theta": chosen[1] if chosen else np.empty(0)}
        return {name: theta for name, theta in thetas.items() if len(theta)}

    def first_rng(self, estimator: Any) -> np.random.RandomState:
        """Return the random state at the beginning of the fit: the estimator's own, if it has one.

        Raise ValueError if the estimator has parameters that would change the course of the fit.
        """
        for name, value in estimator.get_params(deep=False).items():
            before = self.parameters.get(name, value)
            if name not in _FREE and _comparable(value) != _comparable(before):
                raise ValueError(
                    f"{name} is {value!r}, but was {before!r} in the interrupted fit; expected the same. Only "
                    f"{sorted(_FREE)} may change. To start a new fit, fit a clone."
                )
        own = estimator.random_state
        rng = own if isinstance(own, np.random.RandomState) else np.random.RandomState()
        rng.set_state(self.first_rng_state)
        return rng

    def require_data(self, digest: str) -> None:
        """Raise ValueError if the data differ from those of the interrupted fit."""
        if digest != self.digest:
            raise ValueError(
                f"X, y, sample_weight or the validation data differ from those of the interrupted fit (digest "
                f"{digest[:8]}, expected {self.digest[:8]}); expected the same. To train on other data, fit a clone, "
                "or call partial_fit."
            )


def copied_parameters(estimator: Any) -> dict[str, Any]:
    """Return a copy of the estimator's parameters, except for a random state, which is shared."""
    parameters = estimator.get_params(deep=False)
    return {name: value if name == "random_state" else deepcopy(value) for name, value in parameters.items()}


def _comparable(value: Any) -> Any:
    """Return the parameter in comparable form: arrays and tuples as lists, a random state as its type."""
    if isinstance(value, np.random.RandomState):
        return np.random.RandomState
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_comparable(entry) for entry in value]
    return {key: _comparable(entry) for key, entry in value.items()} if isinstance(value, Mapping) else value
