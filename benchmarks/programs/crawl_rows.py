"""Crawls every release directory into classified rows: URL, connections. Imports are not timed."""

import sys
import time

from timing import report

from pyorg_pipeline.model.companions import ListedArtifact, group_listing
from pyorg_pipeline.model.versions import parse_release_directory
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline.site.crawl import Listing, crawl, read_listing

url, connections = sys.argv[1], int(sys.argv[2])


def rows_of(listing: Listing) -> list[ListedArtifact]:
    """The rows of one directory."""
    return group_listing(listing.directory, listing.entries)


start = time.perf_counter()
rows: list[ListedArtifact] = []
with SiteClient(url, concurrency=connections) as client:
    names = [entry.name for entry in read_listing(client).entries if entry.is_directory]
    wanted = [name for name in names if name == "src" or parse_release_directory(name)]
    for crawled in crawl(client, wanted, rows_of):
        if crawled.error:
            raise crawled.error
        rows += crawled.value or []
    requests = client.requests_sent
seconds = time.perf_counter() - start
assert all(row.entry.last_modified for row in rows)
report(seconds, f"{len(rows)} rows with sizes and dates, {requests} requests")
