"""How PyTorch arranges the parameters of recurrent layers, and how we do."""

import numpy as np

#: The class of PyTorch for each cell.
MODULES = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}
#: Which of our blocks of rows stands at each place of PyTorch's: its gates are r, z, n (GRU) and i, f, g, o (LSTM).
_ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 2, 3, 1)}
#: The cell whose recurrent weights have so many blocks of rows.
CELLS_BY_GATES = {len(order): cell for cell, order in _ORDERS.items()}


def to_torch_order(rows: np.ndarray, cell: str) -> np.ndarray:
    """Return rows, gate by gate in our order, in that of PyTorch."""
    order = _ORDERS[cell]
    blocks = np.split(rows, len(order))
    return np.concatenate([blocks[place] for place in order])


def from_torch_order(rows: np.ndarray, cell: str) -> np.ndarray:
    """Return rows, gate by gate in PyTorch's order, in ours."""
    order = _ORDERS[cell]
    blocks = np.split(rows, len(order))
    return np.concatenate([blocks[order.index(place)] for place in range(len(order))])


def split_biases(biases: np.ndarray, cell: str, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `bias_ih` and `bias_hh`, each (n_rows,), of our biases."""
    recurrent = np.zeros(n_rows, biases.dtype)
    extra = biases[n_rows:]  # of the recurrent half of the GRU's candidate; its block is the last in both orders
    recurrent[n_rows - len(extra) :] = extra
    return to_torch_order(biases[:n_rows], cell), recurrent


def join_biases(input_bias: np.ndarray, recurrent_bias: np.ndarray, cell: str) -> np.ndarray:
    """Return our biases of `bias_ih` and `bias_hh`: where only their sum matters, their sum."""
    if cell != "gru":
        return from_torch_order(input_bias + recurrent_bias, cell)
    hidden_size = len(input_bias) // 3
    summed = recurrent_bias.copy()
    summed[-hidden_size:] = 0.0  # that of the candidate is multiplied by a gate
    return np.concatenate([from_torch_order(input_bias + summed, cell), recurrent_bias[-hidden_size:]])


def layer_names(n_layers: int, n_directions: int) -> list[str]:
    """Return how names of parameters end, for each direction of each layer."""
    return [f"l{depth}{end}" for depth in range(n_layers) for end in ("", "_reverse")[:n_directions]]
