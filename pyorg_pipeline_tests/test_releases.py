"""Releases through the facade and the command line: a half-uploaded one is never the latest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from pyorg_pipeline import (
    InvalidArgumentError,
    PythonOrgDownloads,
    PythonRelease,
    ReleaseState,
    VersionNotFoundError,
)
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.reader import CatalogReader
from pyorg_pipeline.catalog.store import RELEASES_FILE
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.model.series_dates import SERIES_DATES
from pyorg_pipeline_tests.support.command_line import pyorg
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.release_stages import (
    BUGFIX_PHASE,
    STAGES,
    Stage,
    before_3_14_0,
    files_of,
)

latest = PythonOrgDownloads.latest_version


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Replica]:
    for series in ("3.13", "3.14"):
        monkeypatch.setitem(SERIES_DATES, series, BUGFIX_PHASE)
    with Replica(before_3_14_0()) as replica:
        yield replica


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Replica) -> Path:
    """A home whose catalog has 3.14.0's pre-releases alone."""
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    fill(str(tmp_path / "catalog"), site.url)
    return tmp_path


def take(home: Path, site: Replica, *stages: Stage) -> None:
    """Let these stages come to the site, now, and refresh."""
    for stage in stages:
        for entry in files_of(stage):
            site.add(f"3.14.0/{entry.name}", size=entry.size)
    fill(str(home / "catalog"), site.url)


def release(version: str) -> PythonRelease:
    return {one.version: one for one in PythonOrgDownloads.list_releases()}[version]


class TestLatestVersion:
    def test_a_half_uploaded_release_is_never_the_latest_complete_one(
        self, home: Path, site: Replica
    ) -> None:
        assert latest() == latest(complete_only=True) == (3, 13, 9)
        for stage in STAGES:
            take(home, site, stage)
            assert latest() == (3, 14, 0)
            assert release("3.14.0").missing_families == stage.lacks
            if stage.lacks:
                assert latest(complete_only=True) == (3, 13, 9)
                assert latest(False, complete_only=True) == (3, 14, 0, "candidate", 3)
            else:
                assert latest(complete_only=True) == (3, 14, 0)
                assert latest(False, complete_only=True) == (3, 14, 0, "final", 0)

    def test_the_newest_release_that_has_an_artifact_of_a_kind(
        self, home: Path, site: Replica
    ) -> None:
        arm64 = partial(latest, artifact_type="windows-release", arch="arm64")
        take(home, site, *STAGES[:4])
        assert latest(artifact_type="windows-release", arch="amd64") == (3, 14, 0)
        assert arm64() == (3, 13, 9)
        assert arm64(False) == (3, 14, 0, "candidate", 3)
        # Android's archive.
        assert latest(arch="arm64") == (3, 14, 0)
        # The universal package, of which `universal2` is the own architecture.
        macos = partial(latest, artifact_type="macos-release")
        assert macos(arch="arm64") == macos(arch="x86_64") == macos(arch="universal2") == (3, 13, 9)
        assert latest(artifact_type="macos-release") == (3, 13, 9)
        assert latest(format="tarball_lzma") == (3, 14, 0)
        take(home, site, STAGES[4])
        assert (arm64(), arm64(complete_only=True)) == ((3, 14, 0), (3, 13, 9))
        take(home, site, *STAGES[5:])
        assert arm64(complete_only=True) == (3, 14, 0)

    def test_the_error_that_none_is_complete_says_what_is_missing_until_when(
        self, home: Path, site: Replica
    ) -> None:
        take(home, site, *STAGES[:3])
        until = release("3.14.0").expected_complete_by
        with pytest.raises(VersionNotFoundError) as raised:
            latest(series="3.14", complete_only=True)
        assert str(raised.value) == (
            "the catalog has no complete final release of 3.14: 3.14.0 still lacks windows, "
            "install_manager, macos, expected until "
            f"{until:%Y-%m-%d %H:%M} UTC; try again later, or without complete_only"
        )

    @pytest.mark.usefixtures("home")
    def test_the_error_that_none_matches_names_the_conditions(self) -> None:
        with pytest.raises(VersionNotFoundError) as raised:
            latest(artifact_type="android-release", arch="arm64")
        assert str(raised.value) == (
            "the catalog has no final release that has artifact_type 'android-release', "
            "arch 'arm64': ask with final_only=False for pre-releases"
        )
        assert latest(False, artifact_type="android-release") == (3, 14, 0, "candidate", 3)
        with pytest.raises(InvalidArgumentError, match="complete_only 'maybe' is neither"):
            latest(complete_only="maybe")  # type: ignore[call-overload]

    def test_neither_superseded_files_nor_the_releases_table_count(
        self, home: Path, site: Replica
    ) -> None:
        site.add("3.13.10/Python-3.13.10.tgz")
        site.add("3.13.10/python-3.13.10-macos11.pkg_superceded")
        take(home, site, STAGES[0])
        (home / "catalog" / RELEASES_FILE).unlink()
        assert latest(series="3.13") == (3, 13, 10)
        assert latest(artifact_type="macos-release") == (3, 13, 9)
        assert latest(complete_only=True) == (3, 13, 9)
        assert release("3.14.0").state is ReleaseState.PARTIAL


