"""The Dagster UI on a refreshed catalog: `dagster dev`, webserver and daemon, as users run it."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CatalogStore, directory_file
from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.runs import refresh
from pyorg_pipeline.settings import Settings, load_settings
from pyorg_pipeline_tests.support.command_line import PYORG, environment
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI, dagster_dev, free_port, wait_until
from pyorg_pipeline_tests.support.downloading import halfway, select
from pyorg_pipeline_tests.support.filling import fill
from pyorg_pipeline_tests.support.held_answers import TIMEOUT, held_answer
from pyorg_pipeline_tests.support.processes import started
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, FILES, small_site

POSIX = pytest.mark.skipif(os.name != "posix", reason="kill -9")
ASSET = "release_artifacts"
CRAWL = {"ops": {"release_artifacts": {"config": {"directories": ["3.14.0"]}}}}
ALL_MATERIALIZED = dict.fromkeys(DIRECTORIES, "materialized")

_UNSYNCED = """
query Unsynced($asset: AssetKeyInput!, $partition: String!) {
  assetNodes(assetKeys: [$asset]) { staleStatus(partition: $partition) }
}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


def crawled(settings: Settings) -> dict[str, object]:
    store = CatalogStore(LocalLocation(Path(settings.catalog_url)))
    return {name: store.metadata(directory_file(name))["crawled_at"] for name in DIRECTORIES}


def status(settings: Settings, run_id: str) -> str:
    with open_instance(settings.dagster_home) as instance:
        run = instance.get_run_by_id(run_id)
        assert run is not None
        return str(run.status.value)


def process_of(settings: Settings, run_id: str) -> int:
    with open_instance(settings.dagster_home) as instance:
        messages = [entry.user_message for entry in instance.all_logs(run_id)]
    found = re.search(r"Executing steps in process \(pid: (\d+)\)", "\n".join(messages))
    assert found is not None, messages
    return int(found[1])


def blocked(settings: Settings, run_id: str) -> bool:
    """Whether Dagster's daemon looked at a queued run since another one of its pool started."""
    with open_instance(settings.dagster_home) as instance:
        queued = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        return [run.run_id for run in queued] == [run_id]


def test_a_backfill_crawls_the_selected_partitions(
    ui: DagsterUI, site: Replica, settings: Settings
) -> None:
    before = crawled(settings)
    assert ui.backfill(ASSET, ["3.13.9", "3.14.0"]) == "SUCCESS"
    assert sorted(request.path for request in site.requests) == ["3.13.9/", "3.14.0/"]
    after = crawled(settings)
    assert [name for name in DIRECTORIES if after[name] != before[name]] == ["3.13.9", "3.14.0"]
    refresh(settings)
    # Not unsynced because the root listing was read since.
    [node] = ui.ask(_UNSYNCED, asset={"path": [ASSET]}, partition="3.14.0")["assetNodes"]
    assert node == {"staleStatus": "FRESH"}


def test_the_ui_shows_refreshes_of_the_command_line_and_which_partitions_failed(
    ui: DagsterUI, site: Replica, settings: Settings
) -> None:
    assert ui.states(ASSET) == ALL_MATERIALIZED
    runs = ui.ask("{ runsOrError { ... on Runs { results { jobName status } } } }")
    shown = [(run["jobName"], run["status"]) for run in runs["runsOrError"]["results"]]
    jobs = ("publish", "crawl_directories", "read_root")
    assert shown[-3:] == [(job, "SUCCESS") for job in jobs]
    site.answer("3.13.9/", Answer(status=403))
    everything = {
        "asset_partition_range_start": DIRECTORIES[0],
        "asset_partition_range_end": DIRECTORIES[-1],
    }
    assert ui.materialise(ASSET, **everything) == "FAILURE"
    assert len(site.requests) == len(DIRECTORIES)
    assert ui.states(ASSET) == {**ALL_MATERIALIZED, "3.13.9": "failed"}
    site.clear_answers()
    refresh(settings, full=True)
    assert ui.states(ASSET) == ALL_MATERIALIZED


@POSIX
def test_a_launched_run_whose_process_is_killed_fails_within_seconds(
    ui: DagsterUI, settings: Settings, site: Replica
) -> None:
    with held_answer(site, "3.14.0/") as requested:
        run = ui.launch("crawl_directories", CRAWL)
        assert requested.wait(TIMEOUT)
        os.kill(process_of(settings, run), signal.SIGKILL)
        wait_until(lambda: status(settings, run) == "FAILURE", "the run fails", seconds=60)


def test_a_second_run_that_writes_the_catalog_is_queued(
    ui: DagsterUI, settings: Settings, site: Replica
) -> None:
    with held_answer(site, "3.14.0/") as requested:
        first = ui.launch("crawl_directories", CRAWL)
        assert requested.wait(TIMEOUT)
        second = ui.launch("publish", {})
        wait_until(lambda: blocked(settings, second), "the pool holds the second run back")
        assert status(settings, second) == "QUEUED"
    assert (ui.end_of(first), ui.end_of(second)) == ("SUCCESS", "SUCCESS")


def test_a_terminated_download_leaves_no_partial_file_and_its_reexecution_fetches_the_rest(
    ui: DagsterUI, site: Replica, tmp_path: Path
) -> None:
    paths = ["3.13.9/Python-3.13.9.tar.xz", "3.14.0/Python-3.14.0.tar.xz"]
    go_on = threading.Event()
    site.answer(paths[1], halfway(go_on))

    def downloaded() -> dict[str, int]:
        return {file.name: file.stat().st_size for file in tmp_path.glob("[!.]*")}

    def requested() -> list[str]:
        return [request.path for request in site.requests]

    run = ui.launch("download_artifacts", select(destination=str(tmp_path), verify=False))
    wait_until(lambda: len(downloaded()) == 1 and paths[1] in requested(), "the last one begins")
    ui.terminate(run)
    assert ui.end_of(run) == "CANCELED"
    go_on.set()
    assert downloaded() == {"Python-3.13.9.tar.xz": FILES[paths[0]]}
    site.clear_answers()
    site.clear_requests()
    assert ui.end_of(ui.reexecute(run)) == "SUCCESS"
    assert downloaded() == {path.rpartition("/")[2]: FILES[path] for path in paths}
    assert requested() == paths[1:]


@POSIX
def test_pyorg_ui_fails_the_runs_that_were_killed_with_it(site: Replica, tmp_path: Path) -> None:
    # A home of its own: the daemon of the module's UI would launch runs of the shared one.
    settings = load_settings({"PYORG_SITE_URL": site.url, "PYORG_HOME": str(tmp_path / "home")})
    fill(settings.catalog_url, site.url)
    site.clear_requests()
    with (
        held_answer(site, "3.14.0/") as requested,
        dagster_dev(settings, tmp_path / "log") as first,
    ):
        run = first.launch("crawl_directories", CRAWL)
        assert requested.wait(TIMEOUT)
        process = process_of(settings, run)
        first.kill()
        wait_until(lambda: not Path(f"/proc/{process}").exists(), "its processes have ended")
    assert status(settings, run) == "STARTED"
    variables = environment(settings.home, PYORG_SITE_URL=site.url, PYORG_AUTOMATION="0")
    command = [*PYORG, "ui", "--port", str(free_port())]
    with started(command, env=variables) as second:
        wait_until(lambda: status(settings, run) == "FAILURE", "the run is failed")
        second.terminate()
