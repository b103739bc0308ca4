"""Training: runs of a solver, one from each start, of which the best is kept."""

import warnings
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, final

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn.estimators._build import make_network, make_solver, remedy
from skrnn.estimators._callbacks import IterationWatcher, Task
from skrnn.estimators._data import Data
from skrnn.estimators._fitted import read_theta
from skrnn.estimators._parallel import worker_map, worker_runs
from skrnn.estimators._run_state import Curves, RunState, copied_parameters
from skrnn.estimators._threads import single_threaded_blas
from skrnn.estimators._validation import check_size, read_dtype
from skrnn.network._inference import Map
from skrnn.network._initializers import initial_theta
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.solvers import UPDATE_RULES, DivergenceError, Monitor

#: Parameters below it are of usual size.
_LARGE = 1e6


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
    curves : Curves
        Those of earlier runs, which the ones of this run continue.
    unfinished : RunState or None
        The interrupted run that this one goes on with.
    name : str
        What is printed where the run begins, if lines are printed.
    task : Task or None
        What the iterations belong to, where callbacks are told of them.
    """

    theta: np.ndarray
    rng: np.random.RandomState
    n_samples_seen: int = 0
    solver_state: list[Any] = field(default_factory=list)
    curves: Curves = ([], [], [])
    unfinished: RunState | None = None
    name: str = ""
    task: Task | None = None


@final
@dataclass(frozen=True)
class Outcome:
    """What a run has come to: the theta to keep and its loss, the curves, and what a later run needs to go on.

    The curves are those of earlier runs and of this one, whose iterations `n_iter` counts. `merits` is the larger the
    better: what a callback says, or by validation where there is some, else by training loss. `error` is why the run
    ended without a theta. `is_last`: a callback wants no further start. `notice`: what the user should know
    of a run that was resumed.
    """

    theta: np.ndarray
    loss: float
    merits: tuple[float, ...]
    loss_curve: list[float]
    validation_loss_curve: list[float]
    validation_scores: list[float]
    n_iter: int
    stopped_short: str | None
    n_samples_seen: int
    solver_state: list[Any]
    rng_state: list[Any]
    was_interrupted: bool = False
    error: DivergenceError | None = None
    is_last: bool = False
    notice: str | None = None


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
    first_rng_state : tuple
        The random state before anything was drawn from it.
    task : Task or None
        The fit, where callbacks are told of it.
    """

    estimator: Any
    data: Data
    validation: Data | None
    location: np.ndarray
    scale: np.ndarray
    dtype: np.dtype
    batch_size: int
    max_iter: int
    first_rng_state: Any = None
    task: Task | None = None

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
        fitted = self.estimator
        curves = (fitted.loss_curve_, fitted.validation_loss_curve_ or [], fitted.validation_scores_ or [])
        return Start(theta, rng, fitted.t_, solver_state, curves)

    def resumed_start(self, rng: np.random.RandomState, unfinished: RunState) -> Start:
        """Return the start of a run where an earlier one was interrupted."""
        unfinished.require_data(self.digest)
        rng.set_state(unfinished.rng_state)
        return Start(unfinished.theta, rng, unfinished.n_samples_seen, unfinished.solver, unfinished.curves, unfinished)

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """A copy of the estimator's parameters."""
        return copied_parameters(self.estimator)

    @cached_property
    def digest(self) -> str:
        """Of the data and of the validation data."""
        return self.data.digest() + ("" if self.validation is None else self.validation.digest())

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
                if outcome.was_interrupted or outcome.is_last:
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
            if self.task is not None:
                tasks = [self.task.subtask("start", number, self.max_iter) for number in range(len(starts))]
                starts = [replace(start, task=task) for start, task in zip(starts, tasks, strict=True)]
            yield from worker_runs(self.estimator.n_jobs, Training._numbered_run, self, list(enumerate(starts)))
        else:
            with worker_map(self.estimator.n_jobs) as map_chunks:
                yield 0, _Run(self, replace(starts[0], task=self.task), map_chunks).outcome()

    def _numbered_run(self, numbered: tuple[int, Start]) -> tuple[int, Outcome]:
        """Return the number of one of several starts, and what the solver makes of it."""
        number, start = numbered
        if start.task is None:
            return number, _Run(self, start).outcome()
        start.task.begin()
        outcome = _Run(self, start).outcome()
        attributes = None if outcome.error is not None else lambda: self.fitted_attributes(outcome)
        return number, replace(outcome, is_last=start.task.end(attributes))

    def fitted_attributes(self, outcome: Outcome) -> dict[str, Any]:
        """Return what the estimator would be made of if the fit had come to this outcome."""
        fitted = copy(self.estimator)
        fitted._store(self.network, self.location, self.scale, outcome, [outcome])
        return vars(fitted)

    def objective(self, data: Data, rng: np.random.RandomState | None, map_chunks: Map, name: str = "X") -> Objective:
        """Return the objective on standardised targets; `rng` draws what is dropped, `name` is that of X."""
        loss = self.estimator._make_loss()
        check_size(data.targets.values, self.dtype, name.replace("X", "y"))
        values = loss.standardised(data.targets.values, self.location, self.scale).astype(self.dtype)
        return Objective(
            self.network,
            loss,
            read_dtype(data.sequences, self.dtype, name),
            replace(data.targets, values=values),
            self.estimator.alpha,
            bptt_steps=self.estimator.bptt_steps,
            rng=rng,
            map_chunks=map_chunks,
        )


