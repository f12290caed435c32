"""The client of the site: pages and files over pooled connections, with limits and retries.

And the session of requests that it shares with the webhook.
"""

from __future__ import annotations

import gzip
import os
import re
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from requests import Request, Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import default_user_agent, get_auth_from_url, get_netrc_auth

from pyorg_pipeline.errors import (
    InvalidArgumentError,
    SettingsError,
    SiteError,
    SiteUnreachableError,
)
from pyorg_pipeline.model.arguments import DEFAULT_CONCURRENCY
from pyorg_pipeline.model.text import without_credentials
from pyorg_pipeline.site.retry import Retries, TransientError, status_error, translate_errors
from pyorg_pipeline.site.urls import normalize_base_url, redirect_target

#: Bytes of a page or a file that is read into memory, decoded. python.org's largest listing has
#: 100 kB, its largest bill of materials some 3 MB.
MAX_SIZE: Final = 16 * 1024 * 1024

_MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# The answers to a request for the rest of a file (RFC 9110, 14.2 and 15.5.17).
_RANGE_STATUSES: Final = frozenset({200, 206, 416})
# What is read into memory may take so many read timeouts altogether.
_READ_TIMEOUTS_PER_BODY: Final = 12
_CONNECT_TIMEOUT: Final = 10
_CANCEL_WAIT: Final = 1
_CHUNK_SIZE: Final = 64 * 1024
# RFC 9111, 1.2.2: larger numbers of seconds count as this one.
_MAX_AGE: Final = 2**31


@dataclass(frozen=True, slots=True)
class Page:
    """A complete page or small file of the site."""

    #: After redirects; without credentials.
    url: str
    content: bytes
    #: UTC, when the origin server made the page, which caches may keep for days.
    generated_at: datetime
    #: UTC, by our clock.
    received_at: datetime


class SiteClient:
    """Reads pages and files of one site; may be shared by threads.

    Credentials in the URL, or those of netrc, are sent to its host only, and are in no error.
    Proxies and certificate bundles are read from the environment here. All times are in seconds;
    a cancelled request ends within the read timeout, and a page may take twelve of them.
    """

    def __init__(
        self,
        base_url: str,
        *,
        concurrency: int = DEFAULT_CONCURRENCY,
        read_timeout: float = 10,
        retries: int = 4,
        backoff: float = 0.5,
        max_pause: float = 30,
    ) -> None:
        url = normalize_base_url(base_url)
        #: With a final slash and without credentials.
        self.base_url = without_credentials(url)
        #: Retries and redirects included.
        self.requests_sent = 0
        #: Set by `cancel`.
        self.cancelled = threading.Event()
        self.with_retries = Retries(retries, backoff, max_pause, self.cancelled).run
        self._timeout = (_CONNECT_TIMEOUT, read_timeout)
        self._max_seconds = read_timeout * _READ_TIMEOUTS_PER_BODY
        self._concurrency = concurrency
        self._lock = threading.Lock()
        self._session = open_session(url, connections=concurrency)
        # Copied for each request: to prepare each takes five times as long, and would add the
        # cookies of earlier answers.
        self._request = self._session.prepare_request(
            # Not the encodings that requests offers: they depend on what else is installed.
            Request("GET", self.base_url, headers={"Accept-Encoding": "gzip"})
        )

    def url_of(self, path: str) -> str:
        """Return the URL of a path below the site's root, which is not quoted.

        Raises InvalidArgumentError if the path is outside the site. A directory ends in a slash.
        """
        segments = path.removesuffix("/").split("/")
        if path and any(segment in ("", ".", "..") for segment in segments):
            raise InvalidArgumentError(f"{path!r} is not a path below {self.base_url}")
        return self.base_url + quote(path, errors="replace")

    def get(self, path: str = "") -> Page:
        """Return a page or a small file, decoded; the root by default.

        Raises SiteError: after all retries if it is transient.
        """
        url = self.url_of(path)

        def once() -> Page:
            with self.open(url) as response:
                received_at = datetime.now(UTC)
                content = self._read(response, url)
                date = generated_at(response.headers, received_at)
                return Page(without_credentials(response.url), content, date, received_at)

        return self.with_retries(once)

    @contextmanager
    def open(self, url: str, headers: Mapping[str, str] | None = None) -> Iterator[Response]:
        """Send a request once, follow redirects, and yield the answer; its body is not read yet.

        With a Range in the headers, the statuses 206 and 416 are yielded as well as 200. Raises
        TransientError if another attempt may succeed, else SiteError.
        """
        headers = headers or {}
        statuses = _RANGE_STATUSES if "Range" in headers else {200}
        wanted = "directory" if url.endswith("/") else "file"
        for _ in range(_MAX_REDIRECTS + 1):
            self._raise_if_cancelled(url)
            request = self._request.copy()
            request.url = url
            request.headers.update(headers)
            with self._lock:
                self.requests_sent += 1
            with translate_errors(url, self._timeout):
                response = self._session.send(
                    request, stream=True, timeout=self._timeout, allow_redirects=False
                )
            with response:
                if response.status_code in statuses:
                    yield response
                    return
                if re.fullmatch(r"[0-9]{1,5}", response.headers.get("Content-Length", "")):
                    # Read to its end, so that the connection is used again.
                    with translate_errors(url, self._timeout):
                        response.raw.read(decode_content=False)
            location = response.headers.get("Location")
            if response.status_code not in _REDIRECTS or location is None:
                raise status_error(url, response.status_code, response.headers, wanted)
            url = redirect_target(url, location)
        raise SiteError(url, f"it redirects more than {_MAX_REDIRECTS} times; open it in a browser")

    def chunks(self, response: Response, url: str, size: int) -> Iterator[bytes]:
        """Yield the body as it arrives, not decoded; raises TransientError if it is cut."""
        raw: Any = response.raw
        while True:
            # Around the read alone: exceptions of the caller that uses the chunk stay as they are.
            with translate_errors(url, self._timeout):
                # read1 returns what has arrived, which a cut after it does not take away.
                chunk = raw.read1(size, decode_content=False)
            if not chunk:
                return
            yield chunk
            self._raise_if_cancelled(url)

    @contextmanager
    def thread_pool(self) -> Iterator[ThreadPoolExecutor]:
        """Open a thread for each connection.

        An exception, or closing the generator that the block is in, cancels the client. Threads
        that wait for the site then end by themselves, within the read timeout, and do no more.
        """
        name = f"pyorg-site-{id(self):x}"
        executor = ThreadPoolExecutor(self._concurrency, thread_name_prefix=name)
        try:
            yield executor
        except BaseException:
            self.cancel()
            executor.shutdown(wait=False, cancel_futures=True)
            # What an answer has already started, such as writing a table, ends before the caller
            # goes on, and releases a lock.
            deadline = time.monotonic() + _CANCEL_WAIT
            for thread in threading.enumerate():
                if thread.name.startswith(name):
                    thread.join(max(0, deadline - time.monotonic()))
            raise
        executor.shutdown()

    def cancel(self) -> None:
        """End every request with a SiteUnreachableError: pauses at once, others at a timeout."""
        self.cancelled.set()

    def close(self) -> None:
        """Cancel what is in flight and close the connections."""
        self.cancel()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, response: Response, url: str) -> bytes:
        deadline = time.monotonic() + self._max_seconds
        body = bytearray()
        for chunk in self.chunks(response, url, _CHUNK_SIZE):
            body += chunk
            _check_size(body, url)
            if time.monotonic() > deadline:
                raise SiteUnreachableError(
                    url, f"not complete after {self._max_seconds:g} s; try again later"
                )
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding in ("", "identity"):
            return bytes(body)
        if encoding not in ("gzip", "x-gzip"):
            raise SiteError(url, f"its Content-Encoding {encoding[:80]!r} was not requested")
        try:
            # urllib3's decoder does not see that a stream is truncated.
            with gzip.GzipFile(fileobj=BytesIO(body)) as stream:
                content = stream.read(MAX_SIZE + 1)
        except (OSError, EOFError, zlib.error) as failure:
            error = SiteUnreachableError(url, "its gzip encoding is damaged; try again later")
            raise TransientError(error) from failure
        _check_size(content, url)
        return content

    def _raise_if_cancelled(self, url: str) -> None:
        if self.cancelled.is_set():
            raise SiteUnreachableError(url, "the request was cancelled")


