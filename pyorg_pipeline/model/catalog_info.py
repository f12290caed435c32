"""Facts about a catalog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CatalogInfo:
    """What a catalog holds, and how old it is."""

    #: A folder or a URL.
    location: str
    #: The site that it was filled from.
    site_url: str
    #: When the root listing was last read, UTC.
    refreshed_at: datetime
    #: Time since then.
    age: timedelta
    #: When the site generated that listing, UTC: earlier if it came from a cache.
    listing_generated_at: datetime
    #: When the tables last changed, UTC.
    published_at: datetime
    #: Release directories in the catalog.
    directories: int
    #: Full versions, such as 3.15.0rc1.
    releases: int
    #: Recognised artifacts.
    artifacts: int
    #: Files that no rule of the grammar matches.
    unrecognised: int
    #: The reason for each directory that the last attempt could not read.
    failures: dict[str, str]
