"""The published tables of a small site that changes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    FAILURES_FILE,
    LATEST_FILE,
    CatalogStore,
    directory_file,
)
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    CatalogError,
    CatalogUnreadableError,
)
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.checks import latest_never_goes_back
from pyorg_pipeline_tests.support.filling import (
    Catalog,
    publication_due,
    publish_catalog,
    publish_latest,
    publish_releases,
)
from pyorg_pipeline_tests.support.small_site import DIRECTORIES


def test_the_catalog_is_sorted_by_version_then_path_and_keeps_unrecognised_files(
    catalog: Catalog,
) -> None:
    assert catalog.paths == [
        "src/lib1.5.tar.gz",
        "src/python-1.5.2.tar.gz",
        "2.7/UNWISE.EXE",
        "2.7/Python-2.7.tgz",
        "3.13.9/Python-3.13.9.tar.xz",
        "3.13.9/Python-3.13.9.tgz",
        "3.13.9/python-3.13.9-amd64.exe",
        "3.14.0/Python-3.14.0rc1.tar.xz",
        "3.14.0/Python-3.14.0.tar.xz",
        "3.15.0/Python-3.15.0a1.tgz",
    ]
    metadata = catalog.store.metadata(CATALOG_FILE)
    assert (metadata["directories"], metadata["releases"]) == (5, 6)
    assert (metadata["artifacts"], metadata["unrecognised"]) == (8, 2)


def test_the_latest_versions_are_found_over_all_and_for_each_series(catalog: Catalog) -> None:
    rows = catalog.store.rows(LATEST_FILE)
    finals = {row["series"]: row["source_path"] for row in rows if row["final_only"]}
    assert finals == {
        None: "3.14.0/Python-3.14.0.tar.xz",
        "1.5": "src/python-1.5.2.tar.gz",
        "2.7": "2.7/Python-2.7.tgz",
        "3.13": "3.13.9/Python-3.13.9.tar.xz",
        "3.14": "3.14.0/Python-3.14.0.tar.xz",
    }
    of_any_level = {row["series"]: row["source_path"] for row in rows if not row["final_only"]}
    alpha = "3.15.0/Python-3.15.0a1.tgz"
    assert of_any_level == {**finals, None: alpha, "3.15": alpha}
    assert {row["version"] for row in rows if row["source_path"] == alpha} == {"3.15.0a1"}


def test_a_latest_version_that_went_back_fails_the_check_for_a_week(
    catalog: Catalog, site: Replica
) -> None:

    def went_back() -> list[str]:
        table, metadata = catalog.store.read(LATEST_FILE)
        found = latest_never_goes_back(table.to_pylist(), metadata)
        assert found.passed == (not found.samples)
        assert found.numbers == {"rows": len(table), "went_back": len(found.samples)}
        return list(found.samples)

    assert went_back() == []
    site.remove("3.15.0/")
    gone = ["all, of any level: 3.15.0a1 to 3.14.0", "3.15, of any level: 3.15.0a1 to none"]
    # The first may have been stopped before its check.
    for _ in range(3):
        catalog.refresh()
        assert went_back() == gone
    table, metadata = catalog.store.read(LATEST_FILE)
    rows_before = [{**row, "until": row["until"] - timedelta(days=7)} for row in metadata["before"]]
    catalog.store.write(LATEST_FILE, table, {**metadata, "before": rows_before})
    assert went_back() == gone
    catalog.refresh()
    assert went_back() == []


def test_a_site_without_readable_directories_gives_an_empty_catalog(
    site: Replica, empty: Catalog
) -> None:
    for name in DIRECTORIES:
        site.answer(f"{name}/", Answer(status=403))
    failed = empty.refresh()
    assert all("forbidden (403)" in str(failed[name].error) for name in DIRECTORIES)
    assert (empty.paths, publication_due(empty.store)) == ([], False)
    # Whichever failed first.
    recorded = [row["directory"] for row in empty.store.rows(FAILURES_FILE)]
    assert recorded == sorted(DIRECTORIES) != DIRECTORIES
    site.clear_answers()
    empty.refresh()
    assert len(empty.paths) == 10


def test_publication_is_due_until_every_table_is_written(empty: Catalog) -> None:
    empty.update()
    empty.crawl()
    for publish_table in (publish_catalog, publish_latest, publish_releases):
        assert publication_due(empty.store)
        publish_table(empty.store)
    assert not publication_due(empty.store)


def damage(catalog: Catalog, name: str) -> None:
    """Damage a page of a table; what its footer says stays readable."""
    data = bytearray(catalog.store.location.read(name))
    column = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(0).column(0)
    begin = column.dictionary_page_offset or column.data_page_offset
    data[begin : begin + 16] = bytes(16)
    catalog.store.location.write(name, bytes(data))
    assert catalog.store.metadata(name)


def test_a_damaged_table_is_removed_and_its_directory_crawled_again(
    site: Replica, catalog: Catalog
) -> None:
    before = catalog.paths
    damage(catalog, directory_file("3.14.0"))
    site.remove("2.7/")
    with pytest.raises(CatalogError, match=r"release_artifacts/3.14.0.parquet.* these"):
        catalog.refresh()
    assert catalog.paths == before
    assert catalog.due_directories == {"3.14.0": Due.NEW}
    catalog.refresh()
    assert catalog.paths == [path for path in before if not path.startswith("2.7/")]
    assert not publication_due(catalog.store)


def test_a_full_refresh_rewrites_damaged_tables(catalog: Catalog) -> None:
    before = catalog.paths
    for name in (DIRECTORIES_FILE, directory_file("3.14.0"), CATALOG_FILE):
        damage(catalog, name)
        with pytest.raises(CatalogUnreadableError):
            catalog.store.read(name)
    catalog.update(full=True)
    catalog.crawl(*DIRECTORIES)
    publish_catalog(catalog.store)
    assert catalog.paths == before


def test_the_same_site_gives_the_same_rows_whatever_came_first(
    site: Replica, empty: Catalog, tmp_path: Path
) -> None:
    # The same version as in a directory that is listed later.
    site.add("src/Python-2.7.tgz", size=1)
    empty.refresh()
    other = Catalog(CatalogStore(LocalLocation(tmp_path / "other")), empty.client)
    other.update()
    for name in reversed(DIRECTORIES):
        other.crawl(name)
    publish_catalog(other.store)

    def rows(store: CatalogStore) -> list[dict[str, Any]]:
        return [{**row, "crawled_at": None} for row in store.rows(CATALOG_FILE)]

    assert rows(other.store) == rows(empty.store)
    assert empty.paths[2:5] == ["2.7/UNWISE.EXE", "2.7/Python-2.7.tgz", "src/Python-2.7.tgz"]
