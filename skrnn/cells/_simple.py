"""The simple recurrent unit: one activation, no gates."""

from typing import ClassVar, final

import numpy as np

from skrnn.cells._base import Array, Cell, tanh


@final
class SimpleCell(Cell):
    """h_t = activation(W x_t + R h_{t-1} + b) (Elman 1990, doi:10.1207/s15516709cog1402_1)."""

    gates: ClassVar[tuple[str, ...]] = ("h",)
    n_records: ClassVar[int] = 1
    n_coefficients: ClassVar[int] = 1
    loops: ClassVar[str | None] = "skrnn.cells._loops_simple"
    activations: ClassVar[tuple[str, ...]] = ("tanh", "relu")

    @property
    def recurrent_initializer(self) -> str:
        """Identity for relu (Le, Jaitly, Hinton 2015, arXiv:1504.00941), orthogonal for tanh."""
        return "identity" if self.activation == "relu" else "orthogonal"

    def advance(self, record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
        """Write activation(record) into `new_h`."""
        if self.activation == "relu":
            np.maximum(record[0], 0.0, out=new_h)
        else:
            tanh(record[0], out=new_h)

    def linearise(self, records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
        """Write d new_h / d pre-activation, which follows from `new_h` alone, into `coefficients`."""
        slope = coefficients[:, 0]
        if self.activation == "relu":
            slope[...] = new_h > 0.0
        else:
            np.multiply(new_h, new_h, out=slope)
            np.subtract(1.0, slope, out=slope)

    def backward(self, coefficients: Array, d_h: Array, d_c: Array, d_preactivations: Array) -> None:
        """Write slope * d_h into `d_preactivations`."""
        np.multiply(coefficients[0], d_h, out=d_preactivations[0])

    def tangent(self, coefficients: Array, t_preactivations: Array, t_h: Array, t_c: Array) -> None:
        """Write slope * t_preactivations into `t_h`."""
        np.multiply(coefficients[0], t_preactivations[0], out=t_h)
