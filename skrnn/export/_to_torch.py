"""A fitted network as a PyTorch module."""

from functools import cache
from itertools import groupby
from typing import Any, final

import numpy as np

from skrnn.export._fitted_network import NetworkDescription, needing, read_network, recurrent_biases
from skrnn.network._parameters import NetworkParameters

#: The PyTorch class of each cell.
MODULES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
#: For each gate in PyTorch's order, r, z, n (GRU) and i, f, g, o (LSTM), the index of the gate in our order.
ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 2, 3, 1)}


def to_torch(estimator: Any) -> Any:
    """Convert a fitted network to a PyTorch module.

    Parameters
    ----------
    estimator : RNNRegressor or RNNClassifier
        Fitted.

    Returns
    -------
    module : torch.nn.Module
        The module, with the dtype in which the network was fitted. It has

        - `recurrent`, a :class:`torch.nn.ModuleList` with a torch.nn.RNN, GRU or LSTM (``batch_first=True``) for each
          stack of layers of equal size: if all layers have the same size, there is only ``recurrent[0]``;
        - `readout`, a torch.nn.Linear on the last hidden states, on their mean or maximum over the timesteps
          (`pooling`), or on those of each timestep;
        - ``module(X, lengths=None)``, which returns the output of `predict` (regressor) or `predict_proba` (classifier)
          for a tensor X (n_samples, n_timesteps, n_features). `lengths`, (n_samples,) of int64, are the numbers of
          timesteps of the sequences; later timesteps are ignored, and with `return_sequences` their predictions are
          NaN. None: all timesteps are used;
        - ``module.raw_outputs(X, lengths=None)``, the output of the readout, for further training: numbers in the units
          of the targets, their logarithms for loss="poisson", or logits; for two classes a single logit, that of the
          second. With `return_sequences`, outputs after the lengths are the bias of the readout.

        Pickles and copies of the module require skrnn; its `state_dict` does not.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    NotFittedError
        If the estimator has not been fitted.
    TypeError
        If the estimator is not one of these; pass the last step of a pipeline.
    ValueError
        If parameters of the estimator do not match the fitted network.

    See Also
    --------
    from_torch : Make an estimator from a PyTorch module.
    to_onnx : Convert the network, or a whole pipeline, to ONNX.

    Notes
    -----
    PyTorch has two biases for each gate; `bias_hh` is zero, except for the candidate of the GRU. Pass a table as an
    array (n_samples, n_timesteps, n_features). Timesteps can be masked only by `lengths`.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skrnn import RNNRegressor
    >>> from skrnn.export import from_torch, to_torch
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 6, 2)), rng.normal(size=40)
    >>> model = RNNRegressor((4,), cell="lstm", solver="lbfgs", tol=0.1, random_state=0).fit(X, y)
    >>> module = to_torch(model)
    >>> with torch.no_grad():
    ...     predictions = module(torch.tensor(X))
    >>> np.allclose(predictions, model.predict(X), rtol=1e-10)
    True
    >>> module.recurrent[0]
    LSTM(2, 4, batch_first=True)
    >>> np.allclose(from_torch(module).predict(X), model.predict(X), rtol=1e-10)
    True
    """
    network, parameters, _ = read_network(estimator, "to_torch")
    module = make_module(network)
    import torch  # make_module has raised if it is missing

    state = _state(network, parameters)
    module.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()})
    return module


def _stacks(network: NetworkDescription) -> list[tuple[int, int, int]]:
    """Return the inputs, units and number of layers of each stack of layers of equal size, which is one module."""
    stacks, n_inputs = [], network.n_features
    for size, layers in groupby(network.hidden_layer_sizes):
        stacks.append((n_inputs, size, len(list(layers))))
        n_inputs = network.n_directions * size
    return stacks


def _state(network: NetworkDescription, parameters: NetworkParameters) -> dict[str, np.ndarray]:
    """Return the parameters of a network under the names of the module."""
    state = {"readout.weight": parameters.readout.weights, "readout.bias": parameters.readout.bias}
    layers = iter(parameters.layers)
    for number, (_, _, n_layers) in enumerate(_stacks(network)):
        for name in (f"l{depth}{end}" for depth in range(n_layers) for end in ("", "_reverse")[: network.n_directions]):
            layer = next(layers)
            arrays = {
                "weight_ih": layer.input_weights,
                "weight_hh": layer.recurrent_weights,
                "bias_ih": layer.input_bias,
                "bias_hh": recurrent_biases(layer),
            }
            for kind, rows in arrays.items():
                blocks = np.split(rows, len(ORDERS[network.cell]))
                in_order = [blocks[place] for place in ORDERS[network.cell]]
                state[f"recurrent.{number}.{kind}_{name}"] = np.concatenate(in_order)
    return state


def make_module(network: NetworkDescription) -> Any:
    """Return a module for such a network, with PyTorch's initial weights."""
    return _module_class()(network)


