"""Where the catalog's files lie: a local folder, or a URL that fsspec can serve.

Whole files in and out, nothing that knows what stands in them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from pyorg_pipeline.errors import CatalogError, ExtraMissingError

#: Temporary names start so; a refresh sweeps away what a killed one left.
TEMPORARY_PREFIX: Final = ".tmp-"


class Location(Protocol):
    """A place that holds whole files under names with slashes."""

    #: As a person would write it: a path, or a URL without credentials.
    text: str
    #: How many files it pays to read at once.
    readers: int

    def read(self, name: str) -> bytes:
        """The whole file. FileNotFoundError when there is none."""

    def write(self, name: str, data: bytes) -> None:
        """Put the whole file under its name: a reader sees the old one or the new one."""

    def stamp(self, name: str) -> Hashable | None:
        """Something that differs when the file was written again; None when there is none."""

    def names(self, folder: str) -> list[str]:
        """The names of the files directly in a folder, sorted; empty when there is none."""

    def delete(self, name: str) -> None:
        """Remove a file; that there is none is fine."""

    def sweep(self) -> None:
        """Remove temporary files that a killed writer left; only while nobody writes."""

    def lock_file(self, fallback_folder: Path) -> Path:
        """A local file whose lock stands for this location."""


class LocalLocation:
    """A folder of the local file system."""

    #: Small files are bound by the processor.
    readers = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = str(folder)

    def read(self, name: str) -> bytes:
        """The whole file. FileNotFoundError when there is none."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Put the whole file under its name.

        It is written under a temporary name in the same folder, synced, and renamed, so that a
        crash at any byte leaves the old file or the new one.

        Raises:
            CatalogError: the file system refuses, for example because it is full.
        """
        target = self.folder / name
        temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(target)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
        except OSError as error:
            raise CatalogError(
                f"{target} cannot be written: {error.strerror or error}; what was there is kept. "
                "Make room or set PYORG_HOME to a folder that can be written"
            ) from error

    def stamp(self, name: str) -> Hashable | None:
        """Inode, size and time; a rename brings a new inode even within a clock tick."""
        try:
            status = (self.folder / name).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return (status.st_ino, status.st_size, status.st_mtime_ns)

    def names(self, folder: str) -> list[str]:
        """The names of the files directly in a folder, sorted; empty when there is none."""
        try:
            return sorted(
                name
                for name in os.listdir(self.folder / folder)  # noqa: PTH208  # names, not paths
                if not name.startswith(TEMPORARY_PREFIX)
            )
        except FileNotFoundError:
            return []

    def delete(self, name: str) -> None:
        """Remove a file; that there is none is fine.

        Raises:
            CatalogError: the file system refuses.
        """
        target = self.folder / name
        try:
            target.unlink(missing_ok=True)
        except NotADirectoryError:
            pass
        except OSError as error:
            raise CatalogError(
                f"{target} cannot be removed: {error.strerror or error}; it is kept. "
                "Remove it, or set PYORG_HOME to a folder that can be written"
            ) from error

    def sweep(self) -> None:
        """Remove temporary files that a killed writer left; only while nobody writes."""
        for leftover in self.folder.rglob(f"{TEMPORARY_PREFIX}*"):
            with contextlib.suppress(OSError):
                leftover.unlink()

    def lock_file(self, fallback_folder: Path) -> Path:  # noqa: ARG002  # a folder holds its own
        """A hidden file in the folder itself, so that every home that names it shares it."""
        return self.folder / ".refresh.lock"


class FsspecLocation:
    """Anything that fsspec can serve under a URL, such as `s3://bucket/prefix`."""

    #: Enough to hide the latency of most stores.
    readers = 8

    def __init__(self, url: str) -> None:
        import fsspec  # noqa: PLC0415  # costs 50 ms, and most catalogs are local

        try:
            self._filesystem, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            if isinstance(error, ImportError) and url.startswith(("s3://", "s3a://")):
                raise ExtraMissingError("s3", "a catalog at s3://") from error
            raise CatalogError(f"PYORG_CATALOG_URL={url!r} cannot be used: {error}") from error
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        self.text = f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"

    def read(self, name: str) -> bytes:
        """The whole file. FileNotFoundError when there is none."""
        return bytes(self._filesystem.cat_file(self._path(name)))

    def write(self, name: str, data: bytes) -> None:
        """Put the whole file under its name; object stores show an object once it is whole.

        Raises:
            CatalogError: the store refuses.
        """
        try:
            self._filesystem.pipe_file(self._path(name), data)
        except OSError as error:
            raise CatalogError(f"{self.text}/{name} cannot be written: {error}") from error
        self._filesystem.invalidate_cache()

    def stamp(self, name: str) -> Hashable | None:
        """What the store says of the object; the listing cache of fsspec is passed by."""
        self._filesystem.invalidate_cache()
        try:
            info: dict[str, Any] = self._filesystem.info(self._path(name))
        except FileNotFoundError:
            return None
        return tuple(
            str(info.get(key)) for key in ("size", "ETag", "LastModified", "created", "mtime")
        )

    def names(self, folder: str) -> list[str]:
        """The names of the files directly in a folder, sorted; empty when there is none."""
        self._filesystem.invalidate_cache()
        try:
            rows = self._filesystem.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(str(row).rstrip("/").rpartition("/")[2] for row in rows)

    def delete(self, name: str) -> None:
        """Remove an object; that there is none is fine.

        Raises:
            CatalogError: the store refuses.
        """
        try:
            self._filesystem.rm_file(self._path(name))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise CatalogError(f"{self.text}/{name} cannot be removed: {error}") from error
        self._filesystem.invalidate_cache()

    def sweep(self) -> None:
        """Nothing to do: no temporary names are used."""

    def lock_file(self, fallback_folder: Path) -> Path:
        """A file of the home, which keeps refreshes of this machine apart, not of others."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:16]
        return fallback_folder / f"{digest}.lock"

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def open_location(url: str) -> Location:
    """The location behind a path, a `file://` URL, or any URL that fsspec knows.

    Raises:
        ExtraMissingError: a URL of S3 without the extra `s3`.
        CatalogError: fsspec knows no such URL, or lacks a package for it.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        return LocalLocation(Path(url).expanduser().absolute())
    if scheme == "file":
        return LocalLocation(Path(unquote(urlsplit(url).path)))
    return FsspecLocation(url)
