"""Predictions of an ensemble one timestep at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, final

import numpy as np
from sklearn.utils.metaestimators import available_if

from skrnn.estimators._stream import read_state


@final
class EnsembleStream:
    """The streams of the members of an ensemble, whose predictions are averaged at each timestep.

    It is returned by the method `stream` of the ensembles. Every call of a prediction method advances all sequences by
    one timestep.

    Parameters
    ----------
    members : list of Stream
        The streams of the members, with the same number of sequences.
    decode : callable, default=None
        For classifiers, a function from probabilities (n_sequences, n_classes) to classes.

    Attributes
    ----------
    state : ndarray of shape (n_sequences, n_state_numbers)
        States of the members for each sequence, one member after the other. Reading it returns a copy; it can be set.
    n_sequences : int
        Number of sequences that are processed in parallel.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.ensemble import EnsembleRegressor
    >>> X = np.sin(np.arange(100) / 3.0).reshape(1, 100, 1)
    >>> y = np.cos(np.arange(100) / 3.0).reshape(1, 100)
    >>> network = RNNRegressor((4,), return_sequences=True, solver="lbfgs", tol=0.1)
    >>> model = EnsembleRegressor(network, 3, random_state=0).fit(X, y)
    >>> stream = model.stream()
    >>> predictions = [stream.predict([value]) for value in X[0, :, 0]]
    >>> np.allclose(np.concatenate(predictions), model.predict(X)[0])
    True
    """

    def __init__(self, members: list[Any], decode: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
        self._members, self._decode = members, decode
        self.n_sequences = members[0].n_sequences

    def __copy__(self) -> "EnsembleStream":
        """Return a stream that continues on its own, as a copy of a member does."""
        return EnsembleStream([copy(member) for member in self._members], self._decode)

    @property
    def state(self) -> np.ndarray:
        """A copy of the states of the members, (n_sequences, n_state_numbers)."""
        return np.concatenate([member.state for member in self._members], axis=1)

    @state.setter
    def state(self, state: Any) -> None:
        sizes = [member.state.shape[1] for member in self._members]
        state = read_state(state, (self.n_sequences, sum(sizes)))
        with self._together():
            for member, own in zip(self._members, np.split(state, np.cumsum(sizes)[:-1], axis=1), strict=True):
                member.state = own

    def reset(self, which: Any = slice(None)) -> None:
        """Restart sequences with a state of zeros.

        Parameters
        ----------
        which : index, default=slice(None)
            The sequences: an integer, a slice, integers or a mask; all by default.
        """
        with self._together():
            for member in self._members:
                member.reset(which)

    def predict(self, x: Any) -> np.ndarray:
        """Advance every sequence by one timestep and predict.

        Parameters
        ----------
        x : array-like of shape (n_sequences, n_features)
            The timestep, as for the streams of the members.

        Returns
        -------
        ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            The mean of the members' predictions; for classifiers the class with the highest mean probability.

        Raises
        ------
        ValueError
            If x is invalid. The state is then unchanged.
        """
        if self._decode is not None:
            return self._decode(self.predict_proba(x))
        with self._together():
            return np.mean([member.predict(x) for member in self._members], axis=0)

    @available_if(lambda stream: stream._decode is not None)
    def predict_proba(self, x: Any) -> np.ndarray:
        """Advance every sequence by one timestep and predict the probability of each class.

        Parameters
        ----------
        x : array-like of shape (n_sequences, n_features)
            The timestep, as in `predict`.

        Returns
        -------
        ndarray of shape (n_sequences, n_classes)
            The mean of the members' probabilities.
        """
        with self._together():
            return np.mean([member.predict_proba(x) for member in self._members], axis=0)

    @contextmanager
    def _together(self) -> Iterator[None]:
        """Restore the states of all members if one of them raises an error, or the user interrupts."""
        states = [member.state for member in self._members]
        try:
            yield
        except BaseException:
            for member, state in zip(self._members, states, strict=True):
                member.state = state
            raise
