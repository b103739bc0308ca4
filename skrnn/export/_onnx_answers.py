"""From raw outputs to answers: numbers, or labels and probabilities, as ONNX operators."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from skrnn.export._answers import Answers, read_answers
from skrnn.export._network import FittedNetwork
from skrnn.export._onnx_graph import Graph
from skrnn.export._onnx_sequences import PackedSequences

#: What stands for a label where there is none: what NumPy makes of NaN as int64, and the empty string.
NO_NUMBER = np.iinfo(np.int64).min
NO_STRING = ""


def add_answers(graph: Graph, estimator: Any, network: FittedNetwork, sequences: PackedSequences, raw: str) -> None:
    """Add the outputs of the model: `y` of a regressor, `label` and `probabilities` of a classifier."""
    answers = read_answers(estimator)
    has_answer = sequences.is_read
    axes = ["n_samples"]
    if network.return_sequences:
        has_answer = graph.add("And", sequences.is_valid, _with_axes(graph, has_answer, 1))
        axes = ["n_samples", "n_timesteps"]
    values = _add_values(graph, answers, raw, len(axes))
    missing = graph.constant(graph.dtype.type(np.nan))
    values = graph.add("Where", _with_axes(graph, has_answer, len(answers.shape)), values, missing)
    shape: list[int | str] = [*axes, *answers.shape]
    if not is_classifier(estimator):
        graph.output(
            "y", values, graph.dtype, shape, "Predictions, in the units of the targets; NaN where there is none."
        )
        return
    if answers.kind == "labels":
        _add_flags(graph, raw, has_answer, shape)
    else:
        _add_labels(graph, estimator.classes_, answers, raw, has_answer, axes)
    doc = "Probability of each class, in the order of classes_; NaN where there is none."
    graph.output("probabilities", values, graph.dtype, shape, doc)


def _add_values(graph: Graph, answers: Answers, raw: str, n_axes: int) -> str:
    """Add numbers or probabilities, behind `n_axes` axes of samples and timesteps."""
    shape = [*[0] * n_axes, *answers.shape]
    match answers.kind:
        case "numbers":
            return graph.reshape(raw, shape)
        case "exponentials":
            return graph.reshape(graph.add("Exp", raw), shape)
        case "quantiles":
            n_levels = graph.constant(np.array(answers.shape[-1:]))
            return graph.add("TopK", graph.reshape(raw, shape), n_levels, n_outputs=2, axis=-1, largest=0)[0]
        case "two classes":
            return graph.add("Sigmoid", _both_scores(graph, raw))
        case "classes":
            return graph.add("Softmax", raw, axis=-1)
        case "labels":
            return graph.add("Sigmoid", raw)


def _both_scores(graph: Graph, raw: str) -> str:
    """Add the scores of two classes; those of the first are the negative ones, as 1 - p would round to zero."""
    return graph.add("Concat", graph.add("Neg", raw), raw, axis=-1)


def _add_flags(graph: Graph, raw: str, has_answer: str, shape: list[int | str]) -> None:
    """Add the labels of multilabel targets as an output."""
    flags = graph.cast(graph.add("Greater", raw, graph.constant(graph.dtype.type(0.0))), np.int64)
    flags = graph.add("Where", _with_axes(graph, has_answer, 1), flags, graph.constant(np.int64(NO_NUMBER)))
    graph.output("label", flags, np.int64, shape, f"1 for each label over one half; {NO_NUMBER} where there is none.")


def _add_labels(
    graph: Graph, classes: np.ndarray, answers: Answers, raw: str, has_answer: str, axes: list[str]
) -> None:
    """Add the most probable class as an output: the label behind all classes stands for none."""
    labels, dtype = label_table(classes)
    scores = _both_scores(graph, raw) if answers.kind == "two classes" else raw
    positions = graph.add("ArgMax", scores, axis=-1, keepdims=0)
    positions = graph.add("Where", has_answer, positions, graph.constant(np.int64(len(classes))))
    label = graph.add("Gather", graph.constant(labels, "classes"), positions, axis=0)
    graph.output("label", label, dtype, axes, f"The most probable class; {labels[-1]!r} where there is none.")


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


def _with_axes(graph: Graph, flags: str, n_axes: int) -> str:
    """Add so many axes of length 1 behind the others."""
    return graph.add("Unsqueeze", flags, graph.constant(-np.arange(1, n_axes + 1))) if n_axes else flags