def test_states_change_with_time_for_a_program_that_keeps_its_snapshot(
    home: Path, site: Replica
) -> None:
    start = datetime.now(UTC).replace(second=0, microsecond=0)
    site.add("3.13.10/Python-3.13.10.tar.xz", last_modified=start - timedelta(hours=13))
    site.add("3.13.11/Python-3.13.11.tar.xz", last_modified=start + timedelta(days=10))
    take(home, site)
    asked = CatalogReader(LocalLocation(home / "catalog")).snapshot()
    answers = {}
    # The clock goes back at last.
    for hours in (0, 10, 11, 9 * 24 - 1, 9 * 24, 11 * 24 - 1, 11 * 24, 0):
        time = start + timedelta(hours=hours)
        first = CatalogReader(LocalLocation(home / "catalog")).snapshot()
        assert asked.releases(time) == first.releases(time)
        states = {one.version: str(one) for one in asked.releases(time)}
        answers[hours] = [states["3.13.10"], states["3.13.11"]]
    lacking = "lacks source, windows, install_manager, macos"
    assert answers == {
        0: [f"3.13.10 superseded, {lacking}", "3.13.11 complete"],
        10: [f"3.13.10 superseded, {lacking}", "3.13.11 complete"],
        11: ["3.13.10 superseded", "3.13.11 complete"],
        215: ["3.13.10 superseded", "3.13.11 complete"],
        216: ["3.13.10 complete", f"3.13.11 partial, {lacking}"],
        263: ["3.13.10 complete", f"3.13.11 partial, {lacking}"],
        264: ["3.13.10 superseded", "3.13.11 complete"],
    }


@pytest.mark.usefixtures("home")
def test_releases_are_listed_by_version_with_what_each_has() -> None:
    listed = PythonOrgDownloads.list_releases()
    versions = [one.release_version for one in listed]
    assert versions == sorted(versions)
    assert [one.version for one in listed if one.is_final] == ["3.13.8", "3.13.9"]
    found = release("3.13.9")
    assert found.release_version == (3, 13, 9, "final", 0)
    assert (found.series, found.state, found.is_final) == ("3.13", "complete", True)
    assert found.released == datetime(2025, 10, 14, 14, 31, tzinfo=UTC)
    assert found.families == ("source", "windows", "install_manager", "macos")
    assert found.source_path == "3.13.9/Python-3.13.9.tar.xz"
    artifacts = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
    assert found.artifacts == len(artifacts)
    assert found.bytes == sum(one.size or 0 for one in artifacts)


@pytest.mark.usefixtures("home")
def test_the_releases_of_a_series_and_finals_alone_are_listed() -> None:
    listed = PythonOrgDownloads.list_releases
    assert [one.version for one in listed("3.13")] == ["3.13.8", "3.13.9"]
    assert {one.series for one in listed(series="3.14")} == {"3.14"}
    assert listed("3.14", final_only=True) == []
    with pytest.raises(VersionNotFoundError, match=r"release of 3\.99; its series are 3\.13"):
        listed("3.99")
    with pytest.raises(InvalidArgumentError, match="not of the form"):
        listed("3")


def test_a_report_in_a_pipe_is_a_line_a_release(home: Path, site: Replica) -> None:
    take(home, site, *STAGES[:6])
    done = pyorg(home, "releases", "3.14", "--pre-releases")
    header, *lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[-1][:2] == ["3.14.0", "partial"]
    row = dict(zip(header, lines[-1], strict=True))
    assert row["FAMILIES"] == "source,windows,macos,android"
    assert row["MISSING"] == "install_manager"
    assert row["SOURCE"] == "3.14.0/Python-3.14.0.tar.xz"
    assert row["BYTES"] == str(release("3.14.0").bytes)
