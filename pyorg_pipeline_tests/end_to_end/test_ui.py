"""The Dagster UI on a refreshed catalog: `dagster dev`, webserver and daemon, as users run it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyorg_pipeline.catalog.location import LocalLocation
from pyorg_pipeline.catalog.store import CatalogStore, directory_file
from pyorg_pipeline.demo.replica.server import Answer, Replica
from pyorg_pipeline.settings import Settings
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, small_site

ASSET = "release_artifacts"
ALL_MATERIALIZED = dict.fromkeys(DIRECTORIES, "materialized")


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


def crawled(settings: Settings) -> dict[str, object]:
    store = CatalogStore(LocalLocation(Path(settings.catalog_url)))
    return {name: store.metadata(directory_file(name))["crawled_at"] for name in DIRECTORIES}


def test_the_ui_shows_what_a_refresh_on_the_command_line_did(
    ui: DagsterUI, settings: Settings
) -> None:
    assert ui.states(ASSET) == ALL_MATERIALIZED
    runs = ui.ask("{ runsOrError { ... on Runs { results { jobName status } } } }")
    shown = [(run["jobName"], run["status"]) for run in runs["runsOrError"]["results"]]
    assert shown[-3:] == [
        ("publish", "SUCCESS"),
        ("crawl_directories", "SUCCESS"),
        ("read_root", "SUCCESS"),
    ]
    assert settings.catalog_url


def test_one_partition_can_be_materialised(
    ui: DagsterUI, site: Replica, settings: Settings
) -> None:
    before = crawled(settings)
    assert ui.materialise(ASSET, partition="3.14.0") == "SUCCESS"
    assert [request.path for request in site.requests] == ["3.14.0/"]
    after = crawled(settings)
    assert [name for name in DIRECTORIES if after[name] != before[name]] == ["3.14.0"]


def test_several_partitions_can_be_materialised_by_a_backfill(ui: DagsterUI, site: Replica) -> None:
    assert ui.backfill(ASSET, ["3.13.9", "3.14.0"]) == "COMPLETED_SUCCESS"
    assert sorted(request.path for request in site.requests) == ["3.13.9/", "3.14.0/"]


def test_when_some_of_all_partitions_fail_the_states_say_which(
    ui: DagsterUI, site: Replica
) -> None:
    site.answer("3.13.9/", Answer(status=403))
    everything = {
        "asset_partition_range_start": DIRECTORIES[0],
        "asset_partition_range_end": DIRECTORIES[-1],
    }
    assert ui.materialise(ASSET, **everything) == "FAILURE"
    assert len(site.requests) == len(DIRECTORIES)
    assert ui.states(ASSET) == {**ALL_MATERIALIZED, "3.13.9": "failed"}
    site.clear_answers()
    assert ui.materialise(ASSET, **everything) == "SUCCESS"
    assert ui.states(ASSET) == ALL_MATERIALIZED


def test_the_catalog_and_the_latest_versions_can_be_published(ui: DagsterUI) -> None:
    assert ui.materialise("artifact_catalog") == "SUCCESS"
    assert ui.materialise("latest_version") == "SUCCESS"
