"""Downloads launched, terminated and re-executed in the Dagster UI; digests materialised there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline_tests.support.dagster_ui import PATIENCE, DagsterUI
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

_MATERIALISATIONS = """
query Materialisations($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      isMaterializable
      description
      assetMaterializations(limit: 1) {
        runId
        metadataEntries { label ... on IntMetadataEntry { intValue } }
      }
    }
  }
}
"""


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


def recorded(ui: DagsterUI) -> tuple[str, dict[str, Any]]:
    """The run and the numbers of the newest materialisation of downloaded_artifacts."""
    node = ui.ask(_MATERIALISATIONS, key={"path": ["downloaded_artifacts"]})["assetNodeOrError"]
    assert not node["isMaterializable"]
    assert "a report a run" in node["description"]
    [newest] = node["assetMaterializations"]
    entries = newest["metadataEntries"]
    return newest["runId"], {
        entry["label"]: entry["intValue"] for entry in entries if "intValue" in entry
    }


def test_a_download_from_the_launchpad_that_fails_is_made_up_for_by_its_reexecution(
    ui: DagsterUI, site: Replica, tmp_path: Path
) -> None:
    site.answer(FINAL, Answer(status=403))
    failed = ui.launch(JOB, select(destination=str(tmp_path)))
    assert ui.end_of(failed) == "FAILURE"
    assert visible(tmp_path) == contents(NEWEST[:2])
    assert asked(site) == sorted(NEWEST)
    told_by, numbers = recorded(ui)
    assert told_by == failed
    assert (numbers["fetched"], numbers["skipped"], numbers["failed"]) == (2, 0, 1)
    site.clear_answers()
    site.clear_requests()
    again = ui.reexecute(failed)
    assert ui.end_of(again) == "SUCCESS"
    assert visible(tmp_path) == contents(NEWEST)
    assert asked(site) == [FINAL]
    told_by, numbers = recorded(ui)
    assert told_by == again
    assert (numbers["fetched"], numbers["skipped"], numbers["failed"]) == (1, 2, 0)


def test_a_run_that_is_terminated_leaves_no_half_file(
    ui: DagsterUI, site: Replica, tmp_path: Path
) -> None:
    go_on = threading.Event()
    site.answer(FINAL, halfway(go_on))
    try:
        run = ui.launch(JOB, select(destination=str(tmp_path)))
        deadline = time.monotonic() + PATIENCE
        while len(visible(tmp_path)) < 2 or FINAL not in asked(site):
            assert time.monotonic() < deadline
            time.sleep(0.05)
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
