"""Downloads launched, terminated and re-executed in the Dagster UI; digests materialised there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pyorg_pipeline.defs.instance import open_instance
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI, wait_until
from pyorg_pipeline_tests.support.downloading import (
    CONTENTS,
    PATHS,
    halfway,
    select,
    site_with_digests,
)

NEWEST = [PATHS[1], PATHS[2], PATHS[4]]
FINAL = PATHS[4]
JOB = "download_artifacts"


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with site_with_digests() as replica:
        yield replica


def contents(paths: list[str]) -> dict[str, bytes]:
    return {path.rpartition("/")[2]: CONTENTS[path] for path in paths}


def visible(folder: Path) -> dict[str, bytes]:
    """What lies in a folder under names that are not hidden."""
    return {file.name: file.read_bytes() for file in folder.glob("[!.]*")}


def asked(site: Replica) -> list[str]:
    """The artifacts that were asked for."""
    return sorted(request.path for request in site.requests if request.path in PATHS)


def test_a_reexecution_downloads_what_a_failed_run_did_not(
    ui: DagsterUI, site: Replica, settings: Settings, tmp_path: Path
) -> None:
    site.answer(FINAL, Answer(status=403))
    failed = ui.launch(JOB, select(destination=str(tmp_path)))
    assert ui.end_of(failed) == "FAILURE"
    assert visible(tmp_path) == contents(NEWEST[:2])
    assert asked(site) == sorted(NEWEST)
    site.clear_answers()
    site.clear_requests()
    again = ui.reexecute(failed)
    assert ui.end_of(again) == "SUCCESS"
    assert visible(tmp_path) == contents(NEWEST)
    assert asked(site) == [FINAL]
    with open_instance(settings.dagster_home) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("downloaded_artifacts"))
    assert event is not None
    assert event.run_id == again


def test_a_run_that_is_terminated_leaves_no_half_file(
    ui: DagsterUI, site: Replica, tmp_path: Path
) -> None:
    go_on = threading.Event()
    site.answer(FINAL, halfway(go_on))
    try:
        run = ui.launch(JOB, select(destination=str(tmp_path)))
        wait_until(
            lambda: len(visible(tmp_path)) == 2 and FINAL in asked(site), "the last one begins"
        )
        ui.terminate(run)
        assert ui.end_of(run) == "CANCELED"
    finally:
        go_on.set()
    assert visible(tmp_path) == contents(NEWEST[:2])


def test_digests_are_materialised_for_all_partitions(ui: DagsterUI, site: Replica) -> None:
    tags = {"asset_partition_range_start": "3.4.0", "asset_partition_range_end": "3.6.0"}
    assert ui.materialise("artifact_digests", **tags) == "SUCCESS"
    assert sorted(request.path for request in site.requests) == sorted(
        f"{path}.sigstore" for path in PATHS
    )
    assert set(ui.states("artifact_digests").values()) == {"materialized"}
