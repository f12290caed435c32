"""Destinations of downloads, a folder or a URL for fsspec, and several downloads at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from stat import S_ISREG
from typing import Any, Final

from pyorg_pipeline.catalog.location import local_folder, open_filesystem
from pyorg_pipeline.downloads.download import download
from pyorg_pipeline.downloads.files import valid_file_name
from pyorg_pipeline.downloads.verify import verify_existing, with_listed_size
from pyorg_pipeline.errors import DestinationError, PyorgError
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Download, DownloadFailure, Progress, Verify
from pyorg_pipeline.model.text import reason_text, without_credentials
from pyorg_pipeline.site.client import SiteClient

#: Returns the progress callback for an artifact, or None.
ArtifactProgress = Callable[[PythonOrgArtifact], Progress | None]

#: Besides S3, stores that show an object only when it is complete.
_OBJECT_STORES: Final = frozenset({"gs", "gcs", "abfs", "abfss", "az", "oss", "oci", "memory"})
_ELSEWHERE: Final = "name a folder, or a URL such as s3://bucket/prefix"
#: Bytes in a part of an upload to S3; by default s3fs holds files of up to 100 MB in memory.
_PART: Final = 8 * 1024 * 1024


class FolderDestination:
    """A folder of the local file system, which the first download creates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: For people: a path, or a URL without credentials.
        self.text = str(folder)

    def download(self, client: SiteClient, artifact: PythonOrgArtifact, **options: Any) -> Download:
        """Download an artifact into the folder."""
        return download(client, artifact, self.folder, **options)

    def files(self) -> dict[str, int | None]:
        """The bytes of each file below the folder, by its path within; without hidden ones.

        None for what is not a file, such as a pipe or a link that leads nowhere.
        """
        if not self.folder.is_dir():
            raise DestinationError(self.text, "there is no such folder", "check its name")
        found: dict[str, int | None] = {}
        for parent, folders, names in os.walk(self.folder, onerror=_raise_unreadable):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in (Path(parent, name) for name in names if not name.startswith(".")):
                try:
                    status = path.stat()
                    size = status.st_size if S_ISREG(status.st_mode) else None
                except OSError:
                    size = None
                found[path.relative_to(self.folder).as_posix()] = size
        return found

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        """Yield the path of a file that `files` lists."""
        yield self.folder / name

    def name_within(self, destination: str) -> str | None:
        """Return the path within the folder of a downloaded file; None if it is elsewhere."""
        path, folder = Path(destination), self.folder.resolve()
        if "://" in destination or not path.parent.resolve().is_relative_to(folder):
            return None
        return (path.parent.resolve() / path.name).relative_to(folder).as_posix()


