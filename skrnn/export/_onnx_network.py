"""A network as ONNX operators: masking, layers, readout and predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skrnn.export._fitted_network import NetworkDescription, needing, recurrent_biases
from skrnn.network._parameters import LayerParameters, NetworkParameters

#: Supported by onnx and onnxruntime since 1.12, with the intermediate representation of that time. Newer versions would
# add no operator that is needed here, and exclude older runtimes.
OPSET = 17
IR_VERSION = 8


@final
class Graph:
    """A graph of ONNX operators, with real-valued inputs and outputs of `dtype`; tensors are identified by name."""

    def __init__(self, dtype: np.dtype) -> None:
        with needing("onnx", "to_onnx"):
            import onnx
        self._onnx = onnx
        self.dtype = dtype
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._opsets = {"": OPSET}

    def input(self, name: str, dtype: Any, shape: Sequence[int | str], doc: str) -> str:
        """Add an input and return its name; an axis whose length is not fixed has a name."""
        self._inputs.append(self._value_info(name, dtype, shape, doc))
        return name

    def output(self, name: str, tensor: str, dtype: Any, shape: Sequence[int | str], doc: str) -> None:
        """Make a tensor an output."""
        self.add("Identity", tensor, output=name)
        self._outputs.append(self._value_info(name, dtype, shape, doc))

    def constant(self, array: Any, name: str = "") -> str:
        """Add a constant and return its name."""
        name = name or f"constant_{len(self._initializers)}"
        self._initializers.append(self._onnx.numpy_helper.from_array(np.asarray(array), name))
        return name

    def integers(self, numbers: int | Sequence[int]) -> str:
        """Add a constant of int64, a scalar or an array, and return its name."""
        return self.constant(np.array(numbers, dtype=np.int64))

    def add(self, operator: str, *inputs: str, output: str = "", n_outputs: int = 1, **attributes: Any) -> Any:
        """Add an operator and return the name of its output, or the names of its outputs if there are several."""
        first = output or f"{operator}_{len(self._nodes)}"
        outputs = [first, *(f"{first}_{number}" for number in range(1, n_outputs))]
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, outputs, name=first, **attributes))
        return first if n_outputs == 1 else outputs

    def cast(self, tensor: str, dtype: Any) -> str:
        """Convert a tensor to another dtype."""
        return self.add("Cast", tensor, to=self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, tensor: str, shape: Sequence[int]) -> str:
        """Reshape a tensor; 0 keeps the length of an axis."""
        return self.add("Reshape", tensor, self.integers(shape))

    def unsqueeze(self, tensor: str, *axes: int) -> str:
        """Add axes of length 1 to a tensor."""
        return self.add("Unsqueeze", tensor, self.integers(axes)) if axes else tensor

    def count(self, flags: str, axis: int) -> str:
        """Count the true values along an axis, which is removed."""
        return self.add("ReduceSum", self.cast(flags, np.int64), self.integers([axis]), keepdims=0)

    def range(self, end: str) -> str:
        """Add the integers from 0 to `end`, (1,), exclusive."""
        return self.add("Range", self.integers(0), self.add("Squeeze", end), self.integers(1))

    def inline(self, model: Any, tensor: str, prefix: str) -> str:
        """Apply a model with one input and one output to a tensor; return its output, in the graph's dtype."""
        graph = self._onnx.compose.add_prefix(model, prefix).graph
        self.add("Identity", tensor, output=graph.input[0].name)
        self._nodes.extend(graph.node)
        self._initializers.extend(graph.initializer)
        self._opsets |= {opset.domain: opset.version for opset in model.opset_import if opset.domain}
        return self.cast(graph.output[0].name, self.dtype)

    def model(self, name: str, doc: str, version: str) -> Any:
        """Return the graph as a checked ModelProto."""
        helper = self._onnx.helper
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._initializers)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid(domain, version) for domain, version in self._opsets.items()],
            ir_version=IR_VERSION,
            producer_name="skrnn",
            producer_version=version,
            doc_string=doc,
        )
        self.check(model)
        return model

    def check(self, model: Any) -> None:
        """Raise unless a model is valid, including types and shapes."""
        self._onnx.checker.check_model(model, full_check=True)

    def _value_info(self, name: str, dtype: Any, shape: Sequence[int | str], doc: str) -> Any:
        element = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self._onnx.helper.make_tensor_value_info(name, element, shape, doc)


