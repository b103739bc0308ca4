"""The plant of Narendra and Parthasarathy: a nonlinear dynamic system to be identified from inputs and outputs."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from skrnn._inputs._naming import naming
from skrnn._inputs._parameters import check_count, read_random_state
from skrnn._inputs._values import refuse_masked


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
