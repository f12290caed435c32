"""Artifacts, releases and changes for the tests of reports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyorg_pipeline.model.artifacts import PythonOrgArtifact
from pyorg_pipeline.model.catalog import CatalogChange
from pyorg_pipeline.model.releases import PythonRelease, ReleaseState
from pyorg_pipeline.model.series import python_series
from pyorg_pipeline.model.versions import NormalizedPythonVersion, full_version
from pyorg_pipeline_tests.support import artifacts

EARLIER = datetime(2025, 10, 7, 9, 30, tzinfo=UTC)
MODIFIED = datetime(2025, 10, 14, 14, 31, tzinfo=UTC)
SEEN = datetime(2026, 11, 23, 3, 23, 37, 145_000, tzinfo=UTC)


def artifact(name: str, **changes: Any) -> PythonOrgArtifact:
    """A file of 3.13.9, with the values of its source release."""
    values = {
        "name": name,
        "version": "3.13.9",
        "artifact_type": "source-release",
        "format": "tarball_lzma",
        "companions": (".asc", ".sigstore"),
        "size": 22_681_368,
        "last_modified": MODIFIED,
    }
    return artifacts.artifact(f"3.13.9/{name}", **(values | changes))


SOURCE = artifact("Python-3.13.9.tar.xz")
FREE_THREADED = artifact(
    "python-3.13.9t-amd64.zip",
    artifact_type="windows-release",
    format="archive_deflate",
    arch="amd64",
    free_threaded=True,
    companions=(),
    size=15_127_074,
)
UNKNOWN = artifacts.artifact("src/strange name")
ARTIFACT_ROWS = [UNKNOWN, FREE_THREADED, SOURCE]


def release(*version: Any, **changes: Any) -> PythonRelease:
    values: dict[str, Any] = {
        "version": NormalizedPythonVersion(*version).text,
        "series": "{}.{}".format(*version),
        "state": ReleaseState.COMPLETE,
        "released": EARLIER,
        "first_modified": EARLIER,
        "last_modified": EARLIER,
        "families": ("source", "windows", "macos", "android"),
        "artifacts": 24,
        "bytes": 467_885_123,
        "signed_share": 0.5,
        "missing_families": (),
        "expected_complete_by": EARLIER + timedelta(days=1),
        "source_path": "3.14.0/Python-3.14.0.tar.xz",
    }
    return PythonRelease(**(values | changes))


RELEASE_ROWS = [
    release(
        *(2, 0, 0, "beta", 1),
        state=ReleaseState.SUPERSEDED,
        released=None,
        expected_complete_by=None,
        families=(),
        bytes=0,
        artifacts=1,
        signed_share=0.0,
        source_path=None,
    ),
    release(3, 14, 0, "final", 0),
    release(
        *(3, 15, 0, "candidate", 1),
        state=ReleaseState.PARTIAL,
        families=("source", "android"),
        missing_families=("windows", "macos"),
        artifacts=4,
        bytes=68_000_000,
        signed_share=1.0,
        source_path="3.15.0/Python-3.15.0rc1.tar.xz",
    ),
]


def change(kind: str, path: str, **more: Any) -> CatalogChange:
    values = {
        "version": "3.13.9",
        "artifact_type": "source-release",
        "companion_of": None,
        "size_before": None if kind == "appeared" else 22_000_000,
        "size": None if kind == "vanished" else 22_700_000,
        "last_modified_before": None if kind == "appeared" else EARLIER,
        "last_modified": None if kind == "vanished" else MODIFIED,
        "sha256_before": None,
        "seen_at": SEEN,
        "url": f"https://www.python.org/ftp/python/{path}",
        **more,
    }
    return CatalogChange(change=kind, path=path, **values)


CHANGE_ROWS = [
    change(
        *("appeared", "3.14.0/python-3.14.0-amd64.exe"),
        artifact_type="windows-release",
        seen_at=SEEN - timedelta(days=1),
    ),
    change("vanished", "2.7/UNWISE.EXE", artifact_type="unrecognised"),
    change("replaced", "3.13.9/Python-3.13.9.tar.xz"),
    change("replaced", "3.13.9/Python-3.13.9.tgz", size=22_000_001, last_modified=EARLIER),
    change("appeared", "3.13.9/x", size=None, last_modified=None),
]

_FETCHED = {
    "path": "3.13.9/Python-3.13.9.tgz",
    "outcome": "fetched",
    "verification": "digest",
    "destination": "/srv/Python-3.13.9.tgz",
    "seconds": 0.25,
    "bytes": 29_289_375,
    "error": None,
    "note": None,
}
DOWNLOAD_ROWS: list[dict[str, Any]] = [
    _FETCHED,
    {**_FETCHED, "outcome": "skipped", "verification": None, "note": "verify='digest' reads it"},
    {
        **dict.fromkeys(_FETCHED),
        "path": "2.7/Python-2.7.tgz",
        "outcome": "failed",
        "error": "http://x/y: HTTP 404",
    },
]

SERIES_ROWS = [
    python_series(full_version(latest), date(2026, 8, 22))
    for latest in ("1.5.2", "2.7.18", "3.12.13", "3.14.7", "3.15.0rc1")
]
