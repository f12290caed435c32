"""The two things that assets need from outside: the site and the catalog."""

# No `from __future__ import annotations`: Dagster reads a resource's fields at run time.

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.settings import DEFAULT_CONCURRENCY, LARGEST_CONCURRENCY
from pyorg_pipeline.site.client import SiteClient

#: Seconds that a run started from the UI waits for another one on the same catalog.
LOCK_WAIT = 600


class SiteResource(dg.ConfigurableResource[SiteClient]):
    """The site that is crawled."""

    url: str = Field(description="the folder that holds the release directories")
    concurrency: int = Field(
        default=DEFAULT_CONCURRENCY,
        ge=1,
        le=LARGEST_CONCURRENCY,
        description="directories read at the same time",
    )

    @contextmanager
    def client(self) -> Iterator[SiteClient]:
        """A client of the site, closed afterwards."""
        with SiteClient(self.url, concurrency=self.concurrency) as client:
            yield client


class CatalogResource(dg.ConfigurableResource[CatalogStore]):
    """The catalog's tables, and the lock that keeps writers apart."""

    url: str = Field(description="a folder, or a URL that fsspec can serve")
    lock_folder: str = Field(description="where the lock of a catalog lies that is no local folder")

    def store(self) -> CatalogStore:
        """The tables."""
        return CatalogStore(open_location(self.url))

    def exclusive(self, wait: float = LOCK_WAIT) -> AbstractContextManager[None]:
        """The lock; whoever holds it already in this thread goes on at once."""
        return exclusive(open_location(self.url), Path(self.lock_folder), wait=wait)
