"""The steps of a refresh, on a small site that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
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
    CatalogSiteError,
    CatalogUnreadableError,
    ListingError,
    RootListingError,
    SiteStatusError,
)
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.artifacts import (
    ArtifactsLostError,
    read_failures,
)
from pyorg_pipeline.refresh.checks import latest_never_goes_back
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import (
    Catalog,
    publication_due,
    publish_catalog,
    publish_latest,
    publish_releases,
)
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, LONG_AGO, small_site

INSTALLER = "3.13.9/python-3.13.9-amd64.exe"
#: A page that was made a minute before it is received.
AGED = Answer(headers={"Age": "60"})


def paths(catalog: Catalog) -> list[str]:
    return [row["path"] for row in catalog.store.rows(CATALOG_FILE)]


def asked(site: Replica) -> list[str]:
    return [request.path for request in site.requests]


def test_a_first_refresh_reads_everything_once_and_the_next_one_the_root_alone(
    site: Replica, empty: Catalog
) -> None:
    update = empty.update()
    rows = empty.store.rows(DIRECTORIES_FILE)
    assert [row["name"] for row in rows] == DIRECTORIES == update.present == list(update.new)
    assert datetime.now(UTC) - rows[2].pop("first_seen") < timedelta(minutes=1)
    assert rows[2] == {
        "name": "3.13.9",
        "major": 3,
        "minor": 13,
        "micro": 9,
        "last_modified": LONG_AGO - timedelta(days=1),
        "removed_at": None,
    }
    assert rows[0]["major"] is None
    empty.refresh()
    assert sorted(asked(site)) == ["", "", *sorted(f"{name}/" for name in DIRECTORIES)]
    assert (empty.due_directories, publication_due(empty.store)) == ({}, False)
    site.clear_requests()
    assert empty.refresh() == {}
    assert asked(site) == [""]


def test_the_table_of_a_directory_has_every_file_and_its_companions(empty: Catalog) -> None:
    done = empty.refresh()["3.13.9"]
    rows = empty.store.rows(directory_file("3.13.9"))
    assert [(row["name"], row["arch"]) for row in rows] == [
        ("Python-3.13.9.tar.xz", None),
        ("Python-3.13.9.tgz", None),
        ("python-3.13.9-amd64.exe", "amd64"),
    ]
    expected = {
        "version": "3.13.9",
        "artifact_type": "source-release",
        "format": "tarball_lzma",
        "size": 22_000_000,
        "last_modified": LONG_AGO,
        "companions": [".asc"],
        "directory_last_modified": LONG_AGO - timedelta(days=1),
    }
    assert rows[0].items() >= expected.items()
    assert (done.rows, done.companions, done.unrecognised) == (3, 1, 0)


def test_the_catalog_is_sorted_by_version_then_path_and_keeps_unrecognised_files(
    catalog: Catalog,
) -> None:
    assert paths(catalog) == [
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


def test_an_added_file_makes_its_directory_due_and_then_racy(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    update = catalog.update()
    assert update.changed == ("3.14.0",)
    assert catalog.due_directories == {"3.14.0": Due.CHANGED}
    done = catalog.crawl()
    assert done["3.14.0"].added == ("3.14.0/python-3.14.0-amd64.exe",)
    assert catalog.due_directories == {"3.14.0": Due.RACY}
    assert publication_due(catalog.store)


def test_a_directory_whose_page_came_out_of_a_cache_is_racy(site: Replica, empty: Catalog) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5, last_modified=an_hour_ago)
    site.answer("3.14.0/", Answer(headers={"Age": "7200"}))
    empty.refresh()
    assert empty.due_directories == {"3.14.0": Due.RACY}


def test_a_latest_version_that_went_back_fails_the_check_for_a_week(
    catalog: Catalog, site: Replica
) -> None:

    def went_back() -> list[str]:
        table, metadata = catalog.store.read(LATEST_FILE)
        return list(latest_never_goes_back(table.to_pylist(), metadata).samples)

    assert went_back() == []
    site.remove("3.15.0/")
    gone = ["all, of any level: 3.15.0a1 to 3.14.0", "3.15, of any level: 3.15.0a1 to none"]
    # The first may have been stopped before its check.
    for _ in range(3):
        catalog.refresh()
        assert went_back() == gone
    table, metadata = catalog.store.read(LATEST_FILE)
    rows_before = [{**row, "until": row["until"] - timedelta(days=7)} for row in metadata["before"]]
    catalog.store.write(LATEST_FILE, table.schema, table, {**metadata, "before": rows_before})
    assert went_back() == gone
    catalog.refresh()
    assert went_back() == []


def test_a_lost_artifact_is_accepted_when_a_later_listing_confirms_it(
    site: Replica, catalog: Catalog
) -> None:
    table = catalog.store.rows(directory_file("3.13.9"))
    site.remove(INSTALLER)
    site.answer("3.13.9/", AGED)
    first = catalog.refresh()["3.13.9"]
    assert isinstance(first.error, ArtifactsLostError)
    assert str(first.error) == (
        f"{site.url}3.13.9/: 1 of 3 artifacts are no longer listed ({INSTALLER}); accepted "
        "when the next listing says the same, or with `pyorg refresh --accept_vanished true`"
    )
    assert catalog.store.rows(directory_file("3.13.9")) == table
    assert INSTALLER in paths(catalog)
    # A second copy of the same page does not confirm it.
    assert isinstance(catalog.refresh()["3.13.9"].error, ArtifactsLostError)
    site.clear_answers()
    assert catalog.refresh()["3.13.9"].removed == (INSTALLER,)
    assert INSTALLER not in paths(catalog)
    assert read_failures(catalog.store) == {}


def test_a_failure_in_between_does_not_forget_a_loss(site: Replica, catalog: Catalog) -> None:
    site.remove(INSTALLER)
    for answer in (AGED, Answer(status=403)):
        site.answer("3.13.9/", answer)
        assert catalog.refresh()["3.13.9"].error is not None
    site.clear_answers()
    assert catalog.refresh()["3.13.9"].removed == (INSTALLER,)


def test_a_listing_that_lost_more_is_not_accepted_yet(site: Replica, catalog: Catalog) -> None:
    site.remove(INSTALLER)
    site.answer("3.13.9/", AGED, times=1)
    catalog.refresh()
    site.remove("3.13.9/Python-3.13.9.tgz")
    error = catalog.refresh()["3.13.9"].error
    assert isinstance(error, ArtifactsLostError)
    assert list(error.lost) == ["3.13.9/Python-3.13.9.tgz", INSTALLER]


def test_superseded_and_unrecognised_files_are_no_loss(site: Replica, catalog: Catalog) -> None:
    site.remove(INSTALLER)
    site.add(f"{INSTALLER}_superceded", size=28_000_000)
    site.remove("2.7/UNWISE.EXE")
    done = catalog.refresh()
    assert done["3.13.9"].removed == (INSTALLER,)
    assert done["2.7"].removed == ("2.7/UNWISE.EXE",)
    assert catalog.crawl("3.13.9")["3.13.9"].error is None


def test_a_removed_file_is_recorded_with_its_time_and_returns_as_added(
    site: Replica, catalog: Catalog
) -> None:
    path = "3.13.9/Python-3.13.9.tgz"

    def removed_at() -> object:
        rows = {row["path"]: row for row in catalog.store.rows(directory_file("3.13.9"))}
        assert list(rows) == ["3.13.9/Python-3.13.9.tar.xz", path, INSTALLER]
        return rows[path]["removed_at"]

    assert removed_at() is None
    site.remove(path)
    assert catalog.refresh(accept_vanished=True)["3.13.9"].removed == (path,)
    assert path not in paths(catalog)
    first = removed_at()
    catalog.crawl("3.13.9")
    assert removed_at() == first is not None
    site.add(path, size=29_000_000)
    assert catalog.crawl("3.13.9")["3.13.9"].added == (path,)
    assert removed_at() is None


def test_a_replaced_file_is_noticed_by_size_and_date_and_moves_the_data_version(
    site: Replica, catalog: Catalog
) -> None:
    first = catalog.crawl("3.13.9")["3.13.9"]
    assert catalog.crawl("3.13.9")["3.13.9"].data_version == first.data_version
    site.replace("3.13.9/Python-3.13.9.tgz", size=1, last_modified=LONG_AGO)
    site.replace("3.13.9/Python-3.13.9.tar.xz", size=22_000_000)
    done = catalog.refresh()["3.13.9"]
    assert done.replaced == ("3.13.9/Python-3.13.9.tar.xz", "3.13.9/Python-3.13.9.tgz")
    assert done.data_version != first.data_version


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=403), SiteStatusError),
        (Answer(status=503), SiteStatusError),
        (Answer(body=b"<html><body>maintenance</body></html>"), ListingError),
        (Answer(body=b"<html>\r\n<head><title>Index of /ftp/python/</title>"), ListingError),
    ],
)
def test_a_root_that_gives_no_whole_listing_changes_nothing(
    site: Replica, catalog: Catalog, answer: Answer, error: type[Exception]
) -> None:
    before = catalog.store.location.read(DIRECTORIES_FILE)
    site.answer("", answer)
    with pytest.raises(error):
        catalog.update()
    assert catalog.store.location.read(DIRECTORIES_FILE) == before


def test_a_root_that_lost_many_directories_changes_nothing_unless_accepted(
    site: Replica, catalog: Catalog
) -> None:
    before = catalog.store.location.read(DIRECTORIES_FILE)
    site.remove("2.7/")
    site.remove("src/")
    with pytest.raises(RootListingError, match="no longer lists 2 of 5 known"):
        catalog.update()
    assert catalog.store.location.read(DIRECTORIES_FILE) == before
    assert catalog.update(accept_vanished=True).vanished == ("2.7", "src")
    for name in DIRECTORIES[2:]:
        site.remove(f"{name}/")
    with pytest.raises(ListingError, match="is PYORG_SITE_URL the folder"):
        catalog.update()


def test_a_root_may_lose_a_tenth_of_its_directories(site: Replica, empty: Catalog) -> None:
    more = [f"3.9.{micro}" for micro in range(30 - len(DIRECTORIES))]
    for name in more:
        site.add(f"{name}/Python-{name}.tgz", size=1)
    empty.update()
    for name in more[:4]:
        site.remove(f"{name}/")
    with pytest.raises(RootListingError, match="no longer lists 4 of 30 known"):
        empty.update()
    site.add(f"{more[0]}/Python-{more[0]}.tgz", size=1)
    assert empty.update().vanished == tuple(more[1:4])


def test_a_failed_directory_keeps_its_table_and_is_due_again(
    site: Replica, catalog: Catalog
) -> None:
    file, new = directory_file("3.14.0"), "3.14.0/python-3.14.0-amd64.exe"
    before = catalog.store.location.read(file)
    site.add(new, size=5)
    site.add("3.13.9/python-3.13.9-arm64.exe", size=5)
    site.answer("3.14.0/", Answer(status=503))
    done = catalog.refresh()["3.14.0"]
    assert isinstance(done.error, SiteStatusError)
    assert catalog.store.location.read(file) == before
    assert "3.13.9/python-3.13.9-arm64.exe" in paths(catalog)
    assert catalog.due_directories["3.14.0"] is Due.FAILED
    [row] = catalog.store.rows(FAILURES_FILE)
    assert (row["directory"], row["attempts"], row["hidden"]) == ("3.14.0", 1, False)
    site.clear_answers()
    assert catalog.refresh()["3.14.0"].added == (new,)
    assert catalog.store.rows(FAILURES_FILE) == []


def test_a_directory_that_never_gave_a_listing_is_hidden(site: Replica, empty: Catalog) -> None:
    page = Answer(body=b"<html><head><title>Python 2.7</title></head><body></body></html>")
    cut = b"<html>\r\n<head><title>Index of /ftp/python/src/</title></head>\r\n<body>"
    site.answer("2.7/", page)
    site.answer("src/", Answer(body=cut))
    done = empty.refresh()
    assert isinstance(done["2.7"].error, ListingError)
    assert (done["2.7"].hidden, done["src"].hidden) == (True, False)
    assert empty.due_directories == {"src": Due.FAILED}
    site.clear_answers()
    empty.crawl("2.7", "src")
    site.answer("2.7/", page)
    assert not empty.crawl("2.7")["2.7"].hidden
    assert empty.due_directories == {"2.7": Due.FAILED}


def test_another_site_is_refused_unless_the_refresh_is_full(
    catalog: Catalog, site: Replica
) -> None:
    entries = [entry for entry in small_site() if not entry.path.startswith("3.15.0/")]
    with Replica(entries) as other, SiteClient(other.url) as client:
        moved = Catalog(catalog.store, client)
        with pytest.raises(CatalogSiteError) as raised:
            moved.update()
        assert (raised.value.recorded, raised.value.wanted) == (site.url, other.url)
        other.clear_requests()
        with pytest.raises(CatalogSiteError):
            moved.crawl(*DIRECTORIES)
        assert asked(other) == []
        assert moved.update(full=True).new == tuple(DIRECTORIES[:-1])
        assert set(moved.due_directories.values()) == {Due.NEW}
        moved.crawl()
        publish_catalog(moved.store)
    assert not [path for path in paths(moved) if path.startswith("3.15.0/")]
    assert moved.store.metadata(CATALOG_FILE)["site_url"] == other.url


def test_a_site_without_readable_directories_gives_an_empty_catalog(
    site: Replica, empty: Catalog
) -> None:
    for name in DIRECTORIES:
        site.answer(f"{name}/", Answer(status=403))
    failed = empty.refresh()
    assert all("forbidden (403)" in str(failed[name].error) for name in DIRECTORIES)
    assert (paths(empty), publication_due(empty.store)) == ([], False)
    site.clear_answers()
    empty.refresh()
    assert len(paths(empty)) == 10


def test_publication_is_due_until_every_table_is_written(empty: Catalog) -> None:
    empty.update()
    empty.crawl()
    for publish_table in (publish_catalog, publish_latest, publish_releases):
        assert publication_due(empty.store)
        publish_table(empty.store)
    assert not publication_due(empty.store)


def damage(catalog: Catalog, name: str, how: str) -> None:
    """Damage a table's rows; what its footer says stays readable."""
    data = bytearray(catalog.store.location.read(name))
    if how == "a page":
        column = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(0).column(0)
        begin = column.dictionary_page_offset or column.data_page_offset
        data[begin : begin + 16] = bytes(16)
    else:
        begin = min(data.index(text) for text in (b"3.14.0", b"2.7") if text in data)
        data[begin] = 0xFF
    catalog.store.location.write(name, bytes(data))
    assert catalog.store.metadata(name)


