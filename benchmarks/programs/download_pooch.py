"""Download files with pooch: URL, listing, folder, threads, and bytes at once if not its default.

Timed: pooch.retrieve of each file with its SHA-256, in threads. Not timed: imports.
"""

import time

began = time.perf_counter()

import json  # noqa: E402
import logging  # noqa: E402
import sys  # noqa: E402
from concurrent.futures import ThreadPoolExecutor  # noqa: E402
from pathlib import Path  # noqa: E402

import pooch  # noqa: E402

# It imports requests when it first needs it.
import requests  # noqa: E402, F401

imports = time.perf_counter() - began

url, listing, folder, threads, *pieces = sys.argv[1:]
options = {"chunk_size": int(pieces[0])} if pieces else {}
pooch.get_logger().setLevel(logging.ERROR)
files = json.loads(Path(listing).read_text())


def fetch(file: dict[str, str]) -> str:
    """One file, proven by its digest."""
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
seconds = time.perf_counter() - start
print(
    json.dumps(
        {
            "seconds": seconds,
            "result": f"{len(paths)} files, digest after reading them again; pooch "
            f"{pooch.__version__.lstrip('v')}, imports {imports:.2f} s",
        }
    )
)
