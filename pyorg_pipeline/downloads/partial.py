"""A file that is not complete yet: its bytes so far, their digest, and their version on the site.

It is hidden beside its final name and outlives its process: the next call resumes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyorg_pipeline.downloads.files import Paths, sync_folder, translate_disk_errors

if TYPE_CHECKING:
    from hashlib import _Hash

_FLAGS: Final = (
    os.O_RDWR
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    # Another user may have put a link there, in a folder that others may write to.
    | getattr(os, "O_NOFOLLOW", 0)
    # Opening a pipe would wait for its other end.
    | getattr(os, "O_NONBLOCK", 0)
)
_READ_SIZE: Final = 256 * 1024
# Changes with every start of the machine; Linux only.
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# RFC 9110, 8.8.2.2: a date is a strong validator only if the file had not changed for a while when
# it was sent. One second is the least; the minute of RFC 7232 also bears two clocks that differ.
_UNCHANGED_FOR: Final = timedelta(seconds=60)
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A version of a file on the site, as a response with status 200 describes it."""

    url: str
    #: Bytes; None where the server declared none.
    size: int | None
    etag: str
    last_modified: str
    #: Content-Encoding, which makes other bytes of the same file.
    encoding: str
    #: The value for If-Range; empty where no validator is strong enough (RFC 9110, 13.1.5).
    validator: str

    @classmethod
    def of(cls, url: str, size: int | None, headers: Mapping[str, str]) -> FileVersion:
        """Return the version that a response with status 200 has."""
        etag = headers.get("ETag", "").strip()
        last_modified = headers.get("Last-Modified", "").strip()
        validator = ""
        # RFC 9110, 8.8.3. Without quotation marks an ETag would be taken for a date.
        if len(etag) >= 2 and etag.startswith('"') and etag.endswith('"'):
            validator = etag
        # A weak ETag says that the bytes may differ: a date would not be better (nginx weakens
        # the tag of what it compresses).
        elif not etag and _was_unchanged(last_modified, headers.get("Date", "")):
            validator = last_modified
        encoding = headers.get("Content-Encoding", "").strip()
        return cls(url, size, etag, last_modified, encoding, validator)

    def size_if_continued(self, headers: Mapping[str, str], start: int) -> int | None:
        """Return the size of the whole file if a 206 has the rest of this version, else None.

        If-Range asks the server for that; this finds servers that do not know it, and caches that
        mix versions up. `start` is the first byte that was requested.
        """
        matched = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip().lower())
        if matched is None:
            return None
        first, last, size = map(int, matched.groups())
        length = headers.get("Content-Length", "").strip()
        # RFC 9110, 15.3.7: a 206 has the ETag that a 200 would have, but may leave out
        # Last-Modified where the condition was an ETag.
        date = headers.get("Last-Modified", "").strip()
        is_rest = (
            (first, last) == (start, size - 1)
            and self.size in (None, size)
            and length in ("", str(size - start))
            and headers.get("ETag", "").strip() == self.etag
            and (date == self.last_modified or (not date and bool(self.etag)))
            and headers.get("Content-Encoding", "").strip() == self.encoding
        )
        return size if is_rest else None


def _was_unchanged(last_modified: str, date: str) -> bool:
    try:
        return parsedate_to_datetime(date) - parsedate_to_datetime(last_modified) >= _UNCHANGED_FOR
    # A TypeError where only one of them has a zone.
    except (ValueError, TypeError, IndexError, OverflowError):
        return False


