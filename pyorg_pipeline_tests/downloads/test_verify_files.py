"""Every file of a folder or URL, compared with the catalog."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline import DamagedFilesError, DownloadError, PythonOrgDownloads
from pyorg_pipeline.catalog.download_reports import write_report
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.downloads.verify_files import verify_files
from pyorg_pipeline.errors import DestinationError
from pyorg_pipeline.reports.tables import VERIFIED_FILES, table_lines
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.published import bundle_bytes, sha256_of
from pyorg_pipeline_tests.support.s3_server import objects
from pyorg_pipeline_tests.support.transfers import tarball

NEW = tarball(b"3.14.0" * 1000, "w:xz")
OLD = tarball(b"2.7" * 1000)
TOOL = b"an installer"
#: Another file of the same name and size, as pre-releases have in their directories.
TOOL_BEFORE = b"AN INSTALLER"


@pytest.fixture(scope="module")
def site() -> Iterator[Replica]:
    with Replica([]) as replica:
        replica.add("3.14.0/Python-3.14.0.tar.xz", content=NEW)
        replica.add("3.14.0/Python-3.14.0.tar.xz.sigstore", content=bundle_bytes(sha256_of(NEW)))
        replica.add("2.7/Python-2.7.tgz", content=OLD)
        for folder, content in (("3.14.0", TOOL), ("3.14.1", TOOL_BEFORE)):
            path = f"{folder}/python-3.14.0-amd64.exe"
            replica.add(path, content=content)
            replica.add(f"{path}.sigstore", content=bundle_bytes(sha256_of(content)))
        replica.add("3.14.0/README", content=b"unrecognised")
        yield replica


@pytest.fixture(scope="module")
def store(site: Replica, tmp_path_factory: pytest.TempPathFactory) -> CatalogStore:
    return fill(str(tmp_path_factory.mktemp("home") / "catalog"), site.url)


@pytest.fixture(autouse=True)
def configured(store: CatalogStore, site: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYORG_CATALOG_URL", store.location.text)
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    site.clear_requests()


#: A folder as `download_artifact` fills it, and a copy of the site's folders in it.
FILES = {
    "Python-3.14.0.tar.xz": NEW,
    "Python-3.14.0.tar.xz.sigstore": bundle_bytes(sha256_of(NEW)),
    "python-3.14.0-amd64.exe": TOOL_BEFORE,
    "mirror/2.7/Python-2.7.tgz": OLD[:-1] + b"!",
    "mirror/3.14.0/python-3.14.0-amd64.exe": TOOL_BEFORE,
    "mirror/3.14.1/python-3.14.0-amd64.exe": TOOL_BEFORE,
    "more/Python-2.7.tgz": OLD + b"!",
    "notes.txt": b"mine",
    ".Python-3.14.0.tgz.part": b"running",
    ".Python-3.14.0.tgz.lock": b"",
    ".git/Python-3.14.0.tar.xz": b"hidden",
}
VERIFIED: list[tuple[str, Any]] = [
    ("Python-3.14.0.tar.xz", ("verified", "digest")),
    ("Python-3.14.0.tar.xz.sigstore", ("companion", None)),
    ("mirror/2.7/Python-2.7.tgz", ("damaged", None)),
    # The folder says which one it should be.
    ("mirror/3.14.0/python-3.14.0-amd64.exe", ("damaged", None)),
    ("mirror/3.14.1/python-3.14.0-amd64.exe", ("verified", "digest")),
    ("more/Python-2.7.tgz", ("damaged", None)),
    ("notes.txt", ("unknown", None)),
    ("python-3.14.0-amd64.exe", ("verified", "digest")),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path


def test_a_readme_elsewhere_is_unknown_and_what_is_no_file_is_reported(
    site: Replica, tmp_path: Path
) -> None:
    Path(tmp_path, "README").write_text("mine")
    Path(tmp_path, "3.14.0").mkdir()
    Path(tmp_path, "3.14.0", "README").write_text("damaged")
    Path(tmp_path, "Python-3.14.0.tar.xz").symlink_to("nothing")
    loop = Path(tmp_path, "loop")
    loop.symlink_to(loop)
    os.mkfifo(tmp_path / "python-3.14.0-amd64.exe")
    found = {one.file: one for one in PythonOrgDownloads.verify_files(tmp_path).files}
    assert {file: one.outcome for file, one in found.items()} == {
        "3.14.0/README": "damaged",
        "Python-3.14.0.tar.xz": "unverified",
        "README": "unknown",
        "loop": "unknown",
        "python-3.14.0-amd64.exe": "unverified",
    }
    assert found["Python-3.14.0.tar.xz"].reason.startswith("it cannot be read: not a file, or a")
    # A web server's listings have no sizes.
    with pytest.raises(DestinationError, match="web servers neither store nor list files; name a"):
        PythonOrgDownloads.verify_files(f"{site.url}nothing/")


def test_each_file_of_a_folder_has_its_outcome(folder: Path) -> None:
    read: list[tuple[int, int | None]] = []
    found = PythonOrgDownloads.verify_files(folder, progress=lambda *sizes: read.append(sizes))
    assert [(one.file, (one.outcome, one.method)) for one in found.files] == VERIFIED
    total = sum(one.size or 0 for one in found.files)
    assert read[-1] == (total, total)
    by_file = {one.file: one for one in found.files}
    before = by_file["python-3.14.0-amd64.exe"]
    assert (before.path, before.sha256) == (
        "3.14.1/python-3.14.0-amd64.exe",
        sha256_of(TOOL_BEFORE),
    )
    other = by_file["mirror/3.14.0/python-3.14.0-amd64.exe"]
    assert (other.expected, other.actual) == (sha256_of(TOOL), sha256_of(TOOL_BEFORE))
    longer = by_file["more/Python-2.7.tgz"]
    assert (longer.expected, longer.actual) == (f"{len(OLD):,} bytes", f"{len(OLD) + 1:,} bytes")
    assert by_file["mirror/2.7/Python-2.7.tgz"].reason == (
        "not a valid gzip archive (it is damaged or incomplete), and no digest is published"
    )
    assert isinstance(found.error, DamagedFilesError)
    assert str(found.error).startswith(f"3 of 8 files in {folder} failed verification: ")
    assert found.counts == "3 verified by digest, 1 companion, 3 damaged, 1 unknown"
    assert json.loads(json.dumps(found.to_dict()))["files"][0]["method"] == "digest"
    lines = list(table_lines(VERIFIED_FILES, found.files))
    assert lines[0].split() == ["OUTCOME", "BY", "BYTES", "FILE", "REASON"]
    assert lines[7].split()[:4] == ["unknown", "-", "4", "notes.txt"]


def test_without_verification_no_request_is_made(folder: Path, site: Replica) -> None:
    found = PythonOrgDownloads.verify_files(str(folder), verify=False)
    assert [one.file for one in found.of("damaged")] == ["more/Python-2.7.tgz"]
    assert {one.method for one in found.of("verified")} == {"size"}
    assert site.requests == []


def test_a_digest_may_be_required_and_one_file_be_verified(folder: Path) -> None:
    old = folder / "Python-2.7.tgz"
    old.write_bytes(OLD)
    assert PythonOrgDownloads.verify_files(old).files[0].method == "archive"
    [found] = PythonOrgDownloads.verify_files(old, verify="digest").files
    assert found.outcome == "unverified"
    assert found.reason == "it cannot be verified by digest: no digest is published"
    assert str(PythonOrgDownloads.verify_files(old, verify="digest").error).endswith(
        " (it cannot be verified by digest: no digest is published)"
    )


def test_a_site_that_does_not_answer_is_asked_once(
    folder: Path, connect: Callable[..., SiteClient]
) -> None:
    artifacts = PythonOrgDownloads.list_all_release_artifacts()
    nobody = connect("http://127.0.0.1:9/", concurrency=1, retries=0)
    found = verify_files(nobody, folder / "mirror", artifacts, {})
    assert nobody.requests_sent == 1
    reasons = {one.reason for one in found.of("unverified")}
    assert len(reasons) == 1
    assert "no connection" in reasons.pop()
    assert [one.file for one in found.of("damaged")] == ["2.7/Python-2.7.tgz"]


def test_downloads_that_no_longer_exist_are_missing(folder: Path, store: CatalogStore) -> None:
    gone = folder / "mirror" / "Python-3.14.0.tgz"
    kept = {"path": "2.7/Python-2.7.tgz", "destination": str(folder / "more/Python-2.7.tgz")}
    rows = [kept, {"path": "3.14.0/Python-3.14.0.tgz", "destination": str(gone)}]
    rows.append({"path": "x", "destination": "/elsewhere/Python-3.14.0.tgz"})
    row = {"outcome": "fetched", "transient": False}
    write_report(store, "a run", [one | row for one in rows], site_url="")
    found = PythonOrgDownloads.verify_files(folder, verify=False)
    [missing] = found.of("missing")
    assert (missing.file, missing.path) == ("mirror/Python-3.14.0.tgz", "3.14.0/Python-3.14.0.tgz")
    (folder / "more" / "Python-2.7.tgz").unlink()
    found = PythonOrgDownloads.verify_files(folder / "more", verify=False)
    assert found.error is not None
    assert found.error.headline == (
        f"1 of {len(found.files)} files in {folder / 'more'} failed verification. "
        "Download a missing file again"
    )
    with pytest.raises(DownloadError, match="no such folder"):
        PythonOrgDownloads.verify_files(folder / "absent")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_cannot_be_read_is_an_error(folder: Path) -> None:
    (folder / "more").chmod(0)
    try:
        with pytest.raises(DownloadError, match="read: Permission denied; change its perm"):
            PythonOrgDownloads.verify_files(folder)
    finally:
        (folder / "more").chmod(0o700)


def test_files_at_a_url_are_verified(s3_url: str, store: CatalogStore) -> None:
    for name, _ in VERIFIED:
        objects().pipe_file(f"{s3_url}/{name}", FILES[name])
    row = {"outcome": "fetched", "transient": False, "path": "2.7/Python-2.7.tgz"}
    write_report(
        store, "to s3", [row | {"destination": f"{s3_url}/gone/Python-2.7.tgz"}], site_url=""
    )
    found = PythonOrgDownloads.verify_files(s3_url)
    expected = [*VERIFIED, ("gone/Python-2.7.tgz", ("missing", None))]
    assert [(one.file, (one.outcome, one.method)) for one in found.files] == sorted(expected)
    assert found.location == s3_url
