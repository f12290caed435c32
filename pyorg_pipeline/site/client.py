"""The one way to the site: pages over pooled connections, with limits, retries and clear errors.

Here: requests, timeouts, retries and redirects. What they are made of stands beside it: the
connections (`adapter`), whom a URL speaks to (`addresses`), what goes wrong (`trouble`), and how
old an answer is (`age`).
Not here: what a page says (`listing`), which pages to ask for (`crawler`), and what becomes of a
file's pieces (`transfer`).

The client speaks to the host of its base URL and to no other.
"""

from __future__ import annotations

import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar
from urllib.parse import quote

from requests import PreparedRequest, Response, Session
from requests.auth import HTTPBasicAuth
from requests.utils import get_netrc_auth
from urllib3 import Retry
from urllib3 import exceptions as broken

from pyorg_pipeline.errors import (
    InvalidArgumentError,
    SettingsError,
    SiteError,
    SiteUnreachableError,
)
from pyorg_pipeline.site.adapter import CuttableAdapter
from pyorg_pipeline.site.addresses import redirected, taken_apart
from pyorg_pipeline.site.age import generated_at
from pyorg_pipeline.site.retry import (
    NOT_CONNECTED,
    TransientError,
    causes_of,
    in_words,
    retry_after,
    trouble_with_status,
)
from pyorg_pipeline.site.small_files import LARGEST_COMPANION, read_body

if TYPE_CHECKING:
    from types import TracebackType