def _check_size(content: bytes | bytearray, url: str) -> None:
    if len(content) > MAX_SIZE:
        raise SiteError(url, f"larger than {MAX_SIZE} bytes; check the site's URL")


def generated_at(headers: Mapping[str, str], received_at: datetime) -> datetime:
    """Return when the origin server made an answer; when it was received if no header says.

    Caches keep the origin's Date and add an Age (RFC 9111, 4.2.3 and 5.1). Either can be missing
    or wrong; the older one counts, so that an old answer never counts as a new one.
    """
    times = [received_at]
    with suppress(ValueError, OverflowError):
        # A list is invalid; its first member is the one to use (RFC 9111, 5.1).
        age = int(headers.get("Age", "").partition(",")[0])
        times.append(received_at - timedelta(seconds=min(age, _MAX_AGE)))
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        date = parsedate_to_datetime(headers.get("Date", ""))
        # RFC 9110, 5.6.7: all are in GMT.
        times.append(date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC))
    return min(times)


class _Session(Session):
    def get_redirect_target(self, resp: Response) -> None:  # noqa: ARG002
        """Return None: requests reads a redirect's whole body, which a server may never end."""
        return


def open_session(url: str, *, connections: int = 1) -> Session:
    """Return a session for the host of a URL, which follows no redirects.

    The credentials are those in the URL, or those of netrc. Proxies and certificate bundles are
    read from the environment once, here: Session.request reads them for each request, which takes
    longer than the rest of it. Raises SettingsError for a bundle that does not exist.
    """
    session = _Session()
    try:
        version = metadata.version("pyorg-pipeline")
    except metadata.PackageNotFoundError:
        # Run from a source tree that was never installed.
        version = "0"
    # Without a URL: the project has no page of its own to name.
    session.headers["User-Agent"] = f"pyorg_pipeline/{version} {default_user_agent()}"
    user, password = get_auth_from_url(url)
    auth = (user, password) if user or password else get_netrc_auth(url)
    if auth:
        # As bytes: requests would encode text in Latin-1, RFC 7617 recommends UTF-8.
        session.auth = HTTPBasicAuth(auth[0].encode(), auth[1].encode())
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies = environment["proxies"]
    session.verify = environment["verify"]
    session.cert = environment["cert"]
    session.trust_env = False
    if isinstance(session.verify, str) and not Path(session.verify).exists():
        used = os.environ.get("REQUESTS_CA_BUNDLE") == session.verify
        raise SettingsError(
            "REQUESTS_CA_BUNDLE" if used else "CURL_CA_BUNDLE",
            session.verify,
            "the file or folder does not exist; unset it, or name your certificates",
        )
    adapter = HTTPAdapter(pool_maxsize=connections)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
