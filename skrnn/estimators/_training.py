"""Training: runs of a solver, one per start; the best is kept."""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, final

import numpy as np

from skrnn._caching import cached_property
from skrnn.estimators._callbacks import IterationWatcher, Task
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.estimators._fitted_attributes import Curves, Outcome, RunState, copied_parameters, read_theta, store_outcome
from skrnn.estimators._parameters import choose_tol, make_network, make_solver, make_solver_objective, remedy
from skrnn.estimators._target_encoder import TargetEncoder
from skrnn.estimators._training_data import TrainingData
from skrnn.network._inference import Map
from skrnn.network._network import Network
from skrnn.network._objective import Objective
from skrnn.network._parameters import initial_theta
from skrnn.parallel._blas_threads import single_threaded_blas
from skrnn.parallel._workers import worker_map, worker_runs
from skrnn.solvers._monitor import DivergenceError, Monitor
from skrnn.solvers._registry import UPDATE_RULES

#: Smaller parameters are of usual size.
_LARGE = 1e6


@final
@dataclass(frozen=True)
class Training:
    """Everything that the runs of a fit share."""

    estimator: Any  # whose parameters describe the network and the solver
    scaling: FeatureScaling  # of the features
    encoder: TargetEncoder  # what the targets mean: loss, location and scale
    data: TrainingData  # in the dtype of the computations
    validation: TrainingData | None
    batch_size: int
    max_iter: int
    first_rng_state: Any = None  # before anything was drawn
    task: Task | None = None  # the fit, if there are callbacks

    @cached_property
    def network(self) -> Network:
        """The network, without parameters."""
        return make_network(self.estimator, self.data.sequences.n_features, self.encoder.n_outputs)

    @property
    def dtype(self) -> np.dtype:
        """The dtype of all computations."""
        return self.data.sequences.dtype

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """A copy of the estimator's parameters."""
        return copied_parameters(self.estimator)

    @cached_property
    def digest(self) -> str:
        """Digest of the data and the validation data."""
        return self.data.digest() + ("" if self.validation is None else self.validation.digest())

    def fresh_runs(self, rng: np.random.RandomState) -> list["Run"]:
        """Return `n_init` runs, each with its own random state; the first is that of `n_init=1`."""
        n_init = self.estimator.n_init
        states = [rng]
        if n_init > 1:
            states = [_copy(rng), *map(np.random.RandomState, rng.randint(2**31 - 1, size=n_init - 1))]
        names = ["" if n_init == 1 else f"Start {number} of {n_init}" for number in range(1, n_init + 1)]
        layout = self.network.layout
        with single_threaded_blas():
            return [
                Run(initial_theta(layout, state, self.dtype), state, name=name)
                for state, name in zip(states, names, strict=True)
            ]

    def continued_run(self, rng: np.random.RandomState, solver_state: Sequence[Any] = ()) -> "Run":
        """Return the run that begins at the parameters of the fitted estimator."""
        fitted, encoder = self.estimator, self.encoder
        theta = read_theta(fitted, self.network.layout, self.dtype, self.scaling, encoder.location, encoder.scale)
        curves = (fitted.loss_curve_, fitted.validation_loss_curve_ or [], fitted.validation_scores_ or [])
        return Run(theta, rng, fitted.t_, solver_state, curves)

    def resumed_run(self, rng: np.random.RandomState, unfinished: RunState) -> "Run":
        """Return the run that begins where an earlier one was interrupted."""
        unfinished.require_data(self.digest)
        rng.set_state(unfinished.rng_state)
        return Run(unfinished.theta, rng, unfinished.n_samples_seen, unfinished.solver, unfinished.curves, unfinished)

    def best_outcome(self, runs: Sequence["Run"]) -> tuple[Outcome, list[Outcome]]:
        """Return the best outcome, and all outcomes in order, up to an interruption by the user."""
        outcomes: dict[int, Outcome] = {}
        try:
            for number, outcome in self._outcomes(runs):
                if isinstance(outcome, StopIteration):
                    raise outcome
                outcomes[number] = outcome
                if outcome.was_interrupted or outcome.is_last:
                    break
        except KeyboardInterrupt:
            if not any(outcome.error is None for outcome in outcomes.values()):
                raise
            if len(outcomes) == len(runs):  # nothing is lost, but the user is informed
                outcomes[max(outcomes)] = replace(outcomes[max(outcomes)], was_interrupted=True)
        in_order = [outcomes[number] for number in sorted(outcomes)]
        usable = [outcome for outcome in in_order if outcome.error is None]
        if not usable and in_order[0].error is not None:
            raise in_order[0].error
        return max(usable, key=lambda outcome: np.nan_to_num(outcome.merits, nan=-np.inf).tolist()), in_order

    def _outcomes(self, runs: Sequence["Run"]) -> Iterable[tuple[int, Outcome | StopIteration]]:
        """Return number and outcome of each run as they finish; several runs, or the chunks of one, run in workers."""
        if len(runs) > 1:
            if self.task is not None:
                for number, run in enumerate(runs):
                    run.task = self.task.subtask("start", number, self.max_iter)
            return worker_runs(self.estimator.n_jobs, Training._numbered_outcome, self, list(enumerate(runs)))
        runs[0].task = self.task
        with worker_map(self.estimator.n_jobs) as map_chunks:
            return [(0, runs[0].outcome(self, map_chunks))]

    def _numbered_outcome(self, numbered: tuple[int, "Run"]) -> tuple[int, Outcome | StopIteration]:
        """Return the number and outcome of one of several runs, or the StopIteration of a callback.

        Raised here, within generators, a StopIteration would become a RuntimeError.
        """
        number, run = numbered
        try:
            return number, self._outcome_of_start(number, run)
        except StopIteration as error:
            return number, error

    def _outcome_of_start(self, number: int, run: "Run") -> Outcome:
        """Return the outcome of one of several runs."""
        if run.task is None:
            return run.outcome(self)
        run.task.begin()
        outcome = run.outcome(self)
        attributes = None if outcome.error is not None else lambda: self.fitted_attributes(outcome)
        return replace(outcome, is_last=run.task.end(attributes))

    def store(self, estimator: Any, best: Outcome, outcomes: list[Outcome]) -> None:
        """Store the outcomes of runs in an estimator."""
        store_outcome(estimator, self.scaling, self.encoder, self.network.layout, best, outcomes)

    def fitted_attributes(self, outcome: Outcome) -> dict[str, Any]:
        """Return the attributes of the estimator if this were the outcome of the fit."""
        fitted = copy(self.estimator)
        self.store(fitted, outcome, [outcome])
        return vars(fitted)

    def objective(self, data: TrainingData, map_chunks: Map) -> Objective:
        """Return the objective on standardised targets."""
        loss = self.encoder.loss
        values = loss.standardised(data.targets.values, self.encoder.location, self.encoder.scale).astype(self.dtype)
        return Objective(
            self.network,
            loss,
            data.sequences,
            replace(data.targets, values=values),
            self.estimator.alpha / data.total_weight,
            map_chunks=map_chunks,
        )


