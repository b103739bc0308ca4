"""Tests of the guard against promotion: it must notice float64, and nothing else."""

import numpy as np
import pytest

from tests.float32 import Float32Only, float32_only


@pytest.fixture
def guarded():
    return float32_only(np.array([1.0, 2.0]))


def test_float32_and_python_numbers_pass(guarded):
    row = guarded[:1]
    row *= 2.0
    assert isinstance(1.0 - guarded, Float32Only)
    assert isinstance(np.tanh(guarded, out=guarded), Float32Only)
    assert guarded.sum() == np.tanh(np.float32(2.0)) * 2


@pytest.mark.parametrize(
    "promote",
    [
        lambda x: x * np.zeros(2),
        lambda x: np.add(np.zeros(2), x),
        lambda x: np.multiply(x, np.zeros(2), out=x),
        lambda x: np.negative(x, out=np.zeros(2)),
        lambda x: np.add.reduce(x, dtype=np.float64),
        lambda x: (x + 1.0)[:1] * np.zeros(1),
    ],
)
def test_float64_is_caught(guarded, promote):
    with pytest.raises(AssertionError, match="float64"):
        promote(guarded)
