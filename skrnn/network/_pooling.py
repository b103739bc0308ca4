"""Pooling: which states of the top layer the readout sees, those after the last timestep or after each one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import final

import numpy as np

from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences


class StatePooling(ABC):
    """Which hidden states the readout turns into outputs, and in which column each output is.

    `tops` are the directions of the top layer, with their workspaces.
    """

    @abstractmethod
    def n_columns(self, batch: Batch) -> int:
        """Return how many columns of outputs a batch has."""

    @abstractmethod
    def columns(self, sequences: Sequences, batch: Batch) -> np.ndarray:
        """Return the places of a batch's columns among the columns of all sequences."""

    @abstractmethod
    def collect(self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, out: np.ndarray) -> None:
        """Write the states that the readout sees into `out`, (readout_size, n_columns)."""

    @abstractmethod
    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply `states`, (readout_size, n_columns), in place by a mask with one column per sequence."""

    @abstractmethod
    def scatter(
        self, d_states: np.ndarray, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, d_outputs: np.ndarray
    ) -> np.ndarray | None:
        """Write the gradient on the collected states to where the backward pass of the top layer expects it.

        That is `d_h` of the workspaces, or `d_outputs`, (n_timesteps, readout_size, n_sequences), which is then
        returned.
        """

    @abstractmethod
    def collect_tangent(
        self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, t_outputs: np.ndarray, out: np.ndarray
    ) -> None:
        """Write the perturbation of the collected states into `out`, (readout_size, n_columns).

        The tangent pass of the top layer left it in `d_h` of the workspaces, or in `t_outputs`, (n_timesteps,
        readout_size, n_sequences).
        """

    @abstractmethod
    def n_pooled_states(self, batch: Batch) -> int:
        """Return how many states of the longest sequence of a batch the readout sees, one after another in time."""

    @abstractmethod
    def columns_of(self, batch: Batch, number: int) -> slice:
        """Return the columns of outputs of the state of this number: one for each sequence that has it, in order."""

    @abstractmethod
    def scatter_one(self, layer: Layer, batch: Batch, number: int, d_states: np.ndarray, d_outputs: np.ndarray) -> None:
        """Write the gradient on the states of this number, (hidden_size, n_running), to where the layer left them.

        `d_outputs`, (n_timesteps, hidden_size, n_sequences), is zero elsewhere.
        """


@final
class LastTimestep(StatePooling):
    """One column per sequence: the state with which each direction ends."""

    def n_columns(self, batch: Batch) -> int:
        """Return the number of sequences."""
        return len(batch)

    def columns(self, sequences: Sequences, batch: Batch) -> np.ndarray:
        """Return the indices of the sequences."""
        return batch.indices

    def collect(self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, out: np.ndarray) -> None:
        """Write the final states into `out`."""
        start = 0
        for layer, workspace in tops:
            layer.final_hidden_states(workspace, batch.spans, out[start : start + layer.hidden_size])
            start += layer.hidden_size

    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply `states` by the mask."""
        states *= mask[:, : states.shape[1]]

    def scatter(
        self, d_states: np.ndarray, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, d_outputs: np.ndarray
    ) -> np.ndarray | None:
        """Write the gradient into `d_h` of the workspaces."""
        start, n_sequences = 0, d_states.shape[1]
        for layer, workspace in tops:
            workspace.d_h[:, :n_sequences] = d_states[start : start + layer.hidden_size]
            start += layer.hidden_size
        return None

    def collect_tangent(
        self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, t_outputs: np.ndarray, out: np.ndarray
    ) -> None:
        """Write what `d_h` of the workspaces holds into `out`."""
        start, n_sequences = 0, out.shape[1]
        for layer, workspace in tops:
            out[start : start + layer.hidden_size] = workspace.d_h[:, :n_sequences]
            start += layer.hidden_size

    def n_pooled_states(self, batch: Batch) -> int:
        """Return one."""
        return 1

    def columns_of(self, batch: Batch, number: int) -> slice:
        """Return all columns."""
        return slice(0, len(batch))

    def scatter_one(self, layer: Layer, batch: Batch, number: int, d_states: np.ndarray, d_outputs: np.ndarray) -> None:
        """Write the gradient to the timestep at which the layer ends each sequence."""
        if layer.from_end:
            d_outputs[0, :, : len(batch)] = d_states
            return
        n_longer = 0
        for _, stop, n_running in reversed(batch.spans):
            ending = slice(n_longer, n_running)
            d_outputs[stop - 1, :, ending] = d_states[:, ending]
            n_longer = n_running


@final
class EveryTimestep(StatePooling):
    """One column per timestep. In a batch: timestep after timestep, and in each the sequences that run."""

    def n_columns(self, batch: Batch) -> int:
        """Return the number of timesteps of all sequences together."""
        return batch.n_steps()

    def columns(self, sequences: Sequences, batch: Batch) -> np.ndarray:
        """Return the places of the timesteps among all of them, one sequence after another."""
        return batch.columns(sequences)

    def collect(self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, out: np.ndarray) -> None:
        """Write the states after each timestep into `out`."""
        for steps, of_span in _by_span(out, batch):
            start = 0
            for layer, workspace in tops:
                states = workspace.hidden_states[steps, :, : of_span.shape[-1]]
                of_span[:, start : start + layer.hidden_size] = states
                start += layer.hidden_size

    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply the states of a sequence at each of its timesteps by its column of the mask."""
        for _, of_span in _by_span(states, batch):
            of_span *= mask[:, : of_span.shape[-1]]

    def scatter(
        self, d_states: np.ndarray, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, d_outputs: np.ndarray
    ) -> np.ndarray | None:
        """Write the gradient into `d_outputs` and return it."""
        for steps, of_span in _by_span(d_states, batch):
            d_outputs[steps, :, : of_span.shape[-1]] = of_span
        return d_outputs

    def collect_tangent(
        self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, t_outputs: np.ndarray, out: np.ndarray
    ) -> None:
        """Write `t_outputs` into `out`."""
        for steps, of_span in _by_span(out, batch):
            of_span[...] = t_outputs[steps, :, : of_span.shape[-1]]

    def n_pooled_states(self, batch: Batch) -> int:
        """Return the number of timesteps."""
        return batch.n_timesteps

    def columns_of(self, batch: Batch, number: int) -> slice:
        """Return the columns of a timestep."""
        begin = 0
        for start, stop, n_running in batch.spans:
            if number < stop:
                begin += (number - start) * n_running
                break
            begin += (stop - start) * n_running
        return slice(begin, begin + n_running)

    def scatter_one(self, layer: Layer, batch: Batch, number: int, d_states: np.ndarray, d_outputs: np.ndarray) -> None:
        """Write the gradient to the timestep of this number."""
        d_outputs[number, :, : d_states.shape[1]] = d_states


def _by_span(columns: np.ndarray, batch: Batch) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the timesteps of each span and a view on their columns, (n_timesteps, n_rows, n_running)."""
    begin = 0
    for start, stop, n_running in batch.spans:
        end = begin + (stop - start) * n_running
        of_span = columns[:, begin:end].reshape(len(columns), stop - start, n_running)
        yield slice(start, stop), of_span.swapaxes(0, 1)
        begin = end
