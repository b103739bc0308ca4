"""A fitted estimator from the weights of a recurrent PyTorch module."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from sklearn.base import clone, is_classifier

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._classifier import RNNClassifier
from skrnn.estimators._fitted_attributes import set_fitted_parameters
from skrnn.estimators._regressor import RNNRegressor
from skrnn.export._to_torch import MODULES, ORDERS

#: The cell for each number of gates.
_CELLS_BY_GATES = {len(order): cell for cell, order in ORDERS.items()}
#: Names in the state_dict of a recurrent module, or of a list of modules, with the number of the module.
_NAME = re.compile(r"(?:(?:recurrent\.)?(\d+)\.)?(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d+)(_reverse)?")
_READOUT_WEIGHT, _READOUT_BIAS = "readout.weight", "readout.bias"

#: Number of the module in the list, number of the layer, and whether the direction is backward.
Place = tuple[int, int, bool]
#: Input weights, recurrent weights and biases, in the format of our attributes.
Layer = tuple[np.ndarray, np.ndarray, np.ndarray]


def from_torch(
    recurrent: Any,
    readout: Any = None,
    *,
    estimator: Any = None,
    classes: Any = None,
    multilabel: bool = False,
) -> Any:
    """Make a fitted estimator from the weights of a recurrent PyTorch module.

    It can be used like any other. `partial_fit`, and `fit` with ``warm_start=True``, start from these weights.

    Parameters
    ----------
    recurrent : torch.nn.RNN, GRU or LSTM, list of these, or mapping
        The recurrent layers, of any depth, unidirectional or bidirectional; modules in a list are stacked. A mapping is
        the `state_dict` of such a module, with tensors or arrays; PyTorch is then not required.
    readout : torch.nn.Linear or mapping, default=None
        The linear layer on top of the last hidden states, or its `state_dict`. Use None if `recurrent` is a module made
        by :func:`to_torch`, or its `state_dict`; with any other module, a regressor then predicts the last hidden
        states themselves (with `return_sequences`, those of all timesteps).
    estimator : RNNRegressor or RNNClassifier, default=None
        Template for parameters that cannot be read from the weights, such as `loss`, `return_sequences`, `pooling` and
        `solver`; it is not changed. If None, a classifier if `classes` or `multilabel` are given, otherwise a
        regressor, with default parameters. `cell`, `hidden_layer_sizes`, `bidirectional` and `activation` are always
        those of the module, except that a mapping for a simple unit does not contain its `activation`, which is then
        the template's.
    classes : array-like of shape (n_classes,), default=None
        Labels of a classifier, in the order of the readout's outputs. For two classes the readout has two outputs, or
        one, the logit of the second.
    multilabel : bool, default=False
        Whether the outputs are logits of independent binary labels.

    Returns
    -------
    estimator : RNNRegressor or RNNClassifier
        The fitted estimator, with the dtype of the weights unless the template has a `dtype`.

    Raises
    ------
    TypeError
        If `recurrent`, `readout` or `estimator` has another type, or weights are neither float32 nor float64.
    ValueError
        If there are parameters that RNN, GRU and LSTM do not have (as with `proj_size`), shapes do not match, or the
        number of outputs does not match the `classes` or the loss.

    See Also
    --------
    to_torch : Convert a fitted network to a PyTorch module.

    Notes
    -----
    PyTorch has two biases for each gate; only their sum matters, except for the candidate of the GRU. Biases are added,
    gates are reordered, and everything else is copied. Predictions agree up to rounding.

    The `dropout` of a module is not copied, because PyTorch draws one mask per timestep; set that of the template,
    which draws one per sequence. `batch_first` does not affect the weights.

    Since the targets are unknown, they are assumed to be standardised (location 0, scale 1). `loss_curve_` is empty and
    `loss_` is NaN until the estimator is trained further.

    Examples
    --------
    A simple unit that computes a sum, from arrays:

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
    recurrent, readout = _split_readout(recurrent, readout)
    state = _read_recurrent(recurrent)
    n_states = state.n_directions * state.hidden_layer_sizes[-1]
    if readout is None:
        if is_classifier(template):
            raise ValueError("readout is None; expected a torch.nn.Linear, whose outputs are logits of the classes.")
        readout = {"weight": np.eye(n_states, dtype=state.layers[-1][0].dtype)}
    weights, bias = _read_readout(readout)
    if weights.shape[1] != n_states:
        raise ValueError(
            f"readout.weight has shape {weights.shape}; expected (n_outputs, {n_states}) to match recurrent."
        )
    if is_classifier(template):
        weights, bias, n_targets, classes = _of_classes(weights, bias, classes, multilabel)
    else:
        n_targets = _count_targets(template, len(weights))
    template.set_params(
        cell=state.cell,
        activation=_choose_activation(template, state),
        hidden_layer_sizes=state.hidden_layer_sizes,
        bidirectional=state.n_directions == 2,
    )
    dtype = np.result_type(weights, *(array for layer in state.layers for array in layer))
    set_fitted_parameters(template, state.layers, weights.astype(dtype), bias.astype(dtype), n_targets, classes)
    return template


