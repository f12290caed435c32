"""Tables in, tables out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.location import LocalLocation, open_location
from pyorg_pipeline.catalog.store import (
    DIRECTORIES_FILE,
    VERSION_COLUMNS,
    CatalogStore,
    directory_file,
    sort_by_version,
)
from pyorg_pipeline.errors import CatalogMissingError, CatalogUnreadableError

NOW = datetime(2026, 10, 7, 9, 30, 15, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> CatalogStore:
    return CatalogStore(LocalLocation(tmp_path))


def test_rows_and_metadata_come_back_with_their_types(store: CatalogStore) -> None:
    row = {"name": "3.14.0", "major": 3, "minor": 14, "micro": 0, "first_seen": NOW}
    metadata = {"site_url": "http://127.0.0.1/", "checked_at": NOW, "counts": {"a": 1}}
    size = store.write(DIRECTORIES_FILE, [row], metadata)
    assert size == (Path(store.location.text) / DIRECTORIES_FILE).stat().st_size
    assert store.rows(DIRECTORIES_FILE) == [{**row, "last_modified": None, "removed_at": None}]
    assert store.metadata(DIRECTORIES_FILE) == {"format": 3, **metadata}


def test_a_missing_table_has_no_rows_and_a_foreign_one_is_named_in_the_error(
    store: CatalogStore, tmp_path: Path
) -> None:
    assert store.rows(DIRECTORIES_FILE) == []
    assert store.metadata_or_none(DIRECTORIES_FILE) is None
    with pytest.raises(CatalogMissingError, match="run `pyorg refresh` to create it"):
        store.read(DIRECTORIES_FILE)
    pq.write_table(schemas.RELEASE_DIRECTORIES.empty_table(), tmp_path / DIRECTORIES_FILE)
    message = rf"{DIRECTORIES_FILE} .*no metadata of this package"
    with pytest.raises(CatalogUnreadableError, match=message):
        store.metadata(DIRECTORIES_FILE)


def test_a_table_cut_at_any_byte_is_unreadable(store: CatalogStore, tmp_path: Path) -> None:
    store.write(DIRECTORIES_FILE, [], {"site_url": "x"})
    whole = (tmp_path / DIRECTORIES_FILE).read_bytes()
    for length in range(0, len(whole), 7):
        (tmp_path / DIRECTORIES_FILE).write_bytes(whole[:length])
        with pytest.raises(CatalogUnreadableError):
            store.read(DIRECTORIES_FILE)


def test_a_flipped_bit_in_a_page_never_changes_a_value(store: CatalogStore, tmp_path: Path) -> None:
    names = [f"3.{minor}.{micro}" for minor in range(20) for micro in range(10)]
    store.write(DIRECTORIES_FILE, [{"name": name, "first_seen": NOW} for name in names], {})
    whole = (tmp_path / DIRECTORIES_FILE).read_bytes()
    values = store.read(DIRECTORIES_FILE).table.columns
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    unreadable = 0
    for bit in range(0, pages * 8, 13):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        (tmp_path / DIRECTORIES_FILE).write_bytes(flipped)
        try:
            assert store.read(DIRECTORIES_FILE).table.columns == values
        except CatalogUnreadableError:
            unreadable += 1
    assert unreadable > 100


def test_text_that_is_not_utf8_makes_a_table_unreadable(store: CatalogStore) -> None:
    table = pa.Table.from_pylist([{"name": "2.7", "first_seen": NOW}], schemas.RELEASE_DIRECTORIES)
    broken = pa.array([b"2.\xff"]).view(pa.string())
    store.write(DIRECTORIES_FILE, table.set_column(0, table.schema.field(0), broken), {})
    with pytest.raises(CatalogUnreadableError):
        store.read(DIRECTORIES_FILE)


def write_in_format(
    store: CatalogStore, monkeypatch: pytest.MonkeyPatch, number: int, table: Any
) -> None:
    with monkeypatch.context() as other:
        other.setattr("pyorg_pipeline.catalog.store.FORMAT", number)
        store.write(DIRECTORIES_FILE, table, {})


def test_a_table_of_a_later_format_is_refused(
    store: CatalogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_in_format(store, monkeypatch, 99, [])
    with pytest.raises(CatalogUnreadableError, match="its format is 99, this version reads 1 to 3"):
        store.read(DIRECTORIES_FILE)


@pytest.mark.parametrize("columns", [None, ["name", "removed_at"]])
def test_a_table_of_format_1_has_its_column_gone_since_as_removed_at(
    store: CatalogStore, monkeypatch: pytest.MonkeyPatch, columns: list[str] | None
) -> None:
    new = schemas.RELEASE_DIRECTORIES
    table = pa.Table.from_pylist([{"name": "2.7", "first_seen": NOW, "removed_at": NOW}], new)
    old = ["gone_since" if name == "removed_at" else name for name in new.names]
    write_in_format(store, monkeypatch, 1, table.rename_columns(old))
    found = store.read(DIRECTORIES_FILE, columns)
    assert found.metadata == {"format": 1}
    assert found.table.column_names == (columns or new.names)
    assert found.table.to_pylist()[0]["removed_at"] == NOW


@pytest.mark.parametrize("columns", [None, ["name", "minor", "last_modified"]])
def test_columns_that_an_older_format_lacks_are_null(
    store: CatalogStore, monkeypatch: pytest.MonkeyPatch, columns: list[str] | None
) -> None:
    new = schemas.RELEASE_DIRECTORIES
    table = pa.Table.from_pylist([{"name": "2.7", "first_seen": NOW, "minor": 7}], new)
    older = table.drop_columns(["last_modified", "major"])
    write_in_format(store, monkeypatch, 2, older)
    found = store.read(DIRECTORIES_FILE, columns).table
    row = {**dict.fromkeys(new.names), "name": "2.7", "minor": 7, "first_seen": NOW}
    assert found.to_pylist() == [{name: row[name] for name in columns or new.names}]
    assert found.schema.field("last_modified").type == schemas.TIME


def test_the_metadata_of_broken_tables_are_left_out(store: CatalogStore, tmp_path: Path) -> None:
    for name in ("src", "3.9.0"):
        store.write(directory_file(name), [], {"n": name})
    (tmp_path / directory_file("3.10.0")).write_bytes(b"broken")
    found = {name: {"format": 3, "n": name} for name in ("3.9.0", "src")}
    assert store.directory_metadata() == found


@pytest.mark.parametrize("kind", ["local", "memory", "s3"])
def test_only_tables_written_since_are_opened_for_their_metadata(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    opened: list[str] = []

    class Watched(CatalogStore):
        def metadata(self, name: str) -> dict[str, Any]:
            opened.append(name)
            return super().metadata(name)

    url = str(tmp_path) if kind == "local" else f"memory://{tmp_path.name}"
    url = request.getfixturevalue("s3_url") if kind == "s3" else url
    for name in ("3.8.0", "3.9.0", "3.10.0"):
        CatalogStore(open_location(url)).write(directory_file(name), [], {"n": 1})
    assert len(Watched(open_location(url)).directory_metadata()) == len(opened) == 3
    opened.clear()
    store = Watched(open_location(url))
    assert {each["n"] for each in store.directory_metadata().values()} == {1}
    assert opened == []
    store.write(directory_file("3.9.0"), [], {"n": 2})
    store.location.delete(directory_file("3.8.0"))
    found = store.directory_metadata()
    assert {name: each["n"] for name, each in found.items()} == {"3.10.0": 1, "3.9.0": 2}
    assert opened == [directory_file("3.9.0")]


@pytest.mark.parametrize("damage", [b"", b"{}", b"00000000\n{}", "changed"])
def test_a_damaged_index_of_metadata_is_made_again(
    store: CatalogStore, tmp_path: Path, damage: bytes | str
) -> None:
    store.write(directory_file("3.9.0"), [], {"n": "right"})
    expected = store.directory_metadata()
    index = tmp_path / "release_artifacts_index.json"
    intact = index.read_bytes()
    changed = intact.replace(b"right", b"wrong")
    index.write_bytes(damage if isinstance(damage, bytes) else changed)
    assert store.directory_metadata() == expected
    assert index.read_bytes() == intact


def test_versions_sort_by_number_and_level_and_what_has_none_comes_first() -> None:
    rows = [
        ("b", 3, 10, 0, "final", 0),
        ("a", 3, 10, 0, "final", 0),
        ("c", 3, 10, 0, "candidate", 2),
        ("d", 3, 10, 0, "alpha", 10),
        ("e", 3, 10, 0, "alpha", 9),
        ("f", 3, 10, 0, None, None),
        ("g", 3, 9, 0, "final", 0),
        ("h", None, None, None, None, None),
    ]
    names = ["path", *VERSION_COLUMNS]
    table = pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))
    assert "".join(sort_by_version(table)["path"].to_pylist()) == "hgfedcab"
    assert sort_by_version(table.slice(0, 0)).num_rows == 0


def test_every_column_of_every_table_says_what_it_means() -> None:
    tables = [value for value in vars(schemas).values() if isinstance(value, pa.Schema)]
    assert len(tables) == len(schemas.TABLES) == 10
    for column in (column for table in tables for column in table):
        assert len(column.metadata[b"description"]) > 10, column.name
