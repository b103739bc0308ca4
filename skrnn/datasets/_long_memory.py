"""Tasks for long memory: the adding problem and the temporal order problem."""

import numpy as np
from numpy.typing import NDArray

from skrnn._inputs._parameters import check_count, read_random_state


def make_adding_problem(
    n_samples: int = 1000,
    n_timesteps: int = 50,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Generate the adding problem: the sum of the two marked values of a long sequence.

    Feature 0 of a timestep is a value drawn uniformly from [0, 1), feature 1 is a marker: 1 at two
    timesteps, 0 at all others. One marker is at a timestep drawn uniformly from the first half,
    ``0 <= t < n_timesteps // 2``, the other at one from the second half. The target is the sum of the
    two marked values::

        y[i] = sum over t of X[i, t, 0] * X[i, t, 1]

    Always predicting 1, the mean, has a mean squared error of 1/6 = 0.167, the variance of the sum of two uniform
    variables. Anything better requires memory: on average, three quarters of the sequence come after the first marked
    value.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of sequences, at least 1.
    n_timesteps : int, default=50
        The length of each sequence, at least 2.
    random_state : int, RandomState instance or None, default=None
        Determines the values and the markers. Pass an int for the same output at every call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 2), float64
        The sequences; the features are value and marker.
    y : ndarray of shape (n_samples,), float64
        The sums, in [0, 2).

    Raises
    ------
    TypeError
        If `n_samples` or `n_timesteps` is not an integer.
    ValueError
        If `n_samples` or `n_timesteps` is too small.

    Notes
    -----
    This is the common form: values and target of Le, Jaitly and Hinton [2]_, with one marker in each half as in
    Arjovsky, Shah and Bengio [3]_. The original of Hochreiter and Schmidhuber [1]_ differs:

    - its values are from [-1, 1];
    - its lengths vary from T to T + T/10;
    - one marker is on one of the first ten timesteps, the other on an unmarked one of the first T/2 - 1, so that at
      least about half of the sequence comes after both markers;
    - the first and the last timestep have the marker -1 (and if the first one is drawn for the marker 1, its value
      counts as 0);
    - its target is scaled to 0.5 + sum/4, which is in [0, 1].

    There, a sequence counts as solved if the absolute error of the scaled target is below 0.04. The target here has
    twice the range, so the corresponding threshold is 0.08.

    References
    ----------
    .. [1] Hochreiter, S., Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9(8), 1735-1780,
       experiment 4. https://doi.org/10.1162/neco.1997.9.8.1735
    .. [2] Le, Q. V., Jaitly, N., Hinton, G. E. (2015). A simple way to initialize recurrent networks of
       rectified linear units. https://arxiv.org/abs/1504.00941
    .. [3] Arjovsky, M., Shah, A., Bengio, Y. (2016). Unitary evolution recurrent neural networks. Proceedings
       of the 33rd International Conference on Machine Learning. https://arxiv.org/abs/1511.06464

    Examples
    --------
    >>> from skrnn.datasets import make_adding_problem
    >>> X, y = make_adding_problem(n_samples=200, n_timesteps=30, random_state=0)
    >>> X.shape, y.shape
    ((200, 30, 2), (200,))
    >>> values, markers = X[..., 0], X[..., 1]
    >>> bool(((values * markers).sum(axis=1) == y).all())
    True
    """
    check_count("n_samples", n_samples)
    check_count("n_timesteps", n_timesteps, 2)
    rng = read_random_state(random_state)
    values = rng.uniform(size=(n_samples, n_timesteps))
    markers = _draw_markers(n_samples, n_timesteps, rng)
    return np.stack([values, markers], axis=-1), (values * markers).sum(axis=1)


def _draw_markers(n_samples: int, n_timesteps: int, rng: np.random.RandomState) -> NDArray[np.float64]:
    """Return markers (n_samples, n_timesteps): a 1 in either half of each row, 0 elsewhere."""
    half = n_timesteps // 2
    rows = np.arange(n_samples)
    markers = np.zeros((n_samples, n_timesteps))
    markers[rows, rng.randint(half, size=n_samples)] = 1.0
    markers[rows, rng.randint(half, n_timesteps, size=n_samples)] = 1.0
    return markers


def make_temporal_order(
    n_samples: int = 1000,
    n_timesteps: int = 100,
    *,
    random_state: int | np.random.RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """
    Generate the temporal order problem: which of the symbols A and B occur in a long sequence, and in which order.

    A timestep is one of six symbols, A, B, c, d, e and f, one-hot encoded in this order. Two timesteps are A or B, each
    with probability 1/2, and all others are a distractor, drawn uniformly from c, d, e and f. With
    ``tenth = n_timesteps // 10``, the first of the two is at a timestep drawn uniformly from
    ``tenth <= t < 2 * tenth``, the second from ``n_timesteps // 2 <= t < n_timesteps // 2 + tenth``. The target is the
    class of the two symbols in their order: 0 is AA, 1 is AB, 2 is BA, 3 is BB.

    Guessing has an accuracy of 1/4, remembering one of the two symbols 1/2. Anything better requires memory: at least
    4/10 of the sequence come after the second symbol, and 8/10 after the first.

    Parameters
    ----------
    n_samples : int, default=1000
        The number of sequences, at least 1.
    n_timesteps : int, default=100
        The length of each sequence, at least 10, so that a tenth of it is at least one timestep.
    random_state : int, RandomState instance or None, default=None
        Determines the symbols and their positions. Pass an int for the same output at every call.

    Returns
    -------
    X : ndarray of shape (n_samples, n_timesteps, 6), float64
        The sequences; the features are the symbols A, B, c, d, e and f, 1 for the symbol of the timestep and 0 for the
        others.
    y : ndarray of shape (n_samples,), int64
        The classes, from 0 to 3, each with probability 1/4.

    Raises
    ------
    TypeError
        If `n_samples` or `n_timesteps` is not an integer.
    ValueError
        If `n_samples` or `n_timesteps` is too small.

    Notes
    -----
    This is the form for sequences of any length: symbols and positions are those of Pascanu's code [3]_ for the
    experiments of Pascanu, Mikolov and Bengio [2]_. Only the numbers of the classes differ: there 1 is BA and 2 is AB.
    The original, experiment 6a of Hochreiter and Schmidhuber [1]_, differs more:

    - its lengths vary from 100 to 110;
    - the first of the two symbols is at a timestep from 10 to 20, the second at one from 50 to 60;
    - each sequence starts with an additional symbol, E, and ends with another, the trigger B, so there are eight
      symbols; the two to remember are X and Y, the distractors a, b, c and d.

    There, a sequence counts as correctly classified if the absolute error of each of the four outputs at its end is
    below 0.3.

    References
    ----------
    .. [1] Hochreiter, S., Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9(8), 1735-1780,
       experiment 6a. https://doi.org/10.1162/neco.1997.9.8.1735
    .. [2] Pascanu, R., Mikolov, T., Bengio, Y. (2013). On the difficulty of training recurrent neural networks.
       Proceedings of the 30th International Conference on Machine Learning, PMLR 28(3), 1310-1318.
       https://arxiv.org/abs/1211.5063
    .. [3] Pascanu, R. (2013). trainingRNNs, tempOrder.py. https://github.com/pascanur/trainingRNNs

    Examples
    --------
    >>> from skrnn.datasets import make_temporal_order
    >>> X, y = make_temporal_order(n_samples=200, n_timesteps=30, random_state=0)
    >>> X.shape, y.shape
    ((200, 30, 6), (200,))
    >>> "".join("ABcdef"[symbol] for symbol in X[0].argmax(axis=1))
    'cfdcfBffdfdecfeccBedeffecddddc'
    >>> int(y[0])
    3
    """
    check_count("n_samples", n_samples)
    check_count("n_timesteps", n_timesteps, 10)
    rng = read_random_state(random_state)
    tenth, half = n_timesteps // 10, n_timesteps // 2
    rows = np.arange(n_samples)
    symbols = rng.randint(2, 6, size=(n_samples, n_timesteps))
    first, second = rng.randint(2, size=(2, n_samples), dtype=np.int64)
    symbols[rows, rng.randint(tenth, 2 * tenth, size=n_samples)] = first
    symbols[rows, rng.randint(half, half + tenth, size=n_samples)] = second
    return np.eye(6)[symbols], 2 * first + second
