"""Fixtures of a cell and a network for the axes of a test."""

import pytest

from skrnn.cells._registry import CELLS
from skrnn.network._network import Network
from tests.network.networks import N_FEATURES, N_OUTPUTS


@pytest.fixture
def cell(cell_name, activation):
    return CELLS[cell_name](activation)


@pytest.fixture
def network(cell, kind, hidden_layer_sizes):
    return Network(cell, N_FEATURES, hidden_layer_sizes, N_OUTPUTS, **kind)
