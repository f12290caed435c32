"""Where downloads go: a folder, or a URL that fsspec can serve, such as `s3://bucket/prefix`.

Here: one artifact, proven, at its destination. Not here: how it is fetched and proven
(`fetching`), and many at once (`transfers`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from pyorg_pipeline.catalog.location import open_filesystem
from pyorg_pipeline.downloads.fetching import Progress, download
from pyorg_pipeline.downloads.names_on_disk import checked_name
from pyorg_pipeline.downloads.verify import Proof, Verify
from pyorg_pipeline.errors import DestinationError, PyorgError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.site.client import SiteClient

#: They show an object under its name when the whole of it has arrived, and not before.
_OBJECT_STORES: Final = frozenset(
    {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci", "memory"}
)
#: Bytes in a part of an upload; s3fs would hold files of up to 100 MB in memory, once a thread.
_PART: Final = 8 * 1024 * 1024
#: Names that start so are uploads under way on stores that show files as they grow.
_TEMPORARY_PREFIX: Final = ".pyorg-"


@dataclass(frozen=True, slots=True)
class Delivered:
    """An artifact's file at its destination, under its final name."""

    #: A path, or a URL without credentials.
    where: str
    #: Bytes.
    size: int
    seconds: float
    #: None for a file that was there before and was kept.
    proof: Proof | None
    fetched: bool
    #: What the user should know of a file that was kept; empty if there is nothing.
    warning: str


class Destination(Protocol):
    """A place for artifacts, each directly in it under its own name."""

    #: As a person would write it: a path, or a URL without credentials.
    text: str

    def deliver(
        self,
        client: SiteClient,
        artifact: PythonOrgArtifact,
        *,
        overwrite: bool,
        verify: Verify,
        progress: Progress | None,
    ) -> Delivered:
        """Bring an artifact here; what lies under its name at any moment is whole and proven.

        Raises:
            DownloadError: the file is not what it should be, or cannot be written.
            SiteError: the site did not give it.
            InvalidArgumentError: the artifact's name cannot be one of a file.
        """


def open_destination(url: str | Path) -> Destination:
    """The destination behind a path, a `file://` URL, or any URL that fsspec knows.

    Raises:
        ExtraMissingError: a URL of S3 without the extra `s3`.
        DestinationError: fsspec knows no such URL, or lacks a package for it.
    """
    scheme, separator, _ = str(url).partition("://")
    if not separator:
        return FolderDestination(Path(url).expanduser().absolute())
    if scheme == "file":
        return FolderDestination(Path(unquote(urlsplit(str(url)).path)))
    return UrlDestination(str(url))


class FolderDestination:
    """A folder of the local file system; made when something goes into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = str(folder)

    def deliver(
        self,
        client: SiteClient,
        artifact: PythonOrgArtifact,
        *,
        overwrite: bool,
        verify: Verify,
        progress: Progress | None,
    ) -> Delivered:
        """Bring an artifact here, as `fetching.download` does."""
        done = download(
            client,
            artifact,
            self.folder,
            overwrite=overwrite,
            verify=verify,
            progress=progress,
        )
        return Delivered(
            str(done.path), done.size, done.seconds, done.proof, done.fetched, done.warning
        )


class UrlDestination:
    """Anything that fsspec can serve under a URL.

    A file is fetched into a temporary folder of this machine and proven there; then it goes to the
    store, and its size there is compared.
    """

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.rstrip("/").partition("://")
        authority, slash, path = rest.partition("/")
        self.text = f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
        try:
            self._filesystem, root = open_filesystem(url, "a destination at s3://")
        except (ImportError, ValueError) as error:
            raise DestinationError(
                self.text,
                f"it cannot be opened ({error})",
                "name a folder, or a URL whose package is installed",
            ) from error
        self._root = root.rstrip("/")
        names = self._filesystem.protocol
        self._protocols = {names} if isinstance(names, str) else set(names)

    def deliver(
        self,
        client: SiteClient,
        artifact: PythonOrgArtifact,
        *,
        overwrite: bool,
        verify: Verify,
        progress: Progress | None,
    ) -> Delivered:
        """Bring an artifact here, through a temporary folder."""
        name = checked_name(artifact.name)
        key, where = f"{self._root}/{name}", f"{self.text}/{name}"
        there = self._size(key, where)
        if there is not None and not overwrite:
            return Delivered(where, there, 0.0, None, False, _warning(where, there, artifact.size))
        with tempfile.TemporaryDirectory(prefix="pyorg-") as folder:
            done = download(client, artifact, folder, verify=verify, progress=progress)
            self._put(done.path, key, where)
        arrived = self._size(key, where)
        if arrived != done.size:
            raise DestinationError(
                where,
                f"{done.size:,} bytes were sent, and {arrived or 0:,} are there",
                "download it again with overwrite=True",
            )
        return Delivered(where, done.size, done.seconds, done.proof, True, "")

    def _size(self, key: str, where: str) -> int | None:
        """The bytes that lie there; None where there is nothing."""
        with _store_trouble(where):
            # What another process has put there since is not in fsspec's own listings.
            self._filesystem.invalidate_cache()
            try:
                info: dict[str, Any] = self._filesystem.info(key)
            except FileNotFoundError:
                return None
        if info["type"] == "directory":
            raise DestinationError(where, "it is a folder", "choose another destination")
        return int(info["size"])

    def _put(self, file: Path, key: str, where: str) -> None:
        with _store_trouble(where):
            if self._protocols & {"s3", "s3a"}:
                self._filesystem.put_file(str(file), key, chunksize=_PART)
            elif self._protocols & _OBJECT_STORES:
                self._filesystem.put_file(str(file), key)
            else:
                self._put_and_rename(file, key)

    def _put_and_rename(self, file: Path, key: str) -> None:
        folder, _, name = key.rpartition("/")
        temporary = f"{folder}/{_TEMPORARY_PREFIX}{name}"
        self._filesystem.makedirs(folder, exist_ok=True)
        self._filesystem.put_file(str(file), temporary)
        self._filesystem.mv(temporary, key)


@contextmanager
def _store_trouble(where: str) -> Iterator[None]:
    try:
        yield
    except PyorgError:
        raise
    # Each store's library has errors of its own, and few of them are an OSError.
    except Exception as error:
        words = " ".join(str(error).split())[:300] or type(error).__name__
        raise DestinationError(
            where,
            f"the store refuses ({words})",
            "look at the URL, and at the credentials in this process's environment",
        ) from error


def _warning(where: str, size: int, expected: int | None) -> str:
    if expected in {None, size}:
        return ""
    return (
        f"{where} was there and was kept, but has {size:,} bytes where the catalog knows "
        f"{expected:,}; overwrite=True replaces it"
    )
