"""The files of recorded changes: which of them count, reading, merging."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.changes import (
    FOLDER,
    MOST_FILES,
    changes_since,
    last_metadata,
    last_number,
    merge_files,
    write_changes,
)
from pyorg_pipeline.catalog.location import LocalLocation, Stamp, open_location
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.errors import CatalogError

SITE = "http://127.0.0.1/ftp/python/"
OTHER = "http://127.0.0.1/mirror/"
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
MODIFIED = datetime(2026, 10, 31, 9, 30, tzinfo=UTC)


def seen(sequence: int) -> datetime:
    return START + timedelta(hours=sequence)


def row(sequence: int, path: str, **more: Any) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "change": "appeared",
        "path": path,
        "name": path.rpartition("/")[2],
        "directory": path.partition("/")[0],
        "artifact_type": "source-release",
        "size": sequence,
        "seen_at": seen(sequence),
        **more,
    }


def write(store: CatalogStore, sequence: int, *rows: dict[str, Any], site_url: str = SITE) -> None:
    made = rows or (row(sequence, f"3.14.0/{sequence}.tgz"),)
    table = pa.Table.from_pylist(list(made), schema=schemas.CATALOG_CHANGES)
    write_changes(store, table, {"site_url": site_url})


def filled(store: CatalogStore, sequences: Sequence[int]) -> CatalogStore:
    for sequence in sequences:
        write(store, sequence)
    return store


def listed(store: CatalogStore, since: datetime | None = None, **how: Any) -> list[int | None]:
    """The sequences of the changes that are listed, which the rows here have as sizes."""
    found = changes_since(store, SITE, since, base_url=SITE, **how)
    return [change.size for change in found]


def names(store: CatalogStore) -> list[str]:
    return list(store.location.stamps(FOLDER))


@pytest.fixture
def store(tmp_path: Path) -> CatalogStore:
    return CatalogStore(LocalLocation(tmp_path))


def test_changes_are_listed_with_the_newest_last(store: CatalogStore) -> None:
    assert (listed(store), last_number(store), last_metadata(store)) == ([], 0, {})
    signature = row(2, "3.14.0/a 2.tgz.asc", companion_of="3.14.0/a 2.tgz")
    write(store, 2, row(2, "3.14.0/a 2.tgz"), signature)
    write(store, 10)
    write(store, 1)
    assert listed(store) == [1, 2, 10]
    assert listed(store, companions=True) == [1, 2, 2, 10]
    urls = [one.url for one in changes_since(store, SITE, base_url="https://x.example/")]
    assert urls[1] == "https://x.example/3.14.0/a%202.tgz"
    assert (last_number(store), last_metadata(store)["last_seen_at"]) == (10, seen(10))


@pytest.mark.parametrize(
    ("since", "found"),
    [
        (seen(1), [2, 3]),
        (seen(2) - timedelta(milliseconds=1), [2, 3]),
        (seen(3), []),
        (START, [1, 2, 3]),
    ],
)
def test_since_leaves_out_what_was_not_seen_later(
    store: CatalogStore, since: datetime, found: list[int]
) -> None:
    assert listed(filled(store, [1, 2, 3]), since) == found


def test_older_files_than_since_are_not_read(tmp_path: Path) -> None:
    class Watched(LocalLocation):
        """A folder that remembers what was read."""

        def read(self, name: str) -> bytes:
            was_read.append(name.rpartition("/")[2])
            return super().read(name)

    was_read: list[str] = []
    store = filled(CatalogStore(Watched(tmp_path)), range(1, 31))
    was_read.clear()
    assert listed(store, seen(28)) == [29, 30]
    assert was_read == ["000030.parquet", "000029.parquet", "000028.parquet"]


def test_merged_files_and_foreign_names_are_ignored(store: CatalogStore) -> None:
    filled(store, [1, 2, 3, 4])
    both = [row(1, "a.tgz"), row(2, "b.tgz"), row(3, "c.tgz")]
    metadata = {"site_url": SITE, "first_seen_at": seen(1), "last_seen_at": seen(3)}
    for span in ("000001-000003", "000002-000003"):
        store.write(f"{FOLDER}/{span}.parquet", both, metadata)
    foreign = ["000001.parquet.bak", "1.parquet", "notes.txt"]
    for name in foreign:
        store.location.write(f"{FOLDER}/{name}", b"not ours")
    assert listed(store) == [1, 2, 3, 4]
    merge_files(store)
    assert names(store) == sorted(["000001-000003.parquet", "000004.parquet", *foreign])
    assert listed(store) == [1, 2, 3, 4]


def test_many_files_behind_a_url_are_merged_into_one_with_the_same_changes() -> None:
    location = open_location(f"memory://{secrets.token_hex(8)}/catalog")
    store = filled(CatalogStore(location), range(1, MOST_FILES + 1))
    merge_files(store)
    assert len(names(store)) == MOST_FILES
    # As earlier versions wrote them.
    table, metadata = store.read(f"{FOLDER}/000001.parquet")
    store.write(f"{FOLDER}/000001.parquet", table.drop_columns(["sha256_before"]), metadata)
    write(store, MOST_FILES + 1, row(MOST_FILES + 1, "3.14.0/x.tgz", sha256_before="5a"))
    before = changes_since(store, SITE, base_url=SITE)
    assert [change.sha256_before for change in before] == [None] * MOST_FILES + ["5a"]
    merge_files(store)
    assert names(store) == ["000001-000065.parquet"]
    assert changes_since(store, SITE, base_url=SITE) == before
    assert listed(store, seen(60)) == [61, 62, 63, 64, 65]
    metadata = store.metadata(f"{FOLDER}/000001-000065.parquet")
    assert (metadata["first_seen_at"], metadata["last_seen_at"]) == (seen(1), seen(65))
    assert metadata["site_url"] == SITE
    write(store, 66)
    assert (last_number(store), last_metadata(store)["last_seen_at"]) == (66, seen(66))
    assert listed(store) == list(range(1, 67))


def test_only_neighbours_of_one_site_that_can_be_read_are_merged(store: CatalogStore) -> None:
    filled(store, range(1, 71))
    write(store, 20, site_url=OTHER)
    write(store, 21, site_url=OTHER)
    store.location.write(f"{FOLDER}/000050.parquet", b"broken")
    merge_files(store)
    assert names(store) == [
        "000001-000019.parquet",
        "000020-000021.parquet",
        "000022-000049.parquet",
        "000050.parquet",
        "000051-000070.parquet",
    ]
    assert listed(store, seen(51)) == list(range(52, 71))


def test_a_broken_file_is_an_error_that_says_how_to_go_on(store: CatalogStore) -> None:
    filled(store, [1, 2, 3])
    store.location.write(f"{FOLDER}/000002.parquet", b"broken")
    message = r"000002\.parquet cannot be read: .*; remove it to list the other changes"
    with pytest.raises(CatalogError, match=message):
        listed(store)
    store.location.delete(f"{FOLDER}/000002.parquet")
    assert listed(store) == [1, 3]


def test_a_reader_beside_a_merge_sees_each_change_once(tmp_path: Path) -> None:
    class Merging(LocalLocation):
        """A folder in which files are merged once between its listing and the next read."""

        is_due = False

        def stamps(self, folder: str) -> dict[str, Stamp]:
            found = super().stamps(folder)
            if folder == FOLDER and self.is_due:
                self.is_due = False
                merge_files(CatalogStore(LocalLocation(self.folder)))
            return found

    location = Merging(tmp_path)
    store = filled(CatalogStore(location), range(1, MOST_FILES + 2))
    location.is_due = True
    assert listed(store) == list(range(1, MOST_FILES + 2))
    assert names(store) == ["000001-000065.parquet"]
