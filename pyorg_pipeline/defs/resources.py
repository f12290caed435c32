"""The resources: the site, the catalog, the downloads' folder, the webhook, and progress."""

# No `from __future__ import annotations`: Dagster reads a resource's fields at run time.

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.lock import exclusive
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.defs.stale_runs import fail_killed_refreshes
from pyorg_pipeline.model.arguments import DEFAULT_CONCURRENCY, LARGEST_CONCURRENCY
from pyorg_pipeline.refresh.artifacts import DirectoryCrawl
from pyorg_pipeline.refresh.digests import DirectoryDigests
from pyorg_pipeline.refresh.directories import DirectoriesUpdate
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.webhook import post_event

#: Seconds that a step waits for a `pyorg refresh` of the same catalog.
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
        """Open a client of the site."""
        with SiteClient(self.url, concurrency=self.concurrency) as client:
            yield client


class CatalogResource(dg.ConfigurableResource[CatalogStore]):
    """The catalog's tables, and the lock that keeps writers apart."""

    url: str = Field(description="a folder, or a URL that fsspec can serve")
    lock_folder: str = Field(description="the folder of the lock, if the catalog is at a URL")

    def store(self) -> CatalogStore:
        """The tables, for reading."""
        return CatalogStore(open_location(self.url))

    @contextmanager
    def writing(self) -> Iterator[CatalogStore]:
        """The tables for a step that writes them, with the catalog's lock.

        The steps of a `pyorg refresh` run in the thread that holds the lock already.
        """
        store = self.store()
        with exclusive(store.location, Path(self.lock_folder), wait=LOCK_WAIT):
            context = self.get_resource_context()
            if context.instance is not None:
                run_id = None if context.run is None else context.run.run_id
                fail_killed_refreshes(context.instance, store.location, current_run=run_id)
            yield store


class DownloadsResource(dg.ConfigurableResource["DownloadsResource"]):
    """Where downloads go that name no destination."""

    folder: str = Field(description="where downloads go that name no destination")


class WebhookResource(dg.ConfigurableResource["WebhookResource"]):
    """The receiver of notifications."""

    url: str = Field(description="a secret: the UI shows the name of its variable only")

    def post(self, event: Mapping[str, Any]) -> None:
        """Post an event; returns when the receiver has accepted it."""
        post_event(self.url, event)


@dataclass(slots=True)
class RefreshProgress:
    """What the steps of a refresh have done so far, for a program that waits for them.

    Dagster hands no objects from assets to the program that executes them in its process. Runs
    that Dagster launches have this resource too, but nothing reads it there.
    """

    requests: int = 0
    directories: DirectoriesUpdate | None = None
    crawls: list[DirectoryCrawl] = field(default_factory=list)
    digests: list[DirectoryDigests] = field(default_factory=list)
    #: Called with each directory that was crawled.
    on_crawl: Callable[[DirectoryCrawl], None] = lambda _: None

    def crawled(self, done: DirectoryCrawl) -> None:
        """Add a directory."""
        self.crawls.append(done)
        self.on_crawl(done)
