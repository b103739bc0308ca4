"""Tests of the archive: what is written is read again, and takes little memory on the way."""

import io
import tracemalloc

import numpy as np
import pytest

from skrnn.persistence import _files as module
from skrnn.persistence._contents import take
from skrnn.persistence._files import read_archive, write_archive


@pytest.mark.parametrize(
    "array",
    [
        np.arange(300_000.0),
        np.arange(12.0).reshape(3, 4).T,
        np.arange(10, dtype=np.int64)[::3],
        np.arange(5, dtype=">f4"),
        np.array(["a", "\u00fc\u4e16"]),
        np.array([True, False]),
        np.array(3.0),
        np.empty((0, 3), np.float32),
    ],
    ids=lambda array: f"{array.dtype}-{array.shape}",
)
def test_an_array_comes_back_and_numpy_reads_it_too(array):
    file = io.BytesIO()
    write_archive(file, {"a": 1}, {"x": array})
    dtype = array.dtype.newbyteorder("=")
    description, arrays = read_archive(file.getvalue())
    assert description == {"a": 1}
    assert list(arrays) == ["x"]
    read = arrays["x"]
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, array)
    np.testing.assert_array_equal(np.load(io.BytesIO(file.getvalue()), allow_pickle=False)["x"], array)


def test_writing_makes_one_copy_of_an_array(tmp_path):
    array = np.zeros(4 * 2**20)  # 32 MiB
    with open(tmp_path / "c", "x+b") as file:
        tracemalloc.start()
        write_archive(file, {}, {"x": array})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (tmp_path / "c").stat().st_size > array.nbytes
    assert peak < 1.1 * array.nbytes


def test_arrays_too_large_to_be_read_again_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 2**21 + 800)
    write_archive(io.BytesIO(), {}, {"x": np.zeros(50), "y": np.zeros(50)})
    with pytest.raises(ValueError, match="too many parameters"):
        write_archive(io.BytesIO(), {}, {"x": np.zeros(50), "y": np.zeros(51)})


def test_an_array_is_taken_once_by_its_name_dtype_and_shape():
    x = np.zeros((2, 3), np.float32)
    for dtype, shape in ((np.dtype(np.float64), (2, 3)), (np.dtype(np.float32), (3, 2)), (np.dtype(np.float32), None)):
        with pytest.raises(ValueError, match="its x is of dtype float32"):
            take({"x": x}, "x", dtype, shape)
    arrays = {"x": x, "y": np.arange(4)}
    assert take(arrays, "x", np.dtype(np.float32), (2, 3)) is x
    with pytest.raises(ValueError, match="it has no x"):
        take(arrays, "x", None, (2, 3))
    assert take(arrays, "y", None).tolist() == [0, 1, 2, 3]
    assert arrays == {}