@final
@dataclass
class Run:
    """A run of the solver, from where it begins to its outcome."""

    theta: np.ndarray  # the first parameters, (n_parameters,)
    rng: np.random.RandomState  # for the order of minibatches and dropout
    n_samples_seen: int = 0  # by earlier runs, which this one continues
    solver_state: Sequence[Any] = ()  # of an earlier run
    curves: Curves = ([], [], [])  # of earlier runs
    unfinished: RunState | None = None  # the interrupted run that this one continues
    name: str = ""  # printed at the beginning of the run if verbose
    task: Task | None = None  # of which the iterations are subtasks, if there are callbacks

    # Once the solver has started:
    _training: Training = field(init=False)
    _objective: Objective = field(init=False)
    _monitor: Monitor = field(init=False)
    _solver: Any = field(init=False)

    def outcome(self, training: Training, map_chunks: Map = map) -> Outcome:
        """Run the solver and return the outcome."""
        watcher = None if self.task is None else IterationWatcher(self.task, self._fitted_attributes)
        self._begin(training, map_chunks, watcher)
        monitor = self._monitor
        was_interrupted, error = False, None
        theta, loss = self.theta, np.inf
        try:
            objective = make_solver_objective(training.estimator, self._objective, self.rng)
            theta, loss = monitor.kept(self._solver.minimize(objective, theta, monitor))
            self._require_finite_outputs(theta)
        except KeyboardInterrupt:
            monitor.forget_unfinished()
            if not monitor.has_best:  # nothing to keep
                raise
            was_interrupted = True
            theta, loss = monitor.best()
        except DivergenceError as diverged:
            error = diverged
        if watcher is not None:
            watcher.close()
        merits = monitor.merits(loss) if error is None else ()
        return replace(
            self._outcome_at(theta, loss),
            merits=merits,
            was_interrupted=was_interrupted,
            error=error,
            notice=self._notice_of_resuming(),
        )

    def _begin(self, training: Training, map_chunks: Map, watcher: IterationWatcher | None) -> None:
        """Make objective, monitor and solver, in the state of the interrupted run if there is one."""
        estimator, validation = training.estimator, training.validation
        self._training = training
        self._objective = training.objective(training.data, map_chunks)
        self._monitor = monitor = Monitor(
            max_iter=training.max_iter,
            tol=choose_tol(estimator),
            n_iter_no_change=estimator.n_iter_no_change,
            validate=None if validation is None else training.objective(validation, map_chunks).evaluate,
            early_stopping=estimator.early_stopping,
            verbose=bool(estimator.verbose),
            remedy=remedy(estimator),
            watcher=watcher,
        )
        if self.name:
            monitor.note(self.name)
        if self.unfinished is not None:
            monitor.restore(self.unfinished.monitor)
            if self.unfinished.merit is not None:
                monitor.keep(self.theta, self.unfinished.merit)
            if self.task is not None and self.task.has_ended:
                monitor.stop()
        self._solver = make_solver(
            estimator, training.batch_size, len(self.theta), training.dtype, self.rng, self._n_samples_seen_now
        )
        self._solver.restore(list(self.solver_state))

    @property
    def _n_samples_seen_now(self) -> int:
        """Samples seen by earlier runs and this one."""
        return self.n_samples_seen + self._monitor.n_iter * self._objective.n_samples

    def _notice_of_resuming(self) -> str | None:
        """Return a notice for a resumed run whose solver cannot restore its state."""
        if self.unfinished is None or self._monitor.n_iter == self.unfinished.n_iter or self._solver.state():
            return None
        return (
            f"solver={self._training.estimator.solver!r} resumes from the saved parameters, without the internal "
            "state of the method; the iterations differ from those of an uninterrupted fit."
        )

    def _require_finite_outputs(self, theta: np.ndarray) -> None:
        """Raise DivergenceError if the loss at `theta` is not finite.

        A stochastic solver records losses during an epoch, but not after its last step. With bounded states and link,
        and parameters of usual size, nothing can overflow.
        """
        estimator = self._training.estimator
        is_unbounded = estimator.activation == "relu" or self._objective.loss.link == "log"
        if estimator.solver in UPDATE_RULES and (is_unbounded or np.abs(theta).max() > _LARGE):
            self._monitor.require_finite(self._objective.evaluate(theta)[0])

    def _fitted_attributes(self, theta: np.ndarray) -> dict[str, Any]:
        """Return the contents of an estimator whose fit ends at `theta`, and the state from which it can continue."""
        attributes = self._training.fitted_attributes(self._outcome_at(*self._monitor.current(theta)))
        wants_run_state = self.task is not None and self.task.wants_run_state
        return {**attributes, "_run_state": self._state_at(theta)} if wants_run_state else attributes

    def _outcome_at(self, theta: np.ndarray, loss: float) -> Outcome:
        """Return the outcome of a run that keeps `theta`, without its merits."""
        monitor = self._monitor
        of_this_run = (monitor.loss_curve, monitor.validation_loss_curve, monitor.validation_scores)
        return Outcome(
            theta=theta,
            loss=loss,
            curves=[[*earlier, *later] for earlier, later in zip(self.curves, of_this_run, strict=True)],
            n_iter=monitor.n_iter,
            stopped_short=monitor.stopped_short,
            advice=monitor.advice,
            n_samples_seen=self._n_samples_seen_now,
            solver_state=self._solver.state(),
            rng_state=list(self.rng.get_state()),
        )

    def _state_at(self, theta: np.ndarray) -> RunState:
        """Return the state of a run that stands at `theta`."""
        return RunState(
            theta=theta.copy(),
            solver=self._solver.state(),
            monitor=self._monitor.state(),
            rng_state=self.rng.get_state(),
            first_rng_state=self._training.first_rng_state,
            n_samples_seen=self.n_samples_seen,
            curves=self.curves,
            parameters=self._training.parameters,
            digest=self._training.digest,
        )


def _copy(rng: np.random.RandomState) -> np.random.RandomState:
    """Return a random state that will draw the same numbers."""
    copied = np.random.RandomState()
    copied.set_state(rng.get_state())
    return copied
