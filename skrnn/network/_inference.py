"""All the data, chunk by chunk, and the forward pass over them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Self, final

import numpy as np

from skrnn.network._network import Network, Workspaces
from skrnn.network._parameters import ReadoutParameters
from skrnn.sequences._batches import Batch, chunks, room_for
from skrnn.sequences._ragged import Sequences

#: Bytes of the workspace of a chunk, so that memory does not grow with the number of sequences.
_CHUNK_BYTES = 64 * 1024 * 1024
_MIN_CHUNK_SIZE, _CHUNK_SIZE = 8, 1024
#: Numbers of the widest layer's state for which a chunk is large enough: what the interpreter does beside NumPy then
#: does not count, even where threads have to share it. Fewer sequences than make two such chunks go at once.
_STATE_NUMBERS = 16 * 1024
#: The same where a pass needs no more than a piece of the timesteps at once, and few timesteps are in the cache.
_PIECE_BYTES = 4 * 1024 * 1024
_MIN_PIECE = 16

#: Like the builtin `map`, with a function of what all calls share, the same object in each of them, of the number of a
#: chunk, and maybe of more: the answers come in the order of the chunks, whoever computes them. What is shared may be
#: sent to workers once, for it stays the same from pass to pass.
Map = Callable[..., Iterable[Any]]


def split(network: Network, sequences: Sequences) -> list[Batch]:
    """Return chunks that cover all sequences once, of a size that depends on nothing but the shapes."""
    n_steps = _CHUNK_BYTES // _bytes_of_a_timestep(network, sequences, backward=True)
    widest = max(layer.hidden_size for layer in network.layers)
    enough = int(np.clip(_STATE_NUMBERS // widest, _MIN_CHUNK_SIZE, _CHUNK_SIZE))
    return chunks(sequences, n_steps, _MIN_CHUNK_SIZE, enough)


def outputs(network: Network, theta: np.ndarray, sequences: Sequences, map_chunks: Map = map) -> np.ndarray:
    """Return the raw outputs of all sequences, (n_outputs, n_columns)."""
    return infer(network, theta, ForwardPlan.of(network, sequences), map_chunks)


def hidden_states(network: Network, theta: np.ndarray, sequences: Sequences, map_chunks: Map = map) -> np.ndarray:
    """Return the hidden states that the readout sees, (readout_size, n_columns)."""
    return infer(network, theta, ForwardPlan.of(network, sequences), map_chunks, reads_out=False)


@final
@dataclass(frozen=True)
class ForwardPlan:
    """Sequences, and how a forward pass goes over them: in chunks, and `n_timesteps` of a chunk at once."""

    sequences: Sequences
    chunks: list[Batch]
    n_timesteps: int

    @classmethod
    def of(cls, network: Network, sequences: Sequences) -> Self:
        """Return the plan for a network, which depends on nothing but the shapes."""
        n_timesteps = sequences.max_length
        if network.bidirectional:  # a pass from the end needs whole sequences
            return cls(sequences, split(network, sequences), n_timesteps)
        plan = chunks(sequences, 0, _CHUNK_SIZE, _CHUNK_SIZE)
        n_bytes = len(plan[0]) * _bytes_of_a_timestep(network, sequences, backward=False)
        return cls(sequences, plan, min(n_timesteps, max(_MIN_PIECE, _PIECE_BYTES // n_bytes)))


def infer(
    network: Network, theta: np.ndarray, plan: ForwardPlan, map_chunks: Map, *, reads_out: bool = True
) -> np.ndarray:
    """Return outputs or states: those of each sequence, or with `return_sequences` of each timestep of each."""
    parameters, sequences = network.layout.views(theta), plan.sequences
    dtype = sequences.rows.dtype
    forward = _ForwardPass(
        network=network,
        packed=network.pack(parameters),
        readout=parameters.readout if reads_out else None,
        rooms=Workspaces(network, dtype, backward=False),
    )
    n_rows = network.layout.n_outputs if reads_out else network.layout.readout_size
    n_columns = int(sequences.lengths.sum()) if network.return_sequences else len(sequences)
    answers = np.empty((n_rows, n_columns), dtype)
    for columns, of_chunk in map_chunks(forward, repeat(plan), range(len(plan.chunks))):
        answers[:, columns] = of_chunk
    return answers


@final
@dataclass(frozen=True)
class _ForwardPass:
    """The forward pass over a chunk, piece by piece; without a readout it answers with what the readout would see."""

    network: Network
    packed: list[np.ndarray]
    readout: ReadoutParameters | None
    rooms: Workspaces

    def __call__(self, plan: ForwardPlan, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns of a chunk among those of all sequences, and the answers, (n_rows, len(columns))."""
        network, sequences, chunk = self.network, plan.sequences, plan.chunks[number]
        pieces = chunk.pieces(plan.n_timesteps)
        answers = []
        n_timesteps = min(plan.n_timesteps, room_for(sequences, chunk.n_timesteps))
        with self.rooms.take(n_timesteps, len(chunk)) as room:
            room.begin(network, None)
            for piece in pieces:
                network.load(sequences, piece, room)
                network.unroll(self.packed, piece, room)
                states = network.collect(piece, room)
                if network.return_sequences:
                    answers.append(self._answer(states))
                if len(pieces) > 1:
                    network.carry_state(piece, room)
            if not network.return_sequences:  # every sequence has left its state where it ended
                answers.append(self._answer(room.readout_operand))
        columns = [network.reading.columns(sequences, piece) for piece in pieces[: len(answers)]]
        return np.concatenate(columns), np.concatenate(answers, axis=1)

    def _answer(self, states: np.ndarray) -> np.ndarray:
        """Return the outputs, or a copy of the states: the next piece overwrites them."""
        return states[:-1].copy() if self.readout is None else self.readout.matrix @ states


def _bytes_of_a_timestep(network: Network, sequences: Sequences, backward: bool) -> int:
    """Return the bytes that a timestep of one sequence takes in a workspace, its room for BPTT included or not."""
    layout, numbers = network.layout, 0
    for layer in network.layers:
        n_blocks = layer.cell.has_cell_state + (layer.cell.n_coefficients if backward else 0)
        numbers += layer.n_operand + n_blocks * layer.hidden_size
    if network.return_sequences:
        numbers += layout.readout_size + layout.n_outputs
        if backward:  # gradients on states, outputs, and states in the place of their timestep
            numbers += 2 * layout.readout_size + layout.n_outputs
    if backward:
        below = [layout.n_directions * size for size in layout.hidden_layer_sizes[:-1]]
        numbers += sum(below) + (max(below, default=0) if layout.n_directions == 2 else 0)
    return numbers * sequences.rows.itemsize
