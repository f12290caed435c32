"""The facade's answers, on a small catalog and on one of the whole record."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
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


def test_columns_that_an_older_catalog_lacks_are_null(filled: Path) -> None:
    expected = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
    store = CatalogStore(LocalLocation(filled / "catalog"))
    table, facts = store.read(CATALOG_FILE)
    of_digests = ["sha256", "digest_source", "signed_by"]
    for lacking in (of_digests, [*of_digests, "arch", "superseded"]):
        store.write(CATALOG_FILE, table.drop_columns(lacking), facts)
        found = PythonOrgDownloads.list_version_artifacts(3, 13, 9)
        assert [(one.path, one.size) for one in found] == [(one.path, one.size) for one in expected]
        assert {(one.sha256, one.digest_source, one.signed_by) for one in found} == {(None,) * 3}
        assert PythonOrgDownloads.latest_version(complete_only=True) == (3, 14, 0)
    assert "arch" not in found[-1].attributes


def paths(artifacts: list[PythonOrgArtifact]) -> list[str]:
    return [artifact.path for artifact in artifacts]


#: The recognised artifacts of the small site.
PATHS = [
    "src/python-1.5.2.tar.gz",
    "2.7/Python-2.7.tgz",
    "3.13.9/Python-3.13.9.tar.xz",
    "3.13.9/Python-3.13.9.tgz",
    "3.13.9/python-3.13.9-amd64.exe",
    "3.14.0/Python-3.14.0rc1.tar.xz",
    "3.14.0/Python-3.14.0.tar.xz",
    "3.15.0/Python-3.15.0a1.tgz",
]


@pytest.mark.usefixtures("filled")
def test_versions_with_a_final_release_or_any_have_three_items() -> None:
    versions = PythonOrgDownloads.list_release_versions()
    assert versions == [(1, 5, 2), (2, 7, 0), (3, 13, 9), (3, 14, 0)]
    assert isinstance(versions[-1], NormalizedPythonVersion)
    assert PythonOrgDownloads.list_release_versions(final_only=False) == [*versions, (3, 15, 0)]


@pytest.mark.usefixtures("filled")
class TestLists:
    def test_an_artifact_has_all_that_the_site_lists(self, site: Replica) -> None:
        tarball = PythonOrgDownloads.list_version_artifacts("3", "13", micro="9")[0]
        assert tarball.path == str(tarball) == os.fspath(tarball) == "3.13.9/Python-3.13.9.tar.xz"
        assert tarball == PythonOrgArtifact(
            name="Python-3.13.9.tar.xz",
            path="3.13.9/Python-3.13.9.tar.xz",
            version="3.13.9",
            artifact_type="source-release",
            format="tarball_lzma",
            companions=(".asc",),
            size=22_000_000,
            last_modified=LONG_AGO,
            url=f"{site.url}3.13.9/Python-3.13.9.tar.xz",
        )
        assert tarball.is_final
        assert tarball.release_version == (3, 13, 9, "final", 0)

    @pytest.mark.parametrize(
        ("version", "options", "expected"),
        [
            ((3, 13, 9), {}, PATHS[2:5]),
            ((3, 14, 0), {}, PATHS[6:7]),
            ((3, 14, 0), {"final_only": False}, PATHS[5:7]),
            # It has pre-releases alone.
            ((3, 15, 0), {}, []),
            ((3, 13, 9), {"artifact_type": "windows-release"}, PATHS[4:5]),
            ((3, 13, 9), {"arch": "amd64"}, PATHS[4:5]),
            ((3, 13, 9), {"format": "tarball_deflate"}, PATHS[3:4]),
            ((3, 13, 9), {"format": "tarball_deflate", "arch": "amd64"}, []),
            ((2, 7, 0), {}, PATHS[1:2]),
            ((2, 7, 0), {"artifact_type": "unrecognised"}, ["2.7/UNWISE.EXE"]),
        ],
    )
    def test_the_artifacts_of_a_version_by_level_type_arch_and_format(
        self, version: tuple[int, int, int], options: dict[str, Any], expected: list[str]
    ) -> None:
        assert paths(PythonOrgDownloads.list_version_artifacts(*version, **options)) == expected

    def test_all_recognised_artifacts_are_listed_by_version_then_path(self) -> None:
        listed = PythonOrgDownloads.list_all_release_artifacts
        assert paths(listed()) == PATHS
        assert paths(listed(final_only=True)) == [*PATHS[:5], PATHS[6]]

    def test_unrecognised_files_are_listed_by_their_type_alone(self) -> None:
        listed = PythonOrgDownloads.list_all_release_artifacts(artifact_type="unrecognised")
        assert paths(listed) == ["src/lib1.5.tar.gz", "2.7/UNWISE.EXE"]
        unknown = listed[1]
        assert (unknown.release_version, unknown.attributes) == ((2, 7, 0), {})
        assert not unknown.is_final

    @pytest.mark.parametrize("name", ["artifact_type", "arch", "format"])
    @pytest.mark.parametrize("value", ["", "x64", ["arm64"]])
    def test_a_filter_that_no_artifact_has_is_an_error(self, name: str, value: Any) -> None:
        for query in (
            PythonOrgDownloads.latest_version,
            PythonOrgDownloads.list_all_release_artifacts,
            partial(PythonOrgDownloads.list_version_artifacts, 3, 13, 9),
        ):
            with pytest.raises(InvalidArgumentError, match=f"no artifact has the {name} .*; there"):
                query(**{name: value})

    def test_an_unknown_version_is_an_error_that_is_a_value_error(self) -> None:
        with pytest.raises(VersionNotFoundError, match=r"of 3\.13 it has 3\.13\.9") as raised:
            PythonOrgDownloads.list_version_artifacts(3, 13, 99)
        assert isinstance(raised.value, ValueError)
        with pytest.raises(ValueError, match=r"it has 5 versions, up to 3\.15\.0"):
            PythonOrgDownloads.list_version_artifacts(1, 4)

    def test_the_names_of_the_old_package_are_aliases(self) -> None:
        first = PythonOrgDownloads.list_version_artifacts(3, 13, 9)[0]
        assert (first.release_type, first.artifact_type) == ("source-release",) * 2
        assert (first.release_format, first.format) == ({"format": "tarball_lzma"}, "tarball_lzma")
        assert (first.related, first.companions) == ([".asc"], (".asc",))


class TestLatestVersion:
    def test_it_is_read_from_its_own_table_alone(self, filled: Path) -> None:
        latest = PythonOrgDownloads.latest_version
        for other in (CATALOG_FILE, "release_directories.parquet", "releases.parquet"):
            (filled / "catalog" / other).write_bytes(b"damaged")
        assert latest() == (3, 14, 0)
        assert latest(final_only=False) == (3, 15, 0, "alpha", 1)
        assert latest(series="3.13") == (3, 13, 9)
        assert latest(False, series="2.7") == (2, 7, 0, "final", 0)
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
            with pytest.raises(VersionNotFoundError, match=r"3\.17; its series are"):
                latest(final_only=False, series="3.17")
            # As after a refresh that was killed before it wrote this table.
            (filled / "catalog" / LATEST_FILE).unlink(missing_ok=True)


def test_the_info_has_the_time_the_site_and_the_counts(filled: Path, site: Replica) -> None:
    info = PythonOrgDownloads.catalog_info()
    assert info.location == str(filled / "catalog")
    assert info.site_url == site.url
    assert timedelta(0) <= info.age < timedelta(minutes=5)
    assert datetime.now(UTC) - info.refreshed_at < timedelta(minutes=5)
    assert (info.directories, info.releases) == (5, 6)
    assert (info.artifacts, info.unrecognised) == (8, 2)
    assert info.failures == {}


def test_queries_warn_once_of_directories_that_could_not_be_read(
    home: Path, site: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    # A page of its own instead of a listing is no news.
    site.answer("2.7/", Answer(body=b"<html><title>Python 2.7</title></html>"))
    fill(str(home / "catalog"), site.url)
    assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    info = PythonOrgDownloads.catalog_info()
    assert (list(info.failures), list(info.hidden)) == ([], ["2.7"])
    assert caplog.records == []
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    site.answer("3.14.0/", Answer(status=503))
    fill(str(home / "catalog"), site.url)
    assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    assert PythonOrgDownloads.latest_version() == (3, 14, 0)
    assert list(PythonOrgDownloads.catalog_info().failures) == ["3.14.0"]
    [record] = caplog.records
    assert record.message == (
        "the last refresh could not read 3.14.0; their artifacts may be missing or out of date. "
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

    @pytest.mark.usefixtures("filled")
    def test_urls_are_of_the_configured_site_and_another_one_is_warned_of_once(
        self, monkeypatch: pytest.MonkeyPatch, site: Replica, caplog: pytest.LogCaptureFixture
    ) -> None:
        for url in ("https://mirror.example/python/", site.url):
            monkeypatch.setenv("PYORG_SITE_URL", url.rstrip("/"))
            [artifact] = PythonOrgDownloads.list_version_artifacts(2, 7)
            assert artifact.url == f"{url}2.7/Python-2.7.tgz"
        monkeypatch.delenv("PYORG_SITE_URL")
        assert PythonOrgDownloads.list_version_artifacts(2, 7) == [artifact]
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        [warning] = caplog.messages
        assert f"filled from {site.url}, not from https://mirror.example/python/: " in warning

    def test_a_catalog_may_be_named_by_a_path_and_by_nothing_else(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(PythonOrgDownloads, "CATALOG_URL", filled / "catalog")
        assert PythonOrgDownloads.latest_version() == (3, 14, 0)
        monkeypatch.setattr(PythonOrgDownloads, "CATALOG_URL", 5)
        with pytest.raises(InvalidArgumentError, match="CATALOG_URL 5 is neither a path nor"):
            PythonOrgDownloads.latest_version()
        monkeypatch.setattr(PythonOrgDownloads, "CATALOG_URL", "~nobody-here/catalog")
        with pytest.raises(SettingsError, match="in the home of an unknown user"):
            PythonOrgDownloads.latest_version()

    def test_an_invalid_base_url_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(PythonOrgDownloads, "BASE_URL", "python.org")
        with pytest.raises(SettingsError, match=r"BASE_URL='python\.org' cannot be used"):
            PythonOrgDownloads.latest_version()


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

    @pytest.mark.parametrize(
        ("path", "status", "error"),
        [("", 403, SiteStatusError), ("3.14.0/", 404, DirectoriesFailedError)],
    )
    def test_a_first_refresh_that_fails_is_an_error(
        self,
        home: Path,
        monkeypatch: pytest.MonkeyPatch,
        site: Replica,
        path: str,
        status: int,
        error: type[Exception],
    ) -> None:
        monkeypatch.setenv("PYORG_AUTO_REFRESH", "1")
        site.answer(path, Answer(status=status))
        with pytest.raises(error, match=str(status)):
            PythonOrgDownloads.latest_version()
        assert (home / "catalog" / CATALOG_FILE).exists() is bool(path)


def test_a_warm_reader_sees_a_new_snapshot_at_once(filled: Path, site: Replica) -> None:
    assert len(PythonOrgDownloads.list_version_artifacts(3, 14)) == 1
    site.add("3.14.0/Python-3.14.0.tgz", size=7)
    fill(str(filled / "catalog"), site.url)
    found = PythonOrgDownloads.list_version_artifacts(3, 14)
    assert [artifact.size for artifact in found] == [23_000_000, 7]


def loaded_after(queries: str) -> set[str]:
    """The modules that a process has imported after these queries."""
    program = (
        f"import sys\nfrom pyorg_pipeline import PythonOrgDownloads as Downloads\n{queries}\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


COMMON_QUERIES = """
Downloads.list_release_versions()
Downloads.list_version_artifacts(3, 13, 9, artifact_type="source-release")
Downloads.latest_version()
"""
OTHER_QUERIES = """
Downloads.latest_version(complete_only=True, artifact_type="source-release")
Downloads.latest_version(supported_only=True)
Downloads.list_series()
Downloads.list_releases()
Downloads.report_releases()
Downloads.report_all_release_artifacts()
Downloads.catalog_info()
"""


@pytest.mark.usefixtures("filled")
def test_neither_import_nor_query_loads_dagster_or_requests() -> None:
    heavy = {"dagster", "requests", "urllib3", "parsel", "lxml", "fsspec"}
    loaded = loaded_after(COMMON_QUERIES)
    assert "pyarrow.parquet" in loaded
    unneeded = {"pyarrow.compute", "pyarrow.dataset", "pandas", "rich", "platformdirs"}
    unneeded |= {"pyorg_pipeline.model.names", "pyorg_pipeline.reports"}
    assert not loaded & (heavy | unneeded)
    assert not loaded_after(COMMON_QUERIES + OTHER_QUERIES) & heavy


@pytest.mark.usefixtures("home")
def test_the_whole_record_is_listed_alike_by_version_and_at_once(catalog_home: Path) -> None:
    class Everything(PythonOrgDownloads):
        CATALOG_URL: ClassVar[str | None] = str(catalog_home / "catalog")

    versions = Everything.list_release_versions()
    assert (versions[0], versions[-1], len(set(versions))) == ((0, 9, 1), (3, 15, 0), 231)
    assert versions == sorted(versions)
    every = Everything.list_release_versions(final_only=False)
    assert Everything.list_all_release_artifacts() == [
        artifact
        for major, minor, micro in every
        for artifact in Everything.list_version_artifacts(major, minor, micro, False)
    ]
    # 2.0 is in src/ and in a directory of its own.
    found = set(paths(Everything.list_version_artifacts(2, 0)))
    assert {"src/python-2.0.tar.gz", "2.0/BeOpen-Python-2.0.tar.gz"} <= found
