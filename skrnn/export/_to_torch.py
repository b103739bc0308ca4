"""A fitted network as a module of PyTorch."""

from typing import Any

import numpy as np

from skrnn.export._answers import read_answers
from skrnn.export._network import FittedNetwork, read_network
from skrnn.export._torch_layout import layer_names, split_biases, to_torch_order
from skrnn.export._torch_module import Settings, make_module


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
          run of layers of one size: a network whose layers are all of one size is ``recurrent[0]`` alone;
        - `readout`, a torch.nn.Linear on the last hidden states, or on those of each timestep;
        - ``module(X, lengths=None)``, which answers what `predict` of the regressor or `predict_proba` of the
          classifier does, for a tensor X (n_samples, n_timesteps, n_features). `lengths`, (n_samples,) of int64,
          say how many timesteps each sequence has; what stands behind them is ignored. None: all timesteps count.
          With `return_sequences` the answers behind the lengths are NaN;
        - ``module.raw_outputs(X, lengths=None)``, what the readout gives, for further training: numbers in the units of
          the targets, their logarithms for loss="poisson", or logits, of two classes one, that of the second. With
          `return_sequences` what is behind the lengths is the readout's bias.

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
    Of the two biases that PyTorch has for each gate, `bias_hh` is zero, but for the candidate of the GRU. A table goes
    in as an array (n_samples, n_timesteps, n_features); masked timesteps have no counterpart but `lengths`.

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
    network = read_network(estimator, "to_torch")
    answers = read_answers(estimator)
    settings = Settings(
        cell=network.cell,
        activation=network.activation,
        n_features=network.n_features,
        hidden_layer_sizes=network.layout.hidden_layer_sizes,
        n_directions=network.layout.n_directions,
        n_outputs=network.layout.n_outputs,
        return_sequences=network.return_sequences,
        answers=answers,
        dtype=network.dtype.name,
    )
    module = make_module(settings)
    module.load_state_dict(_state(network, settings))
    return module


def _state(network: FittedNetwork, settings: Settings) -> dict[str, Any]:
    """Return the parameters of the network under PyTorch's names."""
    import torch  # make_module has told where it is missing

    arrays: dict[str, np.ndarray] = {}
    layers = iter(network.parameters.layers)
    for number, run in enumerate(settings.runs()):
        for name in layer_names(run.n_layers, settings.n_directions):
            layer = next(layers)
            input_bias, recurrent_bias = split_biases(layer.biases, network.cell, len(layer.matrix))
            arrays |= {
                f"recurrent.{number}.weight_ih_{name}": to_torch_order(layer.input_weights, network.cell),
                f"recurrent.{number}.weight_hh_{name}": to_torch_order(layer.recurrent_weights, network.cell),
                f"recurrent.{number}.bias_ih_{name}": input_bias,
                f"recurrent.{number}.bias_hh_{name}": recurrent_bias,
            }
    readout = network.parameters.readout
    arrays |= {"readout.weight": readout.weights, "readout.bias": readout.bias}
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()}