@final
class _Run:
    """A solver at work from a start."""

    def __init__(self, training: Training, start: Start, map_chunks: Map = map) -> None:
        estimator, validation = training.estimator, training.validation
        self.training, self.start = training, start
        drops = estimator.dropout or estimator.recurrent_dropout
        self.objective = training.objective(training.data, start.rng if drops else None, map_chunks)
        self.watcher = None if start.task is None else IterationWatcher(start.task, self.fitted_attributes)
        self.monitor = Monitor(
            max_iter=training.max_iter,
            tol=estimator.tol,
            n_iter_no_change=estimator.n_iter_no_change,
            validate=None if validation is None else training.objective(validation, None, map_chunks, "X_val").evaluate,
            early_stopping=estimator.early_stopping,
            verbose=bool(estimator.verbose),
            remedy=remedy(estimator),
            watcher=self.watcher,
        )
        if start.unfinished is not None:
            self.monitor.restore(start.unfinished.monitor)
            if start.unfinished.merit is not None:
                self.monitor.keep(start.theta, start.unfinished.merit)
            if start.task is not None and start.task.has_ended:
                self.monitor.stop()
        self.solver = make_solver(
            estimator, training.batch_size, len(start.theta), training.dtype, start.rng, self.n_samples_seen
        )
        self.solver.restore(start.solver_state)

    @property
    def n_samples_seen(self) -> int:
        """Samples that earlier runs and this one have seen."""
        return self.start.n_samples_seen + self.monitor.n_iter * self.objective.n_samples

    def outcome(self) -> Outcome:
        """Let the solver work, and return what it has come to."""
        monitor, start = self.monitor, self.start
        if start.name:
            monitor.note(start.name)
        was_interrupted, error = False, None
        theta, loss = start.theta, np.inf
        try:
            theta, loss = monitor.kept(self.solver.minimize(self.objective, theta, monitor))
            self._require_finite_answers(theta)
        except KeyboardInterrupt:
            monitor.forget_unfinished()
            if not monitor.has_best:  # there is nothing to keep
                raise
            was_interrupted = True
            theta, loss = monitor.best()
        except DivergenceError as diverged:
            error = diverged
        if self.watcher is not None:
            self.watcher.close()
        merits = monitor.merits(loss) if error is None else ()
        outcome = self._outcome_at(theta, loss)
        return replace(
            outcome, merits=merits, was_interrupted=was_interrupted, error=error, notice=self._notice_of_resuming()
        )

    def _notice_of_resuming(self) -> str | None:
        """Return what is lost where an interrupted run went on with a solver that keeps its memory to itself."""
        unfinished = self.start.unfinished
        if unfinished is None or self.monitor.n_iter == unfinished.n_iter or self.solver.state():
            return None
        return (
            f"solver={self.training.estimator.solver!r} resumes from the saved parameters, without the method's memory "
            "of earlier steps; the iterations differ from those of an uninterrupted fit."
        )

    def _require_finite_answers(self, theta: np.ndarray) -> None:
        """Raise DivergenceError where the network has no finite loss at `theta`.

        A stochastic solver records losses on the way through an epoch: nobody has seen what its last steps lead to.
        With states and a link that are bounded, and parameters of usual size, nothing can overflow.
        """
        estimator = self.training.estimator
        is_unbounded = estimator.activation == "relu" or self.objective.loss.link == "log"
        if estimator.solver in UPDATE_RULES and (is_unbounded or np.abs(theta).max() > _LARGE):
            self.monitor.require_finite(self.objective.evaluate(theta)[0])

    def fitted_attributes(self, theta: np.ndarray) -> dict[str, Any]:
        """Return what an estimator is made of whose fit ends at `theta`, and the state from which it can go on."""
        attributes = self.training.fitted_attributes(self._outcome_at(*self.monitor.current(theta)))
        task = self.start.task
        wants_run_state = task is not None and task.wants_run_state
        return {**attributes, "_run_state": self._state_at(theta)} if wants_run_state else attributes

    def _outcome_at(self, theta: np.ndarray, loss: float) -> Outcome:
        """Return the outcome of a run that keeps `theta`, without its merits."""
        monitor = self.monitor
        of_this_run = (monitor.loss_curve, monitor.validation_loss_curve, monitor.validation_scores)
        curves = [[*earlier, *later] for earlier, later in zip(self.start.curves, of_this_run, strict=True)]
        return Outcome(
            theta=theta,
            loss=loss,
            merits=(),
            loss_curve=curves[0],
            validation_loss_curve=curves[1],
            validation_scores=curves[2],
            n_iter=monitor.n_iter,
            stopped_short=monitor.stopped_short,
            n_samples_seen=self.n_samples_seen,
            solver_state=self.solver.state(),
            rng_state=list(self.start.rng.get_state()),
        )

    def _state_at(self, theta: np.ndarray) -> RunState:
        """Return the state of a run that stands at `theta`."""
        return RunState(
            theta=theta.copy(),
            solver=self.solver.state(),
            monitor=self.monitor.state(),
            rng_state=self.start.rng.get_state(),
            first_rng_state=self.training.first_rng_state,
            n_samples_seen=self.start.n_samples_seen,
            curves=self.start.curves,
            parameters=self.training.parameters,
            digest=self.training.digest,
        )


def warn_of(best: Outcome, outcomes: Sequence[Outcome], n_starts: int, stacklevel: int) -> None:
    """Warn where starts diverged, and where the user or a limit ended the solver before it had converged."""
    n_diverged = sum(outcome.error is not None for outcome in outcomes)
    if n_diverged:
        message = f"The solver diverged from {n_diverged} of {len(outcomes)} starts; the best of the others is kept."
        warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel)
    if best.notice is not None:
        warnings.warn(best.notice, stacklevel=stacklevel)
    was_stopped = any(outcome.is_last for outcome in outcomes)
    if outcomes[-1].was_interrupted or (len(outcomes) < n_starts and not was_stopped):
        when = f"{len(outcomes)} of {n_starts} starts"
        if outcomes[-1].was_interrupted:
            when = f"{outcomes[-1].n_iter} iterations" + (f" of start {len(outcomes)}" if n_starts > 1 else "")
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
