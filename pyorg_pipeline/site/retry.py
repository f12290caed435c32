"""Failures of requests: their texts, which of them are transient, and the retries of those."""

from __future__ import annotations

import logging
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from urllib3 import Retry
from urllib3 import exceptions as urllib3_errors

from pyorg_pipeline.errors import PyorgError, SiteStatusError, SiteUnreachableError

_logger = logging.getLogger(__name__)

T = TypeVar("T")

# The first row that fits describes a failure: when a proxy refuses connections, the proxy comes
# before the refused connection.
_TEXTS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (urllib3_errors.ProxyError, "no connection to the proxy; check HTTP_PROXY and HTTPS_PROXY"),
    (
        ssl.SSLCertVerificationError,
        "its certificate is not trusted; check the clock and REQUESTS_CA_BUNDLE",
    ),
    (urllib3_errors.SSLError, "no TLS connection; check that https is right for this URL"),
    (urllib3_errors.NameResolutionError, "unknown host; check the URL and the network"),
    (urllib3_errors.NewConnectionError, "no connection; check the URL and the network"),
    (urllib3_errors.ConnectTimeoutError, "no connection within {connect:g} s; check the network"),
    (urllib3_errors.ReadTimeoutError, "no data for {read:g} s; try again later"),
    (urllib3_errors.ProtocolError, "the connection was closed too early; try again later"),
)


class TransientError(Exception):
    """An attempt failed, and another one may succeed."""

    def __init__(self, error: PyorgError, retry_after: str = "") -> None:
        super().__init__(error)
        #: What is raised when no attempt is left.
        self.error = error
        #: The Retry-After header.
        self.retry_after = retry_after


@dataclass
class Retries:
    """Repeats attempts that raise TransientError; may be shared by threads.

    Not an adapter's `max_retries`: that loop ends once the headers have arrived, so a body that is
    cut would need a second one with a second budget, and its pauses cannot be cancelled.
    """

    retries: int
    backoff: float
    max_pause: float
    cancelled: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    #: The time.monotonic() before which no attempt starts.
    _paused_until: float = field(default=0, init=False)

    def run(self, once: Callable[[], T], progress: Callable[[], object] = lambda: None) -> T:
        """Return what `once` returns, calling it again after a TransientError.

        Attempts are counted from the last one that changed what `progress` returns. The first retry
        is immediate; then pauses double, up to `max_pause`, also if the server asks for more.
        """
        failed, reached = 0, progress()
        while True:
            while (left := self._paused_until - time.monotonic()) > 0:
                if self.cancelled.wait(left):
                    break
            try:
                return once()
            except TransientError as error:
                failure = error
            if (now := progress()) != reached:
                failed, reached = 0, now
            wanted = min(parse_retry_after(failure.retry_after), self.max_pause)
            if isinstance(failure.error, SiteStatusError) and failure.error.status == 429:
                # No other request may be sent either.
                with self._lock:
                    self._paused_until = max(self._paused_until, time.monotonic() + wanted)
            if failed == self.retries:
                break
            # At random, so that requests that failed together are not repeated together.
            backoff = self.backoff * (2**failed + random.random())  # noqa: S311  # not a secret
            pause = max(wanted, min(backoff, self.max_pause) if failed else 0)
            failed += 1
            _logger.debug("retrying in %.1f s: %s", pause, failure.error)
            self.cancelled.wait(pause)
        # Not inside `except`: a webhook's errors must have no context, which shows its URL.
        raise failure.error from failure.__cause__


def parse_retry_after(text: str) -> float:
    """Return the seconds of a Retry-After header; 0 if it is invalid."""
    try:
        return Retry().parse_retry_after(text) if text else 0.0
    except (urllib3_errors.InvalidHeader, ValueError, OverflowError):
        return 0.0


@contextmanager
def translate_errors(url: str, timeout: tuple[float, float]) -> Iterator[None]:
    """Raise what requests and urllib3 raise as SiteUnreachableError or TransientError."""
    try:
        yield
    except (OSError, urllib3_errors.HTTPError) as failure:
        reason, transient = describe_failure(failure, timeout)
        error = SiteUnreachableError(url, reason)
        raise (TransientError(error) if transient else error) from failure


def status_error(
    url: str, status: int, headers: Mapping[str, str], wanted: str
) -> SiteStatusError | TransientError:
    """Return the error of a status; `wanted` is what was requested, `directory` or `file`."""
    error = SiteStatusError(url, _describe_status(status, wanted), status)
    return TransientError(error, headers.get("Retry-After", "")) if error.transient else error


def _describe_status(status: int, wanted: str) -> str:
    if status == 403:
        return (
            f"forbidden (403): the site refuses this {wanted}, which may exist; try again later or "
            "use a mirror"
        )
    if status in (404, 410):
        advice = "refresh the catalog" if wanted == "file" else "check the site's URL"
        return f"not found ({status}): the site has no such {wanted}; {advice}"
    if status in (401, 407):
        return f"credentials required ({status}): put them into netrc or into the site's URL"
    if status == 429:
        return "too many requests (429): try again later, with less concurrency"
    if status >= 500:
        return f"overloaded or failing ({status}): try again later"
    return f"status {status} instead of 200: open the URL in a browser"


def describe_failure(failure: BaseException, timeout: tuple[float, float]) -> tuple[str, bool]:
    """Return what failed and what to do, and whether the same request may succeed later.

    The text has none of the URLs in the exceptions' own messages.
    """
    causes = _causes(failure)
    text = next(
        (text for kind, text in _TEXTS if any(isinstance(cause, kind) for cause in causes)),
        "the request failed; check the URL and the network",
    ).format(connect=timeout[0], read=timeout[1])
    details = [c.strerror for c in causes if isinstance(c, OSError) and isinstance(c.strerror, str)]
    # requests' errors about a URL or a header are ValueErrors, too.
    transient = not isinstance(failure, ValueError) and not any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in causes
    )
    return f"{text} ({details[-1]})" if details else text, transient


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and what caused it, from the outside inwards."""
    found: list[Any] = [error]
    for cause in found:
        inner = [*cause.args, getattr(cause, "reason", None), cause.__cause__]
        found += [one for one in inner if isinstance(one, BaseException) and one not in found]
    return found
