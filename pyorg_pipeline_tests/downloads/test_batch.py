"""Several downloads at once, and how each ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.destinations import download_all, open_destination
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Download, DownloadFailure
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.downloading import CONTENTS, PATHS, halfway, site_with_digests
from pyorg_pipeline_tests.support.published import sha256_of
from pyorg_pipeline_tests.support.transfers import artifact

ONE, TWO, THREE = PATHS[:3]
#: Seconds until a test gives up on something that ought to happen.
PATIENCE = 30


@pytest.fixture
def site() -> Iterator[Replica]:
    with site_with_digests() as site:
        yield site


@pytest.fixture
def client(site: Replica) -> Iterator[SiteClient]:
    with SiteClient(site.url, retries=0, backoff=0, read_timeout=3) as client:
        yield client


def artifacts(paths: list[str]) -> list[PythonOrgArtifact]:
    return [artifact(path, len(CONTENTS[path]), related=[".sigstore"]) for path in paths]


def download(
    client: SiteClient, paths: list[str], folder: Path, **options: Any
) -> dict[str, Download | DownloadFailure]:
    done = list(download_all(client, artifacts(paths), open_destination(folder), **options))
    assert len(done) == len(paths)
    return {result.artifact.path: result for result in done}


def failed(result: Download | DownloadFailure) -> tuple[bool, bool]:
    """Whether a download failed, and whether that is transient."""
    if isinstance(result, DownloadFailure):
        return True, result.transient
    return False, False


def names(folder: Path) -> set[str]:
    """What is in a folder under names that are not hidden."""
    return {file.name for file in folder.glob("[!.]*")}


def test_each_artifact_is_downloaded_and_reported(client: SiteClient, tmp_path: Path) -> None:
    reported: dict[str, list[tuple[int, int | None]]] = {}

    def progress(one: PythonOrgArtifact) -> Any:
        calls = reported.setdefault(one.path, [])
        return lambda done, total: calls.append((done, total))

    done = download(client, PATHS, tmp_path, progress=progress)
    assert done.keys() == reported.keys() == set(PATHS)
    for path, result in done.items():
        file = tmp_path / path.rpartition("/")[2]
        size = len(CONTENTS[path])
        assert file.read_bytes() == CONTENTS[path]
        assert isinstance(result, Download)
        assert (result.destination, result.size, result.fetched) == (str(file), size, True)
        assert result.sha256 == sha256_of(CONTENTS[path])
        assert (reported[path][0], reported[path][-1]) == ((0, size), (size, size))


def test_a_failure_holds_up_no_other_and_says_whether_it_is_transient(
    client: SiteClient, site: Replica, tmp_path: Path
) -> None:
    site.answer(ONE, Answer(status=403))
    site.answer(TWO, Answer(status=503))
    done = download(client, [ONE, TWO, THREE], tmp_path)
    assert {path: failed(result) for path, result in done.items()} == {
        ONE: (True, False),
        TWO: (True, True),
        THREE: (False, False),
    }
    assert names(tmp_path) == {THREE.rpartition("/")[2]}


def test_an_invalid_folder_fails_each_artifact(client: SiteClient, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for result in download(client, [ONE, TWO], tmp_path / "file").values():
        assert isinstance(result, DownloadFailure)
        assert not result.transient
        assert str(tmp_path / "file") in str(result.error)


def test_closing_it_cancels_transfers_and_leaves_no_half_file_and_no_thread(
    site: Replica, tmp_path: Path
) -> None:
    go_on = threading.Event()
    for path in (TWO, THREE):
        site.answer(path, halfway(go_on))
    destination = open_destination(tmp_path)
    try:
        with (
            SiteClient(site.url, retries=0, read_timeout=1) as client,
            closing(download_all(client, artifacts(PATHS), destination)) as results,
        ):
            assert isinstance(next(results), Download)
            deadline = time.monotonic() + PATIENCE
            while not {TWO, THREE} <= {request.path for request in site.requests}:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    finally:
        go_on.set()
    assert not names(tmp_path) & {TWO.rpartition("/")[2], THREE.rpartition("/")[2]}
    assert not [one for one in threading.enumerate() if one.name.startswith("pyorg-site")]
    site.clear_answers()
    with SiteClient(site.url) as again:
        download(again, PATHS, tmp_path)
    for path in PATHS:
        assert (tmp_path / path.rpartition("/")[2]).read_bytes() == CONTENTS[path]
