"""Where the catalog's files are: in a local folder, or under a URL that fsspec can serve."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from pyorg_pipeline.errors import CatalogError, ExtraMissingError, InvalidArgumentError
from pyorg_pipeline.model.arguments import parse_folder
from pyorg_pipeline.model.text import reason_text, without_credentials

#: Temporary names start with it; a refresh removes those that a killed one left.
TEMPORARY_PREFIX: Final = ".tmp-"

#: A value that changes when a file is written again, of numbers and texts.
Stamp: TypeAlias = tuple[int | str, ...]


class LocalLocation:
    """A folder of the local file system."""

    #: How many files to read at the same time: reading small ones is bound by the processor.
    readers = 1

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: To be shown.
        self.text = str(folder)

    def read(self, name: str) -> bytes:
        """The whole file; raises FileNotFoundError if it does not exist."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Replace the file atomically: a reader sees the old one or the new one."""
        try:
            write_atomically(self.folder / name, data)
        except OSError as error:
            raise CatalogError(
                f"{self.folder / name} cannot be written: {error.strerror or error}; the old file "
                "is kept. Make room or set PYORG_HOME to a folder that can be written"
            ) from error

    def stamp(self, name: str) -> Stamp | None:
        """The stamp of a file; None if it does not exist."""
        try:
            return _local_stamp((self.folder / name).stat())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stamps(self, folder: str) -> dict[str, Stamp]:
        """The files directly in a folder with their stamps, sorted; empty if it does not exist."""
        found: dict[str, Stamp] = {}
        try:
            for entry in os.scandir(self.folder / folder):
                # It may have been removed or renamed since, or be a broken link.
                with contextlib.suppress(OSError):
                    if not entry.name.startswith(TEMPORARY_PREFIX):
                        found[entry.name] = _local_stamp(entry.stat())
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return dict(sorted(found.items()))

    def delete(self, name: str) -> None:
        """Remove a file, if it exists."""
        target = self.folder / name
        try:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                target.unlink()
        except OSError as error:
            raise CatalogError(
                f"{target} cannot be removed: {error.strerror or error}. "
                "Remove it, or set PYORG_HOME to a folder that can be written"
            ) from error

    def sweep(self) -> None:
        """Remove temporary files that a killed writer left; call it with the lock held."""
        for leftover in self.folder.rglob(f"{TEMPORARY_PREFIX}*"):
            with contextlib.suppress(OSError):
                leftover.unlink()


class FsspecLocation:
    """A URL that fsspec can serve, such as `s3://bucket/prefix`."""

    #: Enough to hide the latency of most stores.
    readers = 8

    def __init__(self, url: str) -> None:
        self.text = without_credentials(url)
        try:
            self._filesystem, self._root = open_filesystem(url, "a catalog at s3://")
        except (ImportError, ValueError) as error:
            message = f"the catalog's URL {self.text!r} cannot be used: {error}"
            raise InvalidArgumentError(message) from error

    def read(self, name: str) -> bytes:
        """The whole file; raises FileNotFoundError if it does not exist."""
        with self._translate_errors(name, "read"):
            return bytes(self._filesystem.cat_file(self._path(name)))

    def write(self, name: str, data: bytes) -> None:
        """Replace the object; object stores show it once it is whole."""
        with self._translate_errors(name, "written"):
            self._filesystem.pipe_file(self._path(name), data)
            self._filesystem.invalidate_cache()

    def stamp(self, name: str) -> Stamp | None:
        """What the store reports of the object, not what fsspec has cached."""
        try:
            with self._translate_errors(name, "read"):
                self._filesystem.invalidate_cache()
                info = self._filesystem.info(self._path(name))
        except FileNotFoundError:
            return None
        return _object_stamp(info)

    def stamps(self, folder: str) -> dict[str, Stamp]:
        """The objects directly in a folder with their stamps, sorted."""
        try:
            with self._translate_errors(folder, "read"):
                self._filesystem.invalidate_cache()
                rows = self._filesystem.ls(self._path(folder), detail=True)
        except FileNotFoundError:
            return {}
        found = {row["name"].rstrip("/").rpartition("/")[2]: _object_stamp(row) for row in rows}
        return dict(sorted(found.items()))

    def delete(self, name: str) -> None:
        """Remove an object, if it exists."""
        with self._translate_errors(name, "removed"):
            with contextlib.suppress(FileNotFoundError):
                self._filesystem.rm_file(self._path(name))
            self._filesystem.invalidate_cache()

    def sweep(self) -> None:
        """Do nothing: no temporary names are used."""

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextlib.contextmanager
    def _translate_errors(self, name: str, done: str) -> Iterator[None]:
        if done != "read" and self.text.startswith(("http://", "https://")):
            raise CatalogError(
                f"the catalog at {self.text} can only be read: web servers store no files. "
                "Set PYORG_CATALOG_URL to a folder, or to a URL such as s3://bucket/prefix"
            )
        try:
            yield
        # Each store's library has errors of its own, and few of them are an OSError.
        except Exception as error:
            if isinstance(error, FileNotFoundError) and done == "read":
                raise
            raise CatalogError(
                f"{self.text}/{name} cannot be {done}: {reason_text(error)}; check the URL, the "
                "network, and the credentials and endpoint in the environment"
            ) from error


#: A place that holds whole files under names with slashes. Its methods raise CatalogError if a file
#: cannot be written or removed, or a store does not answer.
Location: TypeAlias = LocalLocation | FsspecLocation


def _local_stamp(status: os.stat_result) -> Stamp:
    # A rename brings a new inode even within a clock tick.
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _object_stamp(info: Mapping[str, Any]) -> Stamp:
    versions = [info.get(key) for key in ("ETag", "LastModified", "created", "mtime")]
    if not any(versions):
        # Two objects of one size would look alike: each stamp is another, and nothing is kept.
        return (secrets.token_hex(8),)
    return tuple(map(str, (info["size"], *versions)))


def open_location(url: str) -> Location:
    """The location of a path, a `file://` URL, or any URL that fsspec can serve."""
    folder = local_folder(url)
    return FsspecLocation(url) if folder is None else LocalLocation(folder)


def local_folder(url: str) -> Path | None:
    """The folder of a path or a `file://` URL; None for other URLs."""
    scheme, separator, _ = url.partition("://")
    if not separator:
        return parse_folder(url).absolute()
    if scheme != "file":
        return None
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise InvalidArgumentError(f"{url!r} is a file of another host; give a folder of this one")
    return Path(unquote(parts.path))


def open_filesystem(url: str, purpose: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path within it.

    `purpose` is what an S3 URL is for, for the error that names the extra.
    """
    import fsspec  # noqa: PLC0415  # takes 50 ms, and most locations are local

    try:
        filesystem, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        if url.startswith(("s3://", "s3a://")):
            raise ExtraMissingError("s3", purpose) from error
        raise
    return filesystem, root


def write_atomically(target: Path, data: bytes) -> None:
    """Write a file under a temporary name in the same folder, sync it, and rename it.

    A crash at any byte leaves the old file or the new one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}")
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
