"""Runs that the UI launched and whose process is killed, and runs that wait for their turn."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.command_line import PYORG, environment
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI, dagster_dev, free_port, wait_until
from pyorg_pipeline_tests.support.held_answers import PATIENCE, held_answer
from pyorg_pipeline_tests.support.processes import started
from pyorg_pipeline_tests.support.small_site import small_site

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9")

CRAWL = {"ops": {"release_artifacts": {"config": {"directories": ["3.14.0"]}}}}


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


def status(settings: Settings, run_id: str) -> str:
    with open_instance(settings.dagster_home) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        return str(run.status.value)


def process_of(settings: Settings, run_id: str) -> int:
    """The process that executes the steps of a run."""
    with open_instance(settings.dagster_home) as instance:
        messages = [entry.user_message for entry in instance.all_logs(run_id)]
    found = re.search(r"Executing steps in process \(pid: (\d+)\)", "\n".join(messages))
    assert found is not None, messages
    return int(found[1])


def test_a_launched_run_whose_process_is_killed_fails_within_seconds(
    ui: DagsterUI, settings: Settings, site: Replica
) -> None:
    with held_answer(site, "3.14.0/") as requested:
        run = ui.launch("crawl_directories", CRAWL)
        assert requested.wait(PATIENCE)
        os.kill(process_of(settings, run), signal.SIGKILL)
        wait_until(lambda: status(settings, run) == "FAILURE", "the run fails", seconds=60)


def test_a_second_run_that_writes_the_catalog_is_queued(
    ui: DagsterUI, settings: Settings, site: Replica
) -> None:
    with held_answer(site, "3.14.0/") as requested:
        first = ui.launch("crawl_directories", CRAWL)
        assert requested.wait(PATIENCE)
        second = ui.launch("publish", {})
        wait_until(lambda: blocked(settings, second), "the pool holds the second run back")
        assert status(settings, second) == "QUEUED"
    assert (ui.end_of(first), ui.end_of(second)) == ("SUCCESS", "SUCCESS")


def blocked(settings: Settings, run_id: str) -> bool:
    """Whether Dagster's daemon looked at a queued run since another one of its pool started."""
    with open_instance(settings.dagster_home) as instance:
        queued = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        return [run.run_id for run in queued] == [run_id]


def test_pyorg_ui_fails_the_runs_that_were_killed_with_it(site: Replica, tmp_path: Path) -> None:
    # A home of its own: the daemon of the module's UI would launch runs of the shared one.
    settings = load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path / "home")})
    refresh(settings)
    site.clear_requests()
    with (
        held_answer(site, "3.14.0/") as requested,
        dagster_dev(settings, tmp_path / "log") as first,
    ):
        run = first.launch("crawl_directories", CRAWL)
        assert requested.wait(PATIENCE)
        process = process_of(settings, run)
        first.kill()
        wait_until(lambda: not Path(f"/proc/{process}").exists(), "its processes have ended")
    assert status(settings, run) == "STARTED"
    variables = environment(settings.home, PYORG_SITE_URL=site.url, PYORG_AUTOMATION="0")
    command = [*PYORG, "ui", "--port", str(free_port())]
    with started(command, env=variables) as second:
        wait_until(lambda: status(settings, run) == "FAILURE", "the run is failed")
        second.terminate()
