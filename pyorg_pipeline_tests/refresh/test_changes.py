"""What a refresh puts on record of changes, on a small site that changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import BASELINE_FILE, FOLDER, MOST_FILES, changes_since
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore, directory_file
from pyorg_pipeline.demo.replica.record import read_record
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import CatalogError, CatalogMissingError
from pyorg_pipeline.model.changes import CatalogChange
from pyorg_pipeline.refresh.artifacts import crawl_directories
from pyorg_pipeline.refresh.changes import ChangesRecorded, changes_due, record_changes
from pyorg_pipeline.refresh.directories import due_directories, update_directories
from pyorg_pipeline.refresh.publish import publication_due, publish_catalog, publish_latest
from pyorg_pipeline.refresh.releases import publish_releases
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.small_site import FILES, LONG_AGO, small_site

TGZ = "3.13.9/Python-3.13.9.tgz"
XZ = "3.13.9/Python-3.13.9.tar.xz"
EXE = "3.13.9/python-3.13.9-amd64.exe"
LATER = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
RELEASE_FILES = len([path for path in FILES if not path.startswith("doc/")])

#: A change in short: what happened to which file, and its sizes.
Short = tuple[str, str, int | None, int | None]


@dataclass
class Record:
    """A catalog, its site, and the steps of a refresh up to the record of changes."""

    store: CatalogStore
    client: SiteClient

    def crawl(self, *directories: str) -> None:
        wanted = directories or list(due_directories(self.store))
        crawled = crawl_directories(
            self.store, self.client, wanted, concurrency=4, accept_vanished=True
        )
        for _ in crawled:
            pass

    def publish(self) -> None:
        publish_catalog(self.store)
        publish_latest(self.store)
        publish_releases(self.store)

    def refresh(self, **how: Any) -> ChangesRecorded:
        update_directories(self.store, self.client, **how)
        self.crawl()
        self.publish()
        return record_changes(self.store)

    def listed(self, since: datetime | None = None) -> list[CatalogChange]:
        url = self.client.base_url
        return changes_since(self.store, url, since, base_url=url, companions=True)

    def told(self) -> list[Short]:
        return [short(change) for change in self.listed()]

    def files(self) -> list[str]:
        return self.store.location.names(FOLDER)

    def baseline(self) -> dict[str, tuple[int | None, datetime | None]]:
        rows = self.store.rows(BASELINE_FILE)
        return {row["path"]: (row["size"], row["last_modified"]) for row in rows}


def short(change: CatalogChange) -> Short:
    return change.change, change.path, change.size_before, change.size


@pytest.fixture
def site() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


@pytest.fixture
def catalog(site: Replica, tmp_path: Path) -> Iterator[Record]:
    with SiteClient(site.url, backoff=0, retries=0) as client:
        yield Record(CatalogStore(LocalLocation(tmp_path / "catalog")), client)


@pytest.fixture
def record(catalog: Record) -> Record:
    """With everything accounted for."""
    assert catalog.refresh().is_first
    return catalog


def test_the_first_publication_is_accounted_for_and_tells_nothing(catalog: Record) -> None:
    done = catalog.refresh()
    assert (done.is_first, done.files, done.sequence, done.file) == (
        True,
        RELEASE_FILES,
        None,
        None,
    )
    assert (done.appeared, done.vanished, done.replaced, len(done.table)) == (0, 0, 0, 0)
    assert (catalog.files(), catalog.told()) == ([], [])
    released = {path: size for path, size in FILES.items() if not path.startswith("doc/")}
    assert catalog.baseline() == {path: (size, LONG_AGO) for path, size in released.items()}
    facts = catalog.store.facts(BASELINE_FILE)
    published = catalog.store.facts(CATALOG_FILE)
    assert (facts["site_url"], facts["sequence"]) == (catalog.client.base_url, 0)
    assert facts["catalog_published_at"] == published["published_at"]
    assert facts["crawls"] == published["crawls"]


def test_a_file_that_appears_is_told_with_its_state_and_when_it_was_seen(
    site: Replica, record: Record
) -> None:
    path = "3.15.0/Python-3.15.0a2.tgz"
    site.add(path, size=30_100_000, last_modified=LATER)
    before = datetime.now(UTC)
    done = record.refresh()
    assert (done.appeared, done.vanished, done.replaced, done.sequence) == (1, 0, 0, 1)
    assert (done.is_first, done.files, done.file) == (
        False,
        RELEASE_FILES + 1,
        f"{FOLDER}/000001.parquet",
    )
    [change] = record.listed()
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
    [row] = record.store.rows(f"{FOLDER}/000001.parquet")
    assert (row["sequence"], row["name"], row["directory"]) == (1, "Python-3.15.0a2.tgz", "3.15.0")
    assert [row[name] for name in ("major", "minor", "micro", "releaselevel", "serial")] == [
        *(3, 15, 0, "alpha", 2)
    ]
    facts = record.store.facts(f"{FOLDER}/000001.parquet")
    assert (facts["site_url"], facts["sequence"]) == (site.url, 1)
    assert facts["catalog_published_at"] == done.catalog_published_at


def test_a_file_that_vanishes_is_told_with_the_state_that_it_had(
    site: Replica, record: Record
) -> None:
    site.remove(EXE)
    assert record.refresh().vanished == 1
    [change] = record.listed()
    assert short(change) == ("vanished", EXE, 28_000_000, None)
    assert (change.last_modified_before, change.last_modified) == (LONG_AGO, None)
    assert (change.version, change.artifact_type) == ("3.13.9", "windows-release")


def test_another_size_or_another_date_is_a_replacement_with_both_states(
    site: Replica, record: Record
) -> None:
    site.replace(TGZ, size=1, last_modified=LONG_AGO)
    site.replace(XZ, last_modified=LATER)
    site.touch("3.13.9/", LATER)
    assert record.refresh().replaced == 2
    by_date, by_size = record.listed()
    assert short(by_date) == ("replaced", XZ, 22_000_000, 22_000_000)
    assert (by_date.last_modified_before, by_date.last_modified) == (LONG_AGO, LATER)
    assert short(by_size) == ("replaced", TGZ, 29_000_000, 1)
    assert (by_size.last_modified_before, by_size.last_modified) == (LONG_AGO, LONG_AGO)


def test_a_companion_is_a_file_too_that_says_whose_it_is(site: Replica, record: Record) -> None:
    site.add(f"{TGZ}.asc", size=833)
    site.replace(f"{XZ}.asc", size=834)
    record.refresh()
    assert record.told() == [
        ("replaced", f"{XZ}.asc", 833, 834),
        ("appeared", f"{TGZ}.asc", None, 833),
    ]
    assert [change.companion_of for change in record.listed()] == [XZ, TGZ]
    assert {change.artifact_type for change in record.listed()} == {"source-release"}
    site.remove(f"{TGZ}.asc")
    record.refresh()
    assert record.told()[2:] == [("vanished", f"{TGZ}.asc", 833, None)]


def test_a_companion_of_a_superseded_artifact_is_told_under_its_own_name(
    site: Replica, record: Record
) -> None:
    site.add(f"{EXE}_superceded", size=28_000_000)
    site.add(f"{EXE}.asc_superceded", size=7)
    site.add(f"{EXE}_superceded.sigstore", size=8)
    record.refresh()
    assert {(change.path, change.size, change.companion_of) for change in record.listed()} == {
        (f"{EXE}_superceded", 28_000_000, None),
        (f"{EXE}.asc_superceded", 7, f"{EXE}_superceded"),
        (f"{EXE}_superceded.sigstore", 8, f"{EXE}_superceded"),
    }


def test_a_file_that_becomes_a_companion_has_not_changed(site: Replica, record: Record) -> None:
    installer = "3.14.0/python-3.14.0-amd64.exe"
    site.add(f"{installer}.asc", size=9)
    record.refresh()
    site.add(installer, size=5)
    record.refresh()
    assert [(change.path, change.companion_of) for change in record.listed()] == [
        (f"{installer}.asc", None),
        (installer, None),
    ]
    [row] = [r for r in record.store.rows(BASELINE_FILE) if r["path"] == f"{installer}.asc"]
    assert row["companion_of"] == installer


def test_changes_stand_in_the_order_of_versions_and_each_refresh_has_its_number(
    site: Replica, record: Record
) -> None:
    for path in ("3.15.0/z.txt", "3.14.0/Python-3.14.0.tgz", "2.7/Python-2.7.tar.bz2"):
        site.add(path, size=5)
    site.replace("3.14.0/Python-3.14.0rc1.tar.xz", size=6)
    assert record.refresh().sequence == 1
    site.add("2.7/python-2.7.msi", size=7)
    assert record.refresh().sequence == 2
    assert [(change.path, change.size) for change in record.listed()] == [
        ("2.7/Python-2.7.tar.bz2", 5),
        ("3.14.0/Python-3.14.0rc1.tar.xz", 6),
        ("3.14.0/Python-3.14.0.tgz", 5),
        ("3.15.0/z.txt", 5),
        ("2.7/python-2.7.msi", 7),
    ]
    assert record.files() == ["000001.parquet", "000002.parquet"]


def test_a_refresh_without_changes_writes_no_file_and_is_accounted_for(record: Record) -> None:
    record.crawl("3.13.9", "3.14.0")
    record.publish()
    assert changes_due(record.store)
    done = record_changes(record.store)
    assert (done.sequence, done.files, len(done.table)) == (None, RELEASE_FILES, 0)
    assert record.files() == []
    assert not changes_due(record.store)


def test_a_vanished_directory_s_files_vanish_and_appear_again_when_it_comes_back(
    site: Replica, record: Record
) -> None:
    site.remove("3.13.9/")
    assert record.refresh().vanished == 4
    assert record.told() == [
        ("vanished", XZ, 22_000_000, None),
        ("vanished", f"{XZ}.asc", 833, None),
        ("vanished", TGZ, 29_000_000, None),
        ("vanished", EXE, 28_000_000, None),
    ]
    site.add(TGZ, size=5)
    record.refresh()
    assert record.told()[4:] == [("appeared", TGZ, None, 5)]


def test_a_new_directory_s_files_appear(site: Replica, record: Record) -> None:
    site.add("3.15.1/Python-3.15.1.tgz", size=5)
    site.add("3.15.1/Python-3.15.1.tgz.sigstore", size=6)
    record.refresh()
    assert record.told() == [
        ("appeared", "3.15.1/Python-3.15.1.tgz", None, 5),
        ("appeared", "3.15.1/Python-3.15.1.tgz.sigstore", None, 6),
    ]


def test_a_directory_that_fails_tells_nothing_until_it_can_be_read_again(
    site: Replica, record: Record
) -> None:
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    site.add("3.13.9/python-3.13.9-arm64.exe", size=6)
    site.answer("3.14.0/", Answer(status=503))
    record.refresh()
    assert record.told() == [("appeared", "3.13.9/python-3.13.9-arm64.exe", None, 6)]
    site.clear_answers()
    record.refresh()
    assert record.told()[1:] == [("appeared", "3.14.0/Python-3.14.0.tgz", None, 5)]


def test_a_directory_that_could_never_be_read_has_files_that_appear_once_it_can(
    site: Replica, catalog: Record
) -> None:
    site.answer("2.7/", Answer(status=503))
    assert catalog.refresh().is_first
    site.clear_answers()
    catalog.refresh()
    assert catalog.told() == [
        ("appeared", "2.7/UNWISE.EXE", None, 150_000),
        ("appeared", "2.7/Python-2.7.tgz", None, 14_000_000),
    ]


def test_a_table_that_breaks_tells_of_no_file_that_vanished(site: Replica, record: Record) -> None:
    record.store.location.write(directory_file("3.13.9"), b"broken")
    record.publish()
    assert len(record_changes(record.store).table) == 0
    site.replace(TGZ, size=5)
    record.refresh()
    assert record.told() == [("replaced", TGZ, 29_000_000, 5)]


def test_a_table_newer_than_the_snapshot_is_left_for_the_next_one(
    site: Replica, record: Record
) -> None:
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    site.add("3.13.9/python-3.13.9-arm64.exe", size=6)
    update_directories(record.store, record.client)
    record.crawl()
    record.publish()
    site.add("3.14.0/python-3.14.0-amd64.exe", size=7)
    record.crawl("3.14.0")
    assert record_changes(record.store).appeared == 1
    assert record.told() == [("appeared", "3.13.9/python-3.13.9-arm64.exe", None, 6)]
    assert publication_due(record.store)
    record.publish()
    record_changes(record.store)
    assert sorted(record.told()[1:]) == [
        ("appeared", "3.14.0/Python-3.14.0.tgz", None, 5),
        ("appeared", "3.14.0/python-3.14.0-amd64.exe", None, 7),
    ]


def test_a_table_newer_than_the_first_snapshot_is_accounted_for_as_it_is(
    site: Replica, catalog: Record
) -> None:
    update_directories(catalog.store, catalog.client)
    catalog.crawl()
    catalog.publish()
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    catalog.crawl("3.14.0")
    assert record_changes(catalog.store).files == RELEASE_FILES + 1
    catalog.publish()
    record_changes(catalog.store)
    assert catalog.told() == []


def test_a_record_that_was_killed_before_its_end_tells_nothing_twice(
    site: Replica, record: Record
) -> None:
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    baseline = record.store.location.read(BASELINE_FILE)
    record.refresh()
    # As if the baseline had not been written any more.
    record.store.location.write(BASELINE_FILE, baseline)
    assert changes_due(record.store)
    assert record.told() == []
    site.add("3.13.9/python-3.13.9-arm64.exe", size=6)
    assert record.refresh().sequence == 1
    assert record.told() == [
        ("appeared", "3.13.9/python-3.13.9-arm64.exe", None, 6),
        ("appeared", "3.14.0/Python-3.14.0.tgz", None, 5),
    ]
    assert record.files() == ["000001.parquet"]


def test_what_a_killed_record_left_is_removed_when_it_was_taken_back(
    site: Replica, record: Record
) -> None:
    path = "3.14.0/Python-3.14.0.tgz"
    site.add(path, size=5)
    baseline = record.store.location.read(BASELINE_FILE)
    record.refresh()
    record.store.location.write(BASELINE_FILE, baseline)
    site.remove(path)
    assert record.refresh().sequence is None
    assert (record.files(), record.told()) == ([], [])


def test_whoever_asks_from_the_last_change_on_misses_none_and_hears_none_twice(
    site: Replica, record: Record
) -> None:
    heard: list[CatalogChange] = []
    for number in range(4):
        site.add(f"3.14.0/{number}.txt", size=number)
        record.refresh()
        heard += record.listed(heard[-1].seen_at if heard else None)
    assert [change.path for change in heard] == [f"3.14.0/{number}.txt" for number in range(4)]


def test_later_changes_are_seen_later_even_if_the_clock_was_set_back(
    site: Replica, record: Record
) -> None:
    site.add("3.14.0/a.txt", size=1)
    record.refresh()
    [row] = record.store.rows(f"{FOLDER}/000001.parquet")
    ahead = datetime(2100, 1, 1, tzinfo=UTC)
    record.store.write(
        f"{FOLDER}/000001.parquet",
        schemas.CATALOG_CHANGES,
        [{**row, "seen_at": ahead}],
        {**record.store.facts(f"{FOLDER}/000001.parquet"), "last_seen_at": ahead},
    )
    site.add("3.14.0/b.txt", size=2)
    record.refresh()
    assert [change.seen_at for change in record.listed()] == [
        ahead,
        ahead + timedelta(milliseconds=1),
    ]


def test_a_lost_baseline_is_begun_anew_behind_what_is_on_record(
    site: Replica, record: Record
) -> None:
    site.add("3.14.0/a.txt", size=1)
    record.refresh()
    record.store.location.write(BASELINE_FILE, b"broken")
    assert changes_due(record.store)
    done = record_changes(record.store)
    assert (done.is_first, done.sequence, done.files) == (True, None, RELEASE_FILES + 1)
    site.add("3.14.0/b.txt", size=2)
    assert record.refresh().sequence == 2
    assert record.told() == [
        ("appeared", "3.14.0/a.txt", None, 1),
        ("appeared", "3.14.0/b.txt", None, 2),
    ]


def test_another_site_is_begun_anew_and_the_first_one_s_changes_stay(
    site: Replica, record: Record
) -> None:
    site.add("3.14.0/a.txt", size=1)
    record.refresh()
    entries = [entry for entry in small_site() if not entry.path.startswith("3.15.0/")]
    with Replica(entries) as other, SiteClient(other.url, backoff=0, retries=0) as client:
        moved = Record(record.store, client)
        done = moved.refresh(full=True)
        assert (done.is_first, done.files) == (True, RELEASE_FILES - 1)
        other.add("3.14.0/b.txt", size=2)
        assert moved.refresh().sequence == 2
        assert moved.told() == [("appeared", "3.14.0/b.txt", None, 2)]
    assert record.told() == [("appeared", "3.14.0/a.txt", None, 1)]


def test_a_size_that_was_not_known_before_is_no_replacement(site: Replica, catalog: Record) -> None:
    update_directories(catalog.store, catalog.client)
    catalog.crawl()
    # As a catalog was written before the tables had the companions' sizes and dates.
    file = directory_file("3.13.9")
    facts = catalog.store.facts(file)
    old = [n for n in schemas.RELEASE_ARTIFACTS.names if not n.startswith("companion_")]
    schema = pa.schema([schemas.RELEASE_ARTIFACTS.field(name) for name in old])
    rows = [{name: row[name] for name in old} for row in catalog.store.rows(file)]
    catalog.store.write(file, schema, rows, facts)
    catalog.publish()
    assert record_changes(catalog.store).is_first
    assert catalog.baseline()[f"{XZ}.asc"] == (None, None)
    site.replace(TGZ, size=5)
    catalog.refresh()
    assert catalog.told() == [("replaced", TGZ, 29_000_000, 5)]
    assert catalog.baseline()[f"{XZ}.asc"] == (833, LONG_AGO)


class KilledError(Exception):
    """Stands for the end of the process."""


class Dying(LocalLocation):
    """A folder whose process is killed in front of one of its changes."""

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
        if self.steps == 0:
            raise KilledError
        self.steps -= 1


def test_many_files_become_one_and_killed_at_any_step_everything_is_told_once(
    site: Replica, record: Record, tmp_path: Path
) -> None:
    for number in range(MOST_FILES + 1):
        site.add(f"3.14.0/{number:02}.txt", size=number)
        record.crawl("3.14.0")
        record.publish()
        if number < MOST_FILES:
            record_changes(record.store)
    before = [("appeared", f"3.14.0/{number:02}.txt", None, number) for number in range(65)]
    last = before.pop()
    # Three tables are written, then those that were merged are deleted.
    for steps in (*range(5), 30, 3 + MOST_FILES):
        folder = tmp_path / str(steps)
        shutil.copytree(record.store.location.text, folder)
        with pytest.raises(KilledError):
            record_changes(CatalogStore(Dying(folder, steps)))
        copy = Record(CatalogStore(LocalLocation(folder)), record.client)
        # With the baseline it is on record; it is the second of the three.
        assert copy.told() == (before if steps < 2 else [*before, last])
        record_changes(copy.store)
        assert copy.told() == [*before, last]
        assert copy.files() == ["000001-000065.parquet"]
    assert record_changes(record.store).sequence == 65
    site.replace("3.14.0/64.txt", size=5)
    assert record.refresh().sequence == 66
    assert record.files() == ["000001-000065.parquet", "000066.parquet"]
    assert record.told() == [*before, last, ("replaced", "3.14.0/64.txt", 64, 5)]


def test_without_a_published_catalog_nothing_is_due_and_recording_is_refused(
    catalog: Record,
) -> None:
    update_directories(catalog.store, catalog.client)
    catalog.crawl()
    assert not changes_due(catalog.store)
    with pytest.raises(CatalogMissingError):
        record_changes(catalog.store)


def test_a_catalog_without_a_record_makes_publication_due_once(catalog: Record) -> None:
    catalog.refresh()
    catalog.store.location.delete(BASELINE_FILE)
    assert publication_due(catalog.store)
    catalog.publish()
    record_changes(catalog.store)
    assert not publication_due(catalog.store)


def test_a_record_that_cannot_be_written_leaves_what_was_there_and_stays_due(
    site: Replica, record: Record
) -> None:
    site.add("3.14.0/Python-3.14.0.tgz", size=5)
    in_the_way = Path(record.store.location.text) / FOLDER / "000001.parquet"
    in_the_way.mkdir(parents=True)
    with pytest.raises(CatalogError, match="cannot be written"):
        record.refresh()
    assert changes_due(record.store)
    in_the_way.rmdir()
    record_changes(record.store)
    assert record.told() == [("appeared", "3.14.0/Python-3.14.0.tgz", None, 5)]


def test_every_file_of_the_whole_record_is_accounted_for_by_its_own_name(tmp_path: Path) -> None:
    with Replica() as replica:
        store = fill(str(tmp_path), replica.url)
    crawled = store.facts(BASELINE_FILE)["crawls"]
    places = [entry.path.split("/") for entry in read_record()]
    listed = {"/".join(place) for place in places if len(place) == 2 and place[0] in crawled}
    found = [row["path"] for row in store.rows(BASELINE_FILE)]
    assert sorted(found) == sorted(path for path in listed if not path.endswith("/"))
    assert len(found) > 10_000
