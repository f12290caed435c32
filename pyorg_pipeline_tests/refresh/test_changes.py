"""The recorded changes of a small site that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pyorg_pipeline.catalog.changes import FOLDER, changes_since
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    VERSION_COLUMNS,
    directory_file,
)
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import CatalogError
from pyorg_pipeline.model.catalog import CatalogChange
from pyorg_pipeline.refresh.changes import record_changes
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import Catalog, publication_due, publish, publish_catalog
from pyorg_pipeline_tests.support.small_site import LONG_AGO, small_site

TGZ = "3.13.9/Python-3.13.9.tgz"
XZ = "3.13.9/Python-3.13.9.tar.xz"
EXE = "3.13.9/python-3.13.9-amd64.exe"
LATER = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)

#: A change in short: what happened to which file, and its sizes.
Short = tuple[str, str, int | None, int | None]


def listed(catalog: Catalog, since: datetime | None = None) -> list[CatalogChange]:
    url = catalog.client.base_url
    return changes_since(catalog.store, url, since, base_url=url, companions=True)


def short(change: CatalogChange) -> Short:
    return change.change, change.path, change.size_before, change.size


def changes(catalog: Catalog) -> list[Short]:
    return [short(change) for change in listed(catalog)]


def files(catalog: Catalog) -> list[str]:
    return list(catalog.store.location.stamps(FOLDER))


def test_the_first_fill_reports_no_changes(site: Replica, empty: Catalog) -> None:
    update_directories(empty.store, empty.client)
    empty.crawl("src", "2.7")
    site.add("2.7/python-2.7.msi", size=7)
    empty.refresh()
    assert empty.sequence is None
    assert (files(empty), changes(empty)) == ([], [])
    assert not publication_due(empty.store)


def test_a_change_is_listed_with_both_states_and_when_it_was_seen(
    site: Replica, catalog: Catalog
) -> None:
    new = "3.13.9/Python-3.13.9.tar.zst"
    site.add(new, size=30_100_000, last_modified=LATER)
    site.remove(EXE)
    site.replace(TGZ, size=1, last_modified=LONG_AGO)
    site.replace(XZ, last_modified=LATER)
    site.touch("3.13.9/", LATER)
    before = datetime.now(UTC)
    catalog.refresh(accept_vanished=True)
    by_date, appeared, by_size, vanished = listed(catalog)
    assert before - timedelta(milliseconds=1) <= appeared.seen_at <= datetime.now(UTC)
    same: dict[str, Any] = {
        "version": "3.13.9",
        "companion_of": None,
        "sha256_before": None,
        "seen_at": appeared.seen_at,
    }

    def change(kind: str, path: str, type_: str, *states: Any) -> CatalogChange:
        names = ("size_before", "size", "last_modified_before", "last_modified")
        given = dict(zip(names, states, strict=True))
        url = f"{site.url}{path}"
        return CatalogChange(change=kind, path=path, artifact_type=type_, url=url, **given, **same)

    source = "source-release"
    assert by_date == change("replaced", XZ, source, 22_000_000, 22_000_000, LONG_AGO, LATER)
    assert appeared == change("appeared", new, source, None, 30_100_000, None, LATER)
    assert by_size == change("replaced", TGZ, source, 29_000_000, 1, LONG_AGO, LONG_AGO)
    assert vanished == change("vanished", EXE, "windows-release", 28_000_000, None, LONG_AGO, None)
    row = catalog.store.rows(f"{FOLDER}/000001.parquet")[1]
    assert (row["sequence"], row["name"], row["directory"]) == (
        1,
        "Python-3.13.9.tar.zst",
        "3.13.9",
    )
    assert [row[name] for name in VERSION_COLUMNS] == [3, 13, 9, "final", 0]
    assert catalog.store.metadata(f"{FOLDER}/000001.parquet")["site_url"] == site.url


def test_a_companion_is_a_file_that_names_its_artifact(site: Replica, catalog: Catalog) -> None:
    site.add(f"{TGZ}.asc", size=833)
    site.replace(f"{XZ}.asc", size=834)
    site.add(f"{EXE}_superceded", size=28_000_000)
    site.add(f"{EXE}.asc_superceded", size=7)
    site.add(f"{EXE}_superceded.sigstore", size=8)
    catalog.refresh()
    assert {(*short(change), change.companion_of) for change in listed(catalog)} == {
        ("replaced", f"{XZ}.asc", 833, 834, XZ),
        ("appeared", f"{TGZ}.asc", None, 833, TGZ),
        ("appeared", f"{EXE}_superceded", None, 28_000_000, None),
        ("appeared", f"{EXE}.asc_superceded", None, 7, f"{EXE}_superceded"),
        ("appeared", f"{EXE}_superceded.sigstore", None, 8, f"{EXE}_superceded"),
    }
    site.remove(f"{TGZ}.asc")
    catalog.refresh()
    assert changes(catalog)[5:] == [("vanished", f"{TGZ}.asc", 833, None)]


def test_a_file_that_becomes_a_companion_has_not_changed(site: Replica, catalog: Catalog) -> None:
    installer = "3.14.0/python-3.14.0-amd64.exe"
    site.add(f"{installer}.asc", size=9)
    catalog.refresh()
    site.add(installer, size=5)
    catalog.refresh()
    assert [(change.path, change.companion_of) for change in listed(catalog)] == [
        (f"{installer}.asc", None),
        (installer, None),
    ]


def test_changes_are_sorted_by_version_and_each_refresh_has_its_number(
    site: Replica, catalog: Catalog
) -> None:
    for path in ("3.15.1/Python-3.15.1.tgz", "3.14.0/Python-3.14.0.tgz", "2.7/Python-2.7.tar.bz2"):
        site.add(path, size=5)
    site.replace("3.14.0/Python-3.14.0rc1.tar.xz", size=6)
    catalog.refresh()
    assert catalog.sequence == 1
    site.add("2.7/python-2.7.msi", size=7)
    catalog.refresh()
    assert catalog.sequence == 2
    assert [(change.path, change.size) for change in listed(catalog)] == [
        ("2.7/Python-2.7.tar.bz2", 5),
        ("3.14.0/Python-3.14.0rc1.tar.xz", 6),
        ("3.14.0/Python-3.14.0.tgz", 5),
        ("3.15.1/Python-3.15.1.tgz", 5),
        ("2.7/python-2.7.msi", 7),
    ]
    assert files(catalog) == ["000001.parquet", "000002.parquet"]


def test_changes_are_not_recorded_again_after_those_of_other_directories(
    site: Replica, catalog: Catalog
) -> None:
    for directory in ("3.14.0", "2.7"):
        site.add(f"{directory}/a.txt", size=1)
        # So that the directory is read once.
        site.touch(f"{directory}/", LATER)
        catalog.refresh()
    catalog.refresh()
    assert (catalog.sequence, len(changes(catalog))) == (None, 2)


def test_the_files_of_a_removed_directory_vanish_once_and_appear_when_it_returns(
    site: Replica, catalog: Catalog
) -> None:
    def state() -> tuple[bool, int]:
        """Whether the directory is removed, and how many of its files are published."""
        rows = {row["name"]: row for row in catalog.store.rows(DIRECTORIES_FILE)}
        published = [row["directory"] for row in catalog.store.rows(CATALOG_FILE)]
        return rows["3.13.9"]["removed_at"] is not None, published.count("3.13.9")

    site.remove("3.13.9/")
    assert catalog.update().vanished == ("3.13.9",)
    assert publication_due(catalog.store)
    for _ in range(2):
        catalog.refresh()
        assert state() == (True, 0)
        assert changes(catalog) == [
            ("vanished", XZ, 22_000_000, None),
            ("vanished", f"{XZ}.asc", 833, None),
            ("vanished", TGZ, 29_000_000, None),
            ("vanished", EXE, 28_000_000, None),
        ]
    site.add(TGZ, size=5)
    # It is crawled although its date did not change.
    site.touch("3.13.9/", LONG_AGO - timedelta(days=1))
    catalog.refresh()
    assert state() == (False, 1)
    assert changes(catalog)[4:] == [("appeared", TGZ, None, 5)]


def test_a_directory_that_fails_has_no_changes_until_it_can_be_read(
    site: Replica, empty: Catalog
) -> None:
    site.answer("2.7/", Answer(status=503))
    empty.refresh()
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    site.add("3.13.9/python-3.13.9-arm64.exe", size=6)
    site.answer("3.14.0/", Answer(status=503))
    empty.refresh()
    assert changes(empty) == [("appeared", "3.13.9/python-3.13.9-arm64.exe", None, 6)]
    site.clear_answers()
    empty.refresh()
    assert changes(empty)[1:] == [
        ("appeared", "2.7/UNWISE.EXE", None, 150_000),
        ("appeared", "2.7/Python-2.7.tgz", None, 14_000_000),
        ("appeared", "3.14.0/Python-3.14.0.tgz", None, 5),
    ]


def test_changes_that_the_snapshot_lacks_wait_for_the_next_one(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    site.add("3.13.9/python-3.13.9-arm64.exe", size=6)
    update_directories(catalog.store, catalog.client)
    catalog.crawl()
    publish_catalog(catalog.store)
    site.add("3.14.0/python-3.14.0-amd64.exe", size=7)
    catalog.crawl("3.14.0")
    record_changes(catalog.store)
    assert changes(catalog) == [("appeared", "3.13.9/python-3.13.9-arm64.exe", None, 6)]
    assert publication_due(catalog.store)
    publish(catalog.store)
    assert sorted(changes(catalog)[1:]) == [
        ("appeared", "3.14.0/Python-3.14.0.tgz", None, 5),
        ("appeared", "3.14.0/python-3.14.0-amd64.exe", None, 7),
    ]


def test_listing_since_the_last_change_misses_and_repeats_none(
    site: Replica, catalog: Catalog
) -> None:
    found: list[CatalogChange] = []
    file, ahead = f"{FOLDER}/000001.parquet", datetime(2100, 1, 1, tzinfo=UTC)
    for number in range(4):
        site.add(f"3.14.0/{number}.txt", size=number)
        catalog.refresh()
        if number == 0:
            # The clock was ahead, and is set back now.
            rows = [{**row, "seen_at": ahead} for row in catalog.store.rows(file)]
            metadata = {**catalog.store.metadata(file), "last_seen_at": ahead}
            catalog.store.write(file, rows, metadata)
        found += listed(catalog, found[-1].seen_at if found else None)
    assert [(change.path, change.seen_at) for change in found] == [
        (f"3.14.0/{number}.txt", ahead + timedelta(milliseconds=number)) for number in range(4)
    ]


def test_another_site_starts_without_changes_and_those_of_the_first_one_stay(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/a.txt", size=1)
    catalog.refresh()
    entries = [entry for entry in small_site() if not entry.path.startswith("3.15.0/")]
    with Replica(entries) as other, SiteClient(other.url, backoff=0, retries=0) as client:
        moved = Catalog(catalog.store, client)
        moved.refresh(full=True)
        assert files(moved) == ["000001.parquet"]
        other.add("3.14.0/b.txt", size=2)
        moved.refresh()
        assert moved.sequence == 2
        assert changes(moved) == [("appeared", "3.14.0/b.txt", None, 2)]
    assert changes(catalog) == [("appeared", "3.14.0/a.txt", None, 1)]


@pytest.mark.parametrize("damage", ["unreadable", "missing", "early"])
def test_a_directory_without_a_whole_table_is_compared_with_what_is_known(
    site: Replica, catalog: Catalog, damage: str
) -> None:
    file, store = directory_file("3.13.9"), catalog.store
    if damage == "missing":
        store.location.delete(file)
    elif damage == "early":
        # Such tables do not have the sizes and dates of companions.
        table, metadata = store.read(file)
        table = table.drop_columns(["companion_sizes", "companion_dates"])
        store.write(file, table, metadata)
    else:
        store.location.write(file, b"broken")
        with pytest.raises(CatalogError, match=r"damaged tables .*/3\.13\.9\.parquet"):
            publish(store)
    site.replace(TGZ, size=5)
    catalog.refresh()
    assert changes(catalog) == [("replaced", TGZ, 29_000_000, 5)]


def test_a_catalog_of_an_earlier_version_keeps_its_changes(site: Replica, catalog: Catalog) -> None:
    site.add("3.14.0/a.txt", size=1)
    catalog.refresh()
    for file in (f"{FOLDER}/000001.parquet", directory_file("3.14.0")):
        table, metadata = catalog.store.read(file)
        for name in ("recorded", "changes", "changes_number"):
            metadata.pop(name, None)
        catalog.store.write(file, table, metadata)
    site.add("3.14.0/b.txt", size=2)
    catalog.refresh()
    assert changes(catalog) == [
        ("appeared", "3.14.0/a.txt", None, 1),
        ("appeared", "3.14.0/b.txt", None, 2),
    ]


def test_a_change_reverted_before_publication_is_not_recorded(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/a.txt", size=1)
    site.replace(TGZ, size=5)
    site.remove(EXE)
    catalog.crawl("3.13.9", "3.14.0", accept_vanished=True)
    site.remove("3.14.0/a.txt")
    site.replace(TGZ, size=6)
    site.add(EXE, size=28_000_000, last_modified=LONG_AGO)
    catalog.crawl("3.13.9", "3.14.0", accept_vanished=True)
    catalog.refresh()
    assert changes(catalog) == [("replaced", TGZ, 29_000_000, 6)]
