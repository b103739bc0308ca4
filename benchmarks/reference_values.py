"""Write the PyTorch values that tests/network/test_pytorch_values.py compares with; run by hand where torch is.

    python benchmarks/reference_values.py

Random networks in float64: outputs, losses and gradients of PyTorch's RNN, GRU and LSTM, whose gates are brought into
the order of skrnn, that of the ONNX operators. PyTorch has two bias vectors per layer, of which only the sum counts
(and their gradients are the same), but for the last gate of the GRU, whose recurrent half has a bias of its own.

A network has an output a sequence or, with return_sequences, an output a timestep: then the rows of `outputs`, `y` and
`weights` are the timesteps, sequence after sequence, and a row of nulls in `y` is a missing target.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

TARGET = Path(__file__).parents[1] / "tests" / "network" / "pytorch_values.json"

N_FEATURES, HIDDEN_SIZE, N_OUTPUTS = 2, 3, 3
#: Name and activation of a cell, the module of PyTorch, and where each of our gates is among PyTorch's.
CELLS = [
    ("rnn", "tanh", nn.RNN, {"nonlinearity": "tanh"}, [0]),
    ("rnn", "relu", nn.RNN, {"nonlinearity": "relu"}, [0]),
    ("gru", "tanh", nn.GRU, {}, [1, 0, 2]),  # r, z, n -> z, r, h
    ("lstm", "tanh", nn.LSTM, {}, [0, 3, 1, 2]),  # i, f, g, o -> i, o, f, c
]
#: Whether a network reads in both directions, and its layers.
SHAPES = [(False, 1), (False, 2), (False, 3), (True, 1), (True, 2)]
LENGTHS = {"equal": [4, 4, 4], "ragged": [2, 5, 1]}


def half_squared_errors(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return half the squared error of each row, averaged over outputs."""
    return 0.5 * functional.mse_loss(raw, y, reduction="none").mean(dim=1)


