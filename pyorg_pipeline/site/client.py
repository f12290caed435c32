"""The one way to the site: pages over pooled connections, with limits, retries and clear errors.

Here: connections, timeouts, retries, redirects, the age of an answer, and which host is spoken to.
Not here: what a page says (`listing`), which pages to ask for (`crawler`), and files, which are
transferred piece by piece (`transfer`).

The client speaks to the host of its base URL and to no other.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from importlib import metadata
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast
from urllib.parse import quote, urljoin, urlsplit
from weakref import WeakSet

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url, get_netrc_auth
from urllib3 import Retry
from urllib3 import exceptions as broken

from pyorg_pipeline.errors import (
    ForeignHostError,
    InvalidArgumentError,
    SettingsError,
    SiteError,
    SiteStatusError,
    SiteUnreachableError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from urllib3.connectionpool import ConnectionPool

#: Bytes, decoded. python.org's largest listing has 100 kB; an endless page must not fill memory.
LARGEST_PAGE: Final = 16 * 1024 * 1024

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_TOO_MANY_REQUESTS: Final = 429
# RFC 9110, 15.6 and RFC 6585, 4: trouble of the moment, no answer.
_PASSING: Final = frozenset({_TOO_MANY_REQUESTS, 500, 502, 503, 504})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# RFC 9111, 1.2.2: what is more than 2**31 seconds counts as 2**31.
_LONGEST_AGE: Final = 2**31
# A page that drips in may take so many read timeouts altogether.
_READ_TIMEOUTS_A_PAGE: Final = 4
_READ_SIZE: Final = 64 * 1024


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
        self._base_url, auth = _taken_apart(base_url)
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
        self._cut_off = threading.Event()
        self._adapter = _Adapter(concurrency)
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
            ForeignHostError: A redirect to another host; that host was not asked.
            SiteError: The page is too large, or its redirects do not end.
        """
        url = self._url_of(directory)
        cut_off = self._cut_off
        retry = self._retry
        while True:
            self._wait_while_held(url, cut_off)
            try:
                return self._get(url, cut_off)
            except _PassingTrouble as trouble:
                pause = _retry_after(retry, trouble.retry_after)
                if trouble.concerns_all:
                    with self._lock:
                        self._held_until = max(self._held_until, time.monotonic() + pause)
                # One budget for all kinds of trouble. Left to the connection pool, Retry would
                # know nothing of a body that is cut: its work is done once the headers are there.
                try:
                    retry = retry.increment("GET", url, error=trouble)
                except broken.MaxRetryError:
                    raise trouble.error from trouble.__cause__
                if cut_off.wait(max(pause, retry.get_backoff_time())):
                    raise trouble.error from trouble.__cause__

    def cut_off(self) -> None:
        """End every `get_page` that is under way with a SiteUnreachableError, so that none hangs.

        Later ones are not concerned. A connection that is just being made ends with its timeout.
        """
        with self._lock:
            cut_off, self._cut_off = self._cut_off, threading.Event()
        cut_off.set()
        self._adapter.shut_down_connections()

    def close(self) -> None:
        """End the requests under way and close the connections."""
        self.cut_off()
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

    def _wait_while_held(self, url: str, cut_off: threading.Event) -> None:
        """Wait as long as the site wants to hear from nobody here (429)."""
        while (left := self._held_until - time.monotonic()) > 0:
            if cut_off.wait(left):
                raise SiteUnreachableError(url, "the request was given up")

    def _get(self, url: str, cut_off: threading.Event) -> Page:
        """Return the page at the end of its redirects, without a second attempt."""
        for _ in range(_MOST_REDIRECTS + 1):
            with self._answer(url, cut_off) as answer:
                received_at = datetime.now(UTC)
                headers = answer.headers
                location = headers.get("Location")
                if answer.status_code == 200:
                    content = self._body(answer, url, cut_off)
                    return Page(url, content, _generated_at(headers, received_at), received_at)
                _drain(answer)
            if answer.status_code not in _REDIRECTS or location is None:
                raise _trouble_with_status(url, answer.status_code, headers)
            url = _redirected(url, location)
        raise SiteError(
            url, f"it redirects more than {_MOST_REDIRECTS} times; look at the site in a browser"
        )

    @contextmanager
    def _answer(self, url: str, cut_off: threading.Event) -> Iterator[Response]:
        """Send one request; what breaks until its answer was read becomes one of our errors."""
        request = PreparedRequest()
        request.method = "GET"
        request.headers = self._headers
        request.url = url
        response = None
        try:
            with self._lock:
                self._requests_sent += 1
            response = self._adapter.send(request, timeout=self._timeout, **self._environment)
            yield response
        except (OSError, broken.HTTPError) as error:
            # requests' exceptions are OSErrors, and let some of urllib3's through.
            causes = list(_causes(error))
            if response is None and any(isinstance(c, _NOT_CONNECTED) for c in causes):
                with self._lock:
                    self._requests_sent -= 1
            trouble = SiteUnreachableError(url, _in_words(causes, self._timeout))
            if cut_off.is_set() or any(isinstance(c, ssl.SSLCertVerificationError) for c in causes):
                raise trouble from error
            raise _PassingTrouble(trouble) from error
        finally:
            if response is not None:
                response.close()

    def _body(self, answer: Response, url: str, cut_off: threading.Event) -> bytes:
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
            if time.monotonic() > deadline or cut_off.is_set():
                raise SiteUnreachableError(
                    url,
                    f"the page was not whole after {self._longest_page:g} s; ask again later",
                )
        return b"".join(pieces)


