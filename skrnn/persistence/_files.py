"""The file of a checkpoint: an .npz archive, replaced as a whole, and validated when it is read; no code is run."""

import errno
import io
import json
import os
import re
import stat
import struct
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from skrnn.estimators._base import BaseRNN
from skrnn.estimators._fitted_attributes import RunState
from skrnn.persistence._contents import require, restore, store

#: How the comment at the end of an archive begins; it ends with the SHA-256 of all that precedes, in hexadecimal.
_SIGNATURE = b"skrnn checkpoint, SHA-256 "
_N_DIGEST = 64
#: How an array of truth values, numbers or strings begins in the format .npy 1.0.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00v\x00"
    rb"{'descr': '([|<](?:b1|[iu][1248]|f[248]|U[1-9]\d{0,3}))', 'fortran_order': False, 'shape': \(([\d, ]*)\), } *\n"
)
_N_HEADER = 128
_MAX_DESCRIPTION = 2**20  # bytes of its text: lists of lists in JSON take some twenty times as much memory
MAX_BYTES = 2**31  # of a file


def write_archive(file: io.BufferedRandom | io.BytesIO, description: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a description, as JSON, and named arrays into `file`, which is empty and can be read too.

    Members are not compressed: the size of a file bounds what is in it. Raise ValueError if it could not be read again.
    """
    text = json.dumps(description).encode("ascii")
    if len(text) > _MAX_DESCRIPTION:
        raise ValueError(f"The parameters take {len(text)} bytes as JSON; expected at most {_MAX_DESCRIPTION}.")
    if sum(array.nbytes for array in arrays.values()) > MAX_BYTES - 2 * _MAX_DESCRIPTION:
        raise ValueError("The network has too many parameters; expected an archive of less than 2 GiB.")
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = _SIGNATURE + bytes(_N_DIGEST)
        for name, array in {**arrays, "description": np.frombuffer(text, np.uint8)}.items():
            stored = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            header = io.BytesIO()
            np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(stored))
            content = [np.frombuffer(header.getvalue(), np.uint8), stored.reshape(-1).view(np.uint8)]
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), np.concatenate(content).data)
    file.truncate(file.seek(-_N_DIGEST, os.SEEK_END))
    file.seek(0)
    digest = file_digest(file, "sha256").hexdigest()
    file.seek(0, os.SEEK_END)
    file.write(digest.encode("ascii"))


def read_archive(content: bytes) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the description, whatever its JSON says, and the arrays of an archive that anyone may have changed.

    They take no more memory than `content`. If `write_archive` has not written it, there is one of many errors.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        digest = sha256(memoryview(content)[:-_N_DIGEST]).hexdigest().encode("ascii")
        require(archive.comment == _SIGNATURE + digest, "its checksum is missing or does not match")
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        require(len(members) == len(archive.infolist()), "it has several members with the same name")
        for member in members.values():
            is_plain = member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size
            require(is_plain and not member.extra, f"its {member.filename!r} is compressed, or has extra data")
        n_bytes = sum(member.file_size for member in members.values())
        require(n_bytes <= len(content), f"its members declare {n_bytes} bytes in a file of {len(content)}")
        n_bytes = members["description"].file_size if "description" in members else 0
        require(0 < n_bytes <= _MAX_DESCRIPTION + _N_HEADER, f"its description has {n_bytes} bytes")
        arrays = {name: _read_array(name, archive.read(member)) for name, member in members.items()}
    return json.loads(arrays.pop("description").tobytes()), arrays


#: Bytes of a file by which `is_begun_by_us` judges it.
N_BEGINNING = 64


def is_begun_by_us(beginning: bytes) -> bool:
    """Tell whether a file is empty or begins like one written by `write_archive`."""
    first_member = b"theta.npy\x93NUMPY"
    return not beginning or (beginning.startswith(b"PK\x03\x04") and first_member in beginning)


def _read_array(name: str, content: bytes) -> np.ndarray:
    """Return the array in this machine's byte order. (NumPy's reader believes the shape, and parses text as Python.)"""
    header = _HEADER.fullmatch(content[:_N_HEADER])
    if header is None:
        raise ValueError(f"its {name} is not an array of numbers or strings")
    dtype: np.dtype = np.dtype(header[1].decode("ascii"))
    shape = [int(length) for length in header[2].split(b",") if length.strip()]
    array = np.frombuffer(content, dtype, offset=_N_HEADER).reshape(shape)
    if dtype.kind == "b":
        require(not (array.view(np.uint8) > 1).any(), f"its {name} has bytes other than 0 and 1")
    if dtype.kind == "U":
        require(not (array.view("<u4") > 0x10FFFF).any(), f"its {name} contains invalid characters")
    return array.astype(dtype.newbyteorder("="))


#: What changed content may raise; RuntimeError comes from JSON nested too deeply, and from encryption.
_READING_ERRORS = (ValueError, TypeError, OverflowError, EOFError, RuntimeError, struct.error, zipfile.BadZipFile)


def read_path(path: str | os.PathLike[str]) -> str:
    """Return a path as a string, or raise a TypeError or ValueError that names it."""
    try:
        text = os.fspath(path)
    except TypeError:
        text = None
    if not isinstance(text, str):
        raise TypeError(f"path is {path!r}; expected a file name, as a string or path.")
    if "\0" in text or not text:
        what = "contains a NUL" if text else "is empty"
        raise ValueError(f"path is {text!r}, which {what}; expected a file name.")
    return text


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
        raise type(error)(f"{name}, but no file can be written there: {error}") from error
    if is_folder:
        raise IsADirectoryError(f"{name}, which is a folder; expected the name of a file.")
    if not is_in_folder:
        raise FileNotFoundError(f"{name}, whose folder does not exist.")
    return file


def _check_replaceable(file: Path, name: str) -> None:
    """Raise unless there is no such file, or one that may be replaced: a checkpoint that is not read-only."""
    if file.is_symlink():  # all others have been resolved
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not file.exists():
        return
    if not file.is_file():
        raise ValueError(f"{name}, which is not a regular file; expected a new file, or one written by Checkpoint.")
    if not file.stat().st_mode & 0o222:
        raise PermissionError("it is read-only")
    with open(file, "rb") as existing:
        if not is_begun_by_us(existing.read(N_BEGINNING)):
            raise ValueError(f"{name}, a file that was not written by Checkpoint; expected a new file.")


def _temporary(file: Path) -> Path:
    """Return a new name in the same folder."""
    return file.with_name(f".{file.name[:60]}.{uuid4().hex[:8]}.tmp")


def save(path: Path, estimator: BaseRNN, state: RunState) -> None:
    """Replace the file by one that holds an estimator whose fit is in this state; the file is whole at any moment."""
    description, arrays = store(estimator, state)
    temporary = _temporary(path)
    mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
    private = None if mode is None else lambda name, flags: os.open(name, flags, mode & 0o600)
    try:
        with open(temporary, "x+b", opener=private) as file:
            write_archive(file, description, arrays)
            file.flush()
            os.fsync(file.fileno())
        _check_replaceable(path, f"path is {str(path)!r}")
        if mode is not None:
            os.chmod(temporary, mode)
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
    """Return the estimator in the file, or raise a ValueError that names the file if it is not a checkpoint."""
    name = f"path is {read_path(path)!r}"
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{name}, which is not a file; expected one written by Checkpoint.")
    with open(path, "rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        content = file.read() if n_bytes <= MAX_BYTES else b""
    try:
        require(len(content) == n_bytes, f"it has {n_bytes} bytes")
        return restore(*read_archive(content))
    except _READING_ERRORS as error:
        what = str(error)[:300]  # which may quote the file
        expected = "expected a file written by Checkpoint."
        raise ValueError(f"{name}, which cannot be loaded: {what}; {expected}") from error
