"""A fitted network, or a pipeline that ends in one, as an ONNX model."""

import sys
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skrnn.export._network import FittedNetwork, read_network
from skrnn.export._onnx_answers import add_answers
from skrnn.export._onnx_graph import Graph
from skrnn.export._onnx_layers import add_network
from skrnn.export._onnx_sequences import pack
from skrnn.export._onnx_steps import add_step


def to_onnx(estimator: Any, *, lengths: bool = False, dtype: str = "float32") -> Any:
    """Return a fitted network, or a pipeline that ends in one, as an ONNX model.

    The model takes what `predict` takes, and answers what `predict` and `predict_proba` answer, wherever there is a
    runtime for ONNX: without Python, scikit-learn or skrnn.

    Parameters
    ----------
    estimator : RNNRegressor, RNNClassifier or Pipeline
        Fitted. The last step of a pipeline is the network; the steps before are
        :class:`~sklearn.preprocessing.StandardScaler`, :class:`~skrnn.preprocessing.SlidingWindow`, or any transformer
        of scikit-learn that the package skl2onnx knows.
    lengths : bool, default=False
        Whether the model has a second input, `lengths`, beside `X`; for a network alone. Without it, sequences of
        different lengths are padded with NaN, as for `predict`.
    dtype : {"float32", "float64"}, default="float32"
        Of the input `X` and the real outputs. The recurrent layers compute in float32 in any case, for lack of runtimes
        that do otherwise; with "float64" the steps before them and the readout behind them compute in float64.

    Returns
    -------
    model : onnx.ModelProto
        Of opset 17, checked, with all weights inside. Its inputs:

        - `X`, of `dtype`: (n_samples, n_timesteps, n_features), or where the estimator was fitted on a table,
          (n_samples, n_columns), as a pipeline is that begins with another step. A timestep that is NaN in every
          feature is masked, wherever it stands. Numbers of samples and timesteps are free;
        - `lengths`, int64, (n_samples,), if asked for: how many timesteps each sequence has. What stands behind them is
          ignored.

        Its outputs, where `[...]` is there with `return_sequences`:

        - `y`, of `dtype`, for a regressor: (n_samples[, n_timesteps]), and axes of targets and levels as in `predict`;
        - `label`, for a classifier: (n_samples[, n_timesteps]), int64 for whole numbers and truth values, strings, or
          float64; for multilabel targets int64 with an axis more;
        - `probabilities`, of `dtype`, for a classifier: (n_samples[, n_timesteps], n_classes).

    Raises
    ------
    ImportError
        If onnx is not installed, or skl2onnx where a step needs it.
    NotFittedError
        If the estimator has not been fitted.
    TypeError
        If the estimator is of another kind, or has labels that ONNX does not have.
    ValueError
        If a step of the pipeline cannot be carried, `lengths` are asked for before other steps, `dtype` is unknown, or
        parameters describe another network than was fitted.

    See Also
    --------
    to_torch : The network as a module of PyTorch.

    Notes
    -----
    The operators RNN, GRU (``linear_before_reset=1``) and LSTM [1]_ order their gates as `input_weights_` does. Ragged
    batches go through them with `sequence_lens`; the masked timesteps of each sequence are first moved behind the
    others, and outputs of timesteps moved back.

    A model cannot raise. Where `predict` would (a sequence without timesteps, NaN in some features of a timestep,
    infinity), and at masked timesteps, `y` and `probabilities` are NaN, and `label` is -9223372036854775808, what NumPy
    makes of NaN as int64, the empty string, or NaN.

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
            f"lengths is {lengths!r}, but X is a table for the step {steps[0][0]!r}, whose rows have no length; "
            "expected False, or the last step of the pipeline alone."
        )
    network = read_network(last, "to_onnx")
    for _, transformer in steps:
        check_is_fitted(transformer)
    graph = Graph(np.dtype(dtype))
    X = _add_input(graph, steps[0][1] if steps else last, network)
    for name, transformer in steps:
        X = add_step(graph, name, transformer, X)
    if last._columns_are_timesteps:
        X = graph.reshape(X, [0, last.n_features_in_ // network.n_features, network.n_features])
    sequences = pack(graph, X, network.n_features, _add_lengths(graph) if lengths else None)
    add_answers(graph, last, network, sequences, add_network(graph, network, sequences))
    version = sys.modules["skrnn"].__version__  # the package itself is above all its folders
    return graph.model(type(last).__name__, _describe(steps, last, network), version)


def _flat_steps(estimator: Any) -> tuple[list[tuple[str, Any]], Any]:
    """Return the steps before the network, those of inner pipelines by joint names, and the network."""
    if not isinstance(estimator, Pipeline):
        return [], estimator
    flat: list[tuple[str, Any]] = []
    for name, step in estimator.steps:
        inner, last = _flat_steps(step)
        flat.extend((f"{name}_{inner_name}", transformer) for inner_name, transformer in inner)
        if last is not None and not isinstance(last, str):  # "passthrough"
            flat.append((name, last))
    return (flat[:-1], flat[-1][1]) if flat else ([], estimator)


def _add_input(graph: Graph, first: Any, network: FittedNetwork) -> str:
    """Add the input of the first step: sequences, or the table that it was fitted on."""
    if not getattr(first, "_columns_are_timesteps", True):
        doc = "Sequences; a timestep that is NaN in every feature is masked."
        return graph.input("X", graph.dtype, ["n_samples", "n_timesteps", network.n_features], doc)
    names = getattr(first, "feature_names_in_", None)
    doc = "A table." if names is None else f"A table of the columns {', '.join(names)}, in this order."
    return graph.input("X", graph.dtype, ["n_samples", first.n_features_in_], doc)


def _add_lengths(graph: Graph) -> str:
    """Add the lengths of the sequences as an input."""
    doc = "Timesteps of each sequence; what stands behind them is ignored."
    return graph.input("lengths", np.int64, ["n_samples"], doc)


def _describe(steps: list[tuple[str, Any]], estimator: Any, network: FittedNetwork) -> str:
    """Describe the model in a sentence."""
    sizes = ", ".join(map(str, network.layout.hidden_layer_sizes))
    kind = " in both directions" if network.layout.n_directions == 2 else ""
    before = "".join(f"{type(transformer).__name__}, " for _, transformer in steps)
    return f"{before}{type(estimator).__name__}: {network.cell} layers of {sizes} units{kind}, fitted by skrnn."
