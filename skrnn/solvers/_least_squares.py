"""The methods of scipy.optimize.least_squares as a solver."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, final

import numpy as np
from scipy import optimize
from scipy.sparse.linalg import LinearOperator

from skrnn.solvers._monitor import Monitor
from skrnn.solvers._scipy import NO_LIMIT, ScipyRun, Stop, check_result, naming_options

#: Options of `scipy.optimize.least_squares` that may be set.
LEAST_SQUARES_OPTIONS = ("method", "ftol", "xtol", "gtol", "x_scale", "tr_solver", "tr_options", "max_nfev")

#: A larger Jacobian, in bytes, is not formed: SciPy uses products with it.
_MAX_JACOBIAN_BYTES = 2**30

#: A Jacobian with more columns is not decomposed at each step, unless the user selects a method that does.
_MAX_DECOMPOSED = 500

#: Options of a method that only uses products with the Jacobian.
_BY_PRODUCTS = {"method": "trf", "tr_solver": "lsmr"}


class SumOfSquares(Protocol):
    """The objective as used by the solver."""

    @property
    def n_residuals(self) -> int:
        """Return the number of residuals."""

    def loss_and_residuals(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective, and residuals with half the sum of squares equal to it."""

    def residuals_and_jacobian(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the residuals, (n_residuals,), and their derivative, (n_residuals, n_parameters)."""

    def jacobian_product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the Jacobian times `direction`."""

    def transposed_jacobian_product(self, theta: np.ndarray, d_residuals: np.ndarray) -> np.ndarray:
        """Return the transposed Jacobian times `d_residuals`."""


@final
class LeastSquaresSolver:
    """Minimise a sum of squares with a method of `scipy.optimize.least_squares`.

    Up to 500 parameters the default is "lm", MINPACK's Levenberg-Marquardt (More 1978, doi:10.1007/BFb0067700); for
    more, where decompositions would take seconds per step, "trf" with tr_solver="lsmr" (Branch, Coleman, Li 1999,
    doi:10.1137/S1064827595289108; Fong, Saunders 2011, doi:10.1137/10079687X).

    The square of `tol` is the tolerance on the largest entry of the gradient, because the objective is quadratic in the
    residuals. Evaluations of the Jacobian do not count for `max_fun`. `options`, with names in LEAST_SQUARES_OPTIONS,
    are passed to SciPy, and override all others.
    """

    def __init__(self, *, tol: float, max_fun: int, options: Mapping[str, Any] | None = None) -> None:
        self.max_fun = max_fun
        self.tol = tol
        self.options = options or {}

    def state(self) -> list[Any]:
        """Return nothing: SciPy's methods cannot be resumed."""
        return []

    def restore(self, state: list[Any]) -> None:
        """Do nothing."""

    def minimize(self, objective: SumOfSquares, theta: np.ndarray, monitor: Monitor) -> np.ndarray:
        """Return the minimum found by SciPy, or the last iterate if stopped by `monitor`."""
        run = ScipyRun(theta, monitor, self.max_fun)
        n_residuals, n_parameters = objective.n_residuals, len(theta)
        n_bytes = n_residuals * n_parameters * np.dtype(np.float64).itemsize
        options = {"x_scale": 1.0, "max_nfev": NO_LIMIT, **self._method_for(n_parameters), **self.options}
        # No tolerance may be below the precision of float64.
        options.setdefault("gtol", max(self.tol**2, float(np.finfo(np.float64).eps)))
        evaluations: _Compressed | _Plain
        if n_bytes > _MAX_JACOBIAN_BYTES:
            monitor.note(_too_large(n_bytes))
            options |= {**_BY_PRODUCTS, "x_scale": 1.0}
            evaluations = _Plain(objective, run, forms_jacobian=False)
        elif options.get("tr_solver") == "lsmr" or n_residuals <= n_parameters + 1:
            evaluations = _Plain(objective, run, forms_jacobian=True)
        else:
            evaluations = _Compressed(objective, run)
        return self._solve(evaluations, options, theta, run)

    def _solve(
        self, evaluations: "_Compressed | _Plain", options: dict[str, Any], theta: np.ndarray, run: ScipyRun
    ) -> np.ndarray:
        """Run SciPy with these options and return the final theta."""
        fun: Callable[[np.ndarray], Any] = evaluations.residuals
        jac: Callable[[np.ndarray], Any] = evaluations.jacobian
        minpack = _Minpack(run, evaluations, len(theta))
        if options["method"] == "lm":
            fun, jac = minpack.residuals, minpack.jacobian
        try:
            run.stop_if_ended()
            with naming_options(self.options, run):
                result = optimize.least_squares(fun, theta, jac=jac, **options)
            minpack.release()
            if not run.has_ended_at(result.x):
                run.end_iteration(result.x, evaluations.evaluated.at(result.x)[0])
            check_result("least_squares", result.success, result.message, run.monitor)
        except Stop:
            pass
        return run.theta.astype(theta.dtype)

    def _method_for(self, n_parameters: int) -> dict[str, Any]:
        """Return the options of the default method for `n_parameters`, or none if the user has selected a method."""
        if "method" in self.options:
            return {}
        if "tr_solver" in self.options or n_parameters > _MAX_DECOMPOSED:
            return _BY_PRODUCTS
        return {"method": "lm"}


class _Evaluated:
    """The objective and its residuals at the point of the last evaluation."""

    def __init__(self, objective: SumOfSquares, run: ScipyRun) -> None:
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
        """Report an iteration, unless at the start: SciPy evaluates the Jacobian when an iteration has ended."""
        loss, _ = self.at(theta)
        if not self.run.is_at_start(theta):
            self.run.end_iteration(theta, loss)


@final
class _Compressed:
    """Many residuals and their Jacobian, compressed to n_parameters + 1 rows.

    The methods only use |r|, J'J and J'r of the residuals r and the Jacobian J. These are the same for (|r|, 0, ..., 0)
    and H R, where [J r] = Q [R s] and the reflection H maps s to (|r|, 0, ..., 0). So many rows only cost one QR
    decomposition, instead of time at each step of the method.
    """

    def __init__(self, objective: SumOfSquares, run: ScipyRun) -> None:
        self.objective = objective
        self.evaluated = _Evaluated(objective, run)
        self.n_rows = len(run.theta) + 1

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        """Return the norm of all residuals, followed by zeros, (n_parameters + 1,)."""
        residuals = np.zeros(self.n_rows)
        residuals[0] = np.sqrt(2.0 * self.evaluated.at(theta)[0])
        return residuals

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """Return the Jacobian of these, (n_parameters + 1, n_parameters)."""
        self.evaluated.end_iteration(theta)
        triangle = _triangle(*self.objective.residuals_and_jacobian(theta))
        compressed = np.zeros((self.n_rows, self.n_rows))
        compressed[: len(triangle)] = triangle
        return _reflected(compressed[:, :-1], compressed[:, -1])


@final
class _Plain:
    """Uncompressed residuals and Jacobian, as a matrix or as an operator."""

    def __init__(self, objective: SumOfSquares, run: ScipyRun, forms_jacobian: bool) -> None:
        self.objective = objective
        self.evaluated = _Evaluated(objective, run)
        self.n_rows = objective.n_residuals
        self._forms_jacobian = forms_jacobian

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        """Return the residuals."""
        return self.evaluated.at(theta)[1]

    def jacobian(self, theta: np.ndarray) -> np.ndarray | LinearOperator:
        """Return the Jacobian, or the products with it and its transpose."""
        self.evaluated.end_iteration(theta)
        if self._forms_jacobian:
            return self.objective.residuals_and_jacobian(theta)[1].astype(np.float64, copy=False)
        theta = theta.copy()
        return LinearOperator(
            (self.objective.n_residuals, len(theta)),
            matvec=lambda direction: self.objective.jacobian_product(theta, direction.ravel()),
            rmatvec=lambda d_residuals: self.objective.transposed_jacobian_product(theta, d_residuals.ravel()),
            dtype=np.float64,
        )


@final
class _Minpack:
    """Residuals and Jacobian for MINPACK: errors are deferred, and its first step is bounded.

    MINPACK prints the traceback of an error in a function, and raises another error. Its first step may be a hundred
    times as long as theta (`factor`, which `least_squares` does not expose), which saturates the units and with a
    penalty may lead to a network of zeros, where the gradient vanishes.
    """

    def __init__(self, run: ScipyRun, evaluations: "_Compressed | _Plain", n_parameters: int) -> None:
        self._run = run
        self._evaluations = evaluations
        self._start = run.theta
        self._n_parameters = n_parameters
        # MINPACK requires at least as many residuals as parameters; the additional ones are zero.
        self._n_rows = max(evaluations.n_rows, n_parameters)
        self._error: BaseException | None = None

    def residuals(self, theta: np.ndarray) -> np.ndarray:
        """Return the residuals, a very large one beyond the bound, or zeros after an error, so that MINPACK stops."""
        residuals = np.zeros(self._n_rows)
        if self._error is not None:
            return residuals
        if self._run.is_at_start(self._run.theta) and self._is_too_far(theta):
            residuals[0] = 1e100
            return residuals
        try:
            residuals[: self._evaluations.n_rows] = self._evaluations.residuals(theta)
        except BaseException as error:
            self._error = error
        return residuals

    def jacobian(self, theta: np.ndarray) -> np.ndarray:
        """Return the Jacobian, or zeros after an error."""
        jacobian = np.zeros((self._n_rows, self._n_parameters))
        if self._error is None:
            try:
                jacobian[: self._evaluations.n_rows] = self._evaluations.jacobian(theta)
            except BaseException as error:
                self._error = error
        return jacobian

    def release(self) -> None:
        """Raise the deferred error, if any."""
        if self._error is not None:
            raise self._error

    def _is_too_far(self, theta: np.ndarray) -> bool:
        """Tell whether the first step is longer than theta itself."""
        return float(np.linalg.norm(theta - self._start)) > max(1.0, float(np.linalg.norm(self._start)))


def _too_large(n_bytes: int) -> str:
    """Return the note about a Jacobian of so many bytes."""
    return (
        f"The Jacobian would take {n_bytes / 2**30:.1f} GiB: least_squares uses products with it instead, "
        "with method='trf' and tr_solver='lsmr'."
    )


def _triangle(residuals: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """Return R of [J r] = Q R in float64, in chunks of rows, so that the Jacobian is not copied."""
    n_residuals, n_parameters = jacobian.shape
    triangle: np.ndarray = np.empty((0, n_parameters + 1))
    size = max(1024, 4 * n_parameters)
    for first in range(0, n_residuals, size):
        rows = slice(first, first + size)
        stacked = np.column_stack([jacobian[rows], residuals[rows]])
        triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, stacked]), mode="r"))
    return triangle


def _reflected(jacobian: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    """Return H jacobian, with the orthogonal H that maps the residuals to (|residuals|, 0, ..., 0).

    Householder 1958, doi:10.1145/320941.320947, with the sign that avoids cancellation, and the result negated.
    """
    axis = residuals.copy()
    length = np.linalg.norm(residuals)
    sign = 1.0 if axis[0] >= 0.0 else -1.0
    axis[0] += sign * length
    square = axis @ axis
    if square == 0.0:
        return jacobian
    return -sign * (jacobian - np.outer(axis, (2.0 / square) * (axis @ jacobian)))