@cache
def _module_class() -> Any:
    """Return the class of the module, which requires PyTorch."""
    with needing("torch", "to_torch"):
        import torch

    @final
    class RecurrentNetwork(torch.nn.Module):
        """Recurrent layers, a linear readout and predictions from its outputs: see `skrnn.export.to_torch`."""

        def __init__(self, network: NetworkDescription) -> None:
            super().__init__()
            make = getattr(torch.nn, MODULES[network.cell])
            options: dict[str, Any] = {"dtype": getattr(torch, network.dtype)}
            of_cell = {"nonlinearity": network.activation} if network.cell == "rnn" else {}
            self.network = network
            self.recurrent = torch.nn.ModuleList(
                make(*stack, batch_first=True, bidirectional=network.n_directions == 2, **of_cell, **options)
                for stack in _stacks(network)
            )
            n_states = network.n_directions * network.hidden_layer_sizes[-1]
            self.readout = torch.nn.Linear(n_states, network.n_outputs, **options)

        def forward(self, X: Any, lengths: Any = None) -> Any:
            """Return predictions or probabilities, NaN after the lengths."""
            predictions = _predict(self.raw_outputs(X, lengths), self.network)
            if lengths is None or not self.network.return_sequences:
                return predictions
            is_padding = torch.arange(X.shape[1]) >= torch.as_tensor(lengths).cpu()[:, None]
            is_padding = is_padding.reshape(*is_padding.shape, *[1] * len(self.network.shape))
            return predictions.masked_fill(is_padding.to(predictions.device), torch.nan)

        def raw_outputs(self, X: Any, lengths: Any = None) -> Any:
            """Return the output of the readout, (n_samples[, n_timesteps], n_outputs)."""
            if not isinstance(X, torch.Tensor):
                raise TypeError(f"X is of type {type(X).__name__}; expected a tensor.")
            if X.ndim != 3:  # PyTorch would interpret two axes as a single sequence
                raise ValueError(f"X has shape {tuple(X.shape)}; expected (n_samples, n_timesteps, n_features).")
            states, last = X, X.new_empty(0)
            if lengths is not None:
                lengths = torch.as_tensor(lengths).cpu()
                _check_lengths(lengths, X)
                states = torch.nn.utils.rnn.pack_padded_sequence(X, lengths, batch_first=True, enforce_sorted=False)
            for layers in self.recurrent:
                states, last = layers(states)
            if self.network.pooling == "last" and not self.network.return_sequences:
                last = last[0] if self.network.cell == "lstm" else last
                return self.readout(torch.cat(tuple(last[-self.network.n_directions :]), dim=1))
            if lengths is not None:
                states, _ = torch.nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=X.shape[1])
            return self.readout(states if self.network.return_sequences else self.pool(states, lengths))

        def pool(self, states: Any, lengths: Any = None) -> Any:
            """Return the mean or the maximum of states, (n_samples, n_timesteps, n_units), over the timesteps."""
            if lengths is None:
                lengths = torch.full(states.shape[:1], states.shape[1])
            is_padding = (torch.arange(states.shape[1]) >= lengths[:, None]).to(states.device)[..., None]
            if self.network.pooling == "max":
                return states.masked_fill(is_padding, -torch.inf).amax(dim=1)
            return states.masked_fill(is_padding, 0.0).sum(dim=1) / lengths.to(states)[:, None]

        def __reduce__(self) -> tuple[Any, ...]:
            """Rebuild copies with `make_module`, since the class is not an attribute of a Python module."""
            return make_module, (self.network,), self.__dict__

    return RecurrentNetwork


def _check_lengths(lengths: Any, X: Any) -> None:
    n_samples, n_timesteps, _ = X.shape
    are_whole = not (lengths.is_floating_point() or lengths.is_complex())
    if tuple(lengths.shape) != (n_samples,) or not are_whole or not ((lengths > 0) & (lengths <= n_timesteps)).all():
        raise ValueError(
            f"lengths are {lengths.tolist()}; expected a tensor of shape ({n_samples},) of integers from 1 to "
            f"{n_timesteps}, the timesteps of X."
        )


def _predict(raw: Any, network: NetworkDescription) -> Any:
    """Return the predictions for raw outputs, (..., n_outputs)."""
    import torch  # called by a module, so PyTorch is installed

    match network.kind:
        case "numbers":
            return raw.reshape(*raw.shape[:-1], *network.shape)
        case "exponentials":
            return raw.exp().reshape(*raw.shape[:-1], *network.shape)
        case "quantiles":
            return raw.reshape(*raw.shape[:-1], *network.shape).sort(dim=-1).values
        case "two classes":
            return torch.cat([-raw, raw], dim=-1).sigmoid()
        case "classes":
            return raw.softmax(dim=-1)
        case "labels":
            return raw.sigmoid()
