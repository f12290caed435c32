"""Folders and URLs as the places where downloads go."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.downloads.destinations import (
    FolderDestination,
    UrlDestination,
    open_destination,
)
from pyorg_pipeline.errors import (
    DestinationError,
    InvalidArgumentError,
    SiteStatusError,
    VerificationError,
)
from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support import transfers
from pyorg_pipeline_tests.support.downloading import CONTENTS, PATHS, site_with_digests
from pyorg_pipeline_tests.support.published import sha256_of
from pyorg_pipeline_tests.support.s3_server import objects, objects_below

PATH = PATHS[0]
NAME = PATH.rpartition("/")[2]
CONTENT = CONTENTS[PATH]


class Shelf(LocalFileSystem):  # type: ignore[misc]  # fsspec has no annotations
    """A store that is no object store: a file grows under its name."""

    protocol = "shelf"

    def put_file(self, lpath: str, rpath: str, **_options: Any) -> None:
        """Put the first half of a file, and fail if the folder says so."""
        path = Path(rpath)
        content = Path(lpath).read_bytes()
        path.write_bytes(content[: len(content) // 2])
        if (path.parent / "full").exists():
            raise OSError("no space left on the shelf")
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
    with SiteClient(site.url, retries=0, backoff=0) as client:
        yield client


def artifact(path: str = PATH, **changes: Any) -> PythonOrgArtifact:
    known: dict[str, Any] = {"size": len(CONTENTS.get(path, b"")), "related": [".sigstore"]}
    return transfers.artifact(path, **(known | changes))


def test_paths_and_file_urls_are_folders(
    client: SiteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("some folder", tmp_path / "some folder", f"file://{tmp_path}/some%20folder"):
        destination = open_destination(url)
        assert isinstance(destination, FolderDestination)
        assert destination.text == str(tmp_path / "some folder")
    done = open_destination("some folder").download(client, artifact())
    assert done.destination == str(tmp_path / "some folder" / NAME)
    assert Path(done.destination).read_bytes() == CONTENT


@pytest.mark.parametrize("scheme", ["s3", "memory", "shelf"])
def test_a_url_gets_the_verified_bytes(
    client: SiteClient, tmp_path: Path, scheme: str, s3_url: str
) -> None:
    url = {"s3": s3_url, "memory": f"memory://{tmp_path.name}", "shelf": f"shelf://{tmp_path}/x"}
    done = open_destination(url[scheme]).download(client, artifact())
    assert (done.destination, done.size, done.fetched) == (
        f"{url[scheme]}/{NAME}",
        len(CONTENT),
        True,
    )
    assert done.verification is not None
    assert (done.verification.method, done.sha256) == ("digest", sha256_of(CONTENT))
    filesystem, root = fsspec.core.url_to_fs(url[scheme])
    assert filesystem.cat_file(f"{root}/{NAME}") == CONTENT
    assert [file.rpartition("/")[2] for file in filesystem.ls(root, detail=False)] == [NAME]


def test_an_existing_object_is_replaced_only_with_overwrite(
    client: SiteClient, site: Replica, s3_url: str
) -> None:
    destination = open_destination(s3_url)
    destination.download(client, artifact())
    site.clear_requests()
    kept = destination.download(client, artifact())
    assert (kept.fetched, kept.size, kept.verification, kept.note) == (
        False,
        len(CONTENT),
        None,
        "",
    )
    assert site.requests == []
    objects().pipe_file(f"{s3_url}/{NAME}", b"another")
    kept = destination.download(client, artifact())
    assert kept.size == 7
    assert "has 7 bytes where the catalog lists" in kept.note
    assert destination.download(client, artifact(), overwrite=True).fetched
    assert objects_below(s3_url) == {NAME: CONTENT}


def test_a_large_file_is_uploaded_in_parts(client: SiteClient, site: Replica, s3_url: str) -> None:
    path = "3.5.9/python-3.5.9-amd64.exe"
    size = 20_000_000
    site.add(path, size=size)
    done = open_destination(s3_url).download(client, artifact(path, size=size, related=[]))
    assert done.size == size
    assert done.verification is not None
    stored = objects().info(f"{s3_url}/{path.rpartition('/')[2]}")
    assert stored["size"] == size
    # S3 says in the tag of how many parts it put an object together.
    assert stored["ETag"].endswith('-3"')
    [content] = objects_below(s3_url).values()
    assert sha256_of(content) == done.sha256


def test_a_file_that_does_not_verify_never_reaches_the_store(
    client: SiteClient, site: Replica, s3_url: str
) -> None:
    objects().pipe_file(f"{s3_url}/{NAME}", b"an older good copy")
    site.answer(PATH, Answer(body=bytes(reversed(CONTENT))))
    with pytest.raises(VerificationError):
        open_destination(s3_url).download(client, artifact(), overwrite=True)
    site.answer(PATH, Answer(status=403))
    with pytest.raises(SiteStatusError):
        open_destination(s3_url).download(client, artifact(), overwrite=True)
    assert objects_below(s3_url) == {NAME: b"an older good copy"}


def test_no_temporary_file_is_left_on_this_machine(
    client: SiteClient, site: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    destination = open_destination(f"memory://{tmp_path.name}")
    destination.download(client, artifact())
    site.answer(PATH, Answer(status=403))
    with pytest.raises(SiteStatusError):
        destination.download(client, artifact(), overwrite=True)
    assert list(temporary.iterdir()) == []


def test_a_store_that_shows_growing_files_gets_them_under_a_temporary_name(
    client: SiteClient, tmp_path: Path
) -> None:
    destination = open_destination(f"shelf://{tmp_path}")
    (tmp_path / NAME).write_bytes(b"an older good copy")
    (tmp_path / "full").touch()
    with pytest.raises(DestinationError, match="no space left on the shelf"):
        destination.download(client, artifact(), overwrite=True)
    assert (tmp_path / NAME).read_bytes() == b"an older good copy"
    (tmp_path / "full").unlink()
    destination.download(client, artifact(), overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_folder_under_the_name_is_not_replaced(client: SiteClient, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    for overwrite in (False, True):
        with pytest.raises(DestinationError, match="it is a folder"):
            open_destination(f"shelf://{tmp_path}").download(
                client, artifact(), overwrite=overwrite
            )
    shutil.rmtree(tmp_path / NAME)


def test_an_invalid_name_is_no_file_outside_the_destination(
    client: SiteClient, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(b"not a download")
    (tmp_path / "folder").mkdir()
    for overwrite in (False, True):
        with pytest.raises(InvalidArgumentError, match="cannot be the name of a file"):
            open_destination(f"shelf://{tmp_path}/folder").download(
                client, artifact(name="../other"), overwrite=overwrite
            )
    assert (tmp_path / "other").read_bytes() == b"not a download"


@pytest.mark.parametrize("url", ["nowhere://at/all", "s4://bucket", "gs2://bucket/prefix"])
def test_an_unknown_url_is_refused_with_advice(url: str) -> None:
    with pytest.raises(
        DestinationError, match="name a folder, or a URL whose package is installed"
    ):
        open_destination(url)


def test_credentials_in_a_url_are_never_shown(tmp_path: Path) -> None:
    destination = UrlDestination(f"memory://somebody:secret@{tmp_path.name}/x")
    assert destination.text == f"memory://{tmp_path.name}/x"
