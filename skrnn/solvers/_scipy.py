"""The gradient-based methods of scipy.optimize.minimize, as solvers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import numpy as np
from scipy import optimize

from skrnn.solvers._monitor import Monitor


class FullObjective(Protocol):
    """What a SciPy solver sees of the problem."""

    dtype: np.dtype

    def full(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective over all the data, and its gradient."""


@final
@dataclass(frozen=True)
class Method:
    """How a method of SciPy takes its settings.

    `tolerance` names the option that `tol` sets, `limits` the options that would end it before `max_iter` does,
    `defaults` are options that differ from SciPy's. `curvature` is "hessp" or "hess" where it asks for products with
    the Hessian, or for the Hessian. `ends_at_gradient`: an iteration ends where the gradient is asked for, because
    the method calls back before it has settled on a point.
    """

    name: str
    tolerance: str = "gtol"
    limits: tuple[str, ...] = ("maxiter",)
    curvature: str | None = None
    ends_at_gradient: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        # A long memory costs little beside BPTT, and saves iterations.
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

#: A limit that is never reached: the monitor counts, the same for every method.
_NO_LIMIT = 2**31 - 1


class _Stop(Exception):  # noqa: N818
    """Raised through SciPy's loop to leave it: its own StopIteration is not honoured by every method."""


@final
class ScipySolver:
    """Minimise the objective over all the data by a method of `scipy.optimize.minimize`.

    Parameters
    ----------
    method : Method
        One of METHODS.
    tol : float
        The method's tolerance: on the gradient's norm, where it has one.
    max_fun : int
        Evaluations of the objective at most.
    options : mapping or None
        Passed on as SciPy's `options`, before all else.
    """

    def __init__(self, method: Method, *, tol: float, max_fun: int, options: Mapping[str, Any] | None = None) -> None:
        self.method = method
        self.max_fun = max_fun
        # SLSQP compares the objective's change, which near a minimum goes with the square of the gradient.
        tolerance = tol**2 if method.tolerance == "ftol" else tol
        self.options = {
            method.tolerance: tolerance,
            **method.defaults,
            **dict.fromkeys(method.limits, _NO_LIMIT),
            **(options or {}),
        }

    def state(self) -> list[Any]:
        """Return nothing: a method of SciPy starts anew each time."""
        return []

    def restore(self, state: list[Any]) -> None:
        """Do nothing, for the same reason."""

    def minimize(self, objective: FullObjective, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Return the minimum that SciPy finds, or where it stood when `monitor` said stop."""
        run = _Run(objective, theta, monitor, self.max_fun)
        curvature = {self.method.curvature: getattr(run, self.method.curvature)} if self.method.curvature else {}
        settles_late = self.method.ends_at_gradient
        try:
            result = optimize.minimize(
                run.loss if settles_late else run.loss_gradient,
                theta.astype(np.float64),
                jac=run.gradient_of_iterate if settles_late else True,
                method=self.method.name,
                callback=None if settles_late else run.end_iteration,
                options=self.options,
                **curvature,
            )
            if monitor.n_iter == 0 or not np.array_equal(result.x, run.theta):
                run.end_iteration(result.x)
        except _Stop:
            return run.theta.astype(theta.dtype)
        if not result.success:
            monitor.stopped_short = f"{self.method.name} stopped: {_text(result.message)}"
        return result.x.astype(theta.dtype)


@final
class _Run:
    """One run of a method: what it evaluates, and where it stands."""

    def __init__(self, objective: FullObjective, theta: np.ndarray, monitor: Monitor, max_fun: int) -> None:
        self.objective = objective
        self.monitor = monitor
        self.max_fun = max_fun
        self.theta = theta
        self._start = theta.astype(np.float64)
        self._n_evaluations = 0
        self._evaluated: np.ndarray | None = None
        self._loss = self._initial_loss = np.nan

    def loss_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient, in SciPy's float64."""
        if self._n_evaluations >= self.max_fun:
            self.monitor.stopped_short = f"Maximum function evaluations ({self.max_fun}) reached"
            if self.monitor.n_iter == 0:
                self.monitor.record(self.theta, self._initial_loss)
            raise _Stop
        self._n_evaluations += 1
        loss, gradient = self.objective.full(theta)
        if self._evaluated is None:
            self.monitor.require_finite(loss)
            self._initial_loss = loss
        self._evaluated, self._loss, self._gradient = theta.copy(), loss, gradient.astype(np.float64)
        return loss, self._gradient

    def loss(self, theta: np.ndarray) -> float:
        """Return the objective alone."""
        return self.loss_gradient(theta)[0]

    def gradient_of_iterate(self, theta: np.ndarray) -> np.ndarray:
        """Return the gradient at a point on which the method has settled: an iteration has ended there."""
        self.loss_at(theta)
        gradient = self._gradient
        if np.array_equal(theta, self._start):
            return gradient
        self.end_iteration(theta)
        return gradient

    def loss_at(self, theta: np.ndarray) -> float:
        """Return the objective at `theta`, which as a rule is the point last evaluated."""
        if self._evaluated is None or not np.array_equal(theta, self._evaluated):
            self.loss_gradient(theta)
        return self._loss

    def end_iteration(self, theta: np.ndarray, *_: Any) -> None:
        """Report an iteration to the monitor, and leave SciPy's loop if it says so."""
        loss = self.loss_at(theta)
        self.theta = theta.copy()
        self.monitor.record(self.theta.astype(self.objective.dtype), loss)
        if self.monitor.early_stopping and self.monitor.has_stalled:
            raise _Stop
        if self.monitor.n_iter >= self.monitor.max_iter:
            self.monitor.stopped_short = f"Maximum iterations ({self.monitor.max_iter}) reached"
            raise _Stop

    def hessp(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Hessian times `direction`, by a central difference of the gradient.

        The step balances rounding and truncation (Nocedal, Wright 2006, doi:10.1007/978-0-387-40065-5, section 8.1)
        in the precision in which the objective is evaluated.
        """
        length = np.linalg.norm(direction)
        if length == 0.0:
            return np.zeros_like(direction)
        step = np.finfo(self.objective.dtype).eps ** (1 / 3) * max(1.0, np.linalg.norm(theta)) / length
        _, ahead = self.loss_gradient(theta + step * direction)
        _, behind = self.loss_gradient(theta - step * direction)
        return (ahead - behind) / (2.0 * step)

    def hess(self, theta: np.ndarray) -> np.ndarray:
        """Return the Hessian, (n_parameters, n_parameters), a column a product."""
        hessian = np.array([self.hessp(theta, direction) for direction in np.eye(len(theta))])
        return 0.5 * (hessian + hessian.T)


def _text(message: str | bytes) -> str:
    """Return SciPy's message, which older versions give as bytes."""
    return message.decode() if isinstance(message, bytes) else message
