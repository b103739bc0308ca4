"""Dynamical systems: the Mackey-Glass series, and the plant of Narendra and Parthasarathy."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._parameters import check_count, check_positive, read_random_state
from skrnn._inputs._values import refuse_masked

# The initial history is drawn around 1, the unstable fixed point of the default parameters.
_HISTORY_LOW, _HISTORY_HIGH = 0.5, 1.5


def make_mackey_glass(
    n_samples: int = 1000,
    *,
    tau: int = 17,
    beta: float = 0.2,
    gamma: float = 0.1,
    exponent: float = 10.0,
    n_substeps: int = 10,
    n_washout: int = 1000,
    random_state: int | np.random.RandomState | None = None,
) -> NDArray[np.float64]:
    """
    Generate a Mackey-Glass series: the concentration of blood cells with delayed feedback.

    Solves the delay differential equation of Mackey and Glass [1]_, with the concentration in units of their theta::

        dx/dt = beta * x(t - tau) / (1 + x(t - tau)**exponent) - gamma * x(t)

    and returns x at intervals of 1. With the default rates and exponent the solution converges to a fixed point for
    `tau` below 4.53, to a cycle up to about 16.8, and is chaotic for most larger values [2]_; 17 and 30 are common. For
    `tau` = 17 the series is between 0.41 and 1.32.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of values to return, at least 1.
    tau : int, default=17
        The delay, in sampling intervals, at least 1.
    beta : float, default=0.2
        The rate of production, positive.
    gamma : float, default=0.1
        The rate of decay, positive.
    exponent : float, default=10.0
        How sharply production decreases with the delayed concentration (n in the literature), positive.
    n_substeps : int, default=10
        The number of integration steps per sampling interval, at least 1 and at least ``beta + gamma``, so that the
        steps are stable and the solution is positive.
    n_washout : int, default=1000
        The number of initial values to discard, until the series has reached its attractor.
    random_state : int, RandomState instance or None, default=None
        Determines the initial history. Pass an int for the same series at every call.

    Returns
    -------
    ndarray of shape (n_samples,), float64
        The series; entry k is x(n_washout + k).

    Raises
    ------
    TypeError
        If a parameter is not a number, or not an integer where one is expected.
    ValueError
        If a parameter is out of range.

    Notes
    -----
    The initial history on [-tau, 0] interpolates linearly between values drawn uniformly from [0.5, 1.5] at integer
    times, so it does not depend on `n_substeps`.

    The classical Runge-Kutta method of order 4 is used (section II.1 of [3]_), which needs the delayed x at the start,
    in the middle and at the end of a step. Start and end are points of the solution, because `tau` is a whole number of
    steps; the middle is computed with the cubic Hermite interpolant (section II.6), whose error is also of order 4. The
    kinks of a delay equation at multiples of `tau`, and here also at the integers between, are at the ends of steps and
    do no harm (section II.17).

    As in any chaotic system, the error of the integration grows exponentially with time: a series with a larger
    `n_substeps` eventually departs from this one, but stays on the same attractor.

    References
    ----------
    .. [1] Mackey, M. C., Glass, L. (1977). Oscillation and chaos in physiological control systems. Science
       197(4300), 287-289. https://doi.org/10.1126/science.267326
    .. [2] Farmer, J. D. (1982). Chaotic attractors of an infinite-dimensional dynamical system. Physica D
       4(3), 366-393. https://doi.org/10.1016/0167-2789(82)90042-2
    .. [3] Hairer, E., Norsett, S. P., Wanner, G. (1993). Solving ordinary differential equations I: nonstiff
       problems. 2nd edition, Springer. https://doi.org/10.1007/978-3-540-78862-1

    Examples
    --------
    >>> from skrnn.datasets import make_mackey_glass
    >>> series = make_mackey_glass(500, random_state=0)
    >>> series.shape
    (500,)
    >>> print(f"{series.min():.1f} to {series.max():.1f}")
    0.4 to 1.3
    """
    check_count("n_samples", n_samples)
    check_count("tau", tau)
    check_count("n_washout", n_washout, 0)
    beta = check_positive("beta", beta)
    gamma = check_positive("gamma", gamma)
    exponent = check_positive("exponent", exponent)
    check_count("n_substeps", n_substeps, max(1, beta + gamma))

    history = _draw_history(tau, n_substeps, read_random_state(random_state))
    n_steps = (n_washout + n_samples - 1) * n_substeps
    solution = _integrate(history, n_steps, 1.0 / int(n_substeps), beta, gamma, exponent)
    return solution[::n_substeps][n_washout:].copy()


def _draw_history(tau: int, n_substeps: int, rng: np.random.RandomState) -> NDArray[np.float64]:
    """Return x on [-tau, 0] at every step (tau * n_substeps + 1,): linear between random values."""
    values = rng.uniform(_HISTORY_LOW, _HISTORY_HIGH, size=tau + 1)
    times = np.arange(tau * n_substeps + 1) / n_substeps
    return np.interp(times, np.arange(tau + 1), values)


def _integrate(
    history: NDArray[np.float64], n_steps: int, step: float, beta: float, gamma: float, exponent: float
) -> NDArray[np.float64]:
    """Return x at times 0, step, ..., n_steps * step (n_steps + 1,), given x at each step of [-tau, 0]."""
    # Plain floats: the recursion is scalar, and NumPy scalars are several times slower.
    x = history.tolist()
    midpoints = (0.5 * (history[:-1] + history[1:])).tolist()
    production_start = _production(x[0], beta, exponent)
    for k in range(n_steps):
        # x[k], midpoints[k] and x[k + 1] are the delayed values of the step that starts at x[-1].
        production_middle = _production(midpoints[k], beta, exponent)
        production_end = _production(x[k + 1], beta, exponent)
        now = x[-1]
        slope_1 = production_start - gamma * now
        slope_2 = production_middle - gamma * (now + 0.5 * step * slope_1)
        slope_3 = production_middle - gamma * (now + 0.5 * step * slope_2)
        slope_4 = production_end - gamma * (now + step * slope_3)
        after = now + step / 6.0 * (slope_1 + 2.0 * slope_2 + 2.0 * slope_3 + slope_4)
        slope_after = production_end - gamma * after
        midpoint = 0.5 * (now + after) + 0.125 * step * (slope_1 - slope_after)
        x.append(after)
        # The solution is positive, but the cubic of a coarse step may be negative.
        midpoints.append(max(midpoint, 0.0))
        production_start = production_end
    return np.array(x[len(history) - 1 :])


def _production(delayed: float, beta: float, exponent: float) -> float:
    """Return the production rate of new cells, given the delayed concentration."""
    try:
        return beta * delayed / (1.0 + delayed**exponent)
    except OverflowError:  # the limit of an infinite denominator
        return 0.0


@settings_unchanged_on_error
def make_narendra(
    n_samples: int = 1000,
    *,
    inputs: ArrayLike | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Generate inputs and outputs of a nonlinear plant: the fourth example of Narendra and Parthasarathy.

    The input u(k) at time k leads to the output [1]_ ::

        y(k + 1) = f(y(k), y(k - 1), y(k - 2), u(k), u(k - 1))
        f(x1, x2, x3, x4, x5) = (x1 * x2 * x3 * x5 * (x3 - 1) + x4) / (1 + x3**2 + x2**2)

    Everything before u(0) is zero. Row k contains the input u(k) and, as target, the output y(k + 1)
    that it causes, so a model may use all rows up to and including its own.

    A model that knows the last three outputs only has to learn f. *Simulating* the plant is harder: given only the
    inputs, a model has to infer the state of the plant. A recurrent network can represent it in its own state.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of timesteps, at least 1. Ignored if `inputs` are given.
    inputs : array-like of shape (n_samples,) or None, default=None
        The inputs; None draws each uniformly from [-1, 1], as for the identification in [1]_.
    random_state : int, RandomState instance or None, default=None
        Determines the inputs that are drawn. Pass an int for the same output at every call.

    Returns
    -------
    X : ndarray of shape (n_samples, 1), float64
        The input of each timestep.
    y : ndarray of shape (n_samples,), float64
        The output that it causes, in [-1, 1] for inputs in [-1, 1].

    Raises
    ------
    TypeError
        If `n_samples` is not an integer.
    ValueError
        If `n_samples` is below 1, if `inputs` is not a one-dimensional array of finite numbers, or if they are so
        large that the output diverges.

    References
    ----------
    .. [1] Narendra, K. S., Parthasarathy, K. (1990). Identification and control of dynamical systems using neural
       networks. IEEE Transactions on Neural Networks 1(1), 4-27, example 4. https://doi.org/10.1109/72.80202

    Examples
    --------
    >>> from skrnn import SlidingWindow
    >>> from skrnn.datasets import make_narendra
    >>> X, y = make_narendra(500, random_state=0)
    >>> X.shape, y.shape
    ((500, 1), (500,))

    There are two ways to simulate the plant. A network can read windows of the last inputs, one per row:

    >>> SlidingWindow(n_timesteps=20).fit_transform(X).shape
    (500, 20, 1)

    Or, with ``return_sequences=True``, it can read the whole series and predict at each timestep:

    >>> X[None].shape, y[None].shape
    ((1, 500, 1), (1, 500))

    The test input in [1]_ is a sine for 500 timesteps, followed by the sum of two sines:

    >>> import numpy as np
    >>> k = np.arange(800)
    >>> sine = np.sin(2 * np.pi * k / 250)
    >>> X_test, y_test = make_narendra(inputs=np.where(k < 500, sine, 0.8 * sine + 0.2 * np.sin(2 * np.pi * k / 25)))
    >>> y_test.shape
    (800,)
    """
    if inputs is None:
        check_count("n_samples", n_samples)
        series = read_random_state(random_state).uniform(-1.0, 1.0, size=n_samples)
    else:
        refuse_masked(inputs, "inputs")
        with naming("inputs", "finite numbers, (n_samples,)"):
            series = check_array(inputs, dtype="numeric", ensure_2d=False, input_name="inputs")
            if series.dtype.kind not in "fiub":
                raise TypeError(f"inputs has dtype {series.dtype}; expected real numbers.")
            series = check_array(series, dtype=np.float64, ensure_2d=False, input_name="inputs")
        if series.ndim != 1:
            raise ValueError(f"inputs has shape {series.shape}; expected a one-dimensional array.")
    outputs = _simulate(series)
    if not np.isfinite(outputs).all():
        raise ValueError(
            f"The output diverges: inputs goes up to {np.abs(series).max():g} in absolute value; expected at most "
            "about 1."
        )
    return series[:, np.newaxis].copy(), outputs


def _simulate(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the output after each input, (n_samples,)."""
    outputs = []
    y_1 = y_2 = y_3 = u_1 = 0.0
    # Python floats, because NumPy scalars are several times slower in a scalar recursion.
    for u in inputs.tolist():
        y = (y_1 * y_2 * y_3 * u_1 * (y_3 - 1.0) + u) / (1.0 + y_3 * y_3 + y_2 * y_2)
        outputs.append(y)
        y_1, y_2, y_3, u_1 = y, y_1, y_2, u
    return np.array(outputs)