class _PassingTrouble(Exception):  # noqa: N818  # it never leaves this module
    """Trouble that may have passed at the next attempt."""

    def __init__(
        self, error: SiteError, retry_after: str = "", *, concerns_all: bool = False
    ) -> None:
        super().__init__(error)
        self.error = error
        #: The header of that name: how long the site wants to be left alone.
        self.retry_after = retry_after
        #: Whether the pause is meant for the client, not for the page.
        self.concerns_all = concerns_all


class _Adapter(HTTPAdapter):
    """Pooled connections that can be shut down while they are in use."""

    def __init__(self, connections: int) -> None:
        self._connections: WeakSet[Any] = WeakSet()
        self._connections_lock = threading.Lock()
        self._kinds: dict[Any, Any] = {}
        super().__init__(pool_maxsize=connections, pool_block=True, max_retries=0)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> ConnectionPool:
        """Return the pool for a request, which makes connections of our kind."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        kind = pool.ConnectionCls
        if kind not in self._kinds.values():
            with self._connections_lock:
                pool.ConnectionCls = self._kinds.setdefault(kind, self._noted(kind))
        return cast("ConnectionPool", pool)

    def _noted(self, kind: Any) -> Any:
        adapter = self

        class Noted(kind):  # type: ignore[misc]  # http's or https's
            def connect(self) -> None:
                with adapter._connections_lock:
                    adapter._connections.add(self)
                super().connect()

        return Noted

    def shut_down_connections(self) -> None:
        """Wake whoever waits for one of the connections; it finds it closed."""
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            sock = connection.sock
            if sock is not None:
                # Closed by the other side, or by its own thread since.
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


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


def _taken_apart(base_url: str) -> tuple[str, tuple[str, str] | None]:
    """Return the base URL, normalised and without credentials, and the credentials."""
    shown = re.sub(r"//.*@", "//***@", base_url)

    def refused(reason: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"{shown!r} cannot be the URL of a site: {reason}; "
            "give one like https://www.python.org/ftp/python/"
        )

    if not re.match(r"\s*https?://", base_url, re.IGNORECASE):
        raise refused("it starts with neither http:// nor https://")
    try:
        url = _normalised(base_url.strip())
        # What a look-up of the name would trip over: empty labels, or long ones.
        _origin(url).host.encode("idna")
        parts = urlsplit(url)
    except (OSError, ValueError, broken.HTTPError):
        # Without the cause, which shows the URL as it was given.
        raise refused("it cannot be read") from None
    if parts.query or parts.fragment:
        raise refused("it has a query or a fragment")
    user, password = get_auth_from_url(url)
    auth = (user, password) if user or password else None
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}", auth


def _check_certificates(verify: bool | str) -> None:
    """Refuse a bundle of certificates that is not there, which no retry can change."""
    if isinstance(verify, str) and not Path(verify).exists():
        given = os.environ.get("REQUESTS_CA_BUNDLE") == verify
        raise SettingsError(
            "REQUESTS_CA_BUNDLE" if given else "CURL_CA_BUNDLE",
            verify,
            "there is no such file or folder; unset it, or name your certificates",
        )


def _normalised(url: str) -> str:
    """Return the URL as requests would ask for it: quoted, its host in lower case and in ASCII."""
    request = PreparedRequest()
    request.prepare_url(url, None)
    assert request.url is not None
    return request.url


class _Origin(NamedTuple):
    """Who is spoken to (RFC 9110, 4.3.1)."""

    scheme: str
    host: str
    port: int


def _origin(url: str) -> _Origin:
    parts = urlsplit(url)
    port = parts.port
    if port is None:
        port = _DEFAULT_PORTS[parts.scheme]
    return _Origin(parts.scheme, parts.hostname or "", port)


def _redirected(url: str, location: str) -> str:
    """Return where a redirect leads, if that is the same host.

    From http to https, both on their default ports, is a way on; the way back would show to
    everybody on the line what was sent in secret.
    """
    refusal = ForeignHostError(
        url,
        f"it redirects to {re.sub('//.*@', '//', location)[:200]!r}, which is not the same site "
        "and was not asked; if that is where it moved, make that the site's URL",
    )
    try:
        # What requests makes of it is what would be asked: two parsers may differ on who is meant.
        target = _normalised(urljoin(url, location.encode("latin-1").decode(errors="replace")))
        parts = urlsplit(target)
        if parts.scheme not in _DEFAULT_PORTS:
            raise refusal
        here, there = _origin(url), _origin(target)
    except (OSError, ValueError, broken.HTTPError):
        raise refusal from None
    upgrade = here.scheme == "http" and here.port == 80 and there == ("https", here.host, 443)
    if there != here and not upgrade:
        raise refusal
    # Without credentials and without the place in the page.
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()


def _drain(answer: Response) -> None:
    """Read the short body of an error or a redirect, so that its connection can be used again."""
    length = answer.headers.get("Content-Length", "")
    if re.fullmatch(r"[0-9]{1,5}", length):
        answer.raw.read(decode_content=False)


def _trouble_with_status(url: str, status: int, headers: Mapping[str, str]) -> Exception:
    error = SiteStatusError(url, _status_in_words(status), status)
    if status not in _PASSING:
        return error
    # RFC 9110, 10.2.3 gives it a meaning for 503, RFC 6585, 4 for 429.
    wanted = headers.get("Retry-After", "") if status in Retry.RETRY_AFTER_STATUS_CODES else ""
    return _PassingTrouble(error, wanted, concerns_all=status == _TOO_MANY_REQUESTS)


def _status_in_words(status: int) -> str:
    if status == 403:
        return (
            "forbidden (403): the site is there but refuses to show this, which says nothing about "
            "what exists; try again later or use a mirror"
        )
    if status in (404, 410):
        return f"absent ({status}): the site has no such directory; check the site's URL"
    if status in (401, 407):
        return f"credentials wanted ({status}): put them into netrc or into the site's URL"
    if status == _TOO_MANY_REQUESTS:
        return (
            "too many requests (429): the site wants a pause; try again later, with less "
            "concurrency"
        )
    if status >= 500:
        return f"overloaded or failing ({status}): try again later or use a mirror"
    return f"answered with status {status} instead of 200: look at it in a browser"


def _retry_after(retry: Retry, text: str) -> float:
    """Return the seconds of a Retry-After header, bounded; 0 if it is none."""
    try:
        return retry.parse_retry_after(text) if text else 0.0
    except (broken.InvalidHeader, ValueError, OverflowError):
        return 0.0


def _generated_at(headers: Mapping[str, str], received_at: datetime) -> datetime:
    """Return when the origin made an answer; when it was received if nothing tells.

    Caches keep the origin's Date and add an Age (RFC 9111, 4.2.3 and 5.1). Of the two the older is
    taken, since either can be lost or wrong: an answer is rather called old than fresh.
    """
    generated_at = received_at
    # A list is against the rules; its first member is the one to use (RFC 9111, 5.1).
    age = headers.get("Age", "").partition(",")[0].strip()
    if re.fullmatch(r"[0-9]{1,20}", age):
        generated_at -= timedelta(seconds=min(int(age), _LONGEST_AGE))
    date = _http_date(headers.get("Date", ""))
    return generated_at if date is None else min(generated_at, date)


# Answers of the same second have the same date, and email's parser is slow.
@lru_cache(maxsize=256)
def _http_date(text: str) -> datetime | None:
    """Return the date of a header (RFC 9110, 5.6.7), None if it is none."""
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


# Before an answer each of them means that no request went out.
_NOT_CONNECTED: Final = (
    broken.NewConnectionError,
    broken.ConnectTimeoutError,
    broken.ProxyError,
    broken.SSLError,
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what is behind it, from the outside inwards."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        seen.append(cause)
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__]


def _in_words(causes: list[BaseException], timeout: tuple[float, float]) -> str:
    """Return what broke and what to do, without what the exceptions say about URLs."""
    connect, read = timeout
    # The outermost that is known decides: a proxy that cannot be connected to is first of all
    # the proxy.
    sentences: list[tuple[type[BaseException], str]] = [
        (broken.ProxyError, "the proxy does not connect; check HTTP_PROXY and HTTPS_PROXY"),
        (
            ssl.SSLCertVerificationError,
            "its certificate is not trusted; check the clock and REQUESTS_CA_BUNDLE",
        ),
        (broken.SSLError, "no TLS connection can be made; is https right for this site?"),
        (broken.NameResolutionError, "its host is not known; check the URL and the network"),
        (broken.NewConnectionError, "no connection; check the URL and the network"),
        (broken.ConnectTimeoutError, f"no connection within {connect:g} s; check the network"),
        (broken.ReadTimeoutError, f"the site was silent for {read:g} s; try again later"),
        (broken.DecodeError, "the page cannot be decoded; try again later"),
        (broken.ProtocolError, "the connection was cut off; try again later"),
    ]
    words = "the request failed; check the URL and the network"
    for kind, sentence in sentences:
        if any(isinstance(cause, kind) for cause in causes):
            words = sentence
            break
    details = [c.strerror for c in causes if isinstance(c, OSError) and isinstance(c.strerror, str)]
    return f"{words} ({details[-1]})" if details else words
