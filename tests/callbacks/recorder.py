"""Callbacks that record their calls, stop, or fail."""


class Recorder:
    """Records (hook, name of the task, its id), the arguments, and the estimators fitted so far."""

    def __init__(self, fail_at=None):
        self.fail_at = fail_at
        self.events, self.arguments, self.fitted, self.max_subtasks = [], [], [], {}

    def _note(self, hook, context):
        self.events.append((hook, context.task_name, context.task_id))
        self.max_subtasks[context.task_name] = context.max_subtasks
        if self.fail_at in (hook, f"{hook} {context.task_name}"):
            raise RuntimeError(f"failed at {self.fail_at}")

    def __getstate__(self):
        """Keep the records."""
        return {**self.__dict__, "events": [], "arguments": [], "fitted": []}

    def setup(self, estimator, context):
        self._note("setup", context)

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        if self.fail_at != "begin" or context.task_id == 2:
            self._note("begin", context)
        self.arguments.append({"X": X, "y": y, "metadata": metadata})

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        if self.fail_at != "end" or context.task_id == 2:
            self._note("end", context)
        self.arguments.append({"X": X, "y": y, "metadata": metadata})
        if fitted_estimator is not None:
            self.fitted.append(fitted_estimator)

    def teardown(self, estimator, context):
        self._note("teardown", context)


class Stopping:
    """Stops after a number of tasks with a given name."""

    def __init__(self, after, task_name="iteration"):
        self.after = after
        self.task_name = task_name

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        return context.task_name == self.task_name and context.task_id + 1 == self.after

    def teardown(self, estimator, context):
        pass


class Crash(Stopping):
    """Raises an error after a number of iterations."""

    def on_fit_task_end(self, estimator, context):
        if super().on_fit_task_end(estimator, context):
            raise RuntimeError("crash")