#: The operator of each cell, with gates in our order, and its attributes other than sizes.
OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("RNN", {}),
    "gru": ("GRU", {"linear_before_reset": 1}),
    "lstm": ("LSTM", {}),
}
#: The ONNX names of activations of the simple unit.
_ACTIVATIONS = {"tanh": "Tanh", "relu": "Relu"}
#: Labels without a prediction: NaN converted to int64 by NumPy, and the empty string.
_NO_NUMBER = np.iinfo(np.int64).min
_NO_STRING = ""


@final
@dataclass(frozen=True)
class _PackedSequences:
    """Names of the tensors of sequences whose masked timesteps have been moved to the end."""

    values: str  # (n_samples, n_timesteps, n_features), float32 and finite, timesteps that are not masked first
    lengths: str  # (n_samples,), int32, number of timesteps not masked, at least 1 because runtimes differ for 0
    is_valid: str  # (n_samples, n_timesteps), bool, timesteps of X that are not masked
    is_read: str  # (n_samples,), bool, sequences with timesteps that are not masked, all of them finite


def add_network(
    graph: Graph,
    network: NetworkDescription,
    parameters: NetworkParameters,
    classes: np.ndarray | None,
    X: str,
    lengths: str | None,
) -> None:
    """Add the network of a regressor, or with `classes` of a classifier, from sequences X to the outputs of the model.

    X is (n_samples, n_timesteps, n_features), and `lengths` (n_samples,).
    """
    sequences = _pack(graph, X, network.n_features, lengths)
    states, last = _add_layers(graph, network, parameters.layers, sequences)
    if network.return_sequences:
        seen = _unpack(graph, states, sequences)
    else:
        seen = last if network.pooling == "last" else _pool(graph, network.pooling, states, sequences)
    raw = _add_readout(graph, parameters, seen)
    _add_outputs(graph, network, classes, sequences, raw)


# Masked timesteps: the ONNX operators only support lengths


def _pack(graph: Graph, X: str, n_features: int, lengths: str | None) -> _PackedSequences:
    """Move masked timesteps of X, (n_samples, n_timesteps, n_features), to the end of each sequence.

    A timestep is masked if it is NaN in every feature, or after the `lengths`, (n_samples,).
    """
    n_missing = graph.count(graph.add("IsNaN", X), axis=2)
    is_valid = graph.add("Less", n_missing, graph.integers(n_features))
    n_timesteps = graph.add("Shape", X, start=1, end=2)
    times = graph.range(n_timesteps)
    if lengths is not None:
        is_valid = graph.add("And", is_valid, graph.add("Less", times, graph.unsqueeze(lengths, 1)))

    values = graph.cast(X, np.float32)
    # A number minus itself is NaN if the number is NaN or infinite.
    is_not_finite = graph.add("IsNaN", graph.add("Sub", values, values))
    is_finite = graph.add("Equal", graph.count(is_not_finite, axis=2), graph.integers(0))
    n_valid = graph.count(is_valid, axis=1)
    n_usable = graph.count(graph.add("And", is_valid, is_finite), axis=1)
    is_read = graph.add("And", graph.add("Equal", n_valid, n_usable), graph.add("Greater", n_valid, graph.integers(0)))
    values = graph.add("Where", is_not_finite, graph.constant(np.float32(0.0)), values)

    # Sorted by time, with the masked timesteps later than all others.
    delays = graph.add("Where", is_valid, graph.integers(0), n_timesteps)
    _, order = graph.add("TopK", graph.add("Add", times, delays), n_timesteps, n_outputs=2, axis=1, largest=0)
    return _PackedSequences(
        values=_take_timesteps(graph, values, order),
        lengths=graph.cast(graph.add("Max", n_valid, graph.integers(1)), np.int32),
        is_valid=is_valid,
        is_read=is_read,
    )


def _unpack(graph: Graph, values: str, sequences: _PackedSequences) -> str:
    """Move values of packed timesteps, (n_samples, n_timesteps, n), back to the timesteps of X."""
    counts = graph.add("CumSum", graph.cast(sequences.is_valid, np.int64), graph.integers(1))
    places = graph.add("Sub", counts, graph.integers(1))
    return _take_timesteps(graph, values, graph.add("Max", places, graph.integers(0)))


