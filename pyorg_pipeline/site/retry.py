"""What goes wrong between a site and us, in our words, and whether another attempt may help."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final

from urllib3 import Retry
from urllib3 import exceptions as broken

from pyorg_pipeline.errors import SiteError, SiteStatusError

TOO_MANY_REQUESTS: Final = 429
# RFC 9110, 15.6 and RFC 6585, 4: trouble of the moment, no answer.
PASSING: Final = frozenset({TOO_MANY_REQUESTS, 500, 502, 503, 504})


class TransientError(Exception):
    """An error that the next attempt may not meet; `SiteClient.with_retries` catches it."""

    def __init__(
        self, error: SiteError, retry_after: str = "", *, concerns_all: bool = False
    ) -> None:
        super().__init__(error)
        self.error = error
        #: The header of that name: how long the site wants to be left alone.
        self.retry_after = retry_after
        #: Whether the pause is meant for the client, not for the page.
        self.concerns_all = concerns_all


def trouble_with_status(
    url: str, status: int, headers: Mapping[str, str], wanted: str
) -> Exception:
    """Return the error of a status, as TransientError where another attempt may help."""
    error = SiteStatusError(url, _status_in_words(status, wanted), status)
    if status not in PASSING:
        return error
    # RFC 9110, 10.2.3 gives it a meaning for 503, RFC 6585, 4 for 429.
    wait = headers.get("Retry-After", "") if status in Retry.RETRY_AFTER_STATUS_CODES else ""
    return TransientError(error, wait, concerns_all=status == TOO_MANY_REQUESTS)


def _status_in_words(status: int, wanted: str) -> str:
    if status == 403:
        return (
            "forbidden (403): the site is there but refuses to show this, which says nothing about "
            "what exists; try again later or use a mirror"
        )
    if status in (404, 410):
        advice = "refresh the catalog" if wanted == "file" else "check the site's URL"
        more = " any more" if status == 410 else ""
        return f"absent ({status}): the site has no such {wanted}{more}; {advice}"
    if status in (401, 407):
        return f"credentials wanted ({status}): put them into netrc or into the site's URL"
    if status == TOO_MANY_REQUESTS:
        return (
            "too many requests (429): the site wants a pause; try again later, with less "
            "concurrency"
        )
    if status >= 500:
        return f"overloaded or failing ({status}): try again later or use a mirror"
    return f"answered with status {status} instead of 200: look at it in a browser"


def retry_after(retry: Retry, text: str) -> float:
    """Return the seconds of a Retry-After header, bounded; 0 if it is none."""
    try:
        return retry.parse_retry_after(text) if text else 0.0
    except (broken.InvalidHeader, ValueError, OverflowError):
        return 0.0


# Before an answer each of them means that no request went out.
NOT_CONNECTED: Final = (
    broken.NewConnectionError,
    broken.ConnectTimeoutError,
    broken.ProxyError,
    broken.SSLError,
)


def causes_of(error: BaseException) -> Iterator[BaseException]:
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


def in_words(causes: list[BaseException], timeout: tuple[float, float]) -> str:
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