def _template(estimator: Any, *, has_classes: bool) -> BaseRNN:
    """Return an unfitted copy of the template, or an estimator with default parameters."""
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


def _choose_activation(template: BaseRNN, state: "_RecurrentState") -> str:
    """Return the activation of the module, "tanh" for gated cells."""
    if state.cell != "rnn":
        return "tanh"
    return state.activation or template.activation


def _count_targets(template: BaseRNN, n_outputs: int) -> int | None:
    """Return the number of targets of a regressor with `n_outputs` outputs, or None for a single one (1-D y)."""
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
            raise ValueError(
                "classes and multilabel are given; expected only one of them: multilabel targets are numbered."
            )
        return weights, bias, n_outputs, None
    if classes is None:
        raise ValueError("classes is None, but estimator is a classifier; expected the labels, or multilabel=True.")
    labels, order = np.unique(np.asarray(classes), return_index=True)
    if len(labels) != np.size(classes):
        raise ValueError(f"classes are {classes!r}; expected distinct labels.")
    if len(labels) != n_outputs and (len(labels), n_outputs) != (2, 1):
        raise ValueError(
            f"classes has {len(labels)} labels, but readout.weight has {n_outputs} rows; expected one row per label, "
            "or for two labels a single row, that of the second."
        )
    if len(labels) > 2:
        return weights[order], bias[order], None, labels
    # Our readout has a single output for two classes, the logit of the second.
    first, second = order.tolist()
    if n_outputs == 1:
        return weights * (second - first), bias * (second - first), None, labels
    return weights[[second]] - weights[[first]], bias[[second]] - bias[[first]], None, labels


# Parameters of PyTorch modules


@final
@dataclass(frozen=True)
class _RecurrentState:
    """Recurrent layers of one cell."""

    cell: str
    activation: str | None  # of the simple unit; None if unknown
    n_directions: int
    layers: list[Layer]  # of each direction of each layer

    @property
    def hidden_layer_sizes(self) -> tuple[int, ...]:
        """Units of each layer in each direction, the lowest first."""
        return tuple(recurrent.shape[1] for _, recurrent, _ in self.layers[:: self.n_directions])


def _split_readout(recurrent: Any, readout: Any) -> tuple[Any, Any]:
    """Return recurrent layers and readout; if `readout` is None, that of `recurrent`, or None if it has none."""
    if readout is not None:
        return recurrent, readout
    if isinstance(recurrent, Mapping) and _READOUT_WEIGHT in recurrent:
        names = {_READOUT_WEIGHT, _READOUT_BIAS}
        of_readout = {name.partition(".")[2]: recurrent[name] for name in names & set(recurrent)}
        return {name: value for name, value in recurrent.items() if name not in names}, of_readout
    if hasattr(recurrent, "recurrent") and hasattr(recurrent, "readout"):
        return recurrent.recurrent, recurrent.readout
    return recurrent, None


