"""One refresh at a time on a catalog."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pyorg_pipeline.catalog.location import Location
from pyorg_pipeline.errors import CatalogError, CatalogLockedError


@contextmanager
def exclusive(location: Location, fallback_folder: Path, *, wait: float = 0) -> Iterator[None]:
    """Hold the catalog's lock; the same thread may take it again while it holds it.

    The operating system gives the lock back when its holder ends, however it ends.

    Args:
        location: the catalog's.
        fallback_folder: where the lock of a catalog that is no local folder lies.
        wait: seconds to wait for another holder to be done.

    Raises:
        CatalogLockedError: another process, or thread, holds it; names it.
        CatalogError: the folder of the lock cannot be made or written.
    """
    path = location.lock_file(fallback_folder)
    # A singleton per path: the second acquisition in this thread counts instead of waiting.
    lock = FileLock(path, is_singleton=True)
    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=wait)
        except Timeout:
            raise CatalogLockedError(location.text, _holder(path)) from None
    try:
        if lock.lock_counter == 1:
            holder = _holder_file(path)
            with _writing(holder):
                holder.write_text(
                    json.dumps(
                        {
                            "pid": os.getpid(),
                            "host": socket.gethostname(),
                            "since": datetime.now(UTC).isoformat(timespec="seconds"),
                            "command": " ".join(sys.argv)[:200],
                        }
                    )
                )
        yield
    finally:
        lock.release()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CatalogError(
            f"{path} cannot be written: {error.strerror or error}. The folder has to belong to "
            "the user who refreshes, with room left: set PYORG_HOME to one that can be written"
        ) from error


def _holder_file(lock_file: Path) -> Path:
    # Beside the lock file, not in it: filelock empties that on every attempt.
    return lock_file.with_suffix(".holder.json")


def _holder(lock_file: Path) -> str:
    try:
        holder = json.loads(_holder_file(lock_file).read_text())
        return (
            f"process {holder['pid']} on {holder['host']} since {holder['since']} "
            f"({holder['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
