"""PyTorch, eager: `nn.RNN`, `nn.GRU` or `nn.LSTM` with a linear readout, and a plain training step."""

import sys

import torch

from benchmarks.speed.contestants.timing import faster, timed
from benchmarks.speed.problems import Prepared, Problem

LAYERS = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


class Network(torch.nn.Module):
    """One recurrent layer, and a readout after the last timestep."""

    def __init__(self, cell: str, n_features: int, hidden_size: int) -> None:
        super().__init__()
        self.layer = LAYERS[cell](n_features, hidden_size, batch_first=True)
        self.readout = torch.nn.Linear(hidden_size, 1)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the outputs, (n_samples, 1)."""
        states, _ = self.layer(X)
        return self.readout(states[:, -1])


def prepare(problem: Problem) -> Prepared:
    """Return a training step on one batch that is already a tensor, or the faster way to predict."""
    torch.set_num_threads(int(sys.argv[2]))
    torch.manual_seed(0)
    network = Network(problem.cell, problem.shape.n_features, problem.shape.hidden_size)
    network.to(getattr(torch, problem.dtype))
    return _prepare_predict(problem, network) if problem.task == "predict" else _prepare_training(problem, network)


def _prepare_training(problem: Problem, network: Network) -> Prepared:
    """Return the step: forward, loss, backward, Adam."""
    X, y = (torch.from_numpy(array) for array in problem.draw(1))
    y = y[:, None]
    optimizer = torch.optim.Adam(network.parameters())
    mean_squared_error = torch.nn.MSELoss()

    def step() -> None:
        optimizer.zero_grad()
        loss = mean_squared_error(network(X), y)
        loss.backward()
        optimizer.step()
        loss.item()

    return Prepared(timed(step))


def _prepare_predict(problem: Problem, network: Network) -> Prepared:
    """Return the faster of predicting all sequences at once and batch by batch."""
    X = torch.from_numpy(problem.draw(problem.shape.n_batches)[0])
    batches = X.split(problem.shape.batch_size)

    @torch.inference_mode()
    def at_once() -> None:
        network(X).numpy()

    @torch.inference_mode()
    def by_batch() -> None:
        torch.cat([network(batch) for batch in batches]).numpy()

    return Prepared(faster([timed(call, len(batches)) for call in (at_once, by_batch)]))