def binary_cross_entropies(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy of each row, summed over outputs."""
    return functional.binary_cross_entropy_with_logits(raw, y, reduction="none").sum(dim=1)


def cross_entropies(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of each row."""
    return functional.cross_entropy(raw, y, reduction="none")


#: Loss of each row, and how its targets are made of random numbers, (n_rows, n_outputs).
LOSSES = {
    "squared_error": (half_squared_errors, lambda y: y),
    "binary_log_loss": (binary_cross_entropies, lambda y: (y > 0.0).double()),
    "multinomial_log_loss": (
        cross_entropies,
        lambda y: functional.one_hot(y.argmax(dim=1), N_OUTPUTS).double(),
    ),
}


def make_case(cell: tuple, depth: int, lengths: list[int], *, bidirectional: bool, return_sequences: bool) -> dict:
    """Return a random network and sequences, with all that PyTorch computes of them."""
    name, activation, module, options, order = cell
    n_directions = 2 if bidirectional else 1
    recurrent = module(
        N_FEATURES, HIDDEN_SIZE, num_layers=depth, bidirectional=bidirectional, dtype=torch.float64, **options
    )
    readout = nn.Linear(n_directions * HIDDEN_SIZE, N_OUTPUTS, dtype=torch.float64)
    for parameter in (*recurrent.parameters(), *readout.parameters()):
        nn.init.normal_(parameter, std=0.5)
    X = [torch.randn(length, N_FEATURES, dtype=torch.float64) for length in lengths]
    outputs, state = recurrent(pack_sequence(X, enforce_sorted=False))
    if return_sequences:
        padded, _ = pad_packed_sequence(outputs, batch_first=True)
        raw = readout(torch.cat([row[:length] for row, length in zip(padded, lengths, strict=True)]))
        weights = 0.5 + 1.5 * torch.rand(len(raw), dtype=torch.float64)
        present = torch.randperm(len(raw)) >= round(len(raw) / 5)
    else:  # of the top layer, forward after each sequence's last timestep, then backward after its first
        raw = readout(torch.cat([*(state[0] if name == "lstm" else state)[-n_directions:]], dim=1))
        weights, present = torch.ones(len(raw), dtype=torch.float64), torch.ones(len(raw), dtype=torch.bool)
    normal = torch.randn(len(raw), N_OUTPUTS, dtype=torch.float64)
    judged = {}
    for loss_name, (loss, make_y) in LOSSES.items():
        recurrent.zero_grad()
        readout.zero_grad()
        y = make_y(normal)
        losses = loss(raw[present], y[present])
        value = (weights[present] * losses).sum() / weights[present].sum()
        value.backward(retain_graph=True)
        judged[loss_name] = {
            "y": [row if there else [None] * N_OUTPUTS for row, there in zip(y.tolist(), present, strict=True)],
            "loss": value.item(),
            "gradient": in_our_form(recurrent, readout, order, gradient=True),
        }
    return {
        "cell": name,
        "activation": activation,
        "bidirectional": bidirectional,
        "return_sequences": return_sequences,
        "X": [sequence.tolist() for sequence in X],
        "weights": weights.tolist() if return_sequences else None,
        "parameters": in_our_form(recurrent, readout, order, gradient=False),
        "outputs": raw.tolist(),
        "losses": judged,
    }


def has_dead_unit(case: dict) -> bool:
    """Return whether some unit has no gradient on its recurrent weights: a relu that is zero at every timestep."""
    gradients = [judged["gradient"] for judged in case["losses"].values()]
    rows = [row for gradient in gradients for layer in gradient["layers"] for row in layer["recurrent_weights"]]
    return not all(map(any, rows))


def in_our_form(recurrent: nn.Module, readout: nn.Module, order: list[int], *, gradient: bool) -> dict:
    """Return the parameters, or their gradients, under the names and in the order of skrnn.

    The layers of both directions are in one list, in each layer forward before backward.
    """

    def read(parameter: torch.Tensor) -> np.ndarray:
        return (parameter.grad if gradient else parameter.detach()).numpy()

    def in_our_order(rows: np.ndarray) -> np.ndarray:
        blocks = np.split(rows, len(order))
        return np.concatenate([blocks[place] for place in order])

    layers = []
    directions = ["", "_reverse"] if recurrent.bidirectional else [""]
    for k, direction in product(range(recurrent.num_layers), directions):
        suffix = f"l{k}{direction}"
        of_inputs = in_our_order(read(getattr(recurrent, f"bias_ih_{suffix}")))
        of_state = in_our_order(read(getattr(recurrent, f"bias_hh_{suffix}")))
        biases = of_inputs.copy() if gradient else of_inputs + of_state
        if isinstance(recurrent, nn.GRU):
            biases[-HIDDEN_SIZE:] = of_inputs[-HIDDEN_SIZE:]
            biases = np.concatenate([biases, of_state[-HIDDEN_SIZE:]])
        layers.append(
            {
                "input_weights": in_our_order(read(getattr(recurrent, f"weight_ih_{suffix}"))).tolist(),
                "recurrent_weights": in_our_order(read(getattr(recurrent, f"weight_hh_{suffix}"))).tolist(),
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
    cases = {}
    for cell, (bidirectional, depth), kind, return_sequences in product(CELLS, SHAPES, LENGTHS, [False, True]):
        words = [cell[0], cell[1], str(depth), kind]
        words += ["bidirectional"] * bidirectional + ["sequences"] * return_sequences
        case = None
        while case is None or has_dead_unit(case):
            case = make_case(cell, depth, LENGTHS[kind], bidirectional=bidirectional, return_sequences=return_sequences)
        cases["-".join(words)] = case
    lines = [f"{json.dumps(name)}: {json.dumps(case, separators=(',', ':'))}" for name, case in cases.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(cases)} cases by PyTorch {torch.__version__}, {TARGET.stat().st_size / 1000:.0f} kB: {TARGET}")


if __name__ == "__main__":
    main()
