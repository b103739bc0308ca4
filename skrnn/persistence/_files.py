"""The file of a checkpoint: replaced as a whole, and read with errors that name it."""

import os
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._run_state import RunState
from skrnn.persistence._archive import MAX_BYTES, N_BEGINNING, is_begun_by_us, read_archive, require, write_archive
from skrnn.persistence._contents import restore, store

#: What changed content may raise; RuntimeError comes from JSON nested too deeply, and from encryption.
_READING_ERRORS = (ValueError, TypeError, OverflowError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile)


def prepare(path: str | os.PathLike[str]) -> Path:
    """Return the file itself that a path names, or raise an OSError or ValueError where no checkpoint can be written.

    Links are followed, and a relative path is one in the folder of this moment. What is there already must be a
    checkpoint, or an empty file.
    """
    name = f"path is {os.fspath(path)!r}"
    file = Path(os.path.realpath(path))
    try:
        is_folder, is_in_folder = file.is_dir(), file.parent.is_dir()
        if not is_folder and is_in_folder:
            _check_replaceable(file, name)
            temporary = _temporary(file)
            open(temporary, "x").close()
            temporary.unlink()
    except OSError as error:
        raise type(error)(f"{name}, where no file can be written: {error}") from error
    if is_folder:
        raise IsADirectoryError(f"{name}, which is a folder; expected the name of a file.")
    if not is_in_folder:
        raise FileNotFoundError(f"{name}, whose folder does not exist.")
    return file


def _check_replaceable(file: Path, name: str) -> None:
    """Raise unless there is no such file, or one that may be replaced: a checkpoint that is not read-only."""
    if not file.exists():
        return
    if not file.is_file():
        raise ValueError(f"{name}, which is no regular file; expected a new one, or one that Checkpoint has written.")
    if not file.stat().st_mode & 0o222:
        raise PermissionError("it is read-only")
    with open(file, "rb") as existing:
        if not is_begun_by_us(existing.read(N_BEGINNING)):
            raise ValueError(f"{name}, which is a file that Checkpoint has not written; expected a new one.")


def _temporary(file: Path) -> Path:
    """Return a new name in the same folder."""
    return file.with_name(f".{file.name[:60]}.{uuid4().hex[:8]}.tmp")


def save(path: Path, estimator: BaseRNN, state: RunState) -> None:
    """Replace the file by one that holds an estimator whose fit is in this state; the file is whole at any moment."""
    description, arrays = store(estimator, state)
    temporary = _temporary(path)
    try:
        with open(temporary, "x+b") as file:
            write_archive(file, description, arrays)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            _check_replaceable(path, f"path is {str(path)!r}")
            os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # the new name reaches the disk, where the system can flush a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load(path: str | os.PathLike[str]) -> BaseRNN:
    """Return the estimator in the file, or raise a ValueError that names the file if it is no checkpoint."""
    name = f"path is {os.fspath(path)!r}"
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{name}, which is no file; expected one that Checkpoint has written.")
    with open(path, "rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        content = file.read() if n_bytes <= MAX_BYTES else b""
    try:
        require(len(content) == n_bytes, f"it has {n_bytes} bytes")
        return restore(*read_archive(content))
    except _READING_ERRORS as error:
        what = str(error)[:300]  # which may quote the file
        expected = "expected a file as Checkpoint has written it."
        raise ValueError(f"{name}, which cannot be loaded: {what}; {expected}") from error
