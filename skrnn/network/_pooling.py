"""Pooling: the input of the readout is the last state of the top layer, the mean or maximum, or each state."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, final

import numpy as np

from skrnn.network._layer import Layer
from skrnn.network._layer_workspace import LayerWorkspace
from skrnn.sequences._batches import Batch
from skrnn.sequences._ragged import Sequences

#: The directions of the top layer, with their workspaces.
Tops = list[tuple[Layer, LayerWorkspace]]


class StatePooling(ABC):
    """Computes the inputs of the readout from the hidden states; by default one column per sequence."""

    #: Whether each timestep has a column of outputs.
    per_timestep: ClassVar[bool] = False
    #: Whether not only the final state of each direction is used.
    reads_every_state: ClassVar[bool] = True

    def n_columns(self, batch: Batch) -> int:
        """Return the number of output columns of a batch."""
        return len(batch)

    def columns(self, sequences: Sequences, batch: Batch) -> np.ndarray:
        """Return the indices of the columns of a batch among those of all sequences."""
        return batch.indices

    @abstractmethod
    def collect(self, tops: Tops, batch: Batch, out: np.ndarray) -> None:
        """Write the inputs of the readout into `out`, (readout_size, n_columns).

        For sequences with timesteps before the batch, `out` contains on entry the result for these.
        """

    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply `states`, (readout_size, n_columns), in place by a mask with one column per sequence."""
        states *= mask[:, : states.shape[1]]

    @abstractmethod
    def scatter(self, d_states: np.ndarray, tops: Tops, batch: Batch, d_outputs: np.ndarray) -> np.ndarray | None:
        """Write the gradient on the collected states to where the backward pass of the top layer expects it.

        If every state is used, this is `d_outputs`, (n_timesteps, readout_size, n_sequences), which is returned;
        otherwise `d_h` of the workspaces.
        """

    @abstractmethod
    def collect_tangent(self, tops: Tops, batch: Batch, t_outputs: np.ndarray, out: np.ndarray) -> None:
        """Write the tangent of the collected states into `out`, (readout_size, n_columns).

        If every state is used, the tangent of the states of the top layer is in `t_outputs`, (n_timesteps,
        readout_size, n_sequences); otherwise that of the final states is in `d_h` of the workspaces.
        """

    def n_pooled_states(self, batch: Batch) -> int:
        """Return the number of output columns of the longest sequence of a batch, in order of time."""
        return 1

    def columns_of(self, batch: Batch, number: int) -> slice:
        """Return the columns with this number: one per sequence that has it, in order."""
        return slice(0, len(batch))

    def scatter_one(
        self, top: tuple[Layer, LayerWorkspace], batch: Batch, number: int, d_states: np.ndarray, d_outputs: np.ndarray
    ) -> None:
        """Write the gradient on the columns with this number, (hidden_size, n_running), to their states.

        `d_outputs`, (n_timesteps, hidden_size, n_sequences), is zero on entry.
        """
        self.scatter(d_states, [top], batch, d_outputs)


@final
class LastTimestep(StatePooling):
    """The final state of each direction."""

    reads_every_state = False

    def collect(self, tops: Tops, batch: Batch, out: np.ndarray) -> None:
        """Write the final states into `out`."""
        for (layer, workspace), of_layer in _by_direction(tops, out):
            layer.final_hidden_states(workspace, batch.spans, of_layer)

    def scatter(self, d_states: np.ndarray, tops: Tops, batch: Batch, d_outputs: np.ndarray) -> np.ndarray | None:
        """Write the gradient into `d_h` of the workspaces."""
        for (_, workspace), of_layer in _by_direction(tops, d_states):
            workspace.d_h[:, : of_layer.shape[1]] = of_layer
        return None

    def collect_tangent(self, tops: Tops, batch: Batch, t_outputs: np.ndarray, out: np.ndarray) -> None:
        """Write `d_h` of the workspaces into `out`."""
        for (_, workspace), of_layer in _by_direction(tops, out):
            of_layer[...] = workspace.d_h[:, : of_layer.shape[1]]

    def scatter_one(
        self, top: tuple[Layer, LayerWorkspace], batch: Batch, number: int, d_states: np.ndarray, d_outputs: np.ndarray
    ) -> None:
        """Write the gradient to the last timestep of the pass over each sequence."""
        if top[0].from_end:
            d_outputs[0, :, : len(batch)] = d_states
            return
        n_longer = 0
        for _, stop, n_running in reversed(batch.spans):
            ending = slice(n_longer, n_running)
            d_outputs[stop - 1, :, ending] = d_states[:, ending]
            n_longer = n_running


