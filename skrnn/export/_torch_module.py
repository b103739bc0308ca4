"""The module of PyTorch that computes what a fitted network does."""

from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple, final

from skrnn.export._answers import Answers
from skrnn.export._optional import needing
from skrnn.export._torch_layout import MODULES


class Run(NamedTuple):
    """Layers of one size, one above the other: what one recurrent module of PyTorch holds."""

    n_inputs: int
    hidden_size: int
    n_layers: int


@final
@dataclass(frozen=True)
class Settings:
    """All that a module is but its weights.

    Attributes
    ----------
    cell, activation, dtype : str
        By their names.
    n_features, n_directions, n_outputs : int
        Sizes.
    hidden_layer_sizes : tuple of int
        Units of each layer in each direction.
    return_sequences : bool
        Whether there is an output at each timestep.
    answers : Answers
        What becomes of the readout's outputs.
    """

    cell: str
    activation: str
    n_features: int
    hidden_layer_sizes: tuple[int, ...]
    n_directions: int
    n_outputs: int
    return_sequences: bool
    answers: Answers
    dtype: str

    def runs(self) -> list[Run]:
        """Return the layers, those of one size that follow each other in one."""
        runs, n_inputs = [], self.n_features
        for size, layers in groupby(self.hidden_layer_sizes):
            runs.append(Run(n_inputs, size, len(list(layers))))
            n_inputs = self.n_directions * size
        return runs


def make_module(settings: Settings) -> Any:
    """Return a module of these settings; its weights are PyTorch's first ones."""
    return _module_class()(settings)


@cache
def _module_class() -> Any:
    """Return the class of the module, which exists once PyTorch is imported."""
    with needing("torch", "to_torch", "pip install torch"):
        import torch

    @final
    class RecurrentNetwork(torch.nn.Module):
        """Recurrent layers, a linear readout, and what becomes of its outputs: see `skrnn.export.to_torch`."""

        def __init__(self, settings: Settings) -> None:
            super().__init__()
            make = getattr(torch.nn, MODULES[settings.cell])
            options: dict[str, Any] = {"dtype": getattr(torch, settings.dtype)}
            of_cell = {"nonlinearity": settings.activation} if settings.cell == "rnn" else {}
            self.settings = settings
            self.recurrent = torch.nn.ModuleList(
                make(*run, batch_first=True, bidirectional=settings.n_directions == 2, **of_cell, **options)
                for run in settings.runs()
            )
            n_states = settings.n_directions * settings.hidden_layer_sizes[-1]
            self.readout = torch.nn.Linear(n_states, settings.n_outputs, **options)

        def forward(self, X: Any, lengths: Any = None) -> Any:
            """Return predictions, or probabilities; behind the lengths NaN."""
            answers = _answer(self.raw_outputs(X, lengths), self.settings.answers)
            if lengths is None or not self.settings.return_sequences:
                return answers
            is_padding = torch.arange(X.shape[1]) >= torch.as_tensor(lengths).cpu()[:, None]
            is_padding = is_padding.reshape(*is_padding.shape, *[1] * len(self.settings.answers.shape))
            return answers.masked_fill(is_padding.to(answers.device), torch.nan)

        def raw_outputs(self, X: Any, lengths: Any = None) -> Any:
            """Return what the readout gives, (n_samples[, n_timesteps], n_outputs)."""
            if not isinstance(X, torch.Tensor):
                raise TypeError(f"X is of type {type(X).__name__}; expected a tensor.")
            if X.ndim != 3:  # PyTorch would take two axes for one sequence
                raise ValueError(f"X has shape {tuple(X.shape)}; expected (n_samples, n_timesteps, n_features).")
            states, last = X, X.new_empty(0)
            if lengths is not None:
                lengths = torch.as_tensor(lengths).cpu()
                _check_lengths(lengths, X)
                states = torch.nn.utils.rnn.pack_padded_sequence(X, lengths, batch_first=True, enforce_sorted=False)
            for layers in self.recurrent:
                states, last = layers(states)
            if not self.settings.return_sequences:
                last = last[0] if self.settings.cell == "lstm" else last
                return self.readout(torch.cat(tuple(last[-self.settings.n_directions :]), dim=1))
            if lengths is not None:
                states, _ = torch.nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=X.shape[1])
            return self.readout(states)

        def __reduce__(self) -> tuple[Any, ...]:
            """Let a copy find its class, which has no place in a module of Python."""
            return make_module, (self.settings,), self.__dict__

    return RecurrentNetwork


def _check_lengths(lengths: Any, X: Any) -> None:
    n_samples, n_timesteps, _ = X.shape
    are_whole = not (lengths.is_floating_point() or lengths.is_complex())
    if tuple(lengths.shape) != (n_samples,) or not are_whole or not ((lengths > 0) & (lengths <= n_timesteps)).all():
        raise ValueError(
            f"lengths are {lengths.tolist()}; expected a tensor of shape ({n_samples},) of whole numbers from 1 to "
            f"{n_timesteps}, the timesteps of X."
        )


def _answer(raw: Any, answers: Answers) -> Any:
    """Return the answers that raw outputs, (..., n_outputs), stand for."""
    import torch  # the module is there, so PyTorch is

    match answers.kind:
        case "numbers":
            return raw.reshape(*raw.shape[:-1], *answers.shape)
        case "exponentials":
            return raw.exp().reshape(*raw.shape[:-1], *answers.shape)
        case "quantiles":
            return raw.reshape(*raw.shape[:-1], *answers.shape).sort(dim=-1).values
        case "two classes":
            return torch.cat([-raw, raw], dim=-1).sigmoid()
        case "classes":
            return raw.softmax(dim=-1)
        case "labels":
            return raw.sigmoid()
