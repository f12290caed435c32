"""Threads that speak to one site, none of which outlives the work it was begun for.

Here: how many there may be, and how they end. Not here: what they do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event
from typing import Any, ParamSpec, TypeVar

from pyorg_pipeline.errors import InvalidArgumentError
from pyorg_pipeline.model.arguments import LARGEST_CONCURRENCY
from pyorg_pipeline.site.client import SiteClient

P = ParamSpec("P")
T = TypeVar("T")


class Crowd:
    """Threads at work; made by `crowd`."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self.futures: list[Future[Any]] = []
        #: Set when nobody asks for results any more.
        self.stopped = Event()

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a thread do some work; its result, or its exception, is the future's."""
        future = self._executor.submit(work, *args, **kwargs)
        self.futures.append(future)
        return future


@contextmanager
def crowd(client: SiteClient, concurrency: int, name: str) -> Iterator[Crowd]:
    """Threads for as long as the block lasts; what is under way at its end is cut off.

    Args:
        client: whose requests are cut off.
        concurrency: threads, from 1 to 32.
        name: what the threads are called.
    """
    executor = ThreadPoolExecutor(concurrency, thread_name_prefix=name)
    threads = Crowd(executor)
    try:
        yield threads
    finally:
        threads.stopped.set()
        executor.shutdown(wait=False, cancel_futures=True)
        while running := [future for future in threads.futures if not future.done()]:
            client.cancel()
            wait(running, timeout=0.05)
        executor.shutdown()


def check_concurrency(concurrency: int) -> None:
    """Refuse a number of threads that is out of range.

    Raises:
        InvalidArgumentError: less than 1, or more than 32.
    """
    if not 1 <= concurrency <= LARGEST_CONCURRENCY:
        raise InvalidArgumentError(
            f"concurrency must be from 1 to {LARGEST_CONCURRENCY}, not {concurrency}"
        )
