"""Filling a catalog by the steps of a refresh, without Dagster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    LATEST_FILE,
    RELEASES_FILE,
    CatalogStore,
    StoredTable,
)
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh import publish as publishing
from pyorg_pipeline.refresh.artifacts import DirectoryCrawl, crawl_directories
from pyorg_pipeline.refresh.changes import RecordedChanges, record_changes
from pyorg_pipeline.refresh.directories import CrawlState, DirectoriesUpdate, update_directories
from pyorg_pipeline.refresh.publish import catalog_snapshot, latest_versions
from pyorg_pipeline.refresh.releases import releases_table
from pyorg_pipeline.site.client import SiteClient


def fill(catalog_url: str, site_url: str) -> CatalogStore:
    """Bring the catalog up to date with the site."""
    store = CatalogStore(open_location(catalog_url))
    with SiteClient(site_url, backoff=0, retries=0) as client:
        Catalog(store, client).refresh()
    return store


@dataclass
class Catalog:
    """A catalog, its site, and the steps of a refresh."""

    store: CatalogStore
    client: SiteClient
    #: The changes that the last refresh recorded.
    recorded: RecordedChanges | None = None

    @property
    def sequence(self) -> int | None:
        """The number of the last refresh's changes; None if there were none."""
        assert self.recorded is not None
        return self.recorded.sequence

    @property
    def paths(self) -> list[str]:
        return [row["path"] for row in self.store.rows(CATALOG_FILE)]

    @property
    def due_directories(self) -> dict[str, Due]:
        return CrawlState.read(self.store).due()

    @property
    def due_since_listing(self) -> dict[str, Due]:
        return CrawlState.read(self.store).due_since_listing()

    def update(self, **options: bool) -> DirectoriesUpdate:
        return update_directories(self.store, self.client, **options)

    def crawl(self, *directories: str, **options: bool) -> dict[str, DirectoryCrawl]:
        wanted = directories or list(self.due_directories)
        crawls = crawl_directories(self.store, self.client, wanted, **options)
        return {done.directory: done for done in crawls}

    def refresh(
        self, *, full: bool = False, accept_vanished: bool = False
    ) -> dict[str, DirectoryCrawl]:
        self.update(full=full)
        done = self.crawl(accept_vanished=accept_vanished)
        self.recorded = publish(self.store)
        return done


def publication_due(store: CatalogStore) -> bool:
    return publishing.publication_due(store, CrawlState.read(store))


def publish(store: CatalogStore) -> RecordedChanges:
    publish_catalog(store)
    publish_latest(store)
    publish_releases(store)
    return record_changes(store)


def publish_catalog(store: CatalogStore) -> StoredTable:
    return _write(store, CATALOG_FILE, catalog_snapshot(store))


def publish_latest(store: CatalogStore) -> StoredTable:
    latest = latest_versions(store, store.read(CATALOG_FILE))
    return _write(store, LATEST_FILE, latest)


def publish_releases(store: CatalogStore, now: datetime | None = None) -> StoredTable:
    releases = releases_table(store, store.read(CATALOG_FILE), now=now)
    return _write(store, RELEASES_FILE, releases)


def _write(store: CatalogStore, name: str, made: StoredTable) -> StoredTable:
    store.write(name, made.table, made.metadata)
    return made
