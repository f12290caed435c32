"""Folders and URLs as the places where downloads go, and several downloads at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.destinations import (
    FolderDestination,
    download_all,
    open_destination,
)
from pyorg_pipeline.errors import (
    DestinationError,
    InvalidArgumentError,
    SiteStatusError,
    VerificationError,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.downloads import Download, DownloadFailure
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.downloading import CONTENTS, PATHS, halfway, site_with_digests
from pyorg_pipeline_tests.support.published import sha256_of
from pyorg_pipeline_tests.support.s3_server import objects, objects_below
from pyorg_pipeline_tests.support.transfers import artifact, contents, names

PATH = PATHS[0]
NAME = PATH.rpartition("/")[2]
CONTENT = CONTENTS[PATH]


class Shelf(LocalFileSystem):  # type: ignore[misc]  # fsspec has no annotations
    """A store that is no object store: a file grows under its name."""

    protocol = "shelf"

    def put_file(self, lpath: str, rpath: str, **_options: Any) -> None:
        """Put the first half of a file, and fail or stop there if the folder says so."""
        path = Path(rpath)
        content = Path(lpath).read_bytes()
        path.write_bytes(content[: len(content) // 2])
        if (path.parent / "full").exists():
            raise OSError("no space left on the shelf")
        if not (path.parent / "lossy").exists():
            path.write_bytes(content)


@pytest.fixture(autouse=True, scope="module")
def shelf() -> None:
    fsspec.register_implementation("shelf", Shelf, clobber=True)


@pytest.fixture(scope="module")
def serving() -> Iterator[Replica]:
    with site_with_digests() as site:
        yield site


@pytest.fixture
def site(serving: Replica) -> Iterator[Replica]:
    serving.clear_requests()
    yield serving
    serving.clear_answers()


@pytest.fixture
def client(site: Replica) -> Iterator[SiteClient]:
    with SiteClient(site.url, retries=0, backoff=0, read_timeout=3) as client:
        yield client


def wanted(path: str = PATH, **changes: Any) -> PythonOrgArtifact:
    known: dict[str, Any] = {"size": len(CONTENTS.get(path, b"")), "companions": (".sigstore",)}
    return artifact(path, **(known | changes))


def test_paths_and_file_urls_are_folders(
    client: SiteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("some folder", tmp_path / "some folder", f"file://{tmp_path}/some%20folder"):
        destination = open_destination(url)
        assert isinstance(destination, FolderDestination)
        assert destination.text == str(tmp_path / "some folder")
    done = open_destination("some folder").download(client, wanted())
    assert done.destination == str(tmp_path / "some folder" / NAME)
    assert Path(done.destination).read_bytes() == CONTENT


@pytest.mark.parametrize("scheme", ["s3", "memory", "shelf"])
def test_a_url_gets_the_verified_bytes(
    client: SiteClient, tmp_path: Path, scheme: str, s3_url: str
) -> None:
    url = {"s3": s3_url, "memory": f"memory://{tmp_path.name}", "shelf": f"shelf://{tmp_path}/x"}
    secret = url[scheme].replace("memory://", "memory://somebody:secret@")
    destination = open_destination(secret)
    assert destination.text == url[scheme]
    done = destination.download(client, wanted())
    assert done.destination == f"{url[scheme]}/{NAME}"
    assert (done.size, done.sha256, done.fetched) == (len(CONTENT), sha256_of(CONTENT), True)
    filesystem, root = fsspec.core.url_to_fs(secret)
    assert filesystem.cat_file(f"{root}/{NAME}") == CONTENT
    assert [file.rpartition("/")[2] for file in filesystem.ls(root, detail=False)] == [NAME]


def test_an_existing_object_is_replaced_only_with_overwrite(
    client: SiteClient, site: Replica, s3_url: str
) -> None:
    destination = open_destination(s3_url)
    destination.download(client, wanted())
    site.clear_requests()
    kept = destination.download(client, wanted())
    assert (kept.fetched, kept.size, kept.note) == (False, len(CONTENT), "")
    assert kept.verification is None
    assert site.requests == []
    assert destination.download(client, wanted(), verify="digest").sha256 == sha256_of(CONTENT)
    objects().pipe_file(f"{s3_url}/{NAME}", b"another")
    kept = destination.download(client, wanted())
    assert kept.size == 7
    assert "has 7 bytes where the catalog lists" in kept.note
    with pytest.raises(VerificationError, match=f"the existing {s3_url}/{NAME}"):
        destination.download(client, wanted(), verify="digest")
    assert destination.download(client, wanted(), overwrite=True).fetched
    assert objects_below(s3_url) == {NAME: CONTENT}


def test_a_large_file_is_uploaded_in_parts(client: SiteClient, site: Replica, s3_url: str) -> None:
    path = "3.5.9/python-3.5.9-amd64.exe"
    size = 20_000_000
    site.add(path, size=size)
    done = open_destination(s3_url).download(client, wanted(path, size=size, companions=()))
    assert done.size == size
    assert done.verification is not None
    stored = objects().info(f"{s3_url}/{path.rpartition('/')[2]}")
    assert stored["size"] == size
    # S3 says in the tag of how many parts it put an object together.
    assert stored["ETag"].endswith('-3"')
    [content] = objects_below(s3_url).values()
    assert sha256_of(content) == done.sha256


def test_a_file_that_does_not_verify_never_reaches_the_store(
    client: SiteClient, site: Replica, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    objects().pipe_file(f"{s3_url}/{NAME}", b"an older good copy")
    for answer, error in (
        (Answer(body=bytes(reversed(CONTENT))), VerificationError),
        (Answer(status=403), SiteStatusError),
    ):
        site.answer(PATH, answer)
        with pytest.raises(error):
            open_destination(s3_url).download(client, wanted(), overwrite=True)
    assert objects_below(s3_url) == {NAME: b"an older good copy"}
    assert names(tmp_path) == []


def test_a_store_that_shows_growing_files_gets_them_under_a_temporary_name(
    client: SiteClient, tmp_path: Path
) -> None:
    destination = open_destination(f"shelf://{tmp_path}")
    (tmp_path / NAME).write_bytes(b"an older good copy")
    (tmp_path / "full").touch()
    with pytest.raises(DestinationError, match="no space left on the shelf"):
        destination.download(client, wanted(), overwrite=True)
    assert (tmp_path / NAME).read_bytes() == b"an older good copy"
    (tmp_path / "full").unlink()
    destination.download(client, wanted(), overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_store_that_has_fewer_bytes_than_were_uploaded_is_an_error(
    client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / "lossy").touch()
    sizes = f"{len(CONTENT):,} bytes were uploaded, but the store has {len(CONTENT) // 2:,}"
    with pytest.raises(DestinationError, match=sizes):
        open_destination(f"shelf://{tmp_path}").download(client, wanted())


def test_an_invalid_name_is_no_file_outside_the_destination(
    client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(b"not a download")
    folder = tmp_path / "folder"
    (folder / NAME).mkdir(parents=True)
    destination = open_destination(f"shelf://{folder}")
    for overwrite in (False, True):
        with pytest.raises(InvalidArgumentError, match="cannot be the name of a file"):
            destination.download(client, wanted(name="../other"), overwrite=overwrite)
        with pytest.raises(DestinationError, match="it is a folder"):
            destination.download(client, wanted(), overwrite=overwrite)
    assert (tmp_path / "other").read_bytes() == b"not a download"
    assert (folder / NAME).is_dir()


@pytest.mark.usefixtures("s3_bucket")
def test_an_unknown_url_or_bucket_is_an_error_with_advice(client: SiteClient) -> None:
    for url in ("nowhere://at/all", "gs2://me:secret@bucket/prefix"):
        with pytest.raises(DestinationError, match="name a folder, or a URL whose") as caught:
            open_destination(url)
        assert "secret" not in str(caught.value)
    with pytest.raises(DestinationError, match=r"the store refuses \(.*bucket.*\); check the URL"):
        open_destination("s3://no-such-bucket/prefix").download(client, wanted())


# Several at once

ONE, TWO = PATHS[:2]


def test_each_artifact_is_downloaded_and_a_failure_is_the_result_of_its_own(
    client: SiteClient, site: Replica, tmp_path: Path
) -> None:
    reported: dict[str, list[tuple[int, int | None]]] = {}

    def progress(one: PythonOrgArtifact) -> Any:
        calls = reported.setdefault(one.path, [])
        return lambda done, total: calls.append((done, total))

    site.answer(ONE, Answer(status=403))
    site.answer(TWO, Answer(status=503))
    artifacts = [wanted(path) for path in PATHS]
    destination = open_destination(tmp_path)
    done = list(download_all(client, artifacts, destination, progress=progress))
    assert {one.artifact.path for one in done} == reported.keys() == set(PATHS)
    failed = [one for one in done if isinstance(one, DownloadFailure)]
    assert {one.artifact.path: one.transient for one in failed} == {ONE: False, TWO: True}
    assert contents(tmp_path) == {path.rpartition("/")[2]: CONTENTS[path] for path in PATHS[2:]}
    for one in done:
        if isinstance(one, Download):
            path, size = one.artifact.path, len(CONTENTS[one.artifact.path])
            file = tmp_path / path.rpartition("/")[2]
            assert (one.destination, one.size, one.fetched) == (str(file), size, True)
            assert one.sha256 == sha256_of(CONTENTS[path])
            assert (reported[path][0], reported[path][-1]) == ((0, size), (size, size))


def test_closing_it_cancels_transfers(site: Replica, tmp_path: Path) -> None:
    go_on = threading.Event()
    site.answer(TWO, halfway(go_on))
    with SiteClient(site.url, retries=0, read_timeout=1) as client:
        results = download_all(client, [wanted(ONE), wanted(TWO)], open_destination(tmp_path))
        assert next(results).artifact.path == ONE
        results.close()
    go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("pyorg-site"):
            thread.join()
    assert TWO.rpartition("/")[2] not in names(tmp_path)