@pytest.mark.parametrize("how", ["a page", "a letter"])
def test_a_damaged_table_is_removed_and_its_directory_crawled_anew(
    site: Replica, catalog: Catalog, how: str
) -> None:
    before = paths(catalog)
    damage(catalog, directory_file("3.14.0"), how)
    site.remove("2.7/")
    with pytest.raises(CatalogError, match=r"release_artifacts/3.14.0.parquet.* these"):
        catalog.refresh()
    assert paths(catalog) == before
    assert catalog.due_directories == {"3.14.0": Due.NEW}
    catalog.refresh()
    assert paths(catalog) == [path for path in before if not path.startswith("2.7/")]
    assert not publication_due(catalog.store)


@pytest.mark.parametrize("how", ["a page", "a letter"])
@pytest.mark.parametrize("name", [DIRECTORIES_FILE, directory_file("3.14.0"), CATALOG_FILE])
def test_a_full_refresh_rewrites_damaged_tables(catalog: Catalog, name: str, how: str) -> None:
    before = paths(catalog)
    damage(catalog, name, how)
    with pytest.raises(CatalogUnreadableError):
        catalog.store.read(name)
    catalog.update(full=True)
    catalog.crawl(*DIRECTORIES)
    publish_catalog(catalog.store)
    assert paths(catalog) == before


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
    assert paths(empty)[2:5] == ["2.7/UNWISE.EXE", "2.7/Python-2.7.tgz", "src/Python-2.7.tgz"]


