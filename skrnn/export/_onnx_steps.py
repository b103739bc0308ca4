"""The steps of a pipeline before its network, as ONNX operators."""

from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np

from skrnn.export._onnx_graph import OPSET, Graph
from skrnn.export._optional import needing


def add_step(graph: Graph, name: str, transformer: Any, table: str) -> str:
    """Add a fitted transformer behind a table, (n_samples, n_columns), and return what it gives.

    Raises
    ------
    ValueError
        If neither we nor skl2onnx can carry it.
    """
    add = _NATIVE.get(_qualified_name(transformer), _add_by_skl2onnx)
    return add(graph, name, transformer, table)


def _qualified_name(transformer: Any) -> str:
    """Return the top package and the name of a class; a class derived from a known one may compute anything."""
    return f"{type(transformer).__module__.partition('.')[0]}.{type(transformer).__name__}"


def _add_scaler(graph: Graph, name: str, scaler: Any, table: str) -> str:
    """Add a StandardScaler."""
    if scaler.mean_ is not None and scaler.with_mean:
        table = graph.add("Sub", table, graph.constant(scaler.mean_.astype(graph.dtype), f"{name}_mean"))
    if scaler.scale_ is not None:
        table = graph.add("Div", table, graph.constant(scaler.scale_.astype(graph.dtype), f"{name}_scale"))
    return table


def _add_windows(graph: Graph, name: str, windows: Any, table: str) -> str:
    """Add a SlidingWindow: rows of a padded table, gathered."""
    for parameter, plain in (("group_column", None), ("carry_context", False)):
        value = getattr(windows, parameter, plain)
        if value is not plain:
            raise ValueError(
                f"step {name!r} has {parameter}={value!r}, which to_onnx cannot carry; expected {plain!r}: the rows of "
                "one series, and nothing else."
            )
    n_timesteps, dilation, n_columns = windows.n_timesteps, windows.dilation, windows.n_features_in_
    n_history = (n_timesteps - 1) * dilation
    padded = table
    if n_history:  # onnxruntime expands to no rows as if to one
        padded = graph.add("Concat", _history(graph, name, windows, table, n_history), table, axis=0)

    n_rows = graph.add("Squeeze", graph.add("Shape", table, end=1))
    starts = graph.add("Range", graph.constant(np.int64(0)), n_rows, graph.constant(np.int64(1)))
    starts = graph.add("Unsqueeze", starts, graph.constant(np.array([1])))
    rows = graph.add("Add", starts, graph.constant(dilation * np.arange(n_timesteps)))
    gathered = graph.add("Gather", padded, rows, axis=0)
    return graph.reshape(gathered, [0, n_timesteps * n_columns]) if windows.flatten else gathered


def _history(graph: Graph, name: str, windows: Any, table: str, n_rows: int) -> str:
    """Add the rows that stand before a table."""
    shape = n_rows, windows.n_features_in_
    if windows.padding == "edge":
        first = graph.add("Slice", table, *(graph.constant(np.array([bound])) for bound in (0, 1, 0)))
        return graph.add("Expand", first, graph.constant(np.array(shape)))
    filling = np.nan if windows.padding == "mask" else 0.0
    return graph.constant(np.full(shape, filling, dtype=graph.dtype), f"{name}_history")


def _add_by_skl2onnx(graph: Graph, name: str, transformer: Any, table: str) -> str:
    """Add what skl2onnx makes of a transformer of scikit-learn."""
    with needing("skl2onnx", f"to_onnx, for step {name!r} ({type(transformer).__name__}),"):
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    tensor_type = DoubleTensorType if graph.dtype == np.float64 else FloatTensorType
    types = [("X", tensor_type([None, transformer.n_features_in_]))]
    target = {"": OPSET, "ai.onnx.ml": 3}
    try:
        model = convert_sklearn(_by_position(transformer), initial_types=types, target_opset=target)
        graph.check(model)  # of some transformers it gives a model that mixes float32 and float64
    except Exception as error:  # of several unrelated classes
        raise ValueError(
            f"step {name!r} ({type(transformer).__name__}) cannot be carried: skl2onnx says: {error}. Expected "
            "StandardScaler, SlidingWindow, or a transformer of scikit-learn that skl2onnx knows. Leave the step out "
            "of the model, pipeline[k:], and compute it before."
        ) from error
    return graph.inline(model, table, f"{name}_")


def _by_position(transformer: Any) -> Any:
    """Return a ColumnTransformer that knows its columns by position, as a tensor has no names; others as they are."""
    if _qualified_name(transformer) != "sklearn.ColumnTransformer":
        return transformer
    names = list(getattr(transformer, "feature_names_in_", ()))
    unnamed = copy(transformer)
    unnamed.transformers_ = [
        (name, part, _positions(columns, names, transformer.n_features_in_))
        for name, part, columns in transformer.transformers_
    ]
    return unnamed


def _positions(columns: Any, names: list[str], n_columns: int) -> Any:
    """Return positions of columns given by names, positions (those from the end are negative) or a mask."""
    if isinstance(columns, slice | str):
        return names.index(columns) if isinstance(columns, str) else columns
    places = [names.index(column) if isinstance(column, str) else column for column in columns]
    return np.arange(n_columns)[np.array(places)].tolist() if places else []


_NATIVE: dict[str, Callable[[Graph, str, Any, str], str]] = {
    "sklearn.StandardScaler": _add_scaler,
    "skrnn.SlidingWindow": _add_windows,
}