class UrlDestination:
    """A store that fsspec can serve.

    A file is downloaded to a temporary folder and verified before the upload; then its size in the
    store is compared.
    """

    def __init__(self, url: str) -> None:
        self.text = without_credentials(url).rstrip("/")
        self._scheme = url.partition("://")[0]
        # fsspec would first ask for a package that cannot help.
        if self._scheme in {"http", "https"}:
            reason = "web servers neither store nor list files"
            raise DestinationError(self.text, reason, _ELSEWHERE)
        try:
            self._filesystem, root = open_filesystem(url, "a destination at s3://")
        except (ImportError, ValueError, OSError) as error:
            raise DestinationError(
                self.text,
                f"it cannot be opened ({error})",
                "name a folder, or a URL whose package is installed",
            ) from error
        self._root = root.rstrip("/")

    def download(
        self,
        client: SiteClient,
        artifact: PythonOrgArtifact,
        *,
        overwrite: bool = False,
        verify: Verify = True,
        **options: Any,
    ) -> Download:
        """Download an artifact to the store, through a temporary folder."""
        name = valid_file_name(artifact.name)
        key, url = f"{self._root}/{name}", f"{self.text}/{name}"
        size = self._size(key, url)
        if size is not None and not overwrite:
            local = self.local_file(name)
            verification, sha256 = verify_existing(client, artifact, verify, url, local)
            return Download(artifact, url, size, False, sha256, verification)
        with tempfile.TemporaryDirectory(prefix="pyorg-") as folder:
            done = download(client, artifact, folder, verify=verify, **options)
            self._upload(done.destination, key, url)
        uploaded = self._size(key, url)
        if uploaded != done.size:
            raise DestinationError(
                url,
                f"{done.size:,} bytes were uploaded, but the store has {uploaded or 0:,}",
                "download it again with overwrite=True",
            )
        return replace(done, destination=url)

    def files(self) -> dict[str, int | None]:
        """The bytes of each file below the URL, by its path within; without hidden ones."""
        with _translate_store_errors(self.text):
            self._filesystem.invalidate_cache()
            found = self._filesystem.find(self._root, detail=True)
            if not found and not self._filesystem.exists(self._root):
                raise DestinationError(self.text, "there is no such folder", "check its name")
        sizes = {key.removeprefix(f"{self._root}/"): row["size"] for key, row in found.items()}
        return {name: int(size) for name, size in sizes.items() if "/." not in f"/{name}"}

    @contextmanager
    def local_file(self, name: str) -> Iterator[Path]:
        """Yield the path of a temporary copy of a file that `files` lists."""
        with tempfile.TemporaryDirectory(prefix="pyorg-") as folder:
            copy = Path(folder, PurePosixPath(name).name)
            with _translate_store_errors(f"{self.text}/{name}"):
                self._filesystem.get_file(f"{self._root}/{name}", str(copy))
            yield copy

    def name_within(self, destination: str) -> str | None:
        """Return the path within the URL of a downloaded file; None if it is elsewhere."""
        within = destination.startswith(f"{self.text}/")
        return destination.removeprefix(f"{self.text}/") if within else None

    def _size(self, key: str, url: str) -> int | None:
        """Return the size of an object, None if it does not exist."""
        with _translate_store_errors(url):
            # fsspec's cache misses what another process has uploaded since.
            self._filesystem.invalidate_cache()
            try:
                info: dict[str, Any] = self._filesystem.info(key)
            except FileNotFoundError:
                return None
        if info["type"] == "directory":
            raise DestinationError(url, "it is a folder", "choose another destination")
        return int(info["size"])

    def _upload(self, file: str, key: str, url: str) -> None:
        with _translate_store_errors(url):
            if self._scheme in ("s3", "s3a"):
                self._filesystem.put_file(file, key, chunksize=_PART)
            elif self._scheme in _OBJECT_STORES:
                self._filesystem.put_file(file, key)
            else:
                folder, _, name = key.rpartition("/")
                temporary = f"{folder}/.pyorg-{name}"
                self._filesystem.makedirs(folder, exist_ok=True)
                self._filesystem.put_file(file, temporary)
                self._filesystem.mv(temporary, key)


Destination = FolderDestination | UrlDestination


def open_destination(url: str | Path) -> Destination:
    """Return the destination of a path, a `file://` URL, or any URL that fsspec knows.

    Raises DestinationError or ExtraMissingError if fsspec cannot open it.
    """
    folder = local_folder(str(url))
    return UrlDestination(str(url)) if folder is None else FolderDestination(folder)


def download_all(
    client: SiteClient,
    artifacts: Sequence[PythonOrgArtifact],
    destination: Destination,
    *,
    overwrite: bool = False,
    verify: Verify = True,
    progress: ArtifactProgress | None = None,
) -> Generator[Download | DownloadFailure, None, None]:
    """Download artifacts with different names, several at once; yield each result when it is ready.

    An existing file of another size than the catalog lists is a failure, whatever `verify` is. A
    failure does not stop the others. Closing the generator cancels the transfers in flight and
    ends the threads; the next call resumes partial files in a folder.
    """

    def download_one(artifact: PythonOrgArtifact) -> Download | DownloadFailure:
        try:
            done = destination.download(
                client,
                artifact,
                overwrite=overwrite,
                verify=verify,
                progress=None if progress is None else progress(artifact),
            )
            return with_listed_size(done)
        except (PyorgError, OSError) as error:
            return DownloadFailure(artifact, error)

    with client.thread_pool() as executor:
        futures = [executor.submit(download_one, artifact) for artifact in artifacts]
        for future in as_completed(futures):
            yield future.result()


def _raise_unreadable(error: OSError) -> None:
    reason = f"it cannot be read: {error.strerror}"
    advice = "change its permissions" if isinstance(error, PermissionError) else "try again"
    raise DestinationError(str(error.filename), reason, advice) from error


@contextmanager
def _translate_store_errors(url: str) -> Iterator[None]:
    try:
        yield
    except DestinationError:
        raise
    # Each store's library has errors of its own, and few of them are an OSError.
    except Exception as error:
        raise DestinationError(
            url,
            f"the store refuses ({reason_text(error)})",
            "check the URL, and the credentials in this process's environment",
        ) from error
