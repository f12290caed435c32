"""What a catalog says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class CatalogInfo:
    """What the catalog is, and how old."""

    #: Where it lies.
    location: str
    #: The site that it was filled from.
    site_url: str
    #: When the root listing was last read, UTC.
    refreshed_at: datetime
    #: Time since then.
    age: timedelta
    #: When the site had made that listing, UTC: earlier if it came out of a cache.
    listing_generated_at: datetime
    #: When the tables last changed, UTC.
    published_at: datetime
    #: Release directories in the catalog.
    directories: int
    #: Different full versions, such as 3.15.0rc1.
    releases: int
    #: Recognised artifacts.
    artifacts: int
    #: Files that no rule of the grammar knows.
    unrecognised: int
    #: Directories that could not be read when they were asked last, and why.
    failures: dict[str, str]
