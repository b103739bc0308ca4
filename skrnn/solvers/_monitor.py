"""What watches a solver: it records curves and the best theta, and says when to stop."""

from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np


class DivergenceError(ValueError):
    """The loss or the parameters are not finite any more."""


class Watcher(Protocol):
    """Who is told of each iteration, and may call `stop` and `keep` of the monitor at its end."""

    def begin(self) -> None:
        """Take note that an iteration begins."""

    def end(self, monitor: "Monitor", theta: np.ndarray) -> None:
        """Take note that an iteration has ended at `theta`, and of what the monitor has recorded of it."""


@final
class Monitor:
    """Record every iteration of a solver, and tell it when to stop.

    Parameters
    ----------
    max_iter : int
        Iterations (epochs of a stochastic solver) at most.
    tol : float
        The least change that counts as an improvement.
    n_iter_no_change : int
        Consecutive iterations without improvement that are allowed.
    validate : callable or None
        theta -> (validation loss, validation score).
    early_stopping : bool
        Judge improvement by the validation score instead of the training loss, and keep the best theta.
    verbose : bool
        Print one line per iteration.
    remedy : str
        What may help where the solver diverges.
    watcher : Watcher or None
        Who is told of each iteration.

    Attributes
    ----------
    loss_curve, validation_loss_curve, validation_scores : list of float
        One entry per iteration.
    stopped_short : str or None
        Why the solver ended before it had converged.
    advice : str
        What may help then.
    is_told_to_stop : bool
        Whether the watcher wants no further iteration.
    """

    def __init__(
        self,
        *,
        max_iter: int,
        tol: float,
        n_iter_no_change: float,
        validate: Callable[[np.ndarray], tuple[float, float]] | None = None,
        early_stopping: bool = False,
        verbose: bool = False,
        remedy: str = "X and y of unit scale",
        watcher: Watcher | None = None,
    ) -> None:
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.validate = validate
        self.early_stopping = early_stopping
        self.verbose = verbose
        self.remedy = remedy
        self.watcher = watcher
        self.is_told_to_stop = False
        self.loss_curve: list[float] = []
        self.validation_loss_curve: list[float] = []
        self.validation_scores: list[float] = []
        self.stopped_short: str | None = None
        self.advice = ""
        # Merits, theta and iteration; in one piece, so that no interruption leaves those of two iterations.
        self._best: tuple[tuple[float, float], np.ndarray, int] = ((-np.inf, -np.inf), np.empty(0), 0)
        self._n_stalled = 0
        self._chosen: tuple[float, np.ndarray, float] | None = None  # merit, theta, loss

    @property
    def n_iter(self) -> int:
        """Number of iterations recorded."""
        return len(self.loss_curve)

    @property
    def has_best(self) -> bool:
        """Whether there is anything that `best` can return."""
        return self._chosen is not None or len(self._best[1]) > 0

    @property
    def has_stalled(self) -> bool:
        """Whether the last improvement lies more than `n_iter_no_change` iterations back."""
        return self._n_stalled > self.n_iter_no_change

    def begin(self) -> None:
        """Take note that an iteration begins; where it has begun already, nothing happens."""
        if self.watcher is not None:
            self.watcher.begin()

    def record(self, theta: np.ndarray, loss: float) -> None:
        """Take note of an iteration that ended at `theta`, (n_parameters,), with this objective.

        Raises
        ------
        DivergenceError
            If the loss is not finite.
        """
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
        """Forget an iteration in the midst of whose record an interruption came."""
        n_recorded = min(map(len, self._curves()))
        for curve in self._curves():
            del curve[n_recorded:]

    def stop(self) -> None:
        """Let the solver end after this iteration, as if it had converged."""
        self.is_told_to_stop = True

    def stop_at_limit(self) -> None:
        """Take note that the solver ends because `max_iter` iterations are over."""
        self.stopped_short = f"Maximum iterations ({self.max_iter}) reached"
        self.advice = "A larger max_iter, a larger tol, or another learning_rate_init or solver may help."

    def keep(self, theta: np.ndarray, merit: float) -> None:
        """Let the run end up with what it has at `theta`, unless another iteration has a greater merit.

        The first one told is kept even if its merit is NaN.
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
        """Start to count iterations without improvement anew."""
        self._n_stalled = 0

    def note(self, text: str) -> None:
        """Print a line that is not about an iteration, where lines are printed at all."""
        if self.verbose:
            print(text)

    def kept(self, theta: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the theta to keep and its training loss: that of greatest merit if `keep` was called, else `current`.

        Raises
        ------
        DivergenceError
            If the last step led to parameters that are not finite.
        """
        if not np.isfinite(theta).all():
            self.require_finite(np.nan)
        return self.current(theta) if self._chosen is None else self._chosen[1:]

    def current(self, theta: np.ndarray) -> tuple[np.ndarray, float]:
        """Return what a run that ends at `theta` ends up with, and its training loss: the best by validation, or it."""
        return self._judged_best() if self.early_stopping else (theta, self.loss_curve[-1])

    def best(self) -> tuple[np.ndarray, float]:
        """Return the best theta of all iterations, and its training loss.

        That is the one of greatest merit where `keep` was called, else by validation score or else training loss.
        """
        return self._judged_best() if self._chosen is None else self._chosen[1:]

    def merits(self, loss: float) -> tuple[float, ...]:
        """Return what tells how good the theta that was kept is, the larger the better, given its training loss."""
        if self._chosen is not None:
            return (self._chosen[0],)
        if self.early_stopping:
            return self._best[0]
        return (-self.validation_loss_curve[-1],) if self.validation_loss_curve else (-loss,)

    def state(self) -> dict[str, Any]:
        """Return a copy of all that has been recorded, from which another monitor can go on."""
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
        """Go on from `state`."""
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
        """Return the best theta by validation score or else training loss, and its training loss."""
        _, theta, iteration = self._best
        return theta, self.loss_curve[iteration]

    def _curves(self) -> list[list[float]]:
        """Return the curves to which each iteration adds an entry."""
        validation = [] if self.validate is None else [self.validation_loss_curve, self.validation_scores]
        return [self.loss_curve, *validation]

    def _judge(self, theta: np.ndarray) -> None:
        merit = self.validation_scores[-1] if self.early_stopping else -self.loss_curve[-1]
        self._n_stalled = 0 if merit >= self._best[0][0] + self.tol else self._n_stalled + 1
        # Among equal scores the least validation loss wins: a score of few samples takes few values.
        merits = (merit, -self.validation_loss_curve[-1] if self.early_stopping else 0.0)
        if merits > self._best[0]:
            self._best = (merits, theta.copy(), self.n_iter - 1)

    def _print(self) -> None:
        line = f"Iteration {self.n_iter}, loss = {self.loss_curve[-1]:.8f}"
        if self.validation_scores:
            line += f", validation loss = {self.validation_loss_curve[-1]:.8f}"
            line += f", validation score = {self.validation_scores[-1]:.6f}"
        print(line)
