"""Shared by tests of whole networks: every cell, kind and stack, sizes, and random parameters."""

import numpy as np
import pytest

from tests.problems import CELL_ACTIVATIONS, KINDS_OF_NETWORKS, STACKS

N_FEATURES, N_OUTPUTS = 2, 3
#: For `pytestmark`: all tests of a module that use a cell or a network run with each.
EVERY_NETWORK = [
    pytest.mark.axis(("cell_name", "activation"), CELL_ACTIVATIONS),
    pytest.mark.axis("kind", KINDS_OF_NETWORKS.values(), ids=KINDS_OF_NETWORKS),
    pytest.mark.axis("hidden_layer_sizes", STACKS.values(), ids=STACKS),
]


def random_theta(network, dtype=np.float64):
    return np.random.default_rng(0).normal(scale=0.5, size=network.layout.n_parameters).astype(dtype)