def _read_readout(readout: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return weights, (n_outputs, n_inputs), and bias, (n_outputs,), of a linear module or of its state."""
    state = _state(readout, "readout")
    if not {"weight"} <= set(state) <= {"weight", "bias"}:
        raise ValueError(f"readout has parameters {sorted(state)}; expected those of torch.nn.Linear, weight and bias.")
    weights = _array(state["weight"], _READOUT_WEIGHT)
    if weights.ndim != 2 or 0 in weights.shape:
        raise ValueError(f"{_READOUT_WEIGHT} has shape {weights.shape}; expected (n_outputs, n_inputs).")
    bias = _array(state["bias"], _READOUT_BIAS) if "bias" in state else np.zeros(len(weights), weights.dtype)
    _check_shape(_READOUT_BIAS, bias, weights.shape[:1])
    return weights, bias


def _read_recurrent(recurrent: Any) -> _RecurrentState:
    """Return the layers of a recurrent module, of a list of modules, or of their states."""
    by_place = _by_place(_state(recurrent, "recurrent"))
    n_directions = 1 + any(is_reverse for *_, is_reverse in by_place)
    cells: set[str] = set()
    layers: list[Layer] = []
    for place, arrays in by_place.items():
        cell, layer = _read_layer(_suffix(place), arrays)
        cells.add(cell)
        layers.append(layer)
    if len(cells) != 1:
        raise ValueError(f"recurrent has layers of {' and '.join(sorted(cells))}; expected the same cell in all.")
    _check_stack(list(by_place), layers, n_directions)
    return _RecurrentState(cells.pop(), _activation(recurrent), n_directions, layers)


def _state(module: Any, name: str) -> Mapping[str, Any]:
    """Return names and values of the parameters of a module, of a list of modules or states, or of a mapping."""
    if isinstance(module, Mapping):
        return module
    if hasattr(module, "state_dict"):
        return module.state_dict()
    if isinstance(module, list | tuple) and module:
        states = [_state(part, name) for part in module]
        return {f"{number}.{key}": value for number, state in enumerate(states) for key, value in state.items()}
    raise TypeError(f"{name} is of type {type(module).__name__}; expected a PyTorch module or its state_dict.")


def _by_place(state: Mapping[str, Any]) -> dict[Place, dict[str, np.ndarray]]:
    """Return the arrays of each direction of each layer, the lowest layer and the direction forward in time first."""
    by_place: dict[Place, dict[str, np.ndarray]] = {}
    for name, value in state.items():
        parts = _NAME.fullmatch(name)
        if parts is None:
            hint = " (a projection, proj_size, has no counterpart)" if "weight_hr" in name else ""
            raise ValueError(
                f"recurrent has a parameter {name!r}{hint}; expected only those of "
                f"torch.nn.{', '.join(MODULES.values())}: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 and so "
                "on. For a module with other parts, pass two of them: from_torch(module.gru, module.linear)."
            )
        number, kind, depth, end = parts.groups()
        place = int(number or 0), int(depth), end is not None
        by_place.setdefault(place, {})[kind] = _array(value, name)
    if not by_place:
        raise ValueError("recurrent has no parameters; expected those of torch.nn.RNN, GRU or LSTM.")
    return dict(sorted(by_place.items()))


def _suffix(place: Place) -> str:
    """Return the end of the parameter names of a layer and direction, for messages."""
    number, depth, is_reverse = place
    return f"l{depth}{'_reverse' if is_reverse else ''}" + (f" of module {number}" if number else "")


def _read_layer(suffix: str, arrays: dict[str, np.ndarray]) -> tuple[str, Layer]:
    """Return the cell of a layer, and its parameters in the format of our attributes."""
    if set(arrays) not in ({"weight_ih", "weight_hh"}, {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}):
        raise ValueError(
            f"recurrent has only {sorted(arrays)} for {suffix}; expected both weights, and both biases or none."
        )
    inputs, recurrent = arrays["weight_ih"], arrays["weight_hh"]
    n_gates = len(recurrent) / recurrent.shape[1] if recurrent.ndim == 2 and recurrent.size else 0
    if n_gates not in _CELLS_BY_GATES:
        raise ValueError(
            f"weight_hh_{suffix} has shape {recurrent.shape}; expected (n_gates * hidden_size, hidden_size), with 1 "
            "gate (RNN), 3 (GRU) or 4 (LSTM)."
        )
    n_rows, cell = len(recurrent), _CELLS_BY_GATES[int(n_gates)]
    if inputs.ndim != 2 or 0 in inputs.shape:
        raise ValueError(f"weight_ih_{suffix} has shape {inputs.shape}; expected ({n_rows}, n_inputs).")
    _check_shape(f"weight_ih_{suffix}", inputs, (n_rows, inputs.shape[1]))
    no_bias = np.zeros(n_rows, recurrent.dtype)
    input_bias, recurrent_bias = arrays.get("bias_ih", no_bias), arrays.get("bias_hh", no_bias)
    _check_shape(f"bias_ih_{suffix}", input_bias, (n_rows,))
    _check_shape(f"bias_hh_{suffix}", recurrent_bias, (n_rows,))
    biases = _join_biases(input_bias, recurrent_bias, cell)
    return cell, (_in_our_order(inputs, cell), _in_our_order(recurrent, cell), biases)


def _in_our_order(rows: np.ndarray, cell: str) -> np.ndarray:
    """Return rows with gates in our order, from rows with gates in PyTorch's order."""
    order = ORDERS[cell]
    blocks = np.split(rows, len(order))
    return np.concatenate([blocks[order.index(place)] for place in range(len(order))])


def _join_biases(input_bias: np.ndarray, recurrent_bias: np.ndarray, cell: str) -> np.ndarray:
    """Return our biases from `bias_ih` and `bias_hh`: their sum if only the sum matters."""
    if cell != "gru":
        return _in_our_order(input_bias + recurrent_bias, cell)
    hidden_size = len(input_bias) // 3
    summed = recurrent_bias.copy()
    summed[-hidden_size:] = 0.0  # that of the candidate is multiplied by a gate
    return np.concatenate([_in_our_order(input_bias + summed, cell), recurrent_bias[-hidden_size:]])


def _check_stack(places: list[Place], layers: list[Layer], n_directions: int) -> None:
    """Raise unless all layers exist in every direction, and shapes of consecutive layers match."""
    depths = [len({depth for part, depth, _ in places if part == number}) for number in range(places[-1][0] + 1)]
    expected = [
        (number, depth, is_reverse)
        for number, n_layers in enumerate(depths)
        for depth in range(n_layers)
        for is_reverse in (False, True)[:n_directions]
    ]
    if places != expected or 0 in depths:
        raise ValueError(
            f"recurrent has the layers {', '.join(map(_suffix, places))}; expected consecutive layers from l0, each in "
            f"{'both directions' if n_directions == 2 else 'one direction'}."
        )
    for first in range(0, len(layers), n_directions):
        below = layers[first - n_directions][1].shape[1] * n_directions if first else layers[0][0].shape[1]
        size = layers[first][1].shape[1]
        for place, (inputs, recurrent, _) in zip(
            places[first : first + n_directions], layers[first : first + n_directions], strict=True
        ):
            _check_shape(f"weight_ih_{_suffix(place)}", inputs, (len(inputs), below))
            _check_shape(f"weight_hh_{_suffix(place)}", recurrent, (len(recurrent), size))


def _activation(recurrent: Any) -> str | None:
    """Return the activation of a simple module, or the common one of a list."""
    modules = recurrent if np.iterable(recurrent) and not isinstance(recurrent, Mapping) else [recurrent]
    activations = {module.nonlinearity for module in modules if hasattr(module, "nonlinearity")}
    if len(activations) > 1:
        raise ValueError(f"recurrent has activations {sorted(activations)}; expected the same in all layers.")
    return activations.pop() if activations else None


def _array(value: Any, name: str) -> np.ndarray:
    """Return a parameter as a finite array of float32 or float64."""
    if hasattr(value, "detach"):  # a tensor, on any device
        value = value.detach().cpu()
    value = value if hasattr(value, "dtype") else np.asarray(value)
    dtype = str(value.dtype).removeprefix("torch.")  # before the conversion: NumPy does not have all of them
    if dtype not in ("float32", "float64"):
        raise TypeError(f"{name} has dtype {dtype}; expected float32 or float64.")
    array = np.asarray(value)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains {array[~np.isfinite(array)][0]}; expected finite numbers.")
    return array


def _check_shape(name: str, array: np.ndarray, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}; expected {expected}.")
