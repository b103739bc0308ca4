"""The contract of a cell, and the tanh of arrays by the fastest of NumPy's functions."""

import platform
from abc import ABC, abstractmethod
from functools import cache
from typing import Any, ClassVar

import numpy as np

#: Of float32 or float64.
Array = np.ndarray


class Cell(ABC):
    """The elementwise mathematics of one timestep of a recurrent unit.

    A cell holds no parameters and no data, and computes no matrix product: the layer does. It sees a timestep as
    pre-activations W x + R h + b, each of them (hidden_size, n_running), and writes into the arrays that it is given.
    For a sigmoid gate the layer passes half the pre-activation, because sigmoid(x) = 0.5 * tanh(0.5 * x) + 0.5; all
    derivatives are with respect to the whole one.

    Shapes, with B the number of running sequences: `h`, `c` and their gradients (hidden_size, B); `record`
    (n_records, hidden_size, B); `coefficients` (n_coefficients, hidden_size, B); `d_preactivations`
    (n_preactivations, hidden_size, B). `linearise` takes the same arrays with a leading axis of timesteps. `backward`
    and `tangent` may be given several gradients or perturbations at once, along a further axis before that of the
    units: then `coefficients` have length one there.
    """

    #: Gates in the order of the rows of the weights (the order of the ONNX operators).
    gates: ClassVar[tuple[str, ...]]
    #: The gates that pass through a sigmoid.
    sigmoid_gates: ClassVar[frozenset[str]] = frozenset()
    #: The gates whose bias starts at one instead of zero.
    open_gates: ClassVar[frozenset[str]] = frozenset()
    #: The last gate keeps its input half and its recurrent half apart. The pre-activations are then [recurrent half,
    #: other gates, input half]; otherwise there is one for each gate.
    splits_last_gate: ClassVar[bool] = False
    #: The state has a second part `c`; otherwise `c` has no rows.
    has_cell_state: ClassVar[bool] = False
    #: The previous hidden state also reaches the new one around the gates.
    has_direct_path: ClassVar[bool] = False
    #: Numbers that are kept of each unit at a timestep: the pre-activations and what else `linearise` needs.
    n_records: ClassVar[int]
    #: Local derivatives of each unit at a timestep.
    n_coefficients: ClassVar[int]
    #: The module whose LOOPS has the compiled form for each activation, where there is one.
    loops: ClassVar[str | None] = None
    #: Values of `activation` that the cell knows.
    activations: ClassVar[tuple[str, ...]] = ("tanh",)

    def __init__(self, activation: str = "tanh") -> None:
        self.activation = activation

    @property
    def n_gates(self) -> int:
        """Number of gates, each of which has hidden_size rows of the input and of the recurrent weights."""
        return len(self.gates)

    @property
    def n_preactivations(self) -> int:
        """Number of pre-activations of each unit at a timestep."""
        return self.n_gates + self.splits_last_gate

    @property
    def recurrent_initializer(self) -> str:
        """Name of the initializer of the recurrent weights."""
        return "orthogonal"

    @abstractmethod
    def advance(self, record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
        """Write the new state into `new_h` and `new_c`, and what `linearise` needs into `record`.

        On entry `record` begins with the pre-activations of the timestep.
        """

    @abstractmethod
    def linearise(self, records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
        """Write the local derivatives of a block of timesteps into `coefficients`."""

    @abstractmethod
    def backward(self, coefficients: Array, d_h: Array, d_c: Array, d_preactivations: Array) -> None:
        """Write the gradient on the pre-activations into `d_preactivations`, and take `d_c` one timestep back.

        On entry `d_h` and `d_c` are the gradient on the new state. On return `d_c` is the gradient on the previous
        cell state; `d_h` is, where `has_direct_path`, the share of the gradient on the previous hidden state that
        flows around the gates.
        """

    @abstractmethod
    def tangent(self, coefficients: Array, t_preactivations: Array, t_h: Array, t_c: Array) -> None:
        """Take `t_h` and `t_c` one timestep forward: from the perturbation of the previous state to that of the new.

        `t_preactivations`, (n_preactivations, hidden_size, B), is the perturbation of the pre-activations, including
        that which comes from the previous hidden state; it is overwritten. `t_h` is read only where `has_direct_path`.
        """


#: Numbers from which on five calls, one of them of `np.exp`, are faster than `np.tanh` in float64 without AVX-512.
_BY_EXP = 2048
#: One half in both dtypes, as arrays without axes: NumPy takes these faster than Python's numbers.
_HALF = {np.dtype(dtype): np.array(0.5, dtype) for dtype in (np.float32, np.float64)}


def tanh(x: np.ndarray, out: np.ndarray) -> None:
    """Write the hyperbolic tangent of `x` into `out`, to rounding: tanh(x) = 1 - 2 / (exp(2 x) + 1)."""
    if x.size < _BY_EXP or x.dtype != np.float64 or not _is_slow():
        np.tanh(x, out=out)
        return
    with np.errstate(over="ignore", under="ignore"):  # an infinite exponential gives 1, one of zero gives -1
        np.multiply(x, 2.0, out=out)
        np.exp(out, out=out)
    out += 1.0
    np.divide(-2.0, out, out=out)
    out += 1.0


def sigmoids_of_tanh(tanh_of_halves: np.ndarray) -> None:
    """Turn the tanh of halves into sigmoids, in place: sigmoid(x) = 0.5 * tanh(0.5 * x) + 0.5."""
    half = _HALF[tanh_of_halves.dtype]
    tanh_of_halves *= half
    tanh_of_halves += half


@cache
def _is_slow() -> bool:
    """Return whether NumPy computes the hyperbolic tangent in float64 without AVX-512, on an x86 processor."""
    return platform.machine() in {"x86_64", "AMD64"} and not has_avx512(numpy_config())


def numpy_config() -> dict[str, Any]:
    """Return NumPy's information about its build and the processor."""
    try:
        return dict(np.show_config(mode="dicts") or {})
    except TypeError:  # NumPy 1.24 and 1.25 can only print it
        return {}


def has_avx512(config: dict[str, Any]) -> bool:
    """Tell whether NumPy uses AVX-512."""
    extensions = config.get("SIMD Extensions", {}).get("found", [])  # empty entries are left out
    return not {"X86_V4", "AVX512_SKX"}.isdisjoint(extensions)
