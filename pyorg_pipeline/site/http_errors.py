"""Failures of requests as errors of this package, none of which shows credentials."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from urllib3 import exceptions as urllib3_errors

from pyorg_pipeline.errors import SiteStatusError, SiteUnreachableError
from pyorg_pipeline.site.retry import TransientError

_TOO_MANY_REQUESTS: Final = 429
#: Statuses after which the same request may succeed (RFC 9110, 15.6; RFC 6585, 4).
TRANSIENT_STATUSES: Final = frozenset({_TOO_MANY_REQUESTS, 500, 502, 503, 504})

# Raised before a request is sent.
_NOT_SENT: Final = (
    urllib3_errors.NewConnectionError,
    urllib3_errors.ConnectTimeoutError,
    urllib3_errors.ProxyError,
    urllib3_errors.SSLError,
)

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


@contextmanager
def translate_errors(url: str, timeout: tuple[float, float]) -> Iterator[None]:
    """Raise what requests and urllib3 raise as SiteUnreachableError or TransientError."""
    try:
        yield
    except (OSError, urllib3_errors.HTTPError) as failure:
        error = SiteUnreachableError(url, describe_failure(failure, timeout))
        raise (TransientError(error) if is_transient(failure) else error) from failure


def status_error(
    url: str, status: int, headers: Mapping[str, str], wanted: str
) -> SiteStatusError | TransientError:
    """Return the error of a status; `wanted` is what was requested, `directory` or `file`."""
    error = SiteStatusError(url, describe_status(status, wanted), status)
    if status not in TRANSIENT_STATUSES:
        return error
    return TransientError(
        error, headers.get("Retry-After", ""), for_all_requests=status == _TOO_MANY_REQUESTS
    )


def describe_status(status: int, wanted: str) -> str:
    """Return what a status means and what to do."""
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
    if status == _TOO_MANY_REQUESTS:
        return "too many requests (429): try again later" + (
            "" if wanted == "webhook" else ", with less concurrency"
        )
    if status >= 500:
        return f"overloaded or failing ({status}): try again later"
    return f"status {status} instead of 200: open the URL in a browser"


def describe_failure(failure: BaseException, timeout: tuple[float, float]) -> str:
    """Return what failed and what to do, without the URLs in the exceptions' own messages."""
    causes = list(_causes(failure))
    text = next(
        (text for kind, text in _TEXTS if any(isinstance(cause, kind) for cause in causes)),
        "the request failed; check the URL and the network",
    ).format(connect=timeout[0], read=timeout[1])
    details = [c.strerror for c in causes if isinstance(c, OSError) and isinstance(c.strerror, str)]
    return f"{text} ({details[-1]})" if details else text


def is_transient(failure: BaseException) -> bool:
    """Whether the same request may succeed later."""
    # requests' errors about a URL or a header are ValueErrors, too.
    return not isinstance(failure, ValueError) and not any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(failure)
    )


def was_sent(failure: BaseException) -> bool:
    """Whether a request that failed before its answer was sent at all."""
    return not any(isinstance(cause, _NOT_SENT) for cause in _causes(failure))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, from the outside inwards."""
    seen: list[BaseException] = []
    pending: list[Any] = [error]
    while pending:
        cause = pending.pop(0)
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        seen.append(cause)
        yield cause
        pending += [*cause.args, getattr(cause, "reason", None), cause.__cause__]
