"""What the readout sees of the top layer: its states after the last timestep, or after each one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import final

import numpy as np

from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences


class Reading(ABC):
    """Which hidden states the readout turns into outputs, and in which column of the outputs each of them is."""

    @abstractmethod
    def n_columns(self, batch: Batch) -> int:
        """Return how many columns of outputs a batch has."""

    @abstractmethod
    def columns(self, sequences: Sequences, batch: Batch) -> np.ndarray:
        """Return where the columns of a batch are among the columns of all sequences."""

    @abstractmethod
    def collect(self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, out: np.ndarray) -> None:
        """Write the states of the directions of the top layer into `out`, (readout_size, n_columns)."""

    @abstractmethod
    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply `states`, (readout_size, n_columns), in place by a mask for each sequence of the batch."""

    @abstractmethod
    def spread(
        self, d_states: np.ndarray, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, d_outputs: np.ndarray
    ) -> np.ndarray | None:
        """Write the gradient on the collected states to where the top layer's backward pass starts.

        That is `d_h` of the workspaces, or `d_outputs`, (n_timesteps, readout_size, n_sequences), which is returned
        where it is needed.
        """

    @abstractmethod
    def collect_tangent(
        self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, t_outputs: np.ndarray, out: np.ndarray
    ) -> None:
        """Write the perturbation of the collected states into `out`, (readout_size, n_columns).

        The tangent pass of the top layer has left it in `d_h` of the workspaces, or in `t_outputs`, (n_timesteps,
        readout_size, n_sequences).
        """

    @abstractmethod
    def n_readings(self, batch: Batch) -> int:
        """Return how many times the longest sequence of a batch is read."""

    @abstractmethod
    def columns_of(self, batch: Batch, reading: int) -> slice:
        """Return which columns of outputs a reading gives: those of the first so many sequences."""

    @abstractmethod
    def plant(self, layer: Layer, batch: Batch, reading: int, d_states: np.ndarray, d_outputs: np.ndarray) -> None:
        """Write the gradient on the states of one reading, (hidden_size, n_running), to where the layer left them.

        `d_outputs`, (n_timesteps, hidden_size, n_sequences), are zeros elsewhere.
        """


@final
class LastTimestep(Reading):
    """One column a sequence: the state with which each direction ends."""

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
            layer.final_hidden_states(workspace, batch.segments, out[start : start + layer.hidden_size])
            start += layer.hidden_size

    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply `states` by the mask."""
        states *= mask[:, : states.shape[1]]

    def spread(
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

    def n_readings(self, batch: Batch) -> int:
        """Return one."""
        return 1

    def columns_of(self, batch: Batch, reading: int) -> slice:
        """Return all columns."""
        return slice(0, len(batch))

    def plant(self, layer: Layer, batch: Batch, reading: int, d_states: np.ndarray, d_outputs: np.ndarray) -> None:
        """Write the gradient to the timestep at which the layer is done with each sequence."""
        if layer.from_end:
            d_outputs[0, :, : len(batch)] = d_states
            return
        n_longer = 0
        for _, stop, n_running in reversed(batch.segments):
            ending = slice(n_longer, n_running)
            d_outputs[stop - 1, :, ending] = d_states[:, ending]
            n_longer = n_running


@final
class EveryTimestep(Reading):
    """One column a timestep. In a batch: timestep after timestep, and in each the sequences that run."""

    def n_columns(self, batch: Batch) -> int:
        """Return the number of timesteps of all sequences together."""
        return batch.n_steps()

    def columns(self, sequences: Sequences, batch: Batch) -> np.ndarray:
        """Return where the timesteps are if all of them stand one sequence after another."""
        return batch.columns(sequences)

    def collect(self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, out: np.ndarray) -> None:
        """Write the states after each timestep into `out`."""
        for steps, part in _by_timestep(out, batch):
            start = 0
            for layer, workspace in tops:
                states = workspace.hidden_states[steps, :, : part.shape[-1]]
                part[:, start : start + layer.hidden_size] = states
                start += layer.hidden_size

    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply the states of a sequence, at each of its timesteps, by its column of the mask."""
        for _, part in _by_timestep(states, batch):
            part *= mask[:, : part.shape[-1]]

    def spread(
        self, d_states: np.ndarray, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, d_outputs: np.ndarray
    ) -> np.ndarray | None:
        """Write the gradient into `d_outputs` and return them."""
        for steps, part in _by_timestep(d_states, batch):
            d_outputs[steps, :, : part.shape[-1]] = part
        return d_outputs

    def collect_tangent(
        self, tops: list[tuple[Layer, LayerWorkspace]], batch: Batch, t_outputs: np.ndarray, out: np.ndarray
    ) -> None:
        """Write `t_outputs` into `out`."""
        for steps, part in _by_timestep(out, batch):
            part[...] = t_outputs[steps, :, : part.shape[-1]]

    def n_readings(self, batch: Batch) -> int:
        """Return the number of timesteps."""
        return batch.n_timesteps

    def columns_of(self, batch: Batch, reading: int) -> slice:
        """Return the columns of a timestep."""
        begin = 0
        for start, stop, n_running in batch.segments:
            if reading < stop:
                begin += (reading - start) * n_running
                break
            begin += (stop - start) * n_running
        return slice(begin, begin + n_running)

    def plant(self, layer: Layer, batch: Batch, reading: int, d_states: np.ndarray, d_outputs: np.ndarray) -> None:
        """Write the gradient to the timestep that is read."""
        d_outputs[reading, :, : d_states.shape[1]] = d_states


def _by_timestep(columns: np.ndarray, batch: Batch) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield runs of timesteps and a view on their columns, (n_timesteps, n_rows, n_running)."""
    begin = 0
    for start, stop, n_running in batch.segments:
        end = begin + (stop - start) * n_running
        part = columns[:, begin:end].reshape(len(columns), stop - start, n_running)
        yield slice(start, stop), part.swapaxes(0, 1)
        begin = end
