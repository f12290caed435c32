"""The install manager's files: listed on request, and never a release."""

from __future__ import annotations

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.small_site import LONG_AGO

FILES = {
    "index-windows-legacy.json": None,
    "index-windows.json": None,
    "index-windows.json.cat": None,
    "pymanager/pymanager.appinstaller": None,
    "pymanager/python-manager-25.0.msi": "25.0",
    "pymanager/python-manager-25.0b10.msix": "25.0b10",
    "pymanager/python-manager-26.1.1.msi": "26.1.1",
}


def test_the_files_of_the_install_manager_are_listed_on_request(
    settings: Settings, site: Replica
) -> None:
    for path in FILES:
        site.add(path, size=7, last_modified=LONG_AGO)
    site.add("index.html", size=7)
    site.add("pymanager/old/x.msi", size=7)
    store = CatalogStore(open_location(settings.catalog_url))
    first = refresh(settings)
    assert (first.install_manager, store.rows("install_manager.parquet")) == (None, [])
    site.clear_requests()
    done = refresh(settings, install_manager=True)
    assert [request.path for request in site.requests] == ["", "", "pymanager/"]
    assert (done.install_manager, done.requests, done.error) == (7, 3, None)
    assert "install manager  7 files" in str(done)
    table, metadata = store.read("install_manager.parquet")
    assert table.schema.remove_metadata() == schemas.INSTALL_MANAGER.remove_metadata()
    assert table.to_pylist() == [
        {
            "path": path,
            "name": path.rpartition("/")[2],
            "version": version,
            "size": 7,
            "last_modified": LONG_AGO,
        }
        for path, version in FILES.items()
    ]
    assert metadata["site_url"] == site.url
    assert not {row["path"] for row in store.rows(CATALOG_FILE)} & FILES.keys()
    assert (done.latest_final, done.latest) == (first.latest_final, first.latest)


def test_a_site_without_the_install_manager_has_an_empty_table_and_an_error_is_a_failure(
    settings: Settings, site: Replica
) -> None:
    done = refresh(settings, install_manager=True)
    assert (done.install_manager, done.error) == (0, None)
    site.answer("pymanager/", Answer(status=403))
    done = refresh(settings, install_manager=True)
    [(directory, reason)] = done.failures.items()
    assert directory == "pymanager"
    assert reason.startswith(f"{site.url}pymanager/: forbidden (403)")
    assert (done.install_manager, done.latest_final) == (None, "3.14.0")
    assert "could not read 1 directory: pymanager" in str(done.error)
