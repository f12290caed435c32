"""One artifact into one folder: a file under its final name is always complete and verified."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from requests import Response

from pyorg_pipeline.catalog.location import local_folder
from pyorg_pipeline.downloads.files import (
    existing_size,
    file_lock,
    make_folder,
    remove_leftovers,
    stamp,
    translate_disk_errors,
    valid_file_name,
)
from pyorg_pipeline.downloads.partial import FileVersion, PartialFile
from pyorg_pipeline.downloads.verify import (
    expected_verification,
    read_and_verify,
    verify_existing,
    verify_file,
    wrong_size,
)
from pyorg_pipeline.errors import InvalidArgumentError, SiteUnreachableError, VerificationError
from pyorg_pipeline.model.arguments import parse_folder, parse_path
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import CHUNK_SIZE, Download, Progress, Verification, Verify
from pyorg_pipeline.model.text import without_credentials
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.retry import TransientError

_LOGGER: Final = logging.getLogger(__name__)

# No encoding: the bytes are wanted as they are (RFC 9110, 12.5.3), and a Range counts them so.
_HEADERS: Final = {"Accept-Encoding": "identity"}
_PAGE_TYPES: Final = ("text/html", "application/xhtml+xml")
_PAGE_NAMES: Final = (".html", ".htm", ".xhtml")


def download(
    client: SiteClient,
    artifact: PythonOrgArtifact,
    destination_dir: Path | str | None,
    *,
    stream_chunk_size: int = CHUNK_SIZE,
    overwrite: bool = False,
    verify: Verify = True,
    progress: Progress | None = None,
) -> Download:
    """Download an artifact into a folder; None is a new temporary one, which a failure removes.

    The bytes are written to a hidden file in the same folder; size and SHA-256 are computed
    meanwhile. A verified file is synced and renamed, so that the final name always holds the old
    file or the new one, complete. An interrupted transfer is resumed, in this call or the next
    one, if the server still has the same version. A resumed file that does not verify is fetched
    once more from its start, because an ETag may stay the same: nginx's consists of date and
    length. Of several calls for one file, in any number of processes, one fetches it; the others
    wait for it and verify it themselves.

    An existing file is returned without a request unless `overwrite`; with `verify` as `digest` or
    `signature` it is verified. `progress` is called with fewer bytes if the transfer starts over.

    Raises:
        DownloadError: The file does not verify, or cannot be written.
        SiteError: The request for it failed.
        InvalidArgumentError: An argument or the artifact's name is invalid.
    """
    started = time.monotonic()
    # First: an invalid name reaches neither the site nor the file system.
    name = valid_file_name(artifact.name)
    url = client.url_of(artifact.path)
    if type(stream_chunk_size) is not int or stream_chunk_size < 1:
        raise InvalidArgumentError(
            f"stream_chunk_size {stream_chunk_size!r} is not a number of bytes"
        )
    report: Progress = progress or (lambda *_: None)
    with _folder(destination_dir) as folder:
        final = folder / name
        # Before the file is looked for: one that appears in between counts as new.
        before = stamp(final)
        size = existing_size(final, overwrite=overwrite)
        if size is not None:
            remove_leftovers(final)
            with translate_disk_errors(final):
                verification, sha256 = verify_existing(
                    client, artifact, verify, str(final), nullcontext(final)
                )
            done = Download(artifact, str(final), size, False, sha256, verification)
        else:
            expected = expected_verification(client, artifact, verify)
            make_folder(folder)
            with file_lock(final, client.cancelled) as held:
                if not held:
                    raise SiteUnreachableError(url, "the download was cancelled")
                adopted = None
                if stamp(final) not in (None, before):
                    adopted = _adopt(artifact, final, expected, report)
                if adopted is not None:
                    done = adopted
                else:
                    with PartialFile(final) as partial:
                        done = _Transfer(
                            client, url, artifact, expected, partial, stream_chunk_size, report
                        ).run()
    if done.note and verify is not False:
        _LOGGER.warning("%s: %s", done.destination, done.note)
    return replace(done, seconds=time.monotonic() - started)


def _adopt(
    artifact: PythonOrgArtifact, final: Path, verification: Verification, report: Progress
) -> Download | None:
    """Return the file that another call fetched meanwhile, None if it does not verify."""
    existing_size(final, overwrite=False)
    try:
        with translate_disk_errors(final):
            size, sha256 = read_and_verify(artifact, verification, final)
    except VerificationError as error:
        _LOGGER.warning("the file of another download is not valid: %s", error)
        return None
    report(size, size)
    return Download(artifact, str(final), size, False, sha256, verification)


@dataclass
class _Transfer:
    """The requests for one file until its bytes are complete and verified."""

    client: SiteClient
    url: str
    artifact: PythonOrgArtifact
    verification: Verification
    partial: PartialFile
    chunk_size: int
    report: Progress
    #: The most bytes received so far. Only more than these are progress, or a server that cannot
    #: resume and cuts each transfer would be requested without end.
    furthest: int = 0

    def run(self) -> Download:
        """Receive the missing bytes, verify the file, and rename it."""
        partial, artifact, verification = self.partial, self.artifact, self.verification
        partial.resume(self.url, artifact.size)
        self.furthest = partial.size
        for is_last in (False, True):
            self.client.with_retries(self._once, progress=lambda: self.furthest)
            try:
                verify_file(artifact, verification, partial.path, partial.size, partial.sha256)
                break
            except VerificationError as error:
                again = partial.is_pieced_together and not is_last
                partial.start_over()
                if not again:
                    raise
                _LOGGER.warning("resumed, but not valid, so it is fetched again: %s", error)
        path, resumed_from = partial.publish(), partial.resumed_from
        return Download(
            artifact, path, partial.size, True, partial.sha256, verification, resumed_from
        )

    def _once(self) -> None:
        partial, version = self.partial, self.partial.version
        if version is not None and version.validator and partial.size:
            # RFC 9110, 13.1.5: the rest if it is the same version, else all of the new one.
            conditions = {"Range": f"bytes={partial.size}-", "If-Range": version.validator}
            with self.client.open(self.url, _HEADERS | conditions) as answer:
                if answer.status_code == 200:
                    self._receive_whole(answer)
                    return
                if answer.status_code == 206:
                    size = version.size_if_continued(answer.headers, partial.size)
                    if size is not None:
                        partial.is_pieced_together = True
                        self._receive(answer, size)
                        return
            # Not the rest of this version.
            partial.start_over()
        with self.client.open(self.url, _HEADERS) as answer:
            self._receive_whole(answer)

    def _receive_whole(self, answer: Response) -> None:
        # Before the partial file is dropped: some servers report errors with 200.
        artifact, length = self.artifact, answer.raw.length_remaining
        kind = answer.headers.get("Content-Type") or "no Content-Type"
        if length is not None and artifact.size not in (None, length):
            raise wrong_size(artifact, f"{length:,} bytes", f"the Content-Length, with {kind}")
        # A digest, or a size known on both sides, is a better check than the type.
        is_known = self.verification.sha256 is not None or None not in (length, artifact.size)
        is_page = kind.partition(";")[0].strip().lower() in _PAGE_TYPES
        if is_page and not is_known and not artifact.name.lower().endswith(_PAGE_NAMES):
            raise VerificationError(
                *(artifact.path, "the content", "a file", kind, "its name", "its Content-Type"),
                advice="open its URL in a browser: the site, or a proxy, sends a page instead",
            )
        self.partial.start_over(FileVersion.of(self.url, length, answer.headers))
        self._receive(answer, length)

    def _receive(self, answer: Response, declared: int | None) -> None:
        """Read an answer to its end; `declared` is the size of the whole file, if known."""
        partial = self.partial
        # RFC 9112, 6.3: otherwise the body ends with the connection, which hides a cut.
        framed = answer.raw.length_remaining is not None or answer.raw.chunked
        total = self.artifact.size if declared is None else declared
        self.report(partial.size, total)
        for chunk in self.client.chunks(answer, self.url, self.chunk_size):
            if total is not None and partial.size + len(chunk) > total:
                partial.start_over()
                raise wrong_size(self.artifact, f"more than {total:,} bytes", "the bytes received")
            partial.write(chunk)
            self.furthest = max(self.furthest, partial.size)
            self.report(partial.size, total)
        known = declared if framed else total
        if known is not None and partial.size < known:
            reason = f"the connection was closed after {partial.size:,} of {known:,} bytes"
            raise TransientError(SiteUnreachableError(self.url, f"{reason}; try again later"))


@contextmanager
def _folder(destination_dir: Path | str | None) -> Iterator[Path]:
    if destination_dir is not None:
        yield _local_folder(parse_path("destination_dir", destination_dir))
        return
    with translate_disk_errors(Path(tempfile.gettempdir())):
        temporary = Path(tempfile.mkdtemp(prefix="pyorg-"))
    try:
        yield temporary
    except BaseException:
        # The caller does not get its name.
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _local_folder(text: str) -> Path:
    """Return the folder of a path, which may be relative, or of a `file://` URL."""
    # A Path of s3://bucket is s3:/bucket. The letter of a drive is not a scheme.
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", text):
        return parse_folder(text)
    if (folder := local_folder(text)) is None or not text.startswith("file://"):
        raise InvalidArgumentError(
            f"destination_dir {without_credentials(text)!r} is not a folder of this machine; "
            "`pyorg download` and the job download_artifacts can download to a URL"
        )
    return folder
