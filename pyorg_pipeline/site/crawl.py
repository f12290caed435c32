"""Listings of directories: one, and many at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import as_completed
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pyorg_pipeline.errors import PyorgError
from pyorg_pipeline.model.companions import Entry
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.listing import parse_listing

_logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing:
    """The listing of a directory."""

    #: Relative to the site's root, without a final slash; empty for the root.
    directory: str
    #: After redirects.
    url: str
    #: In the page's order.
    entries: list[Entry]
    #: UTC, when the origin server made the page.
    generated_at: datetime
    #: UTC, by our clock.
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Crawled(Generic[T]):
    """The result of one directory of a crawl: what `handle` returned, or an error."""

    directory: str
    value: T | None
    error: PyorgError | OSError | None


def read_listing(client: SiteClient, directory: str = "") -> Listing:
    """Return the listing of a directory, with one request; raises SiteError or ListingError."""
    page = client.get(f"{directory}/" if directory else "")
    entries = parse_listing(page.content, page.url, directory)
    return Listing(directory, page.url, entries, page.generated_at, page.received_at)


def crawl(
    client: SiteClient, directories: Iterable[str], handle: Callable[[Listing], T]
) -> Generator[Crawled[T], None, None]:
    """Read the listings of directories, several at once, and yield each result as it arrives.

    `handle` is called in the thread that read the listing. A PyorgError or OSError, of the site or
    of `handle`, is the result of its directory; any other exception ends the crawl. When the crawl
    ends early, or the generator is closed, the client is cancelled.
    """

    def crawl_one(directory: str) -> Crawled[T]:
        try:
            listing = read_listing(client, directory)
            value = handle(listing)
        except (PyorgError, OSError) as error:
            _logger.debug("%s failed: %s", directory or "the root", error)
            return Crawled(directory, None, error)
        _logger.debug("%s: %d entries from %s", directory, len(listing.entries), listing.url)
        return Crawled(directory, value, None)

    with client.thread_pool() as executor:
        # No list of the futures here: as_completed drops each one that it has yielded.
        for future in as_completed(
            executor.submit(crawl_one, name) for name in dict.fromkeys(directories)
        ):
            yield future.result()
