"""Crawls every release directory into all tables of a catalog: URL, connections, folder.

Without Dagster. Imports are not timed.
"""

import sys
import time

import pyarrow.compute  # noqa: F401  # imported when a table is filtered first
from timing import report

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CATALOG_FILE, LATEST_FILE, CatalogStore
from pyorg_pipeline.refresh.artifacts import crawl_directories
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.refresh.publish import catalog_snapshot, latest_versions
from pyorg_pipeline.site.client import SiteClient

url, connections, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]

start = time.perf_counter()
store = CatalogStore(open_location(folder))
with SiteClient(url, concurrency=connections) as client:
    wanted = update_directories(store, client).present
    for done in crawl_directories(store, client, wanted):
        if done.error:
            raise done.error
published = catalog_snapshot(store)
store.write(CATALOG_FILE, published.table, published.metadata)
latest = latest_versions(store, published)
store.write(LATEST_FILE, latest.table, latest.metadata)
seconds = time.perf_counter() - start
report(seconds, f"{len(wanted) + 3} tables, the snapshot with {len(published.table)} rows")
