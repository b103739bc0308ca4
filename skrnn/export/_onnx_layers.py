"""Recurrent layers and the readout as ONNX operators."""

from typing import Any

import numpy as np

from skrnn.export._network import FittedNetwork
from skrnn.export._onnx_graph import Graph
from skrnn.export._onnx_sequences import PackedSequences, unpack
from skrnn.network._parameters import LayerParameters

#: The operator of each cell, whose order of gates is ours, and what it is told beside the sizes.
OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("RNN", {}),
    "gru": ("GRU", {"linear_before_reset": 1}),
    "lstm": ("LSTM", {}),
}
#: The names that ONNX has for activations of the simple unit.
_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu"}


def add_network(graph: Graph, network: FittedNetwork, sequences: PackedSequences) -> str:
    """Add layers and readout; return the raw outputs.

    They are (n_samples, n_outputs), or with an output at each timestep (n_samples, n_timesteps, n_outputs).
    """
    states = graph.add("Transpose", sequences.values, perm=[1, 0, 2])  # the operators take time first
    last = ""
    for depth, directions in enumerate(network.layers()):
        states, last = _add_layer(graph, network, depth, directions, states, sequences.lengths)
    seen = (
        unpack(graph, graph.add("Transpose", states, perm=[1, 0, 2]), sequences) if network.return_sequences else last
    )
    # The recurrent operators are float32 in any case; what follows has the dtype of the answers.
    readout = network.parameters.readout
    weights = graph.constant(readout.weights.T.astype(graph.dtype), "readout_weights")
    bias = graph.constant(readout.bias.astype(graph.dtype), "readout_bias")
    return graph.add("Add", graph.add("MatMul", graph.cast(seen, graph.dtype), weights), bias)


def _add_layer(
    graph: Graph, network: FittedNetwork, depth: int, directions: list[LayerParameters], inputs: str, lengths: str
) -> tuple[str, str]:
    """Add a layer; return its states after each timestep, (n_timesteps, n_samples, n_units), and the last ones.

    The last states, (n_samples, n_units), are those after the last timestep of each sequence, and of the direction from
    its end those after the first.
    """
    operator, settings = OPERATORS[network.cell]
    n_directions, hidden_size = len(directions), directions[0].hidden_size
    if network.cell == "rnn":
        settings = {**settings, "activations": [_ACTIVATIONS[network.activation]] * n_directions}
    tensors = {
        "W": [layer.input_weights for layer in directions],
        "R": [layer.recurrent_weights for layer in directions],
        "B": [_both_biases(layer) for layer in directions],
    }
    weights = [
        graph.constant(np.stack(arrays).astype(np.float32), f"layer_{depth}_{name}") for name, arrays in tensors.items()
    ]
    states, last = graph.add(
        operator,
        inputs,
        *weights,
        lengths,
        n_outputs=2,
        hidden_size=hidden_size,
        direction="forward" if n_directions == 1 else "bidirectional",
        **settings,
    )
    joined = graph.reshape(graph.add("Transpose", states, perm=[0, 2, 1, 3]), [0, 0, n_directions * hidden_size])
    return joined, graph.reshape(graph.add("Transpose", last, perm=[1, 0, 2]), [0, n_directions * hidden_size])


def _both_biases(layer: LayerParameters) -> np.ndarray:
    """Return the input biases of all gates, then the recurrent ones, (2 * n_gates * hidden_size,).

    We have a recurrent bias where it cannot be added to the input bias: of the last gate, if the cell splits it.
    """
    recurrent = np.zeros_like(layer.input_bias)
    recurrent[len(recurrent) - len(layer.recurrent_bias) :] = layer.recurrent_bias
    return np.concatenate([layer.input_bias, recurrent])
