"""Requests for one file until its bytes are there: what to ask, and what an answer is worth.

A file is complete here when the server says so and the size is the catalog's. Not here: whether it
is the right one (`transfer` has it proven), and what a version is (`served_file`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyorg_pipeline.downloads.partial import PartialFile
from pyorg_pipeline.downloads.served_file import served_file
from pyorg_pipeline.errors import SiteUnreachableError, VerificationError
from pyorg_pipeline.site.client import FileAnswer, SiteClient
from pyorg_pipeline.site.retry import TransientError

#: Called with the bytes so far and those of the whole, None where they are not known.
Progress = Callable[[int, int | None], None]

# No encoding: what the server has is what is wanted (RFC 9110, 12.5.3), and a Range counts in it.
_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity"}
_PAGE_TYPES: Final = ("text/html", "application/xhtml+xml")
_PAGE_NAMES: Final = (".html", ".htm", ".xhtml")
_PAGE_STARTS: Final = (b"<!doctype html", b"<html", b"<head")
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_HEAD_SIZE: Final = 1024


class Reception:
    """Receives one file; used by one thread.

    Args:
        client: Of the site that has it.
        url: As the client's `file_url` gives it.
        expected_size: Bytes, None if nobody knows.
        chunk_size: Bytes that are taken at once, at most.
        progress: Told after every piece; None if nobody wants to hear it.
    """

    def __init__(
        self,
        client: SiteClient,
        url: str,
        expected_size: int | None,
        chunk_size: int,
        progress: Progress | None,
    ) -> None:
        self._client = client
        self._url = url
        self._expected_size = expected_size
        self._chunk_size = chunk_size
        self._progress = progress
        # The most bytes that were there at once. Only what goes beyond is progress, or a server
        # that cannot continue and cuts each time would be asked for ever.
        self._furthest = 0

    def complete(self, partial: PartialFile) -> None:
        """Receive what the partial file lacks, with as many requests as it takes.

        Raises:
            SiteError: The site does not give it; its subclasses say why.
            VerificationError: What it gives has another size, or is a page.
            DestinationError: The file system refuses.
        """
        self._furthest = partial.size
        self._client.with_retries(
            self._url, lambda: self._once(partial), progress=lambda: self._furthest
        )

    def tell(self, done: int, total: int | None) -> None:
        """Tell how far it is."""
        if self._progress is not None:
            self._progress(done, total)

    def check_size(self, size: int, source: str) -> None:
        """Raise VerificationError if this is not the size that the catalog knows."""
        if self._expected_size not in (None, size):
            raise self._wrong_size(f"{size:,} bytes", source)

    def _once(self, partial: PartialFile) -> None:
        served = partial.served
        if served is not None and served.condition and partial.size:
            # RFC 9110, 13.1.5: the rest if it is the same version, else all of the new one.
            asked = {"Range": f"bytes={partial.size}-", "If-Range": served.condition}
            with self._client.open_file(self._url, _HEADERS | asked) as answer:
                if answer.status == 200:
                    self._take_whole(partial, answer)
                    return
                if answer.status == 206:
                    size = served.size_if_continued(answer.headers, partial.size)
                    if size is not None:
                        partial.go_on()
                        self._take(partial, answer, size)
                        return
            # Part of another version, or none of it: nothing to put behind what is there.
            partial.start_over(None)
        with self._client.open_file(self._url, _HEADERS) as answer:
            self._take_whole(partial, answer)

    def _take_whole(self, partial: PartialFile, answer: FileAnswer) -> None:
        if answer.length is not None:
            kind = answer.headers.get("Content-Type") or "nothing in particular"
            # Before what is there is given up for it.
            self.check_size(answer.length, f"Content-Length of what was sent as {kind}")
        partial.start_over(served_file(self._url, answer.length, answer.headers))
        self._take(partial, answer, answer.length)

    def _take(self, partial: PartialFile, answer: FileAnswer, declared: int | None) -> None:
        """Read an answer to its end; `declared` is the size of the whole file, if it was told."""
        total = self._expected_size if declared is None else declared
        self.tell(partial.size, total)
        for piece in answer.chunks(self._chunk_size):
            if total is not None and partial.size + len(piece) > total:
                partial.start_over(None)
                raise self._wrong_size(f"more than {total:,} bytes", "the bytes received")
            partial.write(piece)
            self._furthest = max(self._furthest, partial.size)
            self.tell(partial.size, total)
        self._refuse_page(partial, answer)
        # The end of a connection is not the end of a file, unless nobody knows better.
        told = total if answer.close_delimited else declared
        if told is not None and partial.size < told:
            raise TransientError(
                SiteUnreachableError(
                    self._url,
                    f"the connection was closed after {partial.size:,} of {told:,} bytes; "
                    "try again later",
                )
            )
        if self._expected_size not in (None, partial.size):
            size = partial.size
            partial.start_over(None)
            self.check_size(size, "the bytes received")

    def _refuse_page(self, partial: PartialFile, answer: FileAnswer) -> None:
        """Raise if a file that is no page came as one: some servers report errors so, with 200."""
        kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind not in _PAGE_TYPES or self._url.lower().endswith(_PAGE_NAMES):
            return
        if partial.head(_HEAD_SIZE).lstrip(_BLANK).lower().startswith(_PAGE_STARTS):
            partial.start_over(None)
            raise VerificationError(
                self._url,
                "the content",
                "a file",
                "an HTML page",
                "its name",
                "its first bytes, and what it was sent as",
            )

    def _wrong_size(self, actual: str, source: str) -> VerificationError:
        expected = "known" if self._expected_size is None else f"{self._expected_size:,} bytes"
        return VerificationError(self._url, "size", expected, actual, "the catalog", source)