def test_each_directory_is_due_once_for_each_reading_of_the_root(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    site.add("3.15.0/python-3.15.0a1-amd64.exe", size=5)
    site.answer("3.15.0/", Answer(status=403))
    catalog.update()
    assert catalog.due_since_listing == {"3.14.0": Due.CHANGED, "3.15.0": Due.CHANGED}
    catalog.crawl("3.15.0")
    assert catalog.due_since_listing == {"3.14.0": Due.CHANGED}
    catalog.crawl("3.14.0")
    # 3.14.0 is racy and 3.15.0 has failed, but the root was not read again.
    assert catalog.due_directories == {"3.14.0": Due.RACY, "3.15.0": Due.FAILED}
    assert catalog.due_since_listing == {}
    catalog.update()
    assert catalog.due_since_listing == {"3.14.0": Due.RACY, "3.15.0": Due.FAILED}


def rewrite(store: CatalogStore, name: str, **metadata: Any) -> None:
    """Change a table's metadata."""
    table, before = store.read(name)
    store.write(name, table.schema, table, {**before, **metadata})


def test_times_of_a_clock_that_was_ahead_make_neither_a_gap_nor_a_loop(
    site: Replica, catalog: Catalog
) -> None:
    now = datetime.now(UTC)
    rewrite(catalog.store, directory_file("3.14.0"), crawled_at=now + timedelta(days=30))
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    catalog.update()
    assert catalog.due_since_listing == {"3.14.0": Due.CHANGED}
    rewrite(catalog.store, DIRECTORIES_FILE, checked_at=now + timedelta(hours=3))
    # Otherwise it would be crawled again at each look until that hour comes.
    assert catalog.due_since_listing == {}
    catalog.update()
    catalog.crawl("3.14.0")
    assert catalog.due_since_listing == {}
