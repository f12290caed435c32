"""The lock that keeps the writers of a catalog apart."""

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
    """Hold the catalog's lock. The thread that holds it may acquire it again.

    The operating system releases it when its holder ends, however it ends.

    Args:
        location: the catalog's.
        fallback_folder: the folder of the lock file of a catalog that is not a local folder.
        wait: seconds to wait for another holder.

    Raises:
        CatalogLockedError: another process or thread holds it; the message names it.
        CatalogError: the lock file cannot be written.
    """
    path = location.lock_file(fallback_folder)
    # A singleton per path counts the acquisitions of this thread instead of waiting for itself.
    lock = FileLock(path, is_singleton=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait)
    except Timeout:
        raise CatalogLockedError(location.text, _holder(path)) from None
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        if lock.lock_counter == 1:
            _write_holder(path)
        yield
    finally:
        lock.release()


def _holder_file(lock_file: Path) -> Path:
    # Beside the lock file: filelock empties that one on every attempt.
    return lock_file.with_suffix(".holder.json")


def _write_holder(lock_file: Path) -> None:
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(sys.argv)[:200],
    }
    try:
        _holder_file(lock_file).write_text(json.dumps(holder))
    except OSError as error:
        raise _unwritable(_holder_file(lock_file), error) from error


def _holder(lock_file: Path) -> str:
    try:
        holder = json.loads(_holder_file(lock_file).read_text())
        return (
            f"process {holder['pid']} on {holder['host']} since {holder['since']} "
            f"({holder['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _unwritable(path: Path, error: OSError) -> CatalogError:
    return CatalogError(
        f"{path} cannot be written: {error.strerror or error}. The folder has to belong to the "
        "user who refreshes, with room left: set PYORG_HOME to one that can be written"
    )
