"""Predictions one timestep at a time, for data that are still arriving."""

from collections.abc import Callable
from math import isfinite
from typing import Any, NoReturn, final

import numpy as np
from sklearn.utils.metaestimators import available_if

from skrnn._inputs._messages import naming, settings_unchanged_on_error
from skrnn._inputs._parameters import check_count
from skrnn._inputs._values import check_size, largest_of, refuse_masked
from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.estimators._sequence_format import dtype_with_gaps
from skrnn.estimators._target_encoder import TargetEncoder
from skrnn.network._network import Network, Workspace
from skrnn.sequences._batches import Batch


def _can(kind: str) -> Callable[[Any], bool]:
    """Return the check for `available_if` whether the stream's estimator supports this kind of prediction."""
    return lambda stream: hasattr(stream._encoder, kind)


@settings_unchanged_on_error
def read_state(state: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return a state that the user sets as an array of this shape, or raise ValueError."""
    refuse_masked(state, "state")
    with naming("state", f"numbers of shape {shape}, as read from a stream"):
        state = np.asarray(state)
        state = state.astype(np.float64) if state.dtype == object else state
    if state.shape != shape:
        raise ValueError(f"state has shape {state.shape}; expected {shape}, as read from a stream.")
    return state


@final
class Stream:
    """A fitted estimator that reads its sequences one timestep at a time.

    It is returned by :meth:`RNNRegressor.stream` and :meth:`RNNClassifier.stream`. Every call of a prediction method
    advances all sequences by one timestep: call only one of them per timestep. With ``return_sequences=True``
    predictions equal those of the estimator for that timestep of the whole sequences; with
    ``return_sequences=False`` they equal those for the sequences up to that timestep.

    Attributes
    ----------
    state : ndarray of shape (n_sequences, n_state_numbers)
        State of the network for each sequence, layer by layer: hidden states, and for "lstm" cell states; with
        `pooling` "mean" or "max" also the mean or maximum of the top layer's states so far, and the number of
        timesteps. Reading it returns a copy; set it to continue from an earlier state.
    n_sequences : int
        Number of sequences that are processed in parallel.

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

    def __init__(
        self, network: Network, theta: np.ndarray, n_sequences: int, scaling: FeatureScaling, encoder: TargetEncoder
    ) -> None:
        check_count("n_sequences", n_sequences)
        self.n_sequences = int(n_sequences)
        self._network, self._theta, self._scaling, self._encoder = network, theta, scaling, encoder
        self._largest = largest_of(theta.dtype)
        parameters = network.layout.views(theta)
        workspace = Workspace(network, 1, self.n_sequences, theta.dtype, backward=False)
        self._inputs = workspace.layers[0].inputs[0]
        self._readout, self._operand = parameters.readout.matrix, workspace.readout_operand
        above = [*(upper.inputs[0] for upper in workspace.layers[1:]), self._operand[:-1]]
        self._layers = list(zip(network.layers, network.pack(parameters), workspace.layers, above, strict=True))
        # Where each layer reads its state before the timestep, and where it writes it.
        h = [(of_layer.initial_h, of_layer.hidden_states[0]) for of_layer in workspace.layers]
        c = [(of_layer.initial_c, of_layer.cell_states[0]) for of_layer in workspace.layers]
        self._places = [pair for pairs in zip(h, c, strict=True) for pair in pairs if len(pair[0]) > 0]
        self._pooled: np.ndarray | None = None
        if network.pooling.reads_every_state and not network.pooling.per_timestep:
            # The pooled states and the number of timesteps so far are part of the state.
            self._pooled = np.zeros_like(self._operand[:-1])
            self._n_before = np.zeros((1, self.n_sequences), theta.dtype)
            self._places += [(self._pooled, self._pooled), (self._n_before, self._n_before)]
            one = np.ones(self.n_sequences, dtype=np.intp)
            self._timestep = Batch(np.arange(self.n_sequences), one, first=self._n_before[0], carries_on=True)
        # The state is replaced as a whole: after an interruption it is the old or the new one.
        self._state = np.zeros((sum(len(before) for before, _ in self._places), self.n_sequences), theta.dtype)

    def __reduce__(self) -> tuple[Any, ...]:
        """Create new arrays in a copy, whose views would otherwise no longer be views."""
        arguments = self._network, self._theta, self.n_sequences, self._scaling, self._encoder
        return Stream, arguments, self.state

    def __getstate__(self) -> NoReturn:
        """Raise for tools that ignore `__reduce__`, such as skops."""
        raise TypeError(
            "A Stream can be pickled and copied, but not saved otherwise: save the estimator and the array `state`, "
            "and set the state of a new stream."
        )

    def __setstate__(self, state: np.ndarray) -> None:
        """Continue from the state of the copied stream."""
        self.state = state

    @property
    def state(self) -> np.ndarray:
        """A copy of the state of the network, (n_sequences, n_state_numbers)."""
        return self._state.T.copy()

    @state.setter
    def state(self, state: Any) -> None:
        state = read_state(state, self._state.T.shape)
        if state.dtype.kind not in "fiub" or not (np.abs(state) <= np.finfo(self._state.dtype).max).all():
            raise ValueError(
                f"state contains values that are not finite numbers of {self._state.dtype}; expected a state read "
                "from a stream."
            )
        self._state = state.T.astype(self._state.dtype, order="C")

    def reset(self, which: Any = slice(None)) -> None:
        """Restart sequences with a state of zeros.

        Parameters
        ----------
        which : int, slice, array of int or of bool, default=slice(None)
            Indices of the sequences; all by default.

        Raises
        ------
        IndexError
            If there is no such sequence.
        """
        state = self._state.copy()
        state[:, which] = 0.0
        self._state = state

    def predict(self, x: Any) -> np.ndarray:
        """Advance every sequence by one timestep and predict.

        Parameters
        ----------
        x : array-like of shape (n_sequences, n_features)
            The timestep. For one sequence also (n_features,), for one feature also (n_sequences,). A sequence whose
            features are all NaN is not advanced: its state does not change, and its prediction is NaN.

        Returns
        -------
        y : ndarray of shape (n_sequences,) or (n_sequences, n_outputs)
            Predictions of the estimator for each sequence.

        Raises
        ------
        ValueError
            If x has another shape, contains values that are not finite, or leads to an overflow. The state is then
            unchanged.
        """
        return self._predict("predict", x)

    @available_if(_can("predict_proba"))
    def predict_proba(self, x: Any) -> np.ndarray:
        """Advance every sequence by one timestep and predict the probability of each class.

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
        """Advance every sequence by one timestep and predict the logarithm of the probability of each class.

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

    @settings_unchanged_on_error
    def _predict(self, kind: str, x: Any) -> np.ndarray:
        """Return predictions of a kind, a method of the encoder, after one more timestep."""
        x = self._read(x)
        with np.errstate(all="ignore"):  # an overflow raises its own error
            return self._step(kind, x)

    def _step(self, kind: str, x: np.ndarray) -> np.ndarray:
        """Return predictions of a kind after the timestep x, (n_sequences, n_features)."""
        if np.maximum.reduce(np.abs(x), axis=None) <= self._largest:  # False for NaN
            raw, state = self._advance(x)
            predictions = getattr(self._encoder, kind)(raw)
            self._state = state
            return predictions
        is_masked = np.isnan(x).all(axis=1)
        if not np.isfinite(x[~is_masked]).all():
            raise ValueError("x contains infinity, or NaN in some features of a sequence; expected finite numbers.")
        check_size(x, self._inputs.dtype, "x")
        raw, state = self._advance(np.where(is_masked[:, None], 0.0, x))
        predictions = getattr(self._encoder, kind)(raw)
        predictions = predictions.astype(dtype_with_gaps(predictions))
        predictions[is_masked] = np.nan
        self._state = np.where(is_masked, self._state, state)
        return predictions

    def _read(self, x: Any) -> np.ndarray:
        """Return a timestep as numbers, (n_sequences, n_features)."""
        shape = (self.n_sequences, len(self._inputs))
        if type(x) is not np.ndarray or x.dtype == object:
            refuse_masked(x, "x")
            with naming("x", f"real numbers of shape {shape}"):
                x = np.asarray(x)
                x = x.astype(np.float64) if x.dtype == object else x
        if x.ndim < 2 and x.size == shape[0] * shape[1] and 1 in shape:
            x = x.reshape(shape)
        if x.shape != shape or x.dtype.kind not in "fiub":
            raise ValueError(f"x has shape {x.shape} and dtype {x.dtype}; expected real numbers of shape {shape}.")
        return x

    def _advance(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return raw outputs, (n_outputs, n_sequences), and the state after a timestep, (n_numbers, n_sequences)."""
        self._inputs[...] = (x if self._scaling.is_none else (x - self._scaling.location) / self._scaling.scale).T
        start = 0
        for before, _ in self._places:
            before[...] = self._state[start : start + len(before)]
            start += len(before)
        segments = [(0, 1, self.n_sequences)]
        for layer, matrix, workspace, above in self._layers:
            layer.forward(matrix, workspace, segments)
            above[...] = workspace.hidden_states[0]
        if self._pooled is not None:
            _, _, top, _ = self._layers[-1]
            self._network.pooling.collect([(self._network.layers[-1], top)], self._timestep, self._pooled)
            self._operand[:-1] = self._pooled
            self._n_before += 1.0
        raw = np.dot(self._readout, self._operand)
        if not isfinite(np.add.reduce(raw, axis=None)) and not np.isfinite(raw).all():
            raise ValueError(
                f"x and the state lead to an overflow in {raw.dtype}; expected features like those of training. The "
                "state is unchanged."
            )
        return raw, np.concatenate([after for _, after in self._places])
