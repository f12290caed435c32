"""Runs of commands whose process was killed: when they are reported as failed, and when not."""

from __future__ import annotations

import sys
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline import webserver
from pyorg_pipeline.catalog.location import TEMPORARY_PREFIX, open_location
from pyorg_pipeline.definitions import build_definitions
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.defs.maintenance import fail_abandoned_runs, refresh_command_tags
from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.dagster_ui import free_port
from pyorg_pipeline_tests.support.held_answers import held_refresh
from pyorg_pipeline_tests.support.partitions import partition_states
from pyorg_pipeline_tests.support.small_site import DIRECTORIES

STARTED, SUCCESS = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS
FAILURE = dg.DagsterRunStatus.FAILURE


def crawls(settings: Settings) -> list[dg.DagsterRunStatus]:
    """The states of the crawls, newest first."""
    with open_instance(settings.dagster_home) as instance:
        return [
            run.status for run in instance.get_runs(dg.RunsFilter(job_name="crawl_directories"))
        ]


def test_the_next_refresh_does_what_a_killed_one_left_and_fails_its_run(
    settings: Settings, site: Replica
) -> None:
    with held_refresh(site, settings) as process:
        process.kill()
    assert crawls(settings) == [STARTED]
    rest = Path(settings.catalog_url) / f"{TEMPORARY_PREFIX}rest"
    rest.write_bytes(b"half")
    assert refresh(settings).artifacts == 8
    assert not rest.exists()
    assert crawls(settings) == [SUCCESS, FAILURE]
    assert partition_states(settings) == dict.fromkeys(DIRECTORIES, "MATERIALIZED")


def test_the_run_of_a_killed_refresh_fails_when_a_launched_step_takes_the_lock(
    settings: Settings, site: Replica
) -> None:
    with held_refresh(site, settings) as process:
        process.kill()
    with open_instance(settings.dagster_home) as instance:
        job = build_definitions(settings).resolve_job_def("read_root")
        assert job.execute_in_process(instance=instance).success
    assert crawls(settings) == [FAILURE]


def test_starting_the_ui_fails_the_run_of_a_killed_refresh_and_of_no_live_one(
    settings: Settings, site: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_and_stop_the_ui() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "executable", "true")
            assert webserver.serve_ui(settings, free_port()) == 0

    with held_refresh(site, settings) as process:
        start_and_stop_the_ui()
        assert crawls(settings) == [STARTED]
        process.kill()
        process.wait()
        start_and_stop_the_ui()
    assert crawls(settings) == [FAILURE]


def test_the_refresh_of_another_catalog_or_machine_is_left_alone(settings: Settings) -> None:
    with open_instance(settings.dagster_home) as instance:
        job = build_definitions(settings).resolve_job_def("crawl_directories")
        catalog, other = map(open_location, (settings.catalog_url, str(settings.home / "other")))
        machine = {**refresh_command_tags(catalog), "pyorg/host": "another"}
        for tags in (refresh_command_tags(other), machine):
            instance.create_run_for_job(job, status=STARTED, tags=tags)
    refresh(settings)
    assert crawls(settings) == [SUCCESS, STARTED, STARTED]


def test_launched_runs_left_in_progress_are_failed_and_those_of_commands_are_not(
    settings: Settings,
) -> None:
    with open_instance(settings.dagster_home) as instance:
        job = build_definitions(settings).resolve_job_def("publish")
        launched = instance.create_run_for_job(job, status=STARTED)
        download = instance.create_run_for_job(
            job, status=STARTED, tags={"pyorg/command": "download"}
        )
        fail_abandoned_runs(instance)
        states = {run.run_id: run.status for run in instance.get_runs()}
    assert states == {launched.run_id: FAILURE, download.run_id: STARTED}
