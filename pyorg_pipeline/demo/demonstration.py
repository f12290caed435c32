"""The demonstration: a replica of the site, a catalog of its own, and what can be asked of it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pyorg_pipeline.attended import attended_refresh
from pyorg_pipeline.catalog.location import open_location
from pyorg_pipeline.catalog.store import (
    ARTIFACTS_FOLDER,
    CATALOG_FILE,
    DIRECTORIES_FILE,
    LATEST_FILE,
    CatalogStore,
)
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.errors import SettingsError
from pyorg_pipeline.facade import PythonOrgDownloads
from pyorg_pipeline.reports import print_artifacts
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline.webserver import HOST, serve_ui

DEFAULT_HOME: Final = "pyorg-demo"


def run_demo(*, ui_port: int | None = None) -> int:
    """Fill the demonstration's catalog from a replica and print what it answers; an exit code.

    Args:
        ui_port: where to open Dagster's UI on it, with the replica serving until that ends; None
            for no UI.

    Raises:
        SettingsError: the home holds a catalog of another site than a replica.
        PyorgError: the refresh failed.
    """
    home = os.environ.get("PYORG_HOME", "").strip() or DEFAULT_HOME
    recorded = _recorded_site(_settings(home, "http://127.0.0.1/"))
    with _replica(recorded) as replica:
        settings = _settings(home, replica.url)
        _say(
            f"This is a replica of python.org's download site, on this machine at {replica.url}: "
            "the names, sizes and dates on record up to October 2026. What is not on record, and "
            "every byte of the files, is made up.\n"
        )
        # Elsewhere than before it is another site to the catalog, and that takes a full refresh.
        summary = attended_refresh(settings, full=recorded not in {None, replica.url})
        if summary.error is not None:
            raise summary.error
        _say(f"{summary}\n")
        _show(settings)
        if ui_port is None:
            return 0
        _say("")
        return serve_ui(settings, ui_port)


def _settings(home: str, site_url: str) -> Settings:
    """The demonstration's own, whatever else the environment says of sites and catalogs."""
    concurrency = os.environ.get("PYORG_CONCURRENCY", "")
    return load_settings(
        {"PYORG_HOME": home, "PYORG_SITE_URL": site_url, "PYORG_CONCURRENCY": concurrency}
    )


def _recorded_site(settings: Settings) -> str | None:
    """The replica that filled the catalog; None where it was never filled.

    Raises:
        SettingsError: another site filled it.
    """
    store = CatalogStore(open_location(settings.catalog_url))
    facts = store.facts_or_none(DIRECTORIES_FILE)
    if facts is None:
        return None
    site = str(facts["site_url"])
    if urlsplit(site).hostname != HOST:
        raise SettingsError(
            "PYORG_HOME",
            str(settings.home),
            f"it holds a catalog of {site}, which the demo does not overwrite; "
            "unset it, or name an empty folder",
        )
    return site


@contextmanager
def _replica(recorded: str | None) -> Iterator[Replica]:
    """A replica that serves, under the recorded URL if that can be had."""
    replica = Replica(port=(recorded and urlsplit(recorded).port) or 0)
    try:
        replica.start()
    except OSError:
        replica = Replica()
        replica.start()
    try:
        yield replica
    finally:
        replica.stop()


def _show(settings: Settings) -> None:
    class Demo(PythonOrgDownloads):
        CATALOG_URL = settings.catalog_url

    latest = Demo.latest_version()
    _say(f"The latest final release is {latest.text}:\n")
    print_artifacts(Demo.list_version_artifacts(*latest))
    folder = Path(settings.catalog_url)
    _say("\nThe tables are Parquet, for DuckDB, Polars, pandas and whatever else reads it:\n")
    for name in (DIRECTORIES_FILE, f"{ARTIFACTS_FOLDER}/*.parquet", CATALOG_FILE, LATEST_FILE):
        _say(f"  {folder / name}")
    home = shlex.quote(str(settings.home))
    _say("\nAsk it more, or look at it in Dagster's UI with the replica at work behind it:\n")
    for command in (
        "PythonOrgDownloads catalog_info",
        "PythonOrgDownloads latest_version --series 3.12",
        "PythonOrgDownloads report_version_artifacts 3 14",
        "demo --ui",
    ):
        _say(f"  PYORG_HOME={home} pyorg {command}")


def _say(text: str) -> None:
    # At once: whoever waits for the refresh reads already.
    print(text, flush=True)  # noqa: T201
