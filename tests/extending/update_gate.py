"""A cell that skrnn does not have, as small as a gated one can be: the page on extending shows it."""

from typing import ClassVar, final

import numpy as np

from skrnn.cells._base import Cell


@final
class UpdateGateCell(Cell):
    """Update gate z, candidate n (Collins, Sohl-Dickstein, Sussillo 2017, arXiv:1611.09913).

    z = sigmoid(W_z x + R_z h + b_z)
    n = tanh(W_h x + R_h h + b_h)
    h_t = (1 - z) * n + z * h_{t-1}
    """

    gates: ClassVar[tuple[str, ...]] = ("z", "h")
    sigmoid_gates: ClassVar[frozenset[str]] = frozenset("z")
    has_direct_path: ClassVar[bool] = True  # z * h_{t-1}
    n_records: ClassVar[int] = 2  # z and n
    n_coefficients: ClassVar[int] = 3
    loops: ClassVar[str | None] = "tests.extending.update_gate_loops"

    def advance(self, record, h, c, new_h, new_c):
        """Write h_t into `new_h`; `record` becomes [z, n]."""
        np.tanh(record, out=record)  # of z, half the pre-activation was given
        z, n = record
        z *= 0.5
        z += 0.5
        np.subtract(h, n, out=new_h)
        new_h *= z
        new_h += n

    def linearise(self, records, h, c, new_h, new_c, coefficients):
        """Write d h_t / d (pre-activations of z and n), and the direct path z, into `coefficients`."""
        z, n = records.swapaxes(0, 1)
        k_z, k_n, direct = coefficients.swapaxes(0, 1)
        np.subtract(1.0, z, out=direct)
        np.subtract(new_h, n, out=k_z)
        k_z *= direct  # z (1 - z) (h_{t-1} - n), for h_t - n = z (h_{t-1} - n)
        np.multiply(n, n, out=k_n)
        np.subtract(1.0, k_n, out=k_n)
        k_n *= direct  # (1 - z) (1 - n^2)
        direct[...] = z

    def backward(self, coefficients, d_h, d_c, d_preactivations):
        """Write the gradient on [z, n] into `d_preactivations`; what flows around the gates remains in `d_h`."""
        np.multiply(coefficients[:2], d_h, out=d_preactivations)
        d_h *= coefficients[2]

    def tangent(self, coefficients, t_preactivations, t_h, t_c):
        """Add up in `t_h` what comes around the gates and through each of them."""
        t_preactivations *= coefficients[:2]
        t_h *= coefficients[2]
        for through_gate in t_preactivations:
            t_h += through_gate
