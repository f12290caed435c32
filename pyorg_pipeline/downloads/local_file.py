"""The folder that files go to, and what stands in the way there.

All trouble with it becomes a DestinationError. Not here: how a file comes to be (`partial_file`).
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from filelock import FileLock, Timeout

from pyorg_pipeline.downloads.names_on_disk import LONGEST_NAME
from pyorg_pipeline.errors import DestinationError

_LOGGER: Final = logging.getLogger(__name__)

_LONGEST_ENDING: Final = 24
# Seconds. How soon somebody who waits sees that the other is done, and that he should give up.
_POLL: Final = 0.05

_ROOM: Final = "make room, then call again: what came so far is continued where the site allows it"
_ELSEWHERE: Final = "choose another folder, or change what this one allows"
_TROUBLE: Final[dict[int, tuple[str, str]]] = {
    errno.ENOSPC: ("the file system is full", _ROOM),
    errno.EDQUOT: ("the quota is used up", _ROOM),
    errno.EFBIG: (
        "a file may not be that large here",
        "choose a folder on another file system, or raise the limit (`ulimit -f`)",
    ),
    errno.EROFS: ("the file system is read-only", _ELSEWHERE),
    errno.EACCES: ("writing is not permitted", _ELSEWHERE),
    errno.EPERM: ("writing is not permitted", _ELSEWHERE),
    errno.EISDIR: ("a directory is in the way", "remove or rename it, or choose another folder"),
    errno.ENAMETOOLONG: ("the path is too long", "choose a folder with a shorter path"),
    errno.ELOOP: ("its symbolic links lead in a circle", "remove the link, or choose another"),
}


class Names(NamedTuple):
    """Where a file will lie, and what lies beside it, hidden, until it does."""

    final: Path
    #: The bytes so far.
    part: Path
    #: Which version they are of.
    record: Path
    #: A record before it is one.
    new_record: Path
    #: Whoever holds it works on the other three.
    lock: Path

    @property
    def leftovers(self) -> tuple[Path, Path, Path]:
        """What a transfer leaves behind if it does not come to its end."""
        return (self.part, self.record, self.new_record)


def names_of(final: Path) -> Names:
    """Return the names that belong to a file's; other files have others."""
    stem = final.name
    if len(os.fsencode(stem)) > LONGEST_NAME - _LONGEST_ENDING:
        stem = sha256(os.fsencode(stem)).hexdigest()
    beside = [
        final.with_name(f".{stem}{ending}")
        for ending in (".part", ".part.json", ".part.json.new", ".lock")
    ]
    return Names(final, *beside)


@contextmanager
def disk_trouble(path: Path) -> Iterator[None]:
    """Make what the file system refuses a DestinationError about this path."""
    try:
        yield
    except OSError as error:
        reason, advice = _TROUBLE.get(
            error.errno or 0, (error.strerror or str(error), "look at the folder, then call again")
        )
        raise DestinationError(str(path), reason, advice) from error


def size_there(final: Path, *, overwrite: bool) -> int | None:
    """Return the size in bytes of the file that is there already; None where there is none.

    Raises:
        DestinationError: what is there is no file and would not be replaced: a directory, a
            device, or, without overwrite, a symbolic link that leads nowhere.
    """
    with disk_trouble(final):
        try:
            status = final.lstat()
            is_link = stat.S_ISLNK(status.st_mode)
            if is_link and overwrite:
                # The link is replaced, whatever is behind it stays.
                return None
            if is_link:
                status = final.stat()
        except (FileNotFoundError, NotADirectoryError):
            if final.is_symlink():
                raise DestinationError(
                    str(final),
                    "a symbolic link that leads nowhere is in the way",
                    "remove it, or have it replaced with overwrite=True",
                ) from None
            return None
    if not stat.S_ISREG(status.st_mode):
        kind = "a directory" if stat.S_ISDIR(status.st_mode) else "something that is no file"
        raise DestinationError(
            str(final), f"{kind} is in the way", "remove or rename it, or choose another folder"
        )
    return status.st_size


def stamp(final: Path) -> Hashable | None:
    """Return something that differs when another file was put there; None where there is none."""
    try:
        status = final.stat(follow_symlinks=False)
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, as far as they are missing, durably.

    Raises:
        DestinationError: a file or a dangling link is in the way, or it is not permitted.
    """
    with disk_trouble(folder):
        if folder.is_dir():
            return
        missing = [folder, *folder.parents]
        missing = [path for path in missing if not os.path.lexists(path)]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError, FileNotFoundError) as error:
            raise DestinationError(
                str(folder),
                "it cannot be made, since a file or a symbolic link that leads nowhere is in the "
                "way",
                "remove that, or choose another folder",
            ) from error
        for path in missing:
            sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut; does nothing where a system cannot."""
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
def alone(names: Names, ending: threading.Event) -> Iterator[bool]:
    """Hold a file's lock; yields whether it could be had before `ending` was set.

    The operating system gives the lock back when its holder ends, however it ends. The lock file
    is removed while it is held; whoever opened it meanwhile sees that it has no name any more and
    takes a new one (filelock does so from 3.21 on, and from 3.30 on leaves the removing to us).

    Raises:
        DestinationError: there can be no lock in this folder.
    """
    lock = FileLock(names.lock)
    held = is_known = False
    with disk_trouble(names.final):
        while not held and not ending.is_set():
            try:
                lock.acquire(timeout=0)
                held = True
            except Timeout:
                if not is_known:
                    _LOGGER.info("%s: another call is fetching it, waiting", names.final)
                is_known = True
                ending.wait(_POLL)
    try:
        yield held
    finally:
        if held:
            # Where it cannot be removed, such as on Windows while others wait, it stays.
            with suppress(OSError):
                names.lock.unlink()
            lock.release()


def sweep(names: Names) -> None:
    """Remove what a killed transfer left beside a file that is there, unless one is at work."""
    if not os.path.lexists(names.lock):
        return
    with suppress(OSError, Timeout):
        lock = FileLock(names.lock)
        lock.acquire(timeout=0)
        try:
            for path in (*names.leftovers, names.lock):
                path.unlink(missing_ok=True)
        finally:
            lock.release()
