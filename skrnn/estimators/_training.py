"""Training: runs of a solver, one from each start, of which the best is kept."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn.estimators._build import make_network, make_solver, remedy
from skrnn.estimators._data import Data
from skrnn.estimators._fitted import read_theta
from skrnn.estimators._parallel import worker_map, worker_runs
from skrnn.estimators._threads import single_threaded_blas
from skrnn.estimators._validation import read_dtype
from skrnn.network._inference import Map
from skrnn.network._initializers import initial_theta
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.solvers import DivergenceError, Monitor


@final
@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,)
        The first parameters.
    rng : RandomState
        Draws all that the run leaves to chance: the order of minibatches, and what is dropped.
    n_samples_seen : int
        Samples that earlier runs have seen, which this one goes on from.
    solver_state : list
        What the solver of an earlier run has left, or nothing.
    name : str
        What is printed where the run begins, if lines are printed.
    """

    theta: np.ndarray
    rng: np.random.RandomState
    n_samples_seen: int = 0
    solver_state: list[Any] = field(default_factory=list)
    name: str = ""


@final
@dataclass(frozen=True)
class Outcome:
    """What a run has come to: the theta to keep and its loss, the curves, and what a later run needs to go on.

    `merits` is the larger the better: by validation where there is some, else by training loss. `error` is why the run
    ended without a theta.
    """

    theta: np.ndarray
    loss: float
    merits: tuple[float, ...]
    loss_curve: list[float]
    validation_loss_curve: list[float]
    validation_scores: list[float]
    stopped_short: str | None
    was_interrupted: bool
    n_samples_seen: int
    solver_state: list[Any]
    rng_state: list[Any]
    error: DivergenceError | None = None