class PartialFile:
    """The bytes of a file as they arrive; made by `partial_file`.

    All its methods raise DestinationError where the file system refuses.
    """

    def __init__(self, paths: Paths, file: FileIO) -> None:
        self._paths = paths
        self._file = file
        self._digest: _Hash = hashlib.sha256()
        #: Bytes so far, written and digested.
        self.size = 0
        #: Bytes that an earlier call left, and that are still among them.
        self.resumed_from = 0
        #: The version that they belong to; None before the first byte.
        self.version: FileVersion | None = None
        #: Whether they came with more than one response.
        self.is_pieced_together = False

    @property
    def path(self) -> Path:
        """Where the bytes are for now."""
        return self._paths.part

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def resume(self, url: str, expected_size: int | None) -> None:
        """Take the bytes that an earlier call left, if they are of this URL and can be continued.

        They are read once, for the digest. The last byte of a complete file is dropped, so that
        the server is asked whether it still is the same.
        """
        with translate_disk_errors(self.path):
            status = os.fstat(self._file.fileno())
            version = _read_record(self._paths.record, status.st_ino)
            if (
                version is None
                or version.url != url
                or not version.validator
                or expected_size not in (None, version.size)
                or (version.size is not None and status.st_size > version.size)
            ):
                self.start_over()
                return
            size = status.st_size
            if size == version.size:
                size -= 1
            self._file.truncate(max(size, 0))
            buffer = memoryview(bytearray(_READ_SIZE))
            while count := self._file.readinto(buffer):
                self._digest.update(buffer[:count])
                self.size += count
        self.resumed_from = self.size
        self.version = version

    def start_over(self, version: FileVersion | None = None) -> None:
        """Drop all bytes; the next ones belong to this version."""
        with translate_disk_errors(self.path):
            # In this order: a record never describes bytes of another version.
            self._paths.record.unlink(missing_ok=True)
            self._file.seek(0)
            self._file.truncate()
            if version is not None and version.validator:
                inode = os.fstat(self._file.fileno()).st_ino
                _write_record(self._paths.record, version, inode)
        self._digest = hashlib.sha256()
        self.size = self.resumed_from = 0
        self.version = version
        self.is_pieced_together = False

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        with translate_disk_errors(self.path):
            written = self._file.write(piece)
            while written < len(piece):
                # A nearly full file system, or a limit, took a part; the next write says why.
                written += self._file.write(memoryview(piece)[written:])
        self._digest.update(piece)
        self.size += len(piece)

    def head(self, count: int) -> bytes:
        """Return the first bytes."""
        with translate_disk_errors(self.path):
            self._file.seek(0)
            head = self._file.read(count) or b""
            self._file.seek(self.size)
        return head

    def publish(self) -> None:
        """Rename the file to its final name, durably; an existing file is replaced."""
        with translate_disk_errors(self._paths.final):
            os.fsync(self._file.fileno())
            # Windows renames no open file.
            self._file.close()
            self.path.replace(self._paths.final)
            self._paths.record.unlink(missing_ok=True)
            sync_folder(self._paths.final.parent)


@contextmanager
def partial_file(paths: Paths) -> Iterator[PartialFile]:
    """Open the partial file of a path, new or as an earlier call left it; its lock is held.

    It is removed at the end unless it was published or the next call can resume it.
    """
    with translate_disk_errors(paths.part):
        file = _open(paths.part)
    partial = PartialFile(paths, file)
    try:
        yield partial
    finally:
        # Also after Ctrl-C.
        if not file.closed:
            file.close()
            if not (partial.size and partial.version and partial.version.validator):
                for path in (paths.part, paths.record):
                    with suppress(OSError):
                        path.unlink(missing_ok=True)


def _open(part: Path) -> FileIO:
    with suppress(FileNotFoundError):
        if _is_ours(part.lstat()):
            descriptor = os.open(part, _FLAGS)
            # Again, of what was opened.
            if _is_ours(os.fstat(descriptor)):
                return FileIO(descriptor, "r+b")
            os.close(descriptor)
        part.unlink()
    return FileIO(os.open(part, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666), "r+b")


def _is_ours(status: os.stat_result) -> bool:
    """Whether it is a file of this user without a second name that would be written to."""
    mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and mine


def _write_record(path: Path, version: FileVersion, inode: int) -> None:
    record = {"inode": inode, "boot": _boot_id(), "version": asdict(version)}
    # Not through a link that others put there. What a kill leaves incomplete is not JSON.
    with path.open("x", encoding="utf-8") as file:
        json.dump(record, file)


def _read_record(path: Path, inode: int) -> FileVersion | None:
    """Return the recorded version of the bytes in this inode; None without a valid record."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # Bytes that were not synced before the machine went down may be zeros now.
        if record["inode"] != inode or record["boot"] != _boot_id():
            return None
        version = FileVersion(**record["version"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    size, texts = version.size, {**asdict(version), "size": ""}
    valid = all(isinstance(text, str) for text in texts.values()) and isinstance(size, int | None)
    return version if valid else None


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
