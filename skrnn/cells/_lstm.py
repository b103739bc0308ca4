"""Long short-term memory."""

from typing import ClassVar, final

import numpy as np

from skrnn.cells._base import Array, Cell, sigmoids_of_tanh, tanh


@final
class LSTMCell(Cell):
    """Input gate i, output gate o, forget gate f, candidate g (the gate "c"), cell state c.

    i, o, f = sigmoid(W x + R h + b),  g = tanh(W_c x + R_c h + b_c)
    c_t = f * c_{t-1} + i * g
    h_t = o * tanh(c_t)

    Hochreiter, Schmidhuber 1997 (doi:10.1162/neco.1997.9.8.1735), with the forget gate of Gers, Schmidhuber, Cummins
    2000 (doi:10.1162/089976600300015015), whose bias starts at one (Jozefowicz et al. 2015).
    """

    gates: ClassVar[tuple[str, ...]] = ("i", "o", "f", "c")
    sigmoid_gates: ClassVar[frozenset[str]] = frozenset("iof")
    open_gates: ClassVar[frozenset[str]] = frozenset("f")
    has_cell_state: ClassVar[bool] = True
    n_records: ClassVar[int] = 5  # i, o, f, g and tanh(c_t)
    n_coefficients: ClassVar[int] = 6
    loops: ClassVar[str | None] = "skrnn.cells._loops_lstm"

    def advance(self, record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
        """Write h_t and c_t into `new_h` and `new_c`; `record` becomes [i, o, f, g, tanh(c_t)]."""
        gates, sigmoids = record[:4], record[:3]
        tanh(gates, out=gates)
        sigmoids_of_tanh(sigmoids)
        i, o, f, g, tanh_c = record
        np.multiply(i, g, out=tanh_c)
        np.multiply(f, c, out=new_c)
        new_c += tanh_c
        tanh(new_c, out=tanh_c)
        np.multiply(o, tanh_c, out=new_h)

    def linearise(self, records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
        """Write d c_t / d (i, f, g), d h_t / d o, d h_t / d c_t and the path f of the cell state."""
        sigmoids, i_o, g_tanh_c = records[:, :3], records[:, :2], records[:, 3:]
        k_i_o, k_f, path = coefficients[:, :2], coefficients[:, 2], coefficients[:, 5]
        k_sigmoids, k_g_c = coefficients[:, :3], coefficients[:, 3:5]
        np.multiply(sigmoids, sigmoids, out=k_sigmoids)
        np.subtract(sigmoids, k_sigmoids, out=k_sigmoids)
        k_i_o *= g_tanh_c  # k_i = i (1 - i) g, k_o = o (1 - o) tanh(c_t)
        k_f *= c  # k_f = f (1 - f) c_{t-1}
        np.multiply(g_tanh_c, g_tanh_c, out=k_g_c)
        k_g_c *= i_o
        np.subtract(i_o, k_g_c, out=k_g_c)  # k_g = i (1 - g^2), k_c = o (1 - tanh(c_t)^2)
        path[...] = records[:, 2]

    def backward(self, coefficients: Array, d_h: Array, d_c: Array, d_preactivations: Array) -> None:
        """Write the gradient on [i, o, f, g] into `d_preactivations`, and take `d_c` one timestep back."""
        k_o, k_c, path, d_o = coefficients[1], coefficients[4], coefficients[5], d_preactivations[1]
        np.multiply(d_h, k_c, out=d_o)
        d_c += d_o
        np.multiply(coefficients[:4], d_c, out=d_preactivations)  # that of o is overwritten: one call, not three
        np.multiply(d_h, k_o, out=d_o)
        d_c *= path

    def tangent(self, coefficients: Array, t_preactivations: Array, t_h: Array, t_c: Array) -> None:
        """Take `t_c` along its path, add what comes through the gates, and write into `t_h` what follows."""
        k_c, path = coefficients[4:]
        t_preactivations *= coefficients[:4]
        t_i, t_o, t_f, t_g = t_preactivations
        t_c *= path
        t_c += t_i
        t_c += t_f
        t_c += t_g
        np.multiply(k_c, t_c, out=t_h)
        t_h += t_o
