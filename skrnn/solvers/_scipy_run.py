"""A run of one of SciPy's methods: evaluations, iterations and stopping."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, final

import numpy as np

from skrnn.solvers._monitor import DivergenceError, Monitor

#: A limit that is never reached, because the monitor counts iterations for all methods.
NO_LIMIT = 2**31 - 1


class Stop(StopIteration):
    """Raised to leave SciPy's loop: some methods expect it from callbacks, others let it pass."""


@final
class ScipyRun:
    """Connects one of SciPy's methods with the monitor.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
        Initial parameters; the monitor receives theta in this dtype.
    monitor : Monitor
        Records iterations, and determines when to stop.
    max_fun : int
        Maximum number of evaluations of the objective.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,), float64
        Parameters after the last iteration.
    has_stopped : bool
        Whether SciPy was stopped.
    error : Exception or None
        Error while an iteration was reported, from a callback or validation.
    """

    def __init__(self, theta: np.ndarray, monitor: Monitor, max_fun: int) -> None:
        self.theta = theta.astype(np.float64)
        self.monitor = monitor
        self.max_fun = max_fun
        self.has_stopped = False
        self.error: Exception | None = None
        self._dtype = theta.dtype
        self._start = self.theta
        self._initial_loss = np.nan
        self._n_evaluations = 0

    def count_evaluation(self) -> None:
        """Count an evaluation of the objective before it happens, or leave SciPy's loop if the limit is reached."""
        if self._n_evaluations >= self.max_fun:
            self.monitor.stopped_short = f"Maximum function evaluations ({self.max_fun}) reached"
            self.monitor.advice = "A larger max_fun, or a larger tol, may help."
            if self.monitor.n_iter == 0:
                self.monitor.record(self.theta.astype(self._dtype), self._initial_loss)
            self._stop()
        self._n_evaluations += 1
        if not self.has_stopped:  # the first evaluation after an iteration begins the next iteration
            with self._reporting():
                self.monitor.begin()

    def begin(self, loss: float) -> None:
        """Store the initial objective."""
        self.monitor.require_finite(loss)
        self._initial_loss = loss

    def is_at_start(self, theta: np.ndarray) -> bool:
        """Tell whether `theta` is the starting point."""
        return np.array_equal(theta, self._start)

    def has_ended_at(self, theta: np.ndarray) -> bool:
        """Tell whether the last reported iteration ended at `theta`."""
        return self.monitor.n_iter > 0 and np.array_equal(theta, self.theta)

    def end_iteration(self, theta: np.ndarray, loss: float) -> None:
        """Report an iteration to the monitor, and leave SciPy's loop if it was the last."""
        self.theta = theta.copy()
        with self._reporting():
            self.monitor.record(self.theta.astype(self._dtype), loss)
        self.stop_if_ended()

    def stop_if_ended(self) -> None:
        """Leave SciPy's loop, or do not enter it, if no iteration follows."""
        monitor = self.monitor
        if monitor.is_told_to_stop or (monitor.early_stopping and monitor.has_stalled):
            self._stop()
        if monitor.n_iter >= monitor.max_iter:
            monitor.stop_at_limit()
            self._stop()

    def release(self) -> None:
        """Raise a StopIteration of a callback, which SciPy interpreted as a request to stop, if any."""
        if self.error is not None:
            raise self.error

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Store an error that leaves the block, which is not one of SciPy's."""
        try:
            yield
        except Exception as error:
            self.error = error
            raise

    def _stop(self) -> NoReturn:
        """Leave SciPy's loop."""
        self.has_stopped = True
        raise Stop


@contextmanager
def naming_options(options: Mapping[str, Any], run: ScipyRun) -> Iterator[None]:
    """Add the user's options, if any, to SciPy's errors that leave the block.

    Numbers that are not finite in SciPy's linear algebra raise the error of a diverging solver.
    """
    try:
        yield
    except (TypeError, ValueError, AttributeError, KeyError, np.linalg.LinAlgError) as error:
        if error is run.error or isinstance(error, DivergenceError):
            raise
        if isinstance(error, np.linalg.LinAlgError) or "infs or NaNs" in str(error):
            raise DivergenceError(
                f"The solver diverged: SciPy's linear algebra encountered numbers that are not finite ({error}); "
                "expected finite ones. X and y of unit scale, or a smaller alpha, may help."
            ) from error
        if not options:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"solver_options is {dict(options)}, which SciPy does not accept: {error}") from error


def check_result(method: str, success: bool, message: Any, monitor: Monitor) -> None:
    """Tell the monitor if SciPy stopped before convergence."""
    if not success:
        text = message.decode() if isinstance(message, bytes) else message  # bytes in older versions
        monitor.stopped_short = f"{method} stopped: {text}"
        monitor.advice = "A larger tol, another solver, or another random_state may help."
