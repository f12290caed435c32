"""The demonstration: fills a catalog from a replica of the site and shows what it answers."""

# ruff: noqa: T201  # the demonstration is what it prints

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

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
from pyorg_pipeline.reports.tables import ARTIFACTS, print_rows
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline.webserver import check_port, serve_ui

DEFAULT_HOME: Final = "pyorg-demo"

#: A file in the home with the URLs of the replicas that filled its catalog, a line each.
_REPLICAS: Final = ".replicas"


def run_demo(*, ui_port: int | None = None) -> int:
    """Fill the demonstration's catalog, print what it answers, and return an exit code.

    Args:
        ui_port: The port for Dagster's UI, which runs until it is stopped; None for no UI.

    Raises:
        InvalidArgumentError: the port is invalid or in use.
        SettingsError: PYORG_HOME holds a catalog that no demo has filled.
        PyorgError: The refresh failed.
    """
    # The environment's site and catalog are ignored.
    settings = load_settings(
        {
            "PYORG_HOME": os.environ.get("PYORG_HOME", "").strip()
            or str(Path(DEFAULT_HOME).absolute()),
            "PYORG_CONCURRENCY": os.environ.get("PYORG_CONCURRENCY", ""),
        }
    )
    if ui_port is not None:
        # Before the crawl, which takes some seconds.
        check_port(ui_port)
    previous = _previous_site(settings)
    replica = _started_replica(previous)
    try:
        settings = replace(settings, site_url=replica.url)
        print(
            f"This is a replica of python.org's download site, on this machine at {replica.url}: "
            "names, sizes and dates as recorded up to October 2026. Unknown sizes and dates, the "
            "contents of all files, and their signatures are made up: no signature is valid.\n",
            flush=True,  # the refresh takes some seconds
        )
        # At another port it is another site to the catalog.
        _record_replica(settings, replica)
        summary = refresh(settings, full=previous not in {None, replica.url})
        if summary.error is not None:
            raise summary.error
        print(f"{summary}\n")
        _print_queries(settings)
        if ui_port is None:
            return 0
        print(flush=True)
        return serve_ui(settings, ui_port)
    finally:
        replica.stop()


def _previous_site(settings: Settings) -> str | None:
    """The URL of the replica that filled the catalog; None if there is no catalog."""
    store = CatalogStore(open_location(settings.catalog_url))
    metadata = store.metadata_or_none(DIRECTORIES_FILE)
    if metadata is None:
        return None
    site = str(metadata["site_url"])
    record = settings.home / _REPLICAS
    if not (record.exists() and site in record.read_text().split()):
        raise SettingsError(
            "PYORG_HOME",
            str(settings.home),
            f"it holds a catalog of {site}, which the demo does not overwrite; "
            "unset it, or use an empty folder",
        )
    return site


def _record_replica(settings: Settings, replica: Replica) -> None:
    """Note the replica before the refresh, which may be interrupted when it has replaced tables."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with (settings.home / _REPLICAS).open("a") as record:
            record.write(f"{replica.url}\n")
    except OSError as error:
        reason = f"it cannot be written ({error.strerror}); use another folder"
        raise SettingsError("PYORG_HOME", str(settings.home), reason) from error


def _started_replica(previous: str | None) -> Replica:
    """A running replica, at the previous one's port if that is free."""
    replica = Replica(port=(previous and urlsplit(previous).port) or 0)
    try:
        replica.start()
    except OSError:
        replica = Replica()
        replica.start()
    return replica


def _print_queries(settings: Settings) -> None:
    class Demo(PythonOrgDownloads):
        # Not that of the environment.
        BASE_URL = settings.site_url
        CATALOG_URL = settings.catalog_url

    latest = Demo.latest_version()
    print(f"The latest final release is {latest.text}:\n")
    print_rows(ARTIFACTS, Demo.list_version_artifacts(*latest))
    folder = Path(settings.catalog_url)
    print("\nThe tables are Parquet files, for DuckDB, Polars, pandas and others:\n")
    for name in (DIRECTORIES_FILE, f"{ARTIFACTS_FOLDER}/*.parquet", CATALOG_FILE, LATEST_FILE):
        print(f"  {folder / name}")
    home, program = shlex.quote(str(settings.home)), _program()
    print("\nMore queries, and Dagster's UI with the replica behind it:\n")
    for command in ("info", "latest 3.12", "list 3.14", "demo --ui"):
        print(f"  PYORG_HOME={home} {program} {command}")
    print("\nDownloads from the replica, in another terminal while that runs:\n")
    print(f"  PYORG_HOME={home} {program} download 3.14")


def _program() -> str:
    """Return what starts `pyorg` in the user's shell."""
    script = shutil.which("pyorg", path=str(Path(sys.executable).parent))
    if script is None:
        return f"{shlex.quote(sys.executable)} -m pyorg_pipeline.cli"
    path, on_path, here = Path(script), shutil.which("pyorg"), Path.cwd()
    if on_path is not None and path.samefile(on_path):
        return "pyorg"
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
