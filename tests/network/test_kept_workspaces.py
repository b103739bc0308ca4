"""Tests of the small workspaces that are kept from one forward pass to the next."""

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.cells._compiled import SWITCH, why_not_compiled
from skrnn.cells._registry import CELLS
from skrnn.network import _inference

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5, 2))


@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_earlier_passes_leave_nothing_behind(cell, return_sequences):
    y = X[:, :, 0] if return_sequences else X[:, 0, 0]
    network = RNNRegressor(
        (3, 2), cell=cell, return_sequences=return_sequences, solver="lbfgs", max_iter=1, random_state=0
    )
    ragged = [X[0], X[1, :2], X[2, :1]]
    calls = [X[:1], ragged, X[3:6], X[:1], [X[1, :2]], X[:1, :3], ragged]
    with pytest.warns(match="Maximum iterations"):
        network.fit(X, y)
    fresh = []
    for call in calls:
        _inference._kept_workspaces.cache_clear()
        fresh.append(np.concatenate(list(map(np.atleast_1d, network.predict(call)))))
    _inference._kept_workspaces.cache_clear()
    for call, expected in zip(calls, fresh, strict=True):
        predictions = network.predict(call)
        np.testing.assert_array_equal(np.concatenate(list(map(np.atleast_1d, predictions))), expected)
    assert _inference._kept_workspaces.cache_info().hits > 0


def test_large_workspaces_are_not_kept():
    network = RNNRegressor((3,), solver="lbfgs", max_iter=1, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        network.fit(X, X[:, 0, 0])
    _inference._kept_workspaces.cache_clear()
    network.predict(np.repeat(X, 100, axis=0))
    assert _inference._kept_workspaces.cache_info().currsize == 0
    network.predict(X[:1])
    assert _inference._kept_workspaces.cache_info().currsize == 1


@pytest.mark.skipif(why_not_compiled() is not None, reason="cells have one form without Numba")
@pytest.mark.parametrize("cell", CELLS)
def test_predictions_do_not_depend_on_the_form_of_the_cells_in_earlier_passes(cell, monkeypatch):
    network = RNNRegressor((3, 2), cell=cell, solver="lbfgs", max_iter=1, random_state=0)
    with pytest.warns(match="Maximum iterations"):
        network.fit(X, X[:, 0, 0])
    alone = {}
    for switch in "01":
        monkeypatch.setenv(SWITCH, switch)
        _inference._kept_workspaces.cache_clear()
        alone[switch] = network.hidden_states(X)
    assert np.any(alone["0"] != alone["1"])  # to rounding, by which the forms are told apart
    for switch in "0101":
        monkeypatch.setenv(SWITCH, switch)
        np.testing.assert_array_equal(network.hidden_states(X), alone[switch])
