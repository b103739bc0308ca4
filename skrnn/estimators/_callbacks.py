"""Callbacks of scikit-learn: who is told of a fit and its iterations. Before scikit-learn 1.9 there are none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast, final

import numpy as np

from skrnn.solvers._monitor import Monitor

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _managing_callbacks
except ModuleNotFoundError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: an estimator without `set_callbacks`."""

    def _managing_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


__all__ = [
    "CallbackSupportMixin",
    "IterationWatcher",
    "Method",
    "Task",
    "begin_fit",
    "with_callbacks",
]

Method = TypeVar("Method", bound=Callable[..., Any])


def with_callbacks(method: Method) -> Method:
    """Return the method with scikit-learn's management of callbacks around it."""
    return cast(Method, _managing_callbacks(method))


@final
@dataclass(frozen=True)
class Task:
    """A task of a fit, as callbacks know it: the fit, one of several starts, or an iteration."""

    estimator: Any  # who is being fitted
    context: Any  # the task's place among the others, a CallbackContext
    data: dict[str, Any]  # X, y and metadata as `fit` got them

    @property
    def wants_run_state(self) -> bool:
        """Whether a callback wants to know of each iteration the state from which the fit could go on."""
        return any(getattr(callback, "wants_run_state", False) for callback in self.estimator._skl_callbacks)

    @property
    def has_ended(self) -> bool:
        """Whether a callback has said, where the task began, that it had ended already."""
        return getattr(self.context, "has_ended", False)

    def subtask(self, name: str, number: int | None = None, max_subtasks: int = 0) -> "Task":
        """Return a task within this one, with a `number` where subtasks may come in any order."""
        context = self.context.subcontext(task_name=name, task_id=number, max_subtasks=max_subtasks)
        return Task(self.estimator, context, self.data)

    def begin(self) -> Self:
        """Tell the callbacks that the task begins."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return self

    def end(self, fitted_attributes: Callable[[], dict[str, Any]] | None) -> bool:
        """Tell the callbacks that the task has ended, and return whether one of them asks to stop.

        `fitted_attributes` is called only if a callback wants an estimator that is fitted as if fit had ended here. It
        is None where there is none to be had.
        """
        return self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=fitted_attributes
        )


def begin_fit(
    estimator: Any,
    X: Any,
    y: Any,
    metadata: dict[str, Any],
    *,
    max_subtasks: int = 0,
    sequential_subtasks: bool = True,
) -> Task | None:
    """Return the task of a whole fit, which has begun, or None where no callback is set: then nobody need be told.

    Of the metadata, those that are None were not passed.
    """
    # The name under which scikit-learn keeps them: `clone` sets it too, so that `set_callbacks` does not see them all.
    if not getattr(estimator, "_skl_callbacks", None):
        return None
    context = estimator._init_callback_context(max_subtasks=max_subtasks, sequential_subtasks=sequential_subtasks)
    passed = {name: value for name, value in metadata.items() if value is not None}
    return Task(estimator, context, {"X": X, "y": y, "metadata": passed or None}).begin()


@final
class IterationWatcher:
    """Tells callbacks of the iterations of a task, and the monitor what they say.

    `fitted_attributes` gives for theta what an estimator is made of whose fit ended there.
    """

    def __init__(self, task: Task, fitted_attributes: Callable[[np.ndarray], dict[str, Any]]) -> None:
        self.task = task
        self.fitted_attributes = fitted_attributes
        self._iteration: Task | None = None

    def begin(self) -> None:
        """Begin an iteration, unless one has begun."""
        self._iteration = self._iteration or self.task.subtask("iteration").begin()

    def end(self, monitor: Monitor, theta: np.ndarray) -> None:
        """End the iteration: the run is to stop if a callback says so, and to keep the one with the greatest merit."""
        iteration = self._iteration or self.task.subtask("iteration").begin()
        self._iteration = None
        if iteration.end(lambda: self.fitted_attributes(theta)):
            monitor.stop()
        merit = getattr(iteration.context, "merit", None)  # which a callback may leave on the context
        if merit is not None:
            monitor.keep(theta, merit)

    def close(self) -> None:
        """End an iteration that has come to nothing."""
        if self._iteration is not None:
            self._iteration.end(None)
            self._iteration = None