def _take_timesteps(graph: Graph, values: str, order: str) -> str:
    """Reorder the timesteps of each sequence by their positions, (n_samples, n_timesteps)."""
    return graph.add("GatherND", values, graph.unsqueeze(order, 2), batch_dims=1)


# Layers and readout


def _add_layers(
    graph: Graph, network: NetworkDescription, layers: list[LayerParameters], sequences: _PackedSequences
) -> tuple[str, str]:
    """Add all layers; return states after each timestep, (n_samples, n_timesteps, n_units), and the last ones."""
    states, last = graph.add("Transpose", sequences.values, perm=[1, 0, 2]), ""  # the operators expect time first
    for first in range(0, len(layers), network.n_directions):
        directions = layers[first : first + network.n_directions]
        name = f"layer_{first // network.n_directions}"
        states, last = _add_layer(graph, network, name, directions, states, sequences.lengths)
    return graph.add("Transpose", states, perm=[1, 0, 2]), last


def _add_layer(
    graph: Graph, network: NetworkDescription, name: str, directions: list[LayerParameters], inputs: str, lengths: str
) -> tuple[str, str]:
    """Add a layer; return its states after each timestep, (n_timesteps, n_samples, n_units), and the last ones.

    The last states, (n_samples, n_units), are those after the last timestep of each sequence, or after the first one
    for the backward direction.
    """
    operator, attributes = OPERATORS[network.cell]
    n_directions, hidden_size = len(directions), directions[0].hidden_size
    if network.cell == "rnn":
        attributes = {**attributes, "activations": [_ACTIVATIONS[network.activation]] * n_directions}
    tensors = {
        "W": [layer.input_weights for layer in directions],
        "R": [layer.recurrent_weights for layer in directions],
        "B": [np.concatenate([layer.input_bias, recurrent_biases(layer)]) for layer in directions],
    }
    states, last = graph.add(
        operator,
        inputs,
        *(graph.constant(np.stack(arrays).astype(np.float32), f"{name}_{key}") for key, arrays in tensors.items()),
        lengths,
        n_outputs=2,
        hidden_size=hidden_size,
        direction="forward" if n_directions == 1 else "bidirectional",
        **attributes,
    )
    joined = graph.reshape(graph.add("Transpose", states, perm=[0, 2, 1, 3]), [0, 0, n_directions * hidden_size])
    return joined, graph.reshape(graph.add("Transpose", last, perm=[1, 0, 2]), [0, n_directions * hidden_size])


def _pool(graph: Graph, pooling: str, states: str, sequences: _PackedSequences) -> str:
    """Add the mean or maximum of states of packed timesteps, (n_samples, n_timesteps, n_units), over time."""
    states, lengths = graph.cast(states, graph.dtype), graph.unsqueeze(sequences.lengths, 1)
    times = graph.cast(graph.range(graph.add("Shape", states, start=1, end=2)), np.int32)
    is_there = graph.unsqueeze(graph.add("Less", times, lengths), 2)
    elsewhere = graph.constant(graph.dtype.type({"mean": 0.0, "max": -np.inf}[pooling]))
    states = graph.add("Where", is_there, states, elsewhere)
    if pooling == "max":
        return graph.add("ReduceMax", states, axes=[1], keepdims=0)
    total = graph.add("ReduceSum", states, graph.integers([1]), keepdims=0)
    return graph.add("Div", total, graph.cast(lengths, graph.dtype))


def _add_readout(graph: Graph, parameters: NetworkParameters, states: str) -> str:
    """Add the readout of states, (..., n_units); return raw outputs, (..., n_outputs), in the dtype of the graph.

    The recurrent operators always use float32.
    """
    weights = graph.constant(parameters.readout.weights.T.astype(graph.dtype), "readout_weights")
    bias = graph.constant(parameters.readout.bias.astype(graph.dtype), "readout_bias")
    return graph.add("Add", graph.add("MatMul", graph.cast(states, graph.dtype), weights), bias)


# Predictions


