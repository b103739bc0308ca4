"""The gradient-based methods of scipy.optimize.minimize, as solvers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol, final

import numpy as np
from scipy import optimize

from skrnn.solvers._monitor import DivergenceError, Monitor


class FullObjective(Protocol):
    """The objective as used by a SciPy solver."""

    dtype: np.dtype

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all data, and its gradient."""

    def gauss_newton_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix times `direction`."""

    def gauss_newton_matrix(self, theta: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix."""


@final
@dataclass(frozen=True)
class Method:
    """The settings of one of SciPy's methods."""

    name: str
    tolerance: str = "gtol"  # the option set by `tol`
    limits: tuple[str, ...] = ("maxiter",)  # options that would stop the method before `max_iter`
    #: "hessp" or "hess" if the method uses products with the Hessian, or the Hessian, for which the Gauss-Newton matrix
    # is used, because it is positive semi-definite.
    curvature: str | None = None
    #: An iteration ends when the method evaluates the gradient: its callback is called before the point is known.
    ends_at_gradient: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)  # options that differ from SciPy's


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        # A long memory takes little time compared with BPTT, and saves iterations.
        Method("L-BFGS-B", limits=("maxiter", "maxfun"), defaults={"maxcor": 30}),
        Method("BFGS"),
        Method("CG"),
        Method("TNC", limits=("maxfun",)),
        Method("SLSQP", tolerance="ftol", ends_at_gradient=True),
        Method("Newton-CG", tolerance="xtol", curvature="hessp"),
        Method("trust-ncg", curvature="hessp"),
        Method("trust-krylov", curvature="hessp"),
        Method("trust-exact", curvature="hess"),
        Method("trust-constr"),
    )
}
METHODS["lbfgs"] = METHODS["L-BFGS-B"]


@final
class ScipySolver:
    """Minimise the objective over all data with a method of `scipy.optimize.minimize`.

    `tol` is the tolerance of the method: on the norm of the gradient, if it has one. The objective is evaluated at most
    `max_fun` times. `options` are passed to SciPy, and override all others.
    """

    def __init__(self, method: Method, *, tol: float, max_fun: int, options: Mapping[str, Any] | None = None) -> None:
        self.method = method
        self.max_fun = max_fun
        self.user_options = options or {}
        # SLSQP compares the change of the objective, which near a minimum is proportional to the square of the
        # gradient, and Newton-CG the length of its step.
        tolerance = tol if method.tolerance == "gtol" else tol**2
        self.options = {
            method.tolerance: tolerance,
            **method.defaults,
            **dict.fromkeys(method.limits, NO_LIMIT),
            **(options or {}),
        }

    def state(self) -> list[Any]:
        """Return nothing: SciPy's methods cannot be resumed."""
        return []

    def restore(self, state: list[Any]) -> None:
        """Do nothing."""

    def minimize(self, objective: FullObjective, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Return the minimum found by SciPy, or the last iterate if stopped by `monitor`."""
        run = ScipyRun(theta, monitor, self.max_fun)
        evaluations = _Evaluations(objective, run)
        curvature = (
            {self.method.curvature: getattr(evaluations, self.method.curvature)} if self.method.curvature else {}
        )
        settles_late = self.method.ends_at_gradient
        try:
            run.stop_if_ended()
            with naming_options(self.user_options, run):
                result = optimize.minimize(
                    evaluations.loss if settles_late else evaluations.loss_gradient,
                    theta.astype(np.float64),
                    jac=evaluations.gradient_of_iterate if settles_late else True,
                    method=self.method.name,
                    callback=None if settles_late else evaluations.end_iteration,
                    options=self.options,
                    **curvature,
                )
                run.release()
            if not run.has_stopped:
                if not run.has_ended_at(result.x):
                    evaluations.end_iteration(result.x)
                check_result(self.method.name, result.success, result.message, monitor)
        except Stop:
            pass
        return run.theta.astype(theta.dtype)


#: A limit that is never reached, because the monitor counts iterations for all methods.
NO_LIMIT = 2**31 - 1


class Stop(StopIteration):
    """Raised to leave SciPy's loop: some methods expect it from callbacks, others let it pass."""


@final
class ScipyRun:
    """Connects one of SciPy's methods with the monitor, and limits its evaluations of the objective to `max_fun`."""

    def __init__(self, theta: np.ndarray, monitor: Monitor, max_fun: int) -> None:
        self.theta = theta.astype(np.float64)  # after the last iteration, (n_parameters,)
        self.monitor = monitor
        self.max_fun = max_fun
        self.has_stopped = False
        self.error: Exception | None = None  # while an iteration was reported, from a callback or validation
        self._dtype = theta.dtype  # in which the monitor receives theta
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


@final
class _Evaluations:
    """The objective as called by SciPy's methods, in float64."""

    def __init__(self, objective: FullObjective, run: ScipyRun) -> None:
        self.objective = objective
        self.run = run
        self._evaluated: np.ndarray | None = None
        self._loss = np.nan

    def loss_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient."""
        self.run.count_evaluation()
        loss, gradient = self.objective.full(theta)
        if self._evaluated is None:
            self.run.begin(loss)
        self._evaluated, self._loss, self._gradient = theta.copy(), loss, gradient.astype(np.float64)
        return loss, self._gradient

    def loss(self, theta: np.ndarray) -> float:
        """Return the objective alone."""
        return self.loss_gradient(theta)[0]

    def gradient_of_iterate(self, theta: np.ndarray) -> np.ndarray:
        """Return the gradient at a point that the method has accepted, which ends an iteration."""
        self.loss_at(theta)
        gradient = self._gradient
        if not self.run.is_at_start(theta):
            self.end_iteration(theta)
        return gradient

    def loss_at(self, theta: np.ndarray) -> float:
        """Return the objective at `theta`, which is usually the point evaluated last."""
        if self._evaluated is None or not np.array_equal(theta, self._evaluated):
            self.loss_gradient(theta)
        return self._loss

    def end_iteration(self, theta: np.ndarray, *_: Any) -> None:
        """Report an iteration, as a callback of the method; may raise Stop."""
        self.run.end_iteration(theta, self.loss_at(theta))

    def hessp(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix times `direction`."""
        return self.objective.gauss_newton_product(theta, direction).astype(np.float64)

    def hess(self, theta: np.ndarray) -> np.ndarray:
        """Return the Gauss-Newton matrix, (n_parameters, n_parameters)."""
        matrix = self.objective.gauss_newton_matrix(theta).astype(np.float64)
        return 0.5 * (matrix + matrix.T)
