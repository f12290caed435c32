"""Retries: one budget of attempts for every kind of failure, with pauses that can be cancelled.

urllib3's Retry counts attempts and computes pauses. The loop is ours: an adapter's own one ends
once the headers have arrived, so a body that is cut would need a second loop with a second budget,
and it sleeps where a cancelled client has to wake up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from urllib3 import Retry
from urllib3.exceptions import InvalidHeader, MaxRetryError

from pyorg_pipeline.errors import PyorgError

_logger = logging.getLogger(__name__)

T = TypeVar("T")


class TransientError(Exception):
    """An attempt failed, and another one may succeed."""

    def __init__(
        self, error: PyorgError, retry_after: str = "", *, for_all_requests: bool = False
    ) -> None:
        super().__init__(error)
        #: What is raised when no attempt is left.
        self.error = error
        #: The Retry-After header.
        self.retry_after = retry_after
        #: Whether no other request may be sent either before the pause is over.
        self.for_all_requests = for_all_requests


class Retries:
    """Repeats attempts that raise TransientError; may be shared by threads.

    Args:
        retries: Attempts after the first one.
        backoff: Seconds; pauses start with them and double, with up to as much again at random.
        max_pause: Seconds that a pause can last, also if the server asks for a longer one.
        cancelled: Ends pauses.
    """

    def __init__(
        self, retries: int, backoff: float, max_pause: float, cancelled: threading.Event
    ) -> None:
        self._retry = Retry(
            retries,
            backoff_factor=backoff,
            # Without it, requests that failed together would be repeated together.
            backoff_jitter=backoff,
            backoff_max=max_pause,
        )
        self._max_pause = max_pause
        self._cancelled = cancelled
        self._lock = threading.Lock()
        # The time.monotonic() before which no attempt starts.
        self._paused_until = 0.0

    def run(
        self, url: str, once: Callable[[], T], progress: Callable[[], object] | None = None
    ) -> T:
        """Return what `once` returns; see `SiteClient.with_retries`."""
        retry = self._retry
        reached = progress() if progress else None
        while True:
            while (left := self._paused_until - time.monotonic()) > 0:
                if self._cancelled.wait(left):
                    break
            try:
                return once()
            except TransientError as error:
                failure = error
            if progress and (now := progress()) != reached:
                retry, reached = self._retry, now
            pause = min(parse_retry_after(failure.retry_after), self._max_pause)
            if failure.for_all_requests:
                with self._lock:
                    self._paused_until = max(self._paused_until, time.monotonic() + pause)
            try:
                retry = retry.increment("GET", url, error=failure)
            except MaxRetryError:
                break
            pause = max(pause, retry.get_backoff_time())
            _logger.debug("retrying in %.1f s: %s", pause, failure.error)
            self._cancelled.wait(pause)
        # Not inside `except`: a webhook's errors must have no context, which shows its URL.
        raise failure.error from failure.__cause__


def parse_retry_after(text: str) -> float:
    """Return the seconds of a Retry-After header; 0 if it is invalid."""
    try:
        return Retry().parse_retry_after(text) if text else 0.0
    except (InvalidHeader, ValueError, OverflowError):
        return 0.0
