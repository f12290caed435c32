"""Filling a catalog by the steps of a refresh, without Dagster: for tests that ask it."""

from __future__ import annotations

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.refresh.artifacts import crawl_directories
from pyorg_pipeline.refresh.changes import record_changes
from pyorg_pipeline.refresh.directories import due_directories, update_directories
from pyorg_pipeline.refresh.publish import publish_catalog, publish_latest
from pyorg_pipeline.refresh.releases import publish_releases
from pyorg_pipeline.site.client import SiteClient


def fill(catalog_url: str, site_url: str) -> CatalogStore:
    """Bring the catalog up to date with the site; failures stay on record."""
    store = CatalogStore(open_location(catalog_url))
    with SiteClient(site_url, backoff=0, retries=0) as client:
        update_directories(store, client)
        wanted = list(due_directories(store))
        for _ in crawl_directories(store, client, wanted, concurrency=8):
            pass
    publish_catalog(store)
    publish_latest(store)
    publish_releases(store)
    record_changes(store)
    return store
