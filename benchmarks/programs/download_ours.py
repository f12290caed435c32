"""Downloads files with recorded digests in threads: URL, listing, folder, threads.

Imports are not timed. With an empty listing it is an idle process with the same imports.
"""

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from timing import report

from pyorg_pipeline.downloads.download import download
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import CHUNK_SIZE, Download
from pyorg_pipeline.site.client import SiteClient

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("listing", type=Path)
parser.add_argument("folder", type=Path)
parser.add_argument("threads", type=int)
parser.add_argument("--chunk-size", type=int, default=CHUNK_SIZE)
parser.add_argument("--unverified", action="store_true")
given = parser.parse_args()


def artifact_of(file: dict[str, object]) -> PythonOrgArtifact:
    """An artifact as the catalog holds it, with its digest."""
    path = str(file["path"])
    return PythonOrgArtifact(
        name=str(file["name"]),
        path=path,
        artifact_type="source-release",
        format="tarball_lzma",
        companions=(".sigstore",),
        size=int(str(file["size"])),
        url=given.url + quote(path),
        sha256=str(file["sha256"]),
        digest_source="sigstore",
    )


def fetched(client: SiteClient, artifact: PythonOrgArtifact) -> Download:
    """One download; eight copies of one path go into folders of their own."""
    folder = given.folder
    if not artifact.path.endswith(artifact.name):
        folder = folder / artifact.name
    return download(
        client,
        artifact,
        folder,
        stream_chunk_size=given.chunk_size,
        verify=not given.unverified,
    )


artifacts = [artifact_of(file) for file in json.loads(given.listing.read_text())]
start = time.perf_counter()
with (
    SiteClient(given.url, concurrency=given.threads) as client,
    ThreadPoolExecutor(given.threads) as threads,
):
    done = list(threads.map(lambda artifact: fetched(client, artifact), artifacts))
    requests = client.requests_sent
seconds = time.perf_counter() - start
methods = {one.verification.method for one in done if one.verification is not None}
assert methods <= ({"size"} if given.unverified else {"digest"}), methods
assert all(one.fetched for one in done)
report(seconds, f"{len(done)} files by {''.join(methods) or 'nothing'}, {requests} requests")
