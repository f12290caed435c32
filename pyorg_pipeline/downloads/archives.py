"""Whether an archive is whole, by its own checksums: for releases without a published digest.

Here: compressed tarballs and zip files are read through to their end, and nothing of them is
written anywhere. That takes as much memory as xz's dictionary (`xz -9`: 65 MB) or a zip's directory
(under 1 kB a member), and else next to none, however large the file. Not here: who made the
archive; a checksum inside of it finds accidents, never an attacker.

What finds what:

- gzip (RFC 1952): CRC-32 and length of each member; bzip2: CRC-32 of each block and of the stream;
  xz: the check that its header names (CRC-64 in python.org's) and the index. A stream that ends
  early, or bytes after it other than zeros, are found by its own structure.
- tar: the checksum of each header, and that each member's data is there.
- zip: the CRC-32 and length of each member; that it starts with a member and ends with its
  directory. The fields of its headers have no checksum.

Against decompression bombs: no more than 64 MiB and 100 times the file's size is unpacked (the
sources have 3 to 8 times), in pieces of 64 KiB that are forgotten at once; xz may ask for 256 MiB.
"""

from __future__ import annotations

import bz2
import errno
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol

from pyorg_pipeline.downloads.tar_members import TarReader, TarTrouble
from pyorg_pipeline.errors import InvalidArgumentError, VerificationError

#: Endings of the archives that can be checked, and what they are.
_KINDS: Final = {
    ".tar.xz": "xz",
    ".tgz": "gzip",
    ".tar.gz": "gzip",
    ".tar.bz2": "bzip2",
    ".zip": "zip",
}

UNPACKED_AT_LEAST: Final = 64 * 1024 * 1024
UNPACKED_TIMES: Final = 100
_XZ_MEMORY: Final = 256 * 1024 * 1024
_PIECE: Final = 64 * 1024
# zlib's, for the gzip format (zlib.h, inflateInit2).
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
# PKWARE's APPNOTE, 4.3.7 and 4.3.16; 4.4.5 for the methods.
_ZIP_MEMBER: Final = b"PK\x03\x04"
_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_SIZE: Final = 22
_ZIP_COUNT: Final = slice(10, 12)
# The number of members stands elsewhere then.
_ZIP64: Final = 0xFFFF
_ZIP_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

_BROKEN_ZIP: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,  # encrypted, and NotImplementedError for later versions of the format
)


class CheckedArchive(NamedTuple):
    """An archive that is whole."""

    #: `xz`, `gzip`, `bzip2` or `zip`.
    kind: str
    members: int
    #: Bytes.
    unpacked: int


class _Trouble(Exception):  # noqa: N818  # it never leaves this module
    """What is wrong with an archive."""


def archive_kind(name: str) -> str | None:
    """`xz`, `gzip`, `bzip2` or `zip` by a file's name; None for what cannot be checked."""
    lower = name.lower()
    return next((kind for ending, kind in _KINDS.items() if lower.endswith(ending)), None)


def check_archive(path: Path, name: str | None = None) -> CheckedArchive:
    """Read an archive through to its end; it is whole when this returns.

    Args:
        path: the file.
        name: what it is called, if that is not the file's own name: it tells the format.

    Raises:
        InvalidArgumentError: the name is not that of an archive that can be checked.
        VerificationError: the archive is cut, damaged, followed by something else, or unpacks to
            more than is believed.
        OSError: the file cannot be read.
    """
    name = path.name if name is None else name
    kind = archive_kind(name)
    if kind is None:
        endings = ", ".join(_KINDS)
        raise InvalidArgumentError(f"{name!r} is no archive that can be checked: {endings}")
    size = path.stat().st_size
    limit = UNPACKED_AT_LEAST + UNPACKED_TIMES * size
    with path.open("rb") as file:
        try:
            if kind == "zip":
                return CheckedArchive(kind, *_check_zip(file, size, limit))
            return CheckedArchive(kind, *_check_tar(_unpacked(file, kind, limit)))
        except (_Trouble, TarTrouble) as trouble:
            raise VerificationError(
                subject=name,
                what="archive",
                expected=f"a whole {kind} archive",
                actual=str(trouble),
                expected_source="its name",
                actual_source=f"the {size} bytes received",
            ) from trouble.__cause__


