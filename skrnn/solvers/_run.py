"""A run of a method of SciPy: its evaluations, its iterations, and how it is stopped."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, final

import numpy as np

from skrnn.solvers._monitor import DivergenceError, Monitor

#: A limit that is never reached: the monitor counts, in the same way for every method.
NO_LIMIT = 2**31 - 1


class Stop(StopIteration):
    """Raised to leave SciPy's loop: some methods expect it from their callbacks, it passes through the others."""


@final
class Run:
    """What stands between a method of SciPy and the monitor.

    Parameters
    ----------
    theta : ndarray of shape (n_parameters,)
        Where the method begins; the monitor is given thetas of this dtype.
    monitor : Monitor
        Records iterations, and tells when to stop.
    max_fun : int
        Evaluations of the objective at most.

    Attributes
    ----------
    theta : ndarray of shape (n_parameters,), float64
        Where the last iteration ended.
    has_stopped : bool
        Whether SciPy was told to stop.
    error : Exception or None
        Why an iteration could not be reported; it comes from a callback or from validation.
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
        """Count an evaluation of the objective before it happens, or leave SciPy's loop if it is one too many."""
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
        """Remember the objective at the start."""
        self.monitor.require_finite(loss)
        self._initial_loss = loss

    def is_at_start(self, theta: np.ndarray) -> bool:
        """Tell whether `theta` is where the method began."""
        return np.array_equal(theta, self._start)

    def has_ended_at(self, theta: np.ndarray) -> bool:
        """Tell whether an iteration has been reported that ended at `theta`."""
        return self.monitor.n_iter > 0 and np.array_equal(theta, self.theta)

    def end_iteration(self, theta: np.ndarray, loss: float) -> None:
        """Report an iteration to the monitor, and leave SciPy's loop if no other is to follow."""
        self.theta = theta.copy()
        with self._reporting():
            self.monitor.record(self.theta.astype(self._dtype), loss)
        self.stop_if_ended()

    def stop_if_ended(self) -> None:
        """Leave SciPy's loop, or do not enter it, if no iteration is to follow."""
        monitor = self.monitor
        if monitor.is_told_to_stop or (monitor.early_stopping and monitor.has_stalled):
            self._stop()
        if monitor.n_iter >= monitor.max_iter:
            monitor.stop_at_limit()
            self._stop()

    def release(self) -> None:
        """Raise the error of an iteration that SciPy took for a request to stop, if any: a StopIteration."""
        if self.error is not None:
            raise self.error

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Remember an error that leaves the block: it is none of SciPy's."""
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
def naming_options(options: Mapping[str, Any], run: Run) -> Iterator[None]:
    """Add the options, if the user has set some, to errors of SciPy that leave the block.

    If SciPy's linear algebra was given numbers that are not finite, the error is that of a solver that diverged.
    """
    try:
        yield
    except (TypeError, ValueError, AttributeError, KeyError, np.linalg.LinAlgError) as error:
        if error is run.error or isinstance(error, DivergenceError):
            raise
        if isinstance(error, np.linalg.LinAlgError) or "infs or NaNs" in str(error):
            raise DivergenceError(
                f"The solver diverged: SciPy's linear algebra came upon numbers beyond its range ({error}). Expected "
                "finite ones; X and y of unit scale, or a smaller alpha, may help."
            ) from error
        if not options:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"solver_options is {dict(options)}, which SciPy does not take: {error}") from error


def check_result(method: str, success: bool, message: Any, monitor: Monitor) -> None:
    """Tell the monitor if SciPy ended before it had converged."""
    if not success:
        text = message.decode() if isinstance(message, bytes) else message  # bytes in older versions
        monitor.stopped_short = f"{method} stopped: {text}"
        monitor.advice = "A larger tol, another solver, or another random_state may help."
