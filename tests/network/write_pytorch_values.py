"""Write the values of PyTorch that `test_pytorch_values.py` compares with; run by hand where torch is installed.

    python -m tests.network.write_pytorch_values [curvature]

Random networks in float64: outputs, losses and gradients of PyTorch's RNN, GRU and LSTM, whose gates are brought into
the order of skrnn, that of the ONNX operators. PyTorch has two bias vectors per layer, of which only the sum counts
(and their gradients are the same), except for the last gate of the GRU, whose recurrent half has its own bias.

A network has one output per sequence or, with return_sequences, one per timestep: then the rows of `outputs`, `y` and
`weights` are the timesteps, sequence after sequence, and a row of nulls in `y` is a missing target.

A second file has Gauss-Newton products and Jacobians of the same networks: all derivatives are by backpropagation from
one output at a time, not by differences. With the argument `curvature` only this file is written.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.func import hessian, vmap
from torch.nn import functional
from torch.nn.utils.rnn import pack_sequence, pad_packed_sequence

FOLDER = Path(__file__).parent
VALUES, CURVATURE = FOLDER / "pytorch_values.json", FOLDER / "curvature_values.json"

N_FEATURES, HIDDEN_SIZE, N_OUTPUTS = 2, 3, 3
#: Name and activation of a cell, the PyTorch module, and the position of each of our gates in PyTorch's order.
CELLS = [
    ("rnn", "tanh", nn.RNN, {"nonlinearity": "tanh"}, [0]),
    ("rnn", "relu", nn.RNN, {"nonlinearity": "relu"}, [0]),
    ("gru", "tanh", nn.GRU, {}, [1, 0, 2]),  # r, z, n -> z, r, h
    ("lstm", "tanh", nn.LSTM, {}, [0, 3, 1, 2]),  # i, f, g, o -> i, o, f, c
]
#: Whether a network is bidirectional, and its layers.
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


def huber_losses(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return the Huber loss of each row, quadratic up to an error of one, averaged over outputs."""
    return functional.huber_loss(raw, y, reduction="none", delta=1.0).mean(dim=1)


