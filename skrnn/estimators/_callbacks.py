"""Callbacks of scikit-learn, which are notified of a fit and its iterations. They require scikit-learn 1.9."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Self, TypeVar, cast, final

import numpy as np

from skrnn.solvers._monitor import Monitor

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _managing_callbacks
except ModuleNotFoundError:  # before scikit-learn 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """A mixin without `set_callbacks`."""

    def _managing_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method unchanged."""
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
    managed = _managing_callbacks(method)

    @wraps(managed)
    def passing_on(*arguments: Any, **keywords: Any) -> Any:
        try:
            return managed(*arguments, **keywords)
        except RuntimeError as error:
            # A generator of scikit-learn converts a StopIteration of `teardown`.
            if isinstance(error.__cause__, StopIteration) and str(error) == "generator raised StopIteration":
                raise error.__cause__ from None
            raise

    return cast(Method, passing_on)


@final
@dataclass(frozen=True)
class Task:
    """A task that callbacks are notified of: a fit, one of several starts, or an iteration."""

    estimator: Any  # the estimator that is being fitted
    context: Any  # the task's place among the others, a CallbackContext
    data: dict[str, Any]  # X, y and metadata as passed to `fit`

    @property
    def wants_run_state(self) -> bool:
        """Whether a callback needs the state of each iteration from which the fit could be resumed."""
        return any(getattr(callback, "wants_run_state", False) for callback in self.estimator._skl_callbacks)

    @property
    def has_ended(self) -> bool:
        """Whether a callback declared at the beginning of the task that it had already ended."""
        return getattr(self.context, "has_ended", False)

    def subtask(self, name: str, number: int | None = None, max_subtasks: int = 0) -> "Task":
        """Return a task within this one, with a `number` where subtasks may come in any order."""
        context = self.context.subcontext(task_name=name, task_id=number, max_subtasks=max_subtasks)
        return Task(self.estimator, context, self.data)

    def begin(self) -> Self:
        """Notify the callbacks of the beginning of the task."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)
        return self

    def end(self, fitted_attributes: Callable[[], dict[str, Any]] | None) -> bool:
        """Notify the callbacks of the end of the task, and return whether one of them asks to stop.

        `fitted_attributes` is called only if a callback needs a fitted estimator, as if fit had ended here. It is None
        if there is none.
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
    """Return the task of a whole fit, which has begun, or None if there are no callbacks.

    Metadata that are None were not passed.
    """
    # scikit-learn's private attribute: `clone` sets it without `set_callbacks`.
    if not getattr(estimator, "_skl_callbacks", None):
        return None
    context = estimator._init_callback_context(max_subtasks=max_subtasks, sequential_subtasks=sequential_subtasks)
    passed = {name: value for name, value in metadata.items() if value is not None}
    return Task(estimator, context, {"X": X, "y": y, "metadata": passed or None}).begin()


@final
class IterationWatcher:
    """Notifies callbacks of the iterations of a task, and passes their response to the monitor.

    `fitted_attributes` returns for theta the attributes of an estimator whose fit ended there.
    """

    def __init__(self, task: Task, fitted_attributes: Callable[[np.ndarray], dict[str, Any]]) -> None:
        self.task = task
        self.fitted_attributes = fitted_attributes
        self._iteration: Task | None = None

    def begin(self) -> None:
        """Begin an iteration, unless one has already begun."""
        self._iteration = self._iteration or self.task.subtask("iteration").begin()

    def end(self, monitor: Monitor, theta: np.ndarray) -> None:
        """End the iteration, stop the run if a callback asks to, and pass on the merit of the iteration."""
        iteration = self._iteration or self.task.subtask("iteration").begin()
        self._iteration = None
        if iteration.end(lambda: self.fitted_attributes(theta)):
            monitor.stop()
        merit = getattr(iteration.context, "merit", None)  # which a callback may set on the context
        if merit is not None:
            monitor.keep(theta, merit)

    def close(self) -> None:
        """End an iteration without a result."""
        if self._iteration is not None:
            self._iteration.end(None)
            self._iteration = None
