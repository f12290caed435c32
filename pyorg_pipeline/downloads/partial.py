"""A file that is on its way: its bytes so far, their digest, and which version they are of.

It lies beside its final name, hidden, and outlives whoever wrote it: the next call goes on where a
killed one ended. Whoever works on it holds the lock of its name (`local_file.alone`).
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyorg_pipeline.downloads.local_file import Names, disk_trouble, sync_folder
from pyorg_pipeline.downloads.served_file import ServedFile

if TYPE_CHECKING:
    from hashlib import _Hash

_FLAGS: Final = (
    os.O_RDWR
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    # Somebody else may have put a link there, in a folder that others may write to.
    | getattr(os, "O_NOFOLLOW", 0)
    # Nor is a pipe to be waited for.
    | getattr(os, "O_NONBLOCK", 0)
)
_READ_SIZE: Final = 256 * 1024
# Changes with every start of the machine; Linux only.
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class PartialFile:
    """The bytes of a file as they come in; made by `partial_file`.

    All its methods raise DestinationError where the file system refuses.
    """

    def __init__(self, names: Names, file: FileIO) -> None:
        self._names = names
        self._file = file
        self._digest: _Hash = hashlib.sha256()
        self._answers = 0
        #: Bytes so far, written and digested.
        self.size = 0
        #: Bytes that an earlier call left, and that are still among them.
        self.resumed_from = 0
        #: Which version they are of; None while there is none.
        self.served: ServedFile | None = None

    @property
    def path(self) -> Path:
        """Where the bytes are for now."""
        return self._names.part

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    @property
    def is_pieced_together(self) -> bool:
        """Whether the bytes came with more than one answer."""
        return self._answers > 1

    def resume(self, url: str, expected_size: int | None) -> None:
        """Go on with what an earlier call left, if it is of this URL and can be continued.

        Its bytes are read once, for the digest. A file that lacks nothing gives its last byte up,
        so that the server is asked whether it still is the same.
        """
        with disk_trouble(self.path):
            status = os.fstat(self._file.fileno())
            served = _read_record(self._names.record, status.st_ino)
            if (
                served is None
                or served.url != url
                or not served.condition
                or expected_size not in (None, served.size)
                or (served.size is not None and status.st_size > served.size)
            ):
                self.start_over(None)
                return
            size = status.st_size
            if size == served.size:
                size -= 1
            self._file.truncate(max(size, 0))
            buffer = memoryview(bytearray(_READ_SIZE))
            while count := self._file.readinto(buffer):
                self._digest.update(buffer[:count])
                self.size += count
        self.resumed_from = self.size
        self.served = served
        self._answers = 1

    def start_over(self, served: ServedFile | None) -> None:
        """Forget all bytes; those to come are of this version."""
        with disk_trouble(self.path):
            # In this order: a record never stands beside bytes of another version.
            self._names.record.unlink(missing_ok=True)
            self._file.seek(0)
            self._file.truncate()
            if served is not None and served.condition:
                inode = os.fstat(self._file.fileno()).st_ino
                _write_record(self._names, served, inode)
        self._digest = hashlib.sha256()
        self.size = self.resumed_from = 0
        self.served = served
        self._answers = 1

    def go_on(self) -> None:
        """Note that the bytes to come are from another answer."""
        self._answers += 1

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        with disk_trouble(self.path):
            written = self._file.write(piece)
            while written < len(piece):
                # What a nearly full file system took, or a limit allowed; the next says why.
                written += self._file.write(memoryview(piece)[written:])
        self._digest.update(piece)
        self.size += len(piece)

    def head(self, count: int) -> bytes:
        """Return the first bytes."""
        with disk_trouble(self.path):
            self._file.seek(0)
            head = self._file.read(count) or b""
            self._file.seek(self.size)
        return head

    def publish(self) -> None:
        """Put the file under its final name, durably; what was there is replaced."""
        with disk_trouble(self._names.final):
            os.fsync(self._file.fileno())
            # Windows renames no open file.
            self._file.close()
            self.path.replace(self._names.final)
            self._names.record.unlink(missing_ok=True)
            sync_folder(self._names.final.parent)

    def put_away(self) -> None:
        """Close it; what the next call could not go on with is removed."""
        if self._file.closed:
            return
        useful = self.size and self.served is not None and self.served.condition
        with suppress(OSError):
            self._file.close()
        if not useful:
            for path in self._names.leftovers:
                with suppress(OSError):
                    path.unlink(missing_ok=True)


@contextmanager
def partial_file(names: Names) -> Iterator[PartialFile]:
    """Open what is there of a file, or begin with nothing.

    Raises:
        DestinationError: the folder cannot be written to.
    """
    with disk_trouble(names.part):
        file = _opened(names.part)
    partial = PartialFile(names, file)
    try:
        yield partial
    finally:
        # Also when the user stops it: what is there will be gone on with.
        partial.put_away()


def _opened(part: Path) -> FileIO:
    with suppress(FileNotFoundError):
        if _is_ours(part.lstat()):
            descriptor = os.open(part, _FLAGS)
            # Once more, of what was opened.
            if _is_ours(os.fstat(descriptor)):
                return FileIO(descriptor, "r+b")
            os.close(descriptor)
        part.unlink()
    return FileIO(os.open(part, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666), "r+b")


def _is_ours(status: os.stat_result) -> bool:
    """Whether it is a file that this user made, with no other name that would be written to."""
    mine = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and mine


def _write_record(names: Names, served: ServedFile, inode: int) -> None:
    record = {"inode": inode, "boot": _boot(), "served": asdict(served)}
    # A name that was left by a killed call, or put there by others, is not written through.
    names.new_record.unlink(missing_ok=True)
    with names.new_record.open("x", encoding="utf-8") as file:
        json.dump(record, file)
    names.new_record.replace(names.record)


def _read_record(path: Path, inode: int) -> ServedFile | None:
    """Return what is on record of the bytes in this inode; None where there is nothing."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        # Bytes that were not synced before the machine went down may be zeros now.
        if record["inode"] != inode or record["boot"] != _boot():
            return None
        served = ServedFile(**record["served"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    texts = (served.url, served.etag, served.last_modified, served.encoding, served.condition)
    well_formed = all(isinstance(text, str) for text in texts)
    return served if well_formed and isinstance(served.size, int | None) else None


def _boot() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""
