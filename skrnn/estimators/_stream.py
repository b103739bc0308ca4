"""Predictions timestep after timestep, for data that arrive as they are predicted on."""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from sklearn.utils.metaestimators import available_if

from skrnn._inputs._naming import naming
from skrnn._inputs._parameters import is_integer
from skrnn._inputs._values import check_size, largest_of, refuse_masked
from skrnn.estimators._sequence_format import dtype_with_gaps
from skrnn.estimators._target_encoder import TargetEncoder
from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.network._network import Network, Workspace


def _can(kind: str) -> Callable[[Any], bool]:
    """Return what tells `available_if` whether the stream's estimator gives predictions of this kind."""
    return lambda stream: hasattr(stream._encoder, kind)


@final
class Stream:
    """A fitted estimator that reads its sequences timestep by timestep.

    :meth:`RNNRegressor.stream` and :meth:`RNNClassifier.stream` make it. Every call of a method that predicts takes all
    sequences one timestep further: call one of them per timestep. It predicts what the estimator, with
    ``return_sequences=True``, predicts for that timestep of the whole sequences.

    Attributes
    ----------
    state : ndarray of shape (n_sequences, n_state_numbers)
        What the network remembers of each sequence, layer after layer: its hidden state, and with "lstm" its cell
        state. Reading it gives a copy; it can be set to one, to go on from there.
    n_sequences : int
        Number of sequences that run side by side.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> X = np.sin(np.arange(200) / 3.0).reshape(1, 200, 1)
    >>> y = np.cos(np.arange(200) / 3.0).reshape(1, 200)
    >>> model = RNNRegressor((4,), return_sequences=True, solver="lbfgs", tol=0.01, random_state=0)
    >>> stream = model.fit(X, y).stream()
    >>> predictions = [stream.predict([value]) for value in X[0, :, 0]]
    >>> np.allclose(np.concatenate(predictions), model.predict(X)[0])
    True
    """

    n_sequences: int
    _network: Network
    _theta: np.ndarray
    _encoder: TargetEncoder
    _largest: np.float64
    _inputs: np.ndarray
    _readout: np.ndarray
    _operand: np.ndarray
    _layers: list[tuple[Layer, np.ndarray, LayerWorkspace, np.ndarray]]
    _states: list[tuple[np.ndarray, np.ndarray]]

    def __init__(self, network: Network, theta: np.ndarray, n_sequences: int, encoder: TargetEncoder) -> None:
        if not is_integer(n_sequences):
            raise TypeError(f"n_sequences must be an integer, not {n_sequences!r}.")
        if n_sequences < 1:
            raise ValueError(f"n_sequences == {n_sequences}, must be >= 1.")
        self.n_sequences = int(n_sequences)
        self._network, self._theta, self._encoder = network, theta, encoder
        self._largest = largest_of(theta.dtype)
        parameters = network.layout.views(theta)
        workspace = Workspace(network, 1, self.n_sequences, theta.dtype, backward=False)
        self._inputs = workspace.layers[0].inputs[0]
        self._readout, self._operand = parameters.readout.matrix, workspace.readout_operand
        above = [*(upper.inputs[0] for upper in workspace.layers[1:]), self._operand[:-1]]
        self._layers = list(zip(network.layers, network.pack(parameters), workspace.layers, above, strict=True))
        # Where a state is found before the timestep, and where it is left after it.
        h = [(of_layer.initial_h, of_layer.hidden_states[0]) for of_layer in workspace.layers]
        c = [(of_layer.initial_c, of_layer.cell_states[0]) for of_layer in workspace.layers]
        self._states = [pair for pairs in zip(h, c, strict=True) for pair in pairs if len(pair[0]) > 0]

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a copy make arrays of its own: its views would no longer be views."""
        arguments = self._network, self._theta, self.n_sequences, self._encoder
        return Stream, arguments, self.state

    def __setstate__(self, state: np.ndarray) -> None:
        """Go on from the state of the stream that was copied."""
        self.state = state

    @property
    def state(self) -> np.ndarray:
        """A copy of what the network remembers, (n_sequences, n_state_numbers)."""
        return np.concatenate([before for before, _ in self._states]).T

    @state.setter
    def state(self, state: Any) -> None:
        expected = (self.n_sequences, sum(len(own) for own, _ in self._states))
        state = np.asarray(state)
        if state.shape != expected:
            raise ValueError(f"state has shape {state.shape}; expected {expected}, as it was read from a stream.")
        if state.dtype.kind not in "fiu" or not np.isfinite(state).all():
            raise ValueError(
                "state contains what is not a finite number; expected a state that was read from a stream."
            )
        start = 0
        for own, _ in self._states:
            own[...] = state[:, start : start + len(own)].T
            start += len(own)

    def reset(self, which: Any = slice(None)) -> None:
        """Let sequences begin anew.

        Parameters
        ----------
        which : int, slice, array of int or of bool, default=slice(None)
            The sequences, by their position; all by default.

        Raises
        ------
        IndexError
            If there is no such sequence.
        """
        for own, _ in self._states:
            own[:, which] = 0.0

    def predict(self, x: Any) -> np.ndarray:
        """Take every sequence a timestep further and predict.

        Parameters
        ----------
        x : array-like of shape (n_sequences, n_features)
            The timestep. With one sequence also (n_features,), with one feature also (n_sequences,). A sequence whose
            features are all NaN does not move: its state stays what it is, and its prediction is NaN.

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            What the estimator predicts for each sequence now.

        Raises
        ------
        ValueError
            If x has another shape, or contains what is not a finite number. The state is then what it was.
        """
        return self._predict("predict", x)

    @available_if(_can("predict_proba"))
    def predict_proba(self, x: Any) -> np.ndarray:
        """Take every sequence a timestep further and predict the probability of each class.

        Parameters
        ----------
        x : array-like of shape (n_sequences, n_features)
            The timestep, as in `predict`.

        Returns
        -------
        probabilities : ndarray of shape (n_sequences, n_classes)
            In the order of the estimator's `classes_`.
        """
        return self._predict("predict_proba", x)

    @available_if(_can("predict_log_proba"))
    def predict_log_proba(self, x: Any) -> np.ndarray:
        """Take every sequence a timestep further and predict the logarithm of the probability of each class.

        Parameters
        ----------
        x : array-like of shape (n_sequences, n_features)
            The timestep, as in `predict`.

        Returns
        -------
        log_probabilities : ndarray of shape (n_sequences, n_classes)
            In the order of the estimator's `classes_`.
        """
        return self._predict("predict_log_proba", x)

    def _predict(self, kind: str, x: Any) -> np.ndarray:
        """Return predictions of a kind, a method of the encoder, after one more timestep."""
        x = self._read(x)
        decode = getattr(self._encoder, kind)
        if np.maximum.reduce(np.abs(x), axis=None) <= self._largest:  # which NaN is not
            self._inputs[...] = x.T
            return decode(self._advance())
        is_masked = np.isnan(x).all(axis=1)
        if not np.isfinite(x[~is_masked]).all():
            raise ValueError("x contains infinity, or NaN in some features of a sequence; expected finite numbers.")
        check_size(x, self._inputs.dtype, "x")
        before = self.state
        self._inputs[...] = np.where(is_masked[:, None], 0.0, x).T
        predictions = decode(self._advance())
        self.state = np.where(is_masked[:, None], before, self.state)
        predictions = predictions.astype(dtype_with_gaps(predictions))
        predictions[is_masked] = np.nan
        return predictions

    def _read(self, x: Any) -> np.ndarray:
        """Return a timestep as numbers, (n_sequences, n_features)."""
        shape = (self.n_sequences, len(self._inputs))
        refuse_masked(x, "x")
        with naming("x", f"real numbers of shape {shape}"):
            x = np.asarray(x)
            x = x.astype(np.float64) if x.dtype == object else x
        if x.ndim < 2 and x.size == shape[0] * shape[1] and 1 in shape:
            x = x.reshape(shape)
        if x.shape != shape or x.dtype.kind not in "fiub":
            raise ValueError(f"x has shape {x.shape} and dtype {x.dtype}; expected real numbers of shape {shape}.")
        return x

    def _advance(self) -> np.ndarray:
        """Return the raw outputs, (n_outputs, n_sequences), after the timestep that lies in the workspace."""
        segments = [(0, 1, self.n_sequences)]
        for layer, matrix, workspace, above in self._layers:
            layer.forward(matrix, workspace, segments)
            above[...] = workspace.hidden_states[0]
        for before, after in self._states:
            before[...] = after
        return np.dot(self._readout, self._operand)
