"""Tests of matrix products: divided into tiles, and added in each of the ways."""

import numpy as np
import pytest

from skrnn.network import _products
from skrnn.network._products import add_products, count_tiles, tile_rows, tiled_product

EVERY_DTYPE = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@pytest.fixture
def in_place(monkeypatch):
    """Divide all products of more than 1,000 multiplications, with any BLAS."""
    monkeypatch.setattr(_products, "_works_in_place", lambda: True)
    monkeypatch.setattr(_products, "_IN_PLACE", 1_000)
    count_tiles.cache_clear()
    yield
    count_tiles.cache_clear()


@pytest.mark.usefixtures("in_place")
@pytest.mark.parametrize(
    ("shape", "n_tiles"),
    [
        ((8, 5, 25), 1),  # no more than are worked on in place
        ((8, 6, 25), 2),
        ((24, 10, 9), 3),
        ((24, 10, 12), 3),
        ((24, 10, 13), 6),  # 3.12 tiles would do, in whole rows of four
        ((24, 100, 100), 1),  # even four rows are too many
        ((10, 10, 100), 1),  # no multiple of four rows
    ],
)
def test_least_number_of_tiles_in_rows_of_four(shape, n_tiles):
    assert count_tiles(*shape) == n_tiles


def test_nothing_is_cut_where_the_factors_are_copied_anyway(monkeypatch):
    monkeypatch.setattr(_products, "_works_in_place", lambda: False)
    count_tiles.cache_clear()
    assert count_tiles(1024, 1024, 64) == 1
    count_tiles.cache_clear()


@pytest.mark.usefixtures("in_place")
@EVERY_DTYPE
@pytest.mark.parametrize("shape", [(8, 5, 25), (24, 10, 13), (10, 10, 100)])
def test_tiled_product_is_the_product(shape, dtype):
    rng = np.random.default_rng(0)
    n_rows, n_inner, n_columns = shape
    matrix = rng.normal(size=(n_rows, n_inner)).astype(dtype)
    right = rng.normal(size=(n_inner, n_columns)).astype(dtype)
    out = np.full((n_rows, n_columns), np.nan, dtype)
    multiply = tiled_product(matrix, count_tiles(*shape))
    matrix *= 2.0  # which shows: nothing is copied
    multiply(right, tile_rows(out, count_tiles(*shape)))
    np.testing.assert_allclose(out, matrix @ right, rtol=1e-4 if dtype is np.float32 else 1e-12)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Build Dependencies": {"blas": {"name": "scipy-openblas"}}, "SIMD Extensions": {"found": ["X86_V4"]}}, True),
        ({"Build Dependencies": {"blas": {"name": "openblas64"}}, "SIMD Extensions": {"found": ["AVX512_SKX"]}}, True),
        ({"Build Dependencies": {"blas": {"name": "openblas64"}}, "SIMD Extensions": {"found": ["AVX2"]}}, False),
        ({"Build Dependencies": {"blas": {"name": "openblas64"}}, "SIMD Extensions": {"baseline": ["SSE"]}}, False),
        ({"Build Dependencies": {"blas": {"name": "mkl"}}, "SIMD Extensions": {"found": ["X86_V4"]}}, False),
        ({}, False),
    ],
)
def test_where_products_are_worked_on_in_place(config, expected, monkeypatch):
    monkeypatch.setattr(np, "show_config", lambda mode: config)
    _products._works_in_place.cache_clear()
    assert _products._works_in_place() is expected
    _products._works_in_place.cache_clear()


def test_this_numpy_can_be_asked_for_its_blas():
    _products._works_in_place.cache_clear()
    assert _products._works_in_place() in (True, False)


#: (n_timesteps, n_rows, n_columns, n_inner): products apart, with the right factors copied, added up in BLAS
SUMS = [(3, 4, 5, 6), (2, 30, 50, 60), (2, 70, 80, 20), (1, 128, 60, 3)]


@EVERY_DTYPE
@pytest.mark.parametrize("sizes", SUMS)
@pytest.mark.parametrize("n_running", [None, 2], ids=["all columns", "some columns"])
def test_sum_of_products_is_added(sizes, dtype, n_running):
    n_timesteps, n_rows, n_columns, n_inner = sizes
    rng = np.random.default_rng(0)
    left = rng.normal(size=(n_timesteps, n_rows, n_inner)).astype(dtype)
    right = rng.normal(size=(n_timesteps, n_columns, n_inner)).astype(dtype)
    if n_running is not None:
        left, right = left[..., :n_running].copy(), right[..., :n_running]
    before = rng.normal(size=(n_rows, n_columns)).astype(dtype)
    out = before.copy()
    left.flags.writeable = right.flags.writeable = False
    products = np.full((n_timesteps + 1, n_rows, n_columns), np.nan, dtype)
    add_products(left, right, out, products, np.full((n_timesteps, n_columns, n_inner), np.nan, dtype))
    expected = before + np.einsum("tik,tjk->ij", left.astype(np.float64), right.astype(np.float64))
    np.testing.assert_allclose(out, expected, rtol=1e-3 if dtype is np.float32 else 1e-11, atol=1e-4)


def test_sums_of_all_sizes_take_each_way():
    sizes = [(n_rows * n_columns, n_rows * n_columns * n_inner) for _, n_rows, n_columns, n_inner in SUMS]
    in_blas = [size >= _products._ADD_IN_BLAS for size, _ in sizes]
    copied = [n >= _products._COPY_RIGHT for _, n in sizes]
    assert in_blas == [False, False, True, True]
    assert copied[:2] == [False, True]
