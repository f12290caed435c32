"""What assets and ops need from outside: the site, the catalog, and where downloads go."""

# No `from __future__ import annotations`: Dagster reads a resource's fields at run time.

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs.living_runs import showing_life
from pyorg_pipeline.model.arguments import DEFAULT_CONCURRENCY, LARGEST_CONCURRENCY
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


class _OfLivingRuns(dg.ConfigurableResource["_OfLivingRuns"]):
    """Whatever has it shows that its run is alive."""

    lock_folder: str = Field(
        description="where runs show that they are alive, and the lock of a catalog lies that is "
        "no local folder"
    )

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Self]:
        """Show that a run is alive for as long as its process executes steps of it."""
        # Schedules and sensors have no run.
        run = context.run
        with nullcontext() if run is None else showing_life(self.lock_folder, run.run_id):
            yield self


class CatalogResource(_OfLivingRuns):
    """The catalog's tables, and the lock that keeps writers apart."""

    url: str = Field(description="a folder, or a URL that fsspec can serve")

    def store(self) -> CatalogStore:
        """The tables."""
        return CatalogStore(open_location(self.url))

    @contextmanager
    def writing(self) -> Iterator[CatalogStore]:
        """The tables for a step that writes them, alone.

        Whoever holds the lock already in this thread goes on at once.
        """
        store = self.store()
        with exclusive(store.location, Path(self.lock_folder), wait=LOCK_WAIT):
            yield store


class DownloadsResource(_OfLivingRuns):
    """Where downloads go that name no destination."""

    folder: str = Field(description="where downloads go that name no destination")
