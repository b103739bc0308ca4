"""Parameters of PyTorch's recurrent modules: their names, and gates in their order; from our arrays and back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple, final

import numpy as np

from skrnn.export._fitted_network import NetworkDescription, recurrent_biases
from skrnn.network._parameters import NetworkParameters

#: The class of PyTorch for each cell.
MODULES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
#: Which of our blocks of rows stands at each place of PyTorch's: its gates are r, z, n (GRU) and i, f, g, o (LSTM).
_ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 2, 3, 1)}
#: The cell whose recurrent weights have so many blocks of rows.
_CELLS_BY_GATES = {len(order): cell for cell, order in _ORDERS.items()}
#: Names in a state_dict: of a recurrent module, or of one in a list of modules, after its number.
_NAME = re.compile(r"(?:(?:recurrent\.)?(\d+)\.)?(weight_ih|weight_hh|bias_ih|bias_hh)_l(\d+)(_reverse)?")
_ENDS = "", "_reverse"  # of the names of each direction
_READOUT_WEIGHT, _READOUT_BIAS = "readout.weight", "readout.bias"

#: Which module of the list, which of its layers, and whether it is the direction from the end.
Place = tuple[int, int, bool]
#: Input weights, recurrent weights and biases, in the form of our attributes.
Layer = tuple[np.ndarray, np.ndarray, np.ndarray]


class Stack(NamedTuple):
    """Layers of one size, one above the other: what one recurrent module of PyTorch holds."""

    n_inputs: int
    hidden_size: int
    n_layers: int


def stacks(network: NetworkDescription) -> list[Stack]:
    """Return the layers, those of one size that follow each other in one stack."""
    found, n_inputs = [], network.n_features
    for size, layers in groupby(network.hidden_layer_sizes):
        found.append(Stack(n_inputs, size, len(list(layers))))
        n_inputs = network.n_directions * size
    return found


# From our arrays to PyTorch


def torch_state(network: NetworkDescription, parameters: NetworkParameters) -> dict[str, np.ndarray]:
    """Return the parameters of a network under the names of `to_torch`'s module."""
    state: dict[str, np.ndarray] = {}
    layers = iter(parameters.layers)
    for number, stack in enumerate(stacks(network)):
        for name in (f"l{depth}{end}" for depth in range(stack.n_layers) for end in _ENDS[: network.n_directions]):
            layer = next(layers)
            arrays = {
                "weight_ih": layer.input_weights,
                "weight_hh": layer.recurrent_weights,
                "bias_ih": layer.input_bias,
                "bias_hh": recurrent_biases(layer),
            }
            for kind, array in arrays.items():
                state[f"recurrent.{number}.{kind}_{name}"] = _in_torch_order(array, network.cell)
    return state | {_READOUT_WEIGHT: parameters.readout.weights, _READOUT_BIAS: parameters.readout.bias}


def _in_torch_order(rows: np.ndarray, cell: str) -> np.ndarray:
    """Return rows, gate by gate in our order, in that of PyTorch."""
    order = _ORDERS[cell]
    blocks = np.split(rows, len(order))
    return np.concatenate([blocks[place] for place in order])


# From PyTorch to our arrays


@final
@dataclass(frozen=True)
class RecurrentState:
    """Recurrent layers of one cell."""

    cell: str
    activation: str | None  # of the simple unit, where it is known: arrays alone do not tell
    n_directions: int
    layers: list[Layer]  # of each direction of each layer

    @property
    def hidden_layer_sizes(self) -> tuple[int, ...]:
        """Units of each layer in each direction, the lowest first."""
        return tuple(recurrent.shape[1] for _, recurrent, _ in self.layers[:: self.n_directions])


def split_readout(recurrent: Any, readout: Any) -> tuple[Any, Any]:
    """Return recurrent layers and readout; if `readout` is None, that within `recurrent`, or None if it has none."""
    if readout is not None:
        return recurrent, readout
    if isinstance(recurrent, Mapping) and _READOUT_WEIGHT in recurrent:
        names = {_READOUT_WEIGHT, _READOUT_BIAS}
        of_readout = {name.partition(".")[2]: recurrent[name] for name in names & set(recurrent)}
        return {name: value for name, value in recurrent.items() if name not in names}, of_readout
    if hasattr(recurrent, "recurrent") and hasattr(recurrent, "readout"):
        return recurrent.recurrent, recurrent.readout
    return recurrent, None


def read_readout(readout: Any) -> tuple[np.ndarray, np.ndarray]:
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


def read_recurrent(recurrent: Any) -> RecurrentState:
    """Return the layers of a recurrent module, of a list of modules, or of their states.

    Raises
    ------
    TypeError, ValueError
        If there are other parameters than those of torch.nn.RNN, GRU or LSTM, or if these do not fit together.
    """
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
    return RecurrentState(cells.pop(), _activation(recurrent), n_directions, layers)


