"""The facade's answers, on a small catalog and on one of the whole record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pyorg_pipeline import (
    CatalogMissingError,
    InvalidArgumentError,
    NormalizedPythonVersion,
    PythonOrgArtifact,
    PythonOrgDownloads,
    SettingsError,
    SiteStatusError,
    VersionNotFoundError,
)
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    LATEST_FILE,
    CatalogStore,
)
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import CatalogUnreadableError, DirectoriesFailedError
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.small_site import LONG_AGO, small_site


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: Replica) -> Path:
    """A home of its own, without a catalog, that no query may fill."""
    monkeypatch.setenv("PYORG_HOME", str(tmp_path))
    monkeypatch.setenv("PYORG_SITE_URL", site.url)
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "0")
    return tmp_path


@pytest.fixture
def filled(home: Path, site: Replica) -> Path:
    fill(str(home / "catalog"), site.url)
    return home


@pytest.fixture
def everything(catalog_home: Path, home: Path) -> type[PythonOrgDownloads]:
    class Everything(PythonOrgDownloads):
        CATALOG_URL: ClassVar[str | None] = str(catalog_home / "catalog")

    assert home.is_dir()
    return Everything


def test_a_catalog_that_an_earlier_program_wrote_answers_with_null_for_what_it_lacks(
    filled: Path,
) -> None:
    expected = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
    store = CatalogStore(LocalLocation(filled / "catalog"))
    table, facts = store.read(CATALOG_FILE)
    of_digests = ["sha256", "digest_source", "signed_by"]
    for lacking in (of_digests, [*of_digests, "arch", "superseded"]):
        store.write(CATALOG_FILE, None, table.drop_columns(lacking), facts)
        found = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
        assert [(one.path, one.size) for one in found] == [(one.path, one.size) for one in expected]
        assert {(one.sha256, one.digest_source, one.signed_by) for one in found} == {(None,) * 3}
        assert PythonOrgDownloads.latest_version(complete_only=True) == (3, 14, 0)
    assert "arch" not in found[-1].release_format


def names(artifacts: list[PythonOrgArtifact]) -> list[str]:
    return [artifact.name for artifact in artifacts]


@pytest.mark.usefixtures("filled")
class TestListReleaseVersions:
    def test_it_gives_the_versions_with_a_final_release_as_three_items_sorted(self) -> None:
        assert PythonOrgDownloads.list_release_versions() == [
            (1, 5, 2),
            (2, 7, 0),
            (3, 13, 9),
            (3, 14, 0),
        ]

    def test_with_pre_releases_it_gives_three_items_too(self) -> None:
        versions = PythonOrgDownloads.list_release_versions(final_only=False)
        assert versions[-1] == (3, 15, 0)
        assert {len(version) for version in versions} == {3}
        assert isinstance(versions[-1], NormalizedPythonVersion)


@pytest.mark.usefixtures("filled")
class TestListVersionArtifacts:
    def test_numbers_and_their_text_ask_the_same(self) -> None:
        by_number = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
        assert PythonOrgDownloads.list_version_artifacts("3", "13", micro="9") == by_number
        assert names(by_number) == [
            "Python-3.13.9.tar.xz",
            "Python-3.13.9.tgz",
            "python-3.13.9-amd64.exe",
        ]

    def test_an_artifact_knows_all_that_the_site_says(self, site: Replica) -> None:
        tarball = PythonOrgDownloads.list_version_artifacts(3, 13, 9)[0]
        assert tarball.path == str(tarball) == os.fspath(tarball) == "3.13.9/Python-3.13.9.tar.xz"
        assert tarball.name == "Python-3.13.9.tar.xz"
        assert tarball.release_version == (3, 13, 9, "final", 0)
        assert tarball.release_type == "source-release"
        assert tarball.release_format == {"format": "tarball_lzma"}
        assert tarball.related == [".asc"]
        assert tarball.is_final
        assert tarball.size == 22_000_000
        assert tarball.last_modified == LONG_AGO
        assert tarball.url == f"{site.url}3.13.9/Python-3.13.9.tar.xz"

    def test_pre_releases_are_listed_when_they_are_asked_for(self) -> None:
        assert names(PythonOrgDownloads.list_version_artifacts(3, 14)) == ["Python-3.14.0.tar.xz"]
        assert names(PythonOrgDownloads.list_version_artifacts(3, 14, final_only=False)) == [
            "Python-3.14.0rc1.tar.xz",
            "Python-3.14.0.tar.xz",
        ]

    def test_a_version_with_pre_releases_alone_has_no_final_artifacts(self) -> None:
        assert PythonOrgDownloads.list_version_artifacts(3, 15) == []

    def test_filters_narrow_the_list_down(self) -> None:
        listed = PythonOrgDownloads.list_version_artifacts
        assert names(listed(3, 13, 9, artifact_type="windows-release")) == [
            "python-3.13.9-amd64.exe"
        ]
        assert names(listed(3, 13, 9, arch="amd64")) == ["python-3.13.9-amd64.exe"]
        assert names(listed(3, 13, 9, format="tarball_deflate")) == ["Python-3.13.9.tgz"]
        assert listed(3, 13, 9, format="tarball_deflate", arch="amd64") == []

    def test_a_filter_that_no_artifact_has_is_an_error_that_names_what_there_is(self) -> None:
        with pytest.raises(InvalidArgumentError, match="'windows'; there are source-release, un"):
            PythonOrgDownloads.list_version_artifacts(3, 13, 9, artifact_type="windows")
        with pytest.raises(InvalidArgumentError, match="no artifact has the arch 'x64'"):
            PythonOrgDownloads.list_version_artifacts(3, 13, 9, arch="x64")

    @pytest.mark.parametrize("name", ["artifact_type", "arch", "format"])
    @pytest.mark.parametrize("value", ["", ["arm64"]])
    def test_an_invalid_filter_is_an_error_in_each_query(self, name: str, value: Any) -> None:
        with pytest.raises(InvalidArgumentError, match=f"no artifact has the {name}"):
            PythonOrgDownloads.latest_version(**{name: value})
        with pytest.raises(InvalidArgumentError, match=f"no artifact has the {name}"):
            PythonOrgDownloads.list_all_release_artifacts(**{name: value})

    def test_unrecognised_files_are_listed_by_their_type_alone(self) -> None:
        assert names(PythonOrgDownloads.list_version_artifacts(2, 7)) == ["Python-2.7.tgz"]
        [unknown] = PythonOrgDownloads.list_version_artifacts(2, 7, artifact_type="unrecognised")
        assert unknown.name == "UNWISE.EXE"
        assert unknown.release_version == (2, 7, 0)
        assert unknown.release_format == {}
        assert not unknown.is_final

    def test_a_version_that_is_not_there_is_an_error_that_is_a_value_error_too(self) -> None:
        with pytest.raises(VersionNotFoundError, match=r"of 3\.13 it has 3\.13\.9") as raised:
            PythonOrgDownloads.list_version_artifacts(3, 13, 99)
        assert isinstance(raised.value, ValueError)
        with pytest.raises(ValueError, match=r"it has 5 versions, up to 3\.15\.0"):
            PythonOrgDownloads.list_version_artifacts(1, 4)

    def test_what_a_caller_does_with_an_answer_does_not_change_the_next(self) -> None:
        first = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
        first[0].release_format["format"] = "changed"
        first[0].related.clear()
        again = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
        assert again[0].release_format == {"format": "tarball_lzma"}
        assert again[0].related == [".asc"]


@pytest.mark.usefixtures("filled")
class TestLatestVersion:
    def test_the_latest_final_has_three_items_and_of_any_level_five(self) -> None:
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        assert PythonOrgDownloads.latest_version(final_only=False) == (3, 15, 0, "alpha", 1)
        assert PythonOrgDownloads.latest_version(final_only=False).text == "3.15.0a1"

    def test_it_is_read_from_its_own_table_and_no_other(self, filled: Path) -> None:
        for other in (CATALOG_FILE, "release_directories.parquet", "releases.parquet"):
            (filled / "catalog" / other).write_bytes(b"damaged")
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        assert PythonOrgDownloads.latest_version(False, series="3.15") == (3, 15, 0, "alpha", 1)
        with pytest.raises(CatalogUnreadableError):
            PythonOrgDownloads.list_releases()

    def test_it_is_found_in_the_snapshot_while_its_own_table_is_missing(
        self, filled: Path, site: Replica
    ) -> None:
        latest = PythonOrgDownloads.latest_version
        site.add("3.13.10/Python-3.13.10.tgz")
        site.add("3.17.0/python-3.17.0-docs-html.tar.bz2")
        fill(str(filled / "catalog"), site.url)
        for _ in range(2):
            assert latest() == (3, 14, 0)
            assert latest(final_only=False) == (3, 15, 0, "alpha", 1)
            assert latest(series="3.13") == (3, 13, 10)
            with pytest.raises(VersionNotFoundError, match=r"no final release of 3\.15: ask with"):
                latest(series="3.15")
            with pytest.raises(VersionNotFoundError, match=r"no release of 3\.17$"):
                latest(final_only=False, series="3.17")
            # As after a refresh that was killed before it wrote this table.
            (filled / "catalog" / LATEST_FILE).unlink(missing_ok=True)

    def test_the_latest_of_a_series(self) -> None:
        assert PythonOrgDownloads.latest_version(series="3.13") == (3, 13, 9)
        assert PythonOrgDownloads.latest_version(False, series="2.7") == (2, 7, 0, "final", 0)


@pytest.mark.usefixtures("filled")
class TestListAllReleaseArtifacts:
    def test_an_artifact_is_the_same_in_every_list(
        self, everything: type[PythonOrgDownloads]
    ) -> None:
        listed = everything.list_all_release_artifacts()
        versions = everything.list_release_versions(final_only=False)
        assert listed == [
            artifact
            for major, minor, micro in versions
            for artifact in everything.list_version_artifacts(major, minor, micro, False)
        ]

    def test_it_lists_what_is_recognised_by_version_then_path(self) -> None:
        paths = [artifact.path for artifact in PythonOrgDownloads.list_all_release_artifacts()]
        assert paths == [
            "src/python-1.5.2.tar.gz",
            "2.7/Python-2.7.tgz",
            "3.13.9/Python-3.13.9.tar.xz",
            "3.13.9/Python-3.13.9.tgz",
            "3.13.9/python-3.13.9-amd64.exe",
            "3.14.0/Python-3.14.0rc1.tar.xz",
            "3.14.0/Python-3.14.0.tar.xz",
            "3.15.0/Python-3.15.0a1.tgz",
        ]

    def test_final_ones_alone_and_unrecognised_ones_alone(self) -> None:
        listed = PythonOrgDownloads.list_all_release_artifacts
        assert all(artifact.is_final for artifact in listed(final_only=True))
        assert len(listed(final_only=True)) == 6
        unknown = [artifact.path for artifact in listed(artifact_type="unrecognised")]
        assert unknown == ["src/lib1.5.tar.gz", "2.7/UNWISE.EXE"]


class TestCatalogInfo:
    def test_it_says_when_and_from_where_and_how_much(self, filled: Path, site: Replica) -> None:
        info = PythonOrgDownloads.catalog_info()
        assert info.location == str(filled / "catalog")
        assert info.site_url == site.url
        assert timedelta(0) <= info.age < timedelta(minutes=5)
        assert datetime.now(UTC) - info.refreshed_at < timedelta(minutes=5)
        assert (info.directories, info.releases) == (5, 6)
        assert (info.artifacts, info.unrecognised) == (8, 2)
        assert info.failures == {}

    def test_it_names_the_directories_that_could_not_be_read(
        self, filled: Path, site: Replica
    ) -> None:
        site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
        site.answer("3.14.0/", Answer(status=503))
        fill(str(filled / "catalog"), site.url)
        assert list(PythonOrgDownloads.catalog_info().failures) == ["3.14.0"]

    def test_queries_do_not_warn_of_a_directory_that_never_gave_a_listing(
        self, home: Path, site: Replica, caplog: pytest.LogCaptureFixture
    ) -> None:
        site.answer("2.7/", Answer(body=b"<html><title>Python 2.7</title></html>"))
        fill(str(home / "catalog"), site.url)
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        assert list(PythonOrgDownloads.catalog_info().failures) == ["2.7"]
        assert caplog.records == []

    def test_queries_warn_once_of_what_the_last_refresh_could_not_read(
        self, filled: Path, site: Replica, caplog: pytest.LogCaptureFixture
    ) -> None:
        site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
        site.answer("3.14.0/", Answer(status=503))
        fill(str(filled / "catalog"), site.url)
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        [record] = caplog.records
        assert record.message == (
            "the last refresh could not read 3.14.0; what is known of them may be old. "
            "`pyorg refresh` tries again"
        )


class TestOtherSitesAndCatalogs:
    def test_a_subclass_with_a_base_url_has_a_catalog_of_its_own(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        entries = [entry for entry in small_site() if not entry.path.startswith("3.14.0/")]
        with Replica(entries) as other:

            class Mirror(PythonOrgDownloads):
                BASE_URL: ClassVar[str | None] = other.url.rstrip("/")

            with pytest.raises(CatalogMissingError):
                Mirror.latest_version()
            monkeypatch.setenv("PYORG_AUTO_REFRESH", "1")
            assert Mirror.latest_version() == (3, 13, 9)
            assert Mirror.list_version_artifacts(2, 7)[0].url == f"{other.url}2.7/Python-2.7.tgz"
        assert f"filling it from {other.url}" in capsys.readouterr().err
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        assert (filled / "catalog").is_dir()

    def test_urls_are_of_the_configured_site_else_of_the_catalog_s(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch, site: Replica
    ) -> None:
        assert filled.is_dir()
        monkeypatch.setenv("PYORG_SITE_URL", "https://mirror.example/python")
        [artifact] = PythonOrgDownloads.list_version_artifacts(2, 7)
        assert artifact.url == "https://mirror.example/python/2.7/Python-2.7.tgz"
        monkeypatch.delenv("PYORG_SITE_URL")
        [artifact] = PythonOrgDownloads.list_version_artifacts(2, 7)
        assert artifact.url == f"{site.url}2.7/Python-2.7.tgz"

    def test_a_base_url_that_is_no_url_is_an_error(self, filled: Path) -> None:
        class Mirror(PythonOrgDownloads):
            BASE_URL: ClassVar[str | None] = "python.org"

        assert filled.is_dir()
        with pytest.raises(SettingsError, match=r"BASE_URL='python\.org' cannot be used"):
            Mirror.latest_version()


class TestNoCatalogYet:
    def test_without_a_catalog_the_error_names_the_command(self, home: Path) -> None:
        with pytest.raises(CatalogMissingError, match="run `pyorg refresh` to create it") as raised:
            PythonOrgDownloads.latest_version()
        assert raised.value.location == str(home / "catalog")

    def test_the_first_query_fills_the_catalog_and_says_so(
        self,
        home: Path,
        site: Replica,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("PYORG_AUTO_REFRESH", "1")
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        expected = f"No catalog at {home / 'catalog'} yet: filling it from {site.url}\n"
        assert capsys.readouterr() == ("", expected)
        assert (home / "dagster" / "dagster.yaml").is_file()

    def test_a_site_that_refuses_is_an_error_and_leaves_no_catalog(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, site: Replica
    ) -> None:
        monkeypatch.setenv("PYORG_AUTO_REFRESH", "1")
        site.answer("", Answer(status=403))
        with pytest.raises(SiteStatusError, match="403"):
            PythonOrgDownloads.latest_version()
        assert not (home / "catalog" / "artifact_catalog.parquet").exists()

    def test_a_first_refresh_that_lost_a_directory_is_an_error(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, site: Replica
    ) -> None:
        monkeypatch.setenv("PYORG_AUTO_REFRESH", "1")
        site.answer("3.14.0/", Answer(status=404))
        with pytest.raises(DirectoriesFailedError, match=r"3\.14\.0"):
            PythonOrgDownloads.latest_version()
        assert home.is_dir()


def test_an_old_catalog_answers_without_a_request(
    filled: Path, site: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYORG_AUTO_REFRESH", "1")
    store = CatalogStore(LocalLocation(filled / "catalog"))
    for name in (CATALOG_FILE, LATEST_FILE, DIRECTORIES_FILE):
        table, metadata = store.read(name)
        times = ("checked_at", "generated_at", "published_at", "catalog_published_at")
        metadata |= {key: LONG_AGO for key in times if key in metadata}
        store.write(name, table.schema, table, metadata)
        os.utime(filled / "catalog" / name, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    site.clear_requests()
    assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    assert len(PythonOrgDownloads.list_version_artifacts(3, 13, 9)) == 3
    assert PythonOrgDownloads.list_releases("3.13")
    assert PythonOrgDownloads.catalog_info().age > timedelta(days=30)
    assert site.requests == []


def test_a_warm_reader_sees_a_new_snapshot_at_once(filled: Path, site: Replica) -> None:
    assert len(PythonOrgDownloads.list_version_artifacts(3, 14)) == 1
    site.add("3.14.0/Python-3.14.0.tgz", size=7)
    fill(str(filled / "catalog"), site.url)
    assert [artifact.size for artifact in PythonOrgDownloads.list_version_artifacts(3, 14)] == [
        23_000_000,
        7,
    ]


@pytest.mark.usefixtures("filled")
def test_the_common_queries_import_pyarrow_parquet_and_no_more_of_pyarrow() -> None:
    program = """