@final
@dataclass(frozen=True)
class Training:
    """All that the runs of a fit have in common.

    Attributes
    ----------
    estimator : BaseRNN
        Whose parameters describe the network, the loss and the solver.
    data, validation : Data, Data or None
        What to train on, and what to judge by.
    location, scale : ndarray of shape (n_outputs,)
        What the targets are standardised to.
    dtype : dtype
        Of all computations.
    batch_size, max_iter : int
        Of the solver.
    """

    estimator: Any
    data: Data
    validation: Data | None
    location: np.ndarray
    scale: np.ndarray
    dtype: np.dtype
    batch_size: int
    max_iter: int

    @property
    def network(self) -> Network:
        """The network, without parameters."""
        return make_network(self.estimator, self.data.sequences.n_features, len(self.data.targets.values))

    def fresh_starts(self, rng: np.random.RandomState) -> list[Start]:
        """Return `n_init` starts, each with a random state of its own; the first is that of `n_init=1`."""
        n_init = self.estimator.n_init
        states = [rng]
        if n_init > 1:
            states = [_copy(rng), *map(np.random.RandomState, rng.randint(2**31 - 1, size=n_init - 1))]
        names = ["" if n_init == 1 else f"Start {number} of {n_init}" for number in range(1, n_init + 1)]
        layout = self.network.layout
        with single_threaded_blas():
            return [
                Start(initial_theta(layout, state, self.dtype), state, name=name)
                for state, name in zip(states, names, strict=True)
            ]

    def fitted_start(self, rng: np.random.RandomState, solver_state: list[Any]) -> Start:
        """Return the start at the parameters of the fitted estimator."""
        theta = read_theta(self.estimator, self.network.layout, self.location, self.scale, self.dtype)
        return Start(theta, rng, self.estimator.t_, solver_state)

    def best_run(self, starts: Sequence[Start]) -> tuple[Outcome, list[Outcome]]:
        """Return the best outcome of all starts, and the outcomes that there are before the user interrupts, in order.

        Raises
        ------
        DivergenceError
            If the solver diverged from every start.
        KeyboardInterrupt
            If the user interrupts before anything has come out.
        """
        outcomes: dict[int, Outcome] = {}
        try:
            for number, outcome in self._runs(starts):
                outcomes[number] = outcome
                if outcome.was_interrupted:
                    break
        except KeyboardInterrupt:
            if not any(outcome.error is None for outcome in outcomes.values()):
                raise
        in_order = [outcomes[number] for number in sorted(outcomes)]
        usable = [outcome for outcome in in_order if outcome.error is None]
        if not usable and in_order[0].error is not None:
            raise in_order[0].error
        return max(usable, key=lambda outcome: np.nan_to_num(outcome.merits, nan=-np.inf).tolist()), in_order

    def _runs(self, starts: Sequence[Start]) -> Iterator[tuple[int, Outcome]]:
        """Yield number and outcome of each start, as they come: several starts go to workers, the chunks of one too."""
        if len(starts) > 1:
            yield from worker_runs(self.estimator.n_jobs, self._numbered_run, list(enumerate(starts)))
        else:
            with worker_map(self.estimator.n_jobs) as map_chunks:
                yield 0, self._run(starts[0], map_chunks)

    def _numbered_run(self, task: tuple[int, Start]) -> tuple[int, Outcome]:
        """Return the number of a start, and what the solver makes of it."""
        number, start = task
        return number, self._run(start)

    def _run(self, start: Start, map_chunks: Map = map) -> Outcome:
        """Let the solver work from a start."""
        estimator = self.estimator
        solver = make_solver(estimator, self.batch_size, len(start.theta), self.dtype, start.rng, start.n_samples_seen)
        solver.restore(start.solver_state)
        drops = estimator.dropout or estimator.recurrent_dropout
        objective = self._objective(self.data, start.rng if drops else None, map_chunks)
        validation = None if self.validation is None else self._objective(self.validation, None, map_chunks)
        monitor = Monitor(
            max_iter=self.max_iter,
            tol=estimator.tol,
            n_iter_no_change=estimator.n_iter_no_change,
            validate=None if validation is None else validation.evaluate,
            early_stopping=estimator.early_stopping,
            verbose=bool(estimator.verbose),
            remedy=remedy(estimator),
        )
        if start.name:
            monitor.note(start.name)
        was_interrupted, error = False, None
        theta, loss = start.theta, np.inf
        try:
            theta, loss = monitor.kept(solver.minimize(objective, start.theta, monitor))
        except KeyboardInterrupt:
            if monitor.n_iter == 0:  # there is nothing to keep
                raise
            was_interrupted = True
            theta, loss = monitor.best()
        except DivergenceError as diverged:
            error = diverged
        return Outcome(
            theta=theta,
            loss=loss,
            merits=monitor.merits(loss) if error is None else (),
            loss_curve=monitor.loss_curve,
            validation_loss_curve=monitor.validation_loss_curve,
            validation_scores=monitor.validation_scores,
            stopped_short=monitor.stopped_short,
            was_interrupted=was_interrupted,
            n_samples_seen=start.n_samples_seen + monitor.n_iter * objective.n_samples,
            solver_state=solver.state(),
            rng_state=list(start.rng.get_state()),
            error=error,
        )

    def _objective(self, data: Data, rng: np.random.RandomState | None, map_chunks: Map) -> Objective:
        """Return the objective on standardised targets; `rng` draws what is dropped."""
        loss = self.estimator._make_loss()
        values = loss.standardised(data.targets.values, self.location, self.scale).astype(self.dtype)
        return Objective(
            self.network,
            loss,
            read_dtype(data.sequences, self.dtype, "X"),
            replace(data.targets, values=values),
            self.estimator.alpha,
            bptt_steps=self.estimator.bptt_steps,
            rng=rng,
            map_chunks=map_chunks,
        )


def warn_of(best: Outcome, outcomes: Sequence[Outcome], n_starts: int, stacklevel: int) -> None:
    """Warn where starts diverged, and where the user or a limit ended the solver before it had converged."""
    n_diverged = sum(outcome.error is not None for outcome in outcomes)
    if n_diverged:
        message = f"The solver diverged from {n_diverged} of {len(outcomes)} starts; the best of the others is kept."
        warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel)
    if outcomes[-1].was_interrupted or len(outcomes) < n_starts:
        when = f"{len(outcomes)} of {n_starts} starts"
        if outcomes[-1].was_interrupted:
            n_iter = len(outcomes[-1].loss_curve)
            when = f"{n_iter} iterations" + (f" of start {len(outcomes)}" if n_starts > 1 else "")
        message = f"Training interrupted by user after {when}; the best parameters so far are kept."
        warnings.warn(message, stacklevel=stacklevel)
    elif best.stopped_short is not None:
        advice = "More iterations (max_iter), a larger tol, or scaled data may help."
        message = f"{best.stopped_short}, and the solver hasn't converged yet. {advice}"
        warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel)


def _copy(rng: np.random.RandomState) -> np.random.RandomState:
    """Return a random state that will draw the same numbers."""
    copied = np.random.RandomState()
    copied.set_state(rng.get_state())
    return copied
