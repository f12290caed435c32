"""The install manager's files: listed on request, and never a release."""

from __future__ import annotations

from collections.abc import Callable

from pyorg_pipeline.catalog import schemas
from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.refresh.install_manager import install_manager_table
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings
from pyorg_pipeline.site.client import SiteClient
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


def test_the_packages_and_indexes_are_listed_with_two_requests(
    site: Replica, connect: Callable[..., SiteClient]
) -> None:
    with_none = install_manager_table(connect(site.url))
    assert (len(with_none.table), with_none.metadata["site_url"]) == (0, site.url)
    for path in (*FILES, "index.html", "pymanager/old/x.msi"):
        site.add(path, size=7, last_modified=LONG_AGO)
    site.clear_requests()
    found = install_manager_table(connect(site.url)).table
    assert [request.path for request in site.requests] == ["", "pymanager/"]
    assert found.schema == schemas.INSTALL_MANAGER
    assert found.to_pylist() == [
        {
            "path": path,
            "name": path.rpartition("/")[2],
            "version": version,
            "size": 7,
            "last_modified": LONG_AGO,
        }
        for path, version in FILES.items()
    ]


def test_a_refresh_lists_them_on_request_and_reports_an_error_at_the_end(
    settings: Settings, site: Replica
) -> None:
    for path in FILES:
        site.add(path, size=7, last_modified=LONG_AGO)
    store = CatalogStore(open_location(settings.catalog_url))
    done = refresh(settings, install_manager=True)
    assert (done.install_manager, done.error, done.latest_final) == (7, None, "3.14.0")
    assert "install manager  7 files" in str(done)
    assert {row["path"] for row in store.rows("install_manager.parquet")} == FILES.keys()
    assert not {row["path"] for row in store.rows(CATALOG_FILE)} & FILES.keys()
    site.answer("pymanager/", Answer(status=403))
    done = refresh(settings, install_manager=True)
    [(directory, reason)] = done.failures.items()
    assert directory == "pymanager"
    assert reason.startswith(f"{site.url}pymanager/: forbidden (403)")
    assert (done.install_manager, done.latest_final) == (None, "3.14.0")
    assert "could not read 1 directory: pymanager" in str(done.error)
