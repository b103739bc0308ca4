"""Write the PyTorch values that tests/network/test_pytorch_values.py compares with; run by hand where torch is.

    python benchmarks/reference_values.py

Random networks in float64: outputs, losses and gradients of PyTorch's RNN, GRU and LSTM, whose gates are brought into
the order of skrnn, that of the ONNX operators. PyTorch has two bias vectors per layer, of which only the sum counts
(and their gradients are the same), but for the last gate of the GRU, whose recurrent half has a bias of its own.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_sequence

TARGET = Path(__file__).parents[1] / "tests" / "network" / "pytorch_values.json"

N_FEATURES, HIDDEN_SIZE, N_OUTPUTS = 2, 3, 3
#: Name and activation of a cell, the module of PyTorch, and where each of our gates is among PyTorch's.
CELLS = [
    ("rnn", "tanh", nn.RNN, {"nonlinearity": "tanh"}, [0]),
    ("rnn", "relu", nn.RNN, {"nonlinearity": "relu"}, [0]),
    ("gru", "tanh", nn.GRU, {}, [1, 0, 2]),  # r, z, n -> z, r, h
    ("lstm", "tanh", nn.LSTM, {}, [0, 3, 1, 2]),  # i, f, g, o -> i, o, f, c
]
DEPTHS = [1, 3]
LENGTHS = {"equal": [4, 4, 4], "ragged": [2, 5, 1]}


def half_squared_error(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return half the mean squared error."""
    return 0.5 * functional.mse_loss(raw, y)


def summed_binary_cross_entropy(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy, summed over outputs, averaged over samples."""
    return functional.binary_cross_entropy_with_logits(raw, y, reduction="none").sum(dim=1).mean()


#: Loss, and how its targets are made of random numbers, (n_samples, n_outputs).
LOSSES = {
    "squared_error": (half_squared_error, lambda y: y),
    "binary_log_loss": (summed_binary_cross_entropy, lambda y: (y > 0.0).double()),
    "multinomial_log_loss": (
        functional.cross_entropy,
        lambda y: functional.one_hot(y.argmax(dim=1), N_OUTPUTS).double(),
    ),
}


def make_case(cell: tuple, depth: int, lengths: list[int]) -> dict:
    """Return a random network and sequences, with all that PyTorch computes of them."""
    name, activation, module, options, order = cell
    recurrent = module(N_FEATURES, HIDDEN_SIZE, num_layers=depth, dtype=torch.float64, **options)
    readout = nn.Linear(HIDDEN_SIZE, N_OUTPUTS, dtype=torch.float64)
    for parameter in (*recurrent.parameters(), *readout.parameters()):
        nn.init.normal_(parameter, std=0.5)
    X = [torch.randn(length, N_FEATURES, dtype=torch.float64) for length in lengths]
    _, state = recurrent(pack_sequence(X, enforce_sorted=False))
    raw = readout((state[0] if name == "lstm" else state)[-1])  # the top layer after each sequence's last timestep
    normal = torch.randn(len(X), N_OUTPUTS, dtype=torch.float64)
    judged = {}
    for loss_name, (loss, make_y) in LOSSES.items():
        recurrent.zero_grad()
        readout.zero_grad()
        y = make_y(normal)
        value = loss(raw, y)
        value.backward(retain_graph=True)
        judged[loss_name] = {
            "y": y.tolist(),
            "loss": value.item(),
            "gradient": in_our_form(recurrent, readout, depth, order, gradient=True),
        }
    return {
        "cell": name,
        "activation": activation,
        "X": [sequence.tolist() for sequence in X],
        "parameters": in_our_form(recurrent, readout, depth, order, gradient=False),
        "outputs": raw.tolist(),
        "losses": judged,
    }


def in_our_form(recurrent: nn.Module, readout: nn.Module, depth: int, order: list[int], *, gradient: bool) -> dict:
    """Return the parameters, or their gradients, under the names and in the order of skrnn."""

    def read(parameter: torch.Tensor) -> np.ndarray:
        return (parameter.grad if gradient else parameter.detach()).numpy()

    def in_our_order(rows: np.ndarray) -> np.ndarray:
        blocks = np.split(rows, len(order))
        return np.concatenate([blocks[place] for place in order])

    layers = []
    for k in range(depth):
        of_inputs = in_our_order(read(getattr(recurrent, f"bias_ih_l{k}")))
        of_state = in_our_order(read(getattr(recurrent, f"bias_hh_l{k}")))
        biases = of_inputs.copy() if gradient else of_inputs + of_state
        if isinstance(recurrent, nn.GRU):
            biases[-HIDDEN_SIZE:] = of_inputs[-HIDDEN_SIZE:]
            biases = np.concatenate([biases, of_state[-HIDDEN_SIZE:]])
        layers.append(
            {
                "input_weights": in_our_order(read(getattr(recurrent, f"weight_ih_l{k}"))).tolist(),
                "recurrent_weights": in_our_order(read(getattr(recurrent, f"weight_hh_l{k}"))).tolist(),
                "biases": biases.tolist(),
            }
        )
    return {
        "layers": layers,
        "readout_weights": read(readout.weight).tolist(),
        "readout_bias": read(readout.bias).tolist(),
    }


def main() -> None:
    """Write the file, a case a line."""
    torch.manual_seed(0)
    cases = {
        f"{cell[0]}-{cell[1]}-{depth}-{kind}": make_case(cell, depth, LENGTHS[kind])
        for cell, depth, kind in product(CELLS, DEPTHS, LENGTHS)
    }
    lines = [f"{json.dumps(name)}: {json.dumps(case, separators=(',', ':'))}" for name, case in cases.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(cases)} cases by PyTorch {torch.__version__}, {TARGET.stat().st_size / 1000:.0f} kB: {TARGET}")


if __name__ == "__main__":
    main()
