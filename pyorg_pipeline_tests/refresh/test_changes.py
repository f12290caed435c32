"""The recorded changes of a small site that changes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import FOLDER, MOST_FILES, changes_since
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CatalogStore, directory_file
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import CatalogError, CatalogMissingError
from pyorg_pipeline.model.catalog import CatalogChange
from pyorg_pipeline.refresh.changes import changes_due, record_changes
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.refresh.publish import publication_due
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import Catalog, publish, publish_catalog
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
    return catalog.store.location.names(FOLDER)


def test_the_first_fill_reports_no_changes(site: Replica, empty: Catalog) -> None:
    update_directories(empty.store, empty.client)
    empty.crawl("src", "2.7")
    site.add("2.7/python-2.7.msi", size=7)
    empty.refresh()
    assert empty.sequence is None
    assert (files(empty), changes(empty)) == ([], [])
    assert not publication_due(empty.store)


def test_a_new_file_is_listed_with_its_state_and_when_it_was_seen(
    site: Replica, catalog: Catalog
) -> None:
    path = "3.15.0/Python-3.15.0a2.tgz"
    site.add(path, size=30_100_000, last_modified=LATER)
    before = datetime.now(UTC)
    catalog.refresh()
    [change] = listed(catalog)
    assert change == CatalogChange(
        change="appeared",
        path=path,
        version="3.15.0a2",
        artifact_type="source-release",
        companion_of=None,
        size_before=None,
        size=30_100_000,
        last_modified_before=None,
        last_modified=LATER,
        seen_at=change.seen_at,
        url=f"{site.url}{path}",
    )
    assert before - timedelta(milliseconds=1) <= change.seen_at <= datetime.now(UTC)
    [row] = catalog.store.rows(f"{FOLDER}/000001.parquet")
    assert (row["sequence"], row["name"], row["directory"]) == (1, "Python-3.15.0a2.tgz", "3.15.0")
    assert [row[name] for name in ("major", "minor", "micro", "releaselevel", "serial")] == [
        *(3, 15, 0, "alpha", 2)
    ]
    assert catalog.store.metadata(f"{FOLDER}/000001.parquet")["site_url"] == site.url


def test_a_removed_file_is_listed_with_the_state_that_it_had(
    site: Replica, catalog: Catalog
) -> None:
    site.remove(EXE)
    catalog.refresh(accept_vanished=True)
    [change] = listed(catalog)
    assert short(change) == ("vanished", EXE, 28_000_000, None)
    assert (change.last_modified_before, change.last_modified) == (LONG_AGO, None)
    assert (change.version, change.artifact_type) == ("3.13.9", "windows-release")


def test_another_size_or_another_date_is_a_replacement_with_both_states(
    site: Replica, catalog: Catalog
) -> None:
    site.replace(TGZ, size=1, last_modified=LONG_AGO)
    site.replace(XZ, last_modified=LATER)
    site.touch("3.13.9/", LATER)
    catalog.refresh()
    by_date, by_size = listed(catalog)
    assert short(by_date) == ("replaced", XZ, 22_000_000, 22_000_000)
    assert (by_date.last_modified_before, by_date.last_modified) == (LONG_AGO, LATER)
    assert short(by_size) == ("replaced", TGZ, 29_000_000, 1)
    assert (by_size.last_modified_before, by_size.last_modified) == (LONG_AGO, LONG_AGO)


def test_a_companion_is_a_file_that_names_its_artifact(site: Replica, catalog: Catalog) -> None:
    site.add(f"{TGZ}.asc", size=833)
    site.replace(f"{XZ}.asc", size=834)
    catalog.refresh()
    assert changes(catalog) == [
        ("replaced", f"{XZ}.asc", 833, 834),
        ("appeared", f"{TGZ}.asc", None, 833),
    ]
    assert [change.companion_of for change in listed(catalog)] == [XZ, TGZ]
    assert {change.artifact_type for change in listed(catalog)} == {"source-release"}
    site.remove(f"{TGZ}.asc")
    catalog.refresh()
    assert changes(catalog)[2:] == [("vanished", f"{TGZ}.asc", 833, None)]


def test_a_companion_of_a_superseded_artifact_is_listed_under_its_own_name(
    site: Replica, catalog: Catalog
) -> None:
    site.add(f"{EXE}_superceded", size=28_000_000)
    site.add(f"{EXE}.asc_superceded", size=7)
    site.add(f"{EXE}_superceded.sigstore", size=8)
    catalog.refresh()
    assert {(change.path, change.size, change.companion_of) for change in listed(catalog)} == {
        (f"{EXE}_superceded", 28_000_000, None),
        (f"{EXE}.asc_superceded", 7, f"{EXE}_superceded"),
        (f"{EXE}_superceded.sigstore", 8, f"{EXE}_superceded"),
    }


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
    for path in ("3.15.0/z.txt", "3.14.0/Python-3.14.0.tgz", "2.7/Python-2.7.tar.bz2"):
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
        ("3.15.0/z.txt", 5),
        ("2.7/python-2.7.msi", 7),
    ]
    assert files(catalog) == ["000001.parquet", "000002.parquet"]


def test_the_files_of_a_removed_directory_vanish_once_and_appear_when_it_returns(
    site: Replica, catalog: Catalog
) -> None:
    site.remove("3.13.9/")
    for _ in range(2):
        catalog.refresh()
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
    assert changes(catalog)[4:] == [("appeared", TGZ, None, 5)]


def test_the_files_of_a_new_directory_appear(site: Replica, catalog: Catalog) -> None:
    site.add("3.15.1/Python-3.15.1.tgz", size=5)
    site.add("3.15.1/Python-3.15.1.tgz.sigstore", size=6)
    catalog.refresh()
    assert changes(catalog) == [
        ("appeared", "3.15.1/Python-3.15.1.tgz", None, 5),
        ("appeared", "3.15.1/Python-3.15.1.tgz.sigstore", None, 6),
    ]


def test_a_directory_that_fails_has_no_changes_until_it_can_be_read(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    site.add("3.13.9/python-3.13.9-arm64.exe", size=6)
    site.answer("3.14.0/", Answer(status=503))
    catalog.refresh()
    assert changes(catalog) == [("appeared", "3.13.9/python-3.13.9-arm64.exe", None, 6)]
    site.clear_answers()
    catalog.refresh()
    assert changes(catalog)[1:] == [("appeared", "3.14.0/Python-3.14.0.tgz", None, 5)]


def test_the_files_of_a_directory_appear_when_it_is_first_read(
    site: Replica, empty: Catalog
) -> None:
    site.answer("2.7/", Answer(status=503))
    empty.refresh()
    site.clear_answers()
    empty.refresh()
    assert changes(empty) == [
        ("appeared", "2.7/UNWISE.EXE", None, 150_000),
        ("appeared", "2.7/Python-2.7.tgz", None, 14_000_000),
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
    for number in range(4):
        site.add(f"3.14.0/{number}.txt", size=number)
        catalog.refresh()
        found += listed(catalog, found[-1].seen_at if found else None)
    assert [change.path for change in found] == [f"3.14.0/{number}.txt" for number in range(4)]


def test_later_changes_are_seen_later_even_if_the_clock_was_set_back(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/a.txt", size=1)
    catalog.refresh()
    [row] = catalog.store.rows(f"{FOLDER}/000001.parquet")
    ahead = datetime(2100, 1, 1, tzinfo=UTC)
    catalog.store.write(
        f"{FOLDER}/000001.parquet",
        schemas.CATALOG_CHANGES,
        [{**row, "seen_at": ahead}],
        {**catalog.store.metadata(f"{FOLDER}/000001.parquet"), "last_seen_at": ahead},
    )
    site.add("3.14.0/b.txt", size=2)
    catalog.refresh()
    assert [change.seen_at for change in listed(catalog)] == [
        ahead,
        ahead + timedelta(milliseconds=1),
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


def test_a_size_that_was_not_known_before_is_no_replacement(
    site: Replica, catalog: Catalog
) -> None:
    # Early tables do not have the sizes and dates of companions.
    file = directory_file("3.13.9")
    early = [name for name in schemas.RELEASE_ARTIFACTS.names if not name.startswith("companion_")]
    table, metadata = catalog.store.read(file, early)
    catalog.store.write(file, table.schema, table, metadata)
    site.replace(TGZ, size=5)
    catalog.refresh()
    assert changes(catalog) == [("replaced", TGZ, 29_000_000, 5)]


@pytest.mark.parametrize("damage", ["unreadable", "missing"])
def test_a_directory_without_a_readable_table_is_compared_with_the_published_catalog(
    site: Replica, catalog: Catalog, damage: str
) -> None:
    if damage == "missing":
        catalog.store.location.delete(directory_file("3.13.9"))
    else:
        catalog.store.location.write(directory_file("3.13.9"), b"broken")
        with pytest.raises(CatalogError, match=r"damaged tables .*/3\.13\.9\.parquet"):
            publish(catalog.store)
    site.replace(TGZ, size=5)
    catalog.refresh()
    assert changes(catalog) == [("replaced", TGZ, 29_000_000, 5)]


def test_a_catalog_of_an_earlier_version_keeps_its_changes(site: Replica, catalog: Catalog) -> None:
    site.add("3.14.0/a.txt", size=1)
    catalog.refresh()
    file, store = f"{FOLDER}/000001.parquet", catalog.store
    table, metadata = store.read(file)
    del metadata["recorded"]
    store.write(file, table.schema, table, metadata)
    table, metadata = store.read(directory_file("3.14.0"))
    del metadata["changes"], metadata["changes_number"]
    store.write(directory_file("3.14.0"), table.schema, table, metadata)
    site.add("3.14.0/b.txt", size=2)
    catalog.refresh()
    assert changes(catalog) == [
        ("appeared", "3.14.0/a.txt", None, 1),
        ("appeared", "3.14.0/b.txt", None, 2),
    ]


class KilledError(Exception):
    """Ends a refresh as a kill does."""


class Dying(LocalLocation):
    """A folder whose process is killed before one of its writes."""

    def __init__(self, folder: Path, steps: int) -> None:
        super().__init__(folder)
        self.steps = steps

    def write(self, name: str, data: bytes) -> None:
        self._step()
        super().write(name, data)

    def delete(self, name: str) -> None:
        self._step()
        super().delete(name)

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise KilledError


def test_a_refresh_killed_before_any_of_its_writes_loses_and_repeats_no_change(
    site: Replica, catalog: Catalog, tmp_path: Path
) -> None:
    site.remove("2.7/")
    site.add("3.14.0/a.txt", size=1)
    site.add("3.15.1/Python-3.15.1.tgz", size=2)
    site.replace(TGZ, size=5)
    expected = [
        ("vanished", "2.7/UNWISE.EXE", 150_000, None),
        ("vanished", "2.7/Python-2.7.tgz", 14_000_000, None),
        ("replaced", TGZ, 29_000_000, 5),
        ("appeared", "3.14.0/a.txt", None, 1),
        ("appeared", "3.15.1/Python-3.15.1.tgz", None, 2),
    ]
    killed = 0
    for steps in range(100):
        folder = tmp_path / str(steps)
        shutil.copytree(catalog.store.location.text, folder)
        with SiteClient(site.url, backoff=0, retries=0) as client:
            try:
                Catalog(CatalogStore(Dying(folder, steps)), client).refresh()
            except KilledError:
                killed += 1
        again = Catalog(CatalogStore(LocalLocation(folder)), catalog.client)
        for _ in range(2):
            again.refresh()
            assert changes(again) == expected, steps
            assert not changes_due(again.store)
        if killed == steps:
            break
    # The root and a removed directory, three crawls, three published tables, and the changes.
    assert killed == 9


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


def test_many_files_are_merged_and_a_kill_at_any_step_loses_nothing(
    site: Replica, catalog: Catalog, tmp_path: Path
) -> None:
    for number in range(MOST_FILES + 1):
        site.add(f"3.14.0/{number:02}.txt", size=number)
        catalog.crawl("3.14.0")
        publish_catalog(catalog.store)
        if number < MOST_FILES:
            record_changes(catalog.store)
    expected = [("appeared", f"3.14.0/{number:02}.txt", None, number) for number in range(65)]
    # Two files are written, then those that were merged are deleted.
    for steps in (0, 1, 2, 3, 30, 1 + MOST_FILES):
        folder = tmp_path / str(steps)
        shutil.copytree(catalog.store.location.text, folder)
        with pytest.raises(KilledError):
            record_changes(CatalogStore(Dying(folder, steps)))
        copy = Catalog(CatalogStore(LocalLocation(folder)), catalog.client)
        assert changes(copy) == (expected if steps else expected[:-1])
        record_changes(copy.store)
        assert changes(copy) == expected
        assert files(copy) == ["000001-000065.parquet"]
    assert record_changes(catalog.store).sequence == 65
    site.replace("3.14.0/64.txt", size=5)
    catalog.refresh()
    assert catalog.sequence == 66
    assert files(catalog) == ["000001-000065.parquet", "000066.parquet"]
    assert changes(catalog) == [*expected, ("replaced", "3.14.0/64.txt", 64, 5)]


def test_changes_cannot_be_recorded_without_a_published_catalog(empty: Catalog) -> None:
    update_directories(empty.store, empty.client)
    empty.crawl()
    assert not changes_due(empty.store)
    with pytest.raises(CatalogMissingError):
        record_changes(empty.store)


def test_changes_that_cannot_be_written_stay_due(site: Replica, catalog: Catalog) -> None:
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    in_the_way = Path(catalog.store.location.text) / FOLDER
    in_the_way.write_text("a file")
    with pytest.raises(CatalogError, match="cannot be written"):
        catalog.refresh()
    in_the_way.unlink()
    assert publication_due(catalog.store)
    record_changes(catalog.store)
    assert changes(catalog) == [("appeared", "3.14.0/Python-3.14.0.tgz", None, 5)]