#: Bytes, decoded. python.org's largest listing has 100 kB; an endless page must not fill memory.
LARGEST_PAGE: Final = 16 * 1024 * 1024

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
# A page that drips in may take so many read timeouts altogether.
_READ_TIMEOUTS_A_PAGE: Final = 4
_READ_SIZE: Final = 64 * 1024
# What a server may say to a request for the rest of a file (RFC 9110, 14.2 and 15.5.17).
_ANSWERS_TO_A_RANGE: Final = frozenset({200, 206, 416})

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the site, whole."""

    #: Where it came from in the end, after redirects; without credentials.
    url: str
    content: bytes
    #: UTC, when the origin made the page, as far as can be told: caches on the way can keep a
    #: listing for days.
    generated_at: datetime
    #: UTC, by our clock.
    received_at: datetime


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """The answer to a request for a file, its body not read yet."""

    status: int
    #: Whatever the case of a name.
    headers: Mapping[str, str]
    #: Bytes of the body as declared; None where the server declares none.
    length: int | None
    #: Whether the body ends where the connection does (RFC 9112, 6.3), so that a cut is not seen.
    close_delimited: bool
    #: Returns the body as it was sent, not decoded, in chunks of at most so many bytes.
    chunks: Callable[[int], Iterator[bytes]]


class SiteClient:
    """Reads pages of one site; safe to be used by many threads at once.

    Args:
        base_url: http or https; a missing final slash is added. Credentials in it, or those that
            netrc has for its host, are sent to this site only, and never shown.
        concurrency: Connections at most; further requests wait for one.
        connect_timeout: Seconds until a connection has to stand.
        read_timeout: Seconds that the site may be silent. A page altogether may take four times
            as long.
        retries: How often a request is repeated before its trouble counts, over all kinds of
            trouble.
        backoff: Seconds that the pauses between attempts are counted in: urllib3's Retry doubles
            them from the second pause on, and adds up to as much again at random.
        longest_pause: Seconds between two attempts at most, whatever the site asks for.

    Proxies and certificate bundles of the environment are honoured as they are now.

    Raises:
        InvalidArgumentError: base_url is no URL of a site, or a number is out of its range.
        SettingsError: The environment names certificates that are not there.
    """

    def __init__(
        self,
        base_url: str,
        *,
        concurrency: int = 8,
        connect_timeout: float = 10,
        read_timeout: float = 30,
        retries: int = 4,
        backoff: float = 0.5,
        longest_pause: float = 30,
    ) -> None:
        if concurrency < 1 or connect_timeout <= 0 or read_timeout <= 0:
            raise InvalidArgumentError("concurrency and timeouts must be more than 0")
        if retries < 0 or backoff < 0 or longest_pause < 0:
            raise InvalidArgumentError("retries, backoff and longest_pause cannot be negative")
        self._base_url, auth = taken_apart(base_url)
        self._timeout = (connect_timeout, read_timeout)
        self._longest_page = read_timeout * _READ_TIMEOUTS_A_PAGE
        self._retry = Retry(
            retries,
            backoff_factor=backoff,
            # Or all that met the same trouble would come back together.
            backoff_jitter=backoff,
            backoff_max=longest_pause,
            # Whole seconds, up: Retry wants an int.
            retry_after_max=ceil(longest_pause),
        )

        self._lock = threading.Lock()
        self._requests_sent = 0
        # The time.monotonic() until which nothing is sent, because the site said 429.
        self._held_until = 0.0
        #: Set by `cancel`.
        self.cancelled = threading.Event()
        self._adapter = CuttableAdapter(concurrency)
        self._headers = _headers(self._base_url, auth)
        # Looked up once: a Session does so for each request, which costs more than the request.
        # It also keeps cookies and reads a redirect's whole body, so requests go to the adapter.
        with Session() as session:
            self._environment: dict[str, Any] = dict(
                session.merge_environment_settings(self._base_url, {}, True, None, None)
            )
        _check_certificates(self._environment["verify"])

    @property
    def base_url(self) -> str:
        """The site's root, with its final slash and without credentials."""
        return self._base_url

    @property
    def requests_sent(self) -> int:
        """How many requests went out so far, with retries and redirects."""
        return self._requests_sent

    def get_page(self, directory: str = "") -> Page:
        """Return the page of a directory, whole, as the site gave it with status 200.

        Args:
            directory: Relative to the site's root, without its final slash; empty for the root.

        Raises:
            InvalidArgumentError: directory leads out of the site.
            SiteUnreachableError: No connection, a cut one, or silence, each time it was tried.
            SiteStatusError: A status other than 200, each time if it is one that passes.
            SiteError: A redirect to another host; that host was not asked.
            SiteError: The page is too large, or its redirects do not end.
        """
        url = self._url_of(directory)
        return self.with_retries(url, lambda: self._get(url))

    def read_file(self, path: str, limit: int = LARGEST_COMPANION) -> bytes:
        """Return a small file, whole and decoded.

        Args:
            path: Relative to the site's root, such as `3.14.0/Python-3.14.0.tgz.sigstore`.
            limit: Bytes at most, as they arrive and as they are decoded.

        Raises:
            InvalidArgumentError: path leads out of the site.
            SiteError: As `get_page`, also for a file that is larger than the limit.
        """
        url = self.file_url(path)

        def once() -> bytes:
            with self.open_file(url, {}) as answer:
                return read_body(answer, url, limit)

        return self.with_retries(url, once)

    def file_url(self, path: str) -> str:
        """Return where a file lies.

        Args:
            path: Relative to the site's root, such as `3.13.9/Python-3.13.9.tgz`; not quoted.

        Raises:
            InvalidArgumentError: path leads out of the site.
        """
        if not path or path.endswith("/"):
            raise InvalidArgumentError(f"{path!r} is no file below {self._base_url}")
        return self._url_of(path).removesuffix("/")

    def with_retries(
        self,
        url: str,
        once: Callable[[], T],
        *,
        progress: Callable[[], object] | None = None,
    ) -> T:
        """Return what `once` returns, calling it again after each TransientError.

        Args:
            url: What is requested, for errors.
            once: One attempt.
            progress: Attempts are counted from the last one that changed what this returns.
        """
        retry = self._retry
        reached = progress() if progress else None
        while True:
            self._wait_while_held(url)
            try:
                return once()
            except TransientError as trouble:
                if progress and (now := progress()) != reached:
                    retry, reached = self._retry, now
                pause = retry_after(retry, trouble.retry_after)
                if trouble.concerns_all:
                    with self._lock:
                        self._held_until = max(self._held_until, time.monotonic() + pause)
                # One budget for all kinds of trouble. Left to the connection pool, Retry would
                # know nothing of a body that is cut: its work is done once the headers are there.
                try:
                    retry = retry.increment("GET", url, error=trouble)
                except broken.MaxRetryError:
                    raise trouble.error from trouble.__cause__
                if self.cancelled.wait(max(pause, retry.get_backoff_time())):
                    raise trouble.error from trouble.__cause__

    @contextmanager
    def open_file(self, url: str, headers: Mapping[str, str]) -> Iterator[FileAnswer]:
        """Ask for a file once, and hand over the answer at the end of its redirects.

        What breaks while its pieces are read is TransientError; what the caller raises stays as it
        is. An answer that was not read to its end costs its connection.

        Args:
            url: As `file_url` gives it.
            headers: Those that the request has beside the client's own, or in their place. With a
                Range, 206 and 416 are answers as well as 200.

        Raises:
            TransientError: No connection, silence, or a status that passes.
            SiteStatusError: Any other status.
            SiteError: A redirect to another host; that host was not asked.
            SiteError: Its redirects do not end.
        """
        wanted = _ANSWERS_TO_A_RANGE if "Range" in headers else {200}
        sent = self._headers.copy()
        sent.update(headers)
        asked = url
        for _ in range(_MOST_REDIRECTS + 1):
            response = self._send(asked, sent)
            try:
                if response.status_code in wanted:
                    yield self._handed_over(response, url)
                    return
                with self._in_our_words(asked):
                    _drain(response)
            finally:
                response.close()
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or location is None:
                raise trouble_with_status(asked, response.status_code, response.headers, "file")
            asked = redirected(asked, location)
        raise _endless(asked)

    def cancel(self) -> None:
        """End every request in flight, and every later one, with a SiteUnreachableError."""
        self.cancelled.set()
        self._adapter.shut_down_connections()

    def close(self) -> None:
        """End the requests under way and close the connections."""
        self.cancel()
        self._adapter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _url_of(self, directory: str) -> str:
        if not directory:
            return self._base_url
        segments = directory.removesuffix("/").split("/")
        if any(segment in ("", ".", "..") for segment in segments):
            raise InvalidArgumentError(f"{directory!r} is no directory below {self._base_url}")
        return f"{self._base_url}{quote('/'.join(segments), errors='replace')}/"

    def _wait_while_held(self, url: str) -> None:
        """Wait as long as the site wants to hear from nobody here (429)."""
        while (left := self._held_until - time.monotonic()) > 0:
            if self.cancelled.wait(left):
                raise SiteUnreachableError(url, "the request was given up")

    def _get(self, url: str) -> Page:
        """Return the page at the end of its redirects, without a second attempt."""
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._send(url, self._headers)
            try:
                with self._in_our_words(url):
                    received_at = datetime.now(UTC)
                    headers = answer.headers
                    location = headers.get("Location")
                    if answer.status_code == 200:
                        content = self._body(answer, url)
                        return Page(url, content, generated_at(headers, received_at), received_at)
                    _drain(answer)
            finally:
                answer.close()
            if answer.status_code not in _REDIRECTS or location is None:
                raise trouble_with_status(url, answer.status_code, headers, "directory")
            url = redirected(url, location)
        raise _endless(url)

    def _send(self, url: str, headers: Any) -> Response:
        """Return the answer to one request, which the caller closes; only its head was read."""
        if self.cancelled.is_set():
            raise SiteUnreachableError(url, "the request was given up")
        request = PreparedRequest()
        request.method = "GET"
        request.headers = headers
        request.url = url
        with self._lock:
            self._requests_sent += 1
        with self._in_our_words(url):
            try:
                return self._adapter.send(request, timeout=self._timeout, **self._environment)
            except (OSError, broken.HTTPError) as error:
                if any(isinstance(cause, NOT_CONNECTED) for cause in causes_of(error)):
                    with self._lock:
                        self._requests_sent -= 1
                raise

    @contextmanager
    def _in_our_words(self, url: str) -> Iterator[None]:
        """Make what breaks on the line one of our errors."""
        try:
            yield
        except (OSError, broken.HTTPError) as error:
            # requests' exceptions are OSErrors, and let some of urllib3's through.
            causes = list(causes_of(error))
            trouble = SiteUnreachableError(url, in_words(causes, self._timeout))
            if self.cancelled.is_set() or any(
                isinstance(c, ssl.SSLCertVerificationError) for c in causes
            ):
                raise trouble from error
            raise TransientError(trouble) from error

    def _handed_over(self, response: Response, url: str) -> FileAnswer:
        raw = response.raw
        length = raw.length_remaining
        return FileAnswer(
            response.status_code,
            response.headers,
            length,
            length is None and not raw.chunked,
            lambda size: self._chunks(raw, size, url),
        )

    def _chunks(self, raw: Any, size: int, url: str) -> Iterator[bytes]:
        while True:
            # Around the read alone: what breaks in the hands of whoever takes the piece is theirs.
            with self._in_our_words(url):
                # read1 comes back with what is there: what came before a cut is not lost with it.
                piece = raw.read1(size, decode_content=False)
            if not piece:
                return
            yield piece
            if self.cancelled.is_set():
                raise SiteUnreachableError(url, "the transfer was given up")

    def _body(self, answer: Response, url: str) -> bytes:
        """Return the decoded body, if it ends in time and before it is too large."""
        deadline = time.monotonic() + self._longest_page
        pieces = []
        size = 0
        # read1 comes back with what is there: a drip must not hide from the clock.
        while piece := answer.raw.read1(_READ_SIZE, decode_content=True):
            pieces.append(piece)
            size += len(piece)
            if size > LARGEST_PAGE:
                raise SiteError(
                    url, f"the page is larger than {LARGEST_PAGE} bytes; is this the site's URL?"
                )
            if time.monotonic() > deadline or self.cancelled.is_set():
                raise SiteUnreachableError(
                    url,
                    f"the page was not whole after {self._longest_page:g} s; ask again later",
                )
        return b"".join(pieces)


