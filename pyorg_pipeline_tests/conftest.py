"""What tests of several packages share: sites, catalogs, and an environment without settings."""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline.site.client import SiteClient
from pyorg_pipeline_tests.support.s3_server import s3_server
from pyorg_pipeline_tests.support.small_site import small_site

#: Where Dagster runs, in processes or in the tests' own.
_LONG = ("/end_to_end/", "/defs/", "/test_runs", "/test_webserver", "/test_cli", "/demo/")


def pytest_configure() -> None:
    """Handle Ctrl-C, which a shell's background job and its children ignore."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Two workers for each core, at most eight: many tests wait for Dagster or a process."""
    # os.process_cpu_count came with Python 3.13.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(2 * (cores or 1), 8)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slowest files, which would otherwise run last and alone."""
    items.sort(key=lambda item: [part not in item.nodeid for part in _LONG])


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the user who runs the tests."""
    for name in [name for name in os.environ if name.startswith(("PYORG_", "DAGSTER_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def site() -> Iterator[Replica]:
    """A small site, which a test may change."""
    with Replica(small_site()) as replica:
        yield replica


@pytest.fixture
def connect() -> Iterator[Callable[..., SiteClient]]:
    """Make clients that repeat at once, twice, and are closed after the test."""
    clients: list[SiteClient] = []

    def connect(url: str, **settings: Any) -> SiteClient:
        clients.append(SiteClient(url, **{"backoff": 0, "retries": 2, **settings}))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def settings(site: Replica, tmp_path: Path) -> Settings:
    """The settings of an empty PYORG_HOME for the small site."""
    return load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path)})


@pytest.fixture(scope="session")
def catalog_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PYORG_HOME with the whole record, whose server has stopped; to be read only.

    Takes some seconds, once for all of pytest-xdist's workers: their folders have one parent.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    home = folder / "pyorg-home"
    with FileLock(folder / "pyorg-home.lock"):
        if not home.exists():
            with Replica() as site:
                settings = {"PYORG_HOME": f"{home}.part", "PYORG_SITE_URL": site.url}
                assert not refresh(load_settings(settings)).failures
            Path(f"{home}.part").rename(home)
    return home


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of a bucket on a real S3 server, for all tests of a session."""
    with s3_server() as url:
        yield url


@pytest.fixture
def s3_url(s3_bucket: str) -> str:
    """The URL of an empty prefix."""
    return f"{s3_bucket}/{secrets.token_hex(8)}"
