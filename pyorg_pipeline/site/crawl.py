"""Reads the listings of many directories, several at once.

Here: one directory's listing, and the crowd of threads that reads many. Not here: which directories
are due, and what is kept of them; that is the caller's, who hands in a function.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Generic, TypeVar

from pyorg_pipeline.errors import PyorgError
from pyorg_pipeline.model.arguments import DEFAULT_CONCURRENCY
from pyorg_pipeline.model.entries import Entry
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crowd import check_concurrency, crowd
from pyorg_pipeline.site.listing import parse_listing

_logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """What a site shows of one directory."""

    #: Relative to the site's root, without a slash at its end; empty for the root.
    directory: str
    #: Where its page came from, after redirects.
    url: str
    #: In the page's order.
    entries: tuple[Entry, ...]
    #: UTC, when the origin made the page, as far as can be told.
    generated_at: datetime
    #: UTC, by our clock.
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Crawled(Generic[T]):
    """What became of one directory: a value or an error."""

    directory: str
    #: What the handler returned; None if there is an error.
    value: T | None
    error: PyorgError | OSError | None


def read_listing(client: SiteClient, directory: str = "") -> Listing:
    """Return the listing of a directory; one request.

    Raises:
        SiteError: The site gave no page, or one that is not this directory's whole listing.
    """
    page = client.get_page(directory)
    entries = parse_listing(page.content, page.url, directory)
    return Listing(directory, page.url, tuple(entries), page.generated_at, page.received_at)


def crawl(
    client: SiteClient,
    directories: Sequence[str],
    handle: Callable[[Listing], T],
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
) -> Generator[Crawled[T], None, None]:
    """Read directories and hand their listings on; yield what became of each, as they are done.

    Each directory is read once, with one request, and `handle` is called with its listing in the
    thread that read it. A PyorgError or OSError, of the site or of `handle`, is the result of its
    directory; any other exception ends the crawl and comes out of the iterator. Nothing is sent
    before the first result is asked for. When the iterator is closed, or an exception comes out of
    it, requests under way are cut off and no thread is left.

    Args:
        client: The site's.
        directories: In the order in which they are asked for.
        handle: Called by up to `concurrency` threads at once.
        concurrency: Directories at once, from 1 to 32.

    Raises:
        InvalidArgumentError: concurrency is out of its range.
    """
    check_concurrency(concurrency)
    return _crawl(client, list(dict.fromkeys(directories)), handle, concurrency)


def _crawl(
    client: SiteClient,
    directories: list[str],
    handle: Callable[[Listing], T],
    concurrency: int,
) -> Generator[Crawled[T], None, None]:
    with crowd(client, concurrency, "crawl") as threads:
        futures = [
            threads.submit(_crawl_one, client, directory, handle, threads.stopped)
            for directory in directories
        ]
        for future in as_completed(futures):
            yield future.result()


def _crawl_one(
    client: SiteClient, directory: str, handle: Callable[[Listing], T], stopped: Event
) -> Crawled[T]:
    try:
        listing = read_listing(client, directory)
        if stopped.is_set():
            # Nobody asks for the result.
            return Crawled(directory, None, None)
        value = handle(listing)
    except (PyorgError, OSError) as error:
        _logger.debug("%s failed: %s", directory or "the root", error)
        return Crawled(directory, None, error)
    _logger.debug("%s: %d entries from %s", directory, len(listing.entries), listing.url)
    return Crawled(directory, value, None)
