"""The catalog follows the site without help, under a real daemon.

Cron ticks once a minute at most. The test waits for two ticks, one of them after a kill; between
these it launches the job of the schedule, as a user of the UI can. `pytest -m automation` runs it.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CATALOG_FILE, CatalogStore
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.refresh.artifacts import read_failures
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.command_line import PYORG, environment
from pyorg_pipeline_tests.support.dagster_ui import dagster_dev, free_port, wait_until
from pyorg_pipeline_tests.support.held_answers import TIMEOUT, held_answer
from pyorg_pipeline_tests.support.processes import started
from pyorg_pipeline_tests.support.small_site import small_site

pytestmark = [
    pytest.mark.automation,
    pytest.mark.timeout(900),
    pytest.mark.skipif(os.name != "posix", reason="kill -9"),
]

#: Every minute, and looked at as often as Dagster's daemon does.
SPED_UP = {"PYORG_AUTOMATION": "1", "PYORG_REFRESH_CRON": "* * * * *", "PYORG_LOOK_EVERY": "2"}
SOURCE = "3.14.1/Python-3.14.1.tgz"
INSTALLER = "3.14.1/python-3.14.1-amd64.exe"
SIGNATURE = f"{SOURCE}.sigstore"
REPLACED = "3.13.9/Python-3.13.9.tgz"
UNAVAILABLE = "3.15.0/python-3.15.0a1-amd64.exe"


class Observer:
    """Reads the catalog of a home, and the runs on it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = CatalogStore(LocalLocation(Path(settings.catalog_url)))

    def files(self) -> dict[str, tuple[int, list[str]]]:
        """Each path with its size and companions."""
        rows = self._store.rows(CATALOG_FILE)
        return {row["path"]: (row["size"], row["companions"]) for row in rows}

    def failures(self) -> dict[str, int]:
        return {name: one.attempts for name, one in read_failures(self._store).items()}

    def runs(self, job: str) -> list[dg.DagsterRunStatus]:
        """Newest first."""
        with open_instance(self._settings.dagster_home) as instance:
            return [run.status for run in instance.get_runs(dg.RunsFilter(job_name=job))]


def test_the_catalog_follows_the_site_through_failures_and_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Replica(small_site()) as site:
        settings = load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(home)})
        catalog = Observer(settings)
        with dagster_dev(settings, tmp_path / "first.log", **SPED_UP) as ui:
            wait_until(lambda: len(catalog.files()) == 10, "an empty home is filled")

            # The root is forbidden for a while.
            before = catalog.files()
            site.answer("", Answer(status=403))
            assert ui.end_of(ui.launch("read_root", {})) == "FAILURE"
            assert catalog.files() == before
            site.clear_answers()

            # A release appears, a file is replaced, and a directory fails.
            site.add(SOURCE, size=30_000_000)
            site.replace(REPLACED, size=29_000_001)
            site.add(UNAVAILABLE, size=5)
            site.answer("3.15.0/", Answer(status=503))
            wait_until(lambda: SOURCE in catalog.files(), "the release's sources are there")
            wait_until(lambda: catalog.failures() == {"3.15.0": 1}, "the failure is recorded")
            wait_until(lambda: catalog.files()[REPLACED][0] == 29_000_001, "the file is replaced")
            assert UNAVAILABLE not in catalog.files()
            assert "3.15.0/Python-3.15.0a1.tgz" in catalog.files()

            # An installer and a signature come, the directory answers again, another one vanishes,
            # and everything is killed while they are crawled.
            before = catalog.files()
            site.clear_answers()
            with held_answer(site, "3.14.1/") as requested:
                site.add(INSTALLER, size=28_000_000)
                site.add(SIGNATURE, size=5_000)
                site.remove("2.7/")
                ui.launch("read_root", {})
                assert requested.wait(TIMEOUT), "the release is crawled"
                ui.kill()
        assert catalog.files() == before
        assert catalog.runs("crawl_directories")[0] is dg.DagsterRunStatus.STARTED
        variables = environment(home, PYORG_SITE_URL=site.url, **SPED_UP)
        with started([*PYORG, "ui", "--port", str(free_port())], env=variables) as again:
            wait_until(lambda: INSTALLER in catalog.files(), "the release's installer is there")
            wait_until(lambda: catalog.files()[SOURCE][1] == [".sigstore"], "it is signed")
            wait_until(lambda: UNAVAILABLE in catalog.files(), "the failed directory is read")
            wait_until(lambda: "2.7/Python-2.7.tgz" not in catalog.files(), "2.7 is gone")
            assert catalog.failures() == {}
            runs = catalog.runs("crawl_directories")
            assert dg.DagsterRunStatus.FAILURE in runs
            assert dg.DagsterRunStatus.STARTED not in runs
            again.terminate()
