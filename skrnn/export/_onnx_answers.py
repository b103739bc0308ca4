"""From raw outputs to answers: numbers, or labels and probabilities, as ONNX operators."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skrnn.export._network import FittedNetwork
from skrnn.export._onnx_graph import Graph
from skrnn.export._onnx_sequences import PackedSequences

#: What stands for a label where there is none: what NumPy makes of NaN as int64, and the empty string.
NO_NUMBER = np.iinfo(np.int64).min
NO_STRING = ""


def add_answers(graph: Graph, estimator: Any, network: FittedNetwork, sequences: PackedSequences, raw: str) -> None:
    """Add the outputs of the model: `y` of a regressor, `label` and `probabilities` of a classifier."""
    has_answer = sequences.is_read
    axes = ["n_samples"]
    if network.return_sequences:
        column = graph.add("Unsqueeze", has_answer, graph.constant(np.array([1])))
        has_answer = graph.add("And", sequences.is_valid, column)
        axes = ["n_samples", "n_timesteps"]
    add = _add_classes if is_classifier(estimator) else _add_numbers
    add(graph, estimator, raw, has_answer, axes)


def _add_numbers(graph: Graph, estimator: Any, raw: str, has_answer: str, axes: list[str]) -> None:
    """Add the output of a regressor."""
    loss = estimator._make_loss()
    n_levels = loss.n_outputs_per_target
    kept = [0] * len(axes)  # the axes of samples and timesteps stay what they are
    if loss.link == "log":
        raw = graph.add("Exp", raw)
    if n_levels > 1:  # in increasing order: no two quantiles of a target cross
        raw = graph.reshape(raw, [*kept, -1, n_levels])
        raw, _ = graph.add("TopK", raw, graph.constant(np.array([n_levels])), n_outputs=2, axis=-1, largest=0)
    one_column = np.zeros((estimator.n_outputs_, 1))
    shape = estimator._answers_of_raw()["predict"](one_column).shape[1:]
    numbers = _blanked(graph, graph.reshape(raw, [*kept, *shape]), has_answer, len(shape))
    graph.output("y", numbers, graph.dtype, [*axes, *shape], "Predictions, in the units of the targets; else NaN.")


def _add_classes(graph: Graph, estimator: Any, raw: str, has_answer: str, axes: list[str]) -> None:
    """Add the outputs of a classifier."""
    n_classes = len(estimator.classes_)
    if estimator._is_multilabel:
        probabilities = graph.add("Sigmoid", raw)
        labels = graph.cast(graph.add("Greater", raw, graph.constant(graph.dtype.type(0.0))), np.int64)
        missing = graph.constant(np.int64(NO_NUMBER))
        labels = graph.add("Where", _with_axes(graph, has_answer, 1), labels, missing)
        graph.output("label", labels, np.int64, [*axes, n_classes], f"1 for each label over one half; else {NO_NUMBER}.")
    else:
        if n_classes == 2:  # one output, of the second class; 1 - p would round to zero
            raw = graph.add("Concat", graph.add("Neg", raw), raw, axis=-1)
            probabilities = graph.add("Sigmoid", raw)
        else:
            probabilities = graph.add("Softmax", raw, axis=-1)
        _add_labels(graph, estimator.classes_, raw, has_answer, axes)
    probabilities = _blanked(graph, probabilities, has_answer, 1)
    doc = "Probability of each class, in the order of classes_; else NaN."
    graph.output("probabilities", probabilities, graph.dtype, [*axes, n_classes], doc)


def _add_labels(graph: Graph, classes: np.ndarray, raw: str, has_answer: str, axes: list[str]) -> None:
    """Add the most probable class as an output: the label behind all classes stands for none."""
    labels, dtype = label_table(classes)
    positions = graph.add("ArgMax", raw, axis=-1, keepdims=0)
    positions = graph.add("Where", has_answer, positions, graph.constant(np.int64(len(classes))))
    label = graph.add("Gather", graph.constant(labels, "classes"), positions, axis=0)
    graph.output("label", label, dtype, axes, f"The most probable class; else {labels[-1]!r}.")


def label_table(classes: np.ndarray) -> tuple[np.ndarray, type]:
    """Return the labels as ONNX holds them, with that for no answer at the end, and their type.

    Raises
    ------
    TypeError
        If the labels are neither numbers, truth values nor strings.
    """
    labels = classes.tolist()
    if all(isinstance(label, str) for label in labels):
        return np.array([*labels, NO_STRING], dtype=object), object
    if classes.dtype.kind in "biu" and classes.max() <= np.iinfo(np.int64).max:
        return np.array([*classes.astype(np.int64).tolist(), NO_NUMBER], dtype=np.int64), np.int64
    if classes.dtype.kind == "f":
        return np.array([*labels, np.nan], dtype=np.float64), np.float64
    raise TypeError(
        f"classes_ are {labels}, of dtype {classes.dtype}; ONNX has labels that are whole numbers of 64 bits, floats, "
        "truth values or strings."
    )


def _blanked(graph: Graph, values: str, has_answer: str, n_axes: int) -> str:
    """Add NaN where there is no answer; the values have so many axes more than that."""
    missing = graph.constant(graph.dtype.type(np.nan))
    return graph.add("Where", _with_axes(graph, has_answer, n_axes), values, missing)


def _with_axes(graph: Graph, flags: str, n_axes: int) -> str:
    """Add so many axes of length 1 behind the others."""
    return graph.add("Unsqueeze", flags, graph.constant(-np.arange(1, n_axes + 1))) if n_axes else flags
