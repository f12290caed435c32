"""Files on the local disk: valid names, hidden names beside them, a lock, and disk errors."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from pyorg_pipeline.errors import DestinationError, InvalidArgumentError

# In UTF-8. Most file systems allow 255 bytes; hidden names add a dot and a suffix.
_MAX_NAME: Final = 240
# Beside a file until it is complete: its bytes so far, their version on the site, and a lock.
PART, RECORD, LOCK = ".part", ".part.json", ".lock"

# Separators on one system or another, and what NTFS takes for a stream, a drive or a pattern
# (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
_FORBIDDEN: Final = frozenset('/\\<>:"|?*')
# From the same page; the superscript digits count as digits there.
_DEVICES: Final = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"]
    + [f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789\u00b9\u00b2\u00b3"]
)

_FREE_SPACE: Final = "free some space, then try again: a partial download is resumed"
_ELSEWHERE: Final = "choose another folder, or change the permissions of this one"
_CHOOSE: Final = "choose another folder"
_REMOVE: Final = f"remove or rename it, or {_CHOOSE}"
# It may be a device such as /dev/null.
_NO_FOLDER: Final = "something that is not a folder is in the way"
_ERRORS: Final[dict[int, tuple[str, str]]] = {
    errno.ENOSPC: ("the file system is full", _FREE_SPACE),
    errno.EDQUOT: ("the quota is used up", _FREE_SPACE),
    errno.EFBIG: ("the file is larger than is allowed here", "raise the limit (`ulimit -f`)"),
    errno.ENOENT: ("files cannot be created there", _CHOOSE),
    errno.EROFS: ("the file system is read-only", _ELSEWHERE),
    errno.EACCES: ("writing is not permitted", _ELSEWHERE),
    errno.EPERM: ("writing is not permitted", _ELSEWHERE),
    errno.EISDIR: ("a directory is in the way", _REMOVE),
    errno.EEXIST: (_NO_FOLDER, _CHOOSE),
    errno.ENOTDIR: (_NO_FOLDER, _CHOOSE),
    errno.ENAMETOOLONG: ("the path is too long", "choose a folder with a shorter path"),
}


def valid_file_name(name: str) -> str:
    """Return the name; raise InvalidArgumentError unless it is valid on all systems."""
    problems = {
        "it is empty": not name,
        # Control characters, lone surrogates, and marks that change the writing direction.
        "it has an unprintable character": not name.isprintable(),
        f"it has one of {' '.join(sorted(_FORBIDDEN))}": not _FORBIDDEN.isdisjoint(name),
        # `.` and `..` too. The site lists no hidden names, and partial files have them.
        "it starts with a dot": name.startswith("."),
        # Windows drops them, which makes it another name.
        "it ends in a dot or a space": name.endswith((".", " ")),
        "it is a device on Windows": name.partition(".")[0].rstrip().upper() in _DEVICES,
        f"it is longer than {_MAX_NAME} bytes": len(name.encode(errors="replace")) > _MAX_NAME,
    }
    for problem, exists in problems.items():
        if exists:
            raise InvalidArgumentError(
                f"{name[:300]!r} cannot be the name of a file: {problem}; nothing was written. "
                "If the site really lists it, download it by hand"
            )
    return name


def hidden(final: Path, suffix: str) -> Path:
    """Return the hidden path beside a file that belongs to it: PART, RECORD or LOCK."""
    return final.with_name(f".{final.name}{suffix}")


@contextmanager
def translate_disk_errors(path: Path) -> Iterator[None]:
    """Raise the file system's errors as a DestinationError about this path."""
    try:
        yield
    except OSError as error:
        reason, advice = _ERRORS.get(
            error.errno or 0, (error.strerror or str(error), "check the folder, then try again")
        )
        raise DestinationError(str(path), reason, advice) from error


def existing_size(final: Path, *, overwrite: bool) -> int | None:
    """Return the size of an existing file that is not to be replaced, else None.

    With overwrite, a link is replaced, and not its target. Raises DestinationError if a directory,
    a device or the like has the name.
    """
    if not os.path.lexists(final) or (overwrite and final.is_symlink()):
        return None
    with translate_disk_errors(final):
        if final.is_file():
            return None if overwrite else final.stat().st_size
        kind = "a directory" if final.is_dir() else "a dangling link, a device or a pipe"
    raise DestinationError(str(final), f"{kind} is in the way", _REMOVE)


def stamp(final: Path) -> Hashable | None:
    """Return a value that changes when the file is replaced; None if it does not exist."""
    try:
        status = final.lstat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, durably."""
    with translate_disk_errors(folder):
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, on systems that can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems do not sync folders.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


@contextmanager
def file_lock(final: Path, cancelled: threading.Event) -> Iterator[bool]:
    """Hold the lock of a file; yields False if `cancelled` was set before it was free.

    The system releases the lock when its process ends. The lock file is removed while it is held;
    filelock notices that in a process that opened it meanwhile.
    """
    path = hidden(final, LOCK)
    lock = FileLock(path)
    with translate_disk_errors(final), suppress(Timeout):
        # filelock waits forever for a folder that exists but takes no files, such as /proc.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644))
        lock.acquire(poll_interval=0.05, cancel_check=cancelled.is_set)
    try:
        yield lock.is_locked
    finally:
        if lock.is_locked:
            # It stays if it cannot be removed, as on Windows while others wait.
            with suppress(OSError):
                path.unlink()
            lock.release()


def remove_leftovers(final: Path) -> None:
    """Remove the partial files of a killed download, unless another download is active."""
    lock = hidden(final, LOCK)
    if not os.path.lexists(lock):
        return
    with suppress(OSError, Timeout), FileLock(lock, timeout=0):
        for suffix in (PART, RECORD, LOCK):
            hidden(final, suffix).unlink(missing_ok=True)