@final
class MeanOverTime(StatePooling):
    """The mean of the states after each timestep of a sequence."""

    def collect(self, tops: Tops, batch: Batch, out: np.ndarray) -> None:
        """Write the means into `out`."""
        n_before, n_timesteps = _counts(batch, out.dtype)
        _begin(out, n_before, 0.0)
        out *= n_before
        for (_, workspace), of_layer in _by_direction(tops, out):
            _add_up(workspace.hidden_states, batch, of_layer)
        out /= n_timesteps

    def scatter(self, d_states: np.ndarray, tops: Tops, batch: Batch, d_outputs: np.ndarray) -> np.ndarray | None:
        """Write equal parts of the gradient to all timesteps of a sequence."""
        d_outputs[: batch.n_timesteps, :, : len(batch)] = d_states / _counts(batch, d_states.dtype)[1]
        return d_outputs

    def collect_tangent(self, tops: Tops, batch: Batch, t_outputs: np.ndarray, out: np.ndarray) -> None:
        """Write the means of `t_outputs` into `out`."""
        out.fill(0.0)
        _add_up(t_outputs, batch, out)
        out /= _counts(batch, out.dtype)[1]


@final
class MaxOverTime(StatePooling):
    """The maximum of each unit over the timesteps of a sequence; gradients go to the first maximum."""

    def collect(self, tops: Tops, batch: Batch, out: np.ndarray) -> None:
        """Write the maxima into `out`."""
        _begin(out, _counts(batch, out.dtype)[0], -np.inf)
        for (_, workspace), of_layer in _by_direction(tops, out):
            for start, stop, n_running in batch.spans:
                of_span, states = of_layer[:, :n_running], workspace.hidden_states[start:stop, :, :n_running]
                np.maximum(of_span, np.maximum.reduce(states, axis=0), out=of_span)

    def scatter(self, d_states: np.ndarray, tops: Tops, batch: Batch, d_outputs: np.ndarray) -> np.ndarray | None:
        """Write the gradient to the timesteps of the maxima, and zeros to the others."""
        written = d_outputs[: batch.n_timesteps, :, : len(batch)]
        written.fill(0.0)
        np.put_along_axis(written, _times_of_maxima(tops, batch), d_states[np.newaxis], axis=0)
        return d_outputs

    def collect_tangent(self, tops: Tops, batch: Batch, t_outputs: np.ndarray, out: np.ndarray) -> None:
        """Write `t_outputs` at the timesteps of the maxima into `out`."""
        t_states = t_outputs[: batch.n_timesteps, :, : len(batch)]
        (out[...],) = np.take_along_axis(t_states, _times_of_maxima(tops, batch), axis=0)


