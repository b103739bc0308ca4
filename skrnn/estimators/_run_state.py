"""The state of an unfinished run, from which a later fit goes on."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

#: Parameters that may be others in the fit that goes on: they decide how far it goes, not which way.
_FREE = {"max_iter", "max_fun", "tol", "n_iter_no_change", "n_jobs", "verbose", "warm_start"}

Curves = Sequence[list[float]]
"""Of training losses, validation losses and validation scores: one entry per iteration."""


@final
@dataclass(frozen=True)
class RunState:
    """Where a run stands after an iteration."""

    theta: np.ndarray  # not the public attributes: their readout holds the targets' scale, and reading it back rounds
    solver: list[Any]  # what the solver remembers
    monitor: dict[str, Any]  # curves, patience and the best theta
    rng_state: Any
    first_rng_state: Any  # before the fit drew its validation split and its first weights
    n_samples_seen: int  # by earlier fits, which this one continues
    curves: Curves  # of earlier fits
    parameters: dict[str, Any]  # of the estimator
    digest: str  # of the data
    merit: float | None = None  # what callbacks say of this iteration, which the monitor has not been told yet
    scores: list[list[float]] = field(default_factory=list)  # what callbacks that score iterations have said, each

    @property
    def n_iter(self) -> int:
        """How many iterations the fit has behind it."""
        return len(self.monitor["loss_curve"])

    @property
    def thetas(self) -> dict[str, np.ndarray]:
        """Theta and, where there are any, the best one and the one that callbacks want to keep, by name."""
        best, chosen = self.monitor["best_theta"], self.monitor["chosen"]
        thetas = {"theta": self.theta, "best_theta": best, "chosen_theta": chosen[1] if chosen else np.empty(0)}
        return {name: theta for name, theta in thetas.items() if len(theta)}

    def first_rng(self, estimator: Any) -> np.random.RandomState:
        """Return the random state as the fit found it: the estimator's own, if it has one.

        Raise ValueError if the estimator has parameters with which it would have come another way.
        """
        for name, value in estimator.get_params(deep=False).items():
            before = self.parameters.get(name, value)
            if name not in _FREE and _comparable(value) != _comparable(before):
                raise ValueError(
                    f"{name} is {value!r}, but the fit that is to be resumed began with {before!r}; expected the same. "
                    f"Only {sorted(_FREE)} may change. To begin anew, fit a clone."
                )
        own = estimator.random_state
        rng = own if isinstance(own, np.random.RandomState) else np.random.RandomState()
        rng.set_state(self.first_rng_state)
        return rng

    def require_data(self, digest: str) -> None:
        """Raise ValueError if the data are others than those whose fit is to be resumed."""
        if digest != self.digest:
            raise ValueError(
                f"X, y, sample_weight or the validation data are others than in the fit that is to be resumed (digest "
                f"{digest[:8]}, expected {self.digest[:8]}); expected the same. To train on other data, fit a clone, "
                "or call partial_fit."
            )


def copied_parameters(estimator: Any) -> dict[str, Any]:
    """Return the estimator's parameters, which no later change reaches, but for a random state, which moves on."""
    parameters = estimator.get_params(deep=False)
    return {name: value if name == "random_state" else deepcopy(value) for name, value in parameters.items()}


def _comparable(value: Any) -> Any:
    """Return the parameter as Python has it: an array or a tuple as a list. Of a random state the type."""
    if isinstance(value, np.random.RandomState):
        return np.random.RandomState
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_comparable(entry) for entry in value]
    return {key: _comparable(entry) for key, entry in value.items()} if isinstance(value, Mapping) else value