import json, sys
from pyorg_pipeline import PythonOrgDownloads as Downloads
Downloads.list_release_versions()
Downloads.list_version_artifacts(3, 13, 9, artifact_type="source-release")
Downloads.latest_version()
print(json.dumps(list(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "pyarrow.parquet" in loaded
    unneeded = {"pyarrow.compute", "pyarrow.dataset", "pandas", "rich", "platformdirs"}
    unneeded |= {"pyorg_pipeline.model.names", "pyorg_pipeline.reports"}
    assert not loaded & unneeded


@pytest.mark.usefixtures("filled")
def test_neither_import_nor_query_loads_dagster_or_requests() -> None:
    program = """
import json, sys
import pyorg_pipeline
from pyorg_pipeline import PythonOrgDownloads as Downloads
Downloads.list_release_versions()
Downloads.list_version_artifacts(3, 13, 9)
Downloads.latest_version()
Downloads.latest_version(complete_only=True, artifact_type="source-release")
Downloads.list_releases()
Downloads.report_releases()
Downloads.list_all_release_artifacts()
Downloads.report_all_release_artifacts()
Downloads.catalog_info()
print(json.dumps([name for name in sys.modules if "." not in name]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "pyarrow" in loaded
    assert not loaded & {"dagster", "requests", "urllib3", "parsel", "lxml", "fsspec"}


class TestEverythingOnRecord:
    def test_versions_reach_from_0_9_1_to_the_newest(
        self, everything: type[PythonOrgDownloads]
    ) -> None:
        versions = everything.list_release_versions()
        assert versions[0] == (0, 9, 1)
        assert versions[-1] == (3, 15, 0)
        assert versions.index(NormalizedPythonVersion(3, 9)) < versions.index(
            NormalizedPythonVersion(3, 10)
        )
        assert len(versions) == len(set(versions)) == 231

    def test_2_0_is_found_in_src_and_in_its_own_directory(
        self, everything: type[PythonOrgDownloads]
    ) -> None:
        found = {artifact.path for artifact in everything.list_version_artifacts(2, 0)}
        assert {"src/python-2.0.tar.gz", "2.0/BeOpen-Python-2.0.tar.gz"} <= found
