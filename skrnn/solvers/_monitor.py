"""Monitors a solver: records curves and the best theta, and determines when to stop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, final

import numpy as np


class DivergenceError(ValueError):
    """The loss or the parameters are no longer finite."""


class Watcher(Protocol):
    """Is notified of each iteration, and may call `stop` and `keep` of the monitor at its end."""

    def begin(self) -> None:
        """Notify of the beginning of an iteration."""

    def end(self, monitor: "Monitor", theta: np.ndarray) -> None:
        """Notify of the end of an iteration at `theta`, after the monitor has recorded it."""


@final
@dataclass(eq=False, kw_only=True)
class Monitor:
    """Records every iteration of a solver, and determines when it stops."""

    max_iter: int  # epochs of a stochastic solver
    tol: float  # minimum change that counts as an improvement
    n_iter_no_change: float  # number of consecutive iterations without improvement after which to stop
    validate: Callable[[np.ndarray], tuple[float, float]] | None = None  # theta -> (validation loss, validation score)
    early_stopping: bool = False  # use the validation score instead of the training loss, and keep the best theta
    verbose: bool = False  # print one line per iteration
    remedy: str = "X and y of unit scale"  # advice for when the solver diverges
    watcher: Watcher | None = None

    def __post_init__(self) -> None:
        self.is_told_to_stop = False  # by the watcher
        self.loss_curve: list[float] = []
        self.validation_loss_curve: list[float] = []
        self.validation_scores: list[float] = []
        self.stopped_short: str | None = None  # why the solver stopped before convergence
        self.advice = ""  # for this case
        # Merits, theta and iteration in one tuple, so that an interruption cannot mix two iterations.
        self._best: tuple[tuple[float, float], np.ndarray, int] = ((-np.inf, -np.inf), np.empty(0), 0)
        self._n_stalled = 0
        self._chosen: tuple[float, np.ndarray, float] | None = None  # merit, theta, loss

    @property
    def n_iter(self) -> int:
        """Number of iterations recorded."""
        return len(self.loss_curve)

    @property
    def has_best(self) -> bool:
        """Whether `best` has anything to return."""
        return self._chosen is not None or len(self._best[1]) > 0

    @property
    def has_stalled(self) -> bool:
        """Whether the last improvement was more than `n_iter_no_change` iterations ago."""
        return self._n_stalled > self.n_iter_no_change

    def begin(self) -> None:
        """Begin an iteration, unless it has already begun."""
        if self.watcher is not None:
            self.watcher.begin()

    def record(self, theta: np.ndarray, loss: float) -> None:
        """Record an iteration that ended at `theta`, (n_parameters,), with this objective, or raise DivergenceError."""
        self.require_finite(loss)
        validation = () if self.validate is None else self.validate(theta)
        for curve, value in zip(self._curves(), (loss, *validation), strict=True):
            curve.append(value)
        self._judge(theta)
        if self.verbose:
            self._print()
        if self.watcher is not None:
            self.watcher.end(self, theta)

    def forget_unfinished(self) -> None:
        """Remove an iteration whose recording was interrupted."""
        n_recorded = min(map(len, self._curves()))
        for curve in self._curves():
            del curve[n_recorded:]

    def stop(self) -> None:
        """Stop the solver after this iteration, as if it had converged."""
        self.is_told_to_stop = True

    def stop_at_limit(self) -> None:
        """Record that the solver stops because of `max_iter`."""
        self.stopped_short = f"Maximum iterations ({self.max_iter}) reached"
        self.advice = "A larger max_iter, a larger tol, or another learning_rate_init or solver may help."

    def keep(self, theta: np.ndarray, merit: float) -> None:
        """Keep the result at `theta`, unless another iteration has a greater merit.

        The first one is kept even if its merit is NaN.
        """
        merit = -np.inf if np.isnan(merit) else merit
        if self._chosen is None or merit > self._chosen[0]:
            theta, loss = self.current(theta)
            self._chosen = (merit, theta.copy(), loss)

    def require_finite(self, loss: float) -> None:
        """Raise DivergenceError if the loss is not finite."""
        if not np.isfinite(loss):
            raise DivergenceError(
                f"The solver diverged: the loss is {loss} after iteration {self.n_iter + 1}. Expected a finite loss; "
                f"{self.remedy} may help."
            )

    def forgive(self) -> None:
        """Reset the count of iterations without improvement."""
        self._n_stalled = 0

    def note(self, text: str) -> None:
        """Print a line, if verbose."""
        if self.verbose:
            print(text)

    def kept(self, theta: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the theta to keep and its training loss: with the greatest merit if `keep` was called, else `current`.

        Raise DivergenceError if the last step led to parameters that are not finite.
        """
        if not np.isfinite(theta).all():
            self.require_finite(np.nan)
        return self.current(theta) if self._chosen is None else self._chosen[1:]

    def current(self, theta: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the theta that a run keeps if it ends at `theta` (the best by validation, or itself), and its loss."""
        return self._judged_best() if self.early_stopping else (theta, self.loss_curve[-1])

    def best(self) -> tuple[np.ndarray, float]:
        """Return the best theta of all iterations, and its training loss.

        The best is that with the greatest merit if `keep` was called, otherwise by validation score or training loss.
        """
        return self._judged_best() if self._chosen is None else self._chosen[1:]

    def merits(self, loss: float) -> tuple[float, ...]:
        """Return the merits of the theta that was kept, larger is better, given its training loss."""
        if self._chosen is not None:
            return (self._chosen[0],)
        if self.early_stopping:
            return self._best[0]
        return (-self.validation_loss_curve[-1],) if self.validation_loss_curve else (-loss,)

    def state(self) -> dict[str, Any]:
        """Return a copy of everything recorded, from which another monitor can continue."""
        chosen = None if self._chosen is None else [self._chosen[0], self._chosen[1].copy(), self._chosen[2]]
        return {
            "loss_curve": self.loss_curve.copy(),
            "validation_loss_curve": self.validation_loss_curve.copy(),
            "validation_scores": self.validation_scores.copy(),
            "best_merits": list(self._best[0]),
            "best_theta": self._best[1].copy(),
            "best_iteration": self._best[2],
            "n_stalled": self._n_stalled,
            "chosen": chosen,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.loss_curve = state["loss_curve"].copy()
        self.validation_loss_curve = state["validation_loss_curve"].copy()
        self.validation_scores = state["validation_scores"].copy()
        first, second = state["best_merits"]
        self._best = ((first, second), state["best_theta"].copy(), state["best_iteration"])
        self._n_stalled = state["n_stalled"]
        if state["chosen"] is not None:
            merit, theta, loss = state["chosen"]
            self._chosen = (merit, theta.copy(), loss)

    def _judged_best(self) -> tuple[np.ndarray, float]:
        """Return the best theta by validation score or training loss, and its training loss."""
        _, theta, iteration = self._best
        return theta, self.loss_curve[iteration]

    def _curves(self) -> list[list[float]]:
        """Return the curves to which each iteration adds an entry."""
        validation = [] if self.validate is None else [self.validation_loss_curve, self.validation_scores]
        return [self.loss_curve, *validation]

    def _judge(self, theta: np.ndarray) -> None:
        merit = self.validation_scores[-1] if self.early_stopping else -self.loss_curve[-1]
        self._n_stalled = 0 if merit >= self._best[0][0] + self.tol else self._n_stalled + 1
        # Ties are broken by validation loss: with few samples, the score has few distinct values.
        merits = (merit, -self.validation_loss_curve[-1] if self.early_stopping else 0.0)
        if merits > self._best[0]:
            self._best = (merits, theta.copy(), self.n_iter - 1)

    def _print(self) -> None:
        line = f"Iteration {self.n_iter}, loss = {self.loss_curve[-1]:.8f}"
        if self.validation_scores:
            line += f", validation loss = {self.validation_loss_curve[-1]:.8f}"
            line += f", validation score = {self.validation_scores[-1]:.6f}"
        print(line)