def _check_tar(pieces: Iterator[bytes]) -> tuple[int, int]:
    tar = TarReader()
    for piece in pieces:
        tar.feed(piece)
    tar.finish()
    return tar.members, tar.size


class _Decompressor(Protocol):
    """What lzma's and bz2's decompressors have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """One gzip member, with the interface of the other two."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(_GZIP_WINDOW)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        # zlib may hold back output without having left any input: a full piece says so.
        self.needs_input = not self._zlib.unconsumed_tail and len(out) < max_length
        return out


def _new_xz() -> _Decompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


_DECOMPRESSORS: Final[dict[str, Callable[[], _Decompressor]]] = {
    "xz": _new_xz,
    "bzip2": bz2.BZ2Decompressor,
    "gzip": _Gzip,
}


def _unpacked(file: IO[bytes], kind: str, limit: int) -> Iterator[bytes]:
    """The pieces of all streams of a file; its checksums are checked when it ends."""
    unpacked = 0
    data = file.read(_PIECE)
    if not data:
        raise _Trouble("it is empty")
    while data:
        stream = _DECOMPRESSORS[kind]()
        while not stream.eof:
            try:
                piece = stream.decompress(data, _PIECE)
            except (lzma.LZMAError, zlib.error, OSError, EOFError, ValueError) as error:
                raise _Trouble(
                    f"damaged, or followed by something that is not {kind}, "
                    f"before byte {file.tell()} ({error})"
                ) from error
            data = b""
            unpacked += len(piece)
            if unpacked > limit:
                raise _Trouble(f"unpacks to more than {limit} bytes, as if it were meant to harm")
            yield piece
            if stream.needs_input and not stream.eof:
                data = file.read(_PIECE)
                if not data:
                    raise _Trouble(f"cut off: the {kind} stream goes on after byte {file.tell()}")
        if isinstance(stream, lzma.LZMADecompressor) and stream.check == lzma.CHECK_NONE:
            raise _Trouble("an xz stream without checksums, which nothing can be told from")
        # Zeros may follow a stream (xz's file format, 2.2; gzip's manual), or another one.
        data = stream.unused_data.lstrip(b"\0")
        while not data and (data := file.read(_PIECE)):
            data = data.lstrip(b"\0")


def _check_zip(file: IO[bytes], size: int, limit: int) -> tuple[int, int]:
    try:
        with zipfile.ZipFile(file) as archive:
            file.seek(max(0, size - _ZIP_END_SIZE - len(archive.comment)))
            end = file.read(_ZIP_END_SIZE)
            if not end.startswith(_ZIP_END):
                raise _Trouble("its directory does not stand at its end: something follows it")
            infos = archive.infolist()
            # zipfile takes what it can read of a damaged directory for the whole of it.
            if int.from_bytes(end[_ZIP_COUNT], "little") not in (len(infos), _ZIP64):
                raise _Trouble(f"its directory shows {len(infos)} members, its end another number")
            file.seek(0)
            if infos and file.read(len(_ZIP_MEMBER)) != _ZIP_MEMBER:
                raise _Trouble("it does not start with a member")
            unpacked = 0
            for info in infos:
                for length in _member_pieces(archive, info):
                    unpacked += length
                    if unpacked > limit:
                        raise _Trouble(
                            f"unpacks to more than {limit} bytes, as if it were meant to harm"
                        )
            return len(infos), unpacked
    except _BROKEN_ZIP as error:
        raise _Trouble(f"damaged or cut off ({error})") from error
    except OSError as error:
        # A directory that points in front of the file; anything else is the disk's.
        if error.errno != errno.EINVAL:
            raise
        raise _Trouble(f"damaged or cut off ({error})") from error


def _member_pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[int]:
    """The lengths of a member's pieces; its CRC is checked when it ends."""
    if info.compress_type not in _ZIP_METHODS:
        raise _Trouble(
            f"member {info.filename!r} is packed by method {info.compress_type}, "
            "which is not checked"
        )
    received = 0
    with archive.open(info) as member:
        while piece := member.read(_PIECE):
            received += len(piece)
            yield len(piece)
    if received != info.file_size:
        raise _Trouble(f"member {info.filename!r} is cut off after {received} bytes")
