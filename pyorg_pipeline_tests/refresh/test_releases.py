"""The releases' table: its rows, what it keeps, and when it has to be written again."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, RELEASES_FILE, CatalogStore
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.model.releases import FAMILIES
from pyorg_pipeline.model.series_dates import SERIES_DATES
from pyorg_pipeline.refresh.artifacts import crawl_directories
from pyorg_pipeline.refresh.directories import CrawlState, update_directories
from pyorg_pipeline.refresh.releases import completions
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import (
    fill,
    publication_due,
    publish_catalog,
    publish_latest,
    publish_releases,
)
from pyorg_pipeline_tests.support.release_stages import (
    BUGFIX_PHASE,
    STAGES,
    before_3_14_0,
    files_of,
)
from pyorg_pipeline_tests.support.small_site import LONG_AGO

DAY = timedelta(days=1)


@pytest.fixture
def store(site: Replica, tmp_path: Path) -> CatalogStore:
    return fill(str(tmp_path / "catalog"), site.url)


def rows(store: CatalogStore) -> dict[str, dict[str, Any]]:
    return {row["version"]: row for row in store.rows(RELEASES_FILE)}


def publish_catalog_of(store: CatalogStore, site: Replica) -> None:
    """Publish what the site holds, but for the releases."""
    with SiteClient(site.url, backoff=0, retries=0) as client:
        update_directories(store, client)
        for _ in crawl_directories(store, client, list(CrawlState.read(store).due())):
            pass
    publish_catalog(store)


def test_a_row_says_what_a_release_has_and_since_when(store: CatalogStore) -> None:
    table, metadata = store.read(RELEASES_FILE)
    assert table.schema.remove_metadata() == schemas.RELEASES.remove_metadata()
    catalog = store.metadata(CATALOG_FILE)
    assert metadata["site_url"] == catalog["site_url"]
    assert metadata["catalog_published_at"] == catalog["published_at"]
    assert metadata["next_change"] is None
    assert list(rows(store)) == ["1.5.2", "2.7.0", "3.13.9", "3.14.0rc1", "3.14.0", "3.15.0a1"]
    assert rows(store)["3.14.0rc1"]["state"] == "superseded"
    assert rows(store)["3.13.9"] == {
        "major": 3,
        "minor": 13,
        "micro": 9,
        "releaselevel": "final",
        "serial": 0,
        "version": "3.13.9",
        "series": "3.13",
        **dict.fromkeys(["released", "first_modified", "last_modified"], LONG_AGO),
        "source": True,
        "windows": True,
        "install_manager": False,
        "macos": False,
        "android": False,
        "ios": False,
        "documentation": False,
        "artifacts": 3,
        "bytes": 79_000_000,
        "signed_share": 1 / 3,
        "state": "complete",
        "missing_families": [],
        "completed_at": None,
        "expected_complete_by": LONG_AGO + DAY,
        "source_path": "3.13.9/Python-3.13.9.tar.xz",
    }


def test_the_same_catalog_at_the_same_time_gives_the_same_bytes(store: CatalogStore) -> None:
    now = datetime.now(UTC)
    publish_releases(store, now=now)
    first = store.location.read(RELEASES_FILE)
    again = publish_releases(store, now=now)
    assert store.location.read(RELEASES_FILE) == first
    assert again.metadata["completed"] == []


class TestStages:
    """3.14.0 as it came, on a real server."""

    @pytest.fixture
    def site(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Replica]:
        monkeypatch.setitem(SERIES_DATES, "3.14", BUGFIX_PHASE)
        with Replica(before_3_14_0()) as replica:
            yield replica

    def test_each_stage_is_published_with_what_it_lacks(
        self, site: Replica, store: CatalogStore
    ) -> None:
        before = rows(store)
        assert {row["completed_at"] for row in before.values()} == {None}
        assert before["3.14.0rc3"]["state"] == before["3.13.9"]["state"] == "complete"
        assert before["3.13.8"]["state"] == "superseded"
        started = datetime.now(UTC).replace(second=0, microsecond=0)
        for stage in STAGES:
            for entry in files_of(stage):
                site.add(f"3.14.0/{entry.name}", size=entry.size)
            seen_from = datetime.now(UTC)
            fill(store.location.text, site.url)
            row = rows(store)["3.14.0"]
            assert row["missing_families"] == list(stage.lacks)
            assert row["expected_complete_by"] - DAY == row["released"] >= started
            assert (row["signed_share"] > 0) == (stage is not STAGES[0])
            if stage.lacks:
                assert (row["state"], row["completed_at"]) == ("partial", None)
                assert rows(store)["3.14.0rc3"]["state"] == "complete"
        assert row["state"] == "complete"
        assert seen_from - timedelta(seconds=1) <= row["completed_at"] <= datetime.now(UTC)
        assert rows(store)["3.14.0rc3"]["state"] == "superseded"
        assert [row["android"], row["install_manager"], row["ios"]] == [True, True, False]
        publish_releases(store)
        assert rows(store)["3.14.0"]["completed_at"] == row["completed_at"]

    def test_when_its_time_is_up_the_table_is_due_and_says_complete(
        self, site: Replica, store: CatalogStore
    ) -> None:
        for entry in files_of(STAGES[0]):
            site.add(f"3.14.0/{entry.name}", size=entry.size)
        fill(store.location.text, site.url)
        until = rows(store)["3.14.0"]["expected_complete_by"]
        assert store.metadata(RELEASES_FILE)["next_change"] == until
        assert not publication_due(store)
        table, metadata = store.read(RELEASES_FILE)
        store.write(RELEASES_FILE, table, {**metadata, "next_change": datetime.now(UTC)})
        assert publication_due(store)
        assert publish_releases(store, now=until).metadata["completed"] == ["3.14.0"]
        row = rows(store)["3.14.0"]
        assert (row["state"], row["missing_families"]) == ("complete", [])
        assert row["completed_at"] == until
        assert not publication_due(store)


def add_release(site: Replica, name: str, *suffixes: str, **how: Any) -> None:
    for suffix in suffixes:
        site.add(f"{name}{suffix}", **how)


def test_a_release_first_seen_complete_is_complete_since_then_unless_it_is_old(
    site: Replica, store: CatalogStore
) -> None:
    add_release(site, "3.13.8/Python-3.13.8", ".tgz", last_modified=LONG_AGO - DAY)
    add_release(site, "3.13.10/Python-3.13.10", ".tgz", ".tar.xz")
    site.add("3.13.10/python-3.13.10-amd64.exe")
    before = datetime.now(UTC) - timedelta(seconds=1)
    fill(store.location.text, site.url)
    found = rows(store)
    assert before <= found["3.13.10"]["completed_at"] <= datetime.now(UTC)
    assert found["3.13.8"]["completed_at"] is found["3.13.9"]["completed_at"] is None
    assert found["3.13.9"]["state"] == "superseded"


def test_of_another_site_nothing_is_carried_on(store: CatalogStore, site: Replica) -> None:
    site.add("3.13.10/Python-3.13.10.tar.xz")
    fill(store.location.text, site.url)
    table, metadata = store.read(CATALOG_FILE)
    store.write(CATALOG_FILE, table, {**metadata, "site_url": "http://other.example/"})
    publish_releases(store)
    assert {row["completed_at"] for row in rows(store).values()} == {None}


def test_what_completes_after_the_clock_was_ahead_is_later_than_all_before(
    store: CatalogStore, site: Replica
) -> None:
    ahead = datetime.now(UTC).replace(microsecond=0) + 30 * DAY
    add_release(site, "3.13.10/Python-3.13.10", ".tgz", ".tar.xz")
    site.add("3.13.10/python-3.13.10-amd64.exe")
    publish_catalog_of(store, site)
    assert publish_releases(store, now=ahead).metadata["completed"] == ["3.13.10"]
    for name in ("Python-3.15.0a2", "Python-3.15.0a3"):
        add_release(site, f"3.15.0/{name}", ".tgz", ".tar.xz")
    publish_catalog_of(store, site)
    assert publish_releases(store).metadata["completed"] == ["3.15.0a2", "3.15.0a3"]
    found = [(one.version.text, one.completed_at) for one in completions(store)[0]]
    later = ahead + timedelta(milliseconds=1)
    assert found == [("3.13.10", ahead), ("3.15.0a2", later), ("3.15.0a3", later)]


def test_a_release_that_vanishes_and_returns_is_complete_since_the_first_time(
    store: CatalogStore, site: Replica
) -> None:
    def publish_again() -> dict[str, Any]:
        publish_catalog_of(store, site)
        return publish_releases(store).metadata

    add_release(site, "3.15.0/Python-3.15.0a2", ".tgz", ".tar.xz")
    fill(store.location.text, site.url)
    first = rows(store)["3.15.0a2"]["completed_at"]
    assert first is not None
    site.remove("3.15.0/")
    for _ in range(2):
        assert publish_again()["vanished"] == {"3.15.0a1": None, "3.15.0a2": first}
        assert "3.15.0a2" not in rows(store)
    add_release(site, "3.15.0/Python-3.15.0a1", ".tgz", last_modified=LONG_AGO)
    add_release(site, "3.15.0/Python-3.15.0a2", ".tgz", ".tar.xz")
    again = publish_again()
    assert (again["completed"], again["vanished"]) == ([], {})
    found = rows(store)
    assert (found["3.15.0a1"]["completed_at"], found["3.15.0a2"]["completed_at"]) == (None, first)


@pytest.mark.parametrize("change", ["missing", "damaged", "early", "another catalog"])
def test_a_stale_table_is_due_until_it_is_written(
    store: CatalogStore, site: Replica, change: str
) -> None:
    add_release(site, "3.15.0/Python-3.15.0a2", ".tgz", ".tar.xz")
    fill(store.location.text, site.url)
    assert not publication_due(store)
    completed_at = rows(store)["3.15.0a2"]["completed_at"]
    if change == "missing":
        store.location.delete(RELEASES_FILE)
    elif change == "damaged":
        store.location.write(RELEASES_FILE, b"no table")
    elif change == "early":
        table, metadata = store.read(RELEASES_FILE)
        del metadata["next_change"], metadata["vanished"]
        store.write(RELEASES_FILE, table, metadata)
    else:
        publish_catalog(store)
        publish_latest(store)
    assert publication_due(store)
    publish_releases(store)
    assert not publication_due(store)
    is_kept = change in {"early", "another catalog"}
    assert rows(store)["3.15.0a2"]["completed_at"] == (completed_at if is_kept else None)


def test_no_release_is_partial_for_ever(catalog_home: Path, tmp_path: Path) -> None:
    """The whole record, after the last of its dates."""
    shutil.copy(catalog_home / "catalog" / CATALOG_FILE, tmp_path)
    copied = CatalogStore(LocalLocation(tmp_path))
    publish_releases(copied, now=datetime(2028, 1, 1, tzinfo=UTC))
    known = rows(copied)
    metadata = copied.metadata(CATALOG_FILE)
    assert len(known) == metadata["releases"] == 471
    assert sum(row["artifacts"] for row in known.values()) == metadata["artifacts"]
    assert {row["state"] for row in known.values()} == {"complete", "superseded"}
    complete = [text for text, row in known.items() if row["state"] == "complete"]
    assert len(complete) == len({row["series"] for row in known.values()})
    assert complete[-8:] == [
        *("3.8.19", "3.9.25", "3.10.22", "3.11.17", "3.12.15", "3.13.16", "3.14.8", "3.15.0"),
    ]
    for version, families, artifacts, source in (
        ("0.9.1", "source", 1, "src/Python-0.9.1.tar.gz"),
        ("2.0.0", "source windows", 6, "2.0/BeOpen-Python-2.0.tar.bz2"),
        ("3.9.13", "source windows macos documentation", 9, "3.9.13/Python-3.9.13.tar.xz"),
        ("3.12.11", "source", 2, "3.12.11/Python-3.12.11.tar.xz"),
        ("3.14.0rc1", "source windows install_manager macos", 22, "3.14.0/Python-3.14.0rc1.tar.xz"),
        (
            *("3.15.0b1", "source windows install_manager macos android ios", 25),
            "3.15.0/Python-3.15.0b1.tar.xz",
        ),
    ):
        row = known[version]
        assert [name for name in FAMILIES.values() if row[name]] == families.split()
        assert (row["artifacts"], row["source_path"]) == (artifacts, source)
