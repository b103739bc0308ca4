"""A fitted network, or a pipeline that ends in one, as an ONNX model."""

import sys
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators._feature_scaling import FeatureScaling
from skrnn.export._fitted_network import NetworkDescription, needing, read_network
from skrnn.export._onnx_network import OPSET, Graph, add_network
from skrnn.network._parameters import LayerParameters


def to_onnx(estimator: Any, *, lengths: bool = False, dtype: str = "float32") -> Any:
    """Convert a fitted network, or a pipeline that ends in one, to an ONNX model.

    The model has the input of `predict` and the outputs of `predict` and `predict_proba`. It runs in any ONNX runtime,
    without Python, scikit-learn or skrnn.

    Parameters
    ----------
    estimator : RNNRegressor, RNNClassifier or Pipeline
        The fitted estimator. The last step of a pipeline must be the network; the steps before can be
        :class:`~sklearn.preprocessing.StandardScaler`, :class:`~skrnn.preprocessing.SlidingWindow`,
        :class:`~skrnn.preprocessing.SequenceTransformer`, :class:`~skrnn.preprocessing.PatchSequences`, or any
        scikit-learn transformer supported by skl2onnx.
    lengths : bool, default=False
        Whether the model has a second input, `lengths`; only for a network without other steps. Otherwise, sequences of
        different lengths are padded with NaN, as for `predict`.
    dtype : {"float32", "float64"}, default="float32"
        The dtype of the input `X` and the real-valued outputs. Recurrent layers are always computed in float32, because
        no runtime supports them in float64; with "float64", the steps before and the readout are computed in float64.

    Returns
    -------
    model : onnx.ModelProto
        A checked model of opset 17 that contains all weights. Its inputs:

        - `X`, of `dtype`: (n_samples, n_timesteps, n_features), or (n_samples, n_columns) if the network or the first
          step was fitted on a table. A timestep that is NaN in every feature is masked, at any position. Numbers of
          samples and timesteps are not fixed;
        - `lengths`, int64, (n_samples,), optional: the number of timesteps of each sequence. Later timesteps are
          ignored.

        Its outputs, with the axis in brackets if the network has `return_sequences`:

        - `y`, of `dtype`, for a regressor: (n_samples[, n_timesteps]), and axes of targets and levels as in `predict`;
        - `label`, for a classifier: (n_samples[, n_timesteps]), int64 for integers and booleans, strings, or float64;
          for multilabel targets int64, with one more axis;
        - `probabilities`, of `dtype`, for a classifier: (n_samples[, n_timesteps], n_classes).

    Raises
    ------
    ImportError
        If onnx is not installed, or skl2onnx if a step requires it.
    NotFittedError
        If the estimator has not been fitted.
    TypeError
        If the estimator is not one of these, or has labels that ONNX does not support.
    ValueError
        If a step of the pipeline cannot be exported, `lengths` is True with steps before the network, `dtype` is
        invalid, or parameters do not match the fitted network.

    See Also
    --------
    to_torch : Convert the network to a PyTorch module.

    Notes
    -----
    The operators RNN, GRU (``linear_before_reset=1``) and LSTM [1]_ have the same order of gates as `input_weights_`.
    Sequences of different lengths are passed with `sequence_lens`; masked timesteps are first moved to the end of each
    sequence, and outputs per timestep are moved back.

    A model cannot raise an error. If `predict` would raise (a sequence without timesteps, NaN in some features of a
    timestep, infinity), and at masked timesteps, `y` and `probabilities` are NaN, and `label` is -9223372036854775808
    (NaN converted to int64 by NumPy), the empty string, or NaN.

    References
    ----------
    .. [1] ONNX operators, https://onnx.ai/onnx/operators/

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from skrnn import RNNRegressor
    >>> from skrnn.export import to_onnx
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 6, 2)).astype(np.float32)
    >>> y = X[:, -1, 0] * X[:, 0, 1]
    >>> model = RNNRegressor((4,), cell="gru", solver="lbfgs", tol=0.01, random_state=0).fit(X, y)
    >>> session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString())
    >>> (predictions,) = session.run(["y"], {"X": X})
    >>> np.allclose(predictions, model.predict(X), atol=1e-5)
    True

    Two sequences, of 6 and of 3 timesteps:

    >>> session = onnxruntime.InferenceSession(to_onnx(model, lengths=True).SerializeToString())
    >>> (predictions,) = session.run(["y"], {"X": X[:2], "lengths": np.array([6, 3])})
    >>> np.allclose(predictions, model.predict([X[0], X[1, :3]]), atol=1e-5)
    True
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype is {dtype!r}; expected 'float32' or 'float64'.")
    steps, last = _flat_steps(estimator)
    if lengths and steps:
        raise ValueError(
            f"lengths is {lengths!r}, but X is a table for the step {steps[0][0]!r}, whose rows have no lengths; "
            "expected False, or only the last step of the pipeline."
        )
    network, parameters, scaling = read_network(last, "to_onnx", scales=True)
    for _, transformer in steps:
        check_is_fitted(transformer)
    graph = Graph(np.dtype(dtype))
    X = _add_input(graph, steps[0][1] if steps else last, network)
    for name, transformer in steps:
        X = _add_step(graph, name, transformer, X)
    if last._columns_are_timesteps:
        X = graph.reshape(X, [0, last.n_features_in_ // network.n_features, network.n_features])
    if not scaling.is_none:
        X = _add_scaling(graph, scaling, parameters.layers[: network.n_directions], X)
    classes = getattr(last, "classes_", None)
    add_network(graph, network, parameters, classes, X, _add_lengths(graph) if lengths else None)
    version = sys.modules["skrnn"].__version__  # the package itself must not be imported from below
    return graph.model(type(last).__name__, _describe(steps, last, network), version)


def _flat_steps(estimator: Any) -> tuple[list[tuple[str, Any]], Any]:
    """Return the steps before the network, including those of inner pipelines, with joint names, and the network."""
    if not isinstance(estimator, Pipeline):
        return [], estimator
    flat: list[tuple[str, Any]] = []
    for name, step in estimator.steps:
        inner, last = _flat_steps(step)
        flat.extend((f"{name}_{inner_name}", transformer) for inner_name, transformer in inner)
        if last is not None and not isinstance(last, str):  # "passthrough"
            flat.append((name, last))
    return (flat[:-1], flat[-1][1]) if flat else ([], estimator)


def _add_input(graph: Graph, first: Any, network: NetworkDescription) -> str:
    """Add the input of the first step: sequences, or a table as in `fit`."""
    if not getattr(first, "_columns_are_timesteps", True):
        doc = "Sequences; a timestep that is NaN in every feature is masked."
        n_features = getattr(first, "n_features_in_", network.n_features)
        return graph.input("X", graph.dtype, ["n_samples", "n_timesteps", n_features], doc)
    names = getattr(first, "feature_names_in_", None)
    doc = "A table." if names is None else f"A table with the columns {', '.join(names)}, in this order."
    return graph.input("X", graph.dtype, ["n_samples", first.n_features_in_], doc)


def _add_lengths(graph: Graph) -> str:
    """Add the lengths of the sequences as an input."""
    doc = "Number of timesteps of each sequence; later timesteps are ignored."
    return graph.input("lengths", np.int64, ["n_samples"], doc)


def _add_scaling(graph: Graph, scaling: FeatureScaling, lowest: list[LayerParameters], X: str) -> str:
    """Add the scaling of features before the network; float32 is not precise enough for weights in the units of X.

    The biases of the first layer compensate for rounding of the location to the dtype of the graph.
    """
    location = scaling.location.astype(graph.dtype)
    for layer in lowest:
        layer.input_bias[...] += layer.input_weights @ ((location - scaling.location) / scaling.scale)
    X = graph.add("Sub", X, graph.constant(location, "feature_location"))
    return graph.add("Div", X, graph.constant(scaling.scale.astype(graph.dtype), "feature_scale"))


def _describe(steps: list[tuple[str, Any]], estimator: Any, network: NetworkDescription) -> str:
    """Return a description of the model."""
    sizes = ", ".join(map(str, network.hidden_layer_sizes))
    kind = " in both directions" if network.n_directions == 2 else ""
    before = "".join(f"{type(transformer).__name__}, " for _, transformer in steps)
    return f"{before}{type(estimator).__name__}: {network.cell} layers of {sizes} units{kind}, fitted by skrnn."


# Steps of a pipeline before the network


def _add_step(graph: Graph, name: str, transformer: Any, table: str) -> str:
    """Add a fitted transformer and return its output, or raise ValueError if skl2onnx cannot export it either."""
    add = _NATIVE.get(_qualified_name(transformer), _add_by_skl2onnx)
    return add(graph, name, transformer, table)


def _qualified_name(transformer: Any) -> str:
    """Return the package and the name of a class; a subclass of a known one may compute something else."""
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
                f"step {name!r} has {parameter}={value!r}, which to_onnx does not support; expected {plain!r}, with "
                "the rows of a single series."
            )
    n_timesteps, dilation, n_columns = windows.n_timesteps, windows.dilation, windows.n_features_in_
    padded = table
    if windows.n_history_rows:  # onnxruntime expands to one row instead of none
        padded = graph.add("Concat", _history(graph, name, windows, table), table, axis=0)

    starts = graph.unsqueeze(graph.range(graph.add("Shape", table, end=1)), 1)
    rows = graph.add("Add", starts, graph.constant(dilation * np.arange(n_timesteps)))
    gathered = graph.add("Gather", padded, rows, axis=0)
    return graph.reshape(gathered, [0, n_timesteps * n_columns]) if windows.flatten else gathered


def _add_timesteps(graph: Graph, name: str, sequences: Any, X: str) -> str:
    """Add a SequenceTransformer: its transformer on a table of all timesteps, and NaN at masked timesteps."""
    n_features = 1 if sequences._columns_are_timesteps else sequences.n_features_in_
    if sequences._columns_are_timesteps:
        X = graph.unsqueeze(X, -1)
    table = graph.reshape(X, [-1, n_features])
    is_valid = graph.add("Not", graph.add("IsNaN", table))
    is_masked = graph.unsqueeze(graph.add("Equal", graph.count(is_valid, 1), graph.integers(0)), -1)
    table = _add_step(graph, f"{name}_transformer", sequences.transformer_, table)
    table = graph.add("Where", is_masked, graph.constant(np.array(np.nan, graph.dtype)), table)
    shape = graph.add("Concat", graph.add("Shape", X, end=2), graph.integers([-1]), axis=0)
    return graph.add("Reshape", table, shape)


def _add_patches(graph: Graph, name: str, patches: Any, X: str) -> str:
    """Add a PatchSequences: masked timesteps are moved to the beginning, and patches gathered from the end."""
    size, stride = patches.size, patches.stride or patches.size
    if patches._columns_are_timesteps:
        X = graph.unsqueeze(X, -1)
    n_features = 1 if patches._columns_are_timesteps else patches.n_features_in_
    n_timesteps = graph.add("Shape", X, start=1, end=2)
    n_missing = graph.count(graph.add("IsNaN", X), 2)
    is_valid = graph.add("Less", n_missing, graph.integers(n_features))
    delays = graph.add("Where", is_valid, n_timesteps, graph.integers(0))
    times = graph.add("Add", graph.range(n_timesteps), delays)
    _, order = graph.add("TopK", times, n_timesteps, n_outputs=2, axis=1, largest=0)

    n_valid = graph.unsqueeze(graph.count(is_valid, 1), 1)
    n_patches = _count_patches(graph, n_timesteps, size, stride)
    numbers = graph.range(n_patches)
    n_later = graph.add("Sub", graph.add("Sub", n_patches, graph.integers(1)), numbers)
    ends = graph.add("Sub", n_timesteps, graph.add("Mul", n_later, graph.integers(stride)))
    places = graph.add("Add", graph.unsqueeze(ends, 1), graph.constant(np.arange(-size, 0)))
    first = graph.add("Sub", n_timesteps, graph.add("Max", n_valid, graph.integers(1)))
    places = graph.add("Max", places, graph.unsqueeze(first, 2))  # the first timestep is repeated
    for values in (order, X):
        places = graph.add("GatherND", values, graph.unsqueeze(places, 3), batch_dims=1)

    is_there = graph.add("Less", n_later, _count_patches(graph, n_valid, size, stride))
    is_there = graph.unsqueeze(graph.add("And", is_there, graph.add("Greater", n_valid, graph.integers(0))), 2)
    missing = graph.constant(np.array(np.nan, graph.dtype))
    return graph.add("Where", is_there, graph.reshape(places, [0, 0, size * n_features]), missing)


def _count_patches(graph: Graph, n_timesteps: str, size: int, stride: int) -> str:
    """Return the number of patches for a number of timesteps, at least one."""
    n_more = graph.add("Max", graph.add("Sub", n_timesteps, graph.integers(size)), graph.integers(0))
    n_more = graph.add("Div", graph.add("Add", n_more, graph.integers(stride - 1)), graph.integers(stride))
    return graph.add("Add", n_more, graph.integers(1))


def _history(graph: Graph, name: str, windows: Any, table: str) -> str:
    """Add the rows before a table."""
    shape = windows.n_history_rows, windows.n_features_in_
    if windows.padding == "edge":
        first = graph.add("Slice", table, *(graph.integers([bound]) for bound in (0, 1, 0)))
        return graph.add("Expand", first, graph.integers(shape))
    filling = np.nan if windows.padding == "mask" else 0.0
    return graph.constant(np.full(shape, filling, dtype=graph.dtype), f"{name}_history")


def _add_by_skl2onnx(graph: Graph, name: str, transformer: Any, table: str) -> str:
    """Add a scikit-learn transformer converted by skl2onnx."""
    with needing("skl2onnx", f"to_onnx, for step {name!r} ({type(transformer).__name__}),"):
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    tensor_type = DoubleTensorType if graph.dtype == np.float64 else FloatTensorType
    types = [("X", tensor_type([None, transformer.n_features_in_]))]
    target = {"": OPSET, "ai.onnx.ml": 3}
    try:
        model = convert_sklearn(_by_position(transformer), initial_types=types, target_opset=target)
        graph.check(model)  # some converted transformers mix float32 and float64
    except Exception as error:  # several unrelated classes
        raise ValueError(
            f"step {name!r} ({type(transformer).__name__}) cannot be exported: skl2onnx reports: {error}. Expected "
            "StandardScaler, SlidingWindow, or a scikit-learn transformer supported by skl2onnx. Export the pipeline "
            "without the step, pipeline[k:], and apply the step before."
        ) from error
    return graph.inline(model, table, f"{name}_")


def _by_position(transformer: Any) -> Any:
    """Return a ColumnTransformer with columns by position, because a tensor has no names; others unchanged."""
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
    "skrnn.SequenceTransformer": _add_timesteps,
    "skrnn.PatchSequences": _add_patches,
}
