"""Crawl every release directory into all tables of a catalog: URL, connections, folder.

Timed: as crawl_rows.py, and each table written and synced, the snapshot and the latest versions.
Dagster takes no part in it.
"""

import json
import sys
import time

from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.refresh.artifacts import crawl_directories
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.refresh.publish import publish_catalog, publish_latest
from pyorg_pipeline.site.client import SiteClient

url, connections, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]

start = time.perf_counter()
store = CatalogStore(open_location(folder))
with SiteClient(url, concurrency=connections) as client:
    wanted = update_directories(store, client).present
    for done in crawl_directories(store, client, wanted, concurrency=connections):
        if done.error:
            raise done.error
published = publish_catalog(store)
publish_latest(store)
seconds = time.perf_counter() - start
print(
    json.dumps(
        {
            "seconds": seconds,
            "result": f"{len(wanted) + 3} tables, the snapshot with {len(published.table)} rows",
        }
    )
)
