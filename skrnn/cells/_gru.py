"""The gated recurrent unit in its reset-after form."""

from typing import ClassVar, final

import numpy as np

from skrnn.cells._base import Array, Cell, sigmoids_of_tanh, tanh


@final
class GRUCell(Cell):
    """Update gate z, reset gate r, candidate n; the reset acts after the recurrent product.

    z = sigmoid(W_z x + R_z h + b_z)
    r = sigmoid(W_r x + R_r h + b_r)
    n = tanh(a + r * q)   with the input half a = W_h x + b_h, the recurrent half q = R_h h + b_q
    h_t = (1 - z) * n + z * h_{t-1}

    Cho et al. 2014 (doi:10.3115/v1/D14-1179), with the reset after the product as in ONNX GRU,
    `linear_before_reset=1`.
    """

    gates: ClassVar[tuple[str, ...]] = ("z", "r", "h")
    sigmoid_gates: ClassVar[frozenset[str]] = frozenset("zr")
    splits_last_gate: ClassVar[bool] = True
    has_direct_path: ClassVar[bool] = True
    n_records: ClassVar[int] = 4  # q, z, r, and a, which becomes n
    n_coefficients: ClassVar[int] = 5
    loops: ClassVar[str | None] = "skrnn.cells._loops_gru"

    def advance(self, record: Array, h: Array, c: Array, new_h: Array, new_c: Array) -> None:
        """Write h_t into `new_h`; `record` becomes [q, z, r, n]."""
        sigmoids = record[1:3]
        tanh(sigmoids, out=sigmoids)
        sigmoids_of_tanh(sigmoids)
        q, z, r, n = record
        np.multiply(r, q, out=new_h)
        n += new_h
        tanh(n, out=n)
        np.subtract(h, n, out=new_h)
        new_h *= z
        new_h += n

    def linearise(self, records: Array, h: Array, c: Array, new_h: Array, new_c: Array, coefficients: Array) -> None:
        """Write d h_t / d (q, z, r, a) and the direct path z into `coefficients`."""
        q, z, r, n = records.swapaxes(0, 1)
        k_q, k_z, k_r, k_a, direct = coefficients.swapaxes(0, 1)
        np.subtract(1.0, records[:, 1:3], out=coefficients[:, 1:3])  # k_z = 1 - z, k_r = 1 - r, so far
        np.multiply(n, n, out=k_a)
        k_a *= k_z
        np.subtract(k_z, k_a, out=k_a)  # k_a = (1 - z) (1 - n^2)
        np.multiply(k_a, r, out=k_q)  # k_q = k_a r
        k_r *= k_q
        k_r *= q  # k_r = r (1 - r) k_a q
        np.subtract(new_h, n, out=direct)
        k_z *= direct  # k_z = (1 - z) z (h_{t-1} - n), with h_t = n + z (h_{t-1} - n)
        direct[...] = z

    def backward(self, coefficients: Array, d_h: Array, d_c: Array, d_preactivations: Array) -> None:
        """Write the gradient on [q, z, r, a] into `d_preactivations`; what flows around the gates remains in `d_h`."""
        np.multiply(coefficients[:4], d_h, out=d_preactivations)
        d_h *= coefficients[4]

    def tangent(self, coefficients: Array, t_preactivations: Array, t_h: Array, t_c: Array) -> None:
        """Add up in `t_h` what comes around the gates and through each of them."""
        t_preactivations *= coefficients[:4]
        t_h *= coefficients[4]
        for through_gate in t_preactivations:
            t_h += through_gate
