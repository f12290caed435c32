"""Refreshes of a small site that are killed before one of their writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pyorg_pipeline.catalog.changes import MOST_FILES
from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CatalogStore
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.refresh.changes import record_changes
from pyorg_pipeline.refresh.directories import update_directories
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.refresh.test_changes import TGZ, changes, files
from pyorg_pipeline_tests.support.filling import Catalog, publication_due, publish, publish_catalog


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
            assert not publication_due(again.store)
        if killed == steps:
            break
    # The root and a removed directory, three crawls, the index of their metadata, three published
    # tables, and the changes.
    assert killed == 10


def test_files_of_a_removed_directory_vanish_although_a_kill_came_before(
    site: Replica, catalog: Catalog
) -> None:
    site.remove("2.7/")
    dying = CatalogStore(Dying(Path(catalog.store.location.text), 1))
    with pytest.raises(KilledError):
        update_directories(dying, catalog.client)
    publish(catalog.store)
    assert changes(catalog) == []
    catalog.update()
    assert publication_due(catalog.store)
    publish(catalog.store)
    assert [change for change, *_ in changes(catalog)] == ["vanished", "vanished"]


def test_changes_stay_due_when_a_kill_comes_before_they_are_recorded(
    site: Replica, catalog: Catalog
) -> None:
    site.add("3.14.0/a.txt", size=1)
    # The root, a directory, the index of metadata, and three published tables.
    dying = CatalogStore(Dying(Path(catalog.store.location.text), 6))
    with pytest.raises(KilledError):
        Catalog(dying, catalog.client).refresh()
    assert changes(catalog) == []
    assert publication_due(catalog.store)
    record_changes(catalog.store)
    assert changes(catalog) == [("appeared", "3.14.0/a.txt", None, 1)]
    assert not publication_due(catalog.store)


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