@lru_cache(maxsize=1)
def user_agent() -> str:
    """Return how this package names itself to a site, so that its people know whom to ask."""
    try:
        version = metadata.version("pyorg-pipeline")
    except metadata.PackageNotFoundError:
        # Run from a tree that was never installed.
        version = "0"
    return f"pyorg_pipeline/{version} (+https://pypi.org/project/pyorg-pipeline/)"


def _headers(base_url: str, auth: tuple[str, str] | None) -> Any:
    """Return the headers of every request: they do not depend on what is asked for."""
    request = PreparedRequest()
    request.prepare_headers(
        {
            "User-Agent": user_agent(),
            "Accept": "text/html,*/*;q=0.1",
            # Not what requests would offer, which depends on the decoders that are installed.
            "Accept-Encoding": "gzip",
            "Connection": "keep-alive",
        }
    )
    auth = auth or get_netrc_auth(base_url)
    if auth:
        # As bytes: requests would encode text in Latin-1, RFC 7617 knows UTF-8.
        HTTPBasicAuth(*(part.encode() for part in auth))(request)
    return request.headers


def _check_certificates(verify: bool | str) -> None:
    """Refuse a bundle of certificates that is not there, which no retry can change."""
    if isinstance(verify, str) and not Path(verify).exists():
        given = os.environ.get("REQUESTS_CA_BUNDLE") == verify
        raise SettingsError(
            "REQUESTS_CA_BUNDLE" if given else "CURL_CA_BUNDLE",
            verify,
            "there is no such file or folder; unset it, or name your certificates",
        )


def _drain(answer: Response) -> None:
    """Read the short body of an error or a redirect, so that its connection can be used again."""
    length = answer.headers.get("Content-Length", "")
    if re.fullmatch(r"[0-9]{1,5}", length):
        answer.raw.read(decode_content=False)


def _endless(url: str) -> SiteError:
    return SiteError(
        url, f"it redirects more than {_MOST_REDIRECTS} times; look at the site in a browser"
    )
