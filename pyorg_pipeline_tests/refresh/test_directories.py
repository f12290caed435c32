"""The root listing, and which directories are due, on a small site that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pyorg_pipeline.catalog.store import (
    CATALOG_FILE,
    DIRECTORIES_FILE,
    CatalogStore,
    directory_file,
)
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    CatalogSiteError,
    ListingError,
    RootListingError,
    SiteStatusError,
)
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.filling import (
    Catalog,
    publication_due,
    publish_catalog,
)
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, LONG_AGO, small_site


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


def test_a_catalog_of_an_older_format_is_read_and_its_directories_are_crawled_again(
    site: Replica, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = catalog.store.rows(CATALOG_FILE)
    names = [CATALOG_FILE, DIRECTORIES_FILE, *map(directory_file, DIRECTORIES)]
    stored = {name: catalog.store.read(name) for name in names}
    with monkeypatch.context() as older:
        older.setattr("pyorg_pipeline.catalog.store.FORMAT", 2)
        for name, (table, metadata) in stored.items():
            added = {"embed", "companion_sizes"}.intersection(table.column_names)
            catalog.store.write(name, table.drop_columns(sorted(added)), metadata)
    assert catalog.paths == [row["path"] for row in expected]
    site.answer("2.7/", Answer(status=403))
    catalog.refresh()
    assert catalog.due_directories == {"2.7": Due.FAILED}
    site.clear_answers()
    assert list(catalog.refresh()) == ["2.7"]
    assert catalog.sequence is None
    assert catalog.due_directories == {}
    for row, before in zip(catalog.store.rows(CATALOG_FILE), expected, strict=True):
        assert {**row, "crawled_at": None} == {**before, "crawled_at": None}
    site.clear_requests()
    assert catalog.refresh() == {}
    assert asked(site) == [""]


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
    # They are counted once, or each later listing would have lost too many.
    assert catalog.update().vanished == ()
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
    assert not [path for path in moved.paths if path.startswith("3.15.0/")]
    assert moved.store.metadata(CATALOG_FILE)["site_url"] == other.url


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
    store.write(name, table, {**before, **metadata})


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
