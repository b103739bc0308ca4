"""Tests of the hyperbolic tangent, by whichever function it is computed."""

import numpy as np
import pytest

from skrnn.cells import _base
from skrnn.cells._base import has_avx512, numpy_config, tanh

X = np.concatenate([np.linspace(-400.0, 400.0, 3001), np.linspace(-2.0, 2.0, 3001), [np.inf, -np.inf, np.nan, 0.0]])


@pytest.mark.parametrize("is_slow", [True, False])
@pytest.mark.parametrize(("dtype", "n"), [(np.float64, None), (np.float64, 100), (np.float32, None)])
def test_is_that_of_numpy_to_rounding(monkeypatch, dtype, n, is_slow):
    monkeypatch.setattr(_base, "_is_slow", lambda: is_slow)
    x = X[-n:].astype(dtype) if n else X.astype(dtype)
    expected, out = np.tanh(x), np.empty_like(x)
    tanh(x, out)
    tanh(x, x)
    np.testing.assert_allclose(out, expected, rtol=0.0, atol=2 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(x, out)


def test_long_arrays_of_float64_go_through_exp_where_tanh_is_slow(monkeypatch):
    monkeypatch.setattr(_base, "_is_slow", lambda: True)
    monkeypatch.setattr(np, "tanh", None)
    x = np.full(_base._BY_EXP, 0.5)
    tanh(x, x)
    assert x == pytest.approx(0.46211715726000975, abs=1e-15)


@pytest.mark.parametrize(("found", "expected"), [(["X86_V3"], False), (["X86_V3", "X86_V4"], True), ([], False)])
def test_avx512(found, expected):
    assert has_avx512({"SIMD Extensions": {"found": found}}) is expected
    assert not has_avx512({})
    assert isinstance(numpy_config(), dict)
