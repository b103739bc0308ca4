"""Data larger than the memory limit of the process: training and prediction from NumPy and Zarr files."""

import importlib.util
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from skrnn import SlidingWindow

EXAMPLE = Path(__file__).parents[2] / "examples" / "out_of_core.py"
LIMIT = 100  # MB in addition to the memory after imports and a first fit
SIZE = 400  # MB of the data

#: Begins with a first fit, because libraries allocate memory once, and ends with a check of the limit.
FRAME = """
import resource
import sys
import numpy as np
from skrnn import RNNRegressor

SHAPE = ({size} * 1_000_000 // (64 * 8 * 4), 64, 8)
rng = np.random.default_rng(0)
file = sys.argv[1]

def write(X):
    for first in range(0, SHAPE[0], 2000):
        X[first : first + 2000] = rng.normal(size=X[first : first + 2000].shape)

few = rng.normal(size=(2000, 64, 8)).astype(np.float32)  # of the file's dtype: another one would be a copy
model = RNNRegressor((4,), max_iter=1, random_state=0, n_jobs=1).fit(few, np.zeros(2000))
status = open("/proc/self/status").read()
allocated = 1024 * int(status.split("VmData:")[1].split()[0])
resource.setrlimit(resource.RLIMIT_DATA, (allocated + {limit} * 1_000_000,) * 2)
y = np.zeros(SHAPE[0], np.float32)
{body}
try:
    np.ones({size} * 1_000_000 // 4, np.float32)
except MemoryError:
    print("within the limit")
"""

not_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux limits what a process allocates, but not what it maps"
)


def limited(test):
    """Mark a test that limits the memory of a process."""
    return pytest.mark.slow(not_linux(test))


def run_within_limit(body, tmp_path):
    """Run the lines in a process that can allocate at most LIMIT, and return its output."""
    script = FRAME.format(size=SIZE, limit=LIMIT, body=textwrap.dedent(body))
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "data")]  # the fits stop at max_iter
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shutil.rmtree(tmp_path)  # pytest would keep it
    assert done.returncode == 0, done.stderr
    *printed, last = done.stdout.splitlines()
    assert last == "within the limit"
    return printed


@limited
@pytest.mark.parametrize(
    "body",
    [
        """
        for first in range(0, len(X), 10_000):
            model.partial_fit(X[first : first + 10_000], y[first : first + 10_000])
        """,
        "model.fit(X, y)",
        "model.set_params(solver='lbfgs', max_iter=2).fit(X, y)",
        "assert model.predict(X).shape == y.shape",
    ],
    ids=["partial_fit", "fit", "lbfgs", "predict"],
)
def test_a_file_that_is_mapped(body, tmp_path):
    write = "X = np.memmap(file, np.float32, 'w+', shape=SHAPE)\nwrite(X)\n"
    run_within_limit(write + textwrap.dedent(body), tmp_path)


@limited
def test_zarr(tmp_path):
    pytest.importorskip("zarr", reason="needs Zarr: make test-cluster")
    body = """
    X = zarr.create_array(file, shape=SHAPE, chunks=(2000, *SHAPE[1:]), dtype=np.float32, compressors=None)
    write(X)
    for first in range(0, SHAPE[0], 10_000):
        model.partial_fit(X[first : first + 10_000], y[first : first + 10_000])
    predictions = [model.predict(X[first : first + 10_000]) for first in range(0, SHAPE[0], 10_000)]
    assert sum(map(len, predictions)) == len(y)
    """
    # The stacks of threads count as memory.
    run_within_limit("import zarr\nzarr.config.set({'threading.max_workers': 1})\n" + textwrap.dedent(body), tmp_path)


@limited
def test_what_is_not_mapped_does_not_fit(tmp_path):
    with pytest.raises(AssertionError, match="MemoryError"):
        run_within_limit("X = np.memmap(file, np.float32, 'w+', shape=SHAPE)\nmodel.fit(np.array(X), y)", tmp_path)


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("out_of_core", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@limited
def test_windows_over_blocks_of_a_file(tmp_path):
    body = f"""
    import importlib.util, os
    spec = importlib.util.spec_from_file_location("out_of_core", {str(EXAMPLE)!r})
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    os.environ["TMPDIR"] = os.path.dirname(file)
    example.main(n_rows={SIZE * 1_000_000 // (4 * 256)}, n_features=256)
    """
    size, score = run_within_limit(body, tmp_path)
    assert size.startswith(f"{SIZE} MB, 20 ")
    assert float(score.split(": ")[1]) > 0.5


@pytest.mark.parametrize("n_timesteps", [1, 4, 12])
def test_windows_of_blocks_are_those_of_the_series(example, monkeypatch, n_timesteps):
    class Unscaled:
        def transform(self, rows):
            return rows

    window = SlidingWindow(n_timesteps, dilation=2)
    monkeypatch.setattr(example, "BLOCK_SIZE", 7)
    monkeypatch.setattr(example, "WINDOW", window)
    series = np.random.default_rng(0).normal(size=(40, 3))
    found = np.concatenate([example.windows_of(Unscaled(), series, rows) for rows in example.blocks(len(series))])
    np.testing.assert_array_equal(found, window.fit_transform(series))
