"""Partial files: the bytes so far, their digest, and their version on the site.

A partial file is hidden beside its final name. It stays if the process ends: the next call resumes
it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pyorg_pipeline.downloads.files import (
    PART,
    RECORD,
    hidden,
    sync_folder,
    translate_disk_errors,
)

if TYPE_CHECKING:
    from hashlib import _Hash

_FLAGS: Final = (
    os.O_RDWR
    | getattr(os, "O_BINARY", 0)
    # Another user may have made a link of that name, in a folder that others may write to.
    | getattr(os, "O_NOFOLLOW", 0)
)
# Changes with every start of the machine; Linux only.
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
# RFC 9110, 8.8.2.2: a date is a strong validator only if the file was older than that when it was
# sent: at least one second; the minute of RFC 7232 allows for two clocks that differ.
_UNCHANGED_FOR: Final = timedelta(seconds=60)
_CONTENT_RANGE: Final = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileVersion:
    """A version of a file on the site, as a response with status 200 describes it."""

    url: str
    #: Bytes; None if the server did not declare the size.
    size: int | None
    #: The value for If-Range; empty if no validator is strong enough (RFC 9110, 13.1.5).
    validator: str

    @classmethod
    def of(cls, url: str, size: int | None, headers: Mapping[str, str]) -> Self:
        """Return the version that a response with status 200 describes."""
        validator = headers.get("ETag", "").strip()
        if not validator:
            validator = headers.get("Last-Modified", "").strip()
            is_strong = _was_unchanged(validator, headers.get("Date", ""))
        else:
            # RFC 9110, 8.8.3. With a weak ETag the bytes may differ, so a date is not better.
            is_strong = re.fullmatch(r'".*"', validator) is not None
        return cls(url, size, validator if is_strong else "")

    def size_if_continued(self, headers: Mapping[str, str], start: int) -> int | None:
        """Return the size of the whole file if a 206 has the rest of this version, else None.

        If-Range requests that; this detects servers that ignore it, and caches that mix versions.
        `start` is the first byte that was requested.
        """
        name = "ETag" if self.validator.startswith('"') else "Last-Modified"
        matched = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip().lower())
        if matched is None or headers.get(name, "").strip() != self.validator:
            return None
        first, last, size = map(int, matched.groups())
        is_rest = (first, last) == (start, size - 1) and self.size in (None, size)
        return size if is_rest else None


def _was_unchanged(last_modified: str, date: str) -> bool:
    try:
        return parsedate_to_datetime(date) - parsedate_to_datetime(last_modified) >= _UNCHANGED_FOR
    # A TypeError if only one of them has a zone.
    except (ValueError, TypeError, IndexError, OverflowError):
        return False


class PartialFile:
    """The partial file of a path, new or left by an earlier call; the caller holds its lock.

    A context manager: at the end the file is removed, unless it was published or the next call can
    resume it. All methods raise DestinationError for errors of the file system.
    """

    def __init__(self, final: Path) -> None:
        self._final = final
        self._record = hidden(final, RECORD)
        #: The hidden path.
        self.path = hidden(final, PART)
        with translate_disk_errors(self.path):
            self._file = self._open()
        self._digest: _Hash = hashlib.sha256()
        #: Bytes so far, written and digested.
        self.size = 0
        #: Of these, the bytes that an earlier call left.
        self.resumed_from = 0
        #: The version that they belong to; None before the first byte.
        self.version: FileVersion | None = None
        #: Whether they came with more than one response.
        self.is_pieced_together = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._file.closed:
            self._file.close()
            if not (self.size and self.version and self.version.validator):
                for path in (self.path, self._record):
                    with suppress(OSError):
                        path.unlink(missing_ok=True)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def resume(self, url: str, expected_size: int | None) -> None:
        """Continue an earlier call's bytes if they are of this URL, else start over.

        They are read once, for the digest. The last byte of a complete file is dropped, so that a
        request shows whether the server still has the same version.
        """
        with translate_disk_errors(self.path):
            size = os.fstat(self._file.fileno()).st_size
            version = self._read_record()
            if (
                version is None
                or version.url != url
                or expected_size not in (None, version.size)
                or (version.size is not None and size > version.size)
            ):
                self.start_over()
                return
            if size and size == version.size:
                self._file.truncate(size - 1)
            self._digest = hashlib.file_digest(self._file, "sha256")
            self.size = self.resumed_from = self._file.tell()
        self.version = version

    def start_over(self, version: FileVersion | None = None) -> None:
        """Drop all bytes; the next ones are of this version."""
        with translate_disk_errors(self.path):
            # In this order: a record never describes bytes of another version.
            self._record.unlink(missing_ok=True)
            self._file.seek(0)
            self._file.truncate()
            if version is not None and version.validator:
                # Never through a link. An incomplete record is not JSON.
                with self._record.open("x", encoding="utf-8") as file:
                    json.dump({"boot": _boot_id(), **asdict(version)}, file)
        self._digest = hashlib.sha256()
        self.size = self.resumed_from = 0
        self.version = version
        self.is_pieced_together = False

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        with translate_disk_errors(self.path):
            written = self._file.write(piece)
            while written < len(piece):
                # A nearly full file system accepted a part; the next write raises the reason.
                written += self._file.write(memoryview(piece)[written:])
        self._digest.update(piece)
        self.size += len(piece)

    def publish(self) -> str:
        """Rename the file to its final path, durably, and return the path."""
        with translate_disk_errors(self._final):
            os.fsync(self._file.fileno())
            # Windows renames no open file.
            self._file.close()
            self.path.replace(self._final)
            self._record.unlink(missing_ok=True)
            sync_folder(self._final.parent)
        return str(self._final)

    def _open(self) -> FileIO:
        with suppress(FileNotFoundError):
            status = self.path.lstat()
            mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
            # Another user's file, or one with a second name, is not written to.
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and mine:
                return FileIO(os.open(self.path, _FLAGS), "r+b")
        # The record first: it never describes bytes of another file.
        for path in (self._record, self.path):
            path.unlink(missing_ok=True)
        return FileIO(os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666), "r+b")

    def _read_record(self) -> FileVersion | None:
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            record = json.loads(self._record.read_text(encoding="utf-8"))
            # Bytes that were not synced before the machine went down may be zeros now.
            if record.pop("boot") == _boot_id():
                return FileVersion(**record)
        return None


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