def half_poisson_deviances(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return half the Poisson deviance of each row from means of exp(raw), averaged over outputs."""
    losses = functional.poisson_nll_loss(raw, y, log_input=True, full=False, reduction="none")
    return (losses + torch.xlogy(y, y) - y).mean(dim=1)


#: Loss of each row, and its targets as a function of random numbers, (n_rows, n_outputs).
LOSSES = {
    "squared_error": (half_squared_errors, lambda y: y),
    "binary_log_loss": (binary_cross_entropies, lambda y: (y > 0.0).double()),
    "multinomial_log_loss": (
        cross_entropies,
        lambda y: functional.one_hot(y.argmax(dim=1), N_OUTPUTS).double(),
    ),
}
#: Losses that are only in the second file, for small networks on ragged sequences.
MORE_LOSSES = {
    "huber": (huber_losses, lambda y: 2.0 * y),
    "poisson": (half_poisson_deviances, lambda y: (2.0 * y).abs().floor()),
}


@dataclass(frozen=True)
class Task:
    """A network, its sequences, and the loss of its outputs, (n_rows, n_outputs)."""

    cell: tuple
    recurrent: nn.Module
    readout: nn.Module
    X: list[torch.Tensor]
    raw: torch.Tensor
    #: Of each row, and whether it has a target.
    weights: torch.Tensor
    present: torch.Tensor
    #: Random numbers from which each loss makes its targets.
    normal: torch.Tensor
    return_sequences: bool


def make_task(cell: tuple, depth: int, lengths: list[int], *, bidirectional: bool, return_sequences: bool) -> Task:
    """Return a random network and sequences."""
    name, _, module, options, _ = cell
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
    return Task(cell, recurrent, readout, X, raw, weights, present, normal, return_sequences)


def case_of(task: Task) -> dict:
    """Return a network and sequences, with all of their outputs, losses and gradients."""
    name, activation, *_ = task.cell
    return {
        "cell": name,
        "activation": activation,
        "bidirectional": task.recurrent.bidirectional,
        "return_sequences": task.return_sequences,
        "X": [sequence.tolist() for sequence in task.X],
        "weights": task.weights.tolist() if task.return_sequences else None,
        "parameters": in_our_form(task, gradient=False),
        "outputs": task.raw.tolist(),
        "losses": {loss_name: judge(task, *loss) for loss_name, loss in LOSSES.items()},
    }


def judge(task: Task, loss: Callable, make_y: Callable) -> dict:
    """Return targets, the weighted mean of their losses and its gradient."""
    y, present = make_y(task.normal), task.present
    losses = loss(task.raw[present], y[present])
    value = (task.weights[present] * losses).sum() / task.weights[present].sum()
    return {
        "y": [row if there else [None] * N_OUTPUTS for row, there in zip(y.tolist(), present, strict=True)],
        "loss": value.item(),
        "gradient": gradient_of(task, value),
    }


def gradient_of(task: Task, value: torch.Tensor) -> dict:
    """Return the gradient of a number."""
    task.recurrent.zero_grad()
    task.readout.zero_grad()
    value.backward(retain_graph=True)
    return in_our_form(task, gradient=True)


def has_dead_unit(case: dict) -> bool:
    """Return whether some unit has no gradient on its recurrent weights: a relu that is zero at every timestep."""
    gradients = [judged["gradient"] for judged in case["losses"].values()]
    rows = [row for gradient in gradients for layer in gradient["layers"] for row in layer["recurrent_weights"]]
    return not all(map(any, rows))


def in_our_form(task: Task, *, gradient: bool) -> dict:
    """Return the parameters, or their gradients, under the names and in the order of skrnn.

    The layers of both directions are in one list, in each layer forward before backward.
    """
    recurrent, readout, order = task.recurrent, task.readout, task.cell[-1]

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


def curvature_of(task: Task, generator: torch.Generator) -> dict:
    """Return a random direction and its product with the curvature, and the Jacobian of the weighted residuals.

    A large Jacobian is stored as its products with the direction and, from the left, with random `multipliers`.
    """
    shapes = in_our_form(task, gradient=False)
    jacobian = jacobian_of(task)
    direction = short_numbers(jacobian.shape[-1], generator)
    residual_rows = np.sqrt(shares_of(task) / N_OUTPUTS)[:, None, None] * jacobian
    residual_rows = residual_rows.reshape(-1, len(direction))
    multipliers = short_numbers(len(residual_rows), generator)
    is_small = task.recurrent.num_layers == 1 and not task.recurrent.bidirectional
    is_ragged = len({len(sequence) for sequence in task.X}) > 1
    judged = {}
    for loss_name, (loss, make_y) in (LOSSES | (MORE_LOSSES if is_small and is_ragged else {})).items():
        judged[loss_name] = judge(task, loss, make_y) if loss_name in MORE_LOSSES else {}
        bent = gauss_newton_product(task, loss, make_y(task.normal), jacobian, direction)
        judged[loss_name]["product"] = named(bent, shapes)
    if is_small:
        residuals = {"jacobian": named(residual_rows, shapes)}
    else:
        residuals = {
            "along_direction": rounded(residual_rows @ direction),
            "multipliers": multipliers.tolist(),
            "multiplied": named(multipliers @ residual_rows, shapes),
        }
    return {"direction": named(direction, shapes), "losses": judged, "residuals": residuals}


def jacobian_of(task: Task) -> np.ndarray:
    """Return the derivative of each output of each row by our parameters, (n_rows, n_outputs, n_parameters)."""
    return np.array([[flat(gradient_of(task, output)) for output in row] for row in task.raw])


def shares_of(task: Task) -> np.ndarray:
    """Return the share that each row has in the weighted mean, zero where it has no target, (n_rows,)."""
    weights = task.weights * task.present
    return (weights / weights.sum()).numpy()


def gauss_newton_product(
    task: Task, loss: Callable, y: torch.Tensor, jacobian: np.ndarray, direction: np.ndarray
) -> np.ndarray:
    """Return the sum over rows of their share times J' H J direction, H of the row's loss, (n_parameters,)."""

    def loss_of_row(raw: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return loss(raw[None], y[None])[0]

    hessians = vmap(hessian(loss_of_row))(task.raw.detach(), y).numpy()
    return np.einsum("i,iap,iab,ib->p", shares_of(task), jacobian, hessians, jacobian @ direction)


def short_numbers(n: int, generator: torch.Generator) -> np.ndarray:
    """Return n random numbers of few digits."""
    return torch.randn(n, generator=generator, dtype=torch.float64).numpy().round(3)


def arrays_of(parameters: dict) -> Iterator[tuple[dict, str]]:
    """Yield the location of each parameter array in our format: the dictionary and the key."""
    for layer in parameters["layers"]:
        yield from ((layer, name) for name in layer)
    yield from ((parameters, name) for name in parameters if name != "layers")


def flat(parameters: dict) -> np.ndarray:
    """Return parameters in our form, or their gradients, as one vector."""
    return np.concatenate([np.ravel(place[name]) for place, name in arrays_of(parameters)])


def named(vectors: np.ndarray, parameters: dict) -> dict:
    """Return flat vectors, (..., n_parameters), in the form of `parameters`: the leading axes stay in front."""
    result = {**parameters, "layers": [{**layer} for layer in parameters["layers"]]}
    start = 0
    for place, name in arrays_of(result):
        shape = np.shape(place[name])
        end = start + int(np.prod(shape))
        place[name] = rounded(vectors[..., start:end].reshape(*vectors.shape[:-1], *shape))
        start = end
    return result


def rounded(array: np.ndarray) -> list:
    """Return an array as lists of numbers of thirteen digits."""
    return np.reshape([float(f"{number:.12e}") for number in array.flat], array.shape).tolist()


def make_tasks() -> Iterator[tuple[str, Task, dict]]:
    """Yield the name of each case, the network and sequences, and their entries in the first file."""
    torch.manual_seed(0)
    for cell, (bidirectional, depth), kind, return_sequences in product(CELLS, SHAPES, LENGTHS, [False, True]):
        words = [cell[0], cell[1], str(depth), kind]
        words += ["bidirectional"] * bidirectional + ["sequences"] * return_sequences
        case = None
        while case is None or has_dead_unit(case):
            task = make_task(cell, depth, LENGTHS[kind], bidirectional=bidirectional, return_sequences=return_sequences)
            case = case_of(task)
        yield "-".join(words), task, case


def write(target: Path, cases: dict[str, dict]) -> None:
    """Write a file, one case per line."""
    lines = [f"{json.dumps(name)}: {json.dumps(case, separators=(',', ':'))}" for name, case in cases.items()]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(cases)} cases by PyTorch {torch.__version__}, {target.stat().st_size / 1000:.0f} kB: {target}")


def main() -> None:
    """Write both files, or only that of curvature."""
    generator = torch.Generator().manual_seed(1)
    values, curvature = {}, {}
    for name, task, case in make_tasks():
        values[name], curvature[name] = case, curvature_of(task, generator)
    if sys.argv[1:] != ["curvature"]:
        write(VALUES, values)
    write(CURVATURE, curvature)


if __name__ == "__main__":
    main()
