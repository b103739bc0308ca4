"""A fitted estimator from the weights of a recurrent module of PyTorch."""

from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._classifier import RNNClassifier
from skrnn.estimators._fitted import set_fitted_parameters
from skrnn.estimators._regressor import RNNRegressor
from skrnn.export._torch_parameters import RecurrentState, read_readout, read_recurrent, split_readout


def from_torch(
    recurrent: Any,
    readout: Any = None,
    *,
    estimator: Any = None,
    classes: Any = None,
    multilabel: bool = False,
) -> Any:
    """Return a fitted estimator that has the weights of a recurrent module of PyTorch.

    It predicts, pickles and is cloned as any other. `partial_fit`, and `fit` with ``warm_start=True``, go on from these
    weights.

    Parameters
    ----------
    recurrent : torch.nn.RNN, GRU or LSTM, list of these, or mapping
        The recurrent layers, of any depth and in one direction or both; in a list, one above the other. A mapping is
        the `state_dict` of such a module, of tensors or of arrays: PyTorch is then not needed.
    readout : torch.nn.Linear or mapping, default=None
        The linear layer on top of the last hidden states, or its `state_dict`. None where `recurrent` is what
        :func:`to_torch` has returned, or its `state_dict`; a regressor from any other module then predicts the last
        hidden states themselves (with `return_sequences`, all of them).
    estimator : RNNRegressor or RNNClassifier, default=None
        Template for all that weights do not tell, such as `loss`, `return_sequences` and `solver`; it is not changed.
        If None, a classifier where `classes` or `multilabel` are given, else a regressor, with default parameters.
        `cell`, `hidden_layer_sizes`, `bidirectional` and `activation` are those of the module, whatever the template
        has; only a mapping of a simple unit does not tell its `activation`, which is then the template's.
    classes : array-like of shape (n_classes,), default=None
        Labels of a classifier, in the order of the readout's outputs. For two classes the readout has one output, the
        logit of the second, or two.
    multilabel : bool, default=False
        Whether the outputs are logits of independent yes-or-no labels.

    Returns
    -------
    estimator : RNNRegressor or RNNClassifier
        Fitted, in the dtype of the weights, unless the template has a `dtype`.

    Raises
    ------
    TypeError
        If `recurrent`, `readout` or `estimator` is of another kind, or weights are neither float32 nor float64.
    ValueError
        If there are other parameters than those of RNN, GRU or LSTM (as with `proj_size`), shapes do not fit together,
        or the number of outputs does not suit the `classes` or the loss.

    See Also
    --------
    to_torch : The other way.

    Notes
    -----
    PyTorch has two biases for each gate, of which only the sum matters, except at the candidate of the GRU. Biases are
    added up, gates are reordered, and all else is copied: predictions agree to rounding.

    The `dropout` of a module is not copied, as PyTorch draws one mask for each timestep; set the template's, which
    draws one for each sequence. `batch_first` does not concern weights.

    As nothing is known of the targets, they count as standardised already (location 0, scale 1). `loss_curve_` is empty
    and `loss_` NaN until something has been fitted.

    Examples
    --------
    A simple unit that adds up, from arrays:

    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> from skrnn.export import from_torch
    >>> recurrent = {"weight_ih_l0": np.array([[1.0]]), "weight_hh_l0": np.array([[1.0]])}
    >>> readout = {"weight": np.array([[2.0]]), "bias": np.array([0.5])}
    >>> model = from_torch(recurrent, readout, estimator=RNNRegressor(activation="relu"))
    >>> model.predict([[1.0, 2.0, 3.0]])
    array([12.5])
    """
    template = _template(estimator, has_classes=classes is not None or multilabel)
    recurrent, readout = split_readout(recurrent, readout)
    state = read_recurrent(recurrent)
    n_states = state.n_directions * state.hidden_layer_sizes[-1]
    if readout is None:
        if is_classifier(template):
            raise ValueError("readout is None; expected a torch.nn.Linear, whose outputs are logits of the classes.")
        readout = {"weight": np.eye(n_states, dtype=state.layers[-1][0].dtype)}
    weights, bias = read_readout(readout)
    if weights.shape[1] != n_states:
        raise ValueError(
            f"readout.weight has shape {weights.shape}; expected (n_outputs, {n_states}), as recurrent gives."
        )
    if is_classifier(template):
        weights, bias, n_targets, classes = _of_classes(weights, bias, classes, multilabel)
    else:
        n_targets = _count_targets(template, len(weights))
    template.set_params(
        cell=state.cell,
        activation=_activation(template, state),
        hidden_layer_sizes=state.hidden_layer_sizes,
        bidirectional=state.n_directions == 2,
    )
    dtype = np.result_type(weights, *(array for layer in state.layers for array in layer))
    set_fitted_parameters(template, state.layers, weights.astype(dtype), bias.astype(dtype), n_targets, classes)
    return template


def _template(estimator: Any, *, has_classes: bool) -> BaseRNN:
    """Return an unfitted copy of the template, or the usual estimator."""
    if estimator is None:
        return RNNClassifier() if has_classes else RNNRegressor()
    if not isinstance(estimator, BaseRNN):
        raise TypeError(
            f"estimator is of type {type(estimator).__name__}; expected an RNNRegressor, an RNNClassifier or None."
        )
    if has_classes and not is_classifier(estimator):
        raise ValueError(
            "classes or multilabel are given, but estimator is a regressor; expected a classifier or None."
        )
    return clone(estimator)


def _activation(template: BaseRNN, state: RecurrentState) -> str:
    """Return the activation of the module; that of gated cells is called tanh."""
    if state.cell != "rnn":
        return "tanh"
    return state.activation or template.activation


def _count_targets(template: BaseRNN, n_outputs: int) -> int | None:
    """Return how many targets a regressor with so many outputs has, or None for a single one, whose y is 1-D."""
    n_levels = template._encoder_type.new(template).loss.n_outputs_per_target
    if n_outputs % n_levels:
        raise ValueError(
            f"readout.weight has {n_outputs} rows; expected a multiple of {n_levels}, the levels of "
            f"quantile={template.get_params()['quantile']!r}."
        )
    return None if n_outputs == n_levels else n_outputs // n_levels


def _of_classes(
    weights: np.ndarray, bias: np.ndarray, classes: Any, multilabel: bool
) -> tuple[np.ndarray, np.ndarray, int | None, np.ndarray | None]:
    """Return weights and bias of a classifier, its number of target columns (None: 1-D) and its sorted classes."""
    n_outputs = len(weights)
    if multilabel:
        if classes is not None:
            raise ValueError("classes and multilabel are given; expected one of them: labels are numbered.")
        return weights, bias, n_outputs, None
    if classes is None:
        raise ValueError("classes is None, but estimator is a classifier; expected the labels, or multilabel=True.")
    labels, order = np.unique(np.asarray(classes), return_index=True)
    if len(labels) != np.size(classes):
        raise ValueError(f"classes are {classes!r}; expected each of them once.")
    if len(labels) != n_outputs and (len(labels), n_outputs) != (2, 1):
        raise ValueError(
            f"classes has {len(labels)} labels, but readout.weight {n_outputs} rows; expected a row for each label, or "
            "of two labels one row for the second."
        )
    if len(labels) > 2:
        return weights[order], bias[order], None, labels
    # Our readout has one output for two classes, the logit of the second.
    first, second = order.tolist()
    if n_outputs == 1:
        return weights * (second - first), bias * (second - first), None, labels
    return weights[[second]] - weights[[first]], bias[[second]] - bias[[first]], None, labels
