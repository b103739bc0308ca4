"""A fitted network as a module of PyTorch, whose gates are in an order of their own."""

from functools import cache
from itertools import groupby
from typing import Any, final

import numpy as np

from skrnn.export._fitted_network import NetworkDescription, needing, read_network, recurrent_biases
from skrnn.network._parameters import NetworkParameters

#: The class of PyTorch for each cell.
MODULES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
#: Which of our blocks of rows is at each place of PyTorch's: its gates are r, z, n (GRU) and i, f, g, o (LSTM).
ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 2, 3, 1)}


def to_torch(estimator: Any) -> Any:
    """Return a fitted network as a module of PyTorch.

    Parameters
    ----------
    estimator : RNNRegressor or RNNClassifier
        Fitted.

    Returns
    -------
    module : torch.nn.Module
        In the dtype in which the network was fitted. It has

        - `recurrent`, a :class:`torch.nn.ModuleList` with a torch.nn.RNN, GRU or LSTM (``batch_first=True``) for each
          stack of layers of one size: a network whose layers are all of one size is ``recurrent[0]`` alone;
        - `readout`, a torch.nn.Linear on the last hidden states, on their mean or maximum over the timesteps as
          `pooling` says, or on those of each timestep;
        - ``module(X, lengths=None)``, which gives what `predict` of the regressor or `predict_proba` of the
          classifier gives, for a tensor X (n_samples, n_timesteps, n_features). `lengths`, (n_samples,) of int64,
          say how many timesteps each sequence has; what comes after them is ignored. None: all timesteps count.
          With `return_sequences` the predictions after them are NaN;
        - ``module.raw_outputs(X, lengths=None)``, what the readout gives, for further training: numbers in the units of
          the targets, their logarithms for loss="poisson", or logits; for two classes one logit, that of the second.
          With `return_sequences` what comes after the lengths is the readout's bias.

        It can be pickled, copied and saved wherever skrnn is installed; its `state_dict` anywhere.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    NotFittedError
        If the estimator has not been fitted.
    TypeError
        If the estimator is of another kind; of a pipeline, pass the last step.
    ValueError
        If parameters of the estimator describe another network than was fitted.

    See Also
    --------
    from_torch : The other way.
    to_onnx : The network, or a whole pipeline, for other runtimes.

    Notes
    -----
    Of the two biases that PyTorch has for each gate, `bias_hh` is zero, except at the candidate of the GRU. A table is
    passed as an array (n_samples, n_timesteps, n_features); only `lengths` stand for masked timesteps.

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
    import torch  # make_module has raised where it is missing

    state = _state(network, parameters)
    module.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in state.items()})
    return module


def _stacks(network: NetworkDescription) -> list[tuple[int, int, int]]:
    """Return the inputs, units and number of layers of each stack of layers of one size, which one module holds."""
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
    """Return the class of the module, which exists once PyTorch is imported."""
    with needing("torch", "to_torch", "pip install torch"):
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
            """Return predictions, or probabilities; after the lengths NaN."""
            predictions = _predict(self.raw_outputs(X, lengths), self.network)
            if lengths is None or not self.network.return_sequences:
                return predictions
            is_padding = torch.arange(X.shape[1]) >= torch.as_tensor(lengths).cpu()[:, None]
            is_padding = is_padding.reshape(*is_padding.shape, *[1] * len(self.network.shape))
            return predictions.masked_fill(is_padding.to(predictions.device), torch.nan)

        def raw_outputs(self, X: Any, lengths: Any = None) -> Any:
            """Return what the readout gives, (n_samples[, n_timesteps], n_outputs)."""
            if not isinstance(X, torch.Tensor):
                raise TypeError(f"X is of type {type(X).__name__}; expected a tensor.")
            if X.ndim != 3:  # PyTorch would take two axes for one sequence
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
            """Let a copy find its class, which is no attribute of a Python module."""
            return make_module, (self.network,), self.__dict__

    return RecurrentNetwork


def _check_lengths(lengths: Any, X: Any) -> None:
    n_samples, n_timesteps, _ = X.shape
    are_whole = not (lengths.is_floating_point() or lengths.is_complex())
    if tuple(lengths.shape) != (n_samples,) or not are_whole or not ((lengths > 0) & (lengths <= n_timesteps)).all():
        raise ValueError(
            f"lengths are {lengths.tolist()}; expected a tensor of shape ({n_samples},) of whole numbers from 1 to "
            f"{n_timesteps}, the timesteps of X."
        )


def _predict(raw: Any, network: NetworkDescription) -> Any:
    """Return the predictions that raw outputs, (..., n_outputs), stand for."""
    import torch  # the module is there, so PyTorch is

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