@final
class EveryTimestep(StatePooling):
    """One column per timestep, in a batch ordered by timestep, and within it by sequence."""

    per_timestep = True

    def n_columns(self, batch: Batch) -> int:
        """Return the number of timesteps of all sequences together."""
        return batch.n_steps()

    def columns(self, sequences: Sequences, batch: Batch) -> np.ndarray:
        """Return the indices of the timesteps among all timesteps, one sequence after another."""
        return batch.columns(sequences)

    def collect(self, tops: Tops, batch: Batch, out: np.ndarray) -> None:
        """Write the states after each timestep into `out`."""
        for steps, of_span in _by_span(out, batch):
            for (_, workspace), of_layer in _by_direction(tops, of_span):
                of_layer[...] = workspace.hidden_states[steps, :, : of_layer.shape[-1]]

    def drop(self, states: np.ndarray, mask: np.ndarray, batch: Batch) -> None:
        """Multiply the states of a sequence at each of its timesteps by its column of the mask."""
        for _, of_span in _by_span(states, batch):
            of_span *= mask[:, : of_span.shape[-1]]

    def scatter(self, d_states: np.ndarray, tops: Tops, batch: Batch, d_outputs: np.ndarray) -> np.ndarray | None:
        """Write the gradient into `d_outputs` and return it."""
        for steps, of_span in _by_span(d_states, batch):
            d_outputs[steps, :, : of_span.shape[-1]] = of_span
        return d_outputs

    def collect_tangent(self, tops: Tops, batch: Batch, t_outputs: np.ndarray, out: np.ndarray) -> None:
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

    def scatter_one(
        self, top: tuple[Layer, LayerWorkspace], batch: Batch, number: int, d_states: np.ndarray, d_outputs: np.ndarray
    ) -> None:
        """Write the gradient to the timestep with this number."""
        d_outputs[number, :, : d_states.shape[1]] = d_states


#: Poolings for one output column per sequence.
POOLINGS: dict[str, type[StatePooling]] = {"last": LastTimestep, "mean": MeanOverTime, "max": MaxOverTime}


def _by_direction(tops: Tops, states: np.ndarray) -> Iterator[tuple[tuple[Layer, LayerWorkspace], np.ndarray]]:
    """Yield each direction of the top layer, and a view of its rows of `states`, (..., readout_size, n)."""
    start = 0
    for top in tops:
        stop = start + top[0].hidden_size
        yield top, states[..., start:stop, :]
        start = stop


def _counts(batch: Batch, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of timesteps of each sequence before the batch, and at its end, (n_sequences,)."""
    n_before = np.broadcast_to(batch.first, batch.lengths.shape).astype(dtype)
    return n_before, n_before + batch.lengths.astype(dtype)


def _begin(out: np.ndarray, n_before: np.ndarray, value: float) -> None:
    """Write `value` into the columns of `out`, (n_rows, n_sequences), whose sequences begin in this batch."""
    np.copyto(out, value, where=n_before == 0.0)


def _add_up(of_timesteps: np.ndarray, batch: Batch, out: np.ndarray) -> None:
    """Add the values of each sequence at its timesteps, (n_timesteps, n_rows, n_sequences), to `out`."""
    for start, stop, n_running in batch.spans:
        out[:, :n_running] += np.add.reduce(of_timesteps[start:stop, :, :n_running], axis=0)


def _times_of_maxima(tops: Tops, batch: Batch) -> np.ndarray:
    """Return the timestep of the first maximum of each unit in each sequence, (1, readout_size, n_sequences)."""
    of_directions = []
    for layer, workspace in tops:
        times = np.zeros((1, layer.hidden_size, len(batch)), dtype=np.intp)
        largest = np.full(times.shape[1:], -np.inf, workspace.hidden_states.dtype)
        for start, stop, n_running in batch.spans:
            states = workspace.hidden_states[start:stop, :, :n_running]
            of_span, known = np.maximum.reduce(states, axis=0), largest[:, :n_running]
            is_larger = of_span > known
            np.copyto(times[0, :, :n_running], start + np.argmax(states, axis=0), where=is_larger)
            np.copyto(known, of_span, where=is_larger)
        of_directions.append(times)
    return np.concatenate(of_directions, axis=1)


def _by_span(columns: np.ndarray, batch: Batch) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the timesteps of each span and a view of their columns, (n_timesteps, n_rows, n_running)."""
    begin = 0
    for start, stop, n_running in batch.spans:
        end = begin + (stop - start) * n_running
        of_span = columns[:, begin:end].reshape(len(columns), stop - start, n_running)
        yield slice(start, stop), of_span.swapaxes(0, 1)
        begin = end
