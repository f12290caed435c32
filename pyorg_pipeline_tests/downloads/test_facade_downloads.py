"""The facade's downloads: from a version to a verified file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline import (
    ArtifactChoiceError,
    ExtraMissingError,
    InvalidArgumentError,
    PythonOrgDownloads,
    VersionNotFoundError,
)
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.errors import UnverifiableError, VerificationError
from pyorg_pipeline_tests.support.command_line import MODULE, on_a_terminal, pyorg
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.published import bundle_bytes, sha256_of
from pyorg_pipeline_tests.support.transfers import tarball

NEW = tarball(b"3.14.0" * 1000, "w:xz")
NEWEST = tarball(b"3.15.0a1" * 1000)
OLD = tarball(b"2.7" * 1000)


@pytest.fixture
def site() -> Iterator[Replica]:
    """A site with a release that has digests, one without, and a pre-release."""
    with Replica([]) as replica:
        replica.add("3.14.0/Python-3.14.0.tar.xz", content=NEW)
        replica.add("3.14.0/Python-3.14.0.tar.xz.sigstore", content=bundle_bytes(sha256_of(NEW)))
        replica.add("3.14.0/Python-3.14.0.tgz", content=tarball(b"tgz"))
        replica.add("3.15.0/Python-3.15.0a1.tgz", content=NEWEST)
        replica.add("3.15.0/Python-3.15.0a1.tgz.sigstore", content=bundle_bytes(sha256_of(NEWEST)))
        replica.add("2.7/Python-2.7.tgz", content=OLD)
        replica.add("2.7/python-2.7.msi", content=b"no archive")
        replica.add("2.7/python-2.7.amd64.msi", content=b"no archive either")
        yield replica


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Replica) -> Path:
    """Where downloads go by default, with a filled catalog beside it and no request counted."""
    monkeypatch.setenv("PYORG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    fill(str(tmp_path / "home" / "catalog"), site.url)
    site.clear_requests()
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize("verify", [True, "digest", False])
def test_a_companion_is_downloaded_like_an_artifact_and_has_the_listed_size(
    folder: Path, site: Replica, caplog: pytest.LogCaptureFixture, verify: Any
) -> None:
    companion = "3.14.0/Python-3.14.0.tar.xz.sigstore"
    bundle = bundle_bytes(sha256_of(NEW))
    path = PythonOrgDownloads.download_artifact(companion, verify=verify)
    assert (path.resolve(), path.read_bytes()) == (folder / "Python-3.14.0.tar.xz.sigstore", bundle)
    assert requested(site) == [companion]
    assert not caplog.records
    name = "Python-3.15.0a1.tgz.sigstore"
    assert PythonOrgDownloads.download_artifact(name, verify=verify).name == name
    site.replace(companion, content=bundle[1:])
    with pytest.raises(VerificationError, match=f"size should be {len(bundle)} bytes"):
        PythonOrgDownloads.download_artifact(companion, overwrite=True, verify=verify)
    assert path.read_bytes() == bundle
    with pytest.raises(ArtifactChoiceError, match=r"no artifact '2\.7/Python-2\.7\.tgz\.asc'"):
        PythonOrgDownloads.download_artifact("2.7/Python-2.7.tgz.asc")


def test_a_digest_that_a_download_proved_is_used_by_the_next_one(site: Replica) -> None:
    path = "3.14.0/Python-3.14.0.tar.xz"
    PythonOrgDownloads.download_artifact(path)
    assert requested(site) == [f"{path}.sigstore", path]
    site.clear_requests()
    site.remove(f"{path}.sigstore")
    PythonOrgDownloads.download_artifact(path, verify="digest", overwrite=True)
    assert requested(site) == [path]
    site.replace(path, content=NEW[::-1])
    with pytest.raises(VerificationError, match=f"{sha256_of(NEW)} .the catalog, from download"):
        PythonOrgDownloads.download_artifact(path, overwrite=True)


def requested(site: Replica) -> list[str]:
    return [request.path for request in site.requests]


def test_an_artifact_of_a_list_is_verified_by_its_bundle(folder: Path, site: Replica) -> None:
    [artifact] = PythonOrgDownloads.list_version_artifacts(3, 14, format="tarball_lzma")
    path = PythonOrgDownloads.download_artifact(artifact)
    assert path.resolve() == folder / "Python-3.14.0.tar.xz"
    assert path.read_bytes() == NEW
    assert requested(site) == [
        "3.14.0/Python-3.14.0.tar.xz.sigstore",
        "3.14.0/Python-3.14.0.tar.xz",
    ]
    assert [entry.name for entry in folder.iterdir()] == ["Python-3.14.0.tar.xz"]


def test_a_destination_is_a_folder_of_this_machine(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder / "me"))
    download = partial(PythonOrgDownloads.download_artifact, "Python-2.7.tgz")
    assert download(destination_dir="~/a").parent == folder / "me" / "a"
    assert download(destination_dir=f"file://{folder}/b%20c").parent == folder / "b c"
    for url in ("s3://bucket/prefix", Path("s3://bucket"), "file:/tmp"):
        with pytest.raises(InvalidArgumentError, match="is not a folder of this machine"):
            download(destination_dir=url)
    assert sorted(entry.name for entry in folder.iterdir()) == ["b c", "me"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"artifact": 5}, "artifact 5 is not an artifact, nor the path or name of one"),
        ({"stream_chunk_size": "x"}, "stream_chunk_size 'x' is not a number of bytes"),
        ({"stream_chunk_size": 0}, "stream_chunk_size 0 is not a number of bytes"),
        ({"destination_dir": 5}, "destination_dir 5 is neither a path nor a URL"),
        ({"progress": 5}, "progress 5 is not a function"),
    ],
)
def test_an_argument_of_another_type_is_an_error(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        PythonOrgDownloads.download_artifact(**{"artifact": "Python-2.7.tgz", **arguments})


def test_confirm_needs_artifacts() -> None:
    number: Any = 5
    for artifacts, message in (([number], "artifact 5 is not"), ([], "at least one artifact")):
        with pytest.raises(InvalidArgumentError, match=message):
            PythonOrgDownloads.confirm(*artifacts)


def test_the_arguments_may_be_positional(folder: Path) -> None:
    artifact = PythonOrgDownloads.list_version_artifacts(2, 7)[0]
    path = PythonOrgDownloads.download_artifact(artifact, 4096, folder / "deep" / "er", True)
    assert path == folder / "deep" / "er" / "Python-2.7.tgz"
    assert path.read_bytes() == OLD
    reported: list[tuple[int, int | None]] = []
    temporary = PythonOrgDownloads.download_artifact(
        artifact, 4096, None, progress=lambda done, total: reported.append((done, total))
    )
    assert temporary.read_bytes() == OLD
    assert temporary.parent not in (folder, path.parent)
    assert reported[-1] == (len(OLD), len(OLD))


def test_a_digest_can_be_required_or_waived() -> None:
    with pytest.raises(ArtifactChoiceError, match=r"has no artifact 'Python-9\.tgz'"):
        PythonOrgDownloads.download_artifact("Python-9.tgz")
    with pytest.raises(InvalidArgumentError, match="verify 'gpg' is "):
        PythonOrgDownloads.download_artifact("Python-2.7.tgz", verify="gpg")  # type: ignore[arg-type]
    with pytest.raises(UnverifiableError, match="no digest is published"):
        PythonOrgDownloads.download_artifact("Python-2.7.tgz", verify="digest")
    # Without the extra it is that which is missing.
    with pytest.raises((UnverifiableError, ExtraMissingError)):
        PythonOrgDownloads.download_artifact("Python-2.7.tgz", verify="signature")
    assert PythonOrgDownloads.download_artifact("Python-2.7.tgz", verify=False).is_file()
    path = PythonOrgDownloads.download_artifact("Python-3.14.0.tar.xz", verify="digest")
    assert path.read_bytes() == NEW


def test_a_release_is_its_best_source_tarball_or_the_one_matching_artifact() -> None:
    assert PythonOrgDownloads.download_release(3, 14).name == "Python-3.14.0.tar.xz"
    assert PythonOrgDownloads.download_release("2", "7").name == "Python-2.7.tgz"
    path = PythonOrgDownloads.download_release(3, 15, 0, "alpha", 1)
    assert path.read_bytes() == NEWEST
    fetched = PythonOrgDownloads.download_release(
        3, 14, 0, "final", 0, "source-release", {"format": "tarball_deflate"}
    )
    assert fetched.name == "Python-3.14.0.tgz"
    with pytest.raises(ArtifactChoiceError, match="choices are: format tarball_deflate"):
        PythonOrgDownloads.download_release(2, 7, artifact_format={"format": "tarball_lzma"})
    with pytest.raises(ArtifactChoiceError, match=r"python-2\.7\.amd64\.msi.*python-2\.7\.msi"):
        PythonOrgDownloads.download_release(2, 7, artifact_type="windows-release")
    with pytest.raises(ArtifactChoiceError, match=r"2\.7\.0 has 2 artifacts of the type windows-"):
        PythonOrgDownloads.download_release(2, 7, artifact_type="windows-release")
    words = r"no final release of 3\.15\.0; of 3\.15\.0 it has 3\.15\.0a1"
    with pytest.raises(VersionNotFoundError, match=words):
        PythonOrgDownloads.download_release(3, 15)
    with pytest.raises(
        VersionNotFoundError, match=r"no 2\.7\.0rc1; of 2\.7\.0 it has 2\.7\.0 \(final\)"
    ):
        PythonOrgDownloads.download_release(2, 7, releaselevel="candidate", serial=1)
    with pytest.raises(InvalidArgumentError, match="serial 1 needs a pre-release's releaselevel"):
        PythonOrgDownloads.download_release(2, 7, serial=1)


def test_the_latest_version_is_downloaded() -> None:
    version, path = PythonOrgDownloads.latest_version(True, True)
    assert (version, path.read_bytes()) == ((3, 14, 0), NEW)
    version, path = PythonOrgDownloads.latest_version(final_only=False, download_tarball=True)
    assert (version, path.name) == ((3, 15, 0, "alpha", 1), "Python-3.15.0a1.tgz")


def test_each_command_prints_the_path_of_the_file(folder: Path) -> None:
    home = folder.parent / "home"
    installer = "--artifact_type windows-release --artifact_format arch=amd64"
    for line, printed in (
        ("download_artifact Python-3.14.0.tgz", "Python-3.14.0.tgz"),
        (
            f"download_release 2 7 {installer} --destination_dir deeper",
            "deeper/python-2.7.amd64.msi",
        ),
        (
            "latest_version --final_only false --download_tarball true",
            "3.15.0a1\nPython-3.15.0a1.tgz",
        ),
    ):
        done = pyorg(home, "PythonOrgDownloads", *line.split(), program=MODULE)
        assert (done.returncode, done.stdout) == (0, f"{printed}\n")
        assert (folder / printed.splitlines()[-1]).is_file()


def test_a_file_that_does_not_verify_is_one_line_and_leaves_nothing(
    folder: Path, site: Replica
) -> None:
    site.replace("3.14.0/Python-3.14.0.tar.xz", content=NEW[:-1] + b"!")
    command = ("PythonOrgDownloads", "download_release", "3", "14")
    done = pyorg(folder.parent / "home", *command, program=MODULE)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert f"should be {sha256_of(NEW)}" in line
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")
def test_on_a_terminal_a_bar_shows_the_bytes(folder: Path) -> None:
    command = ("PythonOrgDownloads", "download_release", "2", "7")
    shown = on_a_terminal(folder.parent / "home", 120, *command, program=MODULE)
    assert "Python-2.7.tgz" in shown
    assert f"{len(OLD)} bytes of {len(OLD)} bytes" in shown
