"""Downloads files with pooch in threads: URL, listing, folder, threads[, bytes per piece].

Imports are not timed.
"""

import json
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pooch

# pooch imports requests when it first needs it.
import requests  # noqa: F401
from timing import report

url, listing, folder, threads, *pieces = sys.argv[1:]
options = {"chunk_size": int(pieces[0])} if pieces else {}
pooch.get_logger().setLevel(logging.ERROR)
files = json.loads(Path(listing).read_text())


def fetch(file):
    """Download one file and verify its digest."""
    return pooch.retrieve(
        url + file["path"],
        known_hash=f"sha256:{file['sha256']}",
        fname=file["name"],
        path=folder,
        downloader=pooch.HTTPDownloader(**options),
    )


start = time.perf_counter()
with ThreadPoolExecutor(int(threads)) as executor:
    paths = list(executor.map(fetch, files))
report(
    time.perf_counter() - start, f"{len(paths)} files by digest, read again; {pooch.__version__}"
)
