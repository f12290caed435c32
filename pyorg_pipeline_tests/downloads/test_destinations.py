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
    Delivered,
    Destination,
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
from pyorg_pipeline.model.names import parse_name
from pyorg_pipeline.site.client import SiteClient
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
    directory, _, name = path.partition("/")
    parsed = parse_name(name, directory)
    values = {
        "name": name,
        "path": path,
        "release_version": parsed.release_version,
        "release_type": parsed.artifact_type,
        "release_format": parsed.attributes,
        "related": [".sigstore"],
        "size": len(CONTENTS.get(path, b"")),
        "last_modified": None,
        "url": "",
    }
    return PythonOrgArtifact(**{**values, **changes})


def deliver(
    client: SiteClient,
    destination: Destination,
    wanted: PythonOrgArtifact | None = None,
    *,
    overwrite: bool = False,
) -> Delivered:
    return destination.deliver(
        client, wanted or artifact(), overwrite=overwrite, verify=True, progress=None
    )


def test_paths_and_file_urls_are_folders(
    client: SiteClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("some folder", tmp_path / "some folder", f"file://{tmp_path}/some%20folder"):
        destination = open_destination(url)
        assert isinstance(destination, FolderDestination)
        assert destination.text == str(tmp_path / "some folder")
    done = deliver(client, open_destination("some folder"))
    assert done.where == str(tmp_path / "some folder" / NAME)
    assert Path(done.where).read_bytes() == CONTENT


@pytest.mark.parametrize("scheme", ["s3", "memory", "shelf"])
def test_a_url_gets_the_proven_bytes(
    client: SiteClient, tmp_path: Path, scheme: str, s3_url: str
) -> None:
    url = {"s3": s3_url, "memory": f"memory://{tmp_path.name}", "shelf": f"shelf://{tmp_path}/x"}
    done = deliver(client, open_destination(url[scheme]))
    assert (done.where, done.size, done.fetched) == (f"{url[scheme]}/{NAME}", len(CONTENT), True)
    assert done.proof is not None
    assert (done.proof.method, done.proof.sha256) == ("digest", sha256_of(CONTENT))
    filesystem, root = fsspec.core.url_to_fs(url[scheme])
    assert filesystem.cat_file(f"{root}/{NAME}") == CONTENT
    assert [file.rpartition("/")[2] for file in filesystem.ls(root, detail=False)] == [NAME]


def test_what_is_there_is_kept_without_a_request_and_replaced_if_asked_to(
    client: SiteClient, site: Replica, s3_url: str
) -> None:
    destination = open_destination(s3_url)
    deliver(client, destination)
    site.clear_requests()
    kept = deliver(client, destination)
    assert (kept.fetched, kept.size, kept.proof, kept.warning) == (False, len(CONTENT), None, "")
    assert site.requests == []
    objects().pipe_file(f"{s3_url}/{NAME}", b"another")
    kept = deliver(client, destination)
    assert kept.size == 7
    assert "has 7 bytes where the catalog knows" in kept.warning
    assert deliver(client, destination, overwrite=True).fetched
    assert objects_below(s3_url) == {NAME: CONTENT}


def test_a_large_file_goes_in_parts(client: SiteClient, site: Replica, s3_url: str) -> None:
    path = "3.5.9/python-3.5.9-amd64.exe"
    size = 20_000_000
    site.add(path, size=size)
    done = deliver(client, open_destination(s3_url), artifact(path, size=size, related=[]))
    assert done.size == size
    assert done.proof is not None
    stored = objects().info(f"{s3_url}/{path.rpartition('/')[2]}")
    assert stored["size"] == size
    # S3 says in the tag of how many parts it put an object together.
    assert stored["ETag"].endswith('-3"')
    [content] = objects_below(s3_url).values()
    assert sha256_of(content) == done.proof.sha256


def test_what_is_not_proven_never_reaches_the_store(
    client: SiteClient, site: Replica, s3_url: str
) -> None:
    objects().pipe_file(f"{s3_url}/{NAME}", b"an older good copy")
    site.answer(PATH, Answer(body=bytes(reversed(CONTENT))))
    with pytest.raises(VerificationError):
        deliver(client, open_destination(s3_url), overwrite=True)
    site.answer(PATH, Answer(status=403))
    with pytest.raises(SiteStatusError):
        deliver(client, open_destination(s3_url), overwrite=True)
    assert objects_below(s3_url) == {NAME: b"an older good copy"}


def test_no_temporary_file_is_left_on_this_machine(
    client: SiteClient, site: Replica, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    destination = open_destination(f"memory://{tmp_path.name}")
    deliver(client, destination)
    site.answer(PATH, Answer(status=403))
    with pytest.raises(SiteStatusError):
        deliver(client, destination, overwrite=True)
    assert list(temporary.iterdir()) == []


def test_a_store_that_shows_files_as_they_grow_gets_them_under_another_name_first(
    client: SiteClient, tmp_path: Path
) -> None:
    destination = open_destination(f"shelf://{tmp_path}")
    (tmp_path / NAME).write_bytes(b"an older good copy")
    (tmp_path / "full").touch()
    with pytest.raises(DestinationError, match="no space left on the shelf"):
        deliver(client, destination, overwrite=True)
    assert (tmp_path / NAME).read_bytes() == b"an older good copy"
    (tmp_path / "full").unlink()
    deliver(client, destination, overwrite=True)
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_a_folder_under_the_name_is_left_alone(client: SiteClient, tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    for overwrite in (False, True):
        with pytest.raises(DestinationError, match="it is a folder"):
            deliver(client, open_destination(f"shelf://{tmp_path}"), overwrite=overwrite)
    shutil.rmtree(tmp_path / NAME)


@pytest.mark.parametrize("name", ["../escape.tgz", "/etc/passwd", "a\0b", "aux.txt", ".hidden"])
def test_only_names_of_files_reach_a_store(client: SiteClient, site: Replica, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be the name of a file"):
        deliver(client, open_destination("memory://names"), artifact(name=name))
    assert site.requests == []


@pytest.mark.parametrize("url", ["nowhere://at/all", "s4://bucket", "gs2://bucket/prefix"])
def test_a_url_that_nobody_knows_is_refused_with_what_to_do(url: str) -> None:
    with pytest.raises(
        DestinationError, match="name a folder, or a URL whose package is installed"
    ):
        open_destination(url)


def test_credentials_in_a_url_are_never_shown(tmp_path: Path) -> None:
    destination = UrlDestination(f"memory://somebody:secret@{tmp_path.name}/x")
    assert destination.text == f"memory://{tmp_path.name}/x"
