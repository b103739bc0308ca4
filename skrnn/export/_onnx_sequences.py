"""Sequences with masked timesteps, as operators that know nothing but lengths take them."""

from dataclasses import dataclass
from typing import final

import numpy as np

from skrnn.export._onnx_graph import Graph


@final
@dataclass(frozen=True)
class PackedSequences:
    """Names of the tensors that hold sequences without their masked timesteps, which are moved to the end.

    Attributes
    ----------
    values : str
        (n_samples, n_timesteps, n_features), float32, the timesteps that are not masked first; finite.
    lengths : str
        (n_samples,), int32, the number of these, at least 1: runtimes differ about 0.
    is_valid : str
        (n_samples, n_timesteps), bool: which timesteps are not masked, where they came.
    is_read : str
        (n_samples,), bool: whether a sequence has a timestep that is not masked, and all of these are finite.
    """

    values: str
    lengths: str
    is_valid: str
    is_read: str


def pack(graph: Graph, X: str, n_features: int, lengths: str | None) -> PackedSequences:
    """Add what moves masked timesteps of X, (n_samples, n_timesteps, n_features), to the end of each sequence.

    Masked is what is NaN in every feature, and with `lengths`, (n_samples,), what stands behind these.
    """
    last_axis = graph.constant(np.array([2]))
    n_missing = graph.add("ReduceSum", graph.cast(graph.add("IsNaN", X), np.int64), last_axis, keepdims=0)
    is_valid = graph.add("Less", n_missing, graph.constant(np.int64(n_features)))
    n_timesteps, times = _times(graph, X)
    if lengths is not None:
        is_valid = graph.add("And", is_valid, graph.add("Less", times, _column(graph, lengths)))

    values = graph.cast(X, np.float32)
    # A number less itself is NaN where the number is NaN or infinite.
    is_odd = graph.add("IsNaN", graph.add("Sub", values, values))
    n_odd = graph.add("ReduceSum", graph.cast(is_odd, np.int64), last_axis, keepdims=0)
    is_finite = graph.add("Equal", n_odd, graph.constant(np.int64(0)))
    n_valid = _count(graph, is_valid)
    n_usable = _count(graph, graph.add("And", is_valid, is_finite))
    is_read = graph.add(
        "And",
        graph.add("Equal", n_valid, n_usable),
        graph.add("Greater", n_valid, graph.constant(np.int64(0))),
    )
    values = graph.add("Where", is_odd, graph.constant(np.float32(0.0)), values)

    # Sorted by time, with the masked timesteps later than all others.
    delays = graph.add("Where", is_valid, graph.constant(np.int64(0)), n_timesteps)
    _, order = graph.add("TopK", graph.add("Add", times, delays), n_timesteps, n_outputs=2, axis=1, largest=0)
    return PackedSequences(
        values=take_timesteps(graph, values, order),
        lengths=graph.cast(graph.add("Max", n_valid, graph.constant(np.int64(1))), np.int32),
        is_valid=is_valid,
        is_read=is_read,
    )


def unpack(graph: Graph, values: str, sequences: PackedSequences) -> str:
    """Add what brings values of packed timesteps, (n_samples, n_timesteps, n), back to where these came from."""
    places = graph.add("CumSum", graph.cast(sequences.is_valid, np.int64), graph.constant(np.int64(1)))
    places = graph.add("Sub", places, graph.constant(np.int64(1)))
    return take_timesteps(graph, values, graph.add("Max", places, graph.constant(np.int64(0))))


def take_timesteps(graph: Graph, values: str, order: str) -> str:
    """Add what takes timesteps of each sequence, in the order of their positions, (n_samples, n_timesteps)."""
    positions = graph.add("Unsqueeze", order, graph.constant(np.array([2])))
    return graph.add("GatherND", values, positions, batch_dims=1)


def _times(graph: Graph, X: str) -> tuple[str, str]:
    """Add the number of timesteps, (1,), and their positions, (n_timesteps,)."""
    n_timesteps = graph.add("Shape", X, start=1, end=2)
    zero, one = graph.constant(np.int64(0)), graph.constant(np.int64(1))
    return n_timesteps, graph.add("Range", zero, graph.add("Squeeze", n_timesteps), one)


def _column(graph: Graph, tensor: str) -> str:
    """Add a tensor, (n,), as a column, (n, 1)."""
    return graph.add("Unsqueeze", tensor, graph.constant(np.array([1])))


def _count(graph: Graph, flags: str) -> str:
    """Add the number of flags that are set in each row, (n_samples,)."""
    return graph.add("ReduceSum", graph.cast(flags, np.int64), graph.constant(np.array([1])), keepdims=0)
