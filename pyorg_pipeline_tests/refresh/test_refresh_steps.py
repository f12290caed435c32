"""The steps of a refresh, on a small site that changes."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pyorg_pipeline.catalog import schemas
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
from pyorg_pipeline.refresh.directories import (
    due_directories,
    due_since_listing,
)
from pyorg_pipeline.refresh.publish import publication_due
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import (
    Catalog,
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


def test_a_first_refresh_asks_for_the_root_and_each_release_directory_once(
    site: Replica, empty: Catalog
) -> None:
    empty.refresh()
    assert asked(site)[0] == ""
    assert sorted(asked(site)[1:]) == sorted(f"{name}/" for name in DIRECTORIES)


def test_the_directories_table_is_sorted_by_version_and_has_the_listed_dates(
    empty: Catalog,
) -> None:
    update = empty.update()
    rows = empty.store.rows(DIRECTORIES_FILE)
    assert [row["name"] for row in rows] == DIRECTORIES == update.present == list(update.new)
    row = rows[2]
    assert (row["major"], row["minor"], row["micro"]) == (3, 13, 9)
    assert row["last_modified"] == LONG_AGO - timedelta(days=1)
    assert row["removed_at"] is None
    assert datetime.now(UTC) - row["first_seen"] < timedelta(minutes=1)
    assert rows[0]["major"] is None


def test_the_table_of_a_directory_has_every_file_and_its_companions(empty: Catalog) -> None:
    done = empty.refresh()["3.13.9"]
    rows = empty.store.rows(directory_file("3.13.9"))
    assert [row["path"] for row in rows] == [
        "3.13.9/Python-3.13.9.tar.xz",
        "3.13.9/Python-3.13.9.tgz",
        "3.13.9/python-3.13.9-amd64.exe",
    ]
    tarball = rows[0]
    assert tarball["version"] == "3.13.9"
    assert tarball["artifact_type"] == "source-release"
    assert tarball["format"] == "tarball_lzma"
    assert tarball["size"] == 22_000_000
    assert tarball["last_modified"] == LONG_AGO
    assert tarball["companions"] == [".asc"]
    assert tarball["directory_last_modified"] == LONG_AGO - timedelta(days=1)
    assert rows[2]["arch"] == "amd64"
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
    rows = {
        (row["series"], row["final_only"]): (row["version"], row["source_path"])
        for row in catalog.store.rows(LATEST_FILE)
    }
    assert rows == {
        (None, False): ("3.15.0a1", "3.15.0/Python-3.15.0a1.tgz"),
        (None, True): ("3.14.0", "3.14.0/Python-3.14.0.tar.xz"),
        ("1.5", False): ("1.5.2", "src/python-1.5.2.tar.gz"),
        ("1.5", True): ("1.5.2", "src/python-1.5.2.tar.gz"),
        ("2.7", False): ("2.7.0", "2.7/Python-2.7.tgz"),
        ("2.7", True): ("2.7.0", "2.7/Python-2.7.tgz"),
        ("3.13", False): ("3.13.9", "3.13.9/Python-3.13.9.tar.xz"),
        ("3.13", True): ("3.13.9", "3.13.9/Python-3.13.9.tar.xz"),
        ("3.14", False): ("3.14.0", "3.14.0/Python-3.14.0.tar.xz"),
        ("3.14", True): ("3.14.0", "3.14.0/Python-3.14.0.tar.xz"),
        ("3.15", False): ("3.15.0a1", "3.15.0/Python-3.15.0a1.tgz"),
    }


def test_with_nothing_new_nothing_is_due(site: Replica, catalog: Catalog) -> None:
    site.clear_requests()
    catalog.update()
    assert due_directories(catalog.store) == {}
    assert not publication_due(catalog.store)
    assert asked(site) == [""]


def test_an_added_file_makes_its_directory_due_and_then_racy(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    update = catalog.update()
    assert update.changed == ("3.14.0",)
    assert due_directories(catalog.store) == {"3.14.0": Due.CHANGED}
    done = catalog.crawl()
    assert done["3.14.0"].added == ("3.14.0/python-3.14.0-amd64.exe",)
    assert due_directories(catalog.store) == {"3.14.0": Due.RACY}
    assert publication_due(catalog.store)


def test_a_directory_whose_page_came_out_of_a_cache_is_racy(site: Replica, empty: Catalog) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5, last_modified=an_hour_ago)
    site.answer("3.14.0/", Answer(headers={"Age": "7200"}))
    empty.refresh()
    assert due_directories(empty.store) == {"3.14.0": Due.RACY}


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
    # The same page out of the cache proves nothing.
    assert isinstance(catalog.refresh()["3.13.9"].error, ArtifactsLostError)
    site.clear_answers()
    assert catalog.refresh()["3.13.9"].removed == (INSTALLER,)
    assert INSTALLER not in paths(catalog)
    assert read_failures(catalog.store) == {}


def test_a_failure_in_between_does_not_forget_a_loss(site: Replica, catalog: Catalog) -> None:
    site.remove(INSTALLER)
    site.answer("3.13.9/", AGED)
    catalog.refresh()
    site.answer("3.13.9/", Answer(status=403))
    assert isinstance(catalog.refresh()["3.13.9"].error, SiteStatusError)
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


def test_a_directory_with_a_superseded_artifact_can_be_crawled_again(
    site: Replica, empty: Catalog
) -> None:
    site.add(f"{INSTALLER}_superceded", size=28_000_000)
    empty.refresh()
    done = empty.crawl("3.13.9")["3.13.9"]
    assert (done.error, done.removed) == (None, ())


def test_a_removed_file_is_recorded_with_its_time_and_returns_as_added(
    site: Replica, catalog: Catalog
) -> None:
    path = "3.13.9/Python-3.13.9.tgz"

    def removed_at() -> object:
        rows = catalog.store.rows(directory_file("3.13.9"))
        listed = [row["path"] for row in rows]
        assert len(listed) == 3
        assert listed == sorted(listed)
        return rows[listed.index(path)]["removed_at"]

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


def test_a_replaced_file_is_noticed_by_size_and_by_date(site: Replica, catalog: Catalog) -> None:
    site.replace("3.13.9/Python-3.13.9.tgz", size=1, last_modified=LONG_AGO)
    site.replace("3.13.9/Python-3.13.9.tar.xz", size=22_000_000)
    assert catalog.refresh()["3.13.9"].replaced == (
        "3.13.9/Python-3.13.9.tar.xz",
        "3.13.9/Python-3.13.9.tgz",
    )


def test_the_data_version_moves_with_the_listing_and_not_with_the_clock(
    site: Replica, empty: Catalog
) -> None:
    first = empty.refresh()["3.13.9"].data_version
    assert empty.crawl("3.13.9")["3.13.9"].data_version == first
    site.replace("3.13.9/Python-3.13.9.tgz", size=1)
    assert empty.crawl("3.13.9")["3.13.9"].data_version != first


def test_a_removed_directory_leaves_the_catalog_and_can_return(
    site: Replica, catalog: Catalog
) -> None:
    def removed_at() -> object:
        rows = catalog.store.rows(DIRECTORIES_FILE)
        return next(row["removed_at"] for row in rows if row["name"] == "2.7")

    site.remove("2.7/")
    assert catalog.update().vanished == ("2.7",)
    assert removed_at() is not None
    assert publication_due(catalog.store)
    publish_catalog(catalog.store)
    assert not [path for path in paths(catalog) if path.startswith("2.7/")]
    site.add("2.7/Python-2.7.tgz", size=1)
    catalog.refresh()
    assert removed_at() is None
    assert "2.7/Python-2.7.tgz" in paths(catalog)


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
    site.remove("2.7/")
    site.remove("src/")
    with pytest.raises(RootListingError, match="no longer lists 2 of 5 known"):
        catalog.update()
    assert catalog.update(accept_vanished=True).vanished == ("2.7", "src")


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


def test_a_root_without_release_directories_is_no_site(site: Replica, empty: Catalog) -> None:
    for name in DIRECTORIES:
        site.remove(f"{name}/")
    with pytest.raises(ListingError, match="is PYORG_SITE_URL the folder"):
        empty.update()


def test_a_failed_directory_keeps_its_table_and_is_due_again(
    site: Replica, catalog: Catalog
) -> None:
    before = catalog.store.location.read(directory_file("3.14.0"))
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    site.add("3.13.9/python-3.13.9-arm64.exe", size=5)
    site.answer("3.14.0/", Answer(status=503))
    done = catalog.refresh()
    assert isinstance(done["3.14.0"].error, SiteStatusError)
    assert not done["3.14.0"].hidden
    assert catalog.store.location.read(directory_file("3.14.0")) == before
    assert "3.13.9/python-3.13.9-arm64.exe" in paths(catalog)
    assert due_directories(catalog.store)["3.14.0"] is Due.FAILED
    [row] = catalog.store.rows(FAILURES_FILE)
    assert (row["directory"], row["attempts"], row["hidden"]) == ("3.14.0", 1, False)

    site.clear_answers()
    assert catalog.refresh()["3.14.0"].added == ("3.14.0/python-3.14.0-amd64.exe",)
    assert catalog.store.rows(FAILURES_FILE) == []


def test_a_directory_that_never_gave_a_listing_is_hidden(site: Replica, empty: Catalog) -> None:
    page = Answer(body=b"<html><head><title>Python 2.7</title></head><body></body></html>")
    site.answer("2.7/", page)
    done = empty.refresh()
    assert isinstance(done["2.7"].error, ListingError)
    assert done["2.7"].hidden
    assert due_directories(empty.store) == {}
    site.clear_answers()
    assert not empty.crawl("2.7")["2.7"].hidden
    site.answer("2.7/", page)
    done = empty.crawl("2.7")
    assert not done["2.7"].hidden
    assert due_directories(empty.store) == {"2.7": Due.FAILED}


def test_a_cut_page_of_a_new_directory_is_a_failure(site: Replica, empty: Catalog) -> None:
    cut = b"<html>\r\n<head><title>Index of /ftp/python/2.7/</title></head>\r\n<body>"
    site.answer("2.7/", Answer(body=cut))
    assert not empty.refresh()["2.7"].hidden
    assert due_directories(empty.store) == {"2.7": Due.FAILED}


def test_another_site_is_refused_unless_the_refresh_is_full(
    catalog: Catalog, site: Replica
) -> None:
    entries = [entry for entry in small_site() if not entry.path.startswith("3.15.0/")]
    with Replica(entries) as other, SiteClient(other.url) as client:
        moved = Catalog(catalog.store, client)
        with pytest.raises(CatalogSiteError) as raised:
            moved.update()
        assert (raised.value.recorded, raised.value.wanted) == (site.url, other.url)
        assert moved.update(full=True).new == tuple(moved.update(full=True).present)
        assert set(due_directories(moved.store).values()) == {Due.NEW}
        moved.crawl()
        publish_catalog(moved.store)
    assert not [path for path in paths(moved) if path.startswith("3.15.0/")]
    assert moved.store.metadata(CATALOG_FILE)["site_url"] == other.url


def test_a_crawl_of_another_site_changes_nothing(catalog: Catalog) -> None:
    before = {name: catalog.store.metadata(directory_file(name)) for name in DIRECTORIES}
    with Replica(small_site()) as other, SiteClient(other.url) as client:
        with pytest.raises(CatalogSiteError):
            Catalog(catalog.store, client).crawl(*DIRECTORIES)
        assert asked(other) == []
    assert {name: catalog.store.metadata(directory_file(name)) for name in DIRECTORIES} == before


def test_a_site_without_readable_directories_gives_an_empty_catalog(
    site: Replica, empty: Catalog
) -> None:
    for name in DIRECTORIES:
        site.answer(f"{name}/", Answer(status=403))
    failed = empty.refresh()
    assert all("forbidden (403)" in str(done.error) for done in failed.values())
    assert failed.keys() == set(DIRECTORIES)
    assert paths(empty) == []
    assert not publication_due(empty.store)
    site.clear_answers()
    empty.refresh()
    assert len(paths(empty)) == 10


def test_a_crawl_without_a_published_catalog_makes_publication_due(empty: Catalog) -> None:
    empty.update()
    empty.crawl()
    assert publication_due(empty.store)
    publish_catalog(empty.store)
    assert publication_due(empty.store)
    publish_latest(empty.store)
    assert publication_due(empty.store)
    publish_releases(empty.store)
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
    assert due_directories(catalog.store) == {"3.14.0": Due.NEW}
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
    assert not [done for done in catalog.crawl(*DIRECTORIES).values() if done.error]
    publish_catalog(catalog.store)
    assert paths(catalog) == before


def test_readers_see_the_old_snapshot_or_the_new_one_while_it_is_published(
    site: Replica, catalog: Catalog
) -> None:
    before = paths(catalog)
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    catalog.update()
    catalog.crawl()
    seen: list[list[str]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(paths(catalog))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        publish_catalog(catalog.store)
    stop.set()
    reader.join()
    after = paths(catalog)
    assert len(after) == len(before) + 1
    assert all(paths in (before, after) for paths in seen)


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
    assert due_since_listing(catalog.store) == {"3.14.0": Due.CHANGED, "3.15.0": Due.CHANGED}
    catalog.crawl("3.15.0")
    assert due_since_listing(catalog.store) == {"3.14.0": Due.CHANGED}
    catalog.crawl("3.14.0")
    # 3.14.0 is racy and 3.15.0 has failed: the next round's.
    assert due_directories(catalog.store) == {"3.14.0": Due.RACY, "3.15.0": Due.FAILED}
    assert due_since_listing(catalog.store) == {}
    catalog.update()
    assert due_since_listing(catalog.store) == {"3.14.0": Due.RACY, "3.15.0": Due.FAILED}


def crawled_at(catalog: Catalog, name: str, moment: datetime) -> None:
    """Have a directory's table say that it was crawled at another time."""
    table, metadata = catalog.store.read(directory_file(name))
    metadata = {**metadata, "crawled_at": moment}
    catalog.store.write(directory_file(name), schemas.RELEASE_ARTIFACTS, table, metadata)


def test_a_crawl_by_a_clock_that_was_ahead_does_not_count(site: Replica, catalog: Catalog) -> None:
    crawled_at(catalog, "3.14.0", datetime.now(UTC) + timedelta(days=30))
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    catalog.update()
    assert due_since_listing(catalog.store) == {"3.14.0": Due.CHANGED}
    catalog.crawl("3.14.0")
    assert due_since_listing(catalog.store) == {}


def test_nothing_is_due_after_a_root_read_by_a_clock_that_was_ahead(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/python-3.14.0-amd64.exe", size=5)
    catalog.update()
    table, metadata = catalog.store.read(DIRECTORIES_FILE)
    ahead = {**metadata, "checked_at": datetime.now(UTC) + timedelta(hours=3)}
    catalog.store.write(DIRECTORIES_FILE, schemas.RELEASE_DIRECTORIES, table, ahead)
    # Otherwise it would be crawled again at each look until that hour comes.
    assert due_since_listing(catalog.store) == {}
    catalog.update()
    assert due_since_listing(catalog.store) == {"3.14.0": Due.CHANGED}
