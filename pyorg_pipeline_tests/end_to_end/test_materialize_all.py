"""The button "Materialize all" of the lineage page, under a real daemon."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pyorg_pipeline.demo.replica.server import Replica
from pyorg_pipeline_tests.support.dagster_ui import DagsterUI
from pyorg_pipeline_tests.support.small_site import DIRECTORIES, small_site

pytestmark = pytest.mark.automation

ASSETS = [
    *("release_directories", "release_artifacts", "artifact_digests"),
    *("artifact_catalog", "latest_version", "releases", "catalog_changes", "downloaded_artifacts"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Replica]:
    with Replica(small_site()) as replica:
        yield replica


def test_materialize_all_succeeds_for_every_asset_and_partition(
    ui: DagsterUI, site: Replica
) -> None:
    assert ui.materialize_all(ASSETS) == ("COMPLETED_SUCCESS", {"SUCCESS"})
    assert ui.states("release_artifacts") == dict.fromkeys(DIRECTORIES, "materialized")
    requested = sorted(request.path for request in site.requests)
    assert requested == sorted(["", *(f"{name}/" for name in DIRECTORIES)])
