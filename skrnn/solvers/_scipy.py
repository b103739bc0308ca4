"""The gradient-based methods of scipy.optimize.minimize, as solvers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import numpy as np
from scipy import optimize

from skrnn.solvers._monitor import Monitor
from skrnn.solvers._scipy_run import NO_LIMIT, ScipyRun, Stop, check_result, naming_options


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
    """The settings of one of SciPy's methods.

    `tolerance` is the option set by `tol`, `limits` are options that would stop the method before `max_iter`,
    `defaults` are options that differ from SciPy's. `curvature` is "hessp" or "hess" if the method uses products with
    the Hessian, or the Hessian, for which the Gauss-Newton matrix is used, because it is positive semi-definite.
    `ends_at_gradient`: an iteration ends when the method evaluates the gradient, because its callback is called before
    the point is known.
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

    Parameters
    ----------
    method : Method
        One of METHODS.
    tol : float
        The tolerance of the method: on the norm of the gradient, if it has one.
    max_fun : int
        Maximum number of evaluations of the objective.
    options : mapping or None
        Passed to SciPy as `options`; they override all others.
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
