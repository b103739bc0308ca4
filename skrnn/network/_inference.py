"""The forward pass over all data, in chunks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Self, final

import numpy as np

from skrnn.cells._compiled import is_compiled
from skrnn.network._network import Network, Workspaces
from skrnn.network._parameters import ReadoutParameters
from skrnn.sequences._batches import Batch, chunks, n_allocated_timesteps
from skrnn.sequences._ragged import Sequences

#: Maximum bytes of the workspace of a chunk, so that memory does not grow with the number of sequences.
_CHUNK_BYTES = 64 * 1024 * 1024
_MIN_CHUNK_SIZE, _CHUNK_SIZE = 8, 1024
#: Numbers in the state of the widest layer from which a chunk is large enough: the overhead of Python is then
# negligible, even if threads share the interpreter. Data of less than two such chunks are not divided.
_STATE_NUMBERS = 16 * 1024
#: Bytes of the workspace of a segment of timesteps, for passes that need no more at once, so that it stays in the
# cache.
_SEGMENT_BYTES = 4 * 1024 * 1024
_MIN_SEGMENT = 16
#: Workspaces of at most so many bytes are kept for the next pass: for a few sequences, allocating one and its views
# takes as long as the computation.
_KEPT_BYTES = 64 * 1024

#: Like the builtin `map`. The first argument of the function is the same object in all calls, the second the number of
# a chunk; there may be more. Results are in the order of the chunks, whichever worker computes them. The shared object
# is sent to workers only once, because it is the same in all passes.
Map = Callable[..., Iterable[Any]]


def split(network: Network, sequences: Sequences) -> list[Batch]:
    """Return chunks that cover all sequences once; their sizes depend only on shapes."""
    n_steps = _CHUNK_BYTES // _bytes_of_a_timestep(network, sequences, backward=True)
    widest = max(layer.hidden_size for layer in network.layers)
    enough = int(np.clip(_STATE_NUMBERS // widest, _MIN_CHUNK_SIZE, _CHUNK_SIZE))
    return chunks(sequences, n_steps, _MIN_CHUNK_SIZE, enough)


def outputs(network: Network, theta: np.ndarray, sequences: Sequences, map_chunks: Map = map) -> np.ndarray:
    """Return the raw outputs of all sequences, (n_outputs, n_columns)."""
    return infer(network, theta, ForwardPlan.of(network, sequences), map_chunks)


def hidden_states(network: Network, theta: np.ndarray, sequences: Sequences, map_chunks: Map = map) -> np.ndarray:
    """Return the inputs of the readout, (readout_size, n_columns)."""
    return infer(network, theta, ForwardPlan.of(network, sequences), map_chunks, reads_out=False)


@final
@dataclass(frozen=True)
class ForwardPlan:
    """Sequences, and the chunks of a forward pass, each in segments of `n_timesteps`."""

    sequences: Sequences
    chunks: list[Batch]
    n_timesteps: int

    @classmethod
    def of(cls, network: Network, sequences: Sequences) -> Self:
        """Return the plan for a network; it depends only on shapes."""
        n_timesteps = sequences.max_length
        if network.bidirectional:  # the backward direction needs whole sequences
            return cls(sequences, split(network, sequences), n_timesteps)
        plan = chunks(sequences, 0, _CHUNK_SIZE, _CHUNK_SIZE)
        n_bytes = len(plan[0]) * _bytes_of_a_timestep(network, sequences, backward=False)
        return cls(sequences, plan, min(n_timesteps, max(_MIN_SEGMENT, _SEGMENT_BYTES // n_bytes)))

    def workspaces(self, network: Network) -> Workspaces:
        """Return a pool of workspaces for a network: a new one, or if they are small the one of earlier passes."""
        dtype = self.sequences.dtype
        n_steps = len(self.chunks[0]) * self.n_timesteps
        is_small = n_steps * _bytes_of_a_timestep(network, self.sequences, backward=False) <= _KEPT_BYTES
        if not is_small:
            return Workspaces(network, dtype, backward=False)
        return _kept_workspaces(network, dtype, is_compiled(network.layers[0].cell))


@lru_cache(maxsize=16)
def _kept_workspaces(network: Network, dtype: np.dtype, compiled: bool) -> Workspaces:
    """Return the pool of small workspaces for a network, with or without compiled cells, which round differently."""
    return Workspaces(network, dtype, backward=False)


def infer(
    network: Network, theta: np.ndarray, plan: ForwardPlan, map_chunks: Map, *, reads_out: bool = True
) -> np.ndarray:
    """Return outputs or states: one column per sequence, or with `return_sequences` per timestep."""
    parameters, sequences = network.layout.views(theta), plan.sequences
    dtype = sequences.dtype
    forward = _ForwardPass(
        network=network,
        packed=network.pack(parameters),
        readout=parameters.readout if reads_out else None,
        workspaces=plan.workspaces(network),
    )
    n_rows = network.layout.n_outputs if reads_out else network.layout.readout_size
    n_columns = int(sequences.lengths.sum()) if network.return_sequences else len(sequences)
    results = np.empty((n_rows, n_columns), dtype)
    for columns, of_chunk in map_chunks(forward, repeat(plan), range(len(plan.chunks))):
        results[:, columns] = of_chunk
    return results


@final
@dataclass(frozen=True)
class _ForwardPass:
    """The forward pass over the segments of a chunk, with outputs, or without a readout its inputs."""

    network: Network
    packed: list[np.ndarray]
    readout: ReadoutParameters | None
    workspaces: Workspaces

    def __call__(self, plan: ForwardPlan, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the columns of a chunk among all columns, and the results, (n_rows, n_columns)."""
        network, sequences, chunk = self.network, plan.sequences, plan.chunks[number]
        segments = chunk.segments(plan.n_timesteps)
        results = []
        n_timesteps = min(plan.n_timesteps, n_allocated_timesteps(sequences, chunk.n_timesteps))
        with self.workspaces.take(n_timesteps, len(chunk)) as workspace:
            workspace.begin(network, None)
            for segment in segments:
                network.load(sequences, segment, workspace)
                network.unroll(self.packed, segment, workspace)
                states = network.collect(segment, workspace)
                if network.return_sequences:
                    results.append(self._read_out(states))
                if len(segments) > 1:
                    network.carry_state(segment, workspace)
            if not network.return_sequences:  # which contains the input of the readout for every sequence
                results.append(self._read_out(workspace.readout_operand))
        columns = [network.pooling.columns(sequences, segment) for segment in segments[: len(results)]]
        return np.concatenate(columns), np.concatenate(results, axis=1)

    def _read_out(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs, or a copy of the states, which the next segment would overwrite."""
        return states[:-1].copy() if self.readout is None else self.readout.matrix @ states


def _bytes_of_a_timestep(network: Network, sequences: Sequences, backward: bool) -> int:
    """Return the bytes of one timestep of one sequence in a workspace, with or without the arrays of BPTT."""
    layout, numbers = network.layout, 0
    for layer in network.layers:
        n_preactivations = layer.cell.has_cell_state + (layer.cell.n_coefficients if backward else 0)
        numbers += layer.n_operand + n_preactivations * layer.hidden_size
    if network.return_sequences:  # states and outputs, and the gradients on them
        numbers += (1 + backward) * (layout.readout_size + layout.n_outputs)
    if backward:
        if network.pooling.reads_every_state:  # the gradient on the states by timestep
            numbers += layout.readout_size
        below = [layout.n_directions * size for size in layout.hidden_layer_sizes[:-1]]
        numbers += sum(below) + (max(below, default=0) if layout.n_directions == 2 else 0)
    return numbers * sequences.dtype.itemsize
