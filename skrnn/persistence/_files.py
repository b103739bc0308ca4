"""The file of a checkpoint: replaced as a whole, and read with errors that name it."""

import os
import struct
import zipfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._run_state import RunState
from skrnn.persistence._archive import MAX_BYTES, read_archive, require, write_archive
from skrnn.persistence._contents import restore, store

#: What changed content may raise; RuntimeError comes from JSON nested too deeply, and from encryption.
_READING_ERRORS = (ValueError, TypeError, OverflowError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile)


def save(path: Path, estimator: BaseRNN, state: RunState) -> None:
    """Replace the file by one that holds an estimator whose fit is in this state; the file is whole at any moment."""
    description, arrays = store(estimator, state)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        with open(temporary, "x+b") as file:
            write_archive(file, description, arrays)
            file.flush()
            os.fsync(file.fileno())
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