def _add_outputs(
    graph: Graph, network: NetworkDescription, classes: np.ndarray | None, sequences: _PackedSequences, raw: str
) -> None:
    """Add the outputs of the model: `y` of a regressor, `label` and `probabilities` of a classifier."""
    is_predicted = sequences.is_read
    axes: list[int | str] = ["n_samples"]
    if network.return_sequences:
        is_predicted = graph.add("And", sequences.is_valid, graph.unsqueeze(is_predicted, 1))
        axes = ["n_samples", "n_timesteps"]
    missing = graph.constant(graph.dtype.type(np.nan))
    is_there = graph.unsqueeze(is_predicted, *range(-len(network.shape), 0))
    values = graph.add("Where", is_there, _add_values(graph, network, raw, len(axes)), missing)
    shape = [*axes, *network.shape]
    if classes is None:
        doc = "Predictions, in the units of the targets; NaN without a prediction."
        graph.output("y", values, graph.dtype, shape, doc)
        return
    if network.kind == "labels":
        _add_flags(graph, raw, is_there, shape)
    else:
        _add_labels(graph, classes, raw, is_predicted, axes)
    doc = "Probability of each class, in the order of classes_; NaN without a prediction."
    graph.output("probabilities", values, graph.dtype, shape, doc)


def _add_values(graph: Graph, network: NetworkDescription, raw: str, n_axes: int) -> str:
    """Add numbers or probabilities, after `n_axes` axes of samples and timesteps."""
    shape = [*[0] * n_axes, *network.shape]
    match network.kind:
        case "numbers":
            return graph.reshape(raw, shape)
        case "exponentials":
            return graph.reshape(graph.add("Exp", raw), shape)
        case "quantiles":
            n_levels = graph.constant(np.array(shape[-1:]))
            return graph.add("TopK", graph.reshape(raw, shape), n_levels, n_outputs=2, axis=-1, largest=0)[0]
        case "two classes":
            return graph.add("Sigmoid", _both_scores(graph, raw))
        case "classes":
            return graph.add("Softmax", raw, axis=-1)
        case "labels":
            return graph.add("Sigmoid", raw)


def _both_scores(graph: Graph, raw: str) -> str:
    """Add the scores of two classes; the first is the negative of the second, because 1 - p could round to zero."""
    return graph.add("Concat", graph.add("Neg", raw), raw, axis=-1)


def _add_flags(graph: Graph, raw: str, is_there: str, shape: list[int | str]) -> None:
    """Add the labels of multilabel targets as an output."""
    flags = graph.cast(graph.add("Greater", raw, graph.constant(graph.dtype.type(0.0))), np.int64)
    flags = graph.add("Where", is_there, flags, graph.integers(_NO_NUMBER))
    doc = f"1 for each label with probability above 0.5; {_NO_NUMBER} without a prediction."
    graph.output("label", flags, np.int64, shape, doc)


def _add_labels(graph: Graph, classes: np.ndarray, raw: str, is_predicted: str, axes: list[int | str]) -> None:
    """Add the most probable class as an output; the label after the last class represents no prediction."""
    labels, dtype = _label_table(classes)
    scores = _both_scores(graph, raw) if len(classes) == 2 else raw
    positions = graph.add("ArgMax", scores, axis=-1, keepdims=0)
    positions = graph.add("Where", is_predicted, positions, graph.integers(len(classes)))
    label = graph.add("Gather", graph.constant(labels, "classes"), positions, axis=0)
    graph.output("label", label, dtype, axes, f"The most probable class; {labels[-1]!r} without a prediction.")


def _label_table(classes: np.ndarray) -> tuple[np.ndarray, type]:
    """Return the labels for ONNX, with the one for no prediction at the end, and their type."""
    labels = classes.tolist()
    if all(isinstance(label, str) for label in labels):
        return np.array([*labels, _NO_STRING], dtype=object), object
    if classes.dtype.kind in "biu" and classes.max() <= np.iinfo(np.int64).max:
        return np.array([*classes.astype(np.int64).tolist(), _NO_NUMBER], dtype=np.int64), np.int64
    if classes.dtype.kind == "f":
        return np.array([*labels, np.nan], dtype=np.float64), np.float64
    raise TypeError(
        f"classes_ are {labels}, of dtype {classes.dtype}; ONNX supports labels that are 64-bit integers, floats, "
        "booleans or strings."
    )
