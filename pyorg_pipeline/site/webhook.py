"""Posting an event to a webhook: one POST of JSON, with a timeout and retries."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from requests import RequestException

from pyorg_pipeline.errors import PyorgError, is_transient_status
from pyorg_pipeline.model.text import origin_text
from pyorg_pipeline.site.client import open_session
from pyorg_pipeline.site.retry import Retries, TransientError, describe_failure

#: Seconds for a connection, and seconds without data. A sensor's tick ends after 60 s.
TIMEOUT: Final = (5.0, 5.0)
RETRIES: Final = 2
MAX_PAUSE: Final = 5.0


@dataclass(eq=False)
class WebhookError(PyorgError):
    """A webhook did not accept an event; the event is sent again later."""

    #: The webhook's scheme and host; the rest of its URL is a secret.
    receiver: str
    reason: str

    def __str__(self) -> str:
        return f"the webhook at {self.receiver} did not accept an event: {self.reason}"


def post_event(url: str, event: Mapping[str, Any], *, backoff: float = 1) -> None:
    """Post an event as JSON; returns once the receiver has answered with a 2xx status.

    A receiver whose answer is lost gets the same event again, with the same `id`. Redirects are
    not followed: they could pass the event, or the secrets in the URL, to another host. Raises
    WebhookError, which does not show them.
    """
    receiver = origin_text(url)

    def once() -> None:
        try:
            with (
                open_session(url) as session,
                # The body of the answer is never read: it may have any length.
                session.post(
                    url, json=event, timeout=TIMEOUT, allow_redirects=False, stream=True
                ) as answer,
            ):
                status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        except RequestException as failure:
            (reason, transient), retry_after = describe_failure(failure, TIMEOUT), ""
        else:
            if 200 <= status < 300:
                return
            reason, transient = _describe_status(status), is_transient_status(status)
        error = WebhookError(receiver, reason)
        # Not inside `except`: what requests raises shows the whole URL.
        raise TransientError(error, retry_after) if transient else error

    Retries(RETRIES, backoff, MAX_PAUSE, threading.Event()).run(once)


def _describe_status(status: int) -> str:
    if 300 <= status < 400:
        return f"redirected ({status}), which is not followed; set PYORG_WEBHOOK_URL to the target"
    if is_transient_status(status):
        return f"status {status}; it gets the event again later"
    return f"status {status} instead of 2xx; check PYORG_WEBHOOK_URL and what the webhook accepts"