def _state(module: Any, name: str) -> Mapping[str, Any]:
    """Return names and values of the parameters of a module, of a list of modules or states, or of a mapping."""
    if isinstance(module, Mapping):
        return module
    if hasattr(module, "state_dict"):
        return module.state_dict()
    if isinstance(module, list | tuple) and module:
        states = [_state(part, name) for part in module]
        return {f"{number}.{key}": value for number, state in enumerate(states) for key, value in state.items()}
    raise TypeError(f"{name} is of type {type(module).__name__}; expected a module of PyTorch, or its state_dict.")


def _by_place(state: Mapping[str, Any]) -> dict[Place, dict[str, np.ndarray]]:
    """Return the arrays of each direction of each layer, the lowest layer and the direction forward in time first."""
    by_place: dict[Place, dict[str, np.ndarray]] = {}
    for name, value in state.items():
        parts = _NAME.fullmatch(name)
        if parts is None:
            hint = " (a projection, proj_size, has no counterpart)" if "weight_hr" in name else ""
            raise ValueError(
                f"recurrent has a parameter {name!r}{hint}; expected only those of torch.nn."
                f"{', '.join(MODULES.values())}: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 and so on. Of a "
                "module with other parts too, pass two of them: from_torch(module.gru, module.linear)."
            )
        number, kind, depth, end = parts.groups()
        place = int(number or 0), int(depth), end is not None
        by_place.setdefault(place, {})[kind] = _array(value, name)
    if not by_place:
        raise ValueError("recurrent has no parameters; expected those of torch.nn.RNN, GRU or LSTM.")
    return dict(sorted(by_place.items()))


def _suffix(place: Place) -> str:
    """Return how the names of the parameters of a layer and direction end, for messages."""
    number, depth, is_reverse = place
    return f"l{depth}{'_reverse' if is_reverse else ''}" + (f" of module {number}" if number else "")


def _read_layer(suffix: str, arrays: dict[str, np.ndarray]) -> tuple[str, Layer]:
    """Return the cell of a layer, and its parameters in the form of our attributes."""
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
    """Return rows, gate by gate in PyTorch's order, in ours."""
    order = _ORDERS[cell]
    blocks = np.split(rows, len(order))
    return np.concatenate([blocks[order.index(place)] for place in range(len(order))])


def _join_biases(input_bias: np.ndarray, recurrent_bias: np.ndarray, cell: str) -> np.ndarray:
    """Return our biases of `bias_ih` and `bias_hh`: where only their sum matters, their sum."""
    if cell != "gru":
        return _in_our_order(input_bias + recurrent_bias, cell)
    hidden_size = len(input_bias) // 3
    summed = recurrent_bias.copy()
    summed[-hidden_size:] = 0.0  # that of the candidate is multiplied by a gate
    return np.concatenate([_in_our_order(input_bias + summed, cell), recurrent_bias[-hidden_size:]])


def _check_stack(places: list[Place], layers: list[Layer], n_directions: int) -> None:
    """Raise unless every layer is there in every direction, and reads what the one below gives."""
    depths = [len({depth for part, depth, _ in places if part == number}) for number in range(places[-1][0] + 1)]
    expected = [
        (number, depth, is_reverse)
        for number, n_layers in enumerate(depths)
        for depth in range(n_layers)
        for is_reverse in (False, True)[:n_directions]
    ]
    if places != expected or 0 in depths:
        raise ValueError(
            f"recurrent has the layers {', '.join(map(_suffix, places))}; expected all from l0 on, each in "
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
    """Return the activation of a simple module, or that which all in a list have."""
    modules = recurrent if np.iterable(recurrent) and not isinstance(recurrent, Mapping) else [recurrent]
    activations = {module.nonlinearity for module in modules if hasattr(module, "nonlinearity")}
    if len(activations) > 1:
        raise ValueError(f"recurrent has activations {sorted(activations)}; expected the same in all layers.")
    return activations.pop() if activations else None


def _array(value: Any, name: str) -> np.ndarray:
    """Return a parameter as an array of float32 or float64, and finite."""
    if hasattr(value, "detach"):  # a tensor, on whichever device
        value = value.detach().cpu()
    value = value if hasattr(value, "dtype") else np.asarray(value)
    dtype = str(value.dtype).removeprefix("torch.")  # asked before: PyTorch has dtypes that NumPy does not have
    if dtype not in ("float32", "float64"):
        raise TypeError(f"{name} has dtype {dtype}; expected float32 or float64.")
    array = np.asarray(value)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} contains {array[~np.isfinite(array)][0]}; expected finite numbers.")
    return array


def _check_shape(name: str, array: np.ndarray, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise ValueError(f"{name} has shape {array.shape}; expected {expected}.")
