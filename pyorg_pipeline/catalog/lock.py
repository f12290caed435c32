"""The lock that keeps the writers of a catalog apart."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pyorg_pipeline.catalog.location import LocalLocation, Location
from pyorg_pipeline.errors import CatalogError, CatalogLockedError


@contextmanager
def exclusive(location: Location, fallback_folder: Path, *, wait: float = 0) -> Iterator[None]:
    """Hold the catalog's lock. The thread that holds it may acquire it again.

    The operating system releases it when the holder's process ends or is killed. The lock file of a
    catalog at a URL is in the fallback folder. CatalogLockedError after `wait` seconds.
    """
    if isinstance(location, LocalLocation):
        # Every PYORG_HOME with this catalog shares it.
        path = location.folder / ".refresh.lock"
    else:
        # It keeps the refreshes of this machine apart, not those of others.
        name = hashlib.sha256(location.text.encode()).hexdigest()[:16]
        path = fallback_folder / f"{name}.lock"
    # Beside the lock file: filelock empties that one on every attempt.
    holder_file = path.with_suffix(".holder")
    # A singleton per path counts the acquisitions of this thread instead of waiting for itself.
    lock = FileLock(path, is_singleton=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=wait)
        if lock.lock_counter == 1:
            since = datetime.now(UTC).isoformat(timespec="seconds")
            where, command = f"{os.getpid()} on {socket.gethostname()}", " ".join(sys.argv)[:200]
            text = f"process {where} since {since} ({command})"
            holder_file.write_text(text, "utf-8", "backslashreplace")
    except Timeout:
        raise CatalogLockedError(location.text, _holder(holder_file)) from None
    except OSError as error:
        lock.release()
        raise CatalogError(
            f"{path} cannot be written: {error}. The folder has to belong to the user who "
            "refreshes, with room left: set PYORG_HOME to one that can be written"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _holder(file: Path) -> str:
    try:
        return file.read_text("utf-8") or "another process"
    except (OSError, ValueError):
        return "another process"
