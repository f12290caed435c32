"""Telling a webhook of an event: one POST of JSON, with limits, retries and clear errors.

Not here: what an event says (model.notifications), and which ones were told already (the sensors).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final, NamedTuple

from requests import Session
from requests.exceptions import ConnectionError as NoConnectionError
from requests.exceptions import ProxyError, RequestException, SSLError, Timeout
from urllib3 import Retry

from pyorg_pipeline.errors import PyorgError
from pyorg_pipeline.model.urls import origin_text
from pyorg_pipeline.site.retry import PASSING, retry_after

#: Seconds for a connection, and seconds of silence. A sensor's tick ends after 60 s.
TIMEOUT: Final = (5.0, 5.0)
RETRIES: Final = 2
#: Seconds of the first pause; the second is twice as long.
BACKOFF: Final = 1.0
#: Seconds that a receiver can hold us for with a Retry-After.
LONGEST_PAUSE: Final = 5

_AGAIN: Final = "it is told again later"


class WebhookError(PyorgError):
    """A webhook did not accept an event; the event is sent again later.

    Args:
        receiver: The webhook's scheme and host; the rest of its URL is a secret.
        reason: What happened, and what to do.
    """

    template = "the webhook at {receiver} did not accept an event: {reason}"

    def __init__(self, receiver: str, reason: str) -> None:
        super().__init__(receiver, reason)
        self.receiver = receiver
        self.reason = reason


def post_event(
    url: str,
    event: Mapping[str, Any],
    *,
    timeout: tuple[float, float] = TIMEOUT,
    retries: int = RETRIES,
    backoff: float = BACKOFF,
) -> None:
    """Post an event as JSON; returns when the receiver said that it has it (2xx).

    An answer that got lost makes a receiver hear of the same event twice, with the same `id`.
    No redirect is followed: it could lead the event, or what stands in the URL, to another host.

    Args:
        url: the webhook's; credentials in it are sent to it and shown to nobody.
        event: a JSON object.
        timeout: seconds for a connection, and seconds that the receiver may be silent.
        retries: how often a trouble that may pass (no connection, silence, 429, 5xx) is met again.
        backoff: seconds of the first pause.

    Raises:
        WebhookError: the receiver did not take it.
    """
    wait = Retry(retry_after_max=LONGEST_PAUSE)
    attempt = 0
    while (trouble := _attempt(url, event, timeout, wait)) is not None:
        if not trouble.passing or attempt == retries:
            break
        time.sleep(max(trouble.pause, backoff * 2**attempt))
        attempt += 1
    else:
        return
    # Outside of any `except`: what requests raises shows the whole URL.
    raise WebhookError(origin_text(url), trouble.reason)


class _Trouble(NamedTuple):
    """Why the receiver did not take an event."""

    reason: str
    #: Whether another attempt may help.
    passing: bool
    #: Seconds that the receiver wants to be left alone.
    pause: float = 0.0


def _attempt(
    url: str, event: Mapping[str, Any], timeout: tuple[float, float], wait: Retry
) -> _Trouble | None:
    """Post once; None where the receiver took it."""
    try:
        with (
            Session() as session,
            session.post(
                url,
                json=event,
                headers={"User-Agent": f"pyorg-pipeline/{metadata.version('pyorg-pipeline')}"},
                timeout=timeout,
                allow_redirects=False,
                # What it says in the body is of no interest, however long it is.
                stream=True,
            ) as answer,
        ):
            status, asked_for = answer.status_code, answer.headers.get("Retry-After", "")
    except RequestException as error:
        passing = isinstance(error, NoConnectionError | Timeout)
        return _Trouble(_in_words(error), passing and not isinstance(error, SSLError))
    if 200 <= status < 300:
        return None
    return _Trouble(_status_in_words(status), status in PASSING, retry_after(wait, asked_for))


def _in_words(error: RequestException) -> str:
    if isinstance(error, ProxyError):
        return f"the proxy does not connect; check HTTP_PROXY and HTTPS_PROXY, {_AGAIN}"
    if isinstance(error, SSLError):
        return f"its certificate is not trusted; check the clock and REQUESTS_CA_BUNDLE, {_AGAIN}"
    if isinstance(error, Timeout):
        return f"it was silent for too long; {_AGAIN}"
    if isinstance(error, NoConnectionError):
        return f"no connection; check PYORG_WEBHOOK_URL and the network, {_AGAIN}"
    return f"the request failed ({type(error).__name__}); check PYORG_WEBHOOK_URL, {_AGAIN}"


def _status_in_words(status: int) -> str:
    if 300 <= status < 400:
        return (
            f"it redirects ({status}), which is not followed; "
            "set PYORG_WEBHOOK_URL to where it leads"
        )
    if status in PASSING:
        return f"it is failing or overloaded ({status}); {_AGAIN}"
    return (
        f"it answered with status {status} instead of 2xx; check PYORG_WEBHOOK_URL and what it "
        f"accepts, {_AGAIN}"
    )
