"""Tests of where a checkpoint is written, and of what it never replaces."""

import os
import stat

import numpy as np
import pytest

from skrnn import RNNRegressor
from skrnn.callbacks import Checkpoint
from tests.callbacks.recorder import Crash
from tests.estimators.tasks import make_task

pytestmark = [
    pytest.mark.skipif(not hasattr(RNNRegressor, "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
on_posix = pytest.mark.skipif(os.name != "posix", reason="another kind of file system")


def fit(path, *callbacks, **parameters):
    """Fit a small network that writes a checkpoint."""
    model = RNNRegressor((3,), **{"max_iter": 3, "random_state": 0, **parameters})
    return model.set_callbacks(Checkpoint(path), *callbacks).fit(*make_task(RNNRegressor))


def assert_refused(path, error, message):
    """Check that a fit with a checkpoint at this path does not begin."""
    with pytest.raises(error, match=message):
        fit(path, max_iter=10**9)


@on_posix
def test_a_fifo_and_a_device_are_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", os.devnull):
        assert_refused(path, ValueError, "not a regular file; expected a new file, or one written by Checkpoint")
    assert stat.S_ISFIFO(os.stat(tmp_path / "fifo").st_mode)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.parametrize("content", [b"a, b\n1, 2\n", b"PK\x03\x04 another archive", b"\n"])
def test_a_file_that_is_no_checkpoint_is_refused(content, tmp_path):
    path = tmp_path / "data.csv"
    path.write_bytes(content)
    assert_refused(path, ValueError, "a file that was not written by Checkpoint; expected a new file")
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.csv"]


def test_an_archive_of_arrays_is_refused(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez(path, theta_of_mine=np.zeros(3))
    assert_refused(path, ValueError, "not written by")
    assert np.load(path).files == ["theta_of_mine"]


def test_an_empty_file_and_a_damaged_checkpoint_are_replaced(tmp_path):
    path = tmp_path / "c"
    path.touch()
    model = fit(path)
    path.write_bytes(path.read_bytes()[:-100])
    fit(path)
    assert Checkpoint.load(path).loss_curve_ == model.loss_curve_


@on_posix
def test_a_read_only_file_is_refused(tmp_path):
    path = tmp_path / "c"
    fit(path)
    content = path.read_bytes()
    path.chmod(0o444)
    assert_refused(path, PermissionError, "path is .*it is read-only")
    assert path.read_bytes() == content


@on_posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_mode_is_kept(mode, tmp_path):
    path = tmp_path / "c"
    path.touch()
    path.chmod(mode)
    fit(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@on_posix
def test_a_link_is_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "c"
    link.symlink_to(tmp_path / "elsewhere" / "target")
    for _ in range(2):  # before the target is there, and after
        model = fit(link)
        assert link.is_symlink()
        assert Checkpoint.load(tmp_path / "elsewhere" / "target").loss_curve_ == model.loss_curve_
    assert os.listdir(tmp_path / "elsewhere") == ["target"]


@on_posix
def test_a_link_to_itself_is_refused(tmp_path):
    link = tmp_path / "c"
    link.symlink_to(link)
    assert_refused(link, OSError, "path is .*no file can be written there")
    assert link.is_symlink()
    assert os.listdir(tmp_path) == ["c"]


@on_posix
def test_nobody_else_may_read_what_is_written_to_a_private_file(tmp_path, monkeypatch):
    """Nor the temporary file, while it is written."""
    path, modes = tmp_path / "c", []
    path.touch()
    path.chmod(0o600)
    fsync = os.fsync

    def record(descriptor):
        modes.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    fit(path)
    assert set(modes) == {0o600, stat.S_IMODE(tmp_path.stat().st_mode)}


def test_a_relative_path_is_that_of_the_beginning(tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)

    class Moving:
        def setup(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            monkeypatch.chdir(tmp_path / "other")

        def on_fit_task_end(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

    fit("c", Moving())
    assert (tmp_path / "c").is_file()
    assert not os.listdir(tmp_path / "other")


@on_posix
def test_a_long_name_is_written_and_one_that_is_too_long_is_refused(tmp_path):
    fit(tmp_path / ("n" * 250))
    assert [len(entry.name) for entry in tmp_path.iterdir()] == [250]
    assert_refused(tmp_path / ("n" * 300), OSError, "path is ")


@pytest.mark.parametrize(("path", "what"), [("a\0b", "contains a NUL"), ("", "is empty")])
def test_invalid_names_are_rejected(path, what):
    with pytest.raises(ValueError, match=f"path is .*, which {what}; expected a file name"):
        Checkpoint(path)


class Named:
    """A path-like object of a name."""

    def __init__(self, name):
        self.name = name

    def __fspath__(self):
        """Return the name."""
        return self.name


@pytest.mark.parametrize("name", ["a\0b", ""])
@pytest.mark.parametrize("use", [Checkpoint, Checkpoint.load], ids=["write", "read"])
def test_invalid_names_of_paths_are_rejected(use, name):
    with pytest.raises(ValueError, match="expected a file name"):
        use(Named(name))


@pytest.mark.parametrize("path", [None, 3, b"c", Named(b"c")])
@pytest.mark.parametrize("use", [Checkpoint, Checkpoint.load], ids=["write", "read"])
def test_invalid_paths_are_rejected(use, path):
    with pytest.raises(TypeError, match=r"path is .*; expected a file name, as a string or path"):
        use(path)


def test_a_folder_in_which_nothing_can_be_written_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError("not here")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError, match="but no file can be written there: not here"):
        Checkpoint(tmp_path / "c").setup(RNNRegressor(), None)


def test_file_created_during_the_fit_is_not_replaced(tmp_path):
    path = tmp_path / "c"

    class Replacing(Crash):
        def on_fit_task_end(self, estimator, context):
            path.write_text("mine")

    with pytest.raises(ValueError, match="not written by"):
        fit(path, Replacing(10**9))
    assert path.read_text() == "mine"
