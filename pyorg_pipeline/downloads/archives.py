"""Check archives by their own checksums, for releases without a published digest.

Archives are read to their end, 64 KiB at a time, and nothing is written. Each format has checksums
of all data (RFC 1952 for gzip); a tarball also has to start with a tar header. This finds damage,
not attacks. Against decompression bombs, at most 64 MiB and 100 times the file's size are
decompressed (the sources have 3 to 8 times); xz may use 256 MiB of memory.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from pyorg_pipeline.errors import InvalidArchiveError

_KINDS: Final = {
    ".tar.xz": "xz",
    ".tgz": "gzip",
    ".tar.gz": "gzip",
    ".tar.bz2": "bzip2",
    ".zip": "zip",
}

MIN_UNPACKED_LIMIT: Final = 64 * 1024 * 1024
_MAX_UNPACKED_RATIO: Final = 100
_XZ_MEMORY: Final = 256 * 1024 * 1024
_CHUNK: Final = 64 * 1024
# The end of the directory (PKWARE's APPNOTE, 4.3.16): its signature, the number of members.
_ZIP_END: Final = struct.Struct("<4s6xH10x")


def archive_kind(name: str) -> str | None:
    """Return the archive format that a file's name tells: `xz`, `gzip`, `bzip2`, `zip` or None."""
    lower = name.lower()
    return next((kind for ending, kind in _KINDS.items() if lower.endswith(ending)), None)


class _ArchiveError(Exception):
    """What is wrong with an archive, for users."""


def check_archive(path: Path, subject: str) -> None:
    """Read an archive, in the format that the artifact's path tells, to its end.

    Raises InvalidArchiveError if it is truncated, damaged, followed by other data, or a bomb.
    """
    kind = archive_kind(subject)
    assert kind is not None, subject
    try:
        with path.open("rb") as file:
            _read_to_end(file, kind, path.stat().st_size)
    except _ArchiveError as error:
        raise InvalidArchiveError(subject, kind, str(error)) from None
    # The libraries report damage as many kinds of errors, few of them in words for users.
    except Exception as error:
        # gzip and bz2 have no errno; zipfile seeks before the file if its directory is damaged.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise InvalidArchiveError(subject, kind, "it is damaged or incomplete") from error


def _read_to_end(file: IO[bytes], kind: str, size: int) -> None:
    limit = MIN_UNPACKED_LIMIT + _MAX_UNPACKED_RATIO * size
    unpacked = 0
    for chunk in _zip_chunks(file, size) if kind == "zip" else _tarball_chunks(file, kind):
        unpacked += len(chunk)
        if unpacked > limit:
            raise _ArchiveError(f"it unpacks to more than {limit:,} bytes")


def _tarball_chunks(file: IO[bytes], kind: str) -> Iterator[bytes]:
    chunks = _read(gzip.GzipFile(fileobj=file)) if kind == "gzip" else _decompressed(file, kind)
    head = b""
    for chunk in chunks:
        head += chunk[: tarfile.BLOCKSIZE - len(head)]
        yield chunk
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError as error:
        raise _ArchiveError("no tar archive is inside") from error


def _read(stream: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    with stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _decompressed(file: IO[bytes], kind: str) -> Iterator[bytes]:
    """Decompress xz or bzip2; the library's file objects would ignore data after a stream."""
    data = file.read(_CHUNK)
    while data:
        stream = (
            lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            if kind == "xz"
            else bz2.BZ2Decompressor()
        )
        while not stream.eof:
            if stream.needs_input and not data and not (data := file.read(_CHUNK)):
                raise _ArchiveError("it is truncated")
            yield stream.decompress(data, _CHUNK)
            data = b""
        if isinstance(stream, lzma.LZMADecompressor) and stream.check == lzma.CHECK_NONE:
            raise _ArchiveError("it has no checksums")
        # Zeros may follow a stream (xz's file format, 2.2), or another stream.
        data = stream.unused_data.lstrip(b"\0")
        while not data and (data := file.read(_CHUNK)):
            data = data.lstrip(b"\0")


def _zip_chunks(file: IO[bytes], size: int) -> Iterator[bytes]:
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        # zipfile ignores data before the first member and after the directory, and the part of a
        # damaged directory that it cannot read.
        file.seek(max(0, size - _ZIP_END.size - len(archive.comment)))
        start, count = _ZIP_END.unpack(file.read(_ZIP_END.size))
        file.seek(0)
        if start != b"PK\x05\x06":
            raise _ArchiveError("other data follows it")
        # 0xFFFF: ZIP64 records the number.
        if count not in (len(members), 0xFFFF):
            raise _ArchiveError("its directory does not list all members")
        if members and file.read(4) != b"PK\x03\x04":
            raise _ArchiveError("other data precedes it")
        for member in members:
            # The others are decompressed without a limit.
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _ArchiveError(f"unsupported compression method {member.compress_type}")
            yield from _read(archive.open(member))
