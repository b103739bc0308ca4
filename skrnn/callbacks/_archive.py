"""An .npz archive of known arrays, which is read with suspicion: checksum and sizes first, and never a pickle."""

import json
import os
import struct
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from math import prod
from typing import Any, BinaryIO, Self, final

import numpy as np

#: What the comment at the end of an archive begins with; the SHA-256 of all that precedes it follows, in hexadecimal.
_SIGNATURE = b"skrnn checkpoint, SHA-256 "
_N_DIGEST = 2 * sha256().digest_size
_N_COMMENT = len(_SIGNATURE) + _N_DIGEST
#: How a zip ends: signature, disks, entries here and in all, size and start of the directory, size of the comment.
_END = struct.Struct("<4s4H2LH")
#: Bytes before that where a very large zip has the place of another directory.
_N_LOCATOR = 20
_N_HEADER = 128  # of an array in a member: room for any dtype and shape that is written here
_DESCRIPTION = "description"
#: Bytes of its text at most: lists of lists in JSON take some twenty times as much memory.
_MAX_DESCRIPTION = 2**20
_MAX_MEMBERS = 32
_MAX_DIRECTORY = 128 * _MAX_MEMBERS


def write_archive(file: BinaryIO, description: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write a description, as JSON, and named arrays into `file`, which is empty and can be read too.

    Members are stored as they are, not compressed, so that the size of the file bounds what is in it.

    Raises
    ------
    ValueError
        If it is too large to be read again.
    """
    text = json.dumps(description).encode("ascii")
    if len(text) > _MAX_DESCRIPTION:
        raise ValueError(f"The parameters take {len(text)} bytes as JSON; expected at most {_MAX_DESCRIPTION}.")
    members = {**arrays, _DESCRIPTION: np.frombuffer(text, np.uint8)}
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
            archive.comment = _SIGNATURE + bytes(_N_DIGEST)
            for name, array in members.items():
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), _member(array))
    except zipfile.LargeZipFile as error:
        raise ValueError("The network has too many parameters; expected an archive of less than 2 GiB.") from error
    digest = _digest(file)
    file.seek(-_N_DIGEST, os.SEEK_END)
    file.write(digest)


def _member(array: np.ndarray) -> memoryview:
    """Return the bytes of an array in the format .npy 1.0, of which no second copy is made: they may be many."""
    stored: np.dtype = array.dtype.newbyteorder("<")
    member = np.empty(_N_HEADER + array.nbytes, np.uint8)
    member[:_N_HEADER] = np.frombuffer(_header(stored, array.shape), np.uint8)
    member[_N_HEADER:].view(stored).reshape(array.shape)[...] = array
    return member.data


@final
class ArchiveReader:
    """What `write_archive` has written, whoever may have changed it since.

    Nothing is unpacked, evaluated, or written anywhere, and no array is read before the bytes that it declares are
    known to be those of the dtype and shape that the caller expects.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Attributes
    ----------
    description : object
        What the JSON says, whatever that is.

    Raises
    ------
    ValueError, RuntimeError, EOFError, struct.error, zipfile.BadZipFile
        Here and in the methods, if `file` is anything else.
    """

    def __init__(self, file: BinaryIO) -> None:
        _check_end(file)
        self._archive = zipfile.ZipFile(file)
        self._members = _check_members(self._archive.infolist(), _size(file))
        n_bytes = self._n_bytes(_DESCRIPTION) - _N_HEADER
        if not 0 <= n_bytes <= _MAX_DESCRIPTION:
            raise ValueError(f"its description has {n_bytes} bytes, of at most {_MAX_DESCRIPTION}")
        self.description: Any = json.loads(self.array(_DESCRIPTION, np.dtype("|u1"), (n_bytes,)).tobytes())

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the archive; the file is the caller's."""
        self._archive.close()

    def array(self, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        """Return the array of this name, in the byte order of this machine; it can be taken once."""
        stored: np.dtype = dtype.newbyteorder("<")
        n_bytes, expected = self._n_bytes(name), _N_HEADER + prod(shape) * dtype.itemsize
        if n_bytes != expected:
            raise ValueError(f"its {name} has {n_bytes} bytes, not the {expected} of {dtype} of shape {shape}")
        # The header that such an array has is written, and compared with the one that is there, which nobody parses.
        header = _header(stored, shape)
        with self._archive.open(self._members.pop(name)) as member:
            if member.read(_N_HEADER) != header:
                raise ValueError(f"its {name} is not stored as {dtype} of shape {shape}")
            values = np.frombuffer(member.read(), stored).reshape(shape)
        _check_bits(name, values)
        return values.astype(dtype)

    def require_nothing_else(self) -> None:
        """Raise ValueError if there are arrays that nobody has asked for."""
        if self._members:
            raise ValueError(f"it has members that do not belong there, such as {next(iter(self._members))!r}")

    def _n_bytes(self, name: str) -> int:
        """Return how many bytes a member has."""
        if name not in self._members:
            raise ValueError(f"it has no {name}")
        return self._members[name].file_size


def _header(dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    """Return what precedes an array in the format .npy 1.0, of the same length for all."""
    text = f"{{'descr': {dtype.str!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(_N_HEADER - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("ascii")


def _size(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


def _digest(file: BinaryIO) -> bytes:
    """Return the digest of a file but for the place at its end where it stands."""
    n_left = _size(file) - _N_DIGEST
    digest = sha256()
    file.seek(0)
    while n_left > 0 and (chunk := file.read(min(n_left, 2**20))):
        digest.update(chunk)
        n_left -= len(chunk)
    return digest.hexdigest().encode("ascii")


def _check_end(file: BinaryIO) -> None:
    """Raise ValueError unless the file is whole and ends as written here: before a line of zipfile sees it."""
    size = _size(file)
    start = size - _END.size - _N_COMMENT
    if start < _N_LOCATOR:
        raise ValueError(f"it has {size} bytes, too few")
    file.seek(start - _N_LOCATOR)
    locator, end = file.read(_N_LOCATOR), file.read()
    signature, *disks, n_here, n_members, n_directory, first, n_comment = _END.unpack(end[: _END.size])
    comment = end[_END.size :]
    if signature != b"PK\x05\x06" or n_comment != _N_COMMENT or not comment.startswith(_SIGNATURE):
        raise ValueError("it does not end as an archive that is whole")
    if comment != _SIGNATURE + _digest(file):
        raise ValueError("its checksum is that of other contents: it has been damaged")
    if disks != [0, 0] or n_here != n_members or n_members > _MAX_MEMBERS or n_directory > _MAX_DIRECTORY:
        raise ValueError(f"it has {n_members} members in a directory of {n_directory} bytes")
    if first + n_directory != start or locator.startswith(b"PK\x06\x07"):
        raise ValueError("its directory does not lie at its end, or there is another one")


def _check_members(members: list[zipfile.ZipInfo], size: int) -> dict[str, zipfile.ZipInfo]:
    """Return the members by the names of their arrays, or raise ValueError for what is never written here."""
    arrays = {member.filename.removesuffix(".npy"): member for member in members if member.filename.endswith(".npy")}
    if len(arrays) != len(members):
        raise ValueError("it has several members of one name, or one that is no array")
    for name, member in arrays.items():
        is_plain = member.compress_type == zipfile.ZIP_STORED and member.flag_bits == 0 and not member.extra
        if not is_plain or member.file_size != member.compress_size:
            raise ValueError(f"its {name!r} is compressed, encrypted or has something added")
    n_bytes = sum(member.file_size for member in members)
    if n_bytes > size:
        raise ValueError(f"its members declare {n_bytes} bytes in a file of {size}")
    return arrays


def _check_bits(name: str, values: np.ndarray) -> None:
    """Raise ValueError for bytes that stand for no truth value and no character."""
    if values.dtype.kind == "b" and (values.view(np.uint8) > 1).any():
        raise ValueError(f"its {name} has bytes other than 0 and 1")
    if values.dtype.kind == "U" and (values.view("<u4") > 0x10FFFF).any():
        raise ValueError(f"its {name} has what is no character")
