"""The state of an unfinished run, from which a later fit goes on."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, final

import joblib
import numpy as np

#: Parameters that may be others in the fit that goes on: they decide how far it goes, not which way.
_FREE = {"max_iter", "max_fun", "tol", "n_iter_no_change", "n_jobs", "verbose", "warm_start"}

Curves = tuple[list[float], list[float], list[float]]
"""Of training losses, validation losses and validation scores: an entry an iteration."""


@final
@dataclass(frozen=True)
class RunState:
    """Where a run stands after an iteration.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        Not the public attributes: the readout holds there the scale of the targets, and reading it back rounds.
    solver : list
        What the solver remembers.
    monitor : dict
        Curves, patience and the best theta.
    rng_state, first_rng_state : tuple
        The random state now, and before the fit drew its validation split and its first weights.
    n_samples_seen : int
        Samples that earlier fits have seen, which this one goes on from.
    curves : Curves
        Of earlier fits.
    parameters : dict
        Of the estimator.
    digest : str
        Of the data.
    merit : float or None
        What callbacks say of this iteration, which the monitor has not been told yet where the state is made.
    scores : list of list of float
        What callbacks that score iterations have said of all of them, a list a callback.
    """

    theta: np.ndarray
    solver: list[Any]
    monitor: dict[str, Any]
    rng_state: Any
    first_rng_state: Any
    n_samples_seen: int
    curves: Curves
    parameters: dict[str, Any]
    digest: str
    merit: float | None = None
    scores: list[list[float]] = field(default_factory=list)

    @property
    def n_iter(self) -> int:
        """How many iterations the fit has behind it."""
        return len(self.monitor["loss_curve"])

    def first_rng(self, estimator: Any) -> np.random.RandomState:
        """Return the random state as the fit found it: the estimator's own, if it has one.

        Raises
        ------
        ValueError
            If the estimator has parameters with which it would have come another way.
        """
        self._require_parameters(estimator)
        own = estimator.random_state
        rng = own if isinstance(own, np.random.RandomState) else np.random.RandomState()
        rng.set_state(self.first_rng_state)
        return rng

    def _require_parameters(self, estimator: Any) -> None:
        for name, value in estimator.get_params(deep=False).items():
            before = self.parameters.get(name, value)
            if name not in _FREE and joblib.hash(_comparable(value)) != joblib.hash(_comparable(before)):
                raise ValueError(
                    f"{name} is {value!r}, but the fit that is to be resumed began with {before!r}; expected the same. "
                    f"Only {sorted(_FREE)} may change. To begin anew, fit a clone."
                )

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
        return "RandomState"
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_comparable(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key.item() if isinstance(key, np.generic) else key: _comparable(entry) for key, entry in value.items()}
    return value
