"""Crawled directories: their tables, losses and failures, on a small site that changes."""

from __future__ import annotations

from datetime import timedelta

from pyorg_pipeline.catalog.store import (
    FAILURES_FILE,
    directory_file,
)
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.errors import (
    ListingError,
    SiteStatusError,
)
from pyorg_pipeline.model.due import Due
from pyorg_pipeline.refresh.artifacts import (
    ArtifactsLostError,
    read_failures,
)
from pyorg_pipeline_tests.support.filling import Catalog
from pyorg_pipeline_tests.support.small_site import LONG_AGO

INSTALLER = "3.13.9/python-3.13.9-amd64.exe"
#: A page that was made a minute before it is received.
AGED = Answer(headers={"Age": "60"})


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
        "when the next listing says the same, or with `pyorg refresh --accept-vanished`"
    )
    assert catalog.store.rows(directory_file("3.13.9")) == table
    assert INSTALLER in catalog.paths
    # A second copy of the same page does not confirm it, and another failure does not forget it.
    assert isinstance(catalog.refresh()["3.13.9"].error, ArtifactsLostError)
    site.answer("3.13.9/", Answer(status=403))
    assert isinstance(catalog.refresh()["3.13.9"].error, SiteStatusError)
    site.clear_answers()
    assert catalog.refresh()["3.13.9"].removed == (INSTALLER,)
    assert INSTALLER not in catalog.paths
    assert read_failures(catalog.store) == {}


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
    assert path not in catalog.paths
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
    assert "3.13.9/python-3.13.9-arm64.exe" in catalog.paths
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
