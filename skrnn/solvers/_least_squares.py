"""The methods of scipy.optimize.least_squares, as a solver."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, final

import numpy as np
from scipy import optimize
from scipy.sparse.linalg import LinearOperator

from skrnn.solvers._monitor import Monitor
from skrnn.solvers._run import Run, Stop, check_result

#: Options of `scipy.optimize.least_squares` that may be set.
LEAST_SQUARES_OPTIONS = ("method", "ftol", "xtol", "gtol", "x_scale", "tr_solver", "tr_options", "max_nfev", "bounds")

#: A Jacobian of more bytes is not formed: SciPy gets products with it.
_MAX_JACOBIAN_BYTES = 2**30


class SumOfSquares(Protocol):
    """What the solver sees of the problem."""

    @property
    def n_residuals(self) -> int:
        """Return how many residuals there are."""

    def loss_and_residuals(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective, and residuals of which half the squares add up to it."""

    def residuals_and_jacobian(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals, (n_residuals,), and their derivative, (n_residuals, n_parameters)."""

    def jacobian_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Jacobian times `direction`."""

    def transposed_jacobian_product(self, theta: np.ndarray, d_residuals: np.ndarray) -> np.ndarray:
        """Return the transposed Jacobian times `d_residuals`."""


@final
class LeastSquaresSolver:
    """Minimise a sum of squares by a method of `scipy.optimize.least_squares`.

    Parameters
    ----------
    tol : float
        Its square is the tolerance on the gradient's largest entry, for the objective falls with the square of the
        residuals.
    max_fun : int
        Evaluations of the objective at most; those of the Jacobian are not counted.
    options : mapping or None
        Passed on as keywords, before all else; names in LEAST_SQUARES_OPTIONS.
    """

    def __init__(self, *, tol: float, max_fun: int, options: Mapping[str, Any] | None = None) -> None:
        self.max_fun = max_fun
        self.options = {"method": "lm", "gtol": tol**2, "x_scale": "jac", **(options or {})}
        if self.options["method"] == "lm":  # which takes no tolerance below the precision of float64
            self.options["gtol"] = max(self.options["gtol"], np.finfo(np.float64).eps)

    def state(self) -> list[Any]:
        """Return nothing: it starts anew each time."""
        return []

    def restore(self, state: list[Any]) -> None:
        """Do nothing, for the same reason."""

    def minimize(self, objective: SumOfSquares, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Return the minimum that SciPy finds, or where it stood when `monitor` said stop."""
        run = Run(theta, monitor, self.max_fun)
        n_bytes = objective.n_residuals * len(theta) * np.dtype(np.float64).itemsize
        options: dict[str, Any] = {"max_nfev": 2**31 - 1, **self.options}
        evaluations: _Compressed | _AsOperator
        if n_bytes <= _MAX_JACOBIAN_BYTES:
            evaluations = _Compressed(objective, run)
        else:
            evaluations = _AsOperator(objective, run)
            options |= {"method": "trf", "tr_solver": "lsmr", "x_scale": 1.0}
            monitor.note(
                f"The Jacobian would take {n_bytes / 2**30:.1f} GiB: least_squares goes on with method='trf' and "
                "tr_solver='lsmr', on products with it."
            )
        guard = _Guard()
        fun: Callable[[np.ndarray], Any] = evaluations.residuals
        jac: Callable[[np.ndarray], Any] = evaluations.jacobian
        if options["method"] == "lm":
            n_rows = len(theta) + 1
            fun, jac = guard.protect(fun, (n_rows,)), guard.protect(jac, (n_rows, len(theta)))
        try:
            result = optimize.least_squares(fun, theta.astype(np.float64), jac=jac, **options)
            guard.release()
            if not run.has_ended_at(result.x):
                run.end_iteration(result.x, evaluations.loss_at(result.x))
            check_result("least_squares", result.success, result.message, monitor)
        except Stop:
            pass
        return run.theta.astype(theta.dtype)


class _Evaluated:
    """The objective where it was evaluated last."""

    def __init__(self, objective: SumOfSquares, run: Run) -> None:
        self.objective = objective
        self.run = run
        self._theta: np.ndarray | None = None

    def at(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its residuals."""
        if self._theta is None or not np.array_equal(theta, self._theta):
            self.run.count_evaluation()
            loss, residuals = self.objective.loss_and_residuals(theta)
            if self._theta is None:
                self.run.begin(loss)
            self._theta, self._loss, self._residuals = theta.copy(), loss, residuals.astype(np.float64)
        return self._loss, self._residuals

    def end_iteration(self, theta: np.ndarray) -> None:
        """Report an iteration: the Jacobian is asked for where one has ended, and at the start."""
        loss, _ = self.at(theta)
        if not self.run.is_at_start(theta):
            self.run.end_iteration(theta, loss)


@final
class _Compressed:
    """Residuals and Jacobian with no more rows than there are parameters, and one.

    The methods see no more of residuals r and Jacobian J than |r|, J'J and J'r. These are the same for (|r|, 0, ..., 0)
    and H R, where [J r] = Q [R s] and the reflection H takes s to (|r|, 0, ..., 0). So many more rows than parameters
    cost a QR decomposition, and not each step of the method.
    """

    def __init__(self, objective: SumOfSquares, run: Run) -> None:
        self.objective = objective
        self.evaluated = _Evaluated(objective, run)
        self._n_rows = len(run.theta) + 1

    def loss_at(self, theta: np.ndarray) -> float:
        """Return the objective."""
        return self.evaluated.at(theta)[0]

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        """Return one residual of the length of all, and zeros, (n_parameters + 1,)."""
        residuals = np.zeros(self._n_rows)
        residuals[0] = np.sqrt(2.0 * self.loss_at(theta))
        return residuals

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """Return the Jacobian of these, (n_parameters + 1, n_parameters)."""
        self.evaluated.end_iteration(theta)
        triangle = _triangle(*self.objective.residuals_and_jacobian(theta))
        compressed = np.zeros((self._n_rows, self._n_rows))
        compressed[: len(triangle)] = triangle
        return _reflected(compressed[:, :-1], compressed[:, -1])


@final
class _AsOperator:
    """Residuals as they are, and the Jacobian as an operator."""

    def __init__(self, objective: SumOfSquares, run: Run) -> None:
        self.objective = objective
        self.evaluated = _Evaluated(objective, run)

    def loss_at(self, theta: np.ndarray) -> float:
        """Return the objective."""
        return self.evaluated.at(theta)[0]

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        """Return the residuals."""
        return self.evaluated.at(theta)[1]

    def jacobian(self, theta: np.ndarray) -> LinearOperator:
        """Return the products with the Jacobian and its transpose."""
        self.evaluated.end_iteration(theta)
        theta = theta.copy()
        return LinearOperator(
            (self.objective.n_residuals, len(theta)),
            matvec=lambda direction: self.objective.jacobian_product(theta, direction.ravel()),
            rmatvec=lambda d_residuals: self.objective.transposed_jacobian_product(theta, d_residuals.ravel()),
            dtype=np.float64,
        )


@final
class _Guard:
    """Keeps errors out of MINPACK, which prints the traceback of each and raises another in its place."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    def protect(
        self, function: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Return the function with errors put aside: from then on all is zero, where MINPACK ends."""

        def protected(theta: np.ndarray) -> np.ndarray:
            if self._error is None:
                try:
                    return function(theta)
                except BaseException as error:
                    self._error = error
            return np.zeros(shape)

        return protected

    def release(self) -> None:
        """Raise the error that was put aside, if any."""
        if self._error is not None:
            raise self._error


def _triangle(residuals: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """Return R of [J r] = Q R in float64, block of rows by block of rows: no copy of the Jacobian is made."""
    n_residuals, n_parameters = jacobian.shape
    triangle: np.ndarray = np.empty((0, n_parameters + 1))
    size = max(1024, 4 * n_parameters)
    for first in range(0, n_residuals, size):
        rows = slice(first, first + size)
        block = np.column_stack([jacobian[rows], residuals[rows]])
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, block]), mode="r"))
    return triangle


def _reflected(jacobian: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return H jacobian, with the orthogonal H that takes the residuals to (|residuals|, 0, ..., 0).

    Householder 1958, doi:10.1145/320941.320947: of the two signs the one without cancellation, turned around after.
    """
    axis = residuals.copy()
    length = np.linalg.norm(residuals)
    sign = 1.0 if axis[0] >= 0.0 else -1.0
    axis[0] += sign * length
    square = axis @ axis
    if square == 0.0:
        return jacobian
    return -sign * (jacobian - np.outer(axis, (2.0 / square) * (axis @ jacobian)))
