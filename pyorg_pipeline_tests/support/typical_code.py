"""What users write, for type checkers: it is checked and never run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, assert_type

from pyorg_pipeline import (
    NormalizedPythonVersion,
    PythonOrgArtifact,
    PythonOrgDownloads,
    VerificationError,
)

if TYPE_CHECKING:
    from pyorg_pipeline import PythonRelease

NamedPath = tuple[NormalizedPythonVersion, Path]


class Mirror(PythonOrgDownloads):
    BASE_URL = "https://mirror.example/python/"
    CATALOG_URL = Path("/srv/catalog")


def report(done: int, total: int | None) -> None:
    sys.stderr.write(f"{done} of {total}\r")


def newest(flag: bool) -> str:
    version = PythonOrgDownloads.latest_version(series="3.13")
    assert_type(version, NormalizedPythonVersion)
    assert_type(PythonOrgDownloads.latest_version(flag), NormalizedPythonVersion)
    assert_type(PythonOrgDownloads.latest_version(True, True), NamedPath)
    assert_type(PythonOrgDownloads.latest_version(download_tarball=True), NamedPath)
    either = PythonOrgDownloads.latest_version(download_tarball=flag)
    assert_type(either, NormalizedPythonVersion | NamedPath)
    major, minor, *_ = version
    if version >= (3, 13) and version[:2] == (major, minor) and version.micro > 0:
        return version.text
    return f"python-{max(PythonOrgDownloads.list_release_versions(final_only=flag))}"


def downloads(version: NormalizedPythonVersion, folder: Path, flag: bool) -> list[Path]:
    release = PythonOrgDownloads.download_release
    return [
        release(*version, destination_dir=folder),
        release(*version, destination_dir="tarballs", overwrite=flag, verify="digest"),
        release("3", "13", 9, artifact_type="windows-release", artifact_format="arch=amd64"),
        release(3, 13, 9, "final", 0, "source-release", {"format": "tarball_lzma"}, 1024, folder),
        *(
            Mirror.download_artifact(artifact, destination_dir=None, verify=flag)
            for artifact in PythonOrgDownloads.list_version_artifacts(*version, final_only=flag)
        ),
        Mirror.download_artifact("Python-3.13.9.tgz", progress=report),
    ]


def rows(folder: Path) -> list[object]:
    [artifact, *_] = PythonOrgDownloads.list_version_artifacts(3, 13, 9, arch="arm64")
    assert_type(artifact, PythonOrgArtifact)
    releases: list[PythonRelease] = PythonOrgDownloads.list_releases(series="3.15")
    try:
        found = PythonOrgDownloads.verify_files(folder)
    except VerificationError as error:
        return [error.expected, error.actual]
    table = PythonOrgDownloads.to_pandas()
    return [
        *(artifact.format or "", artifact.size or 0, artifact.companions, artifact.to_dict()),
        *(release.version for release in releases if release.state == "complete"),
        *(change.seen_at for change in PythonOrgDownloads.list_changes("7d", companions=True)),
        *(one.file for one in found.of("damaged")),
        *(PythonOrgDownloads.catalog_info().age.days, table.groupby("artifact_type")),
    ]
