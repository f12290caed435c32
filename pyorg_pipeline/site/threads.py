"""A thread pool for requests, which ends with the block that it was opened for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.arguments import LARGEST_CONCURRENCY
from pyorg_pipeline.site.client import SiteClient


@contextmanager
def request_threads(
    client: SiteClient, concurrency: int, name: str
) -> Iterator[ThreadPoolExecutor]:
    """Open threads for as long as the block lasts; no thread is left afterwards.

    When an exception ends the block, or the generator that it is in is closed, the client is
    cancelled and work that has not started is dropped.

    Args:
        client: The one that the threads use.
        concurrency: The number of threads.
        name: The prefix of the threads' names.
    """
    with ThreadPoolExecutor(concurrency, thread_name_prefix=name) as executor:
        try:
            yield executor
        except BaseException:
            client.cancel()
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def check_concurrency(concurrency: int) -> None:
    """Raise InvalidArgumentError for a concurrency that is not from 1 to 32."""
    if not 1 <= concurrency <= LARGEST_CONCURRENCY:
        raise InvalidArgumentError(
            f"concurrency must be from 1 to {LARGEST_CONCURRENCY}, not {concurrency}"
        )
