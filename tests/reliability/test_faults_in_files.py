"""Tests of what befalls a fit that writes checkpoints: it is killed at any moment, or the disk is full."""

import errno
import io
import os
import subprocess
import sys
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

import skrnn
from skrnn import RNNRegressor
from skrnn.callbacks import Checkpoint
from skrnn.persistence import _files as module
from tests.callbacks.recorder import Crash
from tests.estimators.tasks import assert_same_fit, make_task
from tests.reliability.interruptions import interrupted_at

ROOT = Path(skrnn.__file__).parents[1]

pytestmark = [
    pytest.mark.skipif(not hasattr(RNNRegressor, "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

#: A process without threads forks others, one after another, that go on with a fit from the file that the one before
#: has left. Each kills itself where it calls or leaves a function for the n-th time, be it Python's or C's.
KILLED = """
import ast, os, signal, sys, warnings
import numpy as np
from skrnn import RNNRegressor
from skrnn.callbacks import Checkpoint

path, n_kills, seed, settings = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), ast.literal_eval(sys.argv[4])
max_iter = 12 * n_kills  # more than there are calls for
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 3, 2)), rng.normal(size=20)


def begun():
    return RNNRegressor(
        (4,), **settings, early_stopping=True, n_iter_no_change=9999, max_iter=max_iter, max_fun=10**9, random_state=0
    )


def go_on(model):
    return model.set_callbacks(Checkpoint(path)).fit(X, y)


def kill_at(n_calls):
    left = n_calls

    def count(frame, event, argument):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


whole = begun().fit(X, y)  # so that what is done once in a process has been done
curve = []
for number in range(n_kills):
    n_calls = int(np.random.default_rng([seed, number]).integers(1, 90_000))
    pid = os.fork()
    if pid == 0:
        kill_at(n_calls)
        go_on(Checkpoint.load(path) if os.path.exists(path) else begun())
        os._exit(0)  # never: a fit takes more calls
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, status
    reached = Checkpoint.load(path).loss_curve_ if os.path.exists(path) else []
    assert reached[: len(curve)] == curve and len(reached) < max_iter
    curve = reached
resumed = go_on(Checkpoint.load(path))
assert resumed.loss_curve_[: len(curve)] == curve
if "solver" not in settings:  # a method of SciPy goes on by other iterations
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.validation_scores_ == whole.validation_scores_
    for name in ("input_weights_", "recurrent_weights_", "biases_"):
        assert all(map(np.array_equal, getattr(resumed, name), getattr(whole, name)))
    assert np.array_equal(resumed.predict(X), whole.predict(X))
print(len(curve))
"""


STOCHASTIC = {"batch_size": 5, "dropout": 0.2}
OF_SCIPY = {"solver": "lbfgs", "tol": 0.0, "solver_options": {"ftol": 0.0}}
TWO_HUNDRED = [pytest.param(200, seed, STOCHASTIC, marks=pytest.mark.slow) for seed in (1, 2)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are killed in forks, which this system does not have")
@pytest.mark.thorough
@pytest.mark.axis(
    ("n_kills", "seed", "settings"),
    [(50, 0, STOCHASTIC), (50, 3, OF_SCIPY), *TWO_HUNDRED],
    quick=[(5, 0, STOCHASTIC), *TWO_HUNDRED],
)
def test_fit_that_is_killed_many_times_resumes_each_time(n_kills, seed, settings, tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "c"), str(n_kills), str(seed), str(settings)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) > n_kills / 2  # iterations that were not lost
    left = [path.name for path in tmp_path.iterdir() if path.name != "c"]
    assert all(name.startswith(".c.") and name.endswith(".tmp") for name in left)
    assert 0 < len(left) < n_kills  # some were killed in the midst of a write


# The disk is full


def make_estimator(**parameters):
    return RNNRegressor((5,), **{"max_iter": 8, "random_state": 0, **parameters})


def assert_survives_a_full_disk(folder, X, y):
    """Check that a fit ends in an error that says why, with the last good file, and nothing else, left."""
    path = folder / "c"
    model = make_estimator().fit(X[:20], y[:20])
    before = vars(model).copy()
    good = path.read_bytes()
    with pytest.raises(OSError) as error:  # noqa: PT011 - of which number, the system says
        model.set_callbacks(Checkpoint(path)).fit(X, y)
    assert error.value.errno in (errno.ENOSPC, errno.EFBIG)
    assert path.read_bytes() == good
    assert os.listdir(folder) == ["c"]
    assert {name: value for name, value in vars(model).items() if "callback" not in name} == before


@contextmanager
def no_file_longer_than(n_bytes):
    """Let the system refuse to make a file longer than that."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def good(tmp_path):
    """Write a checkpoint of three iterations, and return its size."""
    X, y = make_task(RNNRegressor)
    with pytest.raises(RuntimeError, match="crash"):
        make_estimator().set_callbacks(Checkpoint(tmp_path / "c"), Crash(3)).fit(X, y)
    return (tmp_path / "c").stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of the size of files")
def test_file_that_the_system_does_not_let_grow(good, tmp_path):
    X, y = make_task(RNNRegressor)
    largest = good - 200  # what is written first, after one iteration, is a little shorter
    sizes = {0, 1, largest, *np.random.default_rng(0).integers(largest, size=20).tolist()}
    for size in sorted(sizes):
        with no_file_longer_than(size):
            assert_survives_a_full_disk(tmp_path, X, y)
    loaded = Checkpoint.load(tmp_path / "c")
    assert loaded.n_iter_ == 3
    assert_same_fit(loaded.fit(X, y), make_estimator().fit(X, y))


class FullDisk(io.FileIO):
    """A file on a disk that is full after so many bytes."""

    room = 0

    def write(self, content):
        self.room -= len(content)
        if self.room < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(content)


def test_disk_that_is_full_after_so_many_bytes(good, tmp_path, monkeypatch):
    X, y = make_task(RNNRegressor)
    largest = good - 200
    monkeypatch.setattr(module, "open", FullDisk, raising=False)
    for room in sorted({0, largest, *np.random.default_rng(1).integers(largest, size=20).tolist()}):
        monkeypatch.setattr(FullDisk, "room", room)
        assert_survives_a_full_disk(tmp_path, X, y)
    monkeypatch.undo()
    assert_same_fit(Checkpoint.load(tmp_path / "c").fit(X, y), make_estimator().fit(X, y))


def test_disk_on_which_nothing_can_be_flushed(good, tmp_path, monkeypatch):
    X, y = make_task(RNNRegressor)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)
    assert_survives_a_full_disk(tmp_path, X, y)


def test_folder_that_cannot_be_flushed_is_not_an_error(tmp_path, monkeypatch):
    X, y = make_task(RNNRegressor)
    open_folder = os.open

    def refuse(path, flags, *mode):
        if Path(path) == tmp_path:
            raise PermissionError(errno.EACCES, "as Windows has it")
        return open_folder(path, flags, *mode)

    monkeypatch.setattr(module.os, "open", refuse)
    make_estimator().set_callbacks(Checkpoint(tmp_path / "c")).fit(X, y)
    assert Checkpoint.load(tmp_path / "c").n_iter_ == 8


# Interruptions


# A ZipFile that is interrupted before it is entered complains, where nobody listens, when it is collected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.axis("step", [17], quick=[151])
def test_interruption_at_any_line_of_a_write_leaves_a_whole_file(step, tmp_path):
    X, y = make_task(RNNRegressor)
    path, packages = tmp_path / "c", ("callbacks", "persistence")
    whole = make_estimator().fit(X, y)

    def fit():
        model = make_estimator().set_callbacks(Checkpoint(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # interrupted by user
            return model.fit(X, y)

    with interrupted_at(None, packages) as lines:
        fit()
    path.unlink()
    for moment in range(1, len(lines) + 1, step):
        with interrupted_at(moment, packages), suppress(KeyboardInterrupt):
            fit()
        assert [file.name for file in tmp_path.iterdir()] in ([], ["c"])
        if path.exists():
            loaded = Checkpoint.load(path)
            if moment % 3 == 0:
                assert_same_fit(loaded.fit(X, y), whole)
            path.unlink()
