"""The contract of a cell: the elementwise mathematics of one timestep."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

#: One half in both dtypes: arrays without axes, which a call of NumPy takes faster than a number of Python's.
_HALF = {np.dtype(dtype): np.array(0.5, dtype) for dtype in (np.float32, np.float64)}


def sigmoids_of_tanh(blocks: np.ndarray) -> None:
    """Make sigmoids, in place, of the tanh of halves: sigmoid(x) = 0.5 * tanh(0.5 * x) + 0.5."""
    half = _HALF[blocks.dtype]
    blocks *= half
    blocks += half


class Cell(ABC):
    """The elementwise mathematics of one timestep of a recurrent unit.

    A cell holds no parameters and no data, and computes no matrix product: the layer does. It sees a timestep as
    *blocks* of pre-activations, each (hidden_size, n_running), and writes into the arrays that it is given. For a
    sigmoid gate the layer hands over half the pre-activation, because sigmoid(x) = 0.5 * tanh(0.5 * x) + 0.5; all
    derivatives are with respect to the whole.

    Shapes, with B the number of sequences that run: `h`, `c` and their gradients (hidden_size, B); `record`
    (n_records, hidden_size, B); `coefficients` (n_coefficients, hidden_size, B); `d_blocks` (n_blocks, hidden_size,
    B). `linearise` takes the same arrays with a leading axis of timesteps. `backward` and `tangent` may be given
    several gradients or perturbations at once, along a further axis before that of the units: then `coefficients` have
    length one there.
    """

    #: Gates in the order of the rows of the weights (the order of the ONNX operators).
    gates: ClassVar[tuple[str, ...]]
    #: The gates that pass through a sigmoid.
    sigmoid_gates: ClassVar[frozenset[str]] = frozenset()
    #: The gates whose bias starts at one instead of zero.
    open_gates: ClassVar[frozenset[str]] = frozenset()
    #: The last gate keeps its input half and its recurrent half apart; blocks are then [recurrent half, other
    #: gates, input half], else they are the gates.
    splits_last_gate: ClassVar[bool] = False
    #: The state has a second part `c`; without it, `c` has no rows.
    has_cell_state: ClassVar[bool] = False
    #: The previous hidden state reaches the new one also around the gates.
    has_direct_path: ClassVar[bool] = False
    #: Blocks kept of each timestep: the blocks of pre-activations and what `linearise` needs besides.
    n_records: ClassVar[int]
    #: Blocks of local derivatives of a timestep.
    n_coefficients: ClassVar[int]
    #: Values of `activation` that the cell knows.
    activations: ClassVar[tuple[str, ...]] = ("tanh",)

    def __init__(self, activation: str = "tanh") -> None:
        self.activation = activation

    @property
    def n_gates(self) -> int:
        """Number of row blocks of the input and of the recurrent weights."""
        return len(self.gates)

    @property
    def n_blocks(self) -> int:
        """Number of pre-activation blocks of a timestep."""
        return self.n_gates + self.splits_last_gate

    @property
    def recurrent_initializer(self) -> str:
        """Name of the initializer of the recurrent weights."""
        return "orthogonal"

    @abstractmethod
    def advance(self, record: np.ndarray, h: np.ndarray, c: np.ndarray, new_h: np.ndarray, new_c: np.ndarray) -> None:
        """Write the new state into `new_h` and `new_c`, and what `linearise` needs into `record`.

        On entry the first blocks of `record` hold the pre-activations of the timestep.
        """

    @abstractmethod
    def linearise(
        self,
        records: np.ndarray,
        h: np.ndarray,
        c: np.ndarray,
        new_h: np.ndarray,
        new_c: np.ndarray,
        coefficients: np.ndarray,
    ) -> None:
        """Write the local derivatives of a block of timesteps into `coefficients`."""

    @abstractmethod
    def backward(self, coefficients: np.ndarray, d_h: np.ndarray, d_c: np.ndarray, d_blocks: np.ndarray) -> None:
        """Write the gradient on the pre-activations into `d_blocks`, and take `d_c` a timestep back.

        `d_h` and `d_c` come as the gradient on the new state. `d_c` leaves as the gradient on the previous cell
        state; `d_h` leaves, where `has_direct_path`, as its share of the gradient on the previous hidden state.
        """

    @abstractmethod
    def tangent(self, coefficients: np.ndarray, t_blocks: np.ndarray, t_h: np.ndarray, t_c: np.ndarray) -> None:
        """Take `t_h` and `t_c` a timestep on: from the perturbation of the previous state to that of the new one.

        `t_blocks`, (n_blocks, hidden_size, B), is the perturbation of the pre-activations, that which comes from the
        previous hidden state included; it is lost. `t_h` itself counts only where `has_direct_path`.
        """
